"""Draw the figures and fill the README from the kept results: ``python -m benchmarks.report``.

The newest file of each kind counts; for a tool that was not on the machine then, the newest older
file that has it. Between ``<!-- benchmark -->`` and ``<!-- /benchmark -->`` the README is written
by this module; without the marks it is left alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.account import Kept, Stored, write_text
from benchmarks.figures import draw_growth, draw_scans, timed
from benchmarks.growth import Point
from benchmarks.records import ABSENT, Measurement, Reading, read_records
from benchmarks.run import FAMILIES, RESULTS
from proteomr.files import replace_file

__all__ = ["STORED", "fill_marks", "main", "read_kept"]

ROOT = Path(__file__).parent.parent
STORED = Path(__file__).with_name("stored.csv")
_FIGURES = Path("benchmarks")
_START, _END = "<!-- benchmark -->", "<!-- /benchmark -->"
_Record = TypeVar("_Record", Reading, Point)


def read_kept(folder: Path) -> Kept:
    """Return the newest kept results of each kind; rows and growth may be absent.

    Raises
    ------
    FileNotFoundError
        A family of the scan has none.
    ValueError
        A file is not what was kept.
    """
    scans, older = [], []
    for family in FAMILIES:
        files = sorted(folder.glob(f"shen2025-{family}-*.csv"))
        if not files:
            raise FileNotFoundError(f"{folder}: no results of the {family} scan; make bench")
        runs = [read_records(path, Measurement) for path in files]
        scans.append(runs[-1])
        older += _remember(runs)
    return Kept(
        scans=scans,
        older=older,
        readings=_latest(folder, "rows", Reading),
        points=_latest(folder, "growth", Point),
        stored=read_records(STORED, Stored),
    )


def _latest(folder: Path, kind: str, record: type[_Record]) -> list[_Record]:
    files = sorted(folder.glob(f"{kind}-*.csv"))
    return read_records(files[-1], record) if files else []


def _remember(runs: Sequence[Sequence[Measurement]]) -> list[Measurement]:
    """Return, for each tool that the newest run lacks, its line of the newest run that has it."""
    found = []
    for absent in runs[-1]:
        if absent.state == ABSENT:
            earlier = [line for run in runs[:-1] for line in timed(run) if line.tool == absent.tool]
            found += earlier[-1:]
    return found


def fill_marks(readme: str, text: str) -> str | None:
    """Return the README with the text between its marks; None where it has not both, in order.

    Examples
    --------
    >>> fill_marks("a <!-- benchmark --> old <!-- /benchmark --> b", "new").split()
    ['a', '<!--', 'benchmark', '-->', 'new', '<!--', '/benchmark', '-->', 'b']
    """
    before, start, rest = readme.partition(_START)
    _, end, after = rest.partition(_END)
    if not start or not end:
        return None
    return f"{before}{_START}\n{text}\n{_END}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the figures and fill the README."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of README.md")
    options = parser.parse_args(arguments)
    try:
        kept = read_kept(options.results)
    except (FileNotFoundError, ValueError) as fault:
        print(fault, file=sys.stderr)
        return 1
    figures: Path = options.root / _FIGURES
    draw_scans(kept.scans, figures / "figure.svg")
    print(figures / "figure.svg")
    if kept.points:
        draw_growth(kept.points, figures / "growth.svg")
        print(figures / "growth.svg")
    readme: Path = options.root / "README.md"
    filled = fill_marks(readme.read_text("utf-8"), write_text(kept)) if readme.exists() else None
    if filled is None:
        print(f"{readme}: no marks {_START} and {_END}, left alone")
        return 0
    replace_file(readme, lambda file: file.write(filled.encode()))
    print(readme)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
