"""Grids of effects: checked, made, and the parts of a region on one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.errors import UsageError
from proteomr.mr.methods.ranges import check_above_zero

__all__ = [
    "AT_AN_END",
    "END_IN_REGION",
    "Grid",
    "Power",
    "check_grid",
    "count_narrowings",
    "find_touched",
    "make_grid",
    "split_region",
]

AT_AN_END = "the best point is an end of the grid: lowest and highest give a wider one"
"""Why a best point is none: the likelihood may go on rising beyond."""

END_IN_REGION = "the confidence region reaches an end of the grid, beyond which it may go on"

_LAST = 1e-10  # of a step: as R's seq, which keeps an end that rounding puts just out of reach
_MOST_POINTS = 1_000_000  # seconds of work; no set of effects needs more


@dataclass(frozen=True, slots=True)
class Power:
    """A power of two that a unit was divided by; no parameter that a name could give."""

    exponent: int = 0


@dataclass(frozen=True, slots=True)
class Grid:
    """Evenly spaced effects, of which an end that nobody asked for moves where it would matter.

    What an estimator finds on a grid is its optimum only if it lies within: where the best point,
    or a region around it, touches an end that is free, the grid is made twice as wide on that side,
    with the same points and new ones.

    Parameters
    ----------
    lowest, highest, step : of the effects.
    free : whether the lowest and the highest may move.

    Examples
    --------
    >>> grid = Grid(-1.0, 1.0, 0.5, free=(True, False))
    >>> grid.widen((True, True)), grid.widen((False, True))
    (Grid(lowest=-3.5, highest=1.0, step=0.5, free=(True, False)), None)
    """

    lowest: float
    highest: float
    step: float
    free: tuple[bool, bool]

    @classmethod
    def around_zero(
        cls, lowest: float | None, highest: float | None, step: float, *, reach: float, moves: bool
    ) -> Grid:
        """Return a grid between ends that are given; others are a reach from zero, or from them.

        Examples
        --------
        >>> grid = Grid.around_zero(2.0, None, 0.5, reach=1.0, moves=True)
        >>> grid.highest, grid.free
        (3.0, (False, True))
        """
        low = min(-reach, math.inf if highest is None else highest - reach)
        high = max(reach, -math.inf if lowest is None else lowest + reach)
        free = (moves and lowest is None, moves and highest is None)
        return cls(
            low if lowest is None else lowest, high if highest is None else highest, step, free
        )

    def lay(self) -> F64 | None:
        """Return the points, or None where they are too many."""
        return make_grid(self.lowest, self.highest, self.step)

    def widen(self, touched: tuple[bool, bool]) -> Grid | None:
        """Return a grid that is wider where a free end is touched; None where none is."""
        low, high = (free and at for free, at in zip(self.free, touched, strict=True))
        if not (low or high):
            return None
        steps = math.floor((self.highest - self.lowest) / self.step + _LAST) + 1
        return Grid(
            self.lowest - steps * self.step if low else self.lowest,
            self.highest + steps * self.step if high else self.highest,
            self.step,
            self.free,
        )


def find_touched(inside: Bool) -> tuple[bool, bool]:
    """Return whether a region has the first and the last point of a grid.

    Examples
    --------
    >>> find_touched(np.array([False, True, True]))
    (False, True)
    """
    return bool(inside[0]), bool(inside[-1])


def check_grid(lowest: float | None, highest: float | None, step: float) -> None:
    """Refuse what is no grid; an end that is None is not asked for.

    Raises
    ------
    UsageError
        The step is not above zero, an end is no number, or the ends are not apart.

    Examples
    --------
    >>> check_grid(-1.0, 1.0, 0.01)
    """
    check_above_zero("step", step)
    told = [end for end in (lowest, highest) if end is not None]
    if not all(map(math.isfinite, told)) or (len(told) > 1 and not told[0] < told[1]):
        raise UsageError(f"a grid from {lowest} to {highest}: its ends are numbers, lowest first")


def make_grid(lowest: float, highest: float, step: float) -> F64 | None:
    """Return the points of a grid, or None where they are too many.

    Examples
    --------
    >>> make_grid(-1.0, 1.0, 0.5).tolist()
    [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    count = (highest - lowest) / step
    if not 0.0 <= count < _MOST_POINTS:
        return None
    return np.asarray(lowest + step * np.arange(math.floor(count + _LAST) + 1, dtype=np.float64))


def count_narrowings(step: float, errors: F64) -> int:
    """Return how often a step is divided by ten until it is within the errors of most ratios.

    A wider one may pass over the slope that they agree on, and the best point lie anywhere.

    Parameters
    ----------
    step : of a grid of slopes.
    errors : (m,) of the ratios; infinite where a variant tells none.

    Examples
    --------
    >>> count_narrowings(0.01, np.array([0.0002, 0.002, 0.05])), count_narrowings(1.0, np.ones(2))
    (1, 0)
    """
    typical = float(np.median(errors))
    if not 0.0 < typical < step:
        return 0
    return math.ceil(math.log10(step / typical) - _LAST)


def split_region(points: F64, inside: Bool) -> tuple[tuple[float, float], ...]:
    """Return the first and the last point of each part of a region.

    Examples
    --------
    >>> split_region(np.arange(4.0), np.array([True, True, False, True]))
    ((0.0, 1.0), (3.0, 3.0))
    """
    places = np.flatnonzero(inside)
    cuts = np.flatnonzero(np.diff(places) > 1)
    starts = places[np.r_[0, cuts + 1]]
    ends = places[np.r_[cuts, places.size - 1]]
    return tuple(zip(points[starts].tolist(), points[ends].tolist(), strict=True))
