"""What reading a parquet file provokes, in one line: damage, or types that are not read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa

from proteomr.errors import FormatError

__all__ = ["parquet_faults", "refuse_wide_decimals", "without_wide_decimals"]

_DAMAGED = "the parquet file is damaged or went away; copy or write it again"


@contextmanager
def parquet_faults(path: Path) -> Iterator[None]:
    """Raise what a library says of a parquet file as a message that tells what to do.

    Raises
    ------
    FormatError
        It is damaged, or has columns of a type that the libraries do not read, such as whole
        numbers of 128 bits.

    Examples
    --------
    >>> with parquet_faults(Path("people.parquet")):
    ...     raise pa.ArrowInvalid("no footer")
    Traceback (most recent call last):
    proteomr.errors.FormatError: people.parquet: the parquet file is damaged or went away; ...
    """
    try:
        yield
    except pa.ArrowNotImplementedError as fault:
        said = " ".join(str(fault).split())
        message = f"has a column of a type that is not read ({said}); write it as text, as floats "
        message += "or as whole numbers of 64 bits"
        raise FormatError(message, path=path) from fault
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as fault:
        raise FormatError(_DAMAGED, path=path) from fault


def refuse_wide_decimals(schema: pa.Schema, path: Path) -> None:
    """Refuse a file with decimals of 256 bits, where columns are not read as a whole table.

    Raises
    ------
    FormatError
        A column holds them; with its name.

    Examples
    --------
    >>> refuse_wide_decimals(pa.schema([("beta", pa.decimal256(60, 2))]), Path("gwas.parquet"))
    Traceback (most recent call last):
    proteomr.errors.FormatError: gwas.parquet, column 'beta': holds decimals of 256 bits, ...
    """
    for field in schema:
        if pa.types.is_decimal256(field.type):
            message = "holds decimals of 256 bits, which are not read; write it as floats"
            raise FormatError(message, path=path, column=field.name)


def without_wide_decimals(table: pa.Table) -> pa.Table:
    """Return a table whose decimals of 256 bits, at which polars ends a thread, are floats.

    Examples
    --------
    >>> wide = pa.array([1], pa.int64()).cast(pa.decimal256(60, 2))
    >>> without_wide_decimals(pa.table({"age": wide})).schema.field("age").type
    DataType(double)
    """
    for place, field in enumerate(table.schema):
        if pa.types.is_decimal256(field.type):
            column = table.column(place).cast(pa.float64())
            table = table.set_column(place, field.name, column)
    return table
