"""A simulated cohort, and the demo that scans one and holds its hits against the truth."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from proteomr_cli import demo


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "SMALL", (600, 20))


def test_simulate_writes_the_cohort_and_says_who_is_in_it(proteomr: Any, tmp_path: Path) -> None:
    ending = proteomr("simulate", "--people", 300, "--proteins", 10, "-o", tmp_path / "cohort")
    assert (ending.code, ending.err) == (0, "")
    assert ending.out.startswith("300 people (28 isolated, 20 lonely, 5 both, 257 neither; ")
    assert ending.out.endswith(f"\n{tmp_path / 'cohort'}\n")
    assert pl.read_parquet(tmp_path / "cohort" / "proteins.parquet").shape == (300, 11)


def test_simulate_replaces_a_cohort_only_when_told_to(proteomr: Any, tmp_path: Path) -> None:
    command = ("simulate", "-q", "--people", 200, "--proteins", 3, "-o", tmp_path / "cohort")
    first = proteomr(*command)
    assert first.out == f"{tmp_path / 'cohort'}\n"
    before = (tmp_path / "cohort" / "proteins.parquet").read_bytes()
    again = proteomr(*command, "--seed", 2)
    assert again.code == 3
    assert "--overwrite" in again.message
    assert (tmp_path / "cohort" / "proteins.parquet").read_bytes() == before
    assert proteomr(*command, "--seed", 2, "--overwrite").code == 0
    assert (tmp_path / "cohort" / "proteins.parquet").read_bytes() != before


def test_simulate_writes_an_export_and_takes_it_away_again(proteomr: Any, tmp_path: Path) -> None:
    command = ("simulate", "-q", "--people", 200, "--proteins", 3, "-o", tmp_path / "cohort")
    assert proteomr(*command, "--export", "ukb").code == 0
    export = tmp_path / "cohort" / "export"
    assert {"participants.csv", "olink_instance_0.csv"} < {file.name for file in export.iterdir()}
    again = proteomr(*command, "--export", "ukb")
    assert again.code == 3
    assert "choose another folder, or replace it with --overwrite" in again.message
    assert proteomr(*command, "--seed", 2, "--overwrite").code == 0
    assert list(export.iterdir()) == []


def test_simulate_says_what_it_would_write(proteomr: Any, tmp_path: Path) -> None:
    ending = proteomr("simulate", "--dry-run", "-o", tmp_path / "cohort")
    assert ending.code == 0
    assert ending.out.startswith("people    42,062\nproteins  2,920\n")
    assert not (tmp_path / "cohort").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--proteins", "2924", "--export", "ukb"], "2,924 proteins for 2,923 names"),
        (["--people", "12"], "cannot simulate 12 people: choose from 100"),
        (["--proteins", "0"], "cannot simulate 0 proteins"),
        (["--like", "shen2024"], "shen2025"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_a_cohort_that_cannot_be_is_a_mistake_of_usage(
    proteomr: Any, tmp_path: Path, arguments: list[str], words: str
) -> None:
    ending = proteomr("simulate", *arguments, "-o", tmp_path / "cohort")
    assert ending.code == 2
    assert words in ending.message
    assert not (tmp_path / "cohort").exists()


def test_the_demo_keeps_nothing_without_a_folder(
    proteomr: Any, small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ending = proteomr("demo")
    assert ending.code == 0
    assert ending.err == (
        "the temporary folder is removed; -o DIR keeps the cohort and the results\n"
    )
    assert list(tmp_path.iterdir()) == []
    assert "-o demo/associations" in ending.out


def test_the_demo_counts_its_hits_by_the_truth(proteomr: Any, small: None, tmp_path: Path) -> None:
    ending = proteomr("demo", "-o", tmp_path / "demo")
    assert ending.code == 0
    table = pl.read_parquet(tmp_path / "demo" / "associations" / "associations.parquet")
    truth = pl.read_parquet(tmp_path / "demo" / "cohort" / "truth.parquet")
    joined = table.join(truth, on=["protein", "exposure"]).filter(adjustment="full")
    planted = joined.filter(role="planted")
    found = planted.filter(pl.col("p_bonferroni") < 0.05).height
    counts = next(line for line in ending.out.splitlines() if line.startswith("full  "))
    assert counts.split()[:4] == ["full", str(found), "of", str(planted.height)]
    strongest = planted.filter(exposure="isolation").sort("neg_log10_p")[-1].row(0, named=True)
    low, high = pl.select(pl.lit([strongest["conf_low"], strongest["conf_high"]])).item().exp()
    line = next(row for row in ending.out.splitlines() if row.startswith(strongest["protein"]))
    assert f"{strongest['ratio']:.2f} ({low:.2f}-{high:.2f})" in line
    assert f" {strongest['odds_ratio']:.2f} " in line
    assert max(map(len, ending.out.splitlines())) <= 100 + len(str(tmp_path)) * 2


def test_the_commands_that_the_demo_prints_give_its_table(
    proteomr: Any, small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ending = proteomr("demo", "-o", "first")
    typed = ending.out.partition("the same by hand:\n")[2].replace("first/", "second/")
    for line in typed.replace("\\\n", "").splitlines():
        name, *arguments = shlex.split(line)
        assert name == "proteomr"
        assert proteomr(*arguments).code == 0
    tables = [Path(name, "associations", "associations.parquet") for name in ("first", "second")]
    assert tables[0].read_bytes() == tables[1].read_bytes()


def test_the_demo_replaces_an_earlier_one_only_when_told_to(
    proteomr: Any, small: None, tmp_path: Path
) -> None:
    assert proteomr("demo", "-o", tmp_path / "demo").code == 0
    again = proteomr("demo", "-o", tmp_path / "demo")
    assert again.code == 3
    assert "already holds a demo" in again.message
    assert proteomr("demo", "-o", tmp_path / "demo", "--overwrite").code == 0
