"""Outcomes of participants from dates and self-reports: event, years, prevalent cases, counts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import polars as pl

from proteomr.phenotype.outcomes.counts import (
    compare_tallies,
    count_outcome,
    empty_counts,
    judge_share,
    tally_outcome,
)
from proteomr.phenotype.outcomes.dates import (
    HOW_TO_GET,
    count_special,
    find_absent,
    gather_basis,
    gather_dates,
    has_outcome,
)
from proteomr.phenotype.outcomes.follow_up import Window, follow_people
from proteomr.phenotype.outcomes.reading import load_outcomes, parse_outcomes
from proteomr.phenotype.outcomes.specification import (
    FollowUpRules,
    OutcomeRule,
    OutcomeRules,
    SpecialDate,
)
from proteomr.tables.fields import Fields
from proteomr.tables.table import load_schema

__all__ = [
    "OutcomeRules",
    "Outcomes",
    "derive_outcomes",
    "load_outcomes",
    "parse_outcomes",
]

_ENOUGH_DATES = 100
_SILENT = timedelta(days=366)


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Outcomes of the participants, and how many there are.

    Parameters
    ----------
    frame : a row per participant, in the order of the fields, without identifier; for each outcome
        ``<name>`` (1 event, 0 none, missing where left out), ``<name>_years`` (missing where left
        out) and ``<name>_prevalent`` (1, 0, missing where unknown).
    counts : rule, value, label, n, share, published, note; a row per value, per reason of
        exclusion and per special date.
    comparison : outcome, quantity, careful, code, difference; no rows where nothing is compared.
    warnings : what a user should look at, one sentence each.
    """

    frame: pl.DataFrame
    counts: pl.DataFrame
    comparison: pl.DataFrame
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Followed:
    """One outcome of everybody, as `follow_people` gives it, and its special dates."""

    rule: OutcomeRule
    people: pl.DataFrame
    special: dict[SpecialDate, int]


def derive_outcomes(
    fields: Fields, rules: OutcomeRules, *, instance: int | None = None
) -> Outcomes:
    """Return event, follow-up years and prevalent cases of each outcome, with counts.

    The event is the earliest of the outcome's dates that is none of the special ones;
    `follow_people` says how the follow-up runs. An outcome none of whose fields is there is left
    out with a warning.

    Parameters
    ----------
    fields : of the participants.
    rules : from `parse_outcomes`.
    instance : visit at which the follow-up starts, in place of that of the rules.

    Raises
    ------
    ColumnError
        Some fields of an outcome are absent and others are there, or one holds no dates.

    Examples
    --------
    >>> from datetime import date
    >>> rules = parse_outcomes(
    ...     {
    ...         "follow_up": {"end": date(2022, 11, 30), "death_instances": [0]},
    ...         "outcome": [{"name": "mortality", "event": "death"}],
    ...     },
    ...     source="own.toml",
    ... )
    >>> people = {"eid": ["1", "2"], "p53_i0": [date(2008, 1, 1)] * 2}
    >>> people["p40000_i0"] = [None, date(2018, 1, 1)]
    >>> outcomes = derive_outcomes(Fields(pl.DataFrame(people)), rules)
    >>> outcomes.frame["mortality"].to_list(), outcomes.warnings
    ([0, 1], ())
    """
    rules = _start_at(rules, instance)
    followed, warnings = _follow(fields, rules)
    counts = [
        count_outcome(outcome.rule, outcome.people, special=outcome.special) for outcome in followed
    ]
    judged = [judge_share(outcome.rule, outcome.people) for outcome in followed]
    return Outcomes(
        frame=_join(followed),
        counts=pl.concat([empty_counts(), *counts]),
        comparison=_compare_with_named(fields, rules, followed),
        warnings=(*warnings, *(warning for warning in judged if warning is not None)),
    )


def _compare_with_named(
    fields: Fields, rules: OutcomeRules, followed: Sequence[_Followed]
) -> pl.DataFrame:
    if rules.follow_up is None or rules.follow_up.compare_with is None:
        return _compare([], [])
    named = _start_at(load_outcomes(rules.follow_up.compare_with), rules.follow_up.instance)
    sources = {rule.name: _sources(rule) for rule in named.outcomes}
    alike = [
        outcome for outcome in followed if sources.get(outcome.rule.name) == _sources(outcome.rule)
    ]
    other, _ = _follow(fields, _keep(named, {outcome.rule.name for outcome in alike}))
    return _compare(alike, other)


def _sources(rule: OutcomeRule) -> tuple[frozenset[int], frozenset[int]]:
    """Return what makes two outcomes of a name the same disease: their dates and codes."""
    return frozenset(rule.event), frozenset(rule.self_report)


def _compare(first: Sequence[_Followed], second: Sequence[_Followed]) -> pl.DataFrame:
    if not first or not second:
        return load_schema("outcomes_comparison").empty()
    careful, code = (
        pl.concat([tally_outcome(entry.rule, entry.people) for entry in entries])
        for entries in (first, second)
    )
    return compare_tallies(careful, code)


def _start_at(rules: OutcomeRules, instance: int | None) -> OutcomeRules:
    if rules.follow_up is None or instance is None:
        return rules
    return replace(rules, follow_up=replace(rules.follow_up, instance=instance))


def _keep(rules: OutcomeRules, names: Collection[str]) -> OutcomeRules:
    return replace(rules, outcomes=tuple(rule for rule in rules.outcomes if rule.name in names))


def _join(followed: Sequence[_Followed]) -> pl.DataFrame:
    columns: list[pl.Series] = []
    for outcome in followed:
        event, years, prevalent = outcome.rule.columns
        inside = pl.col("reason").is_null()
        columns += outcome.people.select(
            pl.when(inside).then(pl.col("event")).alias(event),
            pl.when(inside).then(pl.col("years")).alias(years),
            pl.col("prevalent").alias(prevalent),
        ).get_columns()
    return pl.DataFrame(columns)


def _follow(fields: Fields, rules: OutcomeRules) -> tuple[list[_Followed], tuple[str, ...]]:
    follow_up = rules.follow_up
    if follow_up is None:
        return [], ()
    there = [rule for rule in rules.outcomes if has_outcome(fields, rule, follow_up=follow_up)]
    warnings = _describe_left_out([rule for rule in rules.outcomes if rule not in there])
    if not there:
        return [], tuple(warnings)
    basis = gather_basis(fields, follow_up)
    warnings += find_absent(fields, follow_up)
    followed, latest = [], []
    for rule in there:
        dates = gather_dates(fields, basis, rule=rule, follow_up=follow_up)
        people = follow_people(dates, window=_window(rule, follow_up))
        followed.append(_Followed(rule, people, count_special(fields, rule, follow_up=follow_up)))
        latest.append(dates.select("event", "end"))
    return followed, (*warnings, *_check_end(pl.concat(latest)))


def _describe_left_out(absent: Sequence[OutcomeRule]) -> list[str]:
    if not absent:
        return []
    names = ", ".join(rule.name for rule in absent)
    return [f"outcomes left out, as none of their fields is in the files: {names}; {HOW_TO_GET}"]


def _window(rule: OutcomeRule, follow_up: FollowUpRules) -> Window:
    lag = follow_up.lag_years if rule.lag_years is None else rule.lag_years
    return Window(lag, follow_up.lag_drops, follow_up.after_end, follow_up.faults)


def _check_end(dates: pl.DataFrame) -> list[str]:
    """Warn where the last year of the follow-up is empty: the export is older than its end."""
    events = dates.filter(pl.col("event") <= pl.col("end"))
    if events.height < _ENOUGH_DATES:
        return []
    late = events.select((pl.col("event") > pl.col("end") - _SILENT).sum()).item()
    if late:
        return []
    warning = (
        "no event is known from the last year of the follow-up; is its end later than that of "
        "the registers in these files?"
    )
    return [warning]
