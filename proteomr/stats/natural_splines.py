"""Natural cubic splines as what they add to a line."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64

__all__ = ["bend_line"]


def bend_line(x: F64, *, df: int) -> F64 | None:
    """Return columns ``(n, df - 1)`` that with x and an intercept span the natural splines of x.

    The splines of R's ``splines::ns(x, df)``: cubic between ``df - 1`` inner knots at equally
    spaced quantiles (type 7), linear from the outermost, the range of x, on; written as what they
    add to a line (Hastie, Tibshirani and Friedman 2009, doi:10.1007/978-0-387-84858-7, eq. 5.4),
    each centred and of unit size. None where knots coincide.

    Examples
    --------
    >>> bend_line(np.array([0.0, 1.0, 2.0, 3.0]), df=2).round(4).tolist()
    [[-0.8977], [-0.7739], [0.0619], [1.6097]]
    >>> bend_line(np.array([0.0, 0.0, 0.0, 1.0]), df=3) is None
    True
    """
    knots = np.quantile(x, np.linspace(0.0, 1.0, df + 1))
    if np.any(np.diff(knots) <= 0.0):
        return None
    z, knots = (x - knots[0]) / (knots[-1] - knots[0]), (knots - knots[0]) / (knots[-1] - knots[0])
    cubes = [np.maximum(z - knot, 0.0) ** 3 / (1.0 - knot) for knot in knots[:-1]]
    columns = np.column_stack([cube - cubes[-1] for cube in cubes[:-1]])
    columns -= columns.mean(axis=0)
    return np.ascontiguousarray(columns / np.sqrt(np.mean(columns**2, axis=0)))
