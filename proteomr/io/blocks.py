"""Columns of parquet files, read by blocks from any number of threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet

from proteomr._typing import F64, I64
from proteomr.border import reading
from proteomr.errors import FormatError
from proteomr.io.parquet_faults import parquet_faults
from proteomr.stats.loops import COMPILED_FROM, load_loops
from proteomr.tables import find_columns

__all__ = ["FileColumn", "ParquetMatrix", "ParquetProteins"]

_PLAIN = {pa.float32(): np.float32, pa.float64(): np.float64}


class ParquetMatrix:
    """The numeric columns of one parquet file.

    The footer is read once. A reader serves one thread at a time: a thread takes an idle one, or
    opens another over the footer that is already there.

    Parameters
    ----------
    path : the file.
    reported_as : the file that a message names, where this one was made from it.

    Raises
    ------
    FormatError
        The file is damaged, or two of its columns have one name.
    """

    def __init__(self, path: Path, *, reported_as: Path | None = None) -> None:
        self.path = path
        self.reported_as = reported_as or path
        with self._damage():
            first = pyarrow.parquet.ParquetFile(
                path, pre_buffer=False, page_checksum_verification=True
            )
            self.schema: pa.Schema = first.schema_arrow
        self.names: tuple[str, ...] = tuple(self.schema.names)
        self.n: int = first.metadata.num_rows
        self._metadata = first.metadata
        self._idle = [first]
        self._lock = threading.Lock()
        if len(set(self.names)) < len(self.names):
            name = next(name for name in self.names if self.names.count(name) > 1)
            raise FormatError("the name stands twice; rename one", path=path, column=name)

    def __reduce__(self) -> tuple[Callable[[Path], ParquetMatrix], tuple[Path]]:
        # Another process opens the file itself, and may stand in another folder.
        return partial(ParquetMatrix, reported_as=self.reported_as), (self.path.absolute(),)

    def read_column(self, name: str) -> pa.ChunkedArray:
        """Return one column as it is stored."""
        with self._damage(), self._reader() as reader:
            return reader.read(columns=[name], use_threads=False).column(name)

    def count_empty_cells(self) -> int:
        """Return how many cells hold nothing, from what the footer tells of each page.

        Raises
        ------
        FormatError
            The footer does not tell.
        """
        empty = 0
        for _, _, statistics in self._told():
            if statistics is None or not statistics.has_null_count:
                message = "does not tell its missing values; write it again"
                raise FormatError(message, path=self.reported_as)
            empty += int(statistics.null_count)
        return empty

    def find_extremes(self, names: Collection[str]) -> dict[str, tuple[float, float]]:
        """Return the lowest and the highest value of columns of numbers, as the footer tells them.

        A column of which it does not is not among them.
        """
        extremes: dict[str, tuple[float, float]] = {}
        silent: set[str] = set()
        for name, rows, told in self._told():
            if name not in names or (told is not None and told.null_count == rows):
                continue
            least = told.min if told is not None and told.has_min_max else None
            # Of floats of 16 bits the footer has the bytes alone.
            if told is None or least is None or isinstance(least, bytes):
                silent.add(name)
                continue
            low, high = float(least), float(told.max)
            before = extremes.get(name, (low, high))
            extremes[name] = (min(low, before[0]), max(high, before[1]))
        return {name: ends for name, ends in extremes.items() if name not in silent}

    def read_block(self, names: Sequence[str], rows: I64, target: F64) -> None:
        """Fill a target (m, b) with b numeric columns of m people, NaN = missing.

        Parameters
        ----------
        names : the columns, (b,).
        rows : row of each person in this file, (m,); -1 for nobody.
        target : receives the numbers, Fortran-ordered.
        """
        with self._damage(), self._reader() as reader:
            stored = reader.read_row_groups(
                range(reader.num_row_groups), columns=list(names), use_threads=False
            )
            for position, name in enumerate(names):
                _take_rows(stored.column(name), rows, target[:, position])

    def _told(self) -> Iterator[tuple[str, int, pyarrow.parquet.Statistics | None]]:
        """Yield what the footer tells of each column in each group of rows: name, rows, values."""
        described = [self._metadata.schema.column(i) for i in range(self._metadata.num_columns)]
        known = [
            (place, column.path, column.physical_type) for place, column in enumerate(described)
        ]
        for group in range(self._metadata.num_row_groups):
            stored = self._metadata.row_group(group)
            for place, name, kind in known:
                column = stored.column(place)
                # Asked for statistics of another type than the schema's, the library ends the
                # process.
                if column.physical_type != kind:
                    message = "the parquet file is damaged; copy or write it again"
                    raise FormatError(message, path=self.reported_as)
                yield name, stored.num_rows, column.statistics

    @contextmanager
    def _reader(self) -> Iterator[pyarrow.parquet.ParquetFile]:
        with self._lock:
            reader = self._idle.pop() if self._idle else None
        if reader is None:
            reader = pyarrow.parquet.ParquetFile(
                self.path,
                metadata=self._metadata,
                pre_buffer=False,
                page_checksum_verification=True,
            )
        yield reader
        with self._lock:
            self._idle.append(reader)

    @contextmanager
    def _damage(self) -> Iterator[None]:
        with reading(self.reported_as), parquet_faults(self.reported_as):
            yield


@dataclass(frozen=True, slots=True, eq=False)
class FileColumn:
    """Where one protein is stored.

    Parameters
    ----------
    name : name of the protein.
    file : position of its file.
    """

    name: str
    file: int


@dataclass(frozen=True, slots=True, eq=False)
class ParquetProteins:
    """Proteins in one or several parquet files, aligned to the same people.

    Parameters
    ----------
    files : the files.
    columns : where each of the p proteins is stored, in order.
    rows : for each file the row of each of the n people, (n,); -1 where a file lacks them.
    """

    files: tuple[ParquetMatrix, ...]
    columns: tuple[FileColumn, ...]
    rows: tuple[I64, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the p proteins, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def n(self) -> int:
        """Number of people."""
        return len(self.rows[0])

    def read(self, columns: slice, /) -> F64:
        """Return the proteins of a slice, (n, b), Fortran-ordered, NaN = missing.

        Raises
        ------
        FormatError
            A file is damaged, or went away since it was opened.
        """
        wanted = self.columns[columns]
        block: F64 = np.empty((self.n, len(wanted)), dtype=np.float64, order="F")
        position = 0
        for file, run in groupby(wanted, key=lambda column: column.file):
            names = [column.name for column in run]
            target = block[:, position : position + len(names)]
            self.files[file].read_block(names, self.rows[file], target)
            position += len(names)
        return block

    def find_candidates(self, suspicious: Callable[[float], bool]) -> list[int]:
        """Return the positions of proteins whose lowest or highest value is suspicious.

        The footers tell; no value is read.
        """
        own = [{c.name for c in self.columns if c.file == file} for file in range(len(self.files))]
        ends = [file.find_extremes(names) for file, names in zip(self.files, own, strict=True)]
        none = (0.5, 0.5)
        return [
            place
            for place, column in enumerate(self.columns)
            if any(map(suspicious, ends[column.file].get(column.name, none)))
        ]

    def select_rows(self, rows: I64) -> ParquetProteins:
        """Return the same proteins for chosen people, in the order given; reads nothing.

        A position of -1 is a person without any value.
        """
        chosen = tuple(np.where(rows < 0, -1, file[rows]) for file in self.rows)
        return ParquetProteins(self.files, self.columns, chosen)

    def select_columns(self, names: Sequence[str]) -> ParquetProteins:
        """Return chosen proteins, in the order given; reads nothing.

        Raises
        ------
        ColumnError
            There is no protein of that name.
        """
        chosen = find_columns(self.names, names)
        return ParquetProteins(self.files, tuple(self.columns[i] for i in chosen), self.rows)


def holds_numbers(kind: pa.DataType) -> bool:
    """Tell whether a column of parquet holds numbers, or nothing at all.

    Examples
    --------
    >>> holds_numbers(pa.float32()), holds_numbers(pa.null()), holds_numbers(pa.bool_())
    (True, True, False)
    """
    types = pa.types
    numbers = types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind)
    return bool(numbers or types.is_null(kind))


def _take_rows(column: pa.ChunkedArray, rows: I64, target: F64) -> None:
    """Fill a target with some rows of a column, NaN for null and for nobody, whose row is -1."""
    if column.type in _PLAIN:
        # In one piece: each costs as much as thousands of numbers.
        whole = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        if isinstance(whole, pa.Array):
            _take_plain(whole, rows, target)
            return
    numbers: F64 = np.full(len(column) + 1, np.nan)  # the last row is nobody's
    if not pa.types.is_null(column.type):
        decimal = pa.types.is_decimal(column.type)
        # Through polars: pyarrow would import pandas for this, which takes a second.
        numbers[:-1] = pl.Series(column.cast(pa.float64()) if decimal else column).to_numpy()
    np.take(numbers, rows, out=target, mode="wrap")


def _take_plain(column: pa.Array, rows: I64, target: F64) -> None:
    """Fill a target with some rows of numbers that lie in memory as they are."""
    validity, stored = column.buffers()
    first, after = column.offset, column.offset + len(column)
    numbers = np.frombuffer(stored, dtype=_PLAIN[column.type])[first:after]
    bits = np.frombuffer(validity or b"", dtype=np.uint8)
    loops = load_loops("stored", compiled=rows.size >= COMPILED_FROM)
    loops.take_numbers(numbers, bits, first, rows, target)
