"""What parametric survival models of a block of proteins share: the fit of the covariates alone.

The likelihood is that of :mod:`proteomr.stats.parametric_survival`, here of several proteins at
once, with those who have the event before the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.parametric_survival import (
    TimeColumns,
    maximise_parametric,
    square_rows,
    take_rows,
)
from proteomr.stats.survival_links import Derivatives, Scale

__all__ = ["ParametricShared", "Seen", "borrow_parametric", "share_parametric"]

# Share of a column that others leave among those who fail, below which they do not determine it.
_PIVOT = 1e-7


@dataclass(frozen=True, slots=True)
class Seen:
    """The likelihoods of m proteins: of those who fail and who do not, and to late entries; and the
    slopes of s at events ``(m, d)``.
    """

    died: Derivatives
    lived: Derivatives
    before: Derivatives
    rise: F64


@dataclass(frozen=True, slots=True)
class ParametricShared:
    """The fit of q time columns and k covariates to n rows, those with the event first.

    Attributes
    ----------
    rows : ``(n,)``, positions of the rows among those that were handed in.
    V : ``(n, q + k)``, time columns at exit and covariates.
    slopes : ``(d, q)``, slopes of the time columns of the d rows with the event.
    late, V_late : ``(l,)``, rows that entered late, and ``(l, q + k)`` their columns then.
    offset, offset_late : ``(n,)``, ``(l,)``, what of eta is given.
    weights : ``(n,)``.
    theta : ``(q + k,)``, of the fit, or near to it.
    inverse : ``(q + k, q + k)``, of the information there, or near to it.
    failed : ``(d, q + k)``, an orthonormal basis of the columns of those with the event.
    sound : whether the fit has its certificate, if it is one, and those who fail determine it.
    """

    rows: I64
    scale: Scale
    V: F64
    slopes: F64
    late: I64
    V_late: F64
    offset: F64
    offset_late: F64
    offset_slope: float
    weights: F64
    theta: F64
    inverse: F64
    failed: F64
    sound: bool

    @property
    def d(self) -> int:
        """Rows with the event."""
        return int(self.slopes.shape[0])

    @property
    def q(self) -> int:
        """Time columns."""
        return int(self.slopes.shape[1])

    def look(self, theta: F64, beta: F64, X: F64) -> Seen:
        """Return what the likelihoods of m proteins are made of.

        Parameters
        ----------
        theta, beta : ``(m, q + k)``, ``(m, s)``, coefficients of what is shared and of own columns.
        X : ``(m, s, n)``.
        """
        d = self.d
        eta = theta @ self.V.T + np.einsum("ms,msn->mn", beta, X) + self.offset
        entry = theta @ self.V_late.T + self.offset_late
        entry += np.einsum("ms,msl->ml", beta, X[:, :, self.late])
        rise = theta[:, : self.q] @ self.slopes.T + self.offset_slope
        scale = self.scale
        died, lived = scale.fail(eta[:, :d]), scale.survive(eta[:, d:])
        return Seen(died, lived, scale.survive(entry), rise)

    def bend(self, seen: Seen) -> tuple[F64, F64]:
        """Return what rows weigh in the information of one protein, and late entries."""
        curvature = np.concatenate([seen.died.curvature[0], seen.lived.curvature[0]])
        return -self.weights * curvature, self.weights[self.late] * seen.before.curvature[0]

    def inform(self, seen: Seen, X: F64) -> F64:
        """Return the observed information of one protein ``(q + k + s, q + k + s)``."""
        K, q = self.V.shape[1], self.q
        bend, bend_late = self.bend(seen)
        out = np.zeros((K + X.shape[0], K + X.shape[0]))
        out[:K, :K] = square_rows(self.V, bend) + square_rows(self.V_late, bend_late)
        weighted = X * bend
        out[K:, :K] = weighted @ self.V
        out[K:, K:] = weighted @ X.T
        weighted = X[:, self.late] * bend_late
        out[K:, :K] += weighted @ self.V_late
        out[K:, K:] += weighted @ X[:, self.late].T
        out[:K, K:] = out[K:, :K].T
        share = self.weights[: self.d] / seen.rise[0] ** 2
        out[:q, :q] += self.slopes.T @ (self.slopes * share[:, None])
        return out

    def move(self, seen: Seen, X: F64, back: F64) -> F64:
        """Return how far each row has moved what ``back`` makes of the scores ``(s, n)``."""
        d, q, K = self.d, self.q, self.V.shape[1]
        of_shared, of_own = back[:, :K], back[:, K:]
        slope = self.weights * np.concatenate([seen.died.slope[0], seen.lived.slope[0]])
        moves = (of_shared @ self.V.T + of_own @ X) * slope
        moves[:, :d] += (of_shared[:, :q] @ self.slopes.T) * (self.weights[:d] / seen.rise[0])
        slope = self.weights[self.late] * seen.before.slope[0]
        moves[:, self.late] -= (of_shared @ self.V_late.T + of_own @ X[:, self.late]) * slope
        return np.asarray(moves)


def share_parametric(
    C: F64, times: TimeColumns, *, scale: Scale, start: F64, weights: F64 | None = None
) -> ParametricShared:
    """Fit the covariates alone.

    Parameters
    ----------
    C : ``(n, k)``, columns of about unit size without an intercept.
    times : of the n rows, orthogonal columns of about unit size.
    start : ``(q + k,)``, to begin at.
    weights : ``(n,)``, above 0.

    Examples
    --------
    >>> from proteomr.stats.survival_links import HazardScale
    >>> t, ones = np.array([1.0, 2.0, 3.0, 4.0]), np.ones((4, 1))
    >>> times = TimeColumns(ones, 0 * ones, np.ones(4), np.log(t), offset=np.log(t),
    ...                     offset_slope=1.0)
    >>> shared = share_parametric(np.empty((4, 0)), times, scale=HazardScale(), start=np.zeros(1))
    >>> shared.theta.round(4).tolist(), shared.sound
    ([-0.9163], True)
    """
    order = _put_events_first(times)
    C, times = C[order], take_rows(times, order)
    weights = np.ones(order.size) if weights is None else weights[order]
    fit = maximise_parametric(C, times, scale=scale, start=start, weights=weights)
    shared = _lay_out(C, times, order, scale, weights, fit.coefficients, fit.covariance)
    return replace(shared, sound=shared.sound and fit.doubt is None)


def borrow_parametric(
    C: F64,
    times: TimeColumns,
    *,
    scale: Scale,
    near: F64,
    inverse: F64,
    weights: F64 | None = None,
) -> ParametricShared:
    """Return what proteins share without fitting the covariates: a fit that is near stands for it.

    Steps of proteins then begin there, and are by its information; their ends are their own.

    Parameters
    ----------
    C, times, scale, weights : as of :func:`share_parametric`.
    near : ``(q + k,)``, coefficients near to those of a fit.
    inverse : ``(q + k, q + k)``, near to its inverse information.

    Examples
    --------
    >>> from proteomr.stats.survival_links import HazardScale
    >>> t, ones = np.array([1.0, 2.0, 3.0, 4.0]), np.ones((4, 1))
    >>> times = TimeColumns(ones, 0 * ones, np.ones(4), np.log(t), offset=np.log(t),
    ...                     offset_slope=1.0)
    >>> borrowed = borrow_parametric(np.empty((4, 0)), times, scale=HazardScale(),
    ...                              near=np.array([-0.9]), inverse=np.eye(1) / 4.0)
    >>> borrowed.sound
    True
    """
    order = _put_events_first(times)
    weights = np.ones(order.size) if weights is None else weights[order]
    return _lay_out(C[order], take_rows(times, order), order, scale, weights, near, inverse)


def _put_events_first(times: TimeColumns) -> I64:
    return np.argsort(times.event <= 0.0, kind="stable").astype(np.int64)


def _lay_out(
    C: F64,
    times: TimeColumns,
    order: I64,
    scale: Scale,
    weights: F64,
    theta: F64,
    inverse: F64,
) -> ParametricShared:
    """Lay out rows that are in their order, and see whether those who fail determine a fit."""
    n, d = order.size, int(np.count_nonzero(times.event > 0.0))
    V = np.column_stack([times.at_exit, C])
    late = np.flatnonzero(times.late) if times.late is not None else np.empty(0, dtype=np.int64)
    entry = np.zeros((n, times.q)) if times.at_entry is None else times.at_entry
    given = np.zeros(n) if times.offset is None else times.offset
    given_late = np.zeros(n) if times.offset_entry is None else times.offset_entry
    Q, R = np.linalg.qr(V[:d])
    size = np.maximum(np.linalg.norm(V[:d], axis=0), np.finfo(np.float64).tiny)
    sound = d >= V.shape[1] and bool(np.all(np.abs(np.diagonal(R)) > _PIVOT * size))
    return ParametricShared(
        order,
        scale,
        V,
        times.slopes[:d],
        late,
        np.column_stack([entry[late], C[late]]),
        given,
        given_late[late],
        times.offset_slope,
        weights,
        theta,
        inverse,
        Q,
        sound,
    )
