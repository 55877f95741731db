"""Variants of a region by how likely each is causal, with the credible sets that they are in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import NothingToDo, need_columns
from proteomr.plot.canvas import add_legend, set_ticks
from proteomr.plot.drawing import Drawing
from proteomr.plot.grid import MOST_PANELS, Margins, lay_panels, title_panel
from proteomr.plot.marks import point_size
from proteomr.plot.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILLION,
    PlotStyle,
    house_style,
)
from proteomr.plot.volcano import label_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["draw_fine_map"]

_KEYS: Final = ("trait", "region")
_NEEDED: Final = (*_KEYS, "snp", "pip", "set", "position_bp")
_LOOKS: Final = (  # sets differ by shape too: a reader may see no colours
    (VERMILLION, "o"), (BLUE, "s"), (GREEN, "^"), (PURPLE, "D"), (ORANGE, "v"),
)  # fmt: skip
_LEGEND_MM: Final = 9.0
_LEGEND_SETS: Final = 8


def draw_fine_map(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """Posterior inclusion probabilities by position, a panel for each region of each trait.

    The members of a credible set share a colour and a shape; the likeliest of each is named. Where
    no variant has a position they stand in their order. Of many regions those with the largest
    probabilities are drawn.

    Parameters
    ----------
    table : ``pips`` of `finemap`.
    style : widths and title.

    Raises
    ------
    ColumnError
        The table is not one of these.
    NothingToDo
        It has no probability.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "trait": "ADM", "region": "11:1-9", "snp": ["a", "b"], "pip": [0.9, 0.1],
    ...     "set": ["L1", None], "position_bp": [1, 2]})
    >>> draw_fine_map(table).data["pip"].to_list()
    [0.9, 0.1]
    """
    style = style or PlotStyle()
    need_columns(_NEEDED, table.columns)
    parts = table.drop_nulls("pip").partition_by(_KEYS, maintain_order=True)
    parts = [part for part in parts if part.height]
    if not parts:
        raise NothingToDo("the table has no probability to draw")
    best = sorted(range(len(parts)), key=lambda i: -float(parts[i].select(pl.max("pip")).item()))
    shown = [parts[i] for i in sorted(best[:MOST_PANELS])]
    telling = [name for name in _KEYS if table[name].n_unique() > 1]
    looks: dict[str, tuple[str, str]] = {}
    with house_style():
        figure, panels = lay_panels(
            len(shown), style=style, shape=0.5, margins=Margins(), legend_mm=_LEGEND_MM,
            columns=1 if style.width == "single" else 2,
        )  # fmt: skip
        for axes, part in zip(panels, shown, strict=True):
            title = ", ".join(str(part[name][0]) for name in telling or _KEYS)
            _draw_panel(figure, axes, part, title, looks, labels=style.labels)
        add_legend(figure, _explain(looks))
    left = len(parts) - len(shown)
    notes = (f"{left:,} region{' is' if left == 1 else 's are'} not shown",) * bool(left)
    data = pl.concat(shown).select(_NEEDED)
    return Drawing("fine-map", "", "", (figure,), data, notes)


def _draw_panel(
    figure: Figure,
    axes: Axes,
    part: pl.DataFrame,
    title: str,
    looks: dict[str, tuple[str, str]],
    *,
    labels: int,
) -> None:
    placed = part["position_bp"].null_count() == 0
    at = part["position_bp"].to_numpy() / 1e6 if placed else np.arange(1.0, part.height + 1.0)
    x: F64 = at.astype(np.float64)
    y: F64 = part["pip"].to_numpy().astype(np.float64)
    span = float(np.ptp(x)) or 1.0
    axes.set_xlim(float(x.min()) - 0.03 * span, float(x.max()) + 0.03 * span)
    axes.set_ylim(-0.03, 1.12)
    size = point_size(x.size)
    sets = part["set"].cast(pl.String)
    none = sets.is_null().to_numpy()
    axes.plot(x[none], y[none], "o", color=GREY, markersize=size, markeredgewidth=0.0, zorder=2)
    order = np.full(x.size, np.nan)
    for place, name in enumerate(sets.drop_nulls().unique(maintain_order=True).to_list()):
        look = looks.setdefault(name, _LOOKS[len(looks) % len(_LOOKS)])
        own = (sets == name).fill_null(value=False).to_numpy()
        axes.plot(
            x[own], y[own], look[1], color=look[0], markersize=size + 0.6, markeredgewidth=0.0,
            zorder=3 + place,
        )  # fmt: skip
        lead = int(np.argmax(np.where(own, y, -1.0)))
        order[lead] = y[lead]
    axes.set_ylabel("Probability")
    axes.set_xlabel("Position (Mb)" if placed else "Variant")
    set_ticks(figure, axes, x=4, y=4)
    title_panel(figure, axes, title)
    names = tuple(part["snp"].cast(pl.String).to_list())
    label_points(figure, axes, names=names, x=x, y=y, order=order, most=labels)


def _explain(looks: dict[str, tuple[str, str]]) -> Sequence[Line2D]:
    from matplotlib.lines import Line2D

    entries = [*list(looks.items())[:_LEGEND_SETS], ("in no set", (GREY, "o"))]
    return [
        Line2D([], [], linestyle="", marker=marker, color=colour, markersize=3.2, label=name)
        for name, (colour, marker) in entries
    ]
