"""Pairs of traits: what they need, and the statuses where it is not there."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from proteomr.colocalisation import colocalise, hyprcoloc, moloc, smr
from proteomr.colocalisation.choices import TraitChoice
from proteomr.colocalisation.rules import PairRule
from proteomr.errors import ColumnError, FormatError, InputError, UsageError
from proteomr.stats.distributions import neg_log10_p_normal
from tests.colocalisation.loci import draw_founders, make_locus, measure

rng = np.random.default_rng(21)
FOUNDERS = draw_founders(rng, 60)
LOCUS = make_locus(rng, n=2500, m=60, founders=FOUNDERS)
OTHERS = make_locus(rng, n=2500, m=60, founders=FOUNDERS)
ONE = measure(LOCUS, {20: 0.35}, rng)
TWO = measure(OTHERS, {20: 0.35}, rng)
APART = measure(OTHERS, {50: 0.35}, rng)


def test_a_shared_variant_and_two_of_their_own_are_told_apart() -> None:
    table = colocalise(ONE, [TWO, APART]).table()
    shared, distinct = table.filter(pl.col("best")).rows(named=True)
    assert shared["pp_h4"] > 0.95
    assert shared["snp"] == LOCUS.names[20]
    assert distinct["pp_h3"] > 0.95
    assert shared["pp_h4_of_h3_h4"] == pytest.approx(
        shared["pp_h4"] / (shared["pp_h3"] + shared["pp_h4"])
    )


def test_statistics_of_sixty_standard_errors_stay_finite() -> None:
    far = [part.with_columns(se=pl.col("se") / 40) for part in (ONE, TWO)]
    said = TraitChoice("quant", sdy=1.0)
    row = colocalise(*far, choices=(said, said)).table().row(0, named=True)
    assert row["status"] == "ok"
    assert sum(row[f"pp_h{h}"] for h in range(5)) == pytest.approx(1.0)


@pytest.mark.parametrize("power", [-1000, -700, -520, 400, 510, 1000])
@pytest.mark.parametrize("told", [False, True])
def test_the_unit_of_a_quantitative_trait_changes_no_bit(power: int, *, told: bool) -> None:
    """Squares of its errors need not be doubles, nor that of its standard deviation."""
    unit = 2.0**power
    scaled = TWO.with_columns(pl.col("beta", "se") * unit)
    choices = [TraitChoice("quant", sdy=sdy if told else None) for sdy in (1.0, unit)]
    base = colocalise(ONE, TWO, choices=(choices[0], choices[0])).table().drop("sdy2")
    found = colocalise(ONE, scaled, choices=(choices[0], choices[1])).table()
    assert_frame_equal(found.drop("sdy2"), base, check_exact=True)
    assert found["sdy2"][0] / unit == pytest.approx(1.0, rel=0.1)


def test_a_trait_beyond_numbers_stops_no_other() -> None:
    """Of a ratio the prior has a size, and errors of 1e-300 have no square beside it."""
    tiny = TWO.with_columns(pl.col("beta", "se") * 1e-300, trait=pl.lit("tiny"))
    huge = TWO.with_columns(pl.col("beta", "se") * 1e300, trait=pl.lit("huge"))
    cases = TraitChoice("cc", case_share=0.5)
    table = colocalise(ONE, [tiny, huge, TWO], choices=(TraitChoice(), cases)).table()
    assert table.group_by("trait2").agg(pl.col("status").first()).sort("trait2")[
        "status"
    ].to_list() == ["ok", "infinite", "ok"]


def test_a_trait_too_weak_to_tell_is_noted() -> None:
    quiet = measure(OTHERS, {}, np.random.default_rng(5))
    row = colocalise(ONE, quiet).table().row(0, named=True)
    assert row["low_power"]
    assert "too little power" in row["message"]


@pytest.mark.parametrize(
    ("change", "said", "status"),
    [
        (pl.lit(None, pl.Float64).alias("n"), TraitChoice("quant"), "needs_sample_size"),
        (pl.lit(None, pl.Float64).alias("eaf"), TraitChoice("quant"), "not_identified"),
        ((pl.col("rsid") + "7").alias("rsid"), TraitChoice("quant"), "nothing_shared"),
        (pl.lit(1e-300).alias("se"), TraitChoice("quant", sdy=1.0), "infinite"),
    ],
)
def test_what_cannot_be_computed_is_a_row_and_the_other_pair_is_there(
    change: pl.Expr, said: TraitChoice, status: str
) -> None:
    scales = TWO.with_columns(change)
    first = TraitChoice("quant", sdy=1.0)
    kept = TWO.select(snp="rsid", beta="beta", varbeta=pl.col("se") ** 2, MAF="eaf", N="n")
    lost = scales.select(snp="rsid", beta="beta", varbeta=pl.col("se") ** 2, MAF="eaf", N="n")
    one = ONE.select(snp="rsid", beta="beta", varbeta=pl.col("se") ** 2)
    if status == "infinite":
        lost = lost.with_columns(varbeta=pl.lit(1e-320))
    found = colocalise(one, [kept, lost], choices=(first, said)).table()
    assert found["status"].to_list() == ["ok", status]
    assert found["message"][1]
    assert found["pp_h4"][1] is None


def test_a_study_beside_itself_is_not_taken_for_evidence() -> None:
    row = colocalise(ONE, ONE).table().row(0, named=True)
    assert row["status"] == "same_data"


def test_cases_that_a_file_tells_make_it_one_of_cases_and_controls() -> None:
    counted = TWO.with_columns(n_case=pl.lit(500.0))
    results = colocalise(ONE, counted)
    assert results.table()["sdy2"].to_list() == [None] * results.table().height
    assert any("taken as cases and controls" in note for note in results.notes)


def test_p_values_alone_give_what_effects_give() -> None:
    said = TraitChoice("quant", n=2500, sdy=1.0)
    bare = [
        part.select(snp="rsid", beta="beta", varbeta=pl.col("se") ** 2, MAF="eaf")
        for part in (ONE, TWO)
    ]
    effects = colocalise(*bare, choices=(said, said)).table().row(0, named=True)
    alone = [
        part.select(
            snp="rsid",
            MAF="eaf",
            pvalue=pl.Series(10.0 ** -neg_log10_p_normal((part["beta"] / part["se"]).to_numpy())),
        )
        for part in (ONE, TWO)
    ]
    of_p = TraitChoice("quant", n=2500)
    found = colocalise(*alone, choices=(of_p, of_p)).table().row(0, named=True)
    assert found["pp_h4"] == pytest.approx(effects["pp_h4"], abs=0.01)
    assert found["sdy1"] is None


def test_two_signals_are_two_credible_sets_and_two_conditional_signals() -> None:
    both = measure(OTHERS, {8: 0.35, 50: -0.4}, np.random.default_rng(7))
    eight = measure(LOCUS, {8: 0.4}, np.random.default_rng(8))
    for method in ("susie", "conditional"):
        found = colocalise(
            eight,
            both,
            method=method,
            ld=(LOCUS.correlations, OTHERS.correlations),
            rule=PairRule(p12=5e-6),
        ).table()
        region = found.filter(region=found["region"][0])
        assert sorted(region["set2"].to_list()) == [1, 2], method
        shared = region.sort("pp_h4", descending=True).row(0, named=True)
        assert shared["pp_h4"] > 0.9
        assert shared["signals2"] == method
        assert region["pp_h4"].min() < 0.2  # type: ignore[operator]
        assert shared["r2"] is not None


@pytest.mark.parametrize("method", ["abf", "susie"])
def test_variants_have_their_r2_with_the_likeliest_one_where_there_is_ld(method: str) -> None:
    ld = LOCUS.correlations
    ruled = PairRule(method)  # type: ignore[arg-type]
    found = colocalise(ONE, TWO, method=method, ld=ld, rule=ruled)  # type: ignore[arg-type]
    variants = found.table("coloc_snps")
    r = ld.to_numpy()[:, -60:].astype(float)
    at = {name: place for place, name in enumerate(LOCUS.names)}
    for _, part in variants.group_by("region", "set1", "set2"):
        lead = at[part.sort("pp_h4", descending=True)["snp"][0]]
        expected = [r[lead, at[name]] ** 2 for name in part["snp"]]
        np.testing.assert_allclose(part["r2_lead"], expected, rtol=1e-9)
    without = colocalise(ONE, TWO).table("coloc_snps")
    assert without["r2_lead"].null_count() == without.height


def test_without_a_credible_set_signals_are_conditional_ones_and_it_is_said() -> None:
    weak = measure(OTHERS, {20: 0.06}, np.random.default_rng(3))
    rows = colocalise(ONE, weak, method="susie", ld=LOCUS.correlations).table()
    row = rows.row(0, named=True)
    assert row["signals1"] == "susie"
    assert row["signals2"] == "single"
    assert "SuSiE finds no credible set" in row["message"]


def test_correlations_that_no_people_have_are_a_status() -> None:
    r = LOCUS.correlations.to_numpy().copy()
    r[0, 1] = r[1, 0] = r[1, 2] = r[2, 1] = 0.99
    r[0, 2] = r[2, 0] = -0.99
    panel = pl.DataFrame(r, schema=LOCUS.names)
    row = colocalise(ONE, TWO, method="susie", ld=panel).table().row(0, named=True)
    assert row["status"] == "not_positive"
    assert "smallest eigenvalue" in row["message"]


def test_a_weight_file_is_checked() -> None:
    with pytest.raises(ColumnError, match="'weight'"):
        colocalise(ONE, TWO, weights=(pl.DataFrame({"snp": ["rs1"]}), None))
    none = pl.DataFrame({"snp": ["zz"], "weight": [1.0]})
    with pytest.raises(InputError, match="names none of the variants"):
        colocalise(ONE, TWO, weights=(none, None))
    twice = pl.DataFrame({"snp": [LOCUS.names[0]] * 2, "weight": [1.0, 2.0]})
    with pytest.raises(InputError, match="stands twice"):
        colocalise(ONE, TWO, weights=(twice, None))


def test_weights_of_nothing_and_of_some_are_said() -> None:
    nothing = pl.DataFrame({"snp": LOCUS.names, "weight": [0.0] * len(LOCUS.names)})
    row = colocalise(ONE, TWO, weights=(nothing, None)).table().row(0, named=True)
    assert (row["status"], row["pp_h0"]) == ("not_identified", None)
    some = pl.DataFrame({"snp": LOCUS.names[10:30], "weight": [1.0] * 20})
    row = colocalise(ONE, TWO, weights=(None, some)).table().row(0, named=True)
    assert row["nsnps"] == 20
    assert "have no prior weight" in row["message"]


def test_text_for_effects_is_refused() -> None:
    words = TWO.select(snp="rsid", beta=pl.lit("much"), varbeta="se", pvalue=pl.lit(0.5), MAF="eaf")
    with pytest.raises(FormatError, match="'beta' holds no number"):
        colocalise(ONE.select(snp="rsid", beta="beta", varbeta="se"), words)


def test_the_effect_of_the_exposure_is_the_ratio_at_its_top_variant() -> None:
    table = smr(ONE, TWO.with_columns(beta=pl.col("beta") * 0.5, se=pl.col("se") * 0.5),
                ld=LOCUS.correlations).table()  # fmt: skip
    row = table.row(0, named=True)
    assert row["estimate"] == pytest.approx(row["beta2"] / row["beta1"])
    assert row["status"] == "ok"
    assert row["p_heidi"] > 1e-3
    other = smr(ONE, APART, ld=LOCUS.correlations).table().row(0, named=True)
    assert other["p_heidi"] < 1e-3


def test_four_traits_have_the_configuration_that_they_were_made_with() -> None:
    quiet = measure(OTHERS, {}, np.random.default_rng(9))
    table = moloc(ONE, [TWO, APART, quiet]).table()
    first = table.filter(region=table["region"][0])
    assert first.height == 52
    assert first["posterior"].sum() == pytest.approx(1.0)
    top = first.sort("posterior").row(-1, named=True)
    assert top["configuration"] == "trait1 + trait2 1 | trait2 2"
    assert top["snp"] == LOCUS.names[20]


def test_five_traits_are_too_many_to_list_and_not_for_clusters() -> None:
    others = [measure(OTHERS, {20: 0.35}, np.random.default_rng(i)) for i in range(4)]
    with pytest.raises(UsageError, match="here are 5; hyprcoloc"):
        moloc(ONE, others)
    (row,) = hyprcoloc(ONE, others).table().unique("region", keep="first").head(1).rows(named=True)
    assert row["n_traits"] == 5
    assert row["posterior"] == pytest.approx(row["posterior_exact"], abs=0.02)


def test_a_trait_that_cannot_be_weighed_leaves_the_cluster_and_is_named() -> None:
    mute = TWO.with_columns(n=pl.lit(None, pl.Float64), trait=pl.lit("mute"))
    table = hyprcoloc(ONE, [TWO, mute]).table()
    assert table["traits_compared"][0] == 2
    assert "left out: mute" in table["message"][0]


def test_priors_out_of_their_range_are_refused() -> None:
    with pytest.raises(UsageError, match=r"--p12 0\.01 is above --p1"):
        PairRule(p12=0.01)
    with pytest.raises(UsageError, match="--p1 1:"):
        PairRule(p1=1.0)


def test_nobody_is_no_number_of_people() -> None:
    holed = [
        ONE.with_columns(n=pl.when(pl.int_range(pl.len()) < 20).then(n).otherwise("n"))
        for n in (0.0, None)
    ]
    zero, absent = (colocalise(one, TWO).table() for one in holed)
    assert_frame_equal(zero, absent)
    none = colocalise(ONE.with_columns(n=pl.lit(0.0)), TWO).table()
    assert none["status"].to_list() == ["needs_sample_size"]


def test_a_lead_that_stands_on_both_strands_is_shared() -> None:
    strand = {"A": "T", "C": "G", "G": "C", "T": "A"}
    alleles = pl.col("effect_allele", "other_allele").replace(strand)
    twice = pl.concat([ONE, ONE[20:21].with_columns(alleles)])
    both = [colocalise(one, TWO).table("coloc_snps") for one in (ONE, twice)]
    assert_frame_equal(*both)
