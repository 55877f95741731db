"""`--figures`: what the tables of a run have, drawn with the run."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer.main
from proteomr_cli import main
from proteomr_cli.main import app

from proteomr.plot.kinds import KINDS
from proteomr.plot.run_figures import draw_run


def call(*words: object) -> int:
    with pytest.raises(SystemExit) as left:
        main.run([str(word) for word in words])
    return int(left.value.code or 0)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures") / "cohort"
    assert call("simulate", "--people", 300, "--proteins", 8, "-q", "-o", folder) == 0
    return folder


def list_commands() -> dict[str, Any]:
    commands = dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    gwas = commands.pop("gwas").commands
    return {**commands, **{f"gwas {name}": command for name, command in gwas.items()}}


def has_option(command: Any, option: str) -> bool:
    return any(option in each.opts for each in command.params)


NOT_DRAWN = {
    "ingest": "a store",
    "phenotype": "people",
    "simulate": "people",
    "gwas munge": "a study, which other commands read",
    "gwas clump": "variants of a study, which other commands read",
    "gwas leads": "variants of a study, which other commands read",
}


def test_every_command_that_writes_a_table_draws_it() -> None:
    commands = list_commands()
    writing = {name for name, command in commands.items() if has_option(command, "--resume")}
    drawing = {name for name, command in commands.items() if has_option(command, "--figures")}
    assert writing - drawing == NOT_DRAWN.keys()
    assert drawing - writing == {"merge"}
    for name in drawing:
        assert has_option(commands[name], "--figure-format")


def test_a_run_has_each_figure_of_its_tables_with_its_numbers(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "fits"
    asked = ("associate", cohort, "--exposure", "isolation", "--adjust", "base=age", "-q")
    code = call(*asked, "--family", "linear", "--figures", "--figure-format", "png", "-o", out)
    assert code == 0
    kinds = [name for name, kind in KINDS.items() if "associations" in kind.tables]
    one_model = {"effects"}  # needs two
    made = {file.name for file in (out / "figures").iterdir()}
    expected = {f"associations-{name}" for name in kinds if name not in one_model}
    assert {name.rpartition(".")[0] for name in made} == {*expected, "attrition-flow"}
    assert {name.rpartition(".")[2] for name in made} == {"png", "tsv"}
    text = (out / "log.txt").read_text(encoding="utf-8")
    assert "no figure associations-effects" in text
    before = (out / "figures" / "associations-volcano.png").read_bytes()
    again = tmp_path / "again"
    call(*asked, "--family", "linear", "--figures", "--figure-format", "png", "-o", again)
    assert (again / "figures" / "associations-volcano.png").read_bytes() == before


def test_another_format_of_a_finished_run_is_refused(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fits"
    asked = ("associate", cohort, "--exposure", "isolation", "--family", "linear", "-q", "-o", out)
    assert call(*asked, "--figures", "--figure-format", "png") == 0
    assert call(*asked, "--figures", "--figure-format", "svg", "--resume") == 3
    assert "figure-format png, not svg" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--shard", "1/2"), "leave it to the merge of the shards"),
        (("--figure-format", "gif"), "figures cannot be written as 'gif'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_the_work(
    cohort: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    message: str,
) -> None:
    out = tmp_path / "fits"
    asked = ("associate", cohort, "--exposure", "isolation", "--family", "linear", "-o", out)
    assert call(*asked, "--figures", *words) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error
    assert not out.exists()


def test_figures_of_people_are_their_owners_alone(cohort: Path, tmp_path: Path) -> None:
    store, out = tmp_path / "store", tmp_path / "checked"
    assert call("ingest", cohort / "proteins.parquet", "-q", "-o", store) == 0
    assert call("qc", store, "--figures", "--figure-format", "png", "-q", "-o", out) == 0
    made = sorted((out / "figures").iterdir())
    assert made
    assert {stat.S_IMODE(file.stat().st_mode) for file in made} == {0o600}


def test_a_table_that_cannot_be_drawn_is_told_and_leaves_the_others(tmp_path: Path) -> None:
    splits = pl.DataFrame({"split": ["1", "2"], "exposure": "x", "r_effects": [0.5, 0.6]})
    tables = {"replication": lambda: splits, "curves": pl.DataFrame, "drops": pl.DataFrame}
    notes = draw_run(tables, tmp_path, formats=("png",))
    assert any(note.startswith("no figure curves-km: no column 'outcome'") for note in notes)
    assert "replication-replication.png" in {file.name for file in tmp_path.iterdir()}


def test_figures_of_a_table_in_a_file_stand_beside_it(cohort: Path, tmp_path: Path) -> None:
    fits = tmp_path / "fits"
    asked = ("associate", cohort, "--exposure", "isolation", "--exposure", "age", "-q", "-o", fits)
    assert call(*asked, "--family", "linear") == 0
    looks = ("--figures", "--figure-format", "png", "-q")
    for command, name, made in (
        ("e-values", "strength.parquet", {"e_values-e-values.png", "e_values-e-values.tsv"}),
        ("adjust", "all.csv", {"adjusted-volcano.png", "adjusted-qq.tsv"}),
    ):
        assert call(command, fits, *looks, "-o", tmp_path / name) == 0
        folder = tmp_path / f"{name.partition('.')[0]}.figures"
        assert made <= {file.name for file in folder.iterdir()}
        again = ("--overwrite", *looks, "-o", tmp_path / name)
        assert call(command, fits, *again) == 0
    assert call("adjust", fits, "-q", "--overwrite", "-o", tmp_path / "all.csv") == 0
    assert not [*(tmp_path / "all.figures").glob("*")]
    assert call("compare", fits, fits, *looks, "-o", tmp_path / "both") == 0
    assert (tmp_path / "both" / "figures" / "compared-agreement.png").is_file()


def test_merged_shards_have_the_figures_of_one_run(cohort: Path, tmp_path: Path) -> None:
    asked = ("associate", cohort, "--exposure", "isolation", "--family", "linear", "-q")
    looks = ("--figures", "--figure-format", "png", "-q")
    assert call(*asked, *looks, "-o", tmp_path / "whole") == 0
    for share in ("1/2", "2/2"):
        assert call(*asked, "--shard", share, "-o", tmp_path / "parts") == 0
    assert call("merge", tmp_path / "parts", *looks) == 0
    whole, merged = (
        {file.name: file.read_bytes() for file in (tmp_path / name / "figures").iterdir()}
        for name in ("whole", "parts")
    )
    assert whole == merged
