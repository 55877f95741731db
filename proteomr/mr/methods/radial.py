"""Radial regressions, which show each variant's weight and its share of the heterogeneity."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.mr.methods.base import Estimate, certify, conclude, refuse
from proteomr.mr.methods.heterogeneity import describe_heterogeneity
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.variant_order import order_variants, place_back
from proteomr.stats.distributions import neg_log10_p_chi2, neg_log10_p_t, p_from_neg_log10
from proteomr.stats.line_likelihood import LineFit, Points, fit_line
from proteomr.stats.weighted_lines import fit_lines, fit_slopes
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = [
    "RadialEgger",
    "RadialEggerFit",
    "RadialIvw",
    "RadialIvwFit",
    "RadialWeights",
    "fit_radial_egger",
    "fit_radial_ivw",
    "share_heterogeneity",
]

RadialWeights: TypeAlias = Literal["first_order", "second_order", "modified"]

_ROUNDS = 1000  # the weights move by a shrinking factor: hundreds of turns are for weak instruments
_EXPECTED = 1e-12  # of the heterogeneity, relative, from its degrees of freedom


@dataclass(frozen=True, slots=True, eq=False)
class RadialIvwFit:
    """A radial inverse-variance weighted regression in four models.

    Parameters
    ----------
    effect : with the weights asked for.
    iterative : with modified weights, taken from the estimate itself until it settles.
    exact_fixed : minimum of the exact Q, which depends on the effect in its weights too.
    exact_random : that with the outcome's variances inflated by `inflation`.
    inflation : factor that brings the exact Q to its degrees of freedom; one at least.
    root_weights : (m,) square roots of the weights, the x axis of a radial plot.
    contributions, contributions_neg_log10_p : (m,) shares of Q, each against chi-squared with one
        degree of freedom.
    outliers : positions of the variants with p below alpha, which is not corrected for their
        number.
    mean_f : mean F statistic of the variants.
    """

    effect: Estimate
    iterative: Estimate
    exact_fixed: Estimate
    exact_random: Estimate
    inflation: float
    root_weights: F64
    contributions: F64
    contributions_neg_log10_p: F64
    outliers: tuple[int, ...]
    mean_f: float


@dataclass(frozen=True, slots=True, eq=False)
class RadialEggerFit:
    """A radial regression with an intercept; fields as in `RadialIvwFit`."""

    effect: Estimate
    root_weights: F64
    contributions: F64
    contributions_neg_log10_p: F64
    outliers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RadialIvw(Method):
    r"""Inverse-variance weighted estimate in radial form: a line by the origin of a radial plot.

    .. math:: r_j \sqrt{w_j} = \theta \sqrt{w_j} + \varepsilon_j, \qquad r_j = y_j / x_j

    with :math:`w_j^{-1}` equal to :math:`s_{yj}^2/x_j^2` ("first_order"), plus
    :math:`y_j^2 s_{xj}^2/x_j^4` ("second_order"), or plus :math:`\tilde\theta^2 s_{xj}^2/x_j^2`
    ("modified") with :math:`\tilde\theta` the first-order estimate. The standard error is that of
    least squares, without a floor on the residual one. Normal p value.

    Source: Bowden et al. 2018, doi:10.1093/ije/dyy101. R: ``TwoSampleMR::mr_ivw_radial`` 0.7.9,
    ``RadialMR::ivw_radial`` 1.2.3.

    Assumptions: those of the inverse-variance weighted estimate.
    Limits: under-dispersion by chance gives a standard error below that of fixed effects.

    Parameters
    ----------
    weights : "first_order", "second_order" or "modified", as above.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b", "c"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09, 0.15]), se_y=np.full(3, 0.02),
    ... )
    >>> fit = RadialIvw().estimate(data, random=np.random.default_rng(1))
    >>> round(fit.estimate, 4)
    0.4929
    """

    key: ClassVar[str] = "ivw_radial"
    label: ClassVar[str] = "IVW radial"
    reference: ClassVar[str] = "10.1093/ije/dyy101"
    aliases: ClassVar[tuple[str, ...]] = ("mr_ivw_radial",)
    min_variants: ClassVar[int] = 2
    every_effect: ClassVar[bool] = True

    weights: RadialWeights = "modified"

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the weighted mean of the ratios."""
        del random
        return _fit_ivw(data, self.weights)[0]


@dataclass(frozen=True, slots=True)
class RadialEgger(Method):
    r"""Radial regression with an intercept.

    .. math:: r_j \sqrt{w_j} = \alpha + \theta \sqrt{w_j} + \varepsilon_j

    with weights as in `RadialIvw`, :math:`\tilde\theta` being the slope with first-order weights.
    The intercept weighs directional pleiotropy relative to precision, and no orientation of the
    variants is needed. p and limits from Student's t with m - 2 degrees of freedom, which are those
    of Q as well.

    Source: Bowden et al. 2018, doi:10.1093/ije/dyy101. R: ``RadialMR::egger_radial`` 1.2.3, which
    states m - 1 degrees of freedom for Q.

    Assumptions: pleiotropic effects over their standard errors are independent of the variants'
    weights.
    Limits: as `EggerRegression`'s; no floor on the residual standard error.

    Parameters
    ----------
    weights : see `RadialIvw`.
    """

    key: ClassVar[str] = "egger_radial"
    label: ClassVar[str] = "MR Egger radial"
    reference: ClassVar[str] = "10.1093/ije/dyy101"
    aliases: ClassVar[tuple[str, ...]] = ("mr_egger_radial",)
    min_variants: ClassVar[int] = 3
    every_effect: ClassVar[bool] = True

    weights: RadialWeights = "modified"

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the slope of the radial line."""
        del random
        return _fit_egger(data, self.weights)[0]


def fit_radial_ivw(
    data: Harmonised,
    *,
    weights: RadialWeights = "modified",
    alpha: float = 0.05,
    tolerance: float = 1e-4,
) -> RadialIvwFit:
    r"""Radial inverse-variance weighted regression in four models, with its outliers.

    The exact models minimise :math:`Q(\theta, \phi) = \sum_j (y_j - \theta x_j)^2 /
    (\phi s_{yj}^2 + \theta^2 s_{xj}^2)` at :math:`\phi = 1`, and at the :math:`\phi \ge 1` for
    which the minimum is m - 1. Their standard errors are the inverse root of the sum of weights at
    the minimum. p of the random one from Student's t with m - 1 degrees of freedom, else normal.

    Source: Bowden et al. 2019, doi:10.1093/ije/dyy258. R: ``RadialMR::ivw_radial`` 1.2.3, which
    looks for exact estimates within (-2, 2) only, and takes the last standard error from a
    bootstrap.

    Parameters
    ----------
    weights : see `RadialIvw`.
    alpha : significance level of an outlier.
    tolerance : change of the iterative estimate at which it has settled.

    Raises
    ------
    InputError
        There are fewer than two variants, or one without effect on the exposure.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b", "c"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09, 0.30]), se_y=np.full(3, 0.02),
    ... )
    >>> fit_radial_ivw(data).outliers
    (1, 2)
    """
    _check(data, RadialIvw())
    effect, w = _fit_ivw(data, weights)
    contributions = w * (data.beta_y / data.x - effect.estimate) ** 2
    minus_log = neg_log10_p_chi2(contributions, 1.0)
    fixed, random, inflation = _fit_exact(data)
    return RadialIvwFit(
        effect=effect,
        iterative=_iterate(data, tolerance),
        exact_fixed=fixed,
        exact_random=random,
        inflation=inflation,
        root_weights=np.sqrt(w),
        contributions=contributions,
        contributions_neg_log10_p=minus_log,
        outliers=_find_outliers(minus_log, alpha),
        mean_f=float(np.mean((data.x / data.sx) ** 2)),
    )


def share_heterogeneity(data: Harmonised) -> F64:
    """Return each variant's share (m,) of Q, as `fit_radial_ivw` has it; it raises what that does.

    >>> import polars as pl
    >>> x, s, named = np.array([0.1, 0.2]), np.full(2, 0.01), pl.DataFrame({"variant_id": [1, 2]})
    >>> data = Harmonised(("x",), "y", named, x[:, None], s[:, None], 0.5 * x + s, s)
    >>> share_heterogeneity(data).round(3).tolist()
    [0.122, 0.03]
    """
    _check(data, RadialIvw())
    effect, w = _fit_ivw(data, "modified")
    return np.asarray(w * (data.beta_y / data.x - effect.estimate) ** 2)


def fit_radial_egger(
    data: Harmonised, *, weights: RadialWeights = "modified", alpha: float = 0.05
) -> RadialEggerFit:
    """Radial regression with an intercept and outliers, see `RadialEgger`.

    Parameters
    ----------
    weights : see `RadialIvw`.
    alpha : significance level of an outlier.

    Raises
    ------
    InputError
        There are fewer than three variants, or one without effect on the exposure.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b", "c"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09, 0.15]), se_y=np.full(3, 0.02),
    ... )
    >>> fit_radial_egger(data).outliers
    ()
    """
    _check(data, RadialEgger())
    order = order_variants(data)  # as the estimator of the same name has it
    effect, ordered = _fit_egger(data.select(order), weights)
    root = np.sqrt(ordered[np.argsort(order)])
    intercept = effect.details.get("intercept", math.nan)
    contributions = (root * data.beta_y / data.x - intercept - effect.estimate * root) ** 2
    minus_log = neg_log10_p_chi2(contributions, 1.0)
    outliers = _find_outliers(minus_log, alpha)
    return RadialEggerFit(place_back(effect, order), root, contributions, minus_log, outliers)


def _check(data: Harmonised, method: Method) -> None:
    refusal = method.find_refusal(data.m, int(np.count_nonzero(data.x == 0)))
    if refusal is not None:
        raise InputError(f"no radial regression: {refusal.message}")


def _weigh(data: Harmonised, weights: RadialWeights, effect: float) -> F64:
    noise = np.zeros(data.m)
    if weights == "second_order":
        noise = data.beta_y / data.x * data.sx
    elif weights == "modified":
        noise = effect * data.sx
    return np.asarray(data.x**2 / (data.se_y**2 + noise**2))


def _fit_ivw(data: Harmonised, weights: RadialWeights) -> tuple[Estimate, F64]:
    w = _weigh(data, "first_order", 0.0)
    if weights != "first_order":
        w = _weigh(data, weights, _slope(data, w))
    return _average(data, w), w


def _slope(data: Harmonised, w: F64) -> float:
    return float(np.sum(w * data.beta_y / data.x) / np.sum(w))


def _average(data: Harmonised, w: F64) -> Estimate:
    line = fit_slopes(np.ones(data.m), data.beta_y / data.x, weights=w)
    q, df = float(line.q), int(line.df)
    sigma = math.sqrt(q / df)
    details = {"residual_se": sigma} | describe_heterogeneity(q, df)
    return conclude(float(line.slope), float(line.se) * sigma, nsnp=data.m, details=details)


def _iterate(data: Harmonised, tolerance: float) -> Estimate:
    estimate, w = _fit_ivw(data, "first_order")
    for _ in range(_ROUNDS):
        previous = estimate.estimate
        estimate = _average(data, _weigh(data, "modified", previous))
        if abs(estimate.estimate - previous) <= tolerance:
            return estimate
    text = "the weights and the estimate have not settled"
    return refuse(Status.not_converged, text, nsnp=w.size)


def _fit_egger(data: Harmonised, weights: RadialWeights) -> tuple[Estimate, F64]:
    ratios = data.beta_y / data.x
    ones = np.ones(data.m)
    w = _weigh(data, "first_order", 0.0)
    line = fit_lines(np.sqrt(w), np.sqrt(w) * ratios, weights=ones)
    if weights != "first_order":
        w = _weigh(data, weights, float(line.slope))
        line = fit_lines(np.sqrt(w), np.sqrt(w) * ratios, weights=ones)
    if not np.isfinite(line.slope):
        return refuse(Status.not_identified, "the weights do not vary", nsnp=data.m), w
    q, df = float(line.q), int(line.df)
    sigma = math.sqrt(q / df)
    intercept, intercept_se = float(line.intercept), float(line.intercept_se) * sigma
    statistic = intercept / intercept_se if intercept_se > 0 else math.nan
    details = {
        "intercept": intercept,
        "intercept_se": intercept_se,
        "intercept_neg_log10_p": float(neg_log10_p_t(statistic, df)),
        "residual_se": sigma,
    } | describe_heterogeneity(q, df)
    se = float(line.se) * sigma
    return conclude(float(line.slope), se, nsnp=data.m, df=float(df), details=details), w


def _fit_exact(data: Harmonised) -> tuple[Estimate, Estimate, float]:
    """The exact estimates with fixed and with random effects, and the inflation of the latter."""
    line = fit_line(_points(data, 1.0))
    if line.doubt is not None:
        text = f"the exact heterogeneity has no minimum at a finite effect: {line.doubt}"
        refusal = refuse(Status.not_converged, text, nsnp=data.m)
        return refusal, refusal, math.nan
    df = data.m - 1
    details = describe_heterogeneity(line.q, df)
    se = _exact_se(data, line.slope)
    fixed = certify(conclude(line.slope, se, nsnp=data.m, details=details))
    line, phi = _inflate(data, line)
    if line.doubt is not None:
        text = f"the exact heterogeneity with random effects has no minimum: {line.doubt}"
        return fixed, refuse(Status.not_converged, text, nsnp=data.m), math.nan
    details = describe_heterogeneity(line.q, df)
    se = _exact_se(replace(data, se_y=data.se_y * math.sqrt(phi)), line.slope)
    free = certify(conclude(line.slope, se, nsnp=data.m, df=float(df), details=details))
    return fixed, free, phi


def _points(data: Harmonised, phi: float) -> Points:
    return Points(data.x, data.sx, data.beta_y, data.se_y * math.sqrt(phi))


def _inflate(data: Harmonised, line: LineFit) -> tuple[LineFit, float]:
    """The minimum of Q that is its degrees of freedom, and the inflation that makes it so."""
    df, phi = data.m - 1, 1.0
    for _ in range(_ROUNDS):
        if line.doubt is not None or line.q <= df * (1.0 + _EXPECTED):
            break
        variance = phi * data.se_y**2 + line.slope**2 * data.sx**2
        residual = data.beta_y - line.slope * data.x
        decline = np.sum(residual**2 * data.se_y**2 / variance**2)
        phi += max(float((line.q - df) / decline), 1e-14 * phi)  # at least the last digit
        near = fit_line(_points(data, phi), start=line.slope)
        line = near if near.doubt is None else fit_line(_points(data, phi))
    if line.doubt is None and line.q > df * (1.0 + _EXPECTED):
        return replace(line, doubt="the inflation has not settled"), phi
    whole = fit_line(_points(data, phi))
    if line.doubt is None and whole.q < line.q * (1.0 - _EXPECTED):
        return replace(line, doubt="another effect fits better at this inflation"), phi
    return line, phi


def _exact_se(data: Harmonised, theta: float) -> float:
    return float(np.sum(data.x**2 / (data.se_y**2 + theta**2 * data.sx**2)) ** -0.5)


def _find_outliers(minus_log: F64, alpha: float) -> tuple[int, ...]:
    return tuple(np.flatnonzero(p_from_neg_log10(minus_log) < alpha).tolist())
