"""Scores of gene sets in a ranked list, and which members stand at the leading edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64, Bool

__all__ = ["ScoreType", "SetScores", "agrees_with_full_walk", "score_gene_sets", "weigh_ranks"]

ScoreType: TypeAlias = Literal["std", "pos", "neg"]
"""Which end of the list a set may be enriched at: either one; the upper; the lower."""

# Of two sums of at most 1 in size, over as many terms as a list of 1e5 genes has.
_AGREEMENT: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class SetScores:
    """Scores of s sets.

    Attributes
    ----------
    es : (s,) enrichment scores; 0 where both ends of a set weigh the same, or nothing does.
    up, down : (s,) highest point of the running sum, and how far below 0 its lowest one is.
    leading : places of the members at the leading edge, in order, for each set.
    weighed : (s,) whether any member has a weight.
    """

    es: F64
    up: F64
    down: F64
    leading: tuple[I64, ...]
    weighed: Bool


def weigh_ranks(ranks: F64, *, exponent: float) -> F64:
    r"""Return the weight of each gene, :math:`(|r| / \max |r|)^\alpha`.

    Only shares of weights count in a score, so that the scale is free, and no power overflows.

    Parameters
    ----------
    ranks : (N,) statistics, finite.
    exponent : 0 for the classic sum, 1 for the weighted one.

    Examples
    --------
    >>> weigh_ranks(np.array([2.0, -1.0, 0.0]), exponent=1.0).tolist()
    [1.0, 0.5, 0.0]
    """
    size = np.abs(np.asarray(ranks, dtype=np.float64))
    highest = float(size.max(initial=0.0))
    if exponent == 0.0 or highest == 0.0:
        return np.ones(size.shape) if exponent == 0.0 else np.zeros(size.shape)
    return np.asarray((size / highest) ** exponent)


def score_gene_sets(
    sets: Sequence[I64], weights: F64, *, score_type: ScoreType = "std"
) -> SetScores:
    r"""Return the enrichment scores of gene sets.

    .. math:: ES = \text{the point farthest from 0 of } \;
        S(i) = \sum_{j \le i,\, j \in G} w_j \Big/ \sum_{j \in G} w_j
        - \#\{j \le i,\, j \notin G\} / (N - k)

    (Subramanian et al. 2005, doi:10.1073/pnas.0506580102). ``pos`` takes the highest point and
    ``neg`` the lowest. Where highest and lowest are equally far, ES is 0. The leading edge are the
    members up to the highest point, or from the lowest one on.

    Parameters
    ----------
    sets : places of the members of each set among the N genes, highest rank first; distinct.
    weights : (N,) see :func:`weigh_ranks`.
    score_type : which end counts.

    Examples
    --------
    >>> scores = score_gene_sets([np.array([0, 1, 5])], np.ones(6))
    >>> scores.es.round(6).tolist(), scores.leading[0].tolist()
    ([0.666667], [0, 1])
    """
    from proteomr.stats.compiled_running_sum_loops import score_sets

    ordered = [np.sort(np.asarray(members, dtype=np.int64)) for members in sets]
    starts = np.zeros(len(ordered) + 1, dtype=np.int64)
    starts[1:] = np.cumsum([members.size for members in ordered])
    walked = np.zeros((len(ordered), 4))
    flat = np.concatenate([np.zeros(0, dtype=np.int64), *ordered])
    score_sets(flat, starts, np.ascontiguousarray(weights), walked)
    up, down = walked[:, 0].copy(), walked[:, 1].copy()
    es = _choose_end(up, down, score_type)
    leading = tuple(
        members[: int(row[2])] if score > 0.0 else members[int(row[3]) :] if score < 0.0 else _NONE
        for members, row, score in zip(ordered, walked, es, strict=True)
    )
    weighed = np.array([bool(np.any(weights[m] > 0.0)) for m in ordered], dtype=np.bool_)
    return SetScores(es, up, down, leading, weighed)


def agrees_with_full_walk(
    members: I64, weights: F64, *, es: float, score_type: ScoreType = "std"
) -> bool:
    """Tell whether a score is that of the sum written out over every gene of the list.

    Examples
    --------
    >>> agrees_with_full_walk(np.array([0, 1, 5]), np.ones(6), es=2 / 3)
    True
    """
    inside = np.zeros(weights.size, dtype=np.bool_)
    inside[members] = True
    others = max(1, weights.size - int(inside.sum()))
    steps = np.where(inside, weights / weights[inside].sum(), -1.0 / others)
    walk = np.concatenate([[0.0], np.cumsum(steps)])
    up, down = np.array([walk.max()]), np.array([-walk.min()])
    if score_type == "std" and abs(up[0] - down[0]) < _AGREEMENT:
        return abs(abs(es) - up[0]) < _AGREEMENT or es == 0.0
    return bool(abs(_choose_end(up, down, score_type)[0] - es) < _AGREEMENT)


def _choose_end(up: F64, down: F64, score_type: ScoreType) -> F64:
    if score_type == "pos":
        return up.copy()
    if score_type == "neg":
        return -down
    return np.where(up > down, up, np.where(down > up, -down, 0.0))


_NONE: Final[I64] = np.zeros(0, dtype=np.int64)  # of no direction, no edge
