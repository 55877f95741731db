"""Measure the scans beside the tools that do them today: ``python -m benchmarks.run [--quick]``.

CPU seconds (user and system), one thread each, all tools in alternating rounds on the same people, covariates and
proteins, ratios from the medians over the rounds. Every tool's fits are held against the maximum in the same run, and
the run exits with 1 where one is too far from it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from benchmarks.accuracy import Verdict, find_maximum, judge
from benchmarks.competitors import COMPETITORS
from benchmarks.competitors.proteomr_scan import estimates_of, scan_files
from benchmarks.interfaces import (
    ABSENT,
    PROTEOMR,
    Competitor,
    Family,
    Fitted,
    Measurement,
    write_measurements,
)
from benchmarks.machine import describe_machine
from benchmarks.problems import FULL, GAP, QUICK, Problem, Size, build_problem
from benchmarks.timing import ProcessCost, ratios_to, run_process, time_call
from proteomr._typing import F64
from proteomr.execute import one_blas_thread
from proteomr.simulate import ADJUSTMENTS

__all__ = ["Bench", "main", "measure", "show"]

FAMILIES: tuple[Family, ...] = ("logistic", "linear")
RESULTS = Path(__file__).parent / "results"
_MILLI = 1e3
_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Bench:
    """One family's part of a run: the problem, the maximum of its chosen fits, and a line to fill in."""

    problem: Problem
    size: Size
    family: Family
    maximum: tuple[F64, F64]
    template: Measurement

    @classmethod
    def open(cls, problem: Problem, size: Size, family: Family) -> Bench:
        """Find the maximum and describe the machine."""
        blank = Measurement(
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
            state="ok",
        )
        template = replace(blank, **describe_machine())  # type: ignore[arg-type]  # columns by name
        return cls(problem, size, family, find_maximum(problem, family), template)

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
    """Yield the CPU time of a fit by each competitor; those that the machine lacks are said to be absent."""
    present = [competitor for competitor in competitors if competitor.available()]
    everyone = range(len(bench.problem.chosen))
    scan_files(bench.problem, bench.family)  # loads what is compiled, and warms the files
    last: dict[str, Fitted] = {}
    seconds: dict[str, list[float]] = {competitor.name: [] for competitor in present}
    verdicts: dict[str, list[Verdict]] = {competitor.name: [] for competitor in present}
    for _ in range(bench.size.rounds):
        for competitor in present:
            fitted = competitor.fit(bench.problem, everyone)
            seconds[competitor.name].append(fitted.cpu_seconds)
            found = (fitted.estimate, fitted.se)
            verdicts[competitor.name].append(bench.judge(competitor.name, found))
            last[competitor.name] = fitted
    ratios = ratios_to(PROTEOMR, seconds)
    for competitor in competitors:
        line = replace(bench.template, tool=competitor.name, includes=competitor.includes)
        if competitor.name not in last:
            yield replace(line, state=ABSENT, includes=f"needs {competitor.needs}")
            continue
        name = competitor.name
        yield replace(
            with_verdict(line, worst_of(verdicts[name])),
            rounds=bench.size.rounds,
            fits=last[name].timed,
            cpu_ms_per_fit=_MILLI * statistics.median(seconds[name]),
            ratio=ratios[name],
        )


def measure_loops(bench: Bench) -> Measurement:
    """Compare the numpy form of the row loops with the compiled one on the same panel."""
    problem = bench.problem
    fits = len(problem.names) * len(problem.tests)
    seconds: dict[bool, list[float]] = {True: [], False: []}
    verdicts = []
    for _ in range(bench.size.pairs):
        for compiled in (True, False):
            tables: list[pl.DataFrame] = []

            def work(compiled: bool = compiled, tables: list[pl.DataFrame] = tables) -> None:  # noqa: FBT001 - bound early
                found = scan_files(problem, bench.family, compiled=compiled)
                tables.append(found.frame)

            seconds[compiled].append(time_call(work)[0])
            found = estimates_of(tables[0], problem, range(len(problem.chosen)))
            verdicts.append(bench.judge(PROTEOMR, found))
    plain, compiled_median = (statistics.median(seconds[form]) for form in (False, True))
    return replace(
        with_verdict(bench.template, worst_of(verdicts)),
        kind="loops",
        tool="proteomr, numpy loops",
        includes="as proteomr, without compiled loops",
        rounds=bench.size.pairs,
        fits=fits,
        cpu_ms_per_fit=_MILLI * plain / fits,
        ratio=plain / compiled_median,
    )


def measure_command(bench: Bench) -> Iterator[Measurement]:
    """Yield cost and memory of ``proteomr associate`` on all proteins by one thread, then by two beside it."""
    costs: dict[int, list[ProcessCost]] = {1: [], 2: []}
    verdicts: dict[int, list[Verdict]] = {1: [], 2: []}
    everyone = range(len(bench.problem.chosen))
    for _ in range(bench.size.pairs):
        for threads in costs:
            with tempfile.TemporaryDirectory(prefix="proteomr-bench-") as name:
                out = Path(name) / "out"
                command = associate_command(bench.problem, bench.family, threads=threads, out=out)
                costs[threads].append(run_process(command))
                table = pl.read_parquet(out / "associations.parquet")
            found = estimates_of(table, bench.problem, everyone)
            verdicts[threads].append(bench.judge(PROTEOMR, found))
    fits = bench.size.proteins * len(bench.problem.tests)
    wall = {threads: statistics.median(c.wall_seconds for c in costs[threads]) for threads in costs}
    for threads, tool in ((1, PROTEOMR), (2, "proteomr, two threads")):
        cpu = statistics.median(cost.cpu_seconds for cost in costs[threads])
        yield replace(
            with_verdict(bench.template, worst_of(verdicts[threads])),
            kind="command" if threads == 1 else "workers",
            tool=tool,
            includes=f"proteomr associate, all proteins, --threads {threads}",
            rounds=bench.size.pairs,
            fits=fits,
            cpu_ms_per_fit=_MILLI * cpu / fits,
            ratio=None if threads == 1 else wall[1] / wall[2],
            cpu_seconds=cpu,
            wall_seconds=wall[threads],
            peak_memory_mb=max(c.peak_memory_bytes for c in costs[threads]) / _MEGABYTE,
        )


def associate_command(problem: Problem, family: Family, *, threads: int, out: Path) -> list[str]:
    """Return the command line of the whole scan."""
    files = problem.simulation
    exposures = [part for name in problem.exposure_names for part in ("--exposure", name)]
    sets = [part for label, text in ADJUSTMENTS.items() for part in ("--adjust", f"{label}={text}")]
    return [
        *(sys.executable, "-m", "proteomr", "associate", str(files.samples), str(files.proteins)),
        *("--family", family, *exposures, *sets),
        *("--protein-covariate", f"{GAP}={files.timegap}", "--assays", str(files.assays)),
        *("--threads", str(threads), "--no-progress", "--out", str(out)),
    ]


def with_verdict(line: Measurement, verdict: Verdict) -> Measurement:
    """Return a line with its accuracy, ``wrong`` where it fails."""
    return replace(
        line,
        estimate_error=verdict.estimate_error,
        se_error=verdict.se_error,
        state="ok" if verdict.passed else "wrong",
    )


def worst_of(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the largest errors of several verdicts, passed where all have passed."""
    return Verdict(
        max(verdict.estimate_error for verdict in verdicts),
        max(verdict.se_error for verdict in verdicts),
        all(verdict.passed for verdict in verdicts),
    )


def show(line: Measurement) -> str:
    """Return a measurement as a line of a table."""
    if line.state == ABSENT:
        return f"{line.kind:9}{line.tool:24}absent: {line.includes}"
    ratio = "" if line.ratio is None else f"{line.ratio:.3g}x"
    parts = [
        f"{line.kind:9}{line.tool:24}{line.cpu_ms_per_fit or 0.0:10.3f} ms a fit {ratio:>8}",
        f"  error {line.estimate_error:.1e} {line.se_error:.1e}  {line.state}",
    ]
    if line.wall_seconds is not None:
        parts.append(f"  {line.cpu_seconds:.1f} s CPU, {line.wall_seconds:.1f} s wall")
        parts.append(f", {line.peak_memory_mb:.0f} MB")
    return "".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; return 0, or 1 where an accuracy check has failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="reduced size, under two minutes")
    parser.add_argument(
        "--out", type=Path, help="folder of the results; by default kept only for the full size"
    )
    options = parser.parse_args(arguments)
    size = QUICK if options.quick else FULL
    out = options.out if options.out is not None or options.quick else RESULTS
    wrong = 0
    with one_blas_thread(), tempfile.TemporaryDirectory(prefix="proteomr-bench-") as name:
        problem = build_problem(size, Path(name))
        for family in FAMILIES:
            bench = Bench.open(problem, size, family)
            print(
                f"\n{family}, {size.label}, {bench.template.columns} covariate columns", flush=True
            )
            lines = []
            for line in measure(bench, COMPETITORS):
                print(show(line), flush=True)
                lines.append(line)
            wrong += sum(line.state == "wrong" for line in lines)
            if out is not None:
                path = out / f"{bench.template.workload}-{bench.template.date}.csv"
                write_measurements(path, lines)
                print(path)
    if wrong:
        print(f"{wrong} of the measurements are too far from the maximum", file=sys.stderr)
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
