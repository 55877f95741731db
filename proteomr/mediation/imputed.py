"""The analyses of several imputations as those of one, by Rubin's rules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from proteomr._typing import Bool
from proteomr.errors import InputError
from proteomr.scan import DETAILS, PART_ORDER
from proteomr.stats.rubin import pool_estimates
from proteomr.tables import columns as c
from proteomr.tables.imputed import stack_column, take_fewest, tell_status

__all__ = ["pool_imputations"]

_FIT, _ROW = "_fit", "_row"
_FEWEST = (c.N, c.N_CASE)
_NAMED = {"mediation": c.QUANTITY, "paths": c.PATH}


def pool_imputations(imputed: Sequence[Sequence[pl.DataFrame]]) -> pl.DataFrame:
    """Return a part of all fits, pooled over m imputations; that of one as it is.

    Quantities and paths are pooled each by itself on the scale that they are told on, with Barnard
    and Rubin's degrees of freedom; a proportion is the mean of proportions. A fit has an estimate
    where it has one in every imputation; else status and message are those of the first without.
    People and cases are those of the imputation with the fewest. E-values, which are of single
    fits, are left empty.

    Parameters
    ----------
    imputed : the parts of each imputation.

    Raises
    ------
    InputError
        The imputations give other models than the first.
    """
    frames = [pl.concat(parts).sort(PART_ORDER) for parts in imputed]
    first = frames[0]
    if len(frames) == 1:
        return first
    keys = [*PART_ORDER, c.PROTEIN]
    if not all(other.select(keys).equals(first.select(keys)) for other in frames):
        raise InputError("the imputations give other models than the first: another exposure")
    there = np.array([one[f"{DETAILS}mediation"].is_not_null().to_numpy() for one in frames])
    every = np.all(there, axis=0)
    status, message = tell_status(frames, there)
    return first.with_columns(
        *(_pool_rows(frames, name, every) for name in _NAMED),
        *take_fewest(frames, _FEWEST),
        pl.Series(c.STATUS, status, dtype=pl.String),
        pl.Series(c.MESSAGE, message, dtype=pl.String),
    )


def _pool_rows(frames: Sequence[pl.DataFrame], name: str, every: Bool) -> pl.Series:
    """Return the lists of rows of a table, pooled; none of fits that an imputation lacks."""
    listed, key = f"{DETAILS}{name}", _NAMED[name]
    tables = [
        one.select(pl.int_range(pl.len()).alias(_FIT), listed)
        .filter(pl.Series(every))
        .explode(listed)
        .unnest(listed)
        for one in frames
    ]
    base, m = tables[0], len(tables)
    if not all(other.select(_FIT, key).equals(base.select(_FIT, key)) for other in tables):
        raise InputError(
            "the imputations give other effects than the first: a protein has two values in some"
        )
    estimate, se = (stack_column(tables, column) for column in (c.ESTIMATE, c.SE))
    known = np.all(np.isfinite(estimate) & np.isfinite(se), axis=0)
    complete = np.full(base.height, np.inf)
    if name == "paths":
        df = stack_column(tables, c.DF)
        complete = np.where(np.isnan(df), np.inf, df).mean(axis=0)
    pooled = pool_estimates(estimate[:, known], se[:, known], complete[known])
    found = {column: np.full(base.height, np.nan) for column in (c.ESTIMATE, c.SE, c.DF, c.FMI)}
    df = np.where(np.isinf(pooled.df), np.nan, pooled.df)
    values = (pooled.estimate, pooled.se, df, pooled.fmi)
    for column, own in zip(found.values(), values, strict=True):
        column[known] = own
    if name == "mediation":
        status, message = tell_status(tables, known[None].repeat(m, axis=0) | np.isfinite(estimate))
        none = pl.lit(None, dtype=pl.Float64)
        base = base.with_columns(
            *take_fewest(tables, _FEWEST),
            pl.Series(c.STATUS, status, dtype=pl.String),
            pl.Series(c.MESSAGE, message, dtype=pl.String),
            pl.lit(m, dtype=pl.Int64).alias(c.M),
            none.alias(c.E_VALUE),
            none.alias(c.E_VALUE_LIMIT),
        )
    base = base.with_columns(
        pl.Series(column, own).fill_nan(None)
        for column, own in found.items()
        if column in base.columns
    )
    rows = base.select(_FIT, pl.struct(pl.exclude(_FIT)).alias(listed))
    lists = rows.group_by(_FIT, maintain_order=True).agg(listed)
    fits = pl.DataFrame({_FIT: pl.int_range(frames[0].height, eager=True)})
    joined = fits.join(lists, on=_FIT, how="left", maintain_order="left")
    return joined[listed].cast(frames[0].schema[listed])
