"""Where traits are compared: regions asked for, windows around leads, long-range linkage."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from proteomr.colocalisation import colocalise, hyprcoloc
from proteomr.colocalisation.long_range import name_long_range
from proteomr.colocalisation.rules import PairRule
from proteomr.colocalisation.stretches import WindowRule, find_stretches
from proteomr.errors import InputError, NothingToDo, UsageError
from proteomr.gwas.gene_regions import Region
from tests.colocalisation.loci import make_locus, measure

rng = np.random.default_rng(11)
LOCI = {
    chromosome: make_locus(rng, chromosome=chromosome, start=start, m=80)
    for chromosome, start in (("1", 1_000_000), ("6", 30_000_000), ("9", 5_000_000))
}
PROTEIN = pl.concat(
    [
        measure(LOCI["1"], {40: 0.4}, rng),
        measure(LOCI["6"], {30: 0.4}, rng),
        measure(LOCI["9"], {}, rng),
    ]
)
DISEASE = pl.concat(
    [
        measure(LOCI["1"], {40: 0.4}, rng, turned=range(30)),
        measure(LOCI["6"], {}, rng),
        measure(LOCI["9"], {20: 0.4}, rng),
    ]
)
NOTHING = pl.concat([measure(locus, {}, rng) for locus in LOCI.values()])


def test_windows_lie_around_the_leads_of_both_traits() -> None:
    table = colocalise(PROTEIN, DISEASE).table()
    assert table["chromosome"].to_list() == ["1", "6", "9"]
    assert table["lead_of"].to_list() == ["trait1, trait2", "trait1", "trait2"]
    first = table.row(0, named=True)
    assert (first["start_bp"], first["end_bp"]) == (540_000, 1_540_000)
    assert first["pp_h4"] > 0.95
    assert table["best"].to_list() == [True, False, False]
    assert table["long_range"].to_list() == [None, "MHC", None]


def test_windows_of_long_range_linkage_leave_by_option_and_are_counted() -> None:
    results = colocalise(PROTEIN, DISEASE, windows=WindowRule(long_range="drop"))
    assert results.table()["chromosome"].to_list() == ["1", "9"]
    drops = results.table("drops")
    assert drops.filter(pl.col("reason").str.contains("long-range"))["n"].to_list() == [1]


def test_rows_outside_of_all_windows_are_counted() -> None:
    drops = colocalise(PROTEIN, NOTHING).table("drops")
    lost = LOCI["9"].copies.shape[1]
    assert drops.filter(step="windows")["n"].to_list() == [lost, lost]


def test_a_region_is_read_alone() -> None:
    windows = WindowRule(Region("9", 5_000_000, 5_060_000))
    table = colocalise(PROTEIN, DISEASE, windows=windows).table()
    assert table["region"].to_list() == ["9:5000000-5060000"]
    assert table["nsnps"].item() == 61


def test_a_pair_without_a_lead_is_a_row_and_others_have_theirs() -> None:
    quiet = NOTHING.with_columns(trait=pl.lit("quiet"))
    both = pl.concat([quiet, DISEASE.with_columns(trait=pl.lit("loud"))])
    results = colocalise(NOTHING.with_columns(beta=pl.col("beta") * 0.99), both)
    table = results.table()
    assert table.filter(trait2="quiet")["status"].to_list() == ["no_signal"]
    assert table.filter(trait2="loud")["status"].to_list() == ["ok", "ok"]
    assert (results.units, results.failed) == (3, 1)


def test_traits_without_any_lead_are_nothing_to_do() -> None:
    with pytest.raises(NothingToDo, match=r"no variant has p <= 5e-08.*--lead-p"):
        colocalise(NOTHING, NOTHING.with_columns(beta=pl.col("beta") * 0.99))


def test_leads_are_clumped_where_correlations_are_there() -> None:
    locus = LOCI["1"]
    other = measure(locus, {}, np.random.default_rng(2))
    rows = measure(locus, {10: 0.4, 70: 0.4}, np.random.default_rng(1))
    near = WindowRule(lead_kb=10.0)
    alone = colocalise(rows, other, windows=near).table()
    clumped = colocalise(
        rows, other, windows=WindowRule(lead_kb=1000.0, lead_r2=0.3), ld=locus.correlations
    ).table()
    leads = [locus.names.index(name) for name in clumped["leads"]]
    r2 = np.atleast_2d(np.corrcoef(locus.copies[:, leads].T)) ** 2
    assert (r2[~np.eye(len(leads), dtype=bool)] < 0.3).all()
    assert set(clumped["leads"]) != set(alone["leads"])


def test_hits_that_no_panel_has_are_one_line() -> None:
    names = [f"x{i}" for i in range(3)]
    panel = pl.DataFrame(np.array([[1, 0.5, -0.2], [0.5, 1, 0.1], [-0.2, 0.1, 1]]), schema=names)
    with pytest.raises(InputError, match="in the panel"):
        colocalise(PROTEIN, DISEASE, ld=panel)


def test_many_traits_are_compared_around_the_leads_of_all() -> None:
    everything = pl.concat(
        [
            PROTEIN.with_columns(trait=pl.lit("P")),
            DISEASE.with_columns(trait=pl.lit("D")),
            NOTHING.with_columns(trait=pl.lit("N")),
        ]
    )
    table = hyprcoloc(everything).table()
    assert table["chromosome"].to_list() == ["1", "6", "9"]
    assert table["traits"].to_list() == ["D, P", None, None]


def test_the_order_of_rows_and_files_of_a_side_changes_nothing() -> None:
    plain = colocalise(PROTEIN, DISEASE).table("coloc_snps")
    turned = colocalise(
        PROTEIN.sample(fraction=1.0, shuffle=True, seed=1),
        DISEASE.sample(fraction=1.0, shuffle=True, seed=2),
    )
    assert turned.table("coloc_snps").equals(plain)


def test_effects_are_per_one_allele_in_the_table_of_variants() -> None:
    turned = colocalise(PROTEIN, DISEASE).table("coloc_snps").filter(chromosome="1")
    asked = PROTEIN.filter(chromosome="1")
    assert turned["effect_allele"].to_list() == asked["effect_allele"].to_list()
    both = turned.filter(pl.col("lbf1") > 10)
    assert (both["beta1"].sign() == both["beta2"].sign()).all()


def test_only_credible_variants_are_written_if_asked() -> None:
    table = colocalise(PROTEIN, DISEASE, rule=PairRule(variants="credible")).table("coloc_snps")
    assert table["credible"].all()
    assert (
        colocalise(PROTEIN, DISEASE, rule=PairRule(variants="none")).table("coloc_snps").is_empty()
    )


def test_windows_of_the_same_ends_are_one() -> None:
    lead = [("a", "X", 100)]
    further = [("b", "2", 10**7)]
    found = find_stretches([("A", lead), ("B", lead), ("B", further)], rule=WindowRule())
    assert [window.name for window in found] == ["2:9500000-10500000", "X:1-500100"]
    assert found[1].lead_of == ("A", "B")


def test_the_mhc_is_named_on_both_builds() -> None:
    assert name_long_range("6", 25_400_000, 26_000_000) == "MHC"
    assert name_long_range("6", 34_000_001, 35_000_000) is None
    assert name_long_range("20", 34_000_000, 34_100_000) == "20:32-35 Mb"


def test_a_width_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="--window-kb 0:"):
        WindowRule(kb=0)
