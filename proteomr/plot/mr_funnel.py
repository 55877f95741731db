"""Precision of the variants against their ratio estimates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.errors import NothingToDo
from proteomr.plot.canvas import LARGEST_LOG, add_legend, add_title, new_axes, set_ticks, settle
from proteomr.plot.drawing import Drawing
from proteomr.plot.frames import MethodRow, check_pair, is_drawable, pick_methods, read_ratios
from proteomr.plot.lettering import label_axis, shorten_trait
from proteomr.plot.marks import choose_limits, cut_limits, draw_line, list_undrawn, point_size
from proteomr.plot.style import BLACK, GREY, PlotStyle, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["draw_funnel"]

_COLUMNS = ("variant_id", "estimate", "se", "neg_log10_p")


def draw_funnel(
    singlesnp: pl.DataFrame,
    estimates: pl.DataFrame | None = None,
    *,
    methods: Sequence[str] | None = None,
    style: PlotStyle | None = None,
) -> Drawing:
    """Funnel of the variants: inverse standard error of each ratio against the ratio.

    A vertical line stands at the estimate of each method: without directional pleiotropy the points
    lie evenly on both sides of it. A ratio that would squeeze all others is an arrow at the edge,
    at its height. R: ``TwoSampleMR::mr_funnel_plot`` 0.7.9.

    Parameters
    ----------
    singlesnp : table of one pair: exposure, outcome, variant_id, estimate, se, neg_log10_p. Rows
        whose variant is "all" or empty are left aside.
    estimates : see `draw_scatter`.
    methods : those to draw; None for all.
    style : widths, title and units.

    Raises
    ------
    UsageError
        A method asked for is not there, or matplotlib is not installed.
    InputError
        Several pairs, or a column is absent.
    NothingToDo
        No variant can be drawn.

    Examples
    --------
    >>> singlesnp = pl.DataFrame({
    ...     "exposure": "loneliness", "outcome": "ADM", "variant_id": ["rs1", "rs2"],
    ...     "estimate": [0.2, 0.6], "se": [0.1, 0.2], "neg_log10_p": [1.3, 2.6],
    ... })
    >>> draw_funnel(singlesnp).data["precision"].to_list()
    [10.0, 5.0]
    """
    style = style or PlotStyle()
    pair = check_pair(singlesnp, table="singlesnp", columns=_COLUMNS)
    rows = pick_methods(estimates, pair, methods=methods)
    ratios, _ = read_ratios(singlesnp)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        precision = np.where(ratios.se > 0, 1.0 / ratios.se, np.nan)
    drawn = np.array(
        [
            is_drawable(a) and is_drawable(b)
            for a, b in zip(ratios.estimate, precision, strict=True)
        ],
        dtype=np.bool_,
    )
    if not drawn.any():
        raise NothingToDo("no variant has a ratio and a standard error that can be drawn")
    slopes = [row.estimate for row in rows if row.drawn]
    low, high = cut_limits(ratios.estimate[drawn], slopes)
    limits = choose_limits(np.array([low]), np.array([high]))
    with house_style():
        figure, axes = new_axes(style.width_mm, 80.0)
        handles = _fill(axes, ratios.estimate[drawn], precision[drawn], rows, limits=limits)
        unit = "/".join(filter(None, (style.outcome_unit, style.exposure_unit))) or None
        letters = int(style.width_mm / 1.7)
        names = [shorten_trait(name) for name in pair]
        ratio = style.ratio is not None and max(map(abs, limits)) < LARGEST_LOG
        what = f"{style.ratio}" if ratio else "Ratio estimate"
        label = label_axis(
            f"{what}, {names[0]} on {names[1]}", None if ratio else unit, letters=letters
        )
        axes.set_xlabel(label)
        axes.set_ylabel("1 / SE of the log ratio" if ratio else "1 / SE of the ratio estimate")
        set_ticks(figure, axes, x=7, y=6, ratio=ratio)
        top = add_title(figure, style.title, small_print=style.small_print)
        foot = add_legend(figure, handles)
        settle(figure, axes, plot_mm=style.plot_mm, top_mm=top, foot_mm=foot)
    cut = (ratios.estimate < limits[0]) | (ratios.estimate > limits[1])
    variants = [str(name) for name in ratios.names]
    table = _tabulate(variants, ratios.estimate, precision, drawn, cut & drawn, rows)
    absent = int((~drawn).sum())
    notes = (f"{absent} variants have no ratio to draw",) * bool(absent)
    return Drawing("funnel", *pair, (figure,), table, (*notes, *list_undrawn(rows)))


def _fill(
    axes: Axes,
    ratio: F64,
    precision: F64,
    rows: Sequence[MethodRow],
    *,
    limits: tuple[float, float],
) -> list[Line2D]:
    axes.set_xlim(*limits)
    top = 1.05 * float(precision.max())
    axes.set_ylim(0.0, top)
    axes.axvline(0.0, color=GREY, linewidth=0.4, zorder=1)
    size = point_size(ratio.size)
    inside = (ratio >= limits[0]) & (ratio <= limits[1])
    (handle,) = axes.plot(
        ratio[inside],
        precision[inside],
        "o",
        color=BLACK,
        markersize=size,
        mew=0.0,
        label="Variant",
    )
    handles = [handle] * bool(inside.any())
    for beyond, edge, marker in _beyond(ratio, limits):
        if not beyond.any():
            continue  # a line without points would still widen the margins
        axes.plot(
            np.full(int(beyond.sum()), edge),
            precision[beyond],
            marker,
            color=BLACK,
            markersize=size,
            clip_on=False,
        )
    handles += [
        draw_line(axes, row, x=[row.estimate, row.estimate], y=[0.0, top])
        for row in rows
        if row.drawn
    ]
    return handles


def _beyond(ratio: F64, limits: tuple[float, float]) -> list[tuple[Bool, float, str]]:
    return [(ratio < limits[0], limits[0], "<"), (ratio > limits[1], limits[1], ">")]


def _tabulate(
    names: list[str],
    ratio: F64,
    precision: F64,
    drawn: Bool,
    cut: Bool,
    rows: Sequence[MethodRow],
) -> pl.DataFrame:
    count = len(names)
    return pl.DataFrame(
        {
            "kind": ["variant"] * count + ["line"] * len(rows),
            "name": names + [row.key for row in rows],
            "estimate": [*ratio.tolist(), *(row.estimate for row in rows)],
            "precision": [*precision.tolist(), *[None] * len(rows)],
            "drawn": [*drawn.tolist(), *(row.drawn for row in rows)],
            "cut": [*cut.tolist(), *[False] * len(rows)],
        },
        schema_overrides={"estimate": pl.Float64, "precision": pl.Float64},
    ).with_columns(pl.col("estimate", "precision").fill_nan(None))
