"""The tree of proteins with the modules that it was cut into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import ColumnError, NothingToDo, nearest
from proteomr.plot.canvas import MM_PER_INCH, add_title
from proteomr.plot.drawing import Drawing
from proteomr.plot.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    PlotStyle,
    house_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_network"]

_COLOURS: Final = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
_NONE: Final = "#DDDDDD"
_NEEDED: Final = ("protein", "module", "connectivity")
_BAR_MM, _LEFT_MM, _RIGHT_MM, _FOOT_MM = 7.0, 12.0, 3.0, 6.0


def draw_network(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """Proteins by module: their connectivity as bars, the most connected of each module first.

    Modules stand side by side, the largest first, numbered below; those in none are grey, at the
    end. Six colours come again and again: neighbours differ.

    Parameters
    ----------
    table : ``modules`` of `network`.
    style : widths and title.

    Raises
    ------
    ColumnError
        The table is not one of modules.
    NothingToDo
        It has no protein.

    Examples
    --------
    >>> table = pl.DataFrame(
    ...     {"protein": ["a", "b", "c"], "module": [1, 1, 0], "connectivity": [2.0, 3.0, 0.1]})
    >>> draw_network(table).data["protein"].to_list()
    ['b', 'a', 'c']
    """
    style = style or PlotStyle()
    for name in _NEEDED:
        if name not in table.columns:
            raise ColumnError(f"no column {name!r} in the table{nearest(name, table.columns)}")
    there = table.drop_nulls([*_NEEDED])
    if not there.height:
        raise NothingToDo("no protein of the table is in a module or in none")
    last = pl.when(pl.col("module") == 0).then(pl.lit(1 << 30)).otherwise("module")
    rows = there.sort([last, -pl.col("connectivity")], maintain_order=True).select(_NEEDED)
    with house_style():
        figure = _draw(rows, style)
    return Drawing("network", "", "", (figure,), rows)


def _draw(rows: pl.DataFrame, style: PlotStyle) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = style.width_mm
    figure = Figure(figsize=(width / MM_PER_INCH, 1.0))
    FigureCanvasAgg(figure)
    top = add_title(figure, style.title, small_print=style.small_print) + 2.0
    plot = 0.6 * style.plot_mm
    height = top + plot + _BAR_MM + _FOOT_MM
    figure.set_size_inches(width / MM_PER_INCH, height / MM_PER_INCH)
    inner = (width - _LEFT_MM - _RIGHT_MM) / width
    left, foot = _LEFT_MM / width, _FOOT_MM / height
    axes = figure.add_axes((left, foot + _BAR_MM / height, inner, plot / height))
    below = figure.add_axes((left, foot, inner, 0.6 * _BAR_MM / height))
    module: I64 = rows["module"].cast(pl.Int64).to_numpy()
    connectivity: F64 = rows["connectivity"].cast(pl.Float64).to_numpy()
    _draw_bars(axes, module, connectivity)
    _draw_modules(figure, below, module)
    return figure


def _colour(module: int) -> str:
    return _NONE if module == 0 else _COLOURS[(module - 1) % len(_COLOURS)]


def _runs(module: I64) -> list[tuple[int, int, int]]:
    """Return module, begin and end of each run of proteins."""
    edges = np.flatnonzero(np.diff(module)) + 1
    begins = [0, *edges.tolist()]
    ends = [*edges.tolist(), module.size]
    return [(int(module[low]), low, high) for low, high in zip(begins, ends, strict=True)]


def _draw_bars(axes: Axes, module: I64, connectivity: F64) -> None:
    axes.set_xlim(0.0, module.size)
    axes.set_ylim(0.0, 1.05 * float(connectivity.max()) or 1.0)
    for number, low, high in _runs(module):
        axes.fill_between(
            np.repeat(np.arange(low, high + 1), 2)[1:-1],
            np.repeat(connectivity[low:high], 2),
            color=_colour(number),
            linewidth=0,
        )
    axes.set_xticks([])
    axes.set_ylabel("Connectivity")


def _draw_modules(figure: Figure, axes: Axes, module: I64) -> None:
    """Draw a band of the modules, and number those that are wide enough."""
    axes.set_xlim(0.0, module.size)
    axes.set_ylim(0.0, 1.0)
    axes.axis("off")
    per_protein = axes.get_window_extent().width / figure.dpi * MM_PER_INCH / module.size
    for number, low, high in _runs(module):
        axes.fill_between([low, high], 0.0, 1.0, color=_colour(number), linewidth=0)
        word = "none" if number == 0 else str(number)
        if (high - low) * per_protein >= 1.3 * len(word) + 1.0:
            axes.text(
                (low + high) / 2, -0.25, word, ha="center", va="top", fontsize=5.0, color="#333333"
            )
    axes.plot([0, module.size], [0, 0], color=GREY, linewidth=0.3)
