"""Curves of survival as a function of the library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from proteomr.io import PeopleChoice, ProteinChoice, list_proteins
from proteomr.runs import Results, Source, call_job
from proteomr.runs.request import Data
from proteomr.scan import FollowUp, FollowUpOptions
from proteomr.survival.curve_job import CurvesJob
from proteomr.survival.curve_request import CurveOptions, CurvesRequest

__all__ = ["compare_survival", "make_curves_request"]


def compare_survival(
    samples: Data,
    proteins: Data | Sequence[Data] = (),
    *,
    outcomes: str | Sequence[str | FollowUp],
    curves: CurveOptions,
    follow_up: FollowUpOptions | None = None,
    withdrawn: Data | None = None,
    id_column: str | None = None,
    sample_columns: Sequence[str] = (),
    assays: Data | None = None,
    people: PeopleChoice | None = None,
    chosen_proteins: ProteinChoice | None = None,
    lags: Sequence[float] = (),
    out: str | Path | None = None,
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Compare survival in groups by the quantiles of proteins, or by a column of the samples.

    Kaplan-Meier curves with limits, medians, the log-rank test and that for trend, restricted means
    with their differences and ratios, person-years and rates; with an event code the cumulative
    incidence of every event and Gray's tests too. Groups of a protein are those of the people who
    have it and the outcome; nothing is adjusted for.

    Parameters
    ----------
    samples, proteins : as of :func:`proteomr.associate`; without proteins where a column of the
        samples makes the groups.
    outcomes : names of outcomes, whose times are in columns NAME_years, or columns by
        :class:`proteomr.scan.FollowUp`.
    curves : the groups, and what is estimated of them.
    follow_up : event code and lag; its outcomes are those given here.
    withdrawn, id_column, sample_columns, assays, people, chosen_proteins : as of `survive`.
    lags : several lags, each with curves of its own, in the place of that of `follow_up`.
    out : run folder; None keeps the tables in memory.
    threads : blocks worked at once; None for all processors.
    resume, overwrite : go on with, or replace, an earlier run in the folder.

    Returns
    -------
    Results with the tables ``curves``, ``curve_times``, ``groups``, ``logrank``, ``medians``,
    ``rmst`` and ``rates``; with an event code ``cumulative_incidence`` and ``gray``.

    Raises
    ------
    UsageError, ColumnError, InputError
        What is named is not there, or cannot serve.

    Examples
    --------
    >>> import polars as pl
    >>> people = pl.DataFrame({
    ...     "ID": [f"{i}" for i in range(8)], "treated": [0, 1] * 4,
    ...     "death": [1, 0, 1, 1, 1, 0, 0, 1], "death_years": [1.0, 9, 2, 8, 3, 9, 9, 5]})
    >>> found = compare_survival(people, outcomes="death", curves=CurveOptions(by="treated"))
    >>> found.table("logrank")["statistic"].round(4).to_list()
    [1.5585]
    >>> found.table("medians").select("group", "median").rows()
    [('0', 2.5), ('1', 8.0)]
    """
    named = (outcomes,) if isinstance(outcomes, str) else tuple(outcomes)
    listed = tuple(o if isinstance(o, FollowUp) else FollowUp.named(o) for o in named)
    asked = FollowUpOptions() if follow_up is None else follow_up
    request = make_curves_request(
        samples,
        proteins,
        follow_up=FollowUpOptions(
            listed,
            asked.event_code,
            lags[0] if lags else asked.lag,
            asked.lag_rule,
            asked.person,
        ),
        curves=curves,
        withdrawn=withdrawn,
        id_column=id_column,
        sample_columns=sample_columns,
        assays=assays,
        people=people,
        chosen_proteins=chosen_proteins,
        lags=lags,
    )
    return call_job(
        CurvesJob(request), out=out, threads=threads, resume=resume, overwrite=overwrite
    )


def make_curves_request(
    samples: Data,
    proteins: Data | Sequence[Data],
    *,
    follow_up: FollowUpOptions,
    curves: CurveOptions,
    withdrawn: Data | None = None,
    id_column: str | None = None,
    sample_columns: Sequence[str] = (),
    assays: Data | None = None,
    people: PeopleChoice | None = None,
    chosen_proteins: ProteinChoice | None = None,
    lags: Sequence[float] = (),
) -> CurvesRequest:
    """Return the request that the function and the command make."""
    return CurvesRequest(
        Source.of(samples, name="samples"),
        list_proteins(proteins),
        follow_up,
        curves,
        Source.of_people(withdrawn, name="withdrawn"),
        id_column,
        tuple(sample_columns),
        None if assays is None else Source.of(assays, name="assays"),
        people or PeopleChoice(),
        chosen_proteins,
        tuple(lags) if len(lags) > 1 else (),
    )
