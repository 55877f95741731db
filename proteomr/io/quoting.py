"""Quotation marks in delimited text: which cell may span lines, and which mark is a stray one.

A quotation mark opens a cell where it is the first character of it, and is a character like any
other elsewhere (``5'10"``). What it opens ends on its line. A stray mark would otherwise take
whole rows into one cell without a word, since a second one further down closes it.

A cell that spans lines is taken for one only where that can be proved: its mark closes just before
a delimiter or the end of a line, and no line below its first has as many delimiters as a row. Were
the mark a stray one, these lines would be rows of their own, and rows have all their fields. So a
line break in a comment of a table with several columns passes; in a table of one column nothing
tells it from two rows, and it is refused.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from proteomr.errors import FormatError

__all__ = ["find_stray_quote", "opens_cell", "refuse_stray_quote", "stray_quote"]

_INSIDE: Final = r'(?:[^"]++|"")*+'
_CLOSING: Final = re.compile(rf'{_INSIDE}"')
_BYTE_ORDER_MARKS: Final = ("\ufeff", "ï»¿")


def find_stray_quote(
    lines: Iterable[str], *, delimiter: str, width: int, whole: bool = True
) -> int | None:
    r"""Return the line on which a stray quotation mark opens, counting from one; None without any.

    Parameters
    ----------
    lines : the text from its first line on, with or without line ends.
    delimiter : what parts the cells.
    width : number of columns.
    whole : whether the lines go to the end of the text.

    Examples
    --------
    >>> rows = ["id,note,age", '1,"moved', '2,"well",50', '3,"two', 'lines",50']
    >>> find_stray_quote(rows, delimiter=",", width=3)
    2
    >>> find_stray_quote([rows[0], *rows[2:]], delimiter=",", width=3) is None
    True
    """
    opened = 0
    for number, line in enumerate(lines, start=1):
        if not opened and '"' not in line:
            continue
        text = line.rstrip("\r\n")
        if number == 1:
            text = text.removeprefix(_BYTE_ORDER_MARKS[0]).removeprefix(_BYTE_ORDER_MARKS[1])
        if opened:
            if text and text.count(delimiter) + 1 >= width:
                return opened
            end = _CLOSING.match(text)
            if end is None:
                continue
            text = text[end.end() :]
            if text and not text.startswith(delimiter):
                return opened
            text = text.removeprefix(delimiter)
        opened = number if opens_cell(text, delimiter=delimiter) else 0
    return opened if opened and whole else None


def opens_cell(line: str, *, delimiter: str) -> bool:
    """Tell whether a line ends inside a cell that a quotation mark has opened.

    Examples
    --------
    >>> opens_cell('1,"tall', delimiter=","), opens_cell('1,12" ruler,2', delimiter=",")
    (True, False)
    """
    return '"' in line and _open_end(delimiter).fullmatch(line) is not None


def stray_quote(path: Path, line: int, *, within: str = "") -> FormatError:
    """Return the error for a quotation mark that opens a cell and does not close it.

    Parameters
    ----------
    path : the file.
    line : where the mark stands.
    within : name of the member, where the file is an archive; its lines are counted.

    Examples
    --------
    >>> print(stray_quote(Path("people.tab"), 4))
    people.tab, line 4: a quote opens a cell that does not end on its line; ...
    """
    message = (
        "a quote opens a cell that does not end on its line; remove the quote, or the line "
        "break inside the cell"
    )
    if within:
        return FormatError(f"member {within!r}, line {line}: {message}", path=path)
    return FormatError(message, path=path, line=line)


def refuse_stray_quote(
    lines: Iterable[str], *, delimiter: str, width: int, path: Path, whole: bool = True
) -> None:
    """Raise where a text holds a stray quotation mark; see `find_stray_quote`.

    Raises
    ------
    FormatError
        A mark opens a cell that does not end on its line; with that line.

    Examples
    --------
    >>> refuse_stray_quote(['"id","age"', '"1",50'], delimiter=",", width=2, path=Path("x.csv"))
    """
    line = find_stray_quote(lines, delimiter=delimiter, width=width, whole=whole)
    if line is not None:
        raise stray_quote(path, line)


@functools.cache
def _open_end(delimiter: str) -> re.Pattern[str]:
    mark = re.escape(delimiter)
    closed = rf'"{_INSIDE}"[^{mark}]*+'
    plain = rf'[^"{mark}][^{mark}]*+'
    return re.compile(rf'(?:(?:{closed}|{plain}|){mark})*+"{_INSIDE}', re.DOTALL)
