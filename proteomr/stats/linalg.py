"""Columns of a matrix: their range, whether they are independent, and bases of them."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64, Bool

__all__ = [
    "FLAT",
    "PLAIN_PIVOT",
    "change_units",
    "cholesky_pivots",
    "condition_columns",
    "factor_columns",
    "find_column_ends",
    "find_independent",
    "find_powers",
    "orthonormalise",
    "scale_columns",
    "triangle_of",
]

# A thousandth: a column that varies by less costs three digits and more if left where it is.
_FAR_FROM_ZERO = 2.0**-10
FLAT = 1e-12
"""Share of its size within which the spread of a column is rounding: 4,500 spacings of doubles."""
PLAIN_PIVOT = 1e-6
"""Squares of sines in a Gram matrix: above it no column is within 1e-3 of the span of those before,
so that neither the choice by pivots nor one Cholesky factor can be in doubt. Else QR decides."""
# Far from what a Gram matrix of rounded squares cannot tell from more.
_PLAIN_TOLERANCE = 1e-4
_LEAST_SQUARE = 1e-200  # whose own rounding is a normal number still
# Rows taken together: dozens of columns of them are some hundred values a call.
_FOLD = 16


def find_powers(largest: F64) -> F64:
    """Return the powers of two that scale largest absolute values to [1, 2); 1 for a 0.

    Scaling by them changes no digit, and squares of what is scaled neither overflow nor vanish,
    whatever the units: every sum of squares of a fit is taken of such values.

    Examples
    --------
    >>> find_powers(np.array([0.0, 1.0, 5.0, 0.3])).tolist()
    [1.0, 1.0, 4.0, 0.25]
    """
    # The exponents whose power and its inverse are normal numbers.
    exponents = np.clip(np.frexp(largest)[1] - 1, -1021, 1021)
    return np.where(largest > 0.0, np.ldexp(1.0, exponents), 1.0)


def change_units(values: F64, *, by: F64 | float = 1.0, per: F64 | float = 1.0) -> F64:
    """Return ``values * by / per``, which overflows or vanishes only where the result does.

    Parameters
    ----------
    values, by, per : of shapes that broadcast.

    Examples
    --------
    >>> change_units(np.array([2.0]), by=3e300, per=2.0**990).round(3)
    array([573.397])
    """
    by_share, by_exponent = np.frexp(by)
    per_share, per_exponent = np.frexp(per)
    # a unit that has vanished is 0: what is per it is no number
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        return np.asarray(np.ldexp(values * by_share / per_share, by_exponent - per_exponent))


def scale_columns(matrix: F64) -> tuple[F64, F64]:
    """Return the columns of ``(n, k)`` scaled by powers of two, and these ``(k,)``.

    The matrix itself comes back where every power is 1.

    Examples
    --------
    >>> scaled, scale = scale_columns(np.array([[1e300, 3.0], [-1e300, 1.0]]))
    >>> scaled[:, 1].tolist(), float(scale[1]), bool(abs(scaled[0, 0]) < 2.0)
    ([1.5, 0.5], 2.0, True)
    """
    if matrix.shape[0] == 0:
        return matrix, np.ones(matrix.shape[1])
    low, high = find_column_ends(matrix)
    return _rescale(matrix, low=low, high=high, out=None)


def find_column_ends(matrix: F64) -> tuple[F64, F64]:
    """Return the lowest and the highest value of each column ``(k,)`` of at least one row.

    Examples
    --------
    >>> low, high = find_column_ends(np.array([[1.0, 5.0], [3.0, 4.0]]))
    >>> low.tolist(), high.tolist()
    ([1.0, 4.0], [3.0, 5.0])
    """
    n, k = matrix.shape
    folds = n // _FOLD
    if folds < 2 or not matrix.flags.c_contiguous:
        return matrix.min(axis=0), matrix.max(axis=0)
    # Rows side by side: a call for each of them would cost more than their values.
    folded = matrix[: folds * _FOLD].reshape(folds, _FOLD * k)
    rest = matrix[folds * _FOLD :]
    low = folded.min(axis=0).reshape(_FOLD, k).min(axis=0)
    high = folded.max(axis=0).reshape(_FOLD, k).max(axis=0)
    if rest.size:
        low, high = np.minimum(low, rest.min(axis=0)), np.maximum(high, rest.max(axis=0))
    return low, high


def _rescale(matrix: F64, *, low: F64, high: F64, out: F64 | None) -> tuple[F64, F64]:
    """Return columns between ``low`` and ``high`` scaled by powers of two, and these."""
    scale = find_powers(np.maximum(np.abs(low), np.abs(high)))
    # Inverses of powers of two are exact.
    if np.all(scale == 1.0):
        return matrix, scale
    return np.multiply(matrix, 1.0 / scale, out=out), scale


def condition_columns(matrix: F64, *, overwrite: bool = False) -> tuple[F64, F64]:
    """Return columns that an intercept stands beside in a range that loses no digits, and scales.

    Scaled by powers of two (:func:`find_powers`); where a column varies by less than a thousandth
    of its size, the value nearest to zero is taken off, which is exact for numbers within a factor
    of two (Sterbenz 1974). The span with the intercept is the same, and no rank decision then
    depends on where a column's zero lies. A constant column keeps its value.

    Parameters
    ----------
    matrix : ``(n, k)``, finite.
    overwrite : leave the result in its place.

    Examples
    --------
    >>> condition_columns(np.array([[1.0, 1e9], [1.0, 1e9 + 3]]))[0].tolist()
    [[1.0, 0.0], [1.0, 1.5]]
    """
    if matrix.shape[0] == 0:
        return matrix, np.ones(matrix.shape[1])
    low, high = find_column_ends(matrix)
    nearest = np.where(np.abs(low) <= np.abs(high), low, high)
    # Halves, since the range of the largest numbers is beyond them.
    far = (high > low) & (high / 2.0 - low / 2.0 < _FAR_FROM_ZERO / 2.0 * np.abs(nearest))
    if np.any(far):
        shift = np.where(far, nearest, 0.0)
        matrix = np.subtract(matrix, shift, out=matrix if overwrite else None)
        low, high = low - shift, high - shift
    return _rescale(matrix, low=low, high=high, out=matrix if overwrite else None)


def find_independent(matrix: F64, *, tolerance: float = 1e-7) -> I64:
    """Return the positions of the columns that are not linear combinations of columns before them.

    A column is aliased when what remains of it after projection on the columns kept before it is
    below ``tolerance`` of its norm: the rule of R's ``lm`` (LINPACK dqrdc2 with its limited
    pivoting), so that the earlier of two aliased columns stays.

    Parameters
    ----------
    matrix : ``(n, k)``, finite.

    Examples
    --------
    >>> find_independent(np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 1.0], [1.0, 2.0, 2.0]])).tolist()
    [0, 2]
    """
    if tolerance <= _PLAIN_TOLERANCE and _find_plain_root(matrix) is not None:
        return np.arange(matrix.shape[1])
    matrix = scale_columns(matrix)[0]
    norms = np.sqrt(np.einsum("ij,ij->j", matrix, matrix))
    scaled = matrix / np.where(norms > 0, norms, 1.0)
    R = triangle_of(scaled)
    if R.shape[0] == R.shape[1] and np.abs(np.diagonal(R)).min(initial=1.0) > tolerance:
        return np.arange(matrix.shape[1])
    basis = np.zeros((R.shape[0], 0))
    independent = []
    for column in range(R.shape[1]):
        rest = R[:, column].copy()
        for _ in range(2):
            rest -= basis @ (basis.T @ rest)
        length = float(np.linalg.norm(rest))
        if norms[column] > 0 and length > tolerance:
            basis = np.column_stack([basis, rest / length])
            independent.append(column)
    return np.array(independent, dtype=np.int64)


def triangle_of(matrix: F64) -> F64:
    """Return ``R`` of ``matrix = Q R``, a root of ``matrix' matrix``.

    Examples
    --------
    >>> np.abs(triangle_of(np.array([[3.0], [4.0]]))).round(12).tolist()
    [[5.0]]
    """
    return np.asarray(np.linalg.qr(matrix, mode="r"), dtype=np.float64)


def factor_columns(matrix: F64) -> tuple[F64, F64]:
    """Return a well-conditioned basis ``Q (n, k)`` of independent columns, and the triangular ``R``
    of ``matrix = Q R``.

    Where the columns are plainly independent the basis is orthogonal to some six digits, which is
    what one Cholesky factor leaves; else to rounding.

    Examples
    --------
    >>> Q, R = factor_columns(np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 4.0]]))
    >>> np.allclose(Q @ R, [[1.0, 1.0], [1.0, 2.0], [1.0, 4.0]]), np.allclose(Q.T @ Q, np.eye(2))
    (True, True)
    """
    L = _find_plain_root(matrix)
    if L is None:
        Q, R = np.linalg.qr(matrix)
        return Q, R
    return matrix @ np.linalg.inv(L).T, L.T


def _find_plain_root(matrix: F64) -> F64 | None:
    """Return the Cholesky factor of ``matrix' matrix`` where its columns are plainly independent,
    by a Gram matrix whose squares neither overflow nor vanish; else None.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        gram = matrix.T @ matrix
    squares = np.diagonal(gram)
    if not np.all((squares > _LEAST_SQUARE) & (squares < 1.0 / _LEAST_SQUARE)):
        return None
    L, pivots = cholesky_pivots(gram[None])
    return L[0] if pivots[0] > PLAIN_PIVOT else None


def orthonormalise(matrix: F64) -> F64:
    """Return an orthogonal basis ``(n, k)`` of the columns of a full-rank matrix.

    Each column of it has length ``sqrt(n)``. The span of the first columns of the basis is that of
    the first columns of the matrix.

    Examples
    --------
    >>> q = orthonormalise(np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 4.0]]))
    >>> np.allclose(q.T @ q, 3 * np.eye(2))
    True
    """
    matrix = scale_columns(matrix)[0]
    norms = np.sqrt(np.einsum("ij,ij->j", matrix, matrix))
    Q = np.linalg.qr(matrix / np.where(norms > 0, norms, 1.0))[0]
    return np.ascontiguousarray(Q * np.sqrt(matrix.shape[0]))


def cholesky_pivots(gram: F64) -> tuple[F64, F64]:
    """Return lower Cholesky factors ``(b, k, k)`` and their smallest relative pivots ``(b,)``.

    The relative pivot of a column is the share of its squared length that the columns before it
    leave: 0 where it is aliased. A matrix that is not positive definite gets the factor of the
    identity and a pivot of 0.

    Examples
    --------
    >>> L, pivot = cholesky_pivots(np.array([[[4.0, 2.0], [2.0, 3.0]]]))
    >>> pivot.round(3).tolist()
    [0.667]
    """
    diagonal = np.einsum("bii->bi", gram)
    try:
        L = np.asarray(np.linalg.cholesky(gram), dtype=np.float64)
        failed = np.zeros(gram.shape[0], dtype=bool)
    except np.linalg.LinAlgError:
        L, failed = _factor_each(gram)
    with np.errstate(divide="ignore", invalid="ignore"):
        pivots = np.min(np.einsum("bii->bi", L) ** 2 / diagonal, axis=1, initial=1.0)
    pivots = np.where(failed | ~np.isfinite(pivots), 0.0, pivots)
    return L, pivots


def _factor_each(gram: F64) -> tuple[F64, Bool]:
    L = np.empty_like(gram)
    failed = np.zeros(gram.shape[0], dtype=bool)
    for b in range(gram.shape[0]):
        try:
            L[b] = np.linalg.cholesky(gram[b])
        except np.linalg.LinAlgError:
            L[b] = np.eye(gram.shape[1])
            failed[b] = True
    return L, failed
