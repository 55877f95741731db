"""How many people are left after each step, and how many each took out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from proteomr.errors import NothingToDo, need_columns
from proteomr.plot.canvas import MM_PER_INCH, add_title
from proteomr.plot.drawing import Drawing
from proteomr.plot.lettering import shorten
from proteomr.plot.style import BLACK, GREY, PlotStyle, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["STEPS", "draw_flow"]

_KEYS: Final = ("exposure", "outcome", "adjustment", "stratum")
STEPS: Final = {
    "withdrawn": "withdrawn",
    "not_chosen": "not chosen",
    "without_proteins": "without proteins",
    "target_missing": "exposure or outcome missing",
    "covariate_missing": "covariate missing",
    "weight_or_cluster_missing": "weight or cluster missing",
    "panel_covariate_missing": "covariate of the panel missing",
}
"""Columns that count who is left out, and in words what for."""
_STEP_MM, _BOX_MM, _EDGE_MM = 9.0, 5.6, 1.5
_TYPE: Final = 6.0
_MOST: Final = 6  # charts that stand below one another


def draw_flow(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """Flow chart of the people of each model: who is left out for what, and who is complete.

    A person is counted at the first reason that applies; steps that take out nobody are not drawn.

    Parameters
    ----------
    table : ``attrition`` of a scan.
    style : widths and title.

    Raises
    ------
    ColumnError
        The table is not one of attrition.
    NothingToDo
        It has no row.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "adjustment": ["full"], "exposure": ["bmi"], "people": [100], "withdrawn": [2],
    ...     "covariate_missing": [8], "complete": [90]})
    >>> draw_flow(table).data["n"].to_list()
    [100, 2, 8, 90]
    """
    style = style or PlotStyle()
    need_columns(("people", "complete"), table.columns)
    if not table.height:
        raise NothingToDo("the table has no row")
    charts = [_list_boxes(row) for row in table.head(_MOST).iter_rows(named=True)]
    with house_style():
        pages = tuple(_draw(title, boxes, style) for title, boxes in charts)
    data = pl.DataFrame(
        [
            {"model": title, "step": step, "n": n, "left_out": aside}
            for title, boxes in charts
            for step, n, aside in boxes
        ]
    )
    left = table.height - len(charts)
    notes = (f"{left:,} models are not drawn: choose some with --where-rows",) * bool(left)
    return Drawing("flow", "", "", pages, data, notes)


def _list_boxes(row: dict[str, object]) -> tuple[str, list[tuple[str, int, bool]]]:
    """Return the name of a model, and its boxes: words, people, whether they are left out."""
    title = ", ".join(str(row[name]) for name in _KEYS if row.get(name) is not None)
    boxes = [("people", _count(row, "people"), False)]
    boxes += [(words, n, True) for name, words in STEPS.items() if (n := _count(row, name))]
    boxes.append(("complete", _count(row, "complete"), False))
    if cases := _count(row, "n_case"):
        boxes.append(("cases or events", cases, False))
    return title, boxes


def _count(row: dict[str, object], name: str) -> int:
    value = row.get(name)
    return value if isinstance(value, int) else 0


def _draw(title: str, boxes: list[tuple[str, int, bool]], style: PlotStyle) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = style.width_mm
    figure = Figure(figsize=(width / MM_PER_INCH, 1.0))
    FigureCanvasAgg(figure)
    words = f"{style.title}: {title}" if style.title and title else style.title or title or None
    top = add_title(figure, words, small_print=style.small_print) + _EDGE_MM
    height = top + _STEP_MM * len(boxes) + _EDGE_MM
    figure.set_size_inches(width / MM_PER_INCH, height / MM_PER_INCH)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.axis("off")
    _draw_boxes(axes, boxes, top=top, width=width)
    return figure


def _draw_boxes(
    axes: Axes, boxes: list[tuple[str, int, bool]], *, top: float, width: float
) -> None:
    """Draw who is left in a column at the left, and who leaves beside it."""
    middle, half, aside = 0.27 * width, 0.25 * width, 0.56 * width
    letters = int(half * 2 / 1.2)
    before: float | None = None
    for place, (words, n, left_out) in enumerate(boxes):
        y = top + _STEP_MM * place + _BOX_MM / 2
        text = shorten(f"{n:,} {words}", letters=letters)
        if left_out:
            axes.plot([middle, aside], [y, y], color=GREY, linewidth=0.6, zorder=1)
            axes.text(aside + 1.0, y, text, ha="left", va="center", fontsize=_TYPE, color=BLACK)
            continue
        if before is not None:
            axes.annotate(
                "",
                xy=(middle, y - _BOX_MM / 2),
                xytext=(middle, before + _BOX_MM / 2),
                arrowprops={"arrowstyle": "-|>", "lw": 0.6, "color": GREY, "mutation_scale": 5},
            )
        axes.fill(
            [middle - half, middle + half, middle + half, middle - half],
            [y - _BOX_MM / 2, y - _BOX_MM / 2, y + _BOX_MM / 2, y + _BOX_MM / 2],
            facecolor="white",
            edgecolor=BLACK,
            linewidth=0.6,
            zorder=2,
        )
        axes.text(middle, y, text, ha="center", va="center", fontsize=_TYPE, zorder=3)
        before = y
