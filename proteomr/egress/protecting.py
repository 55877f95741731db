"""Whether rounded counts give a small one away, by a solver, and which leave no more if they do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Final, Protocol

from proteomr.egress.relations import Cells, Relation
from proteomr.egress.solving import Ranges, Sums

__all__ = ["protect", "round_down"]

# A component of more unknowns is not proved safe within seconds: its counts do not leave.
_MOST_UNKNOWNS: Final = 1_500
# So many counts are withheld one by one for a small count before all of its sums are: each takes a
# programme that has no solution, which is the slow kind. The shipped study needs fewer than 30.
_ONE_BY_ONE: Final = 100


class Move(Protocol):
    """Moves small counts to one end of what they may be; see `Sums.lower`."""

    def __call__(
        self, asked: Collection[int], ranges: Ranges, *, first: int | None = None
    ) -> frozenset[int]:
        """Return which of them got there."""
        ...


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


def protect(
    cells: Cells,
    relations: Sequence[Relation],
    *,
    left: Collection[int] = (),
    kept: Collection[int] = (),
) -> frozenset[int]:
    """Return the unknowns that must not leave, so that no sum gives a small count away.

    A count from 1 to k - 1 is safe where some counts that agree with all that leaves have it at 1
    or below, and others at k - 1 or above. Where that fails, the next larger count of one of its
    sums is withheld, until it holds: a certificate by integer programmes over every component of
    sums, which assumes nothing of how the counts were found. What agrees still agrees when more is
    withheld, so that a count is moved once to either end, and many by one programme.

    Parameters
    ----------
    cells : the unknowns, with the numbers behind them.
    relations : the sums that hold.
    left : unknowns that earlier releases show, and that nothing takes back.
    kept : unknowns that earlier releases withheld, and that stay so.
    """
    withheld: set[int] = {*kept}
    locked = frozenset(left)
    for component in _components(relations):
        sums = Sums(component, most=cells.k - 1)
        small = [one for one in sums.unknowns if 0 < cells.values[one] < cells.k]
        if not small:
            continue
        if len(sums.unknowns) > _MOST_UNKNOWNS:
            withheld |= {*sums.unknowns} - locked
            continue
        for move in (sums.lower, sums.raise_):
            _open_up(cells, sums, move, small, (withheld, locked))
    return frozenset(withheld)


def _open_up(
    cells: Cells,
    sums: Sums,
    move: Move,
    small: Sequence[int],
    state: tuple[set[int], frozenset[int]],
) -> None:
    """Withhold counts until every small one of a component can be moved to an end.

    The state is what is withheld, to which is added, and what left before.
    """
    withheld, left = state
    ranges = {one: _range_of(cells, one, withheld) for one in sums.unknowns}
    waiting = set(small) - move(small, ranges)
    tried = Counter[int]()
    while waiting:
        first = min(waiting)
        together = move(sorted(waiting), ranges, first=first)
        # with nothing else to move, a solution is found where that of many was given up
        if reached := together or move([first], ranges, first=first):
            waiting -= reached
            continue
        tried[first] += 1
        chosen = _choose(cells, sums, first, withheld | left, many=tried[first] > _ONE_BY_ONE)
        if not chosen:
            withheld |= {*sums.unknowns} - left
            return
        withheld |= chosen
        ranges |= {one: _range_of(cells, one, withheld) for one in chosen}


def _range_of(cells: Cells, unknown: int, withheld: Collection[int]) -> tuple[int, int]:
    if unknown in withheld or unknown in cells.unseen:
        return 0, 2 * max(cells.values) + cells.k
    known = round_down(cells.values[unknown], cells.k)
    return known, known + cells.k - 1


def _choose(
    cells: Cells, sums: Sums, exposed: int, settled: Collection[int], *, many: bool
) -> frozenset[int]:
    """Return the smallest count that may still be withheld, or many, of the nearest sums."""
    reached = {exposed}
    while True:
        near = [r for r in sums.relations if not reached.isdisjoint((r.total, *r.parts))]
        wider = reached | {one for r in near for one in (r.total, *r.parts)}
        seen = wider - cells.unseen
        open_ones = [c for c in seen if cells.values[c] >= cells.k and c not in settled]
        if open_ones:
            smallest = min(open_ones, key=lambda one: (cells.values[one], one))
            return frozenset(open_ones) if many else frozenset({smallest})
        if wider == reached:
            return frozenset()
        reached = wider


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
