"""Sums over the risk sets of one fit, compiled, for :mod:`proteomr.stats.compiled_cox_loops`.

Rows are added to the bin of the last event time that they live to see, and to that of the first;
the bins, of which there are few, are added up from the last to the first. No row has to be found in
the order of time.
"""

from __future__ import annotations

from proteomr.stats.compiled_logistic_loops import _exp32, _exp64
from proteomr.stats.compiling import compile_loop

__all__ = [
    "accumulate",
    "add_borders",
    "add_hazards",
    "add_means",
    "add_sets",
    "bin_dead_products",
    "bin_deaths",
    "bin_products",
    "bin_rows",
    "exponentiate32",
    "exponentiate64",
    "sum_borders",
    "sum_fit",
    "weigh_times",
]

# Sums over risk sets keep their order, and what is infinite stays so.
_compile = compile_loop(fastmath={"contract", "nsz", "arcp"})
_compile_sums = compile_loop(fastmath={"contract", "nsz", "arcp", "reassoc"})


@_compile_sums
def add_borders(e, borders, coefficients):
    for a in range(borders.shape[0]):
        x = borders[a]
        b = coefficients[a]
        for i in range(e.size):
            e[i] += b * x[i]


@_compile_sums
def sum_borders(e, borders, total):
    for a in range(borders.shape[0]):
        x = borders[a]
        t = e[0] * 0
        for i in range(e.size):
            t += e[i] * x[i]
        total[a] += t


@_compile
def exponentiate64(e, mask, w):
    for i in range(e.size):
        w[i] = mask[i] * _exp64(e[i])


@_compile
def exponentiate32(e, mask, w):
    for i in range(e.size):
        w[i] = mask[i] * _exp32(e[i])


@_compile
def add_sets(part, coming, leaving, late, S):
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
def bin_rows(w, top, bottom, late, coming, leaving):
    leaving[:] = 0.0
    for i in range(w.size):
        leaving[top[i]] += w[i]
    if late:
        coming[:] = 0.0
        for i in range(w.size):
            coming[bottom[i]] += w[i]


@_compile
def bin_products(w, x, top, bottom, late, coming, leaving):
    leaving[:] = 0.0
    for i in range(w.size):
        leaving[top[i]] += w[i] * x[i]
    if late:
        coming[:] = 0.0
        for i in range(w.size):
            coming[bottom[i]] += w[i] * x[i]


@_compile
def bin_deaths(w, mask, top, dead, D, d, u):
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
def bin_dead_products(w, x, top, dead, DV):
    DV[:] = 0.0
    for i in dead:
        DV[top[i] - 1] += w[i] * x[i]


@_compile
def add_hazards(part, S, D, d, u, efron, C, own):
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
def add_means(part, S, D, d, u, efron, V, DV, P, own):
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
def accumulate(top, base, dead, late, C, own, out):
    for i in range(top.size):
        out[i] = C[top[i]]
    if late:
        for i in range(top.size):
            out[i] -= C[base[i]]
    for i in dead:
        out[i] -= own[top[i] - 1]


@_compile
def sum_fit(w, mask, bins, efron, a, S, D, u, d, C, own):
    top, bottom, _base, dead, part, late = bins
    bin_rows(w, top, bottom, late, a[0], a[1])
    bin_deaths(w, mask, top, dead, D, d, u)
    add_sets(part, a[0, 1:], a[1, 1:], late, S)
    add_hazards(part, S, D, d, u, efron, C, own)


@_compile
def weigh_times(S, D, d, u, efron, Q):
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
