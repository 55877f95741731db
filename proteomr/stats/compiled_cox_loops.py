"""The functions of :mod:`proteomr.stats.cox_loops`, compiled: the same numbers to rounding.

Rows are added to the bin of the last event time that they live to see, and to that of the first;
the bins, of which there are few, are added up from the last to the first. No row has to be found in
the order of time.
"""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiled_logistic_loops import _exp32, _exp64
from proteomr.stats.compiling import compile_loop

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
_compile_sums = compile_loop(fastmath={"contract", "nsz", "arcp", "reassoc"})


@_compile_sums
def _add_borders(e, borders, coefficients):
    for a in range(borders.shape[0]):
        x = borders[a]
        b = coefficients[a]
        for i in range(e.size):
            e[i] += b * x[i]


@_compile_sums
def _sum_borders(e, borders, total):
    for a in range(borders.shape[0]):
        x = borders[a]
        t = e[0] * 0
        for i in range(e.size):
            t += e[i] * x[i]
        total[a] += t


@_compile
def _exponentiate64(e, mask, w):
    for i in range(e.size):
        w[i] = mask[i] * _exp64(e[i])


@_compile
def _exponentiate32(e, mask, w):
    for i in range(e.size):
        w[i] = mask[i] * _exp32(e[i])


@_compile
def _add_sets(part, coming, leaving, late, S):
    # From the end of each part; with left truncation from its beginning where less is met there.
    G = part.size
    total, gone = 0.0, 0.0
    for g in range(G - 1, -1, -1):
        if g == G - 1 or part[g] != part[g + 1]:
            total, gone = 0.0, 0.0
        total += leaving[g]
        S[g] = total - gone
        if late:
            gone += coming[g]
    if not late:
        return
    stop = 0
    while stop < G:
        start, ahead, met, left = stop, 0.0, 0.0, 0.0
        while stop < G and part[stop] == part[start]:
            ahead += leaving[stop]
            stop += 1
        for g in range(start, stop):
            met += coming[g]
            if met < ahead:
                S[g] = met - left
            left += leaving[g]
            ahead -= leaving[g]


@_compile
def _bin_rows(w, top, bottom, late, coming, leaving):
    leaving[:] = 0.0
    for i in range(w.size):
        leaving[top[i]] += w[i]
    if late:
        coming[:] = 0.0
        for i in range(w.size):
            coming[bottom[i]] += w[i]


@_compile
def _bin_products(w, x, top, bottom, late, coming, leaving):
    leaving[:] = 0.0
    for i in range(w.size):
        leaving[top[i]] += w[i] * x[i]
    if late:
        coming[:] = 0.0
        for i in range(w.size):
            coming[bottom[i]] += w[i] * x[i]


@_compile
def _bin_deaths(w, mask, top, dead, D, d, u):
    D[:] = 0.0
    d[:] = 0
    u[:] = 0.0
    for i in dead:
        if mask[i] > 0.0:
            g = top[i] - 1
            D[g] += w[i]
            d[g] += 1
            u[g] += mask[i]


@_compile
def _bin_dead_products(w, x, top, dead, DV):
    DV[:] = 0.0
    for i in dead:
        DV[top[i] - 1] += w[i] * x[i]


@_compile
def _add_hazards(part, S, D, d, u, efron, C, own):
    total = 0.0
    C[0] = 0.0
    for g in range(S.size):
        if g == 0 or part[g] != part[g - 1]:
            total = 0.0
        h, h1 = 0.0, 0.0
        if d[g] > 0:
            if efron and d[g] > 1:
                step = 1.0 / d[g]
                for k in range(d[g]):
                    f = k * step
                    q = 1.0 / (S[g] - f * D[g])
                    h += q
                    h1 += f * q
            else:
                h = d[g] / S[g]
            h *= u[g] / d[g]
            h1 *= u[g] / d[g]
        total += h
        C[g + 1] = total
        own[g] = h1


@_compile
def _add_means(part, S, D, d, u, efron, V, DV, P, own):
    total = 0.0
    P[0] = 0.0
    for g in range(S.size):
        if g == 0 or part[g] != part[g - 1]:
            total = 0.0
        p, p1 = 0.0, 0.0
        if d[g] > 0:
            if efron and d[g] > 1:
                step = 1.0 / d[g]
                for k in range(d[g]):
                    f = k * step
                    q = 1.0 / (S[g] - f * D[g])
                    t = (V[g] - f * DV[g]) * q * q
                    p += t
                    p1 += f * t
            else:
                p = d[g] * V[g] / (S[g] * S[g])
            p *= u[g] / d[g]
            p1 *= u[g] / d[g]
        total += p
        P[g + 1] = total
        own[g] = p1


@_compile
def _accumulate(top, base, dead, late, C, own, out):
    for i in range(top.size):
        out[i] = C[top[i]]
    if late:
        for i in range(top.size):
            out[i] -= C[base[i]]
    for i in dead:
        out[i] -= own[top[i] - 1]


@_compile
def _sum_fit(w, mask, bins, efron, a, S, D, u, d, C, own):
    top, bottom, _base, dead, part, late = bins
    _bin_rows(w, top, bottom, late, a[0], a[1])
    _bin_deaths(w, mask, top, dead, D, d, u)
    _add_sets(part, a[0, 1:], a[1, 1:], late, S)
    _add_hazards(part, S, D, d, u, efron, C, own)


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
        _add_borders(e, borders[r], coefficients[r])
        if single:
            _exponentiate32(e, mask[r], w)
        else:
            _exponentiate64(e, mask[r], w)
        _sum_fit(w, mask[r], bins, efron, a, S, D, u, d, C, own)
        _accumulate(top, base, dead, late, C, own, cumulative)
        for i in range(n):
            e[i] = -w[i] * cumulative[i]
        if keep:
            hazards[r] = w
            for i in range(n):
                weights[r, i] = -e[i]
        for i in dead:
            e[i] += mask[r, i]
        _sum_borders(e, borders[r], score[r])


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
        _add_borders(x, borders[r], vector[r])
        _sum_fit(w, mask[r], bins, efron, a, S, D, m, d, C, own)
        _bin_products(w, x, top, bottom, late, a[0], a[1])
        _bin_dead_products(w, x, top, dead, DV)
        _add_sets(part, a[0, 1:], a[1, 1:], late, V)
        _add_means(part, S, D, d, m, efron, V, DV, P, own_mean)
        _accumulate(top, base, dead, late, C, own, cumulative)
        _accumulate(top, base, dead, late, P, own_mean, means)
        for i in range(n):
            x[i] = w[i] * (cumulative[i] * x[i] - means[i])
        _sum_borders(x, borders[r], product[r])


@_compile
def _move(shift, borders, step, hazards):
    R, n = shift.shape
    for r in range(R):
        e, w = shift[r], hazards[r]
        _add_borders(e, borders[r], step[r])
        for i in range(n):
            w[i] *= 1.0 + e[i]


@_compile
def _bin_columns(w, A, borders, index, out):
    out[:] = 0.0
    k, s = A.shape[1], borders.shape[0]
    for i in range(w.size):
        row, x, b = out[index[i]], w[i], A[i]
        for c in range(k):
            row[c] += x * b[c]
        for a in range(s):
            row[k + a] += x * borders[a, i]


@_compile
def _bin_dead_columns(w, A, borders, top, dead, out):
    out[:] = 0.0
    k, s = A.shape[1], borders.shape[0]
    for i in dead:
        row, x, b = out[top[i] - 1], w[i], A[i]
        for c in range(k):
            row[c] += x * b[c]
        for a in range(s):
            row[k + a] += x * borders[a, i]


@_compile
def _add_column_sets(part, coming, leaving, late, S):
    G, p = S.shape
    one, other, out = np.empty(G), np.empty(G), np.empty(G)
    for c in range(p):
        for g in range(G):
            other[g] = leaving[g, c]
            if late:
                one[g] = coming[g, c]
        _add_sets(part, one, other, late=False, S=out)
        for g in range(G):
            S[g, c] = out[g]
        if late:
            # The sums of those who come later, which have left the risk set in this direction.
            total = 0.0
            for g in range(G - 1, -1, -1):
                if g == G - 1 or part[g] != part[g + 1]:
                    total = 0.0
                S[g, c] -= total
                total += one[g]


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
def _change_sums(A, borders, mask, bins, w, gtime, weights, efron, S1, D1, Q):
    top, bottom, base, dead, part, late = bins
    G, p, n = part.size, S1.shape[1], w.size
    a, S, D, u = np.empty((2, G + 1)), np.empty(G), np.empty(G), np.empty(G)
    C, own, d = np.empty(G + 1), np.empty(G), np.empty(G, dtype=np.int64)
    _sum_fit(w, mask, bins, efron, a, S, D, u, d, C, own)
    coming, leaving = np.empty((G + 1 if late else 1, p)), np.empty((G + 1, p))
    _bin_columns(w, A, borders, top, leaving)
    if late:
        _bin_columns(w, A, borders, bottom, coming)
    _bin_dead_columns(w, A, borders, top, dead, D1)
    _add_column_sets(part, coming[1:], leaving[1:], late, S1)
    _weigh_times(S, D, d, u, efron, Q)
    cumulative = np.empty(n)
    for power in range(3):
        total, C[0] = 0.0, 0.0
        for g in range(G):
            if g == 0 or part[g] != part[g - 1]:
                total = 0.0
            by = gtime[g] ** power
            total += by * Q[0, g]
            C[g + 1] = total
            own[g] = by * Q[1, g]
        _accumulate(top, base, dead, late, C, own, cumulative)
        for i in range(n):
            weights[power, i] = w[i] * cumulative[i]


@_compile
def _influence(u, borders, mask, bins, vector, w, efron):
    n = u.size
    top, bottom, base, dead, part, late = bins
    G = part.size
    a, S, D, m = np.empty((2, G + 1)), np.empty(G), np.empty(G), np.empty(G)
    C, own, d = np.empty(G + 1), np.empty(G), np.empty(G, dtype=np.int64)
    V, DV, P, own_mean = np.empty(G), np.empty(G), np.empty(G + 1), np.empty(G)
    cumulative, means, Q = np.empty(n), np.empty(n), np.empty((5, G))
    _add_borders(u, borders, vector)
    _sum_fit(w, mask, bins, efron, a, S, D, m, d, C, own)
    _bin_products(w, u, top, bottom, late, a[0], a[1])
    _bin_dead_products(w, u, top, dead, DV)
    _add_sets(part, a[0, 1:], a[1, 1:], late, V)
    _add_means(part, S, D, d, m, efron, V, DV, P, own_mean)
    _accumulate(top, base, dead, late, C, own, cumulative)
    _accumulate(top, base, dead, late, P, own_mean, means)
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


def sum_changes(A, borders, mask, risk, hazards, gtime, weights, *, efron):
    G, p = risk.size, A.shape[1] + borders.shape[0]
    S1, D1, Q = np.empty((G, p)), np.empty((G, p)), np.empty((5, G))
    _change_sums(A, borders, mask, risk.bins, hazards, gtime, weights, efron, S1, D1, Q)
    means = np.empty((3, p, p))
    tied = np.flatnonzero(Q[3])
    for power in range(3):
        by = gtime**power
        means[power] = S1.T @ (S1 * (by * Q[2])[:, None])
        cross = S1[tied].T @ (D1[tied] * (by * Q[3])[tied, None])
        means[power] += D1[tied].T @ (D1[tied] * (by * Q[4])[tied, None]) - cross - cross.T
    dead = risk.bins.dead
    at = risk.bins.top[dead] - 1
    counted = mask[dead] * gtime[at]
    score = np.concatenate([counted @ A[dead], borders[:, dead] @ counted])
    return means, score - (gtime * Q[0]) @ S1 + (gtime * Q[1]) @ D1


def sum_influence(u, borders, mask, risk, vector, hazards, *, efron):
    _influence(u, borders, mask, risk.bins, vector, hazards, efron)
