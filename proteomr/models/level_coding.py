"""Levels as columns: each held against the first or the one before, or the two of each contrast.

Levels and contrasts are the nodes and edges of a graph. Where the edges make no circle they are
part of a tree over all levels; the column of an edge is 1 for the levels on its first side and 0
for the others, so that its coefficient is the difference of the two means that it joins. Edges that
nobody asked for complete the tree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["CodedRows", "code_levels", "code_pairs", "part_circles"]


@dataclass(frozen=True, slots=True)
class CodedRows:
    """A target on the rows of one fit.

    Attributes
    ----------
    columns : ``(n, q)``, what says it there.
    places : for each contrast, which of the columns has its coefficient; -1 for none.
    lacking : by contrast that has none, the label of the level that nobody has.
    asked : columns, the first of all, whose coefficients are tested jointly; None for all.
    """

    columns: F64
    places: tuple[int, ...]
    lacking: Mapping[int, str]
    asked: int | None = None

    @property
    def varies(self) -> bool:
        """Whether there is more than one value."""
        return bool(np.any(self.columns != self.columns[:1])) if self.columns.size else False


def code_levels(codes: I64, levels: tuple[str, ...], *, steps: bool) -> CodedRows:
    """Code the levels that somebody has, so that coefficients are those of the contrasts.

    A contrast of a level that nobody has is none, and leaves the others what they are: the columns
    span the means of the levels that are there.

    Examples
    --------
    >>> coded = code_levels(np.array([0, 2, 3]), ("a", "b", "c", "d"), steps=True)
    >>> coded.columns.tolist(), coded.places, dict(coded.lacking)
    ([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]], (-1, -1, 1), {0: 'b', 1: 'b'})
    """
    present = np.unique(codes)
    place = {int(level): i - 1 for i, level in enumerate(present)}
    others = present[1:]
    columns = codes[:, None] >= others if steps else codes[:, None] == others
    places, lacking = [], {}
    for contrast in range(len(levels) - 1):
        pair = (contrast if steps else 0, contrast + 1)
        absent = [level for level in pair if level not in place]
        places.append(-1 if absent else place[contrast + 1])
        if absent:
            lacking[contrast] = levels[absent[0]]
    return CodedRows(columns.astype(np.float64), tuple(places), lacking)


def part_circles(
    pairs: Sequence[tuple[int, int]], levels: int
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the edges that close no circle with those before them, and the others."""
    part = list(range(levels))
    free: list[tuple[int, int]] = []
    tied: list[tuple[int, int]] = []
    for first, second in pairs:
        one, other = part[first], part[second]
        (tied if one == other else free).append((first, second))
        part = [one if p == other else p for p in part]
    return free, tied


def code_pairs(codes: I64, levels: tuple[str, ...], pairs: Sequence[tuple[int, int]]) -> CodedRows:
    """Code the levels that somebody has, the asked contrasts first.

    Parameters
    ----------
    codes : ``(n,)``, at or above 0.
    pairs : contrasts that make no circle, the first level of each over the second.

    Examples
    --------
    >>> coded = code_pairs(np.array([0, 1, 2]), ("a", "b", "c"), [(2, 1)])
    >>> coded.columns.tolist(), coded.places
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]], (0,))
    """
    present = np.unique(codes).tolist()
    asked = [pair for pair in pairs if set(pair) <= set(present)]
    others = [(level, present[0]) for level in present[1:]]
    edges, _ = part_circles([*asked, *others], len(levels))
    columns = np.column_stack(
        [np.isin(codes, _side(edges, e)) for e in range(len(edges))]
        if edges
        else [np.zeros((codes.size, 0))]
    )
    lacking = {
        k: levels[next(level for level in pair if level not in present)]
        for k, pair in enumerate(pairs)
        if pair not in asked
    }
    places = tuple(asked.index(pair) if pair in asked else -1 for pair in pairs)
    return CodedRows(columns.astype(np.float64), places, lacking, len(asked))


def _side(edges: Sequence[tuple[int, int]], without: int) -> list[int]:
    """Return the levels that hang on the first end of an edge."""
    reached = {edges[without][0]}
    rest = [edge for e, edge in enumerate(edges) if e != without]
    while True:
        more = {end for edge in rest for end in edge if reached & set(edge)} - reached
        if not more:
            return sorted(reached)
        reached |= more
