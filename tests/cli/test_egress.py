"""`proteomr egress` on a whole study: people and proteins stay, results leave, and are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from proteomr_cli import main

ADJUSTED = ("--adjust", "simple=age + sex")
COMMANDS = {
    "people": ("simulate", "--people", "300", "--proteins", "6", "--seed", "3"),
    "table1": ("describe", "people/samples.parquet", "--by", "isolation"),
    "associate": (
        *("associate", "people", "--family", "linear", "--exposure", "loneliness"),
        *("--exposure", "isolation", "--strata", "sex", "--adjust", "a=age"),
    ),
    "halves": (
        *("replicate", "people", "--family", "linear", "--exposure", "loneliness"),
        *("--splits", "3", *ADJUSTED),
    ),
    "curves": (
        *("survive", "people", "--outcome", "disease", "--event-code", "1"),
        *("--curves", "GDF15", "--quantiles", "4"),
    ),
}
PEOPLE = ("people/samples.parquet", "people/proteins.parquet", "people/truth.parquet")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secret-place") / "out"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        for name, words in COMMANDS.items():
            with pytest.raises(SystemExit) as left:
                main.run([*words, "-o", name, "--quiet"])
            assert left.value.code == 0, name
    return folder


@pytest.fixture(scope="module")
def clean(study: Path) -> Path:
    out = study.parent / "clean"
    with pytest.raises(SystemExit) as left:
        main.run(["egress", str(study), "--policy", "sacro", "-o", str(out)])
    assert left.value.code == 0
    return out


def test_tables_that_do_not_say_what_made_them_are_withheld_and_named(clean: Path) -> None:
    withheld = pl.read_csv(clean / "withheld.tsv", separator="\t")
    whole = withheld.filter(pl.col("column").is_null())
    reasons = dict(whole.select("file", "reason").rows())
    for name in PEOPLE:
        assert reasons[name] == "no schema says what its columns tell"
        assert not (clean / name).exists()


def test_results_of_every_stage_leave(clean: Path) -> None:
    names = {file.relative_to(clean).as_posix() for file in clean.rglob("*.parquet")}
    assert {
        "associate/associations.parquet",
        "halves/replication.parquet",
        "table1/description.parquet",
        "curves/curve_times.parquet",
    } <= names
    left = pl.read_parquet(clean / "associate" / "associations.parquet")
    assert (
        left.height
        == pl.read_parquet(clean.parent / "out" / "associate" / "associations.parquet").height
    )
    assert (left["n"].drop_nulls() % 10 == 0).all()


def test_a_damaged_table_of_people_is_refused(study: Path, tmp_path: Path, proteomr: Any) -> None:
    """It stays inside, but what is read beside it is no longer what was run."""
    import shutil

    shutil.copytree(study, tmp_path / "copy")
    samples = tmp_path / "copy" / "people" / "samples.parquet"
    pl.read_parquet(samples).head(20).write_parquet(samples)
    ending = proteomr("egress", str(tmp_path / "copy"))
    assert ending.code == 3
    assert "samples.parquet: was altered since it was written" in ending.message


def test_a_file_in_the_place_of_the_folder_is_told(study: Path, proteomr: Any) -> None:
    file = study / "associate" / "associations.parquet"
    ending = proteomr("egress", str(file))
    assert ending.code == 3
    assert "is a file; name the folder of a run or of a study" in ending.message
    assert str(file.parent) in ending.message
