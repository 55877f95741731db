from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from proteomr._typing import F64
from proteomr.design import bases
from proteomr.design.bases import (
    b_spline_basis,
    natural_spline_basis,
    polynomial_basis,
    standardise,
)
from proteomr.errors import ColumnError

_AGES = np.random.default_rng(1).uniform(39, 71, 200)


def _scipy_splines(x: F64, knots: F64, *, degree: int, derivative: int = 0) -> F64:
    """Each B-spline by itself, the value at the right end from the left."""
    count = knots.size - degree - 1
    columns = []
    for j in range(count):
        spline = BSpline(knots, np.eye(count)[j], degree, extrapolate=False)
        columns.append((spline.derivative(derivative) if derivative else spline)(x))
    return np.column_stack(columns)


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
@pytest.mark.parametrize("derivative", [0, 1])
def test_splines_equal_scipy_one_by_one(degree: int, derivative: int) -> None:
    knots = np.concatenate([[39.0] * (degree + 1), [45.0, 51.0, 60.0], [71.0] * (degree + 1)])
    x = np.concatenate([[39.0], _AGES[(_AGES != 39) & (_AGES != 71)], [45.0, 70.999]])
    ours = bases._evaluate_splines(x, knots=knots, degree=degree, derivative=derivative)
    oracle = _scipy_splines(x, knots, degree=degree, derivative=derivative)
    np.testing.assert_allclose(ours, oracle, rtol=0, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(df=st.integers(3, 12), seed=st.integers(0, 2**32 - 1))
def test_b_splines_with_the_first_sum_to_one(df: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=60)
    basis = b_spline_basis(x, df=df)
    assert basis.shape == (60, df)
    first = 1 - basis.sum(axis=1)
    assert (first > -1e-12).all()
    assert first[np.argmin(x)] == pytest.approx(1, abs=1e-12)
    assert basis[np.argmax(x), -1] == pytest.approx(1, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(df=st.integers(1, 8), seed=st.integers(0, 2**32 - 1))
def test_natural_splines_hold_every_straight_line(df: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=50)
    basis = np.column_stack([np.ones(50), natural_spline_basis(x, df=df)])
    assert np.linalg.matrix_rank(basis) == df + 1
    residual = x - basis @ np.linalg.lstsq(basis, x)[0]
    np.testing.assert_allclose(residual, 0, atol=1e-9)


def test_natural_splines_have_no_curvature_at_the_ends() -> None:
    x = np.linspace(0, 10, 2001)
    basis = natural_spline_basis(x, df=4)
    bend = np.diff(basis, n=2, axis=0) / np.diff(x)[0] ** 2
    inner = np.abs(bend).max()
    assert np.abs(bend[[0, -1]]).max() < 0.01 * inner


@settings(max_examples=50, deadline=None)
@given(degree=st.integers(1, 8), shift=st.floats(-1e4, 1e4), scale=st.floats(0.01, 1e4))
def test_polynomials_are_orthonormal_and_blind_to_shift_and_scale(
    degree: int, shift: float, scale: float
) -> None:
    x = np.linspace(-1, 1, 40) ** 3
    basis = polynomial_basis(x * scale + shift, degree=degree)
    np.testing.assert_allclose(basis.T @ basis, np.eye(degree), atol=1e-10)
    np.testing.assert_allclose(basis.sum(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(basis, polynomial_basis(x, degree=degree), atol=1e-6)


def test_polynomials_rise_at_the_right_end() -> None:
    basis = polynomial_basis(np.arange(12.0), degree=5)
    assert (basis[-1] > 0).all()


def test_polynomial_refuses_too_few_distinct_values() -> None:
    with pytest.raises(ColumnError, match="needs more distinct values, found 3"):
        polynomial_basis(np.array([1.0, 2.0, 3.0, 3.0]), degree=3)


def test_spline_refuses_knots_that_coincide() -> None:
    x = np.array([0.0] * 9 + [1.0, 2.0])
    with pytest.raises(ColumnError, match="needs more distinct values, found 3"):
        natural_spline_basis(x, df=4)
    with pytest.raises(ColumnError, match="needs more distinct values"):
        b_spline_basis(np.ones(5), df=3)


def test_standard_scores_use_n_minus_one() -> None:
    scores = standardise(_AGES)
    assert scores.mean() == pytest.approx(0, abs=1e-12)
    assert scores.std(ddof=1) == pytest.approx(1, abs=1e-12)


def test_standard_scores_of_huge_values_stay_finite() -> None:
    np.testing.assert_allclose(standardise(np.array([1e200, 2e200, 3e200])), [-1, 0, 1])


def test_standard_scores_refuse_a_constant() -> None:
    with pytest.raises(ColumnError, match="two distinct values"):
        standardise(np.full(4, 2.0))
