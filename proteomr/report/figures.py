"""Figures of a report: drawn from tables as the command `plot` draws them, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import polars as pl

from proteomr.errors import ProteomrError
from proteomr.plot.assay_quality import draw_assays
from proteomr.plot.drawing import render
from proteomr.plot.kinds import KINDS
from proteomr.plot.style import PlotStyle
from proteomr.report.blocks import Block, FigureBlock, Sentence
from proteomr.report.reading import ReportedRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_assay_quality", "draw_figures"]

# Letters of a drawing: of thousands of points raster takes less, and a page is drawn faster.
_LARGEST_SVG: Final = 300_000


def draw_figures(run: ReportedRun, table: str, kinds: Sequence[str]) -> list[Block]:
    """Return figures of a run's table, or the reason why one is not drawn.

    Parameters
    ----------
    run : with the table.
    table : its name.
    kinds : of figures, see `proteomr.plot.kinds.KINDS`.
    """
    frame = run.table(table)
    if frame is None:
        return []
    return [_draw(run, table, frame, kind) for kind in kinds]


def draw_assay_quality(run: ReportedRun) -> list[Block]:
    """Return the figure of the assays by panel; samples are people, whom no report shows."""
    frame = run.table("qc_assays")
    if frame is None:
        return []
    try:
        drawn = draw_assays(frame, style=PlotStyle(width="double"))
    except ProteomrError as fault:
        return [Sentence(f"No figure of assays by panel: {fault}.", run.source("qc_assays"))]
    if drawn is None:
        return []
    caption = "Assays by panel: missing, below the limit of detection, coefficients of variation"
    return [_show(drawn[0], caption, run.source("qc_assays"))]


def _show(page: Figure, caption: str, source: str) -> FigureBlock:
    """Return a page as a drawing, with a raster where it is of thousands of points."""
    svg = render(page, "svg").decode()
    raster = render(page, "png") if len(svg) > _LARGEST_SVG else b""
    return FigureBlock(caption, svg, source, raster)


def _draw(run: ReportedRun, table: str, frame: pl.DataFrame, kind: str) -> Block:
    about, beside = KINDS[kind].about, KINDS[kind].beside
    other = None if beside is None else run.table(beside[0])
    style = PlotStyle(width="double")
    try:
        if beside is None or other is None:
            drawing = KINDS[kind].draw(frame, style=style)
        else:
            drawing = beside[1](frame, other, style=style)
    except ProteomrError as fault:
        return Sentence(f"No figure of {about}: {fault}.", run.source(table))
    pages = f", the first of {len(drawing.pages)} pages" if len(drawing.pages) > 1 else ""
    notes = "".join(f"; {note}" for note in drawing.notes)
    caption = f"{about[0].upper()}{about[1:]}{pages}{notes}"
    return _show(drawing.pages[0], caption, run.source(table))
