"""Roots of many falling functions at once: Newton's steps that cannot leave a bracket."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from proteomr._typing import F64

__all__ = ["find_falling_root"]

# From the largest double to the smallest a bracket is halved fewer than 1,100 times, and a step
# that does not halve the function is followed by a halving: no pair of doubles needs more.
_MOST_PASSES = 2_400
_STEP = 1e-14  # relative: two digits above rounding, where Newton's steps have become noise


def find_falling_root(
    evaluate: Callable[[F64], tuple[F64, F64]], low: F64, high: F64, *, unit: F64
) -> F64:
    """Return where functions that are above zero at `low` and not at `high` cross zero.

    Parameters
    ----------
    evaluate : values (b,) and the steps of Newton that are proposed there (b,).
    low, high : (b,) ends, zero or more.
    unit : (b,) size below which differences of arguments mean nothing, times the relative step.

    Examples
    --------
    >>> def evaluate(x):
    ...     return 2.0 - x**2, (2.0 - x**2) / (2.0 * x)
    >>> float(find_falling_root(evaluate, np.zeros(1), np.full(1, 4.0), unit=np.ones(1))[0]) ** 2
    2.0000000000000...
    """
    low, high = low.copy(), high.copy()
    at = 0.5 * (low + high)
    before = np.full(low.shape, np.inf)
    done = high <= low
    for _ in range(_MOST_PASSES):
        if done.all():
            break
        value, step = evaluate(at)
        above = value > 0.0
        low, high = np.where(above, at, low), np.where(above, high, at)
        proposed = at + step
        small = np.abs(step) <= _STEP * (np.abs(at) + unit)
        closed = high - low <= _STEP * (high + unit)
        done |= small | closed | (value == 0.0)
        slow = np.abs(value) > 0.5 * before
        outside = ~((proposed > low) & (proposed < high))
        middle = 0.5 * (low + high)
        before = np.abs(value)
        at = np.where(done, at, np.where(outside | slow | np.isnan(proposed), middle, proposed))
    return at
