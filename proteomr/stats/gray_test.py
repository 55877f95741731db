"""Gray's test that cumulative incidence is the same in groups.

Letters: K groups, T times of a grid, S strata.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.stats.curve_counts import GroupCounts, lessen_ties
from proteomr.stats.joint_wald import test_jointly as join_estimates

__all__ = ["GrayTest", "compare_incidence"]


@dataclass(frozen=True, slots=True)
class GrayTest:
    """Gray's test of one cause.

    Attributes
    ----------
    score : ``(K,)``, weighted events of the cause less those expected.
    covariance : ``(K, K)``, of the scores.
    statistic, df, neg_log10_p : of chi-squared; NaN where the data give none.
    """

    score: F64
    covariance: F64
    statistic: float
    df: float
    neg_log10_p: float


def compare_incidence(counts: GroupCounts, *, count: int, cause: int, rho: float = 0.0) -> GrayTest:
    r"""Test that the subdistribution hazards of one cause are the same in groups, within strata.

    .. math:: z_k = \sum_t (1 - \hat F_0(t^-))^\rho \Bigl( d_{1k} - R_k \frac{d_1}{R_\cdot}
        \Bigr), \qquad R_k = n_k\, \frac{1 - \hat F_{1k}(t^-)}{\hat S_k(t^-)}

    with the variance of Gray 1988, doi:10.1214/aos/1176350951, whose estimates under the
    hypothesis have :math:`h_k = n_k / \hat S_k(t^-)` and :math:`d\hat F_0 = d_1 / h_\cdot`. Ties
    reduce it as in the hypergeometric distribution. All other causes compete as one. R:
    ``cmprsk::cuminc`` (2.2-11), which takes no delayed entry.

    Parameters
    ----------
    counts : of ``S x K`` groups, those of the first stratum first, without weights.
    count : K.
    cause : its code.
    rho : power of the share that is free of the cause.

    Examples
    --------
    >>> from proteomr.stats.curve_counts import Subjects, count_risk, place_people
    >>> people = place_people(
    ...     np.full(6, -np.inf), np.arange(1.0, 7.0), np.array([1, 1, 0, 1, 2, 1]))
    >>> counts = count_risk(Subjects(people, np.array([0, 1, 0, 1, 0, 1]), 2))
    >>> test = compare_incidence(counts, count=2, cause=1)
    >>> test.score.round(6).tolist(), test.covariance[0, 0].round(6).item()
    ([-0.233333, 0.233333], 0.715438)
    """
    shape = (counts.at_risk.shape[0] // count, count, counts.times.size)
    d1 = counts.by_cause.get(cause, np.zeros_like(counts.events)).reshape(shape)
    n, d = counts.at_risk.reshape(shape), counts.events.reshape(shape)
    score, covariance = np.zeros(count), np.zeros((count, count))
    for of in zip(n, d, d1, strict=True):
        z, V = _of_stratum(*of, rho=rho)
        score += z
        covariance += V
    kept = np.flatnonzero(np.diag(covariance) > 0.0)[1:]
    if not kept.size:
        return GrayTest(score, covariance, math.nan, math.nan, math.nan)
    V = covariance[np.ix_(kept, kept)]
    found = join_estimates(
        score[kept][None], np.sqrt(np.diag(V))[None], V[None], np.array([np.inf])
    )
    statistic, df, p = (float(part[0]) for part in found)
    return GrayTest(score, covariance, statistic, df, p)


def _of_stratum(n: F64, d: F64, d1: F64, *, rho: float) -> tuple[F64, F64]:
    """Return scores and their covariance from numbers ``(K, T)`` of one stratum."""
    K, _ = n.shape
    some = n > 0.0
    share = np.divide(n - d, n, out=np.ones_like(n), where=some)
    S = np.asarray(np.cumprod(share, axis=1), dtype=np.float64)
    S_before = _shift(S, 1.0)
    with_any = some & (S_before > 0.0)
    F = np.cumsum(S_before * np.divide(d1, n, out=np.zeros_like(n), where=some), axis=1)
    h = np.divide(n, S_before, out=np.zeros_like(n), where=with_any)
    R = h * (1.0 - _shift(F, 0.0))
    total_h, total_R, D1 = h.sum(axis=0), R.sum(axis=0), d1.sum(axis=0)
    dF0 = np.divide(D1, total_h, out=np.zeros_like(D1), where=D1 > 0.0)
    F0 = np.cumsum(dF0)
    free = np.maximum(1.0 - np.concatenate([[0.0], F0[:-1]]), 0.0)
    weight = free**rho
    hazard = np.divide(D1, total_R, out=np.zeros_like(D1), where=total_R > 0.0)
    score = np.sum(weight * (d1 - R * hazard), axis=1)
    dG0 = np.divide(dF0, free, out=np.zeros_like(dF0), where=free > 0.0)
    part = np.divide(h, total_h, out=np.zeros_like(h), where=total_h > 0.0)
    covariance = np.zeros((K, K))
    for r in range(K):
        D = weight * h * ((np.arange(K) == r)[:, None] - part[r])
        C = np.cumsum(D * dG0, axis=1)
        later = C[:, -1:] - C
        ratio = np.divide(1.0 - F0, S[r], out=np.zeros_like(F0), where=S[r] > 0.0)
        a, b = D + (1.0 - ratio) * later, ratio * later
        inverse = np.divide(1.0, h[r], out=np.zeros_like(F0), where=with_any[r])
        fewer = lessen_ties(D1, total_h * S_before[r])
        covariance += (a * (dF0 * inverse * fewer)) @ a.T
        d2 = d[r] - d1[r]
        dF2 = np.divide(S_before[r] * d2, n[r], out=np.zeros_like(F0), where=some[r])
        covariance += (b * (dF2 * inverse * lessen_ties(d2, n[r]))) @ b.T
    return score, covariance


def _shift(values: F64, first: float) -> F64:
    """Return what stands just before each time."""
    return np.concatenate([np.full((values.shape[0], 1), first), values[:, :-1]], axis=1)
