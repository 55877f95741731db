"""Effects whose estimates are correlated: lines through them, and covariances made diagonal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh

from proteomr._typing import F64

__all__ = [
    "MOST_CONDITION",
    "CorrelatedLines",
    "Diagonal",
    "diagonalise",
    "find_singularity",
    "fit_correlated",
    "measure_condition",
]

MOST_CONDITION = 1e6
"""Largest condition number of correlations that estimates are trusted with: beyond, the four digits
that matrices are printed with, or a panel of some thousand people, change the inverse at will."""


@dataclass(frozen=True, slots=True, eq=False)
class CorrelatedLines:
    """A line by generalised least squares, with errors at a residual variance of one.

    Attributes
    ----------
    coefficients, se : (k,) of the columns.
    q : residual sum of squares in the metric of the covariance.
    df : m - k.
    score : largest product of a whitened column with the whitened residuals, relative to their
        lengths, from the covariance itself: zero at the least squares.
    """

    coefficients: F64
    se: F64
    q: float
    df: int
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Diagonal:
    r"""Two effects in the basis in which both covariances are diagonal.

    Attributes
    ----------
    x, y : (m,) effects: y with unit variances, x with variances ``spread``.
    spread : (m,) variances of x, above zero.
    """

    x: F64
    y: F64
    spread: F64


def measure_condition(correlations: F64) -> tuple[float, float]:
    """Return the smallest eigenvalue of a symmetric matrix, and its condition number.

    The condition number is infinite where the smallest eigenvalue is not above zero.

    Parameters
    ----------
    correlations : (m, m).

    Examples
    --------
    >>> least, condition = measure_condition(np.array([[1.0, 0.5], [0.5, 1.0]]))
    >>> round(least, 12), round(condition, 12)
    (0.5, 3.0)
    """
    values = np.linalg.eigvalsh(correlations)
    least, most = float(values[0]), float(values[-1])
    return least, most / least if least > 0 else np.inf


def find_singularity(correlations: F64) -> str | None:
    """Return why correlations have no inverse that can be trusted; None where they have one.

    Parameters
    ----------
    correlations : (m, m), of variants.

    Examples
    --------
    >>> find_singularity(np.eye(2)) is None
    True
    >>> find_singularity(np.ones((2, 2)))
    'the correlations are singular'
    """
    least, condition = measure_condition(correlations)
    rounding = correlations.shape[0] * np.finfo(np.float64).eps
    if least < -rounding * 100.0:
        return f"the correlations are no correlations: their smallest eigenvalue is {least:.2g}"
    if condition > MOST_CONDITION:
        if least < rounding * 100.0:
            return "the correlations are singular"
        return f"the correlations are near-singular (condition number {condition:.1g})"
    return None


def fit_correlated(columns: F64, y: F64, *, covariance: F64) -> CorrelatedLines:
    r"""Return the generalised least squares of effects on columns.

    .. math:: \hat\theta = (X^T \Omega^{-1} X)^{-1} X^T \Omega^{-1} y

    by a Cholesky factor of the correlations in :math:`\Omega` and an orthonormal basis of the
    whitened columns, one step of refinement behind it.

    Parameters
    ----------
    columns : (m, k) of full rank.
    y : (m,).
    covariance : (m, m), positive definite.

    Raises
    ------
    numpy.linalg.LinAlgError
        The covariance is not positive definite, or the columns are collinear.

    Examples
    --------
    >>> fit = fit_correlated(np.array([[1.0], [2.0]]), np.array([1.0, 2.0]), covariance=np.eye(2))
    >>> fit.coefficients.tolist(), fit.df
    ([1.0], 1)
    """
    size = np.sqrt(np.diagonal(covariance))
    factor = np.linalg.cholesky(covariance / np.outer(size, size))
    white = np.linalg.solve(factor, np.column_stack([columns, y]) / size[:, None])
    basis, triangle = np.linalg.qr(white[:, :-1])
    inverse = np.linalg.inv(triangle)
    coefficients = inverse @ (basis.T @ white[:, -1])
    residual = white[:, -1] - white[:, :-1] @ coefficients
    coefficients = coefficients + inverse @ (basis.T @ residual)
    raw = y - columns @ coefficients
    metric = cho_factor(covariance / np.outer(size, size), lower=True)
    weighted = cho_solve(metric, raw / size) / size
    lengths = np.sqrt(np.sum(white[:, :-1] ** 2, axis=0) * np.sum(white[:, -1] ** 2))
    score = np.abs(columns.T @ weighted) / np.where(lengths > 0, lengths, 1.0)
    return CorrelatedLines(
        coefficients=np.asarray(coefficients),
        se=np.sqrt(np.sum(inverse**2, axis=1)),
        q=max(float(raw @ weighted), 0.0),
        df=y.size - columns.shape[1],
        score=float(score.max()),
    )


def diagonalise(x: F64, y: F64, *, covariance_x: F64, covariance_y: F64) -> Diagonal:
    r"""Return effects in the basis in which both covariances are diagonal, that of y being one.

    With :math:`\Sigma_x w_j = \lambda_j \Sigma_y w_j` and :math:`W^T \Sigma_y W = I`, the effects
    are :math:`W^T x` and :math:`W^T y`: whatever is invariant in the basis of the variants can be
    computed from them as of independent variants.

    Parameters
    ----------
    x, y : (m,).
    covariance_x, covariance_y : (m, m), positive definite.

    Raises
    ------
    numpy.linalg.LinAlgError
        A covariance is not positive definite.

    Examples
    --------
    >>> both = diagonalise(np.ones(2), np.ones(2), covariance_x=np.eye(2), covariance_y=np.eye(2))
    >>> both.spread.round(12).tolist()
    [1.0, 1.0]
    """
    size = np.sqrt(np.diagonal(covariance_y))
    scale = np.outer(size, size)
    spread, basis = eigh(covariance_x / scale, covariance_y / scale)
    if not spread[0] > 0:
        raise np.linalg.LinAlgError("a covariance is not positive definite")
    return Diagonal(basis.T @ (x / size), basis.T @ (y / size), np.asarray(spread))
