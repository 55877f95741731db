"""The rows of a block of proteins in both precisions, filled to whole tiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64

__all__ = ["BlockRows", "pad_block"]


@dataclass(frozen=True)
class BlockRows:
    """The row-level data of the proteins at work: borders ``(B, s, n)`` and mask ``(B, n)`` in both
    precisions.
    """

    borders: F64
    borders32: NDArray[np.float32]
    mask: NDArray[np.float32]


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
