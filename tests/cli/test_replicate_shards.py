"""Shards of a replication join to the bytes of a whole run, whatever divides the people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

SCANS = {
    "halves": ("--splits", 4, "--keep-fits"),
    "clusters": ("--splits", 4, "--se", "CR1", "--cluster", "site"),
    "folds": ("--folds", 3, "--interaction", "site"),
    "centres": ("--leave-out", "site"),
    "against": ("--against", "there/associations.parquet"),
}


@pytest.fixture
def ask(proteomr: Any, wide: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command on a study whose halves are several blocks; its models go before the rest."""
    monkeypatch.chdir(wide.folder)
    monkeypatch.setattr("proteomr.scan.row_sets._UNITS_AT_ONCE", 320)
    monkeypatch.setattr("proteomr.scan.planning._OF_SETS", 1)

    def run(command: str, *arguments: object, family: str = "linear") -> Any:
        scan = ("samples.csv", "proteins.parquet", "--family", family, "--exposure", "lonely")
        return proteomr(command, *scan, "--adjust", "a=age", "--allow-failures", "-q", *arguments)

    return run


def tables(folder: str) -> dict[str, bytes]:
    files = (f for f in Path(folder).iterdir() if f.suffix in {".parquet", ".tsv"})
    return {file.name: file.read_bytes() for file in files}


def impute(study: Any) -> None:
    g = np.random.default_rng(1)
    copies = [
        study.samples.with_columns(
            pl.lit(i).alias(".imp"),
            age=pl.col("age") + pl.Series(g.integers(0, 3, study.samples.height)),
        )
        for i in (1, 2)
    ]
    study.write("samples.csv", pl.concat(copies))


@pytest.mark.parametrize("imputed", ["", "imputed"])
@pytest.mark.parametrize("scan", SCANS)
def test_shards_join_to_the_bytes_of_the_whole(
    ask: Any, proteomr: Any, wide: Any, scan: str, imputed: str
) -> None:
    if imputed:
        impute(wide)
    assert ask("associate", "-o", "there").code == 0
    assert ask("replicate", *SCANS[scan], "-o", "whole").code == 0
    shards = [ask("replicate", *SCANS[scan], "--shard", s, "-o", "parts") for s in ("2/2", "1/2")]
    assert [one.code for one in shards] == [0, 0]
    assert not list(Path("parts").glob("replication*"))
    merged = proteomr("merge", "parts", "--allow-failures")
    assert merged.code == 0
    assert merged.out.splitlines()[-1] == str(Path("parts", "replication.parquet"))
    assert "replication.parquet" in tables("whole")
    assert tables("whole") == tables("parts")


def test_a_shard_that_is_absent_is_told_and_columns_are_of_associations(
    ask: Any, proteomr: Any
) -> None:
    first = ask("replicate", "--splits", 4, "--shard", "1/2", "-o", "parts")
    assert first.code == 0
    early = proteomr("merge", "parts")
    assert early.code == 3
    assert "parts are absent, damaged or of another run" in early.message
    renamed = proteomr("merge", "parts", "--columns", "broom")
    assert renamed.code == 2
    assert "--columns is of associations, and this is a run of replicate" in renamed.message


def test_shards_of_another_request_are_not_joined(ask: Any) -> None:
    assert ask("replicate", "--splits", 4, "--shard", "1/2", "-o", "parts").code == 0
    other = ask("replicate", "--splits", 5, "--shard", "2/2", "-o", "parts")
    assert other.code == 3
    assert "parts" in other.message


def test_a_dry_run_of_a_shard_tells_its_share(ask: Any) -> None:
    said = [
        ask("replicate", "--splits", 4, "--dry-run", "-o", "parts", *shard).out
        for shard in ((), ("--shard", "1/2"))
    ]
    fits = [int(text.split("fits", 1)[1].split()[0].replace(",", "")) for text in said]
    assert fits[1] < fits[0]


def notes(folder: str) -> list[str]:
    found: list[str] = json.loads(Path(folder, "manifest.json").read_text())["notes"]
    return found


@pytest.mark.parametrize("command", ["associate", "replicate"])
def test_what_shards_say_of_the_files_is_told_by_the_whole(
    ask: Any, proteomr: Any, wide: Any, command: str
) -> None:
    n = wide.samples.height
    coded = pl.when(pl.int_range(n) % 9 == 0).then(-999).otherwise(pl.col("age"))
    wide.write("samples.csv", wide.samples.with_columns(age=coded))
    splits = ("--splits", 4) if command == "replicate" else ("--threads", 1)
    assert ask(command, *splits, "-o", "whole").code == 0
    assert any("-999" in note for note in notes("whole"))
    for shard in ("2/2", "1/2"):
        assert ask(command, *splits, "--shard", shard, "-o", "parts").code == 0
    assert proteomr("merge", "parts", "--allow-failures").code == 0
    assert notes("parts") == notes("whole")
    assert not list(Path("parts").rglob("notes*"))
