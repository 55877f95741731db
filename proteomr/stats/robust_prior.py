"""The prior of residual variances where some proteins have variances that are not of its kind.

A few proteins of very large variance make the others' prior look weak, and are drawn towards it
without belonging to it. Here the prior is fitted to winsorised logarithms, and what is likely an
outlier has a prior with fewer degrees of freedom (Phipson et al. 2016, doi:10.1214/16-AOAS920).
Mirrors ``fitFDistRobustly`` of R's limma.
"""

from __future__ import annotations

import numpy as np
import scipy  # its optimisers are imported on use: other scans start sooner
from scipy import special

from proteomr._typing import F64
from proteomr.stats.empirical_bayes import Prior, fit_prior, lift_smallest
from proteomr.stats.f_tail import neg_log10_p_f
from proteomr.stats.local_lines import fit_local_lines

__all__ = ["fit_robust_prior"]

_TAILS = (0.05, 0.1)  # winsorised below and above: Phipson et al. 2016, section 4
_LEAST_SHARE = 1e-12  # of the median, as limma's
_SPAN = 0.4  # share of the variances in each local line of the trend: limma's loessFit(span = 0.4)
# nodes of the rule: limma's, far more than a smooth density needs
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(128)
_LOG10 = float(np.log(10.0))  # natural logarithms of a decade
_SAME_DF = 1e-14  # limma's: degrees of freedom that differ by less are the same
_UNDERFLOW = 1e-290  # probabilities below it are inverted in logarithms


def fit_robust_prior(variance: F64, df: F64, *, trend: F64 | None = None) -> Prior:
    """Fit a prior to variances of which some are outliers.

    Parameters
    ----------
    variance, df : ``(p,)``, residual variances and their degrees of freedom, above 0.
    trend : ``(p,)``, what the prior variance depends on, by a local line; None for one.

    Examples
    --------
    >>> s2 = np.concatenate([np.linspace(0.5, 1.5, 60), [90.0]])
    >>> prior = fit_robust_prior(s2, np.full(61, 20.0))
    >>> bool(prior.df[-1] < 0.1 * prior.df[0])
    True
    """
    p = variance.size
    plain = fit_prior(lift_smallest(variance, _LEAST_SHARE), df, trend=trend)
    if p <= 2 or max(_TAILS) < 1.0 / p:
        return plain
    x = lift_smallest(variance, _LEAST_SHARE)
    top = float(df.max())
    z = np.log(_raise_df(x, df, plain, top))
    centre = _follow_roughly(z, trend)
    winsorised = np.clip(z - centre, *np.quantile(z - centre, [_TAILS[0], 1.0 - _TAILS[1]]))
    mean, spread = float(winsorised.mean()), float(winsorised.var(ddof=1))

    def excess(share: float) -> float:
        d0 = np.inf if share == 1.0 else share / (1.0 - share)
        return float(np.log(spread / _winsorise_moments(top, d0)[1]))

    if excess(1.0) <= 0.0:
        return _judge_outliers(z, centre + mean, top, np.inf)
    if np.isinf(plain.df[0]):
        return plain
    low = float(plain.df[0] / (1.0 + plain.df[0]))
    d0 = float(plain.df[0])
    if excess(low) < 0.0:
        share = scipy.optimize.brentq(excess, low, 1.0, xtol=1e-15, rtol=1e-14)
        d0 = float(share / (1.0 - share))
    return _judge_outliers(z, centre + mean, top, d0)


def _raise_df(x: F64, df: F64, plain: Prior, top: float) -> F64:
    """Return variances on the largest degrees of freedom, with the tail probabilities they had."""
    out = x.copy()
    lower = np.flatnonzero(df < top - _SAME_DF)
    if lower.size:
        scale, d0 = plain.variance[lower], float(plain.df[0])
        out[lower] = scale * _move_quantiles(x[lower] / scale, df[lower], top, d0)
    return out


def _move_quantiles(f: F64, df1: F64, top: float, df2: float) -> F64:
    """Return F statistics on ``(top, df2)`` that are as likely as these on ``(df1, df2)``.

    One whose probability is below the smallest double stays: it is an outlier on either.
    """
    upper, lower = _tails(f, df1, df2)
    is_upper = upper < lower
    p = np.where(is_upper, upper, lower)
    a, b = top / 2.0, df2 / 2.0
    if np.isinf(df2):
        q = np.where(is_upper, special.gammainccinv(a, p), special.gammaincinv(a, p)) / a
    else:
        # x = a f / (a f + b) is beta distributed, 1 - x as well: of both the smaller has the digits
        x = np.where(is_upper, special.betainccinv(a, b, p), special.betaincinv(a, b, p))
        rest = np.where(is_upper, special.betaincinv(b, a, p), special.betainccinv(b, a, p))
        q = (b / a) * x / rest
    sound = (p > _UNDERFLOW) & np.isfinite(q) & (q > 0.0)
    return np.where(sound, q, f)


def _tails(f: F64, df1: F64, df2: float) -> tuple[F64, F64]:
    """Return the upper and the lower tail probabilities of F statistics."""
    a, b = df1 / 2.0, df2 / 2.0
    if np.isinf(df2):
        return special.gammaincc(a, a * f), special.gammainc(a, a * f)
    odds = a * f / b
    x, rest = odds / (1.0 + odds), 1.0 / (1.0 + odds)
    upper = np.where(odds < 1.0, special.betaincc(a, b, x), special.betainc(b, a, rest))
    lower = np.where(odds < 1.0, special.betainc(a, b, x), special.betaincc(b, a, rest))
    return np.asarray(upper), np.asarray(lower)


def _follow_roughly(z: F64, trend: F64 | None) -> F64:
    """Return a trimmed mean of the logarithms, or their local line over what they follow."""
    if trend is None:
        cut = int(z.size * _TAILS[1])
        return np.full(z.size, np.sort(z)[cut : z.size - cut].mean())
    delta = 0.01 * float(np.ptp(trend))  # limma's: neighbours closer than that are interpolated
    return fit_local_lines(trend, z, span=_SPAN, delta=delta)


def _winsorise_moments(df1: float, df2: float) -> tuple[float, float]:
    """Return mean and variance of the logarithm of F, winsorised.

    By Gauss-Legendre's rule in ``f / (1 + f)``, where the density has no tail.
    """
    a, b = df1 / 2.0, df2 / 2.0
    p = np.array([_TAILS[0], 1.0 - _TAILS[1]])
    if np.isinf(df2):
        ends = special.gammaincinv(a, p) / a
    else:
        x = special.betaincinv(a, b, p)
        ends = (b / a) * x / (1.0 - x)
    low, high = ends / (1.0 + ends)
    nodes = low + (high - low) * (_NODES + 1.0) / 2.0
    f = nodes / (1.0 - nodes)
    share = (high - low) * _WEIGHTS / 2.0 * _density(f, a, b) / (1.0 - nodes) ** 2
    at_ends = np.log(ends)
    mean = float(share @ np.log(f) + at_ends @ _TAILS)
    return mean, float(share @ (np.log(f) - mean) ** 2 + (at_ends - mean) ** 2 @ _TAILS)


def _density(f: F64, a: float, b: float) -> F64:
    """Return the density of F with ``2 a`` and ``2 b`` degrees of freedom, of the latter maybe
    infinite ones.
    """
    if np.isinf(b):
        return np.asarray(a * np.exp((a - 1.0) * np.log(a * f) - a * f - special.gammaln(a)))
    odds = a * f / b
    logarithm = a * np.log(a / b) + (a - 1.0) * np.log(f) - (a + b) * np.log1p(odds)
    return np.asarray(np.exp(logarithm - special.betaln(a, b)))


def _judge_outliers(z: F64, centre: F64, df1: float, d0: float) -> Prior:
    """Return the prior of each variance, with fewer degrees of freedom for likely outliers.

    Parameters
    ----------
    z : ``(p,)``, logarithms of variances on ``df1`` degrees of freedom.
    centre : ``(p,)``, what of them is winsorised has its mean there.
    """
    p = z.size
    centre = centre - _winsorise_moments(df1, d0)[0]
    f = np.exp(z - centre)
    log_tail = -_LOG10 * neg_log10_p_f(f, df1, d0)
    log_empirical = np.log((p - _rank(f) + 0.5) / p)
    log_sound = np.minimum(log_tail - log_empirical, 0.0)
    df = np.full(p, d0)
    if np.any(log_sound < 0.0):
        order = np.argsort(log_tail, kind="stable")
        sound = np.exp(log_sound)
        if np.isinf(d0):
            df = np.where(log_sound < 0.0, sound * p * df1, np.inf)
            df[order] = np.maximum.accumulate(df[order])
        else:
            least = _find_least_df(float(f.max()), float(log_tail.min()), df1, d0)
            df = sound * d0 - np.expm1(log_sound) * least
            df[order] = _make_monotone(df[order])
    return Prior(np.exp(centre), df)


def _find_least_df(f: float, log_tail: float, df1: float, d0: float) -> float:
    """Return the degrees of freedom under which the largest F would be a median.

    The logarithm of the tail is almost a line in them, so that two steps do.
    """
    if not np.isfinite(log_tail):
        return 0.0
    least = np.log(0.5) / log_tail * d0
    again = -_LOG10 * float(neg_log10_p_f(f, df1, least))
    return float(np.log(0.5) / again * least)


def _make_monotone(df: F64) -> F64:
    """Return degrees of freedom that never fall from the likeliest outlier on."""
    means = np.cumsum(df) / np.arange(1, df.size + 1)
    first = int(np.argmin(means))
    out = df.copy()
    out[: first + 1] = means[first]
    return np.maximum.accumulate(out)


def _rank(values: F64) -> F64:
    """Return ranks from 1 on, the average of those that ties share."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[inverse])
