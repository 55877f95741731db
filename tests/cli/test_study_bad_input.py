"""Bad input of studies, figures and releases: one line each, and the exit code that it has."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from proteomr.runs.encoding import write_encoded
from proteomr.tables import load_schema

HITS = pl.DataFrame(
    {
        "protein": ["ADM", "REN"],
        "estimate": [0.3, -0.2],
        "se": [0.03, 0.1],
        "p_value": [1e-20, 0.05],
        "q_bh": [1e-19, 0.05],
    }
)


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ('[stages.qc]\nstore = { from = "qc" }\n', "stage 'qc' takes its own results"),
        ('[stages.qc]\nafter = ["qc"]\n', "stage 'qc' takes its own results"),
        (
            '[stages.qc]\nafter = ["mr"]\n[stages.mr]\nafter = ["qc"]\n',
            "stages need one another in a circle: qc needs mr needs qc",
        ),
        (
            '[stages.qc]\nafter = ["ingset"]\n[stages.ingest]\n',
            "stage 'qc' needs 'ingset', and there is none (did you mean 'ingest'?)",
        ),
        ("[stages.qc]\n[stages.QC]\n", "stages 'qc' and 'QC' would have one folder"),
        (
            '[stages.qc]\n[[published]]\nwhat = "x"\nfound = { from = "qcc" }\n',
            "[[published]] 1 takes a table of stage 'qcc', and there is none",
        ),
        (
            '[stages.qc]\n[figures.f]\npanels = [{ kind = "qq", from = "qcc" }]\n',
            "[figures.f] takes a table of stage 'qcc', and there is none",
        ),
    ],
)
def test_a_study_that_cannot_be_ordered_is_refused(
    study: str, message: str, tmp_path: Path, proteomr: Any
) -> None:
    (tmp_path / "study.toml").write_text(study)
    told = proteomr("run", tmp_path / "study.toml", "-o", tmp_path / "out")
    assert told.code == 2
    assert message in told.message
    assert len(told.err.splitlines()) == 1
    assert not (tmp_path / "out").exists() or not [*(tmp_path / "out").glob("*/")]


def test_a_selection_without_rows_is_nothing_to_do(tmp_path: Path, proteomr: Any) -> None:
    HITS.write_csv(tmp_path / "hits.csv")
    for words in (
        ("plot", "volcano", tmp_path / "hits.csv", "-o", tmp_path / "v.svg"),
        ("e-values", tmp_path / "hits.csv", "--scale", "OR", "-o", tmp_path / "e.csv"),
    ):
        told = proteomr(*words, "--where-rows", "q_bh < 1e-30")
        assert told.code == 5, told.err
        assert "no row is left where q_bh < 1e-30" in told.message
        assert len(told.err.splitlines()) == 1


def test_a_stage_that_selects_no_row_is_empty_and_no_fault(tmp_path: Path, proteomr: Any) -> None:
    HITS.write_csv(tmp_path / "hits.csv")
    (tmp_path / "study.toml").write_text(
        '[stages.confounding]\ncommand = "e-values"\ntable = "hits.csv"\nscale = "OR"\n'
        'where-rows = ["q_bh < 1e-30"]\n'
    )
    told = proteomr("run", tmp_path / "study.toml", "-o", tmp_path / "out")
    assert told.code == 0, told.err
    stages = pl.read_parquet(tmp_path / "out" / "stages.parquet")
    assert stages["state"].to_list() == ["empty"]
    assert "no row is left" in stages["message"][0]


def test_a_table_of_a_newer_schema_is_refused(tmp_path: Path, proteomr: Any) -> None:
    newer = load_schema("associations").version + 1
    stamp = {"request": "0" * 64, "producer": "proteomr 9", "schema": f"associations/{newer}"}
    with (tmp_path / "hits.parquet").open("wb") as file:
        write_encoded(HITS, file, format="parquet", stamp=stamp)
    for words in (
        ("plot", "volcano", tmp_path / "hits.parquet", "-o", tmp_path / "v.svg"),
        ("e-values", tmp_path / "hits.parquet", "-o", tmp_path / "e.csv"),
        ("schema", "--check", tmp_path / "hits.parquet"),
    ):
        told = proteomr(*words)
        assert told.code == 3, told.err
        assert f"is version {newer} of table 'associations'" in told.message
        assert told.message.endswith("update proteomr")


def test_a_policy_with_k_0_is_refused(tmp_path: Path, proteomr: Any) -> None:
    (tmp_path / "own.toml").write_text('name = "own"\ndescription = "all"\nk = 0\n')
    told = proteomr("egress", tmp_path, "--policy", tmp_path / "own.toml")
    assert told.code == 3
    assert "k is 0, and must be a whole number from 2 on" in told.message
    assert len(told.err.splitlines()) == 1


def test_a_release_inside_what_is_judged_is_refused(tmp_path: Path, proteomr: Any) -> None:
    proteomr("simulate", "--people", 200, "--proteins", 4, "-q", "-o", tmp_path / "cohort")
    told = proteomr("egress", tmp_path / "cohort", "--out", tmp_path / "cohort" / "clean")
    assert told.code == 2
    assert "is inside the other" in told.message
    assert len(told.err.splitlines()) == 1
    assert not (tmp_path / "cohort" / "clean").exists()


def test_without_matplotlib_plot_says_how_to_get_it(
    tmp_path: Path, proteomr: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    HITS.write_csv(tmp_path / "hits.csv")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    told = proteomr("plot", "volcano", tmp_path / "hits.csv", "-o", tmp_path / "v.svg")
    assert told.code == 2
    assert "pip install 'proteomr[plot]'" in told.message
    assert len(told.err.splitlines()) == 1
    assert not (tmp_path / "v.svg").exists()


def test_without_a_font_plot_says_which(
    tmp_path: Path, proteomr: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_none(*_: object, **__: object) -> str:
        raise ValueError("Failed to find font DejaVu Sans")

    HITS.write_csv(tmp_path / "hits.csv")
    monkeypatch.setattr("matplotlib.font_manager.findfont", find_none)
    told = proteomr("plot", "volcano", tmp_path / "hits.csv", "-o", tmp_path / "v.svg")
    assert told.code == 2
    assert "figures need the font DejaVu Sans" in told.message
    assert len(told.err.splitlines()) == 1
