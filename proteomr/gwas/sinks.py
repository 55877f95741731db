"""Where canonical rows go while a file is read: memory, or parquet beside its target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Final, Protocol, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from proteomr._typing import Bool
from proteomr.files import replace_file, shared_mode, storage_errors
from proteomr.io.sumstats.distinct import find_distinct
from proteomr.runs.encoding import name_stamp
from proteomr.tables import load_schema

__all__ = [
    "MemorySink",
    "ParquetSink",
    "Sink",
    "arrange_aside",
    "arrange_result",
    "numbered_schema",
]

_ROWS: Final = 1 << 17
_TEXT: Final = pa.large_string()
_FEW_VALUES: Final = (
    "chromosome",
    "build",
    "effect_allele",
    "other_allele",
    "trait",
    "p_origin",
)
_COUNTS: Final = ("n", "n_case")  # of few values where a study has one size, of many in a pool
_PER_COUNT: Final = 8
_SOUGHT: Final = ("chromosome", "position_bp", "neg_log10_p")  # by which scans pass over groups

Rows_co = TypeVar("Rows_co", covariant=True)


class Sink(Protocol[Rows_co]):
    """Takes canonical rows as they come, and gives those back that are kept."""

    def add(self, frame: pl.DataFrame) -> None:
        """Take further rows."""
        ...

    def finish(self, keep: Bool | None, fill: dict[str, str]) -> Rows_co:
        """Return the rows that are kept, all where None, with empty cells of columns filled."""
        ...

    def find_name(self, row: int) -> str:
        """Return the name of the variant of a row that was taken, kept or not; once finished."""
        ...


class MemorySink:
    """Rows kept in memory.

    Examples
    --------
    >>> sink = MemorySink()
    >>> sink.add(pl.DataFrame({"n": [1, 2]}))
    >>> sink.finish(None, {}).collect()["n"].to_list()
    [1, 2]
    """

    def __init__(self) -> None:
        self._parts: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Take further rows."""
        self._parts.append(frame)

    def finish(self, keep: Bool | None, fill: dict[str, str]) -> pl.LazyFrame:
        """Return the rows that are kept, all where None, with empty cells of columns filled."""
        frame = pl.concat(self._parts) if self._parts else load_schema("sumstats").empty()
        rows = frame if keep is None else frame.filter(pl.Series(keep))
        filled = [pl.col(name).fill_null(value) for name, value in fill.items()]
        return rows.with_columns(filled).lazy()

    def find_name(self, row: int) -> str:
        """Return the name of the variant of a row that was taken, kept or not."""
        return str(pl.concat(frame.select("variant_id") for frame in self._parts).item(row, 0))


class ParquetSink:
    """Rows written aside as they come, then to a parquet file in one go.

    What stands aside is plain: compressing it costs more than writing it, so that columns without
    any value are left out and texts of few values are numbered instead.

    Parameters
    ----------
    path : the file.
    folder : where the files aside stand.
    stamp : what the file says of itself beside its columns.
    """

    def __init__(self, path: Path, folder: Path, stamp: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._stamp = stamp
        self._folder = folder
        self._held: list[pl.DataFrame] = []
        self._rows = 0
        self._parts: list[Path] = []
        self._few_numbers: list[str] = []

    @classmethod
    @contextmanager
    def open(cls, path: Path, *, stamp: Mapping[str, str] | None = None) -> Iterator[ParquetSink]:
        """Yield a sink whose files aside are removed at the end of the block.

        Raises
        ------
        StorageError
            The disk refused.
        """
        with storage_errors(path), TemporaryDirectory(dir=path.parent, prefix=".munge-") as folder:
            yield cls(path, Path(folder), stamp)

    def add(self, frame: pl.DataFrame) -> None:
        """Take further rows."""
        self._held.append(frame)
        self._rows += frame.height
        if self._rows >= _ROWS:
            self._flush()

    def finish(self, keep: Bool | None, fill: dict[str, str]) -> pl.LazyFrame:
        """Put the file in place with the rows that are kept, and return it for reading."""
        if self._rows or not self._parts:
            self._flush()
        replace_file(self._path, lambda file: self._write(file, keep, fill), mode=shared_mode())
        return pl.scan_parquet(self._path, glob=False)

    def find_name(self, row: int) -> str:
        """Return the name of the variant of a row that was taken, kept or not; once finished."""
        for part in self._parts:
            with pa.memory_map(str(part)) as opened:
                names = pa.ipc.open_file(opened).read_all()["variant_id"]
                if row < len(names):
                    return str(names[row])
                row -= len(names)
        raise IndexError(row)

    def _flush(self) -> None:
        rows = pl.concat(self._held) if self._held else load_schema("sumstats").empty()
        part = self._folder / f"rows-{len(self._parts)}.arrow"
        table = arrange_aside(rows)
        if not self._parts:
            self._few_numbers = [name for name in _COUNTS if _has_few(rows[name])]
        with pa.OSFile(str(part), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        self._parts.append(part)
        self._held, self._rows = [], 0

    def _write(self, file: BinaryIO, keep: Bool | None, fill: dict[str, str]) -> None:
        schema = numbered_schema()
        at = 0
        with _open_writer(file, schema, few=self._few_numbers) as writer:
            for part in self._parts:
                with pa.memory_map(str(part)) as opened:
                    aside = pa.ipc.open_file(opened).read_all()
                    stays = None if keep is None else keep[at : at + aside.num_rows]
                    at += aside.num_rows
                    writer.write_table(arrange_result(aside, schema, keep=stays, fill=fill))
            if self._stamp is not None:
                writer.add_key_value_metadata(name_stamp(self._stamp))


def arrange_aside(rows: pl.DataFrame) -> pa.Table:
    """Return canonical rows as they stand aside: without empty columns, few texts by number.

    Examples
    --------
    >>> rows = pl.DataFrame({"chromosome": ["1"] * 9, "info": [None] * 9})
    >>> arrange_aside(rows).column_names, arrange_aside(rows)["chromosome"].type.index_type
    (['chromosome'], DataType(int8))
    """
    told = [column for column in rows if column.null_count() < rows.height or not rows.height]
    return pa.table({column.name: _number(column) for column in told})


def arrange_result(
    aside: pa.Table, schema: pa.Schema, *, keep: Bool | None, fill: Mapping[str, str]
) -> pa.Table:
    """Return rows that stood aside as a table of the result.

    Parameters
    ----------
    aside : r rows, see `arrange_aside`.
    schema : of the result.
    keep : (r,) those that are kept; None for all.
    fill : by column, what stands in cells without a value.
    """
    table = aside if keep is None or keep.all() else aside.filter(pa.array(keep))
    columns = []
    for entry in schema:
        value = fill.get(entry.name)
        if entry.name not in table.column_names:
            columns.append(_repeat(value, table.num_rows, entry.type))
            continue
        column = table[entry.name]
        if value is not None and column.null_count:
            column = column.cast(_TEXT).fill_null(value).dictionary_encode()
        columns.append(_widen(column) if pa.types.is_dictionary(entry.type) else column)
    return pa.table(columns, schema=schema)


def _repeat(value: str | None, rows: int, kind: pa.DataType) -> pa.Array:
    if value is None:
        return pa.nulls(rows, kind)
    return pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), pa.array([value], _TEXT))


def _widen(column: pa.ChunkedArray) -> pa.Array:
    """Return a numbered column with places of 32 bits, which parquet is written from."""
    numbered = column.combine_chunks()
    return pa.DictionaryArray.from_arrays(numbered.indices.cast(pa.int32()), numbered.dictionary)


def numbered_schema() -> pa.Schema:
    """Return the columns of the result, texts of few values by number: written as plain text.

    Examples
    --------
    >>> numbered_schema().field("chromosome").type.value_type
    DataType(large_string)
    """
    schema = load_schema("sumstats").empty().to_arrow().schema
    numbered = pa.dictionary(pa.int32(), _TEXT)
    fields = [entry.with_type(numbered) if entry.name in _FEW_VALUES else entry for entry in schema]
    return pa.schema(fields)


def _has_few(counts: pl.Series) -> bool:
    """Tell whether a dictionary of the first counts is short enough to be worth its making."""
    return counts.n_unique() * _PER_COUNT <= counts.len()


def _open_writer(target: BinaryIO, schema: pa.Schema, *, few: Sequence[str]) -> Any:
    return pyarrow.parquet.ParquetWriter(
        target,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[*_FEW_VALUES, *few],
        write_statistics=list(_SOUGHT),
        store_schema=False,  # in it texts would be told to be numbered
    )


def _number(column: pl.Series) -> pa.Array:
    """Return a column for the file aside, its texts by number where they are of the few."""
    if column.name not in _FEW_VALUES:
        return column.rechunk().to_arrow()
    distinct = find_distinct(column)
    values = distinct.cells.drop_nulls().unique().sort()
    place = distinct.map(partial(_place, values=values))
    return pa.DictionaryArray.from_arrays(place.rechunk().to_arrow(), values.to_arrow())


def _place(cells: pl.Series, values: pl.Series) -> pl.Series:
    """Return the place of each cell among the values, in the smallest type that holds it."""
    places = np.arange(values.len(), dtype=np.min_scalar_type(-max(values.len(), 1)))
    placed = pl.Series(places)
    return cells.replace_strict(values, placed, default=None, return_dtype=placed.dtype)
