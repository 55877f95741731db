"""What parametric survival models of a block of proteins share: the fit of the covariates alone.

The likelihood is that of :mod:`proteomr.stats.parametric_survival`, here of several proteins at
once, with those who have the event before the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.parametric_survival import TimeColumns, maximise_parametric
from proteomr.stats.survival_links import Derivatives, Scale

__all__ = ["ParametricShared", "Seen", "share_parametric"]

# Share of a column that others leave among those who fail, below which they do not determine it.
_PIVOT = 1e-7
_ROWS = 4096  # that stay in the cache


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
    theta : ``(q + k,)``.
    inverse : ``(q + k, q + k)``, of the information.
    failed : ``(d, q + k)``, an orthonormal basis of the columns of those with the event.
    sound : whether the fit has its certificate, and those who fail determine it.
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
        for start in range(0, bend.size, _ROWS):
            rows = slice(start, start + _ROWS)
            V, weighted = self.V[rows], X[:, rows] * bend[rows]
            out[:K, :K] += V.T @ (V * bend[rows, None])
            out[K:, :K] += weighted @ V
            out[K:, K:] += weighted @ X[:, rows].T
        weighted = X[:, self.late] * bend_late
        out[:K, :K] += self.V_late.T @ (self.V_late * bend_late[:, None])
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
    n = C.shape[0]
    order = np.argsort(times.event <= 0.0, kind="stable")
    failed = order[: int(np.count_nonzero(times.event > 0.0))]
    fit = maximise_parametric(C, times, scale=scale, start=start, weights=weights)
    V = np.column_stack([times.at_exit, C])[order]
    late = np.flatnonzero(times.late[order]) if times.late is not None else np.empty(0, np.int64)
    entry = np.zeros((n, times.q)) if times.at_entry is None else times.at_entry
    given = np.zeros(n) if times.offset is None else times.offset
    given_late = np.zeros(n) if times.offset_entry is None else times.offset_entry
    Q, R = np.linalg.qr(V[: failed.size])
    size = np.linalg.norm(V[: failed.size], axis=0)
    few = failed.size < V.shape[1]
    apart = not few and bool(np.all(np.abs(np.diagonal(R)) > _PIVOT * np.maximum(size, 1e-300)))
    return ParametricShared(
        order,
        scale,
        V,
        times.slopes[failed],
        late,
        np.column_stack([entry, C])[order[late]],
        given[order],
        given_late[order[late]],
        times.offset_slope,
        np.ones(n) if weights is None else weights[order],
        fit.coefficients,
        fit.covariance,
        Q,
        fit.doubt is None and apart,
    )
