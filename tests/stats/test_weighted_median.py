from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proteomr._typing import F64
from proteomr.stats.weighted_median import weighted_median


def obvious(values: F64, weights: F64) -> float:
    """Bowden's definition, one value after the other."""
    order = np.argsort(values)
    v, w = values[order], weights[order] / weights.sum()
    s = [w[: j + 1].sum() - w[j] / 2 for j in range(v.size)]
    if s[0] >= 0.5:
        return float(v[0])
    if s[-1] < 0.5:
        return float(v[-1])
    below = max(j for j in range(v.size) if s[j] < 0.5)
    share = (0.5 - s[below]) / (s[below + 1] - s[below])
    return float(v[below] + (v[below + 1] - v[below]) * share)


@pytest.mark.parametrize("m", [1, 2, 3, 10, 79])
def test_rows_equal_the_obvious_loop(m: int) -> None:
    random = np.random.default_rng(m)
    values, weights = random.normal(size=(20, m)), random.uniform(0.1, 3, m)
    found = weighted_median(values, weights=weights)
    np.testing.assert_allclose(found, [obvious(row, weights) for row in values], rtol=1e-12)


@given(st.integers(1, 20), st.integers(0, 1000))
def test_equal_weights_give_the_median(m: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=m)
    found = float(weighted_median(values, weights=np.full(m, 0.7)))
    assert found == pytest.approx(float(np.median(values)), rel=1e-12)


def test_a_weight_of_zero_leaves_the_value_out() -> None:
    values, weights = np.array([5.0, np.inf, 1.0, 3.0]), np.array([1.0, 0.0, 2.0, 1.0])
    kept = np.array([0, 2, 3])
    expected = weighted_median(values[kept], weights=weights[kept])
    assert weighted_median(values, weights=weights) == expected


def test_most_of_the_weight_at_an_end_draws_the_median_there_but_not_onto_it() -> None:
    values = np.array([1.0, 2.0, 3.0])
    low = float(weighted_median(values, weights=np.array([8.0, 1.0, 1.0])))
    assert low == pytest.approx(1 + (0.5 - 0.4) / 0.45, rel=1e-12)
    high = float(weighted_median(values, weights=np.array([1.0, 1.0, 8.0])))
    assert high == pytest.approx(4 - low, rel=1e-12)


def test_a_row_with_a_missing_value_is_missing() -> None:
    values = np.array([[1.0, np.nan, 3.0], [1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(weighted_median(values, weights=np.ones(3)), [np.nan, 2.0])
