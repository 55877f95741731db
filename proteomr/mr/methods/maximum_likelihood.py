"""Maximum likelihood over the true effects of the variants, which are nuisance parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from numpy.random import Generator

from proteomr.mr.methods.base import Convention, Estimate, conclude, refuse
from proteomr.mr.methods.heterogeneity import describe_heterogeneity
from proteomr.mr.methods.ivw import Distribution, IvwModel
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.ranges import check_correlation
from proteomr.stats.line_likelihood import Points, fit_line
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["MaximumLikelihood"]


@dataclass(frozen=True, slots=True)
class MaximumLikelihood(Method):
    r"""Estimate that maximises the likelihood of both effects of all variants.

    .. math:: \begin{pmatrix} x_j \\ y_j \end{pmatrix} \sim N\left(
        \begin{pmatrix} \xi_j \\ \theta \xi_j \end{pmatrix},
        \begin{pmatrix} s_x^2 & \psi s_x s_y \\ \psi s_x s_y & s_y^2 \end{pmatrix} \right)

    With the :math:`\xi_j` maximised out, :math:`\hat\theta` minimises

    .. math:: Q(\theta) = \sum_j \frac{(y_j - \theta x_j)^2}
        {s_{yj}^2 - 2 \theta \psi s_{xj} s_{yj} + \theta^2 s_{xj}^2}

    and :math:`s^2 = 2 / Q''(\hat\theta)`. The minimum is searched over all directions
    :math:`\arctan \theta` and then found by Newton's method. Normal p value.

    Source: Burgess, Butterworth and Thompson 2013, doi:10.1002/gepi.21758. R:
    ``TwoSampleMR::mr_two_sample_ml`` 0.7.9, ``MendelianRandomization::mr_maxlik`` 0.10.0. Both
    search over all m + 1 parameters with a simplex, which stops short of the optimum: with many
    variants by several percent of the estimate, and at times by more than a standard error.

    Assumptions: every variant is a valid instrument with the same effect.
    Limits: pleiotropy biases it as it does the inverse-variance weighted estimate; without an
    effect on the exposure Q may have no minimum.

    Parameters
    ----------
    convention : "mendelianrandomization" makes "default" mean random effects where there are
        four variants or more.
    model : "random" multiplies s by :math:`\max(1, \sqrt{Q / (m - 1)})`; "default" is "fixed" with
        TwoSampleMR's convention.
    psi : correlation of the two estimates of a variant, from overlapping samples.
    distribution : "t" takes p and limits from Student's t with m - 1 degrees of freedom.

    Examples
    --------
    >>> import numpy as np, polars as pl
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b", "c"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09, 0.15]), se_y=np.full(3, 0.02),
    ... )
    >>> fit = MaximumLikelihood().estimate(data, random=np.random.default_rng(1))
    >>> round(fit.estimate, 4)
    0.493
    """

    key: ClassVar[str] = "maxlik"
    label: ClassVar[str] = "Maximum likelihood"
    reference: ClassVar[str] = "10.1002/gepi.21758"
    aliases: ClassVar[tuple[str, ...]] = ("mr_two_sample_ml", "mr_maxlik")
    min_variants: ClassVar[int] = 2

    convention: Convention = "twosamplemr"
    model: IvwModel = "default"
    psi: float = 0.0
    distribution: Distribution = "normal"

    def __post_init__(self) -> None:
        check_correlation(self.psi)

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the slope of the highest likelihood."""
        del random
        line = fit_line(Points(data.x, data.sx, data.beta_y, data.se_y), psi=self.psi)
        if line.doubt is not None:
            text = f"the likelihood has no maximum at a finite effect: {line.doubt}"
            return refuse(Status.not_converged, text, nsnp=data.m)
        q = line.q
        sigma = math.sqrt(q / (data.m - 1))
        random_model = self.model == "random" or (
            self.model == "default" and self.convention == "mendelianrandomization" and data.m >= 4
        )
        se = math.sqrt(2.0 / line.curvature) * (max(1.0, sigma) if random_model else 1.0)
        details = {"residual_se": sigma} | describe_heterogeneity(q, data.m - 1)
        df = float(data.m - 1) if self.distribution == "t" else None
        return conclude(line.slope, se, nsnp=data.m, df=df, details=details)
