"""The functions of :mod:`proteomr.stats.normal_score_loops`, compiled: the same to the last bit."""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiling import compile_loop

__all__ = ["count_runs", "find_runs", "look_up"]

_compile = compile_loop(fastmath=set())  # sums and products as numpy.interp takes them
_TOGETHER = 64  # values that halve the knots in step, so that none waits for its own comparisons


@_compile
def count_runs(ordered):
    runs = 1
    for i in range(1, ordered.size):
        runs += ordered[i] > ordered[i - 1]
    return runs


@_compile
def find_runs(ordered, kept, first, last):
    run, begin, k = 0, 0, 0
    n = ordered.size
    for i in range(n):
        if i + 1 < n and not ordered[i + 1] > ordered[i]:
            continue
        if k < kept.size and run == kept[k]:
            first[k], last[k] = begin, i
            k += 1
        run += 1
        begin = i + 1


@_compile
def _copy(knots, out):
    for k in range(knots.size):
        out[k] = knots[k]


@_compile
def look_up(values, knots, scores, out):
    last = knots.size - 1
    wide = 1
    while wide <= last:
        wide *= 2
    padded = np.full(wide, np.inf)
    _copy(knots, padded)
    slopes = np.zeros(last + 1)
    for k in range(last):
        slopes[k] = (scores[k + 1] - scores[k]) / (knots[k + 1] - knots[k])
    one, sign = np.uint64(1), np.uint64(63)
    lows, held = np.empty(_TOGETHER, dtype=np.uint64), np.empty(_TOGETHER)
    away = np.empty(_TOGETHER)
    bits = away.view(np.uint64)
    for start in range(0, values.size, _TOGETHER):
        m = min(_TOGETHER, values.size - start)
        for i in range(m):
            x = values[start + i]
            y = knots[0] if np.isnan(x) else min(max(x, knots[0]), knots[last])
            held[i] = y + 0.0  # -0 less 0 would be -0, below a knot that it is at
            lows[i] = 0
        half = np.uint64(wide >> 1)
        # by the sign of a difference: a comparison becomes a branch, which none could foresee
        while half > 0:
            for i in range(m):
                away[i] = held[i] - padded[lows[i] + half]
            for i in range(m):
                lows[i] += half * (one - (bits[i] >> sign))
            half >>= one
        for i in range(m):
            x, y, low = values[start + i], held[i], lows[i]
            found = slopes[low] * (y - knots[low]) + scores[low]
            if np.isnan(found) and low < last:  # a slope that is no number
                found = slopes[low] * (y - knots[low + 1]) + scores[low + 1]
            found = scores[low] if knots[low] == y else found
            out[start + i] = x if np.isnan(x) else found
