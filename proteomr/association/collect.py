"""From the fits of all blocks to a table: statistics, p values, multiple testing, a summary."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.association.scan import PART_ORDER
from proteomr.association.specification import ModelSpec
from proteomr.errors import InputError
from proteomr.stats.distributions import (
    genomic_control_lambda,
    neg_log10_p_normal,
    neg_log10_p_t,
    p_from_neg_log10,
    quantile_normal,
    quantile_t,
)
from proteomr.stats.multiple import Adjustment as Correction
from proteomr.stats.multiple import adjust
from proteomr.tables import Associations
from proteomr.tables import columns as c

__all__ = ["collect", "describe_family_of_tests", "summarise"]

_CORRECTIONS: dict[str, Correction] = {
    c.P_BONFERRONI: "bonferroni",
    c.Q_BH: "bh",
    c.P_HOLM: "holm",
    c.Q_BY: "by",
    c.Q_STOREY: "storey",
}
_STOREY_NEEDS = 100


def collect(
    parts: Iterable[pl.DataFrame], spec: ModelSpec, *, provenance: dict[str, object] | None = None
) -> Associations:
    """Join the parts of a scan, in the order of proteins, exposures, adjustment sets and strata.

    Estimates become statistics (t with the residual degrees of freedom for linear, z for logistic),
    two-sided p values in log space, Wald intervals where the fit brought none of its own, and the
    corrections of multiple testing over the family that the specification names. Fits without an
    estimate take no part in a correction (as in R's ``p.adjust``).
    """
    frame = pl.concat(parts).sort(PART_ORDER)
    frame = frame.with_columns(_statistics(frame, spec))
    family = [pl.col(c.ADJUSTMENT), pl.col(c.STRATUM), pl.col(PART_ORDER[4]) > 0]
    if spec.test_family == "exposure":
        family.append(pl.col(c.EXPOSURE))
    keys = frame.select(pl.struct(family).rank("dense").alias("family"))["family"].to_numpy()
    minus_log = frame[c.NEG_LOG10_P].to_numpy().astype(np.float64)
    adjusted = {name: np.full(frame.height, np.nan) for name in _CORRECTIONS}
    for key in np.unique(keys):
        rows = np.flatnonzero(keys == key)
        for name, method in _CORRECTIONS.items():
            adjusted[name][rows] = _correct(minus_log[rows], method)
    frame = frame.with_columns(
        pl.Series(name, values, dtype=pl.Float64).fill_nan(None)
        for name, values in adjusted.items()
    )
    return Associations(frame.select(c.ASSOCIATIONS), provenance or {})


def _correct(minus_log: F64, method: Correction) -> F64:
    if method == "storey" and np.count_nonzero(~np.isnan(minus_log)) < _STOREY_NEEDS:
        return np.full(minus_log.size, np.nan)
    try:
        return adjust(minus_log, method=method)
    except InputError:
        return np.full(minus_log.size, np.nan)


def _statistics(frame: pl.DataFrame, spec: ModelSpec) -> list[pl.Series]:
    estimate = frame[c.ESTIMATE].to_numpy().astype(np.float64)
    se = frame[c.SE].to_numpy().astype(np.float64)
    df = frame[c.DF].to_numpy().astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = estimate / se
    t_distributed = spec.family == "linear"
    minus_log = np.full(statistic.size, np.nan)
    half = np.full(statistic.size, np.nan)
    known = np.isfinite(statistic)
    upper = 0.5 + spec.level / 2.0
    if t_distributed:
        minus_log[known] = neg_log10_p_t(statistic[known], df[known])
        half[known] = quantile_t(np.full(int(known.sum()), upper), df[known]) * se[known]
    else:
        minus_log[known] = neg_log10_p_normal(statistic[known])
        half[known] = quantile_normal(upper) * se[known]
    given_low = frame[c.CONF_LOW].to_numpy().astype(np.float64)
    given_high = frame[c.CONF_HIGH].to_numpy().astype(np.float64)
    with np.errstate(over="ignore"):  # a protein in tiny units: its odds ratio per unit is infinite
        ratio = np.full(statistic.size, np.nan) if t_distributed else np.exp(estimate)
    columns = {
        c.STATISTIC: statistic,
        c.NEG_LOG10_P: minus_log,
        c.P_VALUE: p_from_neg_log10(minus_log),
        c.CONF_LOW: np.where(np.isnan(given_low), estimate - half, given_low),
        c.CONF_HIGH: np.where(np.isnan(given_high), estimate + half, given_high),
        c.RATIO: ratio,
    }
    return [pl.Series(k, v, dtype=pl.Float64).fill_nan(None) for k, v in columns.items()]


def describe_family_of_tests(associations: Associations, spec: ModelSpec) -> str:
    """Say in words what the correction for multiple testing spans."""
    tests = associations.frame.filter(pl.col(c.NEG_LOG10_P).is_not_null())
    within = "adjustment set" if spec.strata is None else "adjustment set and stratum"
    counts = tests.group_by(c.ADJUSTMENT, c.STRATUM, maintain_order=True).len()
    sizes = ", ".join(
        f"{row[c.ADJUSTMENT]}{'' if row[c.STRATUM] is None else ' ' + row[c.STRATUM]} {row['len']}"
        for row in counts.iter_rows(named=True)
    )
    if spec.test_family == "joint":
        return f"all exposures and proteins jointly within each {within} (estimates: {sizes})"
    return f"all proteins within each exposure, {within} (estimates over exposures: {sizes})"


def _name_effect() -> pl.Expr:
    """Null for main effects; for interactions the covariate and its contrast."""
    response = pl.col(c.DIRECTION) == "protein~exposure"
    main = pl.when(response).then(pl.col(c.EXPOSURE)).otherwise(pl.col(c.PROTEIN))
    product = pl.col(c.TERM).str.slice(main.str.len_chars() + 1)
    level = pl.col(c.CONTRAST).fill_null("")
    named = pl.concat_str(pl.lit("by "), product, pl.lit(" "), level).str.strip_chars()
    return pl.when(pl.col(c.TERM) == main).then(None).otherwise(named).alias("effect")


def summarise(associations: Associations, *, alpha: float = 0.05) -> pl.DataFrame:
    """Return fits, hits up and down, and the genomic-control lambda, by adjustment and exposure."""
    rows = []
    keys = [c.ADJUSTMENT, c.EXPOSURE, c.STRATUM, "effect"]
    frame = associations.frame.with_columns(_name_effect())
    for group in frame.partition_by(keys, maintain_order=True):
        found = group.filter(pl.col(c.NEG_LOG10_P).is_not_null())
        up = found[c.ESTIMATE] > 0
        bonferroni = found[c.P_BONFERRONI] < alpha
        bh = found[c.Q_BH] < alpha
        top = found.sort(c.NEG_LOG10_P, descending=True).head(1)
        minus_log = found[c.NEG_LOG10_P].to_numpy()
        rows.append(
            {
                c.ADJUSTMENT: group[c.ADJUSTMENT][0],
                c.EXPOSURE: group[c.EXPOSURE][0],
                c.STRATUM: group[c.STRATUM][0],
                "effect": group["effect"][0],
                "proteins": group.height,
                "fitted": found.height,
                "failed": group.filter(pl.col(c.STATUS) != "ok").height,
                "lambda": genomic_control_lambda(minus_log) if found.height else None,
                "bonferroni_up": int((bonferroni & up).sum()),
                "bonferroni_down": int((bonferroni & ~up).sum()),
                "bh_up": int((bh & up).sum()),
                "bh_down": int((bh & ~up).sum()),
                "top_protein": top[c.PROTEIN][0] if top.height else None,
                "top_gene": top[c.GENE][0] if top.height else None,
                "top_neg_log10_p": top[c.NEG_LOG10_P][0] if top.height else None,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)
