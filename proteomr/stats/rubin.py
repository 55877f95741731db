"""Estimates of several imputations as one: Rubin's rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.stats.distributions import neg_log10_p_t, quantile_t
from proteomr.stats.f_tail import neg_log10_p_f

__all__ = [
    "Pooled",
    "PooledShare",
    "PooledTest",
    "pool_estimates",
    "pool_rates",
    "pool_shares",
    "pool_tests",
]


@dataclass(frozen=True, slots=True)
class Pooled:
    """Estimates ``(r,)`` of m imputations as one.

    Attributes
    ----------
    estimate, se : the mean of the estimates, and the root of their total variance.
    df : degrees of freedom of t; infinite where neither the complete data nor the imputations
        limit them.
    fmi : fraction of the information that is missing.
    """

    estimate: F64
    se: F64
    df: F64
    fmi: F64


@dataclass(frozen=True, slots=True)
class PooledShare:
    """Probabilities, or rates, ``(r,)`` of m imputations as one.

    Attributes
    ----------
    estimate, se : pooled on a scale of their own and brought back, the error by the delta method;
        NaN where an imputation has no value on that scale.
    low, high : limits, symmetric on that scale.
    fmi : fraction of the information that is missing.
    """

    estimate: F64
    se: F64
    low: F64
    high: F64
    fmi: F64


@dataclass(frozen=True, slots=True)
class PooledTest:
    """Tests ``(r,)`` of m imputations as one, by F on `df` and `df_denominator`."""

    statistic: F64
    df: F64
    df_denominator: F64
    neg_log10_p: F64


def pool_estimates(estimate: F64, se: F64, df_complete: F64) -> Pooled:
    r"""Pool estimates of m imputations.

    .. math:: T = \bar U + (1 + 1/m) B, \qquad
        \lambda = (1 + 1/m) B / T, \qquad
        \frac{1}{\nu} = \frac{\lambda^2}{m - 1}
        + \left[\frac{\nu_c + 1}{\nu_c + 3} \nu_c (1 - \lambda)\right]^{-1}

    with the mean U of the squared errors, the variance B of the estimates, and the degrees of
    freedom of complete data :math:`\nu_c`. Sources: Rubin 1987, doi:10.1002/9780470316696;
    Barnard and Rubin 1999, doi:10.1093/biomet/86.4.948. Mirrors ``mice::pool`` 3.15.0.

    Parameters
    ----------
    estimate, se : ``(m, r)``, m of two and more.
    df_complete : ``(r,)``, infinite for a normal distribution.

    Examples
    --------
    >>> pooled = pool_estimates(
    ...     np.array([[1.0], [1.2], [1.4]]), np.array([[0.1], [0.1], [0.1]]), np.array([100.0]))
    >>> pooled.estimate.round(4).tolist(), pooled.se.round(4).tolist(), pooled.df.round(2).tolist()
    ([1.2], [0.2517], [2.39])
    """
    m = estimate.shape[0]
    within = np.mean(se**2, axis=0)
    between = (1.0 + 1.0 / m) * np.var(estimate, axis=0, ddof=1)
    total = within + between
    share = np.divide(between, total, out=np.zeros_like(total), where=total > 0.0)
    observed = 1.0 - 2.0 / (df_complete + 3.0)
    # imputations that agree, endless complete data, errors of 0
    with np.errstate(divide="ignore", invalid="ignore"):
        of_data = observed * df_complete * (1.0 - share)
        of_data = np.where(np.isinf(df_complete), np.inf, of_data)
        df = 1.0 / (share**2 / (m - 1) + 1.0 / of_data)
        ratio = between / within
        fmi = (ratio + 2.0 / (df + 3.0)) / (ratio + 1.0)
    fmi = np.where(within > 0.0, fmi, share)
    return Pooled(np.mean(estimate, axis=0), np.sqrt(total), df, fmi)


def pool_tests(statistic: F64, df: F64) -> PooledTest:
    r"""Pool chi-squared tests of m imputations (the rule :math:`D_2`).

    .. math:: r = (1 + 1/m) \mathrm{Var}(\sqrt{w}), \qquad
        D_2 = \frac{\bar w / k - \frac{m + 1}{m - 1} r}{1 + r}, \qquad
        \nu = k^{-3/m} (m - 1) (1 + 1/r)^2

    of statistics w on k degrees of freedom, held against F(k, nu). Source: Li, Meng, Raghunathan
    and Rubin 1991, Statistica Sinica 1, 65-92. It needs the statistics alone, and is weaker than
    rules that need the fits.

    Parameters
    ----------
    statistic : ``(m, r)`` chi-squared, m of two and more.
    df : ``(r,)``.

    Examples
    --------
    >>> pooled = pool_tests(np.array([[6.0], [7.0], [8.0]]), np.array([2.0]))
    >>> pooled.statistic.round(4).tolist(), pooled.df_denominator.round(1).tolist()
    ([3.2487], [478.9])
    """
    m = statistic.shape[0]
    r = (1.0 + 1.0 / m) * np.var(np.sqrt(statistic), axis=0, ddof=1)
    pooled = (np.mean(statistic, axis=0) / df - (m + 1) / (m - 1) * r) / (1.0 + r)
    with np.errstate(divide="ignore"):
        denominator = df ** (-3.0 / m) * (m - 1) * (1.0 + 1.0 / r) ** 2
    pooled = np.maximum(pooled, 0.0)  # of statistics that are one another's noise
    return PooledTest(pooled, df, denominator, neg_log10_p_f(pooled, df, denominator))


def pool_shares(
    probability: F64, se: F64, *, level: float = 0.95, of_event: bool = False
) -> PooledShare:
    r"""Pool survival probabilities of m imputations on the scale of log(-log).

    .. math:: \theta = \log(-\log S), \qquad
        \mathrm{se}(\theta) = \frac{\mathrm{se}(S)}{S\,|\log S|}

    by Rubin's rules, since the scale is nearly normal and its limits stay within 0 and 1
    (Marshall, Altman, Holder and Royston 2009, doi:10.1186/1471-2288-9-57), with complete data
    that have endless degrees of freedom. Where every imputation has 0, or every one 1, that is the
    estimate, without limits; where only some have, or values differ without errors, there is none.

    Parameters
    ----------
    probability, se : ``(m, r)``, m of two and more.
    level : of the limits.
    of_event : whether probabilities are those of an event F, whose S is 1 - F.

    Examples
    --------
    >>> pooled = pool_shares(np.array([[0.8], [0.7]]), np.array([[0.05], [0.06]]))
    >>> pooled.estimate.round(4).tolist(), pooled.se.round(4).tolist()
    ([0.7542], [0.1027])
    >>> pooled.low.round(4).tolist(), pooled.high.round(4).tolist()
    ([0.1042], [0.9654])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = -np.log1p(-probability) if of_event else -np.log(probability)
        free = 1.0 - probability if of_event else probability
        error = se / (free * hazard)
    usable = (hazard > 0.0) & np.isfinite(hazard) & np.isfinite(error) & (error > 0.0)
    known = np.all(usable, axis=0)
    out = [np.full(known.shape, np.nan) for _ in range(5)]
    same = np.all((probability == probability[0]) & np.isin(probability, (0.0, 1.0)), axis=0)
    out[0][same] = probability[0, same]
    sure = same & np.all(se == 0.0, axis=0)
    out[1][sure] = 0.0
    theta = np.log(hazard[:, known])
    pooled = pool_estimates(theta, error[:, known], np.full(theta.shape[1], np.inf))
    reach = quantile_t(0.5 + 0.5 * level, pooled.df) * pooled.se
    below, at, above = (
        np.exp(pooled.estimate + shift) for shift in (-reach, np.zeros_like(reach), reach)
    )
    ends = (at, below, above) if of_event else (at, above, below)
    middle, low, high = (-np.expm1(-H) if of_event else np.exp(-H) for H in ends)
    values = (middle, np.exp(-at) * at * pooled.se, low, high, pooled.fmi)
    for column, value in zip(out, values, strict=True):
        column[known] = value
    return PooledShare(*out)


def pool_rates(log_rate: F64, se: F64, *, level: float = 0.95) -> tuple[PooledShare, F64]:
    """Pool rates, or ratios of rates, of m imputations on the scale of their logarithm.

    Parameters
    ----------
    log_rate, se : ``(m, r)``, m of two and more; of an event counted d times the error of the
        logarithm is the root of 1 / d. What an imputation lacks is NaN.
    level : of the limits.

    Returns
    -------
    The rates, and minus log10 of the p values ``(r,)`` that they are 1, by Student's t.

    Examples
    --------
    >>> pooled, p = pool_rates(np.log([[0.5], [0.6]]), np.array([[0.2], [0.2]]))
    >>> pooled.estimate.round(4).tolist(), pooled.low.round(4).tolist(), p.round(2).tolist()
    ([0.5477], [0.2987], [1.29])
    """
    known = np.all(np.isfinite(log_rate) & (se > 0.0), axis=0)
    out = [np.full(known.shape, np.nan) for _ in range(6)]
    endless = np.full(int(known.sum()), np.inf)
    pooled = pool_estimates(log_rate[:, known], se[:, known], endless)
    reach = quantile_t(0.5 + 0.5 * level, pooled.df) * pooled.se
    rate = np.exp(pooled.estimate)
    limits = (np.exp(pooled.estimate - reach), np.exp(pooled.estimate + reach))
    p = neg_log10_p_t(pooled.estimate / pooled.se, pooled.df)
    values = (rate, rate * pooled.se, *limits, pooled.fmi, p)
    for column, value in zip(out, values, strict=True):
        column[known] = value
    return PooledShare(*out[:5]), out[5]
