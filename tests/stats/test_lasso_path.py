from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.lasso_path import fit_lasso_path


def make(seed: int, n: int = 30, p: int = 12) -> tuple[F64, F64]:
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, p)) * random.uniform(0.5, 3.0, p)
    X[:, 1] += 0.9 * X[:, 0]
    return X, X[:, :3] @ np.array([1.0, -1.0, 0.5]) + random.normal(size=n)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_solution_meets_the_conditions_of_a_minimum(seed: int) -> None:
    X, y = make(seed)
    path = fit_lasso_path(X, y, weights=np.ones(y.size))
    d = X.std(axis=0)
    assert path.penalties.size > 20
    for size, b in zip(path.penalties, path.coefficients, strict=True):
        gradient = X.T @ (y - X @ b) / y.size
        active = b != 0.0
        np.testing.assert_allclose(
            gradient[active], size * d[active] * np.sign(b[active]), rtol=1e-8
        )
        assert (np.abs(gradient[~active]) <= size * d[~active] * (1 + 1e-8)).all()


def test_the_path_equals_coordinate_descent() -> None:
    X, y = make(4)
    path = fit_lasso_path(X, y, weights=np.ones(y.size))
    d, n = X.std(axis=0), y.size
    b = np.zeros(X.shape[1])
    for size, found in zip(path.penalties, path.coefficients, strict=True):
        for _ in range(3000):
            before = b.copy()
            for j in range(b.size):
                pull = X[:, j] @ (y - X @ b + X[:, j] * b[j]) / n
                shrunk = np.sign(pull) * max(abs(pull) - size * d[j], 0.0)
                b[j] = shrunk / (X[:, j] @ X[:, j] / n)
            if np.abs(b - before).max() < 1e-13:
                break
        np.testing.assert_allclose(found, b, atol=1e-9)
        if size < 0.05 * path.penalties[0]:
            break


def test_the_path_begins_at_zero_and_its_penalties_fall_by_a_constant_factor() -> None:
    path = fit_lasso_path(*make(5), weights=np.ones(30))
    assert not path.coefficients[0].any()
    assert path.coefficients[1].any()
    ratio = path.penalties[1:] / path.penalties[:-1]
    np.testing.assert_allclose(ratio, 1e-4 ** (1 / 99), rtol=1e-12)
