"""Regression by least absolute deviations, for many sets of points at once."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64, Bool

__all__ = ["fit_absolute_deviations"]

_STEPS = 500  # steps to a neighbouring plane; some 2 p are usual
_SLACK = 1e-10  # of a weight: a slope that rounding alone makes of an edge that does not fall
_INDEPENDENT = 0.1  # of its length left by the points before: far from a plane through them


def fit_absolute_deviations(X: F64, y: F64, *, weights: F64) -> tuple[F64, Bool]:
    r"""Coefficients that minimise a weighted sum of absolute residuals, for each set of points.

    .. math:: \hat\theta = \arg\min_\theta \sum_j w_j \lvert y_j - x_j^T \theta \rvert

    The minimum is at a plane through p of the points. From one such plane the method goes along the
    edge of steepest descent to the next, past as many points as lower the sum, until no edge goes
    down. The result is exact.

    Source: Barrodale and Roberts 1973, doi:10.1137/0710069. R: ``quantreg::rq(y ~ X - 1,
    weights = w)``.

    Parameters
    ----------
    X : (b, m, p).
    y : (b, m).
    weights : (m,), above zero; the same for every set.

    Returns
    -------
    Coefficients (b, p), and whether each set came to its minimum: no edge falls from it, and the
    sum is not above that of least squares. Without it they are NaN.

    Examples
    --------
    >>> X = np.array([[[1.0], [1.0], [1.0]]])
    >>> fit_absolute_deviations(X, np.array([[1.0, 2.0, 9.0]]), weights=np.ones(3))[0].tolist()
    [[2.0]]
    """
    basis, near = _start(X, y, weights)
    sign = np.where(_residuals(X, y, basis) < 0, -1.0, 1.0)
    done = np.zeros(y.shape[0], dtype=np.bool_)
    for _ in range(_STEPS):
        active = np.flatnonzero(~done)
        if not active.size:
            break
        stepped = _step(X[active], y[active], weights, basis[active], sign[active])
        basis[active], sign[active], done[active] = stepped
    coefficients = _solve(X, y, basis)
    done &= np.isfinite(coefficients).all(axis=1)
    sums = np.abs(y - np.einsum("bmp,bp->bm", X, coefficients)) @ weights
    done &= sums <= (1.0 + _SLACK) * (np.abs(y - np.einsum("bmp,bp->bm", X, near)) @ weights)
    coefficients[~done] = np.nan
    return coefficients, done


def _rows(X: F64, basis: I64) -> F64:
    return np.asarray(np.take_along_axis(X, basis[:, :, None], axis=1))


def _solve(X: F64, y: F64, basis: I64) -> F64:
    right = np.take_along_axis(y, basis, axis=1)[..., None]
    return np.asarray(np.linalg.solve(_rows(X, basis), right)[..., 0])


def _residuals(X: F64, y: F64, basis: I64) -> F64:
    return np.asarray(y - np.einsum("bmp,bp->bm", X, _solve(X, y, basis)))


def _start(X: F64, y: F64, weights: F64) -> tuple[I64, F64]:
    """Independent points near the least-squares plane, chosen one by one, and that plane."""
    b, _, p = X.shape
    root = np.sqrt(weights)
    S = X * root[:, None]
    gram = np.einsum("bmp,bmq->bpq", S, S)
    right = np.einsum("bmp,bm->bp", S, y * root)
    theta = np.linalg.solve(gram, right[..., None])[..., 0]
    near = np.argsort(np.abs(y - np.einsum("bmp,bp->bm", X, theta)), axis=1, kind="stable")
    remainder = np.take_along_axis(X, near[..., None], axis=1).copy()
    whole = np.linalg.norm(remainder, axis=2)
    basis = np.empty((b, p), dtype=np.int64)
    every = np.arange(b)
    for k in range(p):
        length = np.linalg.norm(remainder, axis=2)
        independent = length > _INDEPENDENT * whole
        best = np.where(independent.any(axis=1), independent.argmax(axis=1), length.argmax(axis=1))
        basis[:, k] = near[every, best]
        unit = remainder[every, best] / length[every, best][:, None]
        remainder -= np.einsum("bmp,bp->bm", remainder, unit)[..., None] * unit[:, None, :]
        whole[every, best] = np.inf
    return basis, np.asarray(theta)


def _step(X: F64, y: F64, weights: F64, basis: I64, sign: F64) -> tuple[I64, F64, Bool]:
    """Leave each plane by its steepest edge; sign is the side of the plane that a point is on."""
    every = np.arange(basis.shape[0])
    inverse = np.linalg.inv(_rows(X, basis))
    pull = sign * weights
    np.put_along_axis(pull, basis, 0.0, axis=1)
    dual = np.einsum("bp,bpk->bk", np.einsum("bm,bmp->bp", pull, X), inverse)
    leaving = (np.abs(dual) / weights[basis]).argmax(axis=1)
    old, steepest = basis[every, leaving], dual[every, leaving]
    fall = np.abs(steepest) - weights[old]
    moved = fall > _SLACK * weights[old]
    up = np.where(steepest < 0, -1.0, 1.0)
    along = np.einsum("bmp,bp->bm", X, inverse[every, :, leaving] * up[:, None])
    np.put_along_axis(along, basis, 0.0, axis=1)
    entering, crossed = _search(_residuals(X, y, basis), sign, along, weights, fall)
    sign = np.where(crossed & moved[:, None], -sign, sign)
    sign[every[moved], old[moved]] = -up[moved]
    basis = basis.copy()
    basis[every[moved], leaving[moved]] = entering[moved]
    return basis, sign, ~moved


def _search(residuals: F64, sign: F64, along: F64, weights: F64, fall: F64) -> tuple[I64, Bool]:
    """The point where the sum stops falling along an edge, and the points passed before it."""
    speed = sign * along
    with np.errstate(divide="ignore", invalid="ignore"):
        at = np.where(speed > 0, np.maximum(sign * residuals, 0.0) / speed, np.inf)
    order = np.argsort(at, axis=1, kind="stable")
    braking = 2.0 * weights * np.maximum(speed, 0.0)
    spent = np.cumsum(np.take_along_axis(braking, order, axis=1), axis=1)
    place = (spent >= fall[:, None]).argmax(axis=1)
    crossed = np.zeros(order.shape, dtype=np.bool_)
    before = np.arange(order.shape[1])[None, :] < place[:, None]
    np.put_along_axis(crossed, order, before, axis=1)
    return order[np.arange(order.shape[0]), place], crossed
