"""Blocks of proteins, or one column of the samples, to rows of the tables of curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.scan import Reading
from proteomr.scan.columns import label_level
from proteomr.stats.quantile_groups import group_values
from proteomr.status import Status
from proteomr.survival.competing_tables import add_competing
from proteomr.survival.curve_errors import Errors, choose_errors
from proteomr.survival.curve_estimates import Grouped, estimate_competing, estimate_groups
from proteomr.survival.curve_outcomes import CurveOutcome
from proteomr.survival.curve_request import CurvesRequest
from proteomr.survival.curve_tables import CurveTables, GroupNames, say
from proteomr.tables import columns as c

__all__ = ["CurveBlock", "CurveWork"]


@dataclass(frozen=True, slots=True)
class CurveBlock:
    """Some proteins, by their positions, or the column of the samples where there are none."""

    index: int
    proteins: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CurveWork:
    """What turns a block into rows of tables.

    Attributes
    ----------
    request : what is asked.
    reading : the cohort with its columns.
    outcomes : read once for all blocks.
    levels, labels : of each person the level of the column of groups, -1 for none, and the names of
        the levels; None where proteins make the groups.
    """

    request: CurvesRequest
    reading: Reading
    outcomes: tuple[CurveOutcome, ...]
    levels: I64 | None = None
    labels: tuple[str, ...] = ()

    @property
    def errors(self) -> Errors:
        """Which errors are robust."""
        return choose_errors(self.request, self.reading.modifiers.weights)

    def __call__(self, block: CurveBlock) -> dict[str, pl.DataFrame]:
        """Return the rows of a block by the name of the table."""
        tables = CurveTables(self.request.curves)
        if not block.proteins:
            for outcome in self.outcomes:
                self._hold_levels(tables, outcome)
        names = self.reading.cohort.proteins.names
        for protein in block.proteins:
            read = self.reading.cohort.proteins.read(slice(protein, protein + 1))
            values = np.ascontiguousarray(read[:, 0])
            for outcome in self.outcomes:
                keys = {c.PROTEIN: names[protein], **outcome.keys}
                self._hold_values(tables, keys, outcome, values[outcome.rows])
        return {name: tables.of(name).join() for name in self.request.tables}

    def _hold_values(
        self,
        tables: CurveTables,
        keys: Mapping[str, object],
        outcome: CurveOutcome,
        values: F64,
    ) -> None:
        members = np.flatnonzero(~np.isnan(values))
        infinite = int(np.isinf(values).sum())
        if infinite or not members.size:
            ended = (
                say(Status.infinite, f"{infinite} values are infinite")
                if infinite
                else say(Status.all_missing)
            )
            _add_nothing(tables, {**keys, **ended}, n=members.size)
            return
        groups = group_values(values[members], quantiles=self.request.curves.quantiles)
        labels = (
            tuple(label_level(value) for value in groups.low.tolist())
            if groups.by_value
            else tuple(f"Q{k + 1}" for k in range(groups.count))
        )
        wanted, note = self.request.curves.quantiles, ""
        if not groups.by_value and groups.count < wanted:
            note = f"ties leave {groups.count} of {wanted} groups"
        names = GroupNames(labels, groups.low, groups.high, groups.at_high, note)
        self._estimate(tables, keys, outcome, (members, groups.codes), names)

    def _hold_levels(self, tables: CurveTables, outcome: CurveOutcome) -> None:
        by = self.request.curves.by
        keys: dict[str, object] = {c.PROTEIN: None, "by": by, **outcome.keys}
        levels = np.zeros(0, dtype=np.int64) if self.levels is None else self.levels
        of = levels[outcome.rows]
        members = np.flatnonzero(of >= 0)
        if not members.size:
            _add_nothing(tables, {**keys, **say(Status.all_missing)}, n=0)
            return
        there, codes = np.unique(of[members], return_inverse=True)
        none = np.full(there.size, np.nan)
        labels = tuple(self.labels[level] for level in there.tolist())
        nobody = np.zeros(there.size, dtype=np.int64)
        ordered = self.reading.columns.is_numeric(str(by))
        names = GroupNames(labels, none, none, nobody, ordered=ordered)
        self._estimate(tables, keys, outcome, (members, codes), names)

    def _estimate(
        self,
        tables: CurveTables,
        keys: Mapping[str, object],
        outcome: CurveOutcome,
        grouping: tuple[I64, I64],
        names: GroupNames,
    ) -> None:
        members, codes = grouping
        of, rows = self.reading.modifiers, outcome.rows[members]
        grouped = Grouped(
            members,
            codes,
            len(names.labels),
            names.ordered,
            None if of.weights is None else of.weights[rows],
            None if of.clusters is None else of.clusters[rows],
            None if of.baseline is None else of.baseline[rows],
        )
        options, errors = self.request.curves, self.errors
        found = estimate_groups(outcome, grouped, options=options, errors=errors)
        tables.add(keys, outcome, found, names, robust=errors.tests)
        if self.request.competing:
            competing = estimate_competing(outcome, grouped, options=options, errors=errors)
            add_competing(tables, keys, competing, names)


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
