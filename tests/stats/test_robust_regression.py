from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.robust_regression import fit_mm
from proteomr.stats.weighted_lines import fit_lines, penalise_weights
from tests.mr.reference import read_set

X = np.array([0.11, 0.08, 0.2, 0.15, 0.05, 0.17, 0.09, 0.13, 0.22, 0.07, 0.19, 0.12])
Y = np.array([0.052, 0.031, 0.105, 0.07, 0.018, 0.3, 0.05, 0.06, 0.098, -0.2, 0.09, 0.066])
W = np.array([1, 2, 1.5, 1, 3, 2, 1, 0.5, 2, 1, 1, 4])


def test_a_slope_equals_robustbase_0_95() -> None:
    # lmrob(y ~ 0 + x, weights = w, k.max = 2000, tolerances = 1e-13)
    fit = fit_mm(X[:, None], Y, weights=W)
    assert fit.coefficients[0] == pytest.approx(0.4826003489776960, rel=1e-10)
    assert fit.se[0] == pytest.approx(0.0218014767173954, rel=1e-9)
    assert fit.scale == pytest.approx(0.0128849951923388, rel=1e-10)
    wanted = [0.999352781326610, 0.937475288675405, 0.941678133274562, 0.996867397559442]
    np.testing.assert_allclose(fit.robustness[:4], wanted, rtol=1e-9)
    np.testing.assert_array_equal(np.flatnonzero(fit.robustness == 0), [5, 9])


def test_a_line_equals_robustbase_0_95() -> None:
    # lmrob(y ~ x, weights = w, k.max = 2000, tolerances = 1e-13)
    fit = fit_mm(np.column_stack([np.ones(12), X]), Y, weights=W)
    wanted = [-0.00285445440592474, 0.50162185305423534]
    np.testing.assert_allclose(fit.coefficients, wanted, rtol=1e-9)
    np.testing.assert_allclose(fit.se, [0.00618887225255982, 0.04687916767053808], rtol=1e-8)
    assert fit.scale == pytest.approx(0.01377476767052895, rel=1e-10)


def test_other_units_change_nothing_but_the_units() -> None:
    plain = fit_mm(X[:, None], Y, weights=W)
    scaled = fit_mm(1e4 * X[:, None], -5.0 * Y, weights=W)
    np.testing.assert_allclose(scaled.coefficients, -5e-4 * plain.coefficients, rtol=1e-10)
    np.testing.assert_allclose(scaled.se, 5e-4 * plain.se, rtol=1e-9)


def test_a_weight_of_zero_leaves_the_row_out() -> None:
    weights = W.copy()
    weights[[2, 7]] = 0
    kept = weights > 0
    fit = fit_mm(X[:, None], Y, weights=weights)
    alone = fit_mm(X[kept, None], Y[kept], weights=weights[kept])
    np.testing.assert_array_equal(fit.coefficients, alone.coefficients)
    assert fit.robustness[2] == 0


def test_two_fifths_of_outliers_do_not_move_the_slope() -> None:
    random = np.random.default_rng(1)
    x = random.uniform(1, 3, 100)
    y = 2 * x + random.normal(0, 0.1, 100)
    y[:40] = 30 + random.normal(0, 5, 40)
    fit = fit_mm(x[:, None], y, weights=np.ones(100))
    assert fit.coefficients[0] == pytest.approx(2, abs=0.03)
    assert fit.converged


def test_standard_errors_are_those_seen_over_many_sets() -> None:
    random = np.random.default_rng(2)
    fits = []
    for _ in range(80):
        x = random.uniform(1, 3, 40)
        fits.append(fit_mm(x[:, None], 2 * x + random.normal(size=40), weights=np.ones(40)))
    spread = np.std([fit.coefficients[0] for fit in fits])
    assert np.mean([fit.se[0] for fit in fits]) == pytest.approx(spread, rel=0.2)


def test_an_exact_fit_has_no_scale_and_says_so() -> None:
    fit = fit_mm(X[:, None], 3 * X, weights=W)
    assert not fit.converged
    assert np.isnan(fit.coefficients).all()


def find_least_scale(X: F64, y: F64) -> float:
    """Scale of the best of all lines through two points, each followed to the end of its steps."""

    def solve(residual: F64, scale: float, *, steps: int = 20) -> float:
        for _ in range(steps):
            u = np.minimum((residual / (1.54764 * scale)) ** 2, 1.0)
            scale *= math.sqrt(float(np.sum(1 - (1 - u) ** 3)) / (0.5 * (y.size - 2)))
        return scale

    least = math.inf
    for pair in itertools.combinations(range(y.size), 2):
        if abs(np.linalg.det(X[list(pair)])) < 1e-9:
            continue
        b = np.linalg.solve(X[list(pair)], y[list(pair)])
        scale = float(np.median(np.abs(y - X @ b))) / 0.6745
        for _ in range(30):
            scale = solve(y - X @ b, scale) if scale > 0 else scale
            w = np.maximum(1 - ((y - X @ b) / (1.54764 * scale)) ** 2, 0.0) ** 2
            b = np.linalg.solve((X.T * w) @ X, (X.T * w) @ y)
        least = min(least, solve(y - X @ b, scale, steps=200))
    return least


@pytest.mark.parametrize("seed", range(4))
def test_the_scale_is_the_least_of_all_starts_where_points_lie_in_several_groups(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 12
    x = rng.uniform(0.2, 3.0, n)
    slope = rng.choice([-1.0, 0.2, 1.5], n)
    y = rng.normal(slope * x + rng.choice([0.0, 1.0], n), rng.uniform(0.1, 0.5, n))
    X = np.column_stack([np.ones(n), x])
    found = fit_mm(X, y, weights=np.ones(n))
    assert found.scale <= find_least_scale(X, y) * (1 + 1e-9)


@pytest.mark.parametrize(("penalised", "scale"), [(True, 1.32660658573407), (False, 1.42404933911)])
def test_the_scale_of_many_variants_is_not_above_that_of_lmrob(
    reference: Path, *, penalised: bool, scale: float
) -> None:
    data = read_set(reference, "mrmix_bmi_mdd")
    sign = np.where(data.x < 0, -1.0, 1.0)
    x, y, w = np.abs(data.x), sign * data.beta_y, data.se_y**-2.0
    if penalised:
        line = fit_lines(x, y, weights=w)
        distance = y - line.intercept - line.slope * x
        w = penalise_weights(w, deviations=w * distance**2, factor=100.0)
    found = fit_mm(np.column_stack([np.ones_like(x), x]), y, weights=w)
    assert found.scale == pytest.approx(scale, rel=1e-8)  # robustbase 0.95-0, lowest of seeds 1-3
