"""All that is estimated of one outcome in groups of people."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.cumulative_incidence import Incidence, estimate_incidence
from proteomr.stats.curve_counts import (
    GroupCounts,
    RiskTimes,
    Subjects,
    count_risk,
    find_gaps,
)
from proteomr.stats.gray_test import GrayTest, compare_incidence
from proteomr.stats.incidence_rates import PersonYears, count_years
from proteomr.stats.kaplan_meier import (
    SurvivalCurves,
    estimate_curves,
    find_emptied,
)
from proteomr.stats.log_rank import LogRank, assess_trend, compare_curves, sum_scores
from proteomr.stats.restricted_mean import RestrictedMeans, average_survival, find_horizons
from proteomr.survival.curve_errors import Errors
from proteomr.survival.curve_outcomes import CurveOutcome
from proteomr.survival.curve_request import CurveOptions

__all__ = [
    "Competing",
    "CurveEstimates",
    "Grouped",
    "OneGroup",
    "estimate_competing",
    "estimate_groups",
    "find_last",
]


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """Who is compared in what groups.

    Attributes
    ----------
    members : positions among the people of the outcome.
    codes : ``(m,)``, their groups, from 0.
    count : K, number of groups.
    ordered : whether the groups have an order that a trend may follow.
    weights, clusters, strata : ``(m,)``, or None.
    persons : ``(m,)``, whose row each is, where somebody has several; they are the clusters where
        no others are given.
    """

    members: I64
    codes: I64
    count: int
    ordered: bool
    weights: F64 | None = None
    clusters: I64 | None = None
    strata: I64 | None = None
    persons: I64 | None = None

    def count_people(self, rows: Bool | slice = slice(None)) -> int:
        """Return the number of people, each once, of some rows."""
        if self.persons is None:
            return int(self.codes[rows].size)
        return int(np.unique(self.persons[rows]).size)

    def place(self, risk: RiskTimes) -> Subjects:
        """Return the people in their groups on a grid of the outcome."""
        chosen = risk.choose(self.members)
        clusters = self.persons if self.clusters is None else self.clusters
        return Subjects(chosen, self.codes, self.count, self.weights, clusters)

    def stratify(self, subjects: Subjects) -> Subjects:
        """Return people in groups of stratum and group together."""
        if self.strata is None:
            return subjects
        levels, codes = np.unique(self.strata, return_inverse=True)
        together = codes * self.count + self.codes
        return replace(subjects, groups=together, count=levels.size * self.count)


@dataclass(frozen=True, slots=True, eq=False)
class OneGroup:
    """The people of a group, in the order of their exits.

    Attributes
    ----------
    entry, exit, weight : ``(m,)``.
    happened : ``(m,)``, who has the event.
    """

    entry: F64
    exit: F64
    weight: F64
    happened: Bool

    @property
    def start(self) -> float:
        """When the curve begins: at 0, or at the first entry where all come late."""
        return float(self.entry.min()) if np.all(np.isfinite(self.entry)) else 0.0

    @property
    def last(self) -> float:
        """The last exit."""
        return float(self.exit[-1])


def part_groups(subjects: Subjects) -> tuple[OneGroup, ...]:
    """Return the people of each group; they stand in the order of their exits."""
    order = np.argsort(subjects.groups.astype(np.int16), kind="stable")  # few: sorted by counting
    ends = np.cumsum(np.bincount(subjects.groups, minlength=subjects.count))
    risk, weight = subjects.risk, subjects.weigh()
    rows = (order[first:end] for first, end in pairwise((0, *ends.tolist())))
    return tuple(
        OneGroup(risk.entry[of], risk.exit[of], weight[of], risk.cause[of] != 0) for of in rows
    )


@dataclass(frozen=True, slots=True, eq=False)
class CurveEstimates:
    """What is estimated of the event of interest.

    Attributes
    ----------
    groups : the people of each group.
    people : ``(K + 1,)``, how many they are, and all together, each once.
    subjects, counts, curves : of the groups.
    at_risk : ``(K, A)``, weighted people at risk at the times that are read off.
    emptied : ``(K,)``, when a curve reaches 0 while some are still to come; NaN for never.
    gaps : ``(K, 2)``, between which nobody is under observation.
    horizons : ``(K,)``, up to when a curve is known.
    tau : end of the restricted means.
    means : restricted means.
    rank : the log-rank test.
    trend : its statistic and -log10 p for the order of the groups; NaN where they have none.
    years : person-years.
    """

    groups: tuple[OneGroup, ...]
    people: I64
    subjects: Subjects
    counts: GroupCounts
    curves: SurvivalCurves
    at_risk: F64
    emptied: F64
    gaps: F64
    horizons: F64
    tau: float
    means: RestrictedMeans
    rank: LogRank
    trend: tuple[float, float]
    years: PersonYears


def find_last(outcome: CurveOutcome, grouped: Grouped) -> float:
    """Return the last time to which every group is followed."""
    lasts = np.full(grouped.count, -np.inf)
    np.maximum.at(lasts, grouped.codes, outcome.single.exit[grouped.members])
    return float(lasts.min())


def estimate_groups(
    outcome: CurveOutcome,
    grouped: Grouped,
    *,
    options: CurveOptions,
    errors: Errors,
    tau: float,
) -> CurveEstimates:
    """Estimate curves, rates and means up to tau of groups, and test that they are equal."""
    subjects = grouped.place(outcome.single)
    counts = count_risk(subjects)
    by = subjects if errors.curves else None
    curves = estimate_curves(counts, robust=by)
    rank = _test_ranks(grouped, subjects, counts, rho=options.rho, robust=errors.tests)
    horizons = find_horizons(curves, subjects)
    groups = part_groups(subjects)
    trend = assess_trend(rank, np.arange(1.0, grouped.count + 1.0))
    people = [grouped.count_people(grouped.codes == k) for k in range(grouped.count)]
    return CurveEstimates(
        groups,
        np.array([*people, grouped.count_people()]),
        subjects,
        counts,
        curves,
        count_risk(grouped.place(outcome.placed)).at_risk,
        find_emptied(curves, subjects),
        find_gaps(subjects),
        horizons,
        tau,
        average_survival(counts, curves, tau=tau, robust=by),
        rank,
        trend if grouped.ordered else (np.nan, np.nan),
        count_years(subjects, cause=outcome.code),
    )


def _test_ranks(
    grouped: Grouped, subjects: Subjects, counts: GroupCounts, *, rho: float, robust: bool
) -> LogRank:
    K = grouped.count
    if grouped.strata is not None:
        subjects = grouped.stratify(subjects)
        counts = count_risk(subjects)
    covariance = sum_scores(counts, subjects, count=K, rho=rho) if robust else None
    return compare_curves(counts, count=K, rho=rho, covariance=covariance)


@dataclass(frozen=True, slots=True, eq=False)
class Competing:
    """What is estimated where events compete.

    Attributes
    ----------
    subjects, counts, curves : of the groups, all events being one for the curves.
    emptied : ``(K,)``, as of the curves of one event.
    begun : whether no risk set, of strata either, empties before others of it have come.
    incidence : of each code.
    tests : Gray's, of each code; none with robust errors.
    """

    subjects: Subjects
    counts: GroupCounts
    curves: SurvivalCurves
    emptied: F64
    begun: bool
    incidence: dict[int, Incidence]
    tests: dict[int, GrayTest]


def estimate_competing(
    outcome: CurveOutcome, grouped: Grouped, *, options: CurveOptions, errors: Errors
) -> Competing:
    """Estimate the cumulative incidence of each event, and test that groups have the same."""
    subjects = grouped.place(outcome.every)
    counts = count_risk(subjects)
    curves = estimate_curves(counts)
    incidence = {
        code: estimate_incidence(counts, curves, subjects, cause=code) for code in outcome.codes
    }
    tests: dict[int, GrayTest] = {}
    emptied = find_emptied(curves, subjects)
    begun = bool(np.all(np.isnan(emptied)))
    if not errors.tests:
        stratified = counts
        if grouped.strata is not None:
            within = grouped.stratify(subjects)
            stratified = count_risk(within)
            begun &= bool(np.all(np.isnan(find_emptied(estimate_curves(stratified), within))))
        tests = {
            code: compare_incidence(stratified, count=grouped.count, cause=code, rho=options.rho)
            for code in outcome.codes
        }
    return Competing(subjects, counts, curves, emptied, begun, incidence, tests)
