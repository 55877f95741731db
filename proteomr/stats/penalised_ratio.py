r"""A ratio of sums whose denominator is kept from zero by a penalty, and Fieller's set for it.

Letters follow Xu, Wang, Fung and Liu 2023, doi:10.1111/biom.13732: with weights
:math:`w_j = s_{yj}^{-2}`, :math:`\mu_1` estimates :math:`\sum w_j \gamma_j \Gamma_j` and
:math:`\mu_2` :math:`\sum w_j \gamma_j^2`, the true effects on the exposure and the outcome; v1, v2
and v12 are their variances and covariance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64
from proteomr.stats.line_likelihood import Points
from proteomr.stats.parametric_bootstrap import draw_effects

__all__ = ["RatioMoments", "draw_statistics", "measure_ratio", "rank_for_level", "solve_fieller"]

_ROUNDS = 20  # of draws anew for those without a statistic; each leaves at most a share of them


@dataclass(frozen=True, slots=True, eq=False)
class RatioMoments:
    """Numerator and denominator of a penalised ratio with their variances, of any shape.

    Parameters
    ----------
    mu1, mu2 : with the penalty.
    v1, v12, v2 : variance of the numerator, covariance, variance of the denominator.
    """

    mu1: F64
    mu2: F64
    v1: F64
    v12: F64
    v2: F64

    def measure(self, slope: float) -> F64:
        r"""Return Fieller's statistic :math:`(\mu_1 - \beta\mu_2)^2 / (v_1 - 2\beta v_{12} +
        \beta^2 v_2)`; NaN where its variance is not above zero.

        Parameters
        ----------
        slope : beta.
        """
        variance = self.v1 - 2.0 * slope * self.v12 + slope**2 * self.v2
        squared = (self.mu1 - slope * self.mu2) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(variance > 0.0, squared / variance, np.nan))


def measure_ratio(points: Points, *, penalty: float, tau2: float = 0.0) -> RatioMoments:
    r"""Return the moments of the penalised ratio; NaN where its penalty has no root.

    .. math::
        \mu_2^* = \frac{\mu_2}{2} + \operatorname{sign}(\mu_2)
            \sqrt{\frac{\mu_2^2}{4} + \lambda v_2}, \qquad
        \mu_1^* = \mu_1 + \frac{v_{12}}{v_2} (\mu_2^* - \mu_2)

    and, with :math:`\omega = \mu_2^* / (2\mu_2^* - \mu_2)`, the covariance
    :math:`\omega v_{12}` and the variance :math:`\omega^2 v_2`.

    Parameters
    ----------
    points : effects (..., m), errors (m,).
    penalty : lambda.
    tau2 : variance of balanced pleiotropy.

    Examples
    --------
    >>> ones = np.ones(4)
    >>> found = measure_ratio(Points(2.0 * ones, 0.1 * ones, ones, 0.1 * ones), penalty=1.0)
    >>> round(float(found.mu1 / found.mu2), 3)
    0.501
    """
    x, y, sx2 = points.x, points.y, points.sx**2
    w = points.sy**-2.0
    excess = x**2 - sx2
    mu1, mu2 = np.sum(w * x * y, axis=-1), np.sum(w * excess, axis=-1)
    v1 = np.sum(w**2 * (x**2 * y**2 - (y**2 - points.sy**2 - tau2) * excess), axis=-1)
    v2 = np.sum(w**2 * (4.0 * excess * sx2 + 2.0 * sx2**2), axis=-1)
    v12 = np.sum(2.0 * w**2 * x * y * sx2, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        strength = mu2 / 2.0 + np.sign(mu2) * np.sqrt(mu2**2 / 4.0 + penalty * v2)
        corrected = mu1 + v12 / v2 * (strength - mu2)
        share = strength / (2.0 * strength - mu2)
    return RatioMoments(corrected, strength, v1, share * v12, share**2 * v2)


def draw_statistics(
    points: Points, slope: float, *, penalty: float, tau2: float, draws: int, random: Generator
) -> F64 | None:
    r"""Return draws of Fieller's statistic at the true slope, sorted; None where most have none.

    Effects are drawn anew, :math:`x^* \sim N(x, s_x^2)` and
    :math:`y^* \sim N(\beta x, s_y^2 + \tau^2)`; a draw whose statistic has no variance above zero
    is replaced.

    Parameters
    ----------
    points : effects and standard errors (m,).
    slope, tau2 : taken for true.
    penalty : lambda.
    draws : statistics wanted.
    random : source of the normal deviates.
    """
    exposure = (points.x, points.sx)
    outcome = (slope * points.x, np.sqrt(points.sy**2 + tau2))
    parts: list[F64] = []
    missing = draws
    for _ in range(_ROUNDS):
        for x, y in draw_effects(exposure, outcome, draws=missing, random=random):
            drawn = measure_ratio(Points(x, points.sx, y, points.sy), penalty=penalty, tau2=tau2)
            statistics = drawn.measure(slope)
            parts.append(statistics[np.isfinite(statistics)])
        missing = draws - sum(part.size for part in parts)
        if not missing:
            return np.sort(np.concatenate(parts))
        if missing > draws // 2:
            break
    return None


def rank_for_level(draws: int) -> int:
    """Return the rank from below whose draw bounds a 95 % set; above `draws` where none does.

    The set so bounded holds a value just where (c + 1) / (draws + 1), with c the draws that are
    not below its statistic, is above 0.05.

    Examples
    --------
    >>> rank_for_level(999), rank_for_level(10)
    (950, 11)
    """
    return draws + 1 - (draws + 1) // 20


def solve_fieller(moments: RatioMoments, bound: float) -> tuple[tuple[float, float], ...]:
    r"""Return the slopes whose statistic is no more than a bound, from low to high.

    The roots of :math:`(\mu_2^2 - c v_2)\beta^2 + 2 (c v_{12} - \mu_1\mu_2)\beta + \mu_1^2 - c v_1
    = 0` end one interval where the denominator differs from zero at the bound, else two rays or the
    whole line.

    Parameters
    ----------
    moments : of one ratio, whose own slope has a variance above zero.
    bound : c.

    Examples
    --------
    >>> sharp = RatioMoments(*map(np.array, (1.0, 2.0, 0.01, 0.0, 0.01)))
    >>> [(round(low, 3), round(high, 3)) for low, high in solve_fieller(sharp, 3.84)]
    [(0.395, 0.615)]
    >>> blunt = RatioMoments(*map(np.array, (1.0, 0.1, 0.01, 0.0, 0.1)))
    >>> [(round(low, 3), round(high, 3)) for low, high in solve_fieller(blunt, 3.84)]
    [(-inf, -1.893), (1.358, inf)]
    """
    mu1, mu2 = float(moments.mu1), float(moments.mu2)
    v1, v12, v2 = float(moments.v1), float(moments.v12), float(moments.v2)
    a, half, c = mu2**2 - bound * v2, bound * v12 - mu1 * mu2, mu1**2 - bound * v1
    under = half**2 - a * c
    if a == 0.0:
        end = -c / (2.0 * half) if half else math.nan
        if math.isnan(end):
            return ((-math.inf, math.inf),)
        return ((end, math.inf),) if half < 0 else ((-math.inf, end),)
    if under <= 0.0:
        return ((-math.inf, math.inf),) if a < 0 else ()
    far = -half - math.copysign(math.sqrt(under), half)  # without cancellation
    roots = sorted((far / a, c / far if far else 0.0))
    if a > 0:
        return ((roots[0], roots[1]),)
    return ((-math.inf, roots[0]), (roots[1], math.inf))
