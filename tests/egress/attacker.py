"""Who reads a release and knows which sums hold, and that counts are rounded down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

Sum = tuple[str, Sequence[str]]


def narrow(
    asked: Mapping[str, int],
    seen: Mapping[str, tuple[float, float]],
    sums: Sequence[Sum] = (),
) -> tuple[int, int]:
    """Return the range of a combination of counts that agrees with all that was seen.

    Parameters
    ----------
    asked : factors of counts, by name: {"n": 1, "F": -1} for a difference.
    seen : the range of each count.
    sums : of each the total and its parts.
    """
    names = sorted(seen)
    rows = np.zeros((len(sums), len(names)))
    for row, (total, parts) in enumerate(sums):
        rows[row, names.index(total)] += 1
        for part in parts:
            rows[row, names.index(part)] -= 1
    aim = np.array([asked.get(name, 0) for name in names], dtype=np.float64)
    ends = np.array([seen[name] for name in names], dtype=np.float64)
    found = []
    for sign in (1.0, -1.0):
        answer = milp(
            sign * aim,
            integrality=np.ones(len(names), dtype=np.int64),
            bounds=Bounds(ends[:, 0], ends[:, 1]),
            constraints=[LinearConstraint(rows, 0, 0)] if sums else [],
        )
        assert answer.status == 0, answer.message
        found.append(sign * answer.fun)
    return round(found[0]), round(found[1])


def see(released: int | None, k: int) -> tuple[float, float]:
    """Return the range of a count as it left; an empty cell is below k, or was withheld."""
    return (0, 1e5) if released is None else (released, released + k - 1)


def is_open(ends: tuple[int, int], k: int) -> bool:
    """Tell whether no number from 1 to k - 1 is ruled out at either end."""
    return ends[0] <= 1 and ends[1] >= k - 1
