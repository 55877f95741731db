"""Agreement of effects: correlations, their limits and effective numbers, lines with errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

from proteomr.stats.effect_agreement import (
    allowed_correlation,
    correlate,
    count_effective,
    fit_line_through_errors,
    limits_of_correlation,
)


def test_correlations_are_scipys_in_any_unit() -> None:
    g = np.random.default_rng(1)
    a, b = g.normal(size=40), g.normal(size=40)
    wanted = stats.pearsonr(a, b).statistic
    for unit in (1e-300, 1.0, 1e300):
        assert correlate(a * unit, b) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("odd", [np.array([1.0, 2.0]), np.array([3.0, 3.0, 3.0])])
def test_what_has_no_correlation_has_none(odd: np.ndarray) -> None:
    assert math.isnan(correlate(odd, np.arange(float(odd.size))))


def test_limits_are_fishers() -> None:
    g = np.random.default_rng(2)
    x, y = g.normal(size=(2, 30))
    r = stats.pearsonr(x, y)
    wanted = r.confidence_interval(0.9)
    assert limits_of_correlation(r.statistic, 30.0, level=0.9) == pytest.approx(tuple(wanted))
    assert all(map(math.isnan, limits_of_correlation(0.5, 3.0)))


def test_errors_allow_what_simulation_gives() -> None:
    g = np.random.default_rng(3)
    truth = g.normal(size=20_000)
    se_a, se_b = g.uniform(0.2, 1.2, truth.size), g.uniform(0.5, 1.0, truth.size)
    a, b = truth + se_a * g.normal(size=truth.size), truth + se_b * g.normal(size=truth.size)
    assert correlate(a, b) == pytest.approx(allowed_correlation((a, se_a), (b, se_b)), abs=0.015)
    assert math.isnan(allowed_correlation((a, se_a * 10.0), (b, se_b)))


def test_effective_numbers_of_blocks_of_equals() -> None:
    """Blocks of k copies: m^2 over m k is m / k, and one more."""
    g = np.random.default_rng(4)
    blocks = np.repeat(g.normal(size=(30, 4_000)), 5, axis=0)
    found = count_effective(blocks, np.ones(blocks.shape, dtype=bool))
    assert found == pytest.approx(31.0, rel=0.02)


def test_effective_numbers_of_independent_variables_are_near_their_number_with_few_people() -> None:
    g = np.random.default_rng(5)
    values = g.normal(size=(200, 50))
    observed = g.random(values.shape) < 0.9
    assert count_effective(values, observed) == pytest.approx(201.0, rel=0.1)


def test_limits_with_the_effective_number_cover_and_naive_ones_do_not() -> None:
    """Effects of two independent scans of correlated proteins without any true effect."""
    g = np.random.default_rng(6)
    m, n, rounds = 120, 200, 300
    factors = g.normal(size=(m, 4))
    covered = {"honest": 0, "naive": 0}
    people = factors @ g.normal(size=(4, 3_000)) + g.normal(size=(m, 3_000))
    effective = count_effective(people, np.ones(people.shape, dtype=bool))
    for _ in range(rounds):
        effects = []
        for _ in range(2):
            proteins = factors @ g.normal(size=(4, n)) + g.normal(size=(m, n))
            effects.append(proteins @ g.normal(size=n) / n)
        r = correlate(*effects)
        for name, count in (("honest", effective), ("naive", float(m))):
            low, high = limits_of_correlation(r, count)
            covered[name] += not low <= 0.0 <= high
    share = {name: 1 - missed / rounds for name, missed in covered.items()}
    assert share["naive"] < 0.8
    assert share["honest"] > 0.9


def test_lines_with_errors_in_both_have_the_least_squares_of_distances() -> None:
    g = np.random.default_rng(7)
    truth = g.normal(size=60)
    se_a, se_b = g.uniform(0.1, 0.5, 60), g.uniform(0.1, 0.5, 60)
    a, b = truth + se_a * g.normal(size=60), 0.3 + 1.4 * truth + se_b * g.normal(size=60)

    def distances(line: np.ndarray) -> float:
        rest = b - line[0] - line[1] * a
        return float(np.sum(rest**2 / (se_b**2 + line[1] ** 2 * se_a**2)))

    least = optimize.minimize(
        distances, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-11, "fatol": 1e-13}
    )
    line = fit_line_through_errors(a, se_a, b, se_b)
    assert line is not None
    assert line.intercept == pytest.approx(least.x[0], rel=1e-6)
    assert line.slope == pytest.approx(least.x[1], rel=1e-7)
    assert line.scatter**2 * 58 == pytest.approx(least.fun, rel=1e-9)


def test_a_line_turns_with_its_axes() -> None:
    g = np.random.default_rng(8)
    a, b = g.normal(size=(2, 30))
    b += 2.0 * a
    se_a, se_b = g.uniform(0.1, 0.5, (2, 30))
    one, other = (
        fit_line_through_errors(a, se_a, b, se_b),
        fit_line_through_errors(b, se_b, a, se_a),
    )
    assert one is not None
    assert other is not None
    assert one.slope * other.slope == pytest.approx(1.0, rel=1e-9)


def test_slopes_are_unbiased_where_least_squares_are_not() -> None:
    g = np.random.default_rng(9)
    slopes, errors, plain = [], [], []
    for _ in range(300):
        truth = g.normal(size=100)
        a, b = truth + 0.7 * g.normal(size=100), truth + 0.7 * g.normal(size=100)
        line = fit_line_through_errors(a, np.full(100, 0.7), b, np.full(100, 0.7))
        assert line is not None
        slopes.append(line.slope)
        errors.append(line.slope_se)
        plain.append(float(np.polyfit(a, b, 1)[0]))
    assert np.median(slopes) == pytest.approx(1.0, abs=0.03)
    assert np.mean(errors) == pytest.approx(np.std(slopes), rel=0.2)
    assert np.mean(plain) < 0.75


def test_points_without_a_line_have_none() -> None:
    flat, ones = np.full(5, 2.0), np.ones(5)
    assert fit_line_through_errors(flat, ones, np.arange(5.0), ones) is None
    assert fit_line_through_errors(np.arange(2.0), ones[:2], np.arange(2.0), ones[:2]) is None
