"""Room on the paper: margins that fit their labels, legends below, names that do not overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from proteomr._typing import F64
from proteomr.plot.lettering import format_tick, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.backend_bases import RendererBase
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D

__all__ = [
    "LARGEST_LOG",
    "Box",
    "add_legend",
    "add_title",
    "list_ratio_ticks",
    "measure_widest",
    "new_axes",
    "place_labels",
    "round_ratio",
    "set_ticks",
    "settle",
]

MM_PER_INCH = 25.4
_EDGE_MM = 1.5
_TICK_TYPE = 6.0
_TICK_GAP_MM = 1.5
_WIDEST = 6
_DIRECTIONS = ((1, 1), (-1, 1), (1, -1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1))
_DISTANCES = (3.0, 7.0, 12.0, 18.0)  # points from the middle of the marker
_LEGEND_COLUMNS = 4
_SMALL_TYPE = 5.0
_TITLE_MM, _SMALL_LINE_MM = 5.0, 2.4
_RATIO_STEPS = ((1, 2, 5), (1, 3), (1,))
LARGEST_LOG = 300.0  # beyond, ratios are no numbers that a tick could show
"""Largest size of a logarithm that is drawn as a ratio."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    x0: float
    y0: float
    x1: float
    y1: float

    def overlaps(self, other: Box) -> bool:
        """Tell whether two rectangles share more than an edge."""
        return (
            self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1
        )

    def holds(self, other: Box) -> bool:
        """Tell whether another rectangle lies inside."""
        return (
            self.x0 <= other.x0
            and other.x1 <= self.x1
            and self.y0 <= other.y0
            and other.y1 <= self.y1
        )


def new_axes(width_mm: float, height_mm: float) -> tuple[Figure, Axes]:
    """Return a figure of a given size with one pair of axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.15, 0.15, 0.8, 0.8))
    axes.margins(0)
    return figure, axes


def set_ticks(
    figure: Figure, axes: Axes, *, x: int, y: int | None = None, ratio: bool = False
) -> None:
    """Divide each axis into at most so many parts, fewer where the numbers below would touch.

    Parameters
    ----------
    x, y : most parts of each axis; None leaves the y axis alone.
    ratio : whether the x axis has logarithms of ratios, whose ticks stand at round ratios.
    """
    _divide(axes.yaxis, y)
    room = axes.get_window_extent().width / figure.dpi * MM_PER_INCH
    for count in range(x, 0, -1):
        ends = axes.get_xlim()
        if ratio:
            _divide_ratios(axes.xaxis, ends, count)
        else:
            _divide(axes.xaxis, count)
        shown = [value for value in axes.get_xticks() if ends[0] <= value <= ends[1]]
        step = _step_of(shown)
        texts = [
            format_tick(round_ratio(value)) if ratio else format_tick(value, step=step)
            for value in shown
        ]
        widths = [measure_text(figure, text, size=_TICK_TYPE) + _TICK_GAP_MM for text in texts]
        if len(texts) < 2 or max(widths) * (len(texts) - 1) < room * _covered(axes):
            break


def list_ratio_ticks(least: float, most: float, count: int) -> list[float]:
    """Return round ratios between two ends, about as many as asked for, and one among them.

    Examples
    --------
    >>> list_ratio_ticks(0.3, 3.5, 4)
    [0.5, 1.0, 2.0]
    >>> list_ratio_ticks(0.92, 1.1, 4)
    [0.95, 1.0, 1.05, 1.1]
    """
    from matplotlib.ticker import MaxNLocator

    if most < 3 * least:  # a log axis that is nearly linear
        locator = MaxNLocator(nbins=count, steps=[1, 2, 2.5, 5, 10])
        found = [float(f"{value:.12g}") for value in locator.tick_values(least, most)]
        return [value for value in found if least <= value <= most]
    powers = range(math.floor(math.log10(least)) - 1, math.ceil(math.log10(most)) + 1)
    for steps in (_RATIO_STEPS[0], _RATIO_STEPS[1], _RATIO_STEPS[2]):
        every = [float(f"{step}e{power}") for power in powers for step in steps]
        found = [value for value in every if least <= value <= most]
        if len(found) <= count + 1:
            return found
    apart = -(-len(found) // (count + 1))  # whole powers of ten too far apart to show each
    middle = found.index(1.0) if 1.0 in found else 0
    return found[middle % apart :: apart]


def _divide_ratios(axis: Axis, ends: tuple[float, float], count: int) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter

    ratios = list_ratio_ticks(math.exp(ends[0]), math.exp(ends[1]), count)
    axis.set_major_locator(FixedLocator([math.log(ratio) for ratio in ratios]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_tick(round_ratio(value))))


def round_ratio(value: float) -> float:
    """Return the exponential of a logarithm, rid of the rounding of both."""
    return float(f"{math.exp(value):.10g}")


def _covered(axes: Axes) -> float:
    """Return the part of the x axis from its first tick to its last."""
    least, most = axes.get_xlim()
    ticks = [value for value in axes.get_xticks() if least <= value <= most]
    if not ticks:
        return 0.0
    return float(max(ticks) - min(ticks)) / (most - least)


def _divide(axis: Axis, count: int | None) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    if count is not None:
        axis.set_major_locator(MaxNLocator(nbins=count, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(
            FuncFormatter(
                lambda value, _: format_tick(value, step=_step_of(axis.get_majorticklocs()))
            )
        )


def _step_of(places: Sequence[float] | F64) -> float:
    """Return the least distance of ticks; infinite of one."""
    return float(np.diff(np.sort(np.asarray(places))).min()) if len(places) > 1 else math.inf


def add_title(figure: Figure, title: str | None, *, small_print: str | None = None) -> float:
    """Print a title at the top and small print below, and return their height in millimetres.

    Small print breaks at its points, " · ".
    """
    width = float(figure.get_size_inches()[0]) * MM_PER_INCH
    used = 0.0
    if title is not None:
        shown = shorten(title, letters=int(width / 1.6))
        _print_from_top(figure, shown, below_mm=used, fontweight="bold")
        used += _TITLE_MM
    for line in _break_lines(figure, small_print or "", width - 2 * _EDGE_MM):
        _print_from_top(figure, line, below_mm=used, fontsize=_SMALL_TYPE)
        used += _SMALL_LINE_MM
    return used


def _print_from_top(figure: Figure, text: str, *, below_mm: float, **look: Any) -> None:
    """Print a line at a distance from the upper edge that no later change of size moves."""
    from matplotlib.transforms import ScaledTranslation

    down = ScaledTranslation(
        _EDGE_MM / MM_PER_INCH, -(_EDGE_MM + below_mm) / MM_PER_INCH, figure.dpi_scale_trans
    )
    figure.text(0, 1, text, va="top", ha="left", transform=figure.transFigure + down, **look)


def _break_lines(figure: Figure, text: str, width_mm: float) -> list[str]:
    lines: list[str] = []
    for phrase in filter(None, text.split(" · ")):
        longer = f"{lines[-1]} · {phrase}" if lines else phrase
        if lines and measure_text(figure, longer, size=_SMALL_TYPE) <= width_mm:
            lines[-1] = longer
        else:
            lines.append(phrase)
    return lines


def add_legend(figure: Figure, handles: Sequence[Line2D]) -> float:
    """Print a legend at the foot in as many columns as fit; return its height in millimetres."""
    if not handles:
        return 0.0
    width = float(figure.get_size_inches()[0]) * figure.dpi
    most = min(_LEGEND_COLUMNS, len(handles))
    for columns in range(most, 0, -1):
        legend = figure.legend(
            handles=handles, loc="lower center", bbox_to_anchor=(0.5, 0.0), ncols=columns
        )
        box = _box_of(legend, figure)
        if box.x1 - box.x0 <= width or columns == 1:
            break
        legend.remove()
    return (box.y1 - box.y0) / figure.dpi * MM_PER_INCH + 1.0


def settle(figure: Figure, axes: Axes, *, plot_mm: float, top_mm: float, foot_mm: float) -> None:
    """Give the axes a height, and the figure what their labels, title and legend need around them.

    Parameters
    ----------
    plot_mm : height of the axes.
    top_mm, foot_mm : height of what stands above and below the axes' own labels.
    """
    width = float(figure.get_size_inches()[0]) * MM_PER_INCH
    scale = MM_PER_INCH / figure.dpi
    for _ in range(2):  # the second round measures the ticks of the new size
        inner, outer = axes.get_window_extent(), axes.get_tightbbox(_renderer(figure))
        if outer is None:
            return
        left = (inner.x0 - outer.x0) * scale + _EDGE_MM
        right = max(0.0, (outer.x1 - inner.x1) * scale) + _EDGE_MM
        below = (inner.y0 - outer.y0) * scale + foot_mm + _EDGE_MM
        above = max(0.0, (outer.y1 - inner.y1) * scale) + top_mm + _EDGE_MM
        height = plot_mm + below + above
        figure.set_size_inches(width / MM_PER_INCH, height / MM_PER_INCH)
        axes.set_position(
            (left / width, below / height, 1 - (left + right) / width, plot_mm / height)
        )


def place_labels(
    figure: Figure, axes: Axes, *, names: Sequence[str], x: F64, y: F64, avoid: F64
) -> list[bool]:
    """Name points inside the axes where there is room, the first ones first; tell which are named.

    A name is printed beside its point where it covers no other name, no point and no edge; farther
    away with a thin line where that does not do; and left out where nothing does.

    Parameters
    ----------
    names : texts, in the order of their importance.
    x, y : (k,) the points that they name.
    avoid : (m, 2) all points, in units of the data.
    """
    if not names:
        return []
    point = figure.dpi / 72.0
    frame = axes.get_window_extent()
    room = Box(frame.x0 + point, frame.y0 + point, frame.x1, frame.y1)
    taken = [
        Box(px - 2 * point, py - 2 * point, px + 2 * point, py + 2 * point)
        for px, py in axes.transData.transform(avoid)
    ]
    anchors: F64 = axes.transData.transform(np.column_stack([x, y]))
    named = []
    for name, anchor, value in zip(names, anchors, zip(x, y, strict=True), strict=True):
        width, height = _measure(figure, axes, name)
        place = _find_place((width, height), anchor, room, taken, point)
        named.append(place is not None)
        if place is None:
            continue
        box, offset = place
        taken.append(box)
        _annotate(axes, name, value, offset)
    return named


def measure_text(figure: Figure, text: str, *, size: float) -> float:
    """Return the width of a text in millimetres.

    Parameters
    ----------
    size : of the type, in points.
    """
    held = figure.text(0, 0, text, fontsize=size)
    box = held.get_window_extent(_renderer(figure))
    held.remove()
    return float(box.width) / figure.dpi * MM_PER_INCH


def measure_widest(figure: Figure, texts: Sequence[str], *, size: float) -> float:
    """Return the width of the widest text in millimetres, looking at those of most letters."""
    longest = sorted(set(texts), key=lambda text: (-len(text), text))[:_WIDEST]
    return max(measure_text(figure, text, size=size) for text in longest)


def _find_place(
    size: tuple[float, float], anchor: F64, room: Box, taken: Sequence[Box], point: float
) -> tuple[Box, tuple[float, float]] | None:
    width, height = size
    for distance in _DISTANCES:
        for right, up in _DIRECTIONS:
            reach = distance if right == 0 or up == 0 else 0.75 * distance
            dx, dy = right * reach, up * reach
            cx = anchor[0] + dx * point + right * width / 2
            cy = anchor[1] + dy * point + up * height / 2
            box = Box(cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)
            if room.holds(box) and not any(box.overlaps(other) for other in taken):
                middle = ((cx - anchor[0]) / point, (cy - anchor[1]) / point)
                return box, middle
    return None


def _annotate(
    axes: Axes, name: str, value: tuple[float, float], offset: tuple[float, float]
) -> None:
    axes.annotate(
        name,
        xy=value,
        xytext=offset,
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=5.0,
        zorder=6,
        arrowprops={"arrowstyle": "-", "lw": 0.3, "color": "#666666", "shrinkA": 0, "shrinkB": 2},
    )


def _measure(figure: Figure, axes: Axes, name: str) -> tuple[float, float]:
    held = axes.text(0, 0, name, fontsize=5.0)
    box = held.get_window_extent(_renderer(figure))
    held.remove()
    return float(box.width), float(box.height)


def _box_of(legend: Legend, figure: Figure) -> Box:
    box = legend.get_window_extent(_renderer(figure))
    return Box(box.x0, box.y0, box.x1, box.y1)


def _renderer(figure: Figure) -> RendererBase:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = figure.canvas  # its method has no types
    if not isinstance(canvas, FigureCanvasAgg):
        canvas = FigureCanvasAgg(figure)
    renderer: RendererBase = canvas.get_renderer()
    return renderer
