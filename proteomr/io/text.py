"""Delimited text read in a stream: its rows in blocks, its faults with their lines."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NoReturn

import pyarrow as pa
import pyarrow.csv

from proteomr.border import reads
from proteomr.errors import FormatError
from proteomr.io.arrow_csv import stream_batches
from proteomr.io.quoting import opens_cell, refuse_stray_quote
from proteomr.io.sources import damaged_gzip
from proteomr.io.streams import CountedLines, TabbedLines, describe_cut, part_by_tabs
from proteomr.io.text_layout import (
    DELIMITERS,
    MARKS,
    MISSING,
    ROW_NAMES,
    TextLayout,
    find_layout,
    refuse_encoding,
)
from proteomr.runs.notes import add_note

__all__ = [
    "DELIMITERS",
    "MARKS",
    "MISSING",
    "ROW_NAMES",
    "TextLayout",
    "find_layout",
    "locate_line",
    "stream_text",
]

_BLOCK_BYTES: Final = 1 << 24


def stream_text(
    layout: TextLayout, *, types: Mapping[str, pa.DataType]
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a text file in blocks of bounded size.

    A quotation mark that takes whole rows into one cell shows itself, in whatever column, by fewer
    rows than the text has lines: these are counted on the way, which costs a few hundredths of the
    reading, and where they differ the text is looked through again (`proteomr.io.quoting`).

    Parameters
    ----------
    layout : the file, as `find_layout` describes it.
    types : Arrow type of each column wanted; the others are passed over.

    Raises
    ------
    FormatError
        A row has more or fewer fields than the header, a quote opens a cell that does not end on
        its line, the text is not UTF-8, or the gzip stream is damaged; with the line.
    pyarrow.ArrowInvalid
        A cell cannot be converted to the type asked for.
    """
    rows = 0
    try:
        with _open_counted(layout) as counted:
            for batch in _open_stream(layout, counted, types):
                rows += batch.num_rows
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
    last = counted.last.rstrip(b"\r\n").decode("latin-1")
    spans = counted.total - layout.header_lines != rows
    if spans or opens_cell(last, delimiter=layout.delimiter):
        _refuse_stray_quote(layout)
    if not counted.is_ended:
        add_note(describe_cut(layout.path.name))


def locate_line(layout: TextLayout, record: int) -> int | None:
    """Return the line on which a record begins, counting from one.

    Parameters
    ----------
    layout : the file.
    record : position of the record below the header, counting from zero.

    Raises
    ------
    FormatError
        A stray quotation mark has put text into cells where it does not belong: that is the fault.
    """
    try:
        _refuse_stray_quote(layout)
        rows = itertools.islice(_numbered_records(layout), record + 1, record + 2)
        return next((line for line, _ in rows), None)
    except (csv.Error, EOFError, zlib.error, OSError):
        return None


@contextmanager
def _open_counted(layout: TextLayout) -> Iterator[CountedLines]:
    compression = "gzip" if layout.compressed else None
    with pa.input_stream(str(layout.path), compression=compression) as source:
        yield CountedLines(TabbedLines(source) if layout.blanks else source)


def _open_stream(
    layout: TextLayout, source: CountedLines, types: Mapping[str, pa.DataType]
) -> Iterator[pa.RecordBatch]:
    yield from stream_batches(
        source,
        read=pyarrow.csv.ReadOptions(
            use_threads=False,
            block_size=_BLOCK_BYTES,
            skip_rows=layout.header_lines,
            column_names=list(layout.columns),
        ),
        parse=pyarrow.csv.ParseOptions(delimiter=layout.delimiter, newlines_in_values=True),
        convert=pyarrow.csv.ConvertOptions(
            column_types=dict(types),
            include_columns=list(types),
            null_values=list(MISSING),
            strings_can_be_null=True,
        ),
    )


@reads
def _raise_located(layout: TextLayout) -> None:
    """Read again, slowly, and raise the first fault of the layout with its line."""
    width = len(layout.columns)
    line = 0
    try:
        _refuse_stray_quote(layout)
        header = layout.header_lines
        for line, record in _numbered_records(layout):
            if any("\udc80" <= mark <= "\udcff" for mark in "".join(record)):
                refuse_encoding(layout.path, line)
            if line > header and len(record) != width:
                _refuse_ragged(layout, line, fields=len(record))
    except csv.Error as fault:
        message = f"a cell of more than {csv.field_size_limit():,} characters; check the delimiter"
        raise FormatError(message, path=layout.path, line=max(line, 1)) from fault
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise damaged_gzip(layout.path) from fault


def _refuse_stray_quote(layout: TextLayout) -> None:
    lines = _text_lines(layout, "latin-1")
    refuse_stray_quote(
        ("" if line.startswith("##") else line for line in lines),  # comments before the header
        delimiter=layout.delimiter,
        width=len(layout.names),  # names of rows not counted: a header may have none for them
        path=layout.path,
    )


def _numbered_records(layout: TextLayout) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(_text_lines(layout, "utf-8-sig"), delimiter=layout.delimiter)
    before = 0
    for record in reader:
        if record:
            yield before + 1, record
        before = reader.line_num


def _text_lines(layout: TextLayout, encoding: str) -> Iterator[str]:
    opener = gzip.open if layout.compressed else open
    with opener(layout.path, "rb") as file:
        text = io.TextIOWrapper(file, encoding, errors="surrogateescape", newline="")
        if not layout.blanks:
            yield from text
            return
        for line in text:
            yield part_by_tabs(line) + "\n"


def _refuse_ragged(layout: TextLayout, line: int, *, fields: int) -> NoReturn:
    width = len(layout.columns)
    remedy = "complete the row, or quote the text that holds a delimiter"
    if width == 1:
        remedy = "check the delimiter, and that the first line holds the names of the columns"
    elif line == layout.header_lines + 1 and fields == width + 1:
        remedy = "row names without a header? write the file without them"
    message = f"{fields} fields where the header has {width}; {remedy}"
    raise FormatError(message, path=layout.path, line=line)
