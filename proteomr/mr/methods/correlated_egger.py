"""Egger regression of correlated variants."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr.mr.methods.base import Convention, Estimate, conclude, refuse
from proteomr.mr.methods.correlated import CorrelatedMethod, covary, refuse_singular
from proteomr.mr.methods.correlated_ivw import UNSETTLED
from proteomr.mr.methods.heterogeneity import describe_heterogeneity
from proteomr.mr.methods.ivw import Distribution
from proteomr.mr.methods.units import Powers
from proteomr.stats.correlated_effects import fit_correlated
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["CorrelatedEgger"]


@dataclass(frozen=True, slots=True)
class CorrelatedEgger(CorrelatedMethod):
    r"""Slope of the generalised regression on exposure effects, with an intercept.

    Each variant is oriented so that :math:`x_j \ge 0`, its row and column of correlations with it;
    then

    .. math:: (\hat\alpha, \hat\theta) = (X^T \Omega^{-1} X)^{-1} X^T \Omega^{-1} y, \quad
        X = (1, x), \quad \Omega_{jk} = s_{yj} s_{yk} \rho_{jk}

    with standard errors at :math:`\max(1, \hat\sigma)`. The intercept is among the details, with Q
    of m - 2 degrees of freedom. Without correlations it is `EggerRegression`.

    Source: Burgess and Thompson 2017, doi:10.1007/s10654-017-0255-x. R:
    ``MendelianRandomization::mr_egger(correl = TRUE)`` 0.10.0.

    Assumptions: direct effects are independent of the effects on the exposure (InSIDE), which among
    variants of one locus is seldom so; effects on the exposure are without error.
    Limits: low power; correlations leave few independent points to draw a line through.

    Parameters
    ----------
    convention : "twosamplemr" takes p and limits from Student's t with m - 2 degrees of freedom,
        "mendelianrandomization" from the normal distribution; its variants without effect on the
        exposure enter as the point (0, 0).
    distribution : "normal" or "t" for both, whatever the convention; None for the convention's.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b", "c"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09, 0.15]), se_y=np.full(3, 0.02), ld=np.eye(3),
    ... )
    >>> fit = CorrelatedEgger().estimate(data, random=np.random.default_rng(1))
    >>> round(fit.estimate, 4), round(fit.details["intercept"], 4)
    (0.45, 0.01)
    """

    key: ClassVar[str] = "egger_correlated"
    label: ClassVar[str] = "MR Egger (correlated variants)"
    reference: ClassVar[str] = "10.1007/s10654-017-0255-x"
    aliases: ClassVar[tuple[str, ...]] = ("mr_egger_correl", "egger_correl", "correlated_egger")
    min_variants: ClassVar[int] = 3
    powers: ClassVar[Powers] = dict.fromkeys(("intercept", "intercept_se"), (1, 0))

    convention: Convention = "twosamplemr"
    distribution: Distribution | None = None

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the slope, and the intercept among the details."""
        del random
        singular = refuse_singular(data)
        if singular is not None:
            return singular
        sign = np.where(data.x < 0, -1.0, 1.0)
        if not np.ptp(np.abs(data.x)) > 0:
            text = "effects on the exposure do not vary"
            return refuse(Status.not_identified, text, nsnp=data.m)
        covariance = covary(data)[1] * np.outer(sign, sign)
        if self.convention == "mendelianrandomization":
            sign = np.where(data.x == 0, 0.0, sign)
        columns = np.column_stack([np.ones(data.m), np.abs(data.x)])
        line = fit_correlated(columns, sign * data.beta_y, covariance=covariance)
        if not line.score < UNSETTLED:
            text = f"the least squares are not solved: a score of {line.score:.1g} is left"
            return refuse(Status.not_converged, text, nsnp=data.m)
        sigma = math.sqrt(line.q / line.df)
        (intercept, slope), (intercept_se, se) = line.coefficients, line.se * max(1.0, sigma)
        by_t = (self.distribution or self._usual) == "t"
        df = float(line.df) if by_t else None
        beside = conclude(float(intercept), float(intercept_se), nsnp=data.m, df=df)
        details = {
            "intercept": beside.estimate,
            "intercept_se": beside.se,
            "intercept_neg_log10_p": beside.neg_log10_p,
            "residual_se": sigma,
        } | describe_heterogeneity(line.q, line.df)
        found = conclude(float(slope), float(se), nsnp=data.m, df=df)
        return replace(found, details=details)

    @property
    def _usual(self) -> Distribution:
        return "t" if self.convention == "twosamplemr" else "normal"
