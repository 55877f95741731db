r"""Ratios of effects of variants in linkage disequilibrium, and those that differ from the others.

The ratio of a variant is :math:`b_j = y_j / x_j`; ratios of variants without direct effects on the
outcome estimate one number, with the covariance of `covary_ratios`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.multiple import adjust
from proteomr.stats.quadratic_forms import saddle_point_minus_log10_p

__all__ = [
    "Outlying",
    "compare_with_each",
    "compare_with_one",
    "covary_ratios",
    "find_one_by_one",
    "find_target",
    "find_turn_by_turn",
    "keep_unlinked",
    "silence_chance",
]


@dataclass(frozen=True, slots=True, eq=False)
class Outlying:
    """Which of m ratios differ from the others, and by how much.

    Attributes
    ----------
    kept : (m,) those that do not differ.
    statistic, minus_log : (m,) sum of squared standardised differences and -log10 p, of the test
        that left the variant out, or of the last one; NaN for the one that others are held against.
    """

    kept: Bool
    statistic: F64
    minus_log: F64


def covary_ratios(x: F64, sx: F64, y: F64, sy: F64, *, correlations: F64) -> F64:
    r"""Return the covariances of ratios of correlated variants.

    .. math:: \operatorname{cov}(b_j, b_k) = \rho_{jk} \left( \frac{s_{yj} s_{yk}}{x_j x_k}
        + b_j b_k \frac{s_{xj} s_{xk}}{x_j x_k} \right)

    Parameters
    ----------
    x, sx, y, sy : (m,) effects and errors, x not zero.
    correlations : (m, m).

    Examples
    --------
    >>> one = np.ones(2)
    >>> covary_ratios(one, one, one, one, correlations=np.eye(2)).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """
    of_y, of_x = sy / x, (y / x) * (sx / x)
    return np.asarray(correlations * (np.outer(of_y, of_y) + np.outer(of_x, of_x)))


def silence_chance(correlations: F64, *, people: float, rate: float) -> F64:
    """Return correlations with those set to zero that chance explains at a false discovery rate.

    Parameters
    ----------
    correlations : (m, m), measured in so many people.
    people : of whom they are.
    rate : Benjamini-Hochberg's, over the pairs of variants.

    Examples
    --------
    >>> r = np.array([[1.0, 0.01, 0.5], [0.01, 1.0, 0.0], [0.5, 0.0, 1.0]])
    >>> silence_chance(r, people=1000, rate=0.05)[0].tolist()
    [1.0, 0.0, 0.5]
    """
    m = correlations.shape[0]
    rows, columns = np.triu_indices(m, 1)
    values = correlations[rows, columns]
    out = np.eye(m)
    if values.size:
        minus_log = neg_log10_p_chi2(people * values**2, 1.0)
        q = adjust(minus_log, method="bh")
        kept = np.where(q < rate, values, 0.0)
        out[rows, columns] = out[columns, rows] = kept
    return out


def keep_unlinked(correlations: F64, *, r2: float) -> I64:
    """Return the variants that stay where of each pair in high correlation one leaves.

    The one of more such pairs leaves, of as many the earlier one; all pairs are judged by the same
    counts.

    Parameters
    ----------
    correlations : (m, m).
    r2 : squared correlation above which one of a pair leaves.

    Examples
    --------
    >>> chain = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.9], [0.0, 0.9, 1.0]])
    >>> keep_unlinked(chain, r2=0.5).tolist()
    [0, 2]
    """
    first, second = np.nonzero(np.triu(correlations**2 > r2, 1))
    m = correlations.shape[0]
    count = np.bincount(np.concatenate([first, second]), minlength=m)
    leaves = np.where(count[first] < count[second], second, first)
    return np.setdiff1d(np.arange(m), leaves).astype(np.int64)


def find_target(ratios: F64, minus_log: F64) -> int:
    """Return the variant of the strongest exposure effect in the middle fifth of the ratios.

    Parameters
    ----------
    ratios : (m,).
    minus_log : (m,) -log10 p for the exposure; of equal ones the first is taken.

    Examples
    --------
    >>> find_target(np.arange(5.0), np.array([9.0, 1.0, 2.0, 1.0, 9.0]))
    2
    """
    low, high = np.quantile(ratios, [0.4, 0.6])
    middle = np.flatnonzero((ratios >= low) & (ratios <= high))
    if not middle.size:  # two ratios have nothing between their quantiles
        middle = np.arange(ratios.size)
    return int(middle[np.argmax(minus_log[middle])])


def compare_with_one(ratios: F64, covariances: F64, *, target: int) -> tuple[F64, F64]:
    r"""Return how far each ratio lies from that of one variant, and -log10 p.

    .. math:: T_j = \frac{(b_j - b_t)^2}{V_{jj} + V_{tt} - 2 V_{jt}} \sim \chi^2_1

    Parameters
    ----------
    ratios, covariances : (m,), (m, m).
    target : the one variant; its own are NaN.

    Examples
    --------
    >>> statistic, _ = compare_with_one(np.array([0.0, 2.0]), np.eye(2), target=0)
    >>> round(float(statistic[1]), 12)
    2.0
    """
    own = np.diagonal(covariances)
    variance = own + own[target] - 2.0 * covariances[:, target]
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = (ratios - ratios[target]) ** 2 / np.where(variance > 0, variance, np.nan)
    statistic[target] = np.nan
    return statistic, neg_log10_p_chi2(statistic, 1.0)


def compare_with_each(ratios: F64, covariances: F64) -> tuple[F64, F64]:
    r"""Return for each variant how far all others lie from it together, and -log10 p.

    .. math:: T_i = \sum_{j \ne i} \frac{(b_j - b_i)^2}{V_{jj} + V_{ii} - 2 V_{ij}}

    is distributed as :math:`\sum_k \lambda_k \chi^2_1`, with the eigenvalues of the correlations of
    the differences, see `proteomr.stats.quadratic_forms`.

    Parameters
    ----------
    ratios, covariances : (m,), (m, m), two variants or more.

    Examples
    --------
    >>> statistic, minus_log = compare_with_each(np.array([0.0, 0.0, 9.0]), np.eye(3))
    >>> int(minus_log.argmax())
    2
    """
    m = ratios.size
    statistic, minus_log = np.empty((2, m))
    for i in range(m):
        others = np.arange(m) != i
        beside = covariances[others, i]
        spread = covariances[np.ix_(others, others)] - beside[:, None] - beside
        spread += covariances[i, i]
        size = np.sqrt(np.diagonal(spread))
        statistic[i] = float(np.sum(((ratios[others] - ratios[i]) / size) ** 2))
        weights = np.linalg.eigvalsh(spread / np.outer(size, size))
        minus_log[i] = saddle_point_minus_log10_p(statistic[i], weights)
    return statistic, minus_log


def find_one_by_one(ratios: F64, covariances: F64, *, target: int, level: float) -> Outlying:
    """Return the ratios that differ from that of one variant, each by its own test.

    Parameters
    ----------
    ratios, covariances : (m,), (m, m).
    target : the one variant, which stays.
    level : p below which a variant leaves.
    """
    statistic, minus_log = compare_with_one(ratios, covariances, target=target)
    gone = minus_log > -np.log10(level)
    return Outlying(~gone, statistic, minus_log)


def find_turn_by_turn(ratios: F64, covariances: F64, *, level: float) -> Outlying:
    """Return the ratios from which the others differ together, taken out one after another.

    At each turn the variant of the least p leaves, until none is below the level or two are left.

    Parameters
    ----------
    ratios, covariances : (m,), (m, m).
    level : p below which a variant leaves.
    """
    m = ratios.size
    kept = np.ones(m, dtype=np.bool_)
    statistic, minus_log = np.full((2, m), np.nan)
    while kept.sum() > 2:
        rows = np.flatnonzero(kept)
        of_rows = compare_with_each(ratios[rows], covariances[np.ix_(rows, rows)])
        statistic[rows], minus_log[rows] = of_rows
        worst = int(np.argmax(of_rows[1]))
        if not of_rows[1][worst] > -np.log10(level):
            break
        kept[rows[worst]] = False
    return Outlying(kept, statistic, minus_log)
