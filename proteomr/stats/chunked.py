"""A covariate matrix cut into row chunks in which group indicators take one column per group present.

Covariates are mostly indicators of sites, batches and the like. With the rows ordered by the combinations of those
factors ("cells"), a chunk of a few hundred rows meets only a handful of cells, so that the product of the chunk with
any coefficients needs the dense columns and those few indicators instead of every dummy column: about half of the
multiplications, with the same result.
"""

from __future__ import annotations

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
    """Rows ``start:stop`` of a design: ``local (c, d + m)`` holds d dense columns, then m cell indicators.

    ``columns (d + m,)`` are their positions among the d dense columns and the q cells of the whole design.
    """

    start: int
    stop: int
    columns: I64
    local: F64
    local32: NDArray[np.float32]


@dataclass(frozen=True)
class ChunkedDesign:
    """A design ``A (n, k)`` whose columns are d dense ones followed by ``k - d`` functions of the cell.

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

    def spread(self, coefficients: NDArray[_Float]) -> NDArray[_Float]:
        """Return coefficients of dense columns and cells ``(R, d + q)`` for coefficients ``(R, k)``."""
        single = coefficients.dtype == np.float32
        cell_columns = self._cell_columns32 if single else self.cell_columns
        return np.concatenate(
            [coefficients[:, : self.d], coefficients[:, self.d :] @ cell_columns.T], axis=1
        )

    def gather(self, scores: F64) -> F64:
        """Return scores of the columns ``(R, k)`` for scores of dense columns and cells ``(R, d + q)``."""
        return np.concatenate([scores[:, : self.d], scores[:, self.d :] @ self.cell_columns], axis=1)

    def matrix(self) -> F64:
        """Return the whole matrix ``(n, k)``."""
        out = np.empty((self.n, self.k))
        for chunk in self.chunks:
            rows = slice(chunk.start, chunk.stop)
            out[rows, : self.d] = chunk.local[:, : self.d]
            out[rows, self.d :] = chunk.local[:, self.d :] @ self.cell_columns[chunk.columns[self.d :] - self.d]
        return out


def chunk_design(
    dense: F64, cell_columns: F64, cell_of_row: I64, *, chunk_rows: int = 512
) -> ChunkedDesign:
    """Cut a design into row chunks; the rows must already be ordered by cell to gain from it.

    Parameters
    ----------
    dense : ``(n, d)`` columns without structure.
    cell_columns : ``(q, k - d)`` values of the remaining columns in each cell.
    cell_of_row : ``(n,)`` cell of each row, 0 to q - 1.
    chunk_rows : rows of a chunk; a chunk of all fits of a block should stay in the second-level cache.
    """
    n, d = dense.shape
    chunks = []
    for start in range(0, n, chunk_rows):
        stop = min(start + chunk_rows, n)
        cells, within = np.unique(cell_of_row[start:stop], return_inverse=True)
        local = np.zeros((stop - start, d + cells.size))
        local[:, :d] = dense[start:stop]
        local[np.arange(stop - start), d + within] = 1.0
        columns = np.concatenate([np.arange(d), d + cells])
        chunks.append(Chunk(start, stop, columns, local, local.astype(np.float32)))
    return ChunkedDesign(n, d + cell_columns.shape[1], d, cell_columns, tuple(chunks))
