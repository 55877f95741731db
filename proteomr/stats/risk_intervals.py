"""Intervals between the times at which the people at risk change, and sums over these people.

A person is at risk on ``(entry, exit]``. The times of all people, in each baseline stratum those of
its own, cut follow-up into cells ``(t, t']`` within which the same people are at risk; whatever
depends on these alone is one number a cell. Tied times are one time: nobody is put before another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["RiskIntervals", "find_risk_intervals"]


@dataclass(frozen=True, slots=True)
class RiskIntervals:
    """The T cells of n people, those of a stratum one after another.

    Attributes
    ----------
    first, last : ``(n,)``, the cells between which a person is at risk, both among them.
    lengths : ``(T,)``, of the cells.
    times : ``(T,)``, at their ends.
    starts : ``(S + 1,)``, the first cell of each stratum, and T.
    """

    first: I64
    last: I64
    lengths: F64
    times: F64
    starts: I64

    @property
    def durations(self) -> F64:
        """Time at risk of each person ``(n,)``."""
        return self.within(self.lengths)

    def sum_at_risk(self, values: F64) -> F64:
        """Sum values of people ``(n,)`` or ``(n, q)`` over those at risk in each cell.

        Sums run from the last cell to the first, so that where few are left nothing has cancelled.

        Examples
        --------
        >>> cells = find_risk_intervals(np.array([1.0, 2.0, 2.0]))
        >>> cells.sum_at_risk(np.array([5.0, 1.0, 2.0])).tolist()
        [8.0, 3.0]
        """
        leaving = self._gather(self.last, values)
        begins = np.zeros(self.lengths.size, dtype=bool)
        begins[self.starts[:-1]] = True
        late = np.flatnonzero(~begins[self.first])
        if late.size:
            leaving -= self._gather(self.first[late] - 1, values[late])
        for start, stop in zip(self.starts[:-1], self.starts[1:], strict=True):
            leaving[start:stop] = np.cumsum(leaving[start:stop][::-1], axis=0)[::-1]
        return leaving

    def within(self, steps: F64) -> F64:
        """Sum what happens in cells ``(T,)`` or ``(T, q)`` over those of each person ``(n, ...)``.

        Examples
        --------
        >>> cells = find_risk_intervals(np.array([1.0, 3.0]), np.array([0.0, 1.0]))
        >>> cells.within(np.array([10.0, 1.0])).tolist()
        [10.0, 1.0]
        """
        total = np.zeros((steps.shape[0] + 1, *steps.shape[1:]))
        np.cumsum(steps, axis=0, out=total[1:])
        until = total[self.last + 1]
        if self.starts.size == 2 and not self.first.any():
            return until
        return np.asarray(until - total[self.first])

    def _gather(self, cells: I64, values: F64) -> F64:
        """Add values of people to their cells."""
        T = self.lengths.size
        if values.ndim == 1:
            return np.asarray(np.bincount(cells, weights=values, minlength=T), dtype=np.float64)
        out = np.zeros((T, values.shape[1]))
        if not cells.size:
            return out
        order = np.argsort(cells, kind="stable")
        ordered = cells[order]
        begins = np.flatnonzero(np.diff(ordered, prepend=-1))
        out[ordered[begins]] = np.add.reduceat(values[order], begins, axis=0)
        return out


def find_risk_intervals(
    exits: F64, entries: F64 | None = None, *, strata: I64 | None = None
) -> RiskIntervals:
    """Find the cells of follow-up within which the same people are at risk.

    Parameters
    ----------
    exits : ``(n,)``, above the entries.
    entries : ``(n,)``, when people came under observation; -inf and None stand for time 0.
    strata : ``(n,)``, codes of baseline strata; None for one.

    Examples
    --------
    >>> cells = find_risk_intervals(np.array([2.0, 5.0, 5.0]), np.array([-np.inf, 1.0, -np.inf]))
    >>> cells.lengths.tolist(), cells.first.tolist(), cells.last.tolist()
    ([1.0, 1.0, 3.0], [0, 1, 0], [1, 2, 2])
    """
    n = exits.size
    entries = np.zeros(n) if entries is None else np.where(np.isneginf(entries), 0.0, entries)
    codes = np.zeros(n, dtype=np.int64) if strata is None else strata
    first, last = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    lengths, times, starts = [], [], [0]
    for stratum in np.unique(codes):
        rows = np.flatnonzero(codes == stratum)
        ends = np.unique(np.concatenate([entries[rows], exits[rows]]))
        first[rows] = np.searchsorted(ends, entries[rows]) + starts[-1]
        last[rows] = np.searchsorted(ends, exits[rows]) - 1 + starts[-1]
        lengths.append(np.diff(ends))
        times.append(ends[1:])
        starts.append(starts[-1] + ends.size - 1)
    return RiskIntervals(
        first,
        last,
        np.concatenate([np.empty(0), *lengths]),
        np.concatenate([np.empty(0), *times]),
        np.array(starts, dtype=np.int64),
    )
