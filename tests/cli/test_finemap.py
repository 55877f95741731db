"""Fine mapping on the command line: what is printed, what is refused and how runs end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.finemapping.loci import simulate_locus

LOCUS = simulate_locus(1, explained=0.03, n=800, p=40, others=30)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    LOCUS.rows.write_csv(tmp_path / "region.csv")
    LOCUS.matrix().write_csv(tmp_path / "ld.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_sets_and_their_leads_are_printed_and_tables_written(proteomr: Any, folder: Path) -> None:
    ended = proteomr("finemap", "region.csv", "--ld", "ld.csv", "--n", 800, "-o", "out")
    assert ended.code == 0, ended.err
    assert LOCUS.causal[0] in ended.out
    assert ended.out.splitlines()[0].split() == [
        *("trait", "region", "status", "variants", "sets", "mismatch"),
    ]
    for name in ("finemap", "pips", "credible_sets"):
        assert pl.read_parquet(folder / "out" / f"{name}.parquet").height > 0
    assert (folder / "out" / "manifest.json").exists()


def test_a_region_without_an_answer_is_code_4_and_says_why(proteomr: Any, folder: Path) -> None:
    asked = ("finemap", "region.csv", "--ld", "ld.csv", "--max-iterations", 1, "-o")
    ended = proteomr(*asked, "out")
    assert ended.code == 4
    assert "1 of 1 regions have no answer: not_converged 1" in ended.err
    assert "not come to rest" in ended.out
    assert proteomr(*asked, "allowed", "--allow-failures").code == 0


def test_a_dry_run_writes_nothing(proteomr: Any, folder: Path) -> None:
    ended = proteomr("finemap", "region.csv", "--ld", "ld.csv", "-o", "out", "--dry-run")
    assert ended.code == 0
    assert "regions" in ended.out
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("nowhere.csv", 3, "there is no such file"),
        ("region.csv --ld nowhere", 3, "there is no such file"),
        ("region.csv --l 3", 2, "--l is for correlations"),
        ("region.csv --ld ld.csv --l 0", 2, "--l 0: 1 or more is needed"),
        ("region.csv --ld ld.csv --coverage 95", 2, "--coverage 95: between 0 and 1"),
        ("region.csv --ld ld.csv --n -5", 2, "a number of people above 2"),
        ("region.csv --type cc --case-share 1", 2, "between 0 and 1"),
        ("region.csv --ld ld.csv --region 1:1-5", 2, "has no chromosomes"),
        ("region.csv --ld ld.csv --region 1:9-5", 2, "it ends before it starts"),
        ("region.csv --ld ld.csv --cis NOGENE", 2, "is not one gene"),
        ("region.csv --ld ld.csv --region 1 --cis ADM", 2, "give one"),
        ("region.csv --ld ld.csv --unmappable inf", 2, "add --n"),
        ("region.csv --p1 2 --sdy 1", 2, "--p1 2"),
        ("region.csv --ld region.csv", 3, "region.csv"),
    ],
)
def test_a_mistake_is_one_line(
    proteomr: Any, folder: Path, words: str, code: int, message: str
) -> None:
    ended = proteomr("finemap", *words.split(), "-o", "out")
    assert ended.code == code, ended.err
    assert message in ended.message
    assert not (folder / "out" / "finemap.parquet").exists()
