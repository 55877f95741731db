"""Clusters of traits that share a causal variant: found, exact for few, none where none is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.stats.colocalisation import sum_evidence, weigh_hypotheses
from proteomr.stats.trait_clusters import ClusterRule, cluster_traits, full_posterior


def draw_logs(rng: np.random.Generator, m: int, n: int, peaks: dict[int, int]) -> F64:
    """Bayes factors of traits in linkage equilibrium, with peaks of z about 6."""
    z = rng.normal(size=(m, n))
    for trait, variant in peaks.items():
        z[trait, variant] += 6.0
    return np.asarray(0.5 * (np.log1p(-0.95) + 0.95 * z**2))


def count_all(logs: F64, rule: ClusterRule) -> float:
    """Give every trait every variant or none."""
    m, n = logs.shape
    priors = rule.log_priors(m)
    terms, full = [], []
    for variants in itertools.product(range(-1, n), repeat=m):
        held = [variant for variant in variants if variant >= 0]
        log = sum(priors[held.count(v) - 1] for v in set(held))
        log += sum(logs[trait, v] for trait, v in enumerate(variants) if v >= 0)
        terms.append(log)
        if len(held) == m and len(set(held)) == 1:
            full.append(log)
    return float(np.exp(np.logaddexp.reduce(full) - np.logaddexp.reduce(terms)))


@pytest.mark.parametrize(("m", "n"), [(2, 5), (3, 5), (4, 5), (5, 3)])
def test_the_exact_posterior_is_that_of_a_loop_over_all_configurations(m: int, n: int) -> None:
    rule = ClusterRule(prior=0.01, conditional=0.1)
    logs = np.random.default_rng(m).normal(0, 3, (m, n))
    assert full_posterior(logs, rule=rule) == pytest.approx(count_all(logs, rule), rel=1e-10)


def test_the_product_is_near_the_exact_posterior_where_signals_are_strong() -> None:
    logs = draw_logs(np.random.default_rng(1), 5, 200, dict.fromkeys(range(5), 70))
    (cluster,) = cluster_traits(logs)
    assert cluster.traits.tolist() == [0, 1, 2, 3, 4]
    assert cluster.posterior == pytest.approx(cluster.exact, abs=2e-3)
    assert int(np.argmax(cluster.variants)) == 70


def test_two_clusters_and_a_trait_of_neither_are_told_apart() -> None:
    peaks = {**dict.fromkeys(range(4), 30), **dict.fromkeys(range(4, 7), 120)}
    logs = draw_logs(np.random.default_rng(2), 8, 200, peaks)
    found = sorted(cluster.traits.tolist() for cluster in cluster_traits(logs))
    assert found == [[0, 1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("selection", ["regional", "alignment"])
def test_both_ways_to_part_traits_end_with_the_same_clusters(selection: str) -> None:
    rule = ClusterRule(selection="regional" if selection == "regional" else "alignment")
    peaks = {**dict.fromkeys(range(3), 30), **dict.fromkeys(range(3, 6), 120)}
    logs = draw_logs(np.random.default_rng(3), 6, 150, peaks)
    found = sorted(cluster.traits.tolist() for cluster in cluster_traits(logs, rule=rule))
    assert found == [[0, 1, 2], [3, 4, 5]]


def test_traits_without_a_signal_make_no_cluster() -> None:
    logs = draw_logs(np.random.default_rng(4), 12, 300, {})
    assert cluster_traits(logs) == ()


def test_two_traits_with_their_own_variants_make_no_cluster() -> None:
    logs = draw_logs(np.random.default_rng(5), 2, 300, {0: 20, 1: 250})
    assert cluster_traits(logs) == ()


def test_the_order_of_traits_changes_no_cluster() -> None:
    peaks = {**dict.fromkeys(range(3), 30), **dict.fromkeys(range(3, 6), 120)}
    logs = draw_logs(np.random.default_rng(6), 7, 150, peaks)
    order = np.array([5, 0, 6, 3, 1, 4, 2])
    turned = [sorted(order[c.traits].tolist()) for c in cluster_traits(logs[order])]
    assert sorted(turned) == sorted(c.traits.tolist() for c in cluster_traits(logs))


def test_statistics_of_any_size_stay_finite() -> None:
    logs = np.full((3, 40), -3.0)
    logs[:, 11] = 2e5
    (cluster,) = cluster_traits(logs)
    assert cluster.posterior == pytest.approx(1.0)
    assert cluster.exact == pytest.approx(1.0)


def test_a_probability_beyond_its_range_is_refused() -> None:
    with pytest.raises(UsageError, match="alignment probability 1:"):
        ClusterRule(alignment=1.0)


@pytest.mark.parametrize("seed", range(3))
def test_two_traits_are_one_pair_as_in_coloc(seed: int) -> None:
    logs = draw_logs(np.random.default_rng(seed), 2, 80, {0: 20, 1: 20})
    rule = ClusterRule(regional=0.01, alignment=0.01)
    (cluster,) = cluster_traits(logs, rule=rule)
    evidence = sum_evidence(logs[0], logs[1], starts=np.array([0, 80]))
    p12 = rule.prior * rule.conditional
    posterior = weigh_hypotheses(evidence, p1=rule.prior, p2=rule.prior, p12=p12)
    pp = posterior.probabilities[0]
    assert cluster.exact == pytest.approx(pp[4], rel=1e-10)
    assert cluster.alignment == pytest.approx(pp[4] / (pp[3] + pp[4]), rel=1e-10)
