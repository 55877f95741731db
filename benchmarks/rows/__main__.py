"""Measure the table of goals: ``python -m benchmarks.rows [--quick] [--only NAME]``.

Exits with 1 where what came out is not what must come out; a missed goal is only told.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.interfaces import PROTEOMR
from benchmarks.records import WRONG, Reading, write_records
from benchmarks.rows import MATTERS, ROWS
from benchmarks.rows.row import Row, Scope
from benchmarks.run import RESULTS

__all__ = ["choose", "main", "measure", "show"]


def choose(names: Sequence[str], *, quick: bool) -> list[Row]:
    """Return the rows of these names, whole or the part before a dash; all of them without names.

    Raises
    ------
    ValueError
        No row has a name.
    """
    for name in names:
        if not any(_is_named(row, name) for row in ROWS):
            known = ", ".join(row.key for row in ROWS)
            raise ValueError(f"no row is called {name!r}: one of {known}")
    rows = [row for row in ROWS if not names or any(_is_named(row, name) for name in names)]
    return [row for row in rows if row.quick or not quick]


def _is_named(row: Row, name: str) -> bool:
    return row.key == name or row.key.startswith(f"{name}-")


def measure(rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
    """Yield the readings of rows, matter by matter, each in a folder that is emptied after it."""
    for matter in MATTERS:
        mine = [row for row in matter.rows if row in rows]
        if not mine:
            continue
        with tempfile.TemporaryDirectory(dir=scope.folder) as name:
            yield from matter.measure(mine, dataclasses.replace(scope, folder=Path(name)))


def show(reading: Reading) -> str:
    """Return a reading as a line for the terminal; goals are those of the full size."""
    row = next(row for row in ROWS if row.key == reading.row)
    parts = [f"{reading.row:20} {reading.tool:26} {reading.work:44}"]
    if reading.ms is not None:
        parts.append(f"{reading.ms:12,.3f} ms a {reading.unit}")
    if reading.ratio is not None:
        parts.append(f"{reading.ratio:9.3g}x")
        if reading.tool == PROTEOMR and row.must is not None and reading.size == "full":
            aim = "" if row.aim is None else f", aim {row.aim:g}x"
            parts.append(f"(must {row.must:g}x{aim}: {row.standing(reading.ratio)})")
    if reading.peak_memory_mb is not None:
        parts.append(f"{reading.peak_memory_mb:,.0f} MB")
    if reading.error is not None:
        parts.append(f"off by {reading.error:.0e}: {reading.state}")
    return " ".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rows", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="reduced size, about a minute")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="row or matter")
    parser.add_argument("--rounds", type=int, help="in alternation; 3 at full size, 2 at reduced")
    parser.add_argument(
        "--out", type=Path, help="folder of the results; by default kept only at full size"
    )
    options = parser.parse_args(arguments)
    try:
        rows = choose(options.only, quick=options.quick)
    except ValueError as fault:
        print(fault, file=sys.stderr)
        return 2
    readings = []
    with tempfile.TemporaryDirectory(prefix="proteomr-bench-") as name:
        scope = Scope(
            size="quick" if options.quick else "full",
            folder=Path(name),
            rounds=options.rounds or (2 if options.quick else 3),
            peers=not options.quick,
        )
        for reading in measure(rows, scope):
            print(show(reading), flush=True)
            readings.append(reading)
    out = options.out or (None if options.quick else RESULTS)
    if out is not None and readings:
        path = out / f"rows-{readings[0].date}.csv"
        write_records(path, readings)
        print(path)
    if any(reading.state == WRONG for reading in readings):
        print("not what must come out: see the lines marked wrong", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
