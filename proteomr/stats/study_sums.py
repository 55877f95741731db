"""Sums over the studies of many units at once, each in the order of the studies.

Arrays are ``(m, k)`` and ``(m, k, p)``; where the units of a study lie together in memory, as
:func:`lay_units_together` has them, each step is one over a whole column. No sum depends on how
many units stand beside: numpy's own adds in pairs where there is one unit and by columns else.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from proteomr._typing import F64, I64, Bool

__all__ = [
    "add_others",
    "add_pairs",
    "add_studies",
    "combine",
    "form_gram",
    "invert_positive",
    "lay_units_together",
    "measure_forms",
    "multiply_each",
    "pick",
    "project",
]

_Array = TypeVar("_Array", F64, I64, Bool)


def lay_units_together(values: _Array) -> _Array:
    """Return an array ``(m, ...)`` in which m runs fastest in memory.

    Examples
    --------
    >>> lay_units_together(np.zeros((5, 2))).strides
    (8, 40)
    """
    return np.ascontiguousarray(values.T).T


def pick(values: _Array, units: I64 | Bool) -> _Array:
    """Return some units of an array ``(m, ...)``, laid as it is.

    Examples
    --------
    >>> pick(np.array([[1.0], [2.0], [3.0]]), np.array([True, False, True])).ravel().tolist()
    [1.0, 3.0]
    """
    places = np.flatnonzero(units) if units.dtype == np.bool_ else units
    return np.take(values.T, places, axis=-1).T


def add_studies(values: F64) -> F64:
    """Return the sums ``(m,)`` of ``(m, k, ...)`` over studies, from the first to the last.

    Examples
    --------
    >>> add_studies(np.array([[1.0, 2.0, 4.0]])).tolist()
    [7.0]
    """
    m, k = values.shape[:2]
    if k == 0:
        return np.zeros((m, *values.shape[2:]))
    if m == 1:
        return np.asarray(np.cumsum(values, axis=1)[:, -1])
    total = values[:, 0].copy()
    for j in range(1, k):
        total += values[:, j]
    return total


def add_others(values: F64) -> F64:
    """Return for each of ``(m, k)`` the sum of the others in its row, without a difference.

    Examples
    --------
    >>> add_others(np.array([[1.0, 2.0, 4.0]])).tolist()
    [[6.0, 5.0, 3.0]]
    """
    out = _add_before(values)
    out += _add_before(values[:, ::-1])[:, ::-1]
    return out


def add_pairs(a: F64, b: F64) -> F64:
    """Return the sums ``(m,)`` of a[i] b[j] over all i and j that differ, without a difference.

    Examples
    --------
    >>> add_pairs(np.array([[1.0, 2.0, 4.0]]), np.ones((1, 3))).tolist()
    [14.0]
    """
    if a is b:
        return 2.0 * add_studies(a * _add_before(a))
    return add_studies(a * _add_before(b) + b * _add_before(a))


def _add_before(values: F64) -> F64:
    """Return the sums of what stands before each of ``(m, k)``."""
    m, k = values.shape
    out = np.zeros((k, m)).T
    if m == 1:
        np.cumsum(values[:, :-1], axis=1, out=out[:, 1:])
        return out
    for j in range(1, k):
        np.add(out[:, j - 1], values[:, j - 1], out=out[:, j])
    return out


def project(Q: F64, values: F64) -> F64:
    """Return the sums ``(m, p)`` of columns ``(m, k, p)`` times values ``(m, k)``.

    Examples
    --------
    >>> project(np.ones((1, 3, 1)), np.array([[1.0, 2.0, 4.0]])).tolist()
    [[7.0]]
    """
    out = np.empty((Q.shape[2], Q.shape[0])).T
    for j in range(Q.shape[2]):
        out[:, j] = add_studies(Q[:, :, j] * values)
    return out


def combine(Q: F64, g: F64) -> F64:
    """Return columns ``(m, k, p)`` times coefficients ``(m, p)``, added: ``(m, k)``.

    Examples
    --------
    >>> combine(np.ones((1, 3, 1)), np.array([[2.0]])).tolist()
    [[2.0, 2.0, 2.0]]
    """
    m, k, p = Q.shape
    if p == 0:
        return np.zeros((k, m)).T
    out = Q[:, :, 0] * g[:, 0, None]
    for j in range(1, p):
        out += Q[:, :, j] * g[:, j, None]
    return out


def form_gram(Q: F64, w: F64) -> F64:
    """Return Q'WQ ``(m, p, p)`` of columns ``(m, k, p)`` and weights ``(m, k)``.

    Examples
    --------
    >>> form_gram(np.ones((1, 3, 1)), np.array([[1.0, 2.0, 4.0]])).tolist()
    [[[7.0]]]
    """
    m, _, p = Q.shape
    out = np.empty((p, p, m)).transpose(2, 0, 1)
    for j in range(p):
        weighted = w * Q[:, :, j]
        for i in range(j + 1):
            out[:, i, j] = add_studies(weighted * Q[:, :, i])
            out[:, j, i] = out[:, i, j]
    return out


def multiply_each(matrices: F64, vectors: F64) -> F64:
    """Return matrices ``(m, p, p)`` times vectors ``(m, p)``, unit by unit.

    Examples
    --------
    >>> multiply_each(np.full((1, 1, 1), 3.0), np.array([[2.0]])).tolist()
    [[6.0]]
    """
    p = vectors.shape[1]
    out = np.zeros((p, vectors.shape[0])).T
    for i in range(p):
        for j in range(p):
            out[:, i] += matrices[:, i, j] * vectors[:, j]
    return out


def measure_forms(Q: F64, matrices: F64) -> F64:
    """Return the quadratic forms ``(m, k)`` of the rows of ``(m, k, p)`` in symmetric matrices.

    Examples
    --------
    >>> measure_forms(np.array([[[1.0, 2.0]]]), np.eye(2)[None]).tolist()
    [[5.0]]
    """
    out = Q[:, :, 0] ** 2 * matrices[:, 0, 0, None]
    for i in range(1, Q.shape[2]):
        half = combine(Q[:, :, :i], matrices[:, i, :i])
        out += Q[:, :, i] * (2.0 * half + Q[:, :, i] * matrices[:, i, i, None])
    return out


def invert_positive(matrices: F64) -> F64:
    """Return the inverses of positive definite ``(m, p, p)``, by Cholesky's triangle.

    NaN where a matrix is not positive definite.

    Examples
    --------
    >>> invert_positive(np.array([[[2.0, 1.0], [1.0, 2.0]]])).round(3).tolist()
    [[[0.667, -0.333], [-0.333, 0.667]]]
    """
    m, p, _ = matrices.shape
    L, M = (np.zeros((p, p, m)).transpose(2, 0, 1) for _ in range(2))
    with np.errstate(divide="ignore", invalid="ignore"):
        for j in range(p):
            for i in range(j, p):
                left = matrices[:, i, j].copy()
                for s in range(j):
                    left -= L[:, i, s] * L[:, j, s]
                L[:, i, j] = np.sqrt(left) if i == j else left / L[:, j, j]
        for j in range(p):  # M = inverse of L, by columns
            M[:, j, j] = 1.0 / L[:, j, j]
            for i in range(j + 1, p):
                left = np.zeros(m)
                for s in range(j, i):
                    left -= L[:, i, s] * M[:, s, j]
                M[:, i, j] = left / L[:, i, i]
    out = np.zeros((p, p, m)).transpose(2, 0, 1)
    for i in range(p):
        for j in range(i + 1):
            for s in range(i, p):
                out[:, i, j] += M[:, s, i] * M[:, s, j]
            out[:, j, i] = out[:, i, j]
    return out
