"""Blocks of proteins, or one column of the samples, to rows of the tables of curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.scan import Reading
from proteomr.scan.columns import label_level
from proteomr.stats.quantile_groups import group_values
from proteomr.status import Status
from proteomr.survival.competing_tables import add_competing, lay_incidences
from proteomr.survival.curve_errors import Errors, choose_errors
from proteomr.survival.curve_estimates import (
    Grouped,
    estimate_competing,
    estimate_groups,
    find_last,
)
from proteomr.survival.curve_outcomes import CurveOutcome
from proteomr.survival.curve_pooling import add_pooled_rates, pool_tables
from proteomr.survival.curve_request import CurvesRequest
from proteomr.survival.curve_rows import lay_groups
from proteomr.survival.curve_tables import CurveTables, GroupNames, say
from proteomr.tables import columns as c
from proteomr.tables.imputed import name_imputation

__all__ = ["CurveBlock", "CurvePeople", "CurveWork"]


@dataclass(frozen=True, slots=True)
class CurveBlock:
    """Some proteins, by their positions, or the column of the samples where there are none."""

    index: int
    proteins: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CurvePeople:
    """One table of people: the samples, or an imputation of them.

    Attributes
    ----------
    reading : the cohort with its columns.
    outcomes : read once for all blocks.
    levels, labels : of each person the level of the column of groups, -1 for none, and the names of
        the levels; None where proteins make the groups.
    """

    reading: Reading
    outcomes: tuple[CurveOutcome, ...]
    levels: I64 | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Who is in which group; without names none, for the reason that is told."""

    members: I64
    codes: I64
    names: GroupNames | None
    ended: tuple[Status, str] = (Status.ok, "")


@dataclass(frozen=True, slots=True, eq=False)
class CurveWork:
    """What turns a block into rows of tables.

    Attributes
    ----------
    request : what is asked.
    imputed : the people, once, or once for each imputation of the samples.
    """

    request: CurvesRequest
    imputed: tuple[CurvePeople, ...]

    @property
    def errors(self) -> Errors:
        """Which errors are robust: those that are in any imputation."""
        found = [
            choose_errors(
                self.request,
                of.reading.modifiers.weights,
                repeated=any(outcome.repeats for outcome in of.outcomes),
            )
            for of in self.imputed
        ]
        return Errors(any(one.curves for one in found), any(one.tests for one in found))

    def __call__(self, block: CurveBlock) -> dict[str, pl.DataFrame]:
        """Return the rows of a block by the name of the table."""
        options = self.request.curves
        tables = [CurveTables(options) for _ in self.imputed]
        places = range(len(self.imputed[0].outcomes))
        if not block.proteins:
            by = str(options.by)
            for place in places:
                groups = [_group_levels(of, of.outcomes[place], by) for of in self.imputed]
                self._hold(tables, {c.PROTEIN: None, "by": by}, place, groups)
        for protein in block.proteins:
            names = self.imputed[0].reading.cohort.proteins.names
            columns = [_read_protein(of.reading, protein) for of in self.imputed]
            for place in places:
                groups = [
                    _group_protein(values, of.outcomes[place], options.quantiles)
                    for of, values in zip(self.imputed, columns, strict=True)
                ]
                self._hold(tables, {c.PROTEIN: names[protein]}, place, groups)
        rows = [{name: of.of(name).join() for name in self.request.tables} for of in tables]
        return rows[0] if len(rows) == 1 else pool_tables(rows, options)

    def _hold(
        self,
        tables: Sequence[CurveTables],
        keys: Mapping[str, object],
        place: int,
        groups: Sequence[_Groups],
    ) -> None:
        """Add the rows of one outcome in the groups of one protein, to each imputation's."""
        keys = {**keys, **self.imputed[0].outcomes[place].keys}
        names = [of.names for of in groups if of.names is not None]
        ended = _judge_groups(groups)
        if ended is None:
            self._estimate(tables, keys, place, (groups, names))
            return
        n = min(of.members.size for of in groups)
        for of in tables:
            _add_nothing(of, {**keys, **say(*ended)}, n=n)

    def _estimate(
        self,
        tables: Sequence[CurveTables],
        keys: Mapping[str, object],
        place: int,
        grouping: tuple[Sequence[_Groups], Sequence[GroupNames]],
    ) -> None:
        groups, names = grouping
        options, errors = self.request.curves, self.errors
        pairs = [
            (of.outcomes[place], _group_people(of, place, own, named))
            for of, own, named in zip(self.imputed, groups, names, strict=True)
        ]
        tau = options.tau if options.tau is not None else min(find_last(*pair) for pair in pairs)
        found = [estimate_groups(*pair, options=options, errors=errors, tau=tau) for pair in pairs]
        laid = lay_groups(found, options)
        for of, (outcome, _), one, named in zip(tables, pairs, found, names, strict=True):
            of.add(keys, outcome, one, named, laid, robust=errors.tests)
        if len(found) == 1:
            tables[0].add_rates(keys, found[0], names[0])
        else:
            add_pooled_rates(tables[0], keys, found, names[0])
        if self.request.competing:
            competing = [
                estimate_competing(*pair, options=options, errors=errors) for pair in pairs
            ]
            steps = lay_incidences(competing)
            for of, several, named in zip(tables, competing, names, strict=True):
                add_competing(of, keys, several, named, steps)


def _read_protein(reading: Reading, protein: int) -> F64:
    read = reading.cohort.proteins.read(slice(protein, protein + 1))
    return np.ascontiguousarray(read[:, 0])


def _group_protein(column: F64, outcome: CurveOutcome, quantiles: int) -> _Groups:
    """Return the groups of those who have a protein, each person counting once."""
    values = column[outcome.rows]
    members = np.flatnonzero(~np.isnan(values))
    infinite = int(np.isinf(values).sum())
    none = np.zeros(0, dtype=np.int64)
    if infinite:
        said = "1 value is infinite" if infinite == 1 else f"{infinite} values are infinite"
        return _Groups(members, none, None, (Status.infinite, said))
    if not members.size:
        return _Groups(members, none, None, (Status.all_missing, ""))
    once, whose = np.arange(members.size), np.arange(members.size)
    if outcome.persons is not None:
        _, once, whose = np.unique(outcome.persons[members], return_index=True, return_inverse=True)
    groups = group_values(values[members[once]], quantiles=quantiles)
    labels = (
        tuple(label_level(value) for value in groups.low.tolist())
        if groups.by_value
        else tuple(f"Q{k + 1}" for k in range(groups.count))
    )
    few = not groups.by_value and groups.count < quantiles
    note = f"ties leave {groups.count} of {quantiles} groups" if few else ""
    names = GroupNames(labels, groups.low, groups.high, groups.at_high, note)
    return _Groups(members, groups.codes[whose], names)


def _group_levels(people: CurvePeople, outcome: CurveOutcome, by: str) -> _Groups:
    """Return the groups of those who have a level of a column."""
    levels = np.zeros(0, dtype=np.int64) if people.levels is None else people.levels
    of = levels[outcome.rows]
    members = np.flatnonzero(of >= 0)
    if not members.size:
        return _Groups(members, members, None, (Status.all_missing, ""))
    there, codes = np.unique(of[members], return_inverse=True)
    none, nobody = np.full(there.size, np.nan), np.zeros(there.size, dtype=np.int64)
    labels = tuple(people.labels[level] for level in there.tolist())
    ordered = people.reading.columns.is_numeric(by)
    return _Groups(members, codes, GroupNames(labels, none, none, nobody, ordered=ordered))


def _group_people(people: CurvePeople, place: int, groups: _Groups, names: GroupNames) -> Grouped:
    """Return the people of an outcome in their groups, with what weighs and joins them."""
    outcome = people.outcomes[place]
    of, rows = people.reading.modifiers, outcome.rows[groups.members]
    return Grouped(
        groups.members,
        groups.codes,
        len(names.labels),
        names.ordered,
        None if of.weights is None else of.weights[rows],
        None if of.clusters is None else of.clusters[rows],
        None if of.baseline is None else of.baseline[rows],
        None if outcome.persons is None else outcome.persons[groups.members],
    )


def _judge_groups(groups: Sequence[_Groups]) -> tuple[Status, str] | None:
    """Return why nothing is compared, or None: every imputation has the groups of the first."""
    for at, of in enumerate(groups):
        if of.names is None:
            return of.ended[0], name_imputation([each.ended[1] for each in groups], at) or ""
    labels = [of.names.labels for of in groups if of.names is not None]
    for number, own in enumerate(labels, start=1):
        if own != labels[0]:
            return Status.not_identified, f"imputation {number} has other groups than the first"
    return None


def _add_nothing(tables: CurveTables, keys: Mapping[str, object], *, n: int) -> None:
    """Add the rows of what has nobody to compare: one in every table that has a status."""
    step = dict.fromkeys(
        ("time", "at_risk", "events", "censored", "survival", c.SE, c.CONF_LOW, c.CONF_HIGH)
    )
    for name in ("curves", "curve_times"):
        tables.of(name).add_one({**keys, "group": None}, **step)
    estimates = (
        *(c.STATISTIC, c.DF, c.NEG_LOG10_P, c.P_VALUE),
        *("trend_statistic", "trend_neg_log10_p", "trend_p_value", "variance"),
    )
    tables.of("logrank").add_one(
        keys,
        rho=tables.options.rho,
        n=n,
        n_case=0,
        groups=0,
        baseline=tables.options.strata,
        **dict.fromkeys(estimates),
    )
