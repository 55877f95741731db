"""Measure how ``proteomr associate`` grows: ``python -m benchmarks.growth [--quick]``.

Simulated cohorts of rising size along three axes, one at a time: people, proteins, covariates. CPU
seconds and peak memory are those of the command, one thread, files to tables.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import polars as pl

from benchmarks.interfaces import Family
from benchmarks.machine import Machine, describe_machine
from benchmarks.records import OK, WRONG, State, write_records
from benchmarks.run import FAMILIES, RESULTS
from benchmarks.timing import associate_command, run_process
from proteomr.simulate import ADJUSTMENTS, simulate

__all__ = ["AXES", "FULL", "QUICK", "Axis", "Curve", "Point", "main", "measure", "show"]

Axis: TypeAlias = Literal["people", "proteins", "covariates"]
AXES: tuple[Axis, ...] = ("people", "proteins", "covariates")
_EXPOSURES = ("isolation", "loneliness")
_SEED = 20_250_203
_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Point:
    """One scan; state is wrong where a fit has no estimate.

    Attributes
    ----------
    axis : what rises from point to point.
    covariates : columns of the one adjustment set; None for the two sets of the study.
    """

    axis: Axis
    size: str
    date: str
    family: Family
    people: int
    proteins: int
    covariates: int | None
    fits: int
    cpu_seconds: float
    wall_seconds: float
    peak_memory_mb: float
    state: State
    machine: Machine

    @property
    def at(self) -> int:
        """Where it stands on its axis."""
        places = {"people": self.people, "proteins": self.proteins}
        return places.get(self.axis) or self.covariates or 0


@dataclass(frozen=True, slots=True)
class Curve:
    """Sizes along each axis, and what is held the same.

    Attributes
    ----------
    people, at_proteins : rising people at these proteins.
    proteins, at_people : rising proteins at these people.
    covariates, beside : rising covariates at these people and proteins.
    """

    name: str
    people: tuple[int, ...]
    at_proteins: int
    proteins: tuple[int, ...]
    at_people: int
    covariates: tuple[int, ...]
    beside: tuple[int, int]


FULL = Curve(
    name="full",
    people=(5_000, 20_000, 42_062, 100_000, 200_000),
    at_proteins=144,
    proteins=(72, 490, 2_920),
    at_people=42_062,
    covariates=(10, 60, 200),
    beside=(20_000, 72),
)
QUICK = Curve(
    name="quick",
    people=(10_000,),
    at_proteins=16,
    proteins=(8,),
    at_people=5_000,
    covariates=(5,),
    beside=(3_000, 8),
)


@dataclass(frozen=True, slots=True)
class _Scan:
    """What a point is measured on."""

    axis: Axis
    cohort: Path
    people: int
    proteins: int
    covariates: int | None = None
    samples: Path | None = None
    columns: Path | None = None


def measure(curve: Curve, families: Sequence[Family] = FAMILIES) -> Iterator[Point]:
    """Yield the points of a curve, axis by axis."""
    machine = describe_machine()
    for axis in AXES:
        with tempfile.TemporaryDirectory(prefix="proteomr-growth-") as name:
            for scan in _lay_out(curve, axis, Path(name)):
                for family in families:
                    yield _measure(scan, family, curve.name, machine, Path(name))


def _lay_out(curve: Curve, axis: Axis, folder: Path) -> Iterator[_Scan]:
    """Yield the scans of an axis, each cohort simulated as it is needed."""
    if axis == "people":
        for people in curve.people:
            cohort = folder / f"people-{people}"
            simulate(cohort, people=people, proteins=curve.at_proteins, seed=_SEED)
            yield _Scan(axis, cohort, people, curve.at_proteins)
    elif axis == "proteins":
        cohort, most = folder / "proteins", max(curve.proteins)
        simulate(cohort, people=curve.at_people, proteins=most, seed=_SEED)
        names = pl.read_parquet(cohort / "assays.parquet")["protein"].to_list()
        for count in curve.proteins:
            columns = folder / f"proteins-{count}.parquet"
            wanted = pl.scan_parquet(cohort / "proteins.parquet").select(
                "sample_id", *names[:count]
            )
            wanted.sink_parquet(columns)
            yield _Scan(axis, cohort, curve.at_people, count, columns=columns)
    else:
        people, proteins = curve.beside
        cohort, samples = folder / "covariates", folder / "samples.parquet"
        simulate(cohort, people=people, proteins=proteins, seed=_SEED)
        _add_covariates(cohort / "samples.parquet", max(curve.covariates)).write_parquet(samples)
        for count in curve.covariates:
            yield _Scan(axis, cohort, people, proteins, covariates=count, samples=samples)


def _add_covariates(samples: Path, count: int) -> pl.DataFrame:
    """Return the samples with normal covariates V1 to V count beside."""
    frame = pl.read_parquet(samples)
    values = np.random.default_rng(_SEED).standard_normal((count, frame.height))
    return frame.with_columns(pl.Series(f"V{k}", row) for k, row in enumerate(values, start=1))


def _ask(scan: _Scan) -> tuple[Sequence[str], Mapping[str, str]]:
    """Return exposures and adjustment sets: the study's, or one of numeric covariates."""
    if scan.covariates is None:
        return _EXPOSURES, ADJUSTMENTS
    return _EXPOSURES[:1], {"numeric": f"V1..V{scan.covariates}"}


def _measure(scan: _Scan, family: Family, size: str, machine: Machine, folder: Path) -> Point:
    exposures, adjust = _ask(scan)
    out = folder / f"out-{family}-{scan.people}-{scan.proteins}-{scan.covariates}"
    cost = run_process(
        associate_command(
            scan.cohort,
            family,
            out=out,
            exposures=exposures,
            adjust=adjust,
            samples=scan.samples,
            proteins=scan.columns,
        )
    )
    statuses = pl.read_parquet(out / "associations.parquet", columns=["status"])["status"]
    fits = scan.proteins * len(exposures) * len(adjust)
    return Point(
        axis=scan.axis,
        size=size,
        date=datetime.now(UTC).date().isoformat(),
        family=family,
        people=scan.people,
        proteins=scan.proteins,
        covariates=scan.covariates,
        fits=fits,
        cpu_seconds=cost.cpu_seconds,
        wall_seconds=cost.wall_seconds,
        peak_memory_mb=cost.peak_memory_bytes / _MEGABYTE,
        state=OK if int((statuses == "ok").sum()) == fits else WRONG,
        machine=machine,
    )


def show(point: Point) -> str:
    """Return a point as a line for the terminal."""
    return (
        f"{point.axis:11}{point.at:9,} {point.family:9} {point.fits:6,} fits "
        f"{point.cpu_seconds:8.1f} s CPU {point.wall_seconds:8.1f} s wall "
        f"{point.peak_memory_mb:7,.0f} MB  {point.state}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few small points, not kept")
    parser.add_argument("--out", type=Path, help="folder of the results")
    options = parser.parse_args(arguments)
    points = []
    for point in measure(QUICK if options.quick else FULL):
        print(show(point), flush=True)
        points.append(point)
    out = options.out or (None if options.quick else RESULTS)
    if out is not None:
        path = out / f"growth-{points[0].date}.csv"
        write_records(path, points)
        print(path)
    if any(point.state == WRONG for point in points):
        print("fits without an estimate: see the lines marked wrong", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
