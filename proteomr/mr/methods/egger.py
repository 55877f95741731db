"""Regression with an intercept, which stands for the average direct effect of the variants."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, Bool
from proteomr.mr.methods.base import Convention, Estimate, conclude, refuse
from proteomr.mr.methods.block_method import Block, BlockMethod
from proteomr.mr.methods.estimate_block import EstimateBlock
from proteomr.mr.methods.heterogeneity import describe_columns
from proteomr.mr.methods.ivw import Distribution
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.units import Powers
from proteomr.stats.distributions import (
    neg_log10_p_normal,
    neg_log10_p_t,
    quantile_normal,
    quantile_t,
)
from proteomr.stats.parametric_bootstrap import check_draws, draw_effects
from proteomr.stats.robust_regression import fit_mm
from proteomr.stats.weighted_lines import fit_lines, penalise_weights
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["BootstrapRegression", "EggerBootstrap", "EggerRegression"]

BootstrapRegression: TypeAlias = Literal["weighted_products", "weighted_least_squares"]

_PENALTY = (
    100.0  # as MendelianRandomization 0.10.0, whose regressions lower weights later than medians
)
_NO_LINE = "effects on the exposure do not vary"
# An intercept is in units of the outcome, whatever those of the exposure.
_POWERS: Powers = dict.fromkeys(
    ("intercept", "intercept_se", "intercept_conf_low", "intercept_conf_high"), (1, 0)
)


@dataclass(frozen=True, slots=True)
class EggerRegression(BlockMethod):
    r"""Slope of the weighted regression of outcome effects on exposure effects, with an intercept.

    Each variant is first oriented so that :math:`x_j \ge 0`; then

    .. math:: y_j = \alpha + \theta x_j + \varepsilon_j, \qquad
        \operatorname{var} \varepsilon_j = \sigma^2 s_{yj}^2

    by weighted least squares, with standard errors at :math:`\max(1, \hat\sigma)`. The intercept
    :math:`\alpha` is the average pleiotropic effect; it is among the details, with Q of m - 2
    degrees of freedom.

    Source: Bowden, Davey Smith and Burgess 2015, doi:10.1093/ije/dyv080. R:
    ``TwoSampleMR::mr_egger_regression`` 0.7.9, ``MendelianRandomization::mr_egger`` 0.10.0.

    Assumptions: direct effects on the outcome are independent of the effects on the exposure
    (InSIDE); they need not average zero. Effects on the exposure are without error (NOME).
    Limits: low power; bias towards the null by a factor near :math:`I^2_{GX}` where NOME fails; the
    estimate depends on the orientation of the variants.

    Parameters
    ----------
    convention : "twosamplemr" takes p from Student's t with m - 2 degrees of freedom, and the
        limits from the same, so that they hold zero just where p is above 0.05 (the package gives
        no limits; 1.96 standard errors, as its ``generate_odds_ratios`` takes them, are narrower
        with few variants); a variant with :math:`x_j = 0` keeps its orientation.
        "mendelianrandomization" is normal in both; such a variant enters as the point (0, 0).
    distribution : "normal" or "t" for both p and limits, whatever the convention; None for the
        convention's. With "t", where :math:`\hat\sigma < 1`, the wider of the normal interval at
        :math:`\sigma = 1` and the t interval at :math:`\hat\sigma`, and the larger p.
    penalised : multiply weights by :math:`\min(1, 100\, p_j)`, with :math:`p_j` the chi-squared p
        value of a variant's distance from the line. No heterogeneity is then reported.
    robust : MM-estimation with Tukey's bisquare, as ``robustbase::lmrob``.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b", "c"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09, 0.15]), se_y=np.full(3, 0.02),
    ... )
    >>> fit = EggerRegression().estimate(data, random=np.random.default_rng(1))
    >>> round(fit.estimate, 4), round(fit.details["intercept"], 4)
    (0.45, 0.01)
    """

    key: ClassVar[str] = "egger"
    version: ClassVar[int] = 3
    label: ClassVar[str] = "MR Egger"
    reference: ClassVar[str] = "10.1093/ije/dyv080"
    aliases: ClassVar[tuple[str, ...]] = ("mr_egger_regression", "mr_egger")
    min_variants: ClassVar[int] = 3
    powers: ClassVar[Powers] = _POWERS

    convention: Convention = "twosamplemr"
    distribution: Distribution | None = None
    penalised: bool = False
    robust: bool = False

    def fit_block(self, block: Block, /) -> EstimateBlock:
        """Return the estimate of every pair of a block."""
        sign = np.where(block.x < 0, -1.0, 1.0)
        if self.convention == "mendelianrandomization":
            sign[block.x == 0] = 0.0
        x, y = np.abs(block.x), sign * block.y
        lines = _fit(self, x, y, 1.0 / block.sy**2)
        minus_log, half = _test(self, lines.slope, lines.se, lines)
        se = lines.se * np.maximum(1.0, lines.sigma)
        refusals = {
            int(k): refuse(Status.not_identified, _NO_LINE, nsnp=block.m)
            for k in np.flatnonzero(np.isnan(lines.slope))
        }
        text = "no robust line found"
        refusals |= {
            int(k): refuse(Status.not_converged, text, nsnp=block.m)
            for k in np.flatnonzero(~lines.converged & (np.ptp(x, axis=1) > 0))
        }
        return EstimateBlock(
            estimate=lines.slope,
            se=se,
            neg_log10_p=minus_log,
            conf_low=lines.slope - half,
            conf_high=lines.slope + half,
            nsnp=block.m,
            details=_describe(self, block, lines),
            tests=describe_columns(lines.q, lines.df),
            tested=(lines.df > 0) & (not self.penalised),
            refusals=refusals,
            df=lines.df if _refers_to_t(self) else None,
        )


@dataclass(frozen=True, slots=True)
class EggerBootstrap(Method):
    r"""Mean and spread of the Egger slope over effects drawn from their sampling distributions.

    :math:`x^* \sim N(x, s_x^2)`, :math:`y^* \sim N(y, s_y^2)`, oriented so that :math:`x^* \ge 0`;
    weights stay :math:`w_j = 1 / s_{yj}^2`. The estimate is the mean over the draws, its standard
    error their standard deviation, and p is :math:`2 (c + 1) / (B + 1)`, at most 1, with c the
    draws of the other sign than the mean. ``one_sided_p`` among the details is c / B. The limits
    are the draws of rank k from either end, :math:`k = \lfloor (B + 1) / 40 \rfloor`, which hold
    zero just where p is above 0.05; fewer than 39 draws give normal ones.

    Source: Bowden, Davey Smith and Burgess 2015, doi:10.1093/ije/dyv080. R:
    ``TwoSampleMR::mr_egger_regression_bootstrap`` 0.7.9, whose p value is c / B.

    Assumptions: those of `EggerRegression`.
    Limits: drawing x a second time doubles its noise, so the slope is diluted; p is never below
    2 / (B + 1). Effects on the exposure that do not vary have no line, whatever the draws make of
    their noise.

    Parameters
    ----------
    draws : B.
    regression : "weighted_products", as the R function, takes
        :math:`\operatorname{cov}(wx, wy) / \operatorname{var}(wx)`, which is not a weighted
        regression; "weighted_least_squares" is that of `EggerRegression`.
    """

    key: ClassVar[str] = "egger_bootstrap"
    version: ClassVar[int] = 3
    label: ClassVar[str] = "MR Egger (bootstrap)"
    reference: ClassVar[str] = "10.1093/ije/dyv080"
    aliases: ClassVar[tuple[str, ...]] = ("mr_egger_regression_bootstrap",)
    min_variants: ClassVar[int] = 3
    stochastic: ClassVar[bool] = True
    powers: ClassVar[Powers] = _POWERS
    contradiction: ClassVar[str] = "fewer than 39 draws give normal limits"

    draws: int = 1000
    regression: BootstrapRegression = "weighted_products"

    def __post_init__(self) -> None:
        check_draws(self.draws)

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the mean and spread of the slopes of the draws."""
        exposure, outcome = (data.x, data.sx), (data.beta_y, data.se_y)
        weights = 1.0 / data.se_y**2
        if np.isnan(fit_lines(np.abs(data.x), data.beta_y, weights=weights).slope):
            return refuse(Status.not_identified, _NO_LINE, nsnp=data.m)
        parts = [
            self._fit(np.abs(x), y * np.where(x < 0, -1.0, 1.0), weights)
            for x, y in draw_effects(exposure, outcome, draws=self.draws, random=random)
        ]
        slopes, intercepts = (np.concatenate(part) for part in zip(*parts, strict=True))
        minus_log, one_sided = _count(slopes)
        intercept_minus_log, intercept_one_sided = _count(intercepts)
        details = {
            "one_sided_p": one_sided,
            "intercept": float(intercepts.mean()),
            "intercept_se": float(intercepts.std(ddof=1)),
            "intercept_neg_log10_p": intercept_minus_log,
            "intercept_one_sided_p": intercept_one_sided,
        }
        se = float(slopes.std(ddof=1))
        estimate = conclude(float(slopes.mean()), se, nsnp=data.m, details=details)
        low, high = _rank_limits(slopes) or (estimate.conf_low, estimate.conf_high)
        if not low <= estimate.estimate <= high:
            text = "the draws have no middle: their mean lies outside 95 % of them"
            return refuse(Status.not_identified, text, nsnp=data.m)
        return replace(estimate, neg_log10_p=minus_log, conf_low=low, conf_high=high)

    def _fit(self, x: F64, y: F64, weights: F64) -> tuple[F64, F64]:
        if self.regression == "weighted_least_squares":
            line = fit_lines(x, y, weights=np.broadcast_to(weights, x.shape))
            return line.slope, line.intercept
        product = fit_lines(weights * x, weights * y, weights=np.ones_like(x))
        return product.slope, y.mean(axis=1) - product.slope * x.mean(axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """Lines of k pairs, (k,) each, with standard errors at a residual variance of one."""

    slope: F64
    se: F64
    intercept: F64
    intercept_se: F64
    sigma: F64
    q: F64
    df: F64
    converged: Bool


def _fit(options: EggerRegression, x: F64, y: F64, weights: F64) -> _Lines:
    if options.penalised:
        first = fit_lines(x, y, weights=weights)
        distance = y - first.intercept[:, None] - first.slope[:, None] * x
        weights = penalise_weights(weights, deviations=weights * distance**2, factor=_PENALTY)
    df = np.full(x.shape[0], x.shape[1] - 2.0)
    if options.robust:
        return _fit_robustly(x, y, weights, df)
    line = fit_lines(x, y, weights=weights)
    return _Lines(
        slope=line.slope,
        se=line.se,
        intercept=line.intercept,
        intercept_se=line.intercept_se,
        sigma=np.sqrt(line.q / df),
        q=line.q,
        df=df,
        converged=np.ones(df.size, dtype=np.bool_),
    )


def _fit_robustly(x: F64, y: F64, weights: F64, df: F64) -> _Lines:
    slope, se, intercept, intercept_se, scale, q = np.empty((6, df.size))
    converged = np.zeros(df.size, dtype=np.bool_)
    for k in range(df.size):
        fit = fit_mm(np.column_stack([np.ones_like(x[k]), x[k]]), y[k], weights=weights[k])
        intercept[k], slope[k] = fit.coefficients
        intercept_se[k], se[k] = fit.se / fit.scale
        scale[k], converged[k] = fit.scale, fit.converged
        q[k] = np.sum(weights[k] * (y[k] - intercept[k] - slope[k] * x[k]) ** 2)
    return _Lines(slope, se, intercept, intercept_se, scale, q, df, converged)


def _refers_to_t(options: EggerRegression) -> bool:
    """Whether p values are of Student's t."""
    by_default = options.distribution is None and options.convention == "twosamplemr"
    return by_default or options.distribution == "t"


def _test(options: EggerRegression, value: F64, unit_se: F64, lines: _Lines) -> tuple[F64, F64]:
    """-log10 p, and half the width of the 95 % interval."""
    se = unit_se * np.maximum(1.0, lines.sigma)
    if options.distribution is None and options.convention == "twosamplemr":
        return neg_log10_p_t(value / se, lines.df), quantile_t(0.975, lines.df) * se
    half = float(quantile_normal(0.975)) * se
    minus_log = neg_log10_p_normal(value / se)
    if options.distribution != "t":
        return minus_log, half
    raw = unit_se * lines.sigma
    by_t, half_t = neg_log10_p_t(value / raw, lines.df), quantile_t(0.975, lines.df) * raw
    wide = lines.sigma >= 1
    return (
        np.where(wide, by_t, np.fmin(minus_log, by_t)),
        np.where(wide, half_t, np.fmax(half, half_t)),
    )


def _describe(options: EggerRegression, block: Block, lines: _Lines) -> dict[str, F64]:
    minus_log, half = _test(options, lines.intercept, lines.intercept_se, lines)
    return {
        "intercept": lines.intercept,
        "intercept_se": lines.intercept_se * np.maximum(1.0, lines.sigma),
        "intercept_neg_log10_p": minus_log,
        "intercept_conf_low": lines.intercept - half,
        "intercept_conf_high": lines.intercept + half,
        "residual_se": lines.sigma,
        "i2_gx": _measure_dilution(np.abs(block.x) / block.sy, block.sx / block.sy),
    }


def _measure_dilution(x: F64, s: F64) -> F64:
    """I2 of the effects on the exposure, weighted as in the regression; 1 without dilution."""
    w = 1.0 / s**2
    mean = np.sum(w * x, axis=1) / np.sum(w, axis=1)
    q = np.sum(w * (x - mean[:, None]) ** 2, axis=1)
    return np.where(q > 0, np.maximum(0.0, (q - (x.shape[1] - 1)) / q), np.nan)


def _count(values: F64) -> tuple[float, float]:
    """-log10 of the two-sided p value, and the share of draws of the other sign than the mean."""
    other = int(np.count_nonzero(np.sign(values.mean()) * values < 0))
    p = min(1.0, 2.0 * (other + 1) / (values.size + 1))
    return -math.log10(p) + 0.0, other / values.size


def _rank_limits(draws: F64) -> tuple[float, float] | None:
    """The draws between which 95 % lie, by the ranks that the p value counts; None for too few."""
    rank = (draws.size + 1) // 40
    if not rank:
        return None
    ordered = np.sort(draws)
    return float(ordered[rank - 1]), float(ordered[-rank])
