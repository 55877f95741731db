"""The functions of :mod:`proteomr.stats.pair_loops`, compiled: the same numbers to rounding.

Rows are sorted once. Ranks, medians and median absolute deviations among the people whom a pair
shares then take a walk along the order, without sorting again.
"""

from __future__ import annotations

import math

import numpy as np

from proteomr.stats.biweight import REACH
from proteomr.stats.compiling import compile_loop

__all__ = ["add_gaps", "correlate_common"]

_WIDE = 256  # columns at a time: what all rows of a stretch have in them stays in the cache

# Every operation in its order: the numbers depend on no width of registers.
_compile = compile_loop(fastmath=set())


def correlate_common(x, y, product, *, biweight):
    scaled = [
        rows / np.maximum(np.nanmax(np.abs(rows), axis=1), 1e-300)[:, None] for rows in (x, y)
    ]
    seen = [~np.isnan(rows) for rows in (x, y)]
    whole = [rows.all(axis=1) for rows in seen]
    orders = [np.argsort(rows, axis=1) for rows in scaled]
    _correlate_all(*scaled, *seen, *whole, *orders, product, biweight)


def add_gaps(x, gone, starts, places):
    shape = (starts.size - 1, len(x))
    sums, squares = np.zeros(shape), np.zeros(shape)
    both = np.zeros(shape, dtype=np.float32)  # counts below 2^24 are exact in single precision
    _add_gaps(x, gone, starts, places, sums, squares, both)
    return sums, squares, both.astype(np.float64)


@_compile
def _add_gaps(x, gone, starts, places, sums, squares, both):
    """Add up by columns, each turned so that what all rows have in it lies side by side.

    Four columns at a time: what is added to is then read and written once for four.
    """
    a, n = x.shape
    values, lacks = np.zeros((_WIDE, a)), np.zeros((_WIDE, a), dtype=np.float32)
    at = starts[:-1].copy()
    for first in range(0, n, _WIDE):
        stop = min(first + _WIDE, n)
        for i in range(a):
            for k in range(first, stop):
                values[k - first, i] = x[i, k]
                lacks[k - first, i] = gone[i, k]
        for j in range(at.size):
            end = at[j]
            while end < starts[j + 1] and places[end] < stop:
                end += 1
            for place in range(at[j], end - 3, 4):
                _add_four(values, lacks, places, place, first, sums[j], squares[j], both[j])
            for place in range(end - (end - at[j]) % 4, end):
                row = places[place] - first
                _add_one(values[row], lacks[row], sums[j], squares[j], both[j])
            at[j] = end


@_compile
def _add_four(values, lacks, places, at, first, sums, squares, both):
    i0, i1 = places[at] - first, places[at + 1] - first
    i2, i3 = places[at + 2] - first, places[at + 3] - first
    r0, r1, r2, r3 = values[i0], values[i1], values[i2], values[i3]
    l0, l1, l2, l3 = lacks[i0], lacks[i1], lacks[i2], lacks[i3]
    for i in range(sums.size):
        sums[i] += (r0[i] + r1[i]) + (r2[i] + r3[i])
        squares[i] += (r0[i] * r0[i] + r1[i] * r1[i]) + (r2[i] * r2[i] + r3[i] * r3[i])
    for i in range(both.size):
        both[i] += (l0[i] + l1[i]) + (l2[i] + l3[i])


@_compile
def _add_one(values, lacks, sums, squares, both):
    for i in range(sums.size):
        sums[i] += values[i]
        squares[i] += values[i] * values[i]
        both[i] += lacks[i]


@_compile
def _correlate_all(x, y, seen_x, seen_y, whole_x, whole_y, order_x, order_y, product, biweight):
    n = x.shape[1]
    both = np.zeros(n, dtype=np.bool_)
    one, other, sorted_values = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(x.shape[0]):
        for j in range(y.shape[0]):
            if whole_x[i] and whole_y[j]:
                continue
            count = 0
            for k in range(n):
                both[k] = seen_x[i, k] and seen_y[j, k]
                count += both[k]
            product[i, j] = np.nan
            if count < 3:
                continue
            if not _deviate(x[i], order_x[i], both, count, biweight, sorted_values, one):
                continue
            if not _deviate(y[j], order_y[j], both, count, biweight, sorted_values, other):
                continue
            cross, square, other_square = 0.0, 0.0, 0.0
            for k in range(n):
                if both[k]:
                    cross += one[k] * other[k]
                    square += one[k] * one[k]
                    other_square += other[k] * other[k]
            product[i, j] = min(max(cross / math.sqrt(square * other_square), -1.0), 1.0)


@_compile
def _deviate(row, order, both, count, biweight, sorted_values, out):
    """Write ranks or weighted values around their middle; False where all are one."""
    place = 0
    for k in order:
        if place < count and both[k]:
            sorted_values[place] = row[k]
            place += 1
    if sorted_values[0] == sorted_values[count - 1]:
        return False
    if not biweight:
        _write_ranks(row, order, both, count, out)
        return True
    half = count // 2
    middle = sorted_values[half]
    if count % 2 == 0:
        middle = (sorted_values[half - 1] + middle) / 2
    _weigh(row, both, middle, _find_mad(sorted_values, count, middle), out)
    return True


@_compile
def _weigh(row, both, middle, mad, out):
    """Write biweighted distances from the middle; without a spread those from the mean."""
    if mad > 0.0:
        for k in range(row.size):
            if both[k]:
                away = row[k] - middle
                u = away / (REACH * mad)
                rest = 1.0 - u * u
                out[k] = away * rest * rest if abs(u) < 1.0 else 0.0
        return
    total, count = 0.0, 0
    for k in range(row.size):
        if both[k]:
            total += row[k]
            count += 1
    for k in range(row.size):
        if both[k]:
            out[k] = row[k] - total / count


@_compile
def _write_ranks(row, order, both, count, out):
    mean = (count - 1) / 2
    place, start = 0, 0
    n = order.size
    # ties stand together in the order: each run gets the mean of its places
    while place < count:
        while not both[order[start]]:
            start += 1
        value, stop, run = row[order[start]], start, 0
        while stop < n and (not both[order[stop]] or row[order[stop]] == value):
            run += both[order[stop]]
            stop += 1
        for k in range(start, stop):
            if both[order[k]]:
                out[order[k]] = place + (run - 1) / 2 - mean
        place += run
        start = stop


@_compile
def _find_mad(values, count, middle):
    """Return the median distance from the middle of sorted values, by a walk outwards."""
    right = 0
    while right < count and values[right] < middle:
        right += 1
    left = right - 1
    half = count // 2
    before, last = 0.0, 0.0
    for _ in range(half + 1):
        before = last
        if right >= count or (left >= 0 and middle - values[left] <= values[right] - middle):
            last = middle - values[left]
            left -= 1
        else:
            last = values[right] - middle
            right += 1
    return last if count % 2 else (before + last) / 2
