"""Robust covariance of Cox regression: rows or clusters by what they move the estimate.

Lin and Wei 1989, doi:10.1080/01621459.1989.10478874; R's ``survival::coxph(robust = TRUE)`` and
``cluster()``, without a factor for finite samples. A row's influence is its score residual times
the inverse information, so that no fit is repeated.
"""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.cox_sums import HazardSums, sum_intervals

__all__ = ["sandwich_covariance", "score_residuals"]


def score_residuals(sums: HazardSums, X: F64) -> F64:
    """Return what each row adds to the score ``(n, p)``, its weight included.

    Parameters
    ----------
    sums : at the estimate.
    X : ``(n, p)``.

    Examples
    --------
    >>> from proteomr.stats.cox_sums import sum_hazards
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.array([[-np.inf, 1.0, 1.0], [-np.inf, 2.0, 0.0]])
    >>> sums = sum_hazards(lay_out_risk_sets(rows), np.zeros(2), np.ones(2))
    >>> score_residuals(sums, np.array([[2.0], [0.0]])).tolist()
    [[0.5], [0.5]]
    """
    S1, D1 = sums.sum_columns(X)
    a, b, c = (sums.q(j, 2)[:, None] for j in range(3))
    means = sum_intervals(sums.risk, a * S1 - b * D1)
    at = sums.time_of_dead
    # A death has its own part in the hazards of its time, and its column less the mean there.
    means[sums.dead] -= (b * S1 - c * D1)[at]
    out = sums.w[:, None] * (means - X * sums.cumulative[:, None])
    first, second = (sums.powers[j, 1][:, None] for j in range(2))
    expected = (S1 * first - D1 * second) / sums.risk.deaths[:, None]
    out[sums.dead] += sums.counts[sums.dead, None] * (X[sums.dead] - expected[at])
    return out


def sandwich_covariance(
    sums: HazardSums, X: F64, covariance: F64, *, clusters: I64 | None = None
) -> tuple[F64, F64]:
    """Return the robust covariance ``(p, p)``, and how many rows or clusters carry each estimate.

    Parameters
    ----------
    covariance : ``(p, p)``, inverse information.
    clusters : ``(n,)``, from 0 on; None where each row is one.

    Returns
    -------
    The covariance, and ``(sum s)^2 / sum s^2`` of the squared influences s ``(p,)``.

    Examples
    --------
    >>> from proteomr.stats.cox_sums import sum_hazards
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.array([[-np.inf, 1.0, 1.0], [-np.inf, 2.0, 0.0]])
    >>> sums = sum_hazards(lay_out_risk_sets(rows), np.zeros(2), np.ones(2))
    >>> sandwich_covariance(sums, np.array([[2.0], [0.0]]), np.eye(1))[0].tolist()
    [[0.5]]
    """
    influence = score_residuals(sums, X) @ covariance
    if clusters is not None:
        groups = int(clusters.max(initial=-1)) + 1
        of_clusters = [np.bincount(clusters, weights=u, minlength=groups) for u in influence.T]
        influence = np.array(of_clusters, dtype=np.float64).reshape(-1, groups).T  # or no column
    squares = np.square(influence)
    with np.errstate(divide="ignore", invalid="ignore"):
        carriers = np.square(squares.sum(axis=0)) / np.square(squares).sum(axis=0)
    return influence.T @ influence, carriers
