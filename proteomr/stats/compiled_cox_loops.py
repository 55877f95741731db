"""The functions of :mod:`proteomr.stats.cox_loops`, compiled: the same numbers to rounding."""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiled_change_loops import multiply_pairs, sum_changes
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
    weigh_times,
)
from proteomr.stats.compiling import compile_loop

__all__ = [
    "apply_curvature",
    "keep_hazards",
    "leave_residuals",
    "move_hazards",
    "multiply_pairs",
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
            for i in range(n):
                hazards[r, i] = w[i]
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
    weigh_times(S, D, d, m, efron, Q)
    for i in range(n):
        cumulative[i] = w[i] * (means[i] - cumulative[i] * u[i])
    for i in dead:
        if mask[i] > 0.0:
            g = top[i] - 1
            expected = (V[g] * Q[0, g] - DV[g] * Q[1, g]) / m[g]
            cumulative[i] += mask[i] * (u[i] - expected)
    for i in range(n):
        u[i] = cumulative[i]


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


def sum_influence(u, borders, mask, risk, vector, hazards, *, efron):
    _influence(u, borders, mask, risk.bins, vector, hazards, efron)
