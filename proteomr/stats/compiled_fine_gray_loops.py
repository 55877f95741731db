"""The functions of :mod:`proteomr.stats.fine_gray_loops`, compiled: the same numbers to rounding.

Sums run in double precision in either form; relative hazards in that of the rows.
"""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiled_level_loops import add_borders, add_products
from proteomr.stats.compiled_logistic_loops import _exp32, _exp64
from proteomr.stats.compiling import compile_loop
from proteomr.stats.fine_gray_loops import CENSORING, STRETCHES

__all__ = ["apply_curvature", "move_state", "store_state", "sum_influence", "sum_scores"]

_compile = compile_loop(fastmath={"contract", "nsz", "arcp", "reassoc"})
# Of no fits, where nothing is kept.
_NO_STATE, _NO_WEIGHTS = np.empty((0, 0)), np.empty((0, 0), np.float32)


@_compile
def _count(mask, times, leaving, censored):
    """Count who leaves, and who is censored, at each distinct exit."""
    leaving[:] = 0.0
    censored[:] = 0.0
    for i in range(mask.size):
        if mask[i] > 0.0:
            count = float(mask[i]) if times.weighted else 1.0
            leaving[times.rank[i]] += count
            if times.code[i] == 0:
                censored[times.rank[i]] += count


@_compile
def _weigh(mask, times, leaving, censored, risk, share):
    """Return the chance to be observed just before each distinct exit, in a fit's rows."""
    _count(mask, times, leaving, censored)
    left = leaving.sum()
    chance = 1.0
    for u in range(share.size):
        share[u] = chance
        risk[u] = left if times.crr else left - (leaving[u] - censored[u])
        if censored[u] > 0.0:
            chance *= max(1.0 - censored[u] / risk[u], 0.0)
        left -= leaving[u]


@_compile
def _sum_at_risk(v, times, share, out):
    """Sum over those at risk at each event time, those after a competing event among them."""
    for b in range(times.starts.size - 1):
        row, total = times.row_end[b], 0.0
        for k in range(times.starts[b + 1] - 1, times.starts[b] - 1, -1):
            for i in range(times.first_row[k], row):
                total += v[i]
            row = times.first_row[k]
            out[k] = total
        c, total = times.competing_from[b], 0.0
        for k in range(times.starts[b], times.starts[b + 1]):
            while c < times.competing_to[k]:
                i = times.competing[c]
                if v[i] != 0.0:
                    total += v[i] / share[times.rank[i]]
                c += 1
            out[k] += share[times.time_rank[k]] * total


@_compile
def _sum_events(v, times, out):
    for k in range(out.size):
        total = 0.0
        for e in range(times.event_from[k], times.event_from[k + 1]):
            total += v[times.events[e]]
        out[k] = total


@_compile
def _count_events(mask, times, count, mass):
    for k in range(count.size):
        count[k], mass[k] = 0, 0.0
        for e in range(times.event_from[k], times.event_from[k + 1]):
            m = mask[times.events[e]]
            if m > 0.0:
                count[k] += 1
                mass[k] += m


@_compile
def _sum_hazards(S0, D0, count, mass, times, whole, own):
    """Baseline hazard of each event time: for those at risk, and for its events."""
    for k in range(count.size):
        whole[k], own[k] = 0.0, 0.0
        if count[k] == 0:
            continue
        if not times.efron:
            whole[k] = own[k] = mass[k] / S0[k]
            continue
        for e in range(count[k]):
            out = e / count[k]
            hazard = mass[k] / count[k] / (S0[k] - out * D0[k])
            whole[k] += hazard
            own[k] += (1.0 - out) * hazard


@_compile
def _sum_rises(S0, D0, S1, D1, count, mass, times, whole, own, mean):
    """The same times the means of a column over those at risk; and the mean of these means."""
    for k in range(count.size):
        whole[k], own[k], mean[k] = 0.0, 0.0, 0.0
        terms = count[k] if times.efron else min(count[k], 1)
        for e in range(terms):
            out = e / terms
            left = 1.0 / (S0[k] - out * D0[k])
            middle = (S1[k] - out * D1[k]) * left
            rise = mass[k] / terms * left * middle
            whole[k] += rise
            own[k] += (1.0 - out) * rise
            mean[k] += middle / terms


@_compile
def _spread(whole, own, times, share, seen):
    """Sum over the event times that each row is at risk at."""
    for b in range(times.starts.size - 1):
        first, end = times.starts[b], times.starts[b + 1]
        total = 0.0
        stop = times.first_row[first] if end > first else times.row_end[b]
        for i in range(times.row_end[b - 1] if b > 0 else 0, stop):
            seen[i] = 0.0
        for k in range(first, end):
            total += whole[k]
            stop = times.first_row[k + 1] if k + 1 < end else times.row_end[b]
            for i in range(times.first_row[k], stop):
                seen[i] = total
            for e in range(times.event_from[k], times.event_from[k + 1]):
                seen[times.events[e]] = total - whole[k] + own[k]
        later, c = 0.0, times.competing_from[b + 1] - 1
        for k in range(end - 1, first - 2, -1):
            held = times.competing_to[k] if k >= first else times.competing_from[b]
            while c >= held:
                i = times.competing[c]
                chance = share[times.rank[i]]
                if later > 0.0 or later < 0.0:
                    seen[i] += later / chance if chance > 0.0 else 0.0
                c -= 1
            if k >= first:
                later += share[times.time_rank[k]] * whole[k]


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
    F, U, K = R // mask.shape[0], times.exits, times.time_rank.size
    leaving, censored, risk, share = np.empty(U), np.empty(U), np.empty(U), np.empty(U)
    S0, D0, mass, whole, own = np.empty(K), np.empty(K), np.empty(K), np.empty(K), np.empty(K)
    count, w, seen = np.empty(K, np.int64), np.empty(n), np.empty(n)
    for r in range(R):
        j = r // F
        if r % F == 0:
            _weigh(mask[j], times, leaving, censored, risk, share)
            _count_events(mask[j], times, count, mass)
        add_borders(eta[r], borders[j], coefficients[r], 0, 0)
        _raise64(eta[r], mask[j], times.counted, w)
        _sum_at_risk(w, times, share, S0)
        _sum_events(w, times, D0)
        _sum_hazards(S0, D0, count, mass, times, whole, own)
        _spread(whole, own, times, share, seen)
        if state.shape[0] > 0:
            for i in range(n):
                state[r, i] = w[i]
                weights[r, i] = w[i] * seen[i]
        _leave(eta[r], w, mask[j], times, seen)
        add_products(eta[r], borders[j], score[r], 0, 0)


@_compile
def _scores32(eta, borders, mask, coefficients, score, times):
    R, n = eta.shape
    F, U, K = R // mask.shape[0], times.exits, times.time_rank.size
    leaving, censored, risk, share = np.empty(U), np.empty(U), np.empty(U), np.empty(U)
    S0, D0, mass, whole, own = np.empty(K), np.empty(K), np.empty(K), np.empty(K), np.empty(K)
    count, w, seen = np.empty(K, np.int64), np.empty(n, np.float32), np.empty(n)
    for r in range(R):
        j = r // F
        if r % F == 0:
            _weigh(mask[j], times, leaving, censored, risk, share)
            _count_events(mask[j], times, count, mass)
        add_borders(eta[r], borders[j], coefficients[r], 0, 0)
        _raise32(eta[r], mask[j], times.counted, w)
        _sum_at_risk(w, times, share, S0)
        _sum_events(w, times, D0)
        _sum_hazards(S0, D0, count, mass, times, whole, own)
        _spread(whole, own, times, share, seen)
        _leave(eta[r], w, mask[j], times, seen)
        add_products(eta[r], borders[j], score[r], 0, 0)


@_compile
def apply_curvature(u, borders, mask, vector, product, times, state):
    R, n = u.shape
    F, U, K = R // mask.shape[0], times.exits, times.time_rank.size
    leaving, censored, risk, share = np.empty(U), np.empty(U), np.empty(U), np.empty(U)
    S0, D0, S1, D1 = np.empty(K), np.empty(K), np.empty(K), np.empty(K)
    mass, whole, own, mean = np.empty(K), np.empty(K), np.empty(K), np.empty(K)
    count, w, seen, met = np.empty(K, np.int64), np.empty(n), np.empty(n), np.empty(n)
    for r in range(R):
        j = r // F
        if r % F == 0:
            _weigh(mask[j], times, leaving, censored, risk, share)
            _count_events(mask[j], times, count, mass)
        add_borders(u[r], borders[j], vector[r], 0, 0)
        for i in range(n):
            w[i] = state[r, i] * u[r, i]
        _sum_at_risk(state[r], times, share, S0)
        _sum_events(state[r], times, D0)
        _sum_at_risk(w, times, share, S1)
        _sum_events(w, times, D1)
        _sum_hazards(S0, D0, count, mass, times, whole, own)
        _spread(whole, own, times, share, seen)
        _sum_rises(S0, D0, S1, D1, count, mass, times, whole, own, mean)
        _spread(whole, own, times, share, met)
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
def _lead_to_censoring(u, w, times, share, whole, rise, later, late, q):
    """Add by how much the score falls with the chance to be observed from each exit on."""
    U = q.size
    for b in range(times.starts.size - 1):
        k, hazard, rises = times.starts[b + 1] - 1, 0.0, 0.0
        for t in range(U - 1, -1, -1):
            while k >= times.starts[b] and times.time_rank[k] >= t + (0 if times.crr else 1):
                hazard += share[times.time_rank[k]] * whole[k]
                rises += share[times.time_rank[k]] * rise[k]
                k -= 1
            later[t], late[t] = hazard, rises
        c, so_far, moved = times.competing_from[b], 0.0, 0.0
        for t in range(U):
            while c < times.competing_from[b + 1]:
                i = times.competing[c]
                if times.rank[i] > t - (1 if times.crr else 0):
                    break
                if w[i] > 0.0:
                    raised = w[i] / share[times.rank[i]]
                    so_far += raised
                    moved += raised * u[i]
                c += 1
            q[t] += moved * later[t] - so_far * late[t]


@_compile
def _add_censoring(q, mask, times, censored, risk, total, out):
    """Add the integral of q over the martingale of each person's censoring."""
    total[0] = 0.0
    for t in range(q.size):
        total[t + 1] = total[t]
        if censored[t] > 0.0:
            q[t] /= risk[t]
            total[t + 1] += q[t] * censored[t] / risk[t]
    for i in range(out.size):
        if mask[i] > 0.0:
            t = times.rank[i]
            count = float(mask[i]) if times.weighted else 1.0
            if times.code[i] == 0:
                out[i] += count * (q[t] - total[t + 1])
            elif times.crr:
                out[i] -= count * total[t + 1]
            else:
                out[i] -= count * total[t]


@_compile
def _count_steps(censored, steps):
    """Count the exits with a censoring before each exit."""
    found = 0
    for t in range(steps.size):
        steps[t] = found
        if censored[t] > 0.0:
            found += 1


@_compile
def _find_stretches(times, share, steps, b, whole, rises, held):
    """Sum hazards by the stretches of constant weight of a stratum; return how many there are."""
    size = 0
    for k in range(times.starts[b], times.starts[b + 1]):
        step, chance = steps[times.time_rank[k]], share[times.time_rank[k]]
        if size == 0 or held[0, size - 1] != step:
            held[:, size] = 0.0
            held[0, size] = step
            size += 1
        held[1, size - 1] += chance * whole[k]
        for p in range(rises.shape[0]):
            held[2 + p, size - 1] += chance * rises[p, k]
    return size


@_compile
def _gather(held, s, later):
    """Add a stretch to the sums of those to come: hazard, its square, means, products of both."""
    h, P = held[1, s], held.shape[0] - 3
    later[0] += h
    later[1] += h * h
    for p in range(P):
        later[2 + p] += held[2 + p, s]
        later[2 + P + p] += h * held[2 + p, s]


@_compile
def _take_out(u, raised, i, later, out, squares):
    """Take out what the stretches to come have of a person's residuals, and sum its squares."""
    P = u.shape[0]
    for p in range(P):
        out[p, i] += raised * (u[p, i] * later[0] - later[2 + p])
        for q in range(P):
            found = u[p, i] * u[q, i] * later[1]
            found -= u[p, i] * later[2 + P + q] + u[q, i] * later[2 + P + p]
            squares[p, q] += raised * raised * found


@_compile
def _add_means(held, size, squares):
    """Add the squares of the means, for all who are in each stretch."""
    P, entered = squares.shape[0], 0.0
    for s in range(size):
        entered += held[2 + P, s]
        for p in range(P):
            for q in range(P):
                squares[p, q] += entered * held[2 + p, s] * held[2 + q, s]


@_compile
def _take_out_stretches(u, w, times, share, steps, whole, rises, held, later, out, squares):
    """Take out what the stretches add after the one of the own competing event.

    ``held (3 + P, K)`` is room for the stretches: step, hazard, means, and who enters.
    """
    for b in range(times.starts.size - 1):
        size = _find_stretches(times, share, steps, b, whole, rises, held)
        later[:] = 0.0
        s = size
        for c in range(times.competing_from[b + 1] - 1, times.competing_from[b] - 1, -1):
            i = times.competing[c]
            if w[i] == 0.0:
                continue
            while s > 0 and held[0, s - 1] > steps[times.rank[i]]:
                s -= 1
                _gather(held, s, later)
            if s < size:
                raised = w[i] / share[times.rank[i]]
                _take_out(u, raised, i, later, out, squares)
                held[2 + u.shape[0], s] += raised * raised
        _add_means(held, size, squares)


@_compile
def sum_influence(u, mask, times, state, kind, kept, squares):
    P, R, n = u.shape
    F, U, K = R // mask.shape[0], times.exits, times.time_rank.size
    leaving, censored, risk, share = np.empty(U), np.empty(U), np.empty(U), np.empty(U)
    q, total, later, late = np.empty(U), np.empty(U + 1), np.empty(U), np.empty(U)
    S0, D0, S1, D1 = np.empty(K), np.empty(K), np.empty(K), np.empty(K)
    mass, whole, own, mine = np.empty(K), np.empty(K), np.empty(K), np.empty(K)
    rises, mean, steps = np.empty((P, K)), np.empty(K), np.empty(U, np.int64)
    count, w, seen, met = np.empty(K, np.int64), np.empty(n), np.empty(n), np.empty(n)
    held, later_sums = np.empty((3 + P, K + 1)), np.empty(2 + 2 * P)
    for r in range(R):
        j = r // F
        _weigh(mask[j], times, leaving, censored, risk, share)
        _count_events(mask[j], times, count, mass)
        _sum_at_risk(state[r], times, share, S0)
        _sum_events(state[r], times, D0)
        _sum_hazards(S0, D0, count, mass, times, whole, own)
        _spread(whole, own, times, share, seen)
        for p in range(P):
            x, out = u[p, r], kept[p, r]
            for i in range(n):
                w[i] = state[r, i] * x[i]
            _sum_at_risk(w, times, share, S1)
            _sum_events(w, times, D1)
            _sum_rises(S0, D0, S1, D1, count, mass, times, rises[p], mine, mean)
            _spread(rises[p], mine, times, share, met)
            for i in range(n):
                out[i] = state[r, i] * met[i] - w[i] * seen[i]
            for k in range(K):
                for e in range(times.event_from[k], times.event_from[k + 1]):
                    i = times.events[e]
                    out[i] += mask[j, i] * (x[i] - mean[k])
            if kind == CENSORING:
                q[:] = 0.0
                _lead_to_censoring(x, state[r], times, share, whole, rises[p], later, late, q)
                _add_censoring(q, mask[j], times, censored, risk, total, out)
        squares[r] = 0.0
        if kind == STRETCHES:
            _count_steps(censored, steps)
            given = (u[:, r], state[r], times, share, steps, whole, rises)
            _take_out_stretches(*given, held, later_sums, kept[:, r], squares[r])


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
