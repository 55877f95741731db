"""Inverse-variance weighted estimate of correlated variants."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from numpy.random import Generator

from proteomr.mr.methods.base import Convention, Estimate, conclude, refuse
from proteomr.mr.methods.correlated import CorrelatedMethod, covary, refuse_singular
from proteomr.mr.methods.heterogeneity import describe_heterogeneity
from proteomr.mr.methods.ivw import Distribution, IvwModel
from proteomr.stats.correlated_effects import fit_correlated
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["UNSETTLED", "CorrelatedIvw"]

UNSETTLED = 1e-8
"""Largest score, relative to the lengths of its vectors, that rounding leaves at a solution with
correlations of the worst condition number that is let pass."""


@dataclass(frozen=True, slots=True)
class CorrelatedIvw(CorrelatedMethod):
    r"""Generalised least squares of the effects on the outcome on those on the exposure.

    .. math:: \hat\theta = \frac{x^T \Omega^{-1} y}{x^T \Omega^{-1} x}, \quad
        \Omega_{jk} = s_{yj} s_{yk} \rho_{jk}, \quad
        \hat\sigma^2 = \frac{(y - \hat\theta x)^T \Omega^{-1} (y - \hat\theta x)}{m - 1}, \quad
        s = \frac{\max(1, \hat\sigma)}{\sqrt{x^T \Omega^{-1} x}}

    with :math:`\rho` the correlations of the copies of the effect alleles: variants that are partly
    one signal count as what they tell together. Without correlations it is
    `InverseVarianceWeighted`. Normal p value.

    Source: Burgess, Dudbridge and Thompson 2016, doi:10.1002/sim.6835. R:
    ``MendelianRandomization::mr_ivw(correl = TRUE)`` 0.10.0.

    Assumptions: every variant is a valid instrument, or direct effects are independent of those on
    the exposure; correlations are those of both studies.
    Limits: weak instruments bias it towards the null; among close variants a small error of the
    correlations moves it far, so that they are pruned first, and a table over thresholds looked at.

    Parameters
    ----------
    convention : "mendelianrandomization" takes a single variant.
    model : "random" as above, also as "default"; "fixed" leaves :math:`\hat\sigma` out of s.
    distribution : "t" takes p and limits from Student's t with m - 1 degrees of freedom.

    Examples
    --------
    >>> import numpy as np, polars as pl
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b"]}),
    ...     beta_x=np.array([[0.1], [0.2]]), se_x=np.full((2, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09]), se_y=np.full(2, 0.02),
    ...     ld=np.array([[1.0, 0.5], [0.5, 1.0]]),
    ... )
    >>> fit = CorrelatedIvw().estimate(data, random=np.random.default_rng(1))
    >>> round(fit.estimate, 4), round(fit.se, 4)
    (0.45, 0.1)
    """

    key: ClassVar[str] = "ivw_correlated"
    label: ClassVar[str] = "Inverse variance weighted (correlated variants)"
    reference: ClassVar[str] = "10.1002/sim.6835"
    aliases: ClassVar[tuple[str, ...]] = ("mr_ivw_correl", "ivw_correl", "correlated_ivw")
    min_variants: ClassVar[int] = 2

    convention: Convention = "twosamplemr"
    model: IvwModel = "default"
    distribution: Distribution = "normal"

    @property
    def fewest(self) -> int:
        """Variants needed: one by MendelianRandomization's convention."""
        return 1 if self.convention == "mendelianrandomization" else self.min_variants

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the slope by generalised least squares."""
        del random
        singular = refuse_singular(data)
        if singular is not None:
            return singular
        line = fit_correlated(data.x[:, None], data.beta_y, covariance=covary(data)[1])
        if not line.score < UNSETTLED:
            text = f"the least squares are not solved: a score of {line.score:.1g} is left"
            return refuse(Status.not_converged, text, nsnp=data.m)
        sigma = math.sqrt(line.q / line.df) if line.df else 1.0
        floor = 1.0 if self.model == "fixed" else max(1.0, sigma)
        details = {"residual_se": sigma} | describe_heterogeneity(line.q, line.df)
        return conclude(
            float(line.coefficients[0]),
            float(line.se[0]) * floor,
            nsnp=data.m,
            df=float(line.df) if self.distribution == "t" and line.df else None,
            details=details,
        )
