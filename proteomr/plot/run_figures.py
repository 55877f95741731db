"""All figures that the tables of a run have, as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from proteomr.errors import ProteomrError
from proteomr.plot.drawing import Drawing, FigureFormat, save_drawing
from proteomr.plot.kinds import KINDS, Kind
from proteomr.plot.of_tables import draw_kind

__all__ = ["draw_run"]


def draw_run(
    tables: Mapping[str, Callable[[], pl.DataFrame]],
    folder: Path,
    /,
    *,
    formats: tuple[FigureFormat, ...] = ("svg", "png"),
) -> tuple[str, ...]:
    """Draw each table as every kind of figure that it has, and return what could not be drawn.

    A figure is called after its table and its kind, ``associations-volcano.svg``, with its numbers
    beside it.

    Parameters
    ----------
    tables : what reads each, by name.
    folder : which exists.
    formats : of the figures.

    Examples
    --------
    >>> draw_run({"drops": pl.DataFrame}, Path())
    ('no figure: none of the tables has one',)
    """
    notes: list[str] = []
    drawn = 0
    for name, kind in KINDS.items():
        for table in kind.tables:
            if table not in tables:
                continue
            drawn += 1
            try:
                drawing = _draw(tables, table, kind)
            except ProteomrError as reason:
                notes.append(f"no figure {table}-{name}: {reason}")
                continue
            notes += [f"figure {table}-{name}: {note}" for note in drawing.notes]
            save_drawing(drawing, folder / f"{table}-{name}", formats=formats)
    return tuple(notes) if drawn else ("no figure: none of the tables has one",)


def _draw(tables: Mapping[str, Callable[[], pl.DataFrame]], table: str, kind: Kind) -> Drawing:
    other = None if kind.beside is None else tables.get(kind.beside[0])
    return draw_kind(tables[table](), kind, beside=None if other is None else other())
