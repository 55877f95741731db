"""Measure the scans beside the tools that do them today: ``python -m benchmarks.run [--quick]``.

CPU seconds (user and system), one thread each, all tools in alternating rounds on the same people,
covariates and proteins, ratios from the medians over the rounds. Every tool's fits are held against
the maximum in the same run, and the run exits with 1 where one is too far from it, or, at reduced
size, where proteomr has lost speed, see :mod:`benchmarks.guard`.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.competitors import COMPETITORS
from benchmarks.guard import Guard
from benchmarks.interfaces import Competitor, Family
from benchmarks.measure import Bench, measure
from benchmarks.problems import FULL, QUICK, Size, build_problem
from benchmarks.records import ABSENT, WRONG, Measurement, read_records, write_records
from proteomr.execute import one_blas_thread

__all__ = ["FAMILIES", "RESULTS", "exit_code", "main", "place_of", "run", "show"]

FAMILIES: tuple[Family, ...] = ("logistic", "linear")
RESULTS = Path(__file__).parent / "results"


def run(
    size: Size,
    competitors: Sequence[Competitor],
    *,
    out: Path | None,
    guard: Guard | None = None,
) -> list[Measurement]:
    """Measure both families, print each line as it comes, and write a file for each if asked.

    Parameters
    ----------
    guard : watches that no speed is lost.
    """
    everything = []
    with one_blas_thread(), tempfile.TemporaryDirectory(prefix="proteomr-bench-") as name:
        problem = build_problem(size, Path(name))
        for family in FAMILIES:
            bench = Bench.open(problem, size, family)
            columns = bench.template.columns
            print(f"\n{family}, {size.label}, {columns} covariate columns", flush=True)
            lines = []
            for line in measure(bench, competitors):
                print(show(line), flush=True)
                lines.append(line)
            if out is not None:
                path = place_of(out, bench.template)
                write_records(path, lines)
                print(path)
            if guard is not None:
                print(guard.watch(problem, size, family), flush=True)
            everything += lines
    return everything


def place_of(out: Path, template: Measurement) -> Path:
    """Return where a run's lines are kept: never in place of those of another machine."""
    for number in itertools.count(1):
        further = "" if number == 1 else f"-{number}"
        path = out / f"{template.workload}-{template.date}{further}.csv"
        if not path.exists():
            break
        if read_records(path, Measurement)[0].machine.hardware == template.machine.hardware:
            break
    return path


def show(line: Measurement) -> str:
    """Return a measurement as a line of a table."""
    head = f"{line.kind:9}{line.tool:24}"
    if line.state == ABSENT:
        return f"{head}absent: {line.includes}"
    ratio = "" if line.ratio is None else f"{line.ratio:.3g}x"
    parts = [
        f"{head}{line.cpu_ms_per_fit:10.3f} ms CPU a fit {ratio:>7}",
        f"  off by {line.estimate_error:.0e}, SE {line.se_error:.0e}: {line.state}",
    ]
    if line.wall_seconds is not None:
        parts.append(f"  {line.cpu_seconds:.1f} s CPU, {line.wall_seconds:.1f} s wall")
        parts.append(f", {line.peak_memory_mb:.0f} MB")
    return "".join(parts)


def exit_code(lines: Sequence[Measurement]) -> int:
    """Return 1 where an accuracy check has failed, else 0."""
    return int(any(line.state == WRONG for line in lines))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="reduced size, under two minutes")
    parser.add_argument(
        "--out", type=Path, help="folder of the results; by default kept only at full size"
    )
    parser.add_argument(
        "--keep-guard", action="store_true", help="keep the measured ratios as the guard's"
    )
    options = parser.parse_args(arguments)
    if options.keep_guard and not options.quick:
        parser.error("--keep-guard goes with --quick: the guard watches the reduced size")
    size = QUICK if options.quick else FULL
    out = options.out if options.out is not None or options.quick else RESULTS
    guard = Guard(renew=options.keep_guard) if options.quick else None
    lines = run(size, COMPETITORS, out=out, guard=guard)
    status = exit_code(lines)
    if status:
        print("fits too far from the maximum: see the lines marked wrong", file=sys.stderr)
    if guard is not None:
        guard.keep()
        for sentence in guard.failures:
            print(f"too slow: {sentence}", file=sys.stderr)
        status = status or int(bool(guard.failures))
    return status


if __name__ == "__main__":
    raise SystemExit(main())
