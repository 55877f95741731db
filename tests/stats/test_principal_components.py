from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr._typing import F64
from proteomr.stats.principal_components import find_components, standardise

# prcomp(longley[, 1:3], scale. = TRUE) of R 4.2.2 (Longley 1967): shares of variance
COST = "83 88.5 88.2 89.5 96.2 98.1 99 100 101.2 104.6 108.4 110.8 112.6 114.2 115.7 116.9"
GNP = (
    "234.289 259.426 258.054 284.599 328.975 346.999 365.385 363.112 397.469 419.18 442.769 "
    "444.546 482.704 502.601 518.173 554.894"
)
UNEMPLOYED = (
    "235.6 232.5 368.2 335.1 209.9 193.2 187 357.8 290.4 282.2 293.6 468.1 381.3 393.1 480.6 400.7"
)
LONGLEY = np.array([text.split() for text in (COST, GNP, UNEMPLOYED)], dtype=np.float64).T
LONGLEY_SHARES = [0.8312679391448550836, 0.1660012663349846596, 0.0027307945201602893]


def make(seed: int, n: int, p: int) -> F64:
    return np.random.default_rng(seed).normal(size=(n, p))


@pytest.mark.parametrize(("n", "p"), [(30, 7), (7, 30)])
def test_components_equal_the_singular_value_decomposition(n: int, p: int) -> None:
    z = standardise(make(1, n, p))
    u, d, vt = np.linalg.svd(z, full_matrices=False)
    found = find_components(z, components=4)
    np.testing.assert_allclose(found.shares, (d**2 / (d**2).sum())[:4], rtol=1e-10)
    np.testing.assert_allclose(np.abs(found.scores), np.abs(u * d)[:, :4], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(np.abs(found.loadings), np.abs(vt.T)[:, :4], rtol=1e-7, atol=1e-9)


def test_shares_of_variance_equal_r_prcomp() -> None:
    found = find_components(standardise(LONGLEY), components=3)
    np.testing.assert_allclose(found.shares, LONGLEY_SHARES, rtol=1e-9)


def test_missing_values_stand_at_the_mean_of_their_column() -> None:
    x = make(2, 12, 3)
    x[4, 1] = np.nan
    z = standardise(x)
    assert z[4, 1] == 0.0
    rest = np.delete(x[:, 1], 4)
    np.testing.assert_allclose(
        np.delete(z[:, 1], 4), (rest - rest.mean()) / rest.std(ddof=1), rtol=1e-12
    )


def test_constant_and_empty_columns_become_zero() -> None:
    x = np.column_stack([np.full(5, 0.1), np.full(5, np.nan), [np.nan, 3.0, np.nan, 1.0, np.nan]])
    z = standardise(x)
    assert (z[:, :2] == 0).all()
    assert z[1, 2] > 0 > z[3, 2]


def test_the_largest_loading_of_each_component_is_positive() -> None:
    found = find_components(standardise(make(3, 40, 9)), components=9)
    largest = np.abs(found.loadings).argmax(axis=0)
    assert (found.loadings[largest, np.arange(9)] > 0).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), shift=st.floats(-1e3, 1e3), scale=st.floats(0.1, 100))
def test_shift_and_scale_of_a_column_change_nothing(seed: int, shift: float, scale: float) -> None:
    x = make(seed, 20, 5)
    moved = x.copy()
    moved[:, 2] = moved[:, 2] * scale + shift
    one = find_components(standardise(x), components=5)
    other = find_components(standardise(moved), components=5)
    np.testing.assert_allclose(one.shares, other.shares, rtol=1e-8, atol=1e-9)


def test_components_without_variance_are_left_out() -> None:
    x = make(4, 15, 2)
    found = find_components(standardise(np.column_stack([x, x])), components=4)
    assert found.scores.shape == (15, 2)
    assert find_components(np.zeros((4, 3)), components=2).scores.shape == (4, 0)


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        find_components(np.zeros((2, 2)), components=0)
    with pytest.raises(ValueError, match="finite"):
        find_components(np.array([[np.nan, 1.0], [0.0, 1.0]]), components=1)
