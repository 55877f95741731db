from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.runs import Results
from proteomr.simulate import ADJUSTMENTS, count_cells, simulate
from proteomr.simulate.cohort import COHORT_TABLES
from proteomr.simulate.study import SHEN2025, apportion
from tests.runs.stopping import content_of

TABLES = [f"{name}.parquet" for name in COHORT_TABLES]


def test_the_same_seed_and_size_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        simulate(tmp_path / name, people=700, proteins=70, seed=4)
    first = content_of(tmp_path / "first")
    assert first == content_of(tmp_path / "second")
    assert sorted(first) == sorted([*TABLES, "drops.tsv", "manifest.json"])


def test_another_seed_gives_other_data(tmp_path: Path) -> None:
    for seed in (4, 5):
        simulate(tmp_path / str(seed), people=300, proteins=70, seed=seed)
    first, second = content_of(tmp_path / "4"), content_of(tmp_path / "5")
    assert all(first[name] != second[name] for name in TABLES)


@settings(max_examples=12, deadline=None)
@given(people=st.integers(100, 600), proteins=st.integers(1, 140), seed=st.integers(0, 2**63))
def test_any_size_gives_tables_that_fit_together(people: int, proteins: int, seed: int) -> None:
    made = simulate(people=people, proteins=proteins, seed=seed)
    samples, values = made.table("samples"), made.table("proteins")
    assays, truth = made.table("assays"), made.table("truth")
    assert values.shape == (people, 1 + proteins)
    assert values.columns[1:] == assays["protein"].to_list()
    assert truth["protein"].unique(maintain_order=True).to_list() == values.columns[1:]
    assert values["sample_id"].to_list() == samples["sample_id"].to_list()
    assert count_cells(samples) == apportion(SHEN2025.cells, people)
    finite = truth.select(pl.col(pl.Float64).is_finite().all()).row(0)
    assert all(finite)


def test_the_tables_read_with_their_columns(simulation: Results) -> None:
    samples = simulation.table()
    assert samples.columns[:3] == ["sample_id", "isolation", "loneliness"]
    assert samples.columns[-2:] == ["follow_up_years", "death"]
    assert samples.null_count().sum_horizontal().item() == 0
    gap = simulation.table("timegap")
    assert gap.columns == ["sample_id", *SHEN2025.panels]
    assert gap["sample_id"].to_list() == samples["sample_id"].to_list()
    assert set(simulation.table("assays")["panel"]) == set(SHEN2025.panels)


def test_every_name_in_the_adjustment_sets_is_a_column(simulation: Results) -> None:
    terms = " + ".join(ADJUSTMENTS.values()).replace("PC1..PC20", "PC1 + PC20").split(" + ")
    names = {term.removeprefix("C(").removesuffix(")") for term in terms}
    assert names - set(simulation.table().columns) == {"timegap", "simple"}


@pytest.fixture(scope="module")
def manifest(simulation: Results) -> str:
    assert simulation.folder is not None
    return (simulation.folder / "manifest.json").read_text()


def test_the_manifest_holds_what_was_asked_and_what_was_drawn(
    simulation: Results, manifest: str
) -> None:
    facts = json.loads(manifest)
    asked = facts["request"]["asked"]
    assert {name: asked[name] for name in ("people", "proteins", "seed", "like")} == {
        "people": 6000,
        "proteins": 60,
        "seed": 11,
        "like": "shen2025",
    }
    samples = simulation.table()
    assert facts["seed"] == 11
    assert facts["configuration"]["cells"] == list(count_cells(samples))
    assert facts["configuration"]["deaths"] == samples["death"].sum()
    assert facts["configuration"]["adjustments"] == dict(ADJUSTMENTS)


def test_the_manifest_names_no_one(simulation: Results, manifest: str) -> None:
    ids = simulation.table()["sample_id"].cast(str)
    assert not any(name in manifest for name in ids)
