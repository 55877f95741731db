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
from proteomr.stats.effect_prior import EffectPrior, fit_prior
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

    With ``shrinkage``, :math:`\gamma_j / s_{xj}` has a prior of two normal components centred at
    zero, which is fitted to :math:`x_j / s_{xj}`, and the estimate of :math:`\gamma_j` in the score
    of the slope is its posterior mean: variants that are nearly noise weigh less. The score keeps
    its mean of zero whatever the prior.

    Source: Zhao, Wang, Hemani, Bowden and Small 2020, doi:10.1214/19-AOS1866; Zhao, Chen, Wang and
    Small 2019, doi:10.1093/ije/dyz142. R: ``TwoSampleMR::mr_raps`` 0.7.9, that is
    ``mr.raps::mr.raps.shrinkage`` 0.4.2; with ``variance = "profile"`` and no
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
    shrinkage : whether variants are weighed by posterior means (empirical partially Bayes).
    prior : of the true z statistics on the exposure; None for that of the data.
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
    shrinkage: bool = False
    prior: EffectPrior | None = None

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the root of the scores, with its sandwich standard error."""
        del random
        if self.variance == "profile" and (self.over_dispersion or self.shrinkage):
            message = (
                "the profile variance is for no over-dispersion and no shrinkage: set both to False"
            )
            return refuse(Status.not_identified, message, nsnp=data.m)
        points = Points(data.x, data.sx, data.beta_y, data.se_y)
        moments = loss_constants(self.loss, moments=self.moments)
        prior = (self.prior or fit_prior(data.x / data.sx)) if self.shrinkage else None
        fit = solve_profile_score(
            points,
            loss=self.loss,
            over_dispersion=self.over_dispersion,
            constants=moments,
            prior=prior,
        )
        if fit is None:
            message = "the profile score has no root"
            return refuse(Status.not_converged, message, nsnp=data.m)
        if self.variance == "profile":
            variances = (profile_variance(points, fit, moments), math.nan)
        else:
            variances = adjusted_variances(points, fit, self.loss, moments, prior)
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
            prior=prior,
        )
        if doubt is not None:
            return refuse(Status.not_converged, doubt, nsnp=data.m)
        details = {"tau2": fit.tau2, "roots": float(fit.roots)}
        if self.over_dispersion:
            details["tau2_se"] = math.sqrt(variances[1])
        if prior is not None:
            details |= {
                "prior_share": prior.share,
                "prior_narrow": prior.narrow,
                "prior_wide": prior.wide,
            }
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
    points: Points,
    fit: ScoreFit,
    loss: Loss,
    moments: LossConstants,
    prior: EffectPrior | None = None,
) -> tuple[float, float]:
    """Return the sandwich variances of the slope and of the extra variance.

    The derivative of g is that of its numerator, as in R's mr.raps; the difference has mean zero.

    Parameters
    ----------
    points, fit, loss, moments : effects, the root of the scores, the loss and its moments.
    prior : that g is shrunk by.
    """
    x, y, sx2 = points.x, points.y, points.sx**2
    sy2 = points.sy**2 + fit.tau2
    v = sy2 + fit.slope**2 * sx2
    psi = influence((y - fit.slope * x) / np.sqrt(v), loss)
    g = (x * sy2 + fit.slope * y * sx2) / v
    pull = psi * sx2 * y / v**1.5
    if prior is not None:
        mean, slope = prior.shrink(g / points.sx, np.sqrt(sy2 / v))
        g, pull = mean * points.sx, pull * slope
    by_slope = float(np.sum(pull)) - moments.delta * float(np.sum(g * x / v))
    spread = moments.c1 * float(np.sum(g**2 / v))
    if fit.tau2 == 0.0:
        weight = float(np.sum(v**-2.0))
        return spread / by_slope**2, 4.0 * moments.c2 / (moments.delta + moments.c3) ** 2 / weight
    across = -fit.slope * float(np.sum(pull / sy2))
    by_extra = -0.5 * (moments.delta + moments.c3) * float(np.sum(v**-2.0))
    of_extra = moments.c2 * float(np.sum(v**-2.0)) / by_extra**2
    return (spread + across**2 * of_extra) / by_slope**2, of_extra
