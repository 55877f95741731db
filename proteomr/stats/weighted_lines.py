"""Weighted straight lines through many small sets of points at once, with and without intercept.

The arrays may be padded: a point of weight zero takes no part, whatever finite values it holds, and
is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from proteomr._typing import F64, I64

__all__ = ["Lines", "Slopes", "fit_lines", "fit_slopes", "penalise_weights"]

_RANK = 1e-14  # squared: the pivots that R's lm takes for zero lie 1e-7 below the largest


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Lines through the origin.

    Parameters
    ----------
    slope : (...) estimates.
    se : (...) their standard errors at a residual variance of one.
    q : (...) weighted sums of squared residuals.
    df : (...) residual degrees of freedom.
    """

    slope: F64
    se: F64
    q: F64
    df: I64


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines with an intercept; fields as in `Slopes`."""

    slope: F64
    se: F64
    intercept: F64
    intercept_se: F64
    q: F64
    df: I64


def fit_slopes(x: F64, y: F64, *, weights: F64) -> Slopes:
    r"""Weighted least squares through the origin, for each row of points.

    .. math:: \hat\beta = \sum_j w_j x_j y_j / \sum_j w_j x_j^2, \qquad
        Q = \sum_j w_j (y_j - \hat\beta x_j)^2

    R: ``lm(y ~ 0 + x, weights = w)``, whose standard error is `se` times ``sqrt(q / df)``.

    Parameters
    ----------
    x, y, weights : (..., m) points and their weights; zero for points that are absent.

    Returns
    -------
    Arrays of shape (...); NaN where no weighted point has an x other than zero.

    Examples
    --------
    >>> fit = fit_slopes(np.array([1.0, 2.0]), np.array([2.0, 5.0]), weights=np.ones(2))
    >>> round(float(fit.slope), 6), round(float(fit.q), 6), int(fit.df)
    (2.4, 0.2, 1)
    """
    wx = weights * x
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = _dot(wx, x)
        precision = np.where(precision > 0, precision, np.nan)
        slope = _dot(wx, y) / precision
        residual = y - slope[..., None] * x
        q = _dot(weights * residual, residual)
    df = np.count_nonzero(weights, axis=-1) - 1
    return Slopes(slope, 1.0 / np.sqrt(precision), q, np.asarray(df, dtype=np.int64))


def fit_lines(x: F64, y: F64, *, weights: F64) -> Lines:
    r"""Weighted least squares with an intercept, for each row of points.

    .. math:: \hat\beta = \frac{\sum_j w_j (x_j - \bar x)(y_j - \bar y)}
        {\sum_j w_j (x_j - \bar x)^2}, \qquad \hat\alpha = \bar y - \hat\beta \bar x

    R: ``lm(y ~ x, weights = w)``.

    Parameters
    ----------
    x, y, weights : (..., m) points and their weights; zero for points that are absent.

    Returns
    -------
    Arrays of shape (...); NaN where x does not vary among the weighted points.

    Examples
    --------
    >>> x, y = np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 4.0])
    >>> fit = fit_lines(x, y, weights=np.ones(3))
    >>> round(float(fit.slope), 6), round(float(fit.intercept), 6), int(fit.df)
    (1.5, -0.333333, 1)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        total = weights.sum(axis=-1)
        x_mean, y_mean = _dot(weights, x) / total, _dot(weights, y) / total
        dx, dy = x - x_mean[..., None], y - y_mean[..., None]
        wdx = weights * dx
        spread = _dot(wdx, dx)
        varies = spread > _RANK * (spread + total * x_mean**2)
        spread = np.where(varies, spread, np.nan)
        slope = _dot(wdx, dy) / spread
        residual = dy - slope[..., None] * dx
        q = _dot(weights * residual, residual)
        intercept_se = np.sqrt(1.0 / total + x_mean**2 / spread)
    df = np.count_nonzero(weights, axis=-1) - 2
    return Lines(
        slope=slope,
        se=1.0 / np.sqrt(spread),
        intercept=y_mean - slope * x_mean,
        intercept_se=intercept_se,
        q=q,
        df=np.asarray(df, dtype=np.int64),
    )


def penalise_weights(weights: F64, *, deviations: F64, factor: float) -> F64:
    r"""Weights with those of heterogeneous points lowered.

    .. math:: w_j^* = w_j \min(1, f\, p_j), \qquad p_j = \Pr(\chi^2_1 > q_j)

    Source: Bowden et al. 2016, doi:10.1002/gepi.21965; Rees et al. 2019,
    doi:10.1371/journal.pone.0222362.

    Parameters
    ----------
    weights : (..., m).
    deviations : (..., m) contributions q to the heterogeneity.
    factor : f, 20 or 100 in the literature.

    Examples
    --------
    >>> lowered = penalise_weights(np.ones(2), deviations=np.array([1.0, 15.0]), factor=20.0)
    >>> lowered.round(4).tolist()
    [1.0, 0.0022]
    """
    p = special.erfc(np.sqrt(deviations / 2.0))
    return np.asarray(weights * np.minimum(1.0, factor * p))


def _dot(a: F64, b: F64) -> F64:
    return np.asarray(np.einsum("...m,...m->...", a, b))
