"""Restricted cubic splines of log time, with their slopes: linear beyond the outer knots.

Royston and Parmar 2002 (doi:10.1002/sim.1203): beside 1 and ``x = log t`` a column for each inner
knot ``k_j``, ``(x - k_j)+^3 - l_j (x - k_min)+^3 - (1 - l_j) (x - k_max)+^3`` with
``l_j = (k_max - k_j) / (k_max - k_min)``. Knots as in R's ``flexsurv::flexsurvspline``: the outer
ones at the ends of the log times of events, the inner ones at equal steps of their quantiles.
"""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64

__all__ = ["expand_times", "place_knots"]


def place_knots(log_times: F64, *, inner: int) -> F64 | None:
    """Return the knots ``(inner + 2,)`` for log times of events; None where two would be one.

    Examples
    --------
    >>> place_knots(np.array([0.0, 1.0, 2.0, 4.0]), inner=1).tolist()
    [0.0, 1.5, 4.0]
    """
    if not log_times.size:
        return None
    knots = np.quantile(log_times, np.linspace(0.0, 1.0, inner + 2))
    apart = np.diff(knots) > 1e-9 * max(1.0, float(np.abs(knots).max()))
    return knots if inner == 0 or bool(apart.all()) else None


def expand_times(log_times: F64, knots: F64) -> tuple[F64, F64]:
    """Return the columns ``(n, len(knots))`` of the splines, and their slopes in log time.

    Examples
    --------
    >>> columns, slopes = expand_times(np.array([3.0]), np.array([0.0, 1.0, 2.0]))
    >>> columns.tolist(), slopes.tolist()
    ([[1.0, 3.0, -6.0]], [[0.0, 1.0, -3.0]])
    """
    x = log_times
    columns, slopes = [np.ones(x.size), x], [np.zeros(x.size), np.ones(x.size)]
    low, high = knots[0], knots[-1]
    for knot in knots[1:-1]:
        share = (high - knot) / (high - low)
        parts = ((1.0, knot), (-share, low), (share - 1.0, high))
        columns.append(sum(c * np.maximum(x - k, 0.0) ** 3 for c, k in parts))
        slopes.append(sum(3.0 * c * np.maximum(x - k, 0.0) ** 2 for c, k in parts))
    return np.column_stack(columns), np.column_stack(slopes)
