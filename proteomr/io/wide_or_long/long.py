"""Long tables, one row per measurement, scattered into a matrix by integer codes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet

from proteomr._typing import F64, I64, Bool
from proteomr.border import reads
from proteomr.errors import ColumnError, InputError, UsageError, nearest
from proteomr.io.controls_apart import set_controls_apart
from proteomr.io.formats import IngestOptions, Replicates, Source
from proteomr.io.identifiers import find_id_column, normalise_ids
from proteomr.io.parquet_faults import parquet_faults
from proteomr.io.proteins import name_file
from proteomr.io.tables import infer_column
from proteomr.io.text import MARKS, MISSING, stream_text
from proteomr.io.wide_or_long.annotations import Annotations
from proteomr.io.wide_or_long.layout import Glance, glance_at, place
from proteomr.tables import ArrayProteins, Drop, Measurements, average_repeats
from proteomr.tables import columns as c

__all__ = ["read_long"]

_ROWS_AT_ONCE: Final = 1 << 19
_LARGEST_LOGARITHM: Final = 30.0
_STEP: Final = "ingest"


@dataclass(slots=True)
class _Codes:
    """Whole numbers for texts, in the order in which they are first seen."""

    known: dict[str, int] = field(default_factory=dict)

    def encode(self, texts: pl.Series) -> I64:
        """Return the number of each text; none may be null."""
        unique = texts.unique()
        for text in unique:
            self.known.setdefault(text, len(self.known))
        codes = [self.known[text] for text in unique]
        numbers = texts.replace_strict(unique, codes, return_dtype=pl.Int64)
        return numbers.to_numpy().astype(np.int64)

    def sort(self, names: pl.Series) -> tuple[list[str], I64]:
        """Return the names in their order, and the place there of each number."""
        order = names.arg_sort().to_numpy()
        rank: I64 = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        return names.gather(order.tolist()).to_list(), rank


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Rows of one stretch of a file whose value is known."""

    sample: I64
    assay: I64
    value: F64


def read_long(sources: Sequence[Source], *, options: IngestOptions) -> Measurements:
    """Return the measurements of long tables; rows may stand in any order.

    Held at once are the matrix and sixteen bytes for each row.

    Raises
    ------
    ColumnError
        A column that was named is absent, or the values are no numbers.
    FormatError
        A row has no sample, no assay, or a value that is no finite number; with the line.
    InputError
        A sample has several values of an assay and ``replicates`` is refuse, or is first and they
        differ.
    UsageError
        A logarithm is asked for of logarithms.
    """
    glances = [glance_at(source) for source in sources]
    ids, assays, annotations = _Codes(), _Codes(), Annotations()
    parts = [
        _encode(frame, ids, assays, annotations)
        for glance in glances
        for frame in _checked_frames(glance, options)
    ]
    names = pl.Series(c.SAMPLE_ID, list(ids.known), dtype=pl.String)
    texts = all(glance.layout is not None for glance in glances)
    samples, row = ids.sort(normalise_ids(infer_column(names) if texts else names))
    proteins, column = assays.sort(pl.Series(list(assays.known), dtype=pl.String))
    values, drops = _scatter(parts, row, column, options.replicates)
    if options.log2:
        values = _take_log2(values)
    single = all(_is_single(glance, options) for glance in glances) and not options.log2
    renamed = dict(zip(ids.known, (samples[at] for at in row), strict=True))
    measured = Measurements(
        platform="table",
        samples=annotations.describe_samples(samples, renamed),
        proteins=ArrayProteins(tuple(proteins), values),
        assays=annotations.describe_assays(proteins, log2=options.log2),
        precision="float32" if single else "float64",
        drops=drops,
        notes=annotations.notes(),
        parameters={"layout": "long", "log2": options.log2, "files": len(sources)},
    )
    return set_controls_apart(measured)


def _checked_frames(glance: Glance, options: IngestOptions) -> Iterator[pl.DataFrame]:
    """Yield the rows by blocks: sample_id and protein as text, value as number, the rest."""
    with name_file(glance.path):
        key = find_id_column(glance.names, id_column=options.id_column)
    named = {c.SAMPLE_ID: key, c.PROTEIN: options.assay_column, c.VALUE: options.value_column}
    taken: dict[str, str] = {}
    for role, name in named.items():
        if name is None or name not in glance.names:
            hint = nearest(name or "", glance.names)
            raise ColumnError(f"{glance.path}: no column {name!r}{hint}")
        if name in taken.values():
            raise UsageError(f"column {name!r} is named for two purposes")
        taken[role] = name
    start = 0
    for frame in _frames(glance):
        further = [pl.col(name) for name in frame.columns if name not in taken.values()]
        yield frame.select(
            _names(frame[taken[c.SAMPLE_ID]], glance, start, "sample").alias(c.SAMPLE_ID),
            _names(frame[taken[c.PROTEIN]], glance, start, "assay").alias(c.PROTEIN),
            _numbers(frame[taken[c.VALUE]], glance, start, options).alias(c.VALUE),
            pl.struct(further).alias("further") if further else pl.lit(None).alias("further"),
        )
        start += frame.height


@reads
def _frames(glance: Glance) -> Iterator[pl.DataFrame]:
    if glance.layout is not None:
        types = dict.fromkeys(glance.names, pa.string())
        for batch in stream_text(glance.layout, types=types):
            yield pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
        return
    with (
        parquet_faults(glance.path),
        pyarrow.parquet.ParquetFile(glance.path, page_checksum_verification=True) as file,
    ):
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, use_threads=False):
            batch.validate(full=True)
            yield pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))


def _names(column: pl.Series, glance: Glance, start: int, what: str) -> pl.Series:
    """Return names of samples or assays as trimmed text."""
    if column.dtype == pl.String:
        text = column.str.strip_chars()
    else:
        unique = column.unique().drop_nulls()
        if unique.dtype.is_float():
            unique = unique.drop_nans()
        with name_file(glance.path):
            texts = normalise_ids(unique)
        text = column.replace_strict(unique, texts, default=None, return_dtype=pl.String)
    missing = text.is_null() | text.is_in(MISSING)
    marked = text.str.contains(MARKS).fill_null(value=False)
    quotes = "holds a quotation mark or a line break; check the quotes"
    for faulty, fault in ((missing, "is missing"), (marked, quotes)):
        if faulty.any():
            row = start + (faulty.arg_max() or 0)
            message = f"the name of the {what} {fault}"
            raise place(glance, row, message=message, column=column.name)
    return text


def _numbers(column: pl.Series, glance: Glance, start: int, options: IngestOptions) -> pl.Series:
    """Return values as Float64, null where they are missing."""
    if column.dtype == pl.String and glance.layout is not None:
        text = column.str.strip_chars(' \t"')
        cells = text.set(text.is_in(MISSING), None)
        numbers = cells.cast(pl.Float64, strict=False)
        broken = numbers.is_null() & cells.is_not_null()
        message = "text where a number is needed; leave the cell empty if it is missing"
        if bool((broken & cells.str.contains(r"^[+-]?\d*,\d+$")).any()):
            message = "decimal comma; write numbers with a decimal point"
    elif column.dtype.is_numeric() or column.dtype == pl.Null:
        numbers = column.cast(pl.Float64)
        broken, message = numbers.is_infinite(), ""
    else:
        raise ColumnError(
            f"{glance.path}: column {column.name!r} holds {column.dtype}, not numbers"
        )
    if not broken.any():
        broken = numbers.is_infinite()
        message = "an infinite value; leave the cell empty if it is missing"
    if options.log2 and not broken.any():
        broken = numbers <= 0
        message = "a value that is zero or negative has no logarithm; leave out --log2"
    if broken.any():
        row = broken.fill_null(value=False).arg_max() or 0
        raise place(glance, start + row, message=message, column=column.name)
    return numbers.fill_nan(None)


def _encode(frame: pl.DataFrame, ids: _Codes, assays: _Codes, annotations: Annotations) -> _Part:
    annotations.see(frame)
    sample, assay = ids.encode(frame[c.SAMPLE_ID]), assays.encode(frame[c.PROTEIN])
    has_value: Bool = frame[c.VALUE].is_not_null().to_numpy()
    value = frame[c.VALUE].drop_nulls().to_numpy()
    return _Part(sample[has_value].astype(np.int32), assay[has_value].astype(np.int32), value)


def _scatter(
    parts: list[_Part], row: I64, column: I64, replicates: Replicates
) -> tuple[F64, tuple[Drop, ...]]:
    """Return the matrix (n, p), Fortran-ordered, and the drops; the parts are used up."""
    n, p = row.size, column.size
    cells = np.full(n * p, np.nan)
    taken = np.zeros(n * p, dtype=np.bool_)
    again_at, again = [np.empty(0, dtype=np.int64)], [np.empty(0)]
    parts.reverse()
    while parts:
        part = parts.pop()
        at = column[part.assay] * n + row[part.sample]
        first: Bool = np.zeros(at.size, dtype=np.bool_)
        first[np.unique(at, return_index=True)[1]] = True
        first &= ~taken[at]
        cells[at[first]] = part.value[first]
        taken[at] = True
        again_at.append(at[~first])
        again.append(part.value[~first])
    repeated, values = np.concatenate(again_at), np.concatenate(again)
    matrix = cells.reshape(p, n).T
    if not repeated.size:
        return matrix, ()
    if replicates != "mean":
        _refuse_repeated(repeated.size, int((cells[repeated] != values).sum()), replicates)
        return matrix, (Drop(_STEP, "repeated rows with the same value", repeated.size),)
    average_repeats(cells, cells=repeated, values=values)
    return matrix, (Drop(_STEP, "repeated values; averaged", repeated.size),)


def _refuse_repeated(rows: int, differing: int, replicates: Replicates) -> None:
    """Raise, unless rows that say the same twice are to be read once."""
    where = "repeat a sample and an assay that stood before"
    if differing:
        raise InputError(
            f"{rows} rows {where}, {differing} of them with another value, and nothing in a plain "
            "table tells which came first; take the mean with --replicates mean, or remove rows"
        )
    if replicates == "refuse":
        raise InputError(f"{rows} rows {where}, with the same values; --replicates first reads one")


def _take_log2(values: F64) -> F64:
    if np.nanmax(values, initial=-np.inf) < _LARGEST_LOGARITHM:
        raise UsageError(
            f"no value is above {_LARGEST_LOGARITHM:g}: they look like logarithms already; leave "
            "out --log2"
        )
    return np.log2(values, out=values)


def _is_single(glance: Glance, options: IngestOptions) -> bool:
    name = options.value_column
    return glance.layout is None and name is not None and glance.head[name].dtype == pl.Float32
