"""The preconditioner and the memory of steps against dense matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.quasi_newton import Preconditioner, StepMemory, is_far, slow_down

B, F, K, S = 3, 2, 5, 2
R = B * F


@dataclass(frozen=True)
class System:
    """Information matrices ``(R, k + s, k + s)`` of all fits and their preconditioner."""

    information: F64
    preconditioner: Preconditioner


def draw_positive(g: np.random.Generator, size: int) -> F64:
    half = g.normal(size=(size, 3 * size))
    return np.asarray(half @ half.T)


def make_system(seed: int = 0) -> System:
    g = np.random.default_rng(seed)
    shared = np.array([draw_positive(g, K) for _ in range(F)])
    inflation = g.uniform(1.0, 1.5, R)
    information = np.empty((R, K + S, K + S))
    cross, eliminated, schur = np.empty((R, S, K)), np.empty((R, S, K)), np.empty((R, S, S))
    for r in range(R):
        A = shared[r % F] / inflation[r]
        cross[r] = 0.5 * g.normal(size=(S, K))
        D = draw_positive(g, S)
        information[r] = np.block([[A, cross[r].T], [cross[r], D]])
        eliminated[r] = cross[r] @ np.linalg.inv(A)
        schur[r] = D - eliminated[r] @ cross[r].T
    borders = np.einsum("raa->ra", information)[:, K:]
    kernel = Preconditioner(
        np.linalg.inv(shared), inflation, cross, eliminated, schur, 1, borders, np.ones(R)
    )
    return System(information, kernel)


def draw_scores(seed: int) -> F64:
    return np.random.default_rng(100 + seed).normal(size=(R, K + S))


def test_the_preconditioner_solves_the_bordered_system_of_every_fit() -> None:
    system, g = make_system(), draw_scores(0)
    before = g.copy()
    found = system.preconditioner.solve(g)
    wanted = np.linalg.solve(system.information, g[:, :, None])[:, :, 0]
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(g, before)


def test_borders_that_are_held_stay_and_the_others_solve_the_system_without_them() -> None:
    system, g = make_system(), draw_scores(0)
    found = system.preconditioner.hold(1).solve(g)
    rest = [i for i in range(K + S) if i != K]
    part = system.information[:, rest][:, :, rest]
    wanted = np.linalg.solve(part, g[:, rest, None])[:, :, 0]
    np.testing.assert_array_equal(found[:, K], 0.0)
    np.testing.assert_allclose(found[:, rest], wanted, rtol=1e-9, atol=1e-12)


def test_without_steps_the_direction_is_the_preconditioner_s() -> None:
    system, g = make_system(), draw_scores(0)
    found = StepMemory().direct(system.preconditioner, g)
    np.testing.assert_array_equal(found, system.preconditioner.solve(g))


def remember_two(memory: StepMemory, trusted: list[bool]) -> list[tuple[F64, F64]]:
    """Give a memory two steps, whose score changes belong to other matrices."""
    pairs = []
    for seed in (1, 2):
        step = draw_scores(seed)
        change = np.matmul(make_system(seed + 10).information, step[:, :, None])[:, :, 0]
        memory.remember(step, change, trusted=np.array(trusted))
        pairs.append((step, change))
    return pairs


def test_the_direction_equals_the_dense_bfgs_update() -> None:
    system, memory, g = make_system(), StepMemory(), draw_scores(3)
    pairs = remember_two(memory, [True] * R)
    found = memory.direct(system.preconditioner, g)
    for r in range(R):
        H = np.linalg.inv(system.information[r])
        for steps, changes in pairs:
            s, y = steps[r], changes[r]
            V = np.eye(K + S) - np.outer(y, s) / (s @ y)
            H = V.T @ H @ V + np.outer(s, s) / (s @ y)
        np.testing.assert_allclose(found[r], H @ g[r], rtol=1e-8, atol=1e-10)


def test_the_last_change_of_score_is_answered_by_the_step_that_brought_it() -> None:
    system, memory = make_system(), StepMemory()
    step, change = remember_two(memory, [True] * R)[-1]
    np.testing.assert_allclose(memory.direct(system.preconditioner, change), step, rtol=1e-8)


def test_fits_that_are_not_trusted_keep_the_preconditioner_s_direction() -> None:
    system, memory, g = make_system(), StepMemory(), draw_scores(3)
    trusted = [True, False] * B
    remember_two(memory, trusted)
    found, plain = memory.direct(system.preconditioner, g), system.preconditioner.solve(g)
    np.testing.assert_allclose(found[1::2], plain[1::2], rtol=1e-14)
    assert np.all(np.abs(found[::2] - plain[::2]).max(axis=1) > 1e-6)


def test_a_step_without_curvature_is_not_used() -> None:
    system, memory, g = make_system(), StepMemory(), draw_scores(3)
    step = draw_scores(1)
    memory.remember(step, -step, trusted=np.ones(R, dtype=bool))
    memory.remember(step, np.zeros_like(step), trusted=np.ones(R, dtype=bool))
    plain = system.preconditioner.solve(g)
    np.testing.assert_allclose(memory.direct(system.preconditioner, g), plain, rtol=1e-14)


@pytest.mark.parametrize("decrement", [-1e-300, -1.0, np.nan, np.inf])
def test_a_decrement_that_is_negative_or_no_number_is_far(decrement: float) -> None:
    assert is_far(np.array([decrement]), np.array([0.1]), np.array([1e6]))[0]


def test_a_slow_iteration_is_far_where_a_fast_one_is_near() -> None:
    decrement, weight = np.full(2, 1e-12), np.full(2, 1e4)
    assert is_far(decrement, np.array([0.1, 0.999]), weight).tolist() == [False, True]
    assert slow_down(np.full(1, 0.1), decrement[:1], np.full(1, 1.1e-12))[0] > 0.9


def test_few_rows_are_far_where_many_are_near() -> None:
    decrement, rate = np.full(2, 1e-12), np.full(2, 1e-3)
    assert is_far(decrement, rate, np.array([1e4, 4.0])).tolist() == [False, True]
