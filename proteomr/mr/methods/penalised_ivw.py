"""Debiased inverse-variance weighting whose denominator is kept away from zero."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr.mr.methods.base import Estimate, refuse
from proteomr.mr.methods.debiased_ivw import conclude_debiased
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.ranges import check_not_negative
from proteomr.mr.methods.units import Powers
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["PenalisedIvw"]


@dataclass(frozen=True, slots=True)
class PenalisedIvw(Method):
    r"""Debiased slope with a logarithmic penalty on a small denominator.

    With :math:`w_j = s_{yj}^{-2}`, :math:`\mu_1 = \sum w_j x_j y_j`,
    :math:`\mu_2 = \sum w_j (x_j^2 - s_{xj}^2)`, their covariance
    :math:`v_{12} = 2 \sum w_j^2 x_j y_j s_{xj}^2` and the variance of the latter
    :math:`v_2 = \sum w_j^2 \{4 (x_j^2 - s_{xj}^2) s_{xj}^2 + 2 s_{xj}^4\}`:

    .. math::
        \mu_2^* = \frac{\mu_2}{2} + \operatorname{sign}(\mu_2)
            \sqrt{\frac{\mu_2^2}{4} + \lambda v_2}, \qquad
        \mu_1^* = \mu_1 + \frac{v_{12}}{v_2} (\mu_2^* - \mu_2), \qquad
        \hat\beta = \mu_1^* / \mu_2^*

    The standard error and :math:`\tau^2` are those of `DebiasedIvw` with this denominator.
    Normal p value. ``details`` has ``tau2`` and ``condition``.

    Source: Xu, Wang, Fung and Liu 2023, doi:10.1111/biom.13732.
    R: ``MendelianRandomization::mr_pivw(Boot.Fieller = FALSE)`` 0.10.0.

    Assumptions: pleiotropy, if any, balanced; no sample overlap; variants chosen in other data.
    Limits: the limits are symmetric; the package's default draws them by a bootstrap of Fieller's
    statistic instead.

    Parameters
    ----------
    over_dispersion : allow for balanced pleiotropy.
    penalty : lambda; 0 gives the debiased estimate.

    Examples
    --------
    >>> import polars as pl
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b"]}),
    ...     beta_x=np.array([[0.1], [0.2]]), se_x=np.full((2, 1), 0.01),
    ...     beta_y=np.array([0.05, 0.1]), se_y=np.full(2, 0.01),
    ... )
    >>> round(PenalisedIvw().estimate(pair, random=np.random.default_rng()).estimate, 4)
    0.5
    """

    key: ClassVar[str] = "pivw"
    label: ClassVar[str] = "Penalised inverse variance weighted"
    reference: ClassVar[str] = "10.1111/biom.13732"
    aliases: ClassVar[tuple[str, ...]] = ("mr_pivw",)
    min_variants: ClassVar[int] = 1
    powers: ClassVar[Powers] = {"tau2": (2, 0)}

    over_dispersion: bool = True
    penalty: float = 1.0

    def __post_init__(self) -> None:
        check_not_negative("penalty", self.penalty)

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the debiased slope."""
        del random
        x, sx, y = data.x, data.sx, data.beta_y
        w = data.se_y**-2.0
        mu2 = float(np.sum(w * (x**2 - sx**2)))
        v2 = float(np.sum(w**2 * (4.0 * (x**2 - sx**2) * sx**2 + 2.0 * sx**4)))
        under_root = mu2**2 / 4.0 + self.penalty * v2
        if mu2 == 0.0 or v2 == 0.0 or under_root < 0.0:
            message = "the effects on the exposure are all noise"
            return refuse(Status.not_identified, message, nsnp=data.m)
        strength = mu2 / 2.0 + math.copysign(math.sqrt(under_root), mu2)
        v12 = float(np.sum(2.0 * w**2 * x * y * sx**2))
        slope = (float(np.sum(w * x * y)) + v12 / v2 * (strength - mu2)) / strength
        return conclude_debiased(data, slope, strength, over_dispersion=self.over_dispersion)
