"""The functions of :mod:`proteomr.stats.observed_loops`, compiled: the same numbers to rounding.

A row of tens of thousands of people stays in the second-level cache from its first pass to its
last.
"""

from __future__ import annotations

import math

import numpy as np

from proteomr.stats.compiling import compile_loop
from proteomr.stats.linalg import FLAT

__all__ = ["count_levels", "find_ranges", "list_missing", "mark_observed", "standardise_rows"]

# Sums alone may be reordered, which rounds them better than one after another.
_compile = compile_loop(fastmath={"contract", "nsz", "reassoc"})
# A minimum of numbers that may be NaN would be taken one after another.
_compile_numbers = compile_loop(fastmath={"nnan", "nsz"})
# Where NaN says that a value is missing, nothing may be supposed of numbers.
_compile_any = compile_loop(fastmath=set())


@_compile_numbers
def _find_ends(values):
    low, high = 0.0, 0.0
    for i in range(values.size):
        low = min(low, values[i])
        high = max(high, values[i])
    return low, high


@_compile_numbers
def _find_range(values, observed):
    low, high = _find_ends(values)
    if low < 0.0 < high:  # neither is the 0 of a value that is not there
        return low, high
    low, high = np.inf, -np.inf
    for i in range(values.size):
        low = min(low, values[i] if observed[i] else np.inf)
        high = max(high, values[i] if observed[i] else -np.inf)
    return low, high


@_compile
def _standardise(values, observed, inverse, out):
    """Centre and scale a row times the inverse of a power of two; return its scale, 0 if flat."""
    count, total = 0, 0.0
    for i in range(values.size):
        count += observed[i]
        total += values[i] * inverse
    count = max(count, 1)
    mean, squares = total / count, 0.0
    for i in range(values.size):
        rest = values[i] * inverse - mean if observed[i] else 0.0
        out[i] = rest
        squares += rest * rest
    scale = math.sqrt(squares / count)
    flat = scale <= FLAT
    share = 0.0 if flat else 1.0 / scale
    for i in range(out.size):
        out[i] *= share
    return 0.0 if flat else scale


@_compile
def count_levels(codes, missing, starts):
    levels = 0
    for code in codes:
        levels = max(levels, code + 1)
    counts = np.zeros((starts.size - 1, levels), dtype=np.int64)
    whole = np.zeros(levels, dtype=np.int64)
    for code in codes:
        whole[code] += 1
    for j in range(counts.shape[0]):
        for level in range(levels):
            counts[j, level] = whole[level]
        for row in missing[starts[j] : starts[j + 1]]:
            counts[j, codes[row]] -= 1
    return counts


@_compile_numbers
def find_ranges(values, observed):
    low, high = np.empty(values.shape[0]), np.empty(values.shape[0])
    for j in range(values.shape[0]):
        low[j], high[j] = _find_range(values[j], observed[j])
    return low, high


@_compile
def list_missing(observed):
    b, n = observed.shape
    starts = np.zeros(b + 1, dtype=np.int64)
    for j in range(b):
        there = 0
        for i in range(n):
            there += observed[j, i]
        starts[j + 1] = starts[j] + n - there
    where = np.empty(starts[b] + 1, dtype=np.int64)
    at = 0
    for j in range(b):
        for i in range(n):  # without a branch: what is there is written over
            where[at] = i
            at += not observed[j, i]
    return where[: starts[b]], starts


@_compile_any
def mark_observed(values, observed):
    infinite = np.zeros(values.shape[0], dtype=np.int64)
    for j in range(values.shape[0]):
        count = 0
        for i in range(values.shape[1]):
            value = values[j, i]
            observed[j, i] = not math.isnan(value)
            count += abs(value) == np.inf
        infinite[j] = count
    return infinite


@_compile
def standardise_rows(values, observed, powers, out):
    scale = np.empty(values.shape[0])
    for j in range(values.shape[0]):
        scale[j] = _standardise(values[j], observed[j], 1.0 / powers[j], out[j]) * powers[j]
    return scale
