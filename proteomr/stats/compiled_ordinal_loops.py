"""The functions of :mod:`proteomr.stats.ordinal_loops`, compiled: the same numbers to rounding.

A chunk of a fit is worked through in loops that each do one thing: ends by level, chances, sums by
level. The exponentials are those of :mod:`proteomr.stats.compiled_logistic_loops`.
"""

from __future__ import annotations

import math

import numpy as np

from proteomr.stats.compiled_level_loops import (
    add_borders,
    add_by_level,
    add_products,
    chance_between,
    probit32,
    probit64,
    read_levels,
    spread,
    tabulate_ends,
)
from proteomr.stats.compiled_logistic_loops import _exp32, _exp64
from proteomr.stats.compiling import compile_loop

__all__ = [
    "apply_curvature",
    "apply_free_curvature",
    "move_states",
    "store_states",
    "sum_free_scores",
    "sum_log_chances",
    "sum_scores",
]

_compile = compile_loop(fastmath={"contract", "nsz", "arcp", "reassoc"})

_OUTSIDE = 1e30  # stands for infinity, whose products are numbers
_F = np.float32
_ONE = _F(1.0)  # in single precision
# Of no fits, where nothing is kept.
_NO_STATE, _NO_WEIGHTS = np.empty((0, 5, 0)), np.empty((0, 0), np.float32)


@_compile
def _derive64(e, ups, lows, rests, m, normal, by_upper, by_lower):
    """Leave the residuals in e, and the derivatives by both ends."""
    if normal:
        for i in range(e.size):
            a, b = ups[i] - e[i], lows[i] - e[i]
            f, g = probit64(a, b, chance_between(a, b))
            by_upper[i], by_lower[i] = f * m[i], -g * m[i]
            e[i] = (g - f) * m[i]
        return
    for i in range(e.size):
        above = 1.0 / (1.0 + _exp64(ups[i] - e[i]))
        below = 1.0 / (1.0 + _exp64(e[i] - lows[i]))
        by_upper[i] = (above + rests[i]) * m[i]
        by_lower[i] = -(below + rests[i]) * m[i]
        e[i] = (below - above) * m[i]


@_compile
def _derive32(e, ups, lows, rests, m, normal, by_upper, by_lower):
    if normal:
        for i in range(e.size):
            f, g = probit32(ups[i] - e[i], lows[i] - e[i])
            by_upper[i], by_lower[i] = f * m[i], -g * m[i]
            e[i] = (g - f) * m[i]
        return
    for i in range(e.size):
        above = _ONE / (_ONE + _exp32(ups[i] - e[i]))
        below = _ONE / (_ONE + _exp32(e[i] - lows[i]))
        by_upper[i] = (above + rests[i]) * m[i]
        by_lower[i] = -(below + rests[i]) * m[i]
        e[i] = (below - above) * m[i]


@_compile
def _tabulate_rests(steps, upper, lower, table):
    """What the gap of a level that has both ends adds to the derivatives by them, with logits."""
    for level in range(upper.size):
        table[level] = 0.0
        if upper[level] > 0 and lower[level] >= 0:
            table[level] = 1.0 / math.expm1(steps[upper[level]])


@_compile
def _bend(state, start, c, normal):
    """Bring the curvature of rows up to date with their ends."""
    above, below = state[0, start : start + c], state[1, start : start + c]
    between = state[2, start : start + c]
    a, b = state[3, start : start + c], state[4, start : start + c]
    if normal:
        for i in range(c):
            f, g = probit64(a[i], b[i], chance_between(a[i], b[i]))
            mean = g - f
            above[i] = f * max(a[i] - mean, 0.0)
            below[i] = g * max(mean - b[i], 0.0)
            between[i] = f * g
        return
    for i in range(c):
        x, y = _exp64(-a[i]), _exp64(b[i])
        up, low = x / (1.0 + x), y / (1.0 + y)
        above[i], below[i] = up / (1.0 + x), low / (1.0 + y)
        # exp(b - a): 0 where the level has one end, whose other side is far out.
        ratio = x * y
        between[i] = ratio / ((1.0 - ratio) * (1.0 - ratio))


@_compile
def _keep(e, ups, lows, m, state, weights, start, normal):
    """Keep the ends of rows, and what follows from them."""
    c = e.size
    a, b = state[3, start : start + c], state[4, start : start + c]
    for i in range(c):
        a[i], b[i] = ups[i] - e[i], lows[i] - e[i]
    _bend(state, start, c, normal)
    above, below = state[0, start : start + c], state[1, start : start + c]
    w = weights[start : start + c]
    for i in range(c):
        w[i] = np.float32(m[i] * (above[i] + below[i]))


@_compile
def _scores64(
    eta, borders, mask, response, upper, lower, coefficients, start, score, normal, state, weights
):
    R, c = eta.shape
    B, s = borders.shape[0], borders.shape[1]
    F, t = R // B, coefficients.shape[1] - s
    levels, tables = np.empty(c, np.int32), np.empty((3, upper.size))
    ups, lows, rests = np.empty(c), np.empty(c), np.empty(c)
    by_upper, by_lower = np.empty(c), np.empty(c)
    for r in range(R):
        j = r // F
        if F > 1 or r == 0:
            read_levels(response[r % F], start, levels)
        tabulate_ends(coefficients[r], upper, _OUTSIDE, tables[0])
        tabulate_ends(coefficients[r], lower, -_OUTSIDE, tables[1])
        _tabulate_rests(coefficients[r], upper, lower, tables[2])
        spread(tables[0], levels, ups)
        spread(tables[1], levels, lows)
        spread(tables[2], levels, rests)
        e = eta[r]
        add_borders(e, borders[j], coefficients[r], t, start)
        m = mask[j, start : start + c]
        if state.shape[0] > 0:
            _keep(e, ups, lows, m, state[r], weights[r], start, normal)
        _derive64(e, ups, lows, rests, m, normal, by_upper, by_lower)
        add_by_level(by_upper, by_lower, levels, upper, lower, score[r], t)
        add_products(e, borders[j], score[r], t, start)


@_compile
def _scores32(eta, borders, mask, response, upper, lower, coefficients, start, score, normal):
    R, c = eta.shape
    B, s = borders.shape[0], borders.shape[1]
    F, t = R // B, coefficients.shape[1] - s
    levels, tables = np.empty(c, np.int32), np.empty((3, upper.size))
    ups, lows, rests = np.empty(c, _F), np.empty(c, _F), np.empty(c, _F)
    by_upper, by_lower = np.empty(c, _F), np.empty(c, _F)
    for r in range(R):
        j = r // F
        if F > 1 or r == 0:
            read_levels(response[r % F], start, levels)
        tabulate_ends(coefficients[r], upper, _OUTSIDE, tables[0])
        tabulate_ends(coefficients[r], lower, -_OUTSIDE, tables[1])
        _tabulate_rests(coefficients[r], upper, lower, tables[2])
        spread(tables[0], levels, ups)
        spread(tables[1], levels, lows)
        spread(tables[2], levels, rests)
        e = eta[r]
        add_borders(e, borders[j], coefficients[r], t, start)
        m = mask[j, start : start + c]
        _derive32(e, ups, lows, rests, m, normal, by_upper, by_lower)
        add_by_level(by_upper, by_lower, levels, upper, lower, score[r], t)
        add_products(e, borders[j], score[r], t, start)


@_compile
def move_states(shift, borders, response, upper, lower, step, start, state, normal):
    R, c = shift.shape
    B, s = borders.shape[0], borders.shape[1]
    F, t = R // B, step.shape[1] - s
    levels, tables = np.empty(c, np.int32), np.empty((2, upper.size))
    for r in range(R):
        read_levels(response[r % F], start, levels)
        tabulate_ends(step[r], upper, 0.0, tables[0])
        tabulate_ends(step[r], lower, 0.0, tables[1])
        h = shift[r]
        add_borders(h, borders[r // F], step[r], t, start)
        a, b = state[r, 3, start : start + c], state[r, 4, start : start + c]
        for i in range(c):
            a[i] += tables[0, levels[i]] - h[i]
            b[i] += tables[1, levels[i]] - h[i]
        _bend(state[r], start, c, normal)


@_compile
def apply_curvature(u, borders, mask, response, upper, lower, vector, start, product, state):
    R, c = u.shape
    B, s = borders.shape[0], borders.shape[1]
    F, t = R // B, vector.shape[1] - s
    levels, tables = np.empty(c, np.int32), np.empty((2, upper.size))
    ups, lows = np.empty(c, u.dtype), np.empty(c, u.dtype)
    at_upper, at_lower = np.empty(c, u.dtype), np.empty(c, u.dtype)
    for r in range(R):
        j = r // F
        if F > 1 or r == 0:
            read_levels(response[r % F], start, levels)
        tabulate_ends(vector[r], upper, 0.0, tables[0])
        tabulate_ends(vector[r], lower, 0.0, tables[1])
        spread(tables[0], levels, ups)
        spread(tables[1], levels, lows)
        e = u[r]
        add_borders(e, borders[j], vector[r], t, start)
        m = mask[j, start : start + c]
        above, below = state[r, 0, start : start + c], state[r, 1, start : start + c]
        between = state[r, 2, start : start + c]
        for i in range(c):
            f = m[i] * above[i] * (ups[i] - e[i])
            g = m[i] * below[i] * (lows[i] - e[i])
            across = m[i] * between[i] * (ups[i] - lows[i])
            at_upper[i], at_lower[i] = f + across, g - across
            e[i] = -(f + g)
        add_by_level(at_upper, at_lower, levels, upper, lower, product[r], t)
        add_products(e, borders[j], product[r], t, start)


@_compile
def sum_log_chances(mask, state, normal, out):
    n = state.shape[2]
    fits = state.shape[0] // mask.shape[0]
    for r in range(state.shape[0]):
        m = mask[r // fits]
        a, b = state[r, 3], state[r, 4]
        total = 0.0
        for i in range(n):
            if m[i] > 0.0:
                if normal:
                    chance = chance_between(a[i], b[i])
                else:
                    x, y = _exp64(-a[i]), _exp64(b[i])
                    chance = (1.0 - x * y) / ((1.0 + x) * (1.0 + y))
                total += m[i] * math.log(chance)
        out[r] += total


@_compile
def _bend_ends(table, bends, t, places, levels, x, out):
    """Take from ends what the bends of the slope up to them are worth."""
    for level in range(places.size):
        whole = 0.0
        for j in range(1, places[level] + 1):
            whole += bends[t + j - 1]
        table[level] = whole
    for i in range(levels.size):
        out[i] -= x[i] * table[levels[i]]


@_compile
def _add_to_bends(at_upper, at_lower, x, levels, upper, lower, total, t):
    sums = np.zeros(t)
    for i in range(levels.size):
        at_upper[i] *= x[i]
        at_lower[i] *= x[i]
    add_by_level(at_upper, at_lower, levels, upper, lower, sums, t)
    for j in range(1, t):
        total[t + j - 1] -= sums[j]


@_compile
def _derive_free(e, ups, lows, m, normal, by_upper, by_lower, chances):
    """As :func:`_derive64` for gaps that differ between rows, with the chances of the levels."""
    if normal:
        for i in range(e.size):
            a, b = ups[i] - e[i], lows[i] - e[i]
            chances[i] = chance_between(a, b)
            f, g = probit64(a, b, chances[i])
            by_upper[i], by_lower[i] = f * m[i], -g * m[i]
            e[i] = (g - f) * m[i]
        return
    for i in range(e.size):
        x, y = _exp64(e[i] - ups[i]), _exp64(lows[i] - e[i])
        above, below = x / (1.0 + x), y / (1.0 + y)
        ratio = x * y  # exp(-gap)
        rest = ratio / (1.0 - ratio)
        chances[i] = (1.0 - ratio) / ((1.0 + x) * (1.0 + y))
        by_upper[i], by_lower[i] = (above + rest) * m[i], -(below + rest) * m[i]
        e[i] = (below - above) * m[i]


@_compile
def sum_free_scores(
    eta, borders, mask, response, upper, lower, coefficients, start, score, chances, normal
):
    R, c = eta.shape
    B, s = borders.shape[0], borders.shape[1]
    F, t = R // B, (coefficients.shape[1] - s + 1) // 2
    levels, table = np.empty(c, np.int32), np.empty(upper.size)
    ups, lows, by_upper, by_lower = np.empty(c), np.empty(c), np.empty(c), np.empty(c)
    for r in range(R):
        j = r // F
        read_levels(response[r % F], start, levels)
        x = borders[j, 0, start : start + c]
        tabulate_ends(coefficients[r], upper, _OUTSIDE, table)
        spread(table, levels, ups)
        tabulate_ends(coefficients[r], lower, -_OUTSIDE, table)
        spread(table, levels, lows)
        _bend_ends(table, coefficients[r], t, upper, levels, x, ups)
        _bend_ends(table, coefficients[r], t, lower, levels, x, lows)
        e = eta[r]
        add_borders(e, borders[j], coefficients[r], 2 * t - 1, start)
        m = mask[j, start : start + c]
        _derive_free(e, ups, lows, m, normal, by_upper, by_lower, chances[r])
        add_by_level(by_upper, by_lower, levels, upper, lower, score[r], t)
        _add_to_bends(by_upper, by_lower, x, levels, upper, lower, score[r], t)
        add_products(e, borders[j], score[r], 2 * t - 1, start)


@_compile
def apply_free_curvature(u, borders, mask, response, upper, lower, vector, start, product, state):
    R, c = u.shape
    B, s = borders.shape[0], borders.shape[1]
    F, t = R // B, (vector.shape[1] - s + 1) // 2
    levels, table = np.empty(c, np.int32), np.empty(upper.size)
    ups, lows, at_upper, at_lower = np.empty(c), np.empty(c), np.empty(c), np.empty(c)
    for r in range(R):
        j = r // F
        read_levels(response[r % F], start, levels)
        x = borders[j, 0, start : start + c]
        tabulate_ends(vector[r], upper, 0.0, table)
        spread(table, levels, ups)
        tabulate_ends(vector[r], lower, 0.0, table)
        spread(table, levels, lows)
        _bend_ends(table, vector[r], t, upper, levels, x, ups)
        _bend_ends(table, vector[r], t, lower, levels, x, lows)
        e = u[r]
        add_borders(e, borders[j], vector[r], 2 * t - 1, start)
        m = mask[j, start : start + c]
        above, below = state[r, 0, start : start + c], state[r, 1, start : start + c]
        between = state[r, 2, start : start + c]
        for i in range(c):
            f = m[i] * above[i] * (ups[i] - e[i])
            g = m[i] * below[i] * (lows[i] - e[i])
            across = m[i] * between[i] * (ups[i] - lows[i])
            at_upper[i], at_lower[i] = f + across, g - across
            e[i] = -(f + g)
        add_by_level(at_upper, at_lower, levels, upper, lower, product[r], t)
        _add_to_bends(at_upper, at_lower, x, levels, upper, lower, product[r], t)
        add_products(e, borders[j], product[r], 2 * t - 1, start)


def sum_scores(eta, borders, mask, response, upper, lower, coefficients, start, score, normal):
    given = (eta, borders, mask, response, upper, lower, coefficients, start, score, normal)
    if eta.dtype == np.float32:
        _scores32(*given)
    else:
        _scores64(*given, _NO_STATE, _NO_WEIGHTS)


def store_states(
    eta, borders, mask, response, upper, lower, coefficients, start, score, state, weights, normal
):
    given = (eta, borders, mask, response, upper, lower, coefficients, start, score, normal)
    _scores64(*given, state, weights)
