from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import RunFolderError, UsageError
from proteomr.simulate import simulate
from proteomr.simulate.export import name_fields


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export")
    simulate(path, people=1_500, proteins=40, seed=4, export="ukb")
    return path


@pytest.fixture(scope="module")
def answers(folder: Path) -> pl.DataFrame:
    return pl.read_csv(folder / "export" / "participants.csv", try_parse_dates=True)


def test_the_answers_give_the_exposures_back(folder: Path, answers: pl.DataFrame) -> None:
    samples = pl.read_parquet(folder / "samples.parquet")
    isolation = (
        (pl.col("p709_i0") == 1).cast(pl.Int64)
        + (pl.col("p1031_i0") >= 5).cast(pl.Int64)
        + (pl.col("p6160_i0") == "-7").cast(pl.Int64)
    )
    loneliness = (pl.col("p2020_i0") == 1).cast(pl.Int64) + (pl.col("p2110_i0") == 0).cast(pl.Int64)
    found = answers.select(isolation=isolation >= 2, loneliness=loneliness == 2)
    assert found["isolation"].to_list() == (samples["isolation"] == 1).to_list()
    assert found["loneliness"].to_list() == (samples["loneliness"] == 1).to_list()


def test_every_score_occurs(answers: pl.DataFrame) -> None:
    lonely = (answers["p2020_i0"] == 1).cast(pl.Int64) + (answers["p2110_i0"] == 0).cast(pl.Int64)
    assert set(lonely.to_list()) == {0, 1, 2}


def test_dates_give_follow_up_and_death_back(folder: Path, answers: pl.DataFrame) -> None:
    samples = pl.read_parquet(folder / "samples.parquet")
    end = pl.lit(pl.Series(["2022-11-30"])).str.to_date()
    last = answers.select(pl.col("p40000_i0").fill_null(end) - pl.col("p53_i0")).to_series()
    years = last.dt.total_days().to_numpy() / 365.25
    np.testing.assert_allclose(years, samples["follow_up_years"].to_numpy(), atol=2e-6)
    assert (answers["p40000_i0"].is_not_null() == (samples["death"] == 1)).all()
    assert (answers["p40000_i0"].drop_nulls() <= pl.Series(["2022-11-30"]).str.to_date()[0]).all()


def test_time_gaps_follow_from_the_dates_within_weeks(folder: Path, answers: pl.DataFrame) -> None:
    export = folder / "export"
    dates = pl.read_csv(
        export / "helper_processing_start_date.tsv", separator="\t", try_parse_dates=True
    )
    wide = dates.pivot("Panel", index="PlateID", values="Processing_StartDate")
    joined = answers.join(wide, left_on="p30901_i0", right_on="PlateID", maintain_order="left")
    gaps = pl.read_parquet(folder / "timegap.parquet")
    for panel in ("Neurology", "Oncology_II"):
        days = (joined[panel.replace("_", " ")] - joined["p53_i0"]).dt.total_days().to_numpy()
        assert np.abs(days / 365.25 - gaps[panel].to_numpy()).max() < 0.3


def test_batches_are_those_of_the_cohort(folder: Path, answers: pl.DataFrame) -> None:
    batches = pl.read_csv(folder / "export" / "helper_batch_number.tsv", separator="\t")
    joined = answers.join(batches, left_on="p30901_i0", right_on="PlateID", maintain_order="left")
    assert (
        joined["Batch"].to_list() == pl.read_parquet(folder / "samples.parquet")["batch"].to_list()
    )


def test_proteins_are_those_of_the_cohort_under_other_names(folder: Path) -> None:
    made = pl.read_parquet(folder / "proteins.parquet")
    text = pl.read_csv(folder / "export" / "olink_instance_0.csv", infer_schema_length=None)
    assert len(set(text.columns)) == 41
    for name, field in zip(made.columns[1:], text.columns[1:], strict=True):
        assert made[name].to_list() == text[field].cast(pl.Float32).to_list()
    truth = pl.read_parquet(folder / "export" / "truth.parquet")
    assert set(truth["protein"]) == {name.upper() for name in text.columns[1:]}


def test_the_same_seed_gives_the_same_files(tmp_path: Path, folder: Path) -> None:
    simulate(tmp_path, people=1_500, proteins=40, seed=4, export="ukb")
    for file in sorted((folder / "export").iterdir()):
        assert file.read_bytes() == (tmp_path / "export" / file.name).read_bytes(), file.name


def test_more_proteins_than_names_are_refused() -> None:
    with pytest.raises(UsageError, match="2,923"):
        name_fields([f"P{i:04}" for i in range(2_924)])


def test_more_proteins_than_names_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2,924 proteins for 2,923 names"):
        simulate(tmp_path / "new", people=100, proteins=2_924, export="ukb")
    assert not (tmp_path / "new").exists()


def test_an_unknown_form_of_export_is_refused(tmp_path: Path) -> None:
    form: Any = "ukbb"
    with pytest.raises(UsageError, match="no export 'ukbb'; there is ukb"):
        simulate(tmp_path, people=100, proteins=2, export=form)


def test_the_manifest_has_the_digest_of_every_file(folder: Path) -> None:
    outputs = json.loads((folder / "manifest.json").read_text())["outputs"]
    digests = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert {entry["name"]: entry["sha256"] for entry in outputs} == digests
    assert "export/olink_instance_0.csv" in digests


def test_an_export_goes_with_the_cohort_that_it_is_of(tmp_path: Path) -> None:
    simulate(tmp_path, people=100, proteins=2, export="ukb")
    simulate(tmp_path, people=100, proteins=2, seed=2, overwrite=True)
    assert list((tmp_path / "export").iterdir()) == []


def test_another_export_in_the_folder_is_refused_and_kept(tmp_path: Path) -> None:
    own = tmp_path / "export" / "participants.csv"
    own.parent.mkdir()
    own.write_text("eid\n1\n")
    with pytest.raises(RunFolderError, match=r"not proteomr's \(export\)"):
        simulate(tmp_path, people=100, proteins=2, export="ukb")
    assert own.read_text() == "eid\n1\n"


def test_files_put_beside_a_simulated_cohort_are_none_of_it(tmp_path: Path) -> None:
    simulate(tmp_path, people=100, proteins=2)
    own = tmp_path / "export" / "participants.csv"
    own.parent.mkdir()
    own.write_text("eid\n1\n")
    with pytest.raises(RunFolderError, match=r"not proteomr's"):
        simulate(tmp_path, people=100, proteins=2, export="ukb", overwrite=True)
    simulate(tmp_path, people=100, proteins=2, seed=2, overwrite=True)
    assert own.read_text() == "eid\n1\n"
