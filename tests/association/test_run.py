"""A scan into a run folder: parts, resume, shards and merge give what one pass gives."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl
import pytest

from proteomr.association import (
    AssociateJob,
    AssociateRequest,
    ModelSpec,
    associate,
    make_request,
    merge_shards,
    scan_cohort,
)
from proteomr.errors import RunFolderError, UsageError
from proteomr.execute import Serial, Shard, Threads
from proteomr.io import read_cohort
from proteomr.runs import Account, Output, Results, digest_request, run_job
from proteomr.scan import BLOCK_SIZE

SPEC = ModelSpec("logistic", ("iso", "lo"), {"none": "1", "aged": "age"})
OUTPUTS = ("associations.parquet", "attrition.tsv", "summary.tsv", "drops.tsv")
PROTEINS = 2 * BLOCK_SIZE + 20  # three blocks
Done = TypeVar("Done")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    g = np.random.default_rng(2)
    n, names = 160, [f"P{i:03d}" for i in range(PROTEINS)]
    ids = [f"{i:04d}" for i in range(n)]
    samples = pl.DataFrame(
        {
            "ID": ids,
            "iso": g.integers(0, 2, n),
            "lo": g.integers(0, 2, n),
            "age": [None, *g.normal(size=n - 1)],
        }
    )
    values = g.normal(size=(n, PROTEINS))
    values[:, 3] = np.nan
    samples.write_parquet(folder / "samples.parquet")
    proteins = pl.DataFrame(values, schema=names).with_columns(pl.Series("ID", ids))
    proteins.fill_nan(None).write_parquet(folder / "proteins.parquet")
    return folder


@pytest.fixture(scope="module")
def request_of(study: Path) -> AssociateRequest:
    return make_request(SPEC, study / "samples.parquet", study / "proteins.parquet")


@pytest.fixture(scope="module")
def whole(
    request_of: AssociateRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("whole") / "run"
    run_job(AssociateJob(request_of), Output(out))
    return bytes_of(out)


def bytes_of(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in OUTPUTS}


@dataclass
class Stopping:
    """An executor whose user presses Ctrl-C after some blocks."""

    after: int

    def map(
        self, work: Callable[[Any], Done], blocks: Iterable[Any], /
    ) -> Generator[tuple[int, Done]]:
        for count, result in enumerate(Serial().map(work, blocks)):
            if count == self.after:
                raise KeyboardInterrupt
            yield result


@dataclass
class Counting:
    """An executor that counts the blocks it is given."""

    blocks: int = 0

    def map(
        self, work: Callable[[Any], Done], blocks: Iterable[Any], /
    ) -> Generator[tuple[int, Done]]:
        given = list(blocks)
        self.blocks = len(given)
        yield from Serial().map(work, given)


def test_a_run_gives_what_a_cohort_in_memory_gives(
    study: Path, request_of: AssociateRequest, tmp_path: Path
) -> None:
    cohort = read_cohort(study / "samples.parquet", study / "proteins.parquet", scratch=tmp_path)
    results = run_job(AssociateJob(request_of), Output(None), executor=Threads(2))
    assert results.table().equals(scan_cohort(cohort, SPEC).frame)
    assert (results.units, results.failed) == (4 * PROTEINS, 4)


def test_paths_and_frames_of_any_library_give_the_same_associations(study: Path) -> None:
    samples = pl.read_parquet(study / "samples.parquet")
    proteins = pl.read_parquet(study / "proteins.parquet")
    asked: dict[str, Any] = {"family": "linear", "exposure": "iso", "adjust": {"aged": "age"}}
    by_path = associate(study / "samples.parquet", study / "proteins.parquet", **asked).table()
    assert associate(samples, proteins, **asked).table().equals(by_path)
    assert associate(samples.to_pandas(), proteins.to_arrow(), **asked).table().equals(by_path)


def test_a_run_cut_short_resumes_to_the_same_bytes(
    request_of: AssociateRequest, whole: dict[str, bytes], tmp_path: Path
) -> None:
    job, out = AssociateJob(request_of), tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        run_job(job, Output(out), executor=Stopping(2))
    with pytest.raises(RunFolderError, match="continue it with --resume"):
        run_job(job, Output(out))
    counting = Counting()
    run_job(job, Output(out, resume=True), executor=counting)
    assert counting.blocks == 1
    assert bytes_of(out) == whole


def test_shards_merged_are_the_whole_run(
    request_of: AssociateRequest, whole: dict[str, bytes], tmp_path: Path
) -> None:
    job, out = AssociateJob(request_of), tmp_path / "run"
    called = Account(configuration={"asked": "so"}, seed=7)
    for index in (2, 1):
        run_job(job, Output(out, shard=Shard(index, 2)), account=called)
        assert not (out / "associations.parquet").exists()
    merged = merge(out)
    assert (merged.failed, merged.summary()["failed"].to_list()) == (4, [1, 1, 1, 1])
    assert bytes_of(out) == whole
    assert merged.manifest is not None
    assert merged.manifest.seed == 7
    assert merged.manifest.configuration["asked"] == "so"
    assert [record.name.rpartition("/")[2] for record in merged.manifest.inputs] == [
        "samples.parquet",
        "proteins.parquet",
    ]


def merge(out: Path) -> Results:
    return merge_shards(Output(out), account=Account())


def test_merging_before_all_shards_are_there_counts_what_lacks(
    request_of: AssociateRequest, tmp_path: Path
) -> None:
    run_job(AssociateJob(request_of), Output(tmp_path, shard=Shard(1, 2)))
    with pytest.raises(RunFolderError, match="1 of 3 parts are absent, damaged or of another run"):
        merge(tmp_path)


def test_a_folder_of_another_command_is_not_merged(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="holds no run"):
        merge(tmp_path / "nothing")


@pytest.mark.parametrize("columns", ["native", "broom"])
def test_the_names_of_columns_are_those_asked_for(
    request_of: AssociateRequest, columns: Any
) -> None:
    names = run_job(AssociateJob(request_of, columns), Output(None)).table().columns
    assert ("std.error" in names) == (columns == "broom")


def test_a_plan_counts_what_the_run_does(request_of: AssociateRequest) -> None:
    forecast = AssociateJob(request_of).plan(threads=2)
    assert forecast.units == {"people": 160, "proteins": PROTEINS, "fits": 4 * PROTEINS}
    assert dict(forecast.lines)["blocks"] == "3, with 4 fits a protein"
    assert "Newton" in forecast.path
    assert forecast.seconds is not None
    assert forecast.elapsed is not None
    assert forecast.seconds > 0


def test_a_result_is_not_written_over_what_is_read(study: Path) -> None:
    request = make_request(SPEC, study / "samples.parquet", study / "proteins.parquet")
    with pytest.raises(UsageError, match=r"samples\.parquet is read; choose another folder"):
        run_job(AssociateJob(request), Output(study, overwrite=True))


def test_what_is_asked_and_read_makes_the_digest(study: Path) -> None:
    def digest(spec: ModelSpec = SPEC, **options: Any) -> str:
        named = study / "samples.parquet", study / "proteins.parquet"
        return digest_request(make_request(spec, *named, **options))

    assert digest() == digest()
    turned = ModelSpec("logistic", ("iso", "lo"), {"aged": "age", "none": "1"})
    assert digest(turned) != digest()
    assert digest(id_column="ID") != digest()
    assert digest(effective_tests=True) != digest()


def test_parts_of_another_run_are_no_parts_of_this_one(study: Path, tmp_path: Path) -> None:
    """Shards of two requests whose folders were copied together: 100 of one, 20 of the other."""
    for index, adjust in ((1, {"m": "1"}), (2, {"m": "age"})):
        spec = ModelSpec("logistic", ("iso",), adjust)
        job = AssociateJob(
            make_request(spec, study / "samples.parquet", study / "proteins.parquet")
        )
        out = tmp_path / f"shard{index}"
        run_job(job, Output(out, shard=Shard(index, 2)), executor=Serial(), account=Account())
        shutil.copytree(out, tmp_path / "all", dirs_exist_ok=True)
    with pytest.raises(RunFolderError, match="2 of 3 parts are absent, damaged or of another run"):
        merge_shards(Output(tmp_path / "all"), account=Account())


def test_shards_of_one_run_from_several_machines_are_merged(study: Path, tmp_path: Path) -> None:
    spec = ModelSpec("logistic", ("iso",), {"m": "1"})
    job = AssociateJob(make_request(spec, study / "samples.parquet", study / "proteins.parquet"))
    for index in (1, 2):
        out = tmp_path / f"shard{index}"
        run_job(job, Output(out, shard=Shard(index, 2)), executor=Serial(), account=Account())
        shutil.copytree(out, tmp_path / "all", dirs_exist_ok=True)
    merge_shards(Output(tmp_path / "all"), account=Account())
    run_job(job, Output(tmp_path / "one"), executor=Serial(), account=Account())
    merged = (tmp_path / "all" / "associations.parquet").read_bytes()
    assert merged == (tmp_path / "one" / "associations.parquet").read_bytes()
