"""Figures from tables: each function returns a `Drawing`, the figure and the numbers in it."""

from __future__ import annotations

from proteomr.plot.book import draw_pair, save_book
from proteomr.plot.drawing import Drawing, FigureFormat, save_drawing
from proteomr.plot.mr_figures import draw_causes
from proteomr.plot.mr_forest import draw_forest
from proteomr.plot.mr_funnel import draw_funnel
from proteomr.plot.mr_leave_one_out import draw_leave_one_out
from proteomr.plot.mr_radial import draw_radial
from proteomr.plot.mr_scatter import draw_scatter
from proteomr.plot.style import PlotStyle

__all__ = [
    "Drawing",
    "FigureFormat",
    "PlotStyle",
    "draw_causes",
    "draw_forest",
    "draw_funnel",
    "draw_leave_one_out",
    "draw_pair",
    "draw_radial",
    "draw_scatter",
    "save_book",
    "save_drawing",
]
