"""Draw the figure and fill the README from the kept results: ``python -m benchmarks.report``.

The newest file of each workload counts. Between ``<!-- benchmark -->`` and ``<!-- /benchmark -->``
the README is written by this module; without the marks it is left alone. The README shows the
figure itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.interfaces import PROTEOMR
from benchmarks.records import ABSENT, OK, Kind, Measurement, read_records
from benchmarks.run import FAMILIES, RESULTS
from proteomr.files import replace_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_figure", "fill_marks", "latest_results", "main", "write_text"]

ROOT = Path(__file__).parent.parent
FIGURE = Path("benchmarks") / "figure.svg"
_START, _END = "<!-- benchmark -->", "<!-- /benchmark -->"
# Okabe and Ito's vermilion beside a grey of other lightness: told apart without colour too
_OURS, _OTHERS, _INK = "#D55E00", "#B3B3B3", "#333333"
_TITLES = {"logistic": "Logistic: exposure ~ protein", "linear": "Linear: protein ~ exposure"}


def latest_results(folder: Path) -> list[list[Measurement]]:
    """Return the newest kept results of each workload, in the order of the families.

    Raises
    ------
    FileNotFoundError
        A workload has none.
    """
    found = []
    for family in FAMILIES:
        files = sorted(folder.glob(f"shen2025-{family}-*.csv"))
        if not files:
            raise FileNotFoundError(f"{folder}: no results of the {family} scan; make bench")
        found.append(read_records(files[-1], Measurement))
    return found


def draw_figure(results: Sequence[Sequence[Measurement]], path: Path) -> None:
    """Draw CPU milliseconds of a fit by tool, one panel for each workload."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = [sorted(timed(lines), key=lambda line: -cost(line)) for lines in results]
    heights = [len(panel) + 0.7 for panel in panels]
    with mpl.rc_context({"svg.hashsalt": "proteomr", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(7.2, 0.3 * sum(heights) + 0.9), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(len(panels), 1, sharex=True, height_ratios=heights, squeeze=False)
        for axis, panel in zip(axes[:, 0], panels, strict=True):
            _draw_panel(axis, panel)
        axes[-1, 0].set_xlabel("CPU milliseconds per fit, one thread (log scale)")
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw_panel(axis: Axes, lines: Sequence[Measurement]) -> None:
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


def write_text(results: Sequence[Sequence[Measurement]]) -> str:
    """Return the README's account of the results, in Markdown."""
    first = results[0][0]
    lines = [
        _setting(first),
        "",
        "| scan | tool | what is timed | ms per fit | ratio | largest error, estimate / SE |",
        "|---|---|---|---:|---:|---:|",
    ]
    for panel in results:
        lines += [_row(line) for line in timed(panel)]
    lines += ["", *(f"- {_sentence(panel)}" for panel in results)]
    absent = sorted({line.tool for panel in results for line in panel if line.state == ABSENT})
    if absent:
        lines.append(f"- Not on the machine, not measured: {', '.join(absent)}.")
    return "\n".join(lines)


def _setting(line: Measurement) -> str:
    return (
        f"{line.people:,} people, {line.proteins:,} proteins with missing values, {line.columns} "
        "covariate columns, two exposures under two adjustment sets. CPU time of one thread, all "
        "tools on the same people in alternating rounds of one run, every fit checked against the "
        f"maximum in that run ({line.machine.processor}, {line.date})."
    )


def _row(line: Measurement) -> str:
    ratio = "1" if line.tool == PROTEOMR or line.ratio is None else number(line.ratio)
    errors = f"{line.estimate_error or 0.0:.0e} / {line.se_error or 0.0:.0e}"
    cells = (line.family, line.tool, line.includes, number(cost(line)), ratio, errors)
    return f"| {' | '.join(cells)} |"


def _sentence(panel: Sequence[Measurement]) -> str:
    """Say what the whole command took, and what two threads and compiled loops bring."""
    parts = []
    command, workers, loops = (_find(panel, kind) for kind in ("command", "workers", "loops"))
    if command is not None and command.cpu_seconds is not None:
        parts.append(
            f"The whole {command.family} scan, {command.fits:,} fits from parquet to tables: "
            f"{command.cpu_seconds:.0f} s CPU, {command.wall_seconds:.0f} s wall, "
            f"{command.peak_memory_mb:,.0f} MB at most"
        )
    if workers is not None and workers.ratio is not None:
        parts.append(f"two threads are {workers.ratio:.2f} times as fast as one")
    if loops is not None and loops.ratio is not None:
        parts.append(f"compiled loops save a factor of {loops.ratio:.2f} in CPU time")
    return "; ".join(parts) + "."


def _find(panel: Sequence[Measurement], kind: Kind) -> Measurement | None:
    return next((line for line in panel if line.kind == kind), None)


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


def fill_marks(readme: str, text: str) -> str | None:
    """Return the README with the text between its marks; None where it has not both, in order.

    Examples
    --------
    >>> fill_marks("a <!-- benchmark --> old <!-- /benchmark --> b", "new").split()
    ['a', '<!--', 'benchmark', '-->', 'new', '<!--', '/benchmark', '-->', 'b']
    """
    before, start, rest = readme.partition(_START)
    _, end, after = rest.partition(_END)
    if not start or not end:
        return None
    return f"{before}{_START}\n{text}\n{_END}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the figure and fill the README."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of README.md")
    options = parser.parse_args(arguments)
    try:
        results = latest_results(options.results)
    except (FileNotFoundError, ValueError) as fault:
        print(fault, file=sys.stderr)
        return 1
    figure: Path = options.root / FIGURE
    figure.parent.mkdir(parents=True, exist_ok=True)
    draw_figure(results, figure)
    print(figure)
    readme: Path = options.root / "README.md"
    filled = fill_marks(readme.read_text("utf-8"), write_text(results)) if readme.exists() else None
    if filled is None:
        print(f"{readme}: no marks {_START} and {_END}, left alone")
        return 0
    replace_file(readme, lambda file: file.write(filled.encode()))
    print(readme)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
