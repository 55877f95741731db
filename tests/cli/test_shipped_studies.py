"""The studies that come with the package, each run whole on data whose answers are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.study.deliveries import EFFECT, PLACES, write_locus, write_plates

pytestmark = pytest.mark.usefixtures("stages_begin_warm")


def run_shipped(proteomr: Any, name: str) -> pl.DataFrame:
    """Run a study as it is printed, in the present folder, and return what came of its stages."""
    printed = proteomr("run", name, "--print-study")
    assert printed.code == 0
    told = proteomr("run", name, "-o", "out")
    assert told.code == 0, told.out
    assert told.out.splitlines()[-2:] == ["out/report.html", "out"]
    return pl.read_parquet("out/stages.parquet")


def test_plates_of_a_laboratory_become_a_report(
    tmp_path: Path, proteomr: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_plates(tmp_path)
    stages = run_shipped(proteomr, "olink-lab")
    assert stages["state"].unique().to_list() == ["done"]
    found = pl.read_parquet("out/groups/associations.parquet").sort("p_value")
    assert found["protein"][0] == "OID10000"  # the one that was drawn higher in cases
    assert found.filter(pl.col("q_bh") < 0.05).height == 1
    assert found["estimate"][0] == pytest.approx(1.5, abs=0.6)
    plates = pl.read_parquet("out/corrected/plates.parquet")
    values = pl.read_parquet("out/corrected/proteins.parquet").join(plates, on="sample_id")
    medians = values.group_by("plate").agg(pl.col("OID10005").median())["OID10005"]
    assert float(medians.max() - medians.min()) < 0.1  # type: ignore[operator,arg-type]
    assert "OID10000" in Path("out/report.md").read_text()


def test_a_drug_target_is_followed_from_its_gene_to_a_report(
    tmp_path: Path, proteomr: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_locus(tmp_path)
    stages = run_shipped(proteomr, "cis-mr")
    assert stages["state"].unique().to_list() == ["done"]
    for stage, methods in (("causes", ("ivw_correlated", "egger_correlated")), ("lead", ("ivw",))):
        estimates = pl.read_parquet(f"out/{stage}/estimates.parquet")
        for method in methods:
            row = estimates.row(by_predicate=pl.col("method") == method, named=True)
            assert row["status"] == "ok"
            assert abs(row["estimate"] - EFFECT) < 4 * row["se"]
    causes = pl.read_parquet("out/causes/estimates.parquet")
    assert causes["nsnp"].min() >= len(PLACES)  # type: ignore[operator]
    assert set(causes["method"]) == {"ivw_correlated", "egger_correlated", "pcgmm", "clr"}
    shared = pl.read_parquet("out/coloc/coloc.parquet")
    assert shared["pp_h4"].max() > 0.8  # type: ignore[operator]
    sets = pl.read_parquet("out/finemap/credible_sets.parquet")
    assert {f"rs{place}" for place in PLACES} <= set(sets["snp"])
    assert "ivw_correlated" in Path("out/report.html").read_text()


def test_a_report_that_is_neither_true_nor_false_is_refused(tmp_path: Path, proteomr: Any) -> None:
    (tmp_path / "study.toml").write_text('report = "yes"\n[stages.x]\ncommand = "qc"\n')
    told = proteomr("run", tmp_path / "study.toml", "-o", tmp_path / "out")
    assert told.code == 2
    assert "report is true or false, not 'yes'" in told.message
