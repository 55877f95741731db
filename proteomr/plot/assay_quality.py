"""Assays by panel: what is missing, what is below detection, and how controls vary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.plot.canvas import measure_widest, new_axes, set_ticks
from proteomr.plot.grid import Margins, lay_panels, title_panel
from proteomr.plot.lettering import shorten
from proteomr.plot.marks import mark_points
from proteomr.plot.style import BLACK, BLUE, VERMILLION, PlotStyle, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_assays"]

_ROW_MM: Final = 5.0  # of a panel
_TYPE: Final = 5.5
_LETTERS: Final = 20
_SPREAD: Final = 0.3  # how far points of a row lie above and below it, in rows
_FEWEST_MM: Final = 12.0
_GOLDEN: Final = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class _Measure:
    """A column that assays have a value in, and how it is drawn."""

    column: str
    title: str
    axis: str
    scale: float


_MEASURES: Final = (
    _Measure("share_missing", "Missing", "Values (%)", 100.0),
    _Measure("share_below_lod", "Below LOD", "Values (%)", 100.0),
    _Measure("cv_intra_percent", "CV within", "CV (%)", 1.0),
    _Measure("cv_inter_percent", "CV between", "CV (%)", 1.0),
)


def draw_assays(table: pl.DataFrame, *, style: PlotStyle) -> tuple[Figure, pl.DataFrame] | None:
    """Return a figure of the assays of each panel with its numbers; None where none has a value.

    A point for each assay, red where the policy of the run takes it out; a line at the median.

    Parameters
    ----------
    table : ``qc_assays`` of `qc`.
    style : widths and title.
    """
    there = [one for one in _MEASURES if one.column in table.columns]
    rows = [(one, _read(table, one)) for one in there]
    rows = [(one, read) for one, read in rows if read.height]
    if not rows:
        return None
    panels = pl.concat([read["panel"] for _, read in rows]).unique().sort().to_list()
    names = [shorten(name, letters=_LETTERS) for name in panels]
    with house_style():
        measure, _ = new_axes(style.width_mm, 10.0)
        margins = Margins(left=measure_widest(measure, names, size=_TYPE) + 3.5, right=3.0)
        across = min(len(rows), 4 if style.width == "double" else 2)
        inner = style.width_mm / across - margins.left - margins.right
        shape = max(_ROW_MM * len(panels), _FEWEST_MM) / inner
        figure, axes = lay_panels(
            len(rows), style=style, shape=shape, margins=margins, columns=across
        )
        for each, (one, read) in zip(axes, rows, strict=True):
            _draw_measure(figure, each, read, one, panels, names)
    data = [
        read.select("panel", plot=pl.lit(one.title), x="value", y=None, outlier="out")
        for one, read in rows
    ]
    return figure, pl.concat(data)


def _read(table: pl.DataFrame, one: _Measure) -> pl.DataFrame:
    panel = pl.col("panel") if "panel" in table.columns else pl.lit(None)
    out = (
        pl.col("excluded").fill_null(value=False)
        if "excluded" in table.columns
        else pl.lit(value=False)
    )
    return table.select(
        panel=panel.cast(pl.String).fill_null(""),
        value=pl.col(one.column).cast(pl.Float64) * one.scale,
        out=out,
    ).filter(pl.col("value").is_finite())


def _draw_measure(
    figure: Figure,
    axes: Axes,
    rows: pl.DataFrame,
    one: _Measure,
    panels: list[str],
    names: list[str],
) -> None:
    axes.set_ylim(len(panels) - 0.5, -0.5)
    most = float(rows["value"].max() or 0.0)  # type: ignore[arg-type]
    axes.set_xlim(0.0, 1.05 * most or 1.0)
    for at, panel in enumerate(panels):
        own = rows.filter(pl.col("panel") == panel)
        x: F64 = own["value"].to_numpy()
        if not x.size:
            continue
        y: F64 = at + _SPREAD * (2 * ((np.arange(x.size) * _GOLDEN) % 1.0) - 1).astype(np.float64)
        out = own["out"].to_numpy().astype(np.bool_)
        size = 1.6 if x.size > 50 else 2.4
        mark_points(axes, x, y, which=~out, marker="o", colour=BLUE, size=size)
        mark_points(axes, x, y, which=out, marker="X", colour=VERMILLION, size=size, order=4)
        middle = float(np.median(x))
        axes.plot([middle] * 2, [at - 0.42, at + 0.42], color=BLACK, linewidth=1.0, zorder=5)
    axes.set_xlabel(one.axis)
    set_ticks(figure, axes, x=4)
    axes.set_yticks(range(len(panels)), names, fontsize=_TYPE)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    title_panel(figure, axes, one.title)
