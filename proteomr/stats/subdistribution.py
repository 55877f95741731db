"""Who is at risk of an event that others compete with: people with a competing event stay, with a
weight that falls as they would have been censored (Fine and Gray 1999,
doi:10.1080/01621459.1999.10474144).

At an event time t of stratum s the sums over the risk set are

``S(t) = sum_{entry_i < t <= exit_i} r_i x_i + sum_c g_c(t) sum_{i of c, exit_i < t} r_i x_i / g_i``

where the second is over people with a competing event, ``g_c`` is the chance to be under
observation in a stratum of censoring, and ``g_i`` that at the person's own exit. Both parts are
cumulative sums over sorted rows, so that no row is ever repeated and a pass costs ``O(n)`` for each
column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.censoring import Censoring

__all__ = ["SubdistributionRisk", "cumulate", "lay_out_risk"]

# A difference of two sums this many times larger than itself is summed anew: it has lost digits.
_CANCELLED = 1e-5


@dataclass(frozen=True, slots=True)
class SubdistributionRisk:
    """Rows in order of stratum and exit, and the K event times that they are at risk at.

    Attributes
    ----------
    order : ``(n,)``, positions of the rows as they were given; all else is in this order.
    starts : ``(B + 1,)``, where the event times of each baseline stratum begin, and the end.
    times : ``(K,)``, of events, ascending within each stratum.
    low, high : ``(n,)``, a row is at risk at event times ``low <= k < high``.
    end : ``(n,)``, the end of the event times of its stratum.
    is_event, competes : ``(n,)``.
    own_share : ``(n,)``, chance to be under observation at the own exit.
    censoring_stratum : ``(n,)``, position in the strata of censoring.
    share : ``(C, K)``, chance to be under observation at each event time.
    """

    order: I64
    starts: I64
    times: F64
    low: I64
    high: I64
    end: I64
    is_event: Bool
    competes: Bool
    own_share: F64
    censoring_stratum: I64
    share: F64

    @property
    def stays(self) -> Bool:
        """Who is in a risk set after a competing event ``(n,)``."""
        return self.competes & (self.high < self.end)

    def sum_at_risk(self, values: F64) -> F64:
        """Sum ``(n, q)`` over those at risk at each event time ``(K, q)``.

        Parameters
        ----------
        values : the first column positive, by which it is seen where a difference lost digits.
        """
        total = self._sum_observed(values)
        for c, rows in self._staying():
            added = values[rows] / self.own_share[rows, None]
            held = self._bin(self.high[rows], added)
            total += self.share[c][:, None] * cumulate(held, self.starts)
        return total

    def sum_hazards(self, hazard: F64, own: F64) -> F64:
        """Sum ``(K, q)`` over the event times that each row is at risk at ``(n, q)``.

        Parameters
        ----------
        own : ``(K, q)``, what takes the place of the hazard at the time of a row's own event.
        """
        last, start = self.high - self.is_event, self._start_of_row()
        since = np.concatenate([np.zeros((1, hazard.shape[1])), cumulate(hazard, self.starts)])
        # What stands before the first time of a stratum is of the stratum before it.
        seen = np.where((last > start)[:, None], since[last], 0.0)
        late = np.flatnonzero(self.low > start)
        seen[late] -= since[self.low[late]]
        at_event = np.flatnonzero(self.is_event)
        seen[at_event] += own[last[at_event]]
        for c, rows in self._staying():
            later = cumulate(self.share[c][:, None] * hazard, self.starts, reverse=True)
            seen[rows] += later[self.high[rows]] / self.own_share[rows, None]
        return seen

    def _start_of_row(self) -> I64:
        """Return where the event times of each row's stratum begin ``(n,)``."""
        return self.starts[np.searchsorted(self.starts, self.end, side="left") - 1]

    def _staying(self) -> Iterator[tuple[int, I64]]:
        """Give each stratum of censoring with those of it who stay at risk."""
        stays = self.stays
        for c in range(self.share.shape[0]):
            rows = np.flatnonzero(stays & (self.censoring_stratum == c))
            if rows.size:
                yield c, rows

    def _sum_observed(self, values: F64) -> F64:
        """Sum over those under observation at each event time."""
        start = self._start_of_row()
        ever = np.flatnonzero(self.high > start)
        whole = cumulate(self._bin(self.high[ever] - 1, values[ever]), self.starts, reverse=True)
        late = np.flatnonzero((self.low > start) & (self.high > start))
        if late.size == 0:
            return whole
        absent = self._bin(self.low[late] - 1, values[late])
        found = whole - cumulate(absent, self.starts, reverse=True)
        for k in np.flatnonzero(found[:, 0] < _CANCELLED * whole[:, 0]).tolist():
            found[k] = values[(self.low <= k) & (k < self.high)].sum(axis=0)
        return found

    def _bin(self, place: I64, values: F64) -> F64:
        """Sum rows ``(m, q)`` by their place among the event times ``(K, q)``."""
        out = np.zeros((self.times.size, values.shape[1]))
        if place.size:
            order = np.argsort(place, kind="stable")
            sorted_ = place[order]
            heads = np.flatnonzero(np.concatenate([[True], sorted_[1:] != sorted_[:-1]]))
            out[sorted_[heads]] = np.add.reduceat(values[order], heads, axis=0)
        return out


def cumulate(values: F64, starts: I64, *, reverse: bool = False) -> F64:
    """Sum ``(K, q)`` cumulatively within each stratum, from its first time or from its last.

    Examples
    --------
    >>> cumulate(np.ones((4, 1)), np.array([0, 1, 4]), reverse=True)[:, 0].tolist()
    [1.0, 3.0, 2.0, 1.0]
    """
    out = np.empty_like(values)
    for first, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        step = slice(first, end)
        out[step] = (
            np.cumsum(values[step][::-1], axis=0)[::-1]
            if reverse
            else np.cumsum(values[step], axis=0)
        )
    return out


def lay_out_risk(
    times: F64,
    event: I64,
    *,
    code: int,
    censoring: Censoring,
    baseline: I64 | None = None,
    censoring_strata: I64 | None = None,
) -> SubdistributionRisk:
    """Find who is at risk of the events of a code at each of their times.

    Parameters
    ----------
    times : ``(n, 2)``, entry and exit.
    event : ``(n,)``, 0 where censored.
    baseline : ``(n,)``, strata of the baseline hazard; None for one.
    censoring_strata : ``(n,)``, strata of the censoring; None for one.

    Examples
    --------
    >>> from proteomr.stats.censoring import estimate_censoring
    >>> times = np.column_stack([np.full(4, -np.inf), [1.0, 2.0, 3.0, 4.0]])
    >>> event = np.array([2, 0, 1, 1])
    >>> risk = lay_out_risk(times, event, code=1, censoring=estimate_censoring(times, event))
    >>> risk.sum_at_risk(np.ones((4, 1)))[:, 0].round(4).tolist()
    [2.6667, 1.6667]
    """
    n = event.size
    strata = np.zeros(n, dtype=np.int64) if baseline is None else baseline
    within = np.zeros(n, dtype=np.int64) if censoring_strata is None else censoring_strata
    order = np.lexsort((times[:, 1], strata))
    entry, exit_ = times[order, 0], times[order, 1]
    what, strata, within = event[order], strata[order], within[order]
    of_interest = what == code
    low, high, end = (np.zeros(n, dtype=np.int64) for _ in range(3))
    starts, parts = [0], []
    for stratum in np.unique(strata).tolist():
        rows = slice(*np.searchsorted(strata, [stratum, stratum + 1]).tolist())
        at = np.unique(exit_[rows][of_interest[rows]])
        low[rows] = starts[-1] + np.searchsorted(at, entry[rows], side="right")
        high[rows] = starts[-1] + np.searchsorted(at, exit_[rows], side="right")
        starts.append(starts[-1] + at.size)
        end[rows] = starts[-1]
        parts.append(at)
    event_times = np.concatenate([*parts, np.empty(0)])
    cells = np.unique(within)
    own_share, share = np.ones(n), np.empty((cells.size, event_times.size))
    for c, stratum in enumerate(cells.tolist()):
        share[c] = censoring.share(event_times, stratum)
        rows = within == stratum
        own_share[rows] = censoring.share(exit_[rows], stratum)
    return SubdistributionRisk(
        order.astype(np.int64),
        np.array(starts, dtype=np.int64),
        event_times,
        low,
        high,
        end,
        of_interest,
        (what != 0) & ~of_interest,
        own_share,
        np.searchsorted(cells, within).astype(np.int64),
        share,
    )
