"""From the parts of a mediation analysis to its tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.mediation.imputed import pool_imputations
from proteomr.mediation.rows import main_quantity
from proteomr.mediation.specification import MediationSpec
from proteomr.scan import DETAILS, PART_ORDER
from proteomr.stats.composite_null import (
    FEWEST_MEDIATORS,
    NullShares,
    adjust_p_max,
    estimate_null_shares,
    false_discovery_rates,
)
from proteomr.stats.distributions import neg_log10_p_t, p_from_neg_log10, quantile_t
from proteomr.stats.divide_aggregate import combine_paths
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = ["Collected", "collect_tables", "name_pairs"]

_KEYS = (c.PROTEIN, c.GENE, c.EXPOSURE, c.OUTCOME, c.ADJUSTMENT)
_SET = (c.EXPOSURE, c.OUTCOME, c.ADJUSTMENT)
_MEDIATES = 0.05


@dataclass(frozen=True, slots=True)
class Collected:
    """The tables of a run, and what is to be said of them."""

    mediation: pl.DataFrame
    paths: pl.DataFrame
    composite_null: pl.DataFrame
    notes: tuple[str, ...]


def collect_tables(
    imputed: Sequence[Sequence[pl.DataFrame]],
    spec: MediationSpec,
    *,
    pairs: Sequence[tuple[str, str]],
    quantities: Sequence[str],
) -> Collected:
    """Join the parts of a run, in the order of proteins, pairs and adjustment sets.

    Parameters
    ----------
    imputed : the parts of each imputation.
    pairs : exposure and outcome of each target.
    quantities : those that a fit without an estimate has rows of.
    """
    m = len(imputed)
    frame = name_pairs(pool_imputations(imputed), pairs)
    paths = _with_statistics(_unfold(frame, "paths"), spec.level, df=pl.col(c.DF))
    effects = _with_statistics(_unfold(frame, "mediation"), spec.level, df=pl.col(c.DF))
    effects = pl.concat([effects, _list_failures(frame, effects, spec, quantities)])
    combined, shares, notes = _combine_paths(paths, spec)
    main = pl.col(c.QUANTITY) == main_quantity(spec.method)
    estimated = pl.col(c.ESTIMATE).is_not_null()
    effects = (
        effects.drop(c.P_MAX, c.Q_COMPOSITE)
        .join(combined, on=[*_KEYS], how="left", nulls_equal=True, maintain_order="left")
        .with_columns(
            pl.when(main & estimated).then(pl.col(name)).alias(name)
            for name in (c.P_MAX, c.Q_COMPOSITE)
        )
    )
    order = effects.join(
        frame.select(*_KEYS).with_row_index("_place").unique([*_KEYS], keep="first"),
        on=[*_KEYS],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    effects = order.sort("_place", maintain_order=True)
    pooled = (c.DF, *c.POOLED)
    effects = effects.with_columns(pl.lit(m).alias(c.M)) if m > 1 else effects.drop(pooled)
    if m > 1:
        notes += (f"effects and paths of {m} imputations pooled by Rubin's rules",)
    schemas = [load_schema(name) for name in ("mediation", "paths", "composite_null")]
    mediation, diagram, null = (
        schema.validate(table.select(k.name for k in schema.columns if k.name in table.columns))
        for schema, table in zip(schemas, (effects, paths, shares), strict=True)
    )
    return Collected(mediation, diagram, null, notes)


def name_pairs(frame: pl.DataFrame, pairs: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """Return a frame of parts with exposure and outcome of each target.

    Examples
    --------
    >>> frame = pl.DataFrame({"target_position": [1, 0]})
    >>> name_pairs(frame, [("iso", "death"), ("lonely", "death")])["exposure"].to_list()
    ['lonely', 'iso']
    """
    at = frame[PART_ORDER[1]].to_list()
    return frame.with_columns(
        pl.Series(c.EXPOSURE, [pairs[p][0] for p in at], dtype=pl.String),
        pl.Series(c.OUTCOME, [pairs[p][1] for p in at], dtype=pl.String),
    )


def _unfold(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return the rows of a table that fits have given."""
    listed = f"{DETAILS}{name}"
    there = frame.filter(pl.col(listed).is_not_null())
    return there.select(*_KEYS, listed).explode(listed).unnest(listed)


def _with_statistics(rows: pl.DataFrame, level: float, *, df: pl.Expr) -> pl.DataFrame:
    """Return rows with statistic, p value, and limits where none were drawn."""
    numbers = rows.select(
        pl.col(c.ESTIMATE, c.SE, c.CONF_LOW, c.CONF_HIGH), df.alias("_df").cast(pl.Float64)
    )
    estimate, se, low, high, free = (
        column.to_numpy().astype(np.float64) for column in numbers.iter_columns()
    )
    free = np.where(np.isnan(free), np.inf, free)
    with np.errstate(all="ignore"):
        statistic = estimate / se
    known = np.isfinite(statistic)
    minus_log, half = np.full(estimate.size, np.nan), np.full(estimate.size, np.nan)
    minus_log[known] = neg_log10_p_t(statistic[known], free[known])
    half[known] = quantile_t(np.full(int(known.sum()), 0.5 + level / 2.0), free[known]) * se[known]
    # where draws were asked for and too few had an estimate, there are no limits
    drawn = c.MESSAGE in rows.columns
    none = rows[c.MESSAGE].fill_null("").str.contains("no limits").to_numpy() if drawn else False
    columns = {
        c.STATISTIC: statistic,
        c.NEG_LOG10_P: minus_log,
        c.P_VALUE: p_from_neg_log10(minus_log),
        c.CONF_LOW: np.where(none, np.nan, np.where(np.isnan(low), estimate - half, low)),
        c.CONF_HIGH: np.where(none, np.nan, np.where(np.isnan(high), estimate + half, high)),
    }
    return rows.with_columns(
        pl.Series(name, values, dtype=pl.Float64).fill_nan(None) for name, values in columns.items()
    )


def _list_failures(
    frame: pl.DataFrame, effects: pl.DataFrame, spec: MediationSpec, quantities: Sequence[str]
) -> pl.DataFrame:
    """Return a row of each quantity of the fits that have none."""
    failed = frame.filter(pl.col(f"{DETAILS}mediation").is_null())
    named = pl.DataFrame({c.QUANTITY: list(quantities)}, schema={c.QUANTITY: pl.String})
    rows = failed.select(*_KEYS, c.N, c.N_CASE, c.STATUS, c.MESSAGE).join(named, how="cross")
    rows = rows.with_columns(pl.lit(spec.method).alias(c.METHOD))
    absent = [
        pl.lit(None, dtype=kind).alias(name)
        for name, kind in effects.schema.items()
        if name not in rows.columns
    ]
    return rows.with_columns(absent).select(effects.columns)


def _combine_paths(
    paths: pl.DataFrame, spec: MediationSpec
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[str, ...]]:
    """Return p_max and the composite test of each protein, and the shares of the null."""
    wide = _pair_paths(paths)
    p_a, p_b = (wide[path].cast(pl.Float64).to_numpy().astype(np.float64) for path in ("a", "b"))
    p_max = np.maximum(p_a, p_b)
    rates = np.full(p_max.size, np.nan)
    shares, few = [], 0
    groups = wide.select(*_SET).with_row_index("_row").group_by(*_SET, maintain_order=True)
    for key, group in groups:
        rows = group["_row"].to_numpy()
        rows = rows[np.isfinite(p_max[rows])]
        test, found, null = _test_composite(p_a[rows], p_b[rows], spec)
        rates[rows] = found
        few = max(few, rows.size) if test == "max_p" else few
        shares.append(
            {
                **dict(zip(_SET, key, strict=True)),
                c.TEST: test,
                "proteins": rows.size,
                "pi00": None if null is None else null.pi00,
                "pi01": None if null is None else null.pi01,
                "pi10": None if null is None else null.pi10,
                "mediators": int(np.count_nonzero(found < _MEDIATES)),
            }
        )
    combined = wide.select(*_KEYS).with_columns(
        pl.Series(c.P_MAX, p_max, dtype=pl.Float64).fill_nan(None),
        pl.Series(c.Q_COMPOSITE, rates, dtype=pl.Float64).fill_nan(None),
    )
    notes: tuple[str, ...] = ()
    if few:
        said = (
            f"q_composite is of the larger p value by Benjamini and Hochberg: {few:,} proteins "
            f"are fewer than the {FEWEST_MEDIATORS} that shares of the composite null need"
        )
        notes = (said,)
    kinds = {**dict.fromkeys((*_SET, c.TEST), pl.String), "proteins": pl.Int64}
    kinds |= {**dict.fromkeys(("pi00", "pi01", "pi10"), pl.Float64), "mediators": pl.Int64}
    return combined, pl.DataFrame(shares, schema=kinds), notes


def _pair_paths(paths: pl.DataFrame) -> pl.DataFrame:
    """Return the p values of paths a and b side by side."""
    wide = (
        paths.filter(pl.col(c.PATH).is_in(["a", "b"]))
        .select(*_KEYS, c.PATH, c.P_VALUE)
        .pivot(c.PATH, index=[*_KEYS], values=c.P_VALUE, maintain_order=True)
    )
    absent = [path for path in ("a", "b") if path not in wide.columns]
    return wide.with_columns(pl.lit(None, dtype=pl.Float64).alias(path) for path in absent)


def _test_composite(p_a: F64, p_b: F64, spec: MediationSpec) -> tuple[str, F64, NullShares | None]:
    """Return the name of a composite test, its false discovery rates, and the shares it found."""
    if p_a.size < FEWEST_MEDIATORS:
        return "max_p", adjust_p_max(np.maximum(p_a, p_b)), None
    shares = estimate_null_shares(p_a, p_b)
    if spec.composite == "dact":
        return "dact", adjust_p_max(combine_paths(p_a, p_b)), shares
    return "hdmt", false_discovery_rates(p_a, p_b, shares), shares
