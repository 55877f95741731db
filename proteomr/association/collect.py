"""From the fits of all blocks to a table: statistics, p values, multiple testing, a summary."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.association.moderation import moderate_parts
from proteomr.association.permuted import compare_with_permutations
from proteomr.association.specification import ModelSpec
from proteomr.errors import InputError
from proteomr.scan import GIVEN_P, PART_ORDER, RATIO_OF, TERM_POSITION
from proteomr.stats.distributions import (
    genomic_control_lambda,
    neg_log10_p_t,
    p_from_neg_log10,
    quantile_t,
)
from proteomr.stats.multiple import Adjustment as Correction
from proteomr.stats.multiple import adjust
from proteomr.tables import Associations
from proteomr.tables import columns as c

__all__ = [
    "CORRECTIONS",
    "collect",
    "correct",
    "describe_family_of_tests",
    "name_effect",
    "summarise",
]

CORRECTIONS: dict[str, Correction] = {
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
    """Join the parts of a scan, in the order of proteins, targets, adjustment sets and strata.

    Estimates become statistics (t or z, as the family of regressions says), two-sided p values in
    log space, Wald intervals where the fit brought none of its own, and the corrections of multiple
    testing over the tests that the specification names. Fits without an estimate take no part in a
    correction (as in R's ``p.adjust``).
    """
    frame = pl.concat(moderate_parts(parts, spec)).sort(PART_ORDER)
    frame = frame.with_columns(_statistics(frame, spec))
    family = [pl.col(c.ADJUSTMENT), pl.col(c.STRATUM), pl.col(TERM_POSITION) > 0]
    if spec.test_family == "exposure":
        family += [pl.col(c.EXPOSURE), pl.col(c.OUTCOME)]
    keys = frame.select(pl.struct(family).rank("dense").alias("family"))["family"].to_numpy()
    minus_log = frame[c.NEG_LOG10_P].to_numpy().astype(np.float64)
    adjusted = {name: np.full(frame.height, np.nan) for name in CORRECTIONS}
    for key in np.unique(keys):
        rows = np.flatnonzero(keys == key)
        for name, method in CORRECTIONS.items():
            adjusted[name][rows] = correct(minus_log[rows], method)
    frame = frame.with_columns(
        pl.Series(name, values, dtype=pl.Float64).fill_nan(None)
        for name, values in adjusted.items()
    )
    if spec.permutations.draws:
        frame = frame.with_columns(compare_with_permutations(frame, spec))
    further = (name for name in (*c.POOLED, *c.PERMUTED) if name in frame.columns)
    columns = (*c.ASSOCIATIONS, *further)
    return Associations(frame.select(columns), provenance or {})


def correct(minus_log: F64, method: Correction) -> F64:
    """Return adjusted p values; NaN where the method finds too few tests to adjust by."""
    if method == "storey" and np.count_nonzero(~np.isnan(minus_log)) < _STOREY_NEEDS:
        return np.full(minus_log.size, np.nan)
    try:
        return adjust(minus_log, method=method)
    except InputError:
        return np.full(minus_log.size, np.nan)


def _statistics(frame: pl.DataFrame, spec: ModelSpec) -> list[pl.Series]:
    estimate, se, df, given_low, given_high, given_p = (
        frame[name].to_numpy().astype(np.float64)
        for name in (c.ESTIMATE, c.SE, c.DF, c.CONF_LOW, c.CONF_HIGH, GIVEN_P)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = estimate / se
    finite = np.isfinite(statistic)
    minus_log = np.full(statistic.size, np.nan)
    half = np.full(statistic.size, np.nan)
    # fits without degrees of freedom of their own are held against the normal distribution
    endless = np.where(np.isnan(df), np.inf, df)[finite]
    minus_log[finite] = neg_log10_p_t(statistic[finite], endless)
    half[finite] = quantile_t(np.full(endless.size, 0.5 + spec.level / 2.0), endless) * se[finite]
    minus_log = np.where(np.isnan(given_p), minus_log, given_p)
    with np.errstate(over="ignore"):  # a protein in tiny units: its ratio per unit is infinite
        ratio = np.where(frame[RATIO_OF].is_not_null().to_numpy(), np.exp(estimate), np.nan)
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
    role = spec.role
    if spec.test_family == "joint":
        return f"all {role}s and proteins jointly within each {within} (estimates: {sizes})"
    return f"all proteins within each {role}, {within} (estimates over {role}s: {sizes})"


def name_effect() -> pl.Expr:
    """Return what says which coefficient of a model a row is about, whatever its protein.

    Null for main effects, or which levels they compare where an exposure or outcome has several;
    for interactions the covariate and its contrast.

    Examples
    --------
    >>> pl.DataFrame({
    ...     "direction": ["exposure~protein"], "exposure": ["lonely"], "outcome": [None],
    ...     "protein": ["ADM"], "term": ["ADM:sex"], "contrast": ["M vs F"],
    ... }).select(name_effect()).item()
    'by sex M vs F'
    """
    response = pl.col(c.DIRECTION) == "protein~exposure"
    main = pl.when(response).then(pl.col(c.EXPOSURE)).otherwise(pl.col(c.PROTEIN))
    product = pl.col(c.TERM).str.slice(main.str.len_chars() + 1)
    level = pl.col(c.CONTRAST).fill_null("")
    named = pl.concat_str(pl.lit("by "), product, pl.lit(" "), level).str.strip_chars()
    is_main = pl.col(c.TERM) == main
    several = pl.col(c.CONTRAST).n_unique().over(c.EXPOSURE, c.OUTCOME, is_main) > 1
    compared = pl.when(several).then(pl.col(c.CONTRAST))
    return pl.when(is_main).then(compared).otherwise(named).alias("effect")


def summarise(associations: Associations, *, alpha: float = 0.05) -> pl.DataFrame:
    """Return fits, hits up and down, and the genomic-control lambda, by adjustment and target."""
    rows = []
    keys = [c.ADJUSTMENT, c.EXPOSURE, c.OUTCOME, c.STRATUM, "effect"]
    frame = associations.frame.with_columns(name_effect())
    for group in frame.partition_by(keys, maintain_order=True):
        fitted = group.filter(pl.col(c.NEG_LOG10_P).is_not_null())
        up = fitted[c.ESTIMATE] > 0
        bonferroni = fitted[c.P_BONFERRONI] < alpha
        bh = fitted[c.Q_BH] < alpha
        top = fitted.sort(c.NEG_LOG10_P, descending=True).head(1)
        minus_log = fitted[c.NEG_LOG10_P].to_numpy()
        rows.append(
            {
                c.ADJUSTMENT: group[c.ADJUSTMENT][0],
                c.EXPOSURE: group[c.EXPOSURE][0],
                c.OUTCOME: group[c.OUTCOME][0],
                c.STRATUM: group[c.STRATUM][0],
                "effect": group["effect"][0],
                "proteins": group.height,
                "fitted": fitted.height,
                "failed": group.filter(pl.col(c.STATUS) != "ok").height,
                "lambda": genomic_control_lambda(minus_log) if fitted.height else None,
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
