"""Tails of a sum of weighted chi-squared variables, in logarithms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from proteomr._typing import F64
from proteomr.errors import UsageError

__all__ = ["neg_log10_p_weighted_chi2"]

_STEP: Final = 1 / 16  # of the trapezoid: its error, exp(-2 pi 0.7 / step), is below 1e-30
_TURN: Final = 0.05  # least bend of the path: it then leaves the imaginary direction for good
_NOTHING: Final = 45.0  # nepers below the largest term: 1e-19 of it
_LONGEST: Final = 4096.0  # widths of the saddle: the slowest decay, of one weight, ends by 100
# Two paths round different corners agree to this, unless one of them has lost the digits asked for.
_AGREEMENT: Final = 1e-9
# Weights below this share of the largest are rounding of a matrix without full rank.
_NEGLIGIBLE: Final = 1e-14


@dataclass(frozen=True, slots=True)
class _Path:
    """A parabola through a point of the real axis: ``c + width (i t + bend t^2)``.

    Parameters
    ----------
    c, gap : the point, and what it lies below the branch point 1/2: both with all their digits.
    width, bend : of the parabola.
    """

    c: float
    gap: float
    width: float
    bend: float


def neg_log10_p_weighted_chi2(statistic: float, weights: ArrayLike) -> float:
    r"""Return -log10 of the probability that a weighted sum of chi-squares exceeds a value.

    .. math:: Q = \sum_i \lambda_i \chi^2_{1,i}, \qquad P(Q > q) = \frac{1}{2 \pi i}
        \int_{c - i \infty}^{c + i \infty} \frac{e^{K(s) - s q}}{s} \, ds, \qquad
        K(s) = -\tfrac12 \sum_i \log(1 - 2 \lambda_i s)

    with c between 0 and the nearest branch point (Rice 1980, doi:10.1137/0901032; Imhof 1961,
    doi:10.1093/biomet/48.3-4.419 takes c = 0). The path goes through the saddle of the integrand
    and bends along the direction of steepest descent, so that nothing oscillates, no digit is lost
    however small the tail is, and the trapezoid rule converges geometrically. Left of the mean the
    lower tail is computed. The certificate is a second path, through another point and of another
    bend, which by Cauchy's theorem has the same integral.

    Parameters
    ----------
    statistic : q, at least 0.
    weights : (m,) numbers of at least 0, not all 0.

    Raises
    ------
    UsageError
        A weight is negative or no number, or all are 0; or the statistic is negative or no number.
    ArithmeticError
        The two paths disagree.

    Examples
    --------
    >>> round(neg_log10_p_weighted_chi2(3.841458820694124, [1.0]), 12)
    1.301029995664
    >>> round(neg_log10_p_weighted_chi2(4000.0, [2.0, 2.0]), 9)  # an exponential of mean 4
    434.294481903
    """
    sizes = np.asarray(weights, dtype=np.float64).ravel()
    if not (sizes.size and np.isfinite(sizes).all() and (sizes >= 0).all() and sizes.max() > 0):
        raise UsageError("weights of chi-squares are numbers of at least 0, and one is above it")
    if not (math.isfinite(statistic) and statistic >= 0):
        raise UsageError(f"a sum of chi-squares is at least 0, and not {statistic:g}")
    if statistic == 0:
        return 0.0
    largest = float(sizes.max())
    relative = sizes[sizes > _NEGLIGIBLE * largest] / largest
    q = statistic / largest
    upper = q >= float(relative.sum())
    log_tail = _log_tail(q, relative, upper=upper)
    log_p = log_tail if upper else math.log1p(-math.exp(log_tail))
    return -log_p / math.log(10.0) + 0.0


def _log_tail(q: float, weights: F64, *, upper: bool) -> float:
    """Return the logarithm of the upper or lower tail, by two paths that must agree."""
    c, gap = _find_saddle(q, weights, upper=upper)
    scaled = 2.0 * weights / _remain(gap, weights)
    width = 1.0 / math.sqrt(0.5 * float((scaled**2).sum()) + 1.0 / c**2)
    third = float((scaled**3).sum()) - 2.0 / c**3
    bend = max(third * width**3 / 6.0, _TURN)
    first = _integrate(_Path(c, gap, width, bend), q, weights)
    # A fifth of the width nearer to 0: still between it and the branch point.
    nearer = math.copysign(0.2 * width, c)
    other = _Path(c - nearer, gap + nearer, 0.8 * width, 1.5 * bend)
    again = _integrate(other, q, weights)
    if not abs(first - again) <= _AGREEMENT * max(1.0, abs(first) * 1e-3):
        raise ArithmeticError(
            f"tail of weighted chi-squares at {q:g} of {weights.size} weights: {first} by one path "
            f"and {again} by another"
        )
    return first


def _find_saddle(q: float, weights: F64, *, upper: bool) -> tuple[float, float]:
    """Return where ``K(s) - s q - log |s|`` is least on one side of 0, and 1/2 less that.

    The slope runs from minus to plus infinity there. It is solved for in the distance from 0 on the
    left, and in that from the branch point on the right, which far tails come near to.
    """

    def slope(s: float, gap: float) -> float:
        return float((weights / _remain(gap, weights)).sum()) - q - 1.0 / s

    if upper:
        at = _find_root(lambda gap: -slope(0.5 - gap, gap), 0.25, highest=0.5)
        return 0.5 - at, at
    at = _find_root(lambda away: -slope(-away, 0.5 + away), 1.0 / q, highest=math.inf)
    return -at, 0.5 + at


def _find_root(rising: Callable[[float], float], start: float, *, highest: float) -> float:
    """Return the root between 0 and the highest of a function that rises from minus infinity."""
    low = high = start
    while rising(low) > 0:
        low, high = 0.5 * low, low
    while rising(high) < 0:
        further = 2.0 * high if math.isinf(highest) else 0.5 * (high + highest)
        low, high = high, further
    if low == high:
        return low
    return float(optimize.brentq(rising, low, high, xtol=1e-300, rtol=1e-10))


def _remain(gap: float, weights: F64) -> F64:
    """Return ``1 - 2 w s`` by the distance of s below 1/2."""
    remaining: F64 = (1.0 - weights) + 2.0 * weights * gap
    return remaining


def _integrate(path: _Path, q: float, weights: F64) -> float:
    """Return the logarithm of the integral along a path, both halves of which are conjugate."""

    def logarithm(step: NDArray[np.complex128]) -> NDArray[np.complex128]:
        s, gap = path.c + step, path.gap - step
        total = step * -q - np.log(s if path.c > 0 else -s)
        for weight in weights:
            total -= 0.5 * np.log((1.0 - weight) + 2.0 * weight * gap)
        return total

    height = float(logarithm(np.zeros(1, dtype=np.complex128)).real[0])
    total, start = 0.0, 0.0
    while True:
        t = start + _STEP * np.arange(256)
        step = (path.width * (1j * t + path.bend * t**2)).astype(np.complex128)
        with np.errstate(under="ignore"):
            terms = np.exp(logarithm(step) - height) * (1j + 2.0 * path.bend * t)
        values = terms.imag
        if start == 0.0:
            values[0] *= 0.5
        total += float(values.sum())
        start = float(t[-1]) + _STEP
        if abs(terms[-1]) < math.exp(-_NOTHING) * abs(total) or start > _LONGEST:
            break
    return height - path.c * q + math.log(total * _STEP * path.width / math.pi)
