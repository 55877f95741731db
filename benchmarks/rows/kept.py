"""The rows that other runs measure: the scan of the paper, two threads, many people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.accuracy import BOUNDS
from benchmarks.growth import Point
from benchmarks.interfaces import PROTEOMR, Family
from benchmarks.records import OK, Kind, Measurement, Reading
from benchmarks.rows.row import MILLI, Row

__all__ = ["NUMPY_LOOP", "PEOPLE", "SCANS", "WORKERS", "find_line", "read_growth", "read_scan"]

NUMPY_LOOP = "numpy loop"
SCANS: Mapping[Family, Row] = {
    "logistic": Row("scan-logistic", "logistic scan", "numpy's loop", must=38.0, aim=50.0),
    "linear": Row("scan-linear", "linear scan", "numpy's loop", must=13.0, aim=20.0),
}
WORKERS: Mapping[Family, Row] = {
    family: Row(f"workers-{family}", f"{family} scan, two threads", "one thread, wall", aim=1.9)
    for family in SCANS
}
PEOPLE = Row("people", "linear scan of many people")
_MANY = 200_000


def find_line(lines: Sequence[Measurement], kind: Kind, tool: str = "") -> Measurement | None:
    """Return the line of a kind, and of a tool where one is named; None where there is none."""
    for line in lines:
        if line.kind == kind and tool in {"", line.tool} and line.state == OK:
            return line
    return None


def read_scan(lines: Sequence[Measurement]) -> list[tuple[Row, Reading]]:
    """Return the rows of a family's scan: one thread against numpy's loop, two against one."""
    ours, loop = find_line(lines, "fits", PROTEOMR), find_line(lines, "fits", NUMPY_LOOP)
    command, workers = find_line(lines, "command"), find_line(lines, "workers")
    found = []
    if ours is not None and command is not None:
        row = SCANS[ours.family]
        ratio = None if loop is None else loop.ratio
        found.append((row, _read(row, command, ms=ours.cpu_ms_per_fit, ratio=ratio)))
    if workers is not None:
        row = WORKERS[workers.family]
        found.append((row, _read(row, workers, ms=workers.cpu_ms_per_fit, ratio=workers.ratio)))
    return found


def _read(row: Row, line: Measurement, *, ms: float | None, ratio: float | None) -> Reading:
    return Reading(
        row=row.key,
        size=line.size,
        date=line.date,
        tool=PROTEOMR,
        work=f"{line.people:,} people, {line.proteins:,} proteins, {line.fits or 0:,} fits",
        unit="fit",
        state=line.state,
        machine=line.machine,
        rounds=line.rounds,
        ms=ms,
        ratio=ratio,
        cpu_seconds=line.cpu_seconds,
        wall_seconds=line.wall_seconds,
        peak_memory_mb=line.peak_memory_mb,
        error=max(line.estimate_error or 0.0, line.se_error or 0.0),
        bound=BOUNDS[line.family],
    )


def read_growth(points: Sequence[Point]) -> list[tuple[Row, Reading]]:
    """Return the row of 200,000 people, where the growth curve reaches them."""
    return [
        (
            PEOPLE,
            Reading(
                row=PEOPLE.key,
                size=point.size,
                date=point.date,
                tool=PROTEOMR,
                work=f"{point.people:,} people, {point.proteins:,} proteins, {point.fits:,} fits",
                unit="fit",
                state=point.state,
                machine=point.machine,
                rounds=1,
                ms=MILLI * point.cpu_seconds / point.fits,
                cpu_seconds=point.cpu_seconds,
                wall_seconds=point.wall_seconds,
                peak_memory_mb=point.peak_memory_mb,
            ),
        )
        for point in points
        if point.axis == "people" and point.people == _MANY and point.family == "linear"
    ]
