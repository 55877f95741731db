"""Whether moments of numbers determine how often each number occurs."""

from __future__ import annotations

from typing import Final

import numpy as np

from proteomr._typing import F64

__all__ = ["FEW_VALUES", "tell_counts"]

FEW_VALUES: Final = 6
"""A description has six numbers: n, mean, standard deviation and three quartiles. Of as many
different values, the counts are the solution of as many equations."""


def tell_counts(values: F64) -> bool:
    """Tell whether n and moments of some numbers determine counts of these.

    They do where there are at most `FEW_VALUES` different numbers, and where the first quartile is
    the third: what half have alike takes part in no sum, so that the mean is of few others.

    Parameters
    ----------
    values : (n,) finite numbers.

    Examples
    --------
    >>> tell_counts(np.array([0.0, 1.0, 2.0] * 50)), tell_counts(np.arange(50.0))
    (True, False)
    >>> tell_counts(np.append(np.zeros(100), np.arange(20.0)))
    True
    """
    if np.unique(values).size <= FEW_VALUES:
        return True
    low, high = np.quantile(values, [0.25, 0.75])
    return bool(low == high)
