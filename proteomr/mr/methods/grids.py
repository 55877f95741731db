"""Grids of effects: checked, made, and the parts of a region on one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.errors import UsageError
from proteomr.mr.methods.ranges import check_above_zero

__all__ = ["Power", "check_grid", "make_grid", "split_region"]

_LAST = 1e-10  # of a step: as R's seq, which keeps an end that rounding puts just out of reach
_MOST_POINTS = 1_000_000  # seconds of work; no set of effects needs more


@dataclass(frozen=True, slots=True)
class Power:
    """A power of two that a unit was divided by; no parameter that a name could give."""

    exponent: int = 0


def check_grid(lowest: float, highest: float, step: float) -> None:
    """Refuse what is no grid.

    Raises
    ------
    UsageError
        The step is not above zero, an end is no number, or the ends are not apart.

    Examples
    --------
    >>> check_grid(-1.0, 1.0, 0.01)
    """
    check_above_zero("step", step)
    if not (math.isfinite(lowest) and math.isfinite(highest) and lowest < highest):
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
