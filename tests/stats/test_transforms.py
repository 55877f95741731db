from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import ndtri
from scipy.stats import rankdata

from proteomr._typing import F64
from proteomr.stats import transforms
from proteomr.stats.transforms import (
    TRANSFORMS,
    log2_block,
    rank_normalise,
    rank_normalise_block,
    transform_block,
    zscore_block,
)

Expected = Callable[[str], dict[str, Any]]

# Few distinct values, and neighbours in the last bits, so that ties and near ties are common.
_VALUES = st.one_of(
    st.floats(allow_nan=False, width=64),
    st.sampled_from([0.0, -0.0, 1.0, 1.0 + 2**-52, 1.0 + 2**-51, -1.0, -1.0 - 2**-52, 5e-324]),
    st.integers(-3, 3).map(float),
)


def slow_rank_normalise(values: F64, offset: float = 0.375) -> F64:
    n = values.size
    return np.asarray(ndtri((rankdata(values) - offset) / (n - 2 * offset + 1)))


def rank_normalise_rows(values: F64, offset: float = 0.375) -> F64:
    out = np.full_like(values, 7.0)
    rank_normalise_block(values, out, offset=offset)
    return out


@given(arrays(np.float64, st.integers(1, 60), elements=_VALUES), st.sampled_from([0, 0.375, 0.5]))
def test_rank_normal_scores_are_those_of_scipy_ranks_bit_for_bit(
    values: F64, offset: float
) -> None:
    scores = rank_normalise(values, offset=offset)
    assert scores.tobytes() == slow_rank_normalise(values, offset).tobytes()


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(1, 4), st.integers(1, 30)),
        elements=st.one_of(_VALUES, st.just(float("nan"))),
    )
)
def test_a_block_ranks_each_row_over_its_observed_values_and_writes_zero_elsewhere(
    values: F64,
) -> None:
    scores = rank_normalise_rows(values)
    for row, found in zip(values, scores, strict=True):
        observed = ~np.isnan(row)
        assert (found[~observed] == 0.0).all()
        if observed.any():
            assert (found[observed] == slow_rank_normalise(row[observed])).all()


@pytest.mark.parametrize("kind", ["double", "single", "rounded", "limit", "dense"])
def test_large_rows_have_identical_bits(kind: str) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(3, 20_011))
    values = {
        "double": values,
        "single": values.astype(np.float32).astype(np.float64),
        "rounded": np.round(values, 2),
        "limit": np.maximum(values, -0.7),
        "dense": 1.0 + values * 1e-13,
    }[kind]
    values[1, rng.random(values.shape[1]) < 0.1] = np.nan
    scores = rank_normalise_rows(values)
    for row, found in zip(values, scores, strict=True):
        observed = ~np.isnan(row)
        assert found[observed].tobytes() == slow_rank_normalise(row[observed]).tobytes()


def test_values_that_differ_only_in_their_last_bits_are_put_in_order() -> None:
    up = 1.0 + np.arange(50) * 2.0**-52
    values = np.concatenate((up[::-1], -up))
    assert (rank_normalise(values) == slow_rank_normalise(values)).all()


def test_scores_are_invariant_under_an_increasing_transform() -> None:
    values = np.random.default_rng(2).normal(size=501)
    assert (rank_normalise(values) == rank_normalise(np.exp(values))).all()


def test_infinite_values_take_the_extreme_ranks() -> None:
    values = np.array([0.0, np.inf, -np.inf, 1e308])
    assert np.argsort(rank_normalise(values)).tolist() == [2, 0, 3, 1]


def test_the_two_zeros_are_tied() -> None:
    assert rank_normalise(np.array([0.0, -0.0])).tolist() == [0.0, 0.0]


def test_rows_of_a_strided_block_are_read_as_they_stand() -> None:
    values = np.random.default_rng(3).normal(size=(40, 6))
    out = np.empty((6, 40))
    rank_normalise_block(values.T, out)
    assert (out == rank_normalise_rows(np.ascontiguousarray(values.T))).all()


def test_nan_is_an_error_for_one_variable() -> None:
    with pytest.raises(ValueError, match="got 1 NaN of 2"):
        rank_normalise(np.array([1.0, np.nan]))


@pytest.mark.parametrize("offset", [-0.1, 0.51, float("nan")])
def test_an_offset_outside_zero_to_one_half_is_an_error(offset: float) -> None:
    with pytest.raises(ValueError, match="offset"):
        rank_normalise(np.array([1.0, 2.0]), offset=offset)


def test_a_result_in_the_memory_of_the_values_is_an_error() -> None:
    values = np.ones((1, 3))
    with pytest.raises(ValueError, match="shares memory"):
        rank_normalise_block(values, values)


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(1, 4), st.integers(2, 20)),
        elements=st.one_of(st.floats(-1e6, 1e6, width=32), st.just(float("nan"))),
    ),
    st.sampled_from([0.0, 1e9]),
)
@settings(max_examples=60)
def test_z_scores_have_mean_zero_and_standard_deviation_one(values: F64, shift: float) -> None:
    values = np.round(values) + shift
    out = np.full_like(values, 7.0)
    able = zscore_block(values, out)
    for row, found, scaled in zip(values, out, able, strict=True):
        observed = ~np.isnan(row)
        assert scaled == (np.unique(row[observed]).size > 1)
        if not scaled:
            assert (found == 0.0).all()
            continue
        assert (found[~observed] == 0.0).all()
        oracle = (row[observed] - row[observed].mean()) / row[observed].std(ddof=1)
        np.testing.assert_allclose(found[observed], oracle, rtol=1e-7, atol=1e-7)
        assert abs(found[observed].mean()) < 1e-12
        assert abs(found[observed].std(ddof=1) - 1.0) < 1e-12


def test_z_scores_survive_extreme_scales() -> None:
    values = np.array([[1.0, 2.0, 4.0]])
    plain, scaled = np.empty_like(values), np.empty_like(values)
    zscore_block(values, plain)
    for factor in (1e300, 1e-300):
        assert zscore_block(values * factor, scaled).all()
        np.testing.assert_allclose(scaled, plain, rtol=1e-14)


@pytest.mark.parametrize(
    "row", [[0.1] * 3, [np.nan] * 3, [np.nan, 2.0, np.nan], [1.0, np.inf, 2.0]]
)
def test_rows_without_a_standard_deviation_are_told(row: list[float]) -> None:
    out = np.full((1, 3), 7.0)
    assert zscore_block(np.array([row]), out).tolist() == [False]
    assert out.tolist() == [[0.0, 0.0, 0.0]]


def test_logarithms_are_refused_row_by_row() -> None:
    values = np.array([[8.0, np.nan, 0.5], [1.0, 0.0, 2.0], [np.nan, np.nan, np.nan]])
    out = np.full_like(values, 7.0)
    assert log2_block(values, out).tolist() == [True, False, True]
    assert out.tolist() == [[3.0, 0.0, -1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_none_leaves_the_values_and_zeroes_the_missing() -> None:
    values = np.array([[8.0, np.nan, -0.5]])
    out = np.full_like(values, 7.0)
    assert transform_block(values, out, transform="none").tolist() == [True]
    assert out.tolist() == [[8.0, 0.0, -0.5]]


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_row_is_transformed_alike_in_any_block(transform: transforms.Transform) -> None:
    rng = np.random.default_rng(4)
    values = np.exp(rng.normal(size=(9, 300)))
    values[rng.random(values.shape) < 0.1] = np.nan
    whole = np.empty_like(values)
    transform_block(values, whole, transform=transform)
    for row, found in zip(values, whole, strict=True):
        alone = np.empty((1, row.size))
        transform_block(row[None, :], alone, transform=transform)
        assert alone[0].tobytes() == found.tobytes()


def test_a_constant_row_is_rank_normalised_to_zeros() -> None:
    out = np.full((1, 3), 7.0)
    assert transform_block(np.full((1, 3), 5.0), out, transform="rint").tolist() == [True]
    assert out.tolist() == [[0.0, 0.0, 0.0]]


def test_an_unknown_transform_is_an_error() -> None:
    name: Any = "sqrt"
    with pytest.raises(ValueError, match="rint, log2, zscore, none"):
        transform_block(np.ones((1, 2)), np.empty((1, 2)), transform=name)


# RNOmni::RankNorm(c(3.2, 1.5, 7, 1.5, 0, -2, 1.5, 9, 7)) of RNOmni 1.0.1.4, written out as
# qnorm((rank(u) - 0.375) / (9 + 0.25)) in R 4.2.2.
def test_rank_normal_scores_equal_rnomni() -> None:
    scores = rank_normalise(np.array([3.2, 1.5, 7.0, 1.5, 0.0, -2.0, 1.5, 9.0, 7.0]))
    low, high = 0.27439148786003696, 0.73973721941389
    oracle = [low, -low, high, -low, -0.9319713123431903, -1.4941549086209043]
    oracle += [-low, 1.4941549086209047, high]
    np.testing.assert_allclose(scores, oracle, rtol=1e-14)


def test_the_reference_scores_are_reproduced(expected: Expected, reference: Path) -> None:
    values = expected("ranknorm_examples")
    complete = np.array(values["complete"])
    for offset in (0.375, 0.0, 0.5):
        scores = rank_normalise(complete, offset=offset)
        np.testing.assert_allclose(scores, values[f"k{offset:g}"], rtol=1e-13)
    for case in ("all_tied", "single", "two", "half_lod"):
        scores = rank_normalise(np.array(values[case]["u"], dtype=np.float64))
        np.testing.assert_allclose(scores, values[case]["z"], rtol=1e-13, atol=1e-15)
    proteins = pl.read_csv(reference / "association" / "data" / "assoc_log2rfu.csv.gz")
    scores = rank_normalise(proteins["seq.10000.28"].to_numpy())
    np.testing.assert_allclose(scores, values["soma_seq.10000.28"], rtol=1e-13)
