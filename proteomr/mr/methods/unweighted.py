"""Regression of the variants' effects through the origin, without weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr.mr.methods.base import Estimate, conclude
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.units import Powers
from proteomr.stats.weighted_lines import fit_slopes
from proteomr.tables import Harmonised

__all__ = ["UnweightedRegression"]


@dataclass(frozen=True, slots=True)
class UnweightedRegression(Method):
    r"""Ordinary least squares of the effects on the outcome on those on the exposure.

    .. math:: \hat\theta = \frac{\sum_j x_j y_j}{\sum_j x_j^2}, \qquad
        s^2 = \frac{\sum_j (y_j - \hat\theta x_j)^2}{(m - 1) \sum_j x_j^2}

    Normal p value. ``rss`` among the details is the residual sum of squares, in squared units of
    the outcome, so that no chi-squared test can be made of it.

    R: the estimate is that of ``TwoSampleMR::mr_uwr`` 0.7.9. Its standard error is not: there the
    one above is divided by the residual standard deviation where that is below one, which in these
    units it always is.

    Assumptions: those of the inverse-variance weighted estimate.
    Limits: imprecise variants count as much as precise ones; no use is made of known errors.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b"]}),
    ...     beta_x=np.array([[0.1], [0.2]]), se_x=np.full((2, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09]), se_y=np.array([0.02, 0.1]),
    ... )
    >>> fit = UnweightedRegression().estimate(data, random=np.random.default_rng(1))
    >>> round(fit.estimate, 4), round(fit.se, 4)
    (0.48, 0.06)
    """

    key: ClassVar[str] = "uwr"
    label: ClassVar[str] = "Unweighted regression"
    reference: ClassVar[str] = "10.1002/gepi.21758"
    aliases: ClassVar[tuple[str, ...]] = ("mr_uwr",)
    min_variants: ClassVar[int] = 2
    powers: ClassVar[Powers] = {"residual_se": (1, 0), "rss": (2, 0)}

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the slope of least squares."""
        del random
        line = fit_slopes(data.x, data.beta_y, weights=np.ones(data.m))
        rss, df = float(line.q), int(line.df)
        sigma = math.sqrt(rss / df)
        details = {"residual_se": sigma, "rss": rss}
        return conclude(float(line.slope), float(line.se) * sigma, nsnp=data.m, details=details)
