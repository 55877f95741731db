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
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64

__all__ = ["Chunk", "ChunkedDesign", "chunk_design"]

_Float = TypeVar("_Float", np.float32, np.float64)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows ``start:stop`` of a design: ``local (c, d + m)`` holds d dense columns, then m cell
    indicators.

    ``cells`` is the range of the whole design's cells that they indicate.
    """

    start: int
    stop: int
    cells: slice
    local: F64
    local32: NDArray[np.float32]


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
        cell_columns = self._cell_columns32 if single else self.cell_columns
        return np.concatenate(
            [coefficients[:, : self.d], coefficients[:, self.d :] @ cell_columns.T], axis=1
        )

    def gather(self, scores: F64) -> F64:
        """Return scores of the columns ``(R, k)`` for scores of dense columns and cells ``(R, d +
        q)``.
        """
        return np.concatenate(
            [scores[:, : self.d], scores[:, self.d :] @ self.cell_columns], axis=1
        )

    def select(self, wide: NDArray[_Float], chunk: Chunk) -> NDArray[_Float]:
        """Return what a chunk needs of spread coefficients: ``(R, d + m)``."""
        return np.concatenate([wide[:, : self.d], wide[:, self._places(chunk)]], axis=1)

    def add(self, total: F64, chunk: Chunk, part: NDArray[_Float]) -> None:
        """Add products with a chunk's columns ``(R, d + m)`` to the whole ``(R, d + q)``."""
        part = part.astype(np.float64, copy=False)
        total[:, : self.d] += part[:, : self.d]
        total[:, self._places(chunk)] += part[:, self.d :]

    def _places(self, chunk: Chunk) -> slice:
        return slice(self.d + chunk.cells.start, self.d + chunk.cells.stop)

    def times(self, coefficients: F64) -> F64:
        """Return ``A b (n,)`` for coefficients ``(k,)``."""
        wide = self.spread(coefficients[None, :])
        parts = [chunk.local @ self.select(wide, chunk)[0] for chunk in self.chunks]
        return np.concatenate(parts)

    def score(self, residuals: F64) -> F64:
        """Return ``A' r (k,)`` for residuals ``(n,)``."""
        total = np.zeros((1, self.width))
        for chunk in self.chunks:
            self.add(total, chunk, residuals[None, chunk.start : chunk.stop] @ chunk.local)
        return np.asarray(self.gather(total)[0])

    def information(self, weights: F64) -> F64:
        """Return ``A' W A (k, k)`` for weights ``(n,)``, from products in single precision."""
        total = np.zeros((self.width, self.width))
        roots = np.sqrt(weights).astype(np.float32)
        for chunk in self.chunks:
            rooted = chunk.local32 * roots[chunk.start : chunk.stop, None]
            square = rooted.T @ rooted
            for rows, part in (
                (slice(0, self.d), square[: self.d]),
                (self._places(chunk), square[self.d :]),
            ):
                self.add(total[rows], chunk, part)
        return np.asarray(self.gather(self.gather(total).T))

    def blocks(self) -> Iterator[tuple[int, F64]]:
        """Yield the first row and the columns ``(c, k)`` of each chunk."""
        for chunk in self.chunks:
            cells = chunk.local[:, self.d :] @ self.cell_columns[chunk.cells]
            yield chunk.start, np.concatenate([chunk.local[:, : self.d], cells], axis=1)

    def matrix(self) -> F64:
        """Return the whole matrix ``(n, k)``."""
        return np.concatenate([columns for _, columns in self.blocks()])


def chunk_design(
    dense: F64, cell_columns: F64, cell_of_row: I64, *, chunk_rows: int = 768
) -> ChunkedDesign:
    """Cut a design into row chunks.

    Parameters
    ----------
    dense : ``(n, d)`` columns without structure.
    cell_columns : ``(q, k - d)`` values of the remaining columns in each cell.
    cell_of_row : ``(n,)`` cell of each row, 0 to q - 1, in ascending order.
    chunk_rows : rows of a chunk; a chunk of all fits of a block should stay in the second-level
        cache.
    """
    n, d = dense.shape
    chunks = []
    for start in range(0, n, chunk_rows):
        stop = min(start + chunk_rows, n)
        first, last = int(cell_of_row[start]), int(cell_of_row[stop - 1])
        local = np.zeros((stop - start, d + last - first + 1))
        local[:, :d] = dense[start:stop]
        local[np.arange(stop - start), d + cell_of_row[start:stop] - first] = 1.0
        chunks.append(Chunk(start, stop, slice(first, last + 1), local, local.astype(np.float32)))
    return ChunkedDesign(n, d + cell_columns.shape[1], d, cell_columns, tuple(chunks))
