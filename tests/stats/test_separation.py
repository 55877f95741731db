"""Separation is found where it is, and only there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from proteomr._typing import F64
from proteomr.stats.logistic import fit_logistic
from proteomr.stats.separation import find_separation


def with_intercept(*columns: object) -> F64:
    x = np.column_stack([np.asarray(c, dtype=np.float64) for c in columns])
    return np.column_stack([np.ones(x.shape[0]), x])


@pytest.mark.parametrize(
    ("x", "y", "kind", "overlapping"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], "complete", []),
        ([1, 2, 3, 4], [0, 1, 0, 1], "none", [0, 1, 2, 3]),
        ([1, 2, 2, 3], [0, 0, 1, 1], "quasi", [1, 2]),
        ([0, 0, 0, 1], [0, 1, 0, 1], "quasi", [0, 1, 2]),
        ([1, 2, 3, 4], [1, 1, 1, 1], "complete", []),
    ],
)
def test_one_variable(x: list[int], y: list[int], kind: str, overlapping: list[int]) -> None:
    found = find_separation(with_intercept(x), np.array(y, dtype=np.float64))
    assert found.kind == kind
    assert np.flatnonzero(found.overlapping).tolist() == overlapping


def test_two_variables_separate_what_neither_does_alone() -> None:
    g = np.random.default_rng(1)
    a, b = g.normal(size=60), g.normal(size=60)
    y = (a + b > 0).astype(float)
    assert find_separation(with_intercept(a), y).kind == "none"
    assert find_separation(with_intercept(b), y).kind == "none"
    assert find_separation(with_intercept(a, b), y).kind == "complete"


def test_levels_without_cases_are_taken_out_one_after_another() -> None:
    g = np.random.default_rng(2)
    site = np.arange(80) % 4
    y = g.integers(0, 2, 80).astype(float)
    y[site == 3] = 0.0
    y[site == 1] = 1.0
    found = find_separation(with_intercept(site == 1, site == 2, site == 3, g.normal(size=80)), y)
    assert found.kind == "quasi"
    np.testing.assert_array_equal(found.overlapping, (site == 0) | (site == 2))


def is_separated(x: F64, y: F64) -> bool:
    """Whether one variable orders the outcomes, ties allowed at one value."""
    low, high = x[y == 0], x[y == 1]
    return bool(low.max() <= high.min() or high.max() <= low.min())


@given(
    values=st.lists(st.integers(0, 6), min_size=6, max_size=9),
    exponent=st.integers(-9, 9),
    bits=st.integers(1, 500),
)
@settings(max_examples=60, deadline=None)
def test_one_variable_is_separated_exactly_when_it_orders_the_outcomes(
    values: list[int], exponent: int, bits: int
) -> None:
    x = np.array(values) * 10.0**exponent
    y = np.array([bits >> i & 1 for i in range(x.size)], dtype=np.float64)
    if np.ptp(y) == 0 or np.ptp(x) == 0:
        return
    found = find_separation(with_intercept(x), y)
    assert (found.kind != "none") == is_separated(x, y)


@given(flip=st.integers(1, 18), seed=st.integers(0, 100))
@settings(max_examples=15, deadline=None)
def test_one_person_on_the_wrong_side_undoes_separation(flip: int, seed: int) -> None:
    x = np.sort(np.random.default_rng(seed).normal(size=20))
    y = (np.arange(20) >= 10).astype(float)
    y[0], y[19] = 1.0, 0.0
    y[flip] = y[flip]
    assert find_separation(with_intercept(x), y).kind == "none"


def test_a_programme_that_is_not_solved_says_nothing_of_separation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = np.random.default_rng(3).normal(size=60)
    X, y = np.column_stack([np.ones(60), x]), (x > 0.0).astype(float)
    assert fit_logistic(X, y).separation is not None

    def give_up(*arguments: Any, **options: Any) -> Any:
        del arguments, options
        return SimpleNamespace(status=4, x=None, message="numerical difficulties")

    monkeypatch.setattr(optimize, "linprog", give_up)
    with pytest.raises(ArithmeticError, match="numerical difficulties"):
        find_separation(X, y)
    unknown = fit_logistic(X, y)
    assert not unknown.converged
    assert unknown.separation is None
