r"""Empirical Bayes for residual variances: each is drawn towards a prior that all of them teach.

Residual variances ``s2_g`` on ``d_g`` degrees of freedom are taken for
``s2_g ~ s0^2 F(d_g, d0)``, that is, the variances behind them for scaled inverse chi-squared with
prior variance ``s0^2`` and ``d0`` degrees of freedom (Smyth 2004, doi:10.2202/1544-6115.1027). What
is known of a variance is then

.. math:: \tilde s_g^2 = \frac{d_0 s_0^2 + d_g s_g^2}{d_0 + d_g}, \qquad d_0 + d_g

degrees of freedom, no more than those of all residuals together. Mirrors ``squeezeVar`` and
``eBayes`` of R's limma; the robust prior stands in :mod:`proteomr.stats.robust_prior`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from proteomr._typing import F64

__all__ = ["Prior", "Squeezed", "fit_prior", "invert_trigamma", "squeeze_variances"]

# Variances below this share of the median are set to it: the logarithm of one that rounding made
# would teach the prior (limma).
_LEAST_SHARE = 1e-5
# A trend has 2 degrees of freedom from 3 variances on, 3 from 6, 4 from 30 (limma).
_TREND_FROM = (3, 6, 30)
_SETTLED = 1e-14  # relative step of Newton's method, which converges quadratically
_STEPS = 50  # far more than the handful that it takes


@dataclass(frozen=True, slots=True)
class Prior:
    """What all variances say of each ``(p,)``: its prior variance, and the degrees of freedom.

    Those are infinite where the variances differ by no more than chance.
    """

    variance: F64
    df: F64


@dataclass(frozen=True, slots=True)
class Squeezed:
    """Variances with their prior ``(p,)``.

    Attributes
    ----------
    prior : that of each.
    variance : the posterior ones.
    df : degrees of freedom of a statistic of each.
    """

    prior: Prior
    variance: F64
    df: F64


def squeeze_variances(variance: F64, df: F64, prior: Prior) -> Squeezed:
    """Return the posterior variances and their degrees of freedom under a prior.

    Parameters
    ----------
    variance, df : ``(p,)``, residual variances and their degrees of freedom, above 0.

    Examples
    --------
    >>> s2, df = np.array([0.5, 1.0, 2.0, 4.0]), np.full(4, 3.0)
    >>> squeezed = squeeze_variances(s2, df, fit_prior(s2, df))
    >>> squeezed.prior.df.round(2).tolist(), squeezed.variance.round(4).tolist()
    ([inf, inf, inf, inf], [1.875, 1.875, 1.875, 1.875])
    """
    known = np.isfinite(prior.df)
    d0 = np.where(known, prior.df, 0.0)
    shrunk = (df * variance + d0 * prior.variance) / (df + d0)
    posterior = np.where(known, shrunk, prior.variance)
    return Squeezed(prior, posterior, np.minimum(df + prior.df, df.sum()))


def fit_prior(variance: F64, df: F64, *, trend: F64 | None = None) -> Prior:
    """Fit a prior to variances by the moments of their logarithms.

    Parameters
    ----------
    variance, df : ``(p,)``.
    trend : ``(p,)``, what the prior variance depends on, by a natural spline of up to four degrees
        of freedom; None for one prior variance.

    Examples
    --------
    >>> prior = fit_prior(np.array([0.1, 1.0, 2.0, 40.0]), np.full(4, 30.0))
    >>> float(prior.variance[0].round(4)), float(prior.df[0].round(4))
    (0.4064, 0.8899)
    """
    p = variance.size
    if p == 1:
        return Prior(variance.copy(), np.zeros(1))
    rank = 1 if trend is None else _count_trend(trend)
    if rank < 2:
        trend = None
    x = lift_smallest(variance, _LEAST_SHARE)
    half = df / 2.0
    e = np.log(x) - special.digamma(half) + np.log(half)
    if trend is None:
        mean = np.full(p, e.mean())
        spread = float(np.sum((e - mean) ** 2)) / (p - 1)
    else:
        mean, rank = _follow(trend, e, rank)
        spread = float(np.sum((e - mean) ** 2)) / (p - rank)
    spread -= float(np.mean(special.polygamma(1, half)))
    if spread > 0.0:
        half0 = invert_trigamma(spread)
        return Prior(np.exp(mean + special.digamma(half0) - np.log(half0)), np.full(p, 2.0 * half0))
    pooled = np.full(p, x.mean()) if trend is None else np.exp(mean)
    return Prior(pooled, np.full(p, np.inf))


def lift_smallest(variance: F64, share: float) -> F64:
    """Return variances none of which is below a share of their median."""
    middle = float(np.median(variance))
    return np.maximum(variance, share * (middle if middle > 0.0 else 1.0))


def invert_trigamma(x: float) -> float:
    """Return where the trigamma function is x, above 0.

    By Newton's method on its reciprocal, which is convex and almost a line (Smyth 2004, appendix).

    Examples
    --------
    >>> round(invert_trigamma(float(special.polygamma(1, 3.5))), 12)
    3.5
    """
    if x > 1e7:  # 1 / y^2 + 1.64: the square root has all digits
        return float(1.0 / np.sqrt(x))
    if x < 1e-6:
        return 1.0 / x
    y = 0.5 + 1.0 / x
    for _ in range(_STEPS):
        value = float(special.polygamma(1, y))
        step = value * (1.0 - value / x) / float(special.polygamma(2, y))
        y += step
        if abs(step) <= _SETTLED * y:
            break
    return y


def _count_trend(trend: F64) -> int:
    """Return the degrees of freedom of a trend."""
    most = 1 + sum(trend.size >= least for least in _TREND_FROM)
    return int(min(most, np.unique(trend).size))


def _follow(x: F64, e: F64, rank: int) -> tuple[F64, int]:
    """Return the fit of a natural cubic spline ``(p,)`` and its rank."""
    basis = _lay_out_spline(x, rank)
    coefficients, _, found, _ = np.linalg.lstsq(basis, e, rcond=None)
    return np.asarray(basis @ coefficients), int(found)


def _lay_out_spline(x: F64, rank: int) -> F64:
    """Return natural cubic splines with knots at quantiles ``(p, rank)``.

    Hastie, Tibshirani and Friedman 2009, The Elements of Statistical Learning, eq. 5.4 and 5.5.
    """
    unit = (x - x.min()) / (x.max() - x.min())
    knots = np.quantile(unit, np.linspace(0.0, 1.0, rank))
    knots[0], knots[-1] = 0.0, 1.0

    def bend(k: int) -> F64:
        cubes = np.maximum(unit - knots[k], 0.0) ** 3 - np.maximum(unit - 1.0, 0.0) ** 3
        return np.asarray(cubes / (1.0 - knots[k]))

    bends = [bend(k) - bend(rank - 2) for k in range(rank - 2)]
    return np.column_stack([np.ones(x.size), unit, *bends])
