"""Maximum likelihood of correlated variants."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr.mr.methods.base import Convention, Estimate, conclude, refuse
from proteomr.mr.methods.correlated import CorrelatedMethod, covary, refuse_singular
from proteomr.mr.methods.heterogeneity import describe_heterogeneity
from proteomr.mr.methods.ivw import Distribution, IvwModel
from proteomr.stats.correlated_effects import diagonalise
from proteomr.stats.line_likelihood import Points, fit_line
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["CorrelatedMaximumLikelihood"]


@dataclass(frozen=True, slots=True)
class CorrelatedMaximumLikelihood(CorrelatedMethod):
    r"""Estimate that maximises the likelihood of both effects of correlated variants.

    .. math:: x \sim N(\xi, \Sigma_x), \quad y \sim N(\theta \xi, \Sigma_y), \quad
        \Sigma_{x,jk} = s_{xj} s_{xk} \rho_{jk}, \quad \Sigma_{y,jk} = s_{yj} s_{yk} \rho_{jk}

    With :math:`\xi` maximised out, :math:`\hat\theta` minimises

    .. math:: Q(\theta) = (y - \theta x)^T (\Sigma_y + \theta^2 \Sigma_x)^{-1} (y - \theta x)

    and :math:`s^2 = 2 / Q''(\hat\theta)`. In the basis in which both covariances are diagonal, Q is
    that of independent variants, and its minimum is found as `MaximumLikelihood` finds it: over all
    directions, then by Newton's method. Normal p value.

    Source: Burgess, Dudbridge and Thompson 2016, doi:10.1002/sim.6835. R:
    ``MendelianRandomization::mr_maxlik`` 0.10.0 with a matrix of correlations, whose simplex over
    all m + 1 parameters stops short of the maximum.

    Assumptions: every variant is a valid instrument with the same effect; the samples do not
    overlap.
    Limits: as `CorrelatedIvw`; without an effect on the exposure Q may have no minimum.

    Parameters
    ----------
    convention : "mendelianrandomization" makes "default" mean random effects where there are
        four variants or more.
    model : "random" multiplies s by :math:`\max(1, \sqrt{Q / (m - 1)})`; "default" is "fixed" with
        TwoSampleMR's convention.
    distribution : "t" takes p and limits from Student's t with m - 1 degrees of freedom.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b", "c"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09, 0.15]), se_y=np.full(3, 0.02), ld=np.eye(3),
    ... )
    >>> fit = CorrelatedMaximumLikelihood().estimate(data, random=np.random.default_rng(1))
    >>> round(fit.estimate, 4)
    0.493
    """

    key: ClassVar[str] = "maxlik_correlated"
    label: ClassVar[str] = "Maximum likelihood (correlated variants)"
    reference: ClassVar[str] = "10.1002/sim.6835"
    aliases: ClassVar[tuple[str, ...]] = ("mr_maxlik_correl", "maxlik_correl")
    min_variants: ClassVar[int] = 2

    convention: Convention = "twosamplemr"
    model: IvwModel = "default"
    distribution: Distribution = "normal"

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the slope of the highest likelihood."""
        del random
        singular = refuse_singular(data)
        if singular is not None:
            return singular
        of_x, of_y = covary(data)
        both = diagonalise(data.x, data.beta_y, covariance_x=of_x, covariance_y=of_y)
        line = fit_line(Points(both.x, np.sqrt(both.spread), both.y, np.ones(data.m)))
        if line.doubt is not None:
            text = f"the likelihood has no maximum at a finite effect: {line.doubt}"
            return refuse(Status.not_converged, text, nsnp=data.m)
        sigma = math.sqrt(line.q / (data.m - 1))
        overdispersed = self.model == "random" or (
            self.model == "default" and self.convention == "mendelianrandomization" and data.m >= 4
        )
        se = math.sqrt(2.0 / line.curvature) * (max(1.0, sigma) if overdispersed else 1.0)
        details = {"residual_se": sigma} | describe_heterogeneity(line.q, data.m - 1)
        df = float(data.m - 1) if self.distribution == "t" else None
        return conclude(line.slope, se, nsnp=data.m, df=df, details=details)
