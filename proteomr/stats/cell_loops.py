"""The loop over rows behind the cross-products of a celled basis, in numpy."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["COLUMNS", "add_products"]

COLUMNS = 4
"""Columns of a tile: sixteen sums and eight columns fit the vector registers."""


def add_products(
    dense: F64, cell: I64, root: F64, rows: I64, gram: F64, sums: F64, weights: F64
) -> None:
    """Add the products of some rows.

    Parameters
    ----------
    dense : ``(n, d)``, d a multiple of :data:`COLUMNS`.
    cell, root : ``(n,)``, cell of each row, and what its cell columns are multiplied by.
    rows : ``(r,)``, positions of the rows, ascending, at least one.
    gram : ``(d, d)``, added to.
    sums : ``(q, d)``, of root times the dense columns, within cells.
    weights : ``(q,)``, sums of squared roots within cells.
    """
    some, share = dense[rows], root[rows]
    gram += some.T @ some
    cells, starts = np.unique(cell[rows], return_index=True)
    sums[cells] += np.add.reduceat(share[:, None] * some, starts, axis=0)
    weights[cells] += np.add.reduceat(share**2, starts)
