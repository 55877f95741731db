"""The two scores of :mod:`proteomr.stats.profile_score`, compiled, slope by slope.

Their plain twins there judge what was found. Sums are reordered: their terms are of one size, and
a root is known to the rounding of its score.
"""

from __future__ import annotations

import math

import numpy as np

from proteomr.stats.compiling import compile_loop

__all__ = ["score_slopes"]

_compile = compile_loop(fastmath={"contract", "nsz", "arcp", "reassoc"})
_compile_exactly = compile_loop(fastmath=set())

_MOST_HALVINGS = 1200  # from the largest to the smallest double there are fewer than 1,100


@_compile
def _score_extra(square, variance, tau2, loss, cut, delta):
    """Score of the extra variance from squared residuals and their variances without it."""
    total, most = 0.0, cut * cut
    if loss == 0:
        for j in range(square.size):
            v = variance[j] + tau2
            total += (square[j] / v - delta) / v
    elif loss == 1:
        for j in range(square.size):
            v = variance[j] + tau2
            q = square[j] / v
            total += (min(q, cut * math.sqrt(q)) - delta) / v
    else:
        for j in range(square.size):
            v = variance[j] + tau2
            q = square[j] / v
            inside = max(1.0 - q / most, 0.0)
            total += (q * inside * inside - delta) / v
    return total


@_compile_exactly
def _halve(square, variance, high, loss, cut, delta, tolerance):
    """As `proteomr.stats.bracketing.halve_to_root` from zero to `high`."""
    low = 0.0
    for _ in range(_MOST_HALVINGS):
        middle = low + 0.5 * (high - low)
        if not (low < middle < high and high - low > tolerance * high):
            break
        if _score_extra(square, variance, middle, loss, cut, delta) > 0.0:
            low = middle
        else:
            high = middle
    return high


@_compile
def _score_slope(x, sx2, y, sy2, variance, slope, tau2, loss, cut):
    total, most = 0.0, cut * cut
    for j in range(x.size):
        v = variance[j] + tau2
        r = y[j] - slope * x[j]
        root = math.sqrt(v)
        t = r / root
        psi = t
        if loss == 1:
            psi = min(max(t, -cut), cut)
        elif loss == 2:
            inside = max(1.0 - t * t / most, 0.0)
            psi = t * inside * inside
        total += (x[j] * (sy2[j] + tau2) + slope * y[j] * sx2[j]) * psi / (v * root)
    return total


@_compile_exactly
def score_slopes(x, sx2, y, sy2, slopes, loss, cut, delta, wanted, tolerance, extra, scores):
    m = x.size
    square, variance = np.empty(m), np.empty(m)
    for k in range(slopes.size):
        slope, largest = slopes[k], 0.0
        for j in range(m):
            r = y[j] - slope * x[j]
            square[j] = r * r
            variance[j] = sy2[j] + slope * slope * sx2[j]
            largest = max(largest, square[j])
        extra[k] = 0.0
        if wanted and _score_extra(square, variance, 0.0, loss, cut, delta) > 0.0:
            high = largest * (1.0 + 2.0 / delta)
            extra[k] = _halve(square, variance, high, loss, cut, delta, tolerance)
        scores[k] = _score_slope(x, sx2, y, sy2, variance, slope, extra[k], loss, cut)
