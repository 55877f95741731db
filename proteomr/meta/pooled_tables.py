"""Pooled effects as the tables that `meta` writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.association.collect import correct
from proteomr.meta.laying_out import Layout
from proteomr.meta.reading import MEASURE, STUDY
from proteomr.meta.specification import MetaRequest
from proteomr.stats.between_studies import profile_q
from proteomr.stats.combined_tests import CombinedTests, combine_tests
from proteomr.stats.distributions import neg_log10_p_t, p_from_neg_log10, quantile_t
from proteomr.stats.pooling import Heterogeneity, Pooled, measure_heterogeneity, pool_effects
from proteomr.stats.study_bias import rank_asymmetry, regress_on_errors, trim_and_fill
from proteomr.stats.study_effects import StudyEffects
from proteomr.stats.study_influence import measure_influence
from proteomr.status import Status
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = [
    "Inference",
    "add_lost",
    "cut_units",
    "name_statuses",
    "shape_table",
    "tabulate_bias",
    "tabulate_influence",
    "tabulate_left_out",
    "tabulate_pooled",
]

_CELLS = 4_000_000  # of k by k matrices of a chunk of units: 32 MB each
_VALUES = 1 << 17  # of k studies of a chunk: a megabyte of each array, which stays in the cache
_FEWEST = 3  # studies that a funnel needs
_INDEPENDENT = ("sign_p", "stouffer", "stouffer_p", "fisher", "fisher_p")
_ONE_STUDY = "one study: its own estimate"
_ALIKE = "effects are all alike, of which Knapp and Hartung's error is 0: --hksj truncated has one"
_NO_RESIDUALS = "effects are all alike, and leave no residuals of which errors are made"
_ONE_CLUSTER = "one cluster: nothing tells how clusters differ"
_NO_STUDY = "no study has an estimate with a standard error above 0"


@dataclass(frozen=True, slots=True)
class Inference:
    """What is said of one coefficient of every unit, ``(m,)`` each."""

    estimate: F64
    se: F64
    df: F64
    status: I64

    def take(self, units: I64) -> Inference:
        """Return some of the units."""
        return Inference(self.estimate[units], self.se[units], self.df[units], self.status[units])

    def columns(self, *, level: float) -> dict[str, F64]:
        """Return estimate, error, statistic, p values and limits."""
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = self.estimate / self.se
        minus_log = neg_log10_p_t(statistic, self.df)
        reach = quantile_t(np.full(self.se.shape, 0.5 + 0.5 * level), self.df) * self.se
        return {
            c.ESTIMATE: self.estimate,
            c.SE: self.se,
            c.STATISTIC: statistic,
            c.DF: np.where(np.isinf(self.df), np.nan, self.df),
            c.NEG_LOG10_P: minus_log,
            c.P_VALUE: p_from_neg_log10(minus_log),
            c.CONF_LOW: self.estimate - reach,
            c.CONF_HIGH: self.estimate + reach,
        }


def cut_units(m: int, k: int) -> list[slice]:
    """Return chunks of units whose k by k matrices fit into memory; no number depends on them."""
    step = max(1, min(_CELLS // max(k * k, 1), _VALUES // max(k, 1)))
    return [slice(at, min(at + step, m)) for at in range(0, m, step)]


def name_statuses(codes: I64) -> list[str]:
    """Return the names of status codes."""
    names = {int(status): status.name for status in Status}
    return [names[int(code)] for code in codes]


def tabulate_pooled(
    layout: Layout,
    asked: MetaRequest,
    *,
    correlation: F64 | None,
    replaced: tuple[Inference, Mapping[str, Any]] | None = None,
) -> pl.DataFrame:
    """Return the table ``meta``.

    Parameters
    ----------
    correlation : of the errors of the studies.
    replaced : what stands instead of the plain inference, and further columns, where effects
        depend on one another.
    """
    y, v = layout.effects, layout.variances
    people = layout.people if asked.stouffer_weights == "n" else None
    parts = []
    for some in cut_units(*y.shape):
        effects = StudyEffects.of(y[some], v[some], correlation=correlation)
        fit = pool_effects(effects, method=asked.tau2, hartung=asked.hartung)
        spread = measure_heterogeneity(effects, fit.tau2, method=asked.tau2)
        ends = profile_q(effects, level=asked.level)
        tests = combine_tests(
            y[some],
            v[some],
            correlation=correlation,
            people=None if people is None else people[some],
        )
        parts.append(_of_chunk(fit, spread, ends, tests, asked))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    status = columns.pop("_status").astype(np.int64)
    plain = Inference(columns[c.ESTIMATE], columns[c.SE], columns.pop("_df"), status)
    inference, further = (plain, {}) if replaced is None else replaced
    columns |= inference.columns(level=asked.level) | dict(further)
    if replaced is not None:
        total = np.sqrt(inference.se**2 + columns["tau2"])
        new = Inference(inference.estimate, total, inference.df, inference.status)
        limits = new.columns(level=asked.level)
        columns |= {"pi_low": limits[c.CONF_LOW], "pi_high": limits[c.CONF_HIGH]}
        # nobody has said how far the effects of a cluster go together
        columns |= {name: np.full_like(columns["k"], np.nan) for name in _INDEPENDENT}
    p = np.where(np.isnan(columns[c.NEG_LOG10_P]), np.nan, columns[c.NEG_LOG10_P])
    columns[c.P_BONFERRONI] = correct(p, "bonferroni")
    columns[c.Q_BH] = correct(p, "bh")
    counts = _count_studies(layout)
    told = [
        pl.Series(c.STATUS, name_statuses(inference.status)),
        pl.Series(c.MESSAGE, _tell(columns["k"], inference.status, asked), dtype=pl.String),
        counts[c.N].cast(pl.Float64).round().cast(pl.Int64),
        counts["measure"].replace("", None),
    ]
    return shape_table("meta", layout.keys, columns, told)


def _tell(k: F64, status: I64, asked: MetaRequest) -> list[str | None]:
    """Return what is said of each effect beside its status."""
    told = {int(Status.constant): _ALIKE}
    if asked.cluster is not None:
        told = {int(Status.constant): _NO_RESIDUALS, int(Status.too_few): _ONE_CLUSTER}
    return [
        _ONE_STUDY if one else told.get(int(code)) for one, code in zip(k == 1, status, strict=True)
    ]


def add_lost(table: pl.DataFrame, lost: pl.DataFrame) -> pl.DataFrame:
    """Return a table of pooled effects with a row for each of which no study has an error."""
    if not lost.height:
        return table
    rows = lost.with_columns(
        pl.lit(0, pl.Int64).alias("k"),
        pl.lit(Status.all_missing.name).alias(c.STATUS),
        pl.lit(_NO_STUDY).alias(c.MESSAGE),
    )
    return pl.concat([table, rows], how="diagonal_relaxed").sort(*lost.columns, nulls_last=True)


def _count_studies(layout: Layout) -> pl.DataFrame:
    """Return the people and the kinds of estimates of each unit."""
    return (
        layout.frame.with_columns(pl.Series("_unit", layout.unit))
        .group_by("_unit")
        .agg(
            pl.col(STUDY).n_unique().alias("studies"),
            _sum_people(layout),
            pl.col(MEASURE).drop_nulls().unique().sort().str.join(", ").alias("measure"),
        )
        .sort("_unit")
    )


def _sum_people(layout: Layout) -> pl.Expr:
    """Return the people of all studies; none where one does not tell them."""
    if "_n" not in layout.frame.columns:
        return pl.lit(None).alias(c.N)
    told = pl.col("_n").null_count() == 0
    return pl.when(told).then(pl.col("_n").sum()).otherwise(None).alias(c.N)


def _of_chunk(
    fit: Pooled,
    spread: Heterogeneity,
    limits: tuple[F64, F64],
    tests: CombinedTests,
    asked: MetaRequest,
) -> dict[str, F64]:
    low, high = fit.predict(level=asked.level)
    alone = fit.k < 2
    sound = fit.status == Status.ok
    columns: dict[str, F64] = {
        "k": fit.k.astype(np.float64),
        c.ESTIMATE: fit.beta[:, 0],
        c.SE: fit.se[:, 0],
        "_df": fit.df,
        "_status": fit.status.astype(np.float64),
        "tau2": fit.tau2,
        "tau2_se": fit.tau2_se,
        "tau2_low": limits[0],
        "tau2_high": limits[1],
        "q": spread.q,
        "q_df": spread.df,
        "q_p": p_from_neg_log10(spread.neg_log10_p),
        "i2": spread.i2,
        "h2": spread.h2,
        "pi_low": np.where(alone, np.nan, low),
        "pi_high": np.where(alone, np.nan, high),
        "positive": tests.positive.astype(np.float64),
        "negative": tests.negative.astype(np.float64),
        "sign_p": tests.sign_p,
        "stouffer": tests.stouffer,
        "stouffer_p": p_from_neg_log10(tests.stouffer_neg_log10_p),
        "fisher": tests.fisher,
        "fisher_p": p_from_neg_log10(tests.fisher_neg_log10_p),
    }
    for name in ("i2", "h2", "tau2_se"):
        columns[name] = np.where(sound, columns[name], np.nan)
    return columns


def tabulate_influence(
    layout: Layout, asked: MetaRequest, *, correlation: F64 | None
) -> pl.DataFrame:
    """Return the table ``meta_influence``: a row for each study of each key."""
    y, v = layout.effects, layout.variances
    found = measure_influence(
        y, v, method=asked.tau2, hartung=asked.hartung, correlation=correlation
    )
    inference = Inference(found.estimate, found.se, found.df, found.status)
    names = (
        "weight",
        "hat",
        "rstudent",
        "dffits",
        "cook",
        "covariance_ratio",
        "dfbetas",
        "tau2",
        "q",
    )
    columns: dict[str, Any] = {name: getattr(found, name) for name in names}
    columns["study_estimate"] = y[found.unit, found.study]
    columns["study_se"] = np.sqrt(v[found.unit, found.study])
    columns |= inference.columns(level=asked.level)
    told = [
        pl.Series(STUDY, layout.name_places(found.unit, found.study), dtype=pl.String),
        pl.Series(c.STATUS, name_statuses(found.status), dtype=pl.String),
    ]
    return shape_table("meta_influence", layout.keys[found.unit], columns, told)


def tabulate_left_out(
    layout: Layout, asked: MetaRequest, unit: I64, place: I64, without: Inference
) -> pl.DataFrame:
    """Return the table ``meta_influence`` of effects that depend on one another.

    Measures that take effects for independent are empty.

    Parameters
    ----------
    unit, place : ``(r,)`` which effect is left out.
    without : what is said of the mean of the others.
    """
    columns: dict[str, Any] = {
        "study_estimate": layout.effects[unit, place],
        "study_se": np.sqrt(layout.variances[unit, place]),
    }
    columns |= without.columns(level=asked.level)
    told = [
        pl.Series(STUDY, layout.name_places(unit, place), dtype=pl.String),
        pl.Series(c.STATUS, name_statuses(without.status), dtype=pl.String),
    ]
    return shape_table("meta_influence", layout.keys[unit], columns, told)


def tabulate_bias(
    layout: Layout,
    asked: MetaRequest,
    *,
    correlation: F64 | None,
    dependent: Callable[[F64], tuple[Inference, Inference]] | None = None,
) -> pl.DataFrame:
    """Return the table ``meta_bias``: tests of funnels of three studies and more.

    Rank tests, trim and fill, and Egger's line with residual errors are of independent effects;
    of those that depend on one another the table has the regressions that know how.

    Parameters
    ----------
    correlation : of the errors of the studies.
    dependent : of effects in clusters: gives for columns ``(m, k, 2)`` what is said of both.
    """
    y, v = layout.effects, layout.variances
    enough = np.flatnonzero(np.isfinite(y).sum(axis=1) >= _FEWEST)
    if not enough.size:
        return pl.DataFrame(schema=layout.keys.schema | load_schema("meta_bias").empty().schema)
    keys, k = layout.keys[enough], np.isfinite(y[enough]).sum(axis=1).astype(np.float64)
    if dependent is not None:
        X = np.stack([np.where(np.isfinite(v), 1.0, np.nan), np.sqrt(v)], axis=2)
        limit, slope = (one.take(enough) for one in dependent(X))
        columns = slope.columns(level=asked.level)
        columns |= {"limit": limit.estimate, "limit_se": limit.se, "k": k}
        parts = [_tell_test(keys, "egger_mixed", columns, slope.status)]
    else:
        y, v = y[enough], v[enough]
        parts = _regress_funnels(y, v, keys, asked, correlation)
        if correlation is None:
            parts += [_rank_funnels(y, v, keys, k), _fill_funnels(y, v, keys, k, asked)]
    joined = pl.concat(parts, how="diagonal_relaxed")
    order = pl.Series("_unit", np.tile(np.arange(keys.height), len(parts)))
    ordered = joined.with_columns(order).sort("_unit", maintain_order=True).drop("_unit")
    return shape_table("meta_bias", ordered, {}, [])


def _regress_funnels(
    y: F64, v: F64, keys: pl.DataFrame, asked: MetaRequest, correlation: F64 | None
) -> list[pl.DataFrame]:
    parts = []
    for test in ("egger", "egger_mixed"):
        found = regress_on_errors(
            y,
            v,
            method="dispersion" if test == "egger" else asked.tau2,
            hartung=asked.hartung,
            correlation=correlation,
        )
        slope = Inference(found.estimate, found.se, found.df, found.status)
        columns = slope.columns(level=asked.level)
        columns |= {"limit": found.limit, "limit_se": found.limit_se}
        columns["k"] = found.k.astype(np.float64)
        parts.append(_tell_test(keys, test, columns, found.status))
    return parts


def _rank_funnels(y: F64, v: F64, keys: pl.DataFrame, k: F64) -> pl.DataFrame:
    tau, p_tau = rank_asymmetry(y, v)
    with np.errstate(divide="ignore"):
        minus_log = np.abs(np.log10(p_tau))  # no -0 of a p value of 1
    columns = {c.ESTIMATE: tau, c.P_VALUE: p_tau, c.NEG_LOG10_P: minus_log, "k": k}
    unclear = np.where(np.isfinite(p_tau), int(Status.ok), int(Status.constant))
    return _tell_test(keys, "begg", columns, unclear.astype(np.int64))


def _fill_funnels(y: F64, v: F64, keys: pl.DataFrame, k: F64, asked: MetaRequest) -> pl.DataFrame:
    filled = trim_and_fill(y, v, method=asked.tau2, hartung=asked.hartung)
    mean = Inference(filled.estimate, filled.se, filled.df, filled.status)
    columns = mean.columns(level=asked.level)
    columns |= {"missing": filled.missing.astype(np.float64), "missing_se": filled.missing_se}
    columns |= {"tau2": filled.tau2, "k": k}
    sides = pl.Series("side", np.where(filled.left, "left", "right").tolist())
    return _tell_test(keys, "trim_and_fill", columns, filled.status, sides)


def _tell_test(
    keys: pl.DataFrame, test: str, columns: Mapping[str, F64], status: I64, *more: pl.Series
) -> pl.DataFrame:
    told = [pl.Series("test", [test] * keys.height), pl.Series(c.STATUS, name_statuses(status))]
    numbers = [pl.Series(name, values).fill_nan(None) for name, values in columns.items()]
    return keys.with_columns(*told, *numbers, *more)


def shape_table(
    name: str, keys: pl.DataFrame, columns: Mapping[str, Any], told: list[pl.Series]
) -> pl.DataFrame:
    """Return a table: keys, then the columns of its schema in their order, NaN as null."""
    schema = load_schema(name)
    numbers = [pl.Series(label, values).fill_nan(None) for label, values in columns.items()]
    frame = keys.with_columns(*numbers, *told)
    stored = {column.name: column.stored for column in schema.columns}
    own = [key for key in keys.columns if key not in stored and key != "_all"]
    absent = [
        pl.lit(None, dtype=kind).alias(label)
        for label, kind in stored.items()
        if label not in frame.columns
    ]
    whole = frame.with_columns(*absent).select(
        *own, *(pl.col(n).cast(k) for n, k in stored.items())
    )
    optional = {column.name for column in schema.columns if column.optional}
    empty = [n for n in optional if whole[n].null_count() == whole.height and n not in keys.columns]
    return whole.drop(empty)
