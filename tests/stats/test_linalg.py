"""Least squares, rank and pivots against exact values and numpy."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.regression.linear_model import OLS

from proteomr._typing import F64
from proteomr.stats.least_squares import solve_least_squares
from proteomr.stats.linalg import (
    cholesky_pivots,
    condition_columns,
    factor_columns,
    find_independent,
    orthonormalise,
)


def draw(n: int, k: int, *, seed: int = 0) -> F64:
    g = np.random.default_rng(seed)
    return np.column_stack([np.ones(n), g.normal(size=(n, k - 1))])


def test_the_later_of_aliased_columns_is_left_out() -> None:
    X = draw(30, 4)
    X = np.column_stack([X, X[:, 1] + 2 * X[:, 2], np.zeros(30), X[:, 3] - X[:, 0], X[:, 1] ** 2])
    assert find_independent(X).tolist() == [0, 1, 2, 3, 7]


@pytest.mark.parametrize(("gap", "found"), [(1e-5, 3), (1e-9, 2)])
def test_a_column_counts_while_more_than_the_tolerance_is_left_of_it(
    gap: float, found: int
) -> None:
    X = draw(50, 3)
    X[:, 2] = X[:, 1] + gap * X[:, 2]
    assert find_independent(X).size == found


@given(exponents=st.lists(st.integers(-12, 12), min_size=4, max_size=4))
@settings(max_examples=15, deadline=None)
def test_rank_does_not_depend_on_units(exponents: list[int]) -> None:
    X = draw(40, 4) * 10.0 ** np.array(exponents)
    assert find_independent(np.column_stack([X, X[:, 0] * 3e5])).tolist() == [0, 1, 2, 3]


def test_a_matrix_of_more_columns_than_rows_has_the_rank_of_its_rows() -> None:
    assert find_independent(draw(3, 6)).tolist() == [0, 1, 2]


def test_the_basis_is_orthogonal_and_nests() -> None:
    X = draw(60, 5)
    Q = orthonormalise(X)
    np.testing.assert_allclose(Q.T @ Q, 60 * np.eye(5), atol=1e-12)
    for k in range(1, 6):
        rest = X[:, :k] - Q[:, :k] @ (Q[:, :k].T @ X[:, :k]) / 60
        assert np.abs(rest).max() < 1e-13


def test_pivots_are_the_share_that_earlier_columns_leave() -> None:
    X = draw(50, 3, seed=3)
    X[:, 2] = X[:, 1] + 0.01 * X[:, 2]
    L, pivots = cholesky_pivots((X.T @ X)[None])
    np.testing.assert_allclose(L[0] @ L[0].T, X.T @ X, rtol=1e-12)
    left = OLS(X[:, 2], X[:, :2]).fit().ssr / np.sum(X[:, 2] ** 2)
    assert pivots[0] == pytest.approx(left, rel=1e-9)


def test_one_indefinite_matrix_does_not_spoil_the_others() -> None:
    good = np.array([[4.0, 2.0], [2.0, 3.0]])
    L, pivots = cholesky_pivots(np.stack([good, -good, np.zeros((2, 2)), good]))
    np.testing.assert_allclose(L[0], L[3])
    assert pivots.round(3).tolist() == [0.667, 0.0, 0.0, 0.667]
    np.testing.assert_array_equal(L[1], np.eye(2))


def test_fit_equals_statsmodels() -> None:
    X, g = draw(80, 5), np.random.default_rng(1)
    y = X @ np.arange(5.0) + g.normal(size=80)
    ours, theirs = solve_least_squares(X, y), OLS(y, X).fit()
    np.testing.assert_allclose(ours.coefficients, theirs.params, rtol=1e-11)
    np.testing.assert_allclose(ours.se, theirs.bse, rtol=1e-11)
    assert ours.df == 75
    assert ours.rss == pytest.approx(theirs.ssr, rel=1e-12)
    assert not ours.refined


def test_aliased_columns_have_no_coefficient_and_cost_no_degree_of_freedom() -> None:
    X, g = draw(40, 3), np.random.default_rng(1)
    y = g.normal(size=40)
    ours = solve_least_squares(np.column_stack([X, X[:, 1] - X[:, 2]]), y)
    np.testing.assert_allclose(ours.coefficients[:3], OLS(y, X).fit().params, rtol=1e-10)
    assert np.isnan(ours.coefficients[3])
    assert np.isnan(ours.se[3])
    assert (ours.df, ours.kept.tolist()) == (37, [0, 1, 2])


def solve_in_fractions(X: F64, y: F64) -> list[float]:
    """Solve the normal equations without rounding."""
    k = X.shape[1]
    rows = [[Fraction(float(v)) for v in row] for row in X]
    sides = [*zip(*rows, strict=True), [Fraction(float(v)) for v in y]]
    M = [
        [sum((r[i] * v for r, v in zip(rows, column, strict=True)), Fraction()) for column in sides]
        for i in range(k)
    ]
    for i in range(k):
        for j in range(k):
            if j != i:
                factor = M[j][i] / M[i][i]
                M[j] = [a - factor * b for a, b in zip(M[j], M[i], strict=True)]
    return [float(M[i][k] / M[i][i]) for i in range(k)]


@pytest.mark.parametrize("degree", [5, 6, 8])
def test_an_ill_conditioned_fit_is_refined_to_the_exact_solution(degree: int) -> None:
    x = np.arange(12.0)
    X = x[:, None] ** np.arange(degree + 1)
    y = X.sum(axis=1) + 1e3 * np.random.default_rng(2).integers(-5, 5, 12)
    found = solve_least_squares(X, y)
    assert found.refined
    assert found.condition > 500
    np.testing.assert_allclose(found.coefficients, solve_in_fractions(X, y), rtol=1e-11)


def test_a_fit_without_degrees_of_freedom_has_no_standard_error() -> None:
    found = solve_least_squares(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([1.0, 3.0]))
    assert found.df == 0
    assert np.isnan(found.se).all()


@pytest.mark.parametrize("unit", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_no_unit_of_a_column_changes_which_are_independent(unit: float) -> None:
    g = np.random.default_rng(2)
    X = g.normal(size=(50, 3))
    X = np.column_stack([X, X[:, 1] - X[:, 2]])
    X[:, 1] *= unit
    assert find_independent(X).tolist() == [0, 1, 2]
    Q = orthonormalise(X[:, :3])
    np.testing.assert_allclose(Q.T @ Q, 50 * np.eye(3), atol=1e-10)


@pytest.mark.parametrize("zero", [0.0, 1e3, -1e9, 2.0**50])
def test_conditioned_columns_keep_the_span_and_every_digit(zero: float) -> None:
    z = zero + np.arange(20.0)
    conditioned, scale = condition_columns(np.column_stack([np.ones(20), z]))
    assert conditioned[:, 0].tolist() == [1.0] * 20
    steps = np.diff(conditioned[:, 1]) * scale[1]
    assert steps.tolist() == [1.0] * 19
    assert np.abs(conditioned[:, 1]).max() < 2.0


def test_columns_are_conditioned_in_their_place_to_the_same_bits() -> None:
    matrix = np.column_stack([np.ones(9), 1e9 + np.arange(9.0), 1e-5 * np.arange(9.0)])
    apart, scale = condition_columns(matrix)
    kept = matrix.copy()
    there, scale_there = condition_columns(matrix, overwrite=True)
    assert there is matrix
    assert there.tobytes() == apart.tobytes()
    assert scale.tolist() == scale_there.tolist()
    assert kept[1, 1] == 1e9 + 1.0


@pytest.mark.parametrize("share", [1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 0.0])
def test_a_near_copy_of_a_column_is_told_apart_down_to_the_tolerance(share: float) -> None:
    # The Gram matrix settles the first alone; QR decides of all others.
    g = np.random.RandomState(0)
    X = g.randn(400, 4)
    X[:, 3] = X[:, 1] + share * X[:, 3]
    wanted = [0, 1, 2, 3] if share > 1e-9 else [0, 1, 2]
    assert find_independent(X, tolerance=1e-9).tolist() == wanted
    assert find_independent(1e-150 * X, tolerance=1e-9).tolist() == wanted


@pytest.mark.parametrize("share", [1.0, 1e-2, 1e-5])
def test_factors_of_columns_are_a_well_conditioned_basis(share: float) -> None:
    g = np.random.RandomState(1)
    X = g.randn(300, 5)
    X[:, 4] = X[:, 0] + share * X[:, 4]
    Q, R = factor_columns(X)
    np.testing.assert_allclose(Q @ R, X, rtol=0.0, atol=1e-13 * np.abs(X).max())
    np.testing.assert_allclose(Q.T @ Q, np.eye(5), atol=1e-9)
