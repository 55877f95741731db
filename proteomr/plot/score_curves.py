"""How far predicted risks are those observed, and whom it would help to treat by them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import NothingToDo, need_columns
from proteomr.plot.canvas import add_legend, set_ticks
from proteomr.plot.drawing import Drawing
from proteomr.plot.grid import lay_panels, title_panel
from proteomr.plot.lettering import shorten
from proteomr.plot.marks import choose_limits
from proteomr.plot.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILLION,
    PlotStyle,
    house_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["draw_calibration", "draw_decision"]

_KEYS: Final = ("set", "horizon")
_MODELS: Final = ("score", "covariates", "both", "everybody")
_LOOKS: Final = (
    ("o", BLUE, ()),
    ("s", VERMILLION, (4.0, 1.5)),
    ("^", GREEN, (1.0, 1.0)),
    ("D", PURPLE, (5.0, 1.0, 1.0, 1.0)),
    ("v", ORANGE, (2.0, 1.0)),
    ("P", BLACK, (6.0, 2.0)),
)
_LEGEND_MM: Final = 8.0
_Z95: Final = 1.959963984540054


def draw_calibration(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """Observed against predicted risk by tenths of the predicted one, with 95 % limits.

    A panel for each set of proteins and horizon, a mark for each model; on the dashed line
    predictions hold.

    Parameters
    ----------
    table : ``calibration`` of `score`.
    style : widths and title.

    Raises
    ------
    ColumnError
        The table is not one of calibration.
    NothingToDo
        It has no group.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "set": "all", "model": "score", "adjustment": None, "horizon": 10.0,
    ...     "group": [1, 2], "predicted": [0.1, 0.3], "observed": [0.12, 0.28], "se": 0.02})
    >>> draw_calibration(table).data["conf_high"].round(3).to_list()
    [0.159, 0.319]
    """
    rows = _read(table, ("predicted", "observed")).with_columns(
        conf_low=pl.col("observed") - _Z95 * pl.col("se"),
        conf_high=pl.col("observed") + _Z95 * pl.col("se"),
    )
    return _draw(rows, "calibration", ("Predicted risk", "Observed risk"), style or PlotStyle())


def draw_decision(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """Net benefit of treating whose risk reaches a threshold, by threshold.

    A panel for each set of proteins and horizon, a line for each model; grey is treating nobody.
    The axis ends a little below nobody's: who treats everybody may lose without bound.

    Parameters
    ----------
    table : ``decision_curve`` of `score`.
    style : widths and title.

    Raises
    ------
    ColumnError
        The table is not one of decision curves.
    NothingToDo
        It has no threshold.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "set": "all", "model": ["score", "score", "everybody", "everybody"],
    ...     "adjustment": None, "horizon": 10.0, "threshold": [0.1, 0.2, 0.1, 0.2],
    ...     "net_benefit": [0.05, 0.03, 0.04, -0.1], "se": 0.01})
    >>> draw_decision(table).data["drawn"].to_list()
    [True, True, True, False]
    """
    rows = _read(table, ("threshold", "net_benefit"))
    return _draw(
        rows, "decision", ("Risk from which one treats", "Net benefit"), style or PlotStyle()
    )


def _read(table: pl.DataFrame, needed: Sequence[str]) -> pl.DataFrame:
    need_columns(("set", "model", *needed), table.columns)
    absent = [
        pl.lit(None, kind).alias(name)
        for name, kind in (("horizon", pl.Float64), ("adjustment", pl.String), ("se", pl.Float64))
        if name not in table.columns
    ]
    rows = table.with_columns(absent).drop_nulls(list(needed))
    if not rows.height:
        raise NothingToDo("the table has no risk to draw")
    kept = ["set", "model", "adjustment", "horizon", *needed, "se"]
    return rows.select(*kept)


def _draw(rows: pl.DataFrame, kind: str, axes_names: tuple[str, str], style: PlotStyle) -> Drawing:
    parts = rows.partition_by(_KEYS, maintain_order=True)
    telling = [name for name in _KEYS if rows[name].n_unique() > 1]
    models = sorted(_label_models(rows), key=lambda one: _rank(one[0]))
    looks = dict(zip(models, _repeat(_LOOKS, len(models)), strict=True))
    drawn = []
    with house_style():
        figure, panels = lay_panels(len(parts), style=style, shape=0.9, legend_mm=_LEGEND_MM)
        handles: dict[tuple[str, str | None], Line2D] = {}
        for axes, part in zip(panels, parts, strict=True):
            if kind == "calibration":
                drawn.append(_draw_risks(axes, part, looks, handles))
            else:
                drawn.append(_draw_benefits(axes, part, looks, handles))
            axes.set_xlabel(axes_names[0])
            axes.set_ylabel(axes_names[1])
            set_ticks(figure, axes, x=4, y=4)
            title_panel(figure, axes, ", ".join(_say(name, part[name][0]) for name in telling))
        add_legend(figure, [handles[one] for one in models if one in handles])
    return Drawing(kind, "", "", (figure,), pl.concat(drawn))


def _say(name: str, value: object) -> str:
    if value is None:
        return "whole follow-up" if name == "horizon" else ""
    return f"to {value:g}" if name == "horizon" else str(value)


def _label_models(rows: pl.DataFrame) -> list[tuple[str, str | None]]:
    pairs = rows.select("model", "adjustment").unique(maintain_order=True).rows()
    return [(str(model), adjustment) for model, adjustment in pairs]


def _rank(model: str) -> int:
    return _MODELS.index(model) if model in _MODELS else len(_MODELS)


def _repeat(
    looks: Sequence[tuple[str, str, tuple[float, ...]]], count: int
) -> Iterator[tuple[str, str, tuple[float, ...]]]:
    return (looks[i % len(looks)] for i in range(count))


def _name(model: str, adjustment: str | None) -> str:
    return shorten(model if adjustment is None else f"{model}, {adjustment}", letters=24)


def _models_of(
    part: pl.DataFrame, looks: dict[tuple[str, str | None], tuple[str, str, tuple[float, ...]]]
) -> Iterator[tuple[tuple[str, str | None], pl.DataFrame]]:
    for one in looks:
        own = part.filter(
            (pl.col("model") == one[0]) & pl.col("adjustment").eq_missing(pl.lit(one[1], pl.String))
        )
        if own.height:
            yield one, own


def _draw_risks(
    axes: Axes,
    part: pl.DataFrame,
    looks: dict[tuple[str, str | None], tuple[str, str, tuple[float, ...]]],
    handles: dict[tuple[str, str | None], Line2D],
) -> pl.DataFrame:
    ends = [part[name].drop_nulls() for name in ("predicted", "observed", "conf_low", "conf_high")]
    every: F64 = np.concatenate([end.to_numpy() for end in ends])
    most = min(1.0, float(np.nanmax(every)))
    limits = choose_limits(np.zeros(1), np.array([most]), edge=0.04)
    axes.set_xlim(*limits)
    axes.set_ylim(*limits)
    axes.plot([0.0, most], [0.0, most], color=GREY, linewidth=0.6, dashes=(4, 2), zorder=1)
    for one, own in _models_of(part, looks):
        marker, colour, dashes = looks[one]
        x, y = own["predicted"].to_numpy(), own["observed"].to_numpy()
        low, high = (
            own[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
            for name in ("conf_low", "conf_high")
        )
        axes.vlines(x, np.maximum(low, 0.0), high, color=colour, linewidth=0.5, zorder=2)
        (line,) = axes.plot(
            x, y, marker=marker, color=colour, markersize=2.6, mew=0, linewidth=0.6, zorder=3,
            dashes=dashes or (None, None), label=_name(*one),
        )  # fmt: skip
        handles.setdefault(one, line)
    return part.with_columns(drawn=pl.lit(value=True))


def _draw_benefits(
    axes: Axes,
    part: pl.DataFrame,
    looks: dict[tuple[str, str | None], tuple[str, str, tuple[float, ...]]],
    handles: dict[tuple[str, str | None], Line2D],
) -> pl.DataFrame:
    benefit: F64 = part["net_benefit"].to_numpy()
    most = max(float(np.nanmax(benefit)), 1e-12)
    floor = max(float(np.nanmin(benefit)), -0.35 * most)
    axes.set_xlim(*choose_limits(np.zeros(1), part["threshold"].to_numpy()))
    axes.set_ylim(*choose_limits(np.array([floor]), np.array([most])))
    axes.axhline(0.0, color=GREY, linewidth=0.6, zorder=1)
    for one, own in _models_of(part, looks):
        _, colour, dashes = looks[one]
        rows = own.sort("threshold")
        (line,) = axes.plot(
            rows["threshold"].to_numpy(), rows["net_benefit"].to_numpy(), color=colour,
            linewidth=0.9, dashes=dashes or (None, None), zorder=3, label=_name(*one),
        )  # fmt: skip
        handles.setdefault(one, line)
    return part.with_columns(drawn=pl.col("net_benefit") >= floor)
