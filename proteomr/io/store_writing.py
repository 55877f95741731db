"""Measurements of any platform written as a store: one folder of parquet files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.files import storage_errors
from proteomr.io.store import PROTEINS, SIDE_TABLES, TIME_GAP
from proteomr.provenance import Manifest
from proteomr.runs import Ledger, Source, open_scratch
from proteomr.runs.encoding import TableFormat, write_encoded, write_text
from proteomr.runs.progress import follow
from proteomr.tables import Measurements, load_schema
from proteomr.tables import columns as c

__all__ = [
    "STORE_RESULTS",
    "estimate_disk",
    "estimate_writing",
    "fill_store",
    "store_formulas",
    "write_store",
]

STORE_RESULTS: Final = tuple(
    f"{name}.parquet" for name in ("samples", PROTEINS, "assays", *SIDE_TABLES.values(), TIME_GAP)
)
"""Files that a store may have, beside its drops and its manifest."""

_FORM: Final = 1  # of the store: raised when the same measurements are laid out otherwise
_HELD_BYTES: Final = 1 << 29  # of values at once: 2,900 assays of 44,000 people; more by a file
_GROUP_BYTES: Final = 1 << 27  # of a row group: pages long enough to scan, short enough to hold
_COLUMNS_AT_ONCE: Final = 64  # read together, as doubles, before they are narrowed
_VALUES_PER_SECOND: Final = 4e7  # written, as measured with 2,900 assays on one processor
_DISK_SHARE: Final = 1.05  # of the values: noise is not compressed, and a column has a header
_PROGRAM_BYTES: Final = 200e6  # of the interpreter with polars, pyarrow and numpy


def write_store(
    measured: Measurements,
    folder: str | Path,
    *,
    manifest: Manifest | None = None,
    extra: Mapping[str, pl.DataFrame] | None = None,
    overwrite: bool = False,
) -> None:
    """Write measurements as a folder: the same measurements give the same tables.

    ``samples.parquet``, ``proteins.parquet`` (one column per assay, in the precision of the
    source, missing values null), ``assays.parquet``, ``qc_flags.parquet``; where there are any,
    ``plates``, ``limits``, ``controls`` and ``time_gap``; the extra tables; ``drops.tsv``; and
    last ``manifest.json``, without which a folder is no store. The values are read twice: for the
    digest of the request, and to be written.

    Parameters
    ----------
    measured : what to write; about half a gigabyte of its values is held at once.
    folder : made if absent.
    manifest : the account of the run; request, outputs and the end are added here.
    extra : further tables by the name of their file, without suffix.
    overwrite : replace an earlier store in the folder.

    Raises
    ------
    RunFolderError
        The folder is in use, holds a store already, or files that no store wrote.
    InputError
        A value is infinite.
    StorageError
        The disk refused.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.io.store import read_store
    >>> from proteomr.tables import ArrayProteins
    >>> measured = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": ["A1", "A2"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0], [np.nan]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"], "kind": ["protein"]}),
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_store(measured, folder)
    ...     read_store(folder).proteins.read(slice(0, 1)).T
    array([[ 1., nan]])
    """
    account = Manifest(command="write_store") if manifest is None else manifest
    request = {
        "command": account.command,
        "formulas": dict(store_formulas()),
        "content": _digest_content(measured, extra or {}),
    }
    names = (*STORE_RESULTS, *(f"{name}.parquet" for name in extra or {}))
    with Ledger.open(folder, request=request, results=names, overwrite=overwrite) as ledger:
        if ledger.finished:  # a killed run had written all of this very store
            return
        described = fill_store(measured, ledger, extra=extra)
        ledger.finish(replace(account, configuration={**account.configuration, "store": described}))


def fill_store(
    measured: Measurements, ledger: Ledger, *, extra: Mapping[str, pl.DataFrame] | None = None
) -> dict[str, object]:
    """Write measurements into a ledger, and return what its manifest has to say of them.

    Parameters
    ----------
    measured : what to write; about half a gigabyte of its values is held at once.
    ledger : open, and not finished.
    extra : further tables by the name of their file, without suffix.

    Returns
    -------
    described : for the key ``store`` of the manifest's configuration, without which the folder is
        no store.

    Raises
    ------
    RunFolderError
        A file of one of the names is there that proteomr did not write.
    InputError
        A value is infinite.
    StorageError
        The disk refused.
    """
    _write_proteins(measured, ledger)
    for name, table in _list_tables(measured).items():
        _write_open_table(name, table, ledger)
    for name, table in (extra or {}).items():
        ledger.write_table(name, table)
    ledger.count_drops(measured.drops)
    return {
        "platform": measured.platform,
        "precision": measured.precision,
        "samples": measured.n,
        "assays": len(measured.proteins.names),
        "notes": list(measured.notes),
        "parameters": dict(measured.parameters),
    }


def store_formulas() -> dict[str, int]:
    """Return the versions of the form of a store and of the schemas of its tables.

    Examples
    --------
    >>> sorted(store_formulas())
    ['assays', 'controls', 'limits', 'plates', 'qc_flags', 'store']
    """
    schemas = {name: load_schema(name).version for name in ("assays", *SIDE_TABLES.values())}
    return {**schemas, "store": _FORM}


def estimate_writing(measured: Measurements) -> tuple[float, float]:
    """Return about how many seconds writing a store takes, and how many bytes of memory.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> measured = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": ["A1"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"], "kind": ["protein"]}),
    ... )
    >>> seconds, memory = estimate_writing(measured)
    >>> seconds < 1
    True
    """
    values = measured.n * len(measured.proteins.names)
    held = min(_HELD_BYTES, values * np.dtype(measured.precision).itemsize)
    return values / _VALUES_PER_SECOND, _PROGRAM_BYTES + held + 16 * _COLUMNS_AT_ONCE * measured.n


def estimate_disk(measured: Measurements) -> float:
    """Return about how many bytes a store takes on the disk: its values, and a row a sample.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> measured = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": ["A1"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"], "kind": ["protein"]}),
    ... )
    >>> estimate_disk(measured) > 8
    True
    """
    values = measured.n * len(measured.proteins.names)
    beside = [measured.samples, measured.assays]
    beside += [getattr(measured, field) for field in SIDE_TABLES]
    written = values * np.dtype(measured.precision).itemsize
    return _DISK_SHARE * written + sum(float(table.estimated_size()) for table in beside)


def _list_tables(measured: Measurements) -> dict[str, pl.DataFrame]:
    """Return the tables beside the proteins; of those that may be empty, the ones with rows."""
    tables = {"samples": measured.samples, "assays": measured.assays}
    for field, name in SIDE_TABLES.items():
        table: pl.DataFrame = getattr(measured, field)
        if table.height or name == "qc_flags":
            tables[name] = table
    if measured.time_gap is not None:
        tables[TIME_GAP] = measured.time_gap
    return tables


def _write_open_table(name: str, table: pl.DataFrame, ledger: Ledger) -> None:
    """Write a table whose columns are those of the source, whatever its schema declares."""
    if name in SIDE_TABLES.values():
        ledger.write_table(name, table)
        return
    for format in ledger.formats:
        write = partial(write_encoded, table, format=format, stamp=ledger.stamp(""))
        ledger.write_file(f"{name}.{format}", write)


def _write_proteins(measured: Measurements, ledger: Ledger) -> None:
    stored = f"{PROTEINS}.parquet"
    ledger.write_file(stored, partial(_write_groups, measured))
    for format in ledger.formats:
        if format != "parquet":
            text = partial(_write_text, ledger.place(stored), format=format)
            ledger.write_file(f"{PROTEINS}.{format}", text)


def _write_groups(measured: Measurements, file: BinaryIO) -> None:
    """Write the values as parquet, with a checksum for each page."""
    kind = pa.float32() if measured.precision == "float32" else pa.float64()
    names = measured.proteins.names
    schema = pa.schema([(c.SAMPLE_ID, pa.string()), *((name, kind) for name in names)])
    # not from a list: pyarrow would import pandas to look at it
    ids = measured.samples[c.SAMPLE_ID].to_arrow().cast(pa.string())
    with pyarrow.parquet.ParquetWriter(
        file, schema, compression="lz4", use_dictionary=False, write_page_checksum=True
    ) as writer:
        for start, values in _row_groups(measured):
            rows = values.shape[1]
            arrays = [ids.slice(start, rows), *(_as_arrow(column, kind) for column in values)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema), rows)


def _write_text(stored: Path, file: BinaryIO, *, format: TableFormat) -> None:
    """Write the stored values as text, a row group at a time."""
    separator = "," if format == "csv" else "\t"
    with pyarrow.parquet.ParquetFile(stored) as source:
        for group in range(source.num_row_groups):
            frame = pl.DataFrame(pl.from_arrow(source.read_row_group(group)))
            write_text(frame, file, separator=separator, include_header=group == 0)


def _digest_content(measured: Measurements, extra: Mapping[str, pl.DataFrame]) -> str:
    """Return the digest of all that a store is written from."""
    digest = hashlib.sha256(repr((measured.platform, measured.proteins.names)).encode())
    for name, table in sorted({**_list_tables(measured), **extra}.items()):
        record = Source.of(table, name=name).read_records()[0]
        digest.update(str(record.sha256).encode())
    for _, values in _row_groups(measured):
        digest.update(np.ascontiguousarray(values).data)
    account = (measured.notes, measured.drops, sorted(measured.parameters.items()))
    digest.update(repr(account).encode())
    return digest.hexdigest()


def _row_groups(measured: Measurements) -> Iterator[tuple[int, Any]]:
    """Yield the first row and the values (p, rows) of groups of rows, in the stored precision.

    Proteins are read by columns, once, and needed by rows: what is more than may be held at once
    stands in a file meanwhile.
    """
    n, p = measured.n, len(measured.proteins.names)
    width = p * np.dtype(measured.precision).itemsize
    groups = _divide_rows(n, width)
    if n * width <= _HELD_BYTES:
        held = np.empty((p, n), dtype=measured.precision)
        for columns, values in _narrowed(measured):
            held[columns] = values
        yield from ((rows.start, held[:, rows]) for rows in groups)
        return
    with open_scratch() as scratch:
        path = scratch / "values"
        with storage_errors(path):
            _spool(measured, path, groups)
        for rows in groups:
            size = rows.stop - rows.start
            values = np.fromfile(path, measured.precision, p * size, offset=rows.start * width)
            yield rows.start, values.reshape(p, size)


def _divide_rows(n: int, width: int) -> list[slice]:
    """Return the groups of rows of so many bytes that a store lies in."""
    per_part, per_group = -(-n // -(-n * width // _HELD_BYTES)), max(1, _GROUP_BYTES // width)
    parts = [(first, min(n, first + per_part)) for first in range(0, n, per_part)]
    return [
        slice(start, min(end, start + per_group))
        for first, end in parts
        for start in range(first, end, per_group)
    ]


def _spool(measured: Measurements, path: Path, groups: Sequence[slice]) -> None:
    """Write all values so that those of a group of rows lie together, protein by protein."""
    p, size = len(measured.proteins.names), np.dtype(measured.precision).itemsize
    with path.open("wb") as file:
        for columns, values in _narrowed(measured):
            for rows in groups:
                part = np.ascontiguousarray(values[:, rows])
                file.seek((rows.start * p + columns.start * part.shape[1]) * size)
                file.write(part.data)


def _narrowed(measured: Measurements) -> Iterator[tuple[slice, Any]]:
    """Yield blocks of proteins (b, n) in the stored precision, none of them infinite."""
    p = len(measured.proteins.names)
    columns = range(0, p, _COLUMNS_AT_ONCE)
    for column in follow(columns, doing="storing", total=len(columns)):
        block = slice(column, min(p, column + _COLUMNS_AT_ONCE))
        values = _finite(measured.proteins.read(block), measured.proteins.names[block])
        yield block, values.T.astype(measured.precision, copy=False)


def _finite(values: F64, names: Sequence[str]) -> F64:
    """Refuse what no platform measures, and what would turn every estimate into nothing."""
    if (broken := np.isinf(values).any(axis=0)).any():
        name = names[int(broken.argmax())]
        raise InputError(
            f"assay {name!r} holds infinite values; leave the cells empty where values are missing"
        )
    return values


def _as_arrow(column: Any, kind: pa.DataType) -> pa.Array:
    present = ~np.isnan(column)
    mask = None if present.all() else pa.py_buffer(np.packbits(present, bitorder="little"))
    values = pa.py_buffer(np.ascontiguousarray(column))
    return pa.Array.from_buffers(kind, len(column), [mask, values])
