"""The measurements of one family, each with its accuracy checked."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from benchmarks.accuracy import Verdict, find_maximum, judge
from benchmarks.competitors.proteomr_scan import estimates_of, scan_files
from benchmarks.interfaces import PROTEOMR, Competitor, Family
from benchmarks.machine import describe_machine
from benchmarks.problems import Problem, Size
from benchmarks.records import ABSENT, OK, WRONG, Measurement
from benchmarks.timing import ProcessCost, associate_command, ratios_to, run_process
from proteomr._typing import F64

__all__ = ["Bench", "measure", "measure_command", "measure_fits", "measure_loops", "worst_of"]

_MILLI = 1e3
_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Bench:
    """One family's part of a run: problem, maximum of the chosen fits, a line to fill in."""

    problem: Problem
    size: Size
    family: Family
    maximum: tuple[F64, F64]
    template: Measurement

    @classmethod
    def open(cls, problem: Problem, size: Size, family: Family) -> Bench:
        """Find the maximum and describe the machine."""
        template = Measurement(
            workload=f"shen2025-{family}",
            size=size.name,
            date=datetime.now(UTC).date().isoformat(),
            kind="fits",
            family=family,
            tool=PROTEOMR,
            includes="",
            people=size.people,
            proteins=size.proteins,
            columns=int(problem.covariates.shape[1]),
            state=OK,
            machine=describe_machine(),
        )
        return cls(problem, size, family, find_maximum(problem, family), template)

    @property
    def everyone(self) -> range:
        """Positions of the chosen proteins."""
        return range(len(self.problem.chosen))

    def judge(self, tool: str, found: tuple[F64, F64]) -> Verdict:
        """Compare a tool's fits of the chosen proteins with the maximum."""
        return judge(tool, self.family, found=found, true=self.maximum)


def measure(bench: Bench, competitors: Sequence[Competitor]) -> Iterator[Measurement]:
    """Yield all measurements of one family."""
    mine = [competitor for competitor in competitors if competitor.family == bench.family]
    yield from measure_fits(bench, mine)
    if bench.family == "logistic":
        yield measure_loops(bench)
    yield from measure_command(bench)


def measure_fits(bench: Bench, competitors: Sequence[Competitor]) -> Iterator[Measurement]:
    """Yield the CPU time of a fit by each competitor, absent ones named as such."""
    present = [competitor for competitor in competitors if competitor.available()]
    scan_files(bench.problem, bench.family)  # loads what is compiled, and warms the files
    seconds: dict[str, list[float]] = {competitor.name: [] for competitor in present}
    verdicts: dict[str, list[Verdict]] = {competitor.name: [] for competitor in present}
    timed: dict[str, int] = {}
    for _ in range(bench.size.rounds):
        for competitor in present:
            fitted = competitor.fit(bench.problem, bench.everyone)
            seconds[competitor.name].append(fitted.cpu_seconds)
            found = (fitted.estimate, fitted.se)
            verdicts[competitor.name].append(bench.judge(competitor.name, found))
            timed[competitor.name] = fitted.timed
    ratios = ratios_to(PROTEOMR, seconds)
    for competitor in competitors:
        name = competitor.name
        line = replace(bench.template, tool=name, includes=competitor.includes)
        if name not in timed:
            yield replace(line, state=ABSENT, includes=f"needs {competitor.needs}")
            continue
        yield replace(
            _with_verdicts(line, verdicts[name]),
            rounds=bench.size.rounds,
            fits=timed[name],
            cpu_ms_per_fit=_MILLI * statistics.median(seconds[name]),
            ratio=ratios[name],
        )


def measure_loops(bench: Bench) -> Measurement:
    """Compare the numpy form of the row loops with the compiled one on the same panel."""
    problem = bench.problem
    fits = len(problem.names) * len(problem.tests)
    seconds: dict[str, list[float]] = {"compiled": [], "numpy": []}
    verdicts = []
    for _ in range(bench.size.pairs):
        for form, spent in seconds.items():
            began = time.process_time()
            table = scan_files(problem, bench.family, compiled=form == "compiled")
            spent.append(time.process_time() - began)
            found = estimates_of(table.frame, problem, bench.everyone)
            verdicts.append(bench.judge(PROTEOMR, found))
    return replace(
        _with_verdicts(bench.template, verdicts),
        kind="loops",
        tool="proteomr, numpy loops",
        includes="as proteomr, without compiled loops",
        rounds=bench.size.pairs,
        fits=fits,
        cpu_ms_per_fit=_MILLI * statistics.median(seconds["numpy"]) / fits,
        ratio=ratios_to("compiled", seconds)["numpy"],
    )


def measure_command(bench: Bench) -> Iterator[Measurement]:
    """Yield cost and memory of ``proteomr associate`` on all proteins, one thread and two."""
    costs: dict[int, list[ProcessCost]] = {1: [], 2: []}
    verdicts: dict[int, list[Verdict]] = {1: [], 2: []}
    for _ in range(bench.size.pairs):
        for threads, spent in costs.items():
            with tempfile.TemporaryDirectory(prefix="proteomr-bench-") as name:
                out = Path(name) / "out"
                spent.append(run_process(_command(bench, threads=threads, out=out)))
                table = pl.read_parquet(out / "associations.parquet")
            found = estimates_of(table, bench.problem, bench.everyone)
            verdicts[threads].append(bench.judge(PROTEOMR, found))
    fits = bench.size.proteins * len(bench.problem.tests)
    one = statistics.median(cost.wall_seconds for cost in costs[1])
    for threads, spent in costs.items():
        cpu = statistics.median(cost.cpu_seconds for cost in spent)
        wall = statistics.median(cost.wall_seconds for cost in spent)
        yield replace(
            _with_verdicts(bench.template, verdicts[threads]),
            kind="command" if threads == 1 else "workers",
            tool=PROTEOMR if threads == 1 else f"{PROTEOMR}, two threads",
            includes=f"proteomr associate, all proteins, --threads {threads}",
            rounds=bench.size.pairs,
            fits=fits,
            cpu_ms_per_fit=_MILLI * cpu / fits,
            ratio=None if threads == 1 else one / wall,
            cpu_seconds=cpu,
            wall_seconds=wall,
            peak_memory_mb=max(cost.peak_memory_bytes for cost in spent) / _MEGABYTE,
        )


def _command(bench: Bench, *, threads: int, out: Path) -> list[str]:
    problem = bench.problem
    return associate_command(
        problem.cohort, bench.family, exposures=problem.exposure_names, threads=threads, out=out
    )


def worst_of(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the largest errors of several verdicts, passed where all have passed."""
    return Verdict(
        max(verdict.estimate_error for verdict in verdicts),
        max(verdict.se_error for verdict in verdicts),
        all(verdict.passed for verdict in verdicts),
    )


def _with_verdicts(line: Measurement, verdicts: Sequence[Verdict]) -> Measurement:
    worst = worst_of(verdicts)
    return replace(
        line,
        estimate_error=worst.estimate_error,
        se_error=worst.se_error,
        state=OK if worst.passed else WRONG,
    )
