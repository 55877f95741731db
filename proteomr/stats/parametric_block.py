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
from proteomr.stats.parametric_shared import ParametricShared, Seen

__all__ = [
    "Acceleration",
    "ParametricBorders",
    "fit_beside",
]

# Steps by the information of the covariates alone, of which each leaves a tenth of the error or
# less, and then by that of each protein.
_SWEEPS, _STEPS = 15, 8
_SMALL = 1e-20  # squared standard errors, by that information
_DECREMENT = 1e-19  # and by a fit's own, before its last step: its errors are of there
# Share of a column that others leave, of information or among those who fail.
_PIVOT = 1e-5
_NOTHING = 1e-10  # of a column of an information, below which it is none
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
    begun = _Beginning.of(shared, s)
    for start in range(0, b, _TOGETHER):
        part = slice(start, min(start + _TOGETHER, b))
        columns = np.ascontiguousarray(borders[part][:, :, shared.rows])
        # Steps of a protein that run away lead to no number, and it has no certificate.
        with np.errstate(all="ignore"):
            sweep = _Sweep.begin(begun, columns, turn)
            sweep.run()
            ends = list(sweep.finish(robust=robust, clusters=groups))
        for j, one in enumerate(ends, start=start):
            if one is not None:
                found.estimate[j], found.covariance[j], found.carriers[j] = one
                found.certified[j] = True
    return found


@dataclass(frozen=True, slots=True)
class _Beginning:
    """What rows weigh in the information where all proteins begin, ``(n,)`` and ``(l,)``, and the
    shared columns by these weights.
    """

    shared: ParametricShared
    bend: F64
    bend_late: F64
    weighted: F64
    weighted_late: F64

    @classmethod
    def of(cls, shared: ParametricShared, s: int) -> _Beginning:
        nothing = np.zeros((1, s, shared.V.shape[0]))
        seen = shared.look(shared.theta[None], np.zeros((1, s)), nothing)
        bend, bend_late = shared.bend(seen)
        weighted, late = shared.V * bend[:, None], shared.V_late * bend_late[:, None]
        return cls(shared, bend, bend_late, weighted, late)


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
    def begin(cls, begun: _Beginning, X: F64, turn: Acceleration | None) -> _Sweep:
        shared = begun.shared
        m, s, _ = X.shape
        theta, beta = np.tile(shared.theta, (m, 1)), np.zeros((m, s))
        failed = X[:, :, : shared.d]
        rest = failed - (failed @ shared.failed) @ shared.failed.T
        size = np.linalg.norm(failed, axis=2)
        on = np.all(np.linalg.norm(rest, axis=2) > _PIVOT * size, axis=1)
        late = X[:, :, shared.late]
        h = X @ begun.weighted + late @ begun.weighted_late
        xx = (X * begun.bend) @ X.transpose(0, 2, 1)
        xx += (late * begun.bend_late) @ late.transpose(0, 2, 1)
        P = shared.inverse @ h.transpose(0, 2, 1)
        rest = xx - h @ P
        root = np.sqrt(np.maximum(np.einsum("mii->mi", xx), np.finfo(np.float64).tiny))
        left = np.nan_to_num(rest / (root[:, :, None] * root[:, None, :]))
        on &= np.linalg.eigvalsh(left)[:, 0] > _PIVOT
        schur = np.zeros((m, s, s))
        schur[on] = np.linalg.inv(rest[on])
        return cls(shared, X, turn, P, schur, theta, beta, on)

    def run(self) -> None:
        """Go on by the information that all share, as far as that leads."""
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

    def _score(self, at: I64) -> tuple[F64, F64]:
        """Return the scores of some proteins: of what is shared, and of their own columns."""
        shared, X, d = self.shared, self.X[at], self.shared.d
        seen = shared.look(self.theta[at], self.beta[at], X)
        slope = shared.weights * np.concatenate([seen.died.slope, seen.lived.slope], axis=1)
        g = slope @ shared.V
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
        for j, on in enumerate(self.on.tolist()):
            end = self._end(j) if on else None
            yield None if end is None else self._tell(j, *end, robust=robust, clusters=clusters)

    def _end(self, j: int) -> tuple[Seen, F64] | None:
        """Take steps by a protein's own information until one would be too small to count.

        Returns what the likelihood is made of there, and the inverse information; None where
        steps do not come to an end.
        """
        shared, at, K = self.shared, np.array([j]), self.shared.V.shape[1]
        for _ in range(_STEPS):
            score = np.concatenate(self._score(at), axis=1)[0]
            seen = shared.look(self.theta[at], self.beta[at], self.X[at])
            if not np.all(np.isfinite(score)):
                return None
            information = shared.inform(seen, self.X[j])
            if cholesky_pivots(information[None])[1][0] <= _NOTHING:
                return None
            inverse = np.asarray(np.linalg.inv(information), dtype=np.float64)
            step = inverse @ score
            decrement = float(score @ step)
            self.theta[j] += step[:K]
            self.beta[j] += step[K:]
            if 0.0 <= decrement < _DECREMENT:
                return seen, inverse
        return None

    def _tell(
        self, j: int, seen: Seen, inverse: F64, *, robust: bool, clusters: I64 | None
    ) -> tuple[F64, F64, F64]:
        """Return estimate, covariance and carriers of a protein at its end."""
        shared, X = self.shared, self.X[j]
        K, q = shared.V.shape[1], shared.q
        own, of_time = self.beta[j], self.theta[j, :q]
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
