"""Numbers of the package coloc 6.0.1 on its own test data, and on a protein's region."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.colocalisation import colocalise
from proteomr.colocalisation.choices import TraitChoice
from proteomr.colocalisation.rules import PairRule
from tests.mr.reference import read_expected

FORMS: Mapping[str, tuple[str, str, bool]] = {  # columns of both, kind of the second, sdY told
    "beta/varbeta/sdY": ("effects", "quant", True),
    "beta/varbeta, sdY estimated from MAF,N": ("effects", "quant", False),
    "pvalues/MAF/N quant": ("p", "quant", False),
    "quant beta vs cc beta (s=0.4)": ("effects", "cc", True),
    "quant pvalues vs cc pvalues (s=0.4)": ("p", "cc", False),
    "single SNP s105": ("one", "quant", True),
}


@cache
def read_pair_data(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(folder / "mr" / "data" / f"coloc_{name}.csv")


def read_facts(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((folder / "mr/data/coloc_meta.json").read_text())["meta"]
    return facts


def read_correlations(folder: Path, name: str) -> pl.DataFrame:
    path = folder / "mr" / "data" / f"coloc_{name}_LD.csv.gz"
    square = pl.read_csv(path)
    square = square if square.height == square.width else pl.read_csv(path, has_header=False)
    square.columns = read_pair_data(folder, name)["snp"].to_list()
    return square


def choose(folder: Path, name: str, *, kind: str = "quant", told: bool = True) -> TraitChoice:
    facts = read_facts(folder)[name]
    if kind == "cc":
        return TraitChoice("cc", n=facts["N"], case_share=0.4)
    return TraitChoice("quant", n=facts["N"], sdy=facts["sdY"] if told else None)


def entries(folder: Path, pair: str, method: str) -> list[dict[str, Any]]:
    found = read_expected(folder, f"coloc_{pair}")
    return [e for e in found if e["method"] == method and not e.get("peer_bug")]


def hold(row: Mapping[str, Any], expected: Mapping[str, Any], tolerance: float = 1e-8) -> None:
    for h in range(5):
        value = expected[f"PP.H{h}.abf"]
        assert row[f"pp_h{h}"] == pytest.approx(value, rel=tolerance, abs=1e-20), f"H{h}"


@pytest.mark.parametrize("pair", ["D1_D2", "D1_D3"])
@pytest.mark.parametrize("form", FORMS)
def test_every_kind_of_input_gives_the_posteriors_of_the_package(
    reference: Path, pair: str, form: str
) -> None:
    names = pair.split("_")
    columns, kind, told = FORMS[form]
    data = [read_pair_data(reference, name) for name in names]
    if columns == "p":
        data = [part.select("snp", "position", "pvalue", "MAF") for part in data]
    if columns == "one":
        data = [part.filter(pl.col("snp") == "s105") for part in data]
    choices = (
        choose(reference, names[0], told=told),
        choose(reference, names[1], kind=kind, told=told),
    )
    priors = {"p1": 1e-4, "p2": 1e-4, "p12": 1e-5}
    compared = 0
    for entry in entries(reference, pair, "coloc.abf"):
        if entry["args"]["form"] != form:
            continue
        rule = PairRule(**{k: entry["args"].get(k, v) for k, v in priors.items()})
        results = colocalise(data[0], data[1], choices=choices, rule=rule)
        row = results.table().row(0, named=True)
        hold(row, entry["result"]["summary"])
        if "top_snp" in entry["result"]:
            hold_variants(results.table("coloc_snps"), entry["result"])
        compared += 1
    assert compared >= 1


def hold_variants(table: pl.DataFrame, expected: Mapping[str, Any]) -> None:
    """Hold Bayes factors, the top variant and the credible set against the package's."""
    first = table.with_columns(i=pl.col("snp").str.slice(1).cast(pl.Int64)).sort("i").head(5)
    for name, column in (("lABF.df1_first5", "lbf1"), ("lABF.df2_first5", "lbf2")):
        assert first[column].to_list() == pytest.approx(np.atleast_1d(expected[name]), rel=1e-9)
    top = table.filter(snp=expected["top_snp"])
    assert top["pp_h4"].item() == pytest.approx(expected["SNP.PP.H4_max"], rel=1e-9)
    assert table["pp_h4"].sum() == pytest.approx(1.0)
    wanted = np.atleast_1d(expected["credset95"]).tolist()
    assert set(table.filter(pl.col("credible"))["snp"]) == set(wanted)


@pytest.mark.parametrize("pair", ["D1_D2", "D1_D3"])
def test_prior_weights_are_those_of_the_variants_that_they_name(reference: Path, pair: str) -> None:
    names = pair.split("_")
    data = [read_pair_data(reference, name) for name in names]
    weights = pl.DataFrame({"snp": data[0]["snp"], "weight": range(1, 501)}).sample(
        fraction=1.0, shuffle=True, seed=1
    )
    choices = (choose(reference, names[0]), choose(reference, names[1]))
    results = colocalise(data[0], data[1], choices=choices, weights=(weights, None))
    (entry,) = [e for e in entries(reference, pair, "coloc.abf") if "padded" in e["args"]["form"]]
    hold(results.table().row(0, named=True), entry["result"]["summary"])


@pytest.mark.parametrize("pair", ["D1_D2", "D1_D3"])
def test_the_grid_of_priors_is_that_of_the_package(reference: Path, pair: str) -> None:
    names = pair.split("_")
    data = [read_pair_data(reference, name) for name in names]
    choices = (choose(reference, names[0]), choose(reference, names[1]))
    table = colocalise(data[0], data[1], choices=choices).table("coloc_sensitivity")
    (entry,) = entries(reference, pair, "prior.adjust/sensitivity")
    grid = entry["result"]
    assert table["p12"].to_list() == pytest.approx(grid["p12"])
    for h in range(1, 5):
        # The package keeps 1 - n (p1 + p2 + p12) for no causal variant, coloc.abf itself 1: of
        # these data H0 has 1e-16.
        assert table[f"pp_h{h}"].to_list() == pytest.approx(grid[f"V{h + 2}"], rel=1e-9)


@pytest.mark.parametrize("pair", ["D1_D2", "D1_D3"])
def test_pairs_of_credible_sets_are_those_of_the_package(reference: Path, pair: str) -> None:
    names = pair.split("_")
    data = [read_pair_data(reference, name) for name in names]
    choices = (choose(reference, names[0]), choose(reference, names[1]))
    panels = (read_correlations(reference, names[0]), read_correlations(reference, names[1]))
    results = colocalise(data[0], data[1], choices=choices, method="susie", ld=panels)
    table = results.table()
    entry = entries(reference, pair, "coloc.susie")[0]
    summary = entry["result"]["summary"]
    assert table.height == len(summary["hit1"])
    for i, hits in enumerate(zip(summary["hit1"], summary["hit2"], strict=True)):
        (row,) = table.filter(hit1=hits[0], hit2=hits[1]).rows(named=True)
        for h in range(5):
            assert row[f"pp_h{h}"] == pytest.approx(summary[f"PP.H{h}.abf"][i], abs=1e-6)
    sets = results.table("credible_sets")
    assert set(sets["set"]) >= {str(number) for number in table["set2"]}


def test_sost_and_twenty_traits_are_as_published(reference: Path) -> None:
    folder = reference / "pqtl" / "sost"
    protein = pl.read_csv(folder / "ukbb_sost_pqtl_region.tsv", separator="\t")
    traits = pl.read_csv(folder / "sost_region_gwas.csv.gz", infer_schema_length=None)
    studies = pl.read_csv(folder / "studies.csv", null_values="NA", infer_schema_length=None)
    wanted = pl.read_csv(folder / "coloc_ukb_sost_expected.csv")
    alike = (pl.col("ea") == pl.col("ref")) & (pl.col("oa") == pl.col("alt"))
    alike |= (pl.col("ea") == pl.col("alt")) & (pl.col("oa") == pl.col("ref"))
    for kind in ("cc", "quant"):
        for row in wanted.filter(type=kind).iter_rows(named=True):
            other = traits.filter(id=row["id"])
            both = protein.join(other, on="rsid", suffix="_o").filter(alike)
            both = both.drop_nulls(["beta", "beta_o", "se", "se_o"])
            study = studies.filter(id=row["id"]).row(0, named=True)
            share = study["n_cases"] / study["n"] if kind == "cc" else None
            first = both.select(
                snp="rsid", beta="beta", varbeta=pl.col("se") ** 2, MAF="eaf", N=pl.lit(33628)
            )
            second = both.select(
                snp="rsid", beta="beta_o", varbeta=pl.col("se_o") ** 2, MAF="af"
            ).with_columns(N=pl.lit(study["n"]))
            said = (TraitChoice("quant"), TraitChoice(kind, case_share=share))
            found = colocalise(first, second, choices=said).table().row(0, named=True)
            assert found["nsnps"] == row["nsnp"]
            for h in range(5):
                assert found[f"pp_h{h}"] == pytest.approx(row[f"H{h}"], rel=1e-6), row["id"]
