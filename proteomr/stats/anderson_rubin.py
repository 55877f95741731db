r"""The set of effects that the test of Anderson and Rubin does not reject.

For :class:`~proteomr.stats.instrumental.Triangles` the test of ``beta = beta0`` refers

.. math::
   F(\beta_0) = \frac{|b - a\beta_0|^2 / q}{((d - c\beta_0)^2 + e^2) / (n - k - q)}

to F with q and n - k - q degrees of freedom, exactly so with normal errors however weak the
instruments are (Anderson and Rubin 1949, doi:10.1214/aoms/1177730090). The set where it is at most
its quantile is where a quadratic of :math:`\beta_0` is at most 0: nothing, an interval, the whole
line, or all but an interval (Dufour and Taamouti 2005, doi:10.1111/j.1468-0262.2005.00618.x).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import special

from proteomr._typing import F64
from proteomr.stats.instrumental import Triangles, estimate_two_stage

__all__ = ["Interval", "compute_anderson_rubin", "invert_anderson_rubin"]


@dataclass(frozen=True, slots=True)
class Interval:
    """One part of a set of numbers; infinite where it has no end."""

    low: float
    high: float


Parts: TypeAlias = tuple[Interval, ...]
_LINE: Parts = (Interval(-np.inf, np.inf),)


def compute_anderson_rubin(triangles: Triangles, beta: F64 | float = 0.0) -> F64:
    """Return F ``(b,)`` of the test that the effect is ``beta``; NaN without residuals.

    Examples
    --------
    >>> one = Triangles.of(np.array([[[2.0, 3.0, 6.0], [0.0, 1.0, 5.0], [0.0, 0.0, 6.0]]]),
    ...     n=np.array([10]), k=np.array([1]))
    >>> compute_anderson_rubin(one, 2.0).tolist()
    [0.0]
    """
    along = triangles.b - triangles.a * np.atleast_1d(beta)[:, None]
    rest = (triangles.d - triangles.c * beta) ** 2 + triangles.e**2
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (np.sum(along**2, axis=1) / triangles.q) / (rest / triangles.first_df)
    return np.where((triangles.first_df > 0) & np.isfinite(found), found, np.nan)


def invert_anderson_rubin(triangles: Triangles, *, level: float) -> list[Parts]:
    """Return the parts of the set of each regression, from low to high; none where it is empty.

    Parameters
    ----------
    level : coverage.

    Examples
    --------
    >>> one = Triangles.of(np.array([[[2.0, 9.0, 18.0], [0.0, 1.0, 5.0], [0.0, 0.0, 6.0]]]),
    ...     n=np.array([30]), k=np.array([1]))
    >>> [(round(part.low, 3), round(part.high, 3)) for part in
    ...     invert_anderson_rubin(one, level=0.95)[0]]
    [(1.706, 2.283)]
    """
    q, df = float(triangles.q), triangles.first_df
    share = q * special.fdtri(q, np.where(df > 0, df, np.nan), level) / df
    # about two-stage least squares, where the terms of the constant do not cancel
    about = estimate_two_stage(triangles)
    along = np.sum(about.along * triangles.a, axis=1)
    rest = np.sum(about.beyond**2, axis=1)
    square = triangles.predicted - share * triangles.c**2
    half = along - share * triangles.c * about.beyond[:, 0]
    constant = np.sum(about.along**2, axis=1) - share * rest
    return [
        _solve(float(a), float(b), float(c), about=float(m))
        for a, b, c, m in zip(square, half, constant, about.beta, strict=True)
    ]


def _solve(square: float, half: float, constant: float, *, about: float) -> Parts:
    """Return where ``square t^2 - 2 half t + constant <= 0``, t the distance from ``about``."""
    if not all(map(math.isfinite, (square, half, constant, about))):
        return ()
    inside = half * half - square * constant
    if square == 0.0:
        return _solve_line(half, constant, about=about)
    if inside < 0.0:
        return () if square > 0.0 else _LINE
    # the root that adds, and the other by their product: neither loses digits
    far = half + math.copysign(math.sqrt(inside), half)
    roots = sorted([far / square, constant / far if far else 0.0])
    low, high = about + roots[0], about + roots[1]
    if square > 0.0:
        return (Interval(low, high),)
    return (Interval(-np.inf, low), Interval(high, np.inf))


def _solve_line(half: float, constant: float, *, about: float) -> Parts:
    if half == 0.0:
        return _LINE if constant <= 0.0 else ()
    end = about + constant / (2.0 * half)
    return (Interval(end, np.inf),) if half > 0.0 else (Interval(-np.inf, end),)
