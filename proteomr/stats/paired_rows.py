"""Rows that many fits share but for one or a few columns of their own, and sums over them.

The products of pairs of columns are made once for all fits of a chunk of rows, so that the
cross-products of each fit, with weights of its own, are a matrix product with the weights, and so
is what an inverse gives of a row, its leverage.

Letters and shapes: ``B`` proteins; ``R`` fits, fit r of protein ``proteins[r]``; ``k`` covariates
``A (n, k)``; ``s`` borders; ``p = k + s`` columns, the covariates' first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64
from proteomr.stats.chunked import Chunk, ChunkedDesign

__all__ = [
    "AtChunk",
    "CrossSums",
    "PairedRows",
    "ScoreSums",
    "SpreadMatrix",
    "fill_fits",
    "multiply_fits",
]

_Float = TypeVar("_Float", np.float32, np.float64)

# Fits of a product: always as many, so that each is rounded alike whatever others are beside it,
# and enough that the products of pairs, some megabytes, are read as seldom as BLAS is fast.
_FITS = 48


def fill_fits(R: int) -> I64:
    """Return the positions of R fits, and again the first until they fill whole products.

    Examples
    --------
    >>> fill_fits(50).size
    96
    """
    return np.concatenate([np.arange(R), np.zeros(-R % _FITS, dtype=np.int64)])


def multiply_fits(rows: NDArray[_Float], matrix: NDArray[_Float]) -> NDArray[_Float]:
    """Return ``rows (R, q) @ matrix (q, z)``, always as many rows at a time.

    Examples
    --------
    >>> multiply_fits(np.ones((48, 2)), np.eye(2)).sum(axis=0).tolist()
    [48.0, 48.0]
    """
    tiles = rows.reshape(rows.shape[0] // _FITS, _FITS, rows.shape[1])
    product: NDArray[_Float] = np.matmul(tiles, matrix)
    return product.reshape(rows.shape[0], matrix.shape[1])


@dataclass(frozen=True, slots=True)
class AtChunk:
    """The rows ``at`` of a chunk for R fits.

    Attributes
    ----------
    D : ``(d, c)``, the dense columns.
    cells, starts : the range of the cells that the rows are of, and where each begins ``(m,)``.
    S : ``(R, s, c)``, the borders.
    """

    at: slice
    D: F64
    cells: slice
    starts: I64
    S: F64

    def segments(self) -> Iterator[tuple[int, slice]]:
        """Yield each cell with its rows."""
        stops = [*self.starts[1:].tolist(), self.D.shape[1]]
        for i, (start, stop) in enumerate(zip(self.starts.tolist(), stops, strict=True)):
            yield self.cells.start + i, slice(start, stop)

    def pair(self) -> F64:
        """Return the products of all pairs of dense columns ``(d (d + 1) / 2, c)``."""
        d, c = self.D.shape
        pairs, start = np.empty((d * (d + 1) // 2, c)), 0
        for a in range(d):
            np.multiply(self.D[a], self.D[a:], out=pairs[start : start + d - a])
            start += d - a
        return pairs

    def predict(self, dense: F64, of_cells: F64, border: F64) -> F64:
        """Return linear predictors ``(R, c)`` of coefficients ``(R, d | q | s)``."""
        lengths = np.diff(self.starts, append=self.D.shape[1])
        out = multiply_fits(dense, self.D)
        out += np.repeat(of_cells[:, self.cells], lengths, axis=1)
        for a in range(self.S.shape[1]):
            out += border[:, a, None] * self.S[:, a]
        return out


class ScoreSums:
    """Products of all columns with a value of each row, chunk by chunk."""

    def __init__(self, design: ChunkedDesign, R: int, s: int) -> None:
        self._design = design
        self._own = np.zeros((R, design.width))
        self._border = np.zeros((R, s))

    def add(self, rows: AtChunk, values: F64) -> None:
        """Add the rows of a chunk with values ``(R, c)``."""
        d, cells = self._design.d, rows.cells
        self._own[:, :d] += multiply_fits(values, rows.D.T)
        at = slice(d + cells.start, d + cells.stop)
        self._own[:, at] += np.add.reduceat(values, rows.starts, axis=1)
        self._border += np.einsum("rc,rsc->rs", values, rows.S)

    def close(self) -> F64:
        """Return the sums ``(R, p)``."""
        return np.concatenate([self._design.gather(self._own), self._border], axis=1)


class CrossSums:
    """Cross-products of the columns of R fits, chunk by chunk."""

    def __init__(self, of: PairedRows, R: int) -> None:
        d, q = of.design.d, of.design.width - of.design.d
        self._of = of
        # fits last: what a pair adds to them lies together
        self._pairs = np.zeros((R // _FITS, d * (d + 1) // 2, _FITS))
        self._by_cell = np.zeros((R, q, d))
        self._cells = np.zeros((R, q))
        self._dense = np.zeros((R, of.s, d))
        self._border_cells = np.zeros((R, of.s, q))
        self._border = np.zeros((R, of.s, of.s))

    def add(self, rows: AtChunk, weights: F64) -> None:
        """Add the rows of a chunk with weights ``(R, c)``."""
        pairs = rows.pair()
        for i in range(self._pairs.shape[0]):
            self._pairs[i] += pairs @ weights[i * _FITS : (i + 1) * _FITS].T
        for cell, part in rows.segments():
            self._by_cell[:, cell] += multiply_fits(weights[:, part], rows.D[:, part].T)
        self._cells[:, rows.cells] += np.add.reduceat(weights, rows.starts, axis=1)
        for a in range(self._of.s):
            weighted = weights * rows.S[:, a]
            self._dense[:, a] += multiply_fits(weighted, rows.D.T)
            self._border_cells[:, a, rows.cells] += np.add.reduceat(weighted, rows.starts, axis=1)
            for b in range(a + 1):
                self._border[:, a, b] += np.einsum("rc,rc->r", weighted, rows.S[:, b])

    def close(self) -> F64:
        """Return the sums ``(R, p, p)``."""
        d, k, Z = self._of.design.d, self._of.design.k, self._of.design.cell_columns
        R = self._cells.shape[0]
        out = np.empty((R, self._of.p, self._of.p))
        upper = np.triu_indices(d)
        out[:, upper[0], upper[1]] = self._pairs.transpose(0, 2, 1).reshape(R, -1)
        out[:, :d, d:k] = np.matmul(self._by_cell.transpose(0, 2, 1), Z)
        out[:, d:k, d:k] = np.matmul(Z.T * self._cells[:, None], Z)
        out[:, :d, k:] = self._dense.transpose(0, 2, 1)
        out[:, d:k, k:] = np.matmul(self._border_cells, Z).transpose(0, 2, 1)
        for a in range(self._of.s):
            out[:, k : k + a + 1, k + a] = self._border[:, a, : a + 1]
        lower = np.tril_indices(self._of.p, -1)
        out[:, lower[0], lower[1]] = out[:, lower[1], lower[0]]
        return out


@dataclass(frozen=True, slots=True)
class SpreadMatrix:
    """A symmetric matrix of each fit ``(R, p, p)``, as rows meet it.

    Attributes
    ----------
    pairs : ``(tiles, d (d + 1) / 2, fits)``, of dense columns, what is off the diagonal twice.
    by_cell, cells : ``(R, q, d)``, twice; ``(R, q)``.
    dense, border_cells, border : those with borders, ``(R, s, d)``, ``(R, s, q)``, ``(R, s, s)``.
    """

    pairs: F64
    by_cell: F64
    cells: F64
    dense: F64
    border_cells: F64
    border: F64


class PairedRows:
    """The rows of a block of fits.

    Parameters
    ----------
    design : the covariates.
    borders : ``(B, s, n)``, the columns of each protein; 0 where it is not observed.

    Examples
    --------
    >>> from proteomr.stats.chunked import chunk_design
    >>> design = chunk_design(np.zeros((4, 0)), np.ones((1, 1)), np.zeros(4, dtype=np.int64))
    >>> rows = PairedRows(design, np.arange(4.0)[None, None])
    >>> rows.cross(np.array([0]), np.ones((1, 4)))[0].tolist()
    [[4.0, 6.0], [6.0, 14.0]]
    >>> rows.times(np.array([0]), np.array([[1.0, 2.0]])).tolist()
    [[1.0, 3.0, 5.0, 7.0]]
    """

    def __init__(self, design: ChunkedDesign, borders: F64) -> None:
        self.design = design
        self.borders = borders
        self.s = borders.shape[1]
        self.p = design.k + self.s

    def reach(self, chunk: Chunk, proteins: I64) -> AtChunk:
        """Return the rows of a chunk for some fits."""
        at, d = slice(chunk.start, chunk.stop), self.design.d
        present = chunk.local[:, d : d + chunk.cells.stop - chunk.cells.start]
        starts = np.argmax(present, axis=0)
        D = np.ascontiguousarray(chunk.local[:, :d].T)
        return AtChunk(at, D, chunk.cells, starts, self.borders[proteins, :, at])

    def split(self, theta: F64) -> tuple[F64, F64, F64]:
        """Return coefficients ``(R, p)`` of dense columns, of cells, of borders."""
        d, k = self.design.d, self.design.k
        dense = np.ascontiguousarray(theta[:, :d])
        return dense, theta[:, d:k] @ self.design.cell_columns.T, theta[:, k:]

    def cross(self, proteins: I64, weights: F64) -> F64:
        """Return ``X' W X (R, p, p)`` for weights ``(R, n)``."""
        filled = fill_fits(proteins.size)
        sums = CrossSums(self, filled.size)
        for chunk in self.design.chunks:
            rows = self.reach(chunk, proteins[filled])
            sums.add(rows, weights[filled, rows.at])
        return sums.close()[: proteins.size]

    def times(self, proteins: I64, theta: F64) -> F64:
        """Return ``X b (R, n)`` for coefficients ``(R, p)``."""
        filled = fill_fits(proteins.size)
        parts = self.split(theta[filled])
        out = np.empty((filled.size, self.design.n))
        for chunk in self.design.chunks:
            rows = self.reach(chunk, proteins[filled])
            out[:, rows.at] = rows.predict(*parts)
        return out[: proteins.size]

    def squares(self, proteins: I64, inverse: F64) -> F64:
        """Return ``x' V x`` of each row ``(R, n)`` for matrices ``V (R, p, p)``."""
        filled = fill_fits(proteins.size)
        spread = self.spread(inverse[filled])
        out = np.empty((filled.size, self.design.n))
        for chunk in self.design.chunks:
            rows = self.reach(chunk, proteins[filled])
            out[:, rows.at] = self.square(rows, spread, roughly=False)
        return out[: proteins.size]

    def spread(self, matrix: F64) -> SpreadMatrix:
        """Return a symmetric matrix ``(R, p, p)`` as rows meet it."""
        d, k, Z = self.design.d, self.design.k, self.design.cell_columns
        upper = np.triu_indices(d)
        twice = np.where(upper[0] == upper[1], 1.0, 2.0)
        tiles = matrix.shape[0] // _FITS
        pairs = (matrix[:, upper[0], upper[1]] * twice).reshape(tiles, _FITS, twice.size)
        by_cell = 2.0 * np.matmul(Z, matrix[:, d:k, :d])
        cells = np.einsum("rqz,qz->rq", np.matmul(Z, matrix[:, d:k, d:k]), Z)
        dense, border_cells = matrix[:, k:, :d], np.matmul(matrix[:, k:, d:k], Z.T)
        return SpreadMatrix(
            pairs, by_cell, cells, np.ascontiguousarray(dense), border_cells, matrix[:, k:, k:]
        )

    def square(self, rows: AtChunk, spread: SpreadMatrix, *, roughly: bool) -> F64:
        """Return ``x' V x (R, c)`` of a chunk.

        Parameters
        ----------
        roughly : in single precision.
        """
        pairs = rows.pair()
        if roughly:
            single = np.matmul(spread.pairs.astype(np.float32), pairs.astype(np.float32))
            out: F64 = single.astype(np.float64).reshape(-1, pairs.shape[1])
        else:
            out = np.matmul(spread.pairs, pairs).reshape(-1, pairs.shape[1])
        for cell, part in rows.segments():
            along = multiply_fits(np.ascontiguousarray(spread.by_cell[:, cell]), rows.D[:, part])
            out[:, part] += along + spread.cells[:, cell, None]
        for a in range(self.s):
            half = 0.5 * spread.border[:, a]
            along = rows.predict(spread.dense[:, a], spread.border_cells[:, a], half)
            out += 2.0 * rows.S[:, a] * along
        return out
