"""The figures of a study by name: panels of its stages' tables on one page each."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl

from proteomr.design import parse_condition
from proteomr.errors import ColumnError, NothingToDo, ProteomrError, UsageError, nearest
from proteomr.files import storage_errors
from proteomr.io import read_table
from proteomr.plot.composition import Panel, compose, draw_absent, letter_of
from proteomr.plot.drawing import Drawing, save_drawing
from proteomr.plot.kinds import KINDS
from proteomr.plot.style import PlotStyle, house_style
from proteomr.study.choosing import FindTable
from proteomr.study.taking import From, parse_from, refuse_unknown
from proteomr.tables import columns as c

__all__ = [
    "FIGURES",
    "PanelOfStudy",
    "StudyFigure",
    "draw_figure",
    "draw_figures",
    "parse_figures",
]

FIGURES: Final = "figures"
"""Folder of a study that its figures are written into."""

_KEYS: Final = ("about", "panels")
_OF_PANEL: Final = ("kind", "title", "width", "names", "by", "top", "rank", "most", "labels")
_OF_TABLE: Final = ("from", "table", "where")
_TEXTS: Final = ("kind", "title", "names", "by", "rank")
_COUNTS: Final = ("top", "most", "labels")


@dataclass(frozen=True, slots=True)
class PanelOfStudy:
    """A panel: a kind of figure, and the rows of a stage that it is drawn from.

    Attributes
    ----------
    kind : one of `proteomr plot`'s.
    taken : stage, table (the kind's own without) and conditions on its rows.
    title : after its letter.
    width : single, two of which share a row, or double.
    names : the column whose values are the names that are drawn, in the place of proteins.
    by, top : rows of so many values of a column alone: those with the largest numbers in the
        column ``rank``, which is -log10 p without.
    most : names that are drawn, of kinds that take them.
    labels : names that are printed in a panel.
    """

    kind: str
    taken: From
    title: str = ""
    width: Literal["single", "double"] = "double"
    names: str | None = None
    by: str | None = None
    top: int | None = None
    rank: str = c.NEG_LOG10_P
    most: int | None = None
    labels: int = 12


@dataclass(frozen=True, slots=True)
class StudyFigure:
    """A figure by its name, and its panels in the order of their letters."""

    name: str
    panels: tuple[PanelOfStudy, ...]
    about: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """The stages whose tables it reads."""
        return tuple(dict.fromkeys(panel.taken.stage for panel in self.panels))


def parse_figures(facts: object) -> tuple[StudyFigure, ...]:
    """Return the figures of ``[figures.NAME]``.

    Raises
    ------
    UsageError
        A key is unknown or of another type, or a kind is none.

    Examples
    --------
    >>> figure, = parse_figures(
    ...     {"figure1": {"panels": [{"kind": "volcano", "from": "associate"}]}})
    >>> figure.name, figure.panels[0].width
    ('figure1', 'double')
    """
    if not isinstance(facts, dict):
        raise UsageError("figures are tables: [figures.NAME] panels = [...]")
    return tuple(_parse_figure(name, entry) for name, entry in facts.items())


def _parse_figure(name: str, entry: object) -> StudyFigure:
    where = f"[figures.{name}]"
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise UsageError(f"{where}: a figure's name has letters, digits, - and _ alone")
    if not isinstance(entry, dict):
        raise UsageError(f"{where} is a table: panels = [...]")
    refuse_unknown(entry, _KEYS, where=where)
    panels, about = entry.get("panels"), entry.get("about", "")
    if not isinstance(panels, list) or not panels or not isinstance(about, str):
        raise UsageError(
            f'{where} needs panels, a list of tables: {{ kind = "volcano", from = ... }}'
        )
    parsed = (_parse_panel(one, f"{where} panel {letter_of(i)}") for i, one in enumerate(panels))
    return StudyFigure(name, tuple(parsed), about)


def _parse_panel(entry: object, where: str) -> PanelOfStudy:
    if not isinstance(entry, dict) or "from" not in entry:
        raise UsageError(f'{where} is a table: {{ kind = "volcano", from = "STAGE", ... }}')
    refuse_unknown(entry, (*_OF_PANEL, *_OF_TABLE), where=where)
    own: dict[str, Any] = {key: entry[key] for key in _OF_PANEL if key in entry}
    _check_types(own, where)
    _check_choice(own, where)
    taken = parse_from({key: entry[key] for key in _OF_TABLE if key in entry}, where)
    return PanelOfStudy(taken=taken, **own)


def _check_types(own: Mapping[str, Any], where: str) -> None:
    for key in _TEXTS:
        if not isinstance(own.get(key, ""), str):
            raise UsageError(f"{where}: {key} is text")
    for key in _COUNTS:
        value = own.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise UsageError(f"{where}: {key} is a whole number, not {value!r}")


def _check_choice(own: Mapping[str, Any], where: str) -> None:
    kind = own.get("kind", "")
    if kind not in KINDS:
        hint = nearest(kind, KINDS)
        raise UsageError(f"{where}: no kind {kind!r} of figure{hint}: {', '.join(KINDS)}")
    if own.get("width", "double") not in {"single", "double"}:
        raise UsageError(f"{where}: width is single or double, not {own['width']!r}")
    if ("by" in own) != ("top" in own):
        raise UsageError(f"{where}: by (a column) and top (how many of its values) go together")
    if "rank" in own and "by" not in own:
        raise UsageError(f"{where}: rank is of by, the column whose values are chosen")
    if "most" in own and not _takes_most(kind):
        raise UsageError(f"{where}: {kind} draws all its rows; leave most out, or choose by where")


def _takes_most(kind: str) -> bool:
    return "most" in inspect.signature(KINDS[kind].draw).parameters


def draw_figures(
    figures: Sequence[StudyFigure], find: FindTable, folder: Path
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Draw the figures of a study as SVG and PNG with their numbers; return paths and notes.

    A panel that cannot be drawn says why in its place; so does a note.

    Parameters
    ----------
    figures : by name.
    find : says where tables lie.
    folder : of the study; the figures go into ``figures`` in it.

    Raises
    ------
    StorageError
        The disk refused a file.
    """
    try:
        with house_style():
            pass
    except UsageError as fault:
        return (), (f"no figures: {fault}",)
    place = folder / FIGURES
    with storage_errors(place):
        place.mkdir(exist_ok=True)
    paths: list[Path] = []
    notes: list[str] = []
    for figure in figures:
        whole = draw_figure(figure, find)
        paths += save_drawing(whole, place / figure.name, formats=("svg", "png"))
        notes += [f"{figure.name} {note}" for note in whole.notes]
    return tuple(paths), tuple(notes)


def draw_figure(figure: StudyFigure, find: FindTable) -> Drawing:
    """Return a figure of a study; a panel that cannot be drawn says why in its place.

    Parameters
    ----------
    figure : with its panels.
    find : says where tables lie.

    Raises
    ------
    UsageError
        matplotlib is not installed.
    """
    drawn = [_draw(panel, letter_of(i), find) for i, panel in enumerate(figure.panels)]
    return compose(drawn, kind=figure.name)


def _draw(panel: PanelOfStudy, letter: str, find: FindTable) -> Panel:
    title = f"{letter}  {panel.title}".rstrip()
    style = PlotStyle(width=panel.width, title=title, labels=panel.labels)
    try:
        drawing = _draw_rows(panel, style, find)
    except ProteomrError as fault:
        drawing = draw_absent(str(fault), kind=panel.kind, style=style)
    return Panel(drawing, panel.width)


def _draw_rows(panel: PanelOfStudy, style: PlotStyle, find: FindTable) -> Drawing:
    kind = KINDS[panel.kind]
    rows = _read_rows(panel, find, panel.taken.table or kind.table)
    if panel.by is not None and panel.top is not None:
        rows = _keep_strongest(rows, panel.by, panel.top, rank=panel.rank)
    if panel.names is not None:
        _need(rows, panel.names)
        rows = rows.drop(c.PROTEIN, strict=False).rename({panel.names: c.PROTEIN})
    if kind.beside is not None:
        table, draw_both = kind.beside
        return draw_both(rows, _read_rows(panel, find, table), style=style)
    draw: Any = kind.draw  # of which some take `most`
    more: Mapping[str, int] = {} if panel.most is None else {"most": panel.most}
    drawn: Drawing = draw(rows, style=style, **more)
    return drawn


def _read_rows(panel: PanelOfStudy, find: FindTable, table: str | None) -> pl.DataFrame:
    """Return the rows of a table of a panel's stage for which all conditions hold."""
    stage = panel.taken.stage
    rows = read_table(find(stage, table))
    for text in panel.taken.where:
        condition = parse_condition(text).with_words(rows.columns)
        rows = rows.filter(condition.judge(rows, among=f"columns of {stage}"))
        if rows.is_empty():
            raise NothingToDo(f"no row of {stage} is left where {text}")
    return rows


def _keep_strongest(rows: pl.DataFrame, column: str, count: int, *, rank: str) -> pl.DataFrame:
    """Return the rows of those values of a column that have the largest numbers in another."""
    _need(rows, column)
    _need(rows, rank)
    best = rows.group_by(column).agg(pl.col(rank).max().alias("_best"))
    ranked = best.drop_nulls().sort(["_best", column], descending=[True, False])
    return rows.filter(pl.col(column).is_in(ranked[column].head(count).implode()))


def _need(rows: pl.DataFrame, column: str) -> None:
    if column not in rows.columns:
        hint = nearest(column, rows.columns)
        raise ColumnError(f"no column {column!r} in the table{hint}")
