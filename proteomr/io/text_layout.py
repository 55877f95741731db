"""The layout of delimited text, found from its content: delimiter, names of the columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from proteomr.border import reads
from proteomr.errors import FormatError
from proteomr.io.identifiers import ID_COLUMNS, ROW_NAMES
from proteomr.io.quoting import refuse_stray_quote
from proteomr.io.sources import read_head
from proteomr.io.streams import part_by_tabs
from proteomr.runs.notes import add_note

__all__ = [
    "DELIMITERS",
    "MARKS",
    "MISSING",
    "ROW_NAMES",
    "TextLayout",
    "find_blanks",
    "find_layout",
    "find_row_names",
    "refuse_encoding",
]

MARKS: Final = r'["\x00-\x1f\x7f]'
"""What never belongs into the name of a sample or an assay: a quotation mark, a line break."""
MISSING: Final = ("", "NA", "NaN", "nan", "N/A", "null", "NULL", "None", ".")
DELIMITERS: Final = (",", ";", "\t")
_WORDS: Final = {",": "commas", ";": "semicolons", "\t": "tabs"}
_NUMBER: Final = re.compile(r"[+-]?[0-9.,]+([eE][+-]?[0-9]+)?")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{0,3}([.,][0-9]+([eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)")
_HASHED: Final = ("#FID", "#IID")  # as PLINK 2 writes them
_SAMPLED_RECORDS: Final = 50
_HEAD_SIZES: Final = (1 << 18, 1 << 22, 1 << 26)


@dataclass(frozen=True, slots=True)
class TextLayout:
    """How a text file is laid out.

    Parameters
    ----------
    path : the file.
    compressed : whether it is compressed with gzip.
    delimiter : comma, semicolon, tab or one blank.
    names : names of the columns that can be asked for, each once.
    header_lines : lines up to the end of the header.
    row_names : whether a column without a name stands before these and is passed over.
    blanks : whether runs of blanks part the cells; they are read as one tab each.
    """

    path: Path
    compressed: bool
    delimiter: str
    names: tuple[str, ...]
    header_lines: int
    row_names: bool = False
    blanks: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns as they stand in the file."""
        return ("", *self.names) if self.row_names else self.names


@dataclass(frozen=True, slots=True)
class _Beginning:
    """The first records of a text, as one delimiter splits them."""

    delimiter: str
    records: Sequence[Sequence[str]]
    header_lines: int
    blanks: bool = False

    @property
    def width(self) -> int:
        return len(self.records[0]) if self.records else 0

    @property
    def is_even(self) -> bool:
        """Whether all rows have as many fields as the header, or one more: names of rows."""
        widths = {len(record) for record in self.records[1:]} or {self.width}
        return widths in ({self.width}, {self.width + 1})


@reads
def find_layout(path: Path, *, compressed: bool, id_column: str | None = None) -> TextLayout:
    r"""Return the delimiter and the column names of a text file.

    The delimiter is the one of comma, semicolon and tab that splits the first records into most
    fields, all of one number; where none does, blanks or runs of them. A first column without a
    name, as R and pandas write for the names of rows, is passed over, with a note; where no column
    has the name of an identifier, and it holds more than the numbers of the rows, it is called
    ``row_names`` and is the identifier.

    Parameters
    ----------
    path : the file.
    compressed : whether it is compressed with gzip.
    id_column : name of the identifier, where the user has named it.

    Raises
    ------
    FormatError
        The text is not UTF-8, no delimiter splits it, a column has no name or another's, or a
        quotation mark opens a cell that does not end on its line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".csv") as file:
    ...     size = file.write(b"sample_id;age\n1;50\n")
    ...     file.flush()
    ...     find_layout(Path(file.name), compressed=False).names
    ('sample_id', 'age')
    """
    text, whole = _decode_start(path, compressed=compressed)
    begun = _split_start(text)
    if not begun.records:
        longest = f"a cell of more than {csv.field_size_limit():,} characters; is it a table?"
        message = longest if text.strip() else "the file holds blank lines only"
        raise FormatError(message, path=path)
    _refuse_stray_quote(text, begun, path=path, whole=whole)
    unnamed = find_row_names(begun.records)
    if begun.width == 1 and not unnamed:
        _refuse_other_delimiters(begun.records, path)
    names = tuple(name.strip() for name in begun.records[0])
    names = names[1:] if unnamed and not names[0] else names
    names = (names[0].removeprefix("#"), *names[1:]) if names[0] in _HASHED else names
    _check_names(names, path=path, line=begun.header_lines)
    hidden = unnamed and _pass_over(names, begun, path=path, id_column=id_column)
    return TextLayout(
        path,
        compressed,
        begun.delimiter,
        (ROW_NAMES, *names) if unnamed and not hidden else names,
        begun.header_lines,
        row_names=hidden,
        blanks=begun.blanks,
    )


def find_blanks(lines: Sequence[str]) -> str | None:
    """Return the delimiter of a text that blanks part: one blank; None for runs of them.

    Examples
    --------
    >>> find_blanks(["FID IID", "1 1"]), find_blanks(["FID  IID", "1 1"])
    (' ', None)
    """
    runs = any("  " in line or "\t" in line or line != line.strip() for line in lines)
    return None if runs else " "


def find_row_names(records: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first column of a table has no name and holds those of its rows.

    So R's ``write.csv`` and pandas leave it, with an empty name, and R's ``write.table``, with no
    field for it in the header. In the second case a name may be lacking elsewhere as well: the
    first column then counts where it holds the numbers of the rows, or where no other column has
    the name of an identifier.

    Parameters
    ----------
    records : the header and the first rows.

    Examples
    --------
    >>> find_row_names([["", "age"], ["1", "50"]]), find_row_names([["age"], ["1", "50"]])
    (True, True)
    """
    header, rows = records[0], records[1:]
    cells = [row[0].strip() for row in rows if row]
    if not cells or not all(cells) or len(set(cells)) < len(cells):
        return False
    if not header[0].strip():
        return len(header) > 1
    one_more = all(len(row) == len(header) + 1 for row in rows)
    if not one_more or not any(row[-1].strip() for row in rows):
        return False
    # A single row is too little to tell numbers of rows by.
    return (len(cells) > 1 and _are_row_numbers(cells)) or not _names_identifier(header)


def _are_row_numbers(cells: Sequence[str]) -> bool:
    """Tell whether cells count the rows, from one as in R or from zero as in pandas."""
    return any(
        all(cell == str(number) for number, cell in enumerate(cells, start=start))
        for start in (0, 1)
    )


def _names_identifier(names: Sequence[str]) -> bool:
    return any(name.strip().removeprefix("#") in ID_COLUMNS for name in names)


def _pass_over(
    names: Sequence[str], begun: _Beginning, *, path: Path, id_column: str | None
) -> bool:
    """Tell whether the names of rows are passed over, and say what becomes of them."""
    cells = [row[0].strip() for row in begun.records[1:]]
    numbered = _are_row_numbers(cells)
    hidden = numbered or id_column is not None or _names_identifier(names)
    what = "the numbers of the rows" if numbered else "names of rows"
    becomes = "passed over" if hidden else "taken as the identifier"
    add_note(f"{path.name}: the first column has no name and holds {what}; it is {becomes}")
    return hidden


def _split_start(text: str) -> _Beginning:
    """Return the first records by the delimiter that splits them best."""
    candidates = [_Beginning(mark, *_first_records(text, mark)) for mark in DELIMITERS]
    best = max(candidates, key=lambda begun: (begun.width > 1 and begun.is_even, begun.width))
    parted = best.width > 1 and (best.is_even or best.delimiter != "\t")
    if parted or not best.records or " " not in "".join(best.records[0]):
        return best
    lines = [line for line in text.splitlines() if line.strip()][: _SAMPLED_RECORDS + 1]
    if find_blanks(lines) is not None:
        by_blanks = _Beginning(" ", *_first_records(text, " "))
    else:
        by_blanks = _Beginning("\t", *_first_records(_part_by_tabs(text), "\t"), blanks=True)
    known = by_blanks.width > 1 and _names_identifier(by_blanks.records[0])
    even = by_blanks.is_even
    return by_blanks if (even and known) or (best.width == 1 and (even or known)) else best


def _part_by_tabs(text: str) -> str:
    return "\n".join(map(part_by_tabs, text.split("\n")))


def _refuse_stray_quote(text: str, begun: _Beginning, *, path: Path, whole: bool) -> None:
    if '"' not in text:
        return
    shown = _part_by_tabs(text) if begun.blanks else text
    lines = io.StringIO(shown, newline="")
    refuse_stray_quote(lines, delimiter=begun.delimiter, width=begun.width, path=path, whole=whole)


def _decode_start(path: Path, *, compressed: bool) -> tuple[str, bool]:
    """Return the text up to the end of a line, and whether that is all of it."""
    head, whole = b"", False
    for size in _HEAD_SIZES:
        head = read_head(path, compressed=compressed, size=size)
        whole = len(head) < size
        if whole or head.count(b"\n") > 2:
            break
    if not whole and b"\n" in head:
        head = head[: head.rindex(b"\n") + 1]
    try:
        return head.decode("utf-8-sig"), whole
    except UnicodeDecodeError as fault:
        refuse_encoding(path, head[: fault.start].count(b"\n") + 1)


def _first_records(text: str, delimiter: str) -> tuple[list[list[str]], int]:
    """Return the first records that are not blank, and the line on which the header ends."""
    records: list[list[str]] = []
    header_lines = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for record in reader:
            if record and len(records) < _SAMPLED_RECORDS:
                records.append(record)
                header_lines = header_lines or reader.line_num
    except csv.Error:
        pass  # a cell beyond the csv module's limit; the reader proper reports what is wrong
    return records, header_lines


def _refuse_other_delimiters(records: Sequence[Sequence[str]], path: Path) -> None:
    cells = [record[0].strip() for record in records if record]
    remedy = "separate the columns with plain commas, semicolons or tabs"
    for mark, word in (*_WORDS.items(), ("|", "'|'"), (None, "spaces"), (":", "':'")):
        fields = [len(cell.split(mark)) for cell in cells]
        everywhere = mark in DELIMITERS or len(set(fields)) == 1
        if fields[0] > 1 and everywhere:
            raise FormatError(f"one column only, with {word} inside; {remedy}", path=path, line=1)


def _check_names(names: Sequence[str], *, path: Path, line: int) -> None:
    # A row of data in place of the header would show the name of a person in later messages.
    if _NUMBER.fullmatch(names[0]) or any(map(_DECIMAL.fullmatch, names)):
        message = "a number where the name of a column is needed; add a header line"
        raise FormatError(message, path=path, line=line)
    seen: set[str] = set()
    for position, name in enumerate(names, start=1):
        if not name:
            message = (
                f"column {position} has no name (row names, or a delimiter too many?); name it"
            )
            raise FormatError(message, path=path, line=line)
        if name in seen:
            raise FormatError(
                "the name stands twice; rename one", path=path, line=line, column=name
            )
        seen.add(name)


def refuse_encoding(path: Path, line: int) -> NoReturn:
    """Raise for a text of another encoding than UTF-8, with the line."""
    raise FormatError("is not UTF-8 text; save the file as UTF-8", path=path, line=line)
