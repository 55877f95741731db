"""The loops of :mod:`proteomr.stats.running_sum_loops`, compiled: the same numbers, bit for bit."""

from __future__ import annotations

import math

import numpy as np

from proteomr.stats.compiling import compile_loop

__all__ = ["climb", "draw_sets", "sample_sets", "score_sets"]

# No flag at all: every operation in its order, so that a set has one score wherever it is met.
_compile = compile_loop(fastmath=set())

_HALF_WORD, _TO_OFFSET, _GRID = 32, 22, 2.0**40  # as in the plain form
# A known point counts only where it is clearly above the level: its share is kept up by adding and
# taking away, which 1e4 times changes by some 1e-12 of the largest weight, which is 1.
_MARGIN, _SAFE = 1e-9, 1e-2
_ONE, _NONE = np.uint64(1), np.uint64(0)  # the lowest bit, and none
# The lowest bit of a word, times this number of de Bruijn, has its place in the highest 6 bits
# (Leiserson, Prokop and Randall 1998).
_DE_BRUIJN, _TO_PLACE = np.uint64(0x03F79D71B4CB0A89), np.uint64(58)
_PLACES = np.zeros(64, dtype=np.int64)  # of each bit of a word
for _i in range(64):
    _PLACES[((0x03F79D71B4CB0A89 << _i) & 0xFFFFFFFFFFFFFFFF) >> 58] = _i


@_compile
def score_sets(places, starts, weights, out):
    for s in range(len(starts) - 1):
        members = places[starts[s] : starts[s + 1]]
        up, down, at_up, at_down = _walk(members, len(members), weights)
        out[s, 0], out[s, 1], out[s, 2], out[s, 3] = up, down, at_up, at_down


@_compile
def draw_sets(draws, n, out):
    words = np.zeros((n + 63) // 64, dtype=np.uint64)
    for i in range(draws.shape[0]):
        _draw(draws[i], n, words, out[i])


@_compile
def sample_sets(draws, weights, out):
    b, k = draws.shape
    N = len(weights)
    words = np.zeros((N + 63) // 64, dtype=np.uint64)
    members = np.empty(k, dtype=np.int64)
    for i in range(b):
        _draw(draws[i], N, words, members)
        up, down, _, _ = _walk(members, k, weights)
        out[i, 0], out[i, 1] = up, down


@_compile
def _draw(draws, n, words, members):
    k = len(draws)
    words[:] = _NONE
    for j in range(k):
        last = n - k + j
        place = (np.int64(draws[j]) * (last + 1)) >> _HALF_WORD
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


@_compile
def climb(sets, values, draws, offsets, weights, level, one_sided):
    """Move sets: a point of the sum that is known to be above the level spares most walks."""
    z, k = sets.shape
    N = len(weights)
    others = float(N - k)
    trial = np.empty(k, dtype=np.int64)
    made = 0
    for s in range(z):
        members = sets[s]
        peak, inside, share, total = _find_point(members, k, weights)
        for m in range(draws.shape[1]):
            leaving = (np.int64(draws[s, m, 0]) * k) >> _HALF_WORD
            way = np.int64(draws[s, m, 1])
            offset = offsets[way >> _TO_OFFSET]
            place = members[leaving] + (offset if way & 1 else -offset)
            if place < 0 or place >= N:
                continue
            at = _find_place(members, k, leaving, place)
            if at < 0:
                continue
            if one_sided:
                lost, won = weights[members[leaving]], weights[place]
                left, came = members[leaving] <= peak, place <= peak
                new_total = total - lost + won
                new_share = share - (lost if left else 0.0) + (won if came else 0.0)
                new_inside = inside - (1 if left else 0) + (1 if came else 0)
                missed = (peak + 1 - new_inside) / others
                if new_total > _SAFE and new_share / new_total - missed > level + _MARGIN:
                    _exchange(members, leaving, at, place)
                    inside, share, total = new_inside, new_share, new_total
                    made += 1
                    continue
            _copy(members, trial)
            _exchange(trial, leaving, at, place)
            up, down, _, _ = _walk(trial, k, weights)
            value = up if one_sided or up > down else up - down
            if value > level:
                _copy(trial, members)
                made += 1
                values[s] = value
                if one_sided:
                    peak, inside, share, total = _find_point(members, k, weights)
        if one_sided:
            values[s] = _walk(members, k, weights)[0]
    return made


@_compile
def _copy(members, out):
    for i in range(members.size):
        out[i] = members[i]


@_compile
def _find_point(members, k, weights):
    """Return the place of the highest point, the members up to it, and their and all weights."""
    _, _, inside, _ = _walk(members, k, weights)
    share, total = 0.0, 0.0
    for i in range(k):
        total += weights[members[i]]
        if i < inside:
            share = total
    return members[max(inside - 1, 0)], inside, share, total


@_compile
def _find_place(members, k, leaving, place):
    """Return where a place comes among the other members, -1 where one stands there."""
    at = leaving
    while at + 1 < k and members[at + 1] <= place:
        at += 1
        if members[at] == place:
            return -1
    while at > 0 and members[at - 1] >= place:
        at -= 1
        if members[at] == place:
            return -1
    return at


@_compile
def _exchange(members, leaving, at, place):
    if at >= leaving:
        for i in range(leaving, at):
            members[i] = members[i + 1]
    else:
        for i in range(leaving, at, -1):
            members[i] = members[i - 1]
    members[at] = place


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
