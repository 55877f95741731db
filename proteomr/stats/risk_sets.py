"""Who is at risk at each event: the rows of survival data as intervals of event times.

Everything that a proportional hazards model sums over its risk sets needs of a row only which event
times it lives through. With the distinct event times of all strata numbered one after another, row
i is at risk at those from ``low_i`` to below ``high_i``: left truncation, strata and the pieces of
a counting process are all intervals of that kind, and no row has to lie in the order of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64, Bool

__all__ = ["TIE_TOLERANCE", "RiskSets", "RowBins", "lay_out_risk_sets", "tie_times"]

TIE_TOLERANCE = float(np.sqrt(np.finfo(np.float64).eps))
"""The distance of times over their mean size up to which they are one (1.5e-8)."""


def tie_times(times: F64, *, named: Sequence[float] = ()) -> F64:
    """Return times ``(n, q)`` in which those that differ by rounding alone are equal.

    Neighbours among the distinct finite times are one where they are apart by 1.5e-8 of the mean
    absolute time at the most; the first of such a run stands for all of it. So does R's
    ``survival::aeqSurv`` (Therneau, survival 3.5), which ``coxph`` applies; it takes times that are
    apart by 1.5e-8 of any unit for one, too, so that those in a unit of 1e9 years all tie.

    Parameters
    ----------
    times : entries and exits, of all rows; NaN and infinite ones stay.
    named : times that somebody has asked for, such as ends of periods: a run that holds one but for
        rounding is that time, so that what is asked at 0.3 sees what happened at 0.1 + 0.2.

    Examples
    --------
    >>> tie_times(np.array([0.1 + 0.2, 7.0]), named=[0.3]).tolist()
    [0.3, 7.0]
    >>> tie_times(np.array([[-np.inf, 1.0], [-np.inf, 1.0 + 1e-12], [1.0 - 1e-12, 2.0]])).tolist()
    [[-inf, 0.999999999999], [-inf, 0.999999999999], [0.999999999999, 2.0]]
    """
    finite = np.isfinite(times)
    distinct = np.unique(times[finite])
    if not distinct.size:
        return times
    gaps, mean = np.diff(distinct), float(np.mean(np.abs(distinct)))
    within = TIE_TOLERANCE * mean
    with np.errstate(divide="ignore", invalid="ignore"):
        tied = gaps / mean <= TIE_TOLERANCE
    run = np.cumsum(np.concatenate([[0], ~tied]))
    cuts = distinct[np.concatenate([[True], ~tied])]
    of_run = cuts.copy()
    for time in named:
        nearest = int(np.argmin(np.abs(distinct - time)))
        if abs(distinct[nearest] - time) <= within:
            of_run[run[nearest]] = time
    if np.array_equal(of_run, distinct):
        return times
    out = times.copy()
    out[finite] = of_run[np.searchsorted(cuts, times[finite], side="right") - 1]
    return out


class RowBins(NamedTuple):
    """Rows by the event times that they are at risk at; 0 stands for none of them.

    Attributes
    ----------
    top : ``(n,)`` of int32, one more than the last.
    bottom : one more than the first.
    base : the first of those who come late; 0 for all others.
    dead : rows with the event.
    part : ``(G,)``, of each event time.
    late : whether any row comes late.
    """

    top: NDArray[np.int32]
    bottom: NDArray[np.int32]
    base: NDArray[np.int32]
    dead: I64
    part: I64
    late: bool


@dataclass(frozen=True)
class RiskSets:
    """The n rows of survival data against their G event times.

    Attributes
    ----------
    low, high : ``(n,)``, row i is at risk at the event times from ``low_i`` to below ``high_i``;
        a row whose two are equal is at risk at none.
    died : ``(n,)``, whether the row ends with the event: at the time ``high_i - 1``.
    deaths : ``(G,)``, events at each.
    times : ``(G,)``, when they are.
    part : ``(n,)``, rows of different parts have no risk set in common, directly or through
        others: strata, and what left truncation takes apart; -1 for rows that are never at risk.
    part_of_time : ``(G,)``.
    """

    low: I64
    high: I64
    died: Bool
    deaths: I64
    times: F64
    part: I64
    part_of_time: I64

    @property
    def size(self) -> int:
        """Number of event times, G."""
        return int(self.deaths.size)

    @property
    def parts(self) -> int:
        """Number of parts."""
        return int(self.part_of_time[-1]) + 1 if self.size else 0

    @property
    def at_risk(self) -> Bool:
        """Which rows are at risk at any event time ``(n,)``."""
        return np.asarray(self.high > self.low)

    def meets_events(self, rows: I64, among: Bool) -> Bool:
        """Return which of some rows are at risk at an event of those who are observed.

        Parameters
        ----------
        among : ``(n,)``, who is observed.

        Examples
        --------
        >>> rows = np.array([[-np.inf, 3.0, 1.0], [-np.inf, 5.0, 1.0], [-np.inf, 4.0, 0.0]])
        >>> risk, seen = lay_out_risk_sets(rows), np.array([False, True, True])
        >>> risk.meets_events(np.arange(3), seen).tolist()
        [False, True, False]
        """
        counts = np.bincount(self.high[self.died & among] - 1, minlength=self.size)
        before = np.concatenate([[0], np.cumsum(counts)])
        return np.asarray(before[self.high[rows]] > before[self.low[rows]])

    @cached_property
    def came_late(self) -> Bool:
        """Which rows come to risk after the first event time of their part ``(n,)``."""
        first = np.searchsorted(self.part_of_time, self.part)
        return np.asarray(self.at_risk & (self.low > first))

    @cached_property
    def truncated(self) -> bool:
        """Whether some row comes to risk after the first event time of its part."""
        return bool(np.any(self.came_late))

    @cached_property
    def longest(self) -> int:
        """The most event times that a part has."""
        return int(np.bincount(self.part_of_time).max(initial=0))

    @cached_property
    def bins(self) -> RowBins:
        """Where each row's hazard belongs, for loops over rows."""
        ever, late = self.at_risk, self.came_late
        return RowBins(
            np.where(ever, self.high, 0).astype(np.int32),
            np.where(ever, self.low + 1, 0).astype(np.int32),
            np.where(late, self.low, 0).astype(np.int32),
            np.flatnonzero(self.died),
            self.part_of_time,
            self.truncated,
        )

    def take(self, rows: I64 | Bool) -> RiskSets:
        """Return the risk sets of some rows, with the event times that they have."""
        low, high, died = self.low[rows], self.high[rows], self.died[rows]
        counts = np.bincount(high[died] - 1, minlength=self.size)
        kept = np.flatnonzero(counts > 0)
        place = np.concatenate([[0], np.cumsum(counts > 0)])
        return _divide(place[low], place[high], died, counts[kept], self.times[kept])

    def at_times(self, kept: Bool) -> RiskSets:
        """Return the risk sets of some event times ``(G,)``; events at the others are none.

        Examples
        --------
        >>> rows = np.array([[-np.inf, 3.0, 1.0], [-np.inf, 5.0, 1.0]])
        >>> found = lay_out_risk_sets(rows).at_times(np.array([False, True]))
        >>> found.low.tolist(), found.high.tolist(), found.died.tolist()
        ([0, 0], [0, 1], [False, True])
        """
        place = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
        died = self.died.copy()
        died[died] = kept[self.high[died] - 1]
        of_times = self.deaths[kept], self.times[kept]
        return _divide(place[self.low], place[self.high], died, *of_times)

    def refine(self, within: I64) -> RiskSets:
        """Return the risk sets in which rows of another group count as another stratum.

        Parameters
        ----------
        within : ``(n,)``, group of each row, from 0 on; deaths at one time in one stratum must be
            of one group to stay tied.
        """
        width = self.size + 1
        codes = within[self.died] * width + (self.high[self.died] - 1)
        distinct, deaths = np.unique(codes, return_counts=True)
        low = np.searchsorted(distinct, within * width + self.low)
        high = np.searchsorted(distinct, within * width + self.high)
        times = self.times[distinct % width]
        return _divide(low.astype(np.int64), high.astype(np.int64), self.died, deaths, times)


def lay_out_risk_sets(
    outcome: F64, strata: I64 | None = None, *, event: int | None = None
) -> RiskSets:
    """Return the risk sets of rows; a row whose entry is not before its exit is in none.

    Parameters
    ----------
    outcome : ``(n, 3)``, entry (minus infinity where there is no left truncation), exit, and 0
        where the row ends without the event. A row is at risk at t where entry < t <= exit.
    strata : ``(n,)``, stratum of each row from 0 on; None for one.
    event : the code that is the event, others being none; None where all but 0 are.

    Examples
    --------
    >>> rows = np.array([[-np.inf, 3.0, 1.0], [-np.inf, 5.0, 0.0], [3.0, 6.0, 1.0]])
    >>> found = lay_out_risk_sets(rows)
    >>> found.times.tolist(), found.low.tolist(), found.high.tolist(), found.parts
    ([3.0, 6.0], [0, 0, 1], [1, 1, 2], 2)
    """
    entry, exit_, code = outcome.T
    valid = entry < exit_
    died = valid & ((code != 0.0) if event is None else (code == float(event)))
    group = np.zeros(exit_.size, dtype=np.int64) if strata is None else strata.astype(np.int64)
    when = np.unique(exit_[died])
    width = when.size + 1
    codes = group[died] * width + np.searchsorted(when, exit_[died])
    distinct, deaths = np.unique(codes, return_counts=True)
    low = np.searchsorted(distinct, group * width + np.searchsorted(when, entry, side="right"))
    high = np.searchsorted(distinct, group * width + np.searchsorted(when, exit_, side="right"))
    high = np.where(valid, high, low)
    times = when[distinct % width] if when.size else np.empty(0)
    return _divide(low.astype(np.int64), high.astype(np.int64), died, deaths, times)


def _divide(low: I64, high: I64, died: Bool, deaths: I64, times: F64) -> RiskSets:
    """Return risk sets with their parts: runs of event times that rows link."""
    G = deaths.size
    linking = high - low > 1
    steps = np.bincount(low[linking], minlength=G + 1)
    steps = steps - np.bincount(high[linking] - 1, minlength=G + 1)
    linked = np.cumsum(steps)[: max(G - 1, 0)] > 0  # whether g and g + 1 have a row in common
    part_of_time = np.concatenate([[0], np.cumsum(~linked)])[:G].astype(np.int64)
    part = np.full(low.size, -1, dtype=np.int64)
    ever = high > low
    part[ever] = part_of_time[low[ever]]
    return RiskSets(low, high, died, deaths.astype(np.int64), times, part, part_of_time)
