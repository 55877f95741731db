"""Products of matrices whose rows are rounded alike, however many there are of them.

BLAS chooses its kernels by the size of a product, and sums in another order at the edge of a tile
(4 to 24 rows on the processors of today). The fits of a block come in whole tiles, and where a
product sums over many rows of data it is of one tile of fits at a time: always of one size.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["TILE", "multiply_tiles", "split_tiles"]

_Float = TypeVar("_Float", np.float32, np.float64)

TILE = 12
"""Proteins of a tile."""


def split_tiles(of_fits: NDArray[Any], proteins: int) -> NDArray[Any]:
    """Return rows of fits ``(R, c)`` as tiles ``(tiles, fits of a tile, c)``, a view of them.

    Examples
    --------
    >>> split_tiles(np.ones((48, 5)), 24).shape, split_tiles(np.ones((3, 5)), 3).shape
    ((2, 24, 5), (1, 3, 5))
    """
    tiles = 1 if proteins % TILE else max(proteins // TILE, 1)
    return of_fits.reshape(tiles, of_fits.shape[0] // tiles, of_fits.shape[1])


def multiply_tiles(rows: NDArray[_Float], matrix: NDArray[_Float]) -> NDArray[_Float]:
    """Return ``rows (R, q) @ matrix (q, z)``, as many rows as a tile has proteins at a time.

    Examples
    --------
    >>> multiply_tiles(np.ones((48, 2)), np.eye(2)).sum(axis=0).tolist()
    [48.0, 48.0]
    """
    R = rows.shape[0]
    if R % TILE:
        return rows @ matrix
    product: NDArray[_Float] = np.matmul(split_tiles(rows, R), matrix)
    return product.reshape(R, matrix.shape[1])
