"""Tests that survival is the same in groups: log-rank, G-rho, stratified, and for trend.

Letters: n people, K groups, T times of a grid, S strata.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.curve_counts import GroupCounts, Subjects
from proteomr.stats.joint_wald import test_jointly as join_estimates

__all__ = ["LogRank", "assess_trend", "compare_curves", "sum_scores"]


@dataclass(frozen=True, slots=True)
class LogRank:
    """A test of the log-rank family.

    Attributes
    ----------
    observed, expected : ``(K,)``, events of each group, weighted by rho, and what they would be.
    covariance : ``(K, K)``, of their differences.
    statistic, df, neg_log10_p : of chi-squared; NaN where fewer than two groups can be compared.
    """

    observed: F64
    expected: F64
    covariance: F64
    statistic: float
    df: float
    neg_log10_p: float


def compare_curves(
    counts: GroupCounts,
    *,
    count: int,
    rho: float = 0.0,
    covariance: F64 | None = None,
) -> LogRank:
    r"""Test that the hazards of groups are the same, within strata.

    .. math:: O_k - E_k = \sum_s \sum_t \hat S_s(t^-)^\rho \Bigl(d_{sk} -
        d_s \frac{n_{sk}}{n_s}\Bigr)

    with the hypergeometric covariance of ties; ``rho = 0`` is the log-rank test (Mantel 1966),
    ``rho = 1`` that of Peto and Peto (1972, doi:10.2307/2344317), between them the family of
    Harrington and Fleming (1982, doi:10.1093/biomet/69.3.553). Groups of which no event is
    expected do not count. R: ``survival::survdiff`` (3.5-3), which takes no delayed entry.

    Parameters
    ----------
    counts : of ``S x K`` groups, those of the first stratum first.
    count : K.
    rho : power of the survival of all, from just before each time.
    covariance : ``(K, K)``, a robust one (:func:`sum_scores`) in place of the hypergeometric.

    Examples
    --------
    >>> from proteomr.stats.curve_counts import Subjects, count_risk, place_people
    >>> people = place_people(
    ...     np.full(4, -np.inf), np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 1, 1, 0]))
    >>> counts = count_risk(Subjects(people, np.array([0, 0, 1, 1]), 2))
    >>> test = compare_curves(counts, count=2)
    >>> test.observed.tolist(), test.expected.round(4).tolist(), round(test.statistic, 4)
    ([2.0, 1.0], [0.8333, 2.1667], 2.8824)
    """
    n, d, weight = _sums(counts, count, rho)
    all_n, all_d = n.sum(axis=1), d.sum(axis=1)
    share = np.divide(n, all_n[:, None], out=np.zeros_like(n), where=all_n[:, None] > 0.0)
    observed = np.einsum("st,skt->k", weight, d)
    expected = np.einsum("st,skt->k", weight * all_d, share)
    if covariance is None:
        people = np.maximum(all_n - 1.0, 1.0)
        spread = weight**2 * all_d * np.maximum(all_n - all_d, 0.0) / people
        covariance = np.diag(np.einsum("st,skt->k", spread, share))
        covariance = covariance - np.einsum("st,skt,slt->kl", spread, share, share, optimize=True)
    compared = np.flatnonzero(expected > 0.0)
    statistic, df, p = _compare(observed - expected, covariance, compared[1:])
    return LogRank(observed, expected, covariance, statistic, df, p)


def _compare(difference: F64, covariance: F64, kept: I64) -> tuple[float, float, float]:
    """Return the quadratic form of some differences, its degrees of freedom and -log10 p."""
    if not kept.size:
        return math.nan, math.nan, math.nan
    V = covariance[np.ix_(kept, kept)]
    se = np.sqrt(np.maximum(np.diag(V), 0.0))
    found = join_estimates(difference[kept][None], se[None], V[None], np.array([np.inf]))
    statistic, df, p = (float(part[0]) for part in found)
    return statistic, df, p


def _sums(counts: GroupCounts, count: int, rho: float) -> tuple[F64, F64, F64]:
    """Return numbers at risk and events ``(S, K, T)``, and the weights of times ``(S, T)``."""
    shape = (counts.at_risk.shape[0] // count, count, counts.times.size)
    n, d = counts.at_risk.reshape(shape), counts.events.reshape(shape)
    all_n, all_d = n.sum(axis=1), d.sum(axis=1)
    if rho == 0.0:
        return n, d, np.ones_like(all_n)
    some = counts.people.reshape(n.shape).sum(axis=1) > 0
    share = np.divide(all_n - all_d, all_n, out=np.ones_like(all_n), where=some)
    survival = np.cumprod(share, axis=1)
    before = np.concatenate([np.ones((n.shape[0], 1)), survival[:, :-1]], axis=1)
    return n, d, before**rho


def assess_trend(test: LogRank, scores: F64) -> tuple[float, float]:
    r"""Test that hazards rise or fall with the order of the groups: chi-squared and -log10 p.

    .. math:: \bigl(c^\top (O - E)\bigr)^2 / (c^\top V c)

    with one degree of freedom (Tarone 1975, doi:10.1093/biomet/62.3.679).

    Parameters
    ----------
    scores : ``(K,)``, c: places or values of the groups.

    Examples
    --------
    >>> test = LogRank(
    ...     np.array([2.0, 4.0]), np.array([3.0, 3.0]), np.array([[1.5, -1.5], [-1.5, 1.5]]),
    ...     0.6667, 1.0, 0.3835)
    >>> [round(part, 4) for part in assess_trend(test, np.array([1.0, 2.0]))]
    [0.6667, 0.3828]
    """
    centred = scores - scores.mean()
    total = np.array([centred @ (test.observed - test.expected)])
    variance = np.array([[centred @ test.covariance @ centred]])
    sizes = np.abs(centred) * np.sqrt(np.abs(np.diag(test.covariance)))
    if not variance[0, 0] > 1e-12 * float(sizes @ sizes):
        return math.nan, math.nan
    statistic, _, p = _compare(total, variance, np.zeros(1, dtype=np.int64))
    return statistic, p


def sum_scores(counts: GroupCounts, subjects: Subjects, *, count: int, rho: float = 0.0) -> F64:
    r"""Return the robust covariance of observed less expected events: ``(K, K)``.

    .. math:: V = \sum_c U_c U_c^\top, \qquad
        U_{ik} = w_i \int \hat S(t^-)^\rho \Bigl([g_i = k] - \frac{n_k}{n}\Bigr)
        \Bigl(dN_i - Y_i \frac{d}{n}\Bigr)

    summed over people, or over clusters of them (Lin and Wei 1989,
    doi:10.1080/01621459.1989.10478874): with it :func:`compare_curves` gives the robust score
    test of a Cox model of the groups with Breslow's ties, ``coxph(...)$rscore`` in R.

    Parameters
    ----------
    counts : of ``S x K`` groups, weighted as the people are.
    subjects : the people behind them, with the same ``S x K`` groups.
    count : K.

    Examples
    --------
    >>> from proteomr.stats.curve_counts import Subjects, count_risk, place_people
    >>> people = place_people(
    ...     np.full(4, -np.inf), np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 1, 1, 0]))
    >>> subjects = Subjects(people, np.array([0, 0, 1, 1]), 2)
    >>> sum_scores(count_risk(subjects), subjects, count=2).round(4).tolist()
    [[0.3542, -0.3542], [-0.3542, 0.3542]]
    """
    n, d, weight = _sums(counts, count, rho)
    all_n = n.sum(axis=1)
    share = np.divide(n, all_n[:, None], out=np.zeros_like(n), where=all_n[:, None] > 0.0)
    rate = np.divide(d.sum(axis=1), all_n, out=np.zeros_like(all_n), where=all_n > 0.0) * weight
    H = np.concatenate([np.zeros((n.shape[0], 1)), np.cumsum(rate, axis=1)], axis=1)
    H_group = np.zeros((*n.shape[:2], n.shape[2] + 1))
    np.cumsum(rate[:, None] * share, axis=2, out=H_group[:, :, 1:])
    subjects = subjects.ever_at_risk()
    people = subjects.risk
    stratum, group = np.divmod(subjects.groups, count)
    own = (group[:, None] == np.arange(count)).astype(np.float64)
    U = -own * (H[stratum, people.end] - H[stratum, people.first])[:, None]
    U += H_group[stratum, :, people.end] - H_group[stratum, :, people.first]
    last = people.end - 1
    gap = own - share[stratum, :, last]
    U += ((people.cause != 0) * weight[stratum, last])[:, None] * gap
    U *= subjects.weigh()[:, None]
    if subjects.clusters is not None:
        codes = np.unique(subjects.clusters, return_inverse=True)[1]
        U = np.stack([np.bincount(codes, U[:, k]) for k in range(count)], axis=1)
    return np.asarray(U.T @ U)
