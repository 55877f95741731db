"""What a reviewer asks of an estimate: heterogeneity, pleiotropy, single variants, direction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.mr.methods.base import Estimate
from proteomr.mr.methods.egger import EggerRegression
from proteomr.mr.methods.ivw import InverseVarianceWeighted
from proteomr.mr.methods.maximum_likelihood import MaximumLikelihood
from proteomr.mr.methods.method import Method
from proteomr.stats.distributions import neg_log10_p_normal, p_from_neg_log10
from proteomr.status import Status
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = ["leave_one_out", "measure_heterogeneity", "measure_pleiotropy", "split_variants"]

ALL: Final = "all"
_WITH_Q: Final = (InverseVarianceWeighted(), EggerRegression(), MaximumLikelihood())


def measure_heterogeneity(pairs: Iterable[Harmonised]) -> pl.DataFrame:
    r"""Return Cochran's Q of the inverse-variance weighted, Egger and likelihood estimates.

    .. math:: Q = \sum_j w_j (y_j - \hat y_j)^2, \quad I^2 = \max(0, (Q - df) / Q), \quad
              H = \sqrt{Q / df}

    Returns
    -------
    table : the schema ``heterogeneity``; pairs of too few variants have no row.

    Examples
    --------
    >>> measure_heterogeneity([]).columns[:4]
    ['exposure', 'outcome', 'direction', 'method']
    """
    rows = []
    for pair in pairs:
        for method in _WITH_Q:
            fit = _run(method, pair)
            if fit.status != Status.ok or "q" not in fit.details:
                continue
            q, df = fit.details["q"], fit.details["q_df"]
            minus_log = fit.details["q_neg_log10_p"]
            rows.append(
                {
                    **_names(pair),
                    c.METHOD: method.key,
                    "q": q,
                    "q_df": int(df),
                    c.NEG_LOG10_P: minus_log,
                    c.P_VALUE: float(p_from_neg_log10(np.array([minus_log]))[0]),
                    "i2": fit.details["i2"],
                    "h": float(np.sqrt(q / df)),
                }
            )
    return _tabulate("heterogeneity", rows)


def measure_pleiotropy(pairs: Iterable[Harmonised]) -> pl.DataFrame:
    """Return the intercept of Egger regression, which no directional pleiotropy leaves at zero.

    Returns
    -------
    table : the schema ``pleiotropy``; pairs of fewer than three variants have no row.

    Examples
    --------
    >>> measure_pleiotropy([]).height
    0
    """
    rows = []
    for pair in pairs:
        fit = _run(EggerRegression(), pair)
        if fit.status != Status.ok:
            continue
        minus_log = fit.details["intercept_neg_log10_p"]
        rows.append(
            {
                **_names(pair),
                "egger_intercept": fit.details["intercept"],
                c.SE: fit.details["intercept_se"],
                c.NEG_LOG10_P: minus_log,
                c.P_VALUE: float(p_from_neg_log10(np.array([minus_log]))[0]),
                "i2_gx": fit.details["i2_gx"],
            }
        )
    return _tabulate("pleiotropy", rows)


def split_variants(pairs: Iterable[Harmonised]) -> pl.DataFrame:
    r"""Return the ratio of each variant by itself, and the estimates of all of them together.

    .. math:: \hat\beta_j = y_j / x_j, \qquad s_j = s_{yj} / |x_j|

    Returns
    -------
    table : the schema ``singlesnp``: variants as they stand in the pair, then ``all`` by the
        methods ivw and egger. A variant without effect on the exposure has empty numbers.

    Examples
    --------
    >>> split_variants([]).height
    0
    """
    parts = []
    for pair in pairs:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(pair.x == 0, np.nan, pair.beta_y / pair.x)
            se = np.where(pair.x == 0, np.nan, pair.se_y / np.abs(pair.x))
        parts.append(_numbers(pair, _ids(pair), "wald", ratio, se))
        for method in (InverseVarianceWeighted(), EggerRegression()):
            fit = _run(method, pair)
            if fit.status == Status.ok:
                parts.append(_summary(pair, method.key, fit))
    return _join("singlesnp", parts)


def leave_one_out(pairs: Iterable[Harmonised]) -> pl.DataFrame:
    """Return the inverse-variance weighted estimate without each variant, and with all of them.

    Returns
    -------
    table : the schema ``leaveoneout``; ``variant_id`` is the one left out, or ``all``. Pairs of
        fewer than three variants have the row ``all`` alone.

    Examples
    --------
    >>> leave_one_out([]).height
    0
    """
    parts = []
    for pair in pairs:
        if pair.m > 2:
            estimate, se = _without_each(pair)
            parts.append(_numbers(pair, _ids(pair), "ivw", estimate, se))
        fit = _run(InverseVarianceWeighted(), pair)
        if fit.status == Status.ok:
            parts.append(_summary(pair, "ivw", fit))
    return _join("leaveoneout", parts)


def _without_each(pair: Harmonised) -> tuple[F64, F64]:
    """Return (m,) estimates and standard errors, from sums less one variant's share."""
    w, x, y = 1 / pair.se_y**2, pair.x, pair.beta_y
    xx, xy, yy = w * x * x, w * x * y, w * y * y
    left_xx, left_xy, left_yy = (share.sum() - share for share in (xx, xy, yy))
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = left_xy / left_xx
        q = np.maximum(left_yy - estimate * left_xy, 0.0)
        sigma = np.sqrt(q / (pair.m - 2))
        se = np.maximum(1.0, sigma) / np.sqrt(left_xx)
    nothing = left_xx <= 0
    return np.where(nothing, np.nan, estimate), np.where(nothing, np.nan, se)


def _run(method: Method, pair: Harmonised) -> Estimate:
    return method.estimate(pair, random=np.random.default_rng(0))


def _names(pair: Harmonised) -> dict[str, str]:
    return {
        c.EXPOSURE: pair.exposures[0],
        c.OUTCOME: pair.outcome,
        c.DIRECTION: pair.direction,
    }


def _ids(pair: Harmonised) -> pl.DataFrame:
    """Return the names of variants, and their rs numbers where they are known."""
    absent = [] if "rsid" in pair.variants.columns else [pl.lit(None).alias("rsid")]
    named = pair.variants.with_columns(absent)
    return named.select(pl.col(c.VARIANT_ID, "rsid").cast(pl.String))


def _numbers(
    pair: Harmonised, ids: pl.DataFrame, method: str, estimate: F64, se: F64
) -> pl.DataFrame:
    minus_log = neg_log10_p_normal(estimate / se)
    names: dict[str, list[str] | pl.Series] = {
        **{name: [text] * ids.height for name, text in _names(pair).items()},
        c.VARIANT_ID: ids[c.VARIANT_ID],
        "rsid": ids["rsid"],
        c.METHOD: [method] * ids.height,
    }
    columns = {
        c.ESTIMATE: estimate,
        c.SE: se,
        c.NEG_LOG10_P: minus_log,
        c.P_VALUE: p_from_neg_log10(minus_log),
    }
    return pl.DataFrame(
        {
            **{name: pl.Series(texts, dtype=pl.String) for name, texts in names.items()},
            **{name: pl.Series(values).fill_nan(None) for name, values in columns.items()},
        }
    )


def _summary(pair: Harmonised, key: str, fit: Estimate) -> pl.DataFrame:
    minus_log = np.array([fit.neg_log10_p])
    every = pl.DataFrame({c.VARIANT_ID: ALL, "rsid": pl.Series([None], dtype=pl.String)})
    row = _numbers(pair, every, key, np.array([fit.estimate]), np.array([fit.se]))
    return row.with_columns(
        pl.Series(c.NEG_LOG10_P, minus_log), pl.Series(c.P_VALUE, p_from_neg_log10(minus_log))
    )


def _join(schema: str, parts: list[pl.DataFrame]) -> pl.DataFrame:
    declared = load_schema(schema)
    return declared.validate(pl.concat(parts) if parts else declared.empty())


def _tabulate(schema: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    declared = load_schema(schema)
    if not rows:
        return declared.empty()
    frame = pl.DataFrame(rows, infer_schema_length=None)
    return declared.validate(frame.with_columns(pl.selectors.float().fill_nan(None)))
