"""Additive hazards of people who stand twice, on what all weights of their copies share.

The estimator of :func:`proteomr.stats.additive_hazards.fit_additive_hazards` for one design: the
copies of a person share all columns but the last, the exposure that the mediator follows. What two
copies have in common is summed once, and what does not depend on the weights is made once, for all
samples of people and for all mediators: those who lack one have the weight 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.stats.additive_hazards import invert_information, is_balanced
from proteomr.stats.linalg import find_powers
from proteomr.stats.loops import COMPILED_FROM, load_loops
from proteomr.stats.risk_intervals import find_risk_intervals
from proteomr.stats.weighted_products import sum_products

__all__ = ["DoubledHazards", "HazardEffects"]

# Of the largest weight, below which a cell has nobody: rounding of sums over all people is less.
_NOBODY = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class HazardEffects:
    """Effects of two columns, or of one, on a hazard.

    Attributes
    ----------
    coefficients : ``(q,)``.
    own, other : ``(n, q)``, how far each first and second copy has moved them, weights included.
    """

    coefficients: F64
    own: F64
    other: F64

    @property
    def covariance(self) -> F64:
        """Robust covariance ``(q, q)``, the copies of a person being one."""
        people = self.own + self.other
        return np.asarray(people.T @ people)


@dataclass(frozen=True, slots=True, eq=False)
class _System:
    """The estimating equations at some weights: k shared columns and one of the copies.

    Attributes
    ----------
    left, sizes : ``(k + 1, k + 1)``, ``(k + 1,)``, information, and what it is left of.
    score : ``(k + 1,)``.
    there : ``(T,)``, weight at risk in each cell, 1 where there is none.
    sums : ``(T, k + 1)``, of the columns over it.
    share : what was taken off the column of the copies.
    """

    left: F64
    sizes: F64
    score: F64
    there: F64
    sums: F64
    share: float

    @property
    def means(self) -> F64:
        """Means of the columns over those at risk in each cell ``(k + 1, T)``."""
        return np.ascontiguousarray((self.sums / self.there[:, None]).T)


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
        unit = find_powers(np.abs(covariates).max(axis=0, initial=0.0))
        # columns as rows: their sums over cells and their products run along memory
        shared = np.ascontiguousarray(np.column_stack([covariates / unit, exposure])[order].T)
        self._shared = shared - shared.mean(axis=1, keepdims=True)
        self._exposure = exposure[order]
        self._last, self._first = cells.last[order], cells.first[order]
        self._durations = cells.durations[order]
        self._lengths = cells.lengths
        # rows along memory, for sums that leave out whom a sample leaves out
        self._rows = np.ascontiguousarray(self._shared.T)
        self._loops = load_loops("hazard", compiled=order.size >= COMPILED_FROM)
        self._dead = np.flatnonzero(outcome[order, 2] > 0.0)
        self._late = np.flatnonzero(self._first > 0)

    def fit(self, own: F64, other: F64) -> F64:
        """Return direct and indirect effect ``(2,)``; NaN where weights determine none.

        Parameters
        ----------
        own, other : ``(n,)``, weights of the first and the second copies, 0 or above.
        """
        system = self._double(own[self._order], other[self._order])
        inverse, sound = invert_information(system.left, system.sizes)
        if not np.all(sound[-2:]):
            return np.full(2, np.nan)
        return np.asarray((inverse @ system.score)[-2:])

    def estimate(self, own: F64, other: F64) -> HazardEffects | None:
        """Return direct and indirect effect, and how far each copy has moved them.

        None where weights determine none, and where the equations are not solved, taken anew from
        what the copies add to them.
        """
        u, v = own[self._order], other[self._order]
        system = self._double(u, v)
        copies = ((u, self._exposure), (v, 1.0 - self._exposure))
        return self._solve(system, copies, self._shared.shape[0] + 1, 2)

    def estimate_paths(
        self, mediator: F64, weights: F64
    ) -> tuple[HazardEffects, HazardEffects] | None:
        """Return the effect of the exposure without a mediator, and of both; None as above.

        Parameters
        ----------
        mediator : ``(n,)``, of about unit size; anything where it is not there.
        weights : ``(n,)``, 0 where it is not there.
        """
        once = weights[self._order]
        m = np.where(weights > 0.0, mediator, 0.0)[self._order]
        system = self._sum(once, once * m, once * m * m)
        k = self._shared.shape[0]
        both = self._solve(system, ((once, m),), k + 1, 2)
        alone = self._solve(system, ((once, m),), k, 1)
        return None if both is None or alone is None else (alone, both)

    def _double(self, u: F64, v: F64) -> _System:
        # the exposure that the mediator follows is 1 in the first copies of the exposed and in
        # the second ones of the others
        follows = u * self._exposure + v * (1.0 - self._exposure)
        return self._sum(u + v, follows, follows)

    def _sum(self, both: F64, follows: F64, squared: F64) -> _System:
        """Return the equations of copies whose weights, and weights times the column of the copies
        and times its square, are these ``(n,)`` for each person.
        """
        total = both.sum()
        share = float(follows.sum() / total) if total > 0.0 else 0.0
        rows, k = self._rows, self._rows.shape[1]
        mine = follows - share * both
        sums = np.empty((self._lengths.size, k + 2))
        self._loops.sum_at_risk(rows, both, mine, self._last, self._first, self._late, sums)
        there, sums = sums[:, -1], sums[:, :-1]
        # of those who have left again, rounding stays
        nobody = there <= (_NOBODY * both.max(initial=0.0) if self._late.size else 0.0)
        sums[nobody] = 0.0
        there = np.where(nobody, 1.0, there)
        squares = np.empty((k + 1, k + 1))
        squares[:k, :k] = sum_products(rows, both * self._durations)
        squares[k, :k] = squares[:k, k] = rows.T @ (mine * self._durations)
        own = squared - 2.0 * share * follows + share * share * both
        squares[k, k] = float(own @ self._durations)
        taken = sums * np.sqrt(self._lengths / there)[:, None]
        dead = self._dead
        score = np.append(both[dead] @ rows[dead], mine[dead].sum())
        score -= (np.bincount(self._last[dead], both[dead], there.size) / there) @ sums
        sizes = np.diagonal(squares).copy()
        return _System(squares - taken.T @ taken, sizes, score, there, sums, share)

    def _solve(
        self, system: _System, copies: tuple[tuple[F64, F64], ...], p: int, q: int
    ) -> HazardEffects | None:
        """Solve the equations of the first p columns for the last q of these.

        Parameters
        ----------
        copies : of each, its weights and the column that is its own ``(n,)``.
        """
        inverse, sound = invert_information(system.left[:p, :p], system.sizes[:p])
        if not np.all(sound[-q:]):
            return None
        gamma = inverse @ system.score[:p]
        if not np.all(np.isfinite(gamma)):
            return None
        moves = self._trace(system, copies, gamma, np.ascontiguousarray(inverse[:, -q:]))
        if not is_balanced(np.hstack(moves).T):
            return None
        out = []
        for each in moves:
            back = np.empty(each.shape[::-1])
            back[self._order] = each.T
            out.append(back)
        other = out[1] if len(out) > 1 else np.zeros(out[0].shape)
        return HazardEffects(gamma[-q:], out[0], other)

    def _trace(
        self, system: _System, copies: tuple[tuple[F64, F64], ...], gamma: F64, turn: F64
    ) -> list[F64]:
        """Return what each row of the copies adds to the effects ``(q, n)``.

        With y the columns turned into effects, eta the excess hazard and bars for means over those
        at risk: ``w [(y - y_bar)(exit) event - int (y - y_bar) (dB + eta dt)]``, dB the steps of
        the baseline.
        """
        k, p, q, dead = self._shared.shape[0], gamma.size, turn.shape[1], self._dead
        last = self._last[dead]
        lengths, T = self._lengths, self._lengths.size
        counts = np.bincount(last, sum(w[dead] for w, _ in copies), minlength=T)
        means = system.means[:p]
        bars = turn.T @ means
        steps = counts / system.there
        steps -= (gamma @ means) * lengths
        within = self._within(np.vstack([steps, bars * steps, bars * lengths]))
        grown, taken, timed = within[0], within[1 : 1 + q], within[1 + q :]
        shared = np.column_stack([turn[:k], gamma[:k]]).T @ self._shared
        out = []
        for w, z in copies:
            y, eta = shared[:q], shared[q]
            if p > k:
                apart = z - system.share
                y, eta = y + turn[k][:, None] * apart, eta + gamma[k] * apart
            moves = taken + eta * timed - y * (grown + eta * self._durations)
            moves[:, dead] += y[:, dead] - bars[:, last]
            out.append(moves * w)
        return out

    def _within(self, steps: F64) -> F64:
        """Sum what happens in cells ``(q, T)`` over those of each person ``(q, n)``."""
        total = np.zeros((steps.shape[0], steps.shape[1] + 1))
        np.cumsum(steps, axis=1, out=total[:, 1:])
        until = total[:, self._last + 1]
        if self._late.size:
            until -= total[:, self._first]
        return until
