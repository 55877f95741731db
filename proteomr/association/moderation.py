"""Empirical Bayes over the proteins of a scan, from the parts that its fits left.

Nothing is fitted again: a moderated standard error is the ordinary one times the ratio of the
posterior to the residual standard deviation, so that shards can be joined before it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.association.specification import ModelSpec
from proteomr.models import ModerationOptions
from proteomr.scan import DETAILS, JOINT_TESTS, PART_ORDER
from proteomr.stats.empirical_bayes import Squeezed, fit_prior, squeeze_variances
from proteomr.stats.f_tail import neg_log10_p_f
from proteomr.stats.robust_prior import fit_robust_prior
from proteomr.tables import columns as c

__all__ = ["MODERATION", "moderate_parts"]

MODERATION = "moderation"
_LISTED = f"{DETAILS}{MODERATION}"
_MODEL = list(PART_ORDER[1:4])
_FIT = list(PART_ORDER[:4])
_RATIO, _STRETCH, _TOTAL = "variance ratio", "error ratio", "total df"
# Of standard deviations from their median, beyond which squares of their ratio are no numbers.
_FAR = 1e150


def moderate_parts(parts: Iterable[pl.DataFrame], spec: ModelSpec) -> list[pl.DataFrame]:
    """Return parts whose errors, degrees of freedom and joint tests are moderated.

    The prior is learnt for each target, adjustment set and stratum from the proteins that have an
    estimate there. Parts of a scan that asks for no moderation are returned as they are.

    Parameters
    ----------
    parts : all of a scan's.
    """
    frames = list(parts)
    if spec.moderation.kind is None or not frames:
        return frames
    frame = pl.concat(frames).sort(PART_ORDER)
    has = pl.col(c.ESTIMATE).is_not_null().any().over(_FIT)
    fits = frame.filter(pl.col(_LISTED).is_not_null() & has.fill_null(value=False))
    rows = fits.select(*_FIT, _LISTED).explode(_LISTED).unnest(_LISTED)
    squeezed = [
        _squeeze(group, spec.moderation) for group in rows.partition_by(_MODEL, maintain_order=True)
    ]
    contrasts = bool(spec.moderation.contrasts)
    return [_apply(frame, pl.concat(squeezed), contrasts=contrasts)] if squeezed else [frame]


def _squeeze(rows: pl.DataFrame, options: ModerationOptions) -> pl.DataFrame:
    """Fill in the prior and posterior of the proteins of one model."""
    sigma, df, average = (
        rows[name].to_numpy().astype(np.float64) for name in ("sigma", "df_residual", "average")
    )
    # a power of two changes no digit; what is so far from it that its square is no number is held
    # at the ends, where a posterior is of the variance alone, or of the prior alone
    unit = float(np.exp2(np.floor(np.log2(np.median(sigma)))))
    scaled = np.minimum(sigma / unit, _FAR)
    variance = np.maximum(scaled, 1.0 / _FAR) ** 2
    squeezed = _find_posterior(variance, df, average if options.follows_averages else None, options)
    ratio = squeezed.variance / variance
    near = scaled * _FAR > 1.0
    found = {
        "s2_prior": _square_units(np.asarray(squeezed.prior.variance), unit),
        "df_prior": squeezed.prior.df,
        "s2_post": np.where(scaled < _FAR, _square_units(squeezed.variance, unit), np.nan),
        "df_total": squeezed.df,
        _RATIO: ratio,
        _STRETCH: np.where(near, np.sqrt(ratio), np.sqrt(squeezed.variance) / scaled),
    }
    return rows.with_columns(
        pl.Series(k, np.array(np.broadcast_to(v, sigma.shape)), dtype=pl.Float64)
        for k, v in found.items()
    ).with_columns(pl.col("s2_prior", "s2_post").fill_nan(None))


def _square_units(variance: F64, unit: float) -> F64:
    """Return variances times the square of a unit; NaN where no number holds them."""
    with np.errstate(over="ignore", under="ignore"):
        found = variance * unit * unit
    return np.where(np.isfinite(found) & ((found > 0.0) | (variance == 0.0)), found, np.nan)


def _find_posterior(
    variance: F64, df: F64, trend: F64 | None, options: ModerationOptions
) -> Squeezed:
    # variances at any scale: their squares and logarithms stay numbers
    unit = float(np.median(variance))
    fit = fit_robust_prior if options.is_robust else fit_prior
    prior = fit(variance / unit, df, trend=trend)
    found = squeeze_variances(variance / unit, df, prior)
    return Squeezed(type(prior)(prior.variance * unit, prior.df), found.variance * unit, found.df)


def _apply(frame: pl.DataFrame, rows: pl.DataFrame, *, contrasts: bool) -> pl.DataFrame:
    """Return the parts as one frame, with what moderation makes of them."""
    given = [name for name in rows.columns if name not in {*_FIT, _RATIO, _STRETCH}]
    details = rows.select(
        *_FIT,
        pl.col(_RATIO, _STRETCH),
        pl.col("df_total").alias(_TOTAL),
        pl.struct(given).implode().over(_FIT, mapping_strategy="join").alias("found"),
    )
    joined = frame.join(details, on=_FIT, how="left", maintain_order="left")
    fitted = pl.col(c.ESTIMATE).is_not_null() & pl.col(_RATIO).is_not_null()
    # a contrast that follows from others is of the same model in another coding, told once
    model = [PART_ORDER[0], c.EXPOSURE, *PART_ORDER[2:4]]
    once = pl.col(PART_ORDER[1]) == pl.col(PART_ORDER[1]).min().over(model)
    again = pl.lit(not contrasts) | once
    moderated = joined.with_columns(
        pl.when(fitted).then(pl.col(c.SE) * pl.col(_STRETCH)).otherwise(pl.col(c.SE)),
        pl.when(fitted).then(pl.col(_TOTAL)).otherwise(pl.col(c.DF)).alias(c.DF),
        pl.when(pl.col(_LISTED).is_not_null() & again).then(pl.col("found")).alias(_LISTED),
    )
    return _moderate_joint_tests(moderated).select(frame.columns)


def _moderate_joint_tests(frame: pl.DataFrame) -> pl.DataFrame:
    """Refer the F of several coefficients of a fit to its posterior variance."""
    if not frame[JOINT_TESTS].is_not_null().any():
        return frame
    place = "place of the row"
    placed = frame.with_row_index(place)
    tests = placed.filter(pl.col(JOINT_TESTS).is_not_null()).select(
        place, _RATIO, _TOTAL, JOINT_TESTS
    )
    rows = tests.explode(JOINT_TESTS).unnest(JOINT_TESTS)
    f, q, df = (rows[name].to_numpy().astype(np.float64) for name in (c.STATISTIC, c.DF, _TOTAL))
    f = f / rows[_RATIO].to_numpy().astype(np.float64)
    p = neg_log10_p_f(f, q, df)
    renewed = rows.with_columns(
        pl.Series(c.STATISTIC, f, dtype=pl.Float64).fill_nan(None),
        pl.Series(c.NEG_LOG10_P, p, dtype=pl.Float64).fill_nan(None),
    )
    names = [c.TEST, c.STATISTIC, c.DF, c.NEG_LOG10_P]
    listed = renewed.group_by(place, maintain_order=True).agg(pl.struct(names).alias("renewed"))
    joined = placed.join(listed, on=place, how="left", maintain_order="left")
    return joined.with_columns(pl.col("renewed").alias(JOINT_TESTS))
