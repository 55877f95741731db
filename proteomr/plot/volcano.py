"""Effects against their p values, a panel for each model of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.errors import rows_have
from proteomr.plot.canvas import LARGEST_LOG, MM_PER_INCH, measure_widest, place_labels, set_ticks
from proteomr.plot.drawing import Drawing
from proteomr.plot.grid import lay_panels, title_panel
from proteomr.plot.lettering import shorten
from proteomr.plot.marks import choose_limits, cut_limits, mark_points, point_size
from proteomr.plot.result_models import ModelRows, split_models
from proteomr.plot.style import BLUE, GREY, VERMILLION, PlotStyle, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Heights", "cap_heights", "draw_thresholds", "draw_volcano", "label_points"]

_LEVEL: Final = 0.05
_HEADROOM: Final = 1.08
_LETTERS: Final = 14
_COUNTS_PT: Final = 5.5


class Heights:
    """Heights of points by -log10 p, those of a p of 0 at the top of the axis.

    Parameters
    ----------
    values : (m,) as drawn.
    capped : those that stand for more than they show.
    top : of the axis.
    """

    __slots__ = ("capped", "top", "values")

    def __init__(self, values: F64, capped: Bool, top: float) -> None:
        self.values, self.capped, self.top = values, capped, top


def cap_heights(neg_log10_p: F64, lines: tuple[float, ...] = ()) -> Heights:
    """Return heights in which an infinite -log10 p stands just above the largest other.

    Parameters
    ----------
    neg_log10_p : (m,).
    lines : that the axis holds, too; NaN where there is none.

    Examples
    --------
    >>> heights = cap_heights(np.array([2.0, np.inf]))
    >>> heights.values.tolist(), heights.capped.tolist()
    ([2.0, 2.16], [False, True])
    """
    capped = np.isinf(neg_log10_p)
    known = [*neg_log10_p[~capped].tolist(), *(line for line in lines if np.isfinite(line))]
    most = max([1.0, *known])
    values = np.where(capped, most * _HEADROOM, neg_log10_p)
    top = most * (_HEADROOM**2 if capped.any() else _HEADROOM)
    return Heights(values, capped, top)


def draw_volcano(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """Effects against -log10 p: lines of Bonferroni and of a false discovery rate of 5 %.

    Proteins below the rate are red where the effect is positive and blue where negative, and
    counted; the strongest are named where there is room. An effect that would squeeze all others is
    an arrow at the edge, a p of 0 one at the top.

    Parameters
    ----------
    table : results, see `proteomr.plot.result_models.split_models`.
    style : widths, title and how many proteins are named in a panel.

    Raises
    ------
    ColumnError
        A column is absent.
    NothingToDo
        No row has an estimate and a p value.
    UsageError
        There are more models than panels.

    Examples
    --------
    >>> table = pl.DataFrame(
    ...     {"protein": ["ADM", "REN"], "estimate": [0.2, -0.1], "p_value": [1e-9, 0.3]})
    >>> draw_volcano(table).data["side"].to_list()
    ['up', 'none']
    """
    style = style or PlotStyle()
    models = split_models(table)
    with house_style():
        figure, panels = lay_panels(len(models), style=style, shape=1.0)
        tables = [
            _draw_panel(figure, axes, model, labels=style.labels)
            for axes, model in zip(panels, models, strict=True)
        ]
    absent = sum(model.absent for model in models)
    notes = (f"{rows_have(absent)} no estimate to draw",) * bool(absent)
    return Drawing("volcano", "", "", (figure,), pl.concat(tables), notes)


def draw_thresholds(axes: Axes, model: ModelRows) -> None:
    """Draw where Bonferroni's threshold lies, and the smallest -log10 p of a rate of 5 %."""
    axes.axhline(model.bonferroni, color=GREY, linewidth=0.5, dashes=(4, 2), zorder=1)
    if np.isfinite(model.threshold):
        axes.axhline(model.threshold, color=GREY, linewidth=0.5, dashes=(1, 1.5), zorder=1)


def label_points(
    figure: Figure,
    axes: Axes,
    *,
    names: tuple[str, ...],
    x: F64,
    y: F64,
    order: F64,
    most: int,
    lines: F64 | None = None,
) -> list[str]:
    """Name points where there is room, those of the largest order first; return their names.

    Parameters
    ----------
    names, x, y, order : (m,); NaN in the order for those that are not named.
    most : how many at most.
    lines : (k, 2) points along lines that no name is to lie on; None without any.
    """
    avoid = np.column_stack([x, y])
    if lines is not None:
        avoid = np.vstack([avoid, lines])
    wanted = [int(i) for i in np.argsort(-order, kind="stable") if np.isfinite(order[i])][:most]
    texts = [shorten(names[i], letters=_LETTERS) for i in wanted]
    named = place_labels(figure, axes, names=texts, x=x[wanted], y=y[wanted], avoid=avoid)
    return [names[i] for i, there in zip(wanted, named, strict=True) if there]


def _draw_panel(figure: Figure, axes: Axes, model: ModelRows, *, labels: int) -> pl.DataFrame:
    effect = model.estimate
    heights = cap_heights(model.neg_log10_p, (model.bonferroni,))
    hit = model.q < _LEVEL
    side = np.where(~hit, "none", np.where(effect > 0, "up", "down"))
    limits = choose_limits(*(np.array([end]) for end in cut_limits(effect, effect[hit].tolist())))
    ratio = model.ratio is not None and max(map(abs, limits)) < LARGEST_LOG
    axes.set_xlim(*limits)
    axes.set_ylim(0.0, heights.top)
    axes.axvline(0.0, color=GREY, linewidth=0.4, zorder=1)
    draw_thresholds(axes, model)
    x = np.clip(effect, *limits)
    cut = (effect < limits[0]) | (effect > limits[1])
    _draw_sides(axes, x, heights, side, cut)
    axes.set_xlabel(f"{model.ratio} (log scale)" if ratio else "Effect")
    axes.set_ylabel("−log₁₀ P")
    set_ticks(figure, axes, x=4, y=5, ratio=ratio)
    title_panel(figure, axes, model.label, share=0.66)
    order = np.where(hit, heights.values + np.abs(effect) / (1 + np.abs(effect).max()), np.nan)
    named = label_points(
        figure, axes, names=model.names, x=x, y=heights.values, order=order, most=labels
    )
    _print_counts(figure, axes, up=int((side == "up").sum()), down=int((side == "down").sum()))
    return pl.DataFrame(
        {
            "model": [model.label] * effect.size,
            "name": list(model.names),
            "estimate": effect,
            "neg_log10_p": model.neg_log10_p,
            "q": model.q,
            "side": side.tolist(),
            "labelled": [name in set(named) for name in model.names],
            "cut": (cut | heights.capped).tolist(),
        }
    )


def _print_counts(figure: Figure, axes: Axes, *, up: int, down: int) -> None:
    """Print above a panel, at its right, how many hits lie on each side, as far apart as needed."""
    look: dict[str, Any] = {"ha": "right", "va": "bottom", "fontsize": _COUNTS_PT}
    right = f"↑ {up:,}"
    wide_pt = (measure_widest(figure, [right], size=_COUNTS_PT) + 1.2) / MM_PER_INCH * 72.0
    for text, colour, shift in ((right, VERMILLION, 0.0), (f"↓ {down:,}", BLUE, -wide_pt)):
        axes.annotate(
            text,
            (1.0, 1.015),
            xycoords="axes fraction",
            xytext=(shift, 0.0),
            textcoords="offset points",
            color=colour,
            **look,
        )


def _draw_sides(axes: Axes, x: F64, heights: Heights, side: F64, cut: Bool) -> None:
    size = point_size(x.size)
    for name, colour, order in (("none", GREY, 2), ("down", BLUE, 3), ("up", VERMILLION, 4)):
        own = side == name
        marks = (
            ("o", own & ~cut & ~heights.capped),
            ("<", own & cut & (x <= 0)),
            (">", own & cut & (x > 0)),
            ("^", own & heights.capped & ~cut),
        )
        for marker, which in marks:
            mark_points(
                axes, x, heights.values, which=which, marker=marker, colour=colour, size=size,
                order=order,
            )  # fmt: skip
