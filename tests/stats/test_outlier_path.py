"""Own effects of points along a path: the lasso's of their columns, by one sort."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats import outlier_path
from proteomr.stats.lasso_path import find_end, fit_lasso_path
from proteomr.stats.outlier_path import fit_outlier_path


def make(seed: int, m: int) -> tuple[F64, F64]:
    random = np.random.default_rng(seed)
    s = 10 ** random.uniform(-2, 0, m)
    x = np.abs(random.normal(0.1, 0.1, m))
    y = 0.3 * x + random.normal(0, s) + (random.random(m) < 0.3) * random.normal(0, 3, m) * s
    return x / s, y / s


@pytest.mark.parametrize("m", [3, 4, 5, 8, 20, 55, 120])
def test_the_path_is_that_of_the_lasso_of_the_projected_columns(m: int) -> None:
    for seed in range(6):
        x, y = make(100 * m + seed, m)
        if seed == 5 and m > 3:  # of two points with an effect, either may be the outlier
            x[0] = 0.0
        path = fit_outlier_path(x, y)
        assert path is not None
        outside = np.eye(m) - np.outer(x, x) / (x @ x)
        whole = fit_lasso_path(outside, outside @ y, weights=np.ones(m))
        np.testing.assert_allclose(path.penalties, whole.penalties, rtol=1e-9)
        np.testing.assert_array_equal(path.coefficients != 0, whole.coefficients != 0)
        np.testing.assert_allclose(
            path.coefficients, whole.coefficients, atol=1e-10 * np.abs(y).max()
        )
        assert path.certified.all()


@pytest.mark.parametrize("m", [3, 30])
def test_each_solution_is_no_worse_than_its_neighbours(m: int) -> None:
    x, y = make(7, m)
    path = fit_outlier_path(x, y)
    assert path is not None
    outside = np.eye(m) - np.outer(x, x) / (x @ x)
    spread = outside.std(axis=0)

    def lose(a: F64, penalty: float) -> float:
        return float(((outside @ (y - a)) ** 2).sum() / (2 * m) + penalty * (spread @ np.abs(a)))

    random = np.random.default_rng(1)
    for penalty, a in zip(path.penalties, path.coefficients, strict=True):
        least = lose(a, penalty)
        for size in (1e-3, 1e-1, 1.0):
            for _ in range(5):
                moved = a + size * random.normal(size=m) * (random.random(m) < 0.3)
                assert lose(moved, penalty) >= least * (1 - 1e-12)


def test_where_residuals_are_rounding_or_one_point_carries_all_there_is_no_path() -> None:
    x = np.array([1.0, 2.0, 3.0, 7.0])
    assert fit_outlier_path(x, 0.3 * x) is None
    assert fit_outlier_path(np.array([0.0, 0.0, 2.0]), np.array([1.0, 2.0, 3.0])) is None


def test_a_wrong_slope_has_no_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = make(3, 20)
    solve = outlier_path._solve
    monkeypatch.setattr(outlier_path, "_solve", lambda *a: solve(*a) + 1e-5)
    path = fit_outlier_path(x, y)
    assert path is not None
    assert not path.certified.all()


def test_a_sequence_ends_where_a_loop_over_its_rule_ends_it() -> None:
    random = np.random.default_rng(2)
    for _ in range(200):
        explained = np.cumsum(random.random(30) * random.choice([1e-7, 0.01, 0.1], 30))
        explained[0] = 0.0
        count, before = 0, 0.0
        for value in explained.tolist():
            count += 1
            if count >= 5 and (value - before < 1e-5 * value or value > 0.999):
                break
            before = value
        assert find_end(explained) == count
