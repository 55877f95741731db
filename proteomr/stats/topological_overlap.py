"""Topological overlap: how far two proteins share their neighbours in a network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.stats.symmetric_tiles import Tile, list_tiles, place_tile

__all__ = ["OverlapWork", "overlap_all"]


@dataclass(frozen=True, slots=True, eq=False)
class OverlapWork:
    r"""Topological overlaps of a tile of pairs.

    .. math:: \omega_{ij} = \frac{\sum_u a_{iu} a_{uj} + a_{ij}}{\min(k_i, k_j) + 1 - a_{ij}},
       \qquad k_i = \sum_{u \ne i} a_{iu}

    Ravasz et al. 2002, doi:10.1126/science.1073374; Zhang and Horvath 2005,
    doi:10.2202/1544-6115.1128; R's ``WGCNA::TOMsimilarity(TOMType = "unsigned")``.

    Attributes
    ----------
    adjacency : (p, p) 0 to 1, zero on the diagonal.
    connectivity : (p,) its row sums.
    """

    adjacency: F64
    connectivity: F64

    @classmethod
    def of(cls, adjacency: F64) -> OverlapWork:
        """Take adjacencies.

        Examples
        --------
        >>> OverlapWork.of(np.array([[0.0, 0.5], [0.5, 0.0]])).connectivity.tolist()
        [0.5, 0.5]
        """
        return cls(adjacency, adjacency.sum(axis=1))

    def compute(self, tile: Tile) -> F64:
        """Return the overlaps of a tile.

        Examples
        --------
        >>> work = OverlapWork.of(np.array([[0.0, 0.5], [0.5, 0.0]]))
        >>> work.compute((slice(0, 1), slice(1, 2))).tolist()
        [[0.5]]
        """
        one, other = tile
        own = self.adjacency[one, other]
        shared = self.adjacency[one] @ self.adjacency[other].T + own
        fewer = np.minimum(self.connectivity[one, None], self.connectivity[None, other])
        # a_ij may be 1 to rounding where both have no other neighbour: 0.5 over 0.5 is near 1
        return np.clip(shared / (fewer + 1.0 - own), 0.0, 1.0)


def overlap_all(adjacency: F64) -> F64:
    """Return the topological overlaps (p, p), one on the diagonal; see :class:`OverlapWork`.

    Examples
    --------
    >>> overlap_all(np.array([[0.0, 0.5], [0.5, 0.0]])).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    work = OverlapWork.of(adjacency)
    overlap = np.zeros_like(adjacency)
    for tile in list_tiles(len(adjacency)):
        place_tile(overlap, tile, work.compute(tile))
    return overlap
