"""Effects of one model against those of another: exposures, adjustment sets, strata or cohorts."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.errors import NothingToDo
from proteomr.plot.canvas import set_ticks
from proteomr.plot.drawing import Drawing
from proteomr.plot.grid import MOST_PANELS, Margins, lay_panels
from proteomr.plot.lettering import shorten
from proteomr.plot.marks import choose_limits, cut_limits, mark_points, point_size
from proteomr.plot.result_models import ModelRows, split_models
from proteomr.plot.style import BLUE, GREY, VERMILLION, PlotStyle, house_style
from proteomr.plot.volcano import label_points
from proteomr.stats.effect_agreement import correlate, limits_of_correlation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_effects"]

_LEVEL: Final = 0.05
_HELD: Final = (0.02, 0.98)  # of hits; single ones beyond may be cut
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
            _draw_panel(figure, axes, one, other, labels=style.labels)
            for axes, (one, other) in zip(panels, few, strict=True)
        ]
    return Drawing("effects", "", "", (figure,), pl.concat(drawn))


def _draw_panel(
    figure: Figure, axes: Axes, one: ModelRows, other: ModelRows, *, labels: int
) -> pl.DataFrame:
    places = {name: i for i, name in enumerate(other.names)}
    shared = [(i, places[name]) for i, name in enumerate(one.names) if name in places]
    if not shared:
        raise NothingToDo(f"{one.label} and {other.label} share no protein")
    i, j = (np.array(side, dtype=np.int64) for side in zip(*shared, strict=True))
    x, y = one.estimate[i], other.estimate[j]
    both = (one.q[i] < _LEVEL) & (other.q[j] < _LEVEL)
    any_ = (one.q[i] < _LEVEL) | (other.q[j] < _LEVEL)
    limits_x, limits_y = _limits(x, any_), _limits(y, any_)
    axes.set_xlim(*limits_x)
    axes.set_ylim(*limits_y)
    axes.axhline(0.0, color=GREY, linewidth=0.4, zorder=1)
    axes.axvline(0.0, color=GREY, linewidth=0.4, zorder=1)
    axes.axline((0.0, 0.0), slope=1.0, color=GREY, linewidth=0.5, dashes=(4, 2), zorder=1)
    size = point_size(x.size)
    shown_x, shown_y = np.clip(x, *limits_x), np.clip(y, *limits_y)
    for colour, own in ((GREY, ~any_), (BLUE, any_ & ~both), (VERMILLION, both)):
        mark_points(axes, shown_x, shown_y, which=own, marker="o", colour=colour, size=size)
    axes.set_xlabel(shorten(one.label, letters=28))
    axes.set_ylabel(shorten(other.label, letters=28))
    set_ticks(figure, axes, x=4, y=4)
    r = correlate(x, y)
    low, high = limits_of_correlation(r, float(x.size))
    limits = f" ({low:.2f}, {high:.2f})" if np.isfinite(low + high) else ""
    said = f"r = {r:.2f}{limits}" if np.isfinite(r) else "r is not known"
    axes.text(0.0, 1.02, said, transform=axes.transAxes, va="bottom", fontsize=5.5)
    names = tuple(one.names[k] for k in i)
    strength = np.maximum(one.neg_log10_p[i], other.neg_log10_p[j])
    order = np.where(any_, np.where(np.isfinite(strength), strength, 1e300), np.nan)
    named = set(
        label_points(figure, axes, names=names, x=shown_x, y=shown_y, order=order, most=labels)
    )
    return pl.DataFrame(
        {
            "model_first": [one.label] * x.size,
            "model_second": [other.label] * x.size,
            "name": list(names),
            "first": x,
            "second": y,
            "hit": np.where(both, "both", np.where(any_, "one", "none")).tolist(),
            "labelled": [name in named for name in names],
            "r": [r] * x.size,
            "r_low": [low] * x.size,
            "r_high": [high] * x.size,
        }
    )


def _limits(values: F64, hits: Bool) -> tuple[float, float]:
    """Return the ends of an axis, which hold nearly all hits, however many others lie near zero."""
    held = values[hits]
    known = np.quantile(held, _HELD).tolist() if held.size >= _SOME else ()
    low, high = cut_limits(values, known)
    return choose_limits(np.array([low]), np.array([high]))
