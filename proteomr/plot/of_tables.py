"""Which figure a table of results has, and the figure: the same for the command and in Python."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, Literal

import polars as pl

from proteomr.errors import UsageError, nearest
from proteomr.plot.drawing import Drawing, mention_letters
from proteomr.plot.kinds import KINDS, Kind
from proteomr.plot.result_models import split_models
from proteomr.plot.style import PlotStyle

__all__ = ["choose_kind", "draw_kind", "draw_result"]

_KEYS: Final = ("exposure", "outcome", "adjustment", "stratum", "effect", "contrast")


def draw_kind(
    frame: pl.DataFrame,
    kind: Kind,
    *,
    beside: pl.DataFrame | None = None,
    width: Literal["single", "double"] | None = None,
    title: str | None = None,
    labels: int = 12,
    build: str | None = None,
) -> Drawing:
    """Return a table drawn as a kind of figure.

    Parameters
    ----------
    frame : the table.
    kind : one of `KINDS`.
    beside : the table that the kind draws with it, where it is there.
    width : a journal's column or two; None for two where there are several panels.
    title : above the figure.
    labels : most proteins that are named in a panel.
    build : "GRCh38" or "GRCh37", of a kind with positions: whose genes stand below.

    Raises
    ------
    ProteomrError
        The table lacks what the figure shows, or matplotlib is not installed.
    """
    wide = width or ("double" if _has_panels(frame, kind) else "single")
    style = PlotStyle(width=wide, title=title, labels=labels, build=build)
    if kind.beside is not None and beside is not None:
        return mention_letters(kind.beside[1](frame, beside, style=style))
    return mention_letters(kind.draw(frame, style=style))


def draw_result(
    tables: Mapping[str, Callable[[], pl.DataFrame]],
    name: str,
    kind: str | None = None,
    *,
    width: Literal["single", "double"] | None = None,
    title: str | None = None,
    labels: int = 12,
) -> Drawing:
    """Return the figure of one of several tables; see `draw_kind` for the rest.

    Parameters
    ----------
    tables : what reads each, by name; only what is drawn is read.
    name : of the table that is asked for.
    kind : name of the kind; None for the table's own.

    Raises
    ------
    UsageError
        There is no such kind, or the table has no figure: those of the others are named.
    """
    drawn, chosen = choose_kind(tables, name, kind)
    other = None if chosen.beside is None else tables.get(chosen.beside[0])
    beside = None if other is None else other()
    return draw_kind(
        tables[drawn](), chosen, beside=beside, width=width, title=title, labels=labels
    )


def choose_kind(names: Collection[str], name: str, kind: str | None = None) -> tuple[str, Kind]:
    """Return the table that is drawn for one that is asked for, and as what.

    Parameters
    ----------
    names : tables that are there.
    name, kind : see `draw_result`.

    Examples
    --------
    >>> choose_kind(["coloc", "coloc_sensitivity"], "coloc")[0]
    'coloc_sensitivity'
    """
    if kind is not None:
        if kind not in KINDS:
            known = ", ".join(KINDS)
            raise UsageError(f"no kind of figure {kind!r}{nearest(kind, KINDS)}; known: {known}")
        own = KINDS[kind].table or name
        return (own if own in names else name), KINDS[kind]
    for each in KINDS.values():
        if name in each.tables:
            return name, each
    for each in KINDS.values():
        if each.of == name and each.table is not None and each.table in names:
            return each.table, each
    raise UsageError(f"the table {name!r} has no figure{_name_others(names)}")


def _name_others(names: Collection[str]) -> str:
    """Return the tables beside it that have a figure, in words."""
    found = [n for n in names if any(n in each.tables for each in KINDS.values())]
    return f"; of those beside it, {', '.join(found)} {_has(found)} one" if found else ""


def _has(names: Collection[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _has_panels(frame: pl.DataFrame, kind: Kind) -> bool:
    """Tell whether a figure would have several panels beside one another."""
    if kind.panels == "pairs":
        return "p12" in frame.columns and frame["p12"].n_unique() < frame.height
    if kind.panels == "scores":
        return frame.select(pl.col("^set$", "^horizon$").n_unique()).row(0) > (1, 1)
    if kind.panels == "models":
        return len(split_models(frame)) > 1
    if kind.panels == "keys":
        keys = [name for name in _KEYS if name in frame.columns]
        return bool(keys) and frame.select(keys).n_unique() > 1
    if kind.panels == "regions":
        return frame.select(pl.col("^trait$", "^region$")).n_unique() > 1
    return kind.panels == "always"
