"""The functions of :mod:`proteomr.stats.sandwich_loops`, compiled: the same numbers to rounding."""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiling import compile_loop

__all__ = ["add_clusters", "add_leverages", "add_squares", "finish_columns"]

# Sums over rows run in several accumulators, which changes their rounding alone.
_compile = compile_loop(fastmath={"contract", "nsz", "reassoc"})


@_compile
def _end_of_run(cell, start):
    stop = start + 1
    while stop < cell.size and cell[stop] == cell[start]:
        stop += 1
    return stop


@_compile
def _add_constant(column, start, stop, by, root):
    for i in range(np.uint64(start), np.uint64(stop)):
        column[i] += by * root[i]


@_compile
def _finish_run(column, start, stop, by, root, share, own, observed):
    """Complete a column within one cell where the protein is all that is its own."""
    for i in range(np.uint64(start), np.uint64(stop)):
        value = column[i] + by * root[i] + share * own[i]
        column[i] = value if observed[i] else 0.0


@_compile
def _add_multiple(column, by, other):
    for i in range(np.uint64(column.size)):
        column[i] += by * other[i]


@_compile
def _mask(column, observed):
    for i in range(np.uint64(column.size)):
        column[i] = column[i] if observed[i] else 0.0


@_compile
def finish_columns(columns, cells, cell, root, own, shares, observed):
    alone = own.shape[1] == 1
    for m, j in np.ndindex(columns.shape[:2]):
        start = 0
        while start < cell.size:
            stop = _end_of_run(cell, start)
            for c in range(columns.shape[2]):
                column, by = columns[m, j, c], cells[m, j, c, cell[start]]
                if alone:
                    share = shares[m, j, c, 0]
                    _finish_run(column, start, stop, by, root, share, own[j, 0], observed[j])
                else:
                    _add_constant(column, start, stop, by, root)
            start = stop
        if not alone:
            for c in range(columns.shape[2]):
                for v in range(own.shape[1]):
                    if shares[m, j, c, v] != 0.0:
                        _add_multiple(columns[m, j, c], shares[m, j, c, v], own[j, v])
                _mask(columns[m, j, c], observed[j])


@_compile
def _add_square(out, product, start, stop, by, root):
    for i in range(np.uint64(start), np.uint64(stop)):
        value = product[i] + by * root[i]
        out[i] += value * value


@_compile
def _leverage_of(dense, factor, cells, c, root, stop):
    """Sum one row's leverage in double precision, up to a dense column."""
    z = factor.shape[0] - dense.size
    total = 0.0
    for u in range(z + stop):
        value = cells[u, c] * root
        for k in range(max(0, u + 1 - z)):
            value += factor[u, z + k] * dense[k]
        total += value * value
    return total


@_compile
def _add_cell(products, cells, z, before, stop_at, start, stop, root, out):
    """Add to leverages, within one cell, the squares of some dense columns made orthonormal."""
    for u in range(before, stop_at):
        _add_square(out, products[u], start, stop, cells[z + u], root)


@_compile
def _begin_cell(cells, z, start, stop, root, out):
    """Enter the squares of the cell columns, made orthonormal, for one cell."""
    first = 0.0
    for u in range(z):
        first += cells[u] * cells[u]
    for i in range(np.uint64(start), np.uint64(stop)):
        out[i] = first * root[i] * root[i]


@_compile
def _repeat_large(dense, factor, cells, cell, root, stop, limit, out):
    for i in range(cell.size):
        if out[i] > limit:
            out[i] = _leverage_of(dense[i], factor, cells, cell[i], root[i], stop)


@_compile
def add_leverages(dense, factors, products, cells, cell, root, stops, limit, out):
    z = factors.shape[1] - dense.shape[1]
    for j in range(products.shape[0]):
        start = 0
        while start < cell.size:
            stop = _end_of_run(cell, start)
            by = cells[j, :, cell[start]]
            _begin_cell(by, z, start, stop, root, out[j, 0])
            before = 0
            for s in range(stops.size):
                if s > 0:
                    for i in range(np.uint64(start), np.uint64(stop)):
                        out[j, s, i] = out[j, s - 1, i]
                _add_cell(products[j], by, z, before, stops[s], start, stop, root, out[j, s])
                before = stops[s]
            start = stop
        for s in range(stops.size):
            _repeat_large(dense, factors[j], cells[j], cell, root, stops[s], limit, out[j, s])


@_compile
def _take_off_square(free, column):
    for i in range(np.uint64(free.size)):
        free[i] -= column[i] * column[i]


@_compile
def _find_factors(whole, base, observed, power, least, factor):
    """Enter the factors of scores of all rows; return the least ``1 - h``."""
    low = np.inf
    for i in range(np.uint64(base.size)):
        factor[i] = 1.0 - base[i]
    for u in range(whole.shape[0]):
        _take_off_square(factor, whole[u])
    for i in range(np.uint64(base.size)):
        free = factor[i] if observed[i] else 1.0
        low = min(low, free)
        free = max(free, least)
        factor[i] = 1.0 / free if power == 1.0 else 1.0 / np.sqrt(free)
    return low


@_compile
def _drop_isolated(whole, base, observed, least, isolated, factor):
    """Drop rows of leverage about 1 that move nothing; return whether all others are sound."""
    sound = True
    for i in range(base.size):
        h = base[i]
        for u in range(whole.shape[0]):
            h += whole[u, i] * whole[u, i]
        if observed[i] and not 1.0 - h >= least:
            factor[i] = 0.0
            for u in range(whole.shape[0]):
                sound = sound and abs(whole[u, i]) <= isolated
    return sound


@_compile
def _sum_scores(x, y, e, factor):
    total = 0.0
    for i in range(np.uint64(x.size)):
        score = e[i] * factor[i]
        total += x[i] * y[i] * score * score
    return total


@_compile
def _sum_fourth(terms, mixing, u, moved):
    moved[:] = 0.0
    for v in range(u, terms.shape[0]):
        _add_multiple(moved, mixing[u, v], terms[v])
    total = 0.0
    for i in range(np.uint64(moved.size)):
        square = moved[i] * moved[i]
        total += square * square
    return total


@_compile
def _add_doubt(x, e, factor, h, doubt):
    first = second = 0.0
    for i in range(np.uint64(x.size)):
        score = x[i] * e[i] * factor[i]
        part = score * score * h[i]
        first += part
        second += part * part
    doubt[0] += first
    doubt[1] += second


@_compile
def _add_model(columns, t, factor, mixing, meat, fourth, moved):
    e = columns[columns.shape[0] - 1]
    terms = columns[columns.shape[0] - 1 - t : columns.shape[0] - 1]
    for u in range(t):
        for v in range(u + 1):
            total = _sum_scores(terms[u], terms[v], e, factor)
            meat[u, v] += total
            if u != v:
                meat[v, u] += total
        fourth[u] += _sum_fourth(terms, mixing, u, moved)


@_compile
def _add_single(x, e, h, observed, power, least, meat, fourth, doubt):
    """Add the sums of a model of one orthonormal column, unless a leverage is about 1."""
    low, total, four, first, second = np.inf, 0.0, 0.0, 0.0, 0.0
    for i in range(np.uint64(x.size)):
        square = x[i] * x[i]
        free = 1.0 - h[i] - square if observed[i] else 1.0
        low = min(low, free)
        score = square * e[i] * e[i] / (free * free if power == 1.0 else free)
        total += score
        four += square * square
        part = score * h[i]
        first += part
        second += part * part
    if not low >= least:
        return False
    meat[0, 0] += total
    fourth[0] += four
    doubt[0] += first
    doubt[1] += second
    return True


@_compile
def _add_single_plain(x, e, meat, fourth):
    total = four = 0.0
    for i in range(np.uint64(x.size)):
        square = x[i] * x[i]
        total += square * e[i] * e[i]
        four += square * square
    meat[0, 0] += total
    fourth[0] += four


@_compile
def add_squares(
    columns, base, sets, observed, mixing, power, least, isolated, meat, fourth, doubt, sound
):
    t = mixing.shape[2]
    last = columns.shape[2] - 1
    factor, moved = np.ones(columns.shape[3]), np.empty(columns.shape[3])
    for m, j in np.ndindex(columns.shape[:2]):
        if last == 1:
            x, e = columns[m, j, 0], columns[m, j, 1]
            sums = meat[m, j], fourth[m, j]
            if power == 0.0:
                _add_single_plain(x, e, sums[0], sums[1])
                continue
            h, of = base[j, sets[m]], observed[j]
            if _add_single(x, e, h, of, power, least, sums[0], sums[1], doubt[m, j, 0]):
                continue
        if power > 0.0:
            whole, h = columns[m, j, :last], base[j, sets[m]]
            low = _find_factors(whole, h, observed[j], power, least, factor)
            if not low >= least:
                ok = _drop_isolated(whole, h, observed[j], least, isolated, factor)
                sound[m, j] = sound[m, j] and ok
            for u in range(t):
                x = columns[m, j, last - t + u]
                _add_doubt(x, columns[m, j, last], factor, h, doubt[m, j, u])
        _add_model(columns[m, j], t, factor, mixing[m, j], meat[m, j], fourth[m, j], moved)


@_compile
def _scatter(x, e, moved, cluster, score, square, sums):
    """Add scores, and squares of what rows move a coefficient by, within clusters."""
    score, square = np.uint64(score), np.uint64(square)
    for i in range(np.uint64(cluster.size)):
        g = np.uint64(cluster[i])
        sums[g, score] += x[i] * e[i]
        sums[g, square] += moved[i] * moved[i]


@_compile
def add_clusters(columns, cluster, mixing, sums):
    t = mixing.shape[2]
    last = columns.shape[2] - 1
    moved = np.empty(cluster.size)
    for m, j in np.ndindex(columns.shape[:2]):
        terms, e = columns[m, j, last - t : last], columns[m, j, last]
        for u in range(t):
            moved[:] = 0.0
            for v in range(u, t):
                _add_multiple(moved, mixing[m, j, u, v], terms[v])
            first = 2 * t * m + u
            _scatter(terms[u], e, moved, cluster, first, first + t, sums[j])
