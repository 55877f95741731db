"""Stores: measurements of any platform as one folder of parquet files with their history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
import polars as pl

from proteomr._typing import I64
from proteomr.border import reads
from proteomr.errors import FormatError, RunFolderError
from proteomr.io.blocks import FileColumn, ParquetMatrix, ParquetProteins
from proteomr.io.tables import read_table
from proteomr.runs import Source, is_unfinished, refuse_altered
from proteomr.tables import Drop, Measurements, Platform, Precision
from proteomr.tables import columns as c

__all__ = [
    "MANIFEST",
    "PROTEINS",
    "SIDE_TABLES",
    "TIME_GAP",
    "count_missing_values",
    "is_store",
    "name_store",
    "read_store",
    "refuse_unfinished",
]

MANIFEST: Final = "manifest.json"
PROTEINS: Final = "proteins"
SIDE_TABLES: Final = {
    "flags": "qc_flags",
    "plates": "plates",
    "limits": "limits",
    "controls": "controls",
}
"""Tables beside samples, proteins and assays, by the field of the measurements."""
TIME_GAP: Final = "time_gap"
_NEEDED: Final = ("samples", PROTEINS, "assays")


def is_store(folder: str | Path) -> bool:
    """Tell whether a folder is a store that was written to its end.

    Examples
    --------
    >>> is_store("samples.csv")
    False
    """
    path = Path(folder)
    names = (MANIFEST, *(f"{name}.parquet" for name in _NEEDED))
    return path.is_dir() and all((path / name).is_file() for name in names)


@reads
def read_store(folder: str | Path) -> Measurements:
    """Return the measurements of a store; the proteins are read by blocks later.

    Every file that is read is held against its digest in the manifest first, which takes about a
    second for 600 MB.

    Raises
    ------
    RunFolderError
        The folder is no store, or one that was not written to its end.
    InputError
        A file was altered or damaged since it was written, or is not of this store.

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
    _refuse_foreign_tables(path)
    there = [name for name in (*SIDE_TABLES.values(), TIME_GAP) if _is_recorded(path, name)]
    samples, assays = _read(path, "samples"), _read(path, "assays")
    sides = {field: _read(path, name) for field, name in SIDE_TABLES.items() if name in there}
    return Measurements(
        platform=described["platform"],
        precision=described["precision"],
        samples=samples,
        proteins=_open_proteins(path / f"{PROTEINS}.parquet", samples, assays),
        assays=assays,
        time_gap=_read(path, TIME_GAP) if TIME_GAP in there else None,
        drops=tuple(Drop(*row) for row in _read_drops(path / "drops.tsv")),
        notes=tuple(described["notes"]),
        parameters=described["parameters"],
        **sides,
    )


@reads
def name_store(folder: str | Path) -> Source:
    """Return a store as the input of a request: its own files, whatever else lies beside them.

    Raises
    ------
    RunFolderError
        The folder is no store, or one that was not written to its end.
    FormatError
        The manifest is not that of a store.

    Examples
    --------
    >>> name_store("nowhere")
    Traceback (most recent call last):
    ...
    proteomr.errors.RunFolderError: nowhere: is no store; make one with proteomr ingest
    """
    path = Path(folder)
    _refuse_other_folders(path)
    _read_description(path / MANIFEST)
    names = (*_NEEDED, *SIDE_TABLES.values(), TIME_GAP)
    recorded = _read_manifest(path / MANIFEST).get("outputs", [])
    listed = {entry["name"] for entry in recorded if isinstance(entry, dict) and "name" in entry}
    files = (f"{name}.parquet" for name in names if f"{name}.parquet" in listed)
    return Source(str(folder), tuple(path / file for file in files))


@reads
def count_missing_values(folder: str | Path) -> int:
    """Return how many values of the proteins of a store are missing; reads no value.

    Raises
    ------
    FormatError
        The proteins are damaged, or are no file of a store.
    """
    return ParquetMatrix(Path(folder) / f"{PROTEINS}.parquet").count_empty_cells()


def refuse_unfinished(folder: Path) -> None:
    """Refuse a folder in which a store is being written, or was when the run was stopped.

    Raises
    ------
    RunFolderError
        It is one.

    Examples
    --------
    >>> refuse_unfinished(Path("nowhere"))
    """
    if is_unfinished(folder):
        raise RunFolderError(
            f"{folder}: is a store that was not written to its end; run the command that writes "
            "it again"
        )


def _refuse_other_folders(path: Path) -> None:
    if not path.is_dir():
        raise RunFolderError(f"{path}: is no store; make one with proteomr ingest")
    refuse_unfinished(path)
    if not (path / MANIFEST).is_file():
        raise RunFolderError(
            f"{path}: holds no {MANIFEST}: no store, or one that was not finished; "
            "run the command that writes it again"
        )
    for name in _NEEDED:
        if not (path / f"{name}.parquet").is_file():
            raise RunFolderError(f"{path}: is no store: there is no {name}.parquet in it")


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as fault:
        raise FormatError(f"cannot be read ({fault})", path=path) from None
    return facts if isinstance(facts, dict) else {}


def _read_description(path: Path) -> dict[str, Any]:
    described = _read_manifest(path).get("configuration", {}).get("store")
    if not isinstance(described, dict):
        message = "is not the manifest of a store; make one with proteomr ingest"
        raise FormatError(message, path=path)
    closed = (("platform", get_args(Platform)), ("precision", get_args(Precision)))
    for key, allowed in closed:
        if described.get(key) not in allowed:
            raise FormatError(f"{key} is none of {', '.join(allowed)}", path=path)
    return {"notes": [], "parameters": {}, **described}


def _refuse_foreign_tables(path: Path) -> None:
    for name in _NEEDED:
        if not _is_recorded(path, name):
            message = f"is not among the files of the store that {MANIFEST} lists"
            raise FormatError(message, path=path / f"{name}.parquet")


def _is_recorded(folder: Path, name: str) -> bool:
    """Tell whether a table is one of the store's own, unaltered; refuse one that was altered."""
    path = folder / f"{name}.parquet"
    return path.is_file() and refuse_altered(path)


def _read(folder: Path, name: str) -> pl.DataFrame:
    path = folder / f"{name}.parquet"
    try:
        return pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as fault:
        message = "the parquet file is damaged; run the command that wrote it again"
        raise FormatError(message, path=path) from fault


def _read_drops(path: Path) -> list[tuple[str, str, int]]:
    if not path.is_file() or not refuse_altered(path) or path.read_text("utf-8").count("\n") < 2:
        return []
    return read_table(path).select(c.STEP, c.REASON, c.N).rows()


def _open_proteins(path: Path, samples: pl.DataFrame, assays: pl.DataFrame) -> ParquetProteins:
    """Open the proteins, which stand in the order of the samples and of the assays."""
    matrix = ParquetMatrix(path)
    names = (c.SAMPLE_ID, *assays[c.PROTEIN])
    if matrix.names != names or matrix.n != samples.height:
        message = "is not of the samples and assays beside it; run the command that wrote it again"
        raise FormatError(message, path=path)
    rows: I64 = np.arange(matrix.n, dtype=np.int64)
    return ParquetProteins((matrix,), tuple(FileColumn(name, 0) for name in names[1:]), (rows,))
