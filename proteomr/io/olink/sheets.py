"""The cells of a sheet, from a workbook or from delimited text, and what stands in them."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from proteomr.border import reads
from proteomr.errors import FormatError
from proteomr.io.bounds import refuse_far_cells
from proteomr.io.formats import Source
from proteomr.io.olink.spellings import looks_long, simplify
from proteomr.io.sources import read_head
from proteomr.io.text import DELIMITERS, MISSING

__all__ = ["Cell", "Sheet", "as_number", "as_text", "find_sheet", "looks_wide"]

Cell: TypeAlias = int | float | str | bool | dt.date | dt.time | dt.datetime | dt.timedelta

_LEADING_ROWS: Final = 16
_LARGEST_SHEET: Final = 1 << 29
_HEADINGS: Final = ("panel", "assay", "uniprotid", "olinkid")
_KINDS: Final = ("npxdata", "quantifieddata", "ctdata")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA_NUMBER: Final = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """The rows of a sheet.

    Parameters
    ----------
    path : the file.
    name : name of the sheet in a workbook; None for text.
    rows : cells, each row as wide as the widest.
    lines : line of each row in the file, from one.
    fields : number of cells of each row before it was made as wide as the others.
    """

    path: Path
    name: str | None
    rows: Sequence[Sequence[Cell]]
    lines: Sequence[int]
    fields: Sequence[int]

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.rows[0]) if self.rows else 0

    def fault(
        self, message: str, *, row: int | None = None, column: str | None = None
    ) -> FormatError:
        """Return the error for a row and a column of the sheet."""
        line = None if row is None else self.lines[row]
        where = "" if self.name is None else f"sheet {self.name!r}: "
        return FormatError(where + message, path=self.path, line=line, column=column)


def as_text(cell: Cell) -> str:
    """Return a cell as text, empty where it is missing; whole numbers without decimals.

    Examples
    --------
    >>> as_text(1001.0), as_text(" A1 "), as_text("NA")
    ('1001', 'A1', '')
    """
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, dt.date):
        return cell.isoformat()[:10]
    text = str(cell).strip()
    return "" if text in MISSING else text


def as_number(cell: Cell) -> float:
    """Return a cell as a number, NaN where it is missing.

    Raises
    ------
    ValueError
        The cell holds something else; the text says what, without the content of the cell.

    Examples
    --------
    >>> as_number("0.5"), as_number(2), math.isnan(as_number(""))
    (0.5, 2.0, True)
    """
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell)
    text = as_text(cell)
    if not text:
        return math.nan
    if isinstance(cell, str) and _NUMBER.fullmatch(text):
        return float(text)
    if not isinstance(cell, str):
        what = "a date or a truth value where a number is needed (rewritten by a spreadsheet?)"
    elif _COMMA_NUMBER.fullmatch(text):
        what = "decimal comma; write numbers with a decimal point"
    else:
        what = "text where a number is needed; leave the cell empty if it is missing"
    raise ValueError(what)


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
def find_sheet(source: Source) -> Sheet | None:
    """Return the wide sheet in a file, None where it has none.

    Raises
    ------
    FormatError
        The file is damaged, or its only table is a long one in a workbook.
    """
    return _find_in_workbook(source.path) if source.kind == "workbook" else _find_in_text(source)


def _find_in_workbook(path: Path) -> Sheet | None:
    from python_calamine import CalamineWorkbook

    long_sheet = False
    refuse_far_cells(path)
    with _damage(path), CalamineWorkbook.from_path(path) as book:
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            head = sheet.to_python(skip_empty_area=False, nrows=_LEADING_ROWS)
            if looks_wide([as_text(row[0]) for row in head if row]):
                rows = sheet.to_python(skip_empty_area=False)
                return Sheet(path, name, rows, range(1, len(rows) + 1), list(map(len, rows)))
            long_sheet = long_sheet or any(looks_long([as_text(x) for x in row]) for row in head)
    if long_sheet:
        raise FormatError("a long table in a workbook; save the sheet as csv", path=path)
    return None


def _find_in_text(source: Source) -> Sheet | None:
    head = source.head.splitlines()[:_LEADING_ROWS]
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
    return _parse(source.path, text, delimiter)


def _parse(path: Path, text: str, delimiter: str) -> Sheet:
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        raise FormatError("holds a NUL byte", path=path, line=line)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[Cell]] = []
    lines: list[int] = []
    before = 0
    try:
        for record in reader:
            if reader.line_num > before + 1:
                message = "a cell holds a line break; is a quote not closed?"
                raise FormatError(message, path=path, line=before + 1)
            before = reader.line_num
            rows.append([*record])
            lines.append(before)
    except csv.Error as fault:
        message = "a quote after this line is not closed, or not followed by a delimiter"
        raise FormatError(message, path=path, line=before + 1) from fault
    fields = list(map(len, rows))
    width = max(fields, default=0)
    whole = [[*row, *[""] * (width - len(row))] for row in rows]
    return Sheet(path, None, whole, lines, fields)


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    from python_calamine import CalamineError, PasswordError

    try:
        yield
    except PasswordError as fault:
        raise FormatError("the workbook has a password; save it without", path=path) from fault
    except (CalamineError, OSError) as fault:
        raise FormatError("the workbook is damaged; copy or save it again", path=path) from fault
