"""Compiled sums over weighted risk sets, of one fit; the loops over fits are in
:mod:`proteomr.stats.compiled_fine_gray_loops`.
"""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiled_span_loops import collect_spans, sum_spans
from proteomr.stats.compiling import compile_loop

__all__ = [
    "count_events",
    "spread_hazards",
    "sum_at_risk",
    "sum_events",
    "sum_hazards",
    "sum_rises",
    "weigh",
]

_compile = compile_loop(fastmath={"contract", "nsz", "arcp", "reassoc"})


@_compile
def _count(mask, times, leaving, censored, entered):
    """Count who leaves, who is censored, and who comes late, at each moment; return how many are
    there before.
    """
    leaving[:] = 0.0
    censored[:] = 0.0
    entered[:] = 0.0
    left = 0.0
    for i in range(mask.size):
        if mask[i] > 0.0:
            leaving[times.rank[i]] += 1.0
            if times.code[i] == 0:
                censored[times.rank[i]] += 1.0
            if times.entry[i] < 0:
                left += 1.0
            else:
                entered[times.entry[i]] += 1.0
    return left


@_compile
def _comes_late(leaving, entered):
    """Say whether anybody comes after somebody has left."""
    gone = False
    for u in range(leaving.size):
        if gone and entered[u] > 0.0:
            return True
        gone = gone or leaving[u] > 0.0
    return False


@_compile
def weigh(mask, times, leaving, censored, risk, entered, after, share):
    """Return the chance to be observed just before each moment, in a fit's rows.

    ``after`` is how many are there when those have entered who come late, 0 where nobody does.
    """
    left = _count(mask, times, leaving, censored, entered)
    after[:] = 0.0
    if times.share.size > 0:
        for u in range(share.size):
            share[u] = times.share[u]
        return
    late, chance = times.late and _comes_late(leaving, entered), 1.0
    for u in range(share.size):
        share[u] = chance
        risk[u] = left if times.crr else left - (leaving[u] - censored[u])
        if censored[u] > 0.0:
            chance *= max(1.0 - censored[u] / risk[u], 0.0)
        left += entered[u] - leaving[u]
        if late and entered[u] > 0.0:
            after[u] = left
    if not late:
        return
    chance = 1.0
    for u in range(share.size - 1, -1, -1):
        if after[u] > 0.0:
            chance *= 1.0 - entered[u] / after[u]
        share[u] *= chance


@_compile
def _sum_leaving(v, times, out):
    """Sum over those who leave at each event time or later."""
    for b in range(times.starts.size - 1):
        row, total = times.row_end[b], 0.0
        for k in range(times.starts[b + 1] - 1, times.starts[b] - 1, -1):
            for i in range(times.first_row[k], row):
                total += v[i]
            row = times.first_row[k]
            out[k] = total


@_compile
def sum_at_risk(v, times, share, room, out):
    """Sum over those at risk at each event time, those after a competing event among them; no
    number where one of these has no weight.
    """
    if times.late:
        sum_spans(v, times.spans, room, out)
    else:
        _sum_leaving(v, times, out)
    for b in range(times.starts.size - 1):
        c, total = times.competing_from[b], 0.0
        for k in range(times.starts[b], times.starts[b + 1]):
            while c < times.competing_to[k]:
                i = times.competing[c]
                if v[i] != 0.0:
                    chance = share[times.rank[i]]
                    total += v[i] / chance if chance > 0.0 else np.nan
                c += 1
            out[k] += share[times.time_rank[k]] * total


@_compile
def sum_events(v, times, out):
    for k in range(out.size):
        total = 0.0
        for e in range(times.event_from[k], times.event_from[k + 1]):
            total += v[times.events[e]]
        out[k] = total


@_compile
def count_events(mask, times, count, mass):
    for k in range(count.size):
        count[k], mass[k] = 0, 0.0
        for e in range(times.event_from[k], times.event_from[k + 1]):
            m = mask[times.events[e]]
            if m > 0.0:
                count[k] += 1
                mass[k] += m


@_compile
def sum_hazards(S0, D0, count, mass, times, whole, own):
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
def sum_rises(S0, D0, S1, D1, count, mass, times, whole, own, mean):
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
def _spread_leaving(whole, own, times, seen):
    """Sum over the event times up to each row's exit."""
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


@_compile
def _spread_late(whole, own, times, room, seen):
    """Sum over the event times from each row's entry to its exit."""
    collect_spans(whole, times.spans, room, seen)
    for k in range(whole.size):
        for e in range(times.event_from[k], times.event_from[k + 1]):
            seen[times.events[e]] += own[k] - whole[k]


@_compile
def spread_hazards(whole, own, times, share, room, seen):
    """Sum over the event times that each row is at risk at."""
    if times.late:
        _spread_late(whole, own, times, room, seen)
    else:
        _spread_leaving(whole, own, times, seen)
    for b in range(times.starts.size - 1):
        first, end = times.starts[b], times.starts[b + 1]
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
