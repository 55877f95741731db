"""Estimates of several imputations as one: Rubin's rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.stats.f_tail import neg_log10_p_f

__all__ = ["Pooled", "PooledTest", "pool_estimates", "pool_tests"]


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
    share = between / total
    observed = 1.0 - 2.0 / (df_complete + 3.0)
    of_data = observed * df_complete * (1.0 - share)
    with np.errstate(divide="ignore"):  # imputations that agree, and endless complete data
        df = 1.0 / (share**2 / (m - 1) + 1.0 / of_data)
    ratio = between / within
    fmi = (ratio + 2.0 / (df + 3.0)) / (ratio + 1.0)
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
