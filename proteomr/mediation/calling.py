"""`mediate` as a function of the library, and the request that both it and the command make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from proteomr.errors import UsageError
from proteomr.io import PeopleChoice, ProteinChoice, list_proteins
from proteomr.mediation.job import MediateJob
from proteomr.mediation.request import MediateRequest
from proteomr.mediation.specification import (
    Bootstrap,
    CompositeTest,
    MediationSpec,
    Method,
    OutcomeFamily,
)
from proteomr.runs import Results, Source, call_job
from proteomr.runs.request import Data
from proteomr.scan import FollowUp, FollowUpOptions
from proteomr.stats.transforms import Transform

__all__ = ["follow_outcomes", "make_request", "mediate"]


def mediate(
    samples: Data,
    proteins: Data | Sequence[Data] = (),
    *,
    method: Method,
    exposure: str | Sequence[str],
    outcome: str | FollowUp | Sequence[str | FollowUp] = (),
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    event_code: float | None = None,
    lag: float = 0.0,
    adjust: Mapping[str, str] | None = None,
    adjust_mediator: Mapping[str, str] | None = None,
    outcome_family: OutcomeFamily | None = None,
    interaction: bool = False,
    mediator_at: float | None = None,
    exposure_levels: tuple[float, float] | None = None,
    reference_level: str | None = None,
    transform: Transform = "rint",
    bootstrap: Bootstrap | None = None,
    bootstraps: int = 1000,
    seed: int = 1,
    level: float = 0.95,
    composite: CompositeTest = "hdmt",
    joint: bool = False,
    cluster: str | None = None,
    weights: str | None = None,
    protein_covariates: Mapping[str, Data] | None = None,
    assays: Data | None = None,
    withdrawn: Data | None = None,
    where: str | None = None,
    keep: Data | None = None,
    remove: Data | None = None,
    only_proteins: str | Sequence[str] = (),
    proteins_from: Data | None = None,
    where_rows: str | Sequence[str] = (),
    id_column: str | None = None,
    sample_columns: str | Sequence[str] = (),
    out: str | Path | None = None,
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Say how much of an effect of exposures on outcomes goes through each protein.

    Each protein has its own complete cases, over exposure, outcome, the covariates of both models,
    the protein and its own covariates; it is transformed within them.

    Parameters
    ----------
    samples, proteins : as of :func:`proteomr.associate`.
    method, exposure, adjust, adjust_mediator, outcome_family, interaction, mediator_at,
    exposure_levels, reference_level, transform, bootstrap, bootstraps, seed, level, composite,
    joint, cluster, weights : see :class:`MediationSpec`.
    outcome : columns of the samples; of outcomes that happen at a time those of their events, with
        the time in NAME_years, or columns by :class:`proteomr.scan.FollowUp`.
    time, event, entry : columns of one outcome that happens at a time, in place of `outcome`;
        `entry` also goes with outcomes that are named.
    event_code, lag : see :class:`proteomr.scan.FollowUpOptions`.
    protein_covariates : covariates with a column for each protein or panel, by name.
    assays, withdrawn, id_column, sample_columns : as the options of the command.
    where, keep, remove : who is analysed, see :class:`proteomr.io.PeopleChoice`.
    only_proteins, proteins_from, where_rows : which proteins, see
        :class:`proteomr.io.ProteinChoice`.
    out : run folder; None keeps the tables in memory.
    threads : blocks analysed at once; None for all processors.
    resume, overwrite : go on with, or replace, an earlier run in the folder.

    Returns
    -------
    Results with the tables ``mediation``, ``paths``, ``composite_null`` and ``attrition``.

    Raises
    ------
    UsageError, FormulaError, ColumnError, InputError
        What is named is not there, or cannot serve.

    Examples
    --------
    >>> import numpy as np
    >>> import polars as pl
    >>> generator, ids = np.random.default_rng(1), [f"{i:03d}" for i in range(300)]
    >>> lonely = np.arange(300) % 2
    >>> level = 0.8 * lonely + generator.normal(size=300)
    >>> people = pl.DataFrame({
    ...     "ID": ids, "lonely": lonely, "bmi": 0.6 * level + generator.normal(size=300)})
    >>> results = mediate(
    ...     people, pl.DataFrame({"ID": ids, "ADM": level}),
    ...     method="product", exposure="lonely", outcome="bmi")
    >>> table = results.table().filter(pl.col("quantity") == "indirect")
    >>> table.select(pl.col("estimate").round(2), pl.col("p_value") < 0.01).row(0)
    (0.62, True)
    """
    plain, of_times = _part_outcomes(method, _list_outcomes(outcome))
    spec = MediationSpec(
        method,
        _names(exposure),
        plain,
        follow_up=follow_outcomes(
            of_times, time=time, event=event, entry=entry, event_code=event_code, lag=lag
        ),
        adjust=dict(adjust) if adjust else {"unadjusted": "1"},
        adjust_mediator=dict(adjust_mediator or {}),
        transform=transform,
        outcome_family=outcome_family,
        interaction=interaction,
        mediator_at=mediator_at,
        exposure_levels=exposure_levels,
        reference_level=reference_level,
        bootstrap=bootstrap,
        bootstraps=bootstraps,
        seed=seed,
        level=level,
        composite=composite,
        joint=joint,
        cluster=cluster,
        weights=weights,
    )
    request = make_request(
        spec,
        samples,
        proteins,
        protein_covariates=protein_covariates,
        assays=assays,
        withdrawn=withdrawn,
        id_column=id_column,
        sample_columns=_names(sample_columns),
        people=PeopleChoice.of(where=where, keep=keep, remove=remove),
        chosen_proteins=ProteinChoice.of(only_proteins, listed=proteins_from, rows=where_rows),
    )
    return call_job(
        MediateJob(request), out=out, threads=threads, resume=resume, overwrite=overwrite
    )


def follow_outcomes(
    outcomes: Sequence[str | FollowUp],
    *,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    event_code: float | None = None,
    lag: float = 0.0,
) -> FollowUpOptions:
    """Return where outcomes that happen at a time stand among the columns of the samples.

    Raises
    ------
    UsageError
        A time without its event, outcomes named in both ways, or an entry beside an outcome whose
        columns are given.

    Examples
    --------
    >>> follow_outcomes(["death", FollowUp("stroke", "days")]).outcomes[1].time
    'days'
    """
    if (time is None) != (event is None):
        given, absent = ("--event", "--time") if time is None else ("--time", "--event")
        raise UsageError(f"{given} and {absent} go together: name both columns")
    if time is not None and event is not None:
        if outcomes:
            raise UsageError("--outcome NAME and --time NAME --event NAME: give one or the other")
        return FollowUpOptions((FollowUp(event, time, entry),), event_code=event_code, lag=lag)
    by_columns = [outcome.event for outcome in outcomes if isinstance(outcome, FollowUp)]
    if by_columns and entry is not None:
        raise UsageError(
            f"entry {entry!r} stands beside {by_columns[0]!r}, whose columns are given: name it "
            "there, FollowUp(event, time, entry)"
        )
    return FollowUpOptions(
        tuple(o if isinstance(o, FollowUp) else FollowUp.named(o, entry=entry) for o in outcomes),
        event_code=event_code,
        lag=lag,
    )


def make_request(
    spec: MediationSpec,
    samples: Data,
    proteins: Data | Sequence[Data] = (),
    *,
    protein_covariates: Mapping[str, Data] | None = None,
    assays: Data | None = None,
    withdrawn: Data | None = None,
    id_column: str | None = None,
    sample_columns: Sequence[str] = (),
    people: PeopleChoice | None = None,
    chosen_proteins: ProteinChoice | None = None,
) -> MediateRequest:
    """Return the request for paths or frames; a glob among the proteins is resolved.

    Raises
    ------
    InputError
        A glob of proteins names no file.
    """
    named = protein_covariates or {}
    return MediateRequest(
        spec,
        Source.of(samples, name="samples"),
        list_proteins(proteins),
        {name: Source.of(data, name=name) for name, data in named.items()},
        None if assays is None else Source.of(assays, name="assays"),
        Source.of_people(withdrawn, name="withdrawn"),
        id_column,
        tuple(sample_columns),
        people or PeopleChoice(),
        chosen_proteins,
    )


def _part_outcomes(
    method: Method, outcomes: tuple[str | FollowUp, ...]
) -> tuple[tuple[str, ...], tuple[str | FollowUp, ...]]:
    """Return the outcomes without a time and those that happen at one, as the method has them.

    An outcome whose columns are given happens at a time; a method of others refuses it by name.
    """
    if method in {"perm", "counterfactual"}:
        return (), outcomes
    plain = tuple(outcome for outcome in outcomes if isinstance(outcome, str))
    return plain, tuple(outcome for outcome in outcomes if isinstance(outcome, FollowUp))


def _list_outcomes(
    outcome: str | FollowUp | Sequence[str | FollowUp],
) -> tuple[str | FollowUp, ...]:
    return (outcome,) if isinstance(outcome, str | FollowUp) else tuple(outcome)


def _names(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
