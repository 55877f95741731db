"""The tree of proteins with the modules that it was cut into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import ColumnError, NothingToDo, need_columns
from proteomr.plot.canvas import MM_PER_INCH, add_title
from proteomr.plot.drawing import Drawing
from proteomr.plot.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
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

__all__ = ["draw_network"]

_COLOURS: Final = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
_NONE: Final = "#DDDDDD"
_NEEDED: Final = ("protein", "module", "connectivity")
_HANG: Final = 0.04  # of the range of heights, how far leaves hang below their merges
_MANY: Final = 500
_BAR_MM, _LEFT_MM, _RIGHT_MM, _FOOT_MM = 7.0, 12.0, 3.0, 6.0


def draw_network(
    table: pl.DataFrame, tree: pl.DataFrame | None = None, /, *, style: PlotStyle | None = None
) -> Drawing:
    """The tree of the proteins with their modules below it; of a table alone connectivities.

    Leaves stand in the order of the tree, one tree beside another where there are several; proteins
    of none are at the end. Without a tree the connectivities are bars: modules side by side, the
    largest first, those in none grey, at the end. Six colours come again and again, numbers are
    below those modules that have room for them.

    Parameters
    ----------
    table : ``modules`` of `network`.
    tree : ``tree`` of the same run.
    style : widths and title.

    Raises
    ------
    ColumnError
        The table is not one of modules.
    NothingToDo
        It has no protein.

    Examples
    --------
    >>> table = pl.DataFrame(
    ...     {"protein": ["a", "b", "c"], "module": [1, 1, 0], "connectivity": [2.0, 3.0, 0.1]})
    >>> draw_network(table).data["protein"].to_list()
    ['b', 'a', 'c']
    """
    style = style or PlotStyle()
    need_columns(_NEEDED, table.columns)
    there = table.drop_nulls([*_NEEDED])
    if not there.height:
        raise NothingToDo("no protein of the table is in a module or in none")
    if tree is not None and tree.height:
        drawn = _place_leaves(table, tree)
        with house_style():
            figure = _draw(drawn.rows, style, drawn)
        return Drawing("network", "", "", (figure,), drawn.rows)
    last = pl.when(pl.col("module") == 0).then(pl.lit(1 << 30)).otherwise("module")
    rows = there.sort([last, -pl.col("connectivity")], maintain_order=True).select(_NEEDED)
    with house_style():
        figure = _draw(rows, style)
    return Drawing("network", "", "", (figure,), rows)


@dataclass(frozen=True, slots=True, eq=False)
class _Laid:
    """A tree on the paper.

    Parameters
    ----------
    rows : the proteins in the order of its leaves.
    forks : (m, 4, 2) corners of each merge, from the left child up, across, and down to the right.
    low, high : heights between which all merges lie.
    """

    rows: pl.DataFrame
    forks: F64
    low: float
    high: float


def _place_leaves(table: pl.DataFrame, tree: pl.DataFrame) -> _Laid:
    """Return the proteins in the order of the trees' leaves, and the lines of the merges."""
    needed = ("step", "height", "left", "right")
    need_columns(needed, tree.columns)
    merges = {
        step: (left, right, height) for step, height, left, right in tree.select(needed).rows()
    }
    children = {side for left, right, _ in merges.values() for side in (left, right)}
    order: list[int] = []
    waiting = [step for step in sorted(merges, reverse=True) if step not in children][::-1]
    while waiting:
        node = waiting.pop()
        if node > 0:
            left, right, _ = merges[node]
            waiting += [right, left]
        elif not -table.height <= node < 0:
            raise ColumnError(
                f"the tree names row {-node} of the modules, which have {table.height}"
            )
        else:
            order.append(-node - 1)
    seen = set(order)
    order += [row for row in range(table.height) if row not in seen]
    heights = tree["height"].cast(pl.Float64)
    low, high = float(heights.min() or 0.0), float(heights.max() or 0.0)  # type: ignore[arg-type]
    forks = _join_merges(merges, order, hang=_HANG * ((high - low) or 1.0))
    return _Laid(table[order].select(_NEEDED), forks, low, high)


def _join_merges(
    merges: Mapping[int, tuple[int, int, float]], order: Sequence[int], *, hang: float
) -> F64:
    """Return the corners of each merge; a leaf hangs a little below the merge that joins it."""
    place = {-(row + 1): at + 0.5 for at, row in enumerate(order)}
    height: dict[int, float] = {}
    forks = np.empty((len(merges), 4, 2))
    for k, step in enumerate(sorted(merges)):
        left, right, at = merges[step]
        first, second = sorted((left, right), key=lambda node: place[node])
        below = [height.get(node, at - hang) for node in (first, second)]
        forks[k] = [
            (place[first], below[0]), (place[first], at), (place[second], at),
            (place[second], below[1]),
        ]  # fmt: skip
        place[step] = (place[first] + place[second]) / 2
        height[step] = at
    return forks


def _draw(rows: pl.DataFrame, style: PlotStyle, laid: _Laid | None = None) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = style.width_mm
    figure = Figure(figsize=(width / MM_PER_INCH, 1.0))
    FigureCanvasAgg(figure)
    top = add_title(figure, style.title, small_print=style.small_print) + 2.0
    plot = 0.6 * style.plot_mm
    height = top + plot + _BAR_MM + _FOOT_MM
    figure.set_size_inches(width / MM_PER_INCH, height / MM_PER_INCH)
    inner = (width - _LEFT_MM - _RIGHT_MM) / width
    left, foot = _LEFT_MM / width, _FOOT_MM / height
    axes = figure.add_axes((left, foot + _BAR_MM / height, inner, plot / height))
    below = figure.add_axes((left, foot, inner, 0.6 * _BAR_MM / height))
    module: I64 = rows["module"].cast(pl.Int64).to_numpy()
    connectivity: F64 = rows["connectivity"].cast(pl.Float64).to_numpy()
    if laid is None:
        _draw_bars(axes, module, connectivity)
    else:
        _draw_merges(axes, laid)
    _draw_modules(figure, below, module)
    return figure


def _colour(module: int) -> str:
    return _NONE if module == 0 else _COLOURS[(module - 1) % len(_COLOURS)]


def _runs(module: I64) -> list[tuple[int, int, int]]:
    """Return module, begin and end of each run of proteins."""
    edges = np.flatnonzero(np.diff(module)) + 1
    begins = [0, *edges.tolist()]
    ends = [*edges.tolist(), module.size]
    return [(int(module[low]), low, high) for low, high in zip(begins, ends, strict=True)]


def _draw_bars(axes: Axes, module: I64, connectivity: F64) -> None:
    axes.set_xlim(0.0, module.size)
    axes.set_ylim(0.0, 1.05 * float(connectivity.max()) or 1.0)
    for number, low, high in _runs(module):
        axes.fill_between(
            np.repeat(np.arange(low, high + 1), 2)[1:-1],
            np.repeat(connectivity[low:high], 2),
            color=_colour(number),
            linewidth=0,
        )
    axes.set_xticks([])
    axes.set_ylabel("Connectivity")


def _draw_merges(axes: Axes, laid: _Laid) -> None:
    from matplotlib.collections import LineCollection

    axes.set_xlim(0.0, laid.rows.height)
    span = (laid.high - laid.low) or 1.0
    axes.set_ylim(laid.low - 1.5 * _HANG * span, laid.high + _HANG * span)
    width = 0.5 if laid.rows.height < _MANY else 0.25
    axes.add_collection(LineCollection(list(laid.forks), colors=BLACK, linewidths=width))
    axes.set_xticks([])
    axes.set_ylabel("Height")


def _draw_modules(figure: Figure, axes: Axes, module: I64) -> None:
    """Draw a band of the modules, and number those that are wide enough."""
    axes.set_xlim(0.0, module.size)
    axes.set_ylim(0.0, 1.0)
    axes.axis("off")
    per_protein = axes.get_window_extent().width / figure.dpi * MM_PER_INCH / module.size
    runs = _runs(module)
    for number, low, high in runs:
        axes.fill_between([low, high], 0.0, 1.0, color=_colour(number), linewidth=0)
        if low:
            axes.plot([low, low], [0.0, 1.0], color="white", linewidth=0.6)
    for word, at in _place_numbers(runs, per_protein):
        axes.text(at, -0.25, word, ha="center", va="top", fontsize=5.0, color="#333333")
    axes.plot([0, module.size], [0, 0], color=GREY, linewidth=0.3)


def _place_numbers(
    runs: Sequence[tuple[int, int, int]], per_protein: float
) -> list[tuple[str, float]]:
    """Return the numbers of the modules and where they stand, the widest runs first.

    A number has to have room between those that are there; a module of several runs has another
    number where a run is as wide as its number, and those of none are told where they are.
    """
    placed: list[tuple[str, float]] = []
    taken: list[tuple[float, float]] = []
    named: set[int] = set()
    for number, low, high in sorted(runs, key=lambda run: run[1] - run[2]):
        word = "none" if number == 0 else str(number)
        room = 1.3 * len(word) + 1.0
        narrow = (high - low) * per_protein < room
        if narrow and (number == 0 or number in named):
            continue
        middle = (low + high) / 2
        first, last = (middle * per_protein + side * room / 2 for side in (-1, 1))
        if any(first < end and last > begin for begin, end in taken):
            continue
        taken.append((first, last))
        named.add(number)
        placed.append((word, middle))
    return placed
