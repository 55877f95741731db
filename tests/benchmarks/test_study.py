"""The time of a whole study is that of all its stages, and is held to a limit."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from benchmarks.study import list_faults
from proteomr.tables import load_schema


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Return the folder of a study of two stages of 40 s each, and one that failed."""
    states = {"people": "done", "fits": "units_failed", "wrong": "failed"}
    stages = [{"stage": name, "command": "associate", "state": state, "units": 1, "failed": 0}
              for name, state in states.items()]  # fmt: skip
    schema = load_schema("stages").empty().schema
    pl.DataFrame(stages, schema=schema).write_parquet(tmp_path / "stages.parquet")
    costs = pl.DataFrame({"stage": ["people", "fits"], "cpu_seconds": [40.0, 40.0]})
    costs.write_parquet(tmp_path / "costs.parquet")
    return tmp_path


def test_stages_without_results_are_told_and_others_are_not(study: Path) -> None:
    assert list_faults(study, cpu_seconds=10.0, minutes=1.0) == ["wrong: failed"]


@pytest.mark.parametrize(("cpu_seconds", "spent"), [(10.0, 80), (90.0, 90)])
def test_too_much_time_of_the_run_or_of_its_stages_is_told(
    study: Path, cpu_seconds: float, spent: int
) -> None:
    slow = list_faults(study, cpu_seconds=cpu_seconds, minutes=0.5)[1]
    assert slow == f"{spent} seconds of processors are more than 60"
