"""The functions of :mod:`proteomr.stats.cox_loops`, compiled: the same numbers to rounding."""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiled_risk_loops import (
    accumulate,
    add_borders,
    add_means,
    add_sets,
    bin_dead_products,
    bin_products,
    exponentiate32,
    exponentiate64,
    sum_borders,
    sum_fit,
)
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
        add_sets(part, one, other, late=False, S=out)
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
    sum_fit(w, mask, bins, efron, a, S, D, u, d, C, own)
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
            by = 1.0 if power == 0 else gtime[g] if power == 1 else gtime[g] * gtime[g]
            total += by * Q[0, g]
            C[g + 1] = total
            own[g] = by * Q[1, g]
        accumulate(top, base, dead, late, C, own, cumulative)
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


def sum_changes(A, borders, mask, risk, hazards, gtime, weights, *, efron):
    G, p = risk.size, A.shape[1] + borders.shape[0]
    S1, D1, Q = np.empty((G, p)), np.empty((G, p)), np.empty((5, G))
    _change_sums(A, borders, mask, risk.bins, hazards, gtime, weights, efron, S1, D1, Q)
    by = np.stack([np.ones(G), gtime, gtime * gtime])
    means = _multiply(S1, S1, by * Q[2])
    tied = np.flatnonzero(Q[3])
    cross = _multiply(S1[tied], D1[tied], (by * Q[3])[:, tied])
    means += _multiply(D1[tied], D1[tied], (by * Q[4])[:, tied]) - cross
    means -= cross.transpose(0, 2, 1)
    dead = risk.bins.dead
    at = risk.bins.top[dead] - 1
    counted = mask[dead] * gtime[at]
    score = np.concatenate([counted @ A[dead], borders[:, dead] @ counted])
    return means, score - (gtime * Q[0]) @ S1 + (gtime * Q[1]) @ D1


def _multiply(X, Z, weights):
    G, p = X.shape
    weighted = (Z[:, None, :] * weights.T[:, :, None]).reshape(G, 3 * p)
    return (X.T @ weighted).reshape(p, 3, p).transpose(1, 0, 2).copy()


def sum_influence(u, borders, mask, risk, vector, hazards, *, efron):
    _influence(u, borders, mask, risk.bins, vector, hazards, efron)
