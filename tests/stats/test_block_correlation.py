"""Correlation within blocks against the restricted likelihood written out, and GLS against V."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from proteomr._typing import F64, I64
from proteomr.stats import block_correlation
from proteomr.stats.block_correlation import Blocks, find_consensus, take_correlation_out


def draw(seed: int, rho: float) -> tuple[F64, F64, I64]:
    g = np.random.default_rng(seed)
    codes = g.integers(0, 25, 80)
    X = np.column_stack([np.ones(80), g.normal(size=80), g.integers(0, 2, 80)])
    y = X @ [1.0, 0.5, 1.0] + np.sqrt(max(rho, 0.0)) * g.normal(size=25)[codes]
    return X, np.asarray(y + np.sqrt(1 - max(rho, 0.0)) * g.normal(size=80)), codes


def correlation_of(codes: I64, rho: float) -> F64:
    return np.asarray(np.where(codes[:, None] == codes, rho, 0.0) + (1 - rho) * np.eye(codes.size))


def restricted(X: F64, y: F64, V: F64) -> float:
    inverse = np.linalg.inv(V)
    A = X.T @ inverse @ X
    P = inverse - inverse @ X @ np.linalg.solve(A, X.T @ inverse)
    n, p = X.shape
    dets = np.linalg.slogdet(V)[1] + np.linalg.slogdet(A)[1]
    return float((n - p) * np.log(y @ P @ y) + dets)


@pytest.mark.parametrize(("seed", "rho"), [(1, 0.4), (2, 0.0), (3, 0.8), (4, 0.0), (5, 0.2)])
def test_the_estimate_of_many_blocks_is_where_the_restricted_likelihood_is_highest(
    seed: int, rho: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_correlation, "_FEW_BLOCKS", 0)
    X, y, codes = draw(seed, rho)
    blocks = Blocks(codes)
    found = blocks.estimate(X, y, lowest=blocks.lowest)
    best = minimize_scalar(
        lambda r: restricted(X, y, correlation_of(codes, r)),
        bounds=(blocks.lowest, 0.99), method="bounded", options={"xatol": 1e-10},
    )  # fmt: skip
    assert found == pytest.approx(best.x, abs=1e-6)


@pytest.mark.parametrize(("seed", "rho"), [(1, 0.4), (2, 0.0), (3, 0.8), (4, 0.0), (5, 0.2)])
def test_the_scoring_of_few_blocks_ends_close_to_it(
    seed: int, rho: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y, codes = draw(seed, rho)
    blocks = Blocks(codes)
    scored = blocks.estimate(X, y, lowest=blocks.lowest)
    monkeypatch.setattr(block_correlation, "_FEW_BLOCKS", 0)
    assert scored == pytest.approx(blocks.estimate(X, y, lowest=blocks.lowest), abs=1e-3)


def test_least_squares_of_freed_rows_are_generalised_least_squares() -> None:
    X, y, codes = draw(6, 0.5)
    rows = take_correlation_out(np.column_stack([X, y]), Blocks(codes), 0.37)
    inverse = np.linalg.inv(correlation_of(codes, 0.37))
    wanted = np.linalg.solve(X.T @ inverse @ X, X.T @ inverse @ y)
    np.testing.assert_allclose(np.linalg.lstsq(rows[:, :3], rows[:, 3])[0], wanted, rtol=1e-11)


def test_people_of_their_own_block_have_no_correlation() -> None:
    X, y, _ = draw(7, 0.0)
    assert np.isnan(Blocks(np.arange(80)).estimate(X, y, lowest=-0.9))


def test_the_consensus_leaves_the_tails_out() -> None:
    z = np.array([-2.0, 0.1, 0.2, 0.3, 0.2, 0.1, 3.0])
    assert find_consensus(np.tanh(z)) == pytest.approx(np.tanh(np.mean(np.sort(z)[1:-1])))
    assert np.isnan(find_consensus(np.array([np.nan])))
