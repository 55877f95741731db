"""Whether rounded counts give a small one away, by a solver, and which leave no more if they do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from proteomr.egress.relations import Cells, Relation

__all__ = ["find_bounds", "protect", "round_down"]

# A component of more unknowns is not proved safe within seconds: its counts do not leave.
_MOST_UNKNOWNS: Final = 1_500


def round_down(value: int, k: int) -> int:
    """Return a count rounded down to a multiple of k; below k it is 0, and does not leave.

    Any two counts that are so rounded leave it open by how much they differ if that is less than k:
    the range of the difference that agrees with both holds every number from 1 to k - 1.

    Examples
    --------
    >>> [round_down(value, 5) for value in (4, 5, 1003)]
    [0, 5, 1000]
    """
    return value // k * k


def protect(cells: Cells, relations: Sequence[Relation]) -> frozenset[int]:
    """Return the unknowns that must not leave, so that no sum gives a small count away.

    A count from 1 to k - 1 is safe where some counts that agree with all that leaves have it at 1
    or below, and others at k - 1 or above. Where that fails, the next larger count of one of its
    sums is withheld, until it holds: a certificate by integer programmes over every component of
    sums, which assumes nothing of how the counts were found.

    Parameters
    ----------
    cells : the unknowns, with the numbers behind them.
    relations : the sums that hold.
    """
    withheld: set[int] = set()
    for component in _components(relations):
        unknowns = {one for relation in component for one in (relation.total, *relation.parts)}
        if not any(_is_small(cells, one) for one in unknowns):
            continue
        if len(unknowns) > _MOST_UNKNOWNS:
            withheld |= unknowns
            continue
        while (exposed := _find_exposed(cells, component, withheld)) is not None:
            chosen = _choose(cells, component, exposed, withheld)
            withheld |= unknowns if chosen is None else {chosen}
            if chosen is None:
                break
    return frozenset(withheld)


def find_bounds(
    unknown: int, *, ranges: Mapping[int, tuple[int, int]], relations: Sequence[Relation]
) -> tuple[int, int]:
    """Return the least and the largest whole number that an unknown may be.

    Parameters
    ----------
    unknown : of which the bounds are asked.
    ranges : of every unknown, ends included.
    relations : that hold between them.

    Examples
    --------
    >>> parts = {0: (5, 9), 1: (0, 4), 2: (0, 4)}
    >>> find_bounds(1, ranges=parts, relations=[Relation(0, (1, 2))])
    (1, 4)
    """
    order = {one: place for place, one in enumerate(sorted(ranges))}
    rows = np.zeros((len(relations), len(order)))
    for row, relation in enumerate(relations):
        rows[row, order[relation.total]] += 1.0
        for part in relation.parts:
            rows[row, order[part]] -= 1.0
    ends = np.array([ranges[one] for one in sorted(ranges)], dtype=np.float64)
    asked = np.zeros(len(order))
    asked[order[unknown]] = 1.0
    low, high = (
        milp(
            sign * asked,
            integrality=np.ones(len(order), dtype=np.int64),
            bounds=Bounds(ends[:, 0], ends[:, 1]),
            constraints=LinearConstraint(rows, 0.0, 0.0),
        )
        for sign in (1.0, -1.0)
    )
    if low.fun is None or high.fun is None:
        return ranges[unknown][1], ranges[unknown][0]  # not solved: an empty range proves nothing
    return round(float(low.fun)), round(-float(high.fun))


def _is_small(cells: Cells, unknown: int) -> bool:
    return 0 < cells.values[unknown] < cells.k


def _range_of(cells: Cells, unknown: int, withheld: Collection[int]) -> tuple[int, int]:
    if unknown in withheld:
        return 0, 2 * max(cells.values) + cells.k
    known = round_down(cells.values[unknown], cells.k)
    return known, known + cells.k - 1


def _find_exposed(
    cells: Cells, component: Sequence[Relation], withheld: Collection[int]
) -> int | None:
    """Return the first small count that the sums narrow down; None where there is none."""
    unknowns = sorted({one for rel in component for one in (rel.total, *rel.parts)})
    ranges = {one: _range_of(cells, one, withheld) for one in unknowns}
    for one in unknowns:
        if _is_small(cells, one):
            low, high = find_bounds(one, ranges=ranges, relations=component)
            if low > 1 or high < cells.k - 1:
                return one
    return None


def _choose(
    cells: Cells, component: Sequence[Relation], exposed: int, withheld: Collection[int]
) -> int | None:
    """Return the smallest count that may still be withheld, of its own sums first."""
    near = {one for r in component if exposed in (r.total, *r.parts) for one in (r.total, *r.parts)}
    every = {one for relation in component for one in (relation.total, *relation.parts)}
    for candidates in (near, every):
        open_ones = [c for c in candidates if cells.values[c] >= cells.k and c not in withheld]
        if open_ones:
            return min(open_ones, key=lambda one: (cells.values[one], one))
    return None


def _components(relations: Sequence[Relation]) -> list[list[Relation]]:
    heads: dict[int, int] = {}

    def head(one: int) -> int:
        heads.setdefault(one, one)
        while heads[one] != one:
            heads[one] = heads[heads[one]]
            one = heads[one]
        return one

    for relation in relations:
        for part in relation.parts:
            heads[head(part)] = head(relation.total)
    gathered: dict[int, list[Relation]] = defaultdict(list)
    for relation in relations:
        gathered[head(relation.total)].append(relation)
    return [gathered[one] for one in sorted(gathered)]
