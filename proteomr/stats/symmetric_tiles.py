"""Symmetric matrices by tiles of their upper triangle, of one size whoever computes them."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np

from proteomr._typing import F64

__all__ = ["Tile", "list_tiles", "place_tile"]

Tile: TypeAlias = tuple[slice, slice]

_SIDE: Final = 256  # rows of a tile: products of this size run at full speed, and stop soon


def list_tiles(p: int) -> list[Tile]:
    """Return the tiles of the upper triangle of a matrix of p rows.

    Examples
    --------
    >>> len(list_tiles(300))
    3
    """
    stretches = [slice(start, min(start + _SIDE, p)) for start in range(0, p, _SIDE)]
    return [(one, other) for one in stretches for other in stretches if other.start >= one.start]


def place_tile(matrix: F64, tile: Tile, block: F64) -> None:
    """Write a tile and its mirror into a matrix, with ones on the diagonal.

    Examples
    --------
    >>> matrix = np.zeros((2, 2))
    >>> place_tile(matrix, (slice(0, 2), slice(0, 2)), np.array([[0.9, 0.5], [0.4, 0.9]]))
    >>> matrix.tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    one, other = tile
    if one == other:
        upper = np.triu(block, 1)
        block = upper + upper.T
        np.fill_diagonal(block, 1.0)
    matrix[one, other] = block
    matrix[other, one] = block.T
