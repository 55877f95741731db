"""The functions of :mod:`proteomr.stats.stored_loops`, compiled: the same bits."""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiling import compile_loop

__all__ = ["take_numbers"]

_compile = compile_loop(fastmath=set())
_THREE, _SEVEN = np.uint64(3), np.uint64(7)  # a byte has eight bits


@_compile
def take_numbers(numbers, bits, first, rows, target):
    if bits.size == 0:
        for i in range(rows.size):
            row = rows[i]
            target[i] = np.float64(numbers[np.uint64(row)]) if row >= 0 else np.nan
        return
    begin = np.uint64(first)
    for i in range(rows.size):
        row = rows[i]
        place = np.uint64(max(row, 0))
        bit = place + begin
        told = (np.uint64(bits[bit >> _THREE]) >> (bit & _SEVEN)) & np.uint64(row >= 0)
        target[i] = np.float64(numbers[place]) if told & np.uint64(1) else np.nan
