"""Values looked up in a table, between whose rows a result lies on a line.

The plain form documents what :mod:`proteomr.stats.compiled_normal_score_loops` does quicker.
"""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["count_runs", "find_runs", "look_up"]


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


def count_runs(ordered: F64) -> int:
    """Return how many values there are, equal ones counted once.

    Parameters
    ----------
    ordered : (n,), rising, at least one.

    Examples
    --------
    >>> count_runs(np.array([1.0, 1.0, 3.0]))
    2
    """
    return int(np.count_nonzero(ordered[1:] > ordered[:-1])) + 1


def find_runs(ordered: F64, kept: I64, first: I64, last: I64) -> None:
    """Write where some runs of equal values begin and end.

    Parameters
    ----------
    ordered : (n,), rising.
    kept : (k,) the runs, rising, from 0.
    first, last : (k,), written: places among the values.

    Examples
    --------
    >>> first, last = np.empty((2, 2), dtype=np.int64)
    >>> find_runs(np.array([1.0, 1.0, 3.0]), np.array([0, 1]), first, last)
    >>> first.tolist(), last.tolist()
    ([0, 2], [1, 2])
    """
    ends = np.append(np.flatnonzero(ordered[1:] > ordered[:-1]), ordered.size - 1)
    first[:] = np.append(0, ends[:-1] + 1)[kept]
    last[:] = ends[kept]
