"""Estimates with their intervals in rows below each other, over as many pages as they need."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from proteomr.plot.canvas import (
    MM_PER_INCH,
    add_title,
    measure_widest,
    new_axes,
    set_ticks,
)
from proteomr.plot.interval_row import IntervalRow, find_limits, split_pages, takes_ratios
from proteomr.plot.lettering import (
    choose_decimals,
    format_number,
    format_p,
    format_power,
    format_ratio,
    wrap,
)
from proteomr.plot.style import GREY, PlotStyle, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_rows", "tabulate_rows"]

PITCH_MM: Final = 3.0
_TYPE: Final = 5.5
_SQUARE, _SMALLEST_SQUARE, _LARGEST_SQUARE = 2.4, 0.9, 4.2  # points
_DIAMOND: Final = 0.36  # half a diamond's height, in rows
_GAP_MM: Final = 2.0
_EDGE_MM: Final = 1.5
_HEAD_MM: Final = 5.0
_TINY: Final = 5e-4  # errors of which four decimals leave less than two digits


def draw_rows(
    rows: Sequence[IntervalRow],
    *,
    foot: Sequence[IntervalRow],
    heading: str,
    axis: str,
    style: PlotStyle,
    rows_per_page: int,
    guide: float | None = None,
    weighted: bool = False,
) -> tuple[Figure, ...]:
    """Return the pages of a forest, all with the same axis and the same rows at the foot.

    An interval that would squeeze all others ends in an arrow at the edge. A diamond of a method is
    as wide as its interval. With a ratio in the style numbers and axis are exponentials.

    Parameters
    ----------
    heading : above the names.
    axis : label of the axis.
    guide : estimate at which a dashed line stands.
    weighted : whether the squares' areas are the weights of the rows; without, one over the
        squared error.
    """
    limits = find_limits([*rows, *foot])
    ratio = style.ratio if takes_ratios([*rows, *foot]) else None
    sizes = _size_squares(rows) if weighted else {}
    pages = list(split_pages(rows, rows_per_page))
    with house_style():
        return tuple(
            _draw_page(
                page,
                foot,
                limits=limits,
                words=(heading, axis, _title(style, number, len(pages))),
                style=style,
                guide=guide,
                ratio=ratio,
                sizes=sizes,
            )
            for number, page in enumerate(pages, start=1)
        )


def tabulate_rows(
    rows: Sequence[IntervalRow],
    foot: Sequence[IntervalRow],
    *,
    rows_per_page: int,
    ratio: str | None = None,
) -> pl.DataFrame:
    """Return the numbers of a forest: a row for each line, page 0 for those on every page.

    Where ratios are drawn their numbers stand beside the logarithms.
    """
    limits = find_limits([*rows, *foot])
    placed = [
        (number, row)
        for number, page in enumerate(split_pages(rows, rows_per_page), start=1)
        for row in page
    ] + [(0, row) for row in foot]
    numbers = ("estimate", "conf_low", "conf_high", "neg_log10_p")
    values = [(row.estimate, row.low, row.high, row.neg_log10_p) for _, row in placed]
    columns = dict(zip(numbers, zip(*values, strict=True), strict=True))
    table = pl.DataFrame(
        {
            "page": [page for page, _ in placed],
            "kind": [row.kind for _, row in placed],
            "name": [row.name for _, row in placed],
            **{name: pl.Series(column, dtype=pl.Float64) for name, column in columns.items()},
            "drawn": [row.drawn for _, row in placed],
            "cut": [row.bounded and _is_cut(row, limits) for _, row in placed],
        }
    ).with_columns(pl.col(numbers).fill_nan(None))
    if ratio is None or not takes_ratios([*rows, *foot]):
        return table
    names = {"estimate": "ratio", "conf_low": "ratio_low", "conf_high": "ratio_high"}
    return table.with_columns(pl.col(ours).exp().alias(name) for ours, name in names.items())


def _is_cut(row: IntervalRow, limits: tuple[float, float]) -> bool:
    least, most = row.reach
    return least < limits[0] or most > limits[1]


def _title(style: PlotStyle, number: int, count: int) -> str | None:
    if count == 1:
        return style.title
    return f"{style.title or ''} ({number} of {count})".strip()


def _draw_page(
    rows: Sequence[IntervalRow],
    foot: Sequence[IntervalRow],
    *,
    limits: tuple[float, float],
    words: tuple[str, str, str | None],
    style: PlotStyle,
    guide: float | None,
    ratio: str | None,
    sizes: Mapping[str, float],
) -> Figure:
    heading, axis, title = words
    gap = [None] if rows and foot else []
    lines: list[IntervalRow | None] = [*rows, *gap, *foot]
    label = wrap(axis, letters=int(style.width_mm / 1.5))
    below_mm = 4.2 + 3.2 * (label.count("\n") + 1) + _EDGE_MM
    plot_mm = PITCH_MM * max(1, len(lines))
    width = style.width_mm
    figure, axes = new_axes(width, 10.0)
    texts = _write_texts(lines, ratio=ratio)
    heads = (f"{ratio or 'Estimate'} (95% CI)", "P")
    names_mm, value_mm, p_mm = (
        measure_widest(figure, column, size=_TYPE)
        for column in zip(*texts, (heading, *heads), strict=True)
    )
    top_mm = add_title(figure, title, small_print=style.small_print)
    height = below_mm + plot_mm + _HEAD_MM + top_mm
    figure.set_size_inches(width / MM_PER_INCH, height / MM_PER_INCH)
    left = _EDGE_MM + names_mm + _GAP_MM
    right = _EDGE_MM + value_mm + p_mm + 2 * _GAP_MM
    axes.set_position(
        (left / width, below_mm / height, 1 - (left + right) / width, plot_mm / height)
    )
    _prepare_axes(axes, limits, count=len(lines), guide=guide)
    set_ticks(figure, axes, x=7, ratio=ratio is not None)
    places = (
        _EDGE_MM / width,
        1 - (_EDGE_MM + p_mm + _GAP_MM) / width,
        1 - _EDGE_MM / width,
    )
    _print_line(axes, places, (heading, *heads), at=-1.2, weight="bold")
    for at, (row, text) in enumerate(zip(lines, texts, strict=True)):
        if row is not None:
            _print_line(axes, places, text, at=float(at))
            _draw_mark(axes, row, at=at, limits=limits, size=sizes.get(row.name, _SQUARE))
    figure.text(0.5, _EDGE_MM / height, label, ha="center", va="bottom")
    return figure


def _size_squares(rows: Sequence[IntervalRow]) -> dict[str, float]:
    """Return the sides of the variants' squares, in points, whose areas are their weights."""
    weights = {row.name: row.weight for row in rows if math.isfinite(row.weight)}
    if weights:
        most = max(weights.values()) or 1.0
        return {
            name: max(_SMALLEST_SQUARE, _LARGEST_SQUARE * math.sqrt(weight / most))
            for name, weight in weights.items()
        }
    widths = {row.name: row.high - row.low for row in rows if row.bounded and row.high > row.low}
    least = min(widths.values(), default=1.0)
    return {
        name: max(_SMALLEST_SQUARE, _LARGEST_SQUARE * least / width)
        for name, width in widths.items()
    }


def _as_ratio(row: IntervalRow) -> IntervalRow:
    """Return a row of a log ratio as one of the ratio, its ends at zero and infinity if need be."""
    with np.errstate(over="ignore", under="ignore"):
        estimate, low, high = np.exp(np.array([row.estimate, row.low, row.high])).tolist()
    return replace(row, estimate=estimate, low=low, high=high)


def _write_texts(
    lines: Sequence[IntervalRow | None], *, ratio: str | None
) -> list[tuple[str, str, str]]:
    widths = [(row.high - row.low) / 3.92 for row in lines if row is not None and row.bounded]
    decimals = choose_decimals(np.array(widths, dtype=np.float64))  # of ratios: those near one
    write: Callable[..., str] = format_number
    if widths and float(np.median(widths)) < _TINY:
        write = format_power  # four decimals would show one digit of some, and none of others
    if ratio is not None:
        write = format_ratio
        decimals = max(2, decimals)
        lines = [row if row is None or not row.drawn else _as_ratio(row) for row in lines]
    return [("", "", "") if row is None else _write_text(row, decimals, write) for row in lines]


def _write_text(row: IntervalRow, decimals: int, write: Callable[..., str]) -> tuple[str, str, str]:
    if not row.drawn:
        status = "no estimate" if row.status == "ok" else row.status
        return row.label, status.replace("_", " "), ""
    value = write(row.estimate, decimals=decimals)
    low, high = (write(end, decimals=decimals) for end in (row.low, row.high))
    shown = f"{value} ({low}, {high})" if math.isfinite(row.low + row.high) else value
    return row.label, shown, "" if row.kind == "new" else format_p(row.neg_log10_p)


def _prepare_axes(
    axes: Axes, limits: tuple[float, float], *, count: int, guide: float | None
) -> None:
    axes.set_xlim(*limits)
    axes.set_ylim(max(1, count) - 0.4, -0.6)
    axes.axvline(0.0, color=GREY, linewidth=0.5, zorder=1)
    if guide is not None:
        axes.axvline(guide, color=GREY, linewidth=0.5, dashes=(3, 2), zorder=1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _print_line(
    axes: Axes,
    places: tuple[float, float, float],
    words: tuple[str, str, str],
    *,
    at: float,
    weight: str = "normal",
) -> None:
    from matplotlib.transforms import blended_transform_factory

    figure = axes.figure
    across = blended_transform_factory(figure.transFigure, axes.transData)
    for place, word, side in zip(places, words, ("left", "right", "right"), strict=True):
        if word:
            axes.text(
                place,
                at,
                word,
                ha=side,
                va="center_baseline",
                fontsize=_TYPE,
                fontweight=weight,
                transform=across,
            )


def _draw_mark(
    axes: Axes, row: IntervalRow, *, at: int, limits: tuple[float, float], size: float
) -> None:
    if not row.drawn:
        return
    left, right = limits
    diamond = row.kind == "method" and row.bounded
    if row.bounded:
        low, high = max(row.low, left), min(row.high, right)
        if diamond:
            _draw_diamond(axes, row, at=at)
        else:
            axes.plot([low, high], [at, at], color=row.colour, linewidth=0.7, zorder=2)
        least, most = row.reach
        for cut, end, marker in ((least < left, left, "<"), (most > right, right, ">")):
            if cut:
                axes.plot(end, at, marker, color=row.colour, markersize=2.4, clip_on=False)
    if left <= row.estimate <= right and not diamond:
        marker = "D" if row.kind == "method" else "s"
        axes.plot(row.estimate, at, marker, color=row.colour, markersize=size, zorder=3)


def _draw_diamond(axes: Axes, row: IntervalRow, *, at: int) -> None:
    """Draw a diamond from one limit to the other, highest at the estimate."""
    axes.fill(
        [row.low, row.estimate, row.high, row.estimate],
        [at, at - _DIAMOND, at, at + _DIAMOND],
        facecolor=row.colour,
        edgecolor=row.colour,
        linewidth=0.4,  # an interval narrower than a line of print is still seen
        zorder=3,
    )
