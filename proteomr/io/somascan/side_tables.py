"""What stands beside the values of SomaScan: flags, plates, and the values of controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.io.somascan.analytes import COL_CHECK, TYPE, is_deprecated
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = ["PLATE", "WELL", "collect_controls", "collect_flags", "collect_plates"]

PLATE: Final = "PlateId"
WELL: Final = "PlatePosition"
_ROW_CHECK: Final = "RowCheck"


def collect_flags(described: Sequence[pl.DataFrame], rows: pl.DataFrame) -> pl.DataFrame:
    """Return the warnings, each once: ``col_check`` and ``row_check`` as the file words them.

    An analyte that the platform has withdrawn from use has the flag ``deprecated``.

    Parameters
    ----------
    described : the assays of each file.
    rows : the annotation of the samples.
    """
    empty = load_schema("qc_flags").empty()
    parts = [empty]
    for frame in described:
        if COL_CHECK in frame.columns:
            checked = frame.select(c.PROTEIN, pl.lit("col_check").alias(c.FLAG), value=COL_CHECK)
            parts.append(checked.filter(_failed(c.VALUE)))
        old = pl.Series([is_deprecated(text) for text in frame[TYPE]], dtype=pl.Boolean)
        withdrawn = frame.filter(old)
        parts.append(withdrawn.select(c.PROTEIN, pl.lit("deprecated").alias(c.FLAG), value=TYPE))
    if _ROW_CHECK in rows.columns:
        plate = [pl.col(PLATE).alias(c.PLATE)] if PLATE in rows.columns else []
        checked = rows.select(
            c.SAMPLE_ID, *plate, pl.lit("row_check").alias(c.FLAG), value=_ROW_CHECK
        )
        parts.append(checked.filter(_failed(c.VALUE)))
    flags = pl.concat(parts, how="diagonal").select(empty.columns).unique()
    return flags.sort(empty.columns)


def collect_plates(rows: pl.DataFrame) -> pl.DataFrame:
    """Return where each sample stood; no rows where the files do not tell.

    Parameters
    ----------
    rows : the annotation of the samples.

    Examples
    --------
    >>> collect_plates(pl.DataFrame({"sample_id": ["A1"], "PlateId": ["Set 1"]})).rows()
    [('A1', None, 'Set 1', None, None)]
    """
    empty = load_schema("plates").empty()
    if PLATE not in rows.columns:
        return empty
    well = pl.col(WELL) if WELL in rows.columns else pl.lit(None, dtype=pl.String)
    places = rows.select(c.SAMPLE_ID, pl.col(PLATE).alias(c.PLATE), well.alias(c.WELL))
    on_plates = places.filter(pl.col(c.PLATE).is_not_null())
    return pl.concat([empty, on_plates], how="diagonal").select(empty.columns)


def collect_controls(rows: pl.DataFrame, values: F64, assays: pl.DataFrame) -> pl.DataFrame:
    """Return the values of control samples, one a row, in the order of the rows and the assays.

    Parameters
    ----------
    rows : the annotation of n control samples.
    values : (n, p).
    assays : the p assays.
    """
    plate = rows[PLATE] if PLATE in rows.columns else pl.Series([None] * rows.height)
    repeated = np.repeat(np.arange(rows.height), assays.height)
    assay = np.tile(np.arange(assays.height), rows.height)
    return pl.DataFrame(
        {
            c.SAMPLE_ID: rows[c.SAMPLE_ID][repeated],
            c.SAMPLE_TYPE: rows[c.SAMPLE_TYPE][repeated],
            c.PLATE: plate.cast(pl.String)[repeated],
            c.PROTEIN: assays[c.PROTEIN][assay],
            c.KIND: assays[c.KIND][assay],
            c.VALUE: pl.Series(values.ravel(), dtype=pl.Float64).fill_nan(None),
        }
    )


def _failed(column: str) -> pl.Expr:
    return pl.col(column).str.to_uppercase().is_in(["PASS", "", "NA"]).not_()
