"""What pairs of variables lack: sums over the people whom one has and the other does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.loops import load_loops
from proteomr.stats.symmetric_tiles import Spread, in_turn, list_stretches

__all__ = ["Gaps", "measure_gaps"]

_COMPILED_FROM: Final = 1 << 20  # values of all pairs: below, loading takes longer than the loops


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """Sums of variables over the people whom others lack; few values are missing, many are there.

    What two variables share is what each has, less these: the work grows with the missing values
    and not with the people, and no digit is lost unless nearly nothing is shared.

    Attributes
    ----------
    seen : (p,) how many people each has.
    sums, squares : (p, p) of what variable i has among the people whom j lacks, at (j, i).
    both : (p, p) how many people both lack.
    """

    seen: F64
    sums: F64
    squares: F64
    both: F64

    def count_shared(self, one: slice, other: slice, people: int) -> F64:
        """Return how many people pairs share.

        Examples
        --------
        >>> lacks = np.array([[True, False, False], [True, True, False]])
        >>> measure_gaps(np.zeros((2, 3)), lacks).count_shared(slice(0, 1), slice(1, 2), 3).item()
        1.0
        """
        counts: F64 = self.seen[one, None] + self.seen[None, other] + self.both[one, other]
        return counts - float(people)


def measure_gaps(x: F64, missing: Bool, *, spread: Spread = in_turn) -> Gaps:
    """Return what pairs of variables lack.

    Parameters
    ----------
    x : (p, n) one row per variable, zero where missing.
    missing : (p, n)
    spread : runs work on stretches of variables; one after another without.

    Examples
    --------
    >>> lacks = np.array([[False, False], [True, False]])
    >>> gaps = measure_gaps(np.array([[1.0, 2.0], [0.0, 5.0]]), lacks)
    >>> gaps.sums.tolist()
    [[0.0, 0.0], [1.0, 0.0]]
    """
    p, n = x.shape
    lacked = missing.sum(axis=1)
    starts = np.concatenate([[0], np.cumsum(lacked)]).astype(np.int64)
    places = np.concatenate([np.flatnonzero(row) for row in missing])
    sums, squares, both = np.empty((3, p, p))
    stretches = list_stretches(p)
    for position, found in spread(_Adding(x, missing, starts, places), stretches):
        rows = stretches[position]
        sums[:, rows], squares[:, rows], both[:, rows] = found
    return Gaps((n - lacked).astype(np.float64), sums, squares, both)


@dataclass(frozen=True, slots=True, eq=False)
class _Adding:
    """Stretches of variables summed over the people whom each of all lacks."""

    x: F64
    missing: Bool
    starts: I64
    places: I64

    def __call__(self, rows: slice) -> tuple[F64, F64, F64]:
        x, gone = self.x[rows], self.missing[rows]
        loops = load_loops("pair", compiled=x.size * (self.starts.size - 1) >= _COMPILED_FROM)
        found: tuple[F64, F64, F64] = loops.add_gaps(x, gone, self.starts, self.places)
        return found
