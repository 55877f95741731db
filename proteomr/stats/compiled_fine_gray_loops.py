"""The functions of :mod:`proteomr.stats.fine_gray_loops`, compiled: the same numbers to rounding.

Sums run in double precision in either form; relative hazards in that of the rows.
"""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiled_level_loops import add_borders, add_products
from proteomr.stats.compiled_logistic_loops import _exp32, _exp64
from proteomr.stats.compiled_stretch_loops import (
    add_censoring,
    add_entering,
    count_steps,
    lead_to_censoring,
    take_out_stretches,
)
from proteomr.stats.compiled_subdistribution_loops import (
    count_events,
    spread_hazards,
    sum_at_risk,
    sum_events,
    sum_hazards,
    sum_rises,
    weigh,
)
from proteomr.stats.compiling import compile_loop
from proteomr.stats.fine_gray_loops import CENSORING, STRETCHES

__all__ = ["apply_curvature", "move_state", "store_state", "sum_influence", "sum_scores"]

_compile = compile_loop(fastmath={"contract", "nsz", "arcp", "reassoc"})
# Of no fits, where nothing is kept.
_NO_STATE, _NO_WEIGHTS = np.empty((0, 0)), np.empty((0, 0), np.float32)


@_compile
def _make_room(times, K):
    return np.empty((2, times.spans.levels, K))


@_compile
def _leave(e, w, m, times, seen):
    """Leave residuals in e."""
    for i in range(e.size):
        e[i] = -w[i] * seen[i]
    for a in range(times.events.size):
        i = times.events[a]
        e[i] += m[i]


@_compile
def _raise64(e, m, counted, w):
    for i in range(e.size):
        w[i] = m[i] * counted[i] * _exp64(e[i])


@_compile
def _raise32(e, m, counted, w):
    for i in range(e.size):
        w[i] = m[i] * np.float32(counted[i]) * _exp32(e[i])


@_compile
def _scores64(eta, borders, mask, coefficients, score, times, state, weights):
    R, n = eta.shape
    F, U, K = R // mask.shape[0], times.moments, times.time_rank.size
    leaving, censored, risk, share = np.empty(U), np.empty(U), np.empty(U), np.empty(U)
    entered, after, room = np.empty(U), np.empty(U), _make_room(times, K)
    S0, D0, mass, whole, own = np.empty(K), np.empty(K), np.empty(K), np.empty(K), np.empty(K)
    count, w, seen = np.empty(K, np.int64), np.empty(n), np.empty(n)
    for r in range(R):
        j = r // F
        if r % F == 0:
            weigh(mask[j], times, leaving, censored, risk, entered, after, share)
            count_events(mask[j], times, count, mass)
        add_borders(eta[r], borders[j], coefficients[r], 0, 0)
        _raise64(eta[r], mask[j], times.counted, w)
        sum_at_risk(w, times, share, room, S0)
        sum_events(w, times, D0)
        sum_hazards(S0, D0, count, mass, times, whole, own)
        spread_hazards(whole, own, times, share, room, seen)
        if state.shape[0] > 0:
            for i in range(n):
                state[r, i] = w[i]
                weights[r, i] = w[i] * seen[i]
        _leave(eta[r], w, mask[j], times, seen)
        add_products(eta[r], borders[j], score[r], 0, 0)


@_compile
def _scores32(eta, borders, mask, coefficients, score, times):
    R, n = eta.shape
    F, U, K = R // mask.shape[0], times.moments, times.time_rank.size
    leaving, censored, risk, share = np.empty(U), np.empty(U), np.empty(U), np.empty(U)
    entered, after, room = np.empty(U), np.empty(U), _make_room(times, K)
    S0, D0, mass, whole, own = np.empty(K), np.empty(K), np.empty(K), np.empty(K), np.empty(K)
    count, w, seen = np.empty(K, np.int64), np.empty(n, np.float32), np.empty(n)
    for r in range(R):
        j = r // F
        if r % F == 0:
            weigh(mask[j], times, leaving, censored, risk, entered, after, share)
            count_events(mask[j], times, count, mass)
        add_borders(eta[r], borders[j], coefficients[r], 0, 0)
        _raise32(eta[r], mask[j], times.counted, w)
        sum_at_risk(w, times, share, room, S0)
        sum_events(w, times, D0)
        sum_hazards(S0, D0, count, mass, times, whole, own)
        spread_hazards(whole, own, times, share, room, seen)
        _leave(eta[r], w, mask[j], times, seen)
        add_products(eta[r], borders[j], score[r], 0, 0)


@_compile
def apply_curvature(u, borders, mask, vector, product, times, state):
    R, n = u.shape
    F, U, K = R // mask.shape[0], times.moments, times.time_rank.size
    leaving, censored, risk, share = np.empty(U), np.empty(U), np.empty(U), np.empty(U)
    entered, after, room = np.empty(U), np.empty(U), _make_room(times, K)
    S0, D0, S1, D1 = np.empty(K), np.empty(K), np.empty(K), np.empty(K)
    mass, whole, own, mean = np.empty(K), np.empty(K), np.empty(K), np.empty(K)
    count, w, seen, met = np.empty(K, np.int64), np.empty(n), np.empty(n), np.empty(n)
    for r in range(R):
        j = r // F
        if r % F == 0:
            weigh(mask[j], times, leaving, censored, risk, entered, after, share)
            count_events(mask[j], times, count, mass)
        add_borders(u[r], borders[j], vector[r], 0, 0)
        for i in range(n):
            w[i] = state[r, i] * u[r, i]
        sum_at_risk(state[r], times, share, room, S0)
        sum_events(state[r], times, D0)
        sum_at_risk(w, times, share, room, S1)
        sum_events(w, times, D1)
        sum_hazards(S0, D0, count, mass, times, whole, own)
        spread_hazards(whole, own, times, share, room, seen)
        sum_rises(S0, D0, S1, D1, count, mass, times, whole, own, mean)
        spread_hazards(whole, own, times, share, room, met)
        for i in range(n):
            u[r, i] = w[i] * seen[i] - state[r, i] * met[i]
        add_products(u[r], borders[j], product[r], 0, 0)


@_compile
def _shift(shift, borders, step, state, fits):
    for r in range(shift.shape[0]):
        add_borders(shift[r], borders[r // fits], step[r], 0, 0)
        for i in range(shift.shape[1]):
            state[r, i] *= _exp64(float(shift[r, i]))


@_compile
def sum_influence(u, mask, times, state, kind, kept, squares):
    P, R, n = u.shape
    F, U, K = R // mask.shape[0], times.moments, times.time_rank.size
    leaving, censored, risk, share = np.empty(U), np.empty(U), np.empty(U), np.empty(U)
    entered, after, room = np.empty(U), np.empty(U), _make_room(times, K)
    q, total, later, late = np.empty(U), np.empty(U + 1), np.empty(U), np.empty(U)
    S0, D0, S1, D1 = np.empty(K), np.empty(K), np.empty(K), np.empty(K)
    mass, whole, own, mine = np.empty(K), np.empty(K), np.empty(K), np.empty(K)
    rises, mean, steps = np.empty((P, K)), np.empty(K), np.empty(U, np.int64)
    count, w, seen, met = np.empty(K, np.int64), np.empty(n), np.empty(n), np.empty(n)
    held, later_sums = np.empty((3 + P, K + 1)), np.empty(2 + 2 * P)
    for r in range(R):
        j = r // F
        weigh(mask[j], times, leaving, censored, risk, entered, after, share)
        count_events(mask[j], times, count, mass)
        sum_at_risk(state[r], times, share, room, S0)
        sum_events(state[r], times, D0)
        sum_hazards(S0, D0, count, mass, times, whole, own)
        spread_hazards(whole, own, times, share, room, seen)
        for p in range(P):
            x, out = u[p, r], kept[p, r]
            for i in range(n):
                w[i] = state[r, i] * x[i]
            sum_at_risk(w, times, share, room, S1)
            sum_events(w, times, D1)
            sum_rises(S0, D0, S1, D1, count, mass, times, rises[p], mine, mean)
            spread_hazards(rises[p], mine, times, share, room, met)
            for i in range(n):
                out[i] = state[r, i] * met[i] - w[i] * seen[i]
            for k in range(K):
                for e in range(times.event_from[k], times.event_from[k + 1]):
                    i = times.events[e]
                    out[i] += mask[j, i] * (x[i] - mean[k])
            if kind == CENSORING:
                q[:] = 0.0
                lead_to_censoring(x, state[r], times, share, whole, rises[p], later, late, q)
                add_censoring(q, mask[j], times, censored, risk, total, out)
                add_entering(q, mask[j], times, entered, after, total, out)
        squares[r] = 0.0
        if kind == STRETCHES:
            count_steps(times, censored, after, steps)
            given = (u[:, r], state[r], times, share, steps, whole, rises)
            take_out_stretches(*given, held, later_sums, kept[:, r], squares[r])


def sum_scores(eta, borders, mask, coefficients, score, times):
    if eta.dtype == np.float32:
        _scores32(eta, borders, mask, coefficients, score, times)
    else:
        _scores64(eta, borders, mask, coefficients, score, times, _NO_STATE, _NO_WEIGHTS)


def store_state(eta, borders, mask, coefficients, score, times, state, weights):
    _scores64(eta, borders, mask, coefficients, score, times, state, weights)


def move_state(u, shift, borders, mask, vector, step, product, times, state):
    _shift(shift, borders, step, state, shift.shape[0] // mask.shape[0])
    apply_curvature(u, borders, mask, vector, product, times, state)
