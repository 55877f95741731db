"""Effects of one model against those of another: exposures, adjustment sets, strata or cohorts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.errors import NothingToDo
from proteomr.plot.canvas import set_ticks
from proteomr.plot.drawing import Drawing
from proteomr.plot.grid import MOST_PANELS, Margins, lay_panels, title_panel
from proteomr.plot.lettering import shorten
from proteomr.plot.marks import choose_limits, cut_limits, mark_points, point_size
from proteomr.plot.result_models import ModelRows, split_models
from proteomr.plot.style import BLACK, BLUE, GREY, VERMILLION, PlotStyle, house_style
from proteomr.plot.volcano import label_points
from proteomr.stats.effect_agreement import correlate, limits_of_correlation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EffectPair", "draw_effects", "draw_pair"]

_LEVEL: Final = 0.05
_R_PT, _TITLE_PT = 2.0, 10.0  # of r and of what a panel is of, above its axes
_HELD: Final = (0.02, 0.98)  # of hits; single ones beyond may be cut
_ALONG: Final = 150  # points of a line: a panel has at most 500 pt, and a name is 5 high
_SOME: Final = 5  # hits, of which no single one decides


def draw_effects(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """Effects of the same proteins in two models, with r, its interval and the line of equality.

    A panel for each pair of models. Limits of r are those of Fisher's transform; they hold where
    proteins are independent of one another, and are too narrow where they are not.

    Parameters
    ----------
    table : results of two models and more, see `proteomr.plot.result_models.split_models`; of
        several tables with a column ``table``.
    style : widths, title and how many proteins are named in a panel.

    Raises
    ------
    ColumnError
        A column is absent.
    NothingToDo
        There is one model alone, or two share no protein.
    UsageError
        There are more pairs of models than panels.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "protein": ["a", "b", "c"] * 2, "adjustment": ["simple"] * 3 + ["full"] * 3,
    ...     "estimate": [0.1, 0.2, 0.4, 0.2, 0.3, 0.5], "p_value": [0.5] * 6})
    >>> draw_effects(table).data.select("first", "second").row(0)
    (0.1, 0.2)
    """
    style = style or PlotStyle()
    models = split_models(table)
    pairs = list(combinations(models, 2))
    if not pairs:
        raise NothingToDo("effects of one model alone: two models, or two tables, are needed")
    with house_style():
        few = pairs[: MOST_PANELS + 1]  # more are refused
        figure, panels = lay_panels(
            len(few), style=style, shape=1.0, margins=Margins(left=14.0, bottom=10.0)
        )
        drawn = [
            draw_pair(figure, axes, _pair_models(one, other), labels=style.labels)
            for axes, (one, other) in zip(panels, few, strict=True)
        ]
    return Drawing("effects", "", "", (figure,), pl.concat(drawn))


@dataclass(frozen=True, slots=True, eq=False)
class EffectPair:
    """Effects of k names in two models.

    Parameters
    ----------
    labels : of the models.
    names : of the k effects.
    x, y : effects, of the first model and of the second.
    hit_x, hit_y : whether each is a hit.
    strength : larger of the two -log10 p; infinite where p is 0.
    r, low, high : correlation and its limits; NaN where there is none.
    line : slope and intercept of a line to draw; None for none.
    """

    labels: tuple[str, str]
    names: tuple[str, ...]
    x: F64
    y: F64
    hit_x: Bool
    hit_y: Bool
    strength: F64
    r: float
    low: float
    high: float
    line: tuple[float, float] | None = None


def _pair_models(one: ModelRows, other: ModelRows) -> EffectPair:
    places = {name: i for i, name in enumerate(other.names)}
    shared = [(i, places[name]) for i, name in enumerate(one.names) if name in places]
    if not shared:
        raise NothingToDo(f"{one.label} and {other.label} share no protein")
    i, j = (np.array(side, dtype=np.int64) for side in zip(*shared, strict=True))
    x, y = one.estimate[i], other.estimate[j]
    r = correlate(x, y)
    return EffectPair(
        (one.label, other.label),
        tuple(one.names[k] for k in i),
        x,
        y,
        one.q[i] < _LEVEL,
        other.q[j] < _LEVEL,
        np.maximum(one.neg_log10_p[i], other.neg_log10_p[j]),
        r,
        *limits_of_correlation(r, float(x.size)),
    )


def draw_pair(
    figure: Figure, axes: Axes, pair: EffectPair, *, labels: int, title: str = ""
) -> pl.DataFrame:
    """Draw a panel of two models, with the line of equality, r and its limits; return its numbers.

    Parameters
    ----------
    labels : most names that are printed.
    title : above the panel, before r.
    """
    x, y = pair.x, pair.y
    both, any_ = pair.hit_x & pair.hit_y, pair.hit_x | pair.hit_y
    limits_x, limits_y = _limits(x, any_), _limits(y, any_)
    axes.set_xlim(*limits_x)
    axes.set_ylim(*limits_y)
    axes.axhline(0.0, color=GREY, linewidth=0.4, zorder=1)
    axes.axvline(0.0, color=GREY, linewidth=0.4, zorder=1)
    axes.axline((0.0, 0.0), slope=1.0, color=GREY, linewidth=0.5, dashes=(4, 2), zorder=1)
    if pair.line is not None:
        slope, intercept = pair.line
        axes.axline((0.0, intercept), slope=slope, color=BLACK, linewidth=0.6, zorder=4)
    size = point_size(x.size)
    shown_x, shown_y = np.clip(x, *limits_x), np.clip(y, *limits_y)
    for colour, own in ((GREY, ~any_), (BLUE, any_ & ~both), (VERMILLION, both)):
        mark_points(axes, shown_x, shown_y, which=own, marker="o", colour=colour, size=size)
    axes.set_xlabel(shorten(pair.labels[0], letters=28))
    axes.set_ylabel(shorten(pair.labels[1], letters=28))
    set_ticks(figure, axes, x=4, y=4)
    limits = f" ({pair.low:.2f}, {pair.high:.2f})" if np.isfinite(pair.low + pair.high) else ""
    said = f"r = {pair.r:.2f}{limits}" if np.isfinite(pair.r) else "r is not known"
    axes.annotate(
        said, (0.0, 1.0), xycoords="axes fraction", xytext=(0.0, _R_PT),
        textcoords="offset points", va="bottom", fontsize=5.5,
    )  # fmt: skip
    if title:
        title_panel(figure, axes, title, pad=_TITLE_PT)
    order = np.where(any_, np.where(np.isfinite(pair.strength), pair.strength, 1e300), np.nan)
    named = set(
        label_points(
            figure,
            axes,
            names=pair.names,
            x=shown_x,
            y=shown_y,
            order=order,
            most=labels,
            lines=_sample_line(pair.line, limits_x, limits_y),
        )
    )
    return pl.DataFrame(
        {
            "model_first": [pair.labels[0]] * x.size,
            "model_second": [pair.labels[1]] * x.size,
            "name": list(pair.names),
            "first": x,
            "second": y,
            "hit": np.where(both, "both", np.where(any_, "one", "none")).tolist(),
            "labelled": [name in named for name in pair.names],
            "r": [pair.r] * x.size,
            "r_low": [pair.low] * x.size,
            "r_high": [pair.high] * x.size,
        }
    )


def _sample_line(
    line: tuple[float, float] | None, x: tuple[float, float], y: tuple[float, float]
) -> F64 | None:
    """Return points (k, 2) of a line within a panel, nearer to each other than a name is high."""
    if line is None:
        return None
    slope, intercept = line
    along = np.linspace(*x, _ALONG)
    across = np.linspace(*y, _ALONG) if slope else np.empty(0)
    points = np.vstack(
        [
            np.column_stack([along, intercept + slope * along]),
            np.column_stack([(across - intercept) / slope, across]) if slope else np.empty((0, 2)),
        ]
    )
    return points[
        (points[:, 1] >= y[0])
        & (points[:, 1] <= y[1])
        & (points[:, 0] >= x[0])
        & (points[:, 0] <= x[1])
    ]


def _limits(values: F64, hits: Bool) -> tuple[float, float]:
    """Return the ends of an axis, which hold nearly all hits, however many others lie near zero."""
    held = values[hits]
    known = np.quantile(held, _HELD).tolist() if held.size >= _SOME else ()
    low, high = cut_limits(values, known)
    return choose_limits(np.array([low]), np.array([high]))
