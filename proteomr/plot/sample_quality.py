"""What a run of quality control found: samples of each panel, and assays by panel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import NothingToDo, need_columns
from proteomr.plot.assay_quality import draw_assays
from proteomr.plot.canvas import add_legend, set_ticks
from proteomr.plot.drawing import Drawing
from proteomr.plot.grid import MOST_PANELS, lay_panels, title_panel
from proteomr.plot.lettering import shorten
from proteomr.plot.marks import choose_limits, mark_points, point_size
from proteomr.plot.style import (
    BLACK,
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
    from matplotlib.lines import Line2D

__all__ = ["draw_quality"]

_LOOKS: Final = ("o", BLUE), ("^", GREEN), ("s", PURPLE), ("v", ORANGE), ("D", SKY), ("<", BLACK)
"""Of plates, as many as can be told apart, also in grey."""
_LEGEND_MM: Final = 8.0


@dataclass(frozen=True, slots=True)
class _Plot:
    """Two columns against one another, who is far out in them, and whether plates are told."""

    x: str
    y: str
    outlier: str
    names: tuple[str, str]
    by_plate: bool


_PLOTS: Final = (
    _Plot("median", "iqr", "outlier_median_iqr", ("Median", "IQR"), by_plate=False),
    _Plot("pc1", "pc2", "outlier_components", ("PC1", "PC2"), by_plate=True),
)
_Part: TypeAlias = tuple[str, _Plot, pl.DataFrame]


def draw_quality(
    table: pl.DataFrame, assays: pl.DataFrame | None = None, /, *, style: PlotStyle | None = None
) -> Drawing:
    """Medians against interquartile ranges, and two components by plate, of each panel's samples.

    Up to six plates have a mark each; of more, crosses are their means. Outliers by the policy of
    the run are red crosses. No sample is named. A last page has the assays by panel: the share
    that is missing, that below the limit of detection, and the coefficients of variation.

    Parameters
    ----------
    table : ``qc_panels`` of `qc`.
    assays : ``qc_assays`` of the same run.
    style : widths and title.

    Raises
    ------
    ColumnError
        The table is not one of samples by panel.
    NothingToDo
        It has no number to draw.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "panel": ["Inflammation"] * 2, "median": [1.0, 2.0], "iqr": [1.0, 1.1],
    ...     "outlier_median_iqr": [False, True]})
    >>> draw_quality(table).data["outlier"].to_list()
    [False, True]
    """
    style = style or PlotStyle()
    need_columns(("panel", "median", "iqr"), table.columns)
    parts = list(_part(table))
    if not parts:
        raise NothingToDo("the table has no number to draw")
    plates = _list_plates(table)
    first, more = parts[:MOST_PANELS], range(MOST_PANELS, len(parts), MOST_PANELS)
    with house_style():
        pages = [_draw_page(first, plates, style)]
        pages += [_draw_page(parts[at : at + MOST_PANELS], plates, style) for at in more]
    data = [
        rows.with_columns(panel=pl.lit(panel), plot=pl.lit(" and ".join(plot.names)))
        for panel, plot, rows in parts
    ]
    if assays is not None and (drawn := draw_assays(assays, style=replace(style, title=None))):
        page, numbers = drawn
        pages.append(page)
        data.append(numbers)
    return Drawing("qc", "", "", tuple(pages), pl.concat(data, how="diagonal"))


def _part(table: pl.DataFrame) -> Iterator[_Part]:
    """Yield each panel with each of the plots that it has numbers for."""
    for (panel,), part in table.group_by("panel", maintain_order=True):
        for plot in _PLOTS:
            if (rows := _read(part, plot)).height:
                yield "" if panel is None else str(panel), plot, rows


def _read(part: pl.DataFrame, plot: _Plot) -> pl.DataFrame:
    if not {plot.x, plot.y} <= set(part.columns):
        return pl.DataFrame(schema={"x": pl.Float64, "y": pl.Float64, "outlier": pl.Boolean})
    known = plot.outlier in part.columns
    marked = pl.col(plot.outlier).fill_null(value=False) if known else pl.lit(value=False)
    plate = pl.col("plate") if "plate" in part.columns else pl.lit(None)
    return part.select(
        pl.col(plot.x).cast(pl.Float64).alias("x"),
        pl.col(plot.y).cast(pl.Float64).alias("y"),
        marked.alias("outlier"),
        plate.cast(pl.String).alias("plate"),
    ).filter(pl.col("x").is_finite() & pl.col("y").is_finite())


def _list_plates(table: pl.DataFrame) -> list[str]:
    """Return the plates of the samples, sorted; none where they are not told."""
    if "plate" not in table.columns:
        return []
    return table["plate"].cast(pl.String).drop_nulls().unique().sort().to_list()


def _draw_page(parts: list[_Part], plates: list[str], style: PlotStyle) -> Figure:
    marked = len(plates) > 1 and any(plot.by_plate for _, plot, _ in parts)
    room = _LEGEND_MM if marked else 0.0
    figure, panels = lay_panels(len(parts), style=style, shape=0.9, legend_mm=room)
    for axes, (panel, plot, rows) in zip(panels, parts, strict=True):
        _draw_panel(figure, axes, rows, plot, plates if plot.by_plate else [])
        title_panel(figure, axes, panel)
    if marked:
        add_legend(figure, _explain(plates))
    return figure


def _explain(plates: list[str]) -> list[Line2D]:
    """Return the marks of plates, or of their means, for the legend."""
    from matplotlib.lines import Line2D

    if len(plates) > len(_LOOKS):
        marks = [("P", BLACK, f"means of {len(plates):,} plates")]
    else:
        marks = [
            (*look, shorten(name, letters=12)) for look, name in zip(_LOOKS, plates, strict=False)
        ]
    marks.append(("X", VERMILLION, "outlier"))
    return [
        Line2D([], [], linestyle="", marker=marker, color=colour, label=label, markersize=3.0)
        for marker, colour, label in marks
    ]


def _draw_panel(
    figure: Figure, axes: Axes, rows: pl.DataFrame, plot: _Plot, plates: list[str]
) -> None:
    x: F64 = rows["x"].to_numpy()
    y: F64 = rows["y"].to_numpy()
    outlier = rows["outlier"].to_numpy().astype(np.bool_)
    axes.set_xlim(*choose_limits(x, x))
    axes.set_ylim(*choose_limits(y, y))
    size = point_size(x.size)
    plate = rows["plate"].to_numpy()
    told = np.zeros(x.size, dtype=np.bool_)
    if 1 < len(plates) <= len(_LOOKS):
        for (marker, colour), name in zip(_LOOKS, plates, strict=False):
            own = (plate == name) & ~outlier
            told |= own
            mark_points(axes, x, y, which=own, marker=marker, colour=colour, size=size)
    rest = ~outlier & ~told
    mark_points(axes, x, y, which=rest, marker="o", colour=GREY, size=size, order=2)
    mark_points(axes, x, y, which=outlier, marker="X", colour=VERMILLION, size=size, order=4)
    if len(plates) > len(_LOOKS):
        means = rows.drop_nulls("plate").group_by("plate", maintain_order=True).mean().sort("plate")
        every = np.ones(means.height, dtype=np.bool_)
        centre = (means["x"].to_numpy(), means["y"].to_numpy())
        mark_points(axes, *centre, which=every, marker="P", colour=BLACK, size=size + 1, order=5)
    axes.set_xlabel(plot.names[0])
    axes.set_ylabel(plot.names[1])
    set_ticks(figure, axes, x=4, y=4)
