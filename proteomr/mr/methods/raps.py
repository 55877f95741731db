"""Robust adjusted profile score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator

from proteomr.mr.methods.base import Estimate, conclude, refuse
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.units import Powers
from proteomr.stats.line_likelihood import Points
from proteomr.stats.profile_score import (
    Loss,
    LossConstants,
    Moments,
    ScoreFit,
    influence,
    loss_constants,
    name_doubt,
    solve_profile_score,
)
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["RobustAdjustedProfileScore"]


@dataclass(frozen=True, slots=True)
class RobustAdjustedProfileScore(Method):
    r"""Slope through effects that both carry errors, weak and invalid variants allowed for.

    .. math::
        x_j \sim N(\gamma_j, s_{xj}^2), \qquad
        y_j \sim N(\beta\gamma_j + \alpha_j, s_{yj}^2), \qquad \alpha_j \sim N(0, \tau^2)
        \text{ but for a few}

    :math:`\beta` and :math:`\tau^2` solve the scores of
    :func:`proteomr.stats.profile_score.solve_profile_score`; the standard error is the sandwich
    of these scores. Normal p value. ``details`` has ``tau2``, its standard error ``tau2_se``, and
    ``roots``, the number of solutions seen; of several the one with the least loss is taken, so
    that the result does not depend on random starts.

    Source: Zhao, Wang, Hemani, Bowden and Small 2020, doi:10.1214/19-AOS1866; Zhao, Chen, Wang and
    Small 2019, doi:10.1093/ije/dyz142. R: ``TwoSampleMR::mr_raps`` 0.7.9, that is
    ``mr.raps::mr.raps.shrinkage(shrinkage = FALSE)`` 0.4.2; with ``variance = "profile"`` and no
    over-dispersion ``mr.raps::mr.raps.mle``.

    Assumptions: most pleiotropy balanced and normal; no sample overlap; variants chosen in other
    data.
    Limits: the scores may have several roots, far apart with a redescending loss.

    Parameters
    ----------
    loss : ``huber``, ``tukey`` or ``l2``.
    over_dispersion : whether :math:`\tau^2` is estimated, else 0.
    variance : of the scores: ``adjusted`` as in TwoSampleMR, or ``profile`` as in the first paper,
        which is for no over-dispersion alone.
    moments : of the loss: ``integrate`` to the six digits that R's packages have, so that results
        agree with theirs; ``exact`` to all.

    Examples
    --------
    >>> import polars as pl
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": list("abcd")}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3], [0.2]]), se_x=np.full((4, 1), 0.01),
    ...     beta_y=np.array([0.05, 0.1, 0.15, 0.11]), se_y=np.full(4, 0.01),
    ... )
    >>> fit = RobustAdjustedProfileScore().estimate(pair, random=np.random.default_rng())
    >>> round(fit.estimate, 2)
    0.51
    """

    key: ClassVar[str] = "raps"
    label: ClassVar[str] = "Robust adjusted profile score (RAPS)"
    reference: ClassVar[str] = "10.1214/19-AOS1866"
    aliases: ClassVar[tuple[str, ...]] = ("mr_raps",)
    min_variants: ClassVar[int] = 3
    powers: ClassVar[Powers] = {"tau2": (2, 0), "tau2_se": (2, 0)}

    loss: Loss = "huber"
    over_dispersion: bool = True
    variance: Literal["adjusted", "profile"] = "adjusted"
    moments: Moments = "integrate"

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the root of the scores, with its sandwich standard error."""
        del random
        if self.variance == "profile" and self.over_dispersion:
            message = "the profile variance is for no over-dispersion: set over_dispersion to False"
            return refuse(Status.not_identified, message, nsnp=data.m)
        points = Points(data.x, data.sx, data.beta_y, data.se_y)
        moments = loss_constants(self.loss, moments=self.moments)
        fit = solve_profile_score(
            points, loss=self.loss, over_dispersion=self.over_dispersion, constants=moments
        )
        if fit is None:
            message = "the profile score has no root"
            return refuse(Status.not_converged, message, nsnp=data.m)
        if self.variance == "profile":
            variances = (profile_variance(points, fit, moments), math.nan)
        else:
            variances = adjusted_variances(points, fit, self.loss, moments)
        if not variances[0] > 0.0:
            message = "the variance of the slope is not above zero"
            return refuse(Status.not_identified, message, nsnp=data.m)
        se = math.sqrt(variances[0])
        doubt = name_doubt(
            points,
            fit,
            se,
            loss=self.loss,
            over_dispersion=self.over_dispersion,
            constants=moments,
        )
        if doubt is not None:
            return refuse(Status.not_converged, doubt, nsnp=data.m)
        details = {"tau2": fit.tau2, "roots": float(fit.roots)}
        if self.over_dispersion:
            details["tau2_se"] = math.sqrt(variances[1])
        return conclude(fit.slope, se, nsnp=data.m, details=details)


def profile_variance(points: Points, fit: ScoreFit, moments: LossConstants) -> float:
    """Return the variance of the slope without over-dispersion (theorem 5.2 of the first paper).

    Parameters
    ----------
    points, fit, moments : effects, the root of the scores, and moments of the loss.
    """
    x2, y2, sx2, sy2 = points.x**2, points.y**2, points.sx**2, points.sy**2
    v = sy2 + fit.slope**2 * sx2
    slope = float(np.sum(((x2 - sx2) * sy2 + (y2 - sy2) * sx2) / v**2))
    spread = slope + float(np.sum(sx2 * sy2 / v**2))
    return moments.c1 * spread / (moments.delta * slope) ** 2


def adjusted_variances(
    points: Points, fit: ScoreFit, loss: Loss, moments: LossConstants
) -> tuple[float, float]:
    """Return the sandwich variances of the slope and of the extra variance.

    The derivative of g is that of its numerator, as in R's mr.raps; the difference has mean zero.

    Parameters
    ----------
    points, fit, loss, moments : effects, the root of the scores, the loss and its moments.
    """
    x, y, sx2 = points.x, points.y, points.sx**2
    sy2 = points.sy**2 + fit.tau2
    v = sy2 + fit.slope**2 * sx2
    psi = influence((y - fit.slope * x) / np.sqrt(v), loss)
    g = (x * sy2 + fit.slope * y * sx2) / v
    pull = psi * sx2 * y / v**1.5
    by_slope = float(np.sum(pull)) - moments.delta * float(np.sum(g * x / v))
    spread = moments.c1 * float(np.sum(g**2 / v))
    if fit.tau2 == 0.0:
        weight = float(np.sum(v**-2.0))
        return spread / by_slope**2, 4.0 * moments.c2 / (moments.delta + moments.c3) ** 2 / weight
    across = -fit.slope * float(np.sum(pull / sy2))
    by_extra = -0.5 * (moments.delta + moments.c3) * float(np.sum(v**-2.0))
    of_extra = moments.c2 * float(np.sum(v**-2.0)) / by_extra**2
    return (spread + across**2 * of_extra) / by_slope**2, of_extra
