"""Points, lines and legend entries that several figures share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.plot.frames import MethodRow
from proteomr.plot.lettering import shorten
from proteomr.plot.style import BLACK, VERMILLION, look_of_method

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = [
    "choose_limits",
    "cut_limits",
    "draw_line",
    "draw_points",
    "list_undrawn",
    "mark_points",
    "point_size",
]

_LETTERS = 40


def point_size(count: int) -> float:
    """Return the diameter of a point, in points: smaller where there are many.

    Examples
    --------
    >>> point_size(5), point_size(400)
    (3.6, 2.0)
    """
    return 3.6 if count <= 20 else 3.0 if count <= 100 else 2.4 if count <= 300 else 2.0


def choose_limits(low: F64, high: F64, *, edge: float = 0.05) -> tuple[float, float]:
    """Return limits of an axis that hold all values, with a margin at both ends.

    Examples
    --------
    >>> choose_limits(np.array([0.0, 1.0]), np.array([2.0, 10.0]), edge=0.1)
    (-1.0, 11.0)
    """
    least, most = float(np.min(low)), float(np.max(high))
    span = most - least
    if not span > 1e-12 * max(abs(least), abs(most)):
        span = 2 * (abs(most) or 1.0)
    return least - edge * span, most + edge * span


def cut_limits(values: F64, known: Sequence[float]) -> tuple[float, float]:
    """Return the range of all values and zero, cut where a few values would squeeze the others.

    It is cut three interquartile ranges beyond the quartiles, but not inside zero or the known
    values, where the whole would be more than twice as wide.

    Parameters
    ----------
    values : some of these may be cut.
    known : those that are never cut.

    Examples
    --------
    >>> cut_limits(np.array([1.0, 2.0, 3.0, 4.0, 1000.0]), [0.5])
    (0.0, 10.0)
    """
    inner = [0.0, *known]
    least, most = min(*inner, float(values.min())), max(*inner, float(values.max()))
    if values.size < 5:
        return least, most
    lower, upper = (float(value) for value in np.quantile(values, (0.25, 0.75)))
    fence = 3 * (upper - lower)
    low, high = max(least, min(*inner, lower - fence)), min(most, max(*inner, upper + fence))
    return (low, high) if 0 < 2 * (high - low) < most - least else (least, most)


def draw_points(
    axes: Axes, *, x: F64, y: F64, hollow: Bool, outlier: Bool, name: str
) -> list[Line2D]:
    """Draw variants, hollow where palindromic and red diamonds where outliers; return a legend.

    Parameters
    ----------
    x, y, hollow, outlier : (m,).
    name : of the plain points in the legend.
    """
    kinds = (
        (name, "o", BLACK, False, ~hollow & ~outlier),
        ("Palindromic", "o", BLACK, True, hollow & ~outlier),
        ("Outlier", "D", VERMILLION, False, ~hollow & outlier),
        ("Palindromic outlier", "D", VERMILLION, True, hollow & outlier),
    )
    size = point_size(x.size)
    return [
        axes.plot(
            x[chosen],
            y[chosen],
            marker,
            color=colour,
            markerfacecolor="white" if empty else colour,
            markeredgewidth=0.5,
            markersize=size,
            zorder=5 if marker == "D" else 3,
            label=label,
        )[0]
        for label, marker, colour, empty, chosen in kinds
        if chosen.any()
    ]


def mark_points(
    axes: Axes,
    x: F64,
    y: F64,
    *,
    which: Bool,
    marker: str,
    colour: str,
    size: float,
    order: int = 3,
) -> None:
    """Draw the points of a selection; arrows at an edge are drawn whole.

    Parameters
    ----------
    x, y, which : (m,).
    marker, colour, size, order : look of the points, and how far in front.
    """
    if not which.any():
        return  # a line without points would still widen the margins
    axes.plot(
        x[which],
        y[which],
        marker,
        color=colour,
        markersize=size if marker == "o" else size + 0.8,
        markeredgewidth=0.0,
        zorder=order,
        clip_on=marker == "o",
    )


def draw_line(axes: Axes, method: MethodRow, *, x: Sequence[float], y: Sequence[float]) -> Line2D:
    """Draw the line of a method in its colour and dashes, with its label for the legend.

    A radial regression, which no figure shows beside the plain one, has the line of that.
    """
    look = look_of_method(method.key)
    line = look_of_method(method.key.removesuffix("_radial"))
    return axes.plot(
        x,
        y,
        color=line.colour,
        dashes=line.dashes or (None, None),
        scalex=False,
        scaley=False,
        zorder=4,
        label=shorten(look.label, letters=_LETTERS),
    )[0]


def list_undrawn(methods: Sequence[MethodRow]) -> tuple[str, ...]:
    """Return a note on each method that has no estimate to draw.

    Examples
    --------
    >>> nan = float("nan")
    >>> list_undrawn([MethodRow("raps", nan, nan, nan, nan, nan, nan, "too_few")])
    ('method raps is not drawn: too_few',)
    """
    return tuple(
        f"method {method.key} is not drawn: "
        + (method.status if method.status != "ok" else "its estimate is no number on an axis")
        for method in methods
        if not method.drawn
    )
