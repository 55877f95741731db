"""Inputs that are locked: what has changed, gone or come is refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import FormatError, InputError
from proteomr.study import StudyResults, open_lock, parse_study, run_study
from tests.study.toy_runner import ToyRunner

STAGES = {
    "one": {"command": "toy", "samples": "a.parquet"},
    "two": {"command": "toy", "samples": {"from": "one"}},
    "three": {"command": "toy", "samples": "b.parquet"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        write(tmp_path / f"{name}.parquet", 1.0)
    return tmp_path


def write(file: Path, value: float) -> None:
    pl.DataFrame({"protein": ["P1"], "value": [value]}).write_parquet(file)


def run(folder: Path, *, adds: bool, only: tuple[str, ...] = ()) -> tuple[StudyResults, list[str]]:
    runner = ToyRunner()
    lock = open_lock(folder / "study.toml", folder=folder, adds=adds)
    study = parse_study({"stages": STAGES}, folder=folder)
    return run_study(study, folder / "out", runner=runner, lock=lock, only=only), runner.ran


def test_a_lock_holds_the_inputs_and_none_of_the_results(folder: Path) -> None:
    run(folder, adds=True)
    text = (folder / "study.lock").read_text()
    assert [line.split(" = ")[0] for line in text.splitlines() if " = " in line] == [
        '"a.parquet"',
        '"b.parquet"',
    ]
    before = (folder / "study.lock").read_bytes()
    run(folder, adds=True)
    assert (folder / "study.lock").read_bytes() == before


@pytest.mark.parametrize("adds", [True, False])
def test_an_input_that_changed_is_refused_before_anything_runs(folder: Path, *, adds: bool) -> None:
    run(folder, adds=True)
    write(folder / "b.parquet", 2.0)
    with pytest.raises(InputError, match=r"^b\.parquet: has changed since .*study\.lock locked it"):
        run(folder, adds=adds)


def test_an_input_that_is_gone_is_named(folder: Path) -> None:
    run(folder, adds=True)
    (folder / "a.parquet").unlink()
    with pytest.raises(InputError, match=r"^a\.parquet: is locked by .* and not there"):
        run(folder, adds=False)


def test_an_input_that_is_new_is_added_when_asked_for_alone(folder: Path) -> None:
    run(folder, adds=True, only=("one",))
    results, _ = run(folder, adds=False)
    assert results.failed == ("three",)
    assert "b.parquet: is not among the inputs of" in results.reports[2].message
    results, ran = run(folder, adds=True)
    assert results.failed == ()
    assert ran == ["three"]
    assert run(folder, adds=False)[1] == []


def test_the_same_content_under_another_time_stands(folder: Path) -> None:
    run(folder, adds=True)
    content = (folder / "a.parquet").read_bytes()
    (folder / "a.parquet").unlink()
    (folder / "a.parquet").write_bytes(content)
    assert run(folder, adds=False)[1] == []


def test_a_study_without_a_lock_has_none_unless_it_is_asked_for(folder: Path) -> None:
    run(folder, adds=False)
    assert not (folder / "study.lock").exists()


def test_a_file_that_is_no_lock_is_refused(folder: Path) -> None:
    (folder / "study.lock").write_text("inputs = 3\n")
    with pytest.raises(FormatError, match="is no lock of inputs"):
        open_lock(folder / "study.toml", folder=folder, adds=False)
