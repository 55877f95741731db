"""Correlations of a panel signed by the effect alleles of a study, and who is left out of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ColumnError, InputError
from proteomr.gwas.correlations import correlate_variants
from proteomr.io.genetics.genotypes import GenotypePanel
from proteomr.io.genetics.ld_matrices import LdMatrix
from proteomr.stats.linkage import pack_planes

NAMES = ["rs1", "rs2", "rs3", "rs4"]
COPIES = np.random.default_rng(5).binomial(2, [[0.2], [0.4], [0.7], [0.1]], size=(4, 400))
COPIES[1] = np.where(np.arange(400) < 250, COPIES[0], COPIES[1])


def make_panel(alleles: list[tuple[str, str]], copies: np.ndarray[Any, Any] = COPIES) -> Any:
    variants = pl.DataFrame(
        {
            "variant_id": NAMES,
            "chromosome": ["1"] * 4,
            "position_bp": [10, 20, 30, 40],
            "allele_1": [first for first, _ in alleles],
            "allele_2": [second for _, second in alleles],
        }
    )
    counts = copies.astype(np.int8)
    return GenotypePanel(
        variants, counts.shape[1], load=lambda rows: pack_planes(counts[rows]), measure="genotype"
    )


def make_study(alleles: list[tuple[str, str]], **columns: Any) -> pl.DataFrame:
    effect, other = zip(*alleles, strict=True)
    usual = {"variant_id": NAMES, "effect_allele": effect, "other_allele": other}
    return pl.DataFrame(usual | columns)


PLAIN = [("A", "G"), ("C", "T"), ("G", "A"), ("AC", "A")]


def test_correlations_are_those_of_copies_of_the_effect_alleles() -> None:
    turned = [("A", "G"), ("T", "C"), ("G", "A"), ("A", "AC")]
    aligned = correlate_variants(make_study(turned), make_panel(PLAIN))
    signs = np.array([1, -1, 1, -1])
    expected = np.corrcoef(COPIES * signs[:, None])
    np.testing.assert_allclose(aligned.r, expected, rtol=0, atol=1e-12)
    share = COPIES.mean(axis=1) / 2
    np.testing.assert_allclose(
        aligned.frequencies, np.where(signs > 0, share, 1 - share), rtol=1e-12
    )
    assert aligned.n == 400
    assert aligned.notes == ()


def test_the_other_strand_is_the_same_allele() -> None:
    strand = [("T", "C"), ("G", "A"), ("C", "T"), ("AC", "A")]
    one = correlate_variants(make_study(PLAIN), make_panel(PLAIN))
    other = correlate_variants(make_study(strand), make_panel(PLAIN))
    assert np.array_equal(one.r, other.r)


def test_frequencies_tell_the_strand_of_palindromic_variants() -> None:
    panel = make_panel([("A", "T"), *PLAIN[1:]])
    study = [("A", "T"), *PLAIN[1:]]
    same = correlate_variants(make_study(study, eaf=[0.2, 0.4, 0.7, 0.1]), panel)
    other = correlate_variants(make_study(study, eaf=[0.8, 0.4, 0.7, 0.1]), panel)
    unsure = correlate_variants(make_study(study, eaf=[0.5, 0.4, 0.7, 0.1]), panel)
    assert same.r[0, 1] > 0.3
    assert other.r[0, 1] == -same.r[0, 1] == -unsure.r[0, 1]
    assert same.notes == other.notes == ()
    assert "1 palindromic" in unsure.notes[0]


def test_variants_of_other_alleles_leave_with_their_reason() -> None:
    study = make_study([("A", "G"), ("C", "G"), ("G", "A"), ("AC", "A")])
    aligned = correlate_variants(study, make_panel(PLAIN))
    assert aligned.places.tolist() == [0, 2, 3]
    assert aligned.reasons.to_list() == [None, "alleles_differ_from_panel", None, None]


def test_a_variant_that_nobody_varies_in_leaves() -> None:
    copies = COPIES.copy()
    copies[2] = 0
    aligned = correlate_variants(make_study(PLAIN), make_panel(PLAIN, copies))
    assert aligned.reasons.to_list() == [None, None, "constant_in_panel", None]
    assert aligned.r.shape == (3, 3)
    assert np.isfinite(aligned.r).all()


def test_one_row_of_the_panel_serves_one_variant() -> None:
    study = make_study(PLAIN).vstack(make_study(PLAIN)[:1])
    aligned = correlate_variants(study, make_panel(PLAIN))
    assert aligned.reasons.to_list() == [None] * 4 + ["same_variant_of_panel"]
    fitting = pl.concat([make_study([("A", "C"), *PLAIN[1:]])[:1], make_study(PLAIN)])
    reasons = correlate_variants(fitting, make_panel(PLAIN)).reasons.to_list()
    assert reasons == ["alleles_differ_from_panel", None, None, None, None]


def test_a_matrix_without_alleles_is_taken_as_of_the_effect_alleles() -> None:
    r = np.array([[1.0, -0.3], [-0.3, 1.0]])
    panel = LdMatrix(pl.DataFrame({"variant_id": ["rs2", "rs1"]}), r)
    aligned = correlate_variants(make_study(PLAIN), panel)
    assert aligned.r.tolist() == r.tolist()
    assert "2 of 2 variants" in aligned.notes[0]
    assert aligned.n is None


def test_the_order_of_the_panel_changes_nothing() -> None:
    order = np.array([3, 1, 0, 2])
    panel = make_panel(PLAIN)
    mixed = GenotypePanel(
        panel.variants[order.tolist()],
        400,
        load=lambda rows: pack_planes(COPIES.astype(np.int8)[order[rows]]),
        measure="genotype",
    )
    study = make_study(PLAIN)
    assert np.array_equal(correlate_variants(study, panel).r, correlate_variants(study, mixed).r)


def test_squares_are_refused() -> None:
    matrix = LdMatrix(pl.DataFrame({"variant_id": ["rs1"]}), np.ones((1, 1)), signed=False)
    with pytest.raises(InputError, match="holds r2"):
        correlate_variants(make_study(PLAIN), matrix)


def test_pairs_that_nobody_has_are_named() -> None:
    copies = COPIES.copy()
    copies[0, :200], copies[1, 200:] = -1, -1
    with pytest.raises(InputError, match="'rs1' and 'rs2' have no correlation"):
        correlate_variants(make_study(PLAIN), make_panel(PLAIN, copies))


def test_a_panel_of_other_variants_is_refused() -> None:
    study = make_study(PLAIN).with_columns(pl.Series("variant_id", ["a", "b", "c", "d"]))
    with pytest.raises(InputError, match="none of the 4 variants is in the panel"):
        correlate_variants(study, make_panel(PLAIN))


def test_names_are_needed() -> None:
    with pytest.raises(ColumnError, match="no column 'variant_id'"):
        correlate_variants(pl.DataFrame({"snp": ["rs1"]}), make_panel(PLAIN))
