"""Additive hazards of people who stand twice, fitted to many samples of weights.

The estimator of :func:`proteomr.stats.additive_hazards.fit_additive_hazards` for one design: the
copies of a person share all columns but the last, the exposure that the mediator follows. What two
copies have in common is summed once, and what does not depend on the weights is made once.
"""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64
from proteomr.stats.additive_hazards import invert_information
from proteomr.stats.risk_intervals import find_risk_intervals

__all__ = ["DoubledHazards"]


class DoubledHazards:
    """Effects of an exposure and of that which the mediator follows, beside covariates.

    Parameters
    ----------
    covariates : ``(n, k)``, without an intercept.
    exposure : ``(n,)``, 0 or 1; the second copies follow 1 less it.
    outcome : ``(n, 3)``: entry (-inf for time 0), exit, and 1 for the event or 0.

    Examples
    --------
    >>> a = np.array([1.0, 0.0, 1.0, 0.0, 1.0])
    >>> outcome = np.column_stack([np.zeros(5), [1.0, 2.0, 3.0, 4.0, 5.0], np.ones(5)])
    >>> twice = DoubledHazards(np.array([[0.3], [1.0], [0.5], [0.0], [2.0]]), a, outcome)
    >>> twice.fit(np.ones(5), np.array([0.5, 2.0, 0.8, 1.0, 1.5])).round(3).tolist()
    [0.03, 0.072]
    """

    def __init__(self, covariates: F64, exposure: F64, outcome: F64) -> None:
        cells = find_risk_intervals(outcome[:, 1], outcome[:, 0])
        # people in the order of their ends: sums of cells are then sums of runs
        order = np.argsort(cells.last, kind="stable")
        self._order = order
        shared = np.column_stack([covariates, exposure])[order]
        self._mean = shared.mean(axis=0)
        self._shared = np.ascontiguousarray(shared - self._mean)
        self._exposure = exposure[order]
        self._last, self._first = cells.last[order], cells.first[order]
        self._durations = cells.durations[order]
        self._lengths = cells.lengths
        self._dead = np.flatnonzero(outcome[order, 2] > 0.0)
        self._late = np.flatnonzero(self._first > 0)
        self._begins = np.flatnonzero(np.diff(self._last, prepend=-1))

    def fit(self, own: F64, other: F64) -> F64:
        """Return direct and indirect effect ``(2,)``; NaN where weights determine none.

        Parameters
        ----------
        own, other : ``(n,)``, weights of the first and the second copies, 0 or above.
        """
        u, v = own[self._order], other[self._order]
        both = u + v
        # the exposure that the mediator follows is 1 in the first copies of the exposed and in
        # the second ones of the others
        follows = u * self._exposure + v * (1.0 - self._exposure)
        total = both.sum()
        share = float(follows.sum() / total) if total > 0.0 else 0.0
        columns = self._shared
        k = columns.shape[1]
        weighted = np.column_stack([columns * both[:, None], follows - share * both, both])
        at_risk = self._sum_at_risk(weighted)
        there = at_risk[:, -1]
        means = at_risk[:, :-1] / np.where(there > 0.0, there, 1.0)[:, None]
        squares = self._sum_squares(both, follows, share, weighted, k)
        left = squares - (at_risk[:, :-1] * self._lengths[:, None]).T @ means
        dead = self._dead
        score = weighted[dead, :-1].sum(axis=0) - both[dead] @ means[self._last[dead]]
        inverse, sound = invert_information((left + left.T) / 2.0, np.diagonal(squares).copy())
        if not np.all(sound[-2:]):
            return np.full(2, np.nan)
        return np.asarray((inverse @ score)[-2:])

    def _sum_squares(self, both: F64, follows: F64, share: float, weighted: F64, k: int) -> F64:
        """Return the sums of products of all columns over time at risk ``(k + 1, k + 1)``."""
        time = self._durations
        squares = np.empty((k + 1, k + 1))
        timed = self._shared * (both * time)[:, None]
        squares[:k, :k] = timed.T @ self._shared
        cross = self._shared.T @ (weighted[:, k] * time)
        squares[:k, k] = squares[k, :k] = cross
        own = follows - 2.0 * share * follows + share * share * both
        squares[k, k] = float(own @ time)
        return squares

    def _sum_at_risk(self, values: F64) -> F64:
        """Sum values of people over those at risk in each cell ``(T, q)``."""
        out = np.zeros((self._lengths.size, values.shape[1]))
        out[self._last[self._begins]] = np.add.reduceat(values, self._begins, axis=0)
        if self._late.size:
            late = self._late[np.argsort(self._first[self._late], kind="stable")]
            cells = self._first[late] - 1
            begins = np.flatnonzero(np.diff(cells, prepend=-1))
            out[cells[begins]] -= np.add.reduceat(values[late], begins, axis=0)
        return np.cumsum(out[::-1], axis=0)[::-1]
