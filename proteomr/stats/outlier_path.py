r"""A line through the origin with a penalised effect of its own for each point, along a path.

.. math:: \min_{\theta, a} \tfrac{1}{2m} \sum_j (y_j - \theta x_j - a_j)^2
    + \lambda \sum_j c_j |a_j|

With :math:`a` at its best it is a sum of Huber's losses of the residuals r, which bend at
:math:`m\lambda c_j`: the slope is the root of a function that falls in straight pieces, and
:math:`a_j` is what of :math:`r_j` lies beyond the bend. The m own effects are thus solved for by
one sort, at all penalties together, where a lasso of m columns solves a system for each.
Letters: m points, l penalties.
"""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.stats.lasso_path import LassoPath, find_end, list_penalties, meets_conditions

__all__ = ["fit_outlier_path"]

_NOTHING = 1e-12  # of the largest effect: residuals that are rounding
_SMALLEST = 1e-300  # keeps a quotient finite whose residuals are all equal
_TIE = 1e-10  # relative: a residual at its bend but for rounding has no effect beside it


def fit_outlier_path(x: F64, y: F64) -> LassoPath | None:
    r"""Return own effects at falling penalties; None where residuals leave nothing to penalise.

    The penalties, their end, and the factors :math:`c_j`, the standard deviations of the columns of
    the projection off x, are those of ``glmnet`` 4.1 for the regression of the projected y on them.

    Parameters
    ----------
    x, y : (m,) in units of the standard errors of y.

    Returns
    -------
    A path whose coefficients are the a of all points, (l, m).

    Examples
    --------
    >>> path = fit_outlier_path(np.array([1.0, 2.0, 3.0, 2.0]), np.array([1.0, 2.1, 2.9, 9.0]))
    >>> (path.coefficients[20] != 0).tolist(), bool(path.certified.all())
    ([False, False, False, True], True)
    """
    m = x.size
    u = x / np.sqrt(x @ x)
    square = (1.0 - u * u) / m - ((1.0 - u * u.sum()) / m) ** 2
    residual = y - u * (u @ y)
    if not (np.abs(residual).max() > _NOTHING * np.abs(y).max() and (square > 0).all()):
        return None
    c = np.sqrt(square)
    penalties = list_penalties(float(np.abs(residual / (m * c)).max()))
    bend = m * np.outer(penalties, c)
    slope = _solve(x, y, bend)
    rest = y - slope[:, None] * x
    own = np.where(np.abs(rest) > bend * (1.0 + _TIE), rest - np.copysign(bend, rest), 0.0)
    own[0] = 0.0  # but for rounding: the largest penalty is the first that leaves none
    left = ((rest - own) ** 2).sum(axis=1)
    whole = float(residual @ residual)
    unit = whole / max(whole - float(residual.sum()) ** 2 / m, _SMALLEST)
    end = find_end((1.0 - left / whole) * unit)
    return LassoPath(penalties[:end], own[:end], _certify(u, y, m * c, penalties[:end], own[:end]))


def _solve(x: F64, y: F64, bend: F64) -> F64:
    """Slopes (l,) at which the pulls of all points, cut at their bends (l, m), add up to zero."""
    used = x != 0.0
    x, y, bend = x[used], y[used], bend[:, used]
    reach, centre = np.abs(bend / x), y / x
    ends = np.concatenate([centre - reach, centre + reach], axis=1)
    order = np.argsort(ends, axis=1)
    change = np.concatenate([x * x, -x * x])[order]
    ends = np.take_along_axis(ends, order, axis=1)
    steepness = np.cumsum(change, axis=1)[:, :-1]
    pull = (np.abs(x) * bend).sum(axis=1, keepdims=True)
    pull = pull - np.cumsum(steepness * np.diff(ends, axis=1), axis=1)
    place = np.minimum(np.count_nonzero(pull > 0.0, axis=1), pull.shape[1] - 1)
    rows = np.arange(place.size)
    middle = 0.5 * (ends[rows, place] + ends[rows, place + 1])
    rest = y - middle[:, None] * x
    inside = np.abs(rest) <= bend
    right = np.where(inside, x * y, x * np.copysign(bend, rest)).sum(axis=1)
    weight = np.where(inside, x * x, 0.0).sum(axis=1)
    return np.asarray(np.divide(right, weight, out=middle, where=weight > 0.0))


def _certify(u: F64, y: F64, scale: F64, penalties: F64, own: F64) -> Bool:
    """Whether the conditions of the optimum hold, by projections that the search does not use."""
    without = y - own
    pull = (without - np.outer(without @ u, u)) / scale
    largest = float(np.abs((y - u * (u @ y)) / scale).max())
    return meets_conditions(pull, own, penalties, largest=largest)
