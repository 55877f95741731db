"""Many small logistic fits at once equal each fit by itself."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.logistic import fit_logistic
from proteomr.stats.newton import fit_newton


def draw(R: int, n: int, k: int, s: int, *, seed: int = 0) -> tuple[F64, F64, F64, F64]:
    g = np.random.default_rng(seed)
    A = np.column_stack([np.ones(n), g.normal(size=(n, k - 1))])
    mask = (g.random((R, n)) < 0.8).astype(float)
    borders = g.normal(size=(R, s, n)) * mask[:, None]
    eta = 0.6 * borders[:, 0] + 0.3 * A[:, -1] - 0.4
    y = (g.random((R, n)) < 1 / (1 + np.exp(-eta))).astype(float)
    return A, borders, mask, y


@pytest.mark.parametrize(("k", "s"), [(1, 1), (4, 1), (5, 3)])
def test_each_fit_equals_the_fit_of_its_own_rows(k: int, s: int) -> None:
    A, borders, mask, y = draw(7, 150, k, s)
    found = fit_newton(A, borders, mask, y)
    assert found.converged.all()
    for r in range(7):
        rows = mask[r] > 0
        X = np.column_stack([A[rows], borders[r, 1:, rows], borders[r, 0, rows]])
        one = fit_logistic(X, y[r, rows])
        assert found.estimate[r] == pytest.approx(one.coefficients[-1], rel=1e-10)
        assert found.se[r] == pytest.approx(one.se[-1], rel=1e-10)
        assert found.extreme[r] == pytest.approx(np.abs(X @ one.coefficients).max(), rel=1e-9)


def test_a_fit_does_not_depend_on_its_neighbours() -> None:
    A, borders, mask, y = draw(5, 120, 4, 2, seed=3)
    whole = fit_newton(A, borders, mask, y)
    borders[2, 0] = 1e3 * y[2] * mask[2]  # separated
    mixed = fit_newton(A, borders, mask, y)
    assert not (mixed.converged[2] and mixed.extreme[2] < 12)
    others = [0, 1, 3, 4]
    np.testing.assert_allclose(mixed.estimate[others], whole.estimate[others], rtol=1e-12)
    np.testing.assert_allclose(mixed.se[others], whole.se[others], rtol=1e-12)


def test_a_column_without_people_takes_no_part() -> None:
    A, borders, mask, y = draw(3, 200, 3, 1, seed=4)
    level = (np.arange(200) % 10 == 0).astype(float)
    wide = np.column_stack([A, level])
    mask *= 1 - level
    borders *= (1 - level)[None, None]
    with_level, without = fit_newton(wide, borders, mask, y), fit_newton(A, borders, mask, y)
    assert with_level.converged.all()
    np.testing.assert_allclose(with_level.estimate, without.estimate, rtol=1e-12)
    np.testing.assert_allclose(with_level.se, without.se, rtol=1e-12)


def test_aliased_borders_do_not_converge() -> None:
    A, borders, mask, y = draw(3, 100, 3, 1, seed=5)
    borders[1, 0] = (A[:, 1] - 2 * A[:, 2]) * mask[1]
    assert fit_newton(A, borders, mask, y).converged.tolist() == [True, False, True]


@pytest.mark.parametrize("gap", [1e-2, 1e-3, 1e-4])
def test_nearly_aliased_borders_are_exact_or_left_to_the_exact_path(gap: float) -> None:
    A, borders, mask, y = draw(6, 300, 3, 1, seed=6)
    borders[:, 0] = (A[:, 1] + gap * borders[:, 0]) * mask
    found = fit_newton(A, borders, mask, y)
    for r in np.flatnonzero(found.converged):
        rows = mask[r] > 0
        x = borders[r, 0, rows]
        # the same model with the twin taken out of the border: well conditioned
        X = np.column_stack([A[rows], (x - A[rows, 1]) / gap])
        one = fit_logistic(X, y[r, rows])
        assert found.se[r] * gap == pytest.approx(one.se[-1], rel=1e-8)
        assert abs(found.estimate[r] * gap - one.coefficients[-1]) < 1e-8 * one.se[-1]
