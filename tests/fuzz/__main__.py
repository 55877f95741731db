"""Damage small files of every format and see that each is read or refused in one line.

``python -m tests.fuzz --cases 20000 --seed 1`` runs cases over all readers; ``--case 1:417`` runs
one of them again and shows its traceback.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time

from tests.fuzz.running import Report, run_case
from tests.fuzz.seeds import seeds

_MEMORY = 6 << 30  # of address space: a refused allocation is then a failure, not a killed process


def main() -> int:
    """Run the cases asked for; 1 where one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--case", help="SEED:NUMBER of one case to run again")
    asked = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    if asked.case is not None:
        seed, number = map(int, asked.case.split(":"))
        case = run_case(seed, number)
        print(f"{case.seed}, {case.kind}: {case.ending}\n{case.text}")  # noqa: T201
        return int(case.ending == "failed")
    report, began = Report(), time.monotonic()
    shown = os.dup(2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what panics of Rust print beside their fault
    try:
        for number in range(asked.first, asked.first + asked.cases):
            case = run_case(asked.seed, number)
            report.add(case)
            if case.ending == "failed":
                where = f"{case.label} {case.seed}, {case.kind}"
                print(f"FAILED {where}\n{case.text.rstrip()}\n", flush=True)  # noqa: T201
    finally:
        os.dup2(shown, 2)
    tell(report, time.monotonic() - began)
    return int(bool(report.failures))


def tell(report: Report, seconds: float) -> None:
    """Print how the cases ended, by reader, and which damage was taken as another content."""
    endings = ("same", "other", "refused", "failed")
    lines = [f"{'reader':<34}" + "".join(f"{ending:>9}" for ending in endings)]
    for seed in seeds():
        counts = "".join(f"{report.by_seed[seed.name, ending]:>9,}" for ending in endings)
        lines.append(f"{seed.name:<34}{counts}")
    lines.append(f"{'all':<34}" + "".join(f"{report.endings[ending]:>9,}" for ending in endings))
    kinds = ", ".join(f"{kind} {n:,}" for kind, n in report.other.most_common())
    lines.append(f"taken with another content: {kinds or 'none'}")
    caught = ", ".join(f"{place} ({n:,})" for place, n in report.caught.most_common())
    lines.append(f"told by the border alone: {caught or 'none'}")
    lines.append(f"{sum(report.endings.values()):,} cases in {seconds:,.0f} s")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
