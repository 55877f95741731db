"""Delimited text: its layout found from its content, read in a stream, its faults located."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import pyarrow as pa
import pyarrow.csv

from proteomr.border import reads
from proteomr.errors import FormatError
from proteomr.io.sources import damaged_gzip, read_head

__all__ = ["MARKS", "MISSING", "TextLayout", "find_layout", "locate_line", "stream_text"]

MARKS: Final = r'["\x00-\x1f\x7f]'
"""What never belongs into the name of a sample or an assay: a quotation mark, a line break."""
MISSING: Final = ("", "NA", "NaN", "nan", "N/A", "null", "NULL", "None", ".")
DELIMITERS: Final = (",", ";", "\t")
_WORDS: Final = {",": "commas", ";": "semicolons", "\t": "tabs"}
_NUMBER: Final = re.compile(r"[+-]?[0-9.,]+([eE][+-]?[0-9]+)?")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{0,3}([.,][0-9]+([eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)")
_SAMPLED_RECORDS: Final = 50
_BLOCK_BYTES: Final = 1 << 24
_HEAD_SIZES: Final = (1 << 18, 1 << 22, 1 << 26)


@dataclass(frozen=True, slots=True)
class TextLayout:
    """How a text file is laid out.

    Parameters
    ----------
    path : the file.
    compressed : whether it is compressed with gzip.
    delimiter : comma, semicolon or tab.
    names : names of the columns, each once.
    header_lines : lines up to the end of the header.
    """

    path: Path
    compressed: bool
    delimiter: str
    names: tuple[str, ...]
    header_lines: int


@reads
def find_layout(path: Path, *, compressed: bool) -> TextLayout:
    r"""Return the delimiter and the column names of a text file.

    The delimiter is the one of comma, semicolon and tab that splits the first records into most
    fields, all of one number.

    Raises
    ------
    FormatError
        The text is not UTF-8, no delimiter splits it, or a column has no name or another's.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".csv") as file:
    ...     size = file.write(b"sample_id;age\n1;50\n")
    ...     file.flush()
    ...     find_layout(Path(file.name), compressed=False).names
    ('sample_id', 'age')
    """
    text = _decode_start(path, compressed=compressed)
    candidates = {mark: _first_records(text, mark) for mark in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda mark: _rank(candidates[mark][0]))
    records, header_lines = candidates[delimiter]
    if not records:
        raise FormatError("the file holds blank lines only", path=path)
    names = tuple(name.strip() for name in records[0])
    if len(names) == 1:
        _refuse_other_delimiters(records, path)
    _check_names(names, path=path, line=header_lines)
    return TextLayout(path, compressed, delimiter, names, header_lines)


def stream_text(
    layout: TextLayout, *, types: Mapping[str, pa.DataType]
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a text file in blocks of bounded size.

    Parameters
    ----------
    layout : the file, as `find_layout` describes it.
    types : Arrow type of each column wanted; the others are passed over.

    Raises
    ------
    FormatError
        A row has more or fewer fields than the header, a quote is not closed, the text is not
        UTF-8, or the gzip stream is damaged; with the line.
    pyarrow.ArrowInvalid
        A cell cannot be converted to the type asked for.
    """
    suspicious = False
    try:
        for batch in _open_stream(layout, types):
            suspicious = suspicious or _spans_lines(batch)
            yield batch
    except pa.ArrowInvalid as fault:
        _raise_located(layout)
        if any(kind != pa.string() for kind in types.values()):
            raise
        message = "cannot be read as delimited text; check the quotes and the end of the file"
        raise FormatError(message, path=layout.path) from fault
    except OSError as fault:
        if layout.compressed:
            raise damaged_gzip(layout.path) from fault
        raise FormatError("cannot be read to its end", path=layout.path) from fault
    if suspicious:
        _raise_located(layout)


def locate_line(layout: TextLayout, record: int) -> int | None:
    """Return the line on which a record begins, counting from one.

    Parameters
    ----------
    layout : the file.
    record : position of the record below the header, counting from zero.
    """
    try:
        rows = itertools.islice(_numbered_records(layout, strict=False), record + 1, record + 2)
        return next((line for line, _ in rows), None)
    except (csv.Error, EOFError, zlib.error, OSError):
        return None


def _open_stream(layout: TextLayout, types: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    compression = "gzip" if layout.compressed else None
    with pa.input_stream(str(layout.path), compression=compression) as source:
        reader = pyarrow.csv.open_csv(
            source,
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False,
                block_size=_BLOCK_BYTES,
                skip_rows=layout.header_lines,
                column_names=list(layout.names),
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=layout.delimiter, newlines_in_values=True
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict(types),
                include_columns=list(types),
                null_values=list(MISSING),
                strings_can_be_null=True,
            ),
        )
        yield from reader


def _spans_lines(batch: pa.RecordBatch) -> bool:
    """Tell whether a cell holds a line break: rare in data, usual behind a stray quote."""
    for column in batch.columns:
        if pa.types.is_string(column.type) and (letters := column.buffers()[2]) is not None:
            held = letters.to_pybytes()
            if b"\n" in held or b"\r" in held:
                return True
    return False


def _raise_located(layout: TextLayout) -> None:
    """Read again, slowly and strictly, and raise the first fault of the layout with its line."""
    width = len(layout.names)
    line = 0
    try:
        for line, record in _numbered_records(layout, strict=True):
            if any("\udc80" <= mark <= "\udcff" for mark in "".join(record)):
                _refuse_encoding(layout.path, line)
            if len(record) != width:
                _refuse_ragged(layout, line, fields=len(record))
    except csv.Error as fault:
        message = "a quote after this line is not closed, or not followed by a delimiter"
        raise FormatError(message, path=layout.path, line=max(line, 1)) from fault
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise damaged_gzip(layout.path) from fault


def _numbered_records(layout: TextLayout, *, strict: bool) -> Iterator[tuple[int, list[str]]]:
    opener = gzip.open if layout.compressed else open
    with opener(layout.path, "rb") as file:
        text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
        reader = csv.reader(text, delimiter=layout.delimiter, strict=strict)
        before = 0
        for record in reader:
            if record:
                yield before + 1, record
            before = reader.line_num


def _decode_start(path: Path, *, compressed: bool) -> str:
    head, whole = b"", False
    for size in _HEAD_SIZES:
        head = read_head(path, compressed=compressed, size=size)
        whole = len(head) < size
        if whole or head.count(b"\n") > 2:
            break
    if not whole and b"\n" in head:
        head = head[: head.rindex(b"\n") + 1]
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        _refuse_encoding(path, head[: fault.start].count(b"\n") + 1)


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


def _rank(records: Sequence[Sequence[str]]) -> tuple[bool, int]:
    width = len(records[0]) if records else 0
    return width > 1 and all(len(record) == width for record in records), width


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


def _refuse_ragged(layout: TextLayout, line: int, *, fields: int) -> NoReturn:
    width = len(layout.names)
    remedy = "complete the row, or quote the text that holds a delimiter"
    if width == 1:
        remedy = "check the delimiter, and that the first line holds the names of the columns"
    elif line == layout.header_lines + 1 and fields == width + 1:
        remedy = "row names without a header? write the file without them"
    message = f"{fields} fields where the header has {width}; {remedy}"
    raise FormatError(message, path=layout.path, line=line)


def _refuse_encoding(path: Path, line: int) -> NoReturn:
    raise FormatError("is not UTF-8 text; save the file as UTF-8", path=path, line=line)
