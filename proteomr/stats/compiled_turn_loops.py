"""The turns of :mod:`proteomr.stats.trimmed_lines`, compiled: the plain ones one K at a time."""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiling import compile_loop

__all__ = ["take_turns"]

_compile = compile_loop(fastmath=set())
_compile_sums = compile_loop(fastmath={"contract", "nsz", "arcp", "reassoc"})


@_compile
def _sort_falling(importance, order):
    """Sort positions by falling importance, equals by position; most stand so already."""
    for k in range(1, order.size):
        moving = order[k]
        height = importance[moving]
        at = k - 1
        while at >= 0 and (
            importance[order[at]] < height
            or (importance[order[at]] == height and order[at] > moving)
        ):
            order[at + 1] = order[at]
            at -= 1
        order[at + 1] = moving


@_compile_sums
def _weigh(y, slope, true_x, wy, residual, importance):
    for j in range(y.size):
        residual[j] = y[j] - slope * true_x[j]
        importance[j] = residual[j] * residual[j] * wy[j]


@_compile_sums
def _move(x, wx, y, wy, slope, free, true_x):
    """True x given the slope and what is left free, and the slope given these."""
    above, below = 0.0, 0.0
    for j in range(x.size):
        rest = y[j] - free[j]
        true_x[j] = (x[j] * wx[j] + slope * rest * wy[j]) / (wx[j] + slope * slope * wy[j])
        above += rest * true_x[j] * wy[j]
        below += true_x[j] * true_x[j] * wy[j]
    return above / below


@_compile
def take_turns(x, wx, y, wy, rows, counts, slopes, true_x, free, turns, tolerance):
    m = x.size
    residual, importance = np.empty(m), np.empty(m)
    order = np.arange(m)
    for row in rows:
        for _ in range(turns):
            slope = slopes[row]
            _weigh(y, slope, true_x[row], wy, residual, importance)
            _sort_falling(importance, order)
            free[row, :] = 0.0
            for k in range(counts[row]):
                free[row, order[k]] = residual[order[k]]
            slopes[row] = _move(x, wx, y, wy, slope, free[row], true_x[row])
            if not abs(slopes[row] - slope) > tolerance:
                break
