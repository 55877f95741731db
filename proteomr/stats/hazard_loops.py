"""Sums of columns over those at risk in each cell of follow-up, in numpy: the plain twin of
:mod:`proteomr.stats.compiled_hazard_loops`.
"""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["sum_at_risk"]


def sum_at_risk(X: F64, both: F64, own: F64, last: I64, first: I64, late: I64, out: F64) -> None:
    """Leave sums ``(T, k + 2)``: of columns times weights, of what is the row's own, of weights.

    Parameters
    ----------
    X : ``(n, k)``, rows in order of their last cell.
    both, own : ``(n,)``, weights, and a column that has its weights in it.
    last, first : ``(n,)``, the cells between which a row is at risk, both among them.
    late : rows that are not so from the first cell on.

    Examples
    --------
    >>> out = np.empty((2, 3))
    >>> last, first = np.array([0, 1]), np.array([0, 0])
    >>> sum_at_risk(np.array([[3.0], [5.0]]), np.array([1.0, 2.0]), np.array([0.5, 0.5]), last,
    ...             first, np.array([], int), out)
    >>> out.tolist()
    [[13.0, 1.0, 3.0], [10.0, 0.5, 2.0]]
    """
    weighted = np.column_stack([X * both[:, None], own, both])
    out[:] = 0.0
    begins = np.flatnonzero(np.diff(last, prepend=-1))
    out[last[begins]] = np.add.reduceat(weighted, begins, axis=0)
    np.subtract.at(out, first[late] - 1, weighted[late])
    out[:] = np.cumsum(out[::-1], axis=0)[::-1]
