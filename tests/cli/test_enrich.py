"""`proteomr enrich` at the terminal: what it prints, and how it leaves."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from proteomr_cli import main

GENES = (
    *("IL6", "TNF", "IL1B", "CXCL8", "ALB", "REN", "APOE", "LDLR", "KIT"),
    *("EGF", "INS", "GCG", "LEP", "ADM", "FN1", "F7", "VWF", "KDR"),
)
ROWS = [f"{gene},{9 - i},{0.01 if i < 4 else 0.5}\n" for i, gene in enumerate(GENES)]
TABLE = "gene,statistic,q_bh\n" + "".join(ROWS)
SETS = "first\tof four\tIL6\tTNF\tIL1B\tCXCL8\nlast\tof three\tF7\tVWF\tKDR\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "table.csv").write_text(TABLE)
    (tmp_path / "sets.gmt").write_text(SETS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as left:
        main.run(["enrich", "table.csv", *arguments])
    return left.value.code


def test_hits_and_ranks_find_the_set_at_the_top(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--sets", "sets.gmt", "--min-size", "3")
    assert run(*asked, "--where-rows", "q_bh < 0.05", "-o", "hits") == 0
    told = capsys.readouterr().out
    assert "2 sets tested, 1 significant" in told
    assert "of four" in told
    assert run(*asked, "--method", "gsea", "-o", "ranked", "--format", "csv") == 0
    assert "NES" in capsys.readouterr().out
    table = pl.read_csv(folder / "ranked" / "enrichment.csv")
    assert table["members"][0] == "IL6;TNF;IL1B;CXCL8"
    assert set(table["direction"]) == {"up", "down"}


def test_a_dry_run_counts_and_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = run(
        *("--sets", "sets.gmt", "--min-size", "3", "--where-rows", "q_bh < 0.05"),
        *("-o", "out", "--dry-run"),
    )
    assert left == 0
    assert "sets" in capsys.readouterr().out
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--sets", "none.gmt"), 3, "none.gmt"),
        (("--sets", "go-bq"), 2, "did you mean 'go-bp'"),
        (("--sets", "sets.gmt", "--min-size", "9", "--max-size", "3"), 2, "sets of 9 to 3 members"),
        (("--sets", "sets.gmt", "--method", "gsea", "--direction", "up"), 2, "--direction is of"),
        (("--sets", "sets.gmt", "--sets", "sets.gmt"), 2, "named twice"),
        (("--sets", "sets.gmt", "--where-rows", "q < 1"), 3, "'q'"),
    ],
)
def test_mistakes_are_answered_in_one_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    assert run(*arguments, "-o", "out") == code
    told = capsys.readouterr().err.strip().splitlines()
    assert message in told[-1]
    assert told[-1].startswith("error: ")
