"""Sums of windows in LLVM's instructions are those of a plain loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from proteomr.stats.compiled_density_loops import add_coarsely, add_windows
from proteomr.stats.compiled_window_loops import LANES, SINGLE_LANES

Arrays = Any


@pytest.mark.parametrize("n", [1, 2, 3, 56, 400])
@pytest.mark.parametrize("windows", [1, 2, 5])
def test_windows_are_the_sums_of_shared_out_values(n: int, windows: int) -> None:
    random = np.random.default_rng(n)
    table = random.random(900)
    starts, share = random.integers(0, 700, n), random.random(n)
    w, v = random.random(n), random.random(n)
    first, count = 33, windows * LANES
    out, put = np.zeros((2, count + 3))
    add_windows(table, starts, share, w, v, first, count, out, put)
    places = first + starts[:, None] + np.arange(count)
    values = (1.0 - share[:, None]) * table[places + 1] + share[:, None] * table[places]
    np.testing.assert_allclose(out[:count], w @ values, rtol=1e-13)
    np.testing.assert_allclose(put[:count], v @ values, rtol=1e-13)
    assert not out[count:].any()
    assert not put[count:].any()


def test_a_point_has_the_same_bits_wherever_its_window_begins_and_whatever_is_beside_it() -> None:
    random = np.random.default_rng(4)
    table, starts, share = random.random(900), random.integers(0, 700, 37), random.random(37)
    w, v = random.random((2, 37))
    sums: list[Arrays] = []
    for first, of_out, of_put in ((40, w, v), (45, v, w), (45, w, w)):
        out, put = np.zeros((2, LANES))
        add_windows(table, starts, share, of_out, of_put, first, LANES, out, put)
        sums.append((out, put))
    np.testing.assert_array_equal(sums[0][0][5:], sums[1][1][:-5])
    np.testing.assert_array_equal(sums[0][1][5:], sums[1][0][:-5])
    np.testing.assert_array_equal(sums[2][0], sums[1][1])
    np.testing.assert_array_equal(sums[2][0], sums[2][1])


@pytest.mark.parametrize("points", [1, SINGLE_LANES, SINGLE_LANES + 1, 100])
def test_coarse_points_are_sums_of_rows_that_are_zero_far_from_their_values(points: int) -> None:
    from proteomr.stats.density_modes import _APART, _FRACTIONS, _tabulate_kernel

    random = np.random.default_rng(points)
    cell, row = random.integers(0, points, 60), random.integers(0, _FRACTIONS, 60)
    weights = random.random((2, 60)).astype(np.float32)
    out = np.zeros((2, 200), dtype=np.float32)
    add_coarsely(_tabulate_kernel(), cell, row, np.zeros(60, np.int64), weights, points, out)
    z = _APART * (np.arange(points)[:, None] - cell - row / _FRACTIONS)
    np.testing.assert_allclose(out[:, :points], weights @ np.exp(-0.5 * z * z).T, atol=1e-4)
