"""Values looked up in a table, between whose rows a result lies on a line.

The plain form documents what :mod:`proteomr.stats.compiled_normal_score_loops` does quicker.
"""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64

__all__ = ["look_up"]


def look_up(values: F64, knots: F64, scores: F64, out: F64) -> None:
    """Write the scores of values, NaN where missing; beyond the knots those of the ends.

    Parameters
    ----------
    values : (n,).
    knots, scores : (k,), the former rising.
    out : (n,), written.

    Examples
    --------
    >>> out = np.empty(3)
    >>> look_up(np.array([0.5, 9.0, np.nan]), np.array([0.0, 1.0]), np.array([4.0, 6.0]), out)
    >>> out.tolist()
    [5.0, 6.0, nan]
    """
    out[:] = np.where(np.isnan(values), np.nan, np.interp(values, knots, scores))
