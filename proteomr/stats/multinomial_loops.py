"""What the multinomial kernel does to a chunk of rows between two matrix products, in place.

Shapes are those of :mod:`proteomr.stats.row_models`: ``R = B F`` fits of ``L`` predictors each, row
``r L + l`` of an array ``(R L, c)`` being predictor ``l`` of fit ``r``; ``s`` border columns. A
response is a level from 0 on, level 0 the reference; ``allowed (L + 1, n)`` is 1 for the levels
that a row may have, 0 for those that the covariates alone rule out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64

__all__ = [
    "apply_curvature",
    "apply_exact_curvature",
    "apply_first_curvature",
    "store_means",
    "sum_log_likelihoods",
    "sum_scores",
]

_Array = NDArray[Any]


def sum_scores(
    eta: _Array,
    borders: _Array,
    mask: _Array,
    response: _Array,
    allowed: _Array,
    coefficients: _Array,
    start: int,
    score: F64,
) -> None:
    """Replace ``eta = A beta`` by residuals ``m (1{y = l} - mu_l)``; add their border scores."""
    _leave_residuals(eta, borders, mask, response, allowed, coefficients, start, score)


def store_means(
    eta: _Array,
    borders: _Array,
    mask: _Array,
    response: _Array,
    allowed: _Array,
    coefficients: _Array,
    start: int,
    score: F64,
    means: F64,
    weights: _Array,
) -> None:
    """As :func:`sum_scores`, and keep ``mu`` and ``m mu (1 - mu)``, each ``(R, L, n)``."""
    rows = slice(start, start + eta.shape[1])
    mu = _leave_residuals(eta, borders, mask, response, allowed, coefficients, start, score)
    B, F, L, c = mu.shape
    means[:, :, rows] = mu.reshape(B * F, L, c)
    spread = mask[:, None, None, rows] * mu * (1.0 - mu)
    weights[:, :, rows] = spread.reshape(B * F, L, c)


def apply_curvature(
    u: _Array,
    means: F64,
    borders: _Array,
    mask: _Array,
    vector: _Array,
    start: int,
    product: F64,
) -> None:
    """Replace ``u = A v`` by ``m mu_l (u_l - sum_k mu_k u_k)``, u with the borders' part of v.

    Its products with the borders are added.
    """
    whole = _add_borders(u, borders, vector, start)
    rows = slice(start, start + u.shape[1])
    mu = means[:, :, rows].reshape(whole.shape).astype(u.dtype)
    whole -= np.sum(mu * whole, axis=2, keepdims=True)
    whole *= mu
    whole *= mask[:, None, None, rows]
    _add_products(whole, borders[:, :, rows], product)


def apply_exact_curvature(
    u: F64, means: F64, borders: F64, mask: _Array, vector: F64, start: int, product: F64
) -> None:
    """As :func:`apply_curvature`, in double precision."""
    apply_curvature(u, means, borders, mask, vector, start, product)


def apply_first_curvature(
    u: F64,
    shift: _Array,
    means: F64,
    borders: _Array,
    mask: _Array,
    vector: F64,
    step: F64,
    start: int,
    product: F64,
) -> None:
    """As :func:`apply_exact_curvature`, after a step from ``means``, which move with it.

    The step shifts the predictors by ``shift = A d`` and the borders' part.
    """
    moved = _add_borders(shift, borders, step, start)
    rows = slice(start, start + u.shape[1])
    mu = means[:, :, rows].reshape(moved.shape)
    mu = mu + mu * (moved - np.sum(mu * moved, axis=2, keepdims=True))
    means[:, :, rows] = mu.reshape(means.shape[0], means.shape[1], -1)
    apply_exact_curvature(u, means, borders, mask, vector, start, product)


def sum_log_likelihoods(means: F64, mask: _Array, response: F64, out: F64) -> None:
    """Put ``sum m log mu_y`` of each fit into ``out (R,)``, for its means ``(R, L, n)``."""
    F = response.shape[0]
    for r, mean in enumerate(means):
        y, m = response[r % F].astype(np.int64), mask[r // F]
        whole = np.concatenate([1.0 - mean.sum(axis=0, keepdims=True), mean])
        seen = m > 0.0
        of_rows = np.take_along_axis(whole, y[None], axis=0)[0][seen]
        with np.errstate(divide="ignore", invalid="ignore"):
            out[r] = m[seen].astype(np.float64) @ np.log(of_rows)


def _leave_residuals(
    eta: _Array,
    borders: _Array,
    mask: _Array,
    response: _Array,
    allowed: _Array,
    coefficients: _Array,
    start: int,
    score: F64,
) -> _Array:
    """Leave the residuals in eta; return the means ``(B, F, L, c)``."""
    rows = slice(start, start + eta.shape[1])
    whole = _add_borders(eta, borders, coefficients, start)
    powers = np.exp(whole) * allowed[1:, rows].astype(eta.dtype)
    mean = powers / (allowed[0, rows] + powers.sum(axis=2, keepdims=True))
    levels = np.arange(1, allowed.shape[0])[:, None]
    np.subtract(response[:, None, rows] == levels, mean, out=whole)
    whole *= mask[:, None, None, rows]
    _add_products(whole, borders[:, :, rows], score)
    return np.asarray(mean)


def _add_borders(eta: _Array, borders: _Array, coefficients: _Array, start: int) -> _Array:
    """Add ``S gamma`` to ``eta`` in place; return it as ``(B, F, L, c)``."""
    B, s, _ = borders.shape
    R, c = coefficients.shape[0], eta.shape[1]
    whole = eta.reshape(B, R // B, eta.shape[0] // R, c)
    gamma = coefficients.reshape(*whole.shape[:3], s)
    for a in range(s):
        whole += gamma[..., a, None] * borders[:, None, None, a, start : start + c]
    return whole


def _add_products(whole: _Array, borders: _Array, total: F64) -> None:
    s = borders.shape[1]
    by_predictor = total.reshape(*whole.shape[:3], s)
    for a in range(s):
        by_predictor[..., a] += np.vecdot(whole, borders[:, None, None, a, :])
