"""Sums for tests of proportional hazards are the same by the compiled walk in the order of time."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats.chunked import chunk_design
from proteomr.stats.loops import load_loops
from proteomr.stats.risk_sets import lay_out_risk_sets
from proteomr.stats.timed_columns import order_columns

N = 90


@pytest.mark.parametrize("dense", [0, 3, 11])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("ties", ["all", "some", "none"])
@pytest.mark.parametrize("efron", [False, True])
def test_the_compiled_walk_gives_what_the_plain_sums_give(
    dense: int, ties: str, *, late: bool, efron: bool
) -> None:
    g = np.random.RandomState(dense)
    times = {"all": 5, "some": 60, "none": 10**9}[ties]
    entry = g.randint(0, 3, N) if late else np.full(N, -np.inf)
    exits = 3.0 + g.randint(0, times, N)
    rows = np.column_stack([entry, exits, g.rand(N) < 0.6])
    risk = lay_out_risk_sets(rows, g.randint(0, 2, N))
    cells = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, -1.0]])
    design = chunk_design(g.randn(N, dense), cells, np.sort(g.randint(0, 4, N)), chunk_rows=40)
    columns = order_columns(design, risk)
    np.testing.assert_array_equal(columns.matrix(), design.matrix())
    # Some times keep one death, or none, of those that all rows have there.
    mask = g.choice([0.0, 1.0, 0.5], (2, N))
    hazards, borders = mask * np.exp(g.randn(2, N)), g.randn(2, 2, N)
    gtime, found = g.randn(2, risk.size), []
    for compiled in (False, True):
        weights = np.empty((2, 3, N))
        loops = load_loops("cox", compiled=compiled)
        given = (columns, borders, mask, risk, hazards, gtime, weights)
        found.append((*loops.sum_changes(*given, efron=efron), weights))
    for plain, fast in zip(*found, strict=True):
        np.testing.assert_allclose(fast, plain, rtol=1e-10, atol=1e-10 * np.abs(plain).max())


@pytest.mark.parametrize("late", [False, True])
def test_fits_that_walk_together_have_the_bits_of_each_alone(*, late: bool) -> None:
    # Rows of more than two stretches of the walk, and fits of more than one group.
    n, fits, g = 4_000, 6, np.random.RandomState(7)
    entry = g.randint(0, 3, n) if late else np.full(n, -np.inf)
    rows = np.column_stack([entry, 3.0 + g.randint(0, 300, n), g.rand(n) < 0.3])
    risk = lay_out_risk_sets(rows, g.randint(0, 2, n))
    cell = np.sort(g.randint(0, 2, n))
    design = chunk_design(g.randn(n, 9), np.array([[0.0], [1.0]]), cell)
    columns = order_columns(design, risk)
    mask = g.choice([0.0, 1.0], (fits, n), p=[0.1, 0.9])
    hazards, borders = mask * np.exp(g.randn(fits, n)), g.randn(fits, 1, n)
    gtime = g.randn(fits, risk.size)

    def add_up(which: slice, *, compiled: bool, single: bool = False) -> tuple[np.ndarray, ...]:
        weights = np.empty((fits, 3, n))[which]
        given = (borders[which], mask[which], risk, hazards[which], gtime[which], weights)
        loops = load_loops("cox", compiled=compiled)
        means, score, rest = loops.sum_changes(columns, *given, efron=True, single=single)
        return means.transpose(1, 0, 2, 3), score, weights, rest.transpose(1, 0, 2)

    for single in (False, True):
        together = add_up(slice(None), compiled=True, single=single)
        for j in range(fits):
            for all_of_them, alone in zip(
                together, add_up(slice(j, j + 1), compiled=True, single=single), strict=True
            ):
                np.testing.assert_array_equal(all_of_them[j], alone[0])
    together = add_up(slice(None), compiled=True)
    for fast, plain in zip(together, add_up(slice(None), compiled=False), strict=True):
        np.testing.assert_allclose(fast, plain, rtol=1e-10, atol=1e-10 * np.abs(plain).max())


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_what_is_summed_in_single_precision_is_off_by_a_millionth_of_itself(scale: float) -> None:
    n, g = 4_000, np.random.RandomState(11)
    rows = np.column_stack([np.full(n, -np.inf), 1.0 + g.randint(0, 900, n), g.rand(n) < 0.4])
    risk = lay_out_risk_sets(rows)
    cell = np.sort(g.randint(0, 3, n))
    X = g.randn(n, 5)
    X[:, 4] = (g.rand(n) < 0.002) * scale  # some of the columns in other units than the rest
    columns = order_columns(chunk_design(X, np.eye(3)[:, 1:], cell), risk)
    hazards, borders = np.exp(g.randn(1, n)), scale * g.randn(1, 1, n)
    gtime, loops = g.randn(1, risk.size), load_loops("cox")
    found = [
        loops.sum_changes(
            columns, borders, np.ones((1, n)), risk, hazards, gtime, np.empty((1, 3, n)),
            efron=True, single=single,
        )
        for single in (False, True)
    ]  # fmt: skip
    (exact, _, nothing), (means, _, rest) = found
    assert not nothing.any()
    for power in (0, 2):
        size = np.sqrt(rest[power, 0])
        gap = np.abs((means - exact)[power, 0]) / size[:, None] / size
        assert 0.0 < gap.max() < 2e-6
