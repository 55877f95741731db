"""A line with an intercept that does not depend on which allele is counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr.mr.methods.base import Estimate, MethodStatus, conclude, refuse
from proteomr.tables import Harmonised

__all__ = ["Grip"]


@dataclass(frozen=True, slots=True)
class Grip:
    r"""Slope of the products of effects on the squared effects on the exposure.

    .. math:: x_j y_j = \alpha + \beta x_j^2 + \varepsilon_j, \qquad
        \operatorname{var} \varepsilon_j = \sigma^2 x_j^2 s_{yj}^2

    by weighted least squares, :math:`\sigma` estimated. Neither side changes when the other allele
    of a variant is counted. Student's t with m - 2 degrees of freedom. ``details`` has
    ``intercept`` and ``intercept_se``.

    Source: Dudbridge, Rybczynski, Bowden and others 2025, doi:10.1371/journal.pgen.1011967.
    R: ``TwoSampleMR::mr_grip`` 0.7.9, without its further adjusted estimate.

    Assumptions: pleiotropy independent of the strength of the variants (InSIDE, for products).
    Limits: errors in the exposure pull the slope towards zero; less precise than inverse-variance
    weighting.

    Examples
    --------
    >>> import polars as pl
    >>> made = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": list("abc")}),
    ...     beta_x=np.array([[0.1], [-0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.05, -0.1, 0.16]), se_y=np.full(3, 0.01),
    ... )
    >>> round(Grip().estimate(made, random=np.random.default_rng()).estimate, 3)
    0.531
    """

    key: ClassVar[str] = "grip"
    label: ClassVar[str] = "MR GRIP"
    reference: ClassVar[str] = "10.1371/journal.pgen.1011967"
    min_variants: ClassVar[int] = 3
    needs_ld: ClassVar[bool] = False
    stochastic: ClassVar[bool] = False

    def estimate(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate, or a status; never raises for what the data are like."""
        del random
        m = data.m
        if m < self.min_variants:
            message = f"{self.min_variants} variants are needed, {m} given"
            return refuse(MethodStatus.too_few, message, nsnp=m)
        zero = int((data.x == 0.0).sum())
        if zero:
            message = f"{zero} variants have no effect on the exposure: no weight"
            return refuse(MethodStatus.zero_effect, message, nsnp=m)
        x, y = data.x**2, data.x * data.beta_y
        w = 1.0 / (x * data.se_y**2)
        total = float(np.sum(w))
        centre_x, centre_y = float(np.sum(w * x)) / total, float(np.sum(w * y)) / total
        spread = float(np.sum(w * (x - centre_x) ** 2))
        if not spread > 0.0:
            message = "all effects on the exposure have the same size"
            return refuse(MethodStatus.not_identified, message, nsnp=m)
        slope = float(np.sum(w * (x - centre_x) * (y - centre_y))) / spread
        intercept = centre_y - slope * centre_x
        sigma = math.sqrt(float(np.sum(w * (y - intercept - slope * x) ** 2)) / (m - 2))
        return conclude(
            slope,
            sigma / math.sqrt(spread),
            nsnp=m,
            df=m - 2.0,
            details={
                "intercept": intercept,
                "intercept_se": sigma * math.sqrt(1.0 / total + centre_x**2 / spread),
            },
        )
