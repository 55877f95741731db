"""The reference data sets of Mendelian randomisation as harmonised variants, and R's results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from proteomr.tables import Harmonised

_SPECIAL = {"NaN": float("nan"), "Inf": float("inf"), "-Inf": float("-inf"), "NA": None}


def read_set(folder: Path, name: str) -> Harmonised:
    """Return a univariable reference set: rows with ``mr_keep`` and four finite numbers."""
    frame = pl.read_csv(
        folder / "mr" / "data" / f"{name}.csv", null_values=["", "NA"], infer_schema_length=None
    )
    columns = ["beta_exposure", "se_exposure", "beta_outcome", "se_outcome"]
    frame = frame.with_columns(pl.col(columns).cast(pl.Float64, strict=False))
    kept = pl.all_horizontal(pl.col(columns).is_finite().fill_null(value=False))
    if "mr_keep" in frame.columns:
        kept &= pl.col("mr_keep").cast(pl.String).str.to_uppercase() == "TRUE"
    rows = frame.filter(kept)
    variants = rows.rename({"SNP": "variant_id"}).with_columns(pl.col("variant_id").cast(pl.String))
    bx, sx, by, sy = (rows[column].to_numpy() for column in columns)
    return Harmonised(
        exposures=("exposure",),
        outcome="outcome",
        variants=variants,
        beta_x=np.ascontiguousarray(bx)[:, None],
        se_x=np.ascontiguousarray(sx)[:, None],
        beta_y=np.ascontiguousarray(by),
        se_y=np.ascontiguousarray(sy),
    )


def read_expected(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the entries of a case, strings that stand for special numbers turned into them."""
    entries = json.loads((folder / "mr" / "expected" / f"{name}.json").read_text("utf-8"))
    found: list[dict[str, Any]] = _revive(entries)
    return found


def find_entry(
    entries: list[dict[str, Any]], method: str, package: str, args: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the one entry of a method of a package whose arguments include the given ones."""
    wanted = dict(args or {})
    matches = [
        entry
        for entry in entries
        if entry["method"] == method
        and entry["package"] == package
        and all((entry.get("args") or {}).get(key) == value for key, value in wanted.items())
    ]
    if len(matches) != 1:
        raise LookupError(f"{len(matches)} entries of {package} {method} with {wanted}")
    return matches[0]


def _revive(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _revive(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_revive(item) for item in value]
    return _SPECIAL.get(value, value) if isinstance(value, str) else value
