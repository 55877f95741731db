"""CPU seconds, wall seconds and memory of what is measured."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.interfaces import Family, Fitted
from benchmarks.problems import GAP, Problem
from proteomr._typing import F64
from proteomr.simulate import ADJUSTMENTS

__all__ = [
    "ProcessCost",
    "associate_command",
    "fit_in_turn",
    "proteomr_command",
    "ratios_to",
    "run_process",
]

_METER = Path(__file__).with_name("process_meter.py")


@dataclass(frozen=True, slots=True)
class ProcessCost:
    """What a process took: CPU seconds (user and system), wall seconds, its largest memory."""

    cpu_seconds: float
    wall_seconds: float
    peak_memory_bytes: int


def fit_in_turn(
    family: Family,
    solve: Callable[[F64, F64], tuple[float, float]],
    problem: Problem,
    proteins: Sequence[int],
) -> Fitted:
    """Fit test after test by ``solve(X, y)``; the term of interest is the first column of X."""
    shape = (len(proteins), len(problem.tests))
    estimate, se, seconds = np.empty(shape), np.empty(shape), np.empty(shape)
    for row, t in np.ndindex(shape):
        exposure, label = problem.tests[t]
        scores, covariates, rows = problem.design(proteins[row], label)
        x = problem.exposures[rows, exposure]
        first, response = (scores, x) if family == "logistic" else (x, scores)
        X = np.column_stack([first, covariates])
        began = time.process_time()
        estimate[row, t], se[row, t] = solve(X, response)
        seconds[row, t] = time.process_time() - began
    return Fitted(estimate, se, float(np.mean(seconds)), seconds.size)


def ratios_to(baseline: str, seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the median over rounds of each tool's seconds over the median of the baseline's.

    Examples
    --------
    >>> ratios_to("fast", {"fast": [1.0, 9.0, 2.0], "slow": [8.0, 10.0, 9.0]})
    {'fast': 1.0, 'slow': 4.5}
    """
    base = statistics.median(seconds[baseline])
    return {tool: statistics.median(rounds) / base for tool, rounds in seconds.items()}


def proteomr_command(*words: str) -> list[str]:
    """Return a command line of proteomr that prints no more than it must."""
    return [sys.executable, "-m", "proteomr", *words, "--quiet"]


def associate_command(
    cohort: Path,
    family: Family,
    *,
    out: Path,
    threads: int = 1,
    exposures: Sequence[str],
    adjust: Mapping[str, str] = ADJUSTMENTS,
    samples: Path | None = None,
    proteins: Path | None = None,
) -> list[str]:
    """Return the command line of a scan of a simulated cohort, by default of the whole of it."""
    people = samples or cohort / "samples.parquet"
    assays, gap = cohort / "assays.parquet", cohort / "timegap.parquet"
    by_panel = ("--protein-covariate", f"{GAP}={gap}", "--assays", str(assays))
    return proteomr_command(
        *("associate", str(people), str(proteins or cohort / "proteins.parquet")),
        *("--family", family),
        *(part for name in exposures for part in ("--exposure", name)),
        *(part for label, text in adjust.items() for part in ("--adjust", f"{label}={text}")),
        *(by_panel if any(GAP in text for text in adjust.values()) else ()),
        *("--threads", str(threads), "--no-progress", "--out", str(out)),
    )


def run_process(command: Sequence[str]) -> ProcessCost:
    """Run a command, named by its path, to its end and return its cost.

    Raises
    ------
    RuntimeError
        It exits with another status than 0.
    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_METER), *command],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        end = " ".join(done.stderr.split())[-400:]
        raise RuntimeError(f"{command[0]} exited with status {done.returncode}: {end}")
    return ProcessCost(**json.loads(done.stdout))
