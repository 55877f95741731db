"""Proteins by models as colours, like beside like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from scipy.cluster.hierarchy import leaves_list, linkage

from proteomr._typing import F64, I64
from proteomr.plot.canvas import MM_PER_INCH, add_title, measure_widest
from proteomr.plot.drawing import Drawing
from proteomr.plot.hits_forest import choose_hits
from proteomr.plot.lettering import shorten
from proteomr.plot.result_models import ModelRows, split_models
from proteomr.plot.style import BLACK, PlotStyle, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_heatmap"]

_ROW_MM, _TYPE = 2.6, 5.0
_COLUMN_MM: Final = (4.0, 14.0)
_EDGE_MM, _BAR_MM = 1.5, 9.0
_LINE_MM: Final = 2.4  # of a name that stands upright beside others, and of three stars
_LETTERS: Final = 24
_DARK: Final = 0.6  # of the reach: what is printed on such a cell is white
_BAR_LEAST_MM: Final = 12.0  # a few numbers that do not touch
_STARS: Final = ((0.001, "***"), (0.01, "**"), (0.05, "*"))
_MAP: Final = "RdBu_r"  # its ends are told apart by all; in grey they are alike, hence the lines
_STROKE: Final = {"linewidths": 0.5, "zorder": 2}
_BAR_STROKES: Final = 4
_BEYOND_CHANCE: Final = 1.959963984540054  # two-sided 0.05 of a normal z


def draw_heatmap(table: pl.DataFrame, *, style: PlotStyle | None = None, most: int = 60) -> Drawing:
    """Signed z statistics of hits by model, both sides ordered by average linkage.

    Colours are of estimate over standard error, cut at the 99th percentile of their sizes, so that
    exposures of different units compare; stars are of the false discovery rate (0.05, 0.01, 0.001).
    A grey cell has no estimate. Cells below -1.96 are underlined, so that they are told from
    positive ones where colours are not seen.

    Parameters
    ----------
    table : results, see `proteomr.plot.result_models.split_models`, with standard errors.
    style : widths and title.
    most : how many proteins, hits in any model first.

    Raises
    ------
    ColumnError
        A column is absent.
    NothingToDo
        No row has an estimate and a p value.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "protein": ["a", "b"] * 2, "exposure": ["x", "x", "y", "y"],
    ...     "estimate": [0.2, -0.1, 0.3, 0.1], "se": [0.1] * 4, "p_value": [1e-4, 0.3, 1e-6, 0.4]})
    >>> draw_heatmap(table).data.select("name", "model", "z").row(0)
    ('a', 'x', 2.0)
    """
    style = style or PlotStyle()
    models = split_models(table)
    names = choose_hits(models, most)
    z, q = _lay_out(models, names)
    rows, columns = _order(z), _order(z.T)
    z, q = z[np.ix_(rows, columns)], q[np.ix_(rows, columns)]
    shown = [names[i] for i in rows]
    labels = [models[j].label or "effect" for j in columns]
    with house_style():
        figure, printed = _draw(z, q, shown, labels, style)
    data = pl.DataFrame(
        {
            "name": np.repeat(shown, len(labels)).tolist(),
            "model": labels * len(shown),
            "z": z.ravel(),
            "q": q.ravel(),
        }
    ).with_columns(pl.col("z", "q").fill_nan(None))
    left = len({name for model in models for name in model.names}) - len(names)
    notes = (f"{left:,} proteins are not shown",) * bool(left)
    if printed < len(labels):
        told = f"{printed} of {len(labels)} columns bear their names, those of the largest z, and"
        notes += (f"{told} none bears stars: all are in the numbers",)
    return Drawing("heatmap", "", "", (figure,), data, notes)


def _lay_out(models: tuple[ModelRows, ...], names: list[str]) -> tuple[F64, F64]:
    """Return z statistics and q values (proteins, models), NaN where there is none."""
    z, q = (np.full((len(names), len(models)), np.nan) for _ in range(2))
    place = {name: i for i, name in enumerate(names)}
    for j, model in enumerate(models):
        for name, estimate, se, rate in zip(
            model.names, model.estimate, model.se, model.q, strict=True
        ):
            if name in place and se > 0:
                z[place[name], j], q[place[name], j] = estimate / se, rate
    return z, q


def _order(values: F64) -> I64:
    """Return the order of rows that lays like beside like; NaN counts as no effect."""
    if values.shape[0] < 3:
        return np.arange(values.shape[0])
    tree = linkage(np.nan_to_num(values), method="average", optimal_ordering=True)
    order: I64 = leaves_list(tree).astype(np.int64)
    return order


def _draw(
    z: F64, q: F64, names: list[str], labels: list[str], style: PlotStyle
) -> tuple[Figure, int]:
    """Return the figure, and how many columns bear their names."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.width_mm / MM_PER_INCH, 2.0))
    FigureCanvasAgg(figure)
    shown = [shorten(name, letters=_LETTERS) for name in names]
    heads = [shorten(label, letters=_LETTERS) for label in labels]
    left = measure_widest(figure, shown, size=_TYPE) + _EDGE_MM + 1.0
    head = measure_widest(figure, heads, size=_TYPE) + 2.0
    width = style.width_mm
    room = width - left - _EDGE_MM - _BAR_MM
    across = min(max(room / len(labels), _COLUMN_MM[0]), _COLUMN_MM[1], room / len(labels))
    top = add_title(figure, style.title, small_print=style.small_print) + head
    plot = _ROW_MM * len(names)
    height = top + max(plot, _BAR_LEAST_MM) + _EDGE_MM
    figure.set_size_inches(width / MM_PER_INCH, height / MM_PER_INCH)
    inner = across * len(labels)
    axes = figure.add_axes((left / width, 1 - (top + plot) / height, inner / width, plot / height))
    finite = np.abs(z[np.isfinite(z)])
    reach = float(np.quantile(finite, 0.99)) if finite.size else 1.0
    image = axes.imshow(
        np.ma.masked_invalid(z), cmap=_coloured(), vmin=-reach, vmax=reach, aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    axes.set_yticks(range(len(names)), shown, fontsize=_TYPE)
    printed = _choose_columns(z, across)
    axes.set_xticks(printed, [heads[j] for j in printed], fontsize=_TYPE, rotation=90)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    _underline_negatives(axes, z, reach)
    if len(printed) == len(labels):
        _print_stars(axes, z, q, reach)
    bar_mm = min(max(plot, _BAR_LEAST_MM), 24.0)
    bar = figure.add_axes(
        (
            (left + inner + 2.0) / width,
            1 - (top + bar_mm) / height,
            1.8 / width,
            bar_mm / height,
        )
    )
    scale = figure.colorbar(image, cax=bar)
    scale.ax.tick_params(labelsize=4.5, length=1.5, pad=1)
    scale.ax.set_title("z", fontsize=5.0, pad=2)
    _underline_scale(scale.ax, reach)
    return figure, len(printed)


def _underline_negatives(axes: Axes, z: F64, reach: float) -> None:
    """Draw a stroke at the foot of each cell whose effect is below zero beyond chance."""
    from matplotlib.collections import LineCollection

    below = np.argwhere(np.nan_to_num(z) < -_BEYOND_CHANCE)
    strokes = [[(j - 0.3, i + 0.36), (j + 0.3, i + 0.36)] for i, j in below]
    looks = ["white" if -z[i, j] > _DARK * reach else BLACK for i, j in below]
    axes.add_collection(LineCollection(strokes, colors=looks, **_STROKE), autolim=False)


def _underline_scale(axes: Axes, reach: float) -> None:
    """Draw strokes into the half of the scale that is below zero."""
    from matplotlib.collections import LineCollection

    heights = np.linspace(-reach, 0.0, _BAR_STROKES + 2)[1:-1]
    strokes = [[(0.2, height), (0.8, height)] for height in heights]
    looks = ["white" if -height > _DARK * reach else BLACK for height in heights]
    axes.add_collection(LineCollection(strokes, colors=looks, **_STROKE), autolim=False)


def _choose_columns(z: F64, across: float) -> list[int]:
    """Return the columns whose names have room beside one another, those of the largest z first."""
    strength = np.max(np.nan_to_num(np.abs(z)), axis=0)
    chosen: list[int] = []
    for j in np.argsort(-strength, kind="stable").tolist():
        if all(abs(j - other) * across >= _LINE_MM for other in chosen):
            chosen.append(j)
    return sorted(chosen)


def _coloured() -> Any:
    from matplotlib import colormaps

    return colormaps[_MAP].with_extremes(bad="#BBBBBB")


def _print_stars(axes: Axes, z: F64, q: F64, reach: float) -> None:
    for (i, j), rate in np.ndenumerate(q):
        stars = next((text for level, text in _STARS if rate < level), "")
        if stars:
            dark = abs(z[i, j]) > _DARK * reach
            axes.text(
                j, i + 0.12, stars, ha="center", va="center", fontsize=4.0,
                color="white" if dark else "black",
            )  # fmt: skip
