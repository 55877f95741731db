"""Effects of variants on the outcome against those on the exposure, with a line for each method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.errors import ColumnError, NothingToDo
from proteomr.plot.canvas import (
    add_legend,
    add_title,
    new_axes,
    place_labels,
    set_ticks,
    settle,
)
from proteomr.plot.drawing import Drawing
from proteomr.plot.frames import MethodRow, check_single, is_drawable, pick_methods
from proteomr.plot.lettering import label_axis, shorten, shorten_trait
from proteomr.plot.marks import choose_limits, draw_line, draw_points, list_undrawn
from proteomr.plot.style import GREY, PlotStyle, house_style
from proteomr.tables import Harmonised

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["draw_scatter"]

_TRUTH = {"TRUE": True, "FALSE": False, "T": True, "F": False}
_NO_LINE = "needs a column intercept among the estimates"


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    names: list[str]
    x: F64
    sx: F64
    y: F64
    sy: F64
    hollow: Bool
    outlier: Bool
    drawn: Bool


def draw_scatter(
    data: Harmonised,
    estimates: pl.DataFrame | None = None,
    *,
    methods: Sequence[str] | None = None,
    style: PlotStyle | None = None,
) -> Drawing:
    r"""Scatter of the variants' effects on outcome and exposure, with the line of each method.

    Every variant is turned to the allele that raises the exposure, with bars of one standard error
    both ways. A method's line is :math:`y = \alpha + \hat\theta x`, with its column ``intercept``
    for alpha, and zero where that is empty. The intercept of method ``egger`` follows from its
    slope and the variants where no column states it,

    .. math:: \alpha = \bar y_w - \hat\theta \bar x_w, \qquad w_j = s_{yj}^{-2}

    and the other Egger methods have no line without one. R: ``TwoSampleMR::mr_scatter_plot`` 0.7.9.

    Parameters
    ----------
    data : variants of one exposure. Columns ``palindromic`` and ``outlier`` of its variants, where
        true, give hollow points and red diamonds; outliers are named where there is room.
    estimates : table of one pair: exposure, outcome, method, estimate, se, conf_low, conf_high,
        neg_log10_p, status, and perhaps intercept.
    methods : those to draw; None for all.
    style : widths, title and units.

    Raises
    ------
    UsageError
        A method asked for is not there, or matplotlib is not installed.
    InputError
        Several exposures, or estimates of another pair.
    NothingToDo
        No variant can be drawn.

    Examples
    --------
    >>> data = Harmonised(
    ...     exposures=("loneliness",), outcome="ADM",
    ...     variants=pl.DataFrame({"variant_id": ["rs1", "rs2"]}),
    ...     beta_x=np.array([[-0.1], [0.2]]), se_x=np.full((2, 1), 0.01),
    ...     beta_y=np.array([-0.06, 0.09]), se_y=np.full(2, 0.02),
    ... )
    >>> draw_scatter(data).data["x"].to_list()
    [0.1, 0.2]
    """
    style = style or PlotStyle()
    exposure, outcome = check_single(data)
    points = _orient(data)
    if not points.drawn.any():
        raise NothingToDo("no variant has effects that can be drawn")
    rows = [
        _with_intercept(row, points)
        for row in pick_methods(estimates, (exposure, outcome), methods=methods)
    ]
    with house_style():
        figure, axes = new_axes(style.width_mm, 80.0)
        handles = _fill(axes, points, rows)
        letters = int(style.width_mm / 1.7)
        names = [shorten_trait(name) for name in (exposure, outcome)]
        axes.set_xlabel(
            label_axis(f"SNP effect on {names[0]}", style.exposure_unit, letters=letters)
        )
        high = int(style.plot_mm / 1.45)
        axes.set_ylabel(label_axis(f"SNP effect on {names[1]}", style.outcome_unit, letters=high))
        set_ticks(figure, axes, x=6, y=6)
        top = add_title(figure, style.title, small_print=style.small_print)
        foot = add_legend(figure, handles)
        settle(figure, axes, plot_mm=style.plot_mm, top_mm=top, foot_mm=foot)
        marked = np.flatnonzero(points.outlier & points.drawn)[: style.labels]
        place_labels(
            figure,
            axes,
            names=[shorten(points.names[row], letters=20) for row in marked],
            x=points.x[marked],
            y=points.y[marked],
            avoid=np.column_stack([points.x, points.y])[points.drawn],
        )
    table = pl.concat([_tabulate_points(points), _tabulate_lines(rows)], how="diagonal")
    return Drawing("scatter", exposure, outcome, (figure,), table, _notes(points, rows))


def _orient(data: Harmonised) -> _Points:
    sign = np.where(data.x < 0, -1.0, 1.0)
    columns = (data.x * sign, data.sx, data.beta_y * sign, data.se_y)
    drawable = [[is_drawable(value) for value in column] for column in columns]
    return _Points(
        names=[str(name) for name in data.variants["variant_id"]],
        x=columns[0],
        sx=columns[1],
        y=columns[2],
        sy=columns[3],
        hollow=_read_mark(data.variants, "palindromic"),
        outlier=_read_mark(data.variants, "outlier"),
        drawn=np.logical_and.reduce(np.array(drawable, dtype=np.bool_), axis=0),
    )


def _read_mark(variants: pl.DataFrame, name: str) -> Bool:
    if name not in variants.columns:
        return np.zeros(variants.height, dtype=np.bool_)
    column = variants[name]
    if column.dtype == pl.String:  # of a file of text, as R and proteomr write truth
        spelt = column.str.to_uppercase().replace_strict(_TRUTH, default=None)
        column = spelt if spelt.null_count() == column.null_count() else column
    if column.dtype not in (pl.Boolean, pl.Null):
        raise ColumnError(f"the variants' column {name!r} holds {column.dtype}, not true and false")
    return column.cast(pl.Boolean).fill_null(value=False).to_numpy().astype(np.bool_)


def _with_intercept(row: MethodRow, points: _Points) -> MethodRow:
    if not row.drawn or is_drawable(row.intercept):
        return row
    if not row.key.startswith("egger"):
        return replace(row, intercept=0.0)
    if row.key != "egger":
        return replace(row, status=_NO_LINE)
    w = (np.min(points.sy) / points.sy) ** 2
    residual = points.y - row.estimate * points.x
    return replace(row, intercept=float(np.average(residual, weights=w)))


def _fill(axes: Axes, points: _Points, rows: Sequence[MethodRow]) -> list[Line2D]:
    chosen = points.drawn
    x, sx, y, sy = (values[chosen] for values in (points.x, points.sx, points.y, points.sy))
    zero = np.zeros(1)
    least, most = choose_limits(np.append(x - sx, zero), np.append(x + sx, zero), edge=0.03)
    axes.set_xlim(least if np.any(x < sx) else 0.0, most)
    axes.set_ylim(*choose_limits(np.append(y - sy, zero), np.append(y + sy, zero), edge=0.03))
    axes.axhline(0.0, color=GREY, linewidth=0.4, zorder=1)
    axes.errorbar(x, y, xerr=sx, yerr=sy, fmt="none", ecolor=GREY, elinewidth=0.4, zorder=2)
    handles = draw_points(
        axes,
        x=x,
        y=y,
        hollow=points.hollow[chosen],
        outlier=points.outlier[chosen],
        name="Variant (± 1 SE)",
    )
    ends = axes.get_xlim()
    for row in rows:
        if row.drawn:
            heights = [row.intercept + row.estimate * end for end in ends]
            handles.append(draw_line(axes, row, x=ends, y=heights))
    return handles


def _tabulate_points(points: _Points) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "kind": ["variant"] * len(points.names),
            "name": points.names,
            "x": points.x,
            "se_x": points.sx,
            "y": points.y,
            "se_y": points.sy,
            "palindromic": points.hollow,
            "outlier": points.outlier,
            "drawn": points.drawn,
        }
    )


def _tabulate_lines(rows: Sequence[MethodRow]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "kind": ["line"] * len(rows),
            "name": [row.key for row in rows],
            "slope": [row.estimate for row in rows],
            "intercept": [row.intercept for row in rows],
            "drawn": [row.drawn for row in rows],
        },
        schema_overrides={
            "kind": pl.String,
            "name": pl.String,
            "slope": pl.Float64,
            "intercept": pl.Float64,
            "drawn": pl.Boolean,
        },
    ).with_columns(pl.col("slope", "intercept").fill_nan(None))


def _notes(points: _Points, rows: Sequence[MethodRow]) -> tuple[str, ...]:
    absent = int((~points.drawn).sum())
    notes = [f"{absent} variants are not drawn: an effect is too large for an axis"] * bool(absent)
    return (*notes, *list_undrawn(rows))
