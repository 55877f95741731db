"""The ADAT format of SomaScan: sections of text to annotations and a matrix, with line numbers."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, NoReturn

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.border import reads
from proteomr.errors import FormatError
from proteomr.io.formats import Source
from proteomr.io.somascan.cells import check_seq_id, read_numbers
from proteomr.io.sources import damaged_gzip

__all__ = ["SEQ_ID", "Adat", "read_adat"]

SEQ_ID: Final = "SeqId"
_HEADER: Final = "^header"
_TABLE: Final = "^table_begin"
_DELIMITERS: Final = "\t;,"


@dataclass(frozen=True, slots=True, eq=False)
class Adat:
    """What one ADAT file holds, nothing interpreted.

    Parameters
    ----------
    path : the file.
    header : entries of the section ^HEADER, without the exclamation mark.
    analytes : p rows of text, one per analyte, in the order of the file; ``SeqId`` is the first
        column, without the suffix of its version.
    rows : n rows of text, one per row of the table: sample, calibrator, control or buffer.
    lines : line of each row in the file, (n,).
    values : (n, p), NaN = missing.
    undescribed : names of columns that the sections ^COL_DATA and ^ROW_DATA announce and the
        table does not have.
    """

    path: Path
    header: dict[str, str]
    analytes: pl.DataFrame
    rows: pl.DataFrame
    lines: I64
    values: F64
    undescribed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    cells: list[str]


@reads
def read_adat(source: Source) -> Adat:
    r"""Return the annotations and the values of an ADAT file.

    Read are tab-delimited files and those saved again by a spreadsheet as csv; the sections
    ^HEADER, ^COL_DATA and ^ROW_DATA may be absent. A missing value is an empty cell, NA or NaN.

    Raises
    ------
    FormatError
        There is no table, or it is cut off; a line is shifted; a SeqId was turned into a date or
        a number, or stands twice; a value is no number; with line and column.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.io.formats import open_source
    >>> text = "^TABLE_BEGIN\n\tSeqId\t2597-8\nSampleId\t\t\nA1\t\t310.5\n"
    >>> with tempfile.NamedTemporaryFile(suffix=".adat") as file:
    ...     size = file.write(text.encode())
    ...     file.flush()
    ...     adat = read_adat(open_source(file.name))
    >>> adat.analytes["SeqId"].to_list(), adat.values.tolist()
    (['2597-8'], [[310.5]])
    """
    lines = _numbered_lines(source)
    header, announced = _read_preamble(lines, source.path)
    table = _split_lines(lines, source.path)
    described, names = _read_annotation(table, source.path)
    rows, numbers, values = _read_rows(table, described, source.path)
    analytes = pl.DataFrame(described.columns, schema=dict.fromkeys(described.columns, pl.String))
    column_names = {*analytes.columns, *names}
    return Adat(
        path=source.path,
        header=header,
        analytes=analytes,
        rows=pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row"),
        lines=numbers,
        values=values,
        undescribed=tuple(name for name in announced if name not in column_names),
    )


def _numbered_lines(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, without their end; refuse one that has no end."""
    opener = gzip.open if source.compressed else open
    number = 0
    try:
        with opener(source.path, "rb") as file:
            for number, raw in enumerate(file, start=1):
                line = _decode(raw, source.path, number)
                if "\r" in line.rstrip("\r\n"):
                    message = "a line break inside a line (a lone carriage return); remove it"
                    raise FormatError(message, path=source.path, line=number)
                if line.strip(' \r\n\t;,"'):
                    yield number, line.rstrip("\r\n")
                if not line.endswith(("\n", "\r")):
                    raise FormatError(
                        "the last line does not end with a line break: the file is cut off; copy "
                        "it again, or add the line break if it is whole",
                        path=source.path,
                        line=number,
                    )
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise damaged_gzip(source.path) from fault
    except OSError as fault:
        message = f"cannot be read to its end ({fault.strerror or fault})"
        raise FormatError(message, path=source.path, line=number) from fault


def _decode(raw: bytes, path: Path, number: int) -> str:
    if b"\x00" in raw:
        raise FormatError("holds a NUL byte; copy the file again", path=path, line=number)
    try:
        return raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        message = "is not UTF-8 text; save the file as UTF-8"
        raise FormatError(message, path=path, line=number) from None


def _read_preamble(
    lines: Iterator[tuple[int, str]], path: Path
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the header and the names that ^COL_DATA and ^ROW_DATA announce, up to the table."""
    header: dict[str, str] = {}
    announced: list[str] = []
    section = ""
    for _, line in lines:
        cells = _split(line, _delimiter_of(line))
        first = cells[0].strip()
        if first.startswith("^"):
            section = first.casefold()
            if section == _TABLE:
                return header, tuple(announced)
        elif section == _HEADER or (not section and first.startswith("!")):
            header[first.removeprefix("!")] = next((c.strip() for c in cells[1:] if c.strip()), "")
        elif first.removeprefix("!").casefold() == "name":
            announced += [cell.strip() for cell in cells[1:] if cell.strip()]
    if section:
        message = "no line ^TABLE_BEGIN: the table is missing or cut off; copy the file again"
        raise FormatError(message, path=path)
    raise FormatError(
        "an ADAT without its header: the lines ^HEADER and ^TABLE_BEGIN are missing; use the file "
        "as SomaLogic delivered it",
        path=path,
        line=1,
    )


def _split_lines(lines: Iterator[tuple[int, str]], path: Path) -> Iterator[_Line]:
    """Yield the lines of the table; its first line tells the delimiter."""
    first = next(lines, None)
    if first is None:
        raise FormatError("nothing stands below ^TABLE_BEGIN; copy the file again", path=path)
    delimiter = _delimiter_of(first[1])
    for number, line in chain([first], lines):
        cells = _split(line, delimiter)
        if any(cell.strip() for cell in cells):
            yield _Line(number, cells)


def _delimiter_of(line: str) -> str:
    return "\t" if "\t" in line else max(_DELIMITERS, key=line.count)


def _split(line: str, delimiter: str) -> list[str]:
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        return line.split(delimiter)  # quotation marks that are part of the text


@dataclass(frozen=True, slots=True)
class _Described:
    """Annotation of the analytes: columns of text, and the position of the labels' column."""

    columns: dict[str, list[str]]
    label: int

    @property
    def width(self) -> int:
        return self.label + 1 + len(self.columns[SEQ_ID])


def _read_annotation(table: Iterator[_Line], path: Path) -> tuple[_Described, tuple[str, ...]]:
    """Read down to the line with the names of the sample columns, which is returned too."""
    lines: list[_Line] = []
    header: _Line | None = None
    for line in table:
        if line.cells[0].strip():
            header = line
            break
        lines.append(line)
    seq_id = next((line for line in lines if _label_of(line)[1].casefold() == "seqid"), None)
    if seq_id is None:
        remedy = "use the file as SomaLogic delivered it"
        at = header.number if header else None
        message = f"no line 'SeqId' below ^TABLE_BEGIN, which names the analytes; {remedy}"
        raise FormatError(message, path=path, line=at)
    if header is None:
        message = "no line with the names of the sample columns, and no samples: the file is cut"
        raise FormatError(f"{message} off; copy it again", path=path, line=lines[-1].number)
    described = _Described(_read_columns(lines, seq_id, path), _label_of(seq_id)[0])
    return described, _read_names(header, described, path)


def _label_of(line: _Line) -> tuple[int, str]:
    return next((at, cell.strip()) for at, cell in enumerate(line.cells) if cell.strip())


def _read_columns(lines: Sequence[_Line], seq_id: _Line, path: Path) -> dict[str, list[str]]:
    label, _ = _label_of(seq_id)
    ids = [cell.strip() for cell in seq_id.cells[label + 1 :]]
    while ids and not ids[-1]:
        ids.pop()
    columns = {SEQ_ID: _check_seq_ids(ids, label + 2, seq_id.number, path)}
    width = label + 1 + len(ids)
    for line in lines:
        if line is seq_id:
            continue
        at, name = _label_of(line)
        if (
            at != label
            or len(line.cells) != len(seq_id.cells)
            or "".join(line.cells[width:]).strip()
        ):
            _refuse_width(line, len(seq_id.cells), path, "the line SeqId")
        if name in columns or name.casefold() == "seqid":
            raise FormatError("the name stands twice", path=path, line=line.number, column=name)
        columns[name] = [cell.strip() for cell in line.cells[label + 1 : width]]
    return columns


def _check_seq_ids(ids: Sequence[str], first_field: int, line: int, path: Path) -> list[str]:
    if not ids:
        raise FormatError("no SeqId on its line", path=path, line=line, column=SEQ_ID)
    checked: dict[str, int] = {}
    for field, text in enumerate(ids, start=first_field):
        fault = check_seq_id(text)
        if fault:
            message = f"field {field}: {fault}"
            raise FormatError(message, path=path, line=line, column=SEQ_ID)
        name = text.partition("_")[0]
        if name in checked:
            message = f"{name!r} stands twice, in fields {checked[name]} and {field}; remove one"
            raise FormatError(message, path=path, line=line, column=SEQ_ID)
        checked[name] = field
    return list(checked)


def _read_names(header: _Line, described: _Described, path: Path) -> tuple[str, ...]:
    """Return the names of the sample columns, which fill the line up to the labels' column."""
    names = tuple(cell.strip() for cell in header.cells[: described.label])
    if any(cell.strip() for cell in header.cells[described.label :]):
        message = (
            f"{described.label} names of sample columns are needed, as many as there are fields "
            "before the label SeqId, and nothing after them"
        )
        raise FormatError(message, path=path, line=header.number)
    if len(names) < described.label or not all(names):
        message = "a sample column has no name; name it, or remove it"
        raise FormatError(message, path=path, line=header.number)
    for position, name in enumerate(names):
        if name in names[:position]:
            message = "the name stands twice; rename one"
            raise FormatError(message, path=path, line=header.number, column=name)
    return names


def _read_rows(
    table: Iterator[_Line], described: _Described, path: Path
) -> tuple[list[list[str | None]], I64, F64]:
    rows: list[list[str | None]] = []
    numbers: list[int] = []
    values: list[F64] = []
    fields = 0
    for line in table:
        fields = fields or max(len(line.cells), described.width)
        _check_row(line, described, fields, path)
        rows.append([cell.strip() or None for cell in line.cells[: described.label]])
        numbers.append(line.number)
        cells = line.cells[described.label + 1 : described.width]
        values.append(
            read_numbers(cells, names=described.columns[SEQ_ID], path=path, line=line.number)
        )
    if not rows:
        message = f"{described.width - described.label - 1} analytes and no samples below them"
        raise FormatError(f"{message}: the file is cut off; copy it again", path=path)
    return rows, np.array(numbers, dtype=np.int64), np.vstack(values)


def _check_row(line: _Line, described: _Described, fields: int, path: Path) -> None:
    """Refuse a row that lost or gained a field, so that its values would slip to a neighbour."""
    beyond = any(cell.strip() for cell in line.cells[described.width :])
    if len(line.cells) != fields or beyond:
        _refuse_width(line, fields, path, "the table")
    if line.cells[described.label].strip():
        message = "the field below the label SeqId is not empty: the line is shifted or misplaced"
        raise FormatError(message, path=path, line=line.number)
    if not line.cells[described.width - 1].strip():
        message = "the last value is empty: the line is shifted; write NA if it is missing"
        column = described.columns[SEQ_ID][-1]
        raise FormatError(message, path=path, line=line.number, column=column)


def _refuse_width(line: _Line, fields: int, path: Path, what: str) -> NoReturn:
    width = len(line.cells)
    where = "is cut off" if width < fields else "does not stand in line with"
    message = f"{width} fields where {what} has {fields}"
    if width == fields:
        message = f"the line does not stand in line with {what}"
    elif width < fields:
        message += f": the line {where}, or lost a field; copy the file again"
    else:
        message += ": a delimiter too many, or a line break missing"
    raise FormatError(message, path=path, line=line.number)
