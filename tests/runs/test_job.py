"""What every job has by being one: its threads, its refusals, its results by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl
import pytest
from threadpoolctl import threadpool_info

from proteomr.errors import UsageError
from proteomr.execute import Executor
from proteomr.runs import Forecast, Ledger, Outcome, Request, Source, call_job


@dataclass(frozen=True, slots=True)
class Doubling(Request):
    command: ClassVar[str] = "double"

    data: Source

    def formulas(self) -> Mapping[str, int]:
        return {"double": 1}


@dataclass(frozen=True, slots=True)
class DoublingJob:
    request: Doubling
    main: ClassVar[str] = "doubled"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    @property
    def results(self) -> tuple[str, ...]:
        return ("doubled.parquet",)

    def plan(self, *, threads: int) -> Forecast:
        return Forecast({"threads": threads})

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
        facts = {"blas": max(blas), "blocks": len(list(executor.map(abs, [1, 2, 3])))}
        ledger.write_table("doubled", pl.DataFrame({"n": [2]}))
        return Outcome(configuration=facts)


@pytest.mark.usefixtures("several_blas_threads")
@pytest.mark.parametrize("threads", [1, 2])
def test_linear_algebra_has_one_thread_however_many_run_blocks(threads: int) -> None:
    # with more, sums of over ten thousand numbers would hang on how many there are
    frame = pl.DataFrame({"n": [1]})
    results = call_job(DoublingJob(Doubling(Source.of(frame))), out=None, threads=threads)
    assert results.manifest is not None
    assert results.manifest.threads == threads
    assert results.manifest.configuration == {"blas": 1, "blocks": 3}
    assert results.table().rows() == [(2,)]


def test_no_output_is_a_folder_that_is_read_but_one_in_it_may_be(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "data.csv").write_text("n\n1\n")
    job = DoublingJob(Doubling(Source.of(folder)))
    with pytest.raises(UsageError, match=f"{folder} is read; choose another folder for -o"):
        call_job(job, out=folder, threads=1)
    assert [file.name for file in folder.iterdir()] == ["data.csv"]
    assert call_job(job, out=folder / "deeper", threads=1).where == folder / "deeper"
    again = call_job(job, out=folder / "deeper", threads=1, resume=True)
    assert again.manifest is None  # the same request still: results do not count as input


def test_an_output_that_holds_what_is_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("n\n1\n")
    with pytest.raises(UsageError, match="is read; choose another folder for -o"):
        call_job(DoublingJob(Doubling(Source.of(tmp_path / "data.csv"))), out=tmp_path, threads=1)
