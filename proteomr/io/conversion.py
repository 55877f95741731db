"""Protein matrices in delimited text, converted once to parquet in bounded memory."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NoReturn

import polars as pl
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from proteomr.border import reads
from proteomr.errors import FormatError
from proteomr.files import storage_errors
from proteomr.io.sources import decompress
from proteomr.io.text import MISSING, TextLayout, locate_line, stream_text

__all__ = ["NO_VALUE", "convert_cells", "convert_text", "refuse_cell", "unpack_parquet"]

_GROUP_BYTES: Final = 1 << 27
NO_VALUE: Final = (
    *("-", "--", "?", "*", "n.a.", "nd", "n.d.", "n/d", "#n/a", "#num!", "#div/0!", "#value!"),
    *("<lod", "lod", "<lloq", ">uloq", "bql", "missing", "< lod", "<loq", "< lloq", "> uloq"),
    *("n/q", "nq", "not detected", "undetected", "below lod", "na", "nan", "none", "null"),
)
"""Words for a value that is not there, in small letters; no number is read from them."""
_HARMLESS: Final = (*NO_VALUE, "fail", "true", "false")
_COMMA_NUMBER: Final = r"^[+-]?\d*,\d+([eE][+-]?\d+)?$"


@reads
def convert_text(
    layout: TextLayout,
    *,
    id_column: str,
    proteins: Sequence[str],
    scratch: Path,
    finite: bool = False,
    remedy: str = "",
) -> Path:
    """Return a parquet file of the proteins in a text file, with the identifiers as text.

    Numbers are float64; infinities stay infinite; literal quotes around a number are taken off;
    missing cells become null. At most about 128 MB of numbers are held at once.

    Parameters
    ----------
    layout : the text file.
    id_column : name of the identifier column.
    proteins : names of the columns to convert.
    scratch : folder for the new file, which the caller removes.
    finite : whether to refuse infinite values.
    remedy : what else a user may do about a column with text, for the message.

    Raises
    ------
    FormatError
        A cell is no number, or infinite where that is refused, with its line and column; or the
        layout is broken.
    StorageError
        The disk refused the new file.
    """
    target = _new_file(scratch)
    with storage_errors(target):
        try:
            batches = _numeric_batches(layout, id_column, proteins)
            _write(_check_finite(batches, layout) if finite else batches, target, layout)
        except pa.ArrowInvalid:  # a cell that is no plain number: read as text, look at each
            batches = _text_batches(layout, id_column, proteins, remedy)
            _write(_check_finite(batches, layout) if finite else batches, target, layout)
    return target


@reads
def unpack_parquet(path: Path, *, scratch: Path) -> Path:
    """Return the decompressed copy of a parquet file that is compressed with gzip as a whole.

    Parameters
    ----------
    path : the compressed file.
    scratch : folder for the copy, which the caller removes.

    Raises
    ------
    FormatError
        The compressed stream is cut off or damaged.
    StorageError
        The disk refused the copy.
    """
    target = _new_file(scratch)
    with storage_errors(target):
        decompress(path, target)
    return target


def _new_file(scratch: Path) -> Path:
    with storage_errors(scratch):
        handle, name = tempfile.mkstemp(prefix="matrix-", suffix=".parquet", dir=scratch)
        os.close(handle)
    return Path(name)


def _write(batches: Iterator[pa.RecordBatch], target: Path, layout: TextLayout) -> None:
    """Gather batches into row groups large enough that a block of columns is one short read."""
    rows, held = 0, list[pa.RecordBatch]()
    writer: pyarrow.parquet.ParquetWriter | None = None
    try:
        for batch in batches:
            writer = writer or pyarrow.parquet.ParquetWriter(
                target, batch.schema, compression="zstd", use_dictionary=False
            )
            held.append(batch)
            rows += batch.num_rows
            if sum(part.nbytes for part in held) >= _GROUP_BYTES:
                _flush(writer, held)
        if writer is not None:
            _flush(writer, held)
    finally:
        if writer is not None:
            writer.close()
    if not rows:
        raise FormatError("a header and no rows", path=layout.path)


def _flush(writer: pyarrow.parquet.ParquetWriter, held: list[pa.RecordBatch]) -> None:
    if held:
        table = pa.Table.from_batches(held)
        writer.write_table(table, row_group_size=table.num_rows)
        held.clear()


def _check_finite(
    batches: Iterator[pa.RecordBatch], layout: TextLayout
) -> Iterator[pa.RecordBatch]:
    before = 0
    for batch in batches:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if not pa.types.is_floating(column.type):
                continue
            infinite = pyarrow.compute.is_inf(column)
            if pyarrow.compute.any(infinite).as_py():
                row = before + infinite.index(pa.scalar(value=True)).as_py()
                message = "an infinite value; leave the cell empty if it is missing"
                line = locate_line(layout, row)
                raise FormatError(message, path=layout.path, line=line, column=name)
        before += batch.num_rows
        yield batch


def _numeric_batches(
    layout: TextLayout, id_column: str, proteins: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    types = {id_column: pa.string(), **dict.fromkeys(proteins, pa.float64())}
    return stream_text(layout, types=types)


def _text_batches(
    layout: TextLayout, id_column: str, proteins: Sequence[str], remedy: str
) -> Iterator[pa.RecordBatch]:
    types = dict.fromkeys((id_column, *proteins), pa.string())
    before = 0
    for batch in stream_text(layout, types=types):
        columns = [batch.column(id_column)]
        faults: list[tuple[int, str, str]] = []
        for name in proteins:
            numbers, fault = convert_cells(batch.column(name))
            columns.append(numbers)
            if fault is not None:
                faults.append((fault[0], name, fault[1]))
        if faults:
            row, name, cell = min(faults, key=lambda fault: fault[0])
            refuse_cell(layout, record=before + row, column=name, cell=cell, remedy=remedy)
        yield pa.RecordBatch.from_arrays(columns, names=[id_column, *proteins])
        before += batch.num_rows


def convert_cells(column: pa.Array) -> tuple[pa.Array, tuple[int, str] | None]:
    """Return cells as numbers, null where missing, and the first cell that is none with its row.

    Examples
    --------
    >>> numbers, fault = convert_cells(pa.array(["1.5", "NA", "high"]))
    >>> numbers.to_pylist(), fault
    ([1.5, None, None], (2, 'high'))
    """
    with contextlib.suppress(pa.ArrowInvalid):
        return column.cast(pa.float64()), None
    text = pl.Series(pl.from_arrow(column)).str.strip_chars(' \t"')
    cells = text.set(text.is_in(MISSING), None)
    numbers = cells.cast(pl.Float64, strict=False)
    fault = None
    if numbers.null_count() > cells.null_count():
        first = (numbers.is_null() & cells.is_not_null()).arg_max() or 0
        fault = (first, str(cells[first]))
    return pa.array(numbers.to_numpy(), mask=numbers.is_null().to_numpy()), fault


def refuse_cell(
    layout: TextLayout, *, record: int, column: str, cell: str, remedy: str = ""
) -> NoReturn:
    """Raise the error for a cell that is no number.

    Parameters
    ----------
    layout : the text file.
    record : position of its record below the header, counting from zero.
    column, cell : where it stands, and what.
    remedy : what else a user may do about it.
    """
    if pl.Series([cell]).str.contains(_COMMA_NUMBER)[0]:
        message = "decimal comma; write numbers with a decimal point"
    else:
        fault = f"{cell!r} is no number" if _is_harmless(cell) else "text where a number is needed"
        message = f"{fault}; leave the cell empty if it is missing{remedy}"
    line = locate_line(layout, record)
    raise FormatError(message, path=layout.path, line=line, column=column)


def _is_harmless(cell: str) -> bool:
    """Tell whether a cell may stand in a message: a word for no number, never an identifier."""
    return cell.casefold() in _HARMLESS
