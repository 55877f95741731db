"""Long reports of mass spectrometry: a row for each run and precursor, a quantity per group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet

from proteomr._typing import F64
from proteomr.border import reads
from proteomr.errors import FormatError
from proteomr.io.formats import Source
from proteomr.io.mass_spectrometry.books import MatrixBook
from proteomr.io.mass_spectrometry.groups import name_runs
from proteomr.io.mass_spectrometry.matrix import describe_groups, read_header
from proteomr.io.parquet_faults import parquet_faults
from proteomr.io.protein_rows import ProteinRows, parse_row
from proteomr.io.text import find_layout, locate_line, stream_text

__all__ = ["read_report"]

_ROWS_AT_ONCE: Final = 1 << 19
_LIMIT: Final = 0.01  # of the q-value at which programs and journals call a group identified


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which columns of a report are read."""

    sample: str
    protein: str
    value: str
    gene: str | None
    q_value: str | None

    @property
    def names(self) -> list[str]:
        """All that are there."""
        wanted = (self.sample, self.protein, self.value, self.gene, self.q_value)
        return [name for name in wanted if name is not None]


@reads
def read_report(
    source: Source, book: MatrixBook, *, value: str | None
) -> tuple[ProteinRows, str, int, int]:
    """Return the quantities of a long report: their name, how many are zero and how many doubtful.

    A group's quantity stands in the row of each of its precursors, and must be the same in all.
    Doubtful are those with a q-value of the group above 1 %; they are kept.

    Raises
    ------
    FormatError
        A cell is no number, a run or a group has no name, or a group has two quantities in a run.
    UsageError
        The quantity that the user names is not there.
    """
    names = read_header(source)
    quantity, found = book.choose(names, value)
    columns = _Columns(
        book.sample[0],
        book.protein[0],
        next(iter(found)),
        _find(book.gene, names),
        _find(book.q_value, names),
    )
    rows = pl.concat(_blocks(source, columns)).unique(maintain_order=True)
    for name in (columns.sample, columns.protein):
        if missing := rows[name].null_count():
            message = f"{missing} rows have no name here"
            raise FormatError(message, path=source.path, column=name)
    known = rows.filter(pl.col(columns.value).is_not_null())
    pairs = known.select(columns.sample, columns.protein, columns.value).unique()
    if differing := pairs.height - pairs.select(columns.sample, columns.protein).n_unique():
        message = f"{differing} protein groups have another quantity in one and the same run"
        raise FormatError(message, path=source.path, column=columns.value)
    told = [name for name in (columns.protein, columns.gene) if name is not None]
    groups = rows.select(told).unique(columns.protein, keep="first").sort(columns.protein)
    runs = rows[columns.sample].unique().sort()
    matrix = _scatter(pairs, columns, groups[columns.protein], runs)
    zeros = int((matrix == 0).sum())
    matrix[matrix == 0] = np.nan
    doubtful = 0
    if columns.q_value is not None:
        above = known.filter(pl.col(columns.q_value).cast(pl.Float64, strict=False) > _LIMIT)
        doubtful = above.select(columns.sample, columns.protein).n_unique() if above.height else 0
    proteins, assays, flags = describe_groups(groups, book, path=source.path)
    result = ProteinRows(proteins, name_runs(runs.to_list()), matrix, assays, flags=flags)
    return result, quantity.name, zeros, doubtful


def _scatter(pairs: pl.DataFrame, columns: _Columns, groups: pl.Series, runs: pl.Series) -> F64:
    matrix: F64 = np.full((groups.len(), runs.len()), np.nan)
    row_of = {name: place for place, name in enumerate(groups)}
    column_of = {name: place for place, name in enumerate(runs)}
    rows = [row_of[name] for name in pairs[columns.protein]]
    places = [column_of[name] for name in pairs[columns.sample]]
    matrix[rows, places] = pairs[columns.value].to_numpy()
    return matrix


def _blocks(source: Source, columns: _Columns) -> list[pl.DataFrame]:
    """Return the different rows of each block, with the quantity as a number."""
    blocks, start = [], 0
    texts = [name for name in columns.names if name not in (columns.value, columns.q_value)]
    for frame in _frames(source, columns.names):
        cells = frame[columns.value]
        if cells.dtype == pl.String:
            numbers, fault = parse_row(cells.fill_null("").to_list())
            if fault is not None:
                _refuse(source, start + fault, columns.value)
            values = pl.Series(columns.value, numbers).fill_nan(None)
        else:
            values = cells.cast(pl.Float64).fill_nan(None)
            if values.is_infinite().any():
                _refuse(source, start + (values.is_infinite().arg_max() or 0), columns.value)
        if (values < 0).any():
            message = "a negative intensity: logarithms already? read it with --platform table"
            raise FormatError(message, path=source.path, column=columns.value)
        start += frame.height
        named = frame.with_columns(
            pl.col(name).cast(pl.String).str.strip_chars().replace("", None) for name in texts
        )
        blocks.append(named.with_columns(values).unique(maintain_order=True))
    if not blocks:
        raise FormatError("a header and no rows", path=source.path)
    return blocks


def _frames(source: Source, names: list[str]) -> Iterator[pl.DataFrame]:
    if source.kind == "parquet":
        with (
            parquet_faults(source.path),
            pyarrow.parquet.ParquetFile(source.path) as file,
        ):
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=names):
                yield pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch]))).select(names)
        return
    layout = find_layout(source.path, compressed=source.compressed)
    for batch in stream_text(layout, types=dict.fromkeys(names, pa.string())):
        yield pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch]))).select(names)


def _refuse(source: Source, row: int, column: str) -> NoReturn:
    line = None
    if source.kind == "text":
        line = locate_line(find_layout(source.path, compressed=source.compressed), row)
    message = "no finite number where a quantity is needed; leave the cell empty if it is missing"
    raise FormatError(message, path=source.path, line=line, column=column)


def _find(wanted: Sequence[str], names: Sequence[str]) -> str | None:
    return next((name for name in wanted if name in names), None)
