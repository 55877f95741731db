"""Robust covariance of Cox regression: rows or clusters by what they move the estimate.

Lin and Wei 1989, doi:10.1080/01621459.1989.10478874; R's ``survival::coxph(robust = TRUE)`` and
``cluster()``, without a factor for finite samples. A row's influence is its score residual times
the inverse information, so that no fit is repeated.
"""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.cox_sums import HazardSums, Ties, sum_hazards, sum_intervals
from proteomr.stats.linalg import find_powers
from proteomr.stats.risk_sets import RiskSets

__all__ = ["robust_covariance", "sandwich_covariance", "score_residuals"]


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


def robust_covariance(
    risk: RiskSets,
    X: F64,
    coefficients: F64,
    covariance: F64,
    *,
    weights: F64 | None,
    ties: Ties,
    clusters: I64 | None = None,
) -> tuple[F64, F64]:
    """Return what :func:`sandwich_covariance` does at a fit, of weights in any unit.

    Parameters
    ----------
    X, coefficients : ``(n, p)``, ``(p,)``.
    covariance : ``(p, p)``, inverse information at the weights as they are given.
    weights : ``(n,)``; None for 1.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> risk = lay_out_risk_sets(np.array([[-np.inf, 1.0, 1.0], [-np.inf, 2.0, 0.0]]))
    >>> X, w, inverse = np.array([[2.0], [0.0]]), np.full(2, 1e-200), np.full((1, 1), 1e200)
    >>> robust_covariance(risk, X, np.zeros(1), inverse, weights=w, ties="efron")[0].round(12)
    array([[0.5]])
    """
    counts = np.ones(X.shape[0]) if weights is None else weights
    # Errors do not depend on the unit of weights, but powers of their sums may be beyond numbers.
    unit = float(find_powers(counts.max(initial=0.0)))
    sums = sum_hazards(risk, X @ coefficients, counts / unit, ties=ties)
    return sandwich_covariance(sums, X, covariance * unit, clusters=clusters)
