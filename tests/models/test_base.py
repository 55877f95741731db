"""Blocks, statuses and the order of rows that all families share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr._typing import I64
from proteomr.models import Block, Factor, Fit, FitBlock, Status, order_rows
from proteomr.models.base import refuse_unfit
from proteomr.models.cells import choose_cell_factors


def factor(name: str, codes: I64, first: int = 1) -> Factor:
    return Factor(name, codes, np.arange(first, first + int(codes.max(initial=0))))


def test_an_empty_block_has_no_estimates_and_no_fit_that_is_ok() -> None:
    fits = FitBlock.empty(2, 3)
    for values in (fits.estimate, fits.se, fits.df, fits.conf_low, fits.conf_high):
        assert values.shape == (2, 3)
        assert np.isnan(values).all()
    assert (fits.status == Status.not_converged).all()
    assert (fits.n_case == -1).all()


def test_a_refused_fit_loses_its_estimate_and_keeps_its_message() -> None:
    fits = FitBlock.empty(1, 2)
    fits.estimate[:] = fits.se[:] = 1.0
    fits.refuse(0, 1, Status.collinear, "age")
    assert np.isnan(fits.estimate[0]).tolist() == [False, True]
    assert fits.status[0, 1] == Status.collinear
    assert fits.messages == {(0, 1): "age"}


def test_proteins_without_values_or_with_one_are_refused() -> None:
    values = np.array(
        [[0.0, 0, 0, 0], [1, 2, 0, 0], [5, 5, 5, 5], [5, 5 + 1e-13, 5, 5], [1, 2, 3, 4]]
    )
    observed = np.ones((5, 4), dtype=bool)
    observed[0] = False
    observed[1, 2:] = False
    fits = FitBlock.empty(5, 2)
    left = refuse_unfit(Block(values, np.empty((5, 0, 4)), observed), fits)
    assert left.tolist() == [[False, False]] * 4 + [[True, True]]
    wanted = [Status.all_missing, Status.too_few, Status.constant, Status.constant]
    assert fits.status[:4, 0].tolist() == wanted
    assert len(fits.messages) == 8


@given(
    levels=st.lists(st.integers(1, 12), min_size=0, max_size=3),
    n=st.integers(1, 3000),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_rows_are_ordered_by_cell_and_otherwise_as_they_were(
    levels: list[int], n: int, seed: int
) -> None:
    g = np.random.default_rng(seed)
    factors = [factor(f"f{i}", g.integers(0, q, n)) for i, q in enumerate(levels)]
    order = order_rows(factors, n)
    assert np.array_equal(np.sort(order), np.arange(n))
    chosen = choose_cell_factors(factors, n)
    cells = [tuple(int(f.codes[row]) for f in chosen) for row in order]
    assert cells == sorted(cells)
    for one, two, a, b in zip(order, order[1:], cells, cells[1:], strict=False):
        assert a != b or one < two


def test_cells_are_few_for_the_rows() -> None:
    g = np.random.default_rng(1)
    sites, batches, sex = (factor(str(q), g.integers(0, q, 40_000)) for q in (22, 8, 2))
    chosen = choose_cell_factors([sex, batches, sites], 40_000)
    assert [f.name for f in chosen] == ["22", "8"]
    small = [factor(f.name, f.codes[:5000]) for f in (sex, batches, sites)]
    assert [f.name for f in choose_cell_factors(small, 5000)] == ["22"]


@pytest.mark.parametrize("rows", [[0, 2], np.array([2])])
def test_a_block_of_some_proteins_is_theirs(rows: list[int] | I64) -> None:
    values = np.arange(12.0).reshape(3, 4)
    block = Block(values, values[:, None], values > 3)
    taken = block.take(rows)
    np.testing.assert_array_equal(taken.values, values[rows])
    np.testing.assert_array_equal(taken.own[:, 0], values[rows])
    np.testing.assert_array_equal(taken.observed, values[rows] > 3)


@pytest.mark.parametrize(
    ("estimate", "se", "df", "low"),
    [
        (np.inf, 1, 9, np.nan),
        (np.nan, 1, 9, np.nan),
        (1, 0, 9, np.nan),
        (1, np.inf, 9, np.nan),
        (1, np.nan, 9, np.nan),
        (1, 1e-310, 9, np.nan),
        (1, -1, 9, np.nan),
        (1, 1, np.nan, np.nan),
        (1, 1, 0, np.nan),
        (1, 1, np.inf, -np.inf),
        (1, 1, np.inf, 1.5),
    ],
)
def test_no_fit_is_ok_without_a_finite_estimate_and_error(
    estimate: float, se: float, df: float, low: float
) -> None:
    fits = FitBlock.empty(1, 2)
    fits.status[:] = Status.ok
    fits.estimate[:], fits.se[:], fits.df[:] = 1.0, 0.5, 9.0
    fits.estimate[0, 0], fits.se[0, 0], fits.df[0, 0] = estimate, se, df
    fits.conf_low[0, 0] = low
    sealed = fits.seal()
    assert sealed.status.tolist() == [[Status.not_converged, Status.ok]]
    assert np.isnan([sealed.estimate[0, 0], sealed.se[0, 0], sealed.conf_low[0, 0]]).all()
    assert list(sealed.messages) == [(0, 0)]


def test_a_penalised_estimate_without_limits_keeps_its_status_and_loses_its_numbers() -> None:
    fits = FitBlock.empty(1, 1)
    fits.enter(0, 0, Fit(2.0, 1.0, np.inf, -np.inf, 3.0, Status.separated, "complete separation"))
    assert fits.seal().status[0, 0] == Status.separated
    assert np.isnan([fits.estimate[0, 0], fits.se[0, 0], fits.conf_high[0, 0]]).all()
    assert fits.messages[0, 0].startswith("complete separation; no finite estimate")
