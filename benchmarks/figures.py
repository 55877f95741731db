"""The figures of the account: the time of a fit by tool, and the growth of the scans."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.growth import AXES, Axis, Point
from benchmarks.interfaces import PROTEOMR, Family
from benchmarks.records import OK, Measurement

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["cost", "curve_of", "draw_growth", "draw_scans", "exponent", "number", "timed"]

# Okabe and Ito's vermilion beside a grey of other lightness: told apart without colour too
_OURS, _OTHERS, _INK = "#D55E00", "#B3B3B3", "#333333"
_TITLES = {"logistic": "Logistic: exposure ~ protein", "linear": "Linear: protein ~ exposure"}
_LINES: tuple[tuple[Family, str, str], ...] = (("logistic", _OURS, "o"), ("linear", "#0072B2", "s"))
_MEASURES = (("cpu_seconds", "CPU seconds"), ("peak_memory_mb", "peak MB"))


@contextmanager
def _figure(path: Path, width: float, height: float) -> Iterator[Figure]:
    """Give a figure in the house's style, and save it: the same bytes for the same results."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "proteomr", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def draw_scans(results: Sequence[Sequence[Measurement]], path: Path) -> None:
    """Draw CPU milliseconds of a fit by tool, one panel for each workload."""
    panels = [sorted(timed(lines), key=lambda line: -cost(line)) for lines in results]
    heights = [len(panel) + 0.7 for panel in panels]
    with _figure(path, 7.2, 0.3 * sum(heights) + 0.9) as figure:
        axes = figure.subplots(len(panels), 1, sharex=True, height_ratios=heights, squeeze=False)
        for axis, panel in zip(axes[:, 0], panels, strict=True):
            _draw_bars(axis, panel)
        axes[-1, 0].set_xlabel("CPU milliseconds per fit, one thread (log scale)")


def _draw_bars(axis: Axes, lines: Sequence[Measurement]) -> None:
    costs = [cost(line) for line in lines]
    colours = [_OURS if line.tool == PROTEOMR else _OTHERS for line in lines]
    places = list(range(len(lines)))
    axis.barh(places, costs, height=0.7, color=colours)
    axis.set_xscale("log")
    axis.set_yticks(places, [line.tool for line in lines])
    axis.set_xlim(0.1, 12.0 * max(costs))
    axis.set_title(_TITLES[lines[0].family], loc="left", fontsize=9, fontweight="bold")
    for place, line in zip(places, lines, strict=True):
        text = f" {number(cost(line))} ms"
        if line.tool != PROTEOMR and line.ratio is not None:
            text += f", {number(line.ratio)}x"
        axis.text(cost(line), place, text, va="center", color=_INK, fontsize=8)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(axis="y", length=0)


def draw_growth(points: Sequence[Point], path: Path) -> None:
    """Draw CPU seconds above memory, a column for each axis, both families, with their slopes."""
    with _figure(path, 7.2, 4.4) as figure:
        axes = figure.subplots(len(_MEASURES), len(AXES), sharex="col", sharey="row")
        for row, (measure, label) in zip(axes, _MEASURES, strict=True):
            row[0].set_ylabel(label)
            for panel, axis in zip(row, AXES, strict=True):
                _draw_lines(panel, points, axis, measure)
        for panel, axis in zip(axes[0], AXES, strict=True):
            panel.set_title(_describe(points, axis), loc="left", fontsize=8)
        for panel, axis in zip(axes[-1], AXES, strict=True):
            panel.set_xlabel(axis)


def _describe(points: Sequence[Point], axis: Axis) -> str:
    first = next(point for point in points if point.axis == axis)
    people, proteins = f"{first.people:,} people", f"{first.proteins:,} proteins"
    held = {"people": proteins, "proteins": people, "covariates": f"{people}, {proteins}"}
    return held[axis]


def _draw_lines(panel: Axes, points: Sequence[Point], axis: Axis, measure: str) -> None:
    from matplotlib.ticker import LogLocator

    ticks: set[int] = set()
    for place, (family, colour, marker) in enumerate(_LINES):
        curve = curve_of(points, axis, family)
        if not curve:
            continue
        at = [point.at for point in curve]
        ticks.update(at)
        values = [getattr(point, measure) for point in curve]
        panel.plot(at, values, color=colour, marker=marker, markersize=4, linewidth=1.4)
        slope = exponent(curve, measure)
        text = family if math.isnan(slope) else f"{family}: slope {slope:.2f}"
        top = 0.96 - 0.1 * place
        panel.text(0.04, top, text, transform=panel.transAxes, color=colour, fontsize=8, va="top")
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    panel.margins(y=0.35)
    panel.set_xticks(sorted(ticks), [_short(tick) for tick in sorted(ticks)], fontsize=7)
    panel.minorticks_off()
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    panel.spines[["top", "right"]].set_visible(False)


def _short(count: int) -> str:
    """Return a count as it fits under an axis.

    Examples
    --------
    >>> _short(42_062), _short(2_920), _short(72)
    ('42k', '2,920', '72')
    """
    return f"{count / 1000:.0f}k" if count >= 5_000 else f"{count:,}"


def curve_of(points: Sequence[Point], axis: Axis, family: Family) -> list[Point]:
    """Return the sound points of one family along an axis, rising."""
    mine = [one for one in points if (one.axis, one.family, one.state) == (axis, family, OK)]
    return sorted(mine, key=lambda one: one.at)


def exponent(curve: Sequence[Point], measure: str) -> float:
    """Return the slope between the last two points on log axes; NaN where there is one alone."""
    if len(curve) < 2:
        return math.nan
    before, last = curve[-2:]
    rise = math.log(getattr(last, measure) / getattr(before, measure))
    return rise / math.log(last.at / before.at)


def timed(lines: Sequence[Measurement]) -> list[Measurement]:
    """Return the timed fits whose accuracy stands."""
    return [line for line in lines if line.kind == "fits" and line.state == OK]


def cost(line: Measurement) -> float:
    """Return CPU milliseconds of a fit.

    Raises
    ------
    ValueError
        The line has none.
    """
    if line.cpu_ms_per_fit is None:
        raise ValueError(f"{line.tool}: no time of a fit in the results")
    return line.cpu_ms_per_fit


def number(value: float) -> str:
    """Return a number to two or three digits without an exponent.

    Examples
    --------
    >>> number(0.3449), number(3.449), number(1234.5)
    ('0.34', '3.4', '1,234')
    """
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"
