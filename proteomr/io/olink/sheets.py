"""Sheets of Olink in workbooks and in delimited text, found by what stands in their first rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from proteomr.border import reads
from proteomr.errors import FormatError
from proteomr.io.formats import Source
from proteomr.io.long_form.sheets import (
    LEADING_ROWS,
    Cell,
    Sheet,
    as_text,
    has_sheet,
    parse_sheet,
    read_sheets,
)
from proteomr.io.long_form.vocabulary import looks_long, simplify
from proteomr.io.olink.spellings import OLINK
from proteomr.io.sources import read_head
from proteomr.io.text import DELIMITERS

__all__ = ["find_sheets", "holds_olink", "is_wide", "looks_wide"]

_LARGEST_SHEET: Final = 1 << 29
_HEADINGS: Final = ("panel", "assay", "uniprotid", "olinkid")
_KINDS: Final = ("npxdata", "quantifieddata", "ctdata")


def looks_wide(first_cells: Sequence[str]) -> bool:
    """Tell from the first cells of the leading rows whether a sheet is a wide one of Olink.

    Examples
    --------
    >>> looks_wide(["My project", "NPX Data", "Panel", "Assay", "Uniprot ID", "OlinkID"])
    True
    """
    words = {simplify(cell) for cell in first_cells}
    headings = sum(word in words for word in _HEADINGS)
    return headings >= 2 and (headings >= 3 or not words.isdisjoint(_KINDS))


@reads
def holds_olink(source: Source) -> bool:
    """Tell whether a file has a sheet of Olink.

    Raises
    ------
    FormatError
        The file is damaged.
    """
    if source.kind == "workbook":
        return has_sheet(source.path, lambda head: _is_wide(head) or _is_long(head))
    return _find_in_text(source) is not None


@reads
def find_sheets(source: Source) -> list[Sheet]:
    """Return the sheets of Olink in a file: wide ones, and long ones of a workbook; none of others.

    Raises
    ------
    FormatError
        The file is damaged.
    """
    if source.kind == "workbook":
        return read_sheets(source.path, lambda head: _is_wide(head) or _is_long(head))
    sheet = _find_in_text(source)
    return [] if sheet is None else [sheet]


def is_wide(sheet: Sheet) -> bool:
    """Tell whether a sheet is a wide one."""
    return _is_wide(sheet.rows[:LEADING_ROWS])


def _is_wide(head: Sequence[Sequence[Cell]]) -> bool:
    return looks_wide([as_text(row[0]) for row in head if row])


def _is_long(head: Sequence[Sequence[Cell]]) -> bool:
    return any(looks_long([as_text(cell) for cell in row], OLINK) for row in head)


def _find_in_text(source: Source) -> Sheet | None:
    head = source.head.splitlines()[:LEADING_ROWS]
    starts = [re.split(r"[,;\t]", line, maxsplit=1)[0].strip(' "') for line in head]
    if not looks_wide(starts):
        return None
    headings = [
        line for line, start in zip(head, starts, strict=True) if simplify(start) in _HEADINGS
    ]
    delimiter = max(DELIMITERS, key=lambda mark: min(line.count(mark) for line in headings))
    content = read_head(source.path, compressed=source.compressed, size=_LARGEST_SHEET + 1)
    if len(content) > _LARGEST_SHEET:
        size = f"more than {_LARGEST_SHEET >> 20} MB in a wide sheet"
        raise FormatError(f"{size}; use the long table of the same study", path=source.path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = content[: fault.start].count(b"\n") + 1
        message = "is not UTF-8 text; save the file as UTF-8"
        raise FormatError(message, path=source.path, line=line) from None
    return parse_sheet(source.path, text, delimiter)
