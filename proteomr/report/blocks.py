"""What a report is made of: headings, sentences, tables and figures, each with where it is from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

__all__ = ["Block", "FigureBlock", "Section", "Sentence", "TableBlock"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, and where its numbers are from; empty where it has none."""

    text: str
    source: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class TableBlock:
    """Rows of a table.

    Attributes
    ----------
    caption : what they are.
    frame : the rows, numbers as they are.
    source : file, rows and request.
    """

    caption: str
    frame: pl.DataFrame
    source: str


@dataclass(frozen=True, slots=True)
class FigureBlock:
    """A figure, what it shows, and where it is from.

    Attributes
    ----------
    caption : what it shows.
    svg : the drawing.
    source : file and request.
    png : the same as raster, which stands in its place where the drawing has too many parts.
    """

    caption: str
    svg: str
    source: str
    png: bytes = b""


Block: TypeAlias = Sentence | TableBlock | FigureBlock


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report under a heading."""

    title: str
    blocks: tuple[Block, ...]
