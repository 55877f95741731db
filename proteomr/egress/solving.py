"""Whole numbers that agree with sums and ranges, sought for many counts at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from proteomr.egress.relations import Relation

__all__ = ["Ranges", "Sums"]

Ranges = Mapping[int, tuple[int, int]]
"""The least and the largest number that each unknown may be, by what leaves of it."""

# Any solution that agrees will do: branches are counted, and not seconds, so that the same release
# is judged alike on every machine. What is not found within them counts as out of reach.
_MOST_NODES: Final = 100
_GAP: Final = 0.25


@dataclass(slots=True)
class Sums:
    """Sums that hang together, and what they let their unknowns be.

    Attributes
    ----------
    relations : the sums, in the order of the rows of the programmes.
    most : the number that a small count is raised to, k - 1.
    unknowns : of them, sorted: the columns.
    solved : how many integer programmes were solved.

    Examples
    --------
    >>> sums = Sums([Relation(0, (1, 2))], most=4)
    >>> ranges = {0: (5, 9), 1: (0, 4), 2: (0, 4)}
    >>> sums.lower([1, 2], ranges) >= {1} or sums.lower([1, 2], ranges) >= {2}
    True
    >>> sums.lower([1], {**ranges, 0: (8, 8)}, first=1)
    frozenset()
    """

    relations: Sequence[Relation]
    most: int
    unknowns: tuple[int, ...] = field(init=False)
    solved: int = field(init=False, default=0)
    _place: dict[int, int] = field(init=False)
    _matrix: sparse.csr_array = field(init=False)

    def __post_init__(self) -> None:
        held = {one for relation in self.relations for one in (relation.total, *relation.parts)}
        self.unknowns = tuple(sorted(held))
        self._place = {one: place for place, one in enumerate(self.unknowns)}
        rows, columns, factors = [], [], []
        for row, relation in enumerate(self.relations):
            for one, factor in ((relation.total, 1), *((part, -1) for part in relation.parts)):
                rows.append(row)
                columns.append(self._place[one])
                factors.append(factor)
        shape = (len(self.relations), len(self.unknowns))
        # Entries of one cell add up: a count that is taken twice counts twice.
        self._matrix = sparse.csr_array((factors, (rows, columns)), shape=shape, dtype=np.int64)

    def lower(
        self, asked: Collection[int], ranges: Ranges, *, first: int | None = None
    ) -> frozenset[int]:
        """Return which of the asked unknowns some numbers that agree have at 1 or below.

        Parameters
        ----------
        asked : unknowns that are moved together, as far as one solution moves them.
        ranges : of every unknown.
        first : the one that must get there; the answer is empty where it cannot.
        """
        return self._move(asked, ranges, first, sign=1, goal=dict.fromkeys(asked, 1))

    def raise_(
        self, asked: Collection[int], ranges: Ranges, *, first: int | None = None
    ) -> frozenset[int]:
        """Return which of the asked unknowns some numbers that agree have at k - 1 or above.

        Parameters are those of `lower`.
        """
        return self._move(asked, ranges, first, sign=-1, goal=dict.fromkeys(asked, self.most))

    def _move(
        self,
        asked: Collection[int],
        ranges: Ranges,
        first: int | None,
        *,
        sign: int,
        goal: Mapping[int, int],
    ) -> frozenset[int]:
        ends = np.array([ranges[one] for one in self.unknowns], dtype=np.int64)
        aim = np.zeros(len(self.unknowns))
        aim[[self._place[one] for one in asked]] = sign
        if first is None:
            if sign > 0:  # 1 is low enough: what one gains by 0 another would lose
                for one in asked:
                    ends[self._place[one], 0] = 1
        else:
            ends[self._place[first], 1 if sign > 0 else 0] = goal[first]
        found = self._solve(aim, ends)
        if found is None:
            return frozenset()
        return frozenset(one for one in asked if sign * found[self._place[one]] <= sign * goal[one])

    def _solve(self, aim: NDArray[np.float64], ends: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return whole numbers that were checked against every sum, or None."""
        self.solved += 1
        answer = milp(
            aim,
            integrality=np.ones(aim.size, dtype=np.int64),
            bounds=Bounds(ends[:, 0], ends[:, 1]),
            constraints=LinearConstraint(self._matrix, 0.0, 0.0),
            options={"node_limit": _MOST_NODES, "mip_rel_gap": _GAP},
        )
        if answer.x is None:
            return None
        found = np.rint(answer.x).astype(np.int64)
        inside = bool(((ends[:, 0] <= found) & (found <= ends[:, 1])).all())
        return found if inside and not (self._matrix @ found).any() else None
