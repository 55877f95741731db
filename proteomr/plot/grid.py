"""Panels side by side: one for each model of a table, all of one size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from proteomr.errors import UsageError
from proteomr.plot.canvas import MM_PER_INCH, add_title, measure_text
from proteomr.plot.lettering import measure_letters, shorten
from proteomr.plot.style import PlotStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MOST_PANELS", "Margins", "cut_panels", "lay_panels", "title_panel"]

MOST_PANELS: Final = 12  # three rows of four on a page of 183 mm: smaller ones cannot be read
_COLUMNS: Final = {"single": 2, "double": 4}
_TITLE: Final = 6.0  # type of a panel's title, in points
_FEWEST_LETTERS: Final = 8


@dataclass(frozen=True, slots=True)
class Margins:
    """What a panel needs around its axes, in millimetres."""

    left: float = 12.0
    right: float = 2.0
    top: float = 5.0
    bottom: float = 9.0


def lay_panels(
    count: int,
    *,
    style: PlotStyle,
    shape: float = 0.85,
    margins: Margins | None = None,
    legend_mm: float = 0.0,
    columns: int | None = None,
) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels in rows, from left to right.

    Parameters
    ----------
    count : of panels.
    style : with width and title.
    shape : height of a panel's axes over their width.
    margins : around the axes of each.
    legend_mm : room at the foot of the figure.
    columns : of panels; None as many as fit.

    Raises
    ------
    UsageError
        There are more panels than a page can show.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if count > MOST_PANELS:
        raise UsageError(
            f"{count} models are more than the {MOST_PANELS} panels of a figure: choose some with "
            "--where-rows"
        )
    around = Margins() if margins is None else margins
    across = min(count, columns or _COLUMNS[style.width])
    down = math.ceil(count / across)
    width = style.width_mm
    cell = width / across
    inner = cell - around.left - around.right
    high = inner * shape
    figure = Figure(figsize=(width / MM_PER_INCH, 1.0))
    FigureCanvasAgg(figure)
    head = add_title(figure, style.title, small_print=style.small_print) + 1.0
    height = head + down * (high + around.top + around.bottom) + legend_mm
    figure.set_size_inches(width / MM_PER_INCH, height / MM_PER_INCH)
    panels = []
    for place in range(count):
        row, column = divmod(place, across)
        left = column * cell + around.left
        top = head + row * (high + around.top + around.bottom) + around.top
        box = (left / width, 1 - (top + high) / height, inner / width, high / height)
        axes = figure.add_axes(box)
        axes.margins(0)
        panels.append(axes)
    return figure, panels


def cut_panels(figure: Figure, panels: Sequence[Axes], spare_mm: Sequence[float]) -> None:
    """Take room away at the foot of panels that stand below one another, and what is below up.

    Where the vertical axis of such a panel is in millimetres from its top, it ends there.

    Parameters
    ----------
    panels : from the top, one in each row.
    spare_mm : what each can spare, 0 for nothing.
    """
    width, height = (float(side) * MM_PER_INCH for side in figure.get_size_inches())
    new = height - sum(spare_mm)
    moved = 0.0
    figure.set_size_inches(width / MM_PER_INCH, new / MM_PER_INCH)
    for axes, spare in zip(panels, spare_mm, strict=True):
        box = axes.get_position()
        top = (1 - box.y1) * height - moved  # from the upper edge
        high = (box.y1 - box.y0) * height - spare
        axes.set_position((box.x0, 1 - (top + high) / new, box.width, high / new))
        if spare:
            axes.set_ylim(axes.get_ylim()[0] - spare, axes.get_ylim()[1])
        moved += spare


def title_panel(
    figure: Figure, axes: Axes, text: str, *, share: float = 1.0, pad: float = 2.5
) -> None:
    """Print what a panel is of above it, shortened to its width, or to a share of it.

    Parameters
    ----------
    share : of the width.
    pad : points between the panel and the title.
    """
    if not text:
        return
    room = axes.get_window_extent().width / figure.dpi * MM_PER_INCH
    letters = max(_FEWEST_LETTERS, measure_letters(text))
    while (
        letters > _FEWEST_LETTERS
        and measure_text(figure, shorten(text, letters=letters), size=_TITLE) > share * room
    ):
        letters -= 1
    axes.set_title(shorten(text, letters=letters), fontsize=_TITLE, loc="left", pad=pad)
