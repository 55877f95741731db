"""Densities of mixtures of very many parts, compiled; see `proteomr.stats.subset_mixtures`.

Parts are taken in chunks that stay in the cache, in their order, whichever points stand beside a
point: its density has the same bits alone.
"""

from __future__ import annotations

import math

import numpy as np

from proteomr.stats.compiled_logistic_loops import _exp64
from proteomr.stats.compiling import compile_loop

__all__ = ["fill_log_density"]

_EXACT = {"contract", "nsz", "arcp"}
_compile = compile_loop(fastmath=_EXACT)
_compile_sums = compile_loop(fastmath=_EXACT | {"reassoc"})

_PARTS = 2_048  # of a chunk: 64 KB of three columns and what is computed of them
_NEGLIGIBLE = 60.0  # of a logarithm: a million such parts are 1e-20 of a sum


@_compile
def _fill_heights(point, heights, means, inverse, start, stop, out):
    top = -np.inf
    for k in range(start, stop):
        distance = (point - means[k]) * inverse[k]
        height = heights[k] - 0.5 * distance * distance
        out[k - start] = height
        top = max(top, height)
    return top


@_compile_sums
def _sum_above(values, count, top):
    total = 0.0
    for k in range(count):
        total += _exp64(values[k] - top)
    return total


@_compile
def fill_log_density(points, heights, means, inverse, out):
    """Log density at points, of parts with their log heights and inverse spreads."""
    held = np.empty(_PARTS)
    tops = np.full(points.size, -np.inf)
    sums = np.zeros(points.size)
    for start in range(0, means.size, _PARTS):
        stop = min(start + _PARTS, means.size)
        for i in range(points.size):
            top = _fill_heights(points[i], heights, means, inverse, start, stop, held)
            if not top >= tops[i] - _NEGLIGIBLE:
                continue
            if top > tops[i]:
                sums[i] *= math.exp(tops[i] - top)
                tops[i] = top
            sums[i] += _sum_above(held, stop - start, tops[i])
    for i in range(points.size):
        out[i] = tops[i] + math.log(sums[i])
