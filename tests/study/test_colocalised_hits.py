"""Mendelian randomisation with the colocalisation of its hits: one table says what passes both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.colocalisation import colocalise
from proteomr.colocalisation.choices import TraitChoice
from proteomr.errors import UsageError
from proteomr.io.sumstats.source import ReadOptions
from proteomr.mr.explained import TraitSize
from proteomr.mr.job import MrJob, run_mr
from proteomr.mr.request import MrRequest
from proteomr.runs import Output, run_job
from proteomr.study.colocalised_hits import add_colocalisation

PEOPLE, VARIANTS = 40_000, 60


def make_region(seed: int) -> np.ndarray[Any, Any]:
    """Correlations of variants that fall with their distance."""
    rng = np.random.default_rng(seed)
    steps = rng.uniform(0.75, 0.97, VARIANTS - 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(steps))])
    r: np.ndarray[Any, Any] = np.exp(-np.abs(logs[:, None] - logs))
    return r


def make_study(trait: str, causal: dict[int, float], region: int, seed: int) -> pl.DataFrame:
    """Return statistics of one trait in one region, whose causal variants have given z."""
    rng = np.random.default_rng(seed)
    r = make_region(region)
    noise = np.linalg.cholesky(r + 1e-9 * np.eye(VARIANTS)) @ rng.normal(size=VARIANTS)
    z = sum((r[at] * size for at, size in causal.items()), noise)
    maf = np.random.default_rng(region).uniform(0.1, 0.5, VARIANTS)
    se = 1 / np.sqrt(2 * maf * (1 - maf) * PEOPLE)
    return pl.DataFrame(
        {
            "trait": trait,
            "rsid": [f"rs{region}{i:03d}" for i in range(VARIANTS)],
            "chr": str(region),
            "pos": [1_000_000 + 1_000 * i for i in range(VARIANTS)],
            "ea": "A",
            "oa": "G",
            "eaf": maf,
            "beta": z * se,
            "se": se,
            "n": PEOPLE,
        }
    )


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("gate")
    exposures = pl.concat(
        [
            make_study("SHARED", {20: 25.0}, 1, 1),
            make_study("DISTINCT", {20: 25.0}, 2, 2),
            make_study("NONE", {20: 25.0}, 3, 3),
        ]
    )
    outcome = pl.concat(
        [
            make_study("disease", {20: 12.0}, 1, 4),
            make_study("disease", {28: 14.0}, 2, 5),
            make_study("disease", {}, 3, 6),
        ]
    ).drop("trait")
    x, y = folder / "proteins.tsv", folder / "disease.tsv"
    exposures.write_csv(x, separator="\t")
    outcome.write_csv(y, separator="\t")
    return x, y


@pytest.fixture(scope="module")
def results(studies: tuple[Path, Path]) -> Any:
    request = MrRequest.of(*studies, methods="wald,ivw", rule=_rule())
    return run_job(add_colocalisation(MrJob(request)), Output())


def _rule() -> Any:
    from proteomr.mr.inputs import InstrumentRule

    return InstrumentRule(unproven="flag", p=1e-100)  # the lead of each region alone


def test_a_hit_passes_where_it_shares_its_variant_and_not_where_linkage_stands_for_it(
    results: Any,
) -> None:
    gate = {row["exposure"]: row for row in results.table("coloc_gate").iter_rows(named=True)}
    assert set(gate) == {"SHARED", "DISTINCT"}  # NONE is no hit
    assert gate["SHARED"]["passes"]
    assert gate["SHARED"]["pp_h4"] > 0.9
    assert gate["SHARED"]["gate"] == "shared variant"
    assert not gate["DISTINCT"]["passes"]
    assert gate["DISTINCT"]["pp_h3"] > 0.8
    assert gate["DISTINCT"]["gate"].startswith("distinct variants")


def test_hits_alone_are_compared(results: Any) -> None:
    assert set(results.table("coloc")["trait1"]) == {"SHARED", "DISTINCT"}


def test_the_estimates_are_those_without_colocalisation(
    results: Any, studies: tuple[Path, Path]
) -> None:
    alone = run_mr(*studies, methods="wald,ivw", rule=_rule())
    assert alone.table().equals(results.table())
    assert alone.table("verdict").equals(results.table("verdict"))


def test_the_command_writes_the_gate(studies: tuple[Path, Path], tmp_path: Path) -> None:
    from proteomr_cli import main

    with pytest.raises(SystemExit) as left:
        main.run(
            ["mr", *map(str, studies), "--coloc", "--instruments-p", "1e-100", "--unproven", "flag",
             "--methods", "wald,ivw", "-q", "-o", str(tmp_path / "out")]
        )  # fmt: skip
    assert left.value.code == 0
    gate = pl.read_parquet(tmp_path / "out" / "coloc_gate.parquet")
    assert gate["passes"].to_list() == [row == "SHARED" for row in gate["exposure"]]
    for name in ("coloc", "coloc_snps", "coloc_sensitivity", "estimates"):
        assert (tmp_path / "out" / f"{name}.parquet").is_file()


def test_without_a_hit_the_tables_are_empty_and_it_is_said(studies: tuple[Path, Path]) -> None:
    x, y = studies
    none = pl.read_csv(x, separator="\t").filter(trait="NONE")
    request = MrRequest.of(none, y, methods="wald", rule=_rule())
    results = run_job(add_colocalisation(MrJob(request)), Output())
    assert results.table("coloc_gate").height == 0
    assert "coloc: no pair has q < 0.05" in results.notes


def test_harmonised_variants_are_no_regions() -> None:
    variants = pl.DataFrame(
        {"SNP": ["rs1"], "beta_exposure": [0.1], "se_exposure": [0.01], "beta_outcome": [0.05],
         "se_outcome": [0.02]}
    )  # fmt: skip
    request = MrRequest.of(harmonised=variants, methods="wald")
    with pytest.raises(UsageError, match="--coloc compares whole regions"):
        add_colocalisation(MrJob(request))


@pytest.mark.parametrize("told", ["all", "named", "log odds", "file"])
def test_whatever_tells_of_cases_tells_the_colocalisation(
    studies: tuple[Path, Path], told: str
) -> None:
    """The variance of true effects is that of log odds, not of a quantitative trait."""
    x, y = studies
    frame = pl.read_csv(y, separator="\t", schema_overrides={"chr": pl.String})
    ways: dict[str, dict[str, Any]] = {
        "all": {"outcome_size": TraitSize(4_000.0, 36_000.0)},
        "named": {"outcome_cases": (("disease", 4_000.0, 36_000.0),)},
        "log odds": {"log_odds": True},
        "file": {},
    }
    if told == "file":
        frame = frame.with_columns(n_case=pl.lit(4_000.0), n_control=pl.lit(36_000.0))
    one = pl.read_csv(x, separator="\t", schema_overrides={"chr": pl.String})
    read = ReadOptions(trait="disease")
    request = MrRequest.of(
        one, frame, methods="wald", rule=_rule(), read_outcome=read, **ways[told]
    )
    found = run_job(add_colocalisation(MrJob(request)), Output()).table("coloc")
    disease = (TraitChoice(), TraitChoice("cc", case_share=0.1))
    wanted = colocalise(one, frame, choices=disease, read=(ReadOptions(), read)).table("coloc")
    quant = colocalise(
        one, frame, choices=(TraitChoice(), TraitChoice("quant")), read=(ReadOptions(), read)
    ).table("coloc")
    keys = ["trait1", "region", "pp_h3", "pp_h4"]
    both = found.select(keys).join(wanted.select(keys), on=keys[:2], suffix="_cc")
    both = both.join(quant.select(keys), on=keys[:2], suffix="_quant")
    assert both.height == found.height > 0
    assert (both["pp_h4"] == both["pp_h4_cc"]).all()
    assert (both["pp_h4"] != both["pp_h4_quant"]).any()
