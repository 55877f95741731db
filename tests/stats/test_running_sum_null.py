"""P values of ranked sets: against all sets there are, under the null, and for tiny ones."""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import Literal, get_args

import numpy as np
import pytest
from scipy.stats import ks_2samp

from proteomr._typing import F64
from proteomr.stats import running_sum_null
from proteomr.stats.multilevel import Goal, climb_levels
from proteomr.stats.running_sum import score_gene_sets, weigh_ranks
from proteomr.stats.running_sum_null import NullOptions, judge_size

N, K = 24, 6


def weights(exponent: float, *, shift: float = 0.3, n: int = N) -> F64:
    ranks = np.sort(np.random.default_rng(0).standard_normal(n) + shift)[::-1]
    return weigh_ranks(ranks, exponent=exponent)


@cache
def all_scores(exponent: float) -> tuple[F64, F64]:
    """Return up and down of all 134,596 sets of 6 of 24."""
    sets = [np.array(one) for one in itertools.combinations(range(N), K)]
    scores = score_gene_sets(sets, weights(exponent))
    return scores.up, scores.down


@pytest.mark.parametrize("exponent", [0.0, 1.0])
@pytest.mark.parametrize("goal", get_args(Goal))
def test_sets_that_climb_have_the_probabilities_of_all_sets(goal: Goal, exponent: float) -> None:
    up, down = all_scores(exponent)
    reach = up if goal == "up" else up[up > down]
    scores = np.unique(np.quantile(reach, [0.9, 0.99, 0.999, 0.9999, 1.0]))
    everything = reach.size if goal == "sign" else up.size
    truth = np.array([np.sum(reach >= score) for score in scores]) / everything
    climbs = [
        climb_levels(scores, K, weights=weights(exponent), goal=goal, names=("t",), seed=seed)
        for seed in range(12)
    ]
    estimates = np.array([np.exp(climb.log_p) for climb in climbs])
    stated = np.mean([climb.error for climb in climbs], axis=0)
    assert all(climb.settled.all() for climb in climbs)
    # unbiased: the mean of twelve within four of its standard errors
    apart = np.abs(estimates.mean(axis=0) / truth - 1.0)
    assert np.all(apart < 4.0 * stated * math.log(2.0) / math.sqrt(12.0))
    # and the errors that are stated are those there are; 12 runs tell them within a half
    shown = np.std(np.log2(estimates), axis=0, ddof=1)
    assert np.all((shown > 0.3 * stated) & (shown < 1.7 * stated))


@pytest.mark.parametrize("score_type", ["std", "pos", "neg"])
def test_few_sets_are_all_counted(score_type: str) -> None:
    own = weights(1.0, n=16)
    sets = [np.array(one) for one in itertools.combinations(range(16), 4)]
    scores = score_gene_sets(sets, own, score_type=score_type)  # type: ignore[arg-type]
    some = np.array([0, 5, 900, 1_819])
    null = judge_size(scores.es[some], 4, own, options=NullOptions(score_type))  # type: ignore[arg-type]
    assert set(null.method) == {"exact"}
    for place, minus_log, nes in zip(some, null.neg_log10_p, null.nes, strict=True):
        es = scores.es[place]
        same = scores.es[scores.es * es > 0] if score_type == "std" else scores.es
        assert 10**-minus_log == pytest.approx(np.mean(np.abs(same) >= abs(es)))
        assert nes == pytest.approx(np.sign(es) * abs(es) / np.mean(np.abs(same)))


def test_random_sets_and_climbing_agree_with_all_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    up, down = all_scores(1.0)
    es = np.concatenate(
        [
            np.quantile(up[up > down], [0.5, 0.99, 0.9999]),
            -np.quantile(down[down > up], [0.5, 0.99, 0.9999]),
        ]
    )
    monkeypatch.setattr(running_sum_null, "_ALL_UP_TO", 0)
    null = judge_size(es, K, weights(1.0), options=NullOptions())
    assert null.method == ("random", "random", "multilevel") * 2 or "multilevel" in null.method
    assert null.settled.all()
    for score, minus_log, error, nes in zip(
        es, null.neg_log10_p, null.log2_error, null.nes, strict=True
    ):
        same = up[up > down] if score > 0 else down[down > up]
        truth = np.mean(same >= abs(score))
        assert abs(-minus_log / math.log10(2) - math.log2(truth)) < 4.0 * error
        assert nes == pytest.approx(score / same.mean(), rel=0.02)


def test_a_rare_sign_is_climbed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """With ranks that fall fast, hardly any random set is enriched at the lower end."""
    falling = weigh_ranks(np.exp(-np.arange(N) / 3.0), exponent=1.0)
    sets = [np.array(one) for one in itertools.combinations(range(N), 4)]
    scores = score_gene_sets(sets, falling)
    lower = -scores.es[scores.es < 0]
    monkeypatch.setattr(running_sum_null, "_ALL_UP_TO", 0)
    monkeypatch.setattr(running_sum_null, "_RARE", 1.1 * lower.size / len(sets))
    es = np.quantile(lower, 0.99)
    null = judge_size(np.array([-es]), 4, falling, options=NullOptions())
    assert null.method == ("multilevel",)
    truth = np.mean(lower >= es)
    assert abs(-null.neg_log10_p[0] / math.log10(2) - math.log2(truth)) < 4.0 * null.log2_error[0]
    assert null.nes[0] == pytest.approx(-es / lower.mean(), rel=0.1)


def test_the_best_set_there_is_has_the_probability_of_one() -> None:
    """The first 8 of 2,000 genes, by the classic sum: one set of C(2000, 8)."""
    null = judge_size(np.array([1.0]), 8, np.ones(2_000), options=NullOptions())
    truth = math.log10(math.comb(2_000, 8))
    up_share = math.log10(2.0)  # a set of the classic sum is as likely up as down
    assert null.settled.all()
    assert null.neg_log10_p[0] == pytest.approx(truth - up_share, abs=1.5 * math.log10(2.0))


def test_p_values_of_random_sets_are_uniform() -> None:
    own = weights(1.0, n=400)
    rng = np.random.default_rng(9)
    sets = [rng.choice(400, size=20, replace=False) for _ in range(1_500)]
    null = judge_size(score_gene_sets(sets, own).es, 20, own, options=NullOptions())
    p = np.sort(10.0**-null.neg_log10_p)
    distance = np.max(np.abs(p - (np.arange(p.size) + 0.5) / p.size))
    assert distance < 1.63 / math.sqrt(p.size) + 0.01  # Kolmogorov's at 1 %, and the 10,000 sets


def test_what_is_asked_beside_a_score_does_not_change_its_p_value() -> None:
    own, options = weights(1.0, n=500), NullOptions()
    alone = judge_size(np.array([0.6]), 20, own, options=options)
    among = judge_size(np.array([0.7, 0.6, -0.5]), 20, own, options=options)
    assert alone.neg_log10_p[0] == among.neg_log10_p[1]


def test_too_few_random_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="permutations is 10, and 400 are needed"):
        NullOptions(permutations=10)


@pytest.mark.parametrize("score_type", ["pos", "neg"])
@pytest.mark.parametrize(("n", "k"), [(60, 12), (400, 40)])
def test_classic_sums_have_the_exact_distribution_of_smirnov(
    n: int, k: int, score_type: Literal["pos", "neg"]
) -> None:
    """The sum of weight 0 is the distance of two empirical distributions, whose law is known."""
    rng = np.random.default_rng(n)
    ranked = weights(0.0, n=n)
    sets = [np.sort(rng.choice(n, k, replace=False)) for _ in range(5)]
    ends = [np.arange(k) * step for step in (1, 2, 3)]  # far beyond what random sets reach
    sets += ends if score_type == "pos" else [n - 1 - end[::-1] for end in ends]
    found = score_gene_sets(sets, ranked)
    es = found.up if score_type == "pos" else -found.down
    judged = judge_size(es, k, ranked, options=NullOptions(score_type=score_type, seed=3))
    outside = [np.setdiff1d(np.arange(n), one) for one in sets]
    side: Literal["greater", "less"] = "greater" if score_type == "pos" else "less"
    for place, (own, rest) in enumerate(zip(sets, outside, strict=True)):
        exact = ks_2samp(own, rest, alternative=side, method="exact")
        assert abs(es[place]) == pytest.approx(exact.statistic, rel=1e-12)
        log2_apart = judged.neg_log10_p[place] / math.log10(2.0) + math.log2(exact.pvalue)
        error = judged.log2_error[place]
        assert abs(log2_apart) < 4.5 * max(error, 1e-9)
