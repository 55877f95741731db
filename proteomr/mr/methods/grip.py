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

    With ``adjusted``, the slope of the regression with weights :math:`w_j = s_{yj}^{-2}` whose
    moments are freed of the errors of the exposure, :math:`S = \sum w_j` and
    :math:`A = \sum w_j (x_j^2 - s_{xj}^2)`:

    .. math:: \hat\beta = \frac{\sum c_j x_j y_j}
        {S \sum w_j (x_j^4 - 6 x_j^2 s_{xj}^2 + 3 s_{xj}^4) - A^2}, \qquad
        c_j = w_j \{S (x_j^2 - 3 s_{xj}^2) - A\}

    Its standard error is the root of :math:`\sum c_j^2 v_j` over that denominator,
    :math:`v_j = x_j^2 \sum_k r_k^2 / m` with r the residuals of y from the line without adjustment.

    Source: Dudbridge, Rybczynski, Bowden and others 2025, doi:10.1371/journal.pgen.1011967.
    R: ``TwoSampleMR::mr_grip`` 0.7.9; its error of the adjusted slope has
    :math:`x_j^2 - s_{xj}^2` for :math:`x_j^2 - 3 s_{xj}^2` in one of its three sums, so that it is
    too small with weak variants; it stands in ``details`` as ``package_se``.

    Assumptions: pleiotropy independent of the strength of the variants (InSIDE, for products).
    Limits: errors in the exposure pull the slope towards zero; less precise than inverse-variance
    weighting. The adjusted slope has heavy tails with few weak variants.

    Parameters
    ----------
    adjusted : give the slope that is free of the errors of the exposure.

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
    powers: ClassVar[Powers] = {
        "intercept": (1, 1),
        "intercept_se": (1, 1),
        "package_se": (1, -1),
    }

    adjusted: bool = False

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
        if self.adjusted:
            residuals = data.beta_y - (float(line.slope) * x + float(line.intercept)) / data.x
            return _adjust(data, float(np.mean(residuals**2)), details)
        se = sigma * float(line.se)
        return conclude(float(line.slope), se, nsnp=data.m, df=df, details=details)


def _adjust(data: Harmonised, variance: float, details: dict[str, float]) -> Estimate:
    """Return the slope whose moments are freed of the errors of the exposure.

    Parameters
    ----------
    data : variants.
    variance : mean squared residual of the outcome effects.
    details : of the line without adjustment.
    """
    x2, s2, y = data.x**2, data.sx**2, data.x * data.beta_y
    w = data.se_y**-2.0 / np.max(data.se_y**-2.0)  # the largest is one: only ratios count
    second, third = x2 - s2, x2 - 3.0 * s2
    total, centre = float(w.sum()), float(np.sum(w * second))
    spread = total * float(np.sum(w * (x2**2 - 6.0 * x2 * s2 + 3.0 * s2**2))) - centre**2
    if not spread > 0.0:
        message = "the squared effects on the exposure vary no more than their errors make them"
        return refuse(Status.not_identified, message, nsnp=data.m)
    pull = w * (total * third - centre)
    v = variance * x2
    package = (
        total**2 * float(np.sum(w**2 * v * third**2))
        + centre**2 * float(np.sum(w**2 * v))
        - 2.0 * total * centre * float(np.sum(w**2 * v * second))
    )
    details = details | {"package_se": math.sqrt(package) / spread if package > 0 else math.nan}
    return conclude(
        float(np.sum(pull * y)) / spread,
        math.sqrt(float(np.sum(pull**2 * v))) / spread,
        nsnp=data.m,
        df=data.m - 2.0,
        details=details,
    )
