"""Genes that interact, as points and lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, shortest_path

from proteomr._typing import F64, I64
from proteomr.errors import NothingToDo, need_columns
from proteomr.plot.canvas import MM_PER_INCH, add_title, place_labels
from proteomr.plot.drawing import Drawing
from proteomr.plot.style import BLUE, VERMILLION, PlotStyle, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_interactions"]

_NEEDED: Final = ("gene1", "gene2", "strength")
_MOST: Final = 300  # genes that a figure has room for
_ROUNDS: Final = 150  # after which places move by less than a line is wide
_LINE: Final = "#BBBBBB"
_EDGE_MM: Final = 3.0


def draw_interactions(
    table: pl.DataFrame, beside: pl.DataFrame | None = None, *, style: PlotStyle | None = None
) -> Drawing:
    """Genes as points, pairs that interact as lines, the wider the stronger.

    Points are the larger the more pairs a gene is in; hubs are coloured, and named first.
    Distances are as near as the paper allows to the steps between genes (stress majorisation:
    Gansner, Koren and North 2005, doi:10.1007/978-3-540-31843-9_25). Parts that no pair connects
    stand apart, the largest first. Of more than 300 genes those in most pairs are drawn.

    Parameters
    ----------
    table : ``interaction_edges`` of `enrich`.
    beside : its ``interaction_hubs``; None: no gene is coloured.
    style : widths, title, and how many genes are named.

    Raises
    ------
    ColumnError
        The table is not one of pairs.
    NothingToDo
        It has none.

    Examples
    --------
    >>> pairs = pl.DataFrame(
    ...     {"gene1": ["IL6", "IL6"], "gene2": ["TNF", "CRP"], "strength": [0.9, 0.8]})
    >>> draw_interactions(pairs).data["gene"].to_list()
    ['IL6', 'CRP', 'TNF']
    """
    style = style or PlotStyle()
    need_columns(_NEEDED, table.columns)
    pairs = table.select(_NEEDED).drop_nulls().filter(pl.col("gene1") != pl.col("gene2"))
    if not pairs.height:
        raise NothingToDo("no pair of the table is of two genes")
    nodes, drawn = _list_genes(pairs, beside)
    kept = nodes.filter("drawn")["gene"].to_list()
    place = {gene: at for at, gene in enumerate(kept)}
    pairs = pairs.filter(pl.col("gene1").is_in(kept) & pl.col("gene2").is_in(kept))
    ends = [[place[gene] for gene in pairs[name].to_list()] for name in _NEEDED[:2]]
    edges = np.array(ends, dtype=np.int64).T.reshape(-1, 2)
    where = _lay_out(len(kept), edges)
    xy = np.full((nodes.height, 2), np.nan)
    xy[nodes["drawn"].to_numpy()] = where
    data = nodes.with_columns(pl.Series("x", xy[:, 0]), pl.Series("y", xy[:, 1])).with_columns(
        pl.col("x", "y").fill_nan(None)
    )
    with house_style():
        figure = _draw(data.filter("drawn"), edges, pairs["strength"].to_numpy(), where, style)
    left = nodes.height - drawn
    notes = (f"{left:,} of {nodes.height:,} genes, in the fewest pairs, are not drawn",)
    return Drawing("interactions", "", "", (figure,), data, notes if left else ())


def _list_genes(pairs: pl.DataFrame, beside: pl.DataFrame | None) -> tuple[pl.DataFrame, int]:
    """Return a row for each gene, hubs and those of most pairs first, and how many are drawn."""
    ends = pl.concat([pairs.select(gene=name) for name in _NEEDED[:2]])
    counted = ends.group_by("gene").agg(pl.len().cast(pl.Int64).alias("degree"))
    hubs: list[str] = []
    if beside is not None and {"gene", "hub"} <= set(beside.columns):
        hubs = beside.filter(pl.col("hub").fill_null(value=False))["gene"].to_list()
    nodes = counted.with_columns(pl.col("gene").is_in(hubs).alias("hub")).sort(
        pl.col("hub").not_(), pl.col("degree").neg(), "gene"
    )
    drawn = min(nodes.height, _MOST)
    return nodes.with_columns((pl.int_range(pl.len()) < _MOST).alias("drawn")), drawn


def _lay_out(n: int, edges: I64) -> F64:
    """Return places ``(n, 2)``: each connected part by its steps, the parts in rows."""
    ones = np.ones(len(edges))
    graph = coo_array((ones, (edges[:, 0], edges[:, 1])), shape=(n, n)).tocsr()
    _, part = connected_components(graph, directed=False)
    steps = shortest_path(graph, directed=False, unweighted=True)
    groups = [np.flatnonzero(part == number) for number in np.unique(part)]
    groups.sort(key=lambda group: (-group.size, int(group[0])))
    where = np.zeros((n, 2))
    x = y = high = 0.0
    width = 1.6 * float(np.sqrt(sum((np.sqrt(g.size) + 1.0) ** 2 for g in groups)))
    for group in groups:
        own = _spread_out(steps[np.ix_(group, group)])
        span = np.sqrt(group.size) * (own - own.min(axis=0)) / max(float(np.ptp(own)), 1e-9)
        size = span.max(axis=0)
        if x > 0.0 and x + size[0] > width:
            x, y, high = 0.0, y - high - 1.0, 0.0
        where[group] = span + np.array([x, y - size[1]])
        x, high = x + size[0] + 1.0, max(high, float(size[1]))
    return where


def _spread_out(steps: F64) -> F64:
    """Return places whose distances are near to the steps, from a circle on."""
    n = len(steps)
    angle = 2.0 * np.pi * np.arange(n) / n
    where: F64 = np.stack([np.cos(angle), np.sin(angle)], axis=1) * float(steps.max()) / 2.0
    for _ in range(_ROUNDS):
        away = where[:, None, :] - where[None, :, :]
        distance = np.sqrt((away**2).sum(axis=2))
        pull = -steps / np.maximum(distance, 1e-9)
        np.fill_diagonal(pull, 0.0)
        np.fill_diagonal(pull, -pull.sum(axis=1))
        where = np.asarray(pull @ where / n, np.float64)
    return where


def _draw(nodes: pl.DataFrame, edges: I64, strength: F64, where: F64, style: PlotStyle) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = style.width_mm
    figure = Figure(figsize=(width / MM_PER_INCH, 1.0))
    FigureCanvasAgg(figure)
    top = add_title(figure, style.title, small_print=style.small_print) + 1.0
    low, high = where.min(axis=0), where.max(axis=0)
    span = np.maximum(high - low, 1.0)
    inner = width - 2.0 * _EDGE_MM
    plot = float(np.clip(inner * span[1] / span[0], 0.3 * inner, 1.2 * inner))
    height = top + plot + 2.0 * _EDGE_MM
    figure.set_size_inches(width / MM_PER_INCH, height / MM_PER_INCH)
    axes = figure.add_axes(
        (_EDGE_MM / width, _EDGE_MM / height, inner / width, (plot + _EDGE_MM) / height)
    )
    margin = 0.08 * span
    axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
    axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
    axes.axis("off")
    _draw_pairs(axes, where, edges, strength)
    degree = nodes["degree"].to_numpy().astype(np.float64)
    hub = nodes["hub"].to_numpy()
    sizes = 6.0 + 40.0 * np.sqrt(degree / degree.max())
    for chosen, colour, level in ((~hub, BLUE, 3), (hub, VERMILLION, 4)):
        axes.scatter(
            where[chosen, 0], where[chosen, 1], s=sizes[chosen], color=colour, zorder=level, lw=0
        )
    names = nodes["gene"].to_list()[: style.labels]
    first = where[: len(names)]
    place_labels(figure, axes, names=names, x=first[:, 0], y=first[:, 1], avoid=where)
    return figure


def _draw_pairs(axes: Axes, where: F64, edges: I64, strength: F64) -> None:
    from matplotlib.collections import LineCollection

    most = float(np.abs(strength).max()) or 1.0
    widths = 0.2 + 1.0 * np.abs(strength) / most
    axes.add_collection(
        LineCollection(list(where[edges]), linewidths=widths, colors=_LINE, zorder=1)
    )
