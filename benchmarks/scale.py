"""How ``proteomr associate`` does beyond the size of today's studies.

A linear scan of 200,000 people and 2,920 proteins as a whole, beside a tenth of the proteins; some
of the shards of 500,000 people. CPU seconds and peak memory are those of the command, one thread,
files to tables. The proteins are noise, written by blocks of people; the disk needs 10 GB
meanwhile.

``python -m benchmarks.scale`` keeps the numbers and writes the table of the documentation;
``--quick`` takes a small cohort and keeps nothing; ``--report`` only writes the table again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.machine import Machine, describe_machine
from benchmarks.mr_truth_report import fill_between
from benchmarks.records import OK, WRONG, State, read_records, write_records
from benchmarks.timing import associate_command, run_process
from proteomr.files import replace_file
from proteomr.simulate import ADJUSTMENTS, simulate

__all__ = [
    "DOCUMENT",
    "FULL",
    "MARKS",
    "QUICK",
    "RESULTS",
    "Part",
    "Plan",
    "latest_file",
    "main",
    "measure",
    "write_table",
]

RESULTS = Path(__file__).parent / "results"
DOCUMENT = Path(__file__).parent.parent / "docs" / "batch-jobs.md"
MARKS = ("<!-- scale -->", "<!-- /scale -->")
_EXPOSURES = ("isolation", "loneliness")
_SEED = 20_250_203
_ROWS = 10_000  # of a row group: 120 MB of 2,920 proteins
_MISSING = 0.08
_MEGABYTE, _GIGABYTE = 1e6, 1e9


@dataclass(frozen=True, slots=True)
class Part:
    """A run of the command; state is wrong where a fit has no estimate.

    Attributes
    ----------
    shard : which share of the proteins, such as 1/20; empty for all of them.
    in_file, fitted : proteins of the file, and those of them that the run has fitted.
    file_gb : size of the file of proteins.
    """

    size: str
    date: str
    people: int
    shard: str
    in_file: int
    fitted: int
    fits: int
    file_gb: float
    cpu_seconds: float
    wall_seconds: float
    peak_memory_mb: float
    state: State
    machine: Machine


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: (people, proteins, shards to run, of how many).

    Attributes
    ----------
    whole : people, and proteins of each of the runs with all of them.
    sharded : people and proteins; the shards that are run, and how many there are.
    """

    name: str
    whole: tuple[int, tuple[int, ...]]
    sharded: tuple[int, int]
    shards: tuple[int, ...]
    of: int


FULL = Plan("full", (200_000, (292, 2_920)), (500_000, 2_920), (1, 10, 20), 20)
QUICK = Plan("quick", (5_000, (8, 16)), (6_000, 16), (1,), 2)


def measure(plan: Plan, folder: Path) -> Iterator[Part]:
    """Yield the runs of a plan; each cohort is removed when it has been used."""
    machine = describe_machine()
    people, sizes = plan.whole
    with tempfile.TemporaryDirectory(dir=folder, prefix="whole-") as name:
        cohort = _write_cohort(Path(name), people=people, proteins=max(sizes))
        for size in sizes:
            columns = _take_first(cohort, size) if size < max(sizes) else None
            yield _run(cohort, plan.name, people, size, machine, columns=columns)
    people, proteins = plan.sharded
    with tempfile.TemporaryDirectory(dir=folder, prefix="shards-") as name:
        cohort = _write_cohort(Path(name), people=people, proteins=proteins)
        for shard in plan.shards:
            yield _run(cohort, plan.name, people, proteins, machine, shard=f"{shard}/{plan.of}")


def _write_cohort(folder: Path, *, people: int, proteins: int) -> Path:
    """Simulate people and their covariates, and write proteins of noise beside them."""
    simulated, cohort = folder / "simulated", folder / "cohort"
    simulate(simulated, people=people, proteins=8, seed=_SEED)
    cohort.mkdir()
    for name in ("samples.parquet", "timegap.parquet"):
        shutil.copy(simulated / name, cohort / name)
    panels = pl.read_parquet(simulated / "assays.parquet")["panel"].to_list()
    names = [f"P{i:04d}" for i in range(proteins)]
    assays = {"protein": names, "panel": [panels[i % len(panels)] for i in range(proteins)]}
    pl.DataFrame(assays).write_parquet(cohort / "assays.parquet")
    ids = pl.read_parquet(cohort / "samples.parquet", columns=["sample_id"])["sample_id"]
    schema = pa.schema([("sample_id", pa.int64()), *((name, pa.float32()) for name in names)])
    with pq.ParquetWriter(
        cohort / "proteins.parquet",
        schema,
        compression="lz4",
        use_dictionary=False,
        write_statistics=False,
    ) as writer:
        for start in range(0, people, _ROWS):
            rows = ids[start : start + _ROWS].to_arrow()
            random = np.random.default_rng([_SEED, start])
            columns = [rows, *(_draw(random, len(rows)) for _ in names)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema), len(rows))
    return cohort


def _draw(random: np.random.Generator, n: int) -> pa.Array:
    values = random.standard_normal(n, dtype=np.float32)
    missing = random.random(n, dtype=np.float32) < _MISSING
    return pa.array(values, mask=missing)


def _take_first(cohort: Path, count: int) -> Path:
    """Write the first proteins into a file of their own."""
    path = cohort.parent / f"first-{count}.parquet"
    columns = ["sample_id", *(f"P{i:04d}" for i in range(count))]
    pl.scan_parquet(cohort / "proteins.parquet").select(columns).sink_parquet(path)
    return path


def _run(
    cohort: Path,
    size: str,
    people: int,
    proteins: int,
    machine: Machine,
    *,
    shard: str = "",
    columns: Path | None = None,
) -> Part:
    out = cohort.parent / f"out-{proteins}-{shard.replace('/', '-')}"
    command = associate_command(cohort, "linear", out=out, exposures=_EXPOSURES, proteins=columns)
    cost = run_process([*command, *(("--shard", shard) if shard else ())])
    parts = sorted(out.glob("parts/*-fits.parquet" if shard else "associations.parquet"))
    found = pl.concat([pl.read_parquet(part, columns=["protein", "status"]) for part in parts])
    fitted = found["protein"].n_unique()
    fits = fitted * len(_EXPOSURES) * len(ADJUSTMENTS)
    sound = int((found["status"] == "ok").sum())
    file = columns or cohort / "proteins.parquet"
    return Part(
        size=size,
        date=datetime.now(UTC).date().isoformat(),
        people=people,
        shard=shard,
        in_file=proteins,
        fitted=fitted,
        fits=fits,
        file_gb=file.stat().st_size / _GIGABYTE,
        cpu_seconds=cost.cpu_seconds,
        wall_seconds=cost.wall_seconds,
        peak_memory_mb=cost.peak_memory_bytes / _MEGABYTE,
        state=OK if sound == fits > 0 else WRONG,
        machine=machine,
    )


def write_table(parts: Sequence[Part], *, source: str) -> str:
    """Return the table of the documentation, and what the shards that were not run would take."""
    rows = [
        "| people | proteins of the file | shard | fits | CPU | wall | memory at most |",
        "| ---: | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    rows += [
        f"| {part.people:,} | {part.in_file:,} ({part.file_gb:.1f} GB) | {part.shard or 'whole'} "
        f"| {part.fits:,} | {part.cpu_seconds:,.0f} s | {part.wall_seconds:,.0f} s "
        f"| {part.peak_memory_mb:,.0f} MB |"
        for part in parts
    ]
    return "\n".join([*rows, "", _extrapolate(parts, source)])


def _extrapolate(parts: Sequence[Part], source: str) -> str:
    first, shards = parts[0], [part for part in parts if part.shard]
    said = (
        "One thread, two exposures under two adjustment sets, a covariate of each panel, values of "
        f"noise, {_MISSING:.0%} missing ({first.machine.processor}, {first.date}; "
        f"`benchmarks/results/{source}`)."
    )
    if not shards:
        return f"{said} **Shards of {FULL.sharded[0]:,} people are not measured yet.**"
    of = int(shards[0].shard.partition("/")[2])
    hours = of * float(np.mean([part.cpu_seconds for part in shards])) / 3600.0
    return (
        f"{said} Shards run: {len(shards)} of {of}; at their mean all {of} would take "
        f"{hours:.1f} hours of CPU, which is an extrapolation."
    )


def latest_file(folder: Path) -> Path:
    """Return the newest kept results.

    Raises
    ------
    FileNotFoundError
        There are none.
    """
    files = sorted(folder.glob("scale-*.csv"))
    if not files:
        raise FileNotFoundError(f"{folder}: no results of scale; run the script first")
    return files[-1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure from the command line, keep the numbers, and write the table of the documentation."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument("--quick", action="store_true", help="a small cohort, not kept")
    parser.add_argument("--report", action="store_true", help="only write the table again")
    parser.add_argument("--folder", type=Path, help="where the cohorts lie meanwhile: 10 GB")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="file with the marks")
    options = parser.parse_args(arguments)
    parts = []
    if not options.report:
        folder = options.folder or Path(tempfile.gettempdir())
        for part in measure(QUICK if options.quick else FULL, folder):
            print(_show(part), flush=True)
            parts.append(part)
            if not options.quick:  # each as soon as it is there: the next may take an hour
                write_records(options.results / f"scale-{parts[0].date}.csv", parts)
    if options.quick:
        return int(any(part.state == WRONG for part in parts))
    try:
        kept = latest_file(options.results)
        table = write_table(read_records(kept, Part), source=kept.name)
        text = options.document.read_text("utf-8")
        filled = fill_between(text, table, MARKS)
    except (FileNotFoundError, ValueError) as fault:
        print(fault, file=sys.stderr)
        return 1
    replace_file(options.document, lambda file: file.write(filled.encode()))
    print(options.document)
    return int(any(part.state == WRONG for part in parts))


def _show(part: Part) -> str:
    return (
        f"{part.people:9,} people {part.fitted:6,} of {part.in_file:6,} proteins "
        f"{part.fits:7,} fits {part.cpu_seconds:8.1f} s CPU {part.wall_seconds:8.1f} s wall "
        f"{part.peak_memory_mb:7,.0f} MB  {part.state}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
