"""The upper tail of F as -log10 p, which does not underflow."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from proteomr._typing import F64
from proteomr.stats.distributions import neg_log10_p_chi2

__all__ = ["neg_log10_p_f"]

_LOG10 = math.log(10.0)  # natural logarithms of a decade
_SLOW = 1e-3  # of the first ratio of terms from 1: some 36,000 terms
_MOST = 20_000  # steps of the fraction, which takes tens where p is as small as here
_SETTLED = 1e-14  # of a sum whose logarithm is added to hundreds
_FAR = 1e-200  # probabilities below it come from the series, in logarithms


def neg_log10_p_f(f: ArrayLike, df1: ArrayLike, df2: ArrayLike) -> F64:
    r"""Upper-tail -log10 p of an F statistic.

    .. math:: p = I_x(\nu_2 / 2, \nu_1 / 2), \qquad x = \nu_2 / (\nu_2 + \nu_1 f)

    with the regularised incomplete beta function; where p is below 1e-200, the logarithm of its
    series (DLMF 8.17.8), whose terms are all positive.
    R: ``-pf(f, df1, df2, lower.tail = FALSE, log.p = TRUE) / log(10)``.

    Parameters
    ----------
    f : statistics; zero or below gives p = 1.
    df1, df2 : degrees of freedom, positive; infinite df2 gives chi-squared over df1. Others, and
        NaN, give NaN.

    Examples
    --------
    >>> neg_log10_p_f([4.0, 5000.0], [1.0, 2.0], [60.0, 400.0]).round(5).tolist()
    [1.30074, 282.99467]
    """
    statistic, nu1, nu2 = np.broadcast_arrays(
        *(np.asarray(part, np.float64) for part in (f, df1, df2))
    )
    out = np.full(statistic.shape, np.nan)
    valid = (nu1 > 0) & (nu2 > 0) & np.isfinite(nu1) & ~np.isnan(statistic)
    out[valid & (statistic <= 0)] = 0.0
    out[valid & np.isposinf(statistic)] = np.inf
    usual = valid & (statistic > 0) & np.isfinite(statistic)
    endless = usual & np.isinf(nu2)
    out[endless] = neg_log10_p_chi2(statistic[endless] * nu1[endless], nu1[endless])
    usual &= ~endless
    out[usual] = _neg_log_p(statistic[usual], nu1[usual], nu2[usual]) / _LOG10
    return out


def _neg_log_p(f: F64, nu1: F64, nu2: F64) -> F64:
    """-log p for finite f > 0 and finite degrees of freedom."""
    a, b = nu2 / 2.0, nu1 / 2.0
    odds = f * nu1 / nu2
    # of x and 1 - x only the smaller carries all its digits
    inner = special.betaincc(b, a, odds / (1.0 + odds))
    p = np.where(odds < 1.0, inner, special.betainc(a, b, 1.0 / (1.0 + odds)))
    far, near_one = p < _FAR, p > 0.5
    out = -np.log(np.where(far, 1.0, p))
    # near 1 the complement has the digits
    rest = special.betainc(b[near_one], a[near_one], (odds / (1.0 + odds))[near_one])
    out[near_one] = -np.log1p(-rest)
    log_x = -np.log1p(odds[far])
    start = a[far] * log_x + b[far] * (np.log(odds[far]) + log_x)
    start -= np.log(a[far]) + special.betaln(a[far], b[far])
    out[far] = -(start + np.log(_sum(a[far], b[far], np.exp(log_x))))
    return out


def _sum(a: F64, b: F64, x: F64) -> F64:
    """Sum ``(a + b)_k x^k / (a + 1)_k`` over k from 0, by a continued fraction where that is slow.

    The ratio of terms begins at ``x (a + b) / (a + 1)``: where it is near 1, as for millions of
    degrees of freedom, the sum would take as many terms.
    """
    slow = 1.0 - x * (a + b) / (a + 1.0) < _SLOW
    out = np.empty_like(x)
    out[~slow] = _sum_series(a[~slow], b[~slow], x[~slow])
    out[slow] = _sum_fraction(a[slow], b[slow], x[slow])
    return out


def _sum_fraction(a: F64, b: F64, x: F64) -> F64:
    """Return the same by the continued fraction of DLMF 8.17.22, evaluated by Lentz's steps."""
    tiny = np.finfo(np.float64).tiny
    d = 1.0 / _away(1.0 - (a + b) * x / (a + 1.0), tiny)
    c, value = np.ones_like(x), d.copy()
    for m in range(1, _MOST):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for step in (even, odd):
            d = 1.0 / _away(1.0 + step * d, tiny)
            c = _away(1.0 + step / c, tiny)
            value = value * d * c
        if np.all(np.abs(d * c - 1.0) <= _SETTLED):
            break
    return value


def _away(x: F64, tiny: float) -> F64:
    return np.where(np.abs(x) < tiny, tiny, x)


def _sum_series(a: F64, b: F64, x: F64) -> F64:
    """Sum ``(a + b)_k x^k / (a + 1)_k`` over k from 0, until terms are below rounding."""
    total = np.ones_like(x)
    term = np.ones_like(x)
    k = 0
    while np.any(term > np.finfo(np.float64).eps * total):
        term = term * x * (a + b + k) / (a + 1.0 + k)
        total += term
        k += 1
    return total
