"""`proteomr plot`: from run folders and tables to a figure and its numbers, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from proteomr.plot.kinds import KINDS


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results") / "hits.csv"
    pl.DataFrame(
        {
            "protein": ["ADM", "REN", "GDF15"] * 2,
            "adjustment": ["simple"] * 3 + ["full"] * 3,
            "estimate": [0.3, -0.2, 0.1, 0.2, -0.1, 0.1],
            "se": [0.03, 0.04, 0.1] * 2,
            "p_value": [1e-20, 1e-6, 0.3, 1e-9, 0.02, 0.3],
        }
    ).write_csv(path)
    return path


def test_the_command_tells_of_all_kinds_that_there_are(proteomr: Any) -> None:
    told = " ".join(proteomr("plot", "--help").out.replace("│", " ").split())
    assert all(f" {kind}" in told for kind in KINDS)


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_a_figure_has_its_numbers_beside_it(
    ending: str, table: Path, tmp_path: Path, proteomr: Any
) -> None:
    told = proteomr("plot", "volcano", table, "-o", tmp_path / f"v.{ending}")
    assert told.code == 0
    assert told.out == f"{tmp_path / f'v.{ending}'}\n"
    assert (tmp_path / f"v.{ending}").stat().st_size > 1_000
    numbers = pl.read_csv(tmp_path / "v.tsv", separator="\t")
    assert numbers.filter(pl.col("model") == "full")["name"].to_list() == ["ADM", "REN", "GDF15"]


def test_rows_are_chosen(table: Path, tmp_path: Path, proteomr: Any) -> None:
    proteomr("plot", "forest", table, "--where-rows", "adjustment=full", "-o", tmp_path / "f.svg")
    names = pl.read_csv(tmp_path / "f.tsv", separator="\t")["name"].to_list()
    assert names == ["ADM", "REN"]


def test_several_tables_stand_under_their_names(table: Path, tmp_path: Path, proteomr: Any) -> None:
    other = tmp_path / "elsewhere.parquet"
    pl.read_csv(table).with_columns(pl.col("estimate") * 0.9).write_parquet(other)
    where = ("--where-rows", "adjustment=full")
    told = proteomr("plot", "effects", table, other, *where, "-o", tmp_path / "e.png")
    assert told.code == 0
    data = pl.read_csv(tmp_path / "e.tsv", separator="\t")
    assert data.select("model_first", "model_second").unique().row(0) == ("hits", "elsewhere")


def test_a_run_folder_stands_for_its_main_table(tmp_path: Path, proteomr: Any) -> None:
    proteomr("simulate", "--people", 300, "--proteins", 8, "-q", "-o", tmp_path / "cohort")
    proteomr(
        "associate", tmp_path / "cohort", "--family", "linear", "--exposure", "bmi", "-q",
        "--allow-failures", "-o", tmp_path / "run",
    )  # fmt: skip
    assert proteomr("plot", "qq", tmp_path / "run", "-o", tmp_path / "qq.svg").code == 0
    told = proteomr("plot", "km", tmp_path / "run", "-o", tmp_path / "km.svg")
    assert told.code == 2
    assert "the run has no table 'curves', which is drawn; it has associations" in told.message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("volcano", "TABLE", "-o", "v.gif"), "figures cannot be written as 'gif'"),
        (("volcano", "TABLE", "-o", "v"), "svg, png or pdf is needed, such as v.svg"),
        (("volcano", "TABLE", "TABLE", "-o", "v.svg"), "is named twice"),
        (("volcano", "nowhere.csv", "-o", "v.svg"), "there is no such file"),
        (("volcano", ".", "-o", "v.svg"), "no finished run lies there"),
        (("volcano", "TABLE", "-o", "no/v.svg"), "no folder no"),
        (("volcano", "TABLE", "-o", "v.svg", "--where-rows", "q=1"), "no column 'q'"),
        (("km", "TABLE", "-o", "v.svg"), "no column 'outcome'"),
        (
            ("volcan", "TABLE", "-o", "v.svg"),
            "'volcan' (did you mean 'volcano'?); known:",
        ),
        (("figure1", ".", "-o", "v.svg"), "no kind of figure 'figure1'"),
    ],
)
def test_mistakes_are_one_line(
    words: tuple[str, ...], message: str, table: Path, tmp_path: Path, proteomr: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    told = proteomr("plot", *(str(table) if word == "TABLE" else word for word in words))
    assert told.code in {2, 3}
    assert message in told.message
    assert not list(tmp_path.glob("v*"))


def test_a_figure_is_not_replaced_unasked(table: Path, tmp_path: Path, proteomr: Any) -> None:
    out = tmp_path / "v.svg"
    assert proteomr("plot", "volcano", table, "-o", out).code == 0
    assert "replace it with --overwrite" in proteomr("plot", "volcano", table, "-o", out).message
    assert proteomr("plot", "volcano", table, "-o", out, "--overwrite").code == 0
