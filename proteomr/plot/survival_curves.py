"""Kaplan-Meier curves of groups, with the people at risk below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from proteomr.errors import NothingToDo, UsageError, need_columns
from proteomr.plot.canvas import MM_PER_INCH, set_ticks
from proteomr.plot.drawing import Drawing
from proteomr.plot.grid import MOST_PANELS, Margins, lay_panels, title_panel
from proteomr.plot.lettering import format_tick, shorten
from proteomr.plot.style import (
    BLACK,
    BLUE,
    GREEN,
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

__all__ = ["draw_curves"]

_NEEDED: Final = ("outcome", "group", "time", "at_risk", "survival")
_COLOURS: Final = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
_DASHES: Final[tuple[tuple[float, ...], ...]] = ((), (4, 1.5), (1, 1), (5, 1, 1, 1))
_LINE_MM: Final = 2.6  # of a group's numbers at risk
_NUMBERS: Final = 4
_NUMBER_MM: Final = 4.0
_LEFT_MM: Final = 19.0
_SAMPLE_MM: Final = (18.3, 14.3)  # of a group's line, from the axis
_SHAPE: Final = 0.62  # height of the axes over their width
_PAGE_MM: Final = 235.0  # of a sheet of A4 that a page of figures may take


def draw_curves(
    table: pl.DataFrame, told: pl.DataFrame | None = None, /, *, style: PlotStyle | None = None
) -> Drawing:
    """Survival by group as steps with their limits, and how many are at risk at a few times.

    A panel for each protein, outcome and lag, as many as a sheet of A4 has room for on each page.
    The axis begins at 0 where the lowest curve reaches a half, else a little below the lowest
    limit, which is said. Numbers at risk, beside the line of their group, stand at the times of
    ``told``. Without it they stand at round times; a table of event times then tells them where
    nobody left between the events around, and elsewhere that they are at least those at the next
    event.

    Parameters
    ----------
    table : ``curves`` of `survive --curves`: protein (or by), outcome, group, time, at_risk,
        survival, conf_low, conf_high.
    told : ``curve_times`` of the same run.
    style : widths and title.

    Raises
    ------
    ColumnError
        A column is absent.
    NothingToDo
        There is no curve.
    UsageError
        There are more curves than panels.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "protein": "ADM", "outcome": "death", "group": ["Q1", "Q1", "Q2", "Q2"],
    ...     "time": [1.0, 2.0, 1.0, 3.0], "at_risk": [10, 9, 10, 8],
    ...     "survival": [0.9, 0.8, 1.0, 0.7]})
    >>> draw_curves(table).data.height
    4
    """
    style = style or PlotStyle()
    need_columns(_NEEDED, table.columns)
    there = table.drop_nulls(["time", "survival"])
    if not there.height:
        raise NothingToDo("the table has no curve")
    keys = [name for name in ("protein", "by", "outcome", "lag") if name in there.columns]
    parts = there.partition_by(keys, maintain_order=True)
    groups = max(part["group"].n_unique() for part in parts)
    if len(parts) > MOST_PANELS:
        raise UsageError(
            f"{len(parts)} curves are more than the {MOST_PANELS} panels of a figure: choose some "
            "with --where-rows"
        )
    margins = Margins(left=_LEFT_MM, bottom=10.0 + _LINE_MM * (groups + 1))
    columns = 1 if style.width == "single" else 2
    inner = style.width_mm / min(columns, len(parts)) - margins.left - margins.right
    rows = max(1, int(_PAGE_MM / (_SHAPE * inner + margins.top + margins.bottom)))
    most = rows * columns
    with house_style():
        pages = [
            _draw_page(parts[at : at + most], told, keys, style, (margins, columns))
            for at in range(0, len(parts), most)
        ]
    return Drawing("km", "", "", tuple(pages), there)


def _draw_page(
    parts: Sequence[pl.DataFrame],
    told: pl.DataFrame | None,
    keys: Sequence[str],
    style: PlotStyle,
    layout: tuple[Margins, int],
) -> Figure:
    margins, columns = layout
    figure, panels = lay_panels(
        len(parts), style=style, shape=_SHAPE, margins=margins, columns=columns
    )
    for axes, part in zip(panels, parts, strict=True):
        words = [_say_key(name, part[name][0]) for name in keys if part[name][0] is not None]
        own = None if told is None else _of_panel(told, part, keys)
        _draw_panel(figure, axes, part, own, title=", ".join(words))
    return figure


def _say_key(name: str, value: object) -> str:
    return f"lag {value:g}" if name == "lag" else str(value)


def _of_panel(told: pl.DataFrame, part: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame | None:
    """Return the numbers at risk at chosen times of a panel's curves; None where there are none."""
    if not {*keys, "group", "time", "at_risk"} <= set(told.columns):
        return None
    own = told.join(part.select(keys).unique(), on=list(keys), how="semi", nulls_equal=True)
    last = part["time"].max()
    own = own.drop_nulls(["time", "at_risk"]).filter(pl.col("time") <= last)
    return own if own.height else None


def _draw_panel(
    figure: Figure, axes: Axes, part: pl.DataFrame, told: pl.DataFrame | None, *, title: str
) -> None:
    last = float(part["time"].max() or 1.0)  # type: ignore[arg-type]
    axes.set_xlim(0.0, last)
    lowest = 1.0
    groups = part["group"].unique(maintain_order=True).to_list()
    for number, group in enumerate(groups):
        rows = part.filter(pl.col("group") == group).sort("time")
        time, survival = (rows[name].to_numpy() for name in ("time", "survival"))
        colour = _COLOURS[number % len(_COLOURS)]
        dashes = _DASHES[number % len(_DASHES)]
        steps = np.concatenate([[0.0], time])
        (line,) = axes.plot(
            steps, np.concatenate([[1.0], survival]), drawstyle="steps-post", color=colour, lw=0.9
        )
        if dashes:
            line.set_dashes(dashes)
        lowest = min(lowest, float(np.nanmin(survival)))
        if {"conf_low", "conf_high"} <= set(rows.columns):
            low, high = (
                rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
                for name in ("conf_low", "conf_high")
            )
            axes.fill_between(time, low, high, step="post", color=colour, alpha=0.15, linewidth=0)
            if np.isfinite(low).any():
                lowest = min(lowest, float(np.nanmin(low)))
    bottom = 0.0 if lowest < 0.5 else max(0.0, lowest - 0.05 * (1 - lowest) - 1e-3)
    axes.set_ylim(bottom, 1.0 + 0.02 * (1 - bottom))
    axes.set_xlabel("Time")
    axes.set_ylabel("Survival" if bottom == 0.0 else f"Survival (from {bottom:.2f})")
    set_ticks(figure, axes, x=_NUMBERS, y=5)
    if told is not None and len(times := _choose_times(told, axes)) > 1:
        axes.set_xticks(times, [format_tick(at) for at in times])
    title_panel(figure, axes, title)
    _print_numbers(axes, part, told, [str(group) for group in groups])


def _choose_times(told: pl.DataFrame, axes: Axes) -> list[float]:
    """Return the times that are told, every so many of them where they are more than have room."""
    times: list[float] = told["time"].unique().sort().to_list()
    most = max(len(axes.get_xticks()), 2)
    return times[:: -(-len(times) // most)]


def _print_numbers(
    axes: Axes, part: pl.DataFrame, told: pl.DataFrame | None, groups: list[str]
) -> None:
    """Print the people at risk of each group at the ticks, in the colour of its curve."""
    from matplotlib.transforms import blended_transform_factory

    figure = axes.figure
    extent = axes.get_window_extent()
    height, width = (side / figure.dpi * MM_PER_INCH for side in (extent.height, extent.width))
    left = -_NUMBER_MM / width  # the number at time 0 is printed around the axis
    across = blended_transform_factory(axes.transData, axes.transAxes)
    ticks = [at for at in axes.get_xticks() if axes.get_xlim()[0] <= at <= axes.get_xlim()[1]]
    first = -(9.0 + _LINE_MM) / height
    axes.text(
        left, first, "At risk", transform=axes.transAxes, ha="right", va="center", fontsize=4.5
    )
    for number, group in enumerate(groups):
        rows = part.filter(pl.col("group") == group).sort("time")
        y = first - _LINE_MM * (number + 1) / height
        colour = _COLOURS[number % len(_COLOURS)]
        shown = shorten(group, letters=12)
        axes.text(
            left, y, shown, transform=axes.transAxes, ha="right", va="center", fontsize=4.5,
            color=colour,
        )  # fmt: skip
        sample = [-end / width for end in _SAMPLE_MM]
        (line,) = axes.plot(
            sample, [y, y], transform=axes.transAxes, color=colour, lw=0.9, clip_on=False
        )
        if dashes := _DASHES[number % len(_DASHES)]:
            line.set_dashes(dashes)
        chosen = None if told is None else told.filter(pl.col("group").cast(pl.String) == group)
        for at in ticks:
            text = _tell_at_risk(rows, chosen, at)
            axes.text(
                at, y, text, transform=across, ha="center", va="center", fontsize=4.5,
                color=colour,
            )  # fmt: skip


def _tell_at_risk(rows: pl.DataFrame, told: pl.DataFrame | None, at: float) -> str:
    """Return who is at risk at a time in words; nothing where no table tells."""
    chosen = [] if told is None else told.filter(pl.col("time") == at)["at_risk"].to_list()
    if chosen:
        return f"{int(chosen[0]):,}"
    later = rows.filter(pl.col("time") >= at)
    if not later.height:
        last = rows.row(-1, named=True)
        gone = sum(int(last[name] or 0) for name in ("events", "censored") if name in last)
        return "" if last["at_risk"] is None else f"{int(last['at_risk']) - gone:,}"
    following = later.row(0, named=True)
    if following["at_risk"] is None:
        return ""
    # who left since the event before may have done so before this time, or after it
    known = following["time"] == at or not following.get("censored")
    return f"{'' if known else '≥'}{int(following['at_risk']):,}"
