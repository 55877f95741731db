"""The lasso along glmnet's sequence of penalties, each solution exact."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from proteomr._typing import F64, Bool

__all__ = ["LassoPath", "fit_lasso_path"]

_PENALTIES = 100
_SMALLEST = 1e-4
_LEAST_STEPS = 5
_LEAST_GAIN = 1e-5
_MOST_EXPLAINED = 0.999
_SLACK = 1e-10


@dataclass(frozen=True, slots=True)
class LassoPath:
    """Solutions from the largest penalty down: ``penalty (s,)``, ``coefficients (s, p)``."""

    penalty: F64
    coefficients: F64


def fit_lasso_path(X: F64, y: F64) -> LassoPath:
    r"""Return the lasso without intercept on columns scaled to unit standard deviation.

    .. math:: \min_b \frac{1}{2n} \lVert y - X b \rVert^2 + \lambda \sum_j d_j |b_j|, \qquad
        d_j = \mathrm{sd}(X_j)

    at 100 penalties from the smallest that gives zero down to its ten-thousandth, ended where the
    explained share grows by less than 1e-5 of itself or exceeds 0.999. Solutions come from an
    active-set iteration, so that a coefficient is zero exactly where it should be.

    Source: Friedman, Hastie and Tibshirani 2010, doi:10.18637/jss.v033.i01.
    R: ``glmnet(X, y, intercept = FALSE)`` 4.1.

    Parameters
    ----------
    X : (n, p) with n >= p and no column of equal values.
    y : (n,).

    Examples
    --------
    >>> path = fit_lasso_path(np.array([[1.0, 0.0], [-1.0, 1.0]]), np.array([1.0, -1.0]))
    >>> path.coefficients[0].tolist(), bool(path.coefficients[-1][0] > 0.9)
    ([0.0, 0.0], True)
    """
    n, p = X.shape
    scale = X.std(axis=0)
    height = math.sqrt(float(np.mean(y**2)))
    Z, target = X / scale, y / height
    G, g = Z.T @ Z / n, Z.T @ target / n
    penalty = float(np.abs(g).max()) * _SMALLEST ** (np.arange(_PENALTIES) / (_PENALTIES - 1.0))
    b = np.zeros(p)
    found: list[F64] = []
    explained = 0.0
    for k, size in enumerate(penalty):
        b = _descend(G, g, float(size), b) if k else b
        found.append(b)
        before, explained = explained, 1.0 - float(np.mean((target - Z @ b) ** 2))
        settled = explained - before < _LEAST_GAIN * explained or explained > _MOST_EXPLAINED
        if k + 1 >= _LEAST_STEPS and settled:
            break
    return LassoPath(penalty[: len(found)] * height, np.array(found) * height / scale)


def _descend(G: F64, g: F64, penalty: float, start: F64) -> F64:
    """Solve one penalty from a neighbouring solution, a coefficient in or out at a time."""
    b = start.copy()
    sign = np.sign(b)
    for _ in range(20 * b.size + 100):
        b, sign = _settle(G, g, penalty, b, sign)
        gradient = g - G @ b
        excess = np.where(sign == 0.0, np.abs(gradient), 0.0)
        worst = int(excess.argmax())
        if excess[worst] <= penalty * (1.0 + _SLACK):
            break
        sign[worst] = np.sign(gradient[worst])
    return b


def _settle(G: F64, g: F64, penalty: float, b: F64, sign: F64) -> tuple[F64, F64]:
    """Solve for the coefficients with a sign, letting go of those that reach zero on the way."""
    b, sign = b.copy(), sign.copy()
    while True:
        active = np.flatnonzero(sign)
        if not active.size:
            return b, sign
        right = g[active] - penalty * sign[active]
        goal = _solve(G[np.ix_(active, active)], right)
        crossed: Bool = goal * sign[active] < 0.0
        if not crossed.any():
            b[active] = goal
            return b, sign
        now = b[active]
        share = now[crossed] / (now[crossed] - goal[crossed])
        first = int(share.argmin())
        b[active] = now + share[first] * (goal - now)
        out = active[np.flatnonzero(crossed)[first]]
        b[out], sign[out] = 0.0, 0.0


def _solve(G: F64, right: F64) -> F64:
    """Solve for the active coefficients; the shortest solution where they are collinear."""
    try:
        return np.asarray(linalg.cho_solve(linalg.cho_factor(G, lower=True), right))
    except linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(G, right, rcond=None)[0])
