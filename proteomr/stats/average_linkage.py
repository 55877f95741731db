"""Trees of average linkage over dissimilarities, each merge checked against its pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from proteomr._typing import F64, I64
from proteomr.errors import InputError

__all__ = ["Tree", "check_heights", "link_average"]

# A height is a mean of up to n^2/4 numbers, reached by up to n averages of averages.
_ROUNDING: Final = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A tree of n leaves by its n - 1 merges, in order of height.

    Leaves are 0 to n - 1; what merge s (from 0) makes is n + s.

    Attributes
    ----------
    left, right : (n - 1,) the two that merge, the lower number left.
    heights : (n - 1,) their mean dissimilarity, ascending.
    sizes : (n - 1,) leaves below each merge.
    """

    left: I64
    right: I64
    heights: F64
    sizes: I64

    @property
    def n(self) -> int:
        """Number of leaves."""
        return self.left.size + 1

    def order_leaves(self) -> I64:
        """Return the leaves as they are drawn, the left branch of each merge first.

        A leaf stands before a branch, and the earlier of two branches first, as R's ``hclust``
        draws them.

        Examples
        --------
        >>> tree = link_average(np.array([[0.0, 3.0, 1.0], [3.0, 0.0, 3.0], [1.0, 3.0, 0.0]]))
        >>> tree.order_leaves().tolist()
        [1, 0, 2]
        """
        order: list[int] = []
        waiting = [self.n + self.left.size - 1]
        while waiting:
            node = waiting.pop()
            if node < self.n:
                order.append(node)
            else:
                step = node - self.n
                waiting += [int(self.right[step]), int(self.left[step])]
        return np.array(order, dtype=np.int64)

    def leaf_heights(self) -> F64:
        """Return (n,) the height at which each leaf first merges.

        Examples
        --------
        >>> tree = link_average(np.array([[0.0, 3.0, 1.0], [3.0, 0.0, 3.0], [1.0, 3.0, 0.0]]))
        >>> tree.leaf_heights().tolist()
        [1.0, 3.0, 1.0]
        """
        heights = np.zeros(self.n)
        for side in (self.left, self.right):
            leaves = side < self.n
            heights[side[leaves]] = self.heights[leaves]
        return heights


def link_average(dissimilarity: F64) -> Tree:
    r"""Return the tree of average linkage (UPGMA).

    .. math:: h(A, B) = \frac{1}{|A| |B|} \sum_{i \in A} \sum_{j \in B} d_{ij}

    Each merge joins the two clusters of the least h (Sokal and Michener 1958; R's
    ``hclust(method = "average")``). The merges are scipy's, by chains of nearest neighbours; every
    height is then compared with the mean over the pairs that it joins.

    Parameters
    ----------
    dissimilarity : (n, n) symmetric, zero on the diagonal.

    Raises
    ------
    InputError
        Dissimilarities that are not finite, or so apart in size that the heights do not hold.

    Examples
    --------
    >>> link_average(np.array([[0.0, 3.0, 1.0], [3.0, 0.0, 4.0], [1.0, 4.0, 0.0]])).heights.tolist()
    [1.0, 3.5]
    """
    n = dissimilarity.shape[0]
    if n < 2:
        empty = np.zeros(0, dtype=np.int64)
        return Tree(empty, empty, np.zeros(0), empty)
    if not np.isfinite(dissimilarity).all():
        raise InputError("dissimilarities that are not finite; a tree needs finite ones")
    merges = linkage(squareform(dissimilarity, checks=False), method="average")
    pairs = np.sort(merges[:, :2].astype(np.int64), axis=1)
    tree = Tree(pairs[:, 0], pairs[:, 1], merges[:, 2].copy(), merges[:, 3].astype(np.int64))
    check_heights(tree, dissimilarity)
    return tree


def check_heights(tree: Tree, dissimilarity: F64) -> None:
    """Refuse a tree whose heights are not the means over the pairs that each merge joins.

    Every pair of leaves is joined once, so that this takes one look at each.

    Raises
    ------
    InputError
        A height is off, or the heights do not ascend.

    Examples
    --------
    >>> apart = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> check_heights(link_average(apart), apart)
    """
    members: dict[int, I64] = {leaf: np.array([leaf]) for leaf in range(tree.n)}
    scale = float(np.abs(dissimilarity).max())
    for step, height in enumerate(tree.heights):
        one, other = members.pop(int(tree.left[step])), members.pop(int(tree.right[step]))
        mean = float(dissimilarity[np.ix_(one, other)].mean())
        if not abs(mean - height) <= _ROUNDING * scale:
            raise InputError(
                f"merge {step + 1} of the tree stands at {height:.12g}, and its pairs have the "
                f"mean {mean:.12g}: the dissimilarities are too far apart in size"
            )
        members[tree.n + step] = np.concatenate([one, other])
    if (np.diff(tree.heights) < 0.0).any():
        raise InputError("heights of the tree do not ascend")
