"""Rows of points below each other, several kinds of them on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from proteomr._typing import F64
from proteomr.plot.canvas import add_legend, add_title, new_axes, set_ticks, settle
from proteomr.plot.interval_row import letters_of
from proteomr.plot.lettering import shorten
from proteomr.plot.style import GREY, PlotStyle, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["Points", "draw_point_rows"]

_PITCH_MM: Final = 3.0
_TYPE: Final = 5.5
_MORE_LETTERS: Final = 6  # no columns of numbers take their room
_GREY_LINE: Final = "#DDDDDD"


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """One kind of points: a value for each row, NaN where there is none.

    Parameters
    ----------
    label : in the legend.
    values : (m,).
    marker, colour : look; points of a hollow marker are white inside.
    """

    label: str
    values: F64
    marker: str
    colour: str
    hollow: bool = False


def draw_point_rows(
    names: Sequence[str],
    kinds: Sequence[Points],
    *,
    axis: str,
    style: PlotStyle,
    start: float,
    guide: float | None = None,
    joined: bool = False,
) -> Figure:
    """Return a figure with a row for each name and the points of each kind in it.

    Points beyond a range that holds nearly all are arrows at its end.

    Parameters
    ----------
    names : m of them, from the top.
    axis : its label.
    start : left end of the axis.
    guide : where a dashed line stands.
    joined : whether a line joins the points of a row.
    """
    values = np.concatenate([kind.values for kind in kinds])
    known = values[np.isfinite(values)]
    most = _choose_end(known, start)
    with house_style():
        figure, axes = new_axes(style.width_mm, 40.0)
        axes.set_xlim(start, most)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_yticks(
            range(len(names)),
            [shorten(name, letters=letters_of(style) + _MORE_LETTERS) for name in names],
            fontsize=_TYPE,
        )
        axes.tick_params(axis="y", length=0)
        axes.hlines(np.arange(len(names)), start, most, color=_GREY_LINE, linewidth=0.4, zorder=0)
        if guide is not None:
            axes.axvline(guide, color=GREY, linewidth=0.5, dashes=(3, 2), zorder=1)
        if joined:
            _join(axes, kinds, most)
        handles = [_mark(axes, kind, most) for kind in kinds]
        axes.set_xlabel(axis)
        set_ticks(figure, axes, x=6)
        foot = add_legend(figure, handles) if len(kinds) > 1 else 0.0
        head = add_title(figure, style.title, small_print=style.small_print)
        height = _PITCH_MM * max(len(names), 2)
        settle(figure, axes, plot_mm=height, top_mm=head, foot_mm=foot)
    return figure


def _mark(axes: Axes, kind: Points, most: float) -> Line2D:
    """Draw the points of a kind, those beyond the end as arrows there; return the first."""
    rows = np.arange(kind.values.size, dtype=np.float64)
    inside, beyond = kind.values <= most, kind.values > most
    if beyond.any():  # a line without points would still widen the margins
        axes.plot(
            np.full(int(beyond.sum()), most), rows[beyond], ">", color=kind.colour,
            markersize=3.0, clip_on=False, zorder=3,
        )  # fmt: skip
    return axes.plot(
        kind.values[inside], rows[inside], kind.marker, color=kind.colour, label=kind.label,
        markerfacecolor="white" if kind.hollow else kind.colour, markersize=3.2,
        markeredgewidth=0.6, zorder=3, clip_on=not inside.any(),
    )[0]  # fmt: skip


def _choose_end(known: F64, start: float) -> float:
    """Return the right end of the axis: beyond all values, or all but a few far ones."""
    if not known.size:
        return start + 1.0
    most = float(known.max())
    upper = float(np.quantile(known, 0.75))
    fence = start + 4 * (upper - start)
    end = fence if upper > start and most > 2 * fence else most
    return end + 0.04 * ((end - start) or 1.0)


def _join(axes: Axes, kinds: Sequence[Points], most: float) -> None:
    stacked = np.vstack([np.minimum(kind.values, most) for kind in kinds])
    rows = np.arange(stacked.shape[1])
    whole = np.isfinite(stacked).all(axis=0)
    low, high = stacked.min(axis=0), stacked.max(axis=0)
    axes.hlines(rows[whole], low[whole], high[whole], color=GREY, linewidth=0.7, zorder=2)
