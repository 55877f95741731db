"""Compiled pieces of the loops over rows of ordered levels: ends, chances, sums by level."""

from __future__ import annotations

import math

import numpy as np

from proteomr.stats.compiled_logistic_loops import _exp32, _exp64
from proteomr.stats.compiling import compile_loop

__all__ = [
    "add_borders",
    "add_by_level",
    "add_products",
    "chance_between",
    "probit32",
    "probit64",
    "read_levels",
    "spread",
    "tabulate_ends",
]

_compile = compile_loop(fastmath={"contract", "nsz", "arcp", "reassoc"})
_compile_exactly = compile_loop(fastmath={"contract", "nsz", "arcp"})

_ROOT_HALF, _ROOT_2PI = 0.7071067811865476, 2.5066282746310002  # of 1/2, and of 2 pi
_F = np.float32
_ONE, _HALF, _TINY = _F(1.0), _F(0.5), _F(1e-30)  # a chance below it has no inverse in single
_ROOT_HALF32, _ROOT_2PI32 = _F(0.70710678), _F(2.5066283)  # the same in single precision
# The complementary error function to 1.2e-7 of itself (Press et al., Numerical Recipes, 6.2).
_E0, _E1, _E2, _E3 = _F(-1.26551223), _F(1.00002368), _F(0.37409196), _F(0.09678418)
_E4, _E5, _E6 = _F(-0.18628806), _F(0.27886807), _F(-1.13520398)  # and its rest
_E7, _E8, _E9 = _F(1.48851587), _F(-0.82215223), _F(0.17087277)  # and its end


@_compile
def tabulate_ends(steps, places, outside, table):
    for level in range(places.size):
        end = outside
        if places[level] >= 0:
            end = 0.0
            for j in range(places[level] + 1):
                end += steps[j]
        table[level] = end


@_compile
def read_levels(response, start, levels):
    for i in range(levels.size):
        levels[i] = np.int32(response[start + i])


@_compile
def add_borders(e, borders, coefficients, t, start):
    c = e.size
    for a in range(borders.shape[0]):
        x = borders[a, start : start + c]
        b = coefficients[t + a]
        for i in range(c):
            e[i] += b * x[i]


@_compile
def add_products(e, borders, total, t, start):
    c = e.size
    for a in range(borders.shape[0]):
        x = borders[a, start : start + c]
        s = e[0] * 0
        for i in range(c):
            s += e[i] * x[i]
        total[t + a] += s


@_compile
def add_by_level(at_upper, at_lower, levels, upper, lower, total, t):
    sums = np.zeros((2, upper.size))
    for i in range(levels.size):
        sums[0, levels[i]] += at_upper[i]
        sums[1, levels[i]] += at_lower[i]
    whole = np.zeros(t)
    for level in range(upper.size):
        if upper[level] >= 0:
            whole[upper[level]] += sums[0, level]
        if lower[level] >= 0:
            whole[lower[level]] += sums[1, level]
    rest = 0.0
    for j in range(t - 1, -1, -1):
        rest += whole[j]
        total[j] += rest


@_compile_exactly
def chance_between(a, b):
    """The chance of falling between two ends of a normal deviate, from the nearer tail."""
    if a + b > 0.0:
        a, b = -b, -a
    return 0.5 * (math.erfc(-a * _ROOT_HALF) - math.erfc(-b * _ROOT_HALF))


@_compile_exactly
def probit64(a, b, chance):
    p = chance * _ROOT_2PI
    return _exp64(-0.5 * min(a * a, 1400.0)) / p, _exp64(-0.5 * min(b * b, 1400.0)) / p


@_compile_exactly
def _tail32(x):
    """The chance of a normal deviate below ``x``, which is not above 0."""
    z = -x * _ROOT_HALF32
    t = _ONE / (_ONE + _HALF * z)
    p = _E9
    p = p * t + _E8
    p = p * t + _E7
    p = p * t + _E6
    p = p * t + _E5
    p = p * t + _E4
    p = p * t + _E3
    p = p * t + _E2
    p = p * t + _E1
    p = p * t + _E0
    return _HALF * t * _exp32(p - z * z)


@_compile_exactly
def probit32(a, b):
    turned = a + b > _F(0.0)
    high, low = (-b, -a) if turned else (a, b)
    below = _tail32(min(low, _F(0.0)))
    near = _tail32(-abs(high))
    p = (near if high <= _F(0.0) else _ONE - near) - below
    p = max(p, _TINY) * _ROOT_2PI32
    return (
        _exp32(-_HALF * min(a * a, _F(160.0))) / p,
        _exp32(-_HALF * min(b * b, _F(160.0))) / p,
    )


@_compile
def spread(table, levels, out):
    for i in range(levels.size):
        out[i] = table[levels[i]]
