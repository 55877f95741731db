"""Ranks of long rows, ties sharing their mean."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.stats import rankdata

from proteomr._typing import F64
from proteomr.stats.loops import COMPILED_FROM

__all__ = ["AverageRanks", "rank_rows"]

_PLACE: Final = np.int32(0x7FFF_FFFF)  # the bits of an order that are not the mark of a tie


class AverageRanks:
    """Ranks of rows of up to n values, with the buffers of a radix sort: for one thread.

    Parameters
    ----------
    n : values of a row at the most.

    Examples
    --------
    >>> AverageRanks(4).rank(np.array([5.0, 1.0, 5.0, 3.0])).tolist()
    [3.5, 1.0, 3.5, 2.0]
    """

    def __init__(self, n: int) -> None:
        self._sorter = None
        if n >= COMPILED_FROM:
            from proteomr.stats.compiled_rank_loops import CompiledRanks

            self._sorter = CompiledRanks(n)
            self._order = np.empty(n, dtype=np.int32)

    def rank(self, row: F64) -> F64:
        """Return the ranks from 1 of a row without missing values: those of ``rankdata``."""
        order = None if self._sorter is None else self._order[: row.size]
        if self._sorter is None or order is None or self._sorter.order(row, order) < 0:
            return np.asarray(rankdata(row), dtype=np.float64)
        firsts = np.flatnonzero(order >= 0)  # of each run of equal values
        counts = np.diff(firsts, append=row.size)
        ranks = np.empty(row.size)
        ranks[order & _PLACE] = np.repeat(firsts + (counts + 1) / 2, counts)
        return ranks


def rank_rows(rows: F64) -> F64:
    """Return the ranks of each row by itself.

    Parameters
    ----------
    rows : (m, n) without missing values.

    Examples
    --------
    >>> rank_rows(np.array([[5.0, 1.0, 3.0], [2.0, 2.0, 0.0]])).tolist()
    [[3.0, 1.0, 2.0], [2.5, 2.5, 1.0]]
    """
    ranks = AverageRanks(rows.shape[1])
    found = np.empty_like(rows)
    for row, out in zip(rows, found, strict=True):
        out[:] = ranks.rank(row)
    return found
