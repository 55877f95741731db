from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import find_maximum_here
from benchmarks.interfaces import Family
from benchmarks.machine import Machine
from benchmarks.problems import Problem, Size, build_problem
from benchmarks.records import Measurement
from proteomr._typing import F64

TINY = Size("tiny", people=5_000, proteins=32, chosen=2, rounds=1, pairs=1)


@pytest.fixture(scope="session")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    """A panel of four proteins in 5,000 people; two of them chosen."""
    folder: Path = tmp_path_factory.mktemp("problem")
    return build_problem(TINY, folder)


@pytest.fixture(scope="session")
def maxima(problem: Problem) -> dict[Family, tuple[F64, F64]]:
    """The maximum of the chosen fits in each family."""
    families: tuple[Family, ...] = ("logistic", "linear")
    return {family: find_maximum_here(problem, family) for family in families}


@pytest.fixture
def measurement() -> Measurement:
    """A line of the results with every column filled."""
    return Measurement(
        workload="shen2025-logistic",
        size="full",
        date="2026-01-02",
        kind="fits",
        family="logistic",
        tool="proteomr",
        includes="read, rank, fit",
        people=42_062,
        proteins=2_920,
        columns=63,
        state="ok",
        machine=Machine("a processor", 2, "L2 512K", "openblas 0.3 Zen", "python 3.11; R 4.2"),
        rounds=3,
        fits=1_460,
        cpu_ms_per_fit=4.0,
        ratio=1.0,
        estimate_error=1e-12,
        se_error=float(np.float64(2e-9)),
        cpu_seconds=45.5,
        wall_seconds=46.25,
        peak_memory_mb=900.0,
    )
