from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.mr.choice import build_joint_methods, name_methods
from proteomr.mr.methods.base import Estimate
from proteomr.mr.multivariable import (
    MULTIVARIABLE_METHODS,
    MultivariableConstrainedMl,
    MultivariableEgger,
    MultivariableGmm,
    MultivariableIvw,
    MultivariableLasso,
    MultivariableMedian,
    MultivariableMethod,
)
from proteomr.tables import Harmonised
from tests.mr.multivariable.lipids import simulate

QUICK = {"mv_median": "draws=50", "mv_cml": "perturbations=6"}
FURTHER = ("mv_ivw(robust=true)", "mv_gmm(robust=false)", "mv_cml(perturbations=0)")
"""Configurations that take another path than the defaults."""

METHODS = build_joint_methods(
    [
        *(
            f"{kind.key}({QUICK[kind.key]})" if kind.key in QUICK else kind.key
            for kind in MULTIVARIABLE_METHODS
        ),
        *FURTHER,
    ]
)
each = pytest.mark.parametrize("method", METHODS, ids=name_methods(METHODS))


@pytest.fixture
def data() -> Harmonised:
    direct = np.zeros(40)
    direct[[3, 17, 29]] = 0.15
    return simulate(40, [0.4, -0.2], seed=11, pleiotropy=direct)


def run(method: MultivariableMethod, data: Harmonised) -> tuple[Estimate, ...]:
    found = method.estimate(data, random=np.random.default_rng(5))
    assert all(one.status.name == "ok" for one in found), found[0].message
    return found


def points(found: tuple[Estimate, ...]) -> F64:
    return np.array([one.estimate for one in found])


def check_same(
    method: MultivariableMethod,
    found: tuple[Estimate, ...],
    plain: tuple[Estimate, ...],
    unit: F64 | float = 1.0,
) -> None:
    """The same to rounding; what comes from draws to some of its standard error."""
    errors = np.array([one.se for one in plain])
    drawn = isinstance(method, MultivariableConstrainedMl) and method.perturbations > 0
    slack = 1.0 * errors if drawn else 1e-7 * np.abs(points(plain))
    assert (np.abs(points(found) * unit - points(plain)) <= slack).all()
    ratio = np.array([one.se for one in found]) * unit / errors
    if drawn or method.key == "mv_median":
        assert ((ratio > 0.25) & (ratio < 4.0)).all()  # standard deviations of 6 draws, or of 50
    else:
        assert ratio == pytest.approx(np.ones(ratio.size), rel=1e-6)


@each
def test_counting_the_other_allele_changes_nothing(
    method: MultivariableMethod, data: Harmonised
) -> None:
    sign = np.where(np.random.default_rng(2).random(data.m) < 0.5, -1.0, 1.0)
    flipped = replace(data, beta_x=data.beta_x * sign[:, None], beta_y=data.beta_y * sign)
    plain, other = run(method, data), run(method, flipped)
    check_same(method, other, plain)


@each
def test_an_exposure_in_other_units_has_an_effect_in_other_units(
    method: MultivariableMethod, data: Harmonised
) -> None:
    unit = np.array([10.0, 1.0])
    n_x = np.full(2, 1e4)
    scaled = replace(data, beta_x=data.beta_x * unit, se_x=data.se_x * unit, n_x=n_x)
    plain, other = run(method, data), run(method, scaled)
    check_same(method, other, plain, unit)


@each
def test_the_order_of_the_variants_does_not_matter(
    method: MultivariableMethod, data: Harmonised
) -> None:
    order = np.random.default_rng(3).permutation(data.m).astype(np.int64)
    plain, other = run(method, data), run(method, data.select(order))
    check_same(method, other, plain)


@each
def test_the_order_of_the_exposures_does_not_matter(
    method: MultivariableMethod, data: Harmonised
) -> None:
    if method.key == "mv_egger":
        method = MultivariableEgger(orient_by="a")
    if method.key == "mv_lasso":
        method = MultivariableLasso(orient_by="a")
    if method.key == "mv_cml":
        method = MultivariableConstrainedMl(perturbations=0)  # draws follow the order
    swapped = replace(
        data, exposures=("b", "a"), beta_x=data.beta_x[:, ::-1], se_x=data.se_x[:, ::-1]
    )
    plain, other = run(method, data), run(method, swapped)
    assert points(other)[::-1] == pytest.approx(points(plain), rel=1e-7)


@each
def test_the_same_seed_gives_the_same_numbers(
    method: MultivariableMethod, data: Harmonised
) -> None:
    assert [one.se for one in run(method, data)] == [one.se for one in run(method, data)]


@each
def test_too_few_variants_are_a_status(method: MultivariableMethod) -> None:
    needed = method.fewest + 1
    few = simulate(needed - 1, [0.4, -0.2], seed=1)
    found = method.estimate(few, random=np.random.default_rng(1))
    assert [one.status.name for one in found] == ["too_few", "too_few"]
    assert found[0].message == f"needs {needed} variants for 2 exposures, found {needed - 1}"
    enough = method.estimate(simulate(needed, [0.4, -0.2], seed=1), random=np.random.default_rng(1))
    assert {one.status.name for one in enough} != {"too_few"}


@each
def test_exposures_that_repeat_each_other_are_a_status(
    method: MultivariableMethod, data: Harmonised
) -> None:
    twice = replace(data, beta_x=data.beta_x[:, [0, 0]] * np.array([1.0, 2.0]))
    found = method.estimate(twice, random=np.random.default_rng(1))
    assert {one.status.name for one in found} == {"not_identified"}


@each
def test_effects_of_zero_on_an_exposure_never_raise(
    method: MultivariableMethod, data: Harmonised
) -> None:
    x = data.beta_x.copy()
    x[3:, 1] = 0.0
    found = method.estimate(replace(data, beta_x=x), random=np.random.default_rng(1))
    assert len(found) == 2
    assert all(np.isfinite(one.estimate) or one.message for one in found)


@pytest.mark.parametrize(
    ("method", "least"),
    [
        (MultivariableIvw(convention="mendelianrandomization"), 0.90),
        (MultivariableEgger(), 0.90),
        (MultivariableMedian(draws=50), 0.90),
        (MultivariableLasso(), 0.83),  # its errors take no account of the choice of variants
        (MultivariableConstrainedMl(perturbations=0, invalid_counts=(0, 1, 2)), 0.83),
        (MultivariableGmm(), 0.90),
    ],
    ids=lambda value: getattr(value, "key", ""),
)
def test_limits_cover_the_truth_when_every_variant_is_valid(
    method: MultivariableMethod, least: float
) -> None:
    truth = np.array([0.4, -0.2])
    inside = 0
    for seed in range(60):
        valid = simulate(40, truth.tolist(), seed=1000 + seed)
        for one, effect in zip(run(method, valid), truth, strict=True):
            inside += int(one.conf_low <= effect <= one.conf_high)
    assert least <= inside / 120 <= 0.999
