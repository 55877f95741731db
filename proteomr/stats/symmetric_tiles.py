"""Symmetric matrices by tiles of their upper triangle, of one size whoever computes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Protocol, TypeAlias, TypeVar

import numpy as np

from proteomr._typing import F64

__all__ = ["Spread", "Tile", "in_turn", "list_stretches", "list_tiles", "place_tile"]

Tile: TypeAlias = tuple[slice, slice]

_Found = TypeVar("_Found")

_SIDE: Final = 256  # rows of a tile: products of this size run at full speed, and stop soon


class Spread(Protocol):
    """Runs work on stretches, in any order, as ``Executor.map`` does."""

    def __call__(
        self, work: Callable[[slice], _Found], stretches: Sequence[slice], /
    ) -> Iterable[tuple[int, _Found]]:
        """Yield ``(position, work(stretch))`` for each stretch."""
        ...


def in_turn(
    work: Callable[[slice], _Found], stretches: Sequence[slice], /
) -> Iterator[tuple[int, _Found]]:
    """Run work on stretches one after another.

    Examples
    --------
    >>> list(in_turn(lambda rows: rows.stop, [slice(0, 2), slice(2, 3)]))
    [(0, 2), (1, 3)]
    """
    for position, stretch in enumerate(stretches):
        yield position, work(stretch)


def list_stretches(p: int) -> list[slice]:
    """Return the stretches of rows that tiles are cut by.

    Examples
    --------
    >>> list_stretches(300)
    [slice(0, 256, None), slice(256, 300, None)]
    """
    return [slice(start, min(start + _SIDE, p)) for start in range(0, p, _SIDE)]


def list_tiles(p: int) -> list[Tile]:
    """Return the tiles of the upper triangle of a matrix of p rows, stretch by stretch.

    Examples
    --------
    >>> len(list_tiles(300))
    3
    """
    stretches = list_stretches(p)
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
