"""Corrections of chosen effects: by brute force, by R, and on effects that are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from proteomr._typing import F64
from proteomr.stats.winners_curse import (
    correct_by_density,
    correct_by_fdr,
    correct_conditionally,
    limit_conditionally,
    weigh_conditionally,
)

STORED = json.loads((Path(__file__).parent / "winners_curse.json").read_text())


def draw(seed: int, *, share: float, spread: float, tests: int = 2920) -> tuple[F64, F64]:
    g = np.random.default_rng(seed)
    mu = np.where(g.random(tests) < share, g.normal(0, spread, tests), 0.0)
    return mu, mu + g.normal(size=tests)


def test_fdr_gives_the_z_of_adjusted_p_values_as_r_does() -> None:
    assert np.allclose(correct_by_fdr(np.array(STORED["z"])), STORED["fiqt"], rtol=1e-9, atol=1e-12)


def test_the_density_of_all_gives_what_r_does() -> None:
    found = correct_by_density(np.array(STORED["z"]))
    assert np.allclose(found, STORED["bayes"], rtol=1e-7, atol=1e-9)


def test_fdr_keeps_what_no_double_can_hold_as_p() -> None:
    found = correct_by_fdr(np.array([60.0, -80.0, 0.1]))
    assert found == pytest.approx([59.99, -79.99, 0.1], abs=0.02)


@pytest.mark.parametrize("threshold", [1.96, 4.3, 12.0])
@pytest.mark.parametrize("excess", [0.01, 0.4, 2.0, 9.0])
def test_the_conditional_estimate_is_where_the_likelihood_is_highest(
    threshold: float, excess: float
) -> None:
    z = threshold + excess

    def minus_log(mu: float) -> float:
        beyond = np.logaddexp(norm.logsf(threshold - mu), norm.logcdf(-threshold - mu))
        return float(beyond - norm.logpdf(z - mu))

    best = minimize_scalar(minus_log, bounds=(0.0, z), method="bounded", options={"xatol": 1e-9})
    found = correct_conditionally(np.array([z, -z]), threshold=threshold)
    assert found == pytest.approx([best.x, -best.x], abs=2e-4)
    assert minus_log(found[0]) <= minus_log(best.x) + 1e-12


def test_conditional_limits_leave_the_tails_that_they_should() -> None:
    z, threshold = np.array([4.31, 5.0, 7.5]), 4.3
    low, high = limit_conditionally(z, threshold=threshold)
    for one, limits in zip(z, zip(low, high, strict=True), strict=True):
        tails = [
            norm.sf(one - m) / (norm.sf(threshold - m) + norm.cdf(-threshold - m)) for m in limits
        ]
        assert tails == pytest.approx([0.025, 0.975], rel=1e-8)
    turned = limit_conditionally(-z, threshold=threshold)
    assert np.allclose(turned[0], -high)
    assert np.allclose(turned[1], -low)


def test_conditional_limits_cover_the_truth_of_what_was_chosen() -> None:
    g = np.random.default_rng(4)
    mu = np.repeat([0.0, 1.5, 3.0, 5.0], 20_000)
    z = mu + g.normal(size=mu.size)
    chosen = z > 2.5
    low, high = limit_conditionally(z[chosen], threshold=2.5)
    both = (low <= mu[chosen]) & (mu[chosen] <= high)
    # those chosen on the other side are left out here, which no mean above 0 notices
    assert np.mean(both[mu[chosen] >= 1.5]) == pytest.approx(0.95, abs=0.006)


def test_effects_that_were_chosen_lose_their_bias() -> None:
    """20 draws of a proteome; benchmarks/winners_curse_truth.py has more designs and draws."""
    threshold = float(norm.isf(0.025 / 2920))
    totals = dict.fromkeys(("truth", "raw", "fdr", "density", "weighted"), 0.0)
    for seed in range(20):
        mu, z = draw(seed, share=0.5, spread=3.0)
        hit = np.abs(z) > threshold
        conditional = correct_conditionally(z[hit], threshold=threshold)
        found = {
            "truth": mu[hit],
            "raw": z[hit],
            "fdr": correct_by_fdr(z)[hit],
            "density": correct_by_density(z)[hit],
            "weighted": weigh_conditionally(z[hit], conditional),
        }
        for name, values in found.items():
            totals[name] += float(np.sum(values * np.sign(z[hit])))
    bias = {name: total / totals["truth"] - 1.0 for name, total in totals.items()}
    assert bias["raw"] > 0.08
    assert abs(bias["fdr"]) < 0.05
    assert abs(bias["density"]) < 0.05
    assert abs(bias["weighted"]) < 0.07


def test_few_tests_have_no_density() -> None:
    assert np.all(np.isnan(correct_by_density(np.linspace(-2, 2, 49))))


def test_what_is_no_number_is_no_test() -> None:
    z = np.random.default_rng(1).normal(size=200)
    with_gap = np.insert(z, 50, np.nan)
    for correct in (correct_by_fdr, correct_by_density):
        found = correct(with_gap)
        assert np.isnan(found[50])
        assert np.allclose(np.delete(found, 50), correct(z), rtol=1e-12)
