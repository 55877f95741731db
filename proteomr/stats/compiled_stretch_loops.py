"""Compiled parts of the errors of subdistribution hazards, of one fit: the estimated censoring, and
stretches of one weight.
"""

from __future__ import annotations

from proteomr.stats.compiling import compile_loop

__all__ = [
    "add_censoring",
    "add_entering",
    "count_steps",
    "lead_to_censoring",
    "take_out_stretches",
]

_compile = compile_loop(fastmath={"contract", "nsz", "arcp", "reassoc"})


@_compile
def lead_to_censoring(u, w, times, share, whole, rise, later, late, q):
    """Add by how much the score falls with the chance to be observed from each moment on."""
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
def add_censoring(q, mask, times, censored, risk, total, out):
    """Add the integral of q over the martingale of each person's censoring."""
    total[0] = 0.0
    for t in range(q.size):
        total[t + 1] = total[t]
        if censored[t] > 0.0:
            total[t + 1] += q[t] / risk[t] * censored[t] / risk[t]
    for i in range(out.size):
        if mask[i] > 0.0:
            t = times.rank[i]
            out[i] += total[times.entry[i] + 1]
            if times.code[i] == 0:
                out[i] += q[t] / risk[t] - total[t + 1]
            elif times.crr:
                out[i] -= total[t + 1]
            else:
                out[i] -= total[t]


@_compile
def add_entering(q, mask, times, entered, after, total, out):
    """Take away the integral of q over the martingale, in reversed time, of each person's entry.

    Where all who are there enter at once, the chance before is 0 and nobody is weighted by it.
    """
    total[0], late = 0.0, False
    for t in range(q.size):
        total[t + 1] = total[t]
        if after[t] > 0.0:
            late = True
        if after[t] > entered[t]:
            q[t] /= after[t] - entered[t]
            total[t + 1] += q[t] * entered[t] / after[t]
        else:
            q[t] = 0.0
    for i in range(out.size if late else 0):
        if mask[i] > 0.0:
            t = times.entry[i]
            out[i] += total[times.rank[i]]
            if t >= 0:
                out[i] -= q[t] + total[t]


@_compile
def count_steps(times, censored, after, steps):
    """Count how often the chance to be observed changes before each moment."""
    if times.steps.size > 0:
        for t in range(steps.size):
            steps[t] = times.steps[t]
        return
    found = 0
    for t in range(steps.size):
        steps[t] = found
        if censored[t] > 0.0 or after[t] > 0.0:
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
def take_out_stretches(u, w, times, share, steps, whole, rises, held, later, out, squares):
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
