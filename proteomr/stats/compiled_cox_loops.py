"""The functions of :mod:`proteomr.stats.cox_loops`, compiled: the same numbers to rounding."""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiled_risk_loops import (
    accumulate,
    add_borders,
    add_means,
    add_sets,
    bin_dead_products,
    bin_deaths,
    bin_products,
    exponentiate32,
    exponentiate64,
    sum_borders,
    sum_fit,
)
from proteomr.stats.compiling import compile_loop
from proteomr.stats.timed_columns import ABREAST
from proteomr.stats.workspace import workspace

__all__ = [
    "apply_curvature",
    "keep_hazards",
    "leave_residuals",
    "move_hazards",
    "sum_changes",
    "sum_influence",
]

# Sums over risk sets keep their order, and what is infinite stays so.
_compile = compile_loop(fastmath={"contract", "nsz", "arcp"})


@_compile
def _leave(eta, borders, mask, bins, coefficients, score, hazards, weights, efron, single, keep):
    R, n = eta.shape
    top, _bottom, base, dead, part, late = bins
    G = part.size
    a, S, D, u = np.empty((2, G + 1)), np.empty(G), np.empty(G), np.empty(G)
    C, own, d = np.empty(G + 1), np.empty(G), np.empty(G, dtype=np.int64)
    w, cumulative = np.empty(n, dtype=eta.dtype), np.empty(n, dtype=eta.dtype)
    for r in range(R):
        e = eta[r]
        add_borders(e, borders[r], coefficients[r])
        if single:
            exponentiate32(e, mask[r], w)
        else:
            exponentiate64(e, mask[r], w)
        sum_fit(w, mask[r], bins, efron, a, S, D, u, d, C, own)
        accumulate(top, base, dead, late, C, own, cumulative)
        for i in range(n):
            e[i] = -w[i] * cumulative[i]
        if keep:
            hazards[r] = w
            for i in range(n):
                weights[r, i] = -e[i]
        for i in dead:
            e[i] += mask[r, i]
        sum_borders(e, borders[r], score[r])


@_compile
def _curve(u, borders, mask, bins, vector, product, hazards, efron):
    R, n = u.shape
    top, bottom, base, dead, part, late = bins
    G = part.size
    a, S, D, m = np.empty((2, G + 1)), np.empty(G), np.empty(G), np.empty(G)
    C, own, d = np.empty(G + 1), np.empty(G), np.empty(G, dtype=np.int64)
    V, DV, P, own_mean = np.empty(G), np.empty(G), np.empty(G + 1), np.empty(G)
    cumulative, means = np.empty(n, dtype=u.dtype), np.empty(n, dtype=u.dtype)
    for r in range(R):
        x, w = u[r], hazards[r]
        add_borders(x, borders[r], vector[r])
        sum_fit(w, mask[r], bins, efron, a, S, D, m, d, C, own)
        bin_products(w, x, top, bottom, late, a[0], a[1])
        bin_dead_products(w, x, top, dead, DV)
        add_sets(part, a[0, 1:], a[1, 1:], late, V)
        add_means(part, S, D, d, m, efron, V, DV, P, own_mean)
        accumulate(top, base, dead, late, C, own, cumulative)
        accumulate(top, base, dead, late, P, own_mean, means)
        for i in range(n):
            x[i] = w[i] * (cumulative[i] * x[i] - means[i])
        sum_borders(x, borders[r], product[r])


@_compile
def _move(shift, borders, step, hazards):
    R, n = shift.shape
    for r in range(R):
        e, w = shift[r], hazards[r]
        add_borders(e, borders[r], step[r])
        for i in range(n):
            w[i] *= 1.0 + e[i]


@_compile
def _sum_dense(x, dense, starts, part, d, S):
    # Eight totals side by side: written out, as numba keeps no array in registers.
    G = part.size
    for m in range(dense.shape[0]):
        X, at = dense[m], m * ABREAST
        a0, a1, a2, a3, a4, a5, a6, a7 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for g in range(G - 1, -1, -1):
            if g == G - 1 or part[g] != part[g + 1]:
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
                if at + c < d:
                    S[at + c, g] = a


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
    total = np.zeros(S.shape[0] + 1)
    for g in range(part.size - 1, -1, -1):
        if g == part.size - 1 or part[g] != part[g + 1]:
            total[:] = 0.0
        for t in range(starts[g + 2] - 1, starts[g + 1] - 1, -1):
            v, q = x[t], cell[t]
            for j in range(place.shape[1]):
                total[place[q, j]] += v * value[q, j]
        for c in range(S.shape[0]):
            S[c, g] = total[c]


@_compile
def _sum_columns(w, borders, columns, of_cells, part, d, bins, S):
    # From the last time to the first: sums over the rows of each and of all later times.
    dense, rows, starts, cell = columns
    s, n = borders.shape[0], rows.size
    k = S.shape[0] - s
    x, y = np.empty(n), np.empty(n)
    for t in range(n):
        x[t] = w[rows[t]]
    for g in range(part.size):
        here = 0.0
        for t in range(starts[g + 2] - 1, starts[g + 1] - 1, -1):
            here += x[t]
        bins[g] = here
    _sum_dense(x, dense, starts, part, d, S)
    _sum_cells(x, cell, of_cells, starts, part, S[d:k])
    for a in range(s):
        for t in range(n):
            y[t] = borders[a, rows[t]]
        _sum_further(x, y, starts, part, S[k + a])


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
                for c in range(k):
                    D[c, tied[g]] += w[i] * of_dead[e, c]
                for a in range(s):
                    D[k + a, tied[g]] += w[i] * borders[a, i]


@_compile
def _weigh_times(S, D, d, u, efron, Q):
    # Sums of q, f q, q^2, f q^2 and f^2 q^2 for each event time.
    Q[:] = 0.0
    for g in range(S.size):
        if d[g] == 0:
            continue
        mean = u[g] / d[g]
        steps = d[g] if efron else 1
        count = 1.0 if efron else float(d[g])
        for k in range(steps):
            f = k / d[g]
            q = 1.0 / (S[g] - f * D[g])
            Q[0, g] += mean * count * q
            Q[1, g] += mean * count * f * q
            Q[2, g] += mean * count * q * q
            Q[3, g] += mean * count * f * q * q
            Q[4, g] += mean * count * f * f * q * q


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
    by_last, by_first, place, value, _of_dead, _tied, d = columns
    of_cells = place, value
    _sum_columns(w, borders, by_last, of_cells, part, d, leaving, S1)
    if not late:
        return
    # Those who come later have left the risk set in this direction.
    later = np.empty(S1.shape)
    _sum_columns(w, borders, by_first, of_cells, part, d, coming, later)
    for c in range(S1.shape[0]):
        for g in range(part.size - 1):
            if part[g] == part[g + 1]:
                S1[c, g] -= later[c, g + 1]


@_compile
def _change_sums(columns, borders, mask, bins, w, gtime, weights, efron, S1, D1, Q, score):
    top, _bottom, base, dead, part, late = bins
    of_dead, tied = columns[4], columns[5]
    G = part.size
    a, S, D, u = np.zeros((2, G)), np.empty(G), np.empty(G), np.empty(G)
    d = np.empty(G, dtype=np.int64)
    _sum_risk_sets(columns, borders, w, bins, a[0], a[1], S1)
    bin_deaths(w, mask, top, dead, D, d, u)
    add_sets(part, a[0], a[1], late, S)
    _sum_dead(w, mask, gtime, borders, of_dead, tied, top, dead, D1, score)
    _weigh_times(S, D, d, u, efron, Q)
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
def _influence(u, borders, mask, bins, vector, w, efron):
    n = u.size
    top, bottom, base, dead, part, late = bins
    G = part.size
    a, S, D, m = np.empty((2, G + 1)), np.empty(G), np.empty(G), np.empty(G)
    C, own, d = np.empty(G + 1), np.empty(G), np.empty(G, dtype=np.int64)
    V, DV, P, own_mean = np.empty(G), np.empty(G), np.empty(G + 1), np.empty(G)
    cumulative, means, Q = np.empty(n), np.empty(n), np.empty((5, G))
    add_borders(u, borders, vector)
    sum_fit(w, mask, bins, efron, a, S, D, m, d, C, own)
    bin_products(w, u, top, bottom, late, a[0], a[1])
    bin_dead_products(w, u, top, dead, DV)
    add_sets(part, a[0, 1:], a[1, 1:], late, V)
    add_means(part, S, D, d, m, efron, V, DV, P, own_mean)
    accumulate(top, base, dead, late, C, own, cumulative)
    accumulate(top, base, dead, late, P, own_mean, means)
    _weigh_times(S, D, d, m, efron, Q)
    for i in range(n):
        cumulative[i] = w[i] * (means[i] - cumulative[i] * u[i])
    for i in dead:
        if mask[i] > 0.0:
            g = top[i] - 1
            expected = (V[g] * Q[0, g] - DV[g] * Q[1, g]) / m[g]
            cumulative[i] += mask[i] * (u[i] - expected)
    u[:] = cumulative


def leave_residuals(eta, rows, risk, coefficients, score, *, efron):
    none = np.empty((0, 0))
    single = eta.dtype == np.float32
    unkept = none, np.empty((0, 0), dtype=np.float32)
    _leave(eta, *rows, risk.bins, coefficients, score, *unkept, efron, single=single, keep=False)


def keep_hazards(eta, rows, risk, coefficients, score, hazards, weights, *, efron):
    _leave(
        eta, *rows, risk.bins, coefficients, score, hazards, weights, efron, single=False, keep=True
    )


def move_hazards(shift, borders, step, hazards):
    _move(shift, borders, step, hazards)


def apply_curvature(u, rows, risk, vector, product, hazards, *, efron):
    _curve(u, *rows, risk.bins, vector, product, hazards, efron)


def sum_changes(columns, borders, mask, risk, hazards, gtime, weights, *, efron):
    G, p = risk.size, columns.of_dead.shape[1] + borders.shape[0]
    tied = np.flatnonzero(columns.tied >= 0)
    S1 = workspace.take("sums of columns", (p, G), np.float64)
    D1, Q = np.empty((p, tied.size)), np.empty((5, G))
    score = np.zeros(p)
    _change_sums(
        columns, borders, mask, risk.bins, hazards, gtime, weights, efron, S1, D1, Q, score
    )
    score += D1 @ (gtime[tied] * Q[1, tied]) - S1 @ (gtime * Q[0])
    # a S S' - b (S D' + D S') + c D D' is a square of S - (b / a) D, and what is left one of D.
    a, b, c = Q[2:, tied]
    share = np.divide(b, a, out=np.zeros(tied.size), where=a > 0.0)
    S1[:, tied] -= share * D1
    means = _square(S1, Q[2], gtime) + _square(D1, c - share * b, gtime[tied])
    return means, score


def _square(X, weights, gtime):
    """Return ``X diag(weights gtime^p) X'`` of p = 0, 1, 2, by one product with itself."""
    largest, (p, G) = np.max(np.abs(gtime), initial=0.0) or 1.0, X.shape
    both = workspace.take("columns by time", (2 * p, G), np.float64)
    np.multiply(X, np.sqrt(np.maximum(weights, 0.0)), out=both[:p])
    np.multiply(both[:p], gtime / largest, out=both[p:])
    square = both @ both.T
    between = 0.5 * (square[:p, p:] + square[p:, :p])
    return np.stack([square[:p, :p], largest * between, largest**2 * square[p:, p:]])


def sum_influence(u, borders, mask, risk, vector, hazards, *, efron):
    _influence(u, borders, mask, risk.bins, vector, hazards, efron)
