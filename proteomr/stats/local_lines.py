"""Robust local lines through a cloud of points, as R's ``lowess``.

Cleveland 1979, doi:10.1080/01621459.1979.10481038: at each point a line weighted by the tricube of
the distance, fitted again with weights from the residuals. Between points closer than ``delta`` the
fit is interpolated, which R does too and which other programs do at other places.
"""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64

__all__ = ["fit_local_lines"]

# Constants of Cleveland's program, which R keeps: distances taken for 0 and for the whole width,
# and residuals that are none, as shares.
_INNER, _OUTER, _FLAT, _EXACT = 0.001, 0.999, 0.001, 1e-7


def fit_local_lines(x: F64, y: F64, *, span: float, delta: float, rounds: int = 3) -> F64:
    """Return fitted values of local lines ``(n,)``, in the order of the points.

    Parameters
    ----------
    x, y : ``(n,)``.
    span : share of the points in each line.
    delta : distance below which fits are interpolated.
    rounds : of weights from residuals.

    Examples
    --------
    >>> x = np.arange(10.0)
    >>> fit_local_lines(x, 2 * x, span=0.5, delta=0.0).round(9).tolist()[:3]
    [0.0, 2.0, 4.0]
    """
    order = np.argsort(x, kind="stable")
    xs, ys = x[order], y[order]
    weights = np.ones(x.size)
    fitted = ys
    for again in range(rounds + 1):
        fitted = _pass_over(xs, ys, weights, span=span, delta=delta)
        size = np.abs(ys - fitted)
        middle = 6.0 * float(np.median(size))
        if again == rounds or middle <= _EXACT * size.mean():
            break
        share = size / middle
        bisquare = np.where(share <= _OUTER, (1.0 - share**2) ** 2, 0.0)
        weights = np.where(share <= _INNER, 1.0, bisquare)
    out = np.empty(x.size)
    out[order] = fitted
    return out


def _pass_over(x: F64, y: F64, weights: F64, *, span: float, delta: float) -> F64:
    """Fit lines from left to right, and interpolate between them."""
    n = x.size
    width = max(min(int(span * n + 1e-7), n), min(n, 2))
    out = np.empty(n)
    left, last, i = 0, -1, 0
    while last < n - 1:
        while left + width < n and x[i] - x[left] > x[left + width] - x[i]:
            left += 1
        out[i] = _fit_line(x, y, weights, i, left, left + width)
        if last < i - 1:
            share = (x[last + 1 : i] - x[last]) / (x[i] - x[last])
            out[last + 1 : i] = share * out[i] + (1.0 - share) * out[last]
        last = i + int(np.searchsorted(x[i + 1 :], x[i], side="right"))
        out[i : last + 1] = out[i]
        beyond = int(np.searchsorted(x, x[last] + delta, side="right"))
        i = max(last + 1, min(beyond, n) - 1)
    return out


def _fit_line(x: F64, y: F64, weights: F64, i: int, left: int, right: int) -> float:
    """Return the line at point i, fitted to the points from left on that are within its width."""
    h = max(x[i] - x[left], x[right - 1] - x[i])
    stop = max(right, int(np.searchsorted(x, x[i] + _OUTER * h, side="right")))
    near, distance = x[left:stop], np.abs(x[left:stop] - x[i])
    with np.errstate(divide="ignore", invalid="ignore"):
        tricube = (1.0 - (distance / h) ** 3) ** 3
    w = np.where(distance <= _INNER * h, 1.0, np.where(distance <= _OUTER * h, tricube, 0.0))
    w = w * weights[left:stop]
    total = w.sum()
    if total <= 0.0:
        return float(y[i])
    w = w / total
    if h > 0.0:
        mean = w @ near
        spread = w @ (near - mean) ** 2
        if np.sqrt(spread) > _FLAT * (x[-1] - x[0]):
            w = w * (1.0 + (x[i] - mean) / spread * (near - mean))
    return float(w @ y[left:stop])
