"""Prior weights of variants, matched to an atlas by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.colocalisation.traits import Atlas
from proteomr.errors import ColumnError, InputError, nearest
from proteomr.gwas.match import name_keys
from proteomr.io.tables import read_table
from proteomr.runs import Source

__all__ = ["read_weights"]


def read_weights(source: Source | None, atlas: Atlas, scratch: Path) -> F64 | None:
    """Return the prior weights of an atlas's variants, NaN where a file has none; None without one.

    Parameters
    ----------
    source : table with columns ``snp`` and ``weight``.
    atlas : the variants, known by name or rsid.
    scratch : folder for frames that are read as files.

    Raises
    ------
    ColumnError
        A file lacks a column.
    InputError
        A weight is negative, infinite or no number, a variant stands twice, or none is known.
    """
    if source is None:
        return None
    frame = read_table(source.on_disk(scratch))
    for name in ("snp", "weight"):
        if name not in frame.columns:
            hint = nearest(name, frame.columns)
            raise ColumnError(f"{source.name}: no column {name!r}{hint}; snp and weight are needed")
    return _match_weights(frame, atlas, source.name)


def _match_weights(frame: pl.DataFrame, atlas: Atlas, path: str) -> F64:
    weights = frame["weight"].cast(pl.Float64, strict=False)
    bad = (weights.is_null() | ~weights.is_finite() | (weights < 0)).fill_null(value=True)
    if bad.any():
        row = int(bad.arg_true()[0])
        raise InputError(
            f"{path}: weight {frame['weight'][row]!r} of {frame['snp'][row]!r} (row {row + 1}): "
            "a number of 0 or more is needed"
        )
    table = pl.DataFrame({"key": name_keys(frame["snp"].cast(pl.String)), "weight": weights})
    repeated = table.filter(pl.col("key").is_duplicated())["key"]
    if repeated.len():
        raise InputError(f"{path}: variant {repeated[0]!r} stands twice; give each weight once")
    keys = pl.DataFrame(
        {name: name_keys(atlas.variants[name].cast(pl.String)) for name in ("variant_id", "rsid")}
    )
    both = keys.join(table, left_on="variant_id", right_on="key", how="left", maintain_order="left")
    both = both.join(
        table, left_on="rsid", right_on="key", how="left", suffix="_rsid", maintain_order="left"
    )
    matched = both.select(pl.coalesce("weight", "weight_rsid")).to_series()
    if matched.null_count() == matched.len():
        raise InputError(f"{path}: names none of the variants; are they named as in the studies?")
    return np.asarray(matched.fill_null(np.nan).to_numpy(), dtype=np.float64)
