"""Time a whole study of 3,000 people and 200 proteins: ``python -m benchmarks.study``.

``proteomr run shen2025`` does every stage, figures and report. It is to take three minutes on two
processors; what a machine does beside it moves the clock, so the time that is held to a limit is
that of the processors, two for each minute.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import polars as pl

from benchmarks.timing import proteomr_command, run_process

__all__ = ["list_faults", "main", "time_study"]

PROCESSORS, MINUTES = 2, 3
_DONE = ("done", "units_failed")


def time_study(study: str, *, minutes: float = MINUTES) -> list[str]:
    """Run a study from nothing, and return what is wrong with it: stages without results, time.

    Parameters
    ----------
    study : name of a study that comes with the package, or a file.
    minutes : that it may take on two processors.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "study")
        words = ("run", study, "-o", str(out), "--threads", str(PROCESSORS), "--allow-failures")
        cost = run_process(proteomr_command(*words))
        print(f"{study}: {cost.wall_seconds:.0f} seconds by the clock")
        return list_faults(out, cpu_seconds=cost.cpu_seconds, minutes=minutes)


def list_faults(out: Path, *, cpu_seconds: float, minutes: float) -> list[str]:
    """Return what is wrong with a study that was run: stages without results, time.

    Parameters
    ----------
    out : folder of the study.
    cpu_seconds : of the whole run, where they are more than those of the stages by themselves.
    minutes : that it may take on two processors.
    """
    stages = pl.read_parquet(out / "stages.parquet")
    stages_cpu = pl.read_parquet(out / "costs.parquet")["cpu_seconds"].sum()
    spent = max(cpu_seconds, float(stages_cpu))
    print(f"{stages.height} stages, {spent:.0f} seconds of processors")
    failed = stages.filter(~pl.col("state").is_in(_DONE))
    wrong = [f"{stage}: {state}" for stage, state in failed.select("stage", "state").iter_rows()]
    limit = 60.0 * minutes * PROCESSORS
    if spent > limit:
        wrong.append(f"{spent:.0f} seconds of processors are more than {limit:.0f}")
    return wrong


def main(words: list[str] | None = None) -> int:
    """Time the study of the command line; 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", default="shen2025")
    wrong = time_study(parser.parse_args(words).study)
    for line in wrong:
        print(line, file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
