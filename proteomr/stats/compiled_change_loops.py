"""Sums of tests of proportional hazards, compiled: of :mod:`proteomr.stats.cox_loops`."""

from __future__ import annotations

from typing import Any

import numpy as np

from proteomr.stats.compiled_risk_loops import add_sets, bin_deaths, weigh_times
from proteomr.stats.compiling import compile_loop
from proteomr.stats.workspace import workspace

__all__ = ["multiply_pairs", "sum_changes"]

# Sums over risk sets keep their order, and what is infinite stays so.
_compile = compile_loop(fastmath={"contract", "nsz", "arcp"})
# Fits that walk together, whose sums over risk sets are held side by side; and rows of a stretch of
# the walk, forty columns of which are half a megabyte.
_TOGETHER, _STRETCH = 4, 1_536
# Numbers of a line of the cache, with which each time's sums begin.
_LANES = 8
# Times of a part whose columns are taken less one mean: from one to the next it hardly moves. And
# times whose squares are summed before they are added in double precision: a quarter of a megabyte
# of them, and as much again of those who die together.
_NEIGHBOURS, _PIECE = 64, 512
_ROUNDING = 1e-13  # of what is left of a time's deaths, of which two leave a half


@_compile
def _sum_stretch(x, X, starts, part, first, stop, S):
    # Four rows at a time, whose sums go through memory once.
    lanes = X.shape[1]
    for g in range(stop - 1, first - 1, -1):
        start, t = starts[g + 1], starts[g + 2]
        if g == part.size - 1 or part[g] != part[g + 1]:
            for c in range(lanes):
                S[g, c] = 0.0
        else:
            for c in range(lanes):
                S[g, c] = S[g + 1, c]
        while t - 4 >= start:
            t -= 4
            x0, x1, x2, x3 = x[t], x[t + 1], x[t + 2], x[t + 3]
            for c in range(lanes):
                here = (x0 * X[t, c] + x1 * X[t + 1, c]) + (x2 * X[t + 2, c] + x3 * X[t + 3, c])
                S[g, c] += here
        while t > start:
            t -= 1
            x0 = x[t]
            for c in range(lanes):
                S[g, c] += x0 * X[t, c]


@_compile
def _sum_dense(x, dense, starts, part, S):
    # The rows of a stretch of times stay in the second-level cache for all fits.
    stop = part.size
    while stop > 0:
        first = stop - 1
        while first > 0 and starts[stop + 1] - starts[first] <= _STRETCH:
            first -= 1
        for f in range(x.shape[0]):
            _sum_stretch(x[f], dense, starts, part, first, stop, S[f])
        stop = first


@_compile
def _sum_further(x, y, starts, part, S):
    # Of one column, and the sums over the rows of each time.
    total = 0.0
    for g in range(part.size - 1, -1, -1):
        if g == part.size - 1 or part[g] != part[g + 1]:
            total = 0.0
        for t in range(starts[g + 2] - 1, starts[g + 1] - 1, -1):
            total += x[t] * y[t]
        S[g] = total


@_compile
def _sum_cells(x, cell, of_cells, starts, part, S):
    # The last total is of columns that only fill the lists of cells, which are of one length.
    place, value = of_cells
    total = np.zeros(S.shape[1] + 1)
    for g in range(part.size - 1, -1, -1):
        if g == part.size - 1 or part[g] != part[g + 1]:
            total[:] = 0.0
        for t in range(starts[g + 2] - 1, starts[g + 1] - 1, -1):
            v, q = x[t], cell[t]
            for j in range(place.shape[1]):
                total[place[q, j]] += v * value[q, j]
        for c in range(S.shape[1]):
            S[g, c] = total[c]


@_compile
def _sum_columns(w, borders, columns, of_cells, part, d, k, bins, S):
    # From the last time to the first: sums over the rows of each and of all later times. What fills
    # the last of the dense columns gives way to what follows them.
    dense, rows, starts, cell = columns
    (F, s, _), n = borders.shape, rows.size
    x, y = np.empty((F, n)), np.empty(n)
    for f in range(F):
        for t in range(n):
            x[f, t] = w[f, rows[t]]
    _sum_dense(x, dense, starts, part, S)
    for f in range(F):
        for g in range(part.size):
            here = 0.0
            for t in range(starts[g + 2] - 1, starts[g + 1] - 1, -1):
                here += x[f, t]
            bins[f, g] = here
        _sum_cells(x[f], cell, of_cells, starts, part, S[f, :, d:k])
        for a in range(s):
            for t in range(n):
                y[t] = borders[f, a, rows[t]]
            _sum_further(x[f], y, starts, part, S[f, :, k + a])


@_compile
def _sum_dead(w, mask, gtime, borders, of_dead, tied, top, dead, D, score):
    # Sums over those who die where others do, and of what each had, weighted by gtime.
    D[:] = 0.0
    k, s = of_dead.shape[1], borders.shape[0]
    for e in range(dead.size):
        i = dead[e]
        if mask[i] > 0.0:
            g = top[i] - 1
            x = mask[i] * gtime[g]
            for c in range(k):
                score[c] += x * of_dead[e, c]
            for a in range(s):
                score[k + a] += x * borders[a, i]
            if tied[g] >= 0:
                v, there = w[i], tied[g]
                for c in range(k):
                    D[there, c] += v * of_dead[e, c]
                for a in range(s):
                    D[there, k + a] += v * borders[a, i]


@_compile
def _shift(S1, g, S, shifts, window):
    # By the means of the first time of a window with anybody at risk.
    if not S > 0.0:
        return False
    for i in range(shifts.shape[1]):
        shifts[window, i] = S1[g, i] / S
    return True


@_compile
def _part_dead(D1, place, of_dead, lessened, dead, away, score):
    for i in range(dead.size):
        dead[i] = D1[place, i]
    for i in range(dead.size):
        away[i] -= lessened * dead[i]
    for i in range(dead.size):
        score[i] += of_dead * dead[i]


@_compile
def _add_beside(beside, window, size, t, away):
    by, p = size, away.size
    for power in range(3):
        for i in range(p):
            beside[power, window, i] += by * away[i]
        beside[power, window, p] += by * size
        by *= t


@_compile
def _scale_pair(stack, row, by, t, x, per):
    p = x.size
    for i in range(p):
        stack[row, i] = by * (per[i] * x[i])
    for i in range(p):
        stack[row, p + i] = t * (by * (per[i] * x[i]))


@_compile
def _stack_times(
    S1, D1, tied, windows, of_times, largest, per, first, stop, stack, shifts, beside, score
):
    # a S S' - b (S D' + D S') + c D D' is a square of S - (b / a) D, and what is left one of D. Of
    # columns less a mean of theirs that stays for some times, the squares are small, and the rest
    # of each square is made of a few sums. Returns how many rows the stack has.
    sums, Q, gtime = of_times
    p, rows = score.size, 0
    away, dead = np.empty(p), np.empty(p)
    for g in range(first, stop):
        window = windows[g]
        if g == first or window != windows[g - 1]:
            known = False
        S, D = sums[0, g], sums[1, g]
        if not known:
            known = _shift(S1, g, S, shifts, window)
        a, b, c, t = Q[2, g], Q[3, g], Q[4, g], gtime[g] / largest
        of_all = gtime[g] * Q[0, g]
        root = 0.0 if a < 0.0 else np.sqrt(a)
        share = b / a if tied[g] >= 0 and a > 0.0 else 0.0
        size = root * (S - share * D)
        # Loops over few arrays are laid out in registers; of more, compilers leave one by one.
        for i in range(p):
            away[i] = root * S1[g, i] - size * shifts[window, i]
        for i in range(p):
            score[i] -= of_all * S1[g, i]
        if tied[g] >= 0:
            rest = c - share * b
            _part_dead(D1, tied[g], gtime[g] * Q[1, g], root * share, dead, away, score)
            if not rest <= _ROUNDING * c:  # squares of rounding are below what single can hold
                _scale_pair(stack, rows, np.sqrt(rest), t, dead, per)
                rows += 1
        _scale_pair(stack, rows, 1.0, t, away, per)
        rows += 1
        _add_beside(beside, window, size, t, away)
    return rows


@_compile
def _add_powers(part, gtime, hazard, C):
    # Hazards up to each time, weighted by gtime to the power of 0, 1 and 2.
    once, twice, thrice = 0.0, 0.0, 0.0
    C[:, 0] = 0.0
    for g in range(part.size):
        if g == 0 or part[g] != part[g - 1]:
            once, twice, thrice = 0.0, 0.0, 0.0
        x, t = hazard[g], gtime[g]
        once += x
        twice += x * t
        thrice += x * t * t
        C[0, g + 1], C[1, g + 1], C[2, g + 1] = once, twice, thrice


@_compile
def _sum_risk_sets(columns, borders, w, bins, coming, leaving, S1):
    # Of all columns; and hazards by the first and by the last time.
    part, late = bins[4], bins[5]
    by_last, by_first, place, value, of_dead, _tied, d, _largest = columns
    of_cells, k = (place, value), of_dead.shape[1]
    _sum_columns(w, borders, by_last, of_cells, part, d, k, leaving, S1)
    if not late:
        return
    # Those who come later have left the risk set in this direction.
    later = np.empty(S1.shape)
    _sum_columns(w, borders, by_first, of_cells, part, d, k, coming, later)
    for f in range(w.shape[0]):
        for g in range(part.size - 1):
            if part[g] == part[g + 1]:
                for c in range(k + borders.shape[1]):
                    S1[f, g, c] -= later[f, g + 1, c]


@_compile
def _weigh_rows(
    columns, borders, mask, bins, w, coming, leaving, gtime, weights, efron, D1, sums, Q, score
):
    top, _bottom, base, dead, part, late = bins
    of_dead, tied = columns[4], columns[5]
    G = part.size
    u, d = np.empty(G), np.empty(G, dtype=np.int64)
    bin_deaths(w, mask, top, dead, sums[1], d, u)
    add_sets(part, coming, leaving, late, sums[0])
    _sum_dead(w, mask, gtime, borders, of_dead, tied, top, dead, D1, score)
    weigh_times(sums[0], sums[1], d, u, efron, Q)
    C = np.empty((3, G + 1))
    _add_powers(part, gtime, Q[0], C)
    for j in range(3):
        for i in range(w.size):
            weights[j, i] = w[i] * C[j, top[i]]
        if late:
            for i in range(w.size):
                weights[j, i] -= w[i] * C[j, base[i]]
    for i in dead:
        g = top[i] - 1
        x = w[i] * Q[1, g]
        for j in range(3):
            weights[j, i] -= x
            x *= gtime[g]


@_compile
def _multiply_pairs(columns, products):
    place = 0
    for c in range(columns.shape[0]):
        for e in range(c, columns.shape[0]):
            for i in range(columns.shape[1]):
                products[place, i] = columns[c, i] * columns[e, i]
            place += 1


def sum_changes(columns, borders, mask, risk, hazards, gtime, weights, *, efron, single=False):
    (B, s, _), G = borders.shape, risk.size
    p = columns.of_dead.shape[1] + s
    T, wide = int(columns.tied.max(initial=-1)) + 1, max(p, columns.leaving.dense.shape[1])
    S1 = workspace.take("sums of columns", (_TOGETHER, G, wide + -wide % _LANES), np.float64)
    D1 = workspace.take("sums of deaths", (T, p), np.float64)
    kind: Any = np.float32 if single else np.float64
    stack = workspace.take("columns by time", (2 * _PIECE, 2 * p), kind)
    sums, Q = np.empty((2, G)), np.empty((5, G))
    windows = _list_windows(risk.part_of_time)
    means, score, rest = np.empty((3, B, p, p)), np.zeros((B, p)), np.zeros((3, B, p))
    for first in range(0, B, _TOGETHER):
        at = slice(first, min(first + _TOGETHER, B))
        coming, leaving = np.zeros((2, at.stop - first, G))
        together = borders[at], hazards[at], risk.bins, coming, leaving, S1[: at.stop - first]
        _sum_risk_sets(columns, *together)
        for f, b in enumerate(range(first, at.stop)):
            of_rows = borders[b], mask[b].astype(np.float64), risk.bins, hazards[b]
            by_time = coming[f], leaving[f], gtime[b]
            room = weights[b], efron, D1, sums, Q, score[b]
            _weigh_rows(columns, *of_rows, *by_time, *room)
            unit = np.concatenate([columns.largest, np.abs(borders[b]).max(axis=1, initial=0.0)])
            unit[~(unit > 0.0)] = 1.0
            of_times = sums, Q, gtime[b]
            means[:, b], apart = _square_times(
                S1[f], D1, columns.tied, windows, of_times, unit, stack, score[b]
            )
            if single:
                rest[:, b] = apart
    return means, score, rest


def _list_windows(part):
    """Return of which window each time is ``(G,)``: no window lies in two parts, or two pieces."""
    g = np.arange(part.size)
    begins = ((g - np.searchsorted(part, part)) % _NEIGHBOURS == 0) | (g % _PIECE == 0)
    return np.cumsum(begins) - 1


def _square_times(S1, D1, tied, windows, of_times, unit, stack, score):
    """Return the part of the means, and the diagonal of the squares that the stack was summed in.

    What the columns of times are less a mean of theirs that stays for some is squared there.
    """
    gtime, p = of_times[2], unit.size
    G = gtime.size
    largest = float(np.max(np.abs(gtime), initial=0.0)) or 1.0
    shifts = np.zeros((windows[-1] + 1 if G else 0, p))
    beside = np.zeros((3, shifts.shape[0], p + 1))
    whole = np.zeros((2 * p, 2 * p))
    for start in range(0, G, _PIECE):
        piece = start, min(start + _PIECE, G)
        given = S1, D1, tied, windows, of_times, largest, 1.0 / unit
        rows = _stack_times(*given, *piece, stack, shifts, beside, score)
        whole += stack[:rows].T @ stack[:rows]  # a matrix by itself: half of the products
    between = 0.5 * (whole[:p, p:] + whole[p:, :p])
    powers = largest ** np.arange(3)[:, None, None]
    apart = powers * (np.array([whole[:p, :p], between, whole[p:, p:]]) * unit * unit[:, None])
    half = np.matmul(shifts.T, beside[:, :, :p] + 0.5 * beside[:, :, p:] * shifts)
    return apart + powers * (half + half.transpose(0, 2, 1)), np.einsum("qii->qi", apart)


def multiply_pairs(columns, products):
    _multiply_pairs(columns, products)
