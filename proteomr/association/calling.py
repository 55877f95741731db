"""`associate` as a function of the library, and the request that both it and the command make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from proteomr.association.asked import refuse_no_sets
from proteomr.association.job import AssociateJob
from proteomr.association.outcome_options import OutcomeOptions, label_file
from proteomr.association.outputs import ColumnStyle
from proteomr.association.request import AssociateRequest
from proteomr.association.specification import ModelSpec, TestFamily
from proteomr.errors import UsageError
from proteomr.execute import Threads, available_threads
from proteomr.io import PeopleChoice, ProteinChoice, list_proteins
from proteomr.io.genetics.dosages import PLINK_ENDINGS, is_plink
from proteomr.io.genetics.plink_files import prefix_of
from proteomr.models import (
    Ddf,
    FirthUse,
    Further,
    IvOptions,
    MixedOptions,
    ModerationKind,
    ModerationOptions,
    OrdinalOptions,
    OutcomeTransform,
    Permutations,
    WeightKind,
)
from proteomr.runs import Account, Output, Results, Source, run_job
from proteomr.runs.request import Data
from proteomr.stats.sandwich import ErrorKind
from proteomr.stats.transforms import Transform

__all__ = ["associate", "make_request"]


def associate(
    samples: Data,
    proteins: Data | Sequence[Data] = (),
    *,
    family: str,
    exposure: str | Sequence[str] = (),
    outcome: str | Sequence[str] = (),
    outcomes: Data | Mapping[str, Data] | None = None,
    outcome_covariates: Mapping[str, str] | str | None = None,
    outcome_transform: OutcomeTransform = "none",
    adjust: Mapping[str, str] | None = None,
    transform: Transform = "rint",
    interaction: str | None = None,
    strata: str | None = None,
    weights: str | None = None,
    cluster: str | None = None,
    weight_kind: WeightKind = "precision",
    absorb: str | Sequence[str] = (),
    errors: ErrorKind | None = None,
    firth: FirthUse | bool = False,
    tests: TestFamily = "joint",
    level: float = 0.95,
    reference_level: str | None = None,
    ordered: bool = False,
    iv: IvOptions | None = None,
    coefficients: bool = False,
    instruments_by_protein: Data | None = None,
    genotypes: Data | None = None,
    random: str | Sequence[str] = (),
    ddf: Ddf = "satterthwaite",
    kinship: Data | None = None,
    moderate: ModerationKind | None = None,
    block: str | None = None,
    contrast: str | Sequence[str] = (),
    ordinal: OrdinalOptions | None = None,
    further: Further | None = None,
    permutations: Permutations | None = None,
    effective_tests: bool = False,
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
    columns: ColumnStyle = "native",
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Fit every protein to every exposure or outcome under every adjustment set.

    With ``x`` an exposure, ``P`` a protein transformed within the complete cases of the fit and
    ``Z`` the covariates: linear ``P = b x + Z c + e``; logistic ``logit P(x = 1) = b P + Z c``;
    ordinal ``logit P(x > level) = b P + Z c - threshold``. An outcome ``y`` is the response of any:
    linear ``y = b P + Z c + e``. Each protein has its own complete cases, over target, covariates,
    the protein and its own covariates.

    Parameters
    ----------
    samples : path or frame, one row per person; or a store, for samples and proteins together.
    proteins : paths or frames, one column per protein, joined on the identifier; or a store.
    family : linear, logistic, multinomial, ordinal, iv or mixed.
    exposure, outcome : columns of the samples; the one or the other.
    outcomes : path or frame with a column for each outcome, or several by label; they join those
        that `outcome` names.
    outcome_covariates : terms that join every adjustment set for the outcomes of a file alone, of
        its own columns; by label where there are several.
    outcome_transform : of continuous outcomes, within the complete cases of each fit.
    adjust : adjustment sets by label, such as ``{"simple": "age + sex"}``; none without.
    transform, interaction, strata, weights, weight_kind, absorb, cluster, errors, firth, level : of
        the models.
    reference_level, ordered : of targets that have levels, see :class:`ModelSpec`.
    iv : instruments and their estimator, for the iv family.
    coefficients : also a table of all coefficients of every model.
    instruments_by_protein, genotypes : table of proteins and variants, instruments of each protein
        for itself, and their dosages, a path of PLINK's files, a table or a frame; without
        genotypes the variants are columns of the samples.
    random, ddf, kinship : random effects of the mixed family, see :class:`MixedOptions`; kinship is
        a table of pairs or a square matrix.
    moderate, block, contrast : empirical Bayes over the proteins, correlated blocks and contrasts
        of levels, see :class:`ModerationOptions`.
    ordinal : link, order of levels and tests of ordered levels.
    tests : what multiple testing spans in each adjustment set: all targets jointly, or each.
    further : tests and tables beside the estimates, see :class:`proteomr.models.Further`.
    permutations : of people, see :class:`proteomr.models.Permutations`.
    effective_tests : count the independent tests that the proteins amount to.
    protein_covariates : covariates with a column for each protein or panel, by name.
    assays, withdrawn, id_column : as the options of the command.
    where, keep, remove : who is analysed, see :class:`proteomr.io.PeopleChoice`.
    only_proteins, proteins_from, where_rows : which proteins are fitted, see
        :class:`proteomr.io.ProteinChoice`.
    sample_columns : columns of the protein files that are no proteins.
    out : run folder; None keeps the tables in memory.
    columns : native, or the names of the R package broom.
    threads : blocks fitted at once; None for all processors.
    resume, overwrite : go on with, or replace, an earlier run in the folder.

    Returns
    -------
    Results with the tables ``associations`` and ``summary``.

    Raises
    ------
    UsageError, FormulaError, ColumnError, InputError
        What is named is not there, or cannot serve.

    Examples
    --------
    >>> import numpy as np
    >>> import polars as pl
    >>> generator, ids = np.random.default_rng(1), [f"{i:03d}" for i in range(200)]
    >>> people = pl.DataFrame({
    ...     "ID": ids, "lonely": np.arange(200) % 2, "age": generator.normal(56, 8, 200)})
    >>> levels = pl.DataFrame({
    ...     "ID": ids, "ADM": generator.normal(size=200) + np.arange(200) % 2,
    ...     "REN": generator.normal(size=200)})
    >>> results = associate(
    ...     people, levels, family="logistic", exposure="lonely", adjust={"simple": "age"})
    >>> results.table().filter(pl.col("q_bh") < 0.05)["protein"].to_list()
    ['ADM']
    """
    refuse_no_sets({} if adjust is None else adjust)
    files = _label(outcomes)
    if isinstance(outcome_covariates, str):
        options = OutcomeOptions.read(
            list(files), [outcome_covariates], transform=outcome_transform
        )
    else:
        options = OutcomeOptions.of(list(files), outcome_covariates, transform=outcome_transform)
    spec = ModelSpec(
        family,
        _names(exposure),
        dict(adjust) if adjust else {"unadjusted": "1"},
        transform=transform,
        strata=strata,
        firth=firth,
        test_family=tests,
        interaction=interaction,
        errors=errors,
        cluster=cluster,
        weights=weights,
        weight_kind=weight_kind,
        absorb=_names(absorb),
        level=level,
        outcomes=_names(outcome),
        reference_level=reference_level,
        outcome_options=options,
        ordered=ordered,
        iv=_with_own(iv or IvOptions(), by_protein=instruments_by_protein is not None),
        coefficients=coefficients,
        mixed=MixedOptions(_names(random), ddf, kinship is not None),
        moderation=ModerationOptions(moderate, block, _names(contrast)),
        ordinal=ordinal or OrdinalOptions(),
        further=further or Further(),
        permutations=permutations or Permutations(),
    )
    request = make_request(
        spec,
        samples,
        proteins,
        protein_covariates=protein_covariates,
        assays=assays,
        withdrawn=withdrawn,
        id_column=id_column,
        effective_tests=effective_tests,
        sample_columns=_names(sample_columns),
        people=PeopleChoice.of(where=where, keep=keep, remove=remove),
        chosen_proteins=ProteinChoice.of(only_proteins, listed=proteins_from, rows=where_rows),
        outcome_files=files,
        instruments=instruments_by_protein,
        genotypes=genotypes,
        kinship=kinship,
    )
    workers = available_threads() if threads is None else threads
    form = {"columns": columns}
    path = None if out is None else Path(out)
    return run_job(
        AssociateJob(request, columns),
        Output(path, resume=resume, overwrite=overwrite, form=form),
        executor=Threads(workers),
        account=Account(configuration=form, threads=workers),
    )


def make_request(
    spec: ModelSpec,
    samples: Data,
    proteins: Data | Sequence[Data] = (),
    *,
    protein_covariates: Mapping[str, Data] | None = None,
    assays: Data | None = None,
    withdrawn: Data | None = None,
    id_column: str | None = None,
    effective_tests: bool = False,
    sample_columns: Sequence[str] = (),
    people: PeopleChoice | None = None,
    chosen_proteins: ProteinChoice | None = None,
    outcome_files: Mapping[str, Data] | None = None,
    instruments: Data | None = None,
    genotypes: Data | None = None,
    kinship: Data | None = None,
) -> AssociateRequest:
    """Return the request for paths or frames; a glob among the proteins is resolved.

    Raises
    ------
    InputError
        A glob of proteins names no file.
    UsageError
        Genotypes without the instruments that they are of.
    """
    if genotypes is not None and instruments is None:
        raise UsageError("genotypes are those of each protein's own instruments: name these too")
    named = protein_covariates or {}
    return AssociateRequest(
        spec,
        Source.of(samples, name="samples"),
        list_proteins(proteins),
        {name: Source.of(data, name=name) for name, data in named.items()},
        None if assays is None else Source.of(assays, name="assays"),
        Source.of_people(withdrawn, name="withdrawn"),
        id_column,
        effective_tests,
        tuple(sample_columns),
        people or PeopleChoice(),
        chosen_proteins,
        {label: Source.of(data, name=label) for label, data in (outcome_files or {}).items()},
        None if instruments is None else Source.of(instruments, name="instruments"),
        _name_genotypes(genotypes),
        Source.of_people(kinship, name="kinship"),
    )


def _label(outcomes: Data | Mapping[str, Data] | None) -> dict[str, Data]:
    """Return files of outcomes by label: that of a path is its name without endings."""
    if outcomes is None:
        return {}
    if isinstance(outcomes, Mapping):
        return dict(outcomes)
    if isinstance(outcomes, str | Path):
        return {label_file(outcomes): outcomes}
    return {"outcomes": outcomes}


def _names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    if isinstance(names, str):
        return (names,)
    if names is None:
        return ()
    # anything else than a list of names goes on as it is, for the specification to refuse
    return tuple(names) if isinstance(names, tuple | list) else cast("tuple[str, ...]", names)


def _with_own(iv: IvOptions, *, by_protein: bool) -> IvOptions:
    return replace(iv, by_protein=by_protein or iv.by_protein)


def _name_genotypes(data: Data | None) -> Source | None:
    """Return genotypes as an input: a table, a frame, or all files of PLINK."""
    if data is None:
        return None
    if isinstance(data, str | Path) and is_plink(data):
        files = Source.of_prefix(prefix_of(data), PLINK_ENDINGS).files
        return Source(str(data), files)
    return Source.of(data, name="genotypes")
