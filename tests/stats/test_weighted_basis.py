"""Regressions on studies whose errors lie orders apart, against rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.pooling import pool_effects
from proteomr.stats.study_bias import regress_on_errors
from proteomr.stats.study_effects import StudyEffects
from proteomr.stats.weighted_basis import choose_basis
from proteomr.status import Status


def _draw_errors(rng: np.random.Generator, k: int, *, orders: float) -> F64:
    """Return errors whose squares are exact in double precision, over that many orders of ten."""
    reach = round(orders / 2.0 / np.log10(2.0))
    powers = np.exp2(rng.integers(-reach, reach + 1, k).astype(np.float64))
    return np.asarray(powers * rng.choice([1.0, 3.0, 5.0], k), np.float64)


def _solve(A: list[list[Fraction]], b: list[Fraction]) -> list[Fraction]:
    """Gauss and Jordan's elimination; A is positive definite."""
    rows = [[*row, value] for row, value in zip(A, b, strict=True)]
    for j in range(len(rows)):
        rows[j] = [value / rows[j][j] for value in rows[j]]
        for i in range(len(rows)):
            if i != j:
                rows[i] = [a - rows[i][j] * c for a, c in zip(rows[i], rows[j], strict=True)]
    return [row[-1] for row in rows]


def _fit_exactly(
    X: F64, y: F64, v: F64, tau2: float
) -> tuple[list[Fraction], list[list[Fraction]], Fraction, Fraction]:
    """Return coefficients, the inverse of X'WX, Q and REML's score, without any rounding."""
    x = [[Fraction(float(a)) for a in row] for row in X]
    effects = [Fraction(float(a)) for a in y]
    w = [1 / (Fraction(float(a)) + Fraction(tau2)) for a in v]
    n, p = X.shape
    A = [
        [sum((w[i] * x[i][a] * x[i][b] for i in range(n)), Fraction(0)) for b in range(p)]
        for a in range(p)
    ]
    right = [sum((w[i] * x[i][a] * effects[i] for i in range(n)), Fraction(0)) for a in range(p)]
    beta = _solve(A, right)
    inverse = [_solve(A, [Fraction(int(a == b)) for b in range(p)]) for a in range(p)]
    left = [effects[i] - sum(x[i][a] * beta[a] for a in range(p)) for i in range(n)]
    form = [
        sum(x[i][a] * inverse[a][b] * x[i][b] for a in range(p) for b in range(p)) for i in range(n)
    ]
    q = sum((w[i] * left[i] ** 2 for i in range(n)), Fraction(0))
    pull = sum(((w[i] * left[i]) ** 2 for i in range(n)), Fraction(0))
    trace = sum(w[i] - w[i] ** 2 * form[i] for i in range(n))
    return beta, inverse, q, pull - trace


@pytest.mark.parametrize("orders", [2, 6, 10, 14])
def test_eggers_line_is_found_whatever_the_errors(orders: int) -> None:
    rng = np.random.default_rng(orders)
    for _ in range(25):
        se = _draw_errors(rng, int(rng.integers(3, 12)), orders=orders)
        if np.unique(se).size < 2:
            continue
        y = 0.3 + se * rng.normal(size=se.size)
        found = regress_on_errors(y[None], se[None] ** 2, method="dispersion")
        assert found.status.tolist() == [Status.ok]
        X = np.stack([np.ones(se.size), se], axis=1)
        beta, inverse, q, _ = _fit_exactly(X, y, se**2, 0.0)
        factor = q / (se.size - 2)
        limit_se, slope_se = (float(inverse[j][j] * factor) ** 0.5 for j in range(2))
        assert found.limit[0] == pytest.approx(float(beta[0]), abs=1e-9 * limit_se)
        assert found.estimate[0] == pytest.approx(float(beta[1]), abs=1e-9 * slope_se)
        assert found.se[0] == pytest.approx(slope_se, rel=1e-9)
        assert found.limit_se[0] == pytest.approx(limit_se, rel=1e-9)


@pytest.mark.parametrize("p", [2, 3])
def test_a_meta_regression_is_found_whatever_the_errors(p: int) -> None:
    rng = np.random.default_rng(p)
    for _ in range(12):
        k = int(rng.integers(p + 2, 10))
        se = _draw_errors(rng, k, orders=10)
        X = np.column_stack([np.ones(k), 1000.0 + rng.normal(size=(k, p - 1))])
        y = 1e-3 * X.sum(axis=1) + se * rng.normal(size=k) + rng.normal(size=k)
        fit = pool_effects(StudyEffects.of(y[None], se[None] ** 2, X), method="REML")
        assert fit.status.tolist() == [Status.ok]
        tau2 = float(fit.tau2[0])
        reach = 1e-8 * (tau2 + float(se.min()) ** 2)
        assert _fit_exactly(X, y, se**2, tau2 + reach)[3] <= 0
        assert tau2 <= reach or _fit_exactly(X, y, se**2, tau2 - reach)[3] >= 0
        beta, inverse, _, _ = _fit_exactly(X, y, se**2, tau2)
        for j in range(p):
            error = float(inverse[j][j]) ** 0.5
            assert fit.se[0, j] == pytest.approx(error, rel=1e-9)
            assert fit.beta[0, j] == pytest.approx(float(beta[j]), abs=1e-9 * error)


def test_the_basis_leaves_out_aliased_columns_and_no_weighted_entry_above_one() -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(3, 7, 4)) * 10.0 ** rng.integers(-8, 9, (3, 7, 1))
    w = 10.0 ** rng.uniform(-20, 20, (3, 7))
    kept = np.array([[True] * 4, [True, False, True, True], [True] * 4])
    B, C = choose_basis(X, kept, w)
    assert (np.sqrt(w)[:, :, None] * np.abs(B) <= 1.0 + 1e-12).all()
    assert not B[1, :, 1].any()
    assert C[1, 1].tolist() == [0.0, 1.0, 0.0, 0.0]
    size = np.abs(X).max(axis=2, keepdims=True)
    for unit in range(3):
        left = np.abs(B[unit] @ C[unit] - X[unit])[:, kept[unit]] / size[unit]
        assert left.max() <= 64.0 * np.finfo(np.float64).eps
