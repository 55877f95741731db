"""Kernel sums of many samples, and their bandwidths, compiled; see `proteomr.stats.density_modes`.

The plain twins are `DensityGrid.evaluate`, which computes all of each density, and
`mode_bandwidth`. No sum over values is reordered, so that a density at a grid point has the same
bits whichever others are computed beside it.
"""

from __future__ import annotations

import math

import numpy as np

from proteomr.stats.compiled_logistic_loops import _exp64
from proteomr.stats.compiled_window_loops import LANES, SINGLE_LANES, sum_rows, sum_windows
from proteomr.stats.compiling import compile_loop

__all__ = [
    "CENTRE",
    "COARSE_REACH",
    "add_coarsely",
    "add_windows",
    "fill_kernel",
    "find_bandwidths",
]

_EXACT = {"contract", "nsz", "arcp"}
_compile = compile_loop(fastmath=_EXACT)
_compile_sums = compile_loop(fastmath=_EXACT | {"reassoc"})

_MAD = 1.4826  # 1 / qnorm(3/4), as R's mad has it
CENTRE = 600  # of the table of kernel values: no two points of a window lie farther apart
COARSE_REACH = 18  # points that a kernel reaches on either side, at least 7 bandwidths


@_compile_sums
def find_bandwidths(ordered, out):
    B, m = ordered.shape
    factor = 0.9 / m**0.2
    low_rank, high_rank = (m - 1) // 2, m // 2
    for b in range(B):
        x = ordered[b]
        median = 0.5 * (x[low_rank] + x[high_rank])
        total = 0.0
        for i in range(m):
            total += x[i]
        mean = total / m
        squares = 0.0
        for i in range(m):
            squares += (x[i] - mean) ** 2
        # Distances from the median rise on either side of it: two sorted runs are merged.
        i, j = low_rank, low_rank + 1
        before, latest = 0.0, 0.0
        for _ in range(high_rank + 1):
            left = median - x[i] if i >= 0 else np.inf
            right = x[j] - median if j < m else np.inf
            before = latest
            if left <= right:
                latest = left
                i -= 1
            else:
                latest = right
                j += 1
        if low_rank == high_rank:
            before = latest
        out[b] = factor * min(math.sqrt(squares / (m - 1)), _MAD * (0.5 * (before + latest)))


@_compile
def fill_kernel(table, z, reach, filled):
    """Kernel at distances of up to `reach` grid points of z bandwidths; zero up to `filled`."""
    half = table[CENTRE:]
    factor = -0.5 * z * z
    for k in range(reach + 1):
        distance = np.float64(k)
        half[k] = _exp64(factor * distance * distance)
    for k in range(reach + 1, filled + 1):
        half[k] = 0.0
    for k in range(1, max(reach, filled) + 1):
        table[CENTRE - k] = half[k]


@_compile
def add_windows(table, starts, share, w, v, first, count, out, put):
    """Densities at `count` grid points from `first` on, by weights w and by weights v."""
    for k in range(0, count, LANES):
        sum_windows(table[first + k :], starts, share, w, v, starts.size, out[k:], put[k:])


@_compile
def add_coarsely(kernel, cell, row, starts, weights, points, out):
    """Densities in single precision at coarse points, by two sets of weights.

    A row of the kernel is zero for as many points as are computed at a time, on either side.
    """
    length = kernel.shape[1]
    flat = kernel.reshape(kernel.size)
    for c in range(0, points, SINGLE_LANES):
        for i in range(cell.size):
            place = SINGLE_LANES + COARSE_REACH + c - cell[i]
            starts[i] = row[i] * length + min(max(place, 0), length - SINGLE_LANES)
        sum_rows(flat, starts, weights[0], weights[1], cell.size, out[0, c:], out[1, c:])
