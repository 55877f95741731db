"""Inverse-variance weighting without the bias of weak instruments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr.mr.methods.base import Estimate, conclude, refuse
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.units import Powers
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["DebiasedIvw", "conclude_debiased"]


@dataclass(frozen=True, slots=True)
class DebiasedIvw(Method):
    r"""Inverse-variance weighted slope with the errors in the exposure taken out.

    .. math::
        \hat\beta = \frac{\sum w_j x_j y_j}{\sum w_j (x_j^2 - s_{xj}^2)}, \qquad
        \operatorname{se}^2 = \frac{\sum w_j^2 \{x_j^2 (s_{yj}^2 + \tau^2)
            + \hat\beta^2 s_{xj}^2 (x_j^2 + s_{xj}^2)\}}{\{\sum w_j (x_j^2 - s_{xj}^2)\}^2}

    with :math:`w_j = s_{yj}^{-2}` and the variance of balanced pleiotropy

    .. math:: \tau^2 = \max\Big[0, \frac{\sum w_j \{(y_j - \hat\beta x_j)^2 - s_{yj}^2
        - \hat\beta^2 s_{xj}^2\}}{\sum w_j}\Big].

    Normal p value. ``details`` has ``tau2`` and ``condition``, the mean of
    :math:`x_j^2/s_{xj}^2 - 1` times :math:`\sqrt m`, which should exceed 20.

    Source: Ye, Shao and Kang 2021, doi:10.1214/20-AOS2027.
    R: ``MendelianRandomization::mr_divw`` 0.10.0.

    Assumptions: pleiotropy, if any, balanced; no sample overlap; variants chosen in other data.
    Limits: heavy-tailed where the condition is small; see `PenalisedIvw`.

    Parameters
    ----------
    over_dispersion : allow for balanced pleiotropy.

    Examples
    --------
    >>> import polars as pl
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b"]}),
    ...     beta_x=np.array([[0.1], [0.2]]), se_x=np.full((2, 1), 0.01),
    ...     beta_y=np.array([0.05, 0.1]), se_y=np.full(2, 0.01),
    ... )
    >>> round(DebiasedIvw().estimate(pair, random=np.random.default_rng()).estimate, 4)
    0.502
    """

    key: ClassVar[str] = "divw"
    label: ClassVar[str] = "Debiased inverse variance weighted"
    reference: ClassVar[str] = "10.1214/20-AOS2027"
    aliases: ClassVar[tuple[str, ...]] = ("mr_divw",)
    min_variants: ClassVar[int] = 1
    powers: ClassVar[Powers] = {"tau2": (2, 0)}

    over_dispersion: bool = True

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the debiased slope."""
        del random
        x, sx, y = data.x, data.sx, data.beta_y
        w = data.se_y**-2.0
        strength = float(np.sum(w * (x**2 - sx**2)))
        if strength == 0.0:
            message = "the effects on the exposure are all noise"
            return refuse(Status.not_identified, message, nsnp=data.m)
        slope = float(np.sum(w * x * y)) / strength
        return conclude_debiased(data, slope, strength, over_dispersion=self.over_dispersion)


def conclude_debiased(
    data: Harmonised, slope: float, strength: float, *, over_dispersion: bool
) -> Estimate:
    """Return a debiased slope with the standard error that its denominator gives it.

    Parameters
    ----------
    data : variants.
    slope, strength : the estimate, and the denominator that it was divided by.
    over_dispersion : allow for balanced pleiotropy.
    """
    x, sx, y, sy = data.x, data.sx, data.beta_y, data.se_y
    w = sy**-2.0
    tau2 = 0.0
    if over_dispersion:
        excess = (y - slope * x) ** 2 - sy**2 - slope**2 * sx**2
        tau2 = max(0.0, float(np.sum(w * excess) / np.sum(w)))
    variance = np.sum(w**2 * (x**2 * (sy**2 + tau2) + slope**2 * sx**2 * (x**2 + sx**2)))
    condition = float(np.mean((x / sx) ** 2) - 1.0) * math.sqrt(data.m)
    return conclude(
        slope,
        math.sqrt(variance) / abs(strength),
        nsnp=data.m,
        details={"tau2": tau2, "condition": condition},
    )
