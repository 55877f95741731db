"""Products of columns summed over weighted rows, for the many samples of a bootstrap."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64

__all__ = ["sum_products"]

# Rows whose 36 columns are a megabyte, which the caches of a core hold: each is read once.
_TOGETHER = 4_096


def sum_products(X: F64, weights: F64) -> F64:
    """Return ``X' diag(w) X``, of the rows that count; a third of a sample's rows do not.

    Parameters
    ----------
    X : ``(n, k)``, rows along memory.
    weights : ``(n,)``, 0 or above.

    Examples
    --------
    >>> sum_products(np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([0.0, 4.0])).tolist()
    [[36.0, 60.0], [60.0, 100.0]]
    """
    n, k = X.shape
    total, room = np.zeros((k, k)), np.empty((_TOGETHER, k))
    for start in range(0, n, _TOGETHER):
        some = weights[start : start + _TOGETHER]
        there = np.flatnonzero(some)
        rows = np.take(X[start : start + _TOGETHER], there, 0, room[: there.size], "clip")
        rows *= np.sqrt(some[there])[:, None]
        total += rows.T @ rows  # a matrix by itself: half of the products
    return total
