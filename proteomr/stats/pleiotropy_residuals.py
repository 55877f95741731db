"""Residuals of variants from the slope of all others, as observed and as chance alone has them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64, Bool
from proteomr.stats.distributions import neg_log10_p_normal

__all__ = [
    "LeftOut",
    "count_distortions",
    "count_larger_sums",
    "exceedance_p",
    "leave_each_out",
    "measure_outlying",
]

_CELLS = 1 << 16  # of one array of a chunk: half a megabyte, so that some of them stay in L2


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """Slopes without each variant, and what the variants are away from them.

    Parameters
    ----------
    slopes : (m,) of all variants but the one.
    residuals : (m,) of the variant from that slope.
    rss : weighted sum of the squared residuals.
    """

    slopes: F64
    residuals: F64
    rss: float


def leave_each_out(x: F64, y: F64, *, weights: F64) -> LeftOut:
    r"""Return the slope through the origin without each variant, and its residual from it.

    .. math:: \hat\beta_{-j} = \sum_{i \ne j} w_i x_i y_i \Big/ \sum_{i \ne j} w_i x_i^2, \qquad
        RSS = \sum_j w_j (y_j - \hat\beta_{-j} x_j)^2

    Sums of all others are those before and those behind, so that a variant which outweighs them all
    leaves no rounding error in them.

    Parameters
    ----------
    x, y, weights : (m,), m of two or more.

    Examples
    --------
    >>> leave_each_out(np.ones(3), np.array([1.0, 1.0, 4.0]), weights=np.ones(3)).slopes.tolist()
    [2.5, 2.5, 1.0]
    """
    slopes = _of_others(weights * x * y) / _of_others(weights * x * x)
    residuals = y - slopes * x
    return LeftOut(slopes, residuals, float(np.sum(weights * residuals**2)))


def measure_outlying(left: LeftOut, sx: F64, sy: F64) -> tuple[F64, F64]:
    r"""Return how far each variant lies from the slope of the others, in standard errors, and p.

    Where the others' slope is the truth, the variant's residual is normal with variance
    :math:`s_{yj}^2 + \hat\beta_{-j}^2 s_{xj}^2`: what simulations of it converge to.

    Parameters
    ----------
    left : as `leave_each_out` gives it.
    sx, sy : (m,) standard errors.

    Returns
    -------
    z, neg_log10_p : (m,), two-sided and not corrected for the number of variants.
    """
    z = left.residuals / np.hypot(sy, left.slopes * sx)
    return z, neg_log10_p_normal(z)


def count_larger_sums(
    x: F64, sx: F64, sy: F64, *, left: LeftOut, draws: int, random: Generator
) -> int:
    r"""Return how often effects without pleiotropy have as large a sum of squared residuals.

    Each draw has :math:`x_j^* \sim N(x_j, s_{xj}^2)` and
    :math:`y_j^* \sim N(\hat\beta_{-j} x_j, s_{yj}^2)`, and its own sum of `leave_each_out`.

    Parameters
    ----------
    x, sx, sy : (m,).
    left : of the effects observed.
    draws, random : how many, and the source of random numbers.
    """
    weights, centre = sy[:, None] ** -2.0, (left.slopes * x)[:, None]
    size, larger = max(1, _CELLS // x.size), 0
    for start in range(0, draws, size):
        shape = (x.size, min(size, draws - start))
        drawn_x = x[:, None] + sx[:, None] * random.standard_normal(shape)
        drawn_y = centre + sy[:, None] * random.standard_normal(shape)
        heavy = weights * drawn_x
        slopes = _of_others(heavy * drawn_y) / _of_others(heavy * drawn_x)
        residuals = (drawn_y - slopes * drawn_x) / sy[:, None]
        larger += int(np.count_nonzero((residuals * residuals).sum(axis=0) >= left.rss))
    return larger


def count_distortions(
    x: F64, y: F64, *, weights: F64, outlying: Bool, draws: int, random: Generator
) -> tuple[float, int]:
    r"""Return by how much outliers distort the slope, and how often chance does as much.

    .. math:: D = (\hat\beta - \hat\beta_{c}) / |\hat\beta_{c}|

    with the slope of all variants and that without the k outliers. Each draw takes for the second
    the outliers and m - 2k of the other variants, drawn with replacement.

    Parameters
    ----------
    x, y, weights : (m,).
    outlying : (m,) outliers, fewer than half of the variants.
    draws, random : how many, and the source of random numbers.
    """
    xy, xx = weights * x * y, weights * x * x
    slope = float(xy.sum() / xx.sum())
    corrected = float(xy[~outlying].sum() / xx[~outlying].sum())
    distortion = (slope - corrected) / abs(corrected)
    count = x.size - 2 * int(outlying.sum())
    others = np.flatnonzero(~outlying)
    size, larger = max(1, _CELLS // count), 0
    for start in range(0, draws, size):
        shape = (min(size, draws - start), count)
        taken: I64 = others[random.integers(others.size, size=shape)]
        slopes = (xy[outlying].sum() + xy[taken].sum(axis=1)) / (
            xx[outlying].sum() + xx[taken].sum(axis=1)
        )
        drawn = np.abs((slope - slopes) / slopes)
        larger += int(np.count_nonzero(drawn >= abs(distortion)))
    return distortion, larger


def exceedance_p(larger: int, draws: int) -> float:
    """Return p of a statistic that so many of the draws reach: never zero.

    The statistic itself counts as one of the draws (Phipson and Smyth 2010,
    doi:10.2202/1544-6115.1585).

    Examples
    --------
    >>> exceedance_p(0, 999)
    0.001
    """
    return math.nan if draws < 1 else (larger + 1) / (draws + 1)


def _of_others(shares: F64) -> F64:
    """Return for each row the sum of all other rows, without subtracting."""
    before = np.zeros_like(shares)
    np.cumsum(shares[:-1], axis=0, out=before[1:])
    behind = np.cumsum(shares[:0:-1], axis=0)
    before[:-1] += behind[::-1]
    return before
