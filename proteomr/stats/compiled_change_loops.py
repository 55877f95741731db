"""Sums of tests of proportional hazards, compiled: of :mod:`proteomr.stats.cox_loops`."""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiled_risk_loops import add_sets, bin_deaths, weigh_times
from proteomr.stats.compiling import compile_loop
from proteomr.stats.timed_columns import ABREAST
from proteomr.stats.workspace import workspace

__all__ = ["multiply_pairs", "sum_changes"]

# Sums over risk sets keep their order, and what is infinite stays so.
_compile = compile_loop(fastmath={"contract", "nsz", "arcp"})
# Fits that walk together, whose sums over risk sets are held side by side; and rows of a stretch of
# the walk, forty columns of which are half a megabyte.
_TOGETHER, _STRETCH = 4, 1_536


@_compile
def _sum_stretch(x, X, starts, part, first, stop, totals, at, S):
    # Eight totals side by side: written out, as numba keeps no array in registers.
    a0, a1, a2, a3 = totals[0], totals[1], totals[2], totals[3]
    a4, a5, a6, a7 = totals[4], totals[5], totals[6], totals[7]
    for g in range(stop - 1, first - 1, -1):
        if g == part.size - 1 or part[g] != part[g + 1]:
            a0, a1, a2, a3, a4, a5, a6, a7 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for t in range(starts[g + 2] - 1, starts[g + 1] - 1, -1):
            v = x[t]
            a0 += v * X[t, 0]
            a1 += v * X[t, 1]
            a2 += v * X[t, 2]
            a3 += v * X[t, 3]
            a4 += v * X[t, 4]
            a5 += v * X[t, 5]
            a6 += v * X[t, 6]
            a7 += v * X[t, 7]
        for c, a in enumerate((a0, a1, a2, a3, a4, a5, a6, a7)):
            S[g, at + c] = a
    for c, a in enumerate((a0, a1, a2, a3, a4, a5, a6, a7)):
        totals[c] = a


@_compile
def _sum_dense(x, dense, starts, part, S):
    # The rows of a stretch of times stay in the second-level cache for all fits.
    stop, totals = part.size, np.zeros((x.shape[0], dense.shape[0], ABREAST))
    while stop > 0:
        first = stop - 1
        while first > 0 and starts[stop + 1] - starts[first] <= _STRETCH:
            first -= 1
        for f in range(x.shape[0]):
            for m in range(dense.shape[0]):
                _sum_stretch(
                    x[f], dense[m], starts, part, first, stop, totals[f, m], m * ABREAST, S[f]
                )
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
    # the last eight of the dense columns gives way to what follows them.
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
                there = D[tied[g]]
                for c in range(k):
                    there[c] += w[i] * of_dead[e, c]
                for a in range(s):
                    there[k + a] += w[i] * borders[a, i]


@_compile
def _stack_times(S1, D1, tied, Q, gtime, largest, stack, score):
    # a S S' - b (S D' + D S') + c D D' is a square of S - (b / a) D, and what is left one of D.
    G, p = gtime.size, score.size
    for g in range(G):
        a, b, c, t = Q[2, g], Q[3, g], Q[4, g], gtime[g] / largest
        root = 0.0 if a < 0.0 else np.sqrt(a)
        of_all, of_dead = gtime[g] * Q[0, g], gtime[g] * Q[1, g]
        sums, here = S1[g], stack[g]
        if tied[g] < 0:
            for i in range(p):
                score[i] -= of_all * sums[i]
                here[i] = root * sums[i]
                here[p + i] = t * here[i]
            continue
        dead, own = D1[tied[g]], stack[G + tied[g]]
        share = b / a if a > 0.0 else 0.0
        rest = c - share * b
        rest = 0.0 if rest < 0.0 else np.sqrt(rest)
        for i in range(p):
            score[i] -= of_all * sums[i] - of_dead * dead[i]
            here[i] = root * (sums[i] - share * dead[i])
            here[p + i] = t * here[i]
            own[i] = rest * dead[i]
            own[p + i] = t * own[i]


@_compile
def _add_powers(part, gtime, hazard, C):
    # Hazards up to each time, weighted by gtime to the power of 0, 1 and 2.
    total = np.zeros(3)
    C[0] = 0.0
    for g in range(part.size):
        if g == 0 or part[g] != part[g - 1]:
            total[:] = 0.0
        x = hazard[g]
        for j in range(3):
            total[j] += x
            x *= gtime[g]
        C[g + 1] = total


@_compile
def _sum_risk_sets(columns, borders, w, bins, coming, leaving, S1):
    # Of all columns; and hazards by the first and by the last time.
    part, late = bins[4], bins[5]
    by_last, by_first, place, value, of_dead, _tied, d = columns
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
def _change_sums(
    columns, borders, mask, bins, w, coming, leaving, gtime, largest, weights, efron, S1, D1, stack,
    score,
):  # fmt: skip
    top, _bottom, base, dead, part, late = bins
    of_dead, tied = columns[4], columns[5]
    G = part.size
    S, D, u = np.empty(G), np.empty(G), np.empty(G)
    d, Q = np.empty(G, dtype=np.int64), np.empty((5, G))
    bin_deaths(w, mask, top, dead, D, d, u)
    add_sets(part, coming, leaving, late, S)
    _sum_dead(w, mask, gtime, borders, of_dead, tied, top, dead, D1, score)
    weigh_times(S, D, d, u, efron, Q)
    _stack_times(S1, D1, tied, Q, gtime, largest, stack, score)
    C = np.empty((G + 1, 3))
    _add_powers(part, gtime, Q[0], C)
    for i in range(w.size):
        x, t = w[i], top[i]
        for j in range(3):
            weights[j, i] = x * C[t, j]
        if late:
            for j in range(3):
                weights[j, i] -= x * C[base[i], j]
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


def sum_changes(columns, borders, mask, risk, hazards, gtime, weights, *, efron):
    (B, s, _), G = borders.shape, risk.size
    p = columns.of_dead.shape[1] + s
    tied, lanes = int(columns.tied.max(initial=-1)) + 1, ABREAST * columns.leaving.dense.shape[0]
    S1 = workspace.take("sums of columns", (_TOGETHER, G, max(p, lanes)), np.float64)
    D1 = workspace.take("sums of deaths", (tied, p), np.float64)
    stack = workspace.take("columns by time", (G + tied, 2 * p), np.float64)
    means, score = np.empty((3, B, p, p)), np.zeros((B, p))
    for first in range(0, B, _TOGETHER):
        at = slice(first, min(first + _TOGETHER, B))
        coming, leaving = np.zeros((2, at.stop - first, G))
        together = borders[at], hazards[at], risk.bins, coming, leaving, S1[: at.stop - first]
        _sum_risk_sets(columns, *together)
        for f, b in enumerate(range(first, at.stop)):
            largest = float(np.max(np.abs(gtime[b]), initial=0.0)) or 1.0
            of_rows = borders[b], mask[b].astype(np.float64), risk.bins, hazards[b]
            of_times = coming[f], leaving[f], gtime[b], largest
            room = S1[f], D1, stack
            _change_sums(columns, *of_rows, *of_times, weights[b], efron, *room, score[b])
            square = stack.T @ stack
            between = 0.5 * (square[:p, p:] + square[p:, :p])
            means[0, b], means[1, b] = square[:p, :p], largest * between
            means[2, b] = largest**2 * square[p:, p:]
    return means, score


def multiply_pairs(columns, products):
    _multiply_pairs(columns, products)
