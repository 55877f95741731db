"""Cross-products of a basis some of whose columns are constant within cells of rows."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.cell_loops import COLUMNS
from proteomr.stats.loops import COMPILED_FROM, load_loops
from proteomr.stats.workspace import workspace

__all__ = ["CelledBasis"]

# Below this share of rows missing, taking their products off the whole costs less than adding
# those of the observed rows, and loses less than a digit.
_MOSTLY = 0.4
# Products of one size round alike, whatever else is in a block; those of so many columns cost a
# tenth more than those of all.
_TOGETHER = 24
# Rows whose products are added before those of others: with the columns they stay in the
# second-level cache.
_PIECE = 2_048
# Squares of what the rows that are not missing leave of a column: below, five digits are lost.
_KEPT = 1e-5


class CelledBasis:
    """A basis ``B (n, z + d)``: z columns that are functions of a row's cell, then d dense ones.

    Products with the first z columns are sums within cells, which costs an addition a row instead
    of z multiplications. Where rows have weights the basis is that of the rows times their roots.

    Parameters
    ----------
    cell_columns : ``(q, z)``, values of the cell columns in each cell.
    cell_of_row : ``(n,)``, ascending from 0 to q - 1, none empty.
    dense : ``(n, d)`` in all, one behind the other, weighted already.
    root : ``(n,)``, what the cell columns are multiplied by in each row; None for 1.
    room : dense columns that may be appended without a copy.
    compiled : take the compiled loop over rows; None where rows are many.

    Examples
    --------
    >>> cell = np.zeros(3, dtype=np.int64)
    >>> basis = CelledBasis(np.ones((1, 1)), cell, np.array([[1.0], [2.0], [4.0]]))
    >>> basis.gram(np.array([True, True, False])).tolist()
    [[2.0, 3.0], [3.0, 5.0]]
    """

    _first_counted: ClassVar[int] = 0
    """The first column of which something must be left."""

    def __init__(
        self,
        cell_columns: F64,
        cell_of_row: I64,
        dense: F64,
        *,
        root: F64 | None = None,
        room: int = 0,
        compiled: bool | None = None,
    ) -> None:
        self.cell_columns = cell_columns
        self.cell_of_row = cell_of_row
        self.q, self.z = cell_columns.shape
        n, d = dense.shape
        self._tiled = np.zeros((n, -(-(d + room) // COLUMNS) * COLUMNS))
        self._tiled[:, :d] = dense
        self.weighted = root is not None
        self.root = np.ones(n) if root is None else root
        self._loops = load_loops(
            "cell", compiled=n >= COMPILED_FROM if compiled is None else compiled
        )
        self.starts = np.searchsorted(cell_of_row, np.arange(self.q))
        self._lent = False
        self._take_columns(d)

    def _take_columns(self, d: int) -> None:
        """Let the first d of the columns laid out be the dense ones."""
        self.width = self.z + d
        self.dense = self._tiled[:, :d]
        self._whole = self._multiply_whole()

    def append(self, columns: F64) -> CelledBasis:
        """Return the basis with more dense columns ``(n, e)`` behind its own."""
        d, e = self.width - self.z, columns.shape[1]
        if self._lent or self._tiled.shape[1] < d + e:
            root = self.root if self.weighted else None
            wider = CelledBasis(self.cell_columns, self.cell_of_row, self.dense, root=root, room=e)
            return wider.append(columns)
        self._lent = True  # the room behind the columns
        longer = copy.copy(self)
        longer._tiled[:, d : d + e] = columns  # noqa: SLF001 - of the same class
        longer._lent = False  # noqa: SLF001
        longer._take_columns(d + e)  # noqa: SLF001
        return longer

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.cell_of_row.size)

    def gram(self, observed: Bool) -> F64:
        """Return the cross-products over the observed rows ``(z + d, z + d)``."""
        return self.gram_without(np.flatnonzero(~observed))

    def gram_without(self, missing: I64) -> F64:
        """Return the cross-products over all rows but the missing ones, whose positions ascend."""
        return np.asarray(self.grams_without([missing])[0])

    def grams_without(self, missing: Sequence[I64]) -> F64:
        """Return the cross-products ``(b, z + d, z + d)`` over all rows but those missing in each.

        Where most rows are observed, those of the whole less those of the missing rows.
        """
        few = np.array([rows.size < _MOSTLY * self.n for rows in missing])
        lists = [
            rows if less else np.delete(np.arange(self.n), rows)
            for rows, less in zip(missing, few, strict=True)
        ]
        grams = self._add_up(lists)
        grams[few] = self._whole - grams[few]
        return grams

    def keeps_digits(self, grams: F64) -> Bool:
        """Return in which cross-products ``(b, z + d, z + d)`` enough is left of every column.

        Where all rows of a weighted level are missing, rounding is left, which no pivot tells from
        a column.
        """
        first = self._first_counted
        left = np.einsum("bii->bi", grams)[:, first:]
        return np.asarray(np.all(left >= _KEPT * np.diagonal(self._whole)[first:], axis=1))

    def times(self, columns: F64, *, alike: bool = True) -> F64:
        """Return the products ``(m, z + d)`` of columns ``(m, n)`` with the basis.

        Parameters
        ----------
        alike : round each column's products alike, however many there are.
        """
        rooted = columns * self.root if self.weighted else columns
        sums = np.add.reduceat(rooted, self.starts, axis=1)
        if not alike:
            return np.concatenate([sums @ self.cell_columns, columns @ self.dense], axis=1)
        m, out = columns.shape[0], np.empty((columns.shape[0], self.width))
        for start in range(0, m, _TOGETHER):
            stop = min(start + _TOGETHER, m)
            filled = np.zeros((_TOGETHER, self.q))
            filled[: stop - start] = sums[start:stop]
            out[start:stop, : self.z] = (filled @ self.cell_columns)[: stop - start]
            out[start:stop, self.z :] = self._multiply_dense(columns[start:stop])
        return out

    def _multiply_dense(self, columns: F64) -> F64:
        """Return the products of up to so many columns with the dense ones, piece by piece."""
        m, total = columns.shape[0], np.zeros((_TOGETHER, self.dense.shape[1]))
        filled = workspace.take("celled piece", (_TOGETHER, _PIECE), np.float64)
        filled[m:] = 0.0
        for first in range(0, self.n, _PIECE):
            piece = columns[:, first : first + _PIECE]
            if m < _TOGETHER:
                filled[:m, : piece.shape[1]] = piece
                piece = filled[:, : piece.shape[1]]
            total += piece @ self.dense[first : first + _PIECE]
        return total[:m]

    def combine(self, coefficients: F64) -> F64:
        """Return the combinations ``(n, m)`` of the columns, by coefficients ``(z + d, m)``."""
        out = np.asarray(self.dense @ coefficients[self.z :])
        cells = self.cell_columns @ coefficients[: self.z]
        stops = np.append(self.starts[1:], self.n)
        for c, (start, stop) in enumerate(zip(self.starts, stops, strict=True)):
            out[start:stop] += (
                np.outer(self.root[start:stop], cells[c]) if self.weighted else cells[c]
            )
        return out

    def _multiply_whole(self) -> F64:
        """Return the cross-products over all rows ``(z + d, z + d)``."""
        z, Z = self.z, self.cell_columns
        rooted = self.dense * self.root[:, None] if self.weighted else self.dense
        cross = Z.T @ np.add.reduceat(rooted, self.starts, axis=0)
        weights = np.add.reduceat(self.root**2, self.starts)
        out = np.empty((self.width, self.width))
        out[:z, :z] = (Z.T * weights) @ Z
        out[:z, z:], out[z:, :z] = cross, cross.T
        out[z:, z:] = self.dense.T @ self.dense
        return out

    def _add_up(self, lists: Sequence[I64]) -> F64:
        """Return the cross-products ``(b, z + d, z + d)`` over the rows of each list."""
        z, d, tiled, b = self.z, self.width - self.z, self._tiled.shape[1], len(lists)
        squares = workspace.take("celled squares", (b, tiled, tiled), np.float64)
        sums = workspace.take("celled sums", (b, self.q, tiled), np.float64)
        weights = workspace.take("celled weights", (b, self.q), np.float64)
        squares[:], sums[:], weights[:] = 0.0, 0.0, 0.0
        self._loops.add_products(
            self._tiled,
            self.cell_of_row,
            self.root,
            np.concatenate(lists),
            np.cumsum([0, *(rows.size for rows in lists)]),
            squares,
            sums,
            weights,
        )
        out = np.empty((b, self.width, self.width))
        Z = self.cell_columns
        cross = np.matmul(Z.T, sums[:, :, :d])
        out[:, :z, :z] = np.matmul(Z.T * weights[:, None, :], Z)
        out[:, :z, z:], out[:, z:, :z] = cross, cross.transpose(0, 2, 1)
        out[:, z:, z:] = squares[:, :d, :d]
        return out
