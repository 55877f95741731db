"""The compiled ranks give the bits of scipy's ranks and quantiles, or say that they cannot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import ndtri
from scipy.stats import rankdata

from proteomr._typing import F64
from proteomr.stats.compiled_rank_loops import CompiledRanks
from proteomr.stats.loops import COMPILED_FROM
from proteomr.stats.transforms import rank_normalise_block

_VALUES = st.one_of(
    st.floats(allow_nan=True, width=64),
    st.floats(allow_nan=True, width=32),
    st.sampled_from([0.0, -0.0, 1.0, 1.0 + 2**-52, -1.0 - 2**-52, 5e-324, 1e-46, 1e300, np.inf]),
    st.integers(-3, 3).map(float),
)


def slow_scores(row: F64, offset: float) -> F64:
    out, there = np.zeros(row.size), ~np.isnan(row)
    n = int(there.sum())
    out[there] = ndtri((rankdata(row[there]) - offset) / (n - 2 * offset + 1))
    return out


@settings(deadline=None)  # the first example loads what is compiled
@given(arrays(np.float64, st.integers(1, 60), elements=_VALUES), st.sampled_from([0, 0.375, 0.5]))
def test_scores_are_those_of_scipy_bit_for_bit(row: F64, offset: float) -> None:
    out = np.full(row.size, 7.0)
    if CompiledRanks(row.size).write(row, out, offset=offset):
        assert out.tobytes() == slow_scores(row, offset).tobytes()
    else:  # fewer values of one number in single precision are never too many
        assert row.size > 32


def make_rows(n: int) -> dict[str, F64]:
    g = np.random.default_rng(1)
    normal = g.normal(size=n)
    return {
        "single precision": normal.astype(np.float32).astype(np.float64),
        "decimals": normal.round(4),
        "double precision": normal,
        "tied": g.integers(0, 5, n).astype(np.float64),
        "one value": np.ones(n),
        "missing": np.where(g.random(n) < 0.4, np.nan, normal),
        "all missing": np.full(n, np.nan),
        "infinite": np.where(g.random(n) < 0.1, -np.inf, normal),
        "far from zero": 1e9 + normal,
        "close to one another": 1.0 + 1e-12 * normal,
        "beyond single precision": 1e300 * normal,
        "below single precision": 1e-320 * normal,
        "zeros of both signs": np.where(g.random(n) < 0.5, -0.0, 0.0),
        "deep tails": np.sort(normal),
        # more than a move for each value, which no count of digits foretells: a third pass
        "in clusters": (g.integers(1, 9, n) * (1.0 + 2e-6 * g.random(n))).astype(np.float32) * 1.0,
    }


@pytest.mark.parametrize("n", [COMPILED_FROM - 1, COMPILED_FROM, 3 * COMPILED_FROM])
def test_both_sides_of_the_switch_give_the_bits_of_scipy(n: int) -> None:
    rows = make_rows(n)
    out = np.full((len(rows), n), 7.0)
    ends = rank_normalise_block(np.array(list(rows.values())), out)
    for name, row, scores, low, high in zip(rows, rows.values(), out, *ends, strict=True):
        assert scores.tobytes() == slow_scores(row, 0.375).tobytes(), name
        there = scores[~np.isnan(row)]
        assert low == there.min(initial=np.inf), name
        assert high == there.max(initial=-np.inf), name


def test_so_many_values_that_two_passes_leave_too_much_have_the_bits_of_scipy() -> None:
    g = np.random.default_rng(2)
    row = (1.0 + g.random(80_000)).astype(np.float32).astype(np.float64)
    row[7] = -row[7]  # which widens the span of all others to 32 bits
    out = np.empty(row.size)
    assert CompiledRanks(row.size).write(row, out, offset=0.375)
    assert out.tobytes() == slow_scores(row, 0.375).tobytes()


def test_rows_of_which_single_precision_sees_one_value_are_left_to_numpy() -> None:
    row = 1.0 + 1e-12 * np.random.default_rng(1).normal(size=200)
    out = np.full(200, 7.0)
    assert not CompiledRanks(200).write(row, out, offset=0.375)
    assert np.all(out == 7.0)
