"""The rows of the tables of curves, from what was estimated."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.curve_quantiles import find_crossing, read_curves
from proteomr.stats.distributions import neg_log10_p_normal, p_from_neg_log10, quantile_normal
from proteomr.stats.incidence_rates import compare_rates, limit_rate
from proteomr.stats.kaplan_meier import find_limits
from proteomr.status import Status
from proteomr.survival.curve_estimates import CurveEstimates
from proteomr.survival.curve_outcomes import CurveOutcome
from proteomr.survival.curve_request import CurveOptions
from proteomr.survival.curve_rows import GroupRows, count_there, judge_mean, judge_test
from proteomr.survival.table_rows import TableRows
from proteomr.tables import columns as c

__all__ = ["PER", "CurveTables", "GroupNames", "say"]

PER = 1000.0
"""Person-years of a rate."""


def say(status: Status, message: str = "") -> dict[str, object]:
    """Return the cells of how an estimate ended."""
    return {c.STATUS: status.name, c.MESSAGE: message or None}


@dataclass(frozen=True, slots=True, eq=False)
class GroupNames:
    """The groups as tables name them.

    Attributes
    ----------
    labels : of the K groups.
    low, high : borders of a protein's groups; NaN for levels.
    at_high : people whose value is the upper border.
    message : what is to be said of how they came about.
    ordered : whether they have an order, as those of numbers do.
    """

    labels: tuple[str, ...]
    low: F64
    high: F64
    at_high: I64
    message: str = ""
    ordered: bool = True


@dataclass(slots=True)
class CurveTables:
    """The rows of all tables of one event against the others, gathered pair by pair."""

    options: CurveOptions
    tables: dict[str, TableRows] = field(default_factory=dict[str, TableRows])

    def of(self, name: str) -> TableRows:
        """Return the rows of a table."""
        return self.tables.setdefault(name, TableRows(name))

    def add(
        self,
        keys: Mapping[str, object],
        outcome: CurveOutcome,
        found: CurveEstimates,
        names: GroupNames,
        laid: Sequence[GroupRows],
        *,
        robust: bool,
    ) -> None:
        """Add what was estimated of one outcome in the groups of one protein, but for rates."""
        limits = find_limits(
            found.curves.survival,
            found.curves.se,
            kind=self.options.scale,
            level=self.options.level,
        )
        self._add_groups(keys, found, names)
        self._add_rank(keys, found, robust=robust)
        for k, label in enumerate(names.labels):
            ended = say(*laid[k].ended)
            of = {**keys, "group": label, **ended}
            if ended[c.STATUS] == Status.ok.name:
                self._add_curve(of, found, k, limits, laid[k].times)
                self._add_times(of, outcome, found, k)
            else:
                self._add_no_curve(of)
            self._add_medians(of, found, k, (limits[0][k], limits[1][k]))
        self._add_means(keys, found, names)

    def _add_groups(
        self, keys: Mapping[str, object], found: CurveEstimates, names: GroupNames
    ) -> None:
        events = np.array([np.count_nonzero(group.happened) for group in found.groups])
        self.of("groups").add(
            {**keys, c.MESSAGE: names.message or None},
            {
                "group": list(names.labels),
                "low": names.low,
                "high": names.high,
                "people": found.people[:-1],
                "at_high": names.at_high,
                "events": events,
                "observed": found.rank.observed,
                "expected": found.rank.expected,
            },
        )

    def _add_rank(self, keys: Mapping[str, object], found: CurveEstimates, *, robust: bool) -> None:
        test = found.rank
        good = math.isfinite(test.statistic)
        events = int(np.count_nonzero(found.subjects.risk.cause))
        self.of("logrank").add_one(
            {**keys, **(say(Status.ok) if good else say(*judge_test(found, events)))},
            rho=self.options.rho,
            n=int(found.people[-1]),
            n_case=events,
            groups=found.subjects.count,
            statistic=test.statistic if good else None,
            df=test.df if good else None,
            neg_log10_p=test.neg_log10_p if good else None,
            p_value=float(p_from_neg_log10(test.neg_log10_p)) if good else None,
            trend_statistic=found.trend[0],
            trend_neg_log10_p=found.trend[1],
            trend_p_value=float(p_from_neg_log10(found.trend[1])),
            variance="robust" if robust else "hypergeometric",
            baseline=self.options.strata,
        )

    def _add_curve(
        self,
        keys: Mapping[str, object],
        found: CurveEstimates,
        k: int,
        limits: tuple[F64, F64],
        times: F64,
    ) -> None:
        group, counts, curves = found.groups[k], found.counts, found.curves
        place = np.searchsorted(counts.times, times, side="right")
        own = np.isin(times, counts.times)
        own[0] = False  # the beginning, before anything happens

        def lay(begin: float, values: F64) -> F64:
            return np.concatenate([[begin], values])[place]

        there = np.zeros(times.size)
        for row in np.flatnonzero(~own):
            there[row] = count_there(group, float(times[row]), first=not row)
        certain = _certain(self.options)
        censored = np.searchsorted(group.exit[~group.happened], times, side="right")
        self.of("curves").add(
            keys,
            {
                "time": times,
                "at_risk": np.where(own, lay(0.0, counts.at_risk[k]), there),
                "events": np.where(own, lay(0.0, counts.events[k]), 0.0),
                "censored": np.diff(censored, prepend=0),
                "survival": lay(1.0, curves.survival[k]),
                c.SE: lay(0.0, curves.se[k]),
                c.CONF_LOW: lay(certain[0], limits[0][k]),
                c.CONF_HIGH: lay(certain[1], limits[1][k]),
            },
        )

    def _add_no_curve(self, keys: Mapping[str, object]) -> None:
        none = dict.fromkeys(
            ("time", "at_risk", "events", "censored", "survival", c.SE, c.CONF_LOW, c.CONF_HIGH)
        )
        self.of("curves").add_one(keys, **none)
        self.of("curve_times").add_one(keys, **none)

    def _add_times(
        self, keys: Mapping[str, object], outcome: CurveOutcome, found: CurveEstimates, k: int
    ) -> None:
        at = outcome.at
        survival, se = (part[k] for part in read_curves(found.curves, at))
        low, high = find_limits(survival, se, kind=self.options.scale, level=self.options.level)
        group = found.groups[k]
        place = np.searchsorted(found.counts.times, at, side="right")
        summed = np.concatenate([[0.0], np.cumsum(found.counts.events[k])])
        without = np.searchsorted(group.exit[~group.happened], at, side="right")
        beyond = (at > group.last) & (survival != 0.0)
        self.of("curve_times").add(
            keys,
            {
                "time": at,
                "at_risk": found.at_risk[k],
                "events": summed[place],
                "censored": without,
                "survival": np.where(beyond, np.nan, survival),
                c.SE: np.where(beyond, np.nan, se),
                c.CONF_LOW: np.where(beyond, np.nan, low),
                c.CONF_HIGH: np.where(beyond, np.nan, high),
            },
        )

    def _add_medians(
        self, keys: Mapping[str, object], found: CurveEstimates, k: int, limits: tuple[F64, F64]
    ) -> None:
        times, curve = found.curves.times, found.curves.survival[k]
        known = keys[c.STATUS] == Status.ok.name
        for level in dict.fromkeys((0.5, *self.options.levels)):
            at, low, high = (
                find_crossing(times, line, level=level) if known else math.nan
                for line in (curve, *limits)
            )
            ended: dict[str, object] = {}
            if known and math.isnan(at):
                least = float(curve[-1]) if curve.size else 1.0
                ended = say(Status.not_identified, f"survival falls to {least:.3g}, not {level:g}")
            self.of("medians").add_one(
                {**keys, **ended}, survival=level, median=at, low=low, high=high
            )

    def _add_means(
        self, keys: Mapping[str, object], found: CurveEstimates, names: GroupNames
    ) -> None:
        rows, z = self.of("rmst"), float(quantile_normal(0.5 + self.options.level / 2.0))
        ended = [judge_mean(found, k) for k in range(len(names.labels))]
        for k, label in enumerate(names.labels):
            mean, se = float(found.means.mean[k]), float(found.means.se[k])
            ok = ended[k][0] is Status.ok
            cells = _estimate(mean, se, z, test=False) if ok else _no_estimate()
            of = {**keys, "quantity": "mean", "group": label, "reference": None}
            rows.add_one({**of, **say(*ended[k])}, tau=found.tau, **cells, ratio=None)
        for k, label in enumerate(names.labels[1:], start=1):
            bad = next((ended[j] for j in (0, k) if ended[j][0] is not Status.ok), None)
            for quantity, part in _contrast(found, k).items():
                cells = _no_estimate() if bad else _estimate(*part, z, test=True)
                end = bad or (Status.ok, "")
                if bad is None and cells[c.STATISTIC] is None:
                    end = (Status.not_identified, "neither of the two means has an error")
                    cells = _no_estimate()
                told = quantity == "ratio" and end[0] is Status.ok
                shown = math.exp(part[0]) if told else None
                of = {**keys, "quantity": quantity, "group": label, "reference": names.labels[0]}
                rows.add_one({**of, **say(*end)}, tau=found.tau, **cells, ratio=shown)

    def add_rates(
        self, keys: Mapping[str, object], found: CurveEstimates, names: GroupNames
    ) -> None:
        """Add rates of groups, and their ratios to the first."""
        rows, years = self.of("rates"), found.years
        exact = found.subjects.weights is None
        sums = list(zip(years.events, years.years, years.squares, strict=True))
        for k, label in enumerate(names.labels):
            d, T, v = map(float, sums[k])
            low, high = limit_rate(
                d, T, squares=v, largest=float(years.largest[k]), level=self.options.level
            )
            ratio: dict[str, object] = dict.fromkeys(
                ("ratio", "ratio_low", "ratio_high", c.NEG_LOG10_P, c.P_VALUE)
            )
            if k:
                held = compare_rates(sums[k], sums[0], exact=exact, level=self.options.level)
                p = float(p_from_neg_log10(held.neg_log10_p))
                parts = (held.ratio, held.low, held.high, held.neg_log10_p, p)
                finite = [part if math.isfinite(part) else None for part in parts]
                ratio = dict(zip(ratio, finite, strict=True))
            rows.add_one(
                {**keys, "group": label},
                people=int(found.people[k]),
                events=int(np.count_nonzero(found.groups[k].happened)),
                weighted_events=None if exact else d,
                person_years=T,
                rate=PER * d / T,
                conf_low=PER * low,
                conf_high=PER * high,
                **ratio,
            )


def _certain(options: CurveOptions) -> tuple[float, float]:
    """Return the limits of survival before any event."""
    low, high = find_limits(np.ones(1), np.zeros(1), kind=options.scale)
    return float(low[0]), float(high[0])


def _contrast(found: CurveEstimates, k: int) -> dict[str, tuple[float, float]]:
    """Return the difference of two means and the log of their ratio, each with its error."""
    means = found.means
    (a, b), (s, t) = ([float(part[j]) for j in (0, k)] for part in (means.mean, means.se))
    return {
        "difference": (b - a, math.hypot(s, t)),
        "ratio": (math.log(b / a), math.hypot(s / a, t / b)),
    }


def _no_estimate() -> dict[str, float | None]:
    return dict.fromkeys(
        (c.ESTIMATE, c.SE, c.STATISTIC, c.NEG_LOG10_P, c.P_VALUE, c.CONF_LOW, c.CONF_HIGH)
    )


def _estimate(value: float, se: float, z: float, *, test: bool) -> dict[str, float | None]:
    cells = _no_estimate()
    cells |= {c.ESTIMATE: value, c.SE: se, c.CONF_LOW: value - z * se, c.CONF_HIGH: value + z * se}
    if test and se > 0.0:
        p = float(neg_log10_p_normal(value / se))
        cells |= {c.STATISTIC: value / se, c.NEG_LOG10_P: p, c.P_VALUE: float(p_from_neg_log10(p))}
    return cells
