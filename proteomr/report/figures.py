"""Figures of a report: drawn from tables as the command `plot` draws them, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from proteomr.errors import ProteomrError
from proteomr.plot.drawing import render
from proteomr.plot.kinds import KINDS
from proteomr.plot.style import PlotStyle
from proteomr.report.blocks import Block, FigureBlock, Sentence
from proteomr.report.reading import ReportedRun

__all__ = ["draw_figures"]

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
    svg = render(drawing.pages[0], "svg").decode()
    pages = f", the first of {len(drawing.pages)} pages" if len(drawing.pages) > 1 else ""
    notes = "".join(f"; {note}" for note in drawing.notes)
    caption = f"{about[0].upper()}{about[1:]}{pages}{notes}"
    raster = render(drawing.pages[0], "png") if len(svg) > _LARGEST_SVG else b""
    return FigureBlock(caption, svg, run.source(table), raster)
