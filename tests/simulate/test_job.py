"""`simulate` as a job: refused before anything is written, whole or absent, never over others."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from proteomr.errors import RunFolderError, StorageError, UsageError
from proteomr.runs import Ledger, Output, digest_request, run_job
from proteomr.simulate import SimulateJob, SimulateRequest, job, simulate
from proteomr.simulate.summary_statistics import simulate_summary
from tests.runs.stopping import check_stops, content_of

SMALL = SimulateRequest(people=100, proteins=2, export="ukb", summary_statistics=True)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"people": 99}, "cannot simulate 99 people: choose from 100"),
        ({"people": 10**9}, "choose from 100 to 5000000"),
        ({"proteins": 0}, "cannot simulate 0 proteins: choose 1 or more"),
        ({"seed": -1}, "seed -1 is negative"),
        ({"like": "shen"}, "no study called 'shen'"),
        ({"proteins": 2_924, "export": "ukb"}, "2,924 proteins for 2,923 names"),
        ({"export": "ukbb"}, "no export 'ukbb'; there is ukb"),
    ],
)
def test_what_cannot_be_simulated_is_refused_before_anything_is_written(
    tmp_path: Path, asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        simulate(tmp_path / "new", **asked)
    assert not (tmp_path / "new").exists()


def test_an_earlier_cohort_is_replaced_only_when_asked(tmp_path: Path) -> None:
    simulate(tmp_path, people=200, proteins=40)
    with pytest.raises(RunFolderError, match=r"finished result; .*--overwrite"):
        simulate(tmp_path, people=150, proteins=5)
    made = simulate(tmp_path, people=150, proteins=5, overwrite=True)
    assert made.table("proteins").shape == (150, 6)


@pytest.mark.parametrize("name", ["samples.parquet", "manifest.json", "gwas/truth.parquet"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_files_of_other_origin_are_refused_and_kept(
    tmp_path: Path, name: str, *, overwrite: bool
) -> None:
    own = tmp_path / name
    own.parent.mkdir(exist_ok=True)
    own.write_text('{"kind": "of another origin"}')
    with pytest.raises(RunFolderError, match="not proteomr's"):
        simulate(tmp_path, people=100, proteins=1, overwrite=overwrite)
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == [own.name]
    assert own.read_text() == '{"kind": "of another origin"}'


def test_an_interrupted_cohort_leaves_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate(tmp_path, people=100, proteins=1)
    before = content_of(tmp_path)

    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "write_ukb_export", interrupt)
    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path, people=120, proteins=1, export="ukb", overwrite=True)
    assert content_of(tmp_path) == before


def test_a_folder_below_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="part of the path is a file"):
        simulate(tmp_path / "file" / "folder", people=100, proteins=1)


def test_two_at_once_in_one_folder_are_refused(tmp_path: Path) -> None:
    def begin_another(ledger: Ledger) -> None:
        simulate(tmp_path, people=100, proteins=1)

    request = SimulateRequest(people=100, proteins=1)
    with pytest.raises(RunFolderError, match="in use by another run"):
        run_job(SimulateJob(request), Output(tmp_path), opened=begin_another)


def test_the_files_are_those_announced(tmp_path: Path) -> None:
    run_job(SimulateJob(SMALL), Output(tmp_path))
    announced = {*SimulateJob(SMALL).results, "drops.tsv", "manifest.json"}
    assert set(content_of(tmp_path)) == announced


def test_tables_are_text_too_when_asked(tmp_path: Path) -> None:
    made = run_job(SimulateJob(SMALL), Output(tmp_path, formats=("parquet", "csv")))
    for name in ("samples", "proteins", "truth", "gwas/exposure"):
        text = pl.read_csv(tmp_path / f"{name}.csv", infer_schema_length=None)
        assert text.shape == made.table(name).shape
        assert text.columns == made.table(name).columns


def test_in_memory_it_has_the_tables_of_the_folder(tmp_path: Path) -> None:
    folder = simulate(tmp_path, people=100, proteins=2, summary_statistics=True)
    memory = simulate(people=100, proteins=2, summary_statistics=True)
    assert memory.names == folder.names
    assert all(memory.table(name).equals(folder.table(name)) for name in folder.names)


@pytest.mark.parametrize("changed", [{"seed": 2}, {"people": 101}, {"export": None}])
def test_what_determines_the_tables_determines_the_digest(changed: dict[str, Any]) -> None:
    assert digest_request(replace(SMALL)) == digest_request(SMALL)
    assert digest_request(replace(SMALL, **changed)) != digest_request(SMALL)


def test_the_forecast_grows_with_the_cohort_and_counts_its_files() -> None:
    small = SimulateJob(SMALL).plan(threads=2)
    large = SimulateJob(replace(SMALL, people=40_000)).plan(threads=2)
    assert small.units == {"people": 100, "proteins": 2, "files": len(SimulateJob(SMALL).results)}
    assert small.seconds is not None
    assert large.seconds is not None
    assert large.seconds > small.seconds
    assert not small.parallel


def test_a_cohort_stopped_before_any_change_of_the_disk_comes_out_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(job, "simulate_summary", functools.cache(simulate_summary))

    def run(out: Path, *, again: bool) -> None:
        run_job(SimulateJob(SMALL), Output(out, resume=again))

    check_stops(tmp_path, run, least=80)
