from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from proteomr.stats.group_differences import estimate_rate
from proteomr.stats.incidence_rates import compare_rates, limit_rate


@pytest.mark.parametrize("events", [0.0, 1.0, 7.0, 400.0])
def test_limits_of_counts_are_those_of_poisson(events: float) -> None:
    exact = estimate_rate(events, 50.0)
    found = limit_rate(events, 50.0, squares=events, largest=1.0)
    assert found == pytest.approx((exact.low, exact.high))


def test_limits_of_weighted_sums_do_not_depend_on_their_unit() -> None:
    first = limit_rate(6.5, 90.0, squares=9.25, largest=2.0)
    second = limit_rate(65.0, 900.0, squares=925.0, largest=20.0)
    assert first == pytest.approx(second)


def test_two_counts_have_the_exact_binomial_p() -> None:
    generator = np.random.default_rng(3)
    for _ in range(60):
        a, b = (int(k) for k in generator.integers(0, 60, 2))
        T = float(generator.uniform(0.2, 5.0))
        if a + b:
            found = compare_rates((a, T, a), (b, 1.0, b))
            expected = binomtest(a, a + b, T / (T + 1.0)).pvalue
            assert 10.0**-found.neg_log10_p == pytest.approx(expected, rel=1e-9)


def test_a_p_below_all_doubles_is_told() -> None:
    found = compare_rates((4000.0, 1.0, 4000.0), (1.0, 1.0, 1.0))
    exact = math.log10(4002) - 4001 * math.log10(2) + math.log10(2)
    assert found.neg_log10_p == pytest.approx(-exact, rel=1e-9)


def test_no_events_have_no_ratio_and_none_in_one_group_has_one_limit() -> None:
    assert math.isnan(compare_rates((0.0, 1.0, 0.0), (0.0, 2.0, 0.0)).ratio)
    found = compare_rates((3.0, 1.0, 3.0), (0.0, 1.0, 0.0))
    assert found.ratio == math.inf
    assert 0.0 < found.low < math.inf
    assert found.high == math.inf


def test_weighted_rates_have_normal_limits() -> None:
    found = compare_rates((4.0, 10.0, 6.0), (5.0, 20.0, 8.0), exact=False)
    reach = 1.959963984540054 * math.sqrt(6 / 16 + 8 / 25)
    assert math.log(found.high / found.ratio) == pytest.approx(reach)
