"""Roots of falling functions, halved to the last digit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from proteomr._typing import F64

__all__ = ["halve_to_root"]

_MOST_HALVINGS = 1200  # from the largest to the smallest double there are fewer than 1,100


def halve_to_root(
    score: Callable[[F64], F64], low: F64, high: F64, *, tolerance: float = 0.0
) -> F64:
    """Return where functions that are above zero at `low` and not at `high` cross zero.

    The interval is halved until nothing lies between its ends, or they differ by less than the
    tolerance of the upper one; there is no number of passes after which it gives up.

    Parameters
    ----------
    score : values (b,) of the functions at arguments (b,).
    low, high : (b,) ends, zero or more.
    tolerance : relative.

    Examples
    --------
    >>> root = halve_to_root(lambda x: 2.0 - x**2, np.zeros(1), np.full(1, 4.0))
    >>> float(root[0]) == 2.0**0.5
    True
    """
    low, high = low.copy(), high.copy()
    for _ in range(_MOST_HALVINGS):
        middle = low + 0.5 * (high - low)
        open_ends = (middle > low) & (middle < high) & (high - low > tolerance * high)
        if not open_ends.any():
            break
        above = score(middle) > 0.0
        low = np.where(open_ends & above, middle, low)
        high = np.where(open_ends & ~above, middle, high)
    return high
