"""What the batched logistic kernel does to a chunk of rows between two matrix products, in place.

Shapes: ``R = B F`` fits, fit ``r`` is protein ``r // F`` and response ``r % F``; ``s`` border
columns (the protein itself and its own covariates); ``c`` rows from row ``start`` on. The arrays of
a chunk are small enough for the second-level cache, so that every operation runs at its speed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64

__all__ = [
    "apply_curvature",
    "apply_exact_curvature",
    "apply_first_curvature",
    "store_means",
    "sum_clusters",
    "sum_influence",
    "sum_scores",
]

_Array = NDArray[Any]


def sum_scores(
    eta: _Array,
    borders: _Array,
    mask: _Array,
    response: _Array,
    coefficients: _Array,
    start: int,
    score: F64,
) -> None:
    """Replace ``eta = A beta (R, c)`` by residuals ``m (y - mu)``; add their border scores."""
    _leave_residuals(eta, borders, mask, response, coefficients, start, score)


def store_means(
    eta: _Array,
    borders: _Array,
    mask: _Array,
    response: _Array,
    coefficients: _Array,
    start: int,
    score: F64,
    means: F64,
    weights: _Array,
) -> None:
    """As :func:`sum_scores`, and keep ``mu`` and ``m mu (1 - mu)``, each ``(R, n)``."""
    rows = slice(start, start + eta.shape[1])
    means[:, rows] = _leave_residuals(
        eta, borders, mask, response, coefficients, start, score
    ).reshape(eta.shape)
    mu = means[:, rows]
    weights[:, rows] = _weigh(mu, mask[:, rows])


def apply_curvature(
    u: _Array, weights: _Array, borders: _Array, vector: _Array, start: int, product: F64
) -> None:
    """Replace ``u = A v (R, c)`` by ``w (u + S v_s)``; add its products with the borders."""
    rows = slice(start, start + u.shape[1])
    by_protein = _add_borders(u, borders[:, :, rows], vector)
    u *= weights[:, rows]
    _add_products(by_protein, borders[:, :, rows], product)


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
    """As :func:`apply_exact_curvature`, after a step from ``means``.

    The step shifts eta by ``shift = A d (R, c)`` and the borders' part; ``means`` move with it.
    """
    rows = slice(start, start + u.shape[1])
    _add_borders(shift, borders[:, :, rows], step)
    mu = means[:, rows]
    mu += mu * (1.0 - mu) * shift
    apply_exact_curvature(u, means, borders, mask, vector, start, product)


def apply_exact_curvature(
    u: F64, means: F64, borders: F64, mask: _Array, vector: F64, start: int, product: F64
) -> None:
    """As :func:`apply_curvature`, with the weights ``m mu (1 - mu)`` of the means."""
    rows = slice(start, start + u.shape[1])
    by_protein = _add_borders(u, borders[:, :, rows], vector)
    u *= _weigh(means[:, rows], mask[:, rows])
    _add_products(by_protein, borders[:, :, rows], product)


def sum_clusters(
    kept: F64, clusters: I64, groups: int, meat: F64, second: F64, fourth: F64
) -> None:
    """As :func:`sum_influence`, with what it has kept of the rows summed within their clusters.

    Parameters
    ----------
    kept : ``(R, P, 2, n)``.
    clusters : ``(n,)``, from 0 to groups - 1.
    """
    for r, of_fit in enumerate(kept):
        sums = np.array(
            [[np.bincount(clusters, x, minlength=groups) for x in column] for column in of_fit]
        )
        moved, shares = sums[:, 0], sums[:, 1]
        meat[r] += moved @ moved.T
        second[r] += shares.sum(axis=1)
        fourth[r] += np.square(shares).sum(axis=1)


def sum_influence(
    u: F64,
    borders: F64,
    mask: _Array,
    response: F64,
    means: F64,
    vectors: F64,
    start: int,
    adjust: F64,
    meat: F64,
    second: F64,
    fourth: F64,
    kept: F64,
) -> None:
    """Add products of what rows move coefficients by to ``meat (R, P, P)``.

    Parameters
    ----------
    u : ``(P, R, c)``, A v for the P columns v of the inverse information; in and out.
    vectors : ``(R, P, s)``, the borders' part of v.
    adjust : ``(R, c)``, what the residuals are multiplied with; of no fits where it is nothing.
    second, fourth : ``(R, P)``; sums of ``w u^2`` and of its square are added.
    kept : ``(R, P, 2, n)``, where what rows move by and ``w u^2`` are kept instead; of no fits
        where they are summed.
    """
    rows = slice(start, start + u.shape[2])
    weights, residuals = _weigh_and_subtract(means[:, rows], mask[:, rows], response[:, rows])
    for a in range(u.shape[0]):
        _add_borders(u[a], borders[:, :, rows], vectors[:, a])
    squares = weights * np.square(u)
    u *= residuals * adjust if adjust.shape[0] else residuals
    if kept.shape[0]:
        kept[:, :, 0, rows], kept[:, :, 1, rows] = u.transpose(1, 0, 2), squares.transpose(1, 0, 2)
        return
    second += squares.sum(axis=2).T
    fourth += np.square(squares).sum(axis=2).T
    meat += np.matmul(u.transpose(1, 0, 2), u.transpose(1, 2, 0))


def _weigh_and_subtract(mu: F64, mask: _Array, response: F64) -> tuple[F64, F64]:
    """Return ``m mu (1 - mu)`` and ``m (y - mu)`` of a chunk ``(R, c)``."""
    by_protein = mu.reshape(mask.shape[0], -1, mask.shape[1])
    residuals = (response[None] - by_protein) * mask[:, None]
    return _weigh(mu, mask), np.asarray(residuals).reshape(mu.shape)


def _leave_residuals(
    eta: _Array,
    borders: _Array,
    mask: _Array,
    response: _Array,
    coefficients: _Array,
    start: int,
    score: F64,
) -> _Array:
    """Leave the residuals in eta; return the means by protein ``(B, F, c)``."""
    rows = slice(start, start + eta.shape[1])
    residual = _add_borders(eta, borders[:, :, rows], coefficients)
    # An overflow of exp is a mean of 0.
    mean = 1 / (1 + np.exp(-residual))
    np.subtract(response[None, :, rows], mean, out=residual)
    residual *= mask[:, None, rows]
    _add_products(residual, borders[:, :, rows], score)
    return np.asarray(mean)


def _weigh(mu: F64, mask: _Array) -> F64:
    """Return ``m mu (1 - mu)`` for means ``(R, c)`` and masks ``(B, c)``."""
    by_protein = mu.reshape(mask.shape[0], -1, mask.shape[1])
    return np.asarray(mask[:, None] * by_protein * (1.0 - by_protein)).reshape(mu.shape)


def _add_borders(eta: _Array, borders: _Array, coefficients: _Array) -> _Array:
    """Add ``S gamma`` to ``eta`` in place; return it by protein ``(B, F, c)``."""
    B, s, c = borders.shape
    by_protein = eta.reshape(B, -1, c)
    for a in range(s):
        b = coefficients[:, a].reshape(B, -1, 1)
        by_protein += b * borders[:, a, None, :]
    return by_protein


def _add_products(by_protein: _Array, borders: _Array, total: F64) -> None:
    for a in range(borders.shape[1]):
        total[:, a] += np.vecdot(by_protein, borders[:, a, None, :]).reshape(-1)
