"""Tails of importance ratios: shapes that are known, and weights that are drawn in."""

from __future__ import annotations

import math

import numpy as np
import pytest

from proteomr.stats.pareto_smoothing import fit_generalised_pareto, smooth_log_ratios


@pytest.mark.parametrize("shape", [-0.4, -0.1, 0.2, 0.5, 0.9, 1.5])
def test_the_shape_and_the_scale_of_a_large_sample_are_found(shape: float) -> None:
    p = (np.arange(20_000) + 0.5) / 20_000
    excesses = 3.0 * np.expm1(-shape * np.log1p(-p)) / shape
    found, scale = fit_generalised_pareto(excesses)
    assert found == pytest.approx(shape, abs=0.02)
    assert scale == pytest.approx(3.0, rel=0.03)


def test_the_scale_of_the_excesses_changes_the_scale_alone() -> None:
    excesses = np.sort(np.random.default_rng(1).pareto(2.0, 300))
    shape, scale = fit_generalised_pareto(excesses)
    other, wide = fit_generalised_pareto(1000.0 * excesses)
    assert other == pytest.approx(shape, rel=1e-10)
    assert wide == pytest.approx(1000.0 * scale, rel=1e-10)


def test_the_fit_is_near_that_of_maximum_likelihood() -> None:
    """Zhang and Stephens' estimate differs from the most likely shape by less than its error."""
    from scipy.stats import genpareto

    excesses = np.sort(genpareto.rvs(0.3, size=2000, random_state=3))
    shape, scale = fit_generalised_pareto(excesses)
    likeliest, _, width = genpareto.fit(excesses, floc=0.0)
    assert shape == pytest.approx(likeliest, abs=0.2 * 1.3 / math.sqrt(2000))
    assert scale == pytest.approx(width, rel=0.02)


@pytest.mark.parametrize("shape", [0.2, 0.6, 1.2])
def test_ratios_of_a_known_tail_have_its_shape_drawn_to_a_half(shape: float) -> None:
    size = 40_000
    p = (np.arange(size) + 0.5) / size
    log_weights, k = smooth_log_ratios(-shape * np.log1p(-p))
    length = math.ceil(3.0 * math.sqrt(size))
    assert k == pytest.approx((length * shape + 5.0) / (length + 10.0), abs=0.05)
    assert np.exp(log_weights).sum() == pytest.approx(1.0)


def test_smoothed_weights_rise_with_the_ratios_and_none_is_above_the_largest() -> None:
    logs = 2.0 * np.random.default_rng(5).standard_normal(2000)
    log_weights, k = smooth_log_ratios(logs)
    order = np.argsort(logs)
    assert (np.diff(log_weights[order]) >= -1e-12).all()
    assert log_weights.max() <= (logs - np.logaddexp.reduce(logs)).max() + 0.5
    assert math.isfinite(k)


def test_a_constant_added_to_the_logarithms_changes_nothing() -> None:
    logs = np.random.default_rng(6).standard_normal(500)
    one, k = smooth_log_ratios(logs)
    other, same = smooth_log_ratios(logs + 700.0)
    assert np.allclose(one, other, atol=1e-10)
    assert k == pytest.approx(same, rel=1e-8)


@pytest.mark.parametrize("logs", [np.zeros(100), np.arange(4.0), np.zeros(1)])
def test_ratios_without_a_tail_stay_as_they_are(logs: np.ndarray) -> None:
    log_weights, k = smooth_log_ratios(logs)
    assert k == -math.inf
    assert np.allclose(log_weights, logs - np.logaddexp.reduce(logs))


def test_a_mean_by_smoothed_weights_is_nearer_than_by_raw_ones() -> None:
    """Draws of N(0, 1) for the mean of x^2 under N(0, 1.6^2), whose ratios have no variance."""
    away = np.zeros((2, 200))
    for seed in range(200):
        x = np.random.default_rng(seed).standard_normal(1000)
        logs = 0.5 * x**2 * (1.0 - 1.6**-2.0)
        smooth = np.exp(smooth_log_ratios(logs)[0])
        raw = np.exp(logs - np.logaddexp.reduce(logs))
        away[:, seed] = smooth @ x**2 - 2.56, raw @ x**2 - 2.56
    assert (away[0] ** 2).mean() < (away[1] ** 2).mean()
