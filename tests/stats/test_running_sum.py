"""Scores of gene sets against the sum written out, and compiled loops against plain ones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator

from proteomr._typing import F64, I64
from proteomr.stats import compiled_running_sum_loops, running_sum_loops
from proteomr.stats.running_sum import (
    ScoreType,
    agrees_with_full_walk,
    score_gene_sets,
    weigh_ranks,
)


def obvious(members: I64, ranks: F64, exponent: float) -> tuple[float, float]:
    """Return the highest and lowest point of the sum, gene by gene."""
    total = sum(abs(ranks[i]) ** exponent for i in members)
    here, high, low = 0.0, 0.0, 0.0
    for i, rank in enumerate(ranks):
        if i in members:
            here += abs(rank) ** exponent / total
        else:
            here -= 1.0 / (len(ranks) - len(members))
        high, low = max(high, here), min(low, here)
    return high, low


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("score_type", ["std", "pos", "neg"])
def test_a_score_is_the_farthest_point_of_the_sum(score_type: ScoreType, exponent: float) -> None:
    rng = np.random.default_rng(1)
    ranks = np.sort(rng.standard_normal(120))[::-1]
    sets = [rng.choice(120, size=k, replace=False) for k in (1, 3, 17, 60, 119)]
    weights = weigh_ranks(ranks, exponent=exponent)
    scores = score_gene_sets(sets, weights, score_type=score_type)
    for members, es in zip(sets, scores.es, strict=True):
        high, low = obvious(members, ranks, exponent)
        chosen = {"pos": high, "neg": low, "std": high if high > -low else low}[score_type]
        assert es == pytest.approx(chosen, abs=1e-11)
        assert agrees_with_full_walk(np.sort(members), weights, es=es, score_type=score_type)
        assert not agrees_with_full_walk(
            np.sort(members), weights, es=es + 1e-6, score_type=score_type
        )


def test_the_leading_edge_are_the_members_up_to_the_peak_or_from_the_trough_on() -> None:
    weights = np.ones(10)
    up, down = score_gene_sets([np.array([0, 1, 9]), np.array([0, 8, 9])], weights).leading
    assert (up.tolist(), down.tolist()) == ([0, 1], [8, 9])


def test_a_set_whose_ends_weigh_the_same_has_no_direction() -> None:
    scores = score_gene_sets([np.array([0, 3])], np.ones(4))
    assert scores.es.tolist() == [0.0]
    assert scores.leading[0].size == 0


def test_a_list_turned_round_has_the_same_scores_of_the_other_sign() -> None:
    rng = np.random.default_rng(2)
    weights = weigh_ranks(np.sort(rng.standard_normal(200))[::-1], exponent=1.0)
    sets = [rng.choice(200, size=20, replace=False) for _ in range(50)]
    forth = score_gene_sets(sets, weights).es
    back = score_gene_sets([199 - members for members in sets], weights[::-1].copy()).es
    np.testing.assert_array_equal(forth, -back)


def test_weights_of_extreme_ranks_do_not_overflow() -> None:
    weights = weigh_ranks(np.array([1e300, 1.0, -1e-300]), exponent=2.0)
    assert weights.tolist() == [1.0, 0.0, 0.0]


def draw(rng: Generator, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint32]]:
    return rng.integers(0, 1 << 32, size=shape, dtype=np.uint32)


@pytest.mark.parametrize(("N", "k"), [(30, 5), (200, 40), (70, 69), (64, 64), (65, 1)])
def test_compiled_loops_give_the_bits_of_the_plain_ones(N: int, k: int) -> None:
    rng = np.random.default_rng(N)
    weights = np.abs(rng.standard_normal(N)) / 4.0
    drawn, (one, other) = draw(rng, 40, k), np.zeros((2, 40, k), dtype=np.int64)
    running_sum_loops.draw_sets(drawn, N, one)
    compiled_running_sum_loops.draw_sets(drawn, N, other)
    np.testing.assert_array_equal(one, other)
    plain, compiled = np.zeros((2, 40, 2))
    running_sum_loops.sample_sets(drawn, weights, plain)
    compiled_running_sum_loops.sample_sets(drawn, weights, compiled)
    np.testing.assert_array_equal(plain, compiled)
    if k == N:
        return
    offsets = np.maximum(1, np.floor(N ** (np.arange(1024) / 1024))).astype(np.int64)
    for one_sided in (True, False):
        values = plain[:, 0] if one_sided else plain[:, 0] - plain[:, 1]
        level = float(np.median(values))
        above = values > level
        kept, moves = one[above], draw(rng, int(above.sum()), 50, 2)
        sets, scores = (kept.copy(), kept.copy()), (values[above], values[above].copy())
        made = [
            loops.climb(held, score, moves, offsets, weights, level, one_sided)
            for loops, held, score in zip(
                (running_sum_loops, compiled_running_sum_loops), sets, scores, strict=True
            )
        ]
        assert made[0] == made[1]
        np.testing.assert_array_equal(*sets)
        assert np.all(scores[1] > level)


def test_random_sets_are_equally_likely() -> None:
    """Of 5 genes there are 10 pairs; chi-squared with 9 degrees of freedom stays below 28."""
    places = np.zeros((20_000, 2), dtype=np.int64)
    drawn = draw(np.random.default_rng(5), 20_000, 2)
    compiled_running_sum_loops.draw_sets(drawn, 5, places)
    counts = np.unique(places[:, 0] * 5 + places[:, 1], return_counts=True)[1]
    assert counts.size == 10
    assert float(np.sum((counts - 2_000.0) ** 2) / 2_000.0) < 28.0  # p = 0.001
