"""The rows of a block of proteins, filled to whole tiles, in both precisions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64
from proteomr.stats.row_models import Rows
from proteomr.stats.workspace import workspace

__all__ = ["TILE", "BlockRows", "lay_out_block", "pad_block"]

TILE = 24
"""Proteins that fill whole tiles of matrix products.

Tiles of BLAS have 4 to 24 rows in single and double precision on the processors of today, and rows
at the edge are summed in another order. Fits come in multiples of it, so that none is at an edge.
"""


@dataclass(frozen=True, slots=True)
class BlockRows:
    """The row-level data of the proteins at work, in double and in single precision."""

    double: Rows
    single: Rows

    @property
    def proteins(self) -> int:
        """Number of proteins, with those that nobody has."""
        return int(self.double.mask.shape[0])

    def take(self, proteins: I64) -> Rows:
        """Return the rows of some proteins in double precision."""
        rows = self.double
        return Rows(rows.borders[proteins], rows.mask[proteins], rows.response)


def lay_out_block(
    borders: F64,
    mask: NDArray[np.float32],
    *,
    response: F64,
    response32: NDArray[np.float32],
) -> BlockRows:
    """Return the rows of a block in both precisions; those in single lie in the workspace.

    Parameters
    ----------
    borders, mask : ``(B, s, n)``, ``(B, n)``.
    response, response32 : ``(F, n)``.
    """
    borders, mask = pad_block(borders, mask, to=TILE)
    borders32 = workspace.take("borders", borders.shape, np.float32)
    np.copyto(borders32, borders)
    return BlockRows(Rows(borders, mask, response), Rows(borders32, mask, response32))


def pad_block(
    borders: F64, mask: NDArray[np.float32], *, to: int
) -> tuple[F64, NDArray[np.float32]]:
    """Add proteins that nobody has until the proteins fill whole tiles of a matrix product.

    Every fit is then rounded alike, whatever other proteins are in its block.

    Parameters
    ----------
    borders, mask : ``(B, s, n)``, ``(B, n)``.
    to : proteins of a tile.

    Examples
    --------
    >>> padded, mask = pad_block(np.ones((2, 1, 5)), np.ones((2, 5), dtype=np.float32), to=4)
    >>> padded.shape, mask.sum(axis=1).tolist()
    ((4, 1, 5), [5.0, 5.0, 0.0, 0.0])
    """
    lacking = -borders.shape[0] % to
    if lacking == 0:
        return borders, mask
    empty = np.zeros((lacking, *borders.shape[1:]))
    nobody = np.zeros((lacking, mask.shape[1]), dtype=np.float32)
    return np.concatenate([borders, empty]), np.concatenate([mask, nobody])
