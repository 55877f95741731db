"""Bases of one numeric covariate: orthogonal polynomials, splines, standard scores.

All follow R 4.2.2 (``stats::poly``, ``splines::bs``, ``splines::ns``, ``base::scale``) column by
column, signs included. Splines: de Boor (1978), A Practical Guide to Splines, Springer,
doi:10.1007/978-1-4612-6333-3.
"""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64
from proteomr.errors import ColumnError

__all__ = ["b_spline_basis", "natural_spline_basis", "polynomial_basis", "standardise"]


def standardise(x: F64) -> F64:
    """Return ``(x - mean) / sd`` with the standard deviation of n - 1.

    Raises
    ------
    ColumnError
        Fewer than two distinct values.

    Examples
    --------
    >>> standardise(np.array([1.0, 2.0, 3.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    if x.min() == x.max():
        raise ColumnError("scale() needs two distinct values, found 1")
    centred = x - x.mean()
    centred /= np.abs(centred).max()  # keeps the squares of huge values finite
    return np.asarray(centred / np.sqrt(centred @ centred / (x.size - 1)))


def polynomial_basis(x: F64, *, degree: int) -> F64:
    """Return orthonormal polynomials of degrees 1 to ``degree``, ``(n, degree)``, as ``poly()``.

    The columns are those of Q in ``QR = [1, z, z^2, ...]``, ``z = x - mean(x)``, each with the sign
    that makes its leading coefficient positive.

    Raises
    ------
    ColumnError
        Not more distinct values than the degree, or powers that cannot be told apart.

    Examples
    --------
    >>> polynomial_basis(np.array([0.0, 1.0, 3.0]), degree=2).round(4).tolist()
    [[-0.6172, 0.5345], [-0.1543, -0.8018], [0.7715, 0.2673]]
    """
    distinct = np.unique(x).size
    if distinct <= degree:
        raise ColumnError(f"poly() of degree {degree} needs more distinct values, found {distinct}")
    centred = x - x.mean()
    # a positive scale leaves Q as it is and keeps high powers within reach of each other
    powers = np.vander(centred / np.abs(centred).max(), degree + 1, increasing=True)
    q, r = np.linalg.qr(powers)
    pivots = np.diag(r)
    if (np.abs(pivots) <= 1e-12 * np.linalg.norm(powers, axis=0)).any():
        raise ColumnError(f"poly() of degree {degree} has powers that are linearly dependent")
    return np.ascontiguousarray((q * np.sign(pivots))[:, 1:])


def b_spline_basis(x: F64, *, df: int, degree: int = 3) -> F64:
    """Return B-splines without the first, ``(n, df)``, as R's ``bs(x, df, degree)``.

    ``df - degree`` interior knots stand at equally spaced quantiles (type 7) of the data, boundary
    knots at its range.

    Raises
    ------
    ColumnError
        Too few distinct values to tell the knots apart.

    Examples
    --------
    >>> b_spline_basis(np.array([0.0, 1.0, 2.0]), df=2, degree=2).tolist()
    [[0.0, 0.0], [0.5, 0.25], [0.0, 1.0]]
    """
    knots = _place_knots(x, interior=df - degree, degree=degree)
    return np.ascontiguousarray(_evaluate_splines(x, knots=knots, degree=degree)[:, 1:])


def natural_spline_basis(x: F64, *, df: int) -> F64:
    """Return natural cubic splines without an intercept, ``(n, df)``, as R's ``ns(x, df)``.

    Cubic B-splines without the first, times the last ``df`` columns of the Q of the transposed
    second derivatives at the two boundary knots: what is left is linear beyond them.

    Raises
    ------
    ColumnError
        Too few distinct values to tell the knots apart.

    Examples
    --------
    >>> natural_spline_basis(np.array([0.0, 1.0, 2.0]), df=1).round(4).tolist()
    [[0.0], [0.4009], [0.8018]]
    """
    knots = _place_knots(x, interior=df - 1, degree=3)
    basis = _evaluate_splines(x, knots=knots, degree=3)[:, 1:]
    bounds = np.array([knots[0], knots[-1]])
    curvature = _evaluate_splines(bounds, knots=knots, degree=3, derivative=2)[:, 1:]
    q, _ = np.linalg.qr(curvature.T, mode="complete")
    return np.ascontiguousarray(basis @ q[:, 2:])


def _place_knots(x: F64, *, interior: int, degree: int) -> F64:
    low, high = float(x.min()), float(x.max())
    inner = np.quantile(x, np.linspace(0, 1, interior + 2)[1:-1])
    places = np.concatenate([[low], inner, [high]])
    if (np.diff(places) <= 0).any():
        distinct = np.unique(x).size
        raise ColumnError(
            f"a spline with {interior} inner knots at quantiles needs more distinct values, "
            f"found {distinct} (take fewer degrees of freedom)"
        )
    return np.concatenate([np.repeat(low, degree), places, np.repeat(high, degree)])


def _evaluate_splines(x: F64, *, knots: F64, degree: int, derivative: int = 0) -> F64:
    """Return all B-splines on a full knot sequence at x, ``(n, len(knots) - degree - 1)``.

    The Cox-de Boor recursion; the last intervals that a derivative takes use differences in place
    of the weights. The right end belongs to the last piece.
    """
    last = knots.size - degree - 2
    piece = np.clip(np.searchsorted(knots, x, side="right") - 1, degree, last)
    basis = np.zeros((x.size, knots.size - 1))
    basis[np.arange(x.size), piece] = 1.0
    for order in range(1, degree + 1):
        width = knots[order:-1] - knots[: -order - 1]
        next_width = knots[order + 1 :] - knots[1:-order]
        rise = np.divide(1.0, width, out=np.zeros_like(width), where=width > 0)
        fall = np.divide(1.0, next_width, out=np.zeros_like(width), where=next_width > 0)
        if order > degree - derivative:
            basis = order * (rise * basis[:, :-1] - fall * basis[:, 1:])
        else:
            up = (x[:, None] - knots[: -order - 1]) * rise
            down = (knots[order + 1 :] - x[:, None]) * fall
            basis = up * basis[:, :-1] + down * basis[:, 1:]
    return basis
