"""Every registered multivariable method where estimators come to grief."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.mr.choice import build_joint_methods
from proteomr.mr.methods.base import Estimate
from proteomr.mr.multivariable import MultivariableMethod
from proteomr.tables import Harmonised
from tests.mr.multivariable.lipids import simulate
from tests.mr.multivariable.test_properties import each

Design = Callable[[int], Harmonised]


def plain(m: int) -> Design:
    return lambda seed: simulate(m, [0.4, -0.2], seed=seed)


def outlier(seed: int) -> Harmonised:
    data = simulate(20, [0.4, -0.2], seed=seed)
    y = data.beta_y.copy()
    y[3] += 1e6 * data.se_y[3]
    return replace(data, beta_y=y)


def precise_one(seed: int) -> Harmonised:
    data = simulate(20, [0.4, -0.2], seed=seed)
    factor = np.where(np.arange(20) == 4, 1e-8, 1.0)
    return replace(data, se_y=data.se_y * factor, se_x=data.se_x * factor[:, None])


def exact(seed: int) -> Harmonised:
    data = simulate(20, [0.4, -0.2], seed=seed)
    return replace(data, beta_y=data.beta_x @ np.array([0.4, -0.2]))


def tiny_errors(seed: int) -> Harmonised:
    data = simulate(20, [0.4, -0.2], seed=seed)
    return replace(data, se_y=1e-12 * data.se_y, se_x=1e-12 * data.se_x)


def nearly_collinear(seed: int) -> Harmonised:
    data = simulate(20, [0.4, -0.2], seed=seed)
    x = data.beta_x.copy()
    x[:, 1] = 2.0 * x[:, 0] + 1e-9 * x[:, 1]
    return replace(data, beta_x=x)


def noise(seed: int) -> Harmonised:
    return simulate(20, [0.4, -0.2], seed=seed, spread=0.01)


def zero_outcome(seed: int) -> Harmonised:
    data = simulate(20, [0.4, -0.2], seed=seed)
    return replace(data, beta_y=np.zeros(20))


DESIGNS: dict[str, Design] = {
    "three variants": plain(3),
    "four variants": plain(4),
    "twenty variants": plain(20),
    "one outlier at 1e6 standard errors": outlier,
    "one variant 1e8 times as precise": precise_one,
    "exact effects": exact,
    "errors of 1e-14": tiny_errors,
    "nearly collinear exposures": nearly_collinear,
    "instruments of noise": noise,
    "no effect on the outcome": zero_outcome,
}
each_design = pytest.mark.parametrize("name", DESIGNS)


def run(method: MultivariableMethod, data: Harmonised) -> tuple[Estimate, ...]:
    return method.estimate(data, random=np.random.default_rng(3))


def check_certificate(found: Estimate) -> None:
    if found.status.name != "ok":
        assert found.message
        assert math.isnan(found.estimate)
        return
    assert math.isfinite(found.estimate)
    assert 0 < found.se < math.inf
    assert -math.inf < found.conf_low <= found.estimate <= found.conf_high < math.inf
    assert found.neg_log10_p >= 0


@each
@each_design
def test_every_ok_has_its_certificate(method: MultivariableMethod, name: str) -> None:
    for seed in range(3):
        found = run(method, DESIGNS[name](seed))
        assert len(found) == 2
        for one in found:
            check_certificate(one)


@each
@each_design
@pytest.mark.parametrize("units", [(1, -3, 2), (-480, 300, 400)])
def test_other_units_give_exactly_the_estimates_in_other_units(
    method: MultivariableMethod, name: str, units: tuple[int, int, int]
) -> None:
    data = DESIGNS[name](1)
    of_x, of_y = np.array(units[:2]), units[2]
    scaled = replace(
        data,
        beta_x=np.ldexp(data.beta_x, of_x),
        se_x=np.ldexp(data.se_x, of_x),
        beta_y=np.ldexp(data.beta_y, of_y),
        se_y=np.ldexp(data.se_y, of_y),
    )
    for power, base, other in zip(of_x, run(method, data), run(method, scaled), strict=True):
        check_certificate(other)
        assert other.status == base.status
        assert other.message == base.message
        if other.status.name == "ok":
            unit = of_y - int(power)
            assert other.estimate == math.ldexp(base.estimate, unit)
            assert other.se == math.ldexp(base.se, unit)
            assert other.neg_log10_p == base.neg_log10_p


@each_design
@pytest.mark.parametrize("key", ["mv_ivw", "mv_cml(perturbations=0)"])
def test_no_nearby_effects_fit_better(name: str, key: str) -> None:
    """The sum that each minimises, written as a loop, is not less around its estimates."""
    data = DESIGNS[name](2)
    found = run(build_joint_methods([key])[0], data)
    if found[0].status.name != "ok":
        return
    rows = np.array(found[0].used if found[0].used is not None else range(data.m))
    theta = np.array([one.estimate for one in found])

    def loss(theta: F64) -> float:
        total = 0.0
        for j in rows:
            s2 = data.se_y[j] ** 2
            if key != "mv_ivw":
                s2 += sum(theta[k] ** 2 * data.se_x[j, k] ** 2 for k in range(2))
            total += (data.beta_y[j] - data.beta_x[j] @ theta) ** 2 / s2
        return float(total)

    least = loss(theta)
    for direction in np.random.default_rng(1).normal(size=(40, 2)):
        moved = theta + 0.05 * direction * np.array([one.se for one in found])
        assert loss(moved) >= least * (1 - 1e-12) - 1e-9
