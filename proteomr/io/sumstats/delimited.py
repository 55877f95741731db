"""Delimited text and parquet as batches of rows."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from proteomr.border import reads
from proteomr.errors import FormatError
from proteomr.io.arrow_csv import stream_batches
from proteomr.io.parquet_faults import parquet_faults, refuse_wide_decimals
from proteomr.io.sources import inspect_file, read_head
from proteomr.io.streams import CheckedLines, describe_cut
from proteomr.io.text import TextLayout, stream_text
from proteomr.io.text_layout import find_blanks, find_row_names
from proteomr.runs.notes import add_note

__all__ = ["RawTable", "open_delimited", "stream_member"]

_ROWS: Final = 1 << 18
_SAMPLE: Final = 20
MISSING: Final = ("", "NA", "NaN", "nan", "#NA")
Batches = Callable[[Sequence[str]], Iterator[pl.DataFrame]]


@dataclass(frozen=True, slots=True, eq=False)
class RawTable:
    """A table that can be read in batches, more than once.

    Parameters
    ----------
    path : the file.
    names : its header.
    sample : its first rows, as text.
    meta : comments before the header (``##``, ``#``), without their line ends.
    read : returns the wanted columns, in batches.
    """

    path: Path
    names: tuple[str, ...]
    sample: pl.DataFrame
    read: Batches
    meta: tuple[str, ...] = ()


@reads
def open_delimited(path: Path) -> RawTable:
    r"""Return a file of delimited text (commas, tabs, semicolons, spaces) or parquet as a table.

    Raises
    ------
    InputError
        There is no such file, or it may not be read.
    FormatError
        It is empty, cut off, or no delimiter splits it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".ma") as file:
    ...     size = file.write("SNP A1\nrs1 A\n")
    ...     file.flush()
    ...     open_delimited(Path(file.name)).names
    ('SNP', 'A1')
    """
    kind, compressed = inspect_file(path)
    if kind == "parquet":
        return _open_parquet(path, compressed=compressed)
    lines, meta = _head_lines(path, compressed=compressed)
    delimiter = find_delimiter(lines)
    names, *rows = (split_line(line, delimiter) for line in lines)
    if has_row_names := find_row_names([names, *rows]):
        names = names[1:] if not names[0] else names
        rows = [row[1:] for row in rows]
        add_note(f"{path.name}: the first column has no name; it is passed over")
    if len(names) < 2 or len(set(names)) < len(names):
        message = "one column only" if len(names) < 2 else "the name of a column stands twice"
        raise FormatError(f"{message}; delimited text is needed", path=path, line=len(meta) + 1)
    layout = TextLayout(
        path,
        compressed,
        "\t" if delimiter is None else delimiter,
        names,
        len(meta) + 1,
        row_names=has_row_names,
        blanks=delimiter is None,
    )
    rows = [row for row in rows if len(row) == len(names)]
    if not rows:
        raise FormatError("a header and no rows", path=path, line=len(meta) + 1)
    sample = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")

    def read(wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        for batch in stream_text(layout, types=dict.fromkeys(wanted, pa.string())):
            yield cast("pl.DataFrame", pl.from_arrow(batch))

    return RawTable(path, names, sample, read, meta)


def find_delimiter(lines: Sequence[str]) -> str | None:
    """Return the delimiter of a header; None for runs of spaces and tabs.

    Examples
    --------
    >>> find_delimiter(["SNP A1", "rs1 A"]), find_delimiter(["SNP  A1", "rs1 A"])
    (' ', None)
    """
    head = lines[0]
    for mark in ("\t", ",", ";"):
        blank = sum(not cell.strip() for cell in head.split(mark))
        if mark in head and blank <= 1:  # one name may be absent: that of row names
            return mark
    return find_blanks(lines)


def split_line(line: str, delimiter: str | None) -> tuple[str, ...]:
    """Return the cells of a line.

    Examples
    --------
    >>> split_line('"SNP","A1"', ",")
    ('SNP', 'A1')
    """
    if delimiter is None:
        return tuple(cell.strip('"') for cell in line.split())
    return tuple(cell.strip() for cell in next(csv.reader([line], delimiter=delimiter)))


def stream_member(
    file: BinaryIO,
    names: Sequence[str],
    delimiter: str,
    wanted: Sequence[str],
    *,
    path: Path,
    member: str,
) -> Iterator[pl.DataFrame]:
    """Yield the wanted columns of a member of an archive whose header has been read.

    Raises
    ------
    FormatError
        A quotation mark opens a cell that does not end on its line.
    pyarrow.ArrowInvalid
        A row has more or fewer fields than the header.
    """
    types = {name: pa.string() for name in wanted}
    lines = CheckedLines(file, delimiter=delimiter, path=path, name=member)
    batches = stream_batches(
        lines,
        read=pyarrow.csv.ReadOptions(
            use_threads=False, block_size=1 << 24, column_names=list(names)
        ),
        parse=pyarrow.csv.ParseOptions(delimiter=delimiter),
        convert=pyarrow.csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=list(MISSING),
            strings_can_be_null=True,
        ),
    )
    for batch in batches:
        yield cast("pl.DataFrame", pl.from_arrow(batch))
    if not lines.is_ended:
        add_note(describe_cut(f"{path.name}: member {member!r}"))


def _head_lines(path: Path, *, compressed: bool) -> tuple[list[str], tuple[str, ...]]:
    """Return the header with some rows, and the comments before it."""
    head = b""
    for size in (1 << 18, 1 << 22, 1 << 25):
        head = read_head(path, compressed=compressed, size=size)
        whole = len(head) < size
        lines = head.decode("utf-8-sig", "replace").splitlines()
        lines = lines if whole else lines[:-1]
        meta = next(
            (i for i in range(len(lines)) if not _is_comment(lines[i : i + _SAMPLE])), len(lines)
        )
        if whole or len(lines) > meta + _SAMPLE:
            break
    below = [line for line in lines[meta:] if line.strip()]
    if not below:
        raise FormatError("no header: blank lines or comments only", path=path)
    return below[: _SAMPLE + 1], tuple(lines[:meta])


def _open_parquet(path: Path, *, compressed: bool) -> RawTable:
    if compressed:
        raise FormatError("is a parquet file compressed with gzip; decompress it", path=path)
    with parquet_faults(path):
        schema = pyarrow.parquet.read_schema(path)
        refuse_wide_decimals(schema, path)
        sample = pl.read_parquet(path, n_rows=_SAMPLE, glob=False)

    def read(wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        file = pyarrow.parquet.ParquetFile(path)
        for batch in file.iter_batches(batch_size=_ROWS, columns=list(wanted)):
            yield cast("pl.DataFrame", pl.from_arrow(batch))

    return RawTable(path, tuple(schema.names), sample.cast(pl.String), read)


def _is_comment(lines: Sequence[str]) -> bool:
    """Tell whether the first of some lines is a comment: ``##``, or ``#`` and no header of others.

    A header that begins with ``#`` has as many names as the rows below have cells, or one less
    where these have names.
    """
    if not lines[0].startswith("#") or lines[0].startswith("##"):
        return lines[0].startswith("##")
    below = [line for line in lines[1 : _SAMPLE + 1] if line.strip()]
    while len(below) > 1 and _is_comment(below):
        below = below[1:]
    if len(below) < 2:
        return False
    delimiter = find_delimiter(below[:2])
    first, header, row = (len(split_line(line, delimiter)) for line in (lines[0], *below[:2]))
    return header == row > 1 and abs(first - header) > 1
