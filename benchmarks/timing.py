"""CPU seconds, wall seconds and memory of what is measured."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.interfaces import Family, Fitted
from benchmarks.problems import Problem
from proteomr._typing import F64

__all__ = ["ProcessCost", "fit_in_turn", "ratios_to", "run_process", "time_call"]

_KILOBYTE = 1024


@dataclass(frozen=True, slots=True)
class ProcessCost:
    """What a process took: CPU seconds (user and system), wall seconds, the most memory that it held."""

    cpu_seconds: float
    wall_seconds: float
    peak_memory_bytes: int


def fit_in_turn(
    family: Family,
    solve: Callable[[F64, F64], tuple[float, float]],
    problem: Problem,
    proteins: Sequence[int],
) -> Fitted:
    """Fit test after test by ``solve(X, y)``, the design ready; the term of interest is the first column of X."""
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


def time_call(work: Callable[[], object]) -> tuple[float, float]:
    """Return CPU seconds of the whole process and wall seconds of a call."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def ratios_to(baseline: str, seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the median over rounds of each tool's seconds over the median of the baseline's.

    Examples
    --------
    >>> ratios_to("fast", {"fast": [1.0, 9.0, 2.0], "slow": [8.0, 10.0, 9.0]})
    {'fast': 1.0, 'slow': 4.5}
    """
    base = statistics.median(seconds[baseline])
    return {tool: statistics.median(rounds) / base for tool, rounds in seconds.items()}


def run_process(command: Sequence[str]) -> ProcessCost:
    """Run a command to its end and return its cost, that of its own children included.

    Raises
    ------
    RuntimeError
        It exits with another status than 0.
    """
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        said = process.stderr.read() if process.stderr is not None else b""
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        end = " ".join(said.decode("utf-8", "replace").split())[-400:]
        raise RuntimeError(f"{command[0]} exited with status {process.returncode}: {end}")
    return ProcessCost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * _KILOBYTE)
