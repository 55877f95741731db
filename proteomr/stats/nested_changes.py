"""By how much an estimate changes when covariates are added, on the same rows, with an interval.

Both estimates are sums over people: an estimate moves by each person's influence. Their joint
covariance is therefore the sum of the products of both influences, whatever the model leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.least_squares import solve_least_squares
from proteomr.stats.logistic import fit_limit, means_of

__all__ = ["Change", "Influence", "influence_linear", "influence_logistic", "measure_change"]


@dataclass(frozen=True, slots=True)
class Influence:
    """An estimate, and by how much each of n people moves it.

    Attributes
    ----------
    estimate : of one coefficient.
    moves : ``(n,)``, which sum to 0.
    """

    estimate: float
    moves: F64


@dataclass(frozen=True, slots=True)
class Change:
    """What a second estimate is to a first.

    Attributes
    ----------
    change, se, low, high : the difference, its standard error and its limits.
    percent : of the first estimate.
    percent_low, percent_high : its limits by Fieller's theorem; NaN where the first estimate is
        itself not told from 0 at that level, so that no finite share is beyond belief.
    """

    change: float
    se: float
    low: float
    high: float
    percent: float
    percent_low: float
    percent_high: float


def influence_linear(X: F64, y: F64, *, at: int, weights: F64) -> Influence | None:
    """Return a coefficient of least squares and the people's influence on it.

    ``(X'WX)^-1 x_i w_i e_i``, of which HC0 sums the squares. None where the coefficient is aliased
    or nothing is left for errors.

    Parameters
    ----------
    X : ``(n, p)``.
    y, weights : ``(n,)``.
    at : position of the coefficient.

    Examples
    --------
    >>> X, y = np.column_stack([np.ones(4), [0.0, 1.0, 2.0, 3.0]]), np.array([0.0, 2.0, 1.0, 3.0])
    >>> found = influence_linear(X, y, at=1, weights=np.ones(4))
    >>> round(found.estimate, 12), found.moves.round(2).tolist()
    (0.8, [0.09, -0.09, -0.09, 0.09])
    """
    root = np.sqrt(weights)
    fit = solve_least_squares(X * root[:, None], y * root)
    if fit.df <= 0 or at not in fit.kept:
        return None
    direction = X[:, fit.kept] @ fit.unscaled[fit.kept, at]
    return Influence(float(fit.coefficients[at]), direction * root * fit.residuals)


def influence_logistic(X: F64, y: F64, *, at: int, weights: F64) -> Influence | None:
    """Return a log odds ratio and the people's influence on it.

    ``I^-1 x_i w_i (y_i - mu_i)``. People of whom other columns leave no doubt have none. None where
    the coefficient has no finite estimate.

    Parameters
    ----------
    X : ``(n, p)``, full rank.
    y : ``(n,)``, 0 or 1.
    weights : ``(n,)``.
    at : position of the coefficient.

    Examples
    --------
    >>> X = np.column_stack([np.ones(6), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    >>> y = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    >>> found = influence_logistic(X, y, at=1, weights=np.ones(6))
    >>> round(found.estimate, 4), bool(abs(found.moves.sum()) < 1e-9)
    (0.3613, True)
    """
    limit = fit_limit(X, y, column=at, weights=weights)
    if limit.separation != "none" or not limit.fit.converged:
        return None
    rows, place = limit.rows, int(np.searchsorted(limit.columns, at))
    inner = X[rows][:, limit.columns]
    rest = weights[rows] * (y[rows] - means_of(inner @ limit.fit.coefficients))
    moves = np.zeros(y.size)
    moves[rows] = (inner @ limit.fit.covariance[:, place]) * rest
    return Influence(float(limit.fit.coefficients[place]), moves)


def measure_change(
    first: Influence, second: Influence, *, clusters: I64 | None = None, level: float = 0.95
) -> Change | None:
    """Return the change from a first estimate to a second; None where it has no error.

    Normal limits. Those of the share are the values of ``second / first - 1`` that the data do not
    reject (Fieller 1954, doi:10.1111/j.2517-6161.1954.tb00159.x).

    Parameters
    ----------
    clusters : ``(n,)``, within which people are not independent; None for independent people.
    level : coverage.

    Examples
    --------
    >>> moves = np.array([0.1, -0.1, 0.1, -0.1])
    >>> found = measure_change(Influence(2.0, moves), Influence(1.5, moves * 0.5))
    >>> round(found.change, 3), round(found.se, 3), round(found.percent, 1)
    (-0.5, 0.1, -25.0)
    """
    moves = np.column_stack([first.moves, second.moves])
    largest = float(np.abs(moves).max(initial=0.0))
    if not 0.0 < largest < np.inf:
        return None
    moves = moves / largest
    if clusters is not None:
        codes = np.unique(clusters, return_inverse=True)[1]
        moves = np.column_stack([np.bincount(codes, weights=column) for column in moves.T])
    a, b = first.estimate / largest, second.estimate / largest
    joint, z = moves.T @ moves, NormalDist().inv_cdf(0.5 + level / 2.0)
    difference = moves[:, 1] - moves[:, 0]
    se = float(np.sqrt(difference @ difference))
    if not se > 0.0:
        return None
    change = b - a
    low, high = _divide(a, b, joint, z)
    with np.errstate(all="ignore"):
        percent = float(100.0 * np.float64(change) / a)
    return Change(
        change=change * largest,
        se=se * largest,
        low=(change - z * se) * largest,
        high=(change + z * se) * largest,
        percent=percent if np.isfinite(percent) else np.nan,
        percent_low=100.0 * (low - 1.0),
        percent_high=100.0 * (high - 1.0),
    )


def _divide(a: float, b: float, joint: F64, z: float) -> tuple[float, float]:
    """Return Fieller's limits of ``b / a``; NaN where they are not two."""
    first, mixed, second = (float(joint[i, j]) * z * z for i, j in ((0, 0), (0, 1), (1, 1)))
    lead = a * a - first
    middle = a * b - mixed
    inside = middle * middle - lead * (b * b - second)
    if not lead > 0.0 or not 0.0 <= inside < np.inf:
        return np.nan, np.nan
    reach = np.sqrt(inside)
    return (middle - reach) / lead, (middle + reach) / lead
