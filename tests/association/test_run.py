"""A scan into a run folder: parts, resume, shards and merge give what one pass gives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.association import (
    ModelSpec,
    Plan,
    associate,
    describe_request,
    finish_run,
    merge_parts,
    plan_scan,
)
from proteomr.errors import RunFolderError
from proteomr.execute import Serial, Shard, Threads
from proteomr.runs import RunFolder
from proteomr.scan import estimate_cost, run_parts
from proteomr.tables import ArrayProteins, Cohort

SPEC = ModelSpec("logistic", ("iso", "lo"), {"none": "1", "aged": "age"})
OUTPUTS = ("associations.parquet", "summary.tsv", "drops.tsv")


@pytest.fixture(scope="module")
def plan() -> Plan:
    g = np.random.default_rng(2)
    n, names = 160, tuple(f"P{i:02d}" for i in range(17))
    samples = pl.DataFrame(
        {
            "id": [f"{i:04d}" for i in range(n)],
            "iso": g.integers(0, 2, n),
            "lo": g.integers(0, 2, n),
            "age": g.normal(size=n),
        }
    )
    values = g.normal(size=(n, 17))
    values[:, 3] = np.nan
    cohort = Cohort(samples, "id", ArrayProteins(names, values), pl.DataFrame({"protein": names}))
    return plan_scan(cohort, SPEC, block_size=4)


def run_whole(plan: Plan, path: Path, *, resume: bool = False) -> dict[str, bytes]:
    """Run what a folder lacks, finish it, and return the bytes of its results."""
    with RunFolder.open(path, request=describe_request(plan), resume=resume) as folder:
        run_parts(plan, folder, executor=Serial())
        finish(folder)
    return {name: (path / name).read_bytes() for name in OUTPUTS}


def finish(folder: RunFolder) -> tuple[pl.DataFrame, int]:
    found = finish_run(
        folder,
        arguments=(),
        configuration={},
        inputs=(),
        threads=1,
        seed=None,
        started="2025-01-01T00:00:00Z",
    )
    folder.finish()
    return found


def test_parts_joined_are_the_scan_in_memory(plan: Plan, tmp_path: Path) -> None:
    with RunFolder.open(tmp_path / "run", request=describe_request(plan)) as folder:
        done = run_parts(plan, folder, executor=Threads(2))
        merged, spec = merge_parts(folder)
    assert (done.blocks, done.computed) == (5, 5)
    assert spec == SPEC
    assert merged.frame.equals(associate(plan.cohort, SPEC, block_size=4).frame)


def test_a_run_cut_short_resumes_to_the_same_bytes(plan: Plan, tmp_path: Path) -> None:
    whole = run_whole(plan, tmp_path / "whole")
    path = tmp_path / "cut"

    def stop_after_two(
        stream: Iterable[tuple[int, pl.DataFrame]], total: int
    ) -> Iterable[tuple[int, pl.DataFrame]]:
        assert total == 5
        for count, item in enumerate(stream):
            if count == 2:
                raise KeyboardInterrupt
            yield item

    request = describe_request(plan)
    with RunFolder.open(path, request=request) as folder, pytest.raises(KeyboardInterrupt):
        run_parts(plan, folder, executor=Serial(), progress=stop_after_two)
    with RunFolder.open(path, request=request, resume=True) as folder:
        assert folder.pending(5) == [2, 3, 4]
        done = run_parts(plan, folder, executor=Serial())
        assert (done.blocks, done.computed) == (5, 3)
        finish(folder)
    assert {name: (path / name).read_bytes() for name in OUTPUTS} == whole


@pytest.mark.parametrize("damage", ["absent", "torn", "altered", "without digest"])
def test_damaged_parts_are_computed_again_to_the_same_bytes(
    plan: Plan, tmp_path: Path, damage: str
) -> None:
    whole = run_whole(plan, tmp_path / "whole")
    path = tmp_path / "run"
    with RunFolder.open(path, request=describe_request(plan)) as folder:
        run_parts(plan, folder, executor=Serial())
    for part in sorted((path / "parts").glob("part-*.parquet"))[1:4:2]:
        content = part.read_bytes()
        if damage == "absent":
            part.unlink()
        elif damage == "torn":
            part.write_bytes(content[: len(content) // 2])
        elif damage == "altered":
            part.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        else:
            part.with_suffix(".sha256").unlink()
    with RunFolder.open(path, request=describe_request(plan), resume=True) as folder:
        assert folder.pending(5) == [1, 3]
    assert run_whole(plan, path, resume=True) == whole


def test_shards_merged_are_the_whole_run(plan: Plan, tmp_path: Path) -> None:
    whole = run_whole(plan, tmp_path / "whole")
    path, request = tmp_path / "run", describe_request(plan)
    computed = []
    for index in (2, 1, 3):
        shard = Shard(index, 3)
        with RunFolder.open(path, request=request, shard=shard) as folder:
            computed.append(run_parts(plan, folder, executor=Serial(), shard=shard).computed)
            folder.finish()
    assert computed == [2, 2, 1]
    with RunFolder.open(path, request=request, resume=True) as folder:
        summary, failed = finish(folder)
    assert failed == 4
    assert summary["failed"].to_list() == [1, 1, 1, 1]
    assert {name: (path / name).read_bytes() for name in OUTPUTS} == whole


def test_merging_without_a_shard_counts_the_parts_that_lack(plan: Plan, tmp_path: Path) -> None:
    request, shard = describe_request(plan), Shard(1, 2)
    with RunFolder.open(tmp_path, request=request, shard=shard) as folder:
        run_parts(plan, folder, executor=Serial(), shard=shard)
        folder.finish()
    with RunFolder.open(tmp_path, request=request, resume=True) as folder:
        with pytest.raises(RunFolderError, match="2 of 5 parts are absent or damaged"):
            merge_parts(folder)
        assert not (tmp_path / "associations.parquet").exists()


def test_another_specification_is_another_request(plan: Plan) -> None:
    other = plan_scan(plan.cohort, ModelSpec("linear", ("iso",)), block_size=4)
    assert describe_request(plan) != describe_request(other)
    assert describe_request(plan) == describe_request(
        plan_scan(plan.cohort, ModelSpec.from_dict(SPEC.to_dict()), block_size=4)
    )


def test_a_request_names_no_person(plan: Plan) -> None:
    text = str(describe_request(plan))
    assert not any(repr(person) in text for person in plan.cohort.samples["id"])


def test_the_cost_counts_the_fits_of_the_blocks_asked_for(plan: Plan) -> None:
    cost = estimate_cost(plan, plan.blocks[:2])
    assert cost.fits == 8 * 4
    assert cost.seconds > 0
    assert cost.memory_bytes(2) > cost.memory_bytes(1) > 0


def test_the_cost_of_a_scan_with_an_empty_stratum_can_be_told() -> None:
    n = 60
    samples = pl.DataFrame(
        {
            "id": [f"{i:03d}" for i in range(n)],
            "iso": [None if i % 2 else i % 4 // 2 for i in range(n)],
            "sex": [i % 2 for i in range(n)],
            "age": np.arange(n, dtype=float),
        }
    )
    values = np.random.default_rng(0).normal(size=(n, 2))
    cohort = Cohort(
        samples, "id", ArrayProteins(("A", "B"), values), pl.DataFrame({"protein": ["A", "B"]})
    )
    spec = ModelSpec("linear", ("iso",), {"a": "age"}, strata="sex")
    plan = plan_scan(cohort, spec)
    assert estimate_cost(plan, plan.blocks).fits == 4
    assert associate(cohort, spec).frame["status"].to_list() == ["ok", "all_missing"] * 2
