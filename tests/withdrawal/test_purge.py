"""People of a list leave whatever holds them, and whoever computed with them is named."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from proteomr_cli import main

from proteomr import associate
from proteomr.errors import IdentifierError, InputError, RunFolderError
from proteomr.io.store import read_store
from proteomr.io.store_writing import write_store
from proteomr.runs import Ledger, check_table
from proteomr.tables import ArrayProteins, Measurements
from proteomr.withdrawal import Holding, purge
from tests.runs.stopping import Killed, content_of, forget_process, stop_before

IDS = [str(1_000_001 + i) for i in range(30)]
GONE = [IDS[0], IDS[17]]


def write_list(folder: Path, ids: list[str], name: str = "gone.txt") -> Path:
    path = folder / name
    path.write_text("".join(f"{one}\n" for one in ids))
    return path


def store(folder: Path) -> Path:
    rng = np.random.default_rng(2)
    measured = Measurements(
        platform="olink",
        samples=pl.DataFrame({"sample_id": IDS, "age": rng.normal(60.0, 5.0, 30)}),
        proteins=ArrayProteins(("ADM", "GDF15"), rng.normal(size=(30, 2))),
        assays=pl.DataFrame({"protein": ["ADM", "GDF15"], "kind": ["protein"] * 2}),
        flags=pl.DataFrame(
            {
                "sample_id": [IDS[0], IDS[3]],
                "protein": ["ADM", "ADM"],
                "panel": [None, None],
                "plate": [None, None],
                "flag": ["warned", "warned"],
                "value": ["WARN", "WARN"],
            },
            schema_overrides=dict.fromkeys(("panel", "plate"), pl.String),
        ),
    )
    write_store(measured, folder)
    return folder


def fit(place: Path, out: str, **more: Any) -> Path:
    associate(
        *(place / "store" / f"{name}.parquet" for name in ("samples", "proteins")),
        family="linear",
        exposure=["age"],
        out=place / out,
        **more,
    )
    return place / out


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a store, a fit on it, and a list of two of its people beside it."""
    place = tmp_path / "project"
    place.mkdir()
    store(place / "store")
    fit(place, "fit")
    write_list(tmp_path, GONE)
    return place


def told(found: tuple[Holding, ...]) -> set[tuple[str, str, str, int]]:
    return {(one.action, one.kind, one.path, one.people) for one in found}


def texts_below(folder: Path) -> bytes:
    """Return all that the files below a folder say; tables as text."""
    content = b""
    for file in sorted(folder.rglob("*")):
        if file.suffix == ".parquet":
            content += pl.read_parquet(file).cast(pl.String).write_csv().encode()
        elif file.is_file():
            content += file.read_bytes()
    return content


def test_a_store_is_written_again_and_results_of_it_are_named(project: Path) -> None:
    gone = project.parent / "gone.txt"
    before = content_of(project)
    looked = purge(project, withdrawn=gone, dry_run=True)
    assert content_of(project) == before
    found = purge(project, withdrawn=gone)
    assert found == looked
    assert told(found) == {
        ("rewrite", "store", "store", 2),
        ("run again", "results", "fit", 0),
    }
    measured = read_store(project / "store")
    assert measured.samples["sample_id"].to_list() == [one for one in IDS if one not in GONE]
    assert measured.proteins.read(slice(0, 2)).shape == (28, 2)
    assert measured.flags["sample_id"].to_list() == [IDS[3]]
    assert measured.drops[-1].reason == "withdrawn"
    assert (measured.drops[-1].step, measured.drops[-1].n) == ("purge", 2)
    for one in GONE:
        assert one.encode() not in texts_below(project)


def test_what_stays_is_what_was_there(project: Path) -> None:
    old = pl.read_parquet(project / "store" / "proteins.parquet")
    mode = (project / "store" / "proteins.parquet").stat().st_mode
    flags = project / "store" / "qc_flags.parquet"
    stamped = check_table(flags).producer
    purge(project, withdrawn=project.parent / "gone.txt")
    new = pl.read_parquet(project / "store" / "proteins.parquet")
    assert new.equals(old.filter(~pl.col("sample_id").is_in(GONE)))
    assert new.schema == old.schema
    assert (project / "store" / "proteins.parquet").stat().st_mode == mode
    assert check_table(flags).producer == stamped
    assert check_table(flags).recorded


def test_results_are_named_until_they_are_run_again(project: Path) -> None:
    gone = project.parent / "gone.txt"
    purge(project, withdrawn=gone)
    assert told(purge(project, withdrawn=gone)) == {("run again", "results", "fit", 0)}
    fit(project, "fit", overwrite=True)
    assert purge(project, withdrawn=gone) == ()


def test_results_of_results_are_named(project: Path) -> None:
    from proteomr.sensitivity import e_values

    e_values(
        project / "fit" / "associations.parquet",
        scale="OR",
        out=project / "values" / "values.parquet",
    )
    found = purge(project, withdrawn=project.parent / "gone.txt")
    assert ("run again", "results", "values/values.parquet", 0) in told(found)


def test_a_run_that_left_them_out_stands(project: Path) -> None:
    fit(project, "without", withdrawn=project.parent / "gone.txt")
    fit(project, "fewer", withdrawn=write_list(project.parent, GONE[:1], "fewer.txt"))
    found = told(purge(project, withdrawn=project.parent / "gone.txt"))
    assert not [one for one in found if one[2] == "without"]
    assert ("run again", "results", "fewer", 0) in found


def test_a_longer_list_than_the_one_before_takes_the_rest(project: Path) -> None:
    purge(project, withdrawn=project.parent / "gone.txt")
    purge(project, withdrawn=write_list(project.parent, [*GONE, IDS[5]], "more.txt"))
    drops = read_store(project / "store").drops
    assert [(one.step, one.n) for one in drops] == [("purge", 2), ("purge", 1)]


def test_tables_of_people_in_every_format_are_written_again(tmp_path: Path) -> None:
    place = tmp_path / "runs"
    scores = pl.DataFrame({"id": IDS, "M1": np.linspace(-1.0, 1.0, 30)})
    words = pl.DataFrame({"eid": [int(one) for one in IDS], "kept": [True, False] * 15})
    with Ledger.open(place, request={"command": "network"}, formats=["parquet", "csv"]) as ledger:
        from proteomr.provenance import Manifest

        ledger.write_table("eigenproteins", scores)
        ledger.write_table("splits", words)
        ledger.finish(Manifest(command="network"))
    found = purge(place.parent, withdrawn=write_list(tmp_path, GONE))
    assert told(found) == {("rewrite", "results", "runs", 2)}
    for name in ("eigenproteins", "splits"):
        parquet, text = (place / f"{name}.{ending}" for ending in ("parquet", "csv"))
        assert pl.read_parquet(parquet).height == 28
        assert pl.read_csv(text).height == 28
    assert (place / "splits.csv").read_text().splitlines()[1] == f"{IDS[1]},FALSE"
    assert not any(one.encode() in texts_below(place) for one in GONE)


def test_a_file_of_others_is_named_and_left(project: Path) -> None:
    mine = project / "mine.csv.gz"
    pl.DataFrame({"eid": IDS}).write_csv(mine, compression="gzip")
    broken = project / "broken.parquet"
    broken.write_bytes(b"PAR1")
    before = mine.read_bytes()
    found = told(purge(project, withdrawn=project.parent / "gone.txt"))
    assert ("look", "yours", "mine.csv.gz", 2) in found
    assert ("look", "yours", "broken.parquet", 0) in found
    assert mine.read_bytes() == before


def test_the_list_itself_may_lie_below_the_folder(project: Path) -> None:
    gone = write_list(project, ["eid", *GONE], "gone.csv")
    found = purge(project, withdrawn=gone)
    assert not [one for one in found if one.kind == "yours"]


@pytest.mark.parametrize(("written", "action"), [(4e9, "remove"), (1e9, "keep")])
def test_parts_from_before_the_list_are_removed(project: Path, written: float, action: str) -> None:
    with Ledger.open(project / "begun", request={"command": "associate"}) as ledger:
        ledger.parts.save(0, {"block": pl.DataFrame({"estimate": [0.1]})})
    gone = project.parent / "gone.txt"
    os.utime(gone, (written, written))
    found = told(purge(project, withdrawn=gone))
    assert (action, "parts", "begun", 0) in found
    assert (project / "begun").exists() == (action == "keep")


def test_parts_that_hold_them_are_removed_whenever_they_were_begun(project: Path) -> None:
    with Ledger.open(project / "begun", request={"command": "score"}) as ledger:
        ledger.parts.save(0, {"scores": pl.DataFrame({"id": IDS, "score": [0.5] * 30})})
    os.utime(project.parent / "gone.txt", (1e9, 1e9))
    found = told(purge(project, withdrawn=project.parent / "gone.txt"))
    assert ("remove", "parts", "begun", 2) in found
    assert not (project / "begun").exists()


def test_an_output_that_is_in_use_is_refused(project: Path) -> None:
    before = content_of(project / "store")
    with (
        Ledger.open(project / "store", request={"command": "qc"}, overwrite=True),
        pytest.raises(RunFolderError, match="in use"),
    ):
        purge(project, withdrawn=project.parent / "gone.txt")
    after = content_of(project / "store")
    assert {name: after[name] for name in before} == before


def test_a_store_of_nobody_else_is_left_to_its_owner(project: Path) -> None:
    before = content_of(project)
    found = told(purge(project, withdrawn=write_list(project.parent, IDS, "all.txt")))
    assert ("look", "store", "store", 30) in found
    assert content_of(project) == before


def test_a_table_that_was_changed_by_hand_does_not_become_a_result(project: Path) -> None:
    samples = project / "store" / "samples.parquet"
    pl.read_parquet(samples).with_columns(age=1.0).write_parquet(samples)
    with pytest.raises(InputError, match="altered since it was written"):
        purge(project, withdrawn=project.parent / "gone.txt")


def test_somebody_in_another_spelling_stops_the_purge(project: Path) -> None:
    before = content_of(project)
    with pytest.raises(IdentifierError, match="zeros in front"):
        purge(project, withdrawn=write_list(project.parent, [f"0{GONE[0]}"], "zeros.txt"))
    assert content_of(project) == before


def test_variants_that_are_numbered_like_people_are_nobody(project: Path) -> None:
    """A result whose schema has no rows of persons is not looked into."""
    found = purge(project, withdrawn=write_list(project.parent, ["77"], "others.txt"))
    assert found == ()


@pytest.mark.parametrize(
    ("folder", "fault"), [("nowhere", "no such folder"), ("gone.txt", "is a file")]
)
def test_what_is_no_folder_is_told(project: Path, folder: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        purge(project.parent / folder, withdrawn=project.parent / "gone.txt")


def test_figures_of_people_go_with_their_table(project: Path, tmp_path: Path) -> None:
    checked = project / "checked"
    words = ("qc", project / "store", "--figures", "--figure-format", "png", "-q", "-o", checked)
    with pytest.raises(SystemExit) as left:
        main.run([str(word) for word in words])
    assert left.value.code == 0
    drawn = {file.name for file in (checked / "figures").iterdir()}
    assert any(name.startswith("qc_panels-qc") for name in drawn)
    purge(project, withdrawn=project.parent / "gone.txt")
    assert not [file for file in (checked / "figures").iterdir() if "qc_panels" in file.name]
    outputs = json.loads((checked / "manifest.json").read_text())["outputs"]
    names = {entry["name"] for entry in outputs}
    assert not [name for name in names if name.startswith("figures/qc_panels")]
    assert all((checked / name).is_file() for name in names)


def test_a_purge_that_is_killed_leaves_old_or_new_and_goes_on(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before each change of the file system: the same files at the end every time."""
    shutil.rmtree(project / "fit")
    gone = project.parent / "gone.txt"
    kept = project.parent / "kept"
    shutil.copytree(project, kept)
    purge(project, withdrawn=gone)
    wanted = content_of(project)
    change, ended = 0, False
    while not ended:
        change += 1
        shutil.rmtree(project)
        shutil.copytree(kept, project)
        with pytest.MonkeyPatch.context() as killing:
            stop_before(change, killing)
            try:
                purge(project, withdrawn=gone)
                ended = True
            except Killed:
                pass
        forget_process(project / "store")
        purge(project, withdrawn=gone)
        now = content_of(project)
        now.pop("store/.lock", None)  # of a process that died; the next to open the store takes it
        assert now == wanted, change
        facts = json.loads((project / "store" / "manifest.json").read_text())
        assert [entry["people"] for entry in facts["purged"]] == [2], change
    assert change > 20
