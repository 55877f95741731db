"""Regressions on several variants from regressions on each: those of the same people, exactly."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.stats.joint_effects import (
    SimpleEffects,
    estimate_response_variance,
    fit_jointly,
    from_frequencies,
    from_sizes,
    insert_into_median,
    select,
)
from proteomr.status import Status

HERE = Path(__file__).parent


def correlate(x: F64) -> F64:
    """Return the correlations of columns."""
    return np.asarray(np.corrcoef(x.T), dtype=np.float64)


def regress_singly(x: F64, y: F64) -> tuple[F64, F64]:
    """Return effects and errors of regressions of y on each column of x."""
    n = y.size
    centred, response = x - x.mean(axis=0), y - y.mean()
    squares = (centred**2).sum(axis=0)
    beta = centred.T @ response / squares
    left = (response**2).sum() - beta**2 * squares
    return beta, np.sqrt(left / (n - 2) / squares)


def regress_jointly(x: F64, y: F64) -> tuple[F64, F64]:
    """Return effects and errors of the regression of y on all columns of x."""
    design = np.column_stack([np.ones(y.size), x])
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ y
    left = y - design @ beta
    variance = left @ left / (y.size - design.shape[1])
    return beta[1:], np.sqrt(variance * np.diag(inverse)[1:])


def draw_people(seed: int, n: int = 400, m: int = 6) -> tuple[F64, F64]:
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n, 1))
    x = np.clip(np.round(1 + 0.7 * shared + 0.6 * rng.standard_normal((n, m))), 0, 2)
    y = x @ rng.normal(0, 0.5, m) + rng.standard_normal(n)
    return x, y


def test_joint_effects_are_those_of_lm() -> None:
    people = pl.read_csv(HERE / "joint_effects.csv")
    stored = json.loads((HERE / "joint_effects.json").read_text("utf-8"))
    x = people.select(pl.selectors.starts_with("x")).to_numpy().astype(np.float64)
    simple = from_sizes(
        np.array(stored["single"]["estimate"]),
        np.array(stored["single"]["se"]),
        n=np.full(x.shape[1], float(people.height)),
    )
    found = fit_jointly(simple, correlate(x))
    assert found.effects * simple.unit == pytest.approx(stored["joint"]["estimate"], rel=1e-10)
    assert found.errors * simple.unit == pytest.approx(stored["joint"]["se"], rel=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_joint_effects_are_those_of_the_same_people(seed: int) -> None:
    x, y = draw_people(seed)
    simple = from_sizes(*regress_singly(x, y), n=np.full(x.shape[1], float(y.size)))
    found = fit_jointly(simple, correlate(x))
    beta, se = regress_jointly(x, y)
    assert found.effects * simple.unit == pytest.approx(beta, rel=1e-10)
    assert found.errors * simple.unit == pytest.approx(se, rel=1e-10)


def test_effective_sizes_are_exact_where_frequencies_tell_the_variances() -> None:
    x, y = draw_people(1)
    x *= 0.5  # no frequency tells a variance above a half
    beta, se = regress_singly(x, y)
    n = np.full(x.shape[1], float(y.size))
    eaf = 0.5 - np.sqrt(0.25 - 0.5 * x.var(axis=0, ddof=1))
    variance = estimate_response_variance(beta, se, n=n, eaf=eaf)
    simple = from_frequencies(beta, se, eaf=eaf, variance=variance)
    assert variance == pytest.approx(y.var(ddof=1), rel=1e-10)
    assert simple.n == pytest.approx(n, rel=1e-10)
    found = fit_jointly(simple, correlate(x))
    expected, errors = regress_jointly(x, y)
    assert found.effects * simple.unit == pytest.approx(expected, rel=1e-10)
    assert found.errors * simple.unit == pytest.approx(errors, rel=1e-10)


def test_effective_sizes_come_near_in_equilibrium() -> None:
    rng = np.random.default_rng(2)
    x = rng.binomial(2, 0.3, (20_000, 3)).astype(np.float64)
    x[:, 1] = np.where(rng.random(20_000) < 0.6, x[:, 0], x[:, 1])
    y = x @ np.array([0.2, -0.1, 0.1]) + rng.standard_normal(20_000)
    beta, se = regress_singly(x, y)
    eaf = x.mean(axis=0) / 2
    variance = estimate_response_variance(beta, se, n=np.full(3, 2e4), eaf=eaf)
    simple = from_frequencies(beta, se, eaf=eaf, variance=variance)
    found = fit_jointly(simple, correlate(x))
    expected, errors = regress_jointly(x, y)
    assert np.abs(found.effects * simple.unit - expected).max() < 0.25 * errors.max()


def test_variants_of_fewer_people_share_those_alone() -> None:
    simple = SimpleEffects(np.array([0.2, 0.1]), np.array([1001.0, 501.0]), np.ones(2))
    found = fit_jointly(simple, np.array([[1.0, 0.5], [0.5, 1.0]]))
    gram = np.array([[1000.0, 250.0], [250.0, 500.0]])
    assert found.effects == pytest.approx(np.linalg.solve(gram, [200.0, 50.0]), rel=1e-13)
    explained = found.effects @ np.array([200.0, 50.0])
    assert found.residual == pytest.approx((750.0 - explained) / 748.0, rel=1e-12)


def test_one_variant_has_the_effect_it_had() -> None:
    simple = from_sizes(np.array([0.3]), np.array([0.02]), n=np.array([1000.0]))
    found = fit_jointly(simple, np.eye(1))
    assert found.effects * simple.unit == pytest.approx([0.3], rel=1e-13)
    assert found.errors * simple.unit == pytest.approx([0.02], rel=1e-13)


@settings(max_examples=40, deadline=None)
@given(
    z=st.floats(-1e4, 1e4),
    n=st.floats(3, 1e8),
    se=st.floats(-300, 300).map(lambda x: 10.0**x),
)
def test_no_scale_loses_an_effect(z: float, n: float, se: float) -> None:
    beta = z * se
    if not np.isfinite(beta):
        return
    simple = from_sizes(np.array([beta]), np.array([se]), n=np.array([n]))
    assert abs(simple.rho[0]) <= 1
    assert simple.rho[0] * simple.unit[0] == pytest.approx(beta, rel=1e-12)


def test_variants_that_explain_more_than_all_are_a_status() -> None:
    simple = SimpleEffects(np.array([0.8, -0.8]), np.full(2, 500.0), np.ones(2))
    found = fit_jointly(simple, np.array([[1.0, 0.6], [0.6, 1.0]]))
    assert found.status is Status.not_identified
    assert np.isnan(found.effects).all()


def test_correlations_that_cannot_be_are_a_status() -> None:
    simple = SimpleEffects(np.zeros(3), np.full(3, 500.0), np.ones(3))
    r = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    assert fit_jointly(simple, r).status is Status.collinear
    assert fit_jointly(select(simple, np.arange(2)), np.ones((2, 2))).status is Status.collinear


def test_few_people_are_a_status() -> None:
    simple = SimpleEffects(np.zeros(2), np.full(2, 3.0), np.ones(2))
    assert fit_jointly(simple, np.eye(2)).status is Status.too_few


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.floats(0, 100), max_size=7),
    more=st.lists(st.floats(0, 100), min_size=1, max_size=4),
)
def test_medians_with_one_more_are_medians(sizes: list[float], more: list[float]) -> None:
    found = insert_into_median(np.array(sizes), np.array(more))
    assert found == pytest.approx([float(np.median([*sizes, each])) for each in more])


def test_no_frequency_is_refused() -> None:
    with pytest.raises(InputError, match="frequency"):
        estimate_response_variance(np.ones(1), np.ones(1), n=np.full(1, 9.0), eaf=np.zeros(1))
