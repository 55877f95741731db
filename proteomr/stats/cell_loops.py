"""The loop over rows behind the cross-products of a celled basis, in numpy."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["COLUMNS", "add_products"]

COLUMNS = 4
"""Dense columns are filled to a multiple of those of a tile."""


def add_products(
    dense: F64, cell: I64, root: F64, rows: I64, starts: I64, grams: F64, sums: F64, weights: F64
) -> None:
    """Add the products of some rows, for each of b lists of them.

    Parameters
    ----------
    dense : ``(n, d)``, d a multiple of :data:`COLUMNS`.
    cell, root : ``(n,)``, cell of each row, and what its cell columns are multiplied by.
    rows : positions of the rows, ascending within each list, one list after another.
    starts : ``(b + 1,)``, where each list begins, and the last ends.
    grams : ``(b, d, d)``, added to.
    sums : ``(b, q, d)``, of root times the dense columns, within cells.
    weights : ``(b, q)``, sums of squared roots within cells.
    """
    for j in range(starts.size - 1):
        mine = rows[starts[j] : starts[j + 1]]
        if mine.size == 0:
            continue
        some, share = dense[mine], root[mine]
        grams[j] += some.T @ some
        cells, firsts = np.unique(cell[mine], return_index=True)
        sums[j, cells] += np.add.reduceat(share[:, None] * some, firsts, axis=0)
        weights[j, cells] += np.add.reduceat(share**2, firsts)
