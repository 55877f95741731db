"""Kernel sums of many samples, and their bandwidths, compiled; see `proteomr.stats.density_modes`.

The plain twins are `DensityGrid.evaluate`, which computes all of each density, and
`mode_bandwidth`. No sum over values is reordered, so that a density at a grid point has the same
bits whichever others are computed beside it.
"""

from __future__ import annotations

import math

import numpy as np

from proteomr.stats.compiled_logistic_loops import _exp64
from proteomr.stats.compiling import compile_loop

__all__ = [
    "CENTRE",
    "COARSE_POINTS",
    "COARSE_REACH",
    "UNROLLED",
    "add_coarsely",
    "add_window",
    "add_windows",
    "fill_kernel",
    "find_bandwidths",
]

_EXACT = {"contract", "nsz", "arcp"}
_compile = compile_loop(fastmath=_EXACT)
_compile_sums = compile_loop(fastmath=_EXACT | {"reassoc"})

_MAD = 1.4826  # 1 / qnorm(3/4), as R's mad has it
CENTRE = 560  # of the table of kernel values: no two points of a window lie farther apart
UNROLLED = 4  # values added at a time; a sum in memory is then read and written less often
COARSE_POINTS = 48  # the most that are computed at a time
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
def add_window(table, below, share, w, first, count, out):
    """Densities by weights w at `count` grid points from `first` on."""
    for u in range(count):
        out[u] = 0.0
    for i in range(0, below.size, UNROLLED):
        t = CENTRE + first
        e0 = table[t - below[i] - 1 : t - below[i] + count]
        e1 = table[t - below[i + 1] - 1 : t - below[i + 1] + count]
        e2 = table[t - below[i + 2] - 1 : t - below[i + 2] + count]
        e3 = table[t - below[i + 3] - 1 : t - below[i + 3] + count]
        s0, s1, s2, s3 = share[i], share[i + 1], share[i + 2], share[i + 3]
        w0, w1, w2, w3 = w[i], w[i + 1], w[i + 2], w[i + 3]
        for u in range(count):
            d0 = e0[u + 1] + s0 * (e0[u] - e0[u + 1])
            d1 = e1[u + 1] + s1 * (e1[u] - e1[u + 1])
            d2 = e2[u + 1] + s2 * (e2[u] - e2[u + 1])
            d3 = e3[u + 1] + s3 * (e3[u] - e3[u + 1])
            out[u] += (w0 * d0 + w1 * d1) + (w2 * d2 + w3 * d3)


@_compile
def add_windows(table, below, share, w, v, first, count, out, put):
    """`add_window` by weights w into `out`, and by weights v into `put`."""
    for u in range(count):
        out[u] = 0.0
        put[u] = 0.0
    for i in range(0, below.size, UNROLLED):
        t = CENTRE + first
        e0 = table[t - below[i] - 1 : t - below[i] + count]
        e1 = table[t - below[i + 1] - 1 : t - below[i + 1] + count]
        e2 = table[t - below[i + 2] - 1 : t - below[i + 2] + count]
        e3 = table[t - below[i + 3] - 1 : t - below[i + 3] + count]
        s0, s1, s2, s3 = share[i], share[i + 1], share[i + 2], share[i + 3]
        w0, w1, w2, w3 = w[i], w[i + 1], w[i + 2], w[i + 3]
        v0, v1, v2, v3 = v[i], v[i + 1], v[i + 2], v[i + 3]
        for u in range(count):
            d0 = e0[u + 1] + s0 * (e0[u] - e0[u + 1])
            d1 = e1[u + 1] + s1 * (e1[u] - e1[u + 1])
            d2 = e2[u + 1] + s2 * (e2[u] - e2[u + 1])
            d3 = e3[u + 1] + s3 * (e3[u] - e3[u + 1])
            out[u] += (w0 * d0 + w1 * d1) + (w2 * d2 + w3 * d3)
            put[u] += (v0 * d0 + v1 * d1) + (v2 * d2 + v3 * d3)


@_compile
def add_coarsely(kernel, cell, row, w, v, first, count, out, put):
    """Densities in single precision at `count` coarse points from `first` on, by weights w and v.

    A row of the kernel is zero for as many points as are computed at a time, on either side.
    """
    for u in range(count):
        out[u] = 0.0
        put[u] = 0.0
    end = kernel.shape[1] - COARSE_POINTS
    for i in range(0, cell.size, UNROLLED):
        t = COARSE_POINTS + COARSE_REACH + first
        t0 = min(max(t - cell[i], 0), end)
        t1 = min(max(t - cell[i + 1], 0), end)
        t2 = min(max(t - cell[i + 2], 0), end)
        t3 = min(max(t - cell[i + 3], 0), end)
        e0 = kernel[row[i], t0 : t0 + count]
        e1 = kernel[row[i + 1], t1 : t1 + count]
        e2 = kernel[row[i + 2], t2 : t2 + count]
        e3 = kernel[row[i + 3], t3 : t3 + count]
        w0, w1 = np.float32(w[i]), np.float32(w[i + 1])
        w2, w3 = np.float32(w[i + 2]), np.float32(w[i + 3])
        v0, v1 = np.float32(v[i]), np.float32(v[i + 1])
        v2, v3 = np.float32(v[i + 2]), np.float32(v[i + 3])
        for u in range(count):
            out[u] += (w0 * e0[u] + w1 * e1[u]) + (w2 * e2[u] + w3 * e3[u])
            put[u] += (v0 * e0[u] + v1 * e1[u]) + (v2 * e2[u] + v3 * e3[u])
