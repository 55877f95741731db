"""`proteomr egress` on a whole study: people and proteins stay, results leave, and are named."""

from __future__ import annotations

import platform
import re
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


def test_nothing_planted_is_found_in_the_clean_copy(
    tmp_path: Path, proteomr: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names in files, folders above, levels of few people, identifiers, notes, logs, manifests."""
    for name in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.setenv(name, "janedoe")
    place = tmp_path / "home-of-janedoe" / "ProjectX-12345"
    place.mkdir(parents=True)
    ids = [str(7_654_001 + i) for i in range(80)]
    samples = pl.DataFrame(
        {
            "eid": ids,
            "age": [50.0 + i % 17 for i in range(80)],
            "ward": ["Ann Lee's"] + ["east", "west"] * 39 + ["east"],
            "doctor": [f"Dr Nobody {i}" for i in range(80)],
        }
    )
    proteins = pl.DataFrame({"eid": ids, "ADM": [(i * 37 % 80) / 10 for i in range(80)]})
    samples.write_csv(place / "patients_of_drsmith.csv")
    proteins.write_csv(place / "npx_janedoe.csv")
    (place / "gone.txt").write_text(f"{ids[7]}\n")
    given = (str(place / "patients_of_drsmith.csv"), str(place / "npx_janedoe.csv"))
    out = place / "runs"
    linear = ("--family", "linear", "--exposure", "age")
    commands = (
        ("associate", *given, *linear, "--adjust", "a=C(ward)", "--coefficients", "-o", "fits"),
        ("describe", given[0], "--by", "ward", "--variable", "doctor", "-o", "table1"),
    )
    for *words, name in commands:
        gone = ("--withdrawn", str(place / "gone.txt"), "--allow-failures", "--log-json")
        ended = proteomr(*words, str(out / name), *gone)
        assert ended.code == 0, ended.err
    (out / "note_janedoe.txt").write_text("janedoe 7654003")
    (out / "janedoe.csv").write_text("eid\n7654003\n")
    assert proteomr("egress", str(out), "-o", str(tmp_path / "clean")).code == 0
    planted = ("janedoe", "drsmith", "ProjectX", "home-of", "Ann Lee", "Dr Nobody", *ids)
    planted += (platform.node(), str(tmp_path))
    told = tell_all(tmp_path / "clean")
    assert "ADM" in told
    assert "east" in told
    assert [name for name in planted if re.search(rf"\b{re.escape(name)}\b", told)] == []


def tell_all(folder: Path) -> str:
    """Return all bytes of a folder as text, names of files, and parquet's cells and metadata."""
    told = ""
    for file in sorted(folder.rglob("*")):
        told += f"{file.relative_to(folder)}\n"
        if file.is_file():
            told += file.read_bytes().decode("utf-8", "replace")
        if file.suffix == ".parquet":
            told += pl.read_parquet(file).cast(pl.String).write_csv()
            told += str(pl.read_parquet_metadata(file))
    return told


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
