"""`proteomr init`: a folder to a study that runs; what is there already is left alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import proteomr as library


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files")
    cohort = library.simulate(people=300, proteins=12)
    # without sites, batches and most components: Cox models of sixty columns take thirty seconds
    wide = ("site", "batch", "ethnicity", "education", *(f"PC{i}" for i in range(4, 21)))
    cohort.table("samples").drop(wide).write_csv(made / "people.csv")
    cohort.table("proteins").write_csv(made / "npx.tsv", separator="\t")
    (made / "notes.txt").write_text("to do\n")
    return made


@pytest.fixture
def folder(files: Path, tmp_path: Path) -> Path:
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_the_file_that_is_written_is_planned_and_runs(folder: Path, proteomr: Any) -> None:
    told = proteomr("init", folder)
    assert told.code == 0
    assert told.out.splitlines()[-1] == str(folder / "study.toml")
    assert "notes.txt is not recognised: a header and no rows" in told.err
    assert "#   notes.txt: a header and no rows" in (folder / "study.toml").read_text()
    planned = proteomr("run", folder / "study.toml", "-o", folder / "out", "--dry-run")
    assert planned.code == 0
    assert "associate: runs" in planned.out
    for said in ("people", "fits", "memory", "disk", "time"):
        assert f"\n  {said} " in planned.out
    assert "together: 3 stages, about" in planned.out
    assert not (folder / "out").exists()
    ran = proteomr("run", folder / "study.toml", "-o", folder / "out", "--only", "associate")
    assert ran.code == 0
    assert (folder / "out" / "associate" / "associations.parquet").is_file()


def test_a_study_that_is_there_is_replaced_when_asked_for_alone(
    folder: Path, proteomr: Any
) -> None:
    (folder / "study.toml").write_text("mine")
    assert proteomr("init", folder).message.endswith("or replace it with --force")
    assert (folder / "study.toml").read_text() == "mine"
    assert proteomr("init", folder, "--force", "-q").out == f"{folder / 'study.toml'}\n"
    assert "[stages.associate]" in (folder / "study.toml").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("nowhere",), 3, "nowhere: is no folder"),
        (("empty",), 5, "nothing here makes a stage of a study (no files)"),
        ((".", "-o", "study.txt"), 2, "study.txt: a study file is TOML; name it FILE.toml"),
        ((".", "-o", "nowhere/study.toml"), 2, "nowhere/study.toml: no folder nowhere"),
    ],
)
def test_mistakes_are_one_line(
    folder: Path,
    proteomr: Any,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir()
    told = proteomr("init", *arguments)
    assert told.code == code
    assert message in told.err
    assert told.err.splitlines()[-1].startswith("error: ")


def test_a_lock_is_written_and_refuses_what_changed(folder: Path, proteomr: Any) -> None:
    proteomr("init", folder, "-q")
    run = ("run", folder / "study.toml", "-o", folder / "out", "--only", "table1", "-q")
    assert proteomr(*run, "--lock").code == 0
    assert '"people.csv" = ' in (folder / "study.lock").read_text()
    with (folder / "people.csv").open("a") as file:
        file.write("\n")
    told = proteomr(*run)
    assert told.code == 3
    assert told.message.startswith("people.csv: has changed since ")
