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
    sums, squares, both = (np.zeros((starts.size - 1, len(x))) for _ in range(3))
    _add_gaps(x, gone, starts, places, sums, squares, both)
    return sums, squares, both


@_compile
def _add_gaps(x, gone, starts, places, sums, squares, both):
    """Add up by columns, each turned so that what all rows have in it lies side by side."""
    a, n = x.shape
    values, lacks = np.zeros((_WIDE, a)), np.zeros((_WIDE, a))
    at = starts[:-1].copy()
    for first in range(0, n, _WIDE):
        stop = min(first + _WIDE, n)
        for i in range(a):
            for k in range(first, stop):
                values[k - first, i] = x[i, k]
                lacks[k - first, i] = gone[i, k]
        for j in range(at.size):
            own, own_squares, own_both = sums[j], squares[j], both[j]
            place = at[j]
            while place < starts[j + 1] and places[place] < stop:
                row, lack = values[places[place] - first], lacks[places[place] - first]
                for i in range(a):
                    own[i] += row[i]
                    own_squares[i] += row[i] * row[i]
                    own_both[i] += lack[i]
                place += 1
            at[j] = place


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
