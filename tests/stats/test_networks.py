"""Networks on arrays: oracles, properties and edge cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from proteomr._typing import F64
from proteomr.errors import InputError, UsageError
from proteomr.stats.average_linkage import Tree, check_heights, link_average
from proteomr.stats.biweight import weigh_biweight
from proteomr.stats.correlation_cutoff import find_cutoffs
from proteomr.stats.hybrid_cut import cut_hybrid, number_by_size
from proteomr.stats.loops import load_loops
from proteomr.stats.module_components import correlate_with, find_component, lead_of
from proteomr.stats.module_merging import merge_close
from proteomr.stats.module_preservation import Cohorts, judge_preservation
from proteomr.stats.pair_correlations import CORRELATIONS, Correlation, correlate_all
from proteomr.stats.run_length_cut import cut_run_lengths
from proteomr.stats.soft_threshold import (
    find_similarity,
    fit_scale_free,
    measure_connectivity,
    raise_similarity,
)
from proteomr.stats.topological_overlap import overlap_all
from proteomr.status import Status
from tests.stats.networks import find_among, plant, rand_index


def with_holes(p: int, n: int, share: float, seed: int = 3) -> F64:
    random = np.random.default_rng(seed)
    x = random.normal(size=(p, n)) + random.normal(size=n)
    x[random.random((p, n)) < share] = np.nan
    return x


def correlate_slowly(x: F64, kind: Correlation) -> F64:
    found = np.eye(len(x))
    for i in range(len(x)):
        for j in range(i):
            both = ~(np.isnan(x[i]) | np.isnan(x[j]))
            a, b = x[i, both], x[j, both]
            if kind == "spearman":
                a, b = rankdata(a), rankdata(b)
            if kind == "bicor":
                a, b = (w if (w := weigh_biweight(v)) is not None else v - v.mean() for v in (a, b))
                found[i, j] = a @ b / np.sqrt((a @ a) * (b @ b))
            else:
                found[i, j] = np.corrcoef(a, b)[0, 1]
            found[j, i] = found[i, j]
    return found


@pytest.mark.parametrize("share", [0.0, 0.2])
@pytest.mark.parametrize("kind", CORRELATIONS)
def test_correlations_by_tiles_are_those_of_each_pair(kind: Correlation, share: float) -> None:
    x = with_holes(300, 25, share)
    found = correlate_all(x, kind=kind)
    chosen = [0, 7, 255, 256, 299]  # on both sides of a tile's edge
    np.testing.assert_allclose(
        found[np.ix_(chosen, chosen)], correlate_slowly(x[chosen], kind), atol=1e-13
    )


@pytest.mark.parametrize("kind", ["bicor", "spearman"])
def test_compiled_loops_give_what_plain_ones_do(kind: str) -> None:
    x = with_holes(12, 40, 0.3)
    x[3] = np.round(x[3])
    x[4] = np.where(np.isnan(x[4]), np.nan, x[4] > 1.2)
    x[5, 2:] = np.nan  # fewer than three values
    x[6] = np.where(np.isnan(x[6]), np.nan, 5.0)  # of one value
    one, other = np.zeros((12, 12)), np.zeros((12, 12))
    for found, compiled in ((one, False), (other, True)):
        loops = load_loops("pair", compiled=compiled)
        loops.correlate_common(x, x, found, biweight=kind == "bicor")
    np.testing.assert_allclose(one, other, atol=1e-14)
    assert np.isnan(one[5]).all()
    assert np.isnan(one[6]).all()


def test_compiled_sums_over_gaps_are_those_of_plain_loops() -> None:
    x = with_holes(9, 600, 0.1)  # more columns than a compiled loop takes at a time
    x[2] = 1.5
    x[3, :598] = np.nan
    gone = np.isnan(x)
    whole = np.where(gone, 0.0, x)
    starts = np.concatenate([[0], np.cumsum(gone.sum(axis=1))])
    places = np.nonzero(gone)[1]
    found = [
        load_loops("pair", compiled=compiled).add_gaps(whole[:5], gone[:5], starts, places)
        for compiled in (False, True)
    ]
    for plain, compiled in zip(*found, strict=True):
        np.testing.assert_allclose(compiled, plain, atol=1e-12)
    np.testing.assert_allclose(found[0][0], gone @ whole[:5].T, atol=1e-12)
    np.testing.assert_allclose(found[0][2], gone.astype(int) @ gone[:5].T, atol=0)


@pytest.mark.parametrize("share", [0.02, 0.6])
def test_correlations_of_pairs_that_share_few_or_low_values_are_those_of_each_pair(
    share: float,
) -> None:
    x = with_holes(8, 60, share)
    x[0, x[0] < np.nanmedian(x[0])] = np.nan  # as below a limit of detection
    x[1, :57] = np.nan  # three people
    x[2, :3], x[2, 3:] = [1.0, 2.0, 4.0], np.nan
    found = correlate_all(x)
    for i in range(8):
        for j in range(i):
            both = ~(np.isnan(x[i]) | np.isnan(x[j]))
            wanted = np.nan
            if both.sum() > 2:
                wanted = np.corrcoef(x[i, both], x[j, both])[0, 1]
            np.testing.assert_allclose(found[i, j], wanted, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e12, 1e300])
@pytest.mark.parametrize("kind", CORRELATIONS)
def test_correlations_do_not_depend_on_units(kind: Correlation, scale: float) -> None:
    x = with_holes(6, 30, 0.1)
    scaled = x * np.array([scale, 1, 1, 1, 1, 1])[:, None]
    np.testing.assert_allclose(
        correlate_all(scaled, kind=kind), correlate_all(x, kind=kind), atol=1e-12
    )


def test_a_constant_or_infinite_variable_is_refused() -> None:
    with pytest.raises(InputError, match="one value"):
        correlate_all(np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 3.0]]))
    with pytest.raises(InputError, match="infinite"):
        correlate_all(np.array([[1.0, np.inf, 1.0], [1.0, 2.0, 3.0]]))


def test_overlaps_are_those_of_the_definition() -> None:
    r = np.abs(correlate_all(with_holes(9, 20, 0.0)))
    a = raise_similarity(r, 2)
    k = a.sum(axis=1)
    found = overlap_all(a)
    for i in range(9):
        for j in range(9):
            if i != j:
                shared = sum(a[i, u] * a[u, j] for u in range(9))
                wanted = (shared + a[i, j]) / (min(k[i], k[j]) + 1 - a[i, j])
                np.testing.assert_allclose(found[i, j], wanted, rtol=1e-12)
    assert (np.diag(found) == 1.0).all()


def test_heights_of_the_tree_are_means_over_the_pairs_that_are_joined() -> None:
    apart = 1.0 - np.abs(correlate_all(with_holes(30, 20, 0.0)))
    tree = link_average(apart)
    members = {leaf: [leaf] for leaf in range(30)}
    for step in range(29):
        one, other = members[int(tree.left[step])], members[int(tree.right[step])]
        mean = np.mean([apart[i, j] for i in one for j in other])
        np.testing.assert_allclose(tree.heights[step], mean, rtol=1e-12)
        members[30 + step] = one + other
    assert sorted(tree.order_leaves()) == list(range(30))


def test_a_tree_of_wrong_heights_has_no_certificate() -> None:
    apart = np.array([[0.0, 0.5, 0.9], [0.5, 0.0, 0.9], [0.9, 0.9, 0.0]])
    tree = link_average(apart)
    wrong = Tree(tree.left, tree.right, tree.heights + np.array([0.0, 1e-6]), tree.sizes)
    with pytest.raises(InputError, match="merge 2 of the tree"):
        check_heights(wrong, apart)


@pytest.mark.parametrize("cut", ["hybrid", "heights"])
def test_planted_modules_are_found(cut: str) -> None:
    x, truth = plant([40, 30, 25], n=150, loose=40, weight=1.3)
    apart = 1.0 - overlap_all(raise_similarity(np.abs(correlate_all(x)), 4))
    tree = link_average(apart)
    if cut == "hybrid":
        found = cut_hybrid(tree, apart, second_stage="none")
    else:
        found = cut_run_lengths(tree, min_size=20)
    planted = truth > 0
    assert rand_index(found[planted], truth[planted]) > 0.95


@pytest.mark.parametrize("order", ["reversed", "shuffled"])
def test_modules_do_not_depend_on_the_order_of_leaves(order: str) -> None:
    x, _ = plant([40, 30, 25], n=100, loose=40)
    apart = 1.0 - overlap_all(raise_similarity(np.abs(correlate_all(x)), 4))
    p = len(x)
    chosen = np.arange(p)[::-1] if order == "reversed" else np.random.default_rng(2).permutation(p)
    again = apart[np.ix_(chosen, chosen)]
    tree, other = link_average(apart), link_average(again)
    assert rand_index(cut_hybrid(tree, apart)[chosen], cut_hybrid(other, again)) == 1.0
    assert rand_index(cut_run_lengths(tree)[chosen], cut_run_lengths(other)) == 1.0


def test_cuts_refuse_what_they_cannot_take() -> None:
    apart = np.array([[0.0, 1.0], [1.0, 0.0]])
    tree = link_average(apart)
    with pytest.raises(UsageError, match="deep split of 5"):
        cut_hybrid(tree, apart, deep_split=5)
    with pytest.raises(UsageError, match="at least 2"):
        cut_hybrid(tree, apart, min_size=1)
    with pytest.raises(UsageError, match="at least 2"):
        cut_run_lengths(tree, min_size=1)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_few_leaves_give_no_module_of_many(p: int) -> None:
    apart = 1.0 - np.eye(p)
    tree = link_average(apart)
    assert cut_hybrid(tree, apart).tolist() == [0] * p
    assert cut_run_lengths(tree).tolist() == [0] * p


def test_labels_go_by_size_and_then_by_the_first_place() -> None:
    labels = np.array([0, 9, 9, 4, 4, 2, 2, 2, -1])
    assert number_by_size(labels).tolist() == [0, 2, 2, 3, 3, 1, 1, 1, 0]


def test_powers_are_products() -> None:
    s = np.array([[1.0, 0.3], [0.3, 1.0]])
    for power in (1, 2, 7, 20):
        np.testing.assert_allclose(raise_similarity(s, power)[0, 1], 0.3**power, rtol=1e-14)
        np.testing.assert_allclose(
            measure_connectivity(s, (power,))[0], [0.3**power] * 2, rtol=1e-14
        )


def test_a_network_of_equal_connectivity_has_no_scale_free_fit() -> None:
    fit = fit_scale_free(np.full(5, 2.0))
    assert np.isnan([fit.r2, fit.slope, fit.truncated_r2]).all()
    assert fit.max_k == 2.0


def test_unknown_types_of_networks_are_refused() -> None:
    with pytest.raises(UsageError, match="known: unsigned"):
        find_similarity(np.eye(2), "directed")  # type: ignore[arg-type]


@pytest.mark.parametrize("m", [5, 60])
def test_an_eigenprotein_is_the_first_singular_vector_and_goes_with_the_mean(m: int) -> None:
    x = with_holes(m, 40, 0.0)
    z = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, ddof=1, keepdims=True)
    _, d, v = np.linalg.svd(z, full_matrices=False)
    found = find_component(x)
    np.testing.assert_allclose(abs(found.scores @ v[0]), 1.0, rtol=1e-12)
    np.testing.assert_allclose(found.explained, d[0] ** 2 / (d**2).sum(), rtol=1e-12)
    assert np.corrcoef(found.scores, z.mean(axis=0))[0, 1] > 0.0


def test_known_products_give_the_same_eigenprotein() -> None:
    x = with_holes(8, 40, 0.0)
    np.testing.assert_allclose(
        find_component(x, products=correlate_all(x)).scores, find_component(x).scores, atol=1e-13
    )


def test_an_eigenprotein_of_ranks_is_that_of_the_ranks() -> None:
    x = with_holes(8, 40, 0.0)
    np.testing.assert_allclose(
        find_component(np.exp(3 * x), of_ranks=True).scores,
        find_component(np.asarray(rankdata(x, axis=1))).scores,
        atol=1e-12,
    )


def test_people_who_miss_most_of_a_module_have_no_eigenprotein() -> None:
    x = with_holes(10, 30, 0.05)
    x[:9, 4] = np.nan
    found = find_component(x)
    assert np.flatnonzero(np.isnan(found.scores)).tolist() == [4]
    assert found.status is Status.ok


def test_two_equal_directions_are_told() -> None:
    one = np.array([1.0, -1.0, 1.0, -1.0])
    other = np.array([1.0, 1.0, -1.0, -1.0])
    assert find_component(np.array([one, other])).status is Status.not_identified


def test_the_leading_vector_of_a_large_matrix_is_that_of_a_dense_solver() -> None:
    x = with_holes(450, 60, 0.0)
    r = correlate_all(x)
    values, vectors = np.linalg.eigh(r)
    vector, top, gap = lead_of(r)
    np.testing.assert_allclose([top, gap], [values[-1], values[-1] - values[-2]], rtol=1e-9)
    np.testing.assert_allclose(abs(vector @ vectors[:, -1]), 1.0, rtol=1e-9)


def test_membership_is_over_who_has_both() -> None:
    x, scores = with_holes(3, 30, 0.2), with_holes(1, 30, 0.1, seed=9)[0]
    for row, found in zip(x, correlate_with(x, scores), strict=True):
        both = ~(np.isnan(row) | np.isnan(scores))
        np.testing.assert_allclose(found, np.corrcoef(row[both], scores[both])[0, 1], rtol=1e-12)


def test_modules_are_merged_until_none_are_near() -> None:
    x, truth = plant([20, 20, 20], n=200, loose=0, weight=2.0)
    halves = truth * 2 - (np.arange(60) % 2)  # each planted module cut in two
    merged, found = merge_close(halves, find_among(x), height=0.25)
    assert rand_index(merged, truth) == 1.0
    assert sorted(found) == [1, 2, 3]
    apart, _ = merge_close(halves, find_among(x), height=0.0)
    assert rand_index(apart, halves) == 1.0


def test_no_modules_are_merged_to_none() -> None:
    labels, found = merge_close(
        np.zeros(4, dtype=np.int64),
        find_among(np.eye(4)),
        height=0.25,
    )
    assert labels.tolist() == [0, 0, 0, 0]
    assert not found


def test_cutoffs_of_a_few_people_are_beyond_any_correlation() -> None:
    assert find_cutoffs(np.array([[3.0, 0.0]]), p_value=0.05, ranks=True).min() > 1.0


def test_a_planted_module_is_preserved_and_random_proteins_are_not() -> None:
    one, truth = plant([30], n=150, loose=90, spread=0.6, seed=1)
    other, _ = plant([30], n=120, loose=90, spread=0.6, seed=2)
    r, s = correlate_all(one), correlate_all(other)
    cohorts = Cohorts(r, s, raise_similarity(np.abs(r), 4), raise_similarity(np.abs(s), 4))
    random = np.random.default_rng(4)
    kept = judge_preservation(cohorts, np.flatnonzero(truth == 1), permutations=100, random=random)
    none = judge_preservation(cohorts, np.arange(60, 90), permutations=100, random=random)
    assert kept.z_summary > 10.0
    assert none.z_summary < 2.0


@pytest.mark.parametrize("outlier", [1e5, 1e7, 1e12])
def test_an_outlier_whom_a_pair_does_not_share_takes_no_digit_from_it(outlier: float) -> None:
    x = with_holes(4, 80, 0.05)
    x[0, 0], x[1, 0] = outlier, np.nan
    both = ~np.isnan(x[:2]).any(axis=0)
    expected = np.corrcoef(x[0, both], x[1, both])[0, 1]
    assert correlate_all(x, kind="pearson")[0, 1] == pytest.approx(expected, rel=1e-11)


def test_a_protein_of_one_value_but_for_an_outlier_has_no_correlation_without_it() -> None:
    x = with_holes(3, 40, 0.0)
    x[0], x[0, 0], x[1, 0] = 2.0, 1e6, np.nan
    found = correlate_all(x, kind="pearson")
    assert np.isnan(found[0, 1])
    assert np.isfinite(found[0, 2])


@pytest.mark.parametrize("p_value", [1e-300, 1e-12, 0.05])
@pytest.mark.parametrize("ranks", [True, False])
def test_few_people_have_no_edge_where_none_is_as_unlikely(p_value: float, *, ranks: bool) -> None:
    found = find_cutoffs(np.array([4.0, 12.0, 20.0, 500.0]), p_value=p_value, ranks=ranks)
    assert ((found > 0.0) & (found <= 1.0)).all()
    assert found[3] <= found[2]
