from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proteomr._typing import F64
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
    MultivariableResidual,
)
from proteomr.tables import Harmonised
from tests.mr.multivariable.lipids import simulate

METHODS: tuple[MultivariableMethod, ...] = (
    MultivariableIvw(),
    MultivariableIvw(robust=True),
    MultivariableEgger(),
    MultivariableMedian(draws=50),
    MultivariableLasso(),
    MultivariableConstrainedMl(perturbations=0),
    MultivariableGmm(),
    MultivariableGmm(robust=False),
    MultivariableResidual(),
)
each = pytest.mark.parametrize("method", METHODS, ids=lambda method: f"{method.key}")


@pytest.fixture
def data() -> Harmonised:
    direct = np.zeros(40)
    direct[[3, 17, 29]] = 0.15
    return simulate(40, [0.4, -0.2], seed=11, pleiotropy=direct)


def run(method: MultivariableMethod, data: Harmonised) -> tuple[Estimate, ...]:
    found = method.estimate(data, random=np.random.default_rng(5))
    assert all(one.status.value == "ok" for one in found), found[0].message
    return found


def points(found: tuple[Estimate, ...]) -> F64:
    return np.array([one.estimate for one in found])


def errors(method: MultivariableMethod, found: tuple[Estimate, ...]) -> F64:
    """Standard errors; those that come from draws are left out."""
    return np.array([0.0 if method.key == "mv_median" else one.se for one in found])


@each
def test_counting_the_other_allele_changes_nothing(
    method: MultivariableMethod, data: Harmonised
) -> None:
    sign = np.where(np.random.default_rng(2).random(data.m) < 0.5, -1.0, 1.0)
    flipped = replace(data, beta_x=data.beta_x * sign[:, None], beta_y=data.beta_y * sign)
    plain, other = run(method, data), run(method, flipped)
    assert points(other) == pytest.approx(points(plain), rel=1e-7)
    assert errors(method, other) == pytest.approx(errors(method, plain), rel=1e-6)


@each
def test_an_exposure_in_other_units_has_an_effect_in_other_units(
    method: MultivariableMethod, data: Harmonised
) -> None:
    unit = np.array([10.0, 1.0])
    n_x = np.full(2, 1e4)
    scaled = replace(data, beta_x=data.beta_x * unit, se_x=data.se_x * unit, n_x=n_x)
    plain, other = run(method, data), run(method, scaled)
    assert points(other) * unit == pytest.approx(points(plain), rel=1e-7)
    assert errors(method, other) * unit == pytest.approx(errors(method, plain), rel=1e-6)


@each
def test_the_order_of_the_variants_does_not_matter(
    method: MultivariableMethod, data: Harmonised
) -> None:
    order = np.random.default_rng(3).permutation(data.m).astype(np.int64)
    plain, other = run(method, data), run(method, data.select(order))
    assert points(other) == pytest.approx(points(plain), rel=1e-7)
    assert errors(method, other) == pytest.approx(errors(method, plain), rel=1e-6)


@each
def test_the_order_of_the_exposures_does_not_matter(
    method: MultivariableMethod, data: Harmonised
) -> None:
    if method.key == "mv_egger":
        method = MultivariableEgger(orient_by="a")
    if method.key == "mv_lasso":
        method = MultivariableLasso(orient_by="a")
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
    few = simulate(2, [0.4, -0.2], seed=1)
    found = method.estimate(few, random=np.random.default_rng(1))
    assert [one.status.value for one in found] == ["too_few", "too_few"]
    assert found[0].message is not None
    assert "found 2" in found[0].message


@each
def test_exposures_that_repeat_each_other_are_a_status(
    method: MultivariableMethod, data: Harmonised
) -> None:
    twice = replace(data, beta_x=data.beta_x[:, [0, 0]] * np.array([1.0, 2.0]))
    found = method.estimate(twice, random=np.random.default_rng(1))
    assert {one.status.value for one in found} == {"not_identified"}


@each
def test_effects_of_zero_on_an_exposure_never_raise(
    method: MultivariableMethod, data: Harmonised
) -> None:
    x = data.beta_x.copy()
    x[3:, 1] = 0.0
    found = method.estimate(replace(data, beta_x=x), random=np.random.default_rng(1))
    assert len(found) == 2
    assert all(np.isfinite(one.estimate) or one.message for one in found)


def test_every_method_has_its_key_once_and_a_source() -> None:
    keys = [method.key for method in MULTIVARIABLE_METHODS]
    assert keys == [
        "mv_ivw",
        "mv_egger",
        "mv_median",
        "mv_lasso",
        "mv_cml",
        "mv_gmm",
        "mv_residual",
    ]
    assert all(method.reference.startswith("10.") for method in MULTIVARIABLE_METHODS)


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
