"""The minimum of a function of one variable between two ends, found as R's `optimize` finds it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

__all__ = ["minimise_between"]

_GOLDEN: Final = (3.0 - math.sqrt(5.0)) / 2.0  # smaller share of a golden section
_HALF_DIGITS: Final = math.sqrt(2.220446049250313e-16)  # below it a minimum is flat in doubles


def minimise_between(
    function: Callable[[float], float], low: float, high: float, *, tolerance: float
) -> float:
    """Return where a function has a minimum, by golden sections and parabolas.

    The procedure `localmin` of Brent (Algorithms for Minimization without Derivatives, 1973,
    chapter 5), in the steps that R's ``optimize`` takes, so that of several minima the same one is
    found. The ends themselves are never evaluated. It ends: each step shrinks the bracket or is the
    last, and a bracket of doubles has an end.

    Parameters
    ----------
    function : of the point.
    low, high : ends of the bracket.
    tolerance : of the point; see the last line of the procedure's own description.

    Examples
    --------
    >>> round(minimise_between(lambda x: (x - 1 / 3) ** 2, 0.0, 1.0, tolerance=1e-6), 8)
    0.33333333
    """
    best = second = third = low + _GOLDEN * (high - low)
    f_best = f_second = f_third = function(best)
    step = step_before = 0.0
    while True:
        middle = 0.5 * (low + high)
        least = _HALF_DIGITS * abs(best) + tolerance / 3.0
        if abs(best - middle) <= 2.0 * least - 0.5 * (high - low):
            return best
        parabola = None
        if abs(step_before) > least:
            parabola = _step_of_parabola((best, second, third), (f_best, f_second, f_third))
            before, step_before = step_before, step
        if parabola is None or not _is_usable(parabola, before, best, low, high):
            step_before = high - best if best < middle else low - best
            step = _GOLDEN * step_before
        else:
            step = parabola[0] / parabola[1]
            if best + step - low < 2.0 * least or high - (best + step) < 2.0 * least:
                step = least if best < middle else -least
        point = best + (step if abs(step) >= least else math.copysign(least, step or -1.0))
        value = function(point)
        if value <= f_best:
            low, high = (low, best) if point < best else (best, high)
            third, second, best = second, best, point
            f_third, f_second, f_best = f_second, f_best, value
            continue
        low, high = (point, high) if point < best else (low, point)
        if value <= f_second or second == best:
            third, second, f_third, f_second = second, point, f_second, value
        elif value <= f_third or third in (best, second):
            third, f_third = point, value


def _step_of_parabola(
    points: tuple[float, float, float], values: tuple[float, float, float]
) -> tuple[float, float]:
    """Return the step to the vertex of the parabola through three points, as a ratio p / q."""
    (x, w, v), (fx, fw, fv) = points, values
    r = (x - w) * (fx - fv)
    q = (x - v) * (fx - fw)
    p = (x - v) * q - (x - w) * r
    q = 2.0 * (q - r)
    return (-p, q) if q > 0 else (p, -q)


def _is_usable(
    parabola: tuple[float, float], before: float, best: float, low: float, high: float
) -> bool:
    """Tell whether a parabola leads inside the bracket by less than half the step before last."""
    p, q = parabola
    return abs(p) < abs(0.5 * q * before) and q * (low - best) < p < q * (high - best)
