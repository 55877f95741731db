"""AnnData files (h5ad): samples are observations, assays are variables."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.border import reads
from proteomr.errors import FormatError, UsageError, nearest
from proteomr.files import replace_file, storage_errors
from proteomr.io.controls_apart import set_controls_apart
from proteomr.io.formats import IngestOptions
from proteomr.io.protein_rows import ProteinRows, measure_rows
from proteomr.io.tables import infer_column
from proteomr.io.wide_or_long.annotations import KNOWN
from proteomr.tables import Measurements
from proteomr.tables import columns as c

__all__ = ["read_anndata", "write_anndata"]

_MAIN: Final = "X"
_OWN: Final = (c.PROTEIN, c.PLATFORM, c.SAMPLE_ID)


@reads
def read_anndata(path: Path, *, options: IngestOptions) -> Measurements:
    """Return the measurements of an h5ad file.

    Parameters
    ----------
    path : the file.
    options : ``value_column``: a layer in place of X; ``log2``.

    Raises
    ------
    UsageError
        The package anndata is not installed, or there is no such layer.
    FormatError
        The file is damaged, or a value is infinite or has no logarithm.
    """
    layer = options.value_column or _MAIN
    data = _open(path, layer)
    values, samples, proteins = data.values, data.samples, data.proteins
    for what, names in (("samples", samples), ("assays", proteins)):
        if names == [str(place) for place in range(len(names))]:
            message = f"the {what} have no names, or the file is not whole; name them in the index"
            raise FormatError(message, path=path)
    if np.isinf(values).any():
        raise FormatError("holds infinite values; missing ones are NaN", path=path)
    if options.log2:
        if (values <= 0).any():
            message = "holds values that are zero or negative and have no logarithm"
            raise FormatError(f"{message}; leave out --log2", path=path)
        values = np.log2(values)
    rows = ProteinRows(proteins, samples, values.T, _rename(data.told), data.facts)
    measured = measure_rows(
        rows,
        platform="table",
        unit="log2" if options.log2 else None,
        notes=(),
        parameters={"layout": "anndata", "layer": layer, "log2": options.log2, "files": 1},
    )
    return set_controls_apart(measured)


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    values: F64
    samples: list[str]
    proteins: list[str]
    facts: pl.DataFrame
    told: pl.DataFrame


def _open(path: Path, layer: str) -> _Opened:
    anndata = _load()
    try:
        data = anndata.read_h5ad(path)
        if layer != _MAIN and layer not in data.layers:
            there = ", ".join((_MAIN, *data.layers))
            raise UsageError(
                f"{path}: no layer {layer!r}{nearest(layer, data.layers)}; there are {there}"
            )
        stored = data.X if layer == _MAIN else data.layers[layer]
        dense = stored.toarray() if hasattr(stored, "toarray") else np.asarray(stored)
        return _Opened(
            np.array(dense, dtype=np.float64),
            [str(name) for name in data.obs_names],
            [str(name) for name in data.var_names],
            _frame(data.obs),
            _frame(data.var),
        )
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as fault:
        raise FormatError("is no AnnData file, or a damaged one", path=path) from fault


def _rename(told: pl.DataFrame) -> pl.DataFrame:
    """Return what the variables tell under the names that assays have here."""
    named = {name: KNOWN.get(name.casefold(), name) for name in told.columns}
    assays = told.rename({name: to for name, to in named.items() if to not in told.columns})
    texts = [name for name in (c.GENE, c.UNIPROT, c.PANEL, c.UNIT) if name in assays.columns]
    return assays.with_columns(pl.col(texts).cast(pl.String)).drop(_OWN, strict=False)


def write_anndata(
    measured: Measurements, path: str | Path, *, names: Sequence[str] | None = None
) -> None:
    """Write measurements as an h5ad file, for scanpy and other programs that read AnnData.

    Parameters
    ----------
    measured : of `read_measurements`, or of a store by `read_store`.
    path : the file; an old one stays intact until the new one is complete.
    names : of the variables, in the order of the proteins; without, the keys of the assays.

    Raises
    ------
    UsageError
        The package anndata is not installed.
    StorageError
        The disk refused.
    """
    anndata = _load()
    pandas = importlib.import_module("pandas")
    keys = measured.proteins.names
    told = pl.DataFrame({c.PROTEIN: keys}).join(
        measured.assays, on=c.PROTEIN, how="left", maintain_order="left"
    )
    obs, var = (
        pandas.DataFrame(
            {name: _plain(frame[name], pandas) for name in _writable(frame, key)},
            index=pandas.Index(list(index), dtype=object),
        )
        for frame, key, index in (
            (measured.samples, c.SAMPLE_ID, measured.samples[c.SAMPLE_ID]),
            (told, None if names else c.PROTEIN, names or keys),
        )
    )
    data = anndata.AnnData(measured.proteins.read(slice(0, len(keys))), obs=obs, var=var)
    target = Path(path)
    scratch = target.with_name(f".{target.name}.part")
    try:
        with storage_errors(target):
            scratch.unlink(missing_ok=True)
            scratch.touch(mode=0o600)  # the library would let others read it meanwhile
            data.write_h5ad(scratch)
        with scratch.open("rb") as written:
            replace_file(target, lambda file: shutil.copyfileobj(written, file))
    finally:
        scratch.unlink(missing_ok=True)


def _writable(frame: pl.DataFrame, key: str | None) -> Iterator[str]:
    """Yield the columns that have a value at all; AnnData has no type for the others."""
    for column in frame.iter_columns():
        if column.name != key and column.null_count() < column.len():
            yield column.name


def _plain(column: pl.Series, pandas: Any) -> Any:
    """Return numbers as they are and words as categories, which every version of AnnData reads."""
    if column.dtype.is_numeric():
        return column.to_numpy()
    texts = column.cast(pl.String)
    words = pandas.Index(texts.drop_nulls().unique().sort().to_list(), dtype=object)
    codes = texts.replace_strict(list(words), range(len(words)), default=-1, return_dtype=pl.Int64)
    return pandas.Categorical.from_codes(codes.to_numpy(), categories=words)


def _frame(table: Any) -> pl.DataFrame:
    """Return the plain columns of a pandas frame, words and numbers by their content."""
    columns = []
    for name in table.columns:
        cells, absent = table[name].tolist(), table[name].isna().tolist()
        texts = [None if no else str(cell) for cell, no in zip(cells, absent, strict=True)]
        columns.append(infer_column(pl.Series(str(name), texts, dtype=pl.String)))
    return pl.DataFrame(columns)


def _load() -> Any:
    try:
        return importlib.import_module("anndata")
    except ImportError:
        raise UsageError(
            "h5ad files are read and written by the package anndata: install it with "
            "pip install 'proteomr[anndata]', or save the table as parquet or csv"
        ) from None
