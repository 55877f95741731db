"""Whom a report must not show: people, by name or by row."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from proteomr.report import make_report
from proteomr.report.blocks import Sentence, TableBlock
from proteomr.report.reading import read_reported
from tests.report.conftest import command


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs whose tables have rows of people: quality control of a store, a score."""
    folder = tmp_path_factory.mktemp("people")
    cohort, made = folder / "cohort", folder / "runs"
    command("simulate", "--people", 200, "--proteins", 12, "-q", "-o", cohort)
    command("ingest", cohort / "proteins.parquet", "-q", "-o", folder / "store")
    command("qc", folder / "store", "--components", 2, "-q", "-o", made / "qc")
    command(
        "score", cohort, "--outcome", "age", "--adjust", "base=sex", "--folds", 2,
        "--inner-folds", 2, "-q", "--allow-failures", "-o", made / "score",
    )  # fmt: skip
    return made


def test_no_identifier_of_a_person_is_in_a_report(checked: Path) -> None:
    report = make_report(checked, title="A study")
    names = pl.read_parquet(checked / "qc" / "qc_panels.parquet")["sample_id"].unique().to_list()
    assert len(names) == 200
    for text in (report.html, report.markdown):
        assert not [name for name in names if name in text]


def test_tables_of_people_are_told_by_how_many_rows_they_have(checked: Path) -> None:
    report = make_report(checked, title="A study")
    quality = next(section for section in report.sections if section.title == "Quality control")
    told = [block.text for block in quality.blocks if isinstance(block, Sentence)]
    assert "qc: qc panels has 200 rows of people, which no report shows." in told
    shown = [block.caption for block in quality.blocks if isinstance(block, TableBlock)]
    assert shown[0] == "qc: qc assays"


def test_every_kind_of_table_of_people_is_known_as_one(checked: Path) -> None:
    runs = {run.name: run for run in read_reported(checked).runs}
    assert runs["qc"].holds_people("qc_samples")
    assert runs["qc"].holds_people("samples")  # without a schema, by the identifier
    assert runs["score"].holds_people("scores")
    assert not runs["qc"].holds_people("qc_assays")
    assert not runs["score"].holds_people("calibration")
    assert not runs["score"].holds_people("weights")
