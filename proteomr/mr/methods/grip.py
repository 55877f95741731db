"""A line with an intercept that does not depend on which allele is counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr.mr.methods.base import Estimate, conclude, refuse
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.units import Powers
from proteomr.stats.weighted_lines import fit_lines
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["Grip"]


@dataclass(frozen=True, slots=True)
class Grip(Method):
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
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": list("abc")}),
    ...     beta_x=np.array([[0.1], [-0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.05, -0.1, 0.16]), se_y=np.full(3, 0.01),
    ... )
    >>> round(Grip().estimate(pair, random=np.random.default_rng()).estimate, 3)
    0.531
    """

    key: ClassVar[str] = "grip"
    label: ClassVar[str] = "MR GRIP"
    reference: ClassVar[str] = "10.1371/journal.pgen.1011967"
    aliases: ClassVar[tuple[str, ...]] = ("mr_grip",)
    min_variants: ClassVar[int] = 3
    every_effect: ClassVar[bool] = True
    powers: ClassVar[Powers] = {"intercept": (1, 1), "intercept_se": (1, 1)}

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the slope of the weighted line."""
        del random
        x, y = data.x**2, data.x * data.beta_y
        line = fit_lines(x, y, weights=1.0 / (x * data.se_y**2))
        if not np.isfinite(line.slope):
            message = "all effects on the exposure have the same size"
            return refuse(Status.not_identified, message, nsnp=data.m)
        df = data.m - 2.0
        sigma = math.sqrt(float(line.q) / df)
        details = {
            "intercept": float(line.intercept),
            "intercept_se": sigma * float(line.intercept_se),
        }
        se = sigma * float(line.se)
        return conclude(float(line.slope), se, nsnp=data.m, df=df, details=details)
