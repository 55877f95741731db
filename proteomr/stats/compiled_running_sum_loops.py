"""The loops of :mod:`proteomr.stats.running_sum_loops`, compiled: the same numbers, bit for bit."""

from __future__ import annotations

import math

import numpy as np

from proteomr.stats.compiling import compile_loop

__all__ = ["climb", "sample_sets", "score_sets"]

# No flag at all: every operation in its order, so that a set has one score wherever it is met.
_compile = compile_loop(fastmath=set())

_HALF_WORD, _TO_OFFSET, _GRID = 32, 22, 2.0**40  # as in the plain form
_ONE, _NONE = np.uint64(1), np.uint64(0)
# The lowest bit of a word, times this number of de Bruijn, has its place in the highest 6 bits
# (Leiserson, Prokop and Randall 1998).
_DE_BRUIJN, _TO_PLACE = np.uint64(0x03F79D71B4CB0A89), np.uint64(58)
_PLACES = np.zeros(64, dtype=np.int64)
for _i in range(64):
    _PLACES[((0x03F79D71B4CB0A89 << _i) & 0xFFFFFFFFFFFFFFFF) >> 58] = _i


@_compile
def score_sets(places, starts, weights, out):
    for s in range(len(starts) - 1):
        members = places[starts[s] : starts[s + 1]]
        up, down, at_up, at_down = _walk(members, len(members), weights)
        out[s, 0], out[s, 1], out[s, 2], out[s, 3] = up, down, at_up, at_down


@_compile
def sample_sets(draws, weights, out):
    b, k = draws.shape
    N = len(weights)
    words = np.zeros((N + 63) // 64, dtype=np.uint64)
    members = np.empty(k, dtype=np.int64)
    for i in range(b):
        words[:] = _NONE
        for j in range(k):
            last = N - k + j
            place = (np.int64(draws[i, j]) * (last + 1)) >> _HALF_WORD
            if (words[place >> 6] >> np.uint64(place & 63)) & _ONE:
                place = last
            words[place >> 6] |= _ONE << np.uint64(place & 63)
        found = 0
        for w in range(len(words)):
            word = words[w]
            while word:
                lowest = word & (~word + _ONE)
                members[found] = (w << 6) + _PLACES[(lowest * _DE_BRUIJN) >> _TO_PLACE]
                found += 1
                word ^= lowest
        up, down, _, _ = _walk(members, k, weights)
        out[i, 0], out[i, 1] = up, down


@_compile
def climb(sets, values, draws, offsets, weights, level, one_sided):
    z, k = sets.shape
    N = len(weights)
    trial = np.empty(k, dtype=np.int64)
    made = 0
    for s in range(z):
        for m in range(draws.shape[1]):
            leaving = (np.int64(draws[s, m, 0]) * k) >> _HALF_WORD
            way = np.int64(draws[s, m, 1])
            offset = offsets[way >> _TO_OFFSET]
            place = sets[s, leaving] + (offset if way & 1 else -offset)
            if place < 0 or place >= N or not _exchange(sets[s], k, leaving, place, trial):
                continue
            up, down, _, _ = _walk(trial, k, weights)
            value = up if one_sided or up > down else up - down
            if value > level:
                for i in range(k):
                    sets[s, i] = trial[i]
                values[s] = value
                made += 1
    return made


@_compile
def _exchange(members, k, leaving, place, trial):
    """Write the members with one moved to a place, in order; false where a member stands there."""
    for i in range(k):
        trial[i] = members[i]
    at = leaving
    while at + 1 < k and members[at + 1] <= place:
        if members[at + 1] == place:
            return False
        trial[at] = members[at + 1]
        at += 1
    while at > 0 and trial[at - 1] >= place:
        if trial[at - 1] == place:
            return False
        trial[at] = trial[at - 1]
        at -= 1
    trial[at] = place
    return True


@_compile
def _walk(members, k, weights):
    N = len(weights)
    total = 0.0
    for i in range(k):
        total += weights[members[i]]
    flat = not total > 0.0
    if flat:
        total = float(k)
    others = float(N - k) if k < N else 1.0
    reached, up, down, at_up, at_down = 0.0, 0.0, 0.0, 0, k
    for i in range(k):
        missed = (members[i] - i) * total
        if missed - reached * others > down:
            down, at_down = missed - reached * others, i
        reached += 1.0 if flat else weights[members[i]]
        if reached * others - missed > up:
            up, at_up = reached * others - missed, i + 1
    scale = _GRID / (total * others)
    up, down = math.floor(up * scale + 0.5) / _GRID, math.floor(down * scale + 0.5) / _GRID
    return up, down, at_up, at_down
