"""Tables of results as they are compared and corrected together: keys, effects, p values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import ColumnError, InputError, nearest, rows_have
from proteomr.io import read_table
from proteomr.io.result_rows import choose_rows, minus_log_p
from proteomr.runs.notes import add_note
from proteomr.stats.distributions import neg_log10_p_t
from proteomr.tables import columns as c

__all__ = ["EFFECT", "KEYS", "read_effects", "read_p_values"]

EFFECT: Final = "effect"
"""Null for main effects; for others the term without the name of the protein or exposure."""
KEYS: Final = (c.EXPOSURE, c.OUTCOME, c.ADJUSTMENT, c.STRATUM, EFFECT, c.CONTRAST)
_MAIN: Final = "associations.parquet"


def read_effects(path: Path, *, by: Sequence[str], rows: Sequence[str] = ()) -> pl.DataFrame:
    """Return keys, effects, standard errors and p values of the rows that have an estimate.

    Parameters
    ----------
    path : a table, or the run folder of `associate`.
    by : columns that say what an effect is of.
    rows : which rows count, see :func:`proteomr.io.result_rows.choose_rows`.

    Raises
    ------
    ColumnError
        A column is not there, or holds what it may not hold.
    InputError
        No row has an estimate.
    """
    frame = choose_rows(_read(path), rows, path=path)
    for name in (*by, c.ESTIMATE, c.SE):
        if name not in frame.columns:
            raise ColumnError(f"{path}: no column {name!r}{nearest(name, frame.columns)}")
    numbers = [_number(frame, name, path) for name in (c.ESTIMATE, c.SE)]
    frame = frame.with_columns(numbers, _neg_log10_p(frame, path))
    keyed = _name_effects(frame)
    there = keyed.filter(pl.col(c.ESTIMATE).is_finite() & (pl.col(c.SE) > 0.0))
    if not there.height:
        raise InputError(f"{path}: no row has an estimate with a standard error")
    if lacking := keyed.height - there.height:
        add_note(f"{path.name}: {rows_have(lacking)} no estimate with an error above 0: left out")
    keys = [name for name in KEYS if name in there.columns and name not in by]
    kept = [*by, *keys, *(name for name in (c.GENE,) if name in there.columns and name not in by)]
    texts = there.select(pl.col(kept).cast(pl.String), c.ESTIMATE, c.SE, c.NEG_LOG10_P)
    if missing := texts.select(pl.any_horizontal(pl.col(by).is_null()).sum()).item():
        raise ColumnError(f"{path}: {rows_have(missing)} no {' or '.join(by)}")
    return texts


def read_p_values(path: Path, *, rows: Sequence[str] = ()) -> pl.DataFrame:
    """Return the rows of a table with their minus log10 p values, null where they have none.

    Raises
    ------
    ColumnError
        The table has no p values, or some outside 0 to 1.
    """
    frame = choose_rows(_read(path), rows, path=path)
    return frame.with_columns(_neg_log10_p(frame, path))


def _read(path: Path) -> pl.DataFrame:
    return read_table(path / _MAIN if path.is_dir() else path)


def _number(frame: pl.DataFrame, name: str, path: Path) -> pl.Series:
    if not frame[name].dtype.is_numeric():
        raise ColumnError(f"{path}: column {name!r} holds {frame[name].dtype}, not numbers")
    return frame[name].cast(pl.Float64).fill_nan(None)


def _neg_log10_p(frame: pl.DataFrame, path: Path) -> pl.Series:
    """Return the column, or that of the p values, or what estimates and errors give."""
    stated = minus_log_p(frame, place=f"{path}: ")
    if stated is not None:
        return stated
    if c.ESTIMATE not in frame.columns or c.SE not in frame.columns:
        raise ColumnError(f"{path}: no column {c.NEG_LOG10_P!r} or {c.P_VALUE!r}")
    estimate, se = (_number(frame, name, path).to_numpy() for name in (c.ESTIMATE, c.SE))
    df: F64 = np.full(frame.height, np.inf)
    if c.DF in frame.columns:
        df = _number(frame, c.DF, path).fill_null(np.inf).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        values = neg_log10_p_t(estimate / se, df)
    return pl.Series(c.NEG_LOG10_P, values).fill_nan(None)


def _name_effects(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the effect that a row is about, where the table tells its term."""
    if c.TERM not in frame.columns or c.PROTEIN not in frame.columns:
        return frame
    mains = [name for name in (c.PROTEIN, c.EXPOSURE) if name in frame.columns]
    main = pl.coalesce(
        *(
            pl.when((pl.col(c.TERM) == pl.col(n)) | pl.col(c.TERM).str.starts_with(pl.col(n) + ":"))
            .then(pl.col(n))
            .otherwise(None)
            for n in mains
        ),
        pl.lit(""),
    )
    rest = pl.col(c.TERM).str.slice(main.str.len_chars()).str.strip_prefix(":")
    return frame.with_columns(pl.when(rest == "").then(None).otherwise(rest).alias(EFFECT))
