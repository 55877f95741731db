"""Cross-products of a basis some of whose columns are constant within cells of rows."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64, Bool

__all__ = ["CelledBasis"]


class CelledBasis:
    """A basis ``B (n, z + d)``: z columns that are functions of a row's cell, then d dense ones.

    Products with the first z columns are sums within cells, which costs an addition a row instead
    of z multiplications.

    Parameters
    ----------
    cell_columns : ``(q, z)``, values of the cell columns in each cell.
    cell_of_row : ``(n,)``, ascending from 0 to q - 1, none empty.
    dense : ``(n, d)``.

    Examples
    --------
    >>> cell = np.zeros(3, dtype=np.int64)
    >>> basis = CelledBasis(np.ones((1, 1)), cell, np.array([[1.0], [2.0], [4.0]]))
    >>> basis.gram(np.array([True, True, False])).tolist()
    [[2.0, 3.0], [3.0, 5.0]]
    """

    def __init__(self, cell_columns: F64, cell_of_row: I64, dense: F64) -> None:
        self.cell_columns = cell_columns
        self.cell_of_row = cell_of_row
        self.dense = np.ascontiguousarray(dense)
        self.q, self.z = cell_columns.shape
        self.width = self.z + self.dense.shape[1]
        self._starts = np.searchsorted(cell_of_row, np.arange(self.q))
        self._whole = self._gram_of(np.arange(cell_of_row.size))

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.cell_of_row.size)

    def gram(self, observed: Bool) -> F64:
        """Return the cross-products over the observed rows ``(z + d, z + d)``.

        Where most rows are observed, those of the whole less those of the missing rows.
        """
        missing = np.flatnonzero(~observed)
        if missing.size < 0.4 * self.n:
            return np.asarray(self._whole - self._gram_of(missing))
        return self._gram_of(np.flatnonzero(observed))

    def times(self, columns: F64) -> F64:
        """Return the products ``(m, z + d)`` of columns ``(m, n)`` with the basis."""
        sums = np.add.reduceat(columns, self._starts, axis=1)
        return np.concatenate([sums @ self.cell_columns, columns @ self.dense], axis=1)

    def _gram_of(self, rows: I64) -> F64:
        z = self.z
        out = np.zeros((self.width, self.width))
        if rows.size == 0:
            return out
        dense = self.dense.take(rows, axis=0)
        cells, starts = np.unique(self.cell_of_row[rows], return_index=True)
        Z = self.cell_columns[cells]
        counts = np.diff(starts, append=rows.size)
        cross = Z.T @ np.add.reduceat(dense, starts, axis=0)
        out[:z, :z] = Z.T @ (Z * counts[:, None])
        out[:z, z:], out[z:, :z] = cross, cross.T
        out[z:, z:] = dense.T @ dense
        return out
