"""A line of a forest: its estimate, limits and look, and the axis and pages of many."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from proteomr.plot.canvas import LARGEST_LOG
from proteomr.plot.frames import MethodRow, Ratios, is_drawable
from proteomr.plot.lettering import shorten
from proteomr.plot.marks import cut_limits
from proteomr.plot.style import BLACK, PlotStyle, look_of_method

__all__ = [
    "IntervalRow",
    "find_limits",
    "letters_of",
    "list_rows",
    "row_of_method",
    "sort_rows",
    "split_pages",
    "takes_ratios",
]

_LETTERS: Final = {"single": 22, "double": 44}


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """One line of a forest: its name, estimate, 95 % limits and how it looks.

    Parameters
    ----------
    kind : "variant", or another word for what a row is; "method" for the diamonds at the foot of
        each page, "new" for what a new one would be, which has no p value.
    name, label : as in the data, and as printed.
    estimate, low, high, neg_log10_p : NaN where there is none.
    colour : of the mark.
    status : printed where there is no estimate.
    weight : share of all, which the area of its mark is; NaN for that of its interval.
    """

    kind: str
    name: str
    label: str
    estimate: float
    low: float
    high: float
    neg_log10_p: float
    colour: str = BLACK
    status: str = "no estimate"
    weight: float = math.nan

    @property
    def drawn(self) -> bool:
        """Whether there is an estimate to draw."""
        return self.status in ("ok", "no estimate") and is_drawable(self.estimate)

    @property
    def bounded(self) -> bool:
        """Whether there is an interval to draw."""
        return self.drawn and is_drawable(self.low) and is_drawable(self.high)

    @property
    def reach(self) -> tuple[float, float]:
        """Ends of what is drawn: an interval of quantiles may leave the estimate out."""
        return min(self.low, self.estimate), max(self.high, self.estimate)


def list_rows(ratios: Ratios, *, letters: int) -> list[IntervalRow]:
    """Return a row for each variant."""
    return [
        IntervalRow(
            "variant",
            str(name),
            shorten(str(name), letters=letters),
            float(ratios.estimate[row]),
            float(ratios.low[row]),
            float(ratios.high[row]),
            float(ratios.neg_log10_p[row]),
        )
        for row, name in enumerate(ratios.names)
    ]


def row_of_method(method: MethodRow, *, letters: int) -> IntervalRow:
    """Return the row of a method in its colour."""
    look = look_of_method(method.key)
    return IntervalRow(
        "method",
        method.key,
        shorten(look.label, letters=letters),
        method.estimate,
        method.low,
        method.high,
        method.neg_log10_p,
        look.colour,
        method.status,
    )


def letters_of(style: PlotStyle) -> int:
    """Return how many letters of a name the width of a figure allows."""
    return _LETTERS[style.width]


def sort_rows(rows: Sequence[IntervalRow]) -> list[IntervalRow]:
    """Return rows from the largest estimate to the smallest, those without one last."""
    return sorted(
        rows, key=lambda row: (not row.drawn, -row.estimate if row.drawn else 0.0, row.name)
    )


def takes_ratios(rows: Sequence[IntervalRow]) -> bool:
    """Tell whether the exponentials of all that is drawn are numbers that an axis can show."""
    least, most = find_limits(rows)
    return max(abs(least), abs(most)) < LARGEST_LOG


def split_pages(rows: Sequence[IntervalRow], most: int) -> Iterator[Sequence[IntervalRow]]:
    """Yield rows in pages of nearly equal length; one empty page where there is no row.

    Examples
    --------
    >>> [len(page) for page in split_pages(list(range(10)), 4)]
    [4, 3, 3]
    """
    count = max(1, math.ceil(len(rows) / most))
    size, longer = divmod(len(rows), count)
    start = 0
    for page in range(count):
        stop = start + size + (page < longer)
        yield rows[start:stop]
        start = stop


def find_limits(rows: Sequence[IntervalRow]) -> tuple[float, float]:
    """Return limits of the axis that hold zero, the methods' estimates and all intervals but a few.

    Ends far wider than the others are cut, see `cut_limits`.
    """
    drawn = [row for row in rows if row.drawn]
    if not drawn:
        return -1.0, 1.0
    ends = [end for row in drawn for end in (row.reach if row.bounded else ())]
    points = [row.estimate for row in drawn]
    estimates = [row.estimate for row in drawn if row.kind == "method"]
    low, high = cut_limits(np.array(ends or points, dtype=np.float64), estimates)
    if not ends or len(ends) < 2 * len(drawn):
        low, high = min(low, *points), max(high, *points)
    span = (high - low) or 2.0
    return low - 0.04 * span, high + 0.04 * span
