"""Mixtures of effects over the genome: densities by a slow loop, weights and correlation found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from proteomr._typing import F64
from proteomr.stats.compiled_sharing_loops import fill_component_densities, score_correlation
from proteomr.stats.effect_mixtures import (
    EffectMixture,
    Estimates,
    fit_effect_mixture,
    list_sizes,
)
from proteomr.stats.mixture_weights import fit_mixture_weights

VAR_X, VAR_Y = np.array([0.0, 0.04, 0.0, 0.09]), np.array([0.0, 0.0, 0.01, 0.25])
WEIGHTS = np.array([0.7, 0.1, 0.15, 0.05])


def draw(n: int, *, rho: float, seed: int, slope: float = 0.0) -> Estimates:
    random = np.random.default_rng(seed)
    of = random.choice(4, n, p=WEIGHTS)
    beta, theta = random.normal(0, np.sqrt(VAR_X[of])), random.normal(0, np.sqrt(VAR_Y[of]))
    sx, sy = random.uniform(0.02, 0.06, n), random.uniform(0.03, 0.05, n)
    one, two = random.standard_normal((2, n))
    y = slope * beta + theta + sy * (rho * one + math.sqrt(1 - rho**2) * two)
    return Estimates(beta + sx * one, sx, y, sy)


def density(data: Estimates, j: int, k: int, *, slope: float, rho: float) -> float:
    """The density of one variant under one component, as the model is written."""
    turn = np.array([[1.0, 0.0], [slope, 1.0]])
    shared = rho * data.sx[j] * data.sy[j]
    errors = np.array([[data.sx[j] ** 2, shared], [shared, data.sy[j] ** 2]])
    covariance = turn @ np.diag([VAR_X[k], VAR_Y[k]]) @ turn.T + errors
    return float(multivariate_normal.pdf([data.x[j], data.y[j]], [0, 0], covariance))


@pytest.mark.parametrize("slope", [0.0, 0.7, -3.0])
def test_densities_along_a_slope_are_those_of_the_obvious_loop(slope: float) -> None:
    data = draw(60, rho=0.3, seed=1)
    mixture = EffectMixture(VAR_X, VAR_Y, WEIGHTS, 0.3, 0.0, 0.0, proven=True)
    found = mixture.log_densities(data, np.array([slope]))[0] - math.log(2 * math.pi)
    slow = [
        math.log(sum(w * density(data, j, k, slope=slope, rho=0.3) for k, w in enumerate(WEIGHTS)))
        for j in range(data.n)
    ]
    assert found == pytest.approx(slow, rel=1e-10, abs=1e-10)


def test_densities_of_components_are_those_of_the_obvious_loop() -> None:
    data = draw(30, rho=-0.4, seed=2)
    found = np.empty((30, 4))
    fill_component_densities(
        data.x, data.sx, data.y, data.sy, -0.4, VAR_X, VAR_Y, found
    )  # fmt: skip
    slow = [[density(data, j, k, slope=0.0, rho=-0.4) for k in range(4)] for j in range(30)]
    assert found - math.log(2 * math.pi) == pytest.approx(np.log(slow), rel=1e-10, abs=1e-10)


def test_the_score_of_the_correlation_is_the_slope_of_the_likelihood() -> None:
    data = draw(400, rho=0.2, seed=3)

    def measure(rho: float) -> F64:
        arrays = (data.x, data.sx, data.y, data.sy)
        return np.array(score_correlation(*arrays, rho, VAR_X, VAR_Y, WEIGHTS))

    step = 1e-6
    numeric = (measure(0.1 + step)[0] - measure(0.1 - step)[0]) / (2 * step)
    assert measure(0.1)[1] == pytest.approx(numeric, rel=1e-6)


def test_weights_and_correlation_of_a_genome_are_found() -> None:
    found = fit_effect_mixture(draw(40_000, rho=0.25, seed=4))
    assert found.proven
    assert found.rho == pytest.approx(0.25, abs=0.02)
    assert found.null_share == pytest.approx(0.7, abs=0.06)
    x_alone = found.weights[(found.var_x > 0) & (found.var_y == 0)].sum()
    both = found.weights[(found.var_x > 0) & (found.var_y > 0)].sum()
    assert x_alone + both == pytest.approx(0.15, abs=0.04)
    assert found.weights @ found.var_x == pytest.approx(WEIGHTS @ VAR_X, rel=0.1)
    assert found.weights @ found.var_y == pytest.approx(WEIGHTS @ VAR_Y, rel=0.1)


def test_no_other_weights_are_more_likely() -> None:
    """The bound is held against weights drawn at random near those found."""
    data = draw(3_000, rho=0.0, seed=5)
    found = fit_effect_mixture(data)
    assert found.proven
    assert found.gap < 1e-4
    logs = np.empty((data.n, found.weights.size))
    arrays = (data.x, data.sx, data.y, data.sy)
    fill_component_densities(*arrays, found.rho, found.var_x, found.var_y, logs)
    null = (found.var_x == 0) & (found.var_y == 0)

    def value(weights: F64) -> float:
        prior = 9.0 * np.log(weights[null].sum())
        return float(np.log(np.exp(logs - logs.max()) @ weights).sum() + prior)

    random, best = np.random.default_rng(6), value(found.weights)
    for _ in range(200):
        other = found.weights * np.exp(0.1 * random.standard_normal(found.weights.size))
        assert value(other / other.sum()) <= best + found.gap


def test_a_dirichlet_prior_counts_as_rows_of_a_component() -> None:
    logs = np.log(np.random.default_rng(7).uniform(0.1, 1.0, (50, 3)))
    weights, proven = fit_mixture_weights(logs, prior=np.array([9.0, 0.0, 0.0]))
    rows = np.vstack([logs, np.tile([0.0, -700.0, -700.0], (9, 1))])
    same, also = fit_mixture_weights(rows)
    assert proven
    assert also
    assert weights == pytest.approx(same, abs=1e-6)


@pytest.mark.parametrize("size", [9.0, 12.0, 17.0, 30.0, 100.0, 1e3, 1e4])
@pytest.mark.parametrize("seed", range(4))
def test_a_component_of_one_row_is_weighed_where_the_likelihood_sees_no_gain(
    size: float, seed: int
) -> None:
    """By slopes: what it adds to the likelihood of all is below its rounding."""
    z = np.random.default_rng(seed).standard_normal(9_000)
    z[::10] *= 4.0
    z[5] = size
    variances = 1.0 + np.concatenate([[0.0], 0.1 * 2.0 ** np.arange(0.0, 28.0)])
    logs = -0.5 * (np.log(variances) + z[:, None] ** 2 / variances)
    for prior in (None, np.where(variances == 1.0, 9.0, 0.0)):
        weights, proven = fit_mixture_weights(logs, prior=prior)
        assert proven
        assert weights.min() >= 0.0
        again, also = fit_mixture_weights(logs, prior=prior, start=weights)
        assert also
        np.testing.assert_allclose(again, weights, atol=1e-5)


def test_the_grid_of_sizes_spans_errors_and_effects_and_refuses_to_span_all_numbers() -> None:
    sizes = list_sizes(np.array([0.0, 3.0]), np.array([0.5, 1.0]))
    assert sizes[0] == 0.0
    assert 0.05 <= sizes[1] < 0.1
    assert sizes[-1] == pytest.approx(2.0 * math.sqrt(8.0))
    with pytest.raises(ArithmeticError, match="more than a grid of sizes can span"):
        list_sizes(np.array([1.0, 2.0]), np.array([1e-200, 1.0]))


@pytest.mark.parametrize("size", [30.0, 300.0, 6000.0])
@pytest.mark.parametrize("traits", ["x", "y", "xy"])
def test_one_variant_as_strong_as_that_of_a_protein_moves_no_correlation(
    size: float, traits: str
) -> None:
    """Its size has too little weight to be among those begun with, which the search followed."""
    data = draw(12_000, rho=0.5, seed=4)
    plain = fit_effect_mixture(data)
    x, y = data.x.copy(), data.y.copy()
    if "x" in traits:
        x[5] = size * data.sx[5]
    if "y" in traits:
        y[5] = size * data.sy[5]
    found = fit_effect_mixture(Estimates(x, data.sx, y, data.sy))
    assert plain.proven
    assert found.proven
    assert found.rho == pytest.approx(plain.rho, abs=0.02)
    assert found.null_share == pytest.approx(plain.null_share, abs=0.05)
