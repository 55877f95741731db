from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pytest

from benchmarks.accuracy import Verdict
from benchmarks.competitors.proteomr_scan import ProteomrScan
from benchmarks.interfaces import Fitted
from benchmarks.measure import Bench, measure_fits, worst_of
from benchmarks.problems import Problem
from benchmarks.records import Measurement
from benchmarks.run import exit_code, show
from benchmarks.timing import associate_command

from .conftest import TINY


@dataclass(frozen=True, slots=True)
class Shifted:
    """proteomr's own fits, each estimate multiplied."""

    factor: float
    present: bool = True
    name: str = "shifted"
    family: Literal["linear"] = "linear"
    needs: str = "a licence"
    includes: str = "nothing"

    def available(self) -> bool:
        return self.present

    def fit(self, problem: Problem, proteins: Sequence[int]) -> Fitted:
        found = ProteomrScan("linear").fit(problem, proteins)
        return replace(found, estimate=self.factor * found.estimate, cpu_seconds=10.0)


@pytest.fixture(scope="module")
def bench(problem: Problem) -> Bench:
    return Bench.open(problem, TINY, "linear")


def test_a_wrong_competitor_fails_the_run(bench: Bench) -> None:
    lines = list(measure_fits(bench, [ProteomrScan("linear"), Shifted(1.01)]))
    assert [line.state for line in lines] == ["ok", "wrong"]
    assert exit_code(lines) == 1


def test_a_right_competitor_passes_with_its_ratio(bench: Bench) -> None:
    ours, other = measure_fits(bench, [ProteomrScan("linear"), Shifted(1.0)])
    assert exit_code([ours, other]) == 0
    assert other.cpu_ms_per_fit == pytest.approx(10_000.0)
    assert ours.cpu_ms_per_fit is not None
    assert other.ratio == pytest.approx(10_000.0 / ours.cpu_ms_per_fit)


def test_an_absent_competitor_is_a_line_that_says_what_it_needs(bench: Bench) -> None:
    lines = list(measure_fits(bench, [ProteomrScan("linear"), Shifted(1.0, present=False)]))
    assert (lines[1].state, lines[1].includes) == ("absent", "needs a licence")
    assert lines[1].cpu_ms_per_fit is None
    assert "absent: needs a licence" in show(lines[1])
    assert exit_code(lines) == 0


def test_the_command_names_every_exposure_and_adjustment_set(bench: Bench) -> None:
    problem = bench.problem
    out = problem.panel.parent / "out"
    command = associate_command(
        problem.cohort, "linear", exposures=problem.exposure_names, threads=2, out=out
    )
    assert command.count("--exposure") == 2
    assert command.count("--adjust") == 2
    assert command[command.index("--threads") + 1] == "2"


def test_the_worst_verdict_has_the_largest_errors() -> None:
    verdicts = [Verdict(1e-9, 3e-9, passed=True), Verdict(2e-9, 1e-9, passed=False)]
    assert worst_of(verdicts) == Verdict(2e-9, 3e-9, passed=False)


def test_a_line_shows_time_ratio_and_accuracy(measurement: Measurement) -> None:
    text = show(replace(measurement, tool="R lm", ratio=412.3))
    assert "412x" in text
    assert "4.000 ms" in text
    assert "900 MB" in text
