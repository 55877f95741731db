"""Loci of known causal variants: what credible sets hold, and whether foreign people are found."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64
from proteomr.finemapping import finemap
from proteomr.gwas.trait_facts import TraitFacts
from proteomr.runs import Results
from tests.finemapping.loci import Locus, simulate_locus


def _map(locus: Locus, r: F64 | None = None) -> Results:
    return finemap(locus.rows, locus.matrix(r), facts=TraitFacts(n=locus.n), threads=1)


def _count(locus: Locus, results: Results) -> tuple[int, int]:
    """Return how many credible sets there are, and how many hold a causal variant."""
    sets = results.table("credible_sets").group_by("set").agg("snp")["snp"].to_list()
    return len(sets), sum(bool(set(members) & set(locus.causal)) for members in sets)


def test_credible_sets_hold_a_causal_variant_as_often_as_they_say() -> None:
    counts = np.zeros(2)
    for seed in range(30):
        locus = simulate_locus(seed, causal=1 + seed % 2, explained=0.015, others=50)
        counts += _count(locus, _map(locus))
    found, right = counts
    assert found > 30
    # 95 % are asked for; of 40 sets 3 in 1,000 runs would have fewer than 84 %
    assert right / found > 0.84


def test_loci_without_a_causal_variant_have_hardly_any_set() -> None:
    loci = [simulate_locus(100 + seed, causal=0, others=50) for seed in range(20)]
    assert sum(_count(locus, _map(locus))[0] for locus in loci) <= 2


def test_people_of_the_study_show_no_mismatch_and_those_of_another_ancestry_do() -> None:
    own, foreign = [], []
    for seed in range(8):
        locus = simulate_locus(200 + seed, explained=0.02, ancestry=True)
        own.append(_map(locus).table("finemap").row(0, named=True))
        foreign.append(_map(locus, locus.r_others).table("finemap").row(0, named=True))
    assert {row["status"] for row in own} == {"ok"}
    assert max(row["mismatch"] for row in own) < 0.1
    assert sum(row["status"] != "ok" for row in foreign) >= 7


def test_others_of_the_same_ancestry_are_taken() -> None:
    rows = []
    for seed in range(6):
        locus = simulate_locus(300 + seed, explained=0.02)
        rows.append(_map(locus, locus.r_others).table("finemap").row(0, named=True))
    assert sum(row["status"] == "ok" for row in rows) >= 5


def test_an_effect_of_the_other_allele_is_found_named_and_left_out_by_option() -> None:
    locus = simulate_locus(7, explained=0.05)
    z = np.abs((locus.rows["beta"] / locus.rows["varbeta"].sqrt()).to_numpy())
    near = np.abs(locus.r[locus.names.index(locus.causal[0])])
    turned = locus.names[int(np.argmax(np.where(near < 0.95, z * (near > 0.7), 0.0)))]
    beta = np.where(np.array(locus.names) == turned, -1.0, 1.0) * locus.rows["beta"].to_numpy()
    wrong = Locus(
        locus.rows.with_columns(beta=beta), locus.r, locus.r_others, locus.causal, locus.n
    )
    row = _map(wrong).table("finemap").row(0, named=True)
    assert row["status"] == "mismatched"
    assert turned in row["message"]
    removed = finemap(
        wrong.rows, wrong.matrix(), facts=TraitFacts(n=wrong.n), remove_mismatched=True
    )
    after = removed.table("finemap").row(0, named=True)
    assert (after["status"], after["removed"]) == ("ok", 1)
    assert turned not in removed.table("pips")["snp"]
    assert removed.table("drops").rows() == [("mismatch", "sign_likely_turned", 1)]


def test_one_causal_variant_without_correlations_is_as_probable_as_it_says() -> None:
    hits, expected = 0, 0.0
    for seed in range(40):
        locus = simulate_locus(400 + seed, explained=0.012, others=50)
        pips = finemap(locus.rows, facts=TraitFacts(n=locus.n, sdy=1.0), p1=0.005).table("pips")
        best = pips.sort("pip", descending=True).row(0, named=True)
        hits += best["snp"] in locus.causal
        expected += best["pip"]
    assert abs(hits - expected) < 3 * np.sqrt(40 * 0.25)
