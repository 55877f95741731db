"""Modules whose eigenproteins go together are one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.average_linkage import link_average
from proteomr.stats.hybrid_cut import number_by_size
from proteomr.stats.module_components import Component
from proteomr.stats.pair_correlations import correlate_all

__all__ = ["Closeness", "measure_distances", "merge_close"]

Closeness: TypeAlias = Literal["signed", "unsigned-ranks"]
_SAME: Final = 1e-12  # eigenproteins of one direction may stand apart by rounding


def measure_distances(scores: F64, closeness: Closeness) -> F64:
    r"""Return the distances of eigenproteins.

    .. math:: 1 - r_{IJ}, \qquad 1 - |\rho_{IJ}|

    signed, of Pearson's correlations; unsigned, of Spearman's.

    Parameters
    ----------
    scores : (k, n).

    Examples
    --------
    >>> e = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    >>> measure_distances(e, "signed")[0, 1], measure_distances(e, "unsigned-ranks")[0, 1]
    (np.float64(2.0), np.float64(0.0))
    """
    if closeness == "signed":
        distances = 1.0 - correlate_all(scores)
    else:
        distances = 1.0 - np.abs(correlate_all(scores, kind="spearman"))
    distances[np.abs(distances) < _SAME] = 0.0
    return np.nan_to_num(distances, nan=1.0)


def merge_close(
    labels: I64,
    find: Callable[[Sequence[I64]], Sequence[Component]],
    *,
    height: float,
    closeness: Closeness = "signed",
) -> tuple[I64, Mapping[int, Component]]:
    """Merge modules whose eigenproteins are nearer than a height, until none are.

    Eigenproteins are linked by their average distance; what hangs together at the height becomes
    one module, with a new eigenprotein, and so on (R's ``WGCNA::mergeCloseModules``).

    Parameters
    ----------
    labels : (p,) module of each protein, 0 for none.
    find : gives the eigenproteins of modules, each by the places of its proteins, ascending; of
        every round at once, and those that have not changed are asked for again.
    height : 0 merges nothing but equals.
    closeness : how distances are measured.

    Returns
    -------
    labels, components : modules numbered by size, and their eigenproteins.

    Examples
    --------
    >>> from proteomr.stats.module_components import find_component
    >>> x = np.array([[1.0, 2.0, 3.0, 9.0], [1.0, 2.0, 3.0, 9.1], [5.0, 1.0, 1.0, 0.0]])
    >>> labels, found = merge_close(np.array([1, 2, 3]),
    ...     lambda modules: [find_component(x[rows]) for rows in modules], height=0.25)
    >>> labels.tolist(), sorted(found)
    ([1, 1, 2], [1, 2])
    """
    labels = number_by_size(labels)
    while True:
        count = int(labels.max(initial=0))
        modules = [np.flatnonzero(labels == label) for label in range(1, count + 1)]
        found = dict(enumerate(find(modules), start=1))
        if count < 2:
            return labels, found
        scores = np.stack([component.scores for component in found.values()])
        group = _group(measure_distances(scores, closeness), height)
        if len(set(group)) == count:
            return labels, found
        mapped = np.concatenate([[0], np.asarray(group) + 1])
        labels = number_by_size(mapped[labels])


def _group(distances: F64, height: float) -> list[int]:
    """Return which eigenproteins hang together at a height."""
    tree = link_average(distances)
    group = list(range(tree.n))
    below: dict[int, list[int]] = {leaf: [leaf] for leaf in range(tree.n)}
    for step in range(tree.heights.size):
        leaves = below.pop(int(tree.left[step])) + below.pop(int(tree.right[step]))
        below[tree.n + step] = leaves
        if tree.heights[step] <= height:
            for leaf in leaves:
                group[leaf] = min(leaves)
    return group
