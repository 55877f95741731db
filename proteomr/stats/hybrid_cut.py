"""Modules of a tree by its shape and its dissimilarities: the dynamic hybrid cut."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.errors import UsageError
from proteomr.stats.average_linkage import Tree

__all__ = ["DEEPEST", "REFERENCE", "SecondStage", "cut_hybrid", "find_cut", "number_by_size"]

SecondStage: TypeAlias = Literal["free", "tree", "none"]

# The largest scatter of a core, as a share of the way from the reference height to the cut, by
# deep split 0 to 4: the defaults that the method's package documents.
_SCATTER: Final = (0.64, 0.73, 0.82, 0.91, 0.95)
_GAP_SHARE: Final = 0.75  # the least gap, as a share of what the scatter leaves of the way
REFERENCE: Final = 0.05  # quantile of the merges at which the reference height lies
_CUT: Final = 0.99  # of the way from the reference height to the top
DEEPEST: Final = 4  # the last of the five shares of scatter


@dataclass(slots=True, eq=False)
class _Branch:
    """What hangs together below some height: a cluster in the making, or, with parts, clusters.

    The leaves of a cluster stand in the order in which they came; a composite has none. It was born
    at the merge of its first two leaves.
    """

    leaves: list[int]
    born: int = -1
    parts: list[_Branch] = field(default_factory=list["_Branch"])


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Whether a branch is a cluster, and whether it lacks nothing but leaves."""

    whole: bool
    small: bool


@dataclass(slots=True, eq=False)
class _Climb:
    """The clusters found, the small branches, and the composite on which each stray leaf hangs."""

    dissimilarity: F64
    min_size: int
    scatter: float
    gap: float
    clusters: list[_Branch] = field(default_factory=list[_Branch])
    small: list[_Branch] = field(default_factory=list[_Branch])
    homes: dict[int, _Branch] = field(default_factory=dict[int, _Branch])

    def judge(self, branch: _Branch, height: float) -> _Verdict:
        """Judge a branch that ends at a height; a composite is made of clusters."""
        if branch.parts:
            return _Verdict(whole=True, small=False)
        n, base = len(branch.leaves), self.min_size / 2 + 1
        k = int(base + math.sqrt(n - base)) if base < n else n
        core = np.array(branch.leaves[:k])
        scatter = float(self.dissimilarity[np.ix_(core, core)].sum()) / (k * (k - 1))
        shaped = scatter <= self.scatter and height - scatter >= self.gap
        enough = n >= self.min_size
        return _Verdict(whole=shaped and enough, small=shaped and not enough)

    def join(self, one: _Branch, other: _Branch, height: float) -> _Branch:
        """Return the branch that two make where they meet."""
        judged = (self.judge(one, height), self.judge(other, height))
        if judged[0].whole and judged[1].whole:
            self.clusters += [branch for branch in (one, other) if not branch.parts]
            parts = [part for branch in (one, other) for part in branch.parts or [branch]]
            return _Branch([], parts=parts)
        if one.parts or other.parts:
            host, guest, verdict = (one, other, judged[1]) if one.parts else (other, one, judged[0])
            self.homes.update(dict.fromkeys(guest.leaves, host))
        else:
            larger = len(one.leaves) > len(other.leaves)
            first = judged[0].whole or (not judged[1].whole and larger)
            host, guest, verdict = (one, other, judged[1]) if first else (other, one, judged[0])
            host.leaves.extend(guest.leaves)
        if verdict.small:
            self.small.append(guest)
        return host


def cut_hybrid(
    tree: Tree,
    dissimilarity: F64,
    *,
    min_size: int = 20,
    deep_split: int = 2,
    second_stage: SecondStage = "free",
) -> I64:
    r"""Return the module of each leaf, 0 for none, 1 the largest.

    The tree is climbed merge by merge, up to a cut at 99 % of the way from the 5th percentile of
    the heights to the top. Where two branches meet, each is a cluster if it has enough leaves, if
    the mean dissimilarity of its core, the

    .. math:: n_c = \min\{N_0/2 + 1 + \sqrt{n - N_0/2 - 1},\, n\}

    leaves that came first, is low enough, and if the height at which it ends lies far enough above
    that mean. If both are, they are closed, and what hangs above them belongs to neither; else the
    one that fails joins the other. In the second stage the leaves of each branch that met another
    and lacked nothing but size go together to the cluster that is nearest on the average, if that
    is below the cut or nearer than the farthest leaf of that cluster; of such branches within one
    another the last to begin has the leaves. Then so does each leaf that was in none.

    Langfelder, Zhang and Horvath 2008, doi:10.1093/bioinformatics/btm563 (the Dynamic Hybrid cut);
    the partitions are those of R's ``dynamicTreeCut`` 1.63.

    Parameters
    ----------
    tree : of average linkage.
    dissimilarity : (n, n) that it was made of.
    min_size : N_0, the fewest leaves of a cluster.
    deep_split : 0 to 4; the higher, the more and smaller clusters.
    second_stage : free: to any cluster; tree: to clusters of the same branch alone
        (``pamRespectsDendro``); none: nothing is assigned.

    Returns
    -------
    (n,) labels; of modules of one size that of the lowest leaf comes first.

    Raises
    ------
    UsageError
        A deep split outside 0 to 4, or clusters of fewer than two.

    Examples
    --------
    >>> from proteomr.stats.average_linkage import link_average
    >>> own = np.repeat([0, 1], 6)
    >>> apart = np.where(own[:, None] == own[None, :], 0.1, 1.0)
    >>> np.fill_diagonal(apart, 0.0)
    >>> cut_hybrid(link_average(apart), apart, min_size=4).tolist()
    [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2]
    """
    if not 0 <= deep_split <= DEEPEST:
        raise UsageError(f"a deep split of {deep_split}; 0 to {DEEPEST} is needed")
    if min_size < 2:
        raise UsageError(f"modules of {min_size}; at least 2 proteins are needed")
    labels = np.zeros(tree.n, dtype=np.int64)
    if tree.n < 2:
        return labels
    reference, cut = find_cut(tree)
    if int((tree.heights <= cut).sum()) < min_size:
        return labels
    share, way = _SCATTER[deep_split], cut - reference
    climb = _Climb(
        dissimilarity, min_size, reference + share * way, (1.0 - share) * _GAP_SHARE * way
    )
    _climb_to(tree, climb, cut)
    for label, cluster in enumerate(climb.clusters, start=1):
        labels[cluster.leaves] = label
    if second_stage != "none" and climb.clusters:
        labels = _assign(labels, climb, cut=cut, within_branch=second_stage == "tree")
    return number_by_size(labels)


def _climb_to(tree: Tree, climb: _Climb, cut: float) -> None:
    """Find the clusters below a cut."""
    standing: dict[int, _Branch] = {}
    for step in np.flatnonzero(tree.heights <= cut).tolist():
        left, right = int(tree.left[step]), int(tree.right[step])  # a leaf stands left
        if right < tree.n:
            branch = _Branch([left, right], born=step)
        elif left < tree.n:
            branch = standing.pop(right)
            if branch.parts:
                climb.homes[left] = branch
            else:
                branch.leaves.append(left)
        else:
            height = float(tree.heights[step])
            branch = climb.join(standing.pop(left), standing.pop(right), height)
        standing[tree.n + step] = branch
    for branch in standing.values():
        if branch.parts:
            continue
        if climb.judge(branch, cut).whole:
            climb.clusters.append(branch)


def _assign(labels: I64, climb: _Climb, *, cut: float, within_branch: bool) -> I64:
    """Return labels with the leaves that the first stage left assigned to clusters."""
    count = len(climb.clusters)
    own = labels[:, None] == np.arange(1, count + 1)
    sizes = own.sum(axis=0)
    sums = climb.dissimilarity @ own.astype(np.float64)
    means = sums / sizes
    # the farthest leaf of a cluster, by its mean dissimilarity to the others
    reach = np.where(own, sums, 0.0).max(axis=0) / np.maximum(sizes - 1, 1)
    assigned = labels.copy()
    number = {id(cluster): place for place, cluster in enumerate(climb.clusters)}

    limits = np.maximum(reach, cut)

    def attempt(leaves: list[int]) -> None:
        near = means[leaves].mean(axis=0)
        if within_branch:
            home = climb.homes.get(leaves[0])
            near = np.full(count, np.inf)
            if home is None:
                return
            places = [number[id(part)] for part in home.parts]
            near[places] = means[np.ix_(leaves, places)].mean(axis=0)
        nearest = int(np.argmin(near))
        if near[nearest] < limits[nearest]:
            assigned[leaves] = nearest + 1

    # of branches within one another that which was born last has the leaves, as in the package
    owner = np.full(labels.size, -1)
    for branch in sorted(climb.small, key=lambda branch: branch.born):
        owner[branch.leaves] = branch.born
    owner[labels > 0] = -1
    for born in np.unique(owner[owner >= 0]).tolist():
        attempt(np.flatnonzero(owner == born).tolist())
    # leaves of a branch that is near no cluster are not tried by themselves
    for leaf in np.flatnonzero((assigned == 0) & (owner < 0)).tolist():
        attempt([leaf])
    return assigned


def find_cut(tree: Tree) -> tuple[float, float]:
    """Return the reference height and the height of the cut.

    The reference is the 5th percentile of the heights, the cut lies at 99 % of the way to the top.

    Examples
    --------
    >>> from proteomr.stats.average_linkage import link_average
    >>> find_cut(link_average(np.array([[0.0, 0.5], [0.5, 0.0]])))
    (0.5, 0.5)
    """
    heights = tree.heights
    place = max(round(heights.size * REFERENCE), 1)  # half to even, as R rounds
    reference = float(heights[place - 1])
    return reference, reference + _CUT * (float(heights[-1]) - reference)


def number_by_size(labels: I64) -> I64:
    """Return labels numbered by the size of what they label, 0 staying 0.

    Of labels of one size that of the lowest place comes first.

    Examples
    --------
    >>> number_by_size(np.array([7, 3, 3, 0])).tolist()
    [2, 1, 1, 0]
    """
    known, first, count = np.unique(labels, return_index=True, return_counts=True)
    order = np.lexsort((first, -count))
    numbered = np.zeros_like(labels)
    for number, place in enumerate(order[known[order] > 0], start=1):
        numbered[labels == known[place]] = number
    return numbered
