"""The functions of :mod:`proteomr.stats.elastic_net_loops`, compiled: the same to rounding."""

from __future__ import annotations

import math

from proteomr.stats.compiling import compile_loop

__all__ = [
    "add_columns",
    "correlate_columns",
    "descend",
    "measure_columns",
    "project_columns",
    "square_columns",
    "take_columns",
]

_compile = compile_loop(fastmath={"contract", "nsz", "reassoc"})
_compile_in_order = compile_loop(fastmath=set())  # to the last bit as numpy does it
_ROWS = 2_048  # of which the sums stay in the first-level cache


@_compile
def _shrink(u, most):
    if u > most:
        return u - most
    return u + most if u < -most else 0.0


@_compile
def descend(H, own, q, b, l1, l2, tolerance, most):
    everything = True
    a = b.size
    for taken in range(most):
        largest = 0.0
        for j in range(a):
            if not everything and b[j] == 0.0:
                continue
            bend = own[j] + l2[j]
            if bend <= 0.0:
                continue
            goal = _shrink(q[j] + own[j] * b[j], l1[j]) / bend
            step = goal - b[j]
            fall = bend * step * step
            if step != 0.0:
                b[j] = goal
                row = H[j]
                for k in range(a):
                    q[k] -= step * row[k]
                largest = max(largest, fall)
        if largest <= tolerance:
            if everything:
                return taken + 1
            everything = True
        else:
            everything = False
    return most


@_compile_in_order
def correlate_columns(xx, weight, centre, scale, out):
    for i in range(centre.size):
        for j in range(centre.size):
            out[i, j] = (xx[i, j] / weight - centre[i] * centre[j]) / scale[i] / scale[j]


@_compile
def measure_columns(X, weights, centre, scale, largest):
    n, p = X.shape
    for j in range(p):
        column = X[:, j]
        size = 0.0
        for i in range(n):
            size = max(size, abs(column[i]) if weights[i] > 0.0 else 0.0)
        unit = 2.0 ** math.frexp(size)[1] if size > 0.0 else 2.0
        mean = 0.0
        for i in range(n):
            mean += weights[i] * (column[i] / unit)
        spread = 0.0
        for i in range(n):
            away = column[i] / unit - mean
            spread += weights[i] * (away * away)
        centre[j], scale[j], largest[j] = mean * unit, math.sqrt(spread) * unit, size


@_compile
def add_columns(X, columns, b, out):
    n = out.size
    for start in range(0, n, _ROWS):
        end = min(start + _ROWS, n)
        for k in range(columns.size):
            size = b[k]
            column = X[start:end, columns[k]]
            for i in range(end - start):
                out[start + i] += size * column[i]


@_compile
def project_columns(X, columns, r, out):
    n = r.size
    out[:] = 0.0
    for start in range(0, n, _ROWS):
        end = min(start + _ROWS, n)
        for k in range(columns.size):
            column = X[start:end, columns[k]]
            total = 0.0
            for i in range(end - start):
                total += column[i] * r[start + i]
            out[k] += total


@_compile
def square_columns(H, columns, b):
    total = 0.0
    for j in range(columns.size):
        row = H[columns[j]]
        own = 0.5 * row[columns[j]] * b[j]
        for k in range(j):  # half of what is symmetric
            own += row[columns[k]] * b[k]
        total += b[j] * own
    return 2.0 * total


@_compile
def take_columns(X, columns, start, centre, scale, size, out):
    m = size.size
    for k in range(columns.size):
        column = X[start : start + m, columns[k]]
        own = out[:, k]
        middle, share = centre[k], 1.0 / scale[k]
        for i in range(m):
            own[i] = (column[i] - middle) * share * size[i]
