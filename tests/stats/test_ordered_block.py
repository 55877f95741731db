"""Ranks within some people by the order of all are those of these people alone, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats.loops import COMPILED_FROM
from proteomr.stats.ordered_block import order_block
from proteomr.stats.transforms import rank_normalise_block

N = COMPILED_FROM + 77


def make_values() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    g = np.random.default_rng(1)
    normal = g.normal(size=N)
    return np.array(
        [
            normal,
            normal.astype(np.float32).astype(np.float64),
            normal.round(2),
            g.integers(0, 5, N).astype(np.float64),
            np.where(g.random(N) < 0.4, np.nan, normal.round(3)),
            np.full(N, np.nan),
            np.ones(N),
            np.where(g.random(N) < 0.5, -0.0, 0.0),
            1e30 * normal,
        ]
    )


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 1.0])
def test_scores_within_some_people_have_the_bits_of_ranking_them_alone(share: float) -> None:
    values = make_values()
    g = np.random.default_rng(2)
    rows = g.permutation(N)[: round(share * N)]
    ordered = order_block(values)
    assert ordered is not None
    scores, observed, (low, high) = ordered.rank_within(rows)
    alone = np.ascontiguousarray(values[:, rows])
    wanted = np.full(alone.shape, 7.0)
    rank_normalise_block(alone, wanted)
    assert scores.tobytes() == wanted.tobytes()
    assert np.array_equal(observed, ~np.isnan(alone))
    assert np.array_equal(low, np.where(observed, scores, np.inf).min(axis=1, initial=np.inf))
    assert np.array_equal(high, np.where(observed, scores, -np.inf).max(axis=1, initial=-np.inf))


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_values_are_left_to_the_scan_to_refuse(value: float) -> None:
    values = make_values()
    values[0, 3] = value
    assert order_block(values) is None


def test_values_that_single_precision_takes_for_one_are_ranked_anew() -> None:
    values = 1.0 + 1e-12 * np.random.default_rng(1).normal(size=(1, N))
    assert order_block(values) is None
