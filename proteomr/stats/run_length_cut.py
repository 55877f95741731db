"""Modules of a tree by the ups and downs of its heights alone: the dynamic tree cut."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np

from proteomr._typing import F64, I64
from proteomr.errors import UsageError
from proteomr.stats.average_linkage import Tree
from proteomr.stats.hybrid_cut import number_by_size

__all__ = ["cut_run_lengths", "split_heights"]

_TOP: Final = 0.99  # the first, static cut, as a share of the highest merge
_RUN: Final = 3  # a module ends with a run below the reference of a third of the least size


def cut_run_lengths(
    tree: Tree, *, min_size: int = 20, deep_split: bool = True, top: float | None = None
) -> I64:
    """Return the module of each leaf, 0 for none, 1 the largest.

    Branches below a first cut are taken as they are drawn, as a sequence of the heights at which
    their leaves first merge. Where the sequence climbs above a reference after a long run below it,
    a module ends. References are the mean of the heights, and, where that splits nothing, half way
    from it to the highest and to the lowest. With `deep_split` what was split is split again until
    nothing changes.

    Langfelder, Zhang and Horvath 2008, doi:10.1093/bioinformatics/btm563 (the Dynamic Tree cut);
    R's ``cutreeDynamic(method = "tree")``.

    Parameters
    ----------
    tree : of average linkage.
    min_size : fewest leaves of a module.
    deep_split : whether modules are split again.
    top : height of the first cut; None for 99 % of the highest merge.

    Returns
    -------
    (n,) labels; of modules of one size that of the lowest leaf comes first.

    Raises
    ------
    UsageError
        Modules of fewer than two leaves.

    Examples
    --------
    >>> from proteomr.stats.average_linkage import link_average
    >>> own = np.repeat([0, 1], 6)
    >>> apart = np.where(own[:, None] == own[None, :], 0.1, 1.0)
    >>> np.fill_diagonal(apart, 0.0)
    >>> cut_run_lengths(link_average(apart), min_size=4).tolist()
    [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2]
    """
    if min_size < 2:
        raise UsageError(f"modules of {min_size}; at least 2 proteins are needed")
    labels = np.zeros(tree.n, dtype=np.int64)
    if tree.n < 2:
        return labels
    order = tree.order_leaves()
    heights = tree.leaf_heights()[order]
    height = _TOP * float(tree.heights[-1]) if top is None else top
    pieces = _cut_at(tree, order, top=height, min_size=min_size)
    while True:
        split = [
            (start + a, start + b)
            for start, stop in pieces
            for a, b in split_heights(heights[start:stop], min_size=min_size)
        ]
        settled = len(split) == len(pieces)
        pieces = split
        if settled or not deep_split:
            break
    whole = [(start, stop) for start, stop in pieces if stop - start >= min_size]
    for label, (start, stop) in enumerate(whole, start=1):
        labels[order[start:stop]] = label
    return number_by_size(labels)


def _cut_at(tree: Tree, order: I64, *, top: float, min_size: int) -> list[tuple[int, int]]:
    """Return the stretches of drawn leaves that hang together below a height."""
    branch = np.arange(tree.n)
    below: dict[int, list[int]] = {leaf: [leaf] for leaf in range(tree.n)}
    for step in np.flatnonzero(tree.heights <= top).tolist():
        leaves = below.pop(int(tree.left[step])) + below.pop(int(tree.right[step]))
        below[tree.n + step] = leaves
    for number, leaves in below.items():
        branch[leaves] = number
    drawn = branch[order]
    edges = np.flatnonzero(np.diff(drawn)) + 1
    bounds = [0, *edges.tolist(), tree.n]
    return [(start, stop) for start, stop in pairwise(bounds) if stop - start >= min_size]


def split_heights(heights: F64, *, min_size: int) -> list[tuple[int, int]]:
    """Return the stretches, each (start, stop), that a sequence of heights falls into.

    Parameters
    ----------
    heights : (m,) in the order in which leaves are drawn.
    min_size : a last stretch of fewer joins the one before; one of fewer than twice as many that
        lies lower than the one before joins it, too.

    Examples
    --------
    >>> low = np.full(15, 0.1)
    >>> split_heights(np.concatenate([[0.9], low, [0.9], low]), min_size=5)
    [(0, 16), (16, 32)]
    """
    mean = float(heights.mean())
    for reference in (mean, (mean + float(heights.max())) / 2, (mean + float(heights.min())) / 2):
        pieces = _split_at(heights, reference, min_size)
        if len(pieces) > 1:
            return pieces
    return [(0, heights.size)]


def _split_at(heights: F64, reference: float, min_size: int) -> list[tuple[int, int]]:
    m = heights.size
    below = heights < reference
    above_next = np.append(heights[1:] > reference, False)
    falls = np.flatnonzero(below & above_next)
    marks = [0, *(int(i) for i in falls if 0 < i < m - 1), m - 1]
    ends = [0]
    for before, end in pairwise(marks[:-1]):
        stretch = below[before + 1 : end + 1]
        run = int(np.argmin(stretch[::-1])) if not stretch.all() else stretch.size
        if run >= min_size // _RUN + 1:
            ends.append(end)
    ends.append(m - 1)
    ends = _attach_small(heights, ends, 2 * min_size) if len(ends) > 3 else ends
    if len(ends) > 2 and ends[-1] - ends[-2] + 1 < min_size:
        del ends[-2]
    bounds = [0, *(end + 1 for end in ends[1:])]
    return list(pairwise(bounds))


def _attach_small(heights: F64, ends: list[int], size: int) -> list[int]:
    """Let a small stretch that lies lower than the one before it join that one."""
    kept = list(ends)
    place = 1
    while place < len(kept) - 1:
        before = heights[kept[place - 1] + 1 : kept[place] + 1]
        own = heights[kept[place] + 1 : kept[place + 1] + 1]
        if own.size < size and own.mean() < before.mean():
            del kept[place]
        else:
            place += 1
    return kept
