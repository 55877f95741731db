"""Clusters of ratios: the maximum of their likelihood, what moves them and what must not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.random import Generator
from scipy.optimize import minimize

from proteomr._typing import F64
from proteomr.stats.slope_clusters import cluster_slopes


def draw(
    random: Generator, m: int, *, slopes: tuple[float, ...], shares: tuple[float, ...]
) -> tuple[F64, F64, F64]:
    errors = random.uniform(0.02, 0.08, m)
    kind = random.choice(len(slopes), m, p=shares)
    true = np.asarray(slopes)[kind]
    return random.normal(true, errors), errors, true


def log_likelihood(ratios: F64, errors: F64, weights: F64, means: F64) -> float:
    """Return the likelihood as the model is written."""
    centre = float(np.median(ratios))
    scale = max(math.sqrt(np.mean((ratios - centre) ** 2)), 4 * float(np.median(errors)))
    t = (ratios - centre) / scale
    density = weights[0] * bell(ratios / errors) / errors
    density += weights[1] * 0.375 * (1 + t**2 / 4) ** -2.5 / scale  # Student's t of 4
    for weight, mean in zip(weights[2:], means, strict=True):
        density += weight * bell((ratios - mean) / errors) / errors
    return float(np.log(density).sum())


def bell(z: F64) -> F64:
    return np.asarray(np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi))


def climb_from_anywhere(ratios: F64, errors: F64, k: int, random: Generator) -> float:
    """Return the highest likelihood that a general optimiser finds from random starts."""

    def cost(state: F64) -> float:
        logits = np.append(0.0, state[: k + 1])
        weights = np.exp(logits - np.logaddexp.reduce(logits))
        return -log_likelihood(ratios, errors, weights, state[k + 1 :])

    best = -math.inf
    for _ in range(6):
        start = np.append(np.zeros(k + 1), random.choice(ratios, k))
        best = max(best, -float(minimize(cost, start, method="BFGS").fun))
    return best


@pytest.mark.parametrize("seed", range(3))
def test_no_random_start_finds_a_higher_likelihood(seed: int) -> None:
    random = np.random.default_rng(seed)
    ratios, errors, _ = draw(random, 25, slopes=(0.0, 0.4, -0.3), shares=(0.3, 0.4, 0.3))
    found = cluster_slopes(ratios, errors)
    own = log_likelihood(ratios, errors, found.weights, found.means)
    assert found.proven
    assert found.log_likelihood == pytest.approx(own, abs=1e-9)
    assert found.bic == pytest.approx((2 * found.means.size + 1) * math.log(25) - 2 * own)
    assert climb_from_anywhere(ratios, errors, found.means.size, random) <= own + 1e-6


def test_errors_are_those_of_the_numerical_curvature() -> None:
    random = np.random.default_rng(5)
    ratios, errors, _ = draw(random, 60, slopes=(0.0, 0.15, -0.3), shares=(0.3, 0.4, 0.3))
    found = cluster_slopes(ratios, errors)
    free = np.flatnonzero(found.weights > 0)
    k = found.means.size

    def at(state: F64) -> float:
        weights = np.zeros(k + 2)
        weights[free[1:]] = state[: free.size - 1]
        weights[free[0]] = 1 - weights.sum()
        return log_likelihood(ratios, errors, weights, state[free.size - 1 :])

    best = np.append(found.weights[free[1:]], found.means)
    steps = 1e-4 * np.eye(best.size)
    hessian = np.array(
        [
            [
                (at(best + a + b) - at(best + a - b) - at(best - a + b) + at(best - a - b)) / 4e-8
                for a in steps
            ]
            for b in steps
        ]
    )
    errors_numerical = np.sqrt(np.diag(np.linalg.inv(-hessian)))[free.size - 1 :]
    np.testing.assert_allclose(found.errors, errors_numerical, rtol=1e-3)


def test_order_and_unit_change_nothing_but_order_and_unit() -> None:
    random = np.random.default_rng(2)
    ratios, errors, _ = draw(random, 40, slopes=(0.0, 0.4), shares=(0.5, 0.5))
    plain = cluster_slopes(ratios, errors)
    order = random.permutation(40)
    shuffled = cluster_slopes(ratios[order], errors[order])
    np.testing.assert_array_equal(shuffled.means, plain.means)
    np.testing.assert_array_equal(shuffled.probabilities, plain.probabilities[order])
    for unit in (2.0**-900, 2.0**900):
        scaled = cluster_slopes(unit * ratios, unit * errors)
        np.testing.assert_array_equal(scaled.means, unit * plain.means)
        np.testing.assert_array_equal(scaled.probabilities, plain.probabilities)
        assert scaled.bic - scaled.bic_none == pytest.approx(plain.bic - plain.bic_none)


def test_the_mirrored_outcome_has_mirrored_clusters() -> None:
    random = np.random.default_rng(3)
    ratios, errors, _ = draw(random, 40, slopes=(0.0, 0.4, 0.8), shares=(0.3, 0.4, 0.3))
    plain, mirrored = cluster_slopes(ratios, errors), cluster_slopes(-ratios, errors)
    np.testing.assert_allclose(mirrored.means, -plain.means, rtol=1e-5)
    np.testing.assert_allclose(mirrored.probabilities, plain.probabilities, atol=1e-5)


def test_probabilities_sum_to_one_and_average_to_the_weights() -> None:
    random = np.random.default_rng(4)
    ratios, errors, _ = draw(random, 50, slopes=(0.0, 0.4), shares=(0.5, 0.5))
    found = cluster_slopes(ratios, errors)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(found.probabilities.mean(axis=0), found.weights, atol=1e-5)
    assert list(found.weights[2:]) == sorted(found.weights[2:], reverse=True)


@pytest.mark.parametrize("m", [4, 5, 30])
def test_ratios_that_agree_are_one_cluster_and_ratios_of_zero_are_none(m: int) -> None:
    agree = cluster_slopes(np.full(m, 0.5), np.full(m, 0.02))
    assert agree.proven
    np.testing.assert_allclose(agree.means, [0.5], rtol=1e-9)
    np.testing.assert_allclose(agree.errors, [0.02 / math.sqrt(m)], rtol=1e-6)
    zero = cluster_slopes(np.zeros(m), np.full(m, 0.02))
    assert zero.proven
    assert zero.means.size == 0


def test_an_outlier_of_any_size_is_an_outlier() -> None:
    ratios = np.append(np.full(12, 0.3), 1e6)
    found = cluster_slopes(ratios, np.full(13, 0.02))
    assert found.proven
    assert found.probabilities[-1].argmax() != 2
    np.testing.assert_allclose(found.means[0], 0.3, rtol=1e-9)


def test_under_no_effect_clusters_are_found_in_few_sets() -> None:
    random = np.random.default_rng(6)
    sets = [draw(random, 30, slopes=(0.0,), shares=(1.0,)) for _ in range(40)]
    clusters = [cluster_slopes(ratios, errors).means.size for ratios, errors, _ in sets]
    assert np.count_nonzero(clusters) <= 4


def test_two_slopes_are_recovered_with_limits_that_hold_them() -> None:
    random = np.random.default_rng(7)
    held = right = count = 0
    for _ in range(25):
        slopes = (0.0, 0.4, -0.3)
        ratios, errors, true = draw(random, 60, slopes=slopes, shares=(0.3, 0.4, 0.3))
        found = cluster_slopes(ratios, errors)
        if found.means.size != 2:
            continue
        order = np.argsort(found.means)
        expected = np.array([-0.3, 0.4])
        within = np.abs(found.means[order] - expected) < 1.96 * found.errors[order]
        named = np.concatenate([[0.0, np.nan], found.means])[found.probabilities.argmax(axis=1)]
        right += int(np.sum(np.abs(named - true) < 0.1))
        held += int(within.sum())
        count += 1
    assert count >= 18
    assert held / (2 * count) > 0.86
    assert right / (60 * count) > 0.97
