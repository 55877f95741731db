r"""Fits with K points left out, repeated on effects drawn anew: what they average to, and whether
the errors of one fit are those that the draws show.

Source: Xue, Shen and Pan 2021, doi:10.1016/j.ajhg.2021.05.014 (MR-cML-DP and its goodness of fit).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, Bool
from proteomr.stats.line_likelihood import Points
from proteomr.stats.parametric_bootstrap import draw_effects
from proteomr.stats.trimmed_lines import TrimmedFits

__all__ = ["PerturbedFits", "Search", "compare_errors", "perturb_fits"]

Search = Callable[[Points, int], TrimmedFits]
"""Fits of some points for every K that may matter, and for K below a number whatever they cost."""

_WEIGHTLESS = 60.0  # of a criterion: a weight of exp(-30) = 1e-13 moves no average


@dataclass(frozen=True, slots=True, eq=False)
class PerturbedFits:
    """Fits of T sets of effects drawn anew, for K from 0.

    Parameters
    ----------
    slopes, se, criteria : (T, K); the criterion is -2 log likelihood and the price of K.
    left_out : sets that are not among these, as a fit that matters had no certificate.
    """

    slopes: F64
    se: F64
    criteria: F64
    left_out: int

    @property
    def weights(self) -> F64:
        """Weights (K,) of the numbers of points left out, by their mean criteria."""
        return _weigh(self.criteria.mean(axis=0))

    def average(self, *, every: bool) -> tuple[float, float]:
        r"""Return the slope and its standard error.

        With :math:`\theta_K` the mean and :math:`s_K` the standard deviation of the slopes of the
        sets: weighted means of :math:`\theta_K` and of :math:`\sqrt{s_K^2 + (\theta_K -
        \bar\theta)^2}`, or those of the K of least mean criterion.

        Parameters
        ----------
        every : over all K; otherwise the best.
        """
        means, spread = self.slopes.mean(axis=0), self.slopes.std(axis=0, ddof=1)
        weights = self.weights
        if not every:
            best = int(weights.argmax())
            return float(means[best]), float(spread[best])
        used = weights > 0.0
        slope = float(np.sum(weights[used] * means[used]))
        errors = np.sqrt(spread[used] ** 2 + (means[used] - slope) ** 2)
        return slope, float(np.sum(weights[used] * errors))


def perturb_fits(
    points: Points, search: Search, *, draws: int, price: float, random: Generator
) -> PerturbedFits:
    """Return fits of effects drawn anew, :math:`x^* = x + N(0, s_x^2)` and y likewise.

    Parameters
    ----------
    points : effects and standard errors.
    search : how a set is fitted.
    draws : sets.
    price : of a point left out, in units of -2 log likelihood.
    random : source of the normal deviates.
    """
    blocks = draw_effects((points.x, points.sx), (points.y, points.sy), draws=draws, random=random)
    sets = [
        Points(x, points.sx, y, points.sy) for xs, ys in blocks for x, y in zip(xs, ys, strict=True)
    ]
    fewest, most = 1, points.x.size - 1
    while True:
        fits = [search(one, fewest) for one in sets]
        count = min(fit.slopes.size for fit in fits)
        criteria = np.array([fit.criteria[:count] for fit in fits])
        if count >= most or count * price > criteria.mean(axis=0).min() + _WEIGHTLESS:
            break
        fewest = min(most, 2 * count)
    doubted = np.array([[doubt is not None for doubt in fit.doubts[:count]] for fit in fits])
    kept = _keep(criteria, doubted)
    return PerturbedFits(
        np.array([fit.slopes[:count] for fit in fits])[kept],
        np.array([fit.se[:count] for fit in fits])[kept],
        criteria[kept],
        int(np.count_nonzero(~kept)),
    )


def _weigh(means: F64) -> F64:
    weights = np.exp(-0.5 * (means - means.min()))
    weights = np.where(means - means.min() > _WEIGHTLESS, 0.0, weights)
    return np.asarray(weights / weights.sum())


def _keep(criteria: F64, doubted: Bool) -> Bool:
    """Mark the sets (T,) all of whose fits that matter have a certificate."""
    matters = _weigh(criteria.mean(axis=0)) > 0.0
    return np.asarray(~doubted[:, matters].any(axis=1))


def compare_errors(slopes: F64, se: F64, *, stated: float) -> tuple[float, float]:
    r"""Return two statistics, standard normal where a stated error is that of the draws.

    .. math::
        T_1 = \frac{s^2 - \hat\sigma^2}{\sqrt{\{m_4 - (T - 3) \hat\sigma^4 / (T - 1)\} / T + v}},
        \qquad T_2 = \frac{s^2 - \hat\sigma^2}{\sqrt{2 \hat\sigma^4 / (T - 1) + v}}

    with s the stated error, :math:`\hat\sigma^2` the variance and :math:`m_4` the fourth central
    moment of the slopes of T sets, and v the variance of their squared errors. A valid model, in
    which the choice of points is no source of error, has values near zero.

    Parameters
    ----------
    slopes, se : (T,) of one number of points left out.
    stated : s.

    Examples
    --------
    >>> slopes = np.random.default_rng(1).normal(0.0, 0.1, 400)
    >>> first, second = compare_errors(slopes, np.full(400, 0.1), stated=0.1)
    >>> abs(first) < 3, compare_errors(slopes, np.full(400, 0.1), stated=0.05)[1] < -5
    (True, True)
    """
    known = se[np.isfinite(se)]
    count = slopes.size
    if known.size < 2 or count < 4 or not math.isfinite(stated):
        return math.nan, math.nan
    variance = float(slopes.var(ddof=1))
    fourth = float(np.mean((slopes - slopes.mean()) ** 4))
    of_errors = float((known**2).var(ddof=1))
    by_moment = (fourth - (count - 3) / (count - 1) * variance**2) / count + of_errors
    by_normal = 2.0 / (count - 1) * variance**2 + of_errors
    apart = stated**2 - variance
    return (
        apart / math.sqrt(by_moment) if by_moment > 0.0 else math.nan,
        apart / math.sqrt(by_normal) if by_normal > 0.0 else math.nan,
    )
