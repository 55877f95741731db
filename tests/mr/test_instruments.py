"""Instruments: chosen, measured, labelled, shown to be independent, replaced by proxies."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ColumnError, InputError, NothingToDo, UsageError
from proteomr.gwas.gene_regions import Region, find_cis_region
from proteomr.io.genetics.genotypes import GenotypePanel
from proteomr.io.genetics.ld_matrices import LdMatrix
from proteomr.mr.harmonise import harmonise_table
from proteomr.mr.instruments import drop_outcome_hits, label_cis, select_instruments
from proteomr.mr.proxies import find_proxies
from proteomr.mr.pruning import check_pruning
from proteomr.mr.reach import tabulate_reach
from proteomr.mr.sensitivity import measure_pleiotropy
from proteomr.mr.strength import measure_instruments
from proteomr.stats.linkage import pack_planes
from proteomr.tables.genes import load_genes
from tests.mr.reference import find_entry, read_expected, read_set

ISQ = ["tsmr_bmi_chd", "mrb_ldl_chd", "raps_bmi_ais_p5e8", "tsmr3_adiponectin_chd", "radial_tg_chd"]


def make_exposure(m: int = 4) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "variant_id": [f"rs{i}" for i in range(m)],
            "chromosome": ["1"] * m,
            "position_bp": [1_000_000 * (i + 1) for i in range(m)],
            "effect_allele": ["A"] * m,
            "other_allele": ["G"] * m,
            "eaf": [0.3] * m,
            "beta": [0.02 * (i + 1) for i in range(m)],
            "se": [0.01] * m,
            "n": [5_000] * m,
        }
    )


@pytest.mark.parametrize("case", ISQ)
def test_i2_gx_equals_twosamplemr(reference: Path, case: str) -> None:
    data, entries = read_set(reference, case), read_expected(reference, case)
    found = [e["result"] for e in entries if e["method"] == "Isq" and e["package"] == "TwoSampleMR"]
    expected = {name: value for result in found for name, value in result.items()}
    weighted = measure_pleiotropy([data])["i2_gx"].item()
    assert weighted == pytest.approx(expected["Isq_weighted"], rel=1e-10)


def test_f_statistics_equal_twosamplemr(reference: Path) -> None:
    data, entries = read_set(reference, "tsmr_bmi_chd"), read_expected(reference, "tsmr_bmi_chd")
    metrics = find_entry(entries, "system_metrics", "TwoSampleMR")["result"]
    row = tabulate_reach([data]).row(0, named=True)
    assert row["nsnp"] == metrics["nsnp"]
    assert row["mean_f"] == pytest.approx(metrics["meanF"], rel=1e-12)
    assert row["min_f"] == pytest.approx(float(((data.x / data.sx) ** 2).min()), rel=1e-12)


def test_r2_is_that_of_a_regression_on_simulated_people() -> None:
    rng = np.random.default_rng(3)
    n, f = 4_000, 0.3
    copies = rng.binomial(2, f, n).astype(float)
    for unit in (1.0, 7.0):
        y = unit * (0.2 * copies + rng.standard_normal(n))
        x = copies - copies.mean()
        beta = float(x @ y / (x @ x))
        rest = y - y.mean() - beta * x
        se = math.sqrt(float(rest @ rest) / (n - 2) / float(x @ x))
        exposure = make_exposure(1).with_columns(beta=pl.lit(beta), se=pl.lit(se), n=pl.lit(n))
        found = measure_instruments(exposure)["r2"][0]
        assert found == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2, rel=1e-10)


def test_r2_of_a_binary_exposure_needs_no_sample_size_but_the_frequency() -> None:
    exposure = make_exposure(2).with_columns(eaf=pl.Series([0.5, None])).drop("n")
    found = measure_instruments(exposure, kind="binary")["r2"]
    spread = 0.5 * 0.02**2
    assert found[0] == pytest.approx(spread / (spread + math.pi**2 / 3))
    assert found[1] is None


def test_strength_keeps_its_meaning_when_signs_and_units_change() -> None:
    exposure = make_exposure()
    turned = exposure.with_columns(beta=-3 * pl.col("beta"), se=3 * pl.col("se"))
    for name in ("f_statistic", "r2", "weak"):
        one, other = (measure_instruments(frame)[name] for frame in (exposure, turned))
        assert one.to_list() == pytest.approx(other.to_list())
    assert measure_instruments(exposure)["weak"].sum() == 1


def test_instruments_are_chosen_by_p_region_and_list_and_the_rest_is_counted() -> None:
    exposure = make_exposure(6)
    chosen = select_instruments(
        exposure, p=1e-4, region=Region("1", 1, 5_000_000), variants=["rs1", "rs3", "rs5", "rs0"]
    )
    assert chosen.kept["variant_id"].to_list() == ["rs1", "rs3"]
    assert chosen.drops.rows() == [
        ("instruments", "not_in_list", 2),
        ("instruments", "outside_region", 1),
        ("instruments", "p_above_threshold", 1),
    ]
    assert select_instruments(exposure, p=None).kept.height == 6


def test_a_stated_p_value_goes_before_a_computed_one() -> None:
    exposure = make_exposure(2).with_columns(neg_log10_p=pl.Series([900.0, None]))
    assert select_instruments(exposure).kept["variant_id"].to_list() == ["rs0"]


def test_variants_are_cis_up_to_the_window_and_no_further() -> None:
    place = load_genes().locate(["ADM"], build="GRCh37").row(0, named=True)
    start, end, window = place["start"], place["end"], 1_000_000
    positions = [start - window - 1, start - window, end + window, end + window + 1, start, None]
    exposure = pl.DataFrame(
        {
            "variant_id": list("abcdef"),
            "chromosome": ["chr11", "11", "11", "11", "12", "11"],
            "position_bp": positions,
            "gene": ["ADM"] * 6,
        }
    )
    found = label_cis(exposure, build="GRCh37")["placement"].to_list()
    assert found == ["trans", "cis", "cis", "trans", "trans", None]
    region = find_cis_region("ADM", build="GRCh37")
    assert (region.chromosome, region.start_bp, region.end_bp) == ("11", positions[1], positions[2])


def test_a_protein_of_two_genes_is_cis_near_either_and_an_unknown_one_is_neither() -> None:
    place = load_genes().locate(["IL12B"]).row(0, named=True)
    exposure = pl.DataFrame(
        {"chromosome": ["5", "9", "5"], "position_bp": [place["start"]] * 3,
         "gene": ["IL12A_IL12B", "IL12A_IL12B", "no such gene"]}
    )  # fmt: skip
    found = label_cis(exposure, build="GRCh38")["placement"].to_list()
    assert found == ["cis", "trans", None]
    with pytest.raises(UsageError, match="gene 'no such gene' is not one gene"):
        find_cis_region("no such gene")


@pytest.mark.parametrize(("build", "column"), [("GRCh38", "pos_hg38"), ("GRCh37", "pos_hg37")])
def test_published_labels_of_pqtl_are_reproduced(
    reference: Path, build: Literal["GRCh38", "GRCh37"], column: str
) -> None:
    path = reference / "pqtl" / "ukbppp_sun2023_lead_pqtl_10248.csv.gz"
    table = pl.read_csv(path, infer_schema=False).select(
        pl.col("chrom").replace({"23": "X"}).alias("chromosome"),
        pl.col(column).cast(pl.Int64, strict=False).alias("position_bp"),
        pl.col("target_uniprot").alias("gene"),
        "cis_trans",
    )
    found = label_cis(table, build=build).filter(pl.col("placement").is_not_null())
    assert found.height > 0.97 * table.height
    assert int((found["placement"] == found["cis_trans"]).sum()) > 0.998 * found.height


def test_instruments_without_proof_of_pruning_are_refused_or_flagged() -> None:
    exposure = make_exposure(3).with_columns(position_bp=pl.Series([1, 9_000_000, 20_000_000]))
    with pytest.raises(InputError, match="2 of 3 instruments may be correlated"):
        check_pruning(exposure)
    flagged = check_pruning(exposure, unproven="flag")["pruning"].to_list()
    assert flagged == ["unproven", "unproven", "alone"]
    r = np.array([[1.0, 0.01], [0.01, 1.0]])
    ld = LdMatrix(pl.DataFrame({"variant_id": ["rs0", "rs1"]}), r)
    assert check_pruning(exposure, ld=ld)["pruning"].to_list() == ["proven", "proven", "alone"]
    found = check_pruning(exposure, ld=ld, r2=1e-5, unproven="flag")["pruning"].to_list()
    assert found == ["correlated", "correlated", "alone"]


def test_each_exposure_is_checked_by_itself() -> None:
    exposure = make_exposure(2).with_columns(trait=pl.Series(["X", "Y"]))
    assert check_pruning(exposure)["pruning"].to_list() == ["alone", "alone"]


def test_the_outcome_filter_reproduces_the_published_loneliness_analysis(reference: Path) -> None:
    name = "day2018_lon_kunkle2019_ad_harmonised"
    frame = pl.read_csv(
        reference / "mr" / "data" / f"{name}.csv", null_values=["", "NA"], infer_schema_length=None
    )
    sides = [
        frame.select(
            pl.col("SNP").alias("variant_id"), "effect_allele", "other_allele",
            pl.col(f"eaf_{side}").alias("eaf"), pl.col(f"beta_{side}").alias("beta"),
            pl.col(f"se_{side}").alias("se"),
            (-pl.col(f"pval_{side}").log10()).alias("neg_log10_p"),
            pl.col("mr_keep").cast(pl.String).str.to_lowercase().eq("true"),
        )
        for side in ("exposure", "outcome")
    ]  # fmt: skip
    table = harmonise_table(sides[0], sides[1], action=1)

    def ivw(rows: pl.DataFrame) -> float:
        w = rows["se_outcome"].to_numpy() ** -2
        x, y = rows["beta_exposure"].to_numpy(), rows["beta_outcome"].to_numpy()
        return float((w * x * y).sum() / (w * x * x).sum())

    filtered = drop_outcome_hits(table)
    hits = filtered.filter(pl.col("reason") == "significant_for_outcome")
    assert "rs11605348" in hits["variant_id"].to_list()
    kept = filtered.filter(pl.col("mr_keep"))
    assert kept.height == 85
    assert ivw(kept) == pytest.approx(-0.035817509436884984, rel=1e-12)
    assert ivw(table.filter(pl.col("mr_keep"))) == pytest.approx(0.0786, abs=5e-5)


def make_panel(
    seed: int = 4,
) -> tuple[GenotypePanel, np.ndarray[tuple[int, ...], np.dtype[np.int8]]]:
    rng = np.random.default_rng(seed)
    n = 400
    first = rng.random((2, n)) < 0.3
    noisy = first ^ (rng.random((2, n)) < 0.01)
    mirrored = ~(first ^ (rng.random((2, n)) < 0.02))
    far = rng.random((2, n)) < 0.4
    copies = np.stack([h.sum(axis=0) for h in (first, noisy, mirrored, far)]).astype(np.int8)
    variants = pl.DataFrame(
        {"variant_id": ["rs0", "rs1", "rs2", "rs3"], "chromosome": ["1"] * 4,
         "position_bp": [1_000_000 + 100 * i for i in range(4)],
         "allele_1": ["A", "C", "T", "C"],
         "allele_2": ["G", "T", "G", "A"]}
    )  # fmt: skip
    return GenotypePanel(variants, n, load=lambda rows: pack_planes(copies[rows])), copies


def make_outcome(name: str, one: str, two: str, beta: float) -> pl.DataFrame:
    return pl.DataFrame(
        {"variant_id": [name], "effect_allele": [one], "other_allele": [two], "beta": [beta],
         "se": [0.1]}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "one", "two", "beta"),
    [
        ("rs1", "C", "T", 0.5),  # allele 1 travels with allele A of the variant
        ("rs1", "T", "C", -0.5),
        ("rs1", "G", "A", 0.5),  # the other strand
        ("rs2", "G", "T", 0.5),  # allele 2 travels with it
        ("rs2", "T", "G", -0.5),
        ("rs2", "A", "C", -0.5),
    ],
)
def test_a_proxy_gives_the_effect_of_the_allele_that_it_travels_with(
    name: str, one: str, two: str, beta: float
) -> None:
    panel, _ = make_panel()
    exposure = make_exposure(1)
    found = find_proxies(exposure, make_outcome(name, one, two, beta), panel=panel)
    table = harmonise_table(exposure, found.rows)
    assert table["beta_outcome"][0] == pytest.approx(0.5)
    assert table["proxy_id_outcome"][0] == name
    assert not found.unresolved.height


def test_the_most_correlated_proxy_is_taken() -> None:
    panel, copies = make_panel()
    outcome = pl.concat(
        [make_outcome("rs2", "T", "G", 1.0), make_outcome("rs1", "C", "T", 2.0),
         make_outcome("rs3", "C", "A", 3.0)]
    )  # fmt: skip
    row = find_proxies(make_exposure(1), outcome, panel=panel).rows.row(0, named=True)
    assert row["proxy_id"] == "rs1"
    assert row["proxy_r2"] == pytest.approx(np.corrcoef(copies[0], copies[1])[0, 1] ** 2, abs=0.02)


def test_variants_without_a_proxy_are_listed_with_the_reason() -> None:
    panel, _ = make_panel()
    exposure = pl.concat(
        [
            make_exposure(1),
            make_exposure(1).with_columns(
                variant_id=pl.lit("rs9"), position_bp=pl.lit(5_000_000, pl.Int64)
            ),
            make_exposure(1).with_columns(
                variant_id=pl.lit("rs1"),
                other_allele=pl.lit("C"),
                position_bp=pl.lit(1_000_100, pl.Int64),
            ),
        ]
    )
    weak = make_outcome("rs3", "C", "A", 0.1)
    found = find_proxies(exposure, weak, panel=panel)
    assert found.rows.height == 0
    assert found.unresolved.rows() == [
        ("rs0", "no_proxy"),
        ("rs1", "alleles_differ_from_panel"),
        ("rs9", "absent_from_panel"),
    ]
    palindrome = make_outcome("rs1", "C", "G", 0.1)
    reasons = find_proxies(exposure[:1], palindrome, panel=panel).unresolved["reason"].to_list()
    assert reasons == ["no_proxy"]


def test_faults_are_named() -> None:
    exposure = make_exposure(2)
    with pytest.raises(ColumnError, match="exposure: no column 'beta'"):
        select_instruments(exposure.drop("beta"))
    with pytest.raises(NothingToDo):
        select_instruments(exposure.clear())
    with pytest.raises(UsageError, match="p is 2"):
        select_instruments(exposure, p=2.0)
    with pytest.raises(UsageError, match="is empty"):
        Region("1", 5, 4)
