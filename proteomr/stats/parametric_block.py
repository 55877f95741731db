"""Parametric survival models of many proteins on shared covariates.

The likelihood of :mod:`proteomr.stats.parametric_survival`. A protein adds little to what the
covariates say: from their fit, the information there serves for the steps of all proteins of a
block, whose products with the covariates are one matrix product; each ends with its own information
and a step of Newton's method by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.additive_hazards import count_carriers
from proteomr.stats.linalg import cholesky_pivots
from proteomr.stats.parametric_shared import ParametricShared

__all__ = [
    "Acceleration",
    "ParametricBorders",
    "fit_beside",
]

# Steps by the information of the covariates alone: each leaves a tenth of the error or less.
_SWEEPS = 30
_SMALL = 1e-18  # squared standard errors, by that information
_DECREMENT = 1e-15  # and by a fit's own, before its last step squares what is left
# Share of a column that others leave, of information or among those who fail.
_PIVOT = 1e-7
_NOTHING = 1e-10
# Proteins whose products with the covariates are one.
_TOGETHER = 8


@dataclass(frozen=True, slots=True)
class ParametricBorders:
    """Effects of the s own columns of b proteins, beside covariates: on eta, or on log time.

    Attributes
    ----------
    estimate : ``(b, s)``.
    covariance : ``(b, s, s)``, of the errors that were asked for.
    carriers : ``(b, s)``, of robust errors, how many rows or clusters carry each estimate
        (:func:`proteomr.stats.additive_hazards.count_carriers`); NaN of others.
    certified : ``(b,)``, which have their certificate; the others are for the exact path.
    """

    estimate: F64
    covariance: F64
    carriers: F64
    certified: Bool


@dataclass(frozen=True, slots=True)
class Acceleration:
    """How effects on eta are turned into those on log time: by minus the slope of s.

    Attributes
    ----------
    row, given : ``(q,)``, which makes the slope of the coefficients of time, beside what is given.
    """

    row: F64
    given: float

    def turn(self, own: F64, of_time: F64, J: F64) -> F64:
        """Return effects ``(s,)``, and make of J ``(s, q + k + s)`` how they follow from scores."""
        slope = float(self.row @ of_time) + self.given
        J /= -slope
        J[:, : self.row.size] += np.outer(own, self.row) / slope**2
        return -own / slope


def fit_beside(
    shared: ParametricShared,
    borders: F64,
    *,
    robust: bool,
    clusters: I64 | None = None,
    turn: Acceleration | None = None,
) -> ParametricBorders:
    """Fit the own columns of b proteins beside the shared covariates.

    Parameters
    ----------
    borders : ``(b, s, n)``, of about unit size, on the rows as they were handed in.
    robust : give robust errors; those of the information otherwise.
    clusters : ``(n,)``, codes from 0 of what robust errors take for one; None for each row.
    turn : give effects on log time; those on eta otherwise.

    Examples
    --------
    >>> from proteomr.stats.parametric_shared import share_parametric
    >>> from proteomr.stats.parametric_survival import TimeColumns
    >>> from proteomr.stats.survival_links import HazardScale
    >>> t, ones = np.array([1.0, 2.0, 3.0, 4.0]), np.ones((4, 1))
    >>> times = TimeColumns(ones, 0 * ones, np.ones(4), np.log(t), offset=np.log(t),
    ...                     offset_slope=1.0)
    >>> shared = share_parametric(np.empty((4, 0)), times, scale=HazardScale(), start=np.zeros(1))
    >>> fit = fit_beside(shared, np.array([[[1.0, 0.0, 1.0, 0.0]]]), robust=False)
    >>> fit.estimate.round(4).tolist(), fit.covariance.round(4).tolist()
    ([[0.4055]], [[[1.0]]])
    """
    b, s, _ = borders.shape
    found = ParametricBorders(
        np.full((b, s), np.nan),
        np.full((b, s, s), np.nan),
        np.full((b, s), np.nan),
        np.zeros(b, dtype=bool),
    )
    if not shared.sound:
        return found
    groups = None if clusters is None else clusters[shared.rows]
    for start in range(0, b, _TOGETHER):
        part = slice(start, min(start + _TOGETHER, b))
        columns = np.ascontiguousarray(borders[part][:, :, shared.rows])
        sweep = _Sweep.begin(shared, columns, turn)
        sweep.run()
        for j, one in enumerate(sweep.finish(robust=robust, clusters=groups), start=start):
            if one is not None:
                found.estimate[j], found.covariance[j], found.carriers[j] = one
                found.certified[j] = True
    return found


@dataclass(slots=True)
class _Sweep:
    """Some proteins on their way: parameters ``(m, q + k)`` of what is shared, ``(m, s)`` of own.

    Attributes
    ----------
    X : ``(m, s, n)``.
    turn : what is made of their effects.
    P, schur : ``(m, q + k, s)``, ``(m, s, s)``: own columns on the shared ones at their fit, and
        the inverse information that these leave.
    theta, beta : where the proteins are.
    on : ``(m,)``, which are still under way or have come to the end.
    """

    shared: ParametricShared
    X: F64
    turn: Acceleration | None
    P: F64
    schur: F64
    theta: F64
    beta: F64
    on: Bool

    @classmethod
    def begin(cls, shared: ParametricShared, X: F64, turn: Acceleration | None) -> _Sweep:
        m, s, _ = X.shape
        theta, beta = np.tile(shared.theta, (m, 1)), np.zeros((m, s))
        failed = X[:, :, : shared.d]
        rest = failed - (failed @ shared.failed) @ shared.failed.T
        size = np.linalg.norm(failed, axis=2)
        on = np.all(np.linalg.norm(rest, axis=2) > _PIVOT * size, axis=1)
        bend, bend_late = shared.bend(shared.look(theta[:1], beta[:1], X[:1]))
        h = X @ (shared.V * bend[:, None])
        xx = (X * bend) @ X.transpose(0, 2, 1)
        late = X[:, :, shared.late]
        h += late @ (shared.V_late * bend_late[:, None])
        xx += (late * bend_late) @ late.transpose(0, 2, 1)
        P = shared.inverse @ h.transpose(0, 2, 1)
        rest = xx - h @ P
        root = np.sqrt(np.maximum(np.einsum("mii->mi", xx), np.finfo(np.float64).tiny))
        on &= cholesky_pivots(rest / (root[:, :, None] * root[:, None, :]))[1] > _PIVOT
        schur = np.zeros((m, s, s))
        schur[on] = np.linalg.inv(rest[on])
        return cls(shared, X, turn, P, schur, theta, beta, on)

    def run(self) -> None:
        """Go on until all have come to the end, but for a last step."""
        moving = self.on.copy()
        for _ in range(_SWEEPS):
            if not moving.any():
                return
            at = np.flatnonzero(moving)
            g, own = self._score(at)
            left = own - np.einsum("mks,mk->ms", self.P[at], g)
            step_own = np.einsum("mst,mt->ms", self.schur[at], left)
            step = g @ self.shared.inverse - np.einsum("mks,ms->mk", self.P[at], step_own)
            decrement = np.vecdot(g, step) + np.vecdot(own, step_own)
            lost = ~(decrement >= 0.0)
            self.on[at[lost]] = False
            step[lost], step_own[lost] = 0.0, 0.0
            self.theta[at] += step
            self.beta[at] += step_own
            moving[at] = ~lost & (decrement > _SMALL)
        self.on &= ~moving

    def _score(self, at: I64) -> tuple[F64, F64]:
        """Return the scores of some proteins: of what is shared, and of their own columns."""
        shared, X, d = self.shared, self.X[at], self.shared.d
        seen = shared.look(self.theta[at], self.beta[at], X)
        slope = shared.weights * np.concatenate([seen.died.slope, seen.lived.slope], axis=1)
        g = slope @ shared.V
        with np.errstate(divide="ignore", invalid="ignore"):
            g[:, : shared.q] += (shared.weights[:d] / seen.rise) @ shared.slopes
        own = np.einsum("mn,msn->ms", slope, X)
        if shared.late.size:
            slope = shared.weights[shared.late] * seen.before.slope
            g -= slope @ shared.V_late
            own -= np.einsum("ml,msl->ms", slope, X[:, :, shared.late])
        g[np.any(seen.rise <= 0.0, axis=1)] = np.nan
        return g, own

    def finish(
        self, *, robust: bool, clusters: I64 | None
    ) -> Iterator[tuple[F64, F64, F64] | None]:
        """Yield estimate, covariance and carriers of each protein that has its certificate."""
        g, own = self._score(np.arange(self.on.size))
        scores = np.concatenate([g, own], axis=1)
        for j, on in enumerate(self.on.tolist()):
            yield self._finish_one(j, scores[j], robust=robust, clusters=clusters) if on else None

    def _finish_one(
        self, j: int, score: F64, *, robust: bool, clusters: I64 | None
    ) -> tuple[F64, F64, F64] | None:
        """Take a step by the information at the end, which tells whether it is one."""
        shared, X = self.shared, self.X[j]
        seen = shared.look(self.theta[j : j + 1], self.beta[j : j + 1], self.X[j : j + 1])
        information = shared.inform(seen, X)
        if cholesky_pivots(information[None])[1][0] <= _NOTHING:
            return None
        inverse = np.linalg.inv(information)
        step = inverse @ score
        decrement = float(score @ step)
        if not 0.0 <= decrement < _DECREMENT:
            return None
        K, q = shared.V.shape[1], shared.q
        own, of_time = self.beta[j] + step[K:], self.theta[j, :q] + step[:q]
        J = np.zeros((own.size, K + own.size))
        J[:, K:] = np.eye(own.size)
        if self.turn is not None:
            own = self.turn.turn(own, of_time, J)
        if not robust:
            return own, J @ inverse @ J.T, np.full(own.size, np.nan)
        moves = shared.move(seen, X, J @ inverse)
        if clusters is not None:
            moves = np.array([np.bincount(clusters, weights=one) for one in moves])
        return own, moves @ moves.T, count_carriers(moves)
