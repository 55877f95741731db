"""The function of :mod:`proteomr.stats.normal_score_loops`, compiled: the same to the last bit."""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiling import compile_loop

__all__ = ["look_up"]

_compile = compile_loop(fastmath=set())  # sums and products as numpy.interp takes them
_CELLS = 16_384  # of equal width, each of which knows the knots before it; most have one or none


@_compile
def _cell(x, lowest, per):
    return min(int((x - lowest) * per), _CELLS - 1)


@_compile
def look_up(values, knots, scores, out):
    last = knots.size - 1
    lowest, highest = knots[0], knots[last]
    width = highest - lowest
    per = _CELLS / width if width > 0.0 else 0.0
    if not np.isfinite(per):
        per = 0.0  # one cell: all are searched
    slopes = np.zeros(last + 1)
    for k in range(last):
        slopes[k] = (scores[k + 1] - scores[k]) / (knots[k + 1] - knots[k])
    # a cell rises with the value: knots of lower cells lie below, those of higher ones above
    before = np.zeros(_CELLS + 1, dtype=np.int64)
    for k in range(last + 1):
        before[_cell(knots[k], lowest, per) + 1] += 1
    for c in range(_CELLS):
        before[c + 1] += before[c]
    one = np.uint64(1)
    for i in range(values.size):
        x = values[i]
        missing = np.isnan(x)
        y = lowest if missing else min(max(x, lowest), highest)
        cell = _cell(y, lowest, per)
        low, high = np.uint64(max(before[cell] - 1, 0)), np.uint64(before[cell + 1])
        after = min(low + one, np.uint64(last))
        low = after if knots[after] <= y else low  # without a branch, which serves most cells
        while high - low > one:
            middle = (low + high) >> one
            if knots[middle] <= y:
                low = middle
            else:
                high = middle
        found = slopes[low] * (y - knots[low]) + scores[low]
        if np.isnan(found) and low < last:  # a slope that is no number
            found = slopes[low] * (y - knots[low + one]) + scores[low + one]
        found = scores[low] if knots[low] == y else found
        out[i] = x if missing else found
