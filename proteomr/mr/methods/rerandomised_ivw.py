"""Inverse-variance weighting without the winner's curse."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from scipy import special

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.mr.methods.base import Estimate, conclude, refuse
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.ranges import check_above_zero, check_p_value
from proteomr.stats.distributions import quantile_normal
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["RerandomisedIvw"]

_REACH = 3.0  # standard deviations of the noise: weaker variants would have passed once in 700
# Rounding leaves 1e-15 of the terms, and 1e-12 where corrections of weak variants cancel; effects
# that were estimated leave 1e-6 and more.
_LEAST_LEFT = 1e-10
_PROPORTIONAL = (
    "effects on exposure and outcome are proportional to ten digits: what is left tells no error"
)
_CHOSEN_BEFORE = (
    "all variants are stronger than those that the threshold would let in by chance: "
    "if weaker ones were left out before, their winner's curse stays (--instruments-p 0.001)"
)


@dataclass(frozen=True, slots=True)
class RerandomisedIvw(Method):
    r"""Debiased slope with effects on the exposure that do not know of their own selection.

    A variant is selected where :math:`|x_j / s_{xj} + Z_j| > \lambda` with noise
    :math:`Z_j \sim N(0, \eta^2)` and :math:`\lambda` the threshold of ``p``. Given that it is,

    .. math:: \tilde x_j = x_j - \frac{s_{xj}}{\eta} \frac{\phi(A_+) - \phi(A_-)}{P_j}, \quad
        A_\pm = -\frac{x_j}{s_{xj} \eta} \pm \frac{\lambda}{\eta}, \quad
        P_j = 1 - \Phi(A_+) + \Phi(A_-)

    is unbiased, with an unbiased estimate :math:`\tilde s_j^2` of its variance. Over all draws of
    the noise a variant is selected with probability :math:`P_j`, so that no seed is needed:

    .. math:: \hat\beta = \frac{\sum_j P_j w_j y_j \tilde x_j}
        {\sum_j P_j w_j (\tilde x_j^2 - \tilde s_j^2)}, \qquad
        \operatorname{se}^2 = \frac{\sum_j P_j^2 w_j^2 \{y_j \tilde x_j
        - \hat\beta(\tilde x_j^2 - \tilde s_j^2)\}^2}
        {\{\sum_j P_j w_j (\tilde x_j^2 - \tilde s_j^2)\}^2}

    with :math:`w_j = s_{yj}^{-2}`. Normal p value. ``details`` has ``selected``, the sum of the
    probabilities, and ``condition``, the denominator's mean strength times :math:`\sqrt m`.

    Source: Ma, Wang and Wu 2023, doi:10.1214/22-AOS2247, who draw the noise once.
    R: none among the field's packages at hand; the numbers are held against the formulas.

    Assumptions: pleiotropy, if any, balanced and not tied to the effects on the exposure; no sample
    overlap; variants pruned without regard to their p values.
    Limits: variants that were chosen at the threshold before are cursed already: give weaker ones
    as well, up to three ``noise`` below it. A message says where none is that weak. Errors are too
    small where few variants pass: see ``selected``.

    Parameters
    ----------
    p : threshold of selection.
    noise : standard deviation :math:`\eta` of the noise.

    Examples
    --------
    >>> import polars as pl
    >>> x = np.array([0.1, 0.2, 0.035, 0.15])
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": list("abcd")}),
    ...     beta_x=x[:, None], se_x=np.full((4, 1), 0.01),
    ...     beta_y=0.5 * x, se_y=np.full(4, 0.01),
    ... )
    >>> found = RerandomisedIvw().estimate(pair, random=np.random.default_rng())
    >>> round(found.estimate, 3), round(found.details["selected"], 2)
    (0.502, 3.0)
    """

    key: ClassVar[str] = "rivw"
    label: ClassVar[str] = "Rerandomised inverse variance weighted"
    reference: ClassVar[str] = "10.1214/22-AOS2247"
    aliases: ClassVar[tuple[str, ...]] = ("mr_rivw",)
    min_variants: ClassVar[int] = 3
    version: ClassVar[int] = 3

    p: float = 5e-8
    noise: float = 0.5

    def __post_init__(self) -> None:
        check_p_value("p", self.p)
        check_above_zero("noise", self.noise)
        if self.p == 1.0:
            raise UsageError("p is 1: a threshold below 1 is needed; divw selects nothing")

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the slope over all draws of the selection."""
        del random
        threshold = float(quantile_normal(1.0 - self.p / 2))
        z = data.x / data.sx
        chance, shift, shrink = _select(z, threshold, self.noise)
        if chance.sum() < 1.0:
            message = f"no variant is expected to pass the threshold of p {self.p:g}"
            return refuse(Status.not_identified, message, nsnp=data.m)
        effect = data.sx * (z - shift / self.noise)
        strength = effect**2 - data.sx**2 * (1.0 - shrink / self.noise**2)
        w = chance * data.se_y**-2.0
        whole = float(np.sum(w * strength))
        if not whole > 0.0:
            message = "no effect on the exposure is left once selection is allowed for"
            return refuse(Status.not_identified, message, nsnp=data.m)
        slope = float(np.sum(w * data.beta_y * effect)) / whole
        terms = w * data.beta_y * effect
        left = float(np.linalg.norm(terms - slope * w * strength))
        if not left > _LEAST_LEFT * float(np.linalg.norm(terms)):
            return refuse(Status.not_identified, _PROPORTIONAL, nsnp=data.m)
        se = left / whole
        details = {
            "selected": float(chance.sum()),
            "condition": float(np.sum(chance * strength / data.sx**2) / math.sqrt(data.m)),
        }
        found = conclude(slope, se, nsnp=data.m, details=details)
        weakest = float(np.abs(z).min())
        if weakest > threshold and weakest < threshold + _REACH:
            return replace(found, message=_CHOSEN_BEFORE)
        return found


def _select(z: F64, threshold: float, noise: float) -> tuple[F64, F64, F64]:
    r"""Return :math:`P`, what effects are corrected by, and their variances, times noise or square.

    A variant that is never selected has no weight, and nothing to correct.
    """
    above, below = (-z + threshold) / noise, (-z - threshold) / noise
    chance = special.ndtr(-above) + special.ndtr(below)
    at_above, at_below = (np.exp(-0.5 * a**2) / math.sqrt(2 * math.pi) for a in (above, below))
    shift, bend = (
        np.divide(moment, chance, out=np.zeros(z.size), where=chance > 0)
        for moment in (at_above - at_below, above * at_above - below * at_below)
    )
    return chance, shift, bend - shift**2
