"""The row loops in numpy and compiled give the same numbers, and those of the formulas."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from proteomr.stats import logistic_loops
from proteomr.stats.loops import load_loops

B, F, S, N, START, C = 3, 2, 2, 90, 17, 41
R = B * F


@pytest.fixture(scope="module")
def compiled() -> ModuleType:
    pytest.importorskip("numba")
    return load_loops("logistic", compiled=True)


def draw(dtype: Any, *, seed: int = 0) -> dict[str, NDArray[Any]]:
    g = np.random.default_rng(seed)
    mask = (g.random((B, N)) < 0.8).astype(np.float32)
    return {
        "eta": (3 * g.normal(size=(R, C))).astype(dtype),
        "borders": (g.normal(size=(B, S, N)) * mask[:, None]).astype(dtype),
        "mask": mask,
        "response": g.integers(0, 2, (F, N)).astype(dtype),
        "coefficients": g.normal(size=(R, S)).astype(dtype),
        "means": g.random((R, N)).astype(np.float64),
        "weights": (0.25 * g.random((R, N))).astype(dtype),
    }


def call(
    loops: ModuleType, name: str, dtype: Any, *, seed: int = 0, shift: float = 0.0
) -> list[NDArray[Any]]:
    """Run one loop on fresh arrays and return all that it writes."""
    d = draw(dtype, seed=seed)
    eta = d["eta"] + np.asarray(shift, dtype=dtype)
    total = np.zeros((R, S))
    if name == "sum_scores":
        loops.sum_scores(
            eta, d["borders"], d["mask"], d["response"], d["coefficients"], START, total
        )
        return [eta, total]
    if name == "store_means":
        means, weights = np.zeros((R, N)), np.zeros((R, N), dtype=np.float32)
        loops.store_means(
            eta,
            d["borders"],
            d["mask"],
            d["response"],
            d["coefficients"],
            START,
            total,
            means,
            weights,
        )
        return [eta, total, means, weights]
    if name == "apply_first_curvature":
        small = (1e-3 * draw(dtype, seed=9)["eta"]).astype(np.float32)
        loops.apply_first_curvature(
            eta,
            small,
            d["means"],
            d["borders"],
            d["mask"],
            d["coefficients"],
            1e-3 * d["coefficients"],
            START,
            total,
        )
        return [eta, total, d["means"]]
    if name == "apply_exact_curvature":
        loops.apply_exact_curvature(
            eta, d["means"], d["borders"], d["mask"], d["coefficients"], START, total
        )
        return [eta, total]
    if name in {"sum_influence", "sum_clusters"}:
        return call_influence(loops, d, eta, clustered=name == "sum_clusters")
    loops.apply_curvature(eta, d["weights"], d["borders"], d["coefficients"], START, total)
    return [eta, total]


def call_influence(
    loops: ModuleType, d: dict[str, NDArray[Any]], u: NDArray[Any], *, clustered: bool
) -> list[NDArray[Any]]:
    g = np.random.default_rng(5)
    both, vectors = np.stack([u, g.normal(size=u.shape)]), g.normal(size=(R, 2, S))
    sums = [np.zeros((R, 2, 2)), np.zeros((R, 2)), np.zeros((R, 2))]
    kept = np.zeros((R if clustered else 0, 2, 2, N))
    given = (d["borders"], d["mask"], d["response"], d["means"], vectors, START)
    adjust = np.empty((0, 0)) if clustered else 1.0 + g.random((R, C))
    loops.sum_influence(both, *given, adjust, *sums, kept)
    if clustered:
        loops.sum_clusters(kept, g.integers(0, 7, N), 7, *sums)
    return sums


LOOPS = sorted(logistic_loops.__all__)
PAIRS = [
    ("sum_scores", np.float64, 1e-12),
    ("sum_scores", np.float32, 1e-5),
    ("store_means", np.float64, 1e-12),
    ("apply_curvature", np.float64, 1e-12),
    ("apply_curvature", np.float32, 1e-5),
    ("apply_first_curvature", np.float64, 1e-9),
    ("apply_exact_curvature", np.float64, 1e-12),
    ("sum_influence", np.float64, 1e-12),
    ("sum_clusters", np.float64, 1e-12),
]


@pytest.mark.parametrize(("name", "dtype", "tolerance"), PAIRS)
@pytest.mark.parametrize("shift", [0.0, 20.0, -60.0])
def test_compiled_loops_equal_those_in_numpy(
    compiled: ModuleType, name: str, dtype: Any, tolerance: float, shift: float
) -> None:
    ours = call(compiled, name, dtype, shift=shift)
    wanted = call(logistic_loops, name, dtype, shift=shift)
    for one, other in zip(ours, wanted, strict=True):
        scale = max(1.0, float(np.abs(other).max()))
        assert float(np.abs(one - other).max()) <= tolerance * scale


def test_every_loop_has_a_compiled_form_that_is_compared(compiled: ModuleType) -> None:
    assert sorted({name for name, _, _ in PAIRS}) == LOOPS
    assert all(callable(getattr(compiled, name)) for name in LOOPS)


def linear_predictor(d: dict[str, NDArray[Any]], r: int) -> NDArray[Any]:
    rows = slice(START, START + C)
    return np.asarray(d["eta"][r] + d["coefficients"][r] @ d["borders"][r // F][:, rows])


def test_scores_are_the_residuals_and_their_products_with_the_borders() -> None:
    d, rows = draw(np.float64), slice(START, START + C)
    residual, total = call(logistic_loops, "sum_scores", np.float64)
    for r in range(R):
        mu = 1 / (1 + np.exp(-linear_predictor(d, r)))
        wanted = (d["response"][r % F, rows] - mu) * d["mask"][r // F, rows]
        np.testing.assert_allclose(residual[r], wanted, atol=1e-14)
        np.testing.assert_allclose(total[r], d["borders"][r // F][:, rows] @ wanted, atol=1e-12)


def test_means_and_weights_are_stored_and_other_rows_left_alone() -> None:
    d, rows = draw(np.float64), slice(START, START + C)
    _, _, means, weights = call(logistic_loops, "store_means", np.float64)
    for r in range(R):
        mu = 1 / (1 + np.exp(-linear_predictor(d, r)))
        np.testing.assert_allclose(means[r, rows], mu, atol=1e-14)
        wanted = mu * (1 - mu) * d["mask"][r // F, rows]
        np.testing.assert_allclose(weights[r, rows], wanted, atol=1e-7)
    outside = np.r_[0:START, START + C : N]
    assert np.all(means[:, outside] == 0)
    assert np.all(weights[:, outside] == 0)


def test_curvature_is_the_weighted_product() -> None:
    d, rows = draw(np.float64), slice(START, START + C)
    product, total = call(logistic_loops, "apply_curvature", np.float64)
    for r in range(R):
        wanted = d["weights"][r, rows] * linear_predictor(d, r)
        np.testing.assert_allclose(product[r], wanted, atol=1e-14)
        np.testing.assert_allclose(total[r], d["borders"][r // F][:, rows] @ wanted, atol=1e-12)


def test_exact_curvature_is_the_product_weighted_by_the_variance_of_the_means() -> None:
    d, rows = draw(np.float64), slice(START, START + C)
    product, total = call(logistic_loops, "apply_exact_curvature", np.float64)
    for r in range(R):
        mu = d["means"][r, rows]
        wanted = d["mask"][r // F, rows] * mu * (1 - mu) * linear_predictor(d, r)
        np.testing.assert_allclose(product[r], wanted, atol=1e-14)
        np.testing.assert_allclose(total[r], d["borders"][r // F][:, rows] @ wanted, atol=1e-12)


def test_first_curvature_moves_the_means_by_the_step_and_weighs_by_them_there() -> None:
    d, rows = draw(np.float64), slice(START, START + C)
    product, total, means = call(logistic_loops, "apply_first_curvature", np.float64)
    shift = 1e-3 * draw(np.float64, seed=9)["eta"]
    step = 1e-3 * d["coefficients"]
    for r in range(R):
        S, mu = d["borders"][r // F][:, rows], d["means"][r, rows]
        mu = mu + mu * (1.0 - mu) * (shift[r] + step[r] @ S)
        wanted = d["mask"][r // F, rows] * mu * (1 - mu) * linear_predictor(d, r)
        np.testing.assert_allclose(means[r, rows], mu, atol=1e-9)
        np.testing.assert_allclose(product[r], wanted, atol=1e-8)
        np.testing.assert_allclose(total[r], S @ wanted, atol=1e-7)
    outside = np.r_[0:START, START + C : N]
    np.testing.assert_array_equal(means[:, outside], d["means"][:, outside])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_predictors_neither_overflow_nor_lose_their_sign(
    compiled: ModuleType, dtype: Any
) -> None:
    for loops in (logistic_loops, compiled):
        for sign in (-1.0, 1.0):
            with np.errstate(over="ignore"):  # as the kernel calls them
                residual, _ = call(loops, "sum_scores", dtype, shift=sign * 2000.0)
            assert np.isfinite(residual).all()
            assert np.isin(np.abs(residual).round(6), [0.0, 1.0]).all()
