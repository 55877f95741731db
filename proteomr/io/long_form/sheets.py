"""The cells of a sheet, from a workbook or from delimited text, and what stands in them."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from proteomr.border import reads
from proteomr.errors import FormatError
from proteomr.io.bounds import refuse_far_cells
from proteomr.io.text import MISSING

__all__ = [
    "LEADING_ROWS",
    "Cell",
    "Sheet",
    "as_number",
    "as_text",
    "find_header",
    "has_sheet",
    "parse_sheet",
    "read_sheets",
]

Cell: TypeAlias = int | float | str | bool | dt.date | dt.time | dt.datetime | dt.timedelta

LEADING_ROWS: Final = 16
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


def find_header(sheet: Sheet, is_header: Callable[[Sequence[str]], bool]) -> int | None:
    r"""Return the position of the first of the leading rows that is a header; None without one.

    Examples
    --------
    >>> sheet = parse_sheet(Path("npx.csv"), "Project;\nSampleID;NPX\n", ";")
    >>> find_header(sheet, lambda names: "NPX" in names)
    1
    """
    for position, row in enumerate(sheet.rows[:LEADING_ROWS]):
        if is_header([as_text(cell) for cell in row]):
            return position
    return None


@reads
def has_sheet(path: Path, wanted: Callable[[Sequence[Sequence[Cell]]], bool]) -> bool:
    """Tell whether a workbook has a sheet whose leading rows are wanted; reads no more than these.

    Raises
    ------
    FormatError
        The workbook is damaged, or has a password.
    """
    from python_calamine import CalamineWorkbook

    refuse_far_cells(path)
    with _damage(path), CalamineWorkbook.from_path(path) as book:
        sheets = map(book.get_sheet_by_name, book.sheet_names)
        return any(
            wanted(sheet.to_python(skip_empty_area=False, nrows=LEADING_ROWS)) for sheet in sheets
        )


@reads
def read_sheets(path: Path, wanted: Callable[[Sequence[Sequence[Cell]]], bool]) -> list[Sheet]:
    """Return the sheets of a workbook whose leading rows are wanted.

    Parameters
    ----------
    path : the workbook.
    wanted : told from the leading rows of a sheet.

    Raises
    ------
    FormatError
        The workbook is damaged, or has a password.
    """
    from python_calamine import CalamineWorkbook

    refuse_far_cells(path)
    sheets = []
    with _damage(path), CalamineWorkbook.from_path(path) as book:
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            if wanted(sheet.to_python(skip_empty_area=False, nrows=LEADING_ROWS)):
                rows = sheet.to_python(skip_empty_area=False)
                sheets.append(
                    Sheet(path, name, rows, range(1, len(rows) + 1), list(map(len, rows)))
                )
    return sheets


def parse_sheet(path: Path, text: str, delimiter: str) -> Sheet:
    r"""Return delimited text as a sheet.

    Raises
    ------
    FormatError
        A NUL byte, or a quote that is not closed; with the line.

    Examples
    --------
    >>> parse_sheet(Path("npx.csv"), "Panel;CVD\nAssay;IL6\n", ";").rows
    [['Panel', 'CVD'], ['Assay', 'IL6']]
    """
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
