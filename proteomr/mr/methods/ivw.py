"""Inverse-variance weighted estimators: a line through the origin of the variants' effects."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.mr.methods.base import Convention, Estimate, MethodStatus, conclude, refuse
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.robust_regression import fit_mm
from proteomr.stats.weighted_lines import fit_slopes, penalise_weights
from proteomr.tables import Harmonised

__all__ = [
    "Distribution",
    "InverseVarianceWeighted",
    "InverseVarianceWeightedFixed",
    "InverseVarianceWeightedRandom",
    "IvwModel",
    "IvwWeights",
    "check_correlation",
    "describe_heterogeneity",
]

IvwModel: TypeAlias = Literal["default", "random", "fixed"]
IvwWeights: TypeAlias = Literal["first_order", "delta"]
Distribution: TypeAlias = Literal["normal", "t"]

_PENALTY = {"first_order": 100.0, "delta": 20.0}


@dataclass(frozen=True, slots=True)
class InverseVarianceWeighted:
    r"""Weighted regression of the effects on the outcome on those on the exposure, by the origin.

    .. math:: \hat\theta = \frac{\sum_j w_j x_j y_j}{\sum_j w_j x_j^2}, \quad
        w_j = \frac{1}{s_{yj}^2}, \quad Q = \sum_j w_j (y_j - \hat\theta x_j)^2, \quad
        s = \frac{\max(1, \hat\sigma)}{\sqrt{\sum_j w_j x_j^2}}, \quad
        \hat\sigma^2 = \frac{Q}{m - 1}

    Multiplicative random effects whose residual standard error counts as one at least: less
    scatter than chance allows does not make the estimate more precise. Normal p value.

    Source: Burgess, Butterworth and Thompson 2013, doi:10.1002/gepi.21758. R:
    ``TwoSampleMR::mr_ivw`` 0.7.9, ``MendelianRandomization::mr_ivw`` 0.10.0.

    Assumptions: every variant is a valid instrument, or their direct effects on the outcome average
    zero and are independent of their effects on the exposure (InSIDE).
    Limits: directional pleiotropy biases it; weak instruments bias it towards the null.

    Parameters
    ----------
    convention : "mendelianrandomization" makes "default" mean a fixed-effect model where there are
        fewer than four variants, and takes a single variant.
    model : "random" as above; "fixed" leaves :math:`\hat\sigma` out of s.
    weights : "delta" adds the exposure's uncertainty to the variance of :math:`y_j`:
        :math:`y^2 s_x^2/x^2 - 2 \psi s_x s_y y/x`. A variant without effect on the exposure then
        has no weight.
    psi : correlation of the two estimates of a variant, from overlapping samples.
    penalised : multiply weights by :math:`\min(1, f p_j)`, with :math:`p_j` the chi-squared p value
        of the variant's distance from the median ratio; f is 100, or 20 with delta weights.
        No heterogeneity is then reported.
    robust : MM-estimation with Tukey's bisquare, as ``robustbase::lmrob``.
    distribution : "t" takes p and limits from Student's t with m - 1 degrees of freedom.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b", "c"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09, 0.15]), se_y=np.full(3, 0.02),
    ... )
    >>> found = InverseVarianceWeighted().estimate(data, random=np.random.default_rng(1))
    >>> round(found.estimate, 4), round(found.se, 4), round(found.details["q"], 4)
    (0.4929, 0.0535, 0.4821)
    """

    key: ClassVar[str] = "ivw"
    label: ClassVar[str] = "Inverse variance weighted"
    reference: ClassVar[str] = "10.1002/gepi.21758"
    min_variants: ClassVar[int] = 2
    needs_ld: ClassVar[bool] = False
    stochastic: ClassVar[bool] = False

    convention: Convention = "twosamplemr"
    model: IvwModel = "default"
    weights: IvwWeights = "first_order"
    psi: float = 0.0
    penalised: bool = False
    robust: bool = False
    distribution: Distribution = "normal"

    def __post_init__(self) -> None:
        check_correlation(self.psi)

    def estimate(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate, or a status; never raises for what the data are like."""
        del random
        theirs = self.convention == "mendelianrandomization"
        found = _fit(self, data, fewest=1 if theirs else self.min_variants)
        if isinstance(found, Estimate):
            return found
        few = theirs and self.model == "default" and data.m < 4
        sigma = found.sigma if self.model != "fixed" and not few else 0.0
        return _conclude(self, found, data.m, se=found.unit_se * max(1.0, sigma))


@dataclass(frozen=True, slots=True)
class InverseVarianceWeightedFixed:
    r"""Inverse-variance weighted estimate with the standard error of a fixed-effect meta-analysis.

    As `InverseVarianceWeighted` with :math:`s = 1 / \sqrt{\sum_j w_j x_j^2}`.

    Source: Burgess, Butterworth and Thompson 2013, doi:10.1002/gepi.21758. R:
    ``TwoSampleMR::mr_ivw_fe`` 0.7.9.

    Assumptions: every variant is a valid instrument and estimates the same effect.
    Limits: the standard error is too small where the variants' ratios are heterogeneous.
    """

    key: ClassVar[str] = "ivw_fe"
    label: ClassVar[str] = "Inverse variance weighted (fixed effects)"
    reference: ClassVar[str] = "10.1002/gepi.21758"
    min_variants: ClassVar[int] = 2
    needs_ld: ClassVar[bool] = False
    stochastic: ClassVar[bool] = False

    def estimate(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate, or a status; never raises for what the data are like."""
        del random
        options = InverseVarianceWeighted()
        found = _fit(options, data, fewest=self.min_variants)
        if isinstance(found, Estimate):
            return found
        return _conclude(options, found, data.m, se=found.unit_se)


@dataclass(frozen=True, slots=True)
class InverseVarianceWeightedRandom:
    r"""Inverse-variance weighted estimate with multiplicative random effects and no floor.

    As `InverseVarianceWeighted` with :math:`s = \hat\sigma / \sqrt{\sum_j w_j x_j^2}`, also where
    :math:`\hat\sigma < 1`.

    Source: Burgess, Butterworth and Thompson 2013, doi:10.1002/gepi.21758. R:
    ``TwoSampleMR::mr_ivw_mre`` 0.7.9.

    Assumptions: those of `InverseVarianceWeighted`.
    Limits: under-dispersion by chance gives a standard error below that of fixed effects; with two
    or three variants it may come near zero.
    """

    key: ClassVar[str] = "ivw_mre"
    label: ClassVar[str] = "Inverse variance weighted (multiplicative random effects)"
    reference: ClassVar[str] = "10.1002/gepi.21758"
    min_variants: ClassVar[int] = 2
    needs_ld: ClassVar[bool] = False
    stochastic: ClassVar[bool] = False

    def estimate(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate, or a status; never raises for what the data are like."""
        del random
        options = InverseVarianceWeighted()
        found = _fit(options, data, fewest=self.min_variants)
        if isinstance(found, Estimate):
            return found
        return _conclude(options, found, data.m, se=found.unit_se * found.sigma)


@dataclass(frozen=True, slots=True)
class _Fit:
    slope: float
    unit_se: float
    sigma: float
    q: float
    df: int
    unweighted: int


def check_correlation(psi: float) -> None:
    """Refuse what cannot be the correlation of two estimates.

    Raises
    ------
    UsageError
        It does not lie strictly between -1 and 1.

    Examples
    --------
    >>> check_correlation(0.3)
    """
    if not -1.0 < psi < 1.0:
        raise UsageError(f"psi is {psi}: a correlation strictly between -1 and 1 is needed")


def describe_heterogeneity(q: float, df: float) -> dict[str, float]:
    """Return Cochran's Q, its degrees of freedom, -log10 p and I2, by name.

    Examples
    --------
    >>> describe_heterogeneity(8.0, 4.0)["i2"]
    0.5
    """
    return {
        "q": q,
        "q_df": float(df),
        "q_neg_log10_p": float(neg_log10_p_chi2(q, df)),
        "i2": max(0.0, (q - df) / q) if q > 0 else math.nan,
    }


def _fit(options: InverseVarianceWeighted, data: Harmonised, *, fewest: int) -> _Fit | Estimate:
    if data.m < fewest:
        text = f"needs {fewest} variants, found {data.m}"
        return refuse(MethodStatus.too_few, text, nsnp=data.m)
    x, y = data.x, data.beta_y
    w = _weigh(options, data)
    if not (w * np.abs(x) > 0).any():
        text = "no variant has an effect on the exposure"
        return refuse(MethodStatus.zero_effect, text, nsnp=data.m)
    if options.penalised:
        with np.errstate(divide="ignore", invalid="ignore"):
            centre = np.median(y / x)
        factor = _PENALTY[options.weights]
        w = penalise_weights(w, deviations=w * (y - centre * x) ** 2, factor=factor)
        w = np.where(x == 0, 0.0, w)
    df = int(np.count_nonzero(w)) - 1
    if options.robust and df > 0:
        fit = fit_mm(x[:, None], y, weights=w)
        if not fit.converged:
            text = "the robust regression has not converged"
            return refuse(MethodStatus.not_converged, text, nsnp=data.m)
        slope, sigma = float(fit.coefficients[0]), fit.scale
        unit, q = float(fit.se[0]) / sigma, sigma**2 * df
    else:
        line = fit_slopes(x, y, weights=w)
        slope, unit, q = float(line.slope), float(line.se), float(line.q)
        sigma = math.sqrt(q / df) if df else 1.0
    return _Fit(slope, unit, sigma, q, df, data.m - 1 - df)


def _weigh(options: InverseVarianceWeighted, data: Harmonised) -> F64:
    variance = data.se_y**2
    if options.weights == "first_order":
        return np.asarray(1.0 / variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = data.beta_y * data.sx / data.x
        w = 1.0 / (variance + noise**2 - 2.0 * options.psi * data.se_y * noise)
    return np.where(data.x == 0, 0.0, w)


def _conclude(options: InverseVarianceWeighted, fit: _Fit, m: int, *, se: float) -> Estimate:
    df = float(fit.df) if options.distribution == "t" and fit.df else None
    details = {"residual_se": fit.sigma}
    if fit.df and not options.penalised:
        details |= describe_heterogeneity(fit.q, fit.df)
    found = conclude(fit.slope, se, nsnp=m, df=df, details=details)
    if not fit.unweighted:
        return found
    return replace(found, message=f"{fit.unweighted} variants without effect have no weight")
