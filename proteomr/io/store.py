"""Stores: measurements of any platform as one folder of parquet files with their history."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final, get_args

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet

from proteomr._typing import F64, I64
from proteomr.errors import FormatError, InputError, RunFolderError
from proteomr.files import create_file, is_aside, replace_file, storage_errors
from proteomr.io.blocks import FileColumn, ParquetMatrix, ParquetProteins
from proteomr.io.identifiers import locate_ids
from proteomr.io.tables import read_table, write_table
from proteomr.provenance import InputFile, Manifest, utc_now
from proteomr.tables import Drop, Measurements, Platform, Precision, load_schema, tabulate_drops
from proteomr.tables import columns as c

__all__ = ["MANIFEST", "UNFINISHED", "is_store", "read_store", "write_store"]

MANIFEST: Final = "manifest.json"
_SIDE_TABLES: Final = {
    "flags": "qc_flags",
    "plates": "plates",
    "limits": "limits",
    "controls": "controls",
}
_TIME_GAP: Final = "time_gap"
UNFINISHED: Final = ".unfinished"  # stands in a store while it is written
_HELD_BYTES: Final = 1 << 29
_GROUP_BYTES: Final = 1 << 27
_COLUMNS_AT_ONCE: Final = 64


def is_store(folder: str | Path) -> bool:
    """Tell whether a folder is a store that was written to its end.

    Examples
    --------
    >>> is_store("samples.csv")
    False
    """
    path = Path(folder)
    names = (MANIFEST, "samples.parquet", "proteins.parquet", "assays.parquet")
    return path.is_dir() and all((path / name).is_file() for name in names)


def write_store(
    measured: Measurements,
    folder: str | Path,
    *,
    manifest: Manifest,
    extra: Mapping[str, pl.DataFrame] | None = None,
) -> Manifest:
    """Write measurements as a folder: the same measurements give the same tables.

    ``samples.parquet``, ``proteins.parquet`` (one column per assay, in the precision of the
    source, missing values null), ``assays.parquet``, ``qc_flags.parquet``; where there are any,
    ``plates``, ``limits``, ``controls`` and ``time_gap``; the extra tables; ``drops.tsv``; and
    last ``manifest.json``, without which a folder is no store. An earlier store in the folder is
    replaced; files that no store wrote are left alone.

    Parameters
    ----------
    measured : what to write; about half a gigabyte of its values is held at once.
    folder : made if absent.
    manifest : the account of the run; outputs, drops and the end are added here.
    extra : further tables by the name of their file, without suffix.

    Returns
    -------
    manifest : as it was written.

    Raises
    ------
    RunFolderError
        The folder holds files of these names that no store wrote.
    InputError
        A value is infinite.
    StorageError
        The disk refused.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.tables import ArrayProteins
    >>> made = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": ["A1", "A2"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0], [np.nan]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"], "kind": ["protein"]}),
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = write_store(made, folder, manifest=Manifest(command="ingest"))
    ...     read_store(folder).proteins.read(slice(0, 1)).T
    array([[ 1., nan]])
    """
    target = Path(folder)
    tables = _tables_of(measured) | dict(extra or {})
    outputs = [*(f"{name}.parquet" for name in ("proteins", *tables)), "drops.tsv"]
    _claim(target, outputs)
    try:
        _write_proteins(measured, target / "proteins.parquet")
    except InputError:
        with storage_errors(target):
            (target / UNFINISHED).unlink()
        raise
    for name, table in tables.items():
        write_table(table, target / f"{name}.parquet", format="parquet")
    write_table(tabulate_drops(measured.drops), target / "drops.tsv", format="tsv")
    complete = replace(
        manifest,
        configuration={**manifest.configuration, "store": _describe(measured)},
        outputs=tuple(
            replace(InputFile.read(target / name), name=name) for name in sorted(outputs)
        ),
        finished=utc_now(),
    )
    text = complete.to_json().encode()
    replace_file(target / MANIFEST, lambda file: file.write(text))
    with storage_errors(target):
        (target / UNFINISHED).unlink()
    return complete


def read_store(folder: str | Path) -> Measurements:
    """Return the measurements of a store; the proteins are read by blocks later.

    Raises
    ------
    RunFolderError
        The folder is no store, or one that was not written to its end.
    FormatError
        A table is damaged, or proteins and samples do not belong together.

    Examples
    --------
    >>> read_store("nowhere")
    Traceback (most recent call last):
    ...
    proteomr.errors.RunFolderError: nowhere: is no store; make one with proteomr ingest
    """
    path = Path(folder)
    _refuse_other_folders(path)
    described = _read_description(path / MANIFEST)
    samples = _read(path, "samples")
    assays = _read(path, "assays")
    time_gap = path / f"{_TIME_GAP}.parquet"
    return Measurements(
        platform=described["platform"],
        precision=described["precision"],
        samples=samples,
        proteins=_open_proteins(path / "proteins.parquet", samples, assays),
        assays=assays,
        time_gap=_read(path, _TIME_GAP) if time_gap.is_file() else None,
        drops=tuple(Drop(*row) for row in _read_drops(path / "drops.tsv")),
        notes=tuple(described["notes"]),
        parameters=described["parameters"],
        **{
            field: _read(path, name)
            for field, name in _SIDE_TABLES.items()
            if (path / f"{name}.parquet").is_file()
        },
    )


def _claim(folder: Path, outputs: list[str]) -> None:
    """Mark a folder as a store being written; remove an earlier one, and nothing else."""
    marker, manifest = folder / UNFINISHED, folder / MANIFEST
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        taken = [name for name in (*outputs, MANIFEST) if os.path.lexists(folder / name)]
        earlier = _earlier_outputs(manifest)
        if taken and not marker.exists() and earlier is None:
            raise RunFolderError(
                f"{folder}: already holds {', '.join(taken[:4])}, written by no ingest or qc; "
                "choose another folder"
            )
        create_file(marker, b"")
        manifest.unlink(missing_ok=True)
        for path in folder.iterdir():
            old = path.name in (earlier or ()) and path.name not in outputs
            if (old or is_aside(path.name)) and path != marker and path.is_file():
                path.unlink()


def _earlier_outputs(manifest: Path) -> frozenset[str] | None:
    """Return the files of the store that a manifest describes; None where there is no store."""
    try:
        facts = json.loads(manifest.read_text(encoding="utf-8"))
        described = facts["configuration"]["store"]
        return frozenset(entry["name"] for entry in facts["outputs"] if described)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _tables_of(measured: Measurements) -> dict[str, pl.DataFrame]:
    tables = {
        "samples": measured.samples,
        "assays": measured.assays,
        "qc_flags": load_schema("qc_flags").validate(measured.flags),
    }
    for field, name in _SIDE_TABLES.items():
        table: pl.DataFrame = getattr(measured, field)
        if table.height:
            tables[name] = load_schema(name).validate(table)
    if measured.time_gap is not None:
        tables[_TIME_GAP] = measured.time_gap
    return tables


def _write_proteins(measured: Measurements, target: Path) -> None:
    kind = pa.float32() if measured.precision == "float32" else pa.float64()
    names = measured.proteins.names
    schema = pa.schema([(c.SAMPLE_ID, pa.string()), *((name, kind) for name in names)])
    # not from a list: pyarrow would import pandas to look at it
    ids = measured.samples[c.SAMPLE_ID].to_arrow().cast(pa.string())

    def write(file: BinaryIO) -> None:
        with pyarrow.parquet.ParquetWriter(
            file, schema, compression="lz4", use_dictionary=False, write_page_checksum=True
        ) as writer:
            for start, values in _row_groups(measured):
                rows = values.shape[1]
                arrays = [ids.slice(start, rows), *(_as_arrow(column, kind) for column in values)]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema), rows)

    replace_file(target, write)


def _row_groups(measured: Measurements) -> Iterator[tuple[int, Any]]:
    """Yield the first row and the values (p, rows) of groups of rows, in the stored precision."""
    n, p = measured.n, len(measured.proteins.names)
    width = p * np.dtype(measured.precision).itemsize
    passes = -(-n * width // _HELD_BYTES)
    per_pass, per_group = -(-n // passes), max(1, _GROUP_BYTES // width)
    buffer = np.empty((p, per_pass), dtype=measured.precision)
    for first in range(0, n, per_pass):
        rows: I64 = np.arange(first, min(n, first + per_pass), dtype=np.int64)
        part = measured.proteins if passes == 1 else measured.proteins.select_rows(rows)
        held = buffer[:, : len(rows)]
        for column in range(0, p, _COLUMNS_AT_ONCE):
            block = slice(column, min(p, column + _COLUMNS_AT_ONCE))
            held[block] = _finite(part.read(block), measured.proteins.names[block]).T
        for start in range(0, len(rows), per_group):
            yield first + start, held[:, start : start + per_group]


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


def _describe(measured: Measurements) -> dict[str, object]:
    return {
        "platform": measured.platform,
        "precision": measured.precision,
        "samples": measured.n,
        "assays": len(measured.proteins.names),
        "notes": list(measured.notes),
        "parameters": dict(measured.parameters),
    }


def _refuse_other_folders(path: Path) -> None:
    if not path.is_dir():
        raise RunFolderError(f"{path}: is no store; make one with proteomr ingest")
    if not (path / MANIFEST).is_file():
        raise RunFolderError(
            f"{path}: holds no {MANIFEST}: no store, or one that was not finished; "
            "run the command that writes it again"
        )
    for name in ("samples", "proteins", "assays"):
        if not (path / f"{name}.parquet").is_file():
            raise RunFolderError(f"{path}: is no store: there is no {name}.parquet in it")


def _read_description(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as fault:
        raise FormatError(f"cannot be read ({fault})", path=path) from None
    described = facts.get("configuration", {}).get("store") if isinstance(facts, dict) else None
    if not isinstance(described, dict):
        message = "is not the manifest of a store; make one with proteomr ingest"
        raise FormatError(message, path=path)
    closed = (("platform", get_args(Platform)), ("precision", get_args(Precision)))
    for key, allowed in closed:
        if described.get(key) not in allowed:
            raise FormatError(f"{key} is none of {', '.join(allowed)}", path=path)
    return {"notes": [], "parameters": {}, **described}


def _read(folder: Path, name: str) -> pl.DataFrame:
    path = folder / f"{name}.parquet"
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as fault:
        message = "the parquet file is damaged; run the command that wrote it again"
        raise FormatError(message, path=path) from fault


def _read_drops(path: Path) -> list[tuple[str, str, int]]:
    if not path.is_file() or path.read_text("utf-8").count("\n") < 2:
        return []
    return read_table(path).select(c.STEP, c.REASON, c.N).rows()


def _open_proteins(path: Path, samples: pl.DataFrame, assays: pl.DataFrame) -> ParquetProteins:
    matrix = ParquetMatrix(path)
    stored = [name for name in matrix.names if name != c.SAMPLE_ID]
    for table, column in (("samples", samples), ("assays", assays)):
        wanted = c.SAMPLE_ID if table == "samples" else c.PROTEIN
        if wanted not in column.columns:
            raise FormatError(
                "no such column", path=path.parent / f"{table}.parquet", column=wanted
            )
    if c.SAMPLE_ID not in matrix.names:
        raise FormatError("no such column", path=path, column=c.SAMPLE_ID)
    names = assays[c.PROTEIN].to_list()
    if set(names) - set(stored):
        raise InputError(f"{path}: lacks assays that assays.parquet lists; run ingest again")
    ids = pl.Series(c.SAMPLE_ID, pl.from_arrow(matrix.read_column(c.SAMPLE_ID)))
    rows = locate_ids(samples[c.SAMPLE_ID], among=ids)
    if bool((rows < 0).any()):
        raise InputError(f"{path}: lacks samples that samples.parquet lists; run ingest again")
    return ParquetProteins((matrix,), tuple(FileColumn(name, 0) for name in names), (rows,))
