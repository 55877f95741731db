"""Regression of effects on effects that are all estimates, for many sets of effects at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.stats.certificates import find_doubt

__all__ = [
    "STALLS",
    "Terms",
    "certify_terms",
    "combine_errors",
    "evaluate_terms",
    "minimise_terms",
    "step_terms",
    "vary_residuals",
]

STALLS = 4
"""Steps without a fall of the sum after which rounding alone moves the effects."""

_STEPS = 200  # Newton's method needs ten; a valley that takes more has no minimum worth the name
_HALVINGS = 40  # of a step, down to its last digits
_TOLERANCE = 1e-13  # standard errors per root of a variant: the last digits
_CONVEX = 1e-8  # of the information without the residuals: less, and Newton's step is no descent
_RISE = 1e-14  # relative: what rounding adds to a sum that does not rise
_LAST_DIGITS = 1e-15  # relative, four roundings: effects known to fewer standard errors hop so far


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """Squared standardised residuals of every variant, and their derivatives by the effects.

    Parameters
    ----------
    value : (b, m).
    gradient : (b, m, e).
    curvature : (b, m, e, e).
    variance : (b, m) of the residuals.
    """

    value: F64
    gradient: F64
    curvature: F64
    variance: F64


def combine_errors(se_x: F64, se_y: F64, *, correlations: F64) -> F64:
    """Return the covariances of each variant's estimates, exposures first.

    Parameters
    ----------
    se_x : (m, e).
    se_y : (m,).
    correlations : (e + 1, e + 1).

    Examples
    --------
    >>> combine_errors(np.full((1, 1), 0.5), np.full(1, 2.0), correlations=np.eye(2)).tolist()
    [[[0.25, 0.0], [0.0, 4.0]]]
    """
    se = np.column_stack([se_x, se_y])
    return np.asarray(se[:, :, None] * correlations * se[:, None, :])


def vary_residuals(covariances: F64, theta: F64) -> tuple[F64, F64]:
    r"""Return :math:`\Sigma_j u` (b, m, e + 1) and :math:`u^T \Sigma_j u` (b, m) at given effects.

    Parameters
    ----------
    covariances, theta : as in `evaluate_terms`, where :math:`u` is written out.

    Examples
    --------
    >>> errors = combine_errors(np.ones((1, 1)), np.ones(1), correlations=np.eye(2))
    >>> vary_residuals(errors, np.full((1, 1), 2.0))[1].tolist()
    [[5.0]]
    """
    u = np.concatenate([-theta, np.ones((theta.shape[0], 1))], axis=1)
    pushed = np.einsum("mkl,bl->bmk", covariances, u)
    return pushed, np.asarray(np.einsum("bmk,bk->bm", pushed, u))


def evaluate_terms(
    x: F64, y: F64, *, covariances: F64, theta: F64, excess: float | F64 = 0.0
) -> Terms:
    r"""Squared standardised residuals at given effects.

    .. math:: f_j(\theta) = \frac{(y_j - x_j^T \theta)^2}{\omega_j(\theta)}, \qquad
        \omega_j(\theta) = u^T \Sigma_j u + \tau^2, \quad u = (-\theta, 1)

    Twice the negative logarithm of the likelihood of a variant's estimates, its true effects on the
    exposures being at their most likely values.

    Parameters
    ----------
    x : (b, m, e).
    y : (b, m).
    covariances : (m, e + 1, e + 1), as of `combine_errors`.
    theta : (b, e).
    excess : :math:`\tau^2`.

    Examples
    --------
    >>> x, y = np.full((1, 1, 1), 2.0), np.full((1, 1), 3.0)
    >>> errors = combine_errors(np.ones((1, 1)), np.ones(1), correlations=np.eye(2))
    >>> evaluate_terms(x, y, covariances=errors, theta=np.ones((1, 1))).value.tolist()
    [[0.5]]
    """
    e = theta.shape[1]
    pushed, variance = vary_residuals(covariances, theta)
    variance = variance + excess
    slope = -2.0 * pushed[..., :e]
    residual = y - np.einsum("bme,be->bm", x, theta)
    ratio = residual / variance
    gradient = -2.0 * ratio[..., None] * x - (ratio**2)[..., None] * slope
    # The derivative of the residual by the root of its variance, twice.
    lean = x + ratio[..., None] * slope
    curvature = 2.0 * lean[..., :, None] * lean[..., None, :] / variance[..., None, None]
    curvature -= 2.0 * (ratio**2)[..., None, None] * covariances[None, :, :e, :e]
    return Terms(ratio * residual, gradient, curvature, variance)


def step_terms(
    x: F64,
    y: F64,
    *,
    covariances: F64,
    theta: F64,
    kept: Bool,
    excess: float | F64 = 0.0,
) -> tuple[F64, F64, Bool]:
    """One descending Newton step on the sum over the variants kept.

    Parameters
    ----------
    x, y, covariances, theta, excess : as in `evaluate_terms`.
    kept : (b, m).

    Returns
    -------
    Effects (b, e), how far they moved in standard errors (b,), and whether the sum fell by a step
    beyond their last digits (b,).
    """
    terms = evaluate_terms(x, y, covariances=covariances, theta=theta, excess=excess)
    w = kept.astype(np.float64)
    before = np.einsum("bm,bm->b", terms.value, w)
    gradient = np.einsum("bme,bm->be", terms.gradient, w)
    hessian = np.einsum("bmef,bm->bef", terms.curvature, w)
    scaled = x * np.sqrt(w / terms.variance)[..., None]
    gauss = 2.0 * np.einsum("bme,bmf->bef", scaled, scaled)
    convex = np.linalg.eigvalsh(hessian)[:, 0] > _CONVEX * np.linalg.eigvalsh(gauss)[:, 0]
    metric = np.where(convex[:, None, None], hessian, gauss)
    unit = np.sqrt(np.einsum("bee->be", gauss))
    unit = np.where(unit > 0, unit, 1.0)
    inverse = np.linalg.pinv(metric / (unit[:, :, None] * unit[:, None, :]), hermitian=True)
    step = -np.einsum("bef,bf->be", inverse, gradient / unit) / unit
    length = np.sqrt(np.maximum(-0.5 * np.einsum("be,be->b", step, gradient), 0.0))
    shrink = np.ones(before.size)
    for _ in range(_HALVINGS):
        trial = theta + shrink[:, None] * step
        residual = y - np.einsum("bme,be->bm", x, trial)
        variance = vary_residuals(covariances, trial)[1] + excess
        after = np.einsum("bm,bm->b", residual**2 / variance, w)
        worse = after > before * (1.0 + _RISE)
        if not worse.any():
            break
        shrink = np.where(worse, 0.5 * shrink, shrink)
    shrink = np.where(worse, 0.0, shrink)
    moved = theta + shrink[:, None] * step
    beyond = (np.abs(moved - theta) > _LAST_DIGITS * np.abs(theta)).any(axis=1)
    return moved, length * shrink, (after < before) & beyond


def minimise_terms(
    x: F64, y: F64, *, covariances: F64, start: F64, excess: float | F64 = 0.0
) -> tuple[F64, Bool]:
    """Effects at which the sum over all variants is least, and whether that is certified.

    Parameters
    ----------
    x, y, covariances, excess : as in `evaluate_terms`.
    start : (b, e).

    Examples
    --------
    >>> x, y = np.array([[[1.0], [2.0]]]), np.array([[2.0, 4.0]])
    >>> errors = combine_errors(np.ones((2, 1)), np.ones(2), correlations=np.eye(2))
    >>> minimise_terms(x, y, covariances=errors, start=np.ones((1, 1)))[0].round(9).tolist()
    [[2.0]]
    """
    theta = start
    every = np.ones(y.shape, dtype=np.bool_)
    stalls = np.zeros(y.shape[0], dtype=np.int64)
    for _ in range(_STEPS):
        theta, moved, fell = step_terms(
            x, y, covariances=covariances, theta=theta, kept=every, excess=excess
        )
        stalls = np.where(fell, 0, stalls + 1)
        if ((moved <= _TOLERANCE * np.sqrt(y.shape[1])) | (stalls >= STALLS)).all():
            break
    first = evaluate_terms(x, y, covariances=covariances, theta=start, excess=excess)
    rival = first.value.sum(axis=1)
    sure = certify_terms(
        x, y, covariances=covariances, theta=theta, kept=every, excess=excess, rival=rival
    )
    return theta, sure


def certify_terms(
    x: F64,
    y: F64,
    *,
    covariances: F64,
    theta: F64,
    kept: Bool,
    rival: F64,
    excess: float | F64 = 0.0,
) -> Bool:
    """Whether each set of effects is a minimum of the sum over the variants kept, (b,).

    Parameters
    ----------
    x, y, covariances, theta, excess : as in `evaluate_terms`.
    kept : (b, m).
    rival : (b,) the least sum seen elsewhere, that at the start included.
    """
    terms = evaluate_terms(x, y, covariances=covariances, theta=theta, excess=excess)
    w = kept.astype(np.float64)
    value = np.einsum("bm,bm->b", terms.value, w)
    score = 0.5 * np.einsum("bme,bm->be", terms.gradient, w)
    information = 0.5 * np.einsum("bmef,bm->bef", terms.curvature, w)
    finite = np.isfinite(information).all(axis=(1, 2)) & np.isfinite(score).all(axis=1)
    sure = np.zeros(value.size, dtype=np.bool_)
    for k in np.flatnonzero(finite):
        unit = np.sqrt(np.maximum(np.diagonal(information[k]), 0.0))
        unit = np.where(unit > 0, unit, 1.0)
        shape, g = information[k] / np.outer(unit, unit), score[k] / unit
        curvature = float(np.linalg.eigvalsh(shape)[0])
        distance = 0.0
        if curvature > 0.0:
            distance = float(np.sqrt(max(g @ np.linalg.solve(shape, g), 0.0)))
        doubt = find_doubt(
            distance=distance,
            curvature=curvature,
            value=float(value[k]),
            rival=float(rival[k]),
        )
        sure[k] = doubt is None
    return sure
