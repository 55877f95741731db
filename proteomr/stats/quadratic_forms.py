"""Tail probabilities of sums of weighted chi-squared variables, by the saddle point."""

from __future__ import annotations

import math

import numpy as np

from proteomr._typing import F64
from proteomr.stats.distributions import neg_log10_p_chi2, neg_log10_p_normal

__all__ = ["saddle_point_minus_log10_p"]

_STEPS = 200  # halvings of the bracket at most; Newton's method inside it needs ten
_SETTLED = 1e-13  # relative: the cumulant's slope at the saddle point
_AT_THE_MEAN = (
    2e-3  # of the standard deviation: nearer the formula loses digits to 0/0; p is linear
)


def saddle_point_minus_log10_p(statistic: float, weights: F64) -> float:
    r"""Return -log10 of the probability that a weighted sum of chi-squared variables is larger.

    .. math:: P\Big(\sum_j \lambda_j Z_j^2 > x\Big) \approx
        \Phi\Big(-w - \frac{1}{w} \log \frac{v}{w}\Big), \quad
        w = \operatorname{sign}(t) \sqrt{2 (t x - K(t))}, \quad v = t \sqrt{K''(t)}

    with :math:`K(t) = -\tfrac12 \sum_j \log(1 - 2 t \lambda_j)` and :math:`K'(t) = x`. The relative
    error is below some per cent, however far the tail; a single weight is exact.

    Source: Kuonen 1999, doi:10.1093/biomet/86.4.929. R: ``survey::pchisqsum(method = "saddle")``.

    Parameters
    ----------
    statistic : x, zero or more.
    weights : (k,) above zero; what is below 1e-12 of the largest is left out.

    Examples
    --------
    >>> exact = float(neg_log10_p_chi2(30.0, 4.0))
    >>> abs(saddle_point_minus_log10_p(30.0, np.ones(4)) / exact - 1) < 0.01
    True
    """
    scale = float(weights.max())
    lam = weights[weights > 1e-12 * scale] / scale
    x = statistic / scale
    if lam.size == 1:
        return float(neg_log10_p_chi2(x, 1.0))
    if not x > 0:
        return 0.0
    mean, deviation = float(lam.sum()), math.sqrt(2.0 * float(np.sum(lam**2)))
    step = _AT_THE_MEAN * deviation
    if abs(x - mean) < step:
        below, above = _evaluate(mean - step, lam), _evaluate(mean + step, lam)
        return below + (above - below) * (x - mean + step) / (2.0 * step)
    return _evaluate(x, lam)


def _evaluate(x: float, lam: F64) -> float:
    """Return -log10 p away from the mean; the largest weight is one."""
    t = _find_saddle(x, lam)
    shrunk = 1.0 - 2.0 * t * lam
    cumulant = -0.5 * float(np.log(shrunk).sum())
    curvature = 2.0 * float(np.sum((lam / shrunk) ** 2))
    w = math.copysign(math.sqrt(max(2.0 * (t * x - cumulant), 0.0)), t)
    v = t * math.sqrt(curvature)
    z = w + math.log(v / w) / w
    two_sided = float(neg_log10_p_normal(z))
    if z > 0:
        return two_sided + math.log10(2.0)
    return -math.log10(1.0 - 0.5 * 10.0**-two_sided)


def _find_saddle(x: float, lam: F64) -> float:
    """Return where the slope of the cumulant is x, by Newton's method within a bracket."""
    low = -0.5 * lam.size / x  # the slope is below x there, as every weight is at most one
    high = 0.5  # where the slope is infinite
    t = 0.0
    for _ in range(_STEPS):
        shrunk = lam / (1.0 - 2.0 * t * lam)
        slope, curvature = float(shrunk.sum()), 2.0 * float(np.sum(shrunk**2))
        if abs(slope - x) <= _SETTLED * x:
            break
        low, high = (t, high) if slope < x else (low, t)
        step = t + (x - slope) / curvature
        t = step if low < step < high else 0.5 * (low + high)
        if not low < t < high:
            break
    return t
