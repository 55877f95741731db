"""Differences of groups against scipy, statsmodels, R's numbers and one another."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from proteomr.stats.group_differences import (
    assess_cross_table,
    estimate_rate,
    measure_difference,
    measure_difference_of_levels,
)


def test_the_difference_of_two_levels_is_that_of_their_numbers() -> None:
    """The formula of two levels: shares with p (1 - p) for their variances."""
    counts = np.array([[60, 40], [25, 75]])
    p, q = 0.4, 0.75
    wanted = abs(q - p) / math.sqrt((p * (1 - p) + q * (1 - q)) / 2)
    assert measure_difference_of_levels(counts) == pytest.approx(wanted)


def test_levels_that_nobody_has_and_their_order_change_nothing() -> None:
    counts = np.array([[10, 20, 30], [5, 25, 40]])
    wanted = measure_difference_of_levels(counts)
    assert measure_difference_of_levels(counts[:, [2, 0, 1]]) == pytest.approx(wanted)
    wide = np.insert(counts, 1, 0, axis=1)
    assert measure_difference_of_levels(wide) == pytest.approx(wanted)


def test_groups_without_common_levels_differ_without_end() -> None:
    assert math.isinf(measure_difference_of_levels(np.array([[5, 0], [0, 5]])))
    assert measure_difference_of_levels(np.array([[5, 0], [7, 0]])) == 0.0
    assert math.isnan(measure_difference_of_levels(np.array([[0, 0], [7, 3]])))


def test_numbers_that_do_not_vary_differ_by_nothing_or_without_end() -> None:
    ones = np.ones(4)
    assert measure_difference(ones, ones) == 0.0
    assert measure_difference(ones, 2 * ones) == math.inf
    assert math.isnan(measure_difference(ones[:1], ones))


def test_cross_tables_equal_scipys() -> None:
    counts = np.array([[12, 5, 9], [3, 14, 8]])
    found = assess_cross_table(counts)
    wanted = stats.chi2_contingency(counts, correction=False)
    assert found is not None
    assert (found.statistic, found.df) == pytest.approx((wanted.statistic, wanted.dof))
    assert 10**-found.neg_log10_p == pytest.approx(wanted.pvalue)
    assert found.least_expected == pytest.approx(wanted.expected_freq.min())
    assert math.isnan(found.odds_ratio)


def test_odds_ratios_have_woolfs_limits() -> None:
    counts = np.array([[30, 12], [18, 25]])
    found = assess_cross_table(counts, level=0.9)
    wanted = stats.contingency.odds_ratio(counts, kind="sample")
    limits = wanted.confidence_interval(0.9)
    assert found is not None
    assert found.odds_ratio == pytest.approx(wanted.statistic)
    assert (found.low, found.high) == pytest.approx((limits.low, limits.high))


@pytest.mark.parametrize("counts", [[[4, 0], [6, 0]], [[0, 0], [3, 4]]])
def test_a_table_of_one_level_has_no_test(counts: list[list[int]]) -> None:
    assert assess_cross_table(np.array(counts)) is None


def test_an_empty_cell_has_a_test_and_no_ratio() -> None:
    found = assess_cross_table(np.array([[5, 0], [6, 7]]))
    assert found is not None
    assert found.statistic > 0.0
    assert math.isnan(found.odds_ratio)


@pytest.mark.parametrize(
    ("events", "low", "high"), [(0, 0.0, 3.6888795), (7, 2.8143631, 14.4226753)]
)
def test_rates_have_garwoods_limits(events: int, low: float, high: float) -> None:
    """R: poisson.test(0)$conf.int, poisson.test(7)$conf.int."""
    found = estimate_rate(float(events), 2.0)
    assert found.rate == events / 2.0
    assert (found.low * 2, found.high * 2) == pytest.approx((low, high), abs=1e-6)
