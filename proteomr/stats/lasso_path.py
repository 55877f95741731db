"""Least squares with a penalty on absolute coefficients, exact along a path of penalties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.linalg import LinAlgError
from scipy.linalg import cho_factor, cho_solve

from proteomr._typing import F64, I64, Bool

__all__ = ["LassoPath", "fit_lasso_path", "list_penalties"]

_LENGTH = 100  # glmnet's nlambda
_RATIO = 1e-4  # glmnet's lambda.min.ratio for n >= p
_FEWEST = 5  # glmnet's mnlam: so many penalties at least
_GAIN = 1e-5  # glmnet's fdev: the gain below which the sequence ends
_EXPLAINED = 0.999  # glmnet's devmax
_RANK = 1e-10  # squared pivots: columns are then equal to five digits
_TIE = 1e-12  # relative: a knot that rounding puts beside the last one is the last one
_BARRED = 1e-9  # relative: a column that has just left does not come back at the same knot
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

    with :math:`d_k` the standard deviation of a column about its mean, by the same weights. The
    solution is piecewise linear in :math:`\lambda`; the method goes from knot to knot, so that it
    is exact and each zero is a true zero.

    Source: Osborne, Presnell and Turlach 2000, doi:10.1093/imanum/20.3.389; Efron et al. 2004,
    doi:10.1214/009053604000000067. R: ``glmnet(X, y, weights, intercept = FALSE)`` 4.1, whose
    default penalties and rule to end the sequence are taken.

    Parameters
    ----------
    X : (n, p).
    y, weights : (n,).
    penalties : falling; None for glmnet's default. The path ends before the first penalty at which
        the active columns are collinear.

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
    given = list_penalties(float(np.abs(product).max())) if penalties is None else penalties
    scaled = _walk(gram, product, given)
    if penalties is None:
        mean = float(v @ y)
        rss = ((z - scaled @ Z.T) ** 2).sum(axis=1)
        scaled = scaled[: _end(1.0 - rss / (z @ z), (z @ z) / max(z @ z - mean**2, 1e-300))]
    penalty = given[: scaled.shape[0]]
    return LassoPath(penalty, scaled / safe, _certify(gram, product, penalty, scaled))


def _certify(gram: F64, product: F64, penalties: F64, b: F64) -> Bool:
    """Whether the conditions of the optimum (Karush, Kuhn, Tucker) hold at each penalty."""
    pull = product - b @ gram
    allowed = penalties[:, None]
    wrong = np.where(b == 0, np.abs(pull) - allowed, np.abs(pull - allowed * np.sign(b)))
    slack = _SLACK * (allowed[:, 0] + np.abs(product).max(initial=0.0))
    return np.asarray((wrong <= slack[:, None]).all(axis=1) & np.isfinite(b).all(axis=1))


def list_penalties(largest: float) -> F64:
    """Return glmnet's default sequence: 100 penalties, falling to 1/10,000 of the largest.

    Examples
    --------
    >>> list_penalties(2.0)[[0, 99]].round(6).tolist()
    [2.0, 0.0002]
    """
    return np.asarray(largest * _RATIO ** (np.arange(_LENGTH) / (_LENGTH - 1)))


def _end(explained: F64, unit: float) -> int:
    """How many penalties remain when the gain of the next is too small, or little is left."""
    explained = explained * unit
    for k in range(_FEWEST - 1, explained.size):
        if explained[k] - explained[k - 1] < _GAIN * explained[k] or explained[k] > _EXPLAINED:
            return k + 1
    return int(explained.size)


def _walk(gram: F64, product: F64, penalties: F64) -> F64:
    """Coefficients at each penalty, from knot to knot; fewer where the columns turn collinear."""
    p = product.size
    found: list[F64] = []
    level = float(np.abs(product).max(initial=0.0))
    active = [int(np.abs(product).argmax())]
    signs = [float(np.sign(product[active[0]]))]
    barred = -1
    while len(found) < penalties.size and penalties[len(found)] >= level:
        found.append(np.zeros(p))
    while len(found) < penalties.size:
        line = _line(gram, product, active, signs)
        if line is None:
            break
        level, joins, column = _next_knot(gram, product, line, level=level, barred=barred)
        while len(found) < penalties.size and penalties[len(found)] >= level:
            found.append(_at(line, penalties[len(found)], p))
        if len(found) == penalties.size or level <= 0:
            break
        if joins:
            sign = float(np.sign(_left(gram, product, line, level)[column]))
            active.append(column)
            signs.append(sign)
            barred = -1
        else:
            place = active.index(column)
            del active[place], signs[place]
            barred = column
    return np.array(found).reshape(-1, p)


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """Coefficients of the active columns between two knots: ``offset - penalty * slope``."""

    active: I64
    offset: F64
    slope: F64


def _line(gram: F64, product: F64, active: list[int], signs: list[float]) -> _Line | None:
    rows = np.array(active, dtype=np.int64)
    block = gram[np.ix_(rows, rows)]
    try:
        factor, lower = cho_factor(block, lower=True)
    except LinAlgError:
        return None
    pivots = np.diagonal(factor) ** 2
    if not pivots.min() > _RANK * pivots.max():
        return None
    right = np.column_stack([product[rows], np.array(signs)])
    solved = np.asarray(cho_solve((factor, lower), right))
    return _Line(rows, solved[:, 0], solved[:, 1])


def _at(line: _Line, penalty: float, p: int) -> F64:
    made = np.zeros(p)
    made[line.active] = line.offset - penalty * line.slope
    return made


def _left(gram: F64, product: F64, line: _Line, penalty: float) -> F64:
    """Products of the columns with what the coefficients leave of the response."""
    return np.asarray(product - gram[:, line.active] @ (line.offset - penalty * line.slope))


def _next_knot(
    gram: F64, product: F64, line: _Line, *, level: float, barred: int
) -> tuple[float, bool, int]:
    """The next penalty below at which a column joins or leaves; zero where none does."""
    base = product - gram[:, line.active] @ line.offset
    tilt = gram[:, line.active] @ line.slope
    with np.errstate(divide="ignore", invalid="ignore"):
        upper = base / (1.0 - tilt)
        lower = -base / (1.0 + tilt)
        leave = line.offset / line.slope
    below = level * (1.0 - _TIE)
    joins = np.stack([upper, lower])
    joins = np.where((joins > 0) & (joins < below), joins, 0.0).max(axis=0)
    joins[line.active] = 0.0
    if barred >= 0 and joins[barred] > level * (1.0 - _BARRED):
        joins[barred] = 0.0
    leave = np.where((leave > 0) & (leave < below), leave, 0.0)
    entering, leaving = int(joins.argmax()), int(leave.argmax())
    if joins[entering] >= leave[leaving]:
        return float(joins[entering]), True, entering
    return float(leave[leaving]), False, int(line.active[leaving])
