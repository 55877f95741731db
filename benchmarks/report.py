"""Draw the figures and fill the pages from the kept results: ``python -m benchmarks.report``.

An account is of one machine, that of the newest rows: the newest file of each kind counts, scans
of other processors stand beside it; for a tool that was not on the machine then, the newest older
file that has it. Between its marks each page of `PAGES` is written by this module; a page without
them is left alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.account import Kept, Stored, write_summary, write_text
from benchmarks.figures import draw_growth, draw_scans, timed
from benchmarks.growth import Point
from benchmarks.records import ABSENT, Measurement, Reading, read_records
from benchmarks.run import FAMILIES, RESULTS
from proteomr.files import replace_file

__all__ = ["PAGES", "STORED", "fill_marks", "main", "read_kept"]

ROOT = Path(__file__).parent.parent
STORED = Path(__file__).with_name("stored.csv")
_FIGURES = Path("benchmarks")
PAGES: dict[str, tuple[str, Callable[[Kept], str]]] = {
    "docs/benchmarks.md": ("benchmark", write_text),
    "README.md": ("speed", write_summary),
}
"""What is written on which page, and the name of the marks around it."""
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
    scans, older, elsewhere = [], [], []
    readings = _latest(folder, "rows", Reading)
    for family in FAMILIES:
        files = sorted(folder.glob(f"shen2025-{family}-*.csv"))
        if not files:
            raise FileNotFoundError(f"{folder}: no results of the {family} scan; make bench")
        runs = [read_records(path, Measurement) for path in files]
        newest = {run[0].machine.hardware: run for run in runs}
        here = (readings or runs[-1])[0].machine.hardware
        chosen = newest.pop(here, runs[-1])
        scans.append(chosen)
        older += _remember(runs[: 1 + runs.index(chosen)])
        elsewhere += [run for run in newest.values() if run is not chosen]
    return Kept(
        scans=scans,
        older=older,
        elsewhere=elsewhere,
        readings=readings,
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


def fill_marks(page: str, text: str, mark: str = "benchmark") -> str | None:
    """Return a page with the text between its marks; None where it has not both, in order.

    Examples
    --------
    >>> fill_marks("a <!-- speed --> old <!-- /speed --> b", "new", "speed").split()
    ['a', '<!--', 'speed', '-->', 'new', '<!--', '/speed', '-->', 'b']
    """
    begins, ends = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, start, rest = page.partition(begins)
    _, end, after = rest.partition(ends)
    if not start or not end:
        return None
    return f"{before}{begins}\n{text}\n{ends}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the figures and fill the pages."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the pages")
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
    for name, (mark, write) in PAGES.items():
        _fill(options.root / name, write(kept), mark)
    return 0


def _fill(page: Path, text: str, mark: str) -> None:
    filled = fill_marks(page.read_text("utf-8"), text, mark) if page.exists() else None
    if filled is None:
        print(f"{page}: no marks <!-- {mark} --> and <!-- /{mark} -->, left alone")
        return
    content = filled.encode()
    replace_file(page, lambda file: file.write(content))
    print(page)


if __name__ == "__main__":
    raise SystemExit(main())
