"""Both forms of the loops over observed values, against the formulas and one another."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from proteomr._typing import F64, Bool
from proteomr.stats.linalg import find_powers
from proteomr.stats.loops import load_loops


@pytest.fixture(params=[False, True], ids=["plain", "compiled"])
def loops(request: pytest.FixtureRequest) -> ModuleType:
    return load_loops("observed", compiled=request.param)


def draw(*, rows: int = 3, n: int = 4_100) -> tuple[F64, Bool]:
    g = np.random.default_rng(4)
    observed = g.random((rows, n)) < 0.7
    return g.normal(3.0, 2.0, (rows, n)) * observed, observed


def standardise(loops: ModuleType, values: F64, observed: Bool) -> tuple[F64, F64]:
    out = np.full_like(values, 7.0)
    powers = find_powers(np.abs(values).max(axis=1))
    return out, loops.standardise_rows(values, observed, powers, out)


def test_observed_values_have_mean_zero_and_unit_root_mean_square(loops: ModuleType) -> None:
    values, observed = draw()
    out, scale = standardise(loops, values, observed)
    for j, row in enumerate(observed):
        np.testing.assert_allclose(out[j, row].mean(), 0.0, atol=1e-14)
        np.testing.assert_allclose(np.sqrt(np.mean(out[j, row] ** 2)), 1.0, rtol=1e-14)
        np.testing.assert_allclose(scale[j], values[j, row].std(), rtol=1e-14)
        assert not out[j, ~row].any()


@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e300])
def test_rows_of_any_unit_are_standardised_alike(loops: ModuleType, unit: float) -> None:
    values, observed = draw(n=40)
    rows, scale = standardise(loops, values, observed)
    scaled, scale_there = standardise(loops, unit * values, observed)
    np.testing.assert_allclose(scaled, rows, atol=1e-14)
    np.testing.assert_allclose(scale_there / unit, scale, rtol=1e-14)


@pytest.mark.parametrize("value", [0.1, 0.0, -1e300])
def test_a_constant_row_is_zero_and_has_no_scale(loops: ModuleType, value: float) -> None:
    observed = np.array([[True, True, False, True, True, True, True]])
    rows, scale = standardise(loops, value * observed, observed)
    assert scale.tolist() == [0.0]
    assert not rows.any()


@pytest.mark.parametrize("shift", [-50.0, 0.0, 50.0])
def test_ranges_are_those_of_observed_values_alone(loops: ModuleType, shift: float) -> None:
    values, observed = draw()
    values += shift
    observed[2] = False
    low, high = loops.find_ranges(values * observed, observed)
    assert low.tolist() == [*(values[j, observed[j]].min() for j in (0, 1)), np.inf]
    assert high.tolist() == [*(values[j, observed[j]].max() for j in (0, 1)), -np.inf]


def test_the_other_rows_of_a_block_change_no_bit(loops: ModuleType) -> None:
    values, observed = draw(rows=5)
    whole, scale = standardise(loops, values, observed)
    alone, scale_alone = standardise(loops, values[3:4], observed[3:4])
    assert whole[3].tobytes() == alone[0].tobytes()
    assert scale[3] == scale_alone[0]


def test_levels_are_counted_among_those_whom_a_row_does_not_lack(loops: ModuleType) -> None:
    g = np.random.default_rng(5)
    codes = g.integers(0, 4, 300)
    lists = [np.flatnonzero(g.random(300) < share) for share in (0.2, 0.0, 1.0, 0.6)]
    starts = np.cumsum([0, *(rows.size for rows in lists)])
    counts = loops.count_levels(codes, np.concatenate(lists), starts)
    for j, rows in enumerate(lists):
        kept = np.delete(codes, rows)
        assert counts[j].tolist() == [int(np.sum(kept == level)) for level in range(4)]
    nobody = loops.count_levels(codes, np.empty(0, dtype=np.int64), np.zeros(1, dtype=np.int64))
    assert nobody.shape == (0, 4)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_what_rows_lack_is_listed_row_by_row(loops: ModuleType, share: float) -> None:
    observed = np.random.default_rng(6).random((4, 333)) >= share
    observed[2] = True
    where, starts = loops.list_missing(observed)
    lists = [np.flatnonzero(~row) for row in observed]
    assert starts.tolist() == [0, *np.cumsum([rows.size for rows in lists])]
    assert where.tolist() == np.concatenate(lists).tolist()
    assert where.dtype == starts.dtype == np.int64


def test_nobody_and_no_row_lack_nothing(loops: ModuleType) -> None:
    for shape in ((0, 5), (3, 0), (0, 0)):
        where, starts = loops.list_missing(np.ones(shape, dtype=np.bool_))
        assert where.size == 0
        assert starts.tolist() == [0] * (shape[0] + 1)
        assert loops.mark_observed(np.ones(shape), np.ones(shape, dtype=np.bool_)).size == shape[0]


def test_numbers_are_observed_and_infinite_ones_counted(loops: ModuleType) -> None:
    values = np.random.default_rng(7).normal(size=(3, 777))
    values[0, ::5] = np.nan
    values[1, 3:8], values[1, 700] = np.inf, -np.inf
    values[2] = np.nan
    values[0, 1], values[0, 2] = 5e-324, np.finfo(np.float64).max
    observed = np.empty(values.shape, dtype=np.bool_)
    assert loops.mark_observed(values, observed).tolist() == [0, 6, 0]
    np.testing.assert_array_equal(observed, ~np.isnan(values))
