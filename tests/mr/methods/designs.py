"""Analyses in which estimators come to grief: few, equal, far-off and over-precise variants."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from proteomr.tables import Harmonised
from tests.mr.methods.examples import make

__all__ = ["DESIGNS"]

Design = Callable[[Generator], Harmonised]


def _plain(random: Generator, m: int) -> Harmonised:
    x = random.uniform(0.05, 0.3, m) * random.choice([-1.0, 1.0], m)
    sx, sy = random.uniform(0.005, 0.02, m), random.uniform(0.01, 0.03, m)
    return make(x, sx, random.normal(0.4 * x, sy), sy)


def _equal(random: Generator) -> Harmonised:
    x, sx, y, sy = random.uniform(0.1, 0.3, 4)
    one = np.ones(8)
    return make(x * one, 0.1 * sx * one, y * one, 0.1 * sy * one)


def _outlier(random: Generator) -> Harmonised:
    data = _plain(random, 12)
    y = data.beta_y.copy()
    y[3] += 1e6 * data.se_y[3]
    return make(data.x, data.sx, y, data.se_y)


def _two_outliers_of_three(random: Generator) -> Harmonised:
    data = _plain(random, 3)
    return make(data.x, data.sx, data.beta_y + np.array([0.0, 1e3, -1e3]), data.se_y)


def _precise_one(random: Generator) -> Harmonised:
    data = _plain(random, 10)
    sy, sx = data.se_y.copy(), data.sx.copy()
    sy[2], sx[2] = 1e-8 * sy[2], 1e-8 * sx[2]
    return make(data.x, sx, data.beta_y, sy)


def _spread_errors(random: Generator) -> Harmonised:
    data = _plain(random, 10)
    factor = 10.0 ** random.uniform(-4.0, 4.0, 10)
    return make(
        data.x, data.sx, random.normal(0.4 * data.x, data.se_y * factor), data.se_y * factor
    )


def _some_zeros(random: Generator) -> Harmonised:
    data = _plain(random, 9)
    x, y = data.x.copy(), data.beta_y.copy()
    x[[0, 4]] = 0.0
    y[[1, 4]] = 0.0
    return make(x, data.sx, y, data.se_y)


def _no_effect(random: Generator) -> Harmonised:
    data = _plain(random, 7)
    return make(np.zeros(7), data.sx, data.beta_y, data.se_y)


def _null_outcome(random: Generator) -> Harmonised:
    data = _plain(random, 7)
    return make(data.x, data.sx, np.zeros(7), data.se_y)


def _equal_ratios(random: Generator) -> Harmonised:
    data = _plain(random, 9)
    return make(data.x, data.sx, 0.5 * data.x, data.se_y)


def _tiny_errors(random: Generator) -> Harmonised:
    data = _plain(random, 9)
    return make(data.x, 1e-12 * data.sx, data.beta_y, 1e-12 * data.se_y)


def _weak(random: Generator) -> Harmonised:
    m = 15
    sx, sy = np.full(m, 0.02), np.full(m, 0.02)
    return make(random.normal(0.0, 0.02, m), sx, random.normal(0.0, 0.02, m), sy)


def _vague_outcome(random: Generator) -> Harmonised:
    data = _plain(random, 9)
    return make(data.x, data.sx, data.beta_y, 1e8 * data.se_y)


def _equal_sizes(random: Generator) -> Harmonised:
    x = random.choice([-1.0, 1.0], 9) * random.uniform(0.1, 0.3)
    sy = random.uniform(0.01, 0.03, 9)
    return make(x, np.full(9, 0.01), random.normal(0.4 * x, sy), sy)


def _vague_exposure(random: Generator) -> Harmonised:
    data = _plain(random, 9)
    return make(data.x, 1e8 * data.sx, data.beta_y, data.se_y)


def _borderline(random: Generator) -> Harmonised:
    data = _plain(random, int(random.integers(3, 7)))
    noise = random.normal(0.0, data.se_y)
    return make(data.x, data.sx, random.uniform(0.0, 0.4) * data.x + noise, data.se_y)


def _two_groups(random: Generator) -> Harmonised:
    data = _plain(random, 12)
    slope = np.where(np.arange(12) % 2, 3.0, -3.0)
    return make(data.x, data.sx, random.normal(slope * data.x, data.se_y), data.se_y)


DESIGNS: dict[str, Design] = {
    "one variant": lambda random: _plain(random, 1),
    "two variants": lambda random: _plain(random, 2),
    "three variants": lambda random: _plain(random, 3),
    "six variants": lambda random: _plain(random, 6),
    "forty variants": lambda random: _plain(random, 40),
    "equal variants": _equal,
    "one outlier at 1e6 standard errors": _outlier,
    "two of three far off": _two_outliers_of_three,
    "one variant 1e8 times as precise": _precise_one,
    "errors over eight decades": _spread_errors,
    "some effects of zero": _some_zeros,
    "no effect on the exposure": _no_effect,
    "no effect on the outcome": _null_outcome,
    "equal ratios": _equal_ratios,
    "errors of 1e-14": _tiny_errors,
    "instruments of noise": _weak,
    "outcome of noise": _vague_outcome,
    "two groups of opposite effect": _two_groups,
    "effects of one size": _equal_sizes,
    "exposure of noise": _vague_exposure,
    "few variants and p near its level": _borderline,
}
