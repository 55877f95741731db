"""Sample tables: read from parquet or delimited text, written whole or not at all."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, Literal, TypeAlias

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from proteomr.border import reads
from proteomr.errors import FormatError
from proteomr.files import replace_file
from proteomr.io.bounds import read_whole
from proteomr.io.parquet_faults import parquet_faults, without_wide_decimals
from proteomr.io.sources import damaged_gzip, inspect_file
from proteomr.io.text import MISSING, TextLayout, find_layout, locate_line, stream_text
from proteomr.runs import refuse_altered, refuse_newer
from proteomr.runs.encoding import write_text

__all__ = ["TableFormat", "infer_column", "read_table", "write_table"]

TableFormat: TypeAlias = Literal["parquet", "csv", "tsv"]

_LEADING_ZERO: Final = r"^[+-]?0\d+$"
_WHOLE: Final = r"^[+-]?\d+$"
_COMMA_NUMBER: Final = r"^[+-]?(\d+|\d*,\d+|\d{1,3}(\.\d{3})+,\d+)([eE][+-]?\d+)?$"


@reads
def read_table(path: str | Path, *, id_column: str | None = None) -> pl.DataFrame:
    r"""Return a table of people, one row each, from parquet or delimited text, also compressed.

    The content decides what the file is, not its name. In text, the delimiter is found (comma,
    semicolon, tab or blanks); a first column without a name, as R writes for the names of rows, is
    passed over, or is the identifier where there is no other; empty cells and ``NA``, ``NaN``,
    ``nan``, ``N/A``, ``null``, ``NULL``, ``None`` and ``.`` are missing; columns of numbers become
    Int64 or Float64, all others stay text, among them numbers with leading zeros, which are codes.

    Parameters
    ----------
    path : the file.
    id_column : name of the identifier, where the user has named it.

    Returns
    -------
    frame : its rows; a missing number is null, never NaN.

    Raises
    ------
    InputError
        There is no such file, or it may not be read; or proteomr wrote it as parquet, and its
        digest is not that of the manifest beside it, or its schema is of a later version.
    FormatError
        It is empty, cut off, of a foreign format, or breaks the rules of its own; with the line
        and the column where they apply.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".csv") as file:
    ...     size = file.write(b"sample_id;age;sex\n0001;50;F\n0002;NA;M\n")
    ...     file.flush()
    ...     read_table(file.name).rows()
    [('0001', 50, 'F'), ('0002', None, 'M')]
    """
    path = Path(path)
    kind, compressed = inspect_file(path)
    if kind == "parquet":
        refuse_altered(path)
        frame = _read_parquet(path, compressed=compressed)
        if not compressed:
            refuse_newer(path)
    else:
        frame = _read_text(find_layout(path, compressed=compressed, id_column=id_column))
    if not frame.height or not frame.width:
        raise FormatError("a header and no rows", path=path)
    return frame


def infer_column(text: pl.Series) -> pl.Series:
    """Return a column of text as Int64 or Float64 where it is wholly numeric, else trimmed.

    Examples
    --------
    >>> import polars as pl
    >>> infer_column(pl.Series("age", ["50", "NA", "61"])).to_list()
    [50, None, 61]
    """
    trimmed = text.str.strip_chars()
    cells = trimmed.set(trimmed.is_in(MISSING), None)
    missing = cells.null_count()
    if missing == cells.len():
        return cells.cast(pl.Float64)
    whole = cells.cast(pl.Int64, strict=False)
    if whole.null_count() == missing:
        return cells if bool(cells.str.contains(_LEADING_ZERO).any()) else whole
    decimal = cells.cast(pl.Float64, strict=False)
    if decimal.null_count() > missing or bool(cells.str.contains(_WHOLE).all()):
        return cells  # words, or whole numbers too long for 64 bits, which are codes
    return decimal.fill_nan(None)


def write_table(frame: pl.DataFrame, path: str | Path, *, format: TableFormat) -> None:
    r"""Write a table whole or not at all, with the same bytes for the same rows.

    Parameters
    ----------
    frame : the rows.
    path : the file; an old one stays intact until the new one is complete.
    format : parquet (zstd), csv or tsv; numbers in text are the shortest that give the same
        double, an empty cell is a missing value.

    Raises
    ------
    StorageError
        The disk refused: full, over quota, read-only, no permission.

    Examples
    --------
    >>> import tempfile
    >>> import polars as pl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder) / "hits.tsv"
    ...     write_table(pl.DataFrame({"protein": ["ADM"], "n": [170]}), target, format="tsv")
    ...     target.read_text()
    'protein\tn\nADM\t170\n'
    """
    writers: dict[TableFormat, Callable[[BinaryIO], None]] = {
        "parquet": lambda file: frame.write_parquet(
            file, compression="zstd", compression_level=3, statistics=True, row_group_size=1 << 18
        ),
        "csv": lambda file: write_text(frame, file, separator=","),
        "tsv": lambda file: write_text(frame, file, separator="\t"),
    }
    replace_file(path, writers[format])


def _read_text(layout: TextLayout) -> pl.DataFrame:
    types = dict.fromkeys(layout.names, pa.string())
    table = pa.Table.from_batches(
        stream_text(layout, types=types), schema=pa.schema(list(types.items()))
    )
    texts = pl.DataFrame(pl.from_arrow(table, rechunk=True))
    columns = []
    for text in texts.iter_columns():
        column = infer_column(text)
        if column.dtype == pl.String:
            _refuse_binary(column, layout)
            _refuse_decimal_comma(column, layout)
        columns.append(column)
    return pl.DataFrame(columns)


def _refuse_binary(column: pl.Series, layout: TextLayout) -> None:
    broken = column.str.contains("\x00", literal=True).arg_max()
    if broken is not None and "\x00" in (column[broken] or ""):
        line = locate_line(layout, broken)
        raise FormatError("holds a NUL byte", path=layout.path, line=line, column=column.name)


def _refuse_decimal_comma(column: pl.Series, layout: TextLayout) -> None:
    if layout.delimiter == "," or not bool(column.str.contains(_COMMA_NUMBER).all()):
        return
    first = column.str.contains(",", literal=True).fill_null(value=False).arg_max()
    if first is not None and "," in (column[first] or ""):
        raise FormatError(
            "decimal comma; write numbers with a decimal point",
            path=layout.path,
            line=locate_line(layout, first),
            column=column.name,
        )


def _read_parquet(path: Path, *, compressed: bool) -> pl.DataFrame:
    try:
        source = BytesIO(read_whole(path, compressed=True, megabytes=4096)) if compressed else path
    except (EOFError, gzip.BadGzipFile) as fault:
        raise damaged_gzip(path) from fault
    with parquet_faults(path):
        table = pyarrow.parquet.ParquetFile(source).read()
        _refuse_repeated(table.column_names, path)
        frame = pl.DataFrame(pl.from_arrow(without_wide_decimals(table)))
    # A column is copied only where it has such values: a table of a biobank has gigabytes.
    floats = frame.select(pl.selectors.float().is_nan().any())
    unset = [name for name in floats.columns if floats[name].item()]
    return frame.with_columns(pl.col(unset).fill_nan(None)) if unset else frame


def _refuse_repeated(names: list[str], path: Path) -> None:
    for position, name in enumerate(names):
        if name in names[:position]:
            raise FormatError("the name stands twice; rename one", path=path, column=name)
