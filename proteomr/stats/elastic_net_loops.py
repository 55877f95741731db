"""Loops of elastic-net paths: coordinate descent on a quadratic, and products with some columns.

The plain form documents what :mod:`proteomr.stats.compiled_elastic_net_loops` does quicker.
"""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64

__all__ = [
    "add_columns",
    "correlate_columns",
    "descend",
    "measure_columns",
    "project_columns",
    "square_columns",
    "take_columns",
]

_CELLS = 4_000_000  # of columns that are measured at a time


def descend(H: F64, own: F64, q: F64, b: F64, l1: F64, l2: F64, tolerance: float, most: int) -> int:
    r"""Go from coordinate to coordinate to the minimum; return the passes taken, ``most`` if short.

    .. math:: \tfrac{1}{2} b^T H b - c^T b + \sum_j l_{1j} |b_j| + \tfrac{1}{2} l_{2j} b_j^2

    Passes over the coefficients that are not zero alternate with passes over all, until a pass over
    all changes no coefficient by more than the tolerance (Friedman, Hastie and Tibshirani 2010,
    doi:10.18637/jss.v033.i01).

    Parameters
    ----------
    H : (a, a), and its diagonal (a,).
    q : (a,) ``c - H b``, kept up to date.
    b : (a,) coefficients, written.
    l1, l2 : (a,) penalties.
    tolerance : of ``(H_jj + l2_j) d_j^2``, the fall of the quadratic by a step d.
    most : passes.

    Examples
    --------
    >>> b, q = np.zeros(2), np.array([2.0, 0.5])
    >>> passes = descend(np.eye(2), np.ones(2), q, b, np.ones(2), np.zeros(2), 1e-12, 100)
    >>> b.tolist(), q.tolist()
    ([1.0, 0.0], [1.0, 0.5])
    """
    everything = True
    for taken in range(most):
        largest = 0.0
        for j in range(b.size):
            if not everything and b[j] == 0.0:
                continue
            bend = own[j] + l2[j]
            if bend <= 0.0:
                continue
            u = q[j] + own[j] * b[j]
            goal = np.sign(u) * max(abs(u) - l1[j], 0.0) / bend
            step = goal - b[j]
            fall = bend * step * step
            if step != 0.0:
                b[j] = goal
                q -= step * H[j]
                largest = max(largest, fall)
        if largest <= tolerance:
            if everything:
                return taken + 1
            everything = True
        else:
            everything = False
    return most


def correlate_columns(xx: F64, weight: float, centre: F64, scale: F64, out: F64) -> None:
    """Write the correlations of columns, of their products.

    Parameters
    ----------
    xx : (p, p) weighted sums of products.
    weight : sum of the weights.
    centre, scale : (p,) of the columns.
    out : (p, p), of single or double precision, written.

    Examples
    --------
    >>> out = np.empty((1, 1))
    >>> correlate_columns(np.array([[8.0]]), 2.0, np.array([1.0]), np.array([2.0]), out)
    >>> out.tolist()
    [[0.75]]
    """
    for place in range(centre.size):
        row = xx[place] / weight
        row -= centre[place] * centre
        row /= scale[place]
        row /= scale
        out[place] = row


def measure_columns(X: F64, weights: F64, centre: F64, scale: F64, largest: F64) -> None:
    """Write weighted means and standard deviations of columns, and their largest absolute values.

    Parameters
    ----------
    X : (n, p).
    weights : (n,) that sum to one; rows without one are not looked at.
    centre, scale, largest : (p,), written.

    Examples
    --------
    >>> centre, scale, largest = np.empty((3, 1))
    >>> measure_columns(np.array([[1.0], [3.0]]), np.full(2, 0.5), centre, scale, largest)
    >>> centre.tolist(), scale.tolist(), largest.tolist()
    ([2.0], [1.0], [3.0])
    """
    n, p = X.shape
    used = weights > 0.0
    step = max(1, _CELLS // max(n, 1))
    for start in range(0, p, step):
        block = slice(start, start + step)
        values = X[:, block]
        size = np.abs(values[used]).max(axis=0, initial=0.0)
        # squares of columns in any unit are numbers
        unit = np.ldexp(1.0, np.frexp(np.where(size > 0.0, size, 1.0))[1])
        scaled = values / unit
        mean = weights @ scaled
        spread = np.sqrt(weights @ np.square(scaled - mean))
        centre[block], scale[block], largest[block] = mean * unit, spread * unit, size


def add_columns(X: F64, columns: I64, b: F64, out: F64) -> None:
    """Add ``X[:, columns] b`` to a vector.

    Parameters
    ----------
    X : (n, p), each column in one piece.
    columns : (a,).
    b : (a,).
    out : (n,), changed.

    Examples
    --------
    >>> out = np.zeros(2)
    >>> add_columns(np.eye(2), np.array([1]), np.array([3.0]), out)
    >>> out.tolist()
    [0.0, 3.0]
    """
    out += X[:, columns] @ b


def project_columns(X: F64, columns: I64, r: F64, out: F64) -> None:
    """Write ``X[:, columns]^T r``.

    Parameters
    ----------
    X : (n, p), each column in one piece.
    columns : (a,).
    r : (n,).
    out : (a,), written.

    Examples
    --------
    >>> out = np.empty(1)
    >>> project_columns(np.eye(2), np.array([1]), np.array([5.0, 7.0]), out)
    >>> out.tolist()
    [7.0]
    """
    out[:] = r @ X[:, columns]


def square_columns(H: F64, columns: I64, b: F64) -> float:
    """Return ``b^T H[columns, columns] b``.

    Parameters
    ----------
    H : (p, p), symmetric.
    columns : (a,).
    b : (a,).

    Examples
    --------
    >>> square_columns(np.eye(2), np.array([1]), np.array([3.0]))
    9.0
    """
    return float(b @ H[np.ix_(columns, columns)] @ b)


def take_columns(
    X: F64, columns: I64, start: int, centre: F64, scale: F64, size: F64, out: F64
) -> None:
    """Write standardised columns of the rows from a start on, each row times a size.

    Parameters
    ----------
    X : (n, p), each column in one piece.
    columns : (a,).
    start : the first row.
    centre, scale : (a,) of the columns.
    size : (m,) of the rows.
    out : (m, a), each column in one piece, written.

    Examples
    --------
    >>> out = np.empty((1, 1), order="F")
    >>> take_columns(np.eye(2), np.array([1]), 1, np.ones(1) / 2, np.ones(1), np.full(1, 4.0), out)
    >>> out.tolist()
    [[2.0]]
    """
    rows = X[start : start + size.size]
    out[:] = (rows[:, columns] - centre) / scale * size[:, None]
