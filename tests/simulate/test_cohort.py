from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.errors import RunFolderError, StorageError, UsageError
from proteomr.simulate import ADJUSTMENTS, Simulation, cohort, simulate
from proteomr.simulate.study import SHEN2025, apportion

FILES = ["assays", "proteins", "samples", "timegap", "truth"]


def digests(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


def test_the_same_seed_and_size_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        simulate(tmp_path / name, people=700, proteins=70, seed=4)
    assert digests(tmp_path / "first") == digests(tmp_path / "second")
    assert len(digests(tmp_path / "first")) == len(FILES) + 1


def test_another_seed_gives_other_data(tmp_path: Path) -> None:
    for seed in (4, 5):
        simulate(tmp_path / str(seed), people=300, proteins=70, seed=seed)
    first, second = digests(tmp_path / "4"), digests(tmp_path / "5")
    assert all(first[name] != second[name] for name in first)


@settings(max_examples=12, deadline=None)
@given(people=st.integers(100, 600), proteins=st.integers(1, 140), seed=st.integers(0, 2**63))
def test_any_size_gives_tables_that_fit_together(
    tmp_path_factory: pytest.TempPathFactory, people: int, proteins: int, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    made = simulate(folder, people=people, proteins=proteins, seed=seed)
    samples, values = pl.read_parquet(made.samples), pl.read_parquet(made.proteins)
    assays, truth = pl.read_parquet(made.assays), pl.read_parquet(made.truth)
    assert values.shape == (people, 1 + proteins)
    assert values.columns[1:] == assays["protein"].to_list()
    assert truth["protein"].unique(maintain_order=True).to_list() == values.columns[1:]
    assert values["sample_id"].to_list() == samples["sample_id"].to_list()
    assert made.cells == apportion(SHEN2025.cells, people)
    finite = truth.select(pl.col(pl.Float64).is_finite().all()).row(0)
    assert all(finite)


def test_the_tables_read_with_their_columns(simulation: Simulation) -> None:
    samples = pl.read_parquet(simulation.samples)
    assert samples.columns[:3] == ["sample_id", "isolation", "loneliness"]
    assert samples.columns[-2:] == ["follow_up_years", "death"]
    assert samples.null_count().sum_horizontal().item() == 0
    gap = pl.read_parquet(simulation.timegap)
    assert gap.columns == ["sample_id", *SHEN2025.panels]
    assert gap["sample_id"].to_list() == samples["sample_id"].to_list()
    assert set(pl.read_parquet(simulation.assays)["panel"]) == set(SHEN2025.panels)


def test_every_name_in_the_adjustment_sets_is_a_column(simulation: Simulation) -> None:
    samples = pl.read_parquet(simulation.samples)
    terms = " + ".join(ADJUSTMENTS.values()).replace("PC1..PC20", "PC1 + PC20").split(" + ")
    names = {term.removeprefix("C(").removesuffix(")") for term in terms}
    assert names - set(samples.columns) == {"timegap", "simple"}


def test_the_manifest_holds_what_was_asked_and_the_digests(simulation: Simulation) -> None:
    manifest = json.loads(simulation.manifest.read_text())
    asked = {name: manifest[name] for name in ("people", "proteins", "seed", "like")}
    assert asked == {"people": 6000, "proteins": 60, "seed": 11, "like": "shen2025"}
    assert manifest["cells"] == list(simulation.cells)
    assert manifest["adjustments"] == dict(ADJUSTMENTS)
    assert manifest["sha256"] == {
        name: digest
        for name, digest in digests(simulation.manifest.parent).items()
        if name != "manifest.json"
    }


def test_the_manifest_names_no_one(simulation: Simulation) -> None:
    text = simulation.manifest.read_text()
    ids = pl.read_parquet(simulation.samples)["sample_id"].cast(str)
    assert not any(found in text for found in ids)


def test_the_counts_are_those_of_the_files(simulation: Simulation) -> None:
    samples = pl.read_parquet(simulation.samples)
    assert (simulation.people, simulation.protein_count) == (samples.height, 60)
    assert simulation.deaths == samples["death"].sum()
    exposed = [samples["isolation"].sum(), samples["loneliness"].sum()]
    _, isolated, lonely, both = simulation.cells
    assert exposed == [isolated + both, lonely + both]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"people": 99}, "cannot simulate 99 people: choose from 100"),
        ({"people": 10**9}, "choose from 100 to 5000000"),
        ({"proteins": 0}, "cannot simulate 0 proteins: choose 1 or more"),
        ({"seed": -1}, "seed -1 is negative"),
        ({"like": "shen"}, "no study called 'shen'"),
    ],
)
def test_what_cannot_be_simulated_is_refused_before_anything_is_written(
    tmp_path: Path, request_: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        simulate(tmp_path / "new", **request_)
    assert not (tmp_path / "new").exists()


def test_an_earlier_simulation_is_replaced(tmp_path: Path) -> None:
    simulate(tmp_path, people=200, proteins=40, seed=1)
    made = simulate(tmp_path, people=150, proteins=5, seed=1)
    assert pl.read_parquet(made.proteins).shape == (150, 6)
    assert json.loads(made.manifest.read_text())["people"] == 150


@pytest.mark.parametrize("name", ["samples.parquet", "manifest.json"])
def test_files_of_other_origin_are_refused_and_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"kind": "of another origin"}')
    with pytest.raises(RunFolderError, match=f"already holds {name}"):
        simulate(tmp_path, people=100, proteins=1)
    assert digests(tmp_path).keys() == {name}


def test_an_unfinished_simulation_has_no_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate(tmp_path, people=100, proteins=1)

    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cohort, "write_proteins", interrupt)
    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path, people=120, proteins=1)
    assert "manifest.json" not in digests(tmp_path)


def test_a_folder_below_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="part of the path is a file"):
        simulate(tmp_path / "file" / "folder", people=100, proteins=1)
