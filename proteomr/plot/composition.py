"""Several figures as the lettered panels of one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from proteomr.errors import NothingToDo
from proteomr.plot.canvas import MM_PER_INCH, add_title
from proteomr.plot.drawing import Drawing
from proteomr.plot.lettering import shorten
from proteomr.plot.style import PlotStyle, Width, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Panel", "compose", "draw_absent", "letter_of"]

_GAP_MM: Final = 5.0  # 89, 5 and 89 are 183
_ABOVE_MM: Final = 3.0
_ABSENT_MM: Final = 18.0
_LETTERS: Final = {"single": 60, "double": 130}


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """A figure that is to be part of a page.

    Parameters
    ----------
    drawing : as wide as the panel; its first page is taken.
    width : of 89 mm, two of which share a row, or of 183 mm.
    """

    drawing: Drawing
    width: Width


def letter_of(place: int) -> str:
    """Return the letter of a panel: a, b, ..., z, aa, ab, ...

    Examples
    --------
    >>> letter_of(0), letter_of(25), letter_of(26)
    ('a', 'z', 'aa')
    """
    before, last = divmod(place, 26)
    return (letter_of(before - 1) if before else "") + "abcdefghijklmnopqrstuvwxyz"[last]


def draw_absent(reason: str, *, kind: str, style: PlotStyle) -> Drawing:
    """Return a panel that says why it is empty, so that the letters of the others stay theirs.

    Examples
    --------
    >>> draw_absent("no hit", kind="forest", style=PlotStyle()).notes
    ('no hit',)
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with house_style():
        size = (style.width_mm / MM_PER_INCH, _ABSENT_MM / MM_PER_INCH)
        figure = Figure(figsize=size)
        FigureCanvasAgg(figure)
        add_title(figure, style.title)
        told = shorten(reason, letters=_LETTERS[style.width])
        figure.text(0.5, 0.35, told, ha="center", va="center", fontsize=5.5, color="#666666")
    return Drawing(kind, "", "", (figure,), pl.DataFrame({"not_drawn": [reason]}), (reason,))


def compose(panels: Sequence[Panel], *, kind: str) -> Drawing:
    """Return one page of 183 mm with panels in rows, from left to right.

    The figures keep their sizes: nothing is scaled, so that type and lines are those of the house.
    A panel that would need several pages shows its first, which a note says.

    Parameters
    ----------
    panels : in the order of their letters, which their titles bear (`letter_of`).
    kind : name of the whole.

    Raises
    ------
    NothingToDo
        There is no panel.

    Examples
    --------
    >>> style = PlotStyle(title="a")
    >>> panel = Panel(draw_absent("no hit", kind="forest", style=style), "single")
    >>> whole = compose([panel, panel], kind="figure1")
    >>> round(whole.figure.get_figwidth() * 25.4), whole.data["panel"].to_list()
    (183, ['a', 'b'])
    """
    if not panels:
        raise NothingToDo("a figure without panels")
    letters = [letter_of(place) for place in range(len(panels))]
    rows = _lay_rows(panels)
    with house_style():
        page = _place(rows)
    tables = [
        panel.drawing.data.select(
            pl.lit(letter).alias("panel"), pl.lit(panel.drawing.kind).alias("figure"), pl.all()
        )
        for letter, panel in zip(letters, panels, strict=True)
    ]
    notes = []
    for letter, panel in zip(letters, panels, strict=True):
        more = len(panel.drawing.pages) - 1
        notes += [f"{letter}: {note}" for note in panel.drawing.notes]
        notes += [f"{letter}: {more} further pages are not shown"] * bool(more)
    data = pl.concat(tables, how="diagonal_relaxed")
    return Drawing(kind, "", "", (page,), data, tuple(notes))


def _lay_rows(panels: Sequence[Panel]) -> list[list[Panel]]:
    """Return the rows: two narrow panels after one another share one."""
    rows: list[list[Panel]] = []
    for panel in panels:
        fits = panel.width == "single" and rows and [p.width for p in rows[-1]] == ["single"]
        if fits:
            rows[-1].append(panel)
        else:
            rows.append([panel])
    return rows


def _place(rows: Sequence[Sequence[Panel]]) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from proteomr.plot.inset import Inset

    width = PlotStyle(width="double").width_mm
    heights = [max(_height_mm(panel) for panel in row) for row in rows]
    height = sum(heights) + _ABOVE_MM * (len(rows) - 1)
    page = Figure(figsize=(width / MM_PER_INCH, height / MM_PER_INCH))
    FigureCanvasAgg(page)
    top = height
    for row, tall in zip(rows, heights, strict=True):
        left = 0.0
        for panel in row:
            figure = panel.drawing.figure
            page.add_artist(
                Inset(figure, left_mm=left, bottom_mm=top - _height_mm(panel)), clip=False
            )
            left += replace(PlotStyle(), width=panel.width).width_mm + _GAP_MM
        top -= tall + _ABOVE_MM
    return page


def _height_mm(panel: Panel) -> float:
    return float(panel.drawing.figure.get_figheight()) * MM_PER_INCH
