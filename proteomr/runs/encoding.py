"""Tables as bytes: the same table gives the same bytes, and says what made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final, Literal, TypeAlias

import polars as pl

from proteomr.errors import UsageError

__all__ = [
    "TABLE_FORMATS",
    "Stamp",
    "TableFormat",
    "choose_file_formats",
    "name_stamp",
    "read_stamp",
    "write_encoded",
    "write_pieces",
    "write_text",
]

TableFormat: TypeAlias = Literal["parquet", "csv", "tsv"]
TABLE_FORMATS: Final[Mapping[str, TableFormat]] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
}

Stamp: TypeAlias = Mapping[str, str]
"""What a parquet table says of itself: ``request``, ``schema``, ``producer``."""

_PREFIX: Final = "proteomr."
_ROWS_PER_GROUP: Final = 1 << 18  # large enough to compress well, small enough to skip in scans
_COMPRESSION_LEVEL: Final = 3  # zstd's default; higher ones cost more than they save here


def write_encoded(
    frame: pl.DataFrame, file: BinaryIO, *, format: TableFormat, stamp: Stamp | None = None
) -> None:
    r"""Write a table to an open file; text has the shortest numbers that give the same double.

    Parameters
    ----------
    frame : the rows; how they lie in chunks has no influence.
    file : open for bytes.
    format : parquet (zstd), csv or tsv; an empty cell of text is a missing value.
    stamp : what a parquet table says of itself; text has no place for it.

    Examples
    --------
    >>> import io
    >>> content = io.BytesIO()
    >>> write_encoded(pl.DataFrame({"protein": ["ADM"], "n": [170]}), content, format="csv")
    >>> content.getvalue()
    b'protein,n\nADM,170\n'
    """
    if format == "parquet":
        frame.rechunk().write_parquet(
            file,
            compression="zstd",
            compression_level=_COMPRESSION_LEVEL,
            row_group_size=_ROWS_PER_GROUP,
            metadata=name_stamp(stamp or {}) or None,
        )
    else:
        write_text(frame, file, separator="," if format == "csv" else "\t")


def write_pieces(
    pieces: Sequence[Path], file: BinaryIO, *, format: TableFormat, stamp: Stamp | None = None
) -> None:
    r"""Write a table that stands in parquet files one behind another, as `write_encoded` does.

    The bytes are those of the whole table; no more than some of it is in memory.

    Parameters
    ----------
    pieces : files of the same columns, one or more.
    file, format, stamp : see `write_encoded`.

    Examples
    --------
    >>> import io, tempfile
    >>> whole, content = io.BytesIO(), io.BytesIO()
    >>> frame = pl.DataFrame({"n": [170, 171]})
    >>> write_encoded(frame, whole, format="parquet")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = [Path(folder) / name for name in ("a.parquet", "b.parquet")]
    ...     for path, piece in zip(paths, frame.iter_slices(1)):
    ...         piece.write_parquet(path)
    ...     write_pieces(paths, content, format="parquet")
    >>> content.getvalue() == whole.getvalue()
    True
    """
    if format == "parquet":
        pl.scan_parquet(list(pieces), glob=False).sink_parquet(
            file,
            compression="zstd",
            compression_level=_COMPRESSION_LEVEL,
            row_group_size=_ROWS_PER_GROUP,
            metadata=name_stamp(stamp or {}) or None,
        )
        return
    separator = "," if format == "csv" else "\t"
    for place, piece in enumerate(pieces):
        write_text(
            pl.read_parquet(piece, glob=False), file, separator=separator, include_header=not place
        )


def write_text(
    frame: pl.DataFrame, file: BinaryIO, *, separator: str, include_header: bool = True
) -> None:
    r"""Write a table to an open file as text that R, pandas and polars read in its own types.

    Truth is written TRUE and FALSE: R's ``read.csv`` takes true and false for words.

    Parameters
    ----------
    frame : the rows.
    file : open for bytes.
    separator : between the cells of a row.
    include_header : whether the names of the columns come first.

    Examples
    --------
    >>> import io
    >>> content = io.BytesIO()
    >>> write_text(pl.DataFrame({"n": [1, 2], "kept": [True, None]}), content, separator=",")
    >>> content.getvalue()
    b'n,kept\n1,TRUE\n2,\n'
    """
    names = [name for name, kind in frame.schema.items() if kind == pl.Boolean]
    words = {True: "TRUE", False: "FALSE"}
    spelt = frame.with_columns(
        pl.col(name).replace_strict(words, return_dtype=pl.String) for name in names
    )
    spelt.write_csv(file, separator=separator, include_header=include_header)


def choose_file_formats(
    out: str | Path | None, *, also: TableFormat | None = None
) -> tuple[TableFormat, ...]:
    """Return the formats of a job whose output is a file: that of its name, and another beside it.

    Parameters
    ----------
    out : the file; None where the tables stay in memory.
    also : format of a second file, which differs from the first in the ending of its name.

    Raises
    ------
    UsageError
        The name ends in no format of a table.

    Examples
    --------
    >>> choose_file_formats("cohort.csv", also="parquet")
    ('csv', 'parquet')
    """
    if out is None:
        return ("parquet",)
    first = TABLE_FORMATS.get(Path(out).suffix)
    if first is None:
        raise UsageError(f"{out}: end the name in {', '.join(TABLE_FORMATS)}")
    return (first,) if also is None or also == first else (first, also)


def name_stamp(stamp: Stamp) -> dict[str, str]:
    """Return a stamp under the names that it has in the metadata of a parquet file.

    Examples
    --------
    >>> name_stamp({"schema": "drops/1"})
    {'proteomr.schema': 'drops/1'}
    """
    return {f"{_PREFIX}{key}": value for key, value in stamp.items()}


def read_stamp(path: str | Path) -> dict[str, str]:
    """Return what a parquet table says of itself; empty where nothing of proteomr's is in it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = Path(folder) / "t.parquet"
    ...     with table.open("wb") as file:
    ...         write_encoded(
    ...             pl.DataFrame({"n": [1]}), file, format="parquet", stamp={"schema": "drops/1"}
    ...         )
    ...     read_stamp(table)
    {'schema': 'drops/1'}
    """
    facts = pl.read_parquet_metadata(path)
    return {
        key.removeprefix(_PREFIX): value for key, value in facts.items() if key.startswith(_PREFIX)
    }
