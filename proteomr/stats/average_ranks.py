"""Ranks of long rows, ties sharing their mean."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, Bool
from proteomr.stats.loops import COMPILED_FROM

__all__ = ["AverageRanks", "rank_by_sorting", "rank_rows"]

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
        """Return the ranks from 1 of a row without missing values."""
        order = None if self._sorter is None else self._order[: row.size]
        if self._sorter is None or order is None or self._sorter.order(row, order) < 0:
            return rank_by_sorting(row)
        return _share_ranks(order & _PLACE, order >= 0)


def rank_by_sorting(row: F64) -> F64:
    """Return the ranks from 1 of a row without missing values.

    Examples
    --------
    >>> rank_by_sorting(np.array([5.0, 1.0, 5.0, 3.0])).tolist()
    [3.5, 1.0, 3.5, 2.0]
    """
    order = np.argsort(row, kind="stable")
    ordered = row[order]
    first = np.ones(row.size, dtype=bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return _share_ranks(order, first)


def _share_ranks(order: NDArray[np.integer], first: Bool) -> F64:
    """Return the mean rank of each run of equal values, which begin at the first ones in order."""
    starts = np.flatnonzero(first)
    counts = np.diff(starts, append=order.size)
    ranks = np.empty(order.size)
    ranks[order] = np.repeat(starts + (counts + 1) / 2, counts)
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
