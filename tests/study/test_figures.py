"""Figures of a study by name: drawn from its tables, and mistakes named by their place."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from proteomr_cli import main

from proteomr.errors import UsageError
from proteomr.study import parse_study, read_kept_figures, run_study
from proteomr.study.figures import StudyFigure, draw_figures, parse_figures
from proteomr.study.kept_figures import keep_figures
from tests.plot.figure_tables import make_table
from tests.study.toy_runner import ToyRunner

STAGES = {"scan": {"command": "toy", "samples": "people.parquet"}}
PANEL = {"kind": "volcano", "from": "scan"}


def write(folder: Path) -> Any:
    place = folder / "associations.parquet"
    make_table(60, models=2, ratio=True).write_parquet(place)
    return lambda *_: place


def draw(
    folder: Path, *panels: dict[str, Any]
) -> tuple[pl.DataFrame, tuple[str, ...], tuple[Path, ...]]:
    figures = parse_figures({"figure1": {"panels": list(panels)}})
    paths, notes = draw_figures(figures, write(folder), folder)
    told = pl.read_csv(folder / "figures" / "figure1.tsv", separator="\t", infer_schema_length=None)
    return told, notes, paths


def test_a_figure_is_a_page_with_its_numbers(tmp_path: Path) -> None:
    told, _, paths = draw(
        tmp_path,
        PANEL | {"where": "adjustment == set0", "title": "One set"},
        {"kind": "effects", "from": "scan", "width": "single"},
        {"kind": "forest", "from": "scan", "width": "single", "by": "protein", "top": 3},
    )
    assert [path.name for path in paths] == ["figure1.svg", "figure1.png", "figure1.tsv"]
    assert "a One set" in paths[0].read_text()
    assert told.group_by("panel", maintain_order=True).len()["len"].to_list() == [60, 60, 6]


def test_names_may_be_of_another_column_and_few(tmp_path: Path) -> None:
    told, notes, _ = draw(
        tmp_path,
        {"kind": "forest", "from": "scan", "names": "adjustment", "by": "protein", "top": 1},
        {"kind": "forest", "from": "scan", "most": 2},
    )
    assert set(told.filter(panel="a")["name"]) <= {"set0", "set1"}
    assert told.filter(panel="b").height == 4
    assert any("b: " in note for note in notes)


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        ({"where": "q_bh > 2"}, "no column 'q_bh'"),
        ({"where": "adjustment == full"}, "no row of scan is left where adjustment == full"),
        ({"by": "protien", "top": 3}, "no column 'protien' in the table (did you mean 'protein'?)"),
        ({"by": "protein", "top": 3, "rank": "z"}, "no column 'z'"),
        ({"kind": "mediation"}, "no column 'quantity'"),
    ],
)
def test_a_panel_that_cannot_be_drawn_says_why_and_leaves_the_others(
    panel: dict[str, Any], message: str, tmp_path: Path
) -> None:
    told, notes, paths = draw(tmp_path, PANEL | panel, PANEL)
    assert paths[0].is_file()
    assert message in notes[0]
    assert notes[0].startswith("figure1 a: ")
    assert told.filter(panel="b").height == 120


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ([], r"figures are tables: \[figures.NAME\]"),
        ({"a b": {"panels": [PANEL]}}, r"\[figures.a b\]: a figure's name has letters"),
        ({"a": {"panels": []}}, r"\[figures.a\] needs panels"),
        ({"a": {"panel": [PANEL]}}, r"has no key 'panel' \(did you mean 'panels'\?\)"),
        ({"a": {"panels": [{"kind": "volcano"}]}}, r"panel a is a table"),
        ({"a": {"panels": [PANEL, {}]}}, r"panel b is a table"),
        (
            {"a": {"panels": [PANEL | {"kind": "vulcano"}]}},
            r"no kind 'vulcano' of figure \(did you",
        ),
        ({"a": {"panels": [PANEL | {"width": "wide"}]}}, "width is single or double, not 'wide'"),
        ({"a": {"panels": [PANEL | {"top": "3"}]}}, "top is a whole number, not '3'"),
        ({"a": {"panels": [PANEL | {"by": "protein"}]}}, "by .* and top .* go together"),
        ({"a": {"panels": [PANEL | {"rank": "z"}]}}, "rank is of by"),
        ({"a": {"panels": [PANEL | {"most": 3}]}}, "volcano draws all its rows"),
        ({"a": {"panels": [PANEL | {"from": "skan"}]}}, "stage 'skan', and there is none"),
    ],
)
def test_mistakes_are_named_by_their_place(facts: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_study({"stages": STAGES, "figures": facts})


def test_a_study_draws_its_figures_when_its_stages_have_ended(tmp_path: Path) -> None:
    make_table(20).with_columns(value=pl.lit(1.0)).write_parquet(tmp_path / "people.parquet")
    facts = {"stages": STAGES, "figures": {"f": {"panels": [PANEL]}}}
    study = parse_study(facts, folder=tmp_path)
    assert study.figures == (StudyFigure("f", study.figures[0].panels),)
    results = run_study(study, tmp_path / "out", runner=ToyRunner())
    assert [path.name for path in results.figures] == ["f.svg", "f.png", "f.tsv"]
    before = (tmp_path / "out" / "figures" / "f.svg").read_bytes()
    run_study(study, tmp_path / "out", runner=ToyRunner())
    assert (tmp_path / "out" / "figures" / "f.svg").read_bytes() == before


def test_a_figure_of_a_study_that_has_ended_is_drawn_again_by_its_name(tmp_path: Path) -> None:
    make_table(20).with_columns(value=pl.lit(1.0)).write_parquet(tmp_path / "people.parquet")
    panels = [
        PANEL | {"where": ["adjustment == set0", "p_value < 2"], "title": "One", "labels": 3},
        {"kind": "forest", "from": "scan", "by": "protein", "top": 2, "rank": "se", "most": 1},
    ]
    facts = {"stages": STAGES, "figures": {"f": {"about": "both", "panels": panels}}}
    study = parse_study(facts, folder=tmp_path)
    out = tmp_path / "out"
    run_study(study, out, runner=ToyRunner())
    assert read_kept_figures(out) == study.figures
    plot = ["plot", "f", out, "-o", tmp_path / "again.svg"]
    assert run_command(*plot) == 0
    for ending in ("svg", "tsv"):
        first = out / "figures" / f"f.{ending}"
        assert (tmp_path / f"again.{ending}").read_bytes() == first.read_bytes()


def test_mistakes_with_figures_of_a_study_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    keep_figures(parse_figures({"f": {"panels": [PANEL]}}), out)
    for words, message in (
        (("f", out, out), "name that folder alone"),
        (("f", out, "--title", "T", "--labels", "3"), "leave --title, --labels out"),
        (("g", out), f"and of {out} f"),
    ):
        assert run_command("plot", *words, "-o", tmp_path / "no.svg") == 2
        assert message in " ".join(capsys.readouterr().err.split())
    for content, message in (
        ("{", ", line 1: is damaged"),
        ('{"f": {}}', ": [figures.f] needs panels"),
    ):
        (out / "figures" / "figures.json").write_text(content)
        assert run_command("plot", "f", out, "-o", tmp_path / "no.svg") == 3
        assert f"figures.json{message}" in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.glob("no.*"))


def run_command(*words: object) -> int:
    with pytest.raises(SystemExit) as left:
        main.run([str(word) for word in words])
    return int(left.value.code or 0)


def test_without_matplotlib_a_study_has_no_figures_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    figures = parse_figures({"figure1": {"panels": [PANEL]}})
    paths, notes = draw_figures(figures, write(tmp_path), tmp_path)
    assert paths == ()
    missing = "figures need the package matplotlib, which is not installed"
    assert notes == (f"no figures: {missing}: pip install 'proteomr[plot]'",)
