"""The functions of :mod:`proteomr.stats.cell_loops`, compiled: the same numbers to rounding."""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiling import compile_loop

__all__ = ["add_products"]

# Rows gathered together: forty columns of them are 40 kB, within the first-level cache.
_ROWS = 128
# Between columns, whose rows would else lie a power of two apart and put one another out of the
# cache.
_GAP = 16
# Rows that the widest loops take at once; what is left over would be taken one by one.
_LANES = 16
# Rows whose products are added for all lists before those of others: forty columns of them are
# 330 kB, and stay in the second-level cache meanwhile.
_STRETCH = 1_024

# Sums over rows run in several accumulators, which changes their rounding alone.
_compile = compile_loop(fastmath={"contract", "nsz", "reassoc"})


@_compile
def _gather(dense, cell, root, rows, first, count, columns, sums, weights):
    """Lay out rows of the dense columns by column, and add them to the sums of their cells."""
    d = np.uint64(dense.shape[1])
    for i in range(np.uint64(count)):  # unsigned: no index counts from the end
        row = np.uint64(rows[np.uint64(first) + i])
        for k in range(d):
            columns[k, i] = dense[row, k]
        c, share = np.uint64(cell[row]), root[row]
        weights[c] += share * share
        for k in range(d):
            sums[c, k] += share * dense[row, k]


@_compile
def _enter(row, k, s0, s1):
    row[k] += s0
    row[k + 1] += s1


@_compile
def _multiply(columns, count, j, k, gram):
    """Add the products of four columns from j with two from k to their tile of the Gram.

    Eight sums and what they are of stay in the sixteen registers that every processor has; with
    four columns from k, sums were put aside and fetched at each row where there are no more.
    """
    s00 = s01 = s10 = s11 = s20 = s21 = s30 = s31 = 0.0
    for i in range(np.uint64(count)):
        a0, a1, a2, a3 = columns[j, i], columns[j + 1, i], columns[j + 2, i], columns[j + 3, i]
        b0, b1 = columns[k, i], columns[k + 1, i]
        s00, s01, s10, s11 = s00 + a0 * b0, s01 + a0 * b1, s10 + a1 * b0, s11 + a1 * b1
        s20, s21, s30, s31 = s20 + a2 * b0, s21 + a2 * b1, s30 + a3 * b0, s31 + a3 * b1
    _enter(gram[j], k, s00, s01)
    _enter(gram[j + 1], k, s10, s11)
    _enter(gram[j + 2], k, s20, s21)
    _enter(gram[j + 3], k, s30, s31)


@_compile
def add_products(dense, cell, root, rows, starts, grams, sums, weights):
    n, width = dense.shape
    columns = np.empty((width, _ROWS + _GAP))
    reached = starts[:-1].copy()
    for stop in range(_STRETCH, n + _STRETCH, _STRETCH):
        for b in range(reached.size):
            first = last = reached[b]
            while last < starts[b + 1] and rows[last] < stop:
                last += 1
            reached[b] = last
            for at in range(first, last, _ROWS):
                count = min(_ROWS, last - at)
                _gather(dense, cell, root, rows, at, count, columns, sums[b], weights[b])
                full = -(-count // _LANES) * _LANES
                columns[:, count:full] = 0.0
                for j in range(0, width, 4):
                    for k in range(0, j + 4, 2):
                        _multiply(columns, full, j, k, grams[b])
    for gram in grams:
        for j in range(width):
            for k in range(j):
                gram[k, j] = gram[j, k]
