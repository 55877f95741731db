"""Networks, trees, cuts and eigenproteins are R's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.average_linkage import link_average
from proteomr.stats.correlation_cutoff import find_cutoffs, spearman_p_value
from proteomr.stats.hybrid_cut import SecondStage, cut_hybrid
from proteomr.stats.module_components import find_component
from proteomr.stats.module_merging import merge_close
from proteomr.stats.module_preservation import (
    CONNECTIVITY,
    DENSITY,
    Cohorts,
    judge_preservation,
    measure_preservation,
)
from proteomr.stats.pair_correlations import CORRELATIONS, Correlation, correlate_all
from proteomr.stats.run_length_cut import cut_run_lengths
from proteomr.stats.soft_threshold import (
    NETWORK_TYPES,
    NetworkType,
    find_similarity,
    fit_scale_free,
    measure_connectivity,
    raise_similarity,
)
from proteomr.stats.topological_overlap import overlap_all
from tests.stats.networks import find_among, load_cases, load_proteins, rand_index

MODULE = np.repeat([1, 2, 3, 4, 0], [45, 30, 22, 13, 30])


@pytest.fixture(scope="module")
def overlap() -> F64:
    similarity = find_similarity(correlate_all(load_proteins()), "unsigned")
    return overlap_all(raise_similarity(similarity, 3))


def make_holes() -> F64:
    x = load_proteins()[:12].copy()
    column, row = np.indices(x.shape) + 1
    x[(row * 7 + column * 5) % 11 == 0] = np.nan
    x[2] = np.round(x[2])
    x[3] = np.where(np.isnan(x[3]), np.nan, (x[3] > 1).astype(np.float64))
    return x


@pytest.mark.parametrize("kind", CORRELATIONS)
def test_correlations_of_pairs_with_missing_values_are_r_s(kind: Correlation) -> None:
    np.testing.assert_allclose(
        correlate_all(make_holes(), kind=kind), load_cases()[f"{kind}_holed"], atol=1e-14
    )


def test_biweight_midcorrelations_are_r_s() -> None:
    found = correlate_all(load_proteins()[:12], kind="bicor")
    np.testing.assert_allclose(found, load_cases()["bicor"], atol=1e-14)


@pytest.mark.parametrize("kind", NETWORK_TYPES)
def test_scale_free_fits_are_r_s(kind: NetworkType) -> None:
    name = f"soft {kind.replace('-', ' ')}"
    wanted, columns = load_cases()[name], load_cases()[f"{name} columns"]
    similarity = find_similarity(correlate_all(load_proteins()), kind)
    powers = tuple(int(power) for power in wanted[:, columns.index("Power")])
    for row, found in zip(wanted, measure_connectivity(similarity, powers), strict=True):
        fit = fit_scale_free(found)
        told = dict(zip(columns, row, strict=True))
        got = [fit.r2, fit.slope, fit.truncated_r2, fit.mean_k, fit.median_k, fit.max_k]
        names = ["SFT.R.sq", "slope", "truncated.R.sq", "mean.k.", "median.k.", "max.k."]
        np.testing.assert_allclose(got, [told[name] for name in names], rtol=1e-8, atol=1e-10)


def test_connectivities_overlaps_and_heights_are_r_s(overlap: F64) -> None:
    cases = load_cases()
    similarity = find_similarity(correlate_all(load_proteins()), "unsigned")
    connectivity = raise_similarity(similarity, 3).sum(axis=1)
    np.testing.assert_allclose(connectivity, cases["connectivity"], rtol=1e-12)
    np.testing.assert_allclose(overlap.sum(axis=0), cases["overlap_sums"], rtol=1e-12)
    np.testing.assert_allclose(link_average(1.0 - overlap).heights, cases["height"], rtol=1e-12)


@pytest.mark.parametrize("size", [5, 12, 20])
@pytest.mark.parametrize("split", range(5))
@pytest.mark.parametrize("stage", ["none", "free", "tree"])
def test_hybrid_cuts_are_r_s(overlap: F64, stage: SecondStage, split: int, size: int) -> None:
    apart = 1.0 - overlap
    tree = link_average(apart)
    found = cut_hybrid(tree, apart, min_size=size, deep_split=split, second_stage=stage)
    assert rand_index(found, load_cases()[f"hybrid {stage} {split} {size}"]) == 1.0


@pytest.mark.parametrize("size", [8, 12, 20])
@pytest.mark.parametrize("deep", ["TRUE", "FALSE"])
def test_cuts_by_heights_are_r_s(overlap: F64, deep: str, size: int) -> None:
    tree = link_average(1.0 - overlap)
    found = cut_run_lengths(tree, min_size=size, deep_split=deep == "TRUE")
    assert rand_index(found, load_cases()[f"heights {deep} {size}"]) == 1.0


def test_eigenproteins_and_what_they_explain_are_r_s() -> None:
    cases, x = load_cases(), load_proteins()
    labels = np.array(cases["hybrid free 2 12"])
    for place, label in enumerate(cases["eigenprotein_names"]):
        found = find_component(x[labels == label])
        np.testing.assert_allclose(found.scores, cases["eigenproteins"][:, place], atol=1e-10)
        np.testing.assert_allclose(found.explained, cases["explained"][place], rtol=1e-10)


@pytest.mark.parametrize("height", [0.25, 0.9])
def test_close_modules_are_merged_as_r_does(height: float) -> None:
    cases, x = load_cases(), load_proteins()
    labels = np.array(cases["hybrid free 2 12"])
    merged, _ = merge_close(labels, find_among(x), height=height)
    assert rand_index(merged, cases[f"merged {height:g}"]) == 1.0


def has_ties(row: F64) -> bool:
    return np.unique(row).size < row.size


def test_p_values_of_rank_correlations_are_r_s() -> None:
    cases, x = load_cases(), load_proteins()
    told = zip(cases["spearman_rho"], cases["spearman_p"], x[1:41], strict=True)
    exact = [(rho, p) for rho, p, row in told if not (has_ties(row) or has_ties(x[0]))]
    assert len(exact) > 5
    for rho, wanted in exact:
        np.testing.assert_allclose(spearman_p_value(rho, 90), wanted, rtol=1e-9)


@pytest.mark.parametrize("ties", [True, False])
def test_an_edge_is_kept_where_r_finds_p_below_the_cutoff(*, ties: bool) -> None:
    cases, x = load_cases(), load_proteins()
    cutoff = find_cutoffs(np.array([90.0]), p_value=0.05, ranks=not ties)[0]
    tied = np.array([has_ties(row) or has_ties(x[0]) for row in x[1:41]])
    chosen = tied == ties
    kept = np.abs(cases["spearman_rho"])[chosen] > cutoff
    assert kept.tolist() == (np.array(cases["spearman_p"])[chosen] < 0.05).tolist()


def make_cohorts() -> Cohorts:
    one, other = (correlate_all(load_proteins(f"network_{name}")) for name in ("proteins", "other"))
    edges = [raise_similarity(find_similarity(r, "unsigned"), 6) for r in (one, other)]
    return Cohorts(one, other, edges[0], edges[1])


# R's names of the statistics, in our order
OBSERVED = {
    "explained": "propVarExplained",
    "membership": "meanSignAwareKME",
    "correlation": "meanSignAwareCorDat",
    "adjacency": "meanAdj",
    "cor_connectivity": "cor.kIM",
    "cor_membership": "cor.kME",
    "cor_correlation": "cor.cor",
}


def test_preservation_is_measured_as_r_does() -> None:
    cases, cohorts = load_cases(), make_cohorts()
    columns = cases["observed columns"]
    names = (*DENSITY, *CONNECTIVITY)
    for row, label in zip(cases["observed"], cases["observed_names"], strict=True):
        if label is None or label == 0:
            continue
        members = np.flatnonzero(label == MODULE)
        found = measure_preservation(cohorts, members)
        for name, number in zip(names, found, strict=True):
            column = next(i for i, c in enumerate(columns) if c.startswith(OBSERVED[name]))
            np.testing.assert_allclose(number, row[column], rtol=1e-8, err_msg=name)


# R's names of the z, in our order, and how far 100 permutations of R leave them open: shares of
# variance and adjacencies of random proteins are skewed, so that a few sets make their deviation.
Z_OF_R = {
    "Z.propVarExplained.pres": 0.5,
    "Z.meanSignAwareKME.pres": 0.15,
    "Z.meanSignAwareCorDat.pres": 0.15,
    "Z.meanAdj.pres": 0.5,
    "Z.cor.kIM": 0.25,
    "Z.cor.kME": 0.15,
    "Z.cor.cor": 0.15,
}


def test_z_of_preservation_are_r_s_but_for_its_permutations() -> None:
    stored = json.loads((Path(__file__).parents[1] / "reference" / "preservation.json").read_text())
    cohorts = make_cohorts()
    for place, label in enumerate(stored["modules"]):
        found = judge_preservation(
            cohorts,
            np.flatnonzero(label == MODULE),
            permutations=800,
            random=np.random.default_rng(label),
        )
        for (name, share), z in zip(Z_OF_R.items(), found.z, strict=True):
            wanted = stored[name][place]
            assert abs(z - wanted) < 0.4 + share * abs(wanted), (label, name)
        assert found.z_connectivity == pytest.approx(
            stored["Zconnectivity.pres"][place], rel=0.15, abs=0.3
        )
