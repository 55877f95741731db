"""How groups of people differ: standardised differences, cross tables, rates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from proteomr._typing import F64, I64
from proteomr.stats.distributions import neg_log10_p_chi2, quantile_normal

__all__ = [
    "CrossTest",
    "Rate",
    "assess_cross_table",
    "estimate_rate",
    "measure_difference",
    "measure_difference_of_levels",
]


def measure_difference(first: F64, second: F64) -> float:
    r"""Return the standardised difference of two groups' numbers.

    .. math:: d = (\bar x_2 - \bar x_1) / \sqrt{(s_1^2 + s_2^2) / 2}

    Austin 2009, doi:10.1002/sim.3697. NaN for fewer than two in a group, 0 where neither varies and
    the means are one.

    Examples
    --------
    >>> measure_difference(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0]))
    1.0
    """
    if min(first.size, second.size) < 2:
        return math.nan
    difference = float(second.mean() - first.mean())
    spread = math.sqrt((float(first.var(ddof=1)) + float(second.var(ddof=1))) / 2.0)
    if spread == 0.0:
        return 0.0 if difference == 0.0 else math.copysign(math.inf, difference)
    return difference / spread


def measure_difference_of_levels(counts: I64) -> float:
    r"""Return the standardised difference of two groups' levels, without a sign.

    .. math:: d = \sqrt{(p_2 - p_1)^\top S^{-1} (p_2 - p_1)}

    of the shares p of all levels but the first and the mean S of their two multinomial covariances
    (Yang and Dalton 2012, SAS Global Forum 335). For two levels it is the size of that of the share
    of the second. Levels that nobody has in either group do not count.

    Parameters
    ----------
    counts : ``(2, levels)``.

    Examples
    --------
    >>> round(measure_difference_of_levels(np.array([[50, 50], [30, 70]])), 4)
    0.417
    """
    there = counts[:, counts.sum(axis=0) > 0].astype(np.float64)
    totals = there.sum(axis=1)
    if there.shape[1] < 2 or np.any(totals == 0.0):
        return 0.0 if np.all(totals > 0.0) else math.nan
    shares = (there / totals[:, None])[:, 1:]
    covariance = np.mean([np.diag(p) - np.outer(p, p) for p in shares], axis=0)
    difference = shares[1] - shares[0]
    if not np.any(difference):
        return 0.0
    try:
        solved = np.linalg.solve(covariance, difference)
    except np.linalg.LinAlgError:
        return math.inf  # each group has levels that the other has not
    return math.sqrt(max(float(difference @ solved), 0.0))


@dataclass(frozen=True, slots=True)
class CrossTest:
    """The association of two factors.

    Attributes
    ----------
    statistic, df, neg_log10_p : Pearson's chi-squared without correction.
    odds_ratio, low, high : of a two-by-two table, with Woolf's interval; NaN for others and where a
        cell is empty.
    least_expected : the smallest expected count; below 5 the test is approximate.
    """

    statistic: float
    df: float
    neg_log10_p: float
    odds_ratio: float
    low: float
    high: float
    least_expected: float


def assess_cross_table(counts: I64, *, level: float = 0.95) -> CrossTest | None:
    """Test whether two factors go together; None where one has a single level.

    Pearson 1900, doi:10.1080/14786440009463897; Woolf 1955, doi:10.1111/j.1469-1809.1955.tb01348.x.
    R: ``chisq.test(correct = FALSE)``.

    Parameters
    ----------
    counts : ``(rows, columns)``.

    Examples
    --------
    >>> found = assess_cross_table(np.array([[20, 10], [10, 20]]))
    >>> round(found.statistic, 4), round(found.odds_ratio, 4)
    (6.6667, 4.0)
    """
    table = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0].astype(np.float64)
    if min(table.shape, default=0) < 2:
        return None
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(np.sum((table - expected) ** 2 / expected))
    df = float((table.shape[0] - 1) * (table.shape[1] - 1))
    ratio = low = high = math.nan
    if counts.shape == (2, 2) and np.all(table > 0.0):
        logarithm = float(np.log(table[0, 0]) + np.log(table[1, 1]))
        logarithm -= float(np.log(table[0, 1]) + np.log(table[1, 0]))
        reach = float(quantile_normal([0.5 + level / 2.0])[0]) * math.sqrt(float((1 / table).sum()))
        ratio, low, high = (math.exp(logarithm + d) for d in (0.0, -reach, reach))
    p = float(neg_log10_p_chi2([statistic], [df])[0])
    return CrossTest(statistic, df, p, ratio, low, high, float(expected.min()))


@dataclass(frozen=True, slots=True)
class Rate:
    """Events over person-years, with limits."""

    rate: float
    low: float
    high: float


def estimate_rate(events: float, years: float, *, level: float = 0.95) -> Rate:
    r"""Return a rate with its exact Poisson limits.

    .. math:: \tfrac12 \chi^2_{2d,\,\alpha/2} / T, \quad \tfrac12 \chi^2_{2d+2,\,1-\alpha/2} / T

    Garwood 1936, doi:10.1093/biomet/28.3-4.437. R: ``poisson.test``.

    Examples
    --------
    >>> found = estimate_rate(10.0, 1000.0)
    >>> round(found.low * 1000, 3), round(found.high * 1000, 3)
    (4.795, 18.39)
    """
    tail = (1.0 - level) / 2.0
    low = float(special.gammaincinv(events, tail)) if events > 0.0 else 0.0
    high = float(special.gammainccinv(events + 1.0, tail))
    return Rate(events / years, low / years, high / years)
