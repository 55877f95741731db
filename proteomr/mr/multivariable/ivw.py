"""Multivariable inverse-variance weighted estimates: one regression on all exposures at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

import numpy as np
import polars as pl
from numpy.random import Generator

from proteomr._typing import F64, Bool
from proteomr.mr.methods.base import Convention, Estimate, conclude
from proteomr.mr.methods.ranges import check_p_value
from proteomr.mr.methods.units import Powers
from proteomr.mr.multivariable.base import (
    INTERCEPT_POWERS,
    MultivariableMethod,
    conclude_each,
    describe_fit,
    fit_weighted,
    refuse_each,
)
from proteomr.stats.distributions import neg_log10_p_normal
from proteomr.stats.robust_regression import fit_mm
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = [
    "MultivariableDistribution",
    "MultivariableIvw",
    "MultivariableModel",
    "find_own_instruments",
]

MultivariableModel: TypeAlias = Literal["default", "random", "fixed"]
MultivariableDistribution: TypeAlias = Literal["normal", "t"]


@dataclass(frozen=True, slots=True)
class MultivariableIvw(MultivariableMethod):
    r"""Weighted regression of the effects on the outcome on those on all exposures, by the origin.

    .. math:: y_j = \sum_k \theta_k x_{jk} + \varepsilon_j, \qquad
        \operatorname{var} \varepsilon_j = \sigma^2 s_{yj}^2

    :math:`\theta_k` is the direct effect of an exposure, the others held fixed. Normal p value.

    Source: Burgess and Thompson 2015, doi:10.1093/aje/kwu283; Sanderson et al. 2019,
    doi:10.1093/ije/dyy262. R: ``TwoSampleMR::mv_multiple`` and ``mv_ivw`` 0.7.9,
    ``MendelianRandomization::mr_mvivw`` 0.10.0, ``MVMR::ivw_mvmr`` 0.4.6.

    Assumptions: variants act on the outcome through the exposures alone, or their other effects
    average zero and are independent of those on the exposures; they are independent of each other.
    Limits: weak instruments, given the other exposures, bias the effects in any direction; see
    `proteomr.mr.multivariable.strength.measure_conditional_f`.

    Parameters
    ----------
    convention : "twosamplemr" takes :math:`\hat\sigma` as it is, also below one;
        "mendelianrandomization" takes one at least, and a fixed-effect model as the default for
        fewer than four variants.
    model : "random" as above; "fixed" has :math:`\sigma = 1`.
    intercept : fit one, without orienting the variants; it is among the details.
    own_instruments_p : fit each exposure's effect on the variants with a p value below this for
        that exposure, as ``mv_ivw`` does with 5e-8; None for all variants. See
        `find_own_instruments`.
    robust : MM-estimation with Tukey's bisquare, as ``robustbase::lmrob``; its own standard errors.
    distribution : "t" takes p and limits from Student's t with the residual degrees of freedom.

    Examples
    --------
    >>> data = Harmonised(
    ...     exposures=("a", "b"), outcome="y",
    ...     variants=pl.DataFrame({"variant_id": ["r1", "r2", "r3"]}),
    ...     beta_x=np.array([[0.1, 0.0], [0.0, 0.2], [0.1, 0.1]]), se_x=np.full((3, 2), 0.01),
    ...     beta_y=np.array([0.05, 0.02, 0.07]), se_y=np.full(3, 0.01),
    ... )
    >>> fits = MultivariableIvw().estimate(data, random=np.random.default_rng(1))
    >>> [round(fit.estimate, 4) for fit in fits]
    [0.5444, 0.1111]
    """

    key: ClassVar[str] = "mv_ivw"
    label: ClassVar[str] = "Multivariable inverse variance weighted"
    aliases: ClassVar[tuple[str, ...]] = ("mr_mvivw", "mv_multiple")
    reference: ClassVar[str] = "10.1093/aje/kwu283"
    powers: ClassVar[Powers] = INTERCEPT_POWERS
    min_variants: ClassVar[int] = 2

    convention: Convention = "twosamplemr"
    model: MultivariableModel = "default"
    intercept: bool = False
    own_instruments_p: float | None = None
    robust: bool = False
    distribution: MultivariableDistribution = "normal"

    def __post_init__(self) -> None:
        check_p_value("own_instruments_p", self.own_instruments_p)

    @property
    def fewest(self) -> int:
        """Variants that one exposure needs: one more with an intercept."""
        return self.min_variants + self.intercept

    def fit(self, data: Harmonised, /, *, random: Generator) -> tuple[Estimate, ...]:
        """Return one estimate per exposure, in order."""
        if self.own_instruments_p is not None:
            return self._estimate_apart(data, threshold=self.own_instruments_p, random=random)
        return _fit_robustly(self, data) if self.robust else _fit(self, data)

    def _estimate_apart(
        self, data: Harmonised, *, threshold: float, random: Generator
    ) -> tuple[Estimate, ...]:
        own = find_own_instruments(data, threshold=threshold)
        together = replace(self, own_instruments_p=None)
        estimates = []
        for k in range(len(data.exposures)):
            rows = np.flatnonzero(own[:, k])
            estimate = together.estimate(data.select(rows), random=random)[k]
            estimates.append(replace(estimate, used=tuple(rows.tolist())))
        return tuple(estimates)


def find_own_instruments(data: Harmonised, /, *, threshold: float) -> Bool:
    """Which variants are associated with which exposure.

    The p values are those of the columns ``neg_log10_p_<exposure>`` of the variants where these
    exist, else of effect and standard error; the two may differ at the threshold where effects have
    been rounded.

    Parameters
    ----------
    threshold : p value below which a variant counts.

    Returns
    -------
    (m, e).

    Examples
    --------
    >>> data = Harmonised(
    ...     exposures=("a",), outcome="y", variants=pl.DataFrame({"variant_id": ["r1", "r2"]}),
    ...     beta_x=np.array([[0.1], [0.01]]), se_x=np.full((2, 1), 0.01),
    ...     beta_y=np.zeros(2), se_y=np.ones(2),
    ... )
    >>> find_own_instruments(data, threshold=5e-8).tolist()
    [[True], [False]]
    """
    strength: F64 = np.array(neg_log10_p_normal(data.beta_x / data.se_x))
    for k, exposure in enumerate(data.exposures):
        column = f"neg_log10_p_{exposure}"
        if column in data.variants.columns:
            strength[:, k] = data.variants[column].cast(pl.Float64).fill_null(math.nan).to_numpy()
    return np.asarray(strength > -math.log10(threshold))


def _design(options: MultivariableIvw, data: Harmonised) -> F64:
    ones = np.ones((data.m, int(options.intercept)))
    return np.column_stack([data.beta_x, ones])


def _scale(options: MultivariableIvw, sigma: float, m: int) -> float:
    theirs = options.convention == "mendelianrandomization"
    few = theirs and options.model == "default" and m < 4
    if options.model == "fixed" or few:
        return 1.0
    return max(1.0, sigma) if theirs else sigma


def _fit(options: MultivariableIvw, data: Harmonised) -> tuple[Estimate, ...]:
    fit = fit_weighted(_design(options, data), data.beta_y, weights=data.se_y**-2)
    if fit is None:
        text = "the intercept is a combination of the effects on the exposures"
        return refuse_each(data, status=Status.not_identified, message=text)
    se = fit.unit_se * _scale(options, fit.sigma, data.m)
    return _conclude(options, data, fit.coefficients, se, q=fit.q, df=fit.df)


def _fit_robustly(options: MultivariableIvw, data: Harmonised) -> tuple[Estimate, ...]:
    X = _design(options, data)
    fit = fit_mm(X, data.beta_y, weights=data.se_y**-2)
    if not fit.converged:
        text = "no robust regression found: half of the variants lie on one plane"
        return refuse_each(data, status=Status.not_converged, message=text)
    df = data.m - X.shape[1]
    # lmrob's errors hold the scale already; the conventions act on it as on a residual error.
    se = fit.se * (_scale(options, fit.scale, data.m) / fit.scale)
    return _conclude(options, data, fit.coefficients, se, q=fit.scale**2 * df, df=df)


def _conclude(
    options: MultivariableIvw, data: Harmonised, b: F64, se: F64, *, q: float, df: int
) -> tuple[Estimate, ...]:
    e = len(data.exposures)
    details = describe_fit(q, df)
    degrees = float(df) if options.distribution == "t" else None
    if options.intercept:
        whole = conclude(float(b[e]), float(se[e]), nsnp=data.m, df=degrees)
        details |= {
            "intercept": whole.estimate,
            "intercept_se": whole.se,
            "intercept_neg_log10_p": whole.neg_log10_p,
            "intercept_conf_low": whole.conf_low,
            "intercept_conf_high": whole.conf_high,
        }
    return conclude_each(b[:e], se[:e], nsnp=data.m, df=degrees, details=details)
