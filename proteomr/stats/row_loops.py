"""The row loops of the batched logistic kernel in numpy: the form used without numba.

Shapes as in :mod:`proteomr.stats.compiled_loops`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["apply_curvature", "apply_first_curvature", "store_means", "sum_scores"]

_Array = NDArray[Any]


def _add_borders(eta: _Array, borders: _Array, coefficients: _Array) -> _Array:
    B, s, c = borders.shape
    by_protein = eta.reshape(B, -1, c)
    for a in range(s):
        b = coefficients[:, a].reshape(B, -1, 1).astype(eta.dtype)
        by_protein += b * borders[:, a, None, :]
    return by_protein


def _border_products(by_protein: _Array, borders: _Array, total: _Array) -> None:
    for a in range(borders.shape[1]):
        total[:, a] += np.vecdot(by_protein, borders[:, a, None, :]).reshape(-1)


def _mean(by_protein: _Array) -> _Array:
    np.negative(by_protein, out=by_protein)
    np.clip(by_protein, -700 if by_protein.dtype == np.float64 else -87, None, out=by_protein)
    np.exp(np.minimum(by_protein, 87 if by_protein.dtype == np.float32 else 700), out=by_protein)
    by_protein += 1
    return np.reciprocal(by_protein, out=by_protein)


def sum_scores(
    eta: _Array,
    borders: _Array,
    mask: _Array,
    response: _Array,
    coefficients: _Array,
    start: int,
    score: _Array,
) -> None:
    """Replace ``eta = A beta`` ``(R, c)`` by ``m (y - mu)``; add its border scores to ``score``."""
    rows = slice(start, start + eta.shape[1])
    mean = _mean(_add_borders(eta, borders[:, :, rows], coefficients))
    np.subtract(response[None, :, rows], mean, out=mean)
    mean *= mask[:, None, rows]
    _border_products(mean, borders[:, :, rows], score)


def store_means(
    eta: _Array,
    borders: _Array,
    mask: _Array,
    response: _Array,
    coefficients: _Array,
    start: int,
    score: _Array,
    means: _Array,
) -> None:
    """As :func:`sum_scores` in double precision, and keep ``m mu`` in ``means`` ``(R, n)``."""
    rows = slice(start, start + eta.shape[1])
    mean = _mean(_add_borders(eta, borders[:, :, rows], coefficients))
    mean *= mask[:, None, rows]
    means[:, rows] = mean.reshape(eta.shape)
    np.subtract(response[None, :, rows] * mask[:, None, rows], mean, out=mean)
    _border_products(mean, borders[:, :, rows], score)


def apply_first_curvature(
    u: _Array,
    shift: _Array,
    means: _Array,
    borders: _Array,
    vector: _Array,
    step: _Array,
    start: int,
    product: _Array,
    weights: _Array,
) -> None:
    """As :func:`apply_curvature`, with the weights ``mu (1 - mu)`` after a step from ``means``, which are kept.

    The step shifts eta by ``shift = A d (R, c)`` and by the borders' part.
    """
    rows = slice(start, start + u.shape[1])
    _add_borders(shift, borders[:, :, rows].astype(np.float32), step)
    by_protein = _add_borders(u, borders[:, :, rows], vector)
    mu = means[:, rows]
    moved = mu + mu * (1.0 - mu) * shift
    moved *= 1.0 - moved
    weights[:, rows] = moved
    u *= moved
    _border_products(by_protein, borders[:, :, rows], product)


def apply_curvature(
    u: _Array, weights: _Array, borders: _Array, vector: _Array, start: int, product: _Array
) -> None:
    """Replace ``u = A v`` by ``w (u + S v_s)``; add its border products to ``product``."""
    rows = slice(start, start + u.shape[1])
    by_protein = _add_borders(u, borders[:, :, rows], vector)
    u *= weights[:, rows]
    _border_products(by_protein, borders[:, :, rows], product)
