"""Least squares with a penalty on absolute coefficients, exact along a path of penalties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dposv

from proteomr._typing import F64, Bool

__all__ = ["LassoPath", "find_end", "fit_lasso_path", "list_penalties", "meets_conditions"]

_LENGTH = 100  # glmnet's nlambda
_RATIO = 1e-4  # glmnet's lambda.min.ratio for n >= p
_FEWEST = 5  # glmnet's mnlam: so many penalties at least
_GAIN = 1e-5  # glmnet's fdev: the gain below which the sequence ends
_EXPLAINED = 0.999  # glmnet's devmax
_TIE = 1e-10  # relative: a column whose product equals the penalty but for rounding stays out
_TURNS = 20  # times every column may come in: some two thirds of them do, once
_SLACK = 1e-9  # of the largest product: what a few hundred knots leave in rounding


@dataclass(frozen=True, slots=True, eq=False)
class LassoPath:
    """Coefficients at falling penalties.

    Parameters
    ----------
    penalties : (l,), falling.
    coefficients : (l, p), in the units of the columns given.
    certified : (l,) whether each solution is the optimum by its own conditions: the product of a
        column with the residual is the penalty, in the sign of its coefficient, or less than it
        where the coefficient is zero.
    """

    penalties: F64
    coefficients: F64
    certified: Bool


def fit_lasso_path(X: F64, y: F64, *, weights: F64, penalties: F64 | None = None) -> LassoPath:
    r"""Penalised regression by the origin, for a falling sequence of penalties.

    .. math:: \min_b \tfrac{1}{2} \sum_i v_i (y_i - x_i^T b)^2 + \lambda \sum_k d_k |b_k|,
        \qquad \textstyle\sum_i v_i = 1

    with :math:`d_k` the standard deviation of a column about its mean, by the same weights. Each
    solution comes from that before it, a coefficient in or out at a time and the others solved
    for, so that it is exact and each zero is a true zero.

    Source: Osborne, Presnell and Turlach 2000, doi:10.1093/imanum/20.3.389; Efron et al. 2004,
    doi:10.1214/009053604000000067. R: ``glmnet(X, y, weights, intercept = FALSE)`` 4.1, whose
    default penalties and rule to end the sequence are taken.

    Parameters
    ----------
    X : (n, p).
    y, weights : (n,).
    penalties : falling; None for glmnet's default.

    Examples
    --------
    >>> X = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> y = np.array([4.0, -4.0, 1.0, -1.0])
    >>> path = fit_lasso_path(X, y, weights=np.ones(4), penalties=np.array([1.0, 0.1]))
    >>> path.coefficients.round(6).tolist()
    [[2.585786, 0.0], [3.858579, 0.858579]]
    """
    v = weights / weights.sum()
    spread = np.sqrt(np.maximum(v @ X**2 - (v @ X) ** 2, 0.0))
    safe = np.where(spread > 0, spread, 1.0)
    Z = np.where(spread > 0, X / safe, 0.0) * np.sqrt(v)[:, None]
    z = y * np.sqrt(v)
    gram, product = Z.T @ Z, Z.T @ z
    sequence = list_penalties(float(np.abs(product).max())) if penalties is None else penalties
    rule = None
    if penalties is None:
        mean, whole = float(v @ y), float(z @ z)
        rule = _Rule(Z, z, whole / max(whole - mean**2, 1e-300))
    scaled = _walk(gram, product, sequence, rule)
    penalty = sequence[: scaled.shape[0]]
    certified = meets_conditions(
        product - scaled @ gram,
        scaled,
        penalty,
        largest=float(np.abs(product).max(initial=0.0)),
    )
    return LassoPath(penalty, scaled / safe, certified)


def meets_conditions(pull: F64, b: F64, penalties: F64, *, largest: float) -> Bool:
    """Whether the conditions of the optimum (Karush, Kuhn, Tucker) hold at each penalty (l,).

    Parameters
    ----------
    pull : (l, p) products of the columns with the residuals, each at its scale.
    b : (l, p) coefficients.
    penalties : (l,).
    largest : absolute product of a column with the response.

    Examples
    --------
    >>> pull, b = np.array([[1.0, -0.5], [1.0, -0.5]]), np.array([[2.0, 0.0], [2.0, -1.0]])
    >>> meets_conditions(pull, b, np.ones(2), largest=3.0).tolist()
    [True, False]
    """
    allowed = penalties[:, None]
    wrong = np.where(b == 0, np.abs(pull) - allowed, np.abs(pull - allowed * np.sign(b)))
    slack = _SLACK * (penalties + largest)
    return np.asarray((wrong <= slack[:, None]).all(axis=1) & np.isfinite(b).all(axis=1))


def find_end(explained: F64) -> int:
    """Return how many penalties of a sequence count: to where a further one gains too little.

    Parameters
    ----------
    explained : (l,) part of the deviance that is explained at each.

    Examples
    --------
    >>> find_end(np.array([0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.7, 0.7]))
    7
    """
    gain = np.diff(explained, prepend=0.0)
    settled = (gain < _GAIN * explained) | (explained > _EXPLAINED)
    stops = np.flatnonzero(settled[_FEWEST - 1 :])
    return _FEWEST + int(stops[0]) if stops.size else explained.size


def list_penalties(largest: float) -> F64:
    """Return glmnet's default sequence: 100 penalties, falling to 1/10,000 of the largest.

    Examples
    --------
    >>> list_penalties(2.0)[[0, 99]].round(6).tolist()
    [2.0, 0.0002]
    """
    return np.asarray(largest * _RATIO ** (np.arange(_LENGTH) / (_LENGTH - 1)))


@dataclass(slots=True, eq=False)
class _Rule:
    """Ends a sequence when the gain of the next penalty is too small, or little is left.

    Parameters
    ----------
    columns, target : of the regression.
    unit : share of the whole that the explained part is of.
    explained : at the last penalty.
    """

    columns: F64
    target: F64
    unit: float
    explained: float = 0.0

    def ends(self, b: F64, count: int) -> bool:
        """Whether these coefficients, the so many-th, are the last."""
        residuals = self.target - self.columns @ b
        before, whole = self.explained, float(self.target @ self.target)
        self.explained = (1.0 - float(residuals @ residuals) / whole) * self.unit
        gain = self.explained - before
        settled = gain < _GAIN * self.explained or self.explained > _EXPLAINED
        return count >= _FEWEST and settled


def _walk(gram: F64, product: F64, penalties: F64, rule: _Rule | None) -> F64:
    """Coefficients at each penalty until the rule ends it, each from those at the one before."""
    b = np.zeros(product.size)
    path: list[F64] = []
    for penalty in penalties.tolist():
        b = _descend(gram, product, penalty, b)
        path.append(b)
        if rule is not None and rule.ends(b, len(path)):
            break
    return np.array(path).reshape(-1, product.size)


def _descend(gram: F64, product: F64, penalty: float, start: F64) -> F64:
    """Solve one penalty from a neighbouring solution, a coefficient in or out at a time."""
    b, sign = start.copy(), np.sign(start)
    for _ in range(_TURNS * (b.size + 1)):
        b, sign = _settle(gram, product, penalty, b, sign)
        pull = product - gram @ b
        excess = np.where(sign == 0.0, np.abs(pull), 0.0)
        worst = int(excess.argmax())
        if not excess[worst] > penalty * (1.0 + _TIE):
            break
        sign[worst] = np.sign(pull[worst])
    return b


def _settle(gram: F64, product: F64, penalty: float, b: F64, sign: F64) -> tuple[F64, F64]:
    """Solve for the coefficients with a sign, letting go of those that reach zero on the way."""
    b, sign = b.copy(), sign.copy()
    for _ in range(b.size + 1):
        active = np.flatnonzero(sign)
        if not active.size:
            break
        goal = _solve(gram[np.ix_(active, active)], product[active] - penalty * sign[active])
        crossed: Bool = goal * sign[active] < 0.0
        if not crossed.any():
            b[active] = goal
            break
        now = b[active]
        share = now[crossed] / (now[crossed] - goal[crossed])
        first = int(share.argmin())
        b[active] = now + share[first] * (goal - now)
        out = active[np.flatnonzero(crossed)[first]]
        b[out], sign[out] = 0.0, 0.0
    return b, sign


def _solve(block: F64, right: F64) -> F64:
    """Solve for the active coefficients; the shortest solution where they are collinear."""
    _, solution, fault = dposv(block, right, lower=1)
    if fault:
        return np.asarray(np.linalg.lstsq(block, right, rcond=None)[0])
    return np.asarray(solution)
