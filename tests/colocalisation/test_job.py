"""Colocalisation as a job: resumed block by block, the same tables whoever works."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.colocalisation import job as job_module
from proteomr.colocalisation.job import make_job
from proteomr.colocalisation.request import ColocRequest
from proteomr.execute import Serial, Threads
from proteomr.runs import Output, digest_request, run_job
from tests.colocalisation.loci import make_locus, measure

rng = np.random.default_rng(41)
LOCUS = make_locus(rng, n=1500, m=50)
ONE = measure(LOCUS, {20: 0.4}, rng)
MANY = pl.concat(
    [measure(LOCUS, {20: 0.3}, rng).with_columns(trait=pl.lit(f"Q{i}")) for i in range(5)]
)


class Stopping:
    """An executor that is interrupted after some blocks."""

    def __init__(self, after: int) -> None:
        self.after = after

    def map(
        self, work: Callable[[Any], Any], blocks: Iterable[Any], /
    ) -> Generator[tuple[int, Any]]:
        for count, result in enumerate(Serial().map(work, blocks)):
            if count == self.after:
                raise KeyboardInterrupt
            yield result


def test_a_run_that_was_stopped_goes_on_with_the_blocks_that_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "_PAIRS_IN_BLOCK", 1)
    request = ColocRequest.of(ONE, MANY)
    whole = run_job(make_job(request), Output(tmp_path / "whole"), executor=Threads(2))
    with pytest.raises(KeyboardInterrupt):
        run_job(make_job(request), Output(tmp_path / "cut"), executor=Stopping(2))
    done: list[int] = []

    class Counting(Serial):
        def map(self, work: Any, blocks: Any, /) -> Any:
            done.append(len(blocks))
            return super().map(work, blocks)

    again = run_job(make_job(request), Output(tmp_path / "cut", resume=True), executor=Counting())
    assert done == [whole.table()["region"].len() - 2]
    for name in request.tables:
        first, second = (results.path(name) for results in (whole, again))
        assert first is not None
        assert second is not None
        assert first.read_bytes() == second.read_bytes()


def test_the_size_of_a_block_changes_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    request = ColocRequest.of(ONE, MANY)
    whole = run_job(make_job(request), Output())
    monkeypatch.setattr(job_module, "_PAIRS_IN_BLOCK", 2)
    parted = run_job(make_job(request), Output())
    for name in request.tables:
        assert parted.table(name).equals(whole.table(name))


def test_a_plan_counts_pairs_and_regions_and_writes_nothing() -> None:
    forecast = make_job(ColocRequest.of(ONE, MANY)).plan(threads=1)
    assert forecast.units["pairs"] == 5
    assert forecast.units["regions of pairs"] >= 5


def test_options_change_what_is_asked_and_threads_do_not() -> None:
    from proteomr.colocalisation.rules import PairRule

    plain = digest_request(ColocRequest.of(ONE, MANY))
    assert digest_request(ColocRequest.of(ONE, MANY)) == plain
    assert digest_request(ColocRequest.of(ONE, MANY, rule=PairRule(p12=1e-6))) != plain
