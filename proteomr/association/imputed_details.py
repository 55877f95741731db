"""Further tables of the fits of several imputations as those of one scan, by Rubin's rules.

Pooled is what has an estimate and a standard error: coefficients, measures of interaction on the
additive scale, changes as covariates are added. Components of variance have no error that the rules
could take, and diagnostics of instruments are tests and sets of single fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType
from typing import Final, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.models.covariate_changes import CHANGES
from proteomr.models.extras import ADDITIVE, COEFFICIENTS, refer_estimates
from proteomr.scan import DETAILS
from proteomr.stats.distributions import p_from_neg_log10, quantile_t
from proteomr.stats.rubin import pool_estimates
from proteomr.tables import columns as c
from proteomr.tables.imputed import stack_column

__all__ = ["POOLED_TABLES", "pool_details"]

_ROW: Final = "row"
_BASE, _CHANGE, _PERCENT = "estimate_base", "change", "percent"
_LIMITS_OF_PERCENT = ("percent_low", "percent_high")


@dataclass(frozen=True, slots=True)
class _Lists:
    """Rows that all imputations list, side by side.

    Attributes
    ----------
    keys : what tells the r rows apart; ``row`` is that of the part which lists them.
    each : the whole rows of each imputation, in the order of the keys.
    complete : ``(r,)``, degrees of freedom of complete data, for rows that have none of their own.
    level : of the limits.
    """

    keys: pl.DataFrame
    each: Sequence[pl.DataFrame]
    complete: F64
    level: float

    def stack(self, name: str) -> F64:
        """Return a column of all imputations ``(m, r)``, NaN for none."""
        return stack_column(self.each, name)

    def pool(self, estimate: F64, se: F64, df: F64 | None = None) -> dict[str, F64]:
        """Pool estimates ``(m, r)``; those that an imputation lacks are NaN."""
        every = np.all(np.isfinite(estimate) & np.isfinite(se), axis=0)
        complete = self.complete[every]
        if df is not None:
            own = df[:, every].mean(axis=0)
            complete = np.where(np.isnan(own), complete, own)
        found = pool_estimates(estimate[:, every], se[:, every], complete)
        pooled = {name: np.full(every.size, np.nan) for name in (c.ESTIMATE, c.SE, c.DF)}
        for name, values in ((c.ESTIMATE, found.estimate), (c.SE, found.se), (c.DF, found.df)):
            pooled[name][every] = values
        statistic, minus_log = refer_estimates(*pooled.values())
        reach = quantile_t(0.5 + self.level / 2.0, pooled[c.DF]) * pooled[c.SE]
        pooled |= {c.STATISTIC: statistic, c.NEG_LOG10_P: minus_log}
        pooled |= {c.P_VALUE: p_from_neg_log10(minus_log)}
        low, high = pooled[c.ESTIMATE] - reach, pooled[c.ESTIMATE] + reach
        return pooled | {c.CONF_LOW: low, c.CONF_HIGH: high}


_Pool: TypeAlias = Callable[[_Lists], pl.DataFrame]


def pool_details(frames: Sequence[pl.DataFrame], complete: F64, *, level: float) -> list[pl.Series]:
    """Return the lists of further tables of m imputations, pooled, of models that all have.

    A row has an estimate where it has one in every imputation.

    Parameters
    ----------
    frames : of the same rows, one for each imputation.
    complete : ``(r,)``, degrees of freedom of complete data of each row, for estimates that have
        none of their own.
    level : of the limits.
    """
    return [
        _pool_lists(frames, f"{DETAILS}{name}", complete, level, keys=keys, pool=pool)
        for name, (keys, pool) in POOLED_TABLES.items()
        if f"{DETAILS}{name}" in frames[0].columns
    ]


def _pool_lists(
    frames: Sequence[pl.DataFrame],
    listed: str,
    complete: F64,
    level: float,
    *,
    keys: tuple[str, ...],
    pool: _Pool,
) -> pl.Series:
    """Pool the lists of one table."""
    key = [_ROW, *keys]
    lists = [_spread(frame, listed) for frame in frames]
    shared = reduce(lambda a, b: a.join(b, on=_ROW, how="semi"), lists[1:], lists[0]).select(key)
    each = [
        shared.join(one, on=key, how="left", nulls_equal=True, maintain_order="left")
        for one in lists
    ]
    rows: I64 = shared[_ROW].to_numpy()
    told = pool(_Lists(shared, each, complete[rows], level))
    return _gather(told, frames[0], listed)


def _fill(keys: pl.DataFrame, numbers: Mapping[str, F64]) -> pl.DataFrame:
    return keys.with_columns(
        pl.Series(name, values, dtype=pl.Float64).fill_nan(None) for name, values in numbers.items()
    )


def _pool_coefficients(lists: _Lists) -> pl.DataFrame:
    pooled = lists.pool(*(lists.stack(name) for name in (c.ESTIMATE, c.SE, c.DF)))
    pooled[c.DF] = np.where(np.isfinite(pooled[c.DF]), pooled[c.DF], np.nan)
    return _fill(lists.keys, pooled)


def _pool_additive(lists: _Lists) -> pl.DataFrame:
    """Pool each measure on the scale of its error, which for S is that of its logarithm."""
    estimate, of_ratio = lists.stack(c.ESTIMATE), (lists.keys["measure"] == "s").to_numpy()
    estimate[:, of_ratio] = np.log(estimate[:, of_ratio])
    pooled = lists.pool(estimate, lists.stack(c.SE))
    for name in (c.ESTIMATE, c.CONF_LOW, c.CONF_HIGH):
        pooled[name][of_ratio] = np.exp(pooled[name][of_ratio])
    return _fill(lists.keys, pooled)


def _pool_changes(lists: _Lists) -> pl.DataFrame:
    """Pool the changes; the estimates beside them are means, and the share is that of these.

    The share has no limits: Fieller's need the joint variance of both estimates.
    """
    pooled = lists.pool(lists.stack(_CHANGE), lists.stack(c.SE))
    pooled[_CHANGE] = pooled[c.ESTIMATE]
    there = np.isfinite(pooled[_CHANGE])
    for name in (_BASE, c.ESTIMATE):
        pooled[name] = np.where(there, lists.stack(name).mean(axis=0), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 100.0 * pooled[_CHANGE] / pooled[_BASE]
    pooled[_PERCENT] = np.where(np.isfinite(share), share, np.nan)
    pooled |= dict.fromkeys(_LIMITS_OF_PERCENT, np.full(there.size, np.nan))
    fewest = pl.Series(c.N, lists.stack(c.N).min(axis=0)).cast(pl.Int64)
    statuses = [one[c.STATUS].to_list() for one in lists.each]
    messages = [one[c.MESSAGE].to_list() for one in lists.each]
    odd = [
        next((i for i, state in enumerate(row) if state != "ok"), 0)
        for row in zip(*statuses, strict=True)
    ]
    status = [statuses[i][row] for row, i in enumerate(odd)]
    said = [messages[i][row] for row, i in enumerate(odd)]
    message = [
        f"imputation {i + 1}: {text}" if text and state != "ok" else text
        for i, state, text in zip(odd, status, said, strict=True)
    ]
    return _fill(lists.keys, pooled).with_columns(
        fewest,
        pl.Series(c.STATUS, status, dtype=pl.String),
        pl.Series(c.MESSAGE, message, dtype=pl.String),
    )


POOLED_TABLES: Final[Mapping[str, tuple[tuple[str, ...], _Pool]]] = MappingProxyType(
    {
        COEFFICIENTS: (("coefficient", c.CONTRAST), _pool_coefficients),
        ADDITIVE: (("measure",), _pool_additive),
        CHANGES: ((), _pool_changes),
    }
)
"""Tables that are pooled, with what tells the rows of a model apart."""


def _spread(frame: pl.DataFrame, listed: str) -> pl.DataFrame:
    """Return a row for each entry of the lists, with the position of the row that holds it."""
    rows = frame.select(listed).with_row_index(_ROW).filter(pl.col(listed).is_not_null())
    return rows.with_columns(pl.col(_ROW).cast(pl.Int64)).explode(listed).unnest(listed)


def _gather(told: pl.DataFrame, frame: pl.DataFrame, listed: str) -> pl.Series:
    """Return entries as lists in the rows of a frame; null where there are none."""
    names = frame[listed].explode().struct.fields
    lists = told.group_by(_ROW, maintain_order=True).agg(pl.struct(names).alias(listed))
    rows = pl.DataFrame({_ROW: np.arange(frame.height, dtype=np.int64)})
    whole = rows.join(lists, on=_ROW, how="left", maintain_order="left")
    return whole[listed].cast(frame.schema[listed])
