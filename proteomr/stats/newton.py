"""Newton's method for many small logistic regressions at once, each with its own rows.

The model and the letters are those of :mod:`proteomr.stats.batched_regressions`; here every fit has
its exact information matrix at every step, which is cheap while ``n k^2`` is small, so that the
iteration is quadratic and the covariance comes with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.certificates import certify, scale_scores
from proteomr.stats.linalg import cholesky_pivots

__all__ = ["NewtonEstimate", "fit_newton"]

# Fits with a maximum take some ten steps, and a step halved to a thousandth where they start badly.
_STEPS, _HALVINGS = 30, 20
_DECREMENT = 1e-22  # squared standard errors: 1e-11 of one
# Scores at the end, squared, in units of their own variance: rounding of a few thousand rows leaves
# below 1e-26, and above 1e-7 of a pivot the estimate is off by less than 1e-8 errors with this.
_SCORE = 1e-20
_PIVOT = 1e-7  # nine of sixteen digits stay; what is closer to dependent goes to the QR path
# Rounding of a log-likelihood, as a share of it.
_ROUNDING = 1e-11


@dataclass(frozen=True, slots=True)
class NewtonEstimate:
    """Estimates of the first border column: ``estimate, se, extreme, converged``, each ``(R,)``.

    ``extreme`` is the largest linear predictor in absolute value; where it is large, separation is
    likely.
    """

    estimate: F64
    se: F64
    extreme: F64
    converged: Bool


def fit_newton(A: F64, borders: F64, mask: F64, response: F64) -> NewtonEstimate:
    """Fit ``logit P(y = 1) = S gamma + A beta`` for each of R fits over the rows of its mask.

    Parameters
    ----------
    A : ``(n, k)`` covariates common to all fits, with their intercept. A column that is 0 on all
        rows of a fit takes no part in it.
    borders : ``(R, s, n)``, the column of interest first.
    mask : ``(R, n)``, 1 for the rows of the fit, else 0.
    response : ``(R, n)``, 0 or 1.

    Examples
    --------
    >>> x = np.array([[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]])
    >>> y = np.array([[0.0, 1.0, 0.0, 1.0, 0.0, 1.0]])
    >>> fit_newton(np.ones((6, 1)), x, np.ones((1, 6)), y).estimate.round(4).tolist()
    [0.3613]
    """
    R, s, n = borders.shape
    k = A.shape[1]
    rows, columns = np.triu_indices(k)
    products = A[:, rows] * A[:, columns]
    S = borders * mask[:, None, :]
    theta = np.zeros((R, s + k))
    eta = np.zeros((R, n))
    mu, value = _evaluate(eta, response, mask)
    converged = np.zeros(R, dtype=bool)
    usable = np.ones(R, dtype=bool)
    final = np.broadcast_to(np.eye(s + k), (R, s + k, s + k)).copy()
    last = np.full(R, np.nan)
    for _ in range(_STEPS):
        w = mu * (1.0 - mu) * mask
        g = _scores(A, S, (response - mu) * mask)
        H = _information(A, S, w, products, rows, columns)
        usable &= cholesky_pivots(H)[1] > _PIVOT
        H[~usable] = np.eye(s + k)
        step = np.asarray(np.linalg.solve(H, g[:, :, None])[:, :, 0], dtype=np.float64)
        decrement = np.vecdot(g, step)
        usable &= converged | (decrement >= 0.0)
        moving = usable & ~converged
        theta, eta, mu, value, risen = _advance(
            A, S, response, mask, theta, eta, value, step, moving
        )
        usable &= risen
        done = moving & risen & (decrement < _DECREMENT)
        final[done], last[done] = H[done], decrement[done]
        converged |= done
        if np.all(converged | ~usable):
            break
    covariance = np.linalg.inv(final)
    se = np.sqrt(np.maximum(covariance[:, 0, 0], 0.0))
    extreme = np.abs(eta * mask).max(axis=1, initial=0.0)
    g = _scores(A, S, (response - mu) * mask)
    certified = certify(
        decrement=last,
        scores=scale_scores(g, np.einsum("rii->ri", final)),
        estimate=theta[:, 0],
        se=se,
        bound=_DECREMENT,
        score_bound=_SCORE,
    )
    return NewtonEstimate(theta[:, 0], se, extreme, certified & usable)


def _evaluate(eta: F64, response: F64, mask: F64) -> tuple[F64, F64]:
    """Return means ``(R, n)`` and log-likelihoods ``(R,)``, of one exponential for each row."""
    size = np.abs(eta)
    e = np.exp(-size)
    both = 1.0 + e
    mu = np.where(eta >= 0.0, 1.0, e)
    mu /= both
    # log is quicker than log1p, and near enough for a sum that is compared alone
    terms = np.log(both, out=both)
    terms += np.maximum(eta, 0.0, out=size)
    np.multiply(response, eta, out=e)
    e -= terms
    return mu, np.asarray(np.vecdot(e, mask))


def _scores(A: F64, S: F64, residual: F64) -> F64:
    return np.concatenate([np.vecdot(S, residual[:, None, :]), residual @ A], axis=1)


def _information(A: F64, S: F64, w: F64, products: F64, rows: I64, columns: I64) -> F64:
    R, s, _ = S.shape
    k = A.shape[1]
    H = np.empty((R, s + k, s + k))
    packed = w @ products
    H[:, s + rows, s + columns] = packed
    H[:, s + columns, s + rows] = packed
    weighted = S * w[:, None, :]
    cross = (weighted.reshape(R * s, -1) @ A).reshape(R, s, k)
    H[:, :s, s:] = cross
    H[:, s:, :s] = cross.transpose(0, 2, 1)
    H[:, :s, :s] = np.matmul(weighted, S.transpose(0, 2, 1))
    empty = np.einsum("rii->ri", H) == 0.0
    np.einsum("rii->ri", H)[empty] = 1.0
    return H


def _advance(
    A: F64,
    S: F64,
    response: F64,
    mask: F64,
    theta: F64,
    eta: F64,
    value: F64,
    step: F64,
    moving: Bool,
) -> tuple[F64, F64, F64, F64, Bool]:
    """Take the step, halved where it lowers the likelihood, in the fits that still move.

    Returns
    -------
    Coefficients, linear predictors, means and likelihoods, and in which fits no likelihood was
    lowered in the end.
    """
    s = S.shape[1]
    direction = step[:, s:] @ A.T + np.matmul(step[:, None, :s], S)[:, 0, :]
    step, direction = (
        np.where(moving[:, None], step, 0.0),
        np.where(moving[:, None], direction, 0.0),
    )
    size = np.ones(moving.size)
    for _ in range(_HALVINGS):
        new_eta = eta + size[:, None] * direction
        mu, new_value = _evaluate(new_eta, response, mask)
        worse = moving & ~(new_value >= value - _ROUNDING * np.abs(value))
        if not np.any(worse):
            break
        size[worse] *= 0.5
    return theta + size[:, None] * step, new_eta, mu, new_value, ~worse
