"""Regression with an intercept, which stands for the average direct effect of the variants."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64
from proteomr.mr.methods.base import Convention, Estimate, MethodStatus, conclude, refuse
from proteomr.mr.methods.ivw import Distribution, describe_heterogeneity
from proteomr.stats.distributions import (
    neg_log10_p_normal,
    neg_log10_p_t,
    quantile_normal,
    quantile_t,
)
from proteomr.stats.parametric_bootstrap import check_draws, draw_effects
from proteomr.stats.robust_regression import fit_mm
from proteomr.stats.weighted_lines import fit_lines, penalise_weights
from proteomr.tables import Harmonised

__all__ = ["BootstrapRegression", "EggerBootstrap", "EggerRegression"]

BootstrapRegression: TypeAlias = Literal["weighted_products", "weighted_least_squares"]

_PENALTY = 100.0


@dataclass(frozen=True, slots=True)
class EggerRegression:
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
    convention : "twosamplemr" takes p from Student's t with m - 2 degrees of freedom and the limits
        that the package prints, which are normal; a variant with :math:`x_j = 0` keeps its
        orientation. "mendelianrandomization" is normal in both; such a variant enters as the point
        (0, 0).
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
    >>> found = EggerRegression().estimate(data, random=np.random.default_rng(1))
    >>> round(found.estimate, 4), round(found.details["intercept"], 4)
    (0.45, 0.01)
    """

    key: ClassVar[str] = "egger"
    label: ClassVar[str] = "MR Egger"
    reference: ClassVar[str] = "10.1093/ije/dyv080"
    min_variants: ClassVar[int] = 3
    needs_ld: ClassVar[bool] = False
    stochastic: ClassVar[bool] = False

    convention: Convention = "twosamplemr"
    distribution: Distribution | None = None
    penalised: bool = False
    robust: bool = False

    def estimate(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate, or a status; never raises for what the data are like."""
        del random
        if data.m < self.min_variants:
            text = f"needs {self.min_variants} variants, found {data.m}"
            return refuse(MethodStatus.too_few, text, nsnp=data.m)
        x, y = _orient(data, self.convention)
        line = _fit(self, x, y, 1.0 / data.se_y**2)
        if not math.isfinite(line.slope):
            converged = not self.robust or bool(np.ptp(x) == 0)
            status = MethodStatus.not_identified if converged else MethodStatus.not_converged
            text = "effects on the exposure do not vary" if converged else "no robust line found"
            return refuse(status, text, nsnp=data.m)
        effect = _test(self, line.slope, line.se, line)
        details = _describe(self, data, line)
        found = conclude(line.slope, line.se * max(1.0, line.sigma), nsnp=data.m, details=details)
        return replace(
            found,
            neg_log10_p=effect[0],
            conf_low=line.slope - effect[1],
            conf_high=line.slope + effect[1],
        )


@dataclass(frozen=True, slots=True)
class EggerBootstrap:
    r"""Mean and spread of the Egger slope over effects drawn from their sampling distributions.

    :math:`x^* \sim N(x, s_x^2)`, :math:`y^* \sim N(y, s_y^2)`, oriented so that :math:`x^* \ge 0`;
    weights stay :math:`w_j = 1 / s_{yj}^2`. The estimate is the mean over the draws, its standard
    error their standard deviation, and p is :math:`2 (c + 1) / (B + 1)`, at most 1, with c the
    draws of the other sign than the mean. ``one_sided_p`` among the details is c / B.

    Source: Bowden, Davey Smith and Burgess 2015, doi:10.1093/ije/dyv080. R:
    ``TwoSampleMR::mr_egger_regression_bootstrap`` 0.7.9, whose p value is c / B.

    Assumptions: those of `EggerRegression`.
    Limits: drawing x a second time doubles its noise, so the slope is diluted; p is never below
    2 / (B + 1).

    Parameters
    ----------
    draws : B.
    regression : "weighted_products", as the R function, takes
        :math:`\operatorname{cov}(wx, wy) / \operatorname{var}(wx)`, which is not a weighted
        regression; "weighted_least_squares" is that of `EggerRegression`.
    """

    key: ClassVar[str] = "egger_bootstrap"
    label: ClassVar[str] = "MR Egger (bootstrap)"
    reference: ClassVar[str] = "10.1093/ije/dyv080"
    min_variants: ClassVar[int] = 3
    needs_ld: ClassVar[bool] = False
    stochastic: ClassVar[bool] = True

    draws: int = 1000
    regression: BootstrapRegression = "weighted_products"

    def __post_init__(self) -> None:
        check_draws(self.draws)

    def estimate(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate, or a status; never raises for what the data are like."""
        if data.m < self.min_variants:
            text = f"needs {self.min_variants} variants, found {data.m}"
            return refuse(MethodStatus.too_few, text, nsnp=data.m)
        exposure, outcome = (data.x, data.sx), (data.beta_y, data.se_y)
        weights = 1.0 / data.se_y**2
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
        found = conclude(float(slopes.mean()), se, nsnp=data.m, details=details)
        return replace(found, neg_log10_p=minus_log)

    def _fit(self, x: F64, y: F64, weights: F64) -> tuple[F64, F64]:
        if self.regression == "weighted_least_squares":
            line = fit_lines(x, y, weights=np.broadcast_to(weights, x.shape))
            return line.slope, line.intercept
        product = fit_lines(weights * x, weights * y, weights=np.ones_like(x))
        return product.slope, y.mean(axis=1) - product.slope * x.mean(axis=1)


@dataclass(frozen=True, slots=True)
class _Line:
    slope: float
    se: float
    intercept: float
    intercept_se: float
    sigma: float
    q: float
    df: int


def _orient(data: Harmonised, convention: Convention) -> tuple[F64, F64]:
    sign = np.where(data.x < 0, -1.0, 1.0)
    if convention == "mendelianrandomization":
        sign[data.x == 0] = 0.0
    return np.abs(data.x), sign * data.beta_y


def _fit(options: EggerRegression, x: F64, y: F64, weights: F64) -> _Line:
    """Fit a line whose standard errors are those at a residual variance of one."""
    if options.penalised:
        first = fit_lines(x, y, weights=weights)
        distance = y - first.intercept - first.slope * x
        weights = penalise_weights(weights, deviations=weights * distance**2, factor=_PENALTY)
    df = x.size - 2
    if options.robust:
        fit = fit_mm(np.column_stack([np.ones_like(x), x]), y, weights=weights)
        intercept, slope = (float(value) for value in fit.coefficients)
        q = float(np.sum(weights * (y - intercept - slope * x) ** 2))
        intercept_se, se = (float(value) / fit.scale for value in fit.se)
        return _Line(slope, se, intercept, intercept_se, fit.scale, q, df)
    line = fit_lines(x, y, weights=weights)
    sigma = math.sqrt(float(line.q) / df)
    return _Line(
        slope=float(line.slope),
        se=float(line.se),
        intercept=float(line.intercept),
        intercept_se=float(line.intercept_se),
        sigma=sigma,
        q=float(line.q),
        df=df,
    )


def _test(
    options: EggerRegression, value: float, unit_se: float, line: _Line
) -> tuple[float, float]:
    """-log10 p, and half the width of the 95 % interval."""
    se, df = unit_se * max(1.0, line.sigma), float(line.df)
    normal = float(neg_log10_p_normal(value / se)), float(quantile_normal(0.975)) * se
    if options.distribution is None and options.convention == "twosamplemr":
        return float(neg_log10_p_t(value / se, df)), normal[1]
    if options.distribution != "t":
        return normal
    raw = unit_se * line.sigma
    student = float(neg_log10_p_t(value / raw, df)), float(quantile_t(0.975, df)) * raw
    if line.sigma >= 1:
        return student
    return min(normal[0], student[0]), max(normal[1], student[1])


def _describe(options: EggerRegression, data: Harmonised, line: _Line) -> dict[str, float]:
    minus_log, half = _test(options, line.intercept, line.intercept_se, line)
    details = {
        "intercept": line.intercept,
        "intercept_se": line.intercept_se * max(1.0, line.sigma),
        "intercept_neg_log10_p": minus_log,
        "intercept_conf_low": line.intercept - half,
        "intercept_conf_high": line.intercept + half,
        "residual_se": line.sigma,
        "i2_gx": _measure_dilution(np.abs(data.x) / data.se_y, data.sx / data.se_y),
    }
    if options.penalised:
        return details
    return details | describe_heterogeneity(line.q, line.df)


def _measure_dilution(x: F64, s: F64) -> float:
    """I2 of the effects on the exposure, weighted as in the regression; 1 without dilution."""
    w = 1.0 / s**2
    q = float(np.sum(w * (x - np.sum(w * x) / np.sum(w)) ** 2))
    return max(0.0, (q - (x.size - 1)) / q) if q > 0 else math.nan


def _count(values: F64) -> tuple[float, float]:
    """-log10 of the two-sided p value, and the share of draws of the other sign than the mean."""
    other = int(np.count_nonzero(np.sign(values.mean()) * values < 0))
    p = min(1.0, 2.0 * (other + 1) / (values.size + 1))
    return -math.log10(p) + 0.0, other / values.size
