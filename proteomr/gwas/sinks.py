"""Where canonical rows go while a file is read: memory, or parquet beside its target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Final

import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from proteomr._typing import Bool
from proteomr.files import replace_file, shared_mode, storage_errors
from proteomr.runs.encoding import name_stamp
from proteomr.tables import load_schema

__all__ = ["MemorySink", "ParquetSink", "Sink"]

_ROWS: Final = 1 << 19
_FEW_VALUES: Final = (
    "chromosome",
    "build",
    "effect_allele",
    "other_allele",
    "n",
    "n_case",
    "trait",
    "p_origin",
)


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

    Parameters
    ----------
    path : the file.
    folder : where the file aside stands.
    stamp : what the file says of itself beside its columns.
    """

    def __init__(self, path: Path, folder: Path, stamp: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._stamp = stamp
        self._aside = folder / "rows.arrow"
        self._held: list[pl.DataFrame] = []
        self._rows = 0
        self._writer: Any = None

    @classmethod
    @contextmanager
    def open(cls, path: Path, *, stamp: Mapping[str, str] | None = None) -> Iterator[ParquetSink]:
        """Yield a sink whose file aside is removed at the end of the block.

        Raises
        ------
        StorageError
            The disk refused.
        """
        with storage_errors(path), TemporaryDirectory(dir=path.parent, prefix=".munge-") as folder:
            sink = cls(path, Path(folder), stamp)
            try:
                yield sink
            finally:
                sink.close()

    def add(self, frame: pl.DataFrame) -> None:
        """Take further rows."""
        self._held.append(frame)
        self._rows += frame.height
        if self._rows >= _ROWS:
            self._flush()

    def finish(self, keep: Bool | None, fill: dict[str, str]) -> pl.LazyFrame:
        """Put the file in place with the rows that are kept, and return it for reading."""
        if self._rows or self._writer is None:
            self._flush()
        self.close()
        replace_file(self._path, lambda file: self._write(file, keep, fill), mode=shared_mode())
        return pl.scan_parquet(self._path, glob=False)

    def find_name(self, row: int) -> str:
        """Return the name of the variant of a row that was taken, kept or not; once finished."""
        with pa.OSFile(str(self._aside)) as opened:
            source = pa.ipc.open_file(opened)
            for number in range(source.num_record_batches):
                batch = source.get_batch(number)
                if row < batch.num_rows:
                    return str(batch.column("variant_id")[row])
                row -= batch.num_rows
        raise IndexError(row)

    def close(self) -> None:
        """Close the file aside."""
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        empty = load_schema("sumstats").empty()
        table = (pl.concat(self._held) if self._held else empty).to_arrow()
        if self._writer is None:
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writer = pa.ipc.new_file(str(self._aside), table.schema, options=options)
        self._writer.write_table(table)
        self._held, self._rows = [], 0

    def _write(self, file: BinaryIO, keep: Bool | None, fill: dict[str, str]) -> None:
        with pa.OSFile(str(self._aside)) as opened:
            source = pa.ipc.open_file(opened)
            with _open_writer(file, _stamp_schema(source.schema, self._stamp)) as writer:
                at = 0
                for number in range(source.num_record_batches):
                    batch = source.get_batch(number)
                    part = None if keep is None else keep[at : at + batch.num_rows]
                    at += batch.num_rows
                    writer.write_table(_finished(batch, part, fill).cast(writer.schema))


Sink = MemorySink | ParquetSink


def _open_writer(target: BinaryIO, schema: pa.Schema) -> Any:
    return pyarrow.parquet.ParquetWriter(
        target,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[name for name in _FEW_VALUES if name in schema.names],
    )


def _stamp_schema(schema: pa.Schema, stamp: Mapping[str, str] | None) -> pa.Schema:
    return schema if stamp is None else schema.with_metadata(name_stamp(stamp))


def _finished(batch: pa.RecordBatch, keep: Bool | None, fill: dict[str, str]) -> pa.Table:
    table = pa.Table.from_batches([batch])
    if keep is not None and not keep.all():
        table = table.filter(pa.array(keep))
    for name, value in fill.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table.column(at).fill_null(value))
    return table
