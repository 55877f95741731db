"""Confidence sets of ratios: roots of the tests, of every shape."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2

from proteomr._typing import F64
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.weak_instruments import RatioTests, clr_minus_log10_p

LEVEL = 1.301029995663981


def alone(x: F64, y: F64) -> RatioTests:
    return RatioTests(x, y, np.eye(x.size), np.eye(x.size))


def correlated(seed: int, m: int, strength: float) -> RatioTests:
    random = np.random.default_rng(seed)
    r = 0.5 ** np.abs(np.subtract.outer(np.arange(m), np.arange(m)))
    of_x, of_y = (s[:, None] * r * s for s in random.uniform(0.5, 2.0, (2, m)))
    x = strength * random.normal(size=m) + np.linalg.cholesky(of_x) @ random.normal(size=m)
    y = 0.5 * x + np.linalg.cholesky(of_y) @ random.normal(size=m)
    return RatioTests(x, y, of_x, of_y)


@pytest.mark.parametrize("strength", [0.0, 0.5, 2.0, 20.0])
@pytest.mark.parametrize("seed", range(2))
def test_a_set_holds_just_the_ratios_of_p_above_its_level(seed: int, strength: float) -> None:
    tests = correlated(seed, 4, strength)
    sets = tests.find_sets(level=0.95)
    sets["k"] = (*sets["k"], *sets.get("k_misfit", ()))
    for ratio in np.tan(np.linspace(-1.57, 1.57, 101)):
        p = tests.measure(float(ratio))
        for name in ("clr", "k", "ar"):
            inside = any(low <= ratio <= high for low, high in sets[name])
            assert inside == (p[name] < LEVEL) or abs(p[name] - LEVEL) < 1e-6, (name, ratio)


def test_ends_are_roots() -> None:
    tests = correlated(3, 5, 8.0)
    for name, parts in tests.find_sets(level=0.95).items():
        for end in (end for part in parts for end in part if math.isfinite(end)):
            found = tests.measure(end)["k" if name == "k_misfit" else name]
            assert found == pytest.approx(LEVEL, abs=1e-9)


def test_a_set_is_the_whole_line_without_an_instrument_and_empty_where_nothing_fits() -> None:
    nothing = alone(np.zeros(3), np.full(3, 0.1)).find_sets(level=0.95)
    assert nothing["ar"] == ((-math.inf, math.inf),)
    split = alone(np.array([30.0, 30.0, 1.0]), np.array([30.0, -30.0, 1.0]))
    assert split.find_sets(level=0.95)["ar"] == ()


def test_a_weak_instrument_gives_a_set_with_a_hole_around_what_it_excludes() -> None:
    one = alone(np.array([1.0]), np.array([4.0])).find_sets(level=0.95)["ar"]
    assert len(one) == 2
    assert one[0][0] == -math.inf
    assert one[1][1] == math.inf
    assert one[0][1] < 0.0 < one[1][0]


def test_with_one_instrument_all_tests_are_fiellers() -> None:
    x, y = 6.0, 3.0
    sets = alone(np.array([x]), np.array([y])).find_sets(level=0.95)
    c = 3.841458820694124
    root = math.sqrt((x * y) ** 2 - (x**2 - c) * (y**2 - c))
    ends = ((x * y - root) / (x**2 - c), (x * y + root) / (x**2 - c))
    for name in ("clr", "k", "ar"):
        assert sets[name][0] == pytest.approx(ends, rel=1e-9)


@pytest.mark.parametrize(("statistic", "strength", "m"), [(4.5, 3.0, 5), (8.0, 50.0, 12)])
def test_p_of_the_likelihood_ratio_is_its_share_of_draws(
    statistic: float, strength: float, m: int
) -> None:
    random = np.random.default_rng(1)
    along = random.normal(size=400_000) ** 2
    qs = along + random.chisquare(m - 1, 400_000)
    half = 0.5 * (qs - strength + np.sqrt((qs - strength) ** 2 + 4.0 * along * strength))
    share = float(np.mean(half > statistic))
    p = 10.0 ** -clr_minus_log10_p(statistic, strength, m)
    assert p == pytest.approx(share, abs=4.0 * math.sqrt(share / 400_000))


def test_p_goes_from_chi_squares_of_all_to_one_with_the_strength() -> None:
    assert 10 ** -clr_minus_log10_p(6.0, 1e-9, 6) == pytest.approx(chi2.sf(6.0, 6), rel=1e-6)
    assert 10 ** -clr_minus_log10_p(6.0, 1e9, 6) == pytest.approx(chi2.sf(6.0, 1), rel=1e-6)
    far = float(neg_log10_p_chi2(2_000.0, 1.0))
    assert clr_minus_log10_p(2_000.0, 1e5, 6) == pytest.approx(far, rel=0.02)
