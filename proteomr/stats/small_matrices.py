"""Many small symmetric matrices at once: inverses, products, traces."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64

__all__ = ["invert_covariances", "lay_entries_together", "multiply", "trace", "wrap"]


def invert_covariances(V: F64) -> tuple[F64, F64]:
    """Return inverses and log determinants of positive definite ``(..., Q, Q)``.

    Examples
    --------
    >>> inverse, log_determinant = invert_covariances(np.array([[[2.0, 1.0], [1.0, 2.0]]]))
    >>> inverse.round(3).tolist(), log_determinant.round(3).tolist()
    ([[[0.667, -0.333], [-0.333, 0.667]]], [1.099])
    """
    Q = V.shape[-1]
    if Q == 1:
        return 1.0 / V, np.log(V[..., 0, 0])
    if Q == 2:
        determinant = V[..., 0, 0] * V[..., 1, 1] - V[..., 0, 1] * V[..., 1, 0]
        inverse = _allocate(V.shape)
        np.divide(V[..., 1, 1], determinant, out=inverse[..., 0, 0])
        np.divide(V[..., 0, 0], determinant, out=inverse[..., 1, 1])
        np.divide(-V[..., 0, 1], determinant, out=inverse[..., 0, 1])
        np.divide(-V[..., 1, 0], determinant, out=inverse[..., 1, 0])
        return inverse, np.log(determinant)
    return np.asarray(np.linalg.inv(V)), np.asarray(np.linalg.slogdet(V)[1])


def multiply(first: F64, second: F64) -> F64:
    """Return products of small matrices ``(..., Q, Q)``, element by element where Q is below 3.

    A call of matmul for each of thousands of matrices of two rows takes longer than sums over all
    of them, where an entry of all lies together in memory.

    Examples
    --------
    >>> multiply(np.full((1, 2, 2), 2.0), np.eye(2)[None]).tolist()
    [[[2.0, 2.0], [2.0, 2.0]]]
    """
    Q = first.shape[-1]
    if Q == 1:
        return first * second
    if Q > 2:
        return np.asarray(first @ second)
    return np.asarray(np.einsum("...ij,...jk->...ik", first, second))


def lay_entries_together(matrices: F64) -> F64:
    """Return matrices ``(..., Q, Q)`` of which an entry of all lies together in memory.

    Examples
    --------
    >>> lay_entries_together(np.zeros((5, 2, 2))).strides
    (8, 80, 40)
    """
    if matrices.shape[-1] != 2:
        return matrices
    laid = _allocate(matrices.shape)
    laid[...] = matrices
    return laid


def _allocate(shape: tuple[int, ...]) -> F64:
    """Return matrices of which an entry of all lies together in memory."""
    return np.empty((*shape[-2:], *shape[:-2])).transpose(*range(2, len(shape)), 0, 1)


def wrap(R: F64, G: F64) -> F64:
    """Return ``R G R'``, for R of every pattern ``(S, Q, Q)``.

    Examples
    --------
    >>> wrap(np.full((1, 1, 1), 3.0), np.full((1, 1, 1), 2.0)).ravel().tolist()
    [18.0]
    """
    return multiply(multiply(R, G), R.transpose(0, 2, 1))


def trace(matrices: F64) -> F64:
    """Return the traces of ``(..., Q, Q)``.

    Examples
    --------
    >>> trace(np.eye(2)[None]).tolist()
    [2.0]
    """
    if matrices.shape[-1] <= 2:
        return np.asarray(sum(matrices[..., i, i] for i in range(matrices.shape[-1])))
    return np.asarray(np.einsum("...ii->...", matrices))
