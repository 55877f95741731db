"""A covariate matrix cut into row chunks in which group indicators take one column per group
present.

Covariates are mostly indicators of sites, batches and the like. With the rows ordered by the
combinations of those factors ("cells"), a chunk of a few hundred rows meets only a handful of
cells, so that the product of the chunk with any coefficients needs the dense columns and those few
indicators instead of every dummy column: about half of the multiplications, with the same result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64
from proteomr.stats.tiles import multiply_tiles
from proteomr.stats.workspace import ALIGNMENT, aligned

__all__ = ["Chunk", "ChunkedDesign", "chunk_design"]

_Float = TypeVar("_Float", np.float32, np.float64)
# Products with chunks are a third slower where the columns do not fill the registers of BLAS.
_LANES = 4
# Chunks begin at multiples of so many rows, so that those of a row of fits fill lines of the cache.
_STEP = ALIGNMENT // 4


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows ``start:stop`` of a design: ``local (c, w)`` holds d dense columns, m cell indicators,
    and zeros.

    The zeros fill the width to a multiple of :data:`_LANES`. ``cells`` is the range of the whole
    design's cells that they indicate; ``columns`` is where the chunk's columns lie among those of
    all chunks side by side. ``across32 (w, c)`` holds the columns as rows, from which predictors
    in single precision are made a third faster; in double precision nothing is gained.
    """

    start: int
    stop: int
    cells: slice
    columns: slice
    local: F64
    local32: NDArray[np.float32]
    across32: NDArray[np.float32]


@dataclass(frozen=True)
class ChunkedDesign:
    """A design ``A (n, k)`` whose columns are d dense ones followed by ``k - d`` functions of the
    cell.

    Attributes
    ----------
    n, k, d : rows, columns, dense columns.
    cell_columns : ``(q, k - d)``, the value of each cell column in each of the q cells.
    chunks : row chunks that cover the rows in order.
    """

    n: int
    k: int
    d: int
    cell_columns: F64
    chunks: tuple[Chunk, ...]

    @cached_property
    def _cell_columns32(self) -> NDArray[np.float32]:
        return self.cell_columns.astype(np.float32)

    @property
    def width(self) -> int:
        """Dense columns and cells together: ``d + q``."""
        return self.d + int(self.cell_columns.shape[0])

    def spread(self, coefficients: NDArray[_Float]) -> NDArray[_Float]:
        """Return coefficients of dense columns and cells ``(R, d + q)`` for coefficients ``(R,
        k)``.
        """
        single = coefficients.dtype == np.float32
        cell_columns: Any = self._cell_columns32 if single else self.cell_columns
        of_cells = multiply_tiles(coefficients[:, self.d :], cell_columns.T)
        return np.concatenate([coefficients[:, : self.d], of_cells], axis=1)

    def gather(self, scores: F64) -> F64:
        """Return scores of the columns ``(R, k)`` for scores of dense columns and cells ``(R, d +
        q)``.
        """
        return np.concatenate(
            [scores[:, : self.d], multiply_tiles(scores[:, self.d :], self.cell_columns)], axis=1
        )

    @cached_property
    def _sources(self) -> I64:
        """Which of the dense columns, cells and nothing (d + q) each chunk's columns are."""
        return np.concatenate([self._columns_of(chunk) for chunk in self.chunks])

    @cached_property
    def _sums(self) -> tuple[I64, I64, I64]:
        """The chunks' columns in the order of what they are, where each begins, and which it is."""
        order = np.argsort(self._sources, kind="stable")
        present, starts = np.unique(self._sources[order], return_index=True)
        real = present < self.width
        return order[: np.sum(self._sources < self.width)], starts[real], present[real]

    @property
    def local_width(self) -> int:
        """Columns of all chunks side by side."""
        return int(self.chunks[-1].columns.stop)

    def distribute(self, wide: NDArray[_Float]) -> NDArray[_Float]:
        """Return what the chunks need of spread coefficients ``(R, d + q)``, side by side."""
        nothing = np.zeros((wide.shape[0], 1), dtype=wide.dtype)
        return np.concatenate([wide, nothing], axis=1).take(self._sources, axis=1)

    def collect(self, parts: NDArray[Any]) -> F64:
        """Return the sums ``(R, d + q)`` of products with the chunks' columns, side by side."""
        order, starts, present = self._sums
        out = np.zeros((parts.shape[0], self.width))
        by_column = parts.take(order, axis=1)
        out[:, present] = np.add.reduceat(by_column, starts, axis=1, dtype=np.float64)
        return out

    def _columns_of(self, chunk: Chunk) -> I64:
        out = np.full(chunk.local.shape[1], self.width)
        out[: self.d] = np.arange(self.d)
        present = np.arange(chunk.cells.start, chunk.cells.stop)
        out[self.d : self.d + present.size] = self.d + present
        return out

    def times(self, coefficients: F64) -> F64:
        """Return ``A b (n,)`` for coefficients ``(k,)``."""
        local = self.distribute(self.spread(coefficients[None, :]))[0]
        return np.concatenate([chunk.local @ local[chunk.columns] for chunk in self.chunks])

    def score(self, residuals: F64) -> F64:
        """Return ``A' r (k,)`` for residuals ``(n,)``."""
        parts = [residuals[chunk.start : chunk.stop] @ chunk.local for chunk in self.chunks]
        return np.asarray(self.gather(self.collect(np.concatenate(parts)[None, :]))[0])

    def information(self, weights: F64, *, exact: bool = False) -> F64:
        """Return ``A' W A (k, k)`` for weights ``(n,)``, from products in single precision.

        Parameters
        ----------
        exact : from products in double precision.
        """
        d, total = self.d, np.zeros((self.width, self.width))
        roots = np.sqrt(weights).astype(np.float64 if exact else np.float32)
        for chunk in self.chunks:
            columns: NDArray[Any] = chunk.local if exact else chunk.local32
            rooted = columns * roots[chunk.start : chunk.stop, None]
            square = rooted.T @ rooted
            cells = slice(d + chunk.cells.start, d + chunk.cells.stop)
            local = slice(d, d + chunk.cells.stop - chunk.cells.start)
            total[:d, :d] += square[:d, :d]
            total[:d, cells] += square[:d, local]
            total[cells, cells] += square[local, local]
        total[d:, :d] = total[:d, d:].T
        return np.asarray(self.gather(self.gather(total).T))

    def blocks(self) -> Iterator[tuple[int, F64]]:
        """Yield the first row and the columns ``(c, k)`` of each chunk."""
        for chunk in self.chunks:
            present = slice(self.d, self.d + chunk.cells.stop - chunk.cells.start)
            cells = chunk.local[:, present] @ self.cell_columns[chunk.cells]
            yield chunk.start, np.concatenate([chunk.local[:, : self.d], cells], axis=1)

    @cached_property
    def runs(self) -> tuple[tuple[tuple[int, int, int], ...], ...]:
        """The rows of each chunk that are of one cell: first, after the last, which cell."""
        out = []
        for chunk in self.chunks:
            present = slice(self.d, self.d + chunk.cells.stop - chunk.cells.start)
            counts = chunk.local[:, present].sum(axis=0).astype(np.int64)
            stops = (chunk.start + np.cumsum(counts)).tolist()
            cells = range(chunk.cells.start, chunk.cells.stop)
            out.append(tuple(zip([chunk.start, *stops[:-1]], stops, cells, strict=True)))
        return tuple(out)

    @property
    def cell_of_row(self) -> I64:
        """The cell of each row ``(n,)``, ascending."""
        runs = [run for of_chunk in self.runs for run in of_chunk]
        lengths = [stop - start for start, stop, _ in runs]
        return np.repeat(np.array([cell for *_, cell in runs]), lengths)

    def matrix(self) -> F64:
        """Return the whole matrix ``(n, k)``."""
        return np.concatenate([columns for _, columns in self.blocks()])


def chunk_design(
    dense: F64, cell_columns: F64, cell_of_row: I64, *, chunk_rows: int = 768
) -> ChunkedDesign:
    """Cut a design into row chunks of about the same size.

    Parameters
    ----------
    dense : ``(n, d)`` columns without structure.
    cell_columns : ``(q, k - d)`` values of the remaining columns in each cell.
    cell_of_row : ``(n,)`` cell of each row, 0 to q - 1, in ascending order.
    chunk_rows : rows of a chunk, at the least where there are as many; a chunk of all fits of a
        block should stay in the second-level cache.
    """
    n, d = dense.shape
    pieces = max(1, n // (-(-chunk_rows // _STEP) * _STEP))
    begins = np.linspace(0, n, pieces + 1).astype(int)[:-1] // _STEP * _STEP
    bounds = [*begins.tolist(), n]
    chunks: list[Chunk] = []
    column = 0
    for start, stop in pairwise(bounds):
        first, last = int(cell_of_row[start]), int(cell_of_row[stop - 1])
        wanted = d + last - first + 1
        local = aligned((stop - start, wanted + -wanted % _LANES), np.float64)
        local[:, d:] = 0.0
        local[:, :d] = dense[start:stop]
        local[np.arange(stop - start), d + cell_of_row[start:stop] - first] = 1.0
        columns = slice(column, column + local.shape[1])
        column = columns.stop
        cells = slice(first, last + 1)
        single, across = aligned(local.shape, np.float32), aligned(local.shape[::-1], np.float32)
        single[:], across[:] = local, local.T
        chunks.append(Chunk(start, stop, cells, columns, local, single, across))
    return ChunkedDesign(n, d + cell_columns.shape[1], d, cell_columns, tuple(chunks))
