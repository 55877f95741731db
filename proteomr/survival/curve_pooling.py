"""Curves of several imputations of the samples as those of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.stats.curve_quantiles import find_crossing
from proteomr.stats.distributions import neg_log10_p_t, p_from_neg_log10, quantile_t
from proteomr.stats.rubin import pool_estimates, pool_rates, pool_shares, pool_tests
from proteomr.status import Status
from proteomr.survival.curve_estimates import CurveEstimates
from proteomr.survival.curve_request import CurveOptions
from proteomr.survival.curve_tables import PER, CurveTables, GroupNames
from proteomr.tables import columns as c
from proteomr.tables import load_schema
from proteomr.tables.imputed import stack_column, take_fewest, tell_status

__all__ = ["add_pooled_rates", "pool_tables"]

_CURVE: Final = (c.PROTEIN, "by", c.OUTCOME, c.LAG, "cause", "group")
_NO_SCALE: Final = (
    "an imputation has no event by then, or nobody left, and others have: log(-log) has no value"
)
_NO_ERROR: Final = "an imputation has no standard error"
_DENOMINATOR: Final = "df_denominator"


def pool_tables(
    imputed: Sequence[Mapping[str, pl.DataFrame]], options: CurveOptions
) -> dict[str, pl.DataFrame]:
    """Return the tables of a block, pooled over m imputations.

    Survival and incidence are pooled on the scale of log(-log), means, their differences and the
    logarithms of their ratios as they are, by Rubin's rules; tests by the rule D2. A median is when
    the pooled curve falls to the level, with the crossings of its limits (Brookmeyer and Crowley's
    rule, of the pooled test at each time). Counts are those of the imputation with the fewest up to
    a time. Rates are pooled before, in the tables of the first imputation.

    Parameters
    ----------
    imputed : the tables of each imputation, which have the same rows.
    options : level of the limits, and levels of survival.
    """
    out: dict[str, pl.DataFrame] = {}
    for name in imputed[0]:
        frames = [tables[name] for tables in imputed]
        match name:
            case "curves" | "cumulative_incidence":
                out[name] = _pool_steps(frames, options.level)
            case "curve_times":
                out[name] = _pool_curve(frames, options.level).with_columns(
                    *take_fewest(frames, ("at_risk", "events", "censored"))
                )
            case "groups":
                out[name] = _pool_groups(frames)
            case "logrank" | "gray":
                out[name] = _pool_tests(frames)
            case "rmst":
                out[name] = _pool_means(frames, options.level)
            case _:
                out[name] = frames[0]
    out["medians"] = _read_medians(out["medians"], out["curves"])
    return {name: _order(name, frame, len(imputed)) for name, frame in out.items()}


def _order(name: str, frame: pl.DataFrame, m: int) -> pl.DataFrame:
    listed = [column.name for column in load_schema(name).columns]
    counted = frame.with_columns(pl.lit(m, dtype=pl.Int64).alias(c.M)).fill_nan(None)
    return counted.select(name for name in listed if name in counted.columns)


def _pool_curve(frames: Sequence[pl.DataFrame], level: float) -> pl.DataFrame:
    """Return probabilities with their errors and limits; counts are those of the first."""
    first = frames[0]
    column = "survival" if "survival" in first.columns else "incidence"
    estimate, se = stack_column(frames, column), stack_column(frames, c.SE)
    pooled = pool_shares(estimate, se, level=level, of_event=column == "incidence")
    values = {
        column: pooled.estimate,
        c.SE: pooled.se,
        c.CONF_LOW: pooled.low,
        c.CONF_HIGH: pooled.high,
        c.FMI: pooled.fmi,
    }
    if "se_gray" in first.columns:
        gray = stack_column(frames, "se_gray")
        values["se_gray"] = pool_shares(estimate, gray, level=level, of_event=True).se
    lost = np.all(np.isfinite(estimate), axis=0) & np.isnan(pooled.estimate)
    sure = np.any(np.isin(estimate, (0.0, 1.0)), axis=0)
    status, message = tell_status(frames, np.ones(estimate.shape, dtype=bool))
    for row in np.flatnonzero(lost).tolist():
        status[row] = Status.not_identified.name
        message[row] = _NO_SCALE if sure[row] else _NO_ERROR
    return first.with_columns(
        *(pl.Series(name, own).fill_nan(None) for name, own in values.items()),
        pl.Series(c.STATUS, status, dtype=pl.String),
        pl.Series(c.MESSAGE, message, dtype=pl.String),
    )


def _pool_steps(frames: Sequence[pl.DataFrame], level: float) -> pl.DataFrame:
    """Return the steps of curves; what happens at one is what the fewest up to it gain there."""
    keys = [name for name in _CURVE if name in frames[0].columns]
    counts = [name for name in ("events", "censored") if name in frames[0].columns]
    up_to = [one.with_columns(pl.col(counts).cum_sum().over(keys)) for one in frames]
    fewest = pl.DataFrame(take_fewest(up_to, counts))
    gained = frames[0].select(keys).with_columns(fewest)
    gained = gained.select(pl.col(counts).diff().fill_null(pl.col(counts)).over(keys))
    pooled = _pool_curve(frames, level)
    return pooled.with_columns(*take_fewest(frames, ("at_risk",)), *gained.get_columns())


def _pool_groups(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return groups with the means of their borders, which each imputation has of its own."""
    names = ("low", "high", "observed", "expected")
    each = {name: stack_column(frames, name) for name in names}
    moved = np.any([np.ptp(each[name], axis=0) > 0.0 for name in ("low", "high")], axis=0)
    said = [
        "; ".join(part for part in (message, _MOVED if own else None) if part) or None
        for message, own in zip(frames[0][c.MESSAGE].to_list(), moved.tolist(), strict=True)
    ]
    return frames[0].with_columns(
        *(pl.Series(name, own.mean(axis=0)).fill_nan(None) for name, own in each.items()),
        *take_fewest(frames, ("people", "at_high", "events")),
        pl.Series(c.MESSAGE, said, dtype=pl.String),
    )


_MOVED: Final = "borders are means of those of the imputations, which differ"


def _pool_tests(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return tests by the rule D2, and that for trend, with a degree of freedom, as well."""
    statistic, df = stack_column(frames, c.STATISTIC), stack_column(frames, c.DF)
    there = np.isfinite(statistic)
    status, message = tell_status(frames, there)
    alike = np.all(df == df[0], axis=0)
    for row in np.flatnonzero(np.all(there, axis=0) & ~alike).tolist():
        status[row] = Status.not_identified.name
        message[row] = "imputations compare other numbers of groups"
    columns = _test(statistic, df[0], alike, ("", c.DF, _DENOMINATOR))
    if "trend_statistic" in frames[0].columns:
        trend, one = stack_column(frames, "trend_statistic"), np.ones(df.shape[1])
        columns |= _test(trend, one, alike, ("trend_", None, f"trend_{_DENOMINATOR}"))
    return frames[0].with_columns(
        *(pl.Series(name, own).fill_nan(None) for name, own in columns.items()),
        *take_fewest(frames, (c.N, c.N_CASE)),
        pl.Series(c.STATUS, status, dtype=pl.String),
        pl.Series(c.MESSAGE, message, dtype=pl.String),
    )


def _test(
    statistic: F64, df: F64, usable: Bool, names: tuple[str, str | None, str]
) -> dict[str, F64]:
    """Return the cells of pooled tests, NaN where an imputation has none."""
    before, name, denominator = names
    known = usable & np.all(np.isfinite(statistic), axis=0)
    pooled = pool_tests(statistic[:, known], df[known])
    values = {
        f"{before}{c.STATISTIC}": pooled.statistic,
        denominator: np.where(np.isinf(pooled.df_denominator), np.nan, pooled.df_denominator),
        f"{before}{c.NEG_LOG10_P}": pooled.neg_log10_p,
        f"{before}{c.P_VALUE}": p_from_neg_log10(pooled.neg_log10_p),
    }
    if name is not None:
        values[name] = pooled.df
    return {name: _spread(own, known) for name, own in values.items()}


def _spread(values: F64, known: Bool) -> F64:
    out = np.full(known.size, np.nan)
    out[known] = values
    return out


def _pool_means(frames: Sequence[pl.DataFrame], level: float) -> pl.DataFrame:
    """Return restricted means, differences and logarithms of ratios by Rubin's rules."""
    estimate, se = stack_column(frames, c.ESTIMATE), stack_column(frames, c.SE)
    there = np.isfinite(estimate)
    known = np.all(there, axis=0)
    pooled = pool_estimates(estimate[:, known], se[:, known], np.full(int(known.sum()), np.inf))
    reach = quantile_t(0.5 + 0.5 * level, pooled.df) * pooled.se
    tested = (frames[0]["quantity"] != "mean").to_numpy()[known]
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(tested, pooled.estimate / pooled.se, np.nan)
    p = neg_log10_p_t(statistic, pooled.df)
    of_ratio = (frames[0]["quantity"] == "ratio").to_numpy()[known]
    values = {
        c.ESTIMATE: pooled.estimate,
        c.SE: pooled.se,
        c.DF: np.where(np.isinf(pooled.df), np.nan, pooled.df),
        c.FMI: pooled.fmi,
        c.STATISTIC: statistic,
        c.NEG_LOG10_P: p,
        c.P_VALUE: np.asarray(p_from_neg_log10(p)),
        c.CONF_LOW: pooled.estimate - reach,
        c.CONF_HIGH: pooled.estimate + reach,
        "ratio": np.where(of_ratio, np.exp(pooled.estimate), np.nan),
    }
    status, message = tell_status(frames, there)
    return frames[0].with_columns(
        *(pl.Series(name, _spread(own, known)).fill_nan(None) for name, own in values.items()),
        pl.Series(c.STATUS, status, dtype=pl.String),
        pl.Series(c.MESSAGE, message, dtype=pl.String),
    )


def _read_medians(medians: pl.DataFrame, curves: pl.DataFrame) -> pl.DataFrame:
    """Return when pooled curves fall to the levels; those of groups without a curve stand."""
    keys = [name for name in _CURVE if name in medians.columns]
    known = curves.filter(pl.col("survival").is_not_null())
    lines = known.partition_by(keys, as_dict=True, maintain_order=True)
    out = []
    for row in medians.iter_rows(named=True):
        rows = lines.get(tuple(row[name] for name in keys))
        if rows is None:
            out.append(row)
            continue
        times, level = rows["time"].to_numpy(), row["survival"]
        at, low, high = (
            find_crossing(times, stack_column([rows], name)[0], level=level)
            for name in ("survival", c.CONF_LOW, c.CONF_HIGH)
        )
        told = {c.STATUS: Status.ok.name, c.MESSAGE: None}
        if np.isnan(at):
            least = float(rows["survival"].to_numpy()[-1])
            said = f"survival falls to {least:.3g}, not {level:g}"
            told = {c.STATUS: Status.not_identified.name, c.MESSAGE: said}
        out.append({**row, "median": at, "low": low, "high": high, **told})
    return pl.DataFrame(out, schema=medians.schema, orient="row")


def add_pooled_rates(
    tables: CurveTables,
    keys: Mapping[str, object],
    found: Sequence[CurveEstimates],
    names: GroupNames,
) -> None:
    """Add rates of groups, and their ratios to the first, pooled on the scale of the logarithm.

    An imputation without an event has no logarithm: then there is no rate, but 0 where none has.
    Exact limits are of counts, which several imputations are not.
    """
    each = [of.years for of in found]
    d, T, v = (
        np.array([getattr(of, name) for of in each]) for name in ("events", "years", "squares")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, variance = np.log(d / T), v / d**2
        ratio, both = rate - rate[:, :1], variance + variance[:, :1]
    rates, _ = pool_rates(rate, np.sqrt(variance), level=tables.options.level)
    ratio[:, 0] = np.nan  # of the first to itself
    ratios, p = pool_rates(ratio, np.sqrt(both), level=tables.options.level)
    nobody = np.all(d == 0.0, axis=0)
    exact = found[0].subjects.weights is None
    for k, label in enumerate(names.labels):
        groups = [of.groups[k] for of in found]
        tables.of("rates").add_one(
            {**keys, "group": label},
            people=min(int(of.people[k]) for of in found),
            events=min(int(np.count_nonzero(group.happened)) for group in groups),
            weighted_events=None if exact else float(d[:, k].min()),
            person_years=float(T[:, k].min()),
            rate=0.0 if nobody[k] else PER * float(rates.estimate[k]),
            conf_low=PER * float(rates.low[k]),
            conf_high=PER * float(rates.high[k]),
            ratio=float(ratios.estimate[k]),
            ratio_low=float(ratios.low[k]),
            ratio_high=float(ratios.high[k]),
            neg_log10_p=float(p[k]),
            p_value=float(p_from_neg_log10(p[k])),
        )
