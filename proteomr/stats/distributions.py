"""Tail probabilities as -log10 p, which do not underflow, and the quantiles for confidence limits.

Each -log10 p keeps 12 digits, from p near 1 (where it is near 0; chi-squared with a million degrees
of freedom keeps 10 within 1e-12 of 1) to p far below the smallest double.
Arrays broadcast; NaN, and degrees of freedom that are not positive, give NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from proteomr._typing import F64

__all__ = [
    "genomic_control_lambda",
    "neg_log10_p_chi2",
    "neg_log10_p_normal",
    "neg_log10_p_t",
    "p_from_neg_log10",
    "quantile_normal",
    "quantile_t",
    "z_from_neg_log10",
]

_LOG10 = math.log(10.0)  # natural logarithms of a decade
_MEDIAN_CHI2_1 = 0.454936423119572750  # qchisq(0.5, 1)
_FAR = 1e-200  # probabilities below it come from continued fractions, in logarithms
_STIRLING_FROM = 10.0  # from here eight terms of Stirling's series are exact in double precision
# B_2k / (2k (2k - 1)) of the Bernoulli numbers, k = 1 to 8 (DLMF 5.11.1).
_STIRLING = (
    1 / 12,
    -1 / 360,
    1 / 1260,
    -1 / 1680,
    1 / 1188,
    -691 / 360360,
    1 / 156,
    -3617 / 122400,
)
_TINY = 1e-300  # Lentz: in place of a zero denominator, far below any term and above underflow
_MAX_TERMS = 10_000  # a bound against an endless loop: reaching it raises


def neg_log10_p_normal(z: ArrayLike) -> F64:
    r"""Two-sided -log10 p of a standard normal statistic.

    .. math:: p = \operatorname{erfc}(|z| / \sqrt 2)

    R: ``-(log(2) + pnorm(-abs(z), log.p = TRUE)) / log(10)``.

    Examples
    --------
    >>> neg_log10_p_normal([0.0, 1.959963984540054, 100.0]).round(5).tolist()
    [0.0, 1.30103, 2173.57051]
    """
    x = np.abs(np.asarray(z, dtype=np.float64)) / math.sqrt(2.0)
    out = np.empty_like(x)
    near = x < 0.5
    out[near] = -np.log1p(-special.erf(x[near]))
    far = x[~near]
    with np.errstate(over="ignore", divide="ignore"):
        out[~near] = far * far - np.log(special.erfcx(far))
    return _to_log10(out)


def neg_log10_p_t(t: ArrayLike, df: ArrayLike) -> F64:
    r"""Two-sided -log10 p of a t statistic.

    .. math:: p = I_x(\nu / 2, 1 / 2), \qquad x = \nu / (\nu + t^2)

    with the regularised incomplete beta function; where p is below 1e-200, the logarithm of its
    continued fraction (DLMF 8.17.22).
    R: ``-(log(2) + pt(-abs(t), df, log.p = TRUE)) / log(10)``.

    Parameters
    ----------
    t : statistics.
    df : degrees of freedom, positive, need not be whole; infinite gives the normal.

    Examples
    --------
    >>> neg_log10_p_t([1.0, 1e100], 1.0).round(5).tolist()
    [0.30103, 100.19612]
    """
    size, nu = _broadcast(np.abs(np.asarray(t, dtype=np.float64)), df)
    out = np.full(size.shape, np.nan)
    valid = (nu > 0) & ~np.isnan(size)
    out[valid & np.isinf(size)] = np.inf
    normal = valid & np.isinf(nu)
    out[normal] = neg_log10_p_normal(size[normal])
    usual = valid & np.isfinite(size) & np.isfinite(nu)
    out[usual] = _to_log10(_neg_log_p_t(size[usual], nu[usual]))
    return out


def neg_log10_p_chi2(x: ArrayLike, df: ArrayLike) -> F64:
    r"""Upper-tail -log10 p of a chi-squared statistic.

    .. math:: p = Q(\nu / 2, x / 2)

    with the regularised upper incomplete gamma function; where p is below 1e-200, the logarithm of
    its continued fraction (DLMF 8.9.2).
    R: ``-pchisq(x, df, lower.tail = FALSE, log.p = TRUE) / log(10)``.

    Parameters
    ----------
    x : statistics; zero or below gives p = 1.
    df : degrees of freedom, positive and finite.

    Examples
    --------
    >>> neg_log10_p_chi2([3.841458820694124, 5000.0], [1.0, 2.0]).round(5).tolist()
    [1.30103, 1085.7362]
    """
    statistic, nu = _broadcast(x, df)
    out = np.full(statistic.shape, np.nan)
    valid = (nu > 0) & np.isfinite(nu)
    out[valid & (statistic <= 0)] = 0.0
    out[valid & np.isposinf(statistic)] = np.inf
    usual = valid & (statistic > 0) & np.isfinite(statistic)
    single = usual & (nu == 1)
    out[single] = neg_log10_p_normal(np.sqrt(statistic[single]))
    usual &= ~single
    out[usual] = _to_log10(_neg_log_p_gamma(nu[usual] / 2.0, statistic[usual] / 2.0))
    return out


def p_from_neg_log10(neg_log10_p: ArrayLike) -> F64:
    """Probability p of -log10 p; 0.0 below the smallest double.

    Examples
    --------
    >>> p_from_neg_log10([2.0, 400.0]).tolist()
    [0.01, 0.0]
    """
    with np.errstate(under="ignore"):
        return np.asarray(np.power(10.0, -np.asarray(neg_log10_p, dtype=np.float64)))


def z_from_neg_log10(neg_log10_p: ArrayLike) -> F64:
    """Size of the standard normal statistic with a two-sided -log10 p; NaN below zero.

    The inverse of :func:`neg_log10_p_normal`, also where p itself would underflow.

    Examples
    --------
    >>> z_from_neg_log10([0.0, 1.3010299956639813, 2173.570513]).round(5).tolist()
    [0.0, 1.95996, 100.0]
    """
    log_p = -_LOG10 * np.asarray(neg_log10_p, dtype=np.float64)
    out = np.full(log_p.shape, np.nan)
    near = (log_p <= 0) & (log_p > -0.7)
    out[near] = math.sqrt(2.0) * special.erfinv(-np.expm1(log_p[near]))
    far = log_p <= -0.7
    out[far] = -special.ndtri_exp(log_p[far] - math.log(2.0))
    return out


def quantile_normal(level: ArrayLike) -> F64:
    """Quantile of the standard normal distribution at a lower-tail probability.

    Examples
    --------
    >>> quantile_normal([0.5, 0.975]).round(6).tolist()
    [0.0, 1.959964]
    """
    return np.asarray(special.ndtri(np.asarray(level, dtype=np.float64)))


def quantile_t(level: ArrayLike, df: ArrayLike) -> F64:
    """Quantile of Student's t distribution at a lower-tail probability; R's ``qt``.

    The limits of a 95 % interval lie at the levels 0.025 and 0.975.

    Parameters
    ----------
    level : lower-tail probabilities.
    df : degrees of freedom, positive; infinite gives the normal.

    Examples
    --------
    >>> quantile_t(0.975, [1.0, 167.0]).round(6).tolist()
    [12.706205, 1.974271]
    """
    probability, nu = _broadcast(level, df)
    finite = np.isfinite(nu)
    of_t = special.stdtrit(np.where(finite & (nu > 0), nu, np.nan), probability)
    of_normal = np.where(nu > 0, special.ndtri(probability), np.nan)
    out = np.where(finite, of_t, of_normal)
    out[(probability == 0.0) & (nu > 0)] = -np.inf
    return out


def genomic_control_lambda(neg_log10_p: ArrayLike) -> float:
    r"""Inflation of the test statistics over the null distribution, from their p-values.

    .. math:: \lambda = \operatorname{median}(\chi^2_1(p)) \,/\, 0.4549

    Source: Devlin and Roeder 1999, doi:10.1111/j.0006-341X.1999.00997.x.
    R: ``median(qchisq(p, 1, lower.tail = FALSE)) / qchisq(0.5, 1)``.

    Parameters
    ----------
    neg_log10_p : two-sided -log10 p; NaN is left out.

    Returns
    -------
    lambda, or NaN where there is no p-value.

    Examples
    --------
    >>> round(genomic_control_lambda(-np.log10([0.1, 0.5, 0.9])), 6)
    1.0
    """
    values = np.asarray(neg_log10_p, dtype=np.float64).ravel()
    values = values[~np.isnan(values)]
    if not values.size:
        return math.nan
    middle = np.unique([(values.size - 1) // 2, values.size // 2])
    chi2 = z_from_neg_log10(np.partition(values, middle)[middle]) ** 2
    return float(np.mean(chi2)) / _MEDIAN_CHI2_1


def _broadcast(first: ArrayLike, second: ArrayLike) -> tuple[F64, F64]:
    a, b = np.broadcast_arrays(np.asarray(first, np.float64), np.asarray(second, np.float64))
    return a, b


def _to_log10(neg_log: F64) -> F64:
    """Change the base of the logarithm; adding 0.0 turns -0.0 into 0.0."""
    return np.asarray(neg_log / _LOG10 + 0.0)


def _neg_log_p_t(t: F64, nu: F64) -> F64:
    """-log p for finite t >= 0 and finite nu > 0."""
    ratio = t / np.sqrt(nu)
    a, half = nu / 2.0, np.full_like(nu, 0.5)
    with np.errstate(over="ignore", under="ignore"):
        odds = ratio * ratio
        # Of x and 1 - x only the smaller carries all its digits.
        outer = odds > 1.0
        p = np.empty_like(t)
        p[outer] = special.betainc(a[outer], half[outer], 1.0 / (1.0 + odds[outer]))
        inner = odds[~outer] / (1.0 + odds[~outer])
        p[~outer] = special.betaincc(half[~outer], a[~outer], inner)
    out = np.empty_like(t)
    near = p > 0.5
    odds = odds[near]
    out[near] = -np.log1p(-special.betainc(half[near], a[near], odds / (1.0 + odds)))
    far = p < _FAR
    if far.any():  # rarely, and the continued fraction costs more than all before
        out[far] = -_log_p_far_t(ratio[far], a[far])
    middle = ~near & ~far
    out[middle] = -np.log(p[middle])
    return out


def _log_p_far_t(ratio: F64, a: F64) -> F64:
    r"""Log of :math:`I_x(a, 1/2)`, for :math:`x = 1 / (1 + r^2)` well below :math:`a / (a + 1)`."""
    with np.errstate(over="ignore", under="ignore"):
        odds = ratio * ratio
        log_x = -np.where(ratio < 1e100, np.log1p(odds), 2.0 * np.log(ratio))
        log_complement = -np.log1p(1.0 / odds)
        x = 1.0 / (1.0 + odds)
    log_beta = 0.5 * math.log(math.pi) - _log_gamma_step(a)
    front = a * log_x + 0.5 * log_complement - np.log(a) - log_beta

    def term(j: int) -> tuple[F64, F64]:
        m = j // 2
        if j % 2:
            numerator = -(a + m) * (a + 0.5 + m) / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            numerator = m * (0.5 - m) / ((a + 2 * m - 1) * (a + 2 * m))
        return numerator * x, np.ones_like(x)

    return np.asarray(front - np.log(_continued_fraction(np.ones_like(x), term)))


def _neg_log_p_gamma(a: F64, x: F64) -> F64:
    """-log Q(a, x) for finite x > 0 and finite a > 0."""
    with np.errstate(under="ignore"):
        p = special.gammaincc(a, x)
    out = np.empty_like(x)
    near = p > 0.5
    out[near] = -np.log1p(-special.gammainc(a[near], x[near]))
    far = p < _FAR
    if far.any():
        out[far] = -_log_p_far_gamma(a[far], x[far])
    middle = ~near & ~far
    out[middle] = -np.log(p[middle])
    return out


def _log_p_far_gamma(a: F64, x: F64) -> F64:
    """Log of Q(a, x), for x well above a + 1."""
    excess = (x - a) / a
    large = a >= _STIRLING_FROM
    b = np.where(large, a, _STIRLING_FROM)
    by_stirling = a * (np.log1p(excess) - excess) + 0.5 * np.log(b / (2.0 * math.pi))
    direct = a * np.log(x) - x - special.gammaln(a)
    front = np.where(large, by_stirling - _stirling_series(b), direct)

    def term(j: int) -> tuple[F64, F64]:
        return j * (a - j), x - a + (2 * j + 1)

    return np.asarray(front - np.log(_continued_fraction(x - a + 1.0, term)))


def _log_gamma_step(a: F64) -> F64:
    r"""Log of :math:`\Gamma(a + 1/2) / \Gamma(a)`, without the cancellation of large a."""
    b = np.maximum(a, _STIRLING_FROM)
    large = 0.5 * np.log(b) + b * np.log1p(0.5 / b) - 0.5
    large += _stirling_series(b + 0.5) - _stirling_series(b)
    return np.where(a < _STIRLING_FROM, special.gammaln(a + 0.5) - special.gammaln(a), large)


def _stirling_series(a: F64) -> F64:
    """What Stirling's formula leaves of log Gamma(a), for a >= 10."""
    square = 1.0 / (a * a)
    total = np.zeros_like(a)
    for coefficient in reversed(_STIRLING):
        total = total * square + coefficient
    return np.asarray(total / a)


def _continued_fraction(start: F64, term: Callable[[int], tuple[F64, F64]]) -> F64:
    """Value of b_0 + a_1 / (b_1 + a_2 / (b_2 + ...)), by the modified method of Lentz.

    Source: Thompson and Barnett 1986, doi:10.1016/0021-9991(86)90046-X.
    `term` gives (a_j, b_j); the arrays are run together until all have settled.
    """
    value = start.copy()
    upper = start.copy()
    lower = np.zeros_like(start)
    for j in range(1, _MAX_TERMS):
        a, b = term(j)
        lower = 1.0 / _away_from_zero(b + a * lower)
        upper = _away_from_zero(b + a / upper)
        change = upper * lower
        value *= change
        if (np.abs(change - 1.0) < 4e-16).all():
            return value
    raise ArithmeticError(f"a continued fraction has not settled after {_MAX_TERMS} terms")


def _away_from_zero(value: F64) -> F64:
    return np.where(value == 0.0, _TINY, value)
