"""Least squares that says what it cannot do: rank, aliased columns, condition, refinement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.linalg import find_independent

__all__ = ["LeastSquares", "solve_least_squares", "take_out"]

# A condition number costs its digits; five hundred leaves the 1e-13 that least squares owe.
_REFINE_ABOVE = 500.0


@dataclass(frozen=True, slots=True)
class LeastSquares:
    """A least-squares fit of ``y (n,)`` on ``X (n, k)``.

    Attributes
    ----------
    coefficients : ``(k,)``, NaN for aliased columns.
    unscaled : ``(k, k)``, ``(X'X)^-1`` of the columns kept, NaN for the others.
    rss, df : residual sum of squares and its degrees of freedom ``n - rank``.
    residuals : ``(n,)``.
    kept : positions of the columns that are not aliased.
    condition : condition number of the columns kept, each scaled to unit length.
    refined : whether the solution was refined in extended precision.
    """

    coefficients: F64
    unscaled: F64
    rss: float
    df: int
    residuals: F64
    kept: I64
    condition: float
    refined: bool = False

    @property
    def se(self) -> F64:
        """Classical standard errors ``(k,)``."""
        scale = self.rss / self.df if self.df > 0 else np.nan
        return np.sqrt(np.diagonal(self.unscaled) * scale)


def solve_least_squares(X: F64, y: F64, *, tolerance: float = 1e-13) -> LeastSquares:
    """Fit ``y = X b + e`` by Householder QR of the scaled columns, refined where that is needed.

    Above a condition number of 500 the solution of the augmented system ``r + X b = y, X'r = 0`` is
    refined with residuals in extended precision (Björck 1967, doi:10.1007/BF01939321), which brings
    the coefficients back to nearly full precision even for large residuals.

    Parameters
    ----------
    X, y : ``(n, k)``, ``(n,)``, of a size whose squares are numbers (:func:`scale_columns`).
    tolerance : share of a column's length below which what the columns before it leave counts as
        nothing.

    Examples
    --------
    >>> X = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    >>> fit = solve_least_squares(X, np.array([1.0, 3.0, 5.0]))
    >>> fit.coefficients.round(12).tolist()
    [1.0, 2.0]
    """
    n, k = X.shape
    independent = find_independent(X, tolerance=tolerance)
    # Powers of two leave the scaled columns exact.
    norms = np.exp2(np.round(np.log2(np.linalg.norm(X[:, independent], axis=0))))
    S = X[:, independent] / norms
    Q, R = np.linalg.qr(S)
    inverse = np.linalg.inv(R) if independent.size else np.zeros((0, 0))
    condition = (
        float(np.linalg.norm(R, 2) * np.linalg.norm(inverse, 2)) if independent.size else 1.0
    )
    b = inverse @ (Q.T @ y)
    residuals = y - S @ b
    refined = condition > _REFINE_ABOVE
    if refined:
        b, residuals = _refine(S, y, Q, R, b)
    coefficients = np.full(k, np.nan)
    coefficients[independent] = b / norms
    unscaled = np.full((k, k), np.nan)
    unscaled[np.ix_(independent, independent)] = (inverse @ inverse.T) / np.outer(norms, norms)
    return LeastSquares(
        coefficients,
        unscaled,
        float(residuals @ residuals),
        n - independent.size,
        residuals,
        independent,
        condition,
        refined,
    )


def take_out(X: F64, Y: F64) -> tuple[F64, F64]:
    """Return the coefficients ``(k, m)`` of columns Y ``(n, m)`` on X, and what X leaves of them.

    As :func:`solve_least_squares` of each by itself, with one factorisation.

    Parameters
    ----------
    X : ``(n, k)``, of full rank.

    Examples
    --------
    >>> X = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    >>> coefficients, left = take_out(X, np.array([[1.0, 2.0], [3.0, 1.0], [5.0, 0.0]]))
    >>> coefficients.round(12).tolist(), bool(np.abs(left).max() < 1e-12)
    ([[1.0, 2.0], [2.0, -1.0]], True)
    """
    norms = np.exp2(np.round(np.log2(np.linalg.norm(X, axis=0))))
    S = X / norms
    Q, R = np.linalg.qr(S)
    inverse = np.linalg.inv(R)
    b = inverse @ (Q.T @ Y)
    left = Y - S @ b
    if np.linalg.norm(R, 2) * np.linalg.norm(inverse, 2) > _REFINE_ABOVE:
        for column in range(Y.shape[1]):
            b[:, column], left[:, column] = _refine(S, Y[:, column], Q, R, b[:, column])
    return b / norms[:, None], left


def _refine(S: F64, y: F64, Q: F64, R: F64, b: F64) -> tuple[F64, F64]:
    from scipy.linalg import solve_triangular

    wide_S, wide_y = S.astype(np.longdouble), y.astype(np.longdouble)
    wide_b = b.astype(np.longdouble)
    wide_r = wide_y - wide_S @ wide_b
    for _ in range(6):
        f = (wide_y - wide_r - wide_S @ wide_b).astype(np.float64)
        g = -(wide_S.T @ wide_r).astype(np.float64)
        h = solve_triangular(R, g, trans="T")
        d = Q.T @ f
        wide_b = wide_b + solve_triangular(R, d - h)
        wide_r = wide_r + (f - Q @ d + Q @ h)
    return wide_b.astype(np.float64), wide_r.astype(np.float64)
