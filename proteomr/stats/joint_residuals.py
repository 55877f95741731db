"""Residuals of variants from the plane of all others, where there are several exposures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64, Bool

__all__ = ["LeftOutPlanes", "count_larger_plane_sums", "distort_planes", "leave_each_out_of_planes"]

_CELLS = 1 << 17  # of one array of a chunk: a megabyte
_DETERMINED = 1e-8  # of what a variant leaves to the others: below, their plane is rounding error


@dataclass(frozen=True, slots=True, eq=False)
class LeftOutPlanes:
    """Coefficients without each variant, and what the variants are away from them.

    Parameters
    ----------
    coefficients : (m, e) of all variants but the one.
    residuals : (m,) of the variant from them.
    rss : weighted sum of the squared residuals.
    """

    coefficients: F64
    residuals: F64
    rss: float


def leave_each_out_of_planes(X: F64, y: F64, *, weights: F64) -> LeftOutPlanes | None:
    r"""Return the regression without each variant; None where one determines a coefficient alone.

    With leverage :math:`h_j` and residual :math:`e_j` of the regression on all variants,

    .. math:: y_j - x_j'\hat\beta_{-j} = e_j / (1 - h_j), \qquad
        \hat\beta_{-j} = \hat\beta - (X'WX)^{-1} w_j x_j e_j / (1 - h_j)

    Parameters
    ----------
    X : (m, e).
    y, weights : (m,).

    Examples
    --------
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0]])
    >>> left = leave_each_out_of_planes(X, X @ np.array([0.5, 0.1]), weights=np.ones(4))
    >>> left is not None and left.coefficients.round(6)[0].tolist()
    [0.5, 0.1]
    """
    root = np.sqrt(weights)
    Q, R = np.linalg.qr(X * root[:, None])
    rest = 1.0 - np.sum(Q**2, axis=1)
    if not (rest > _DETERMINED).all():
        return None
    shares = Q.T @ (root * y)
    away = (root * y - Q @ shares) / rest
    moved = np.linalg.solve(R, (Q * away[:, None]).T).T
    coefficients = np.linalg.solve(R, shares) - moved
    return LeftOutPlanes(coefficients, away / root, float(np.sum(away**2)))


def count_larger_plane_sums(
    X: F64, se: F64, sy: F64, *, left: LeftOutPlanes, draws: int, random: Generator
) -> int:
    """Return how often effects without pleiotropy have as large a sum of squared residuals.

    Parameters
    ----------
    X, se : (m, e) effects on the exposures and their standard errors.
    sy : (m,) standard errors of the effects on the outcome.
    left : of the effects observed.
    draws, random : how many, and the source of random numbers.
    """
    m, e = X.shape
    centre = np.sum(left.coefficients * X, axis=1) / sy
    mean, spread = X / sy[:, None], se / sy[:, None]
    size, larger = max(1, _CELLS // (m * e)), 0
    for start in range(0, draws, size):
        count = min(size, draws - start)
        drawn = mean + spread * random.standard_normal((count, m, e))
        y = centre + random.standard_normal((count, m))
        Q = np.linalg.qr(drawn).Q
        fitted = np.einsum("bme,be->bm", Q, np.einsum("bme,bm->be", Q, y))
        away = (y - fitted) / (1.0 - np.einsum("bme,bme->bm", Q, Q))
        larger += int(np.count_nonzero(np.einsum("bm,bm->b", away, away) >= left.rss))
    return larger


def distort_planes(
    X: F64, y: F64, *, weights: F64, outlying: Bool, draws: int, random: Generator
) -> tuple[F64, I64]:
    """Return by how much outliers distort each coefficient, and how often chance does as much.

    As `proteomr.stats.pleiotropy_residuals.count_distortions`, for each exposure.

    Parameters
    ----------
    X : (m, e).
    y, weights : (m,).
    outlying : (m,) outliers, fewer than half of the variants.
    draws, random : how many, and the source of random numbers.

    Returns
    -------
    distortions, larger : (e,); a draw whose variants are collinear counts as larger.
    """
    root = np.sqrt(weights)
    rows, response = X * root[:, None], y * root
    whole = _solve(rows, response)
    corrected = _solve(rows[~outlying], response[~outlying])
    distortion = (whole - corrected) / np.abs(corrected)
    count = y.size - 2 * int(outlying.sum())
    others, fixed = np.flatnonzero(~outlying), np.flatnonzero(outlying)
    size, larger = max(1, _CELLS // rows.size), np.zeros(X.shape[1], dtype=np.int64)
    for start in range(0, draws, size):
        drawn = min(size, draws - start)
        taken = others[random.integers(others.size, size=(drawn, count))]
        chosen = np.hstack([np.broadcast_to(fixed, (drawn, fixed.size)), taken])
        Q, R = np.linalg.qr(rows[chosen])
        sides = np.einsum("bme,bm->be", Q, response[chosen])
        pivots = np.abs(np.diagonal(R, axis1=1, axis2=2))
        whole_rank = pivots.min(axis=1) > _DETERMINED * pivots.max(axis=1)
        larger += drawn - int(whole_rank.sum())
        slopes = np.linalg.solve(R[whole_rank], sides[whole_rank][..., None])[..., 0]
        bias = np.abs((whole - slopes) / slopes)
        larger += np.count_nonzero(bias >= np.abs(distortion), axis=0)
    return distortion, larger


def _solve(rows: F64, response: F64) -> F64:
    Q, R = np.linalg.qr(rows)
    return np.asarray(np.linalg.solve(R, Q.T @ response))
