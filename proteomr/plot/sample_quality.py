"""Samples of each panel by median and spread, and by their components."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import ColumnError, NothingToDo, nearest
from proteomr.plot.canvas import set_ticks
from proteomr.plot.drawing import Drawing
from proteomr.plot.grid import MOST_PANELS, lay_panels, title_panel
from proteomr.plot.marks import choose_limits, mark_points, point_size
from proteomr.plot.style import GREY, VERMILLION, PlotStyle, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_quality"]

_PLOTS: Final = (
    ("median", "iqr", "outlier_median_iqr", "Median", "IQR"),
    ("pc1", "pc2", "outlier_components", "PC1", "PC2"),
)


def draw_quality(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """Medians against interquartile ranges, and two components, of the samples of each panel.

    Outliers by the policy of the run are red. No sample is named.

    Parameters
    ----------
    table : ``qc_panels`` of `qc`.
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
    for name in ("panel", "median", "iqr"):
        if name not in table.columns:
            raise ColumnError(f"no column {name!r} in the table{nearest(name, table.columns)}")
    parts = [
        (str(panel), plot, rows)
        for (panel,), part in table.group_by("panel", maintain_order=True)
        for plot in _PLOTS
        if (rows := _read(part, plot)).height
    ][:MOST_PANELS]
    if not parts:
        raise NothingToDo("the table has no number to draw")
    with house_style():
        figure, panels = lay_panels(len(parts), style=style, shape=0.9)
        for axes, (panel, plot, rows) in zip(panels, parts, strict=True):
            _draw_panel(figure, axes, rows, panel, plot)
    data = pl.concat(
        rows.with_columns(panel=pl.lit(panel), plot=pl.lit(f"{plot[3]} and {plot[4]}"))
        for panel, plot, rows in parts
    )
    return Drawing("qc", "", "", (figure,), data)


def _read(part: pl.DataFrame, plot: tuple[str, str, str, str, str]) -> pl.DataFrame:
    x, y, outlier, *_ = plot
    if not {x, y} <= set(part.columns):
        return pl.DataFrame(schema={"x": pl.Float64, "y": pl.Float64, "outlier": pl.Boolean})
    known = outlier in part.columns
    marked = pl.col(outlier).fill_null(value=False) if known else pl.lit(value=False)
    return part.select(
        pl.col(x).cast(pl.Float64).alias("x"),
        pl.col(y).cast(pl.Float64).alias("y"),
        marked.alias("outlier"),
    ).filter(pl.col("x").is_finite() & pl.col("y").is_finite())


def _draw_panel(
    figure: Figure,
    axes: Axes,
    rows: pl.DataFrame,
    panel: str,
    plot: tuple[str, str, str, str, str],
) -> None:
    x: F64 = rows["x"].to_numpy()
    y: F64 = rows["y"].to_numpy()
    outlier = rows["outlier"].to_numpy().astype(np.bool_)
    axes.set_xlim(*choose_limits(x, x))
    axes.set_ylim(*choose_limits(y, y))
    size = point_size(x.size)
    for colour, which in ((GREY, ~outlier), (VERMILLION, outlier)):
        mark_points(axes, x, y, which=which, marker="o", colour=colour, size=size)
    axes.set_xlabel(plot[3])
    axes.set_ylabel(plot[4])
    set_ticks(figure, axes, x=4, y=4)
    title_panel(figure, axes, panel)
