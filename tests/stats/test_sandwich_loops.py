"""The compiled loops behind robust errors of many fits give what the plain ones give."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.loops import load_loops

M, B, P, T, R, Q, D, Z, V = 2, 3, 3, 2, 500, 4, 5, 3, 2
RNG = np.random.default_rng(0)
CELL = np.sort(RNG.integers(0, Q, R))
ROOT = RNG.gamma(2.0, size=R)
OBSERVED = RNG.random((B, R)) < 0.8
COLUMNS = RNG.normal(size=(M, B, P + 1, R)) * OBSERVED[:, None] / R**0.5
MIXING = np.triu(RNG.normal(size=(M, B, T, T)))


def each() -> list[ModuleType]:
    return [load_loops("sandwich", compiled=compiled) for compiled in (True, False)]


def assert_same(both: list[Any]) -> None:
    for one, other in zip(*both, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-14)


def test_columns_are_completed_alike() -> None:
    cells, shares = RNG.normal(size=(M, B, P + 1, Q)), RNG.normal(size=(M, B, P + 1, V))
    own = RNG.normal(size=(B, V, R))
    both = []
    for loops in each():
        columns = COLUMNS.copy()
        loops.finish_columns(columns, cells, CELL, ROOT, own, shares, OBSERVED)
        assert (columns[:, ~OBSERVED[:, None].repeat(P + 1, axis=1)] == 0.0).all()
        both.append([columns])
    assert_same(both)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_leverages_are_summed_alike(kind: type) -> None:
    g = np.random.default_rng(1)
    dense = g.normal(size=(R, D))
    factors = np.tril(g.normal(size=(B, Z + D, Z + D)))
    cells = factors[:, :, :Z] @ g.normal(size=(Z, Q))
    products = np.matmul(factors[:, Z:, Z:], dense.T).astype(kind)
    both = []
    for loops in each():
        out = np.empty((B, 2, R))
        loops.add_leverages(
            dense, factors, products, cells, CELL, ROOT, np.array([2, D]), 0.01, out
        )
        both.append([out])
    assert_same(both)
    rows = np.concatenate([np.zeros((B, Z, R)), dense.T[None].repeat(B, axis=0)], axis=1)
    whole = np.matmul(factors, rows) + cells[:, :, CELL] * ROOT
    np.testing.assert_allclose(both[0][0][:, 1], np.sum(whole**2, axis=1), rtol=1e-10)


def add_squares(loops: ModuleType, base: F64, power: float, columns: F64) -> list[Any]:
    sums = np.zeros((M, B, T, T)), np.zeros((M, B, T)), np.zeros((M, B, T, 2))
    sound = np.ones((M, B), dtype=bool)
    loops.add_squares(
        columns, base, np.array([0, 1]), OBSERVED, MIXING, power, 0.01, 1e-9, *sums, sound
    )
    return [*sums, sound]


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_scores_are_squared_alike(power: float) -> None:
    base = RNG.random((B, 2, R)) * 0.5
    assert_same([add_squares(loops, base, power, COLUMNS) for loops in each()])


def test_a_row_of_leverage_one_is_left_out_where_it_moves_nothing() -> None:
    base = RNG.random((B, 2, R)) * 0.5
    row = int(np.flatnonzero(OBSERVED.all(axis=0))[0])
    base[:, :, row] = 1.0 + 1e-13
    quiet = COLUMNS.copy()
    quiet[:, :, :P, row] = 1e-13
    found = [add_squares(loops, base, 1.0, quiet) for loops in each()]
    assert_same(found)
    assert found[0][-1].all()
    assert not add_squares(each()[0], base, 1.0, COLUMNS)[-1].any()


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("large", [False, True])
def test_scores_of_a_single_column_are_squared_alike(power: float, *, large: bool) -> None:
    base = RNG.random((B, 2, R)) * 0.5
    columns = COLUMNS[:, :, [0, -1]].copy()
    if large:
        base[:, :, 7], columns[:, :, 0, 7] = 1.0, 0.0
    both = []
    for loops in each():
        sums = np.zeros((M, B, 1, 1)), np.zeros((M, B, 1)), np.zeros((M, B, 1, 2))
        sound = np.ones((M, B), dtype=bool)
        sets, mixing = np.array([0, 1]), np.ones((M, B, 1, 1))
        loops.add_squares(columns, base, sets, OBSERVED, mixing, power, 0.01, 1e-9, *sums, sound)
        both.append([*sums, sound])
    if power == 0.0:
        both = [sums[:2] for sums in both]
    assert_same(both)


def test_a_single_column_of_each_protein_is_completed_alike() -> None:
    cells, shares = RNG.normal(size=(M, B, P + 1, Q)), RNG.normal(size=(M, B, P + 1, 1))
    both = []
    for loops in each():
        columns = COLUMNS.copy()
        own = np.ascontiguousarray(COLUMNS[0, :, :1])
        loops.finish_columns(columns, cells, CELL, ROOT, own, shares, OBSERVED)
        both.append([columns])
    assert_same(both)


def test_scores_of_clusters_are_summed_alike() -> None:
    cluster = RNG.integers(0, 40, R)
    both = []
    for loops in each():
        sums = np.zeros((B, 40, 2 * M * T))
        loops.add_clusters(COLUMNS, cluster, MIXING, sums)
        both.append([sums])
    assert_same(both)
