"""All coefficients of the models of several imputations as those of one scan, by Rubin's rules."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.models.extras import COEFFICIENTS, refer_estimates
from proteomr.scan import DETAILS
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.stats.rubin import pool_estimates
from proteomr.tables import columns as c

__all__ = ["LISTED", "pool_coefficients"]

LISTED = f"{DETAILS}{COEFFICIENTS}"
"""Column of parts that lists the coefficients of a model in the row of its first one."""

_ROW, _NAME = "row", "coefficient"
_KEY = [_ROW, _NAME, c.CONTRAST]


def pool_coefficients(frames: Sequence[pl.DataFrame], complete: F64) -> pl.Series:
    """Return the lists of coefficients of m imputations, pooled, of models that all of them have.

    A coefficient has an estimate where it has one in every imputation.

    Parameters
    ----------
    frames : of the same rows, one for each imputation.
    complete : ``(r,)``, degrees of freedom of complete data of each row, for coefficients that have
        none of their own.
    """
    lists = [_spread(frame) for frame in frames]
    shared = reduce(lambda a, b: a.join(b, on=_ROW, how="semi"), lists[1:], lists[0])
    keys = shared.select(_KEY)
    others = [
        keys.join(one, on=_KEY, how="left", nulls_equal=True, maintain_order="left")
        for one in lists
    ]
    estimate, se, df = (
        np.array([one[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for one in others])
        for name in (c.ESTIMATE, c.SE, c.DF)
    )
    every = np.all(np.isfinite(estimate) & np.isfinite(se), axis=0)
    own = df[:, every].mean(axis=0)
    of_data = np.where(np.isnan(own), complete[keys[_ROW].to_numpy()[every]], own)
    found = pool_estimates(estimate[:, every], se[:, every], of_data)
    pooled = {name: np.full(every.size, np.nan) for name in (c.ESTIMATE, c.SE, c.DF)}
    for name, values in ((c.ESTIMATE, found.estimate), (c.SE, found.se), (c.DF, found.df)):
        pooled[name][every] = values
    statistic, minus_log = refer_estimates(*pooled.values())
    pooled |= {c.STATISTIC: statistic, c.NEG_LOG10_P: minus_log}
    pooled |= {c.P_VALUE: p_from_neg_log10(minus_log)}
    pooled[c.DF] = np.where(np.isfinite(pooled[c.DF]), pooled[c.DF], np.nan)
    told = keys.with_columns(
        pl.Series(name, values, dtype=pl.Float64).fill_nan(None) for name, values in pooled.items()
    )
    return _gather(told, frames[0])


def _spread(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each coefficient, with the position of the row that lists it."""
    rows = frame.select(LISTED).with_row_index(_ROW).filter(pl.col(LISTED).is_not_null())
    return rows.with_columns(pl.col(_ROW).cast(pl.Int64)).explode(LISTED).unnest(LISTED)


def _gather(told: pl.DataFrame, frame: pl.DataFrame) -> pl.Series:
    """Return the coefficients as lists in the rows of a frame; null where there are none."""
    names = frame[LISTED].explode().struct.fields
    lists = told.group_by(_ROW, maintain_order=True).agg(pl.struct(names).alias(LISTED))
    rows = pl.DataFrame({_ROW: np.arange(frame.height, dtype=np.int64)})
    whole = rows.join(lists, on=_ROW, how="left", maintain_order="left")
    return whole[LISTED].cast(frame.schema[LISTED])
