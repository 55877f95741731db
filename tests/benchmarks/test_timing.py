from __future__ import annotations

import sys

import numpy as np
import pytest

from benchmarks.problems import Problem
from benchmarks.timing import fit_in_turn, ratios_to, run_process
from proteomr._typing import F64


def test_ratios_are_those_of_medians() -> None:
    seconds = {"proteomr": [2.0, 1.0, 50.0], "other": [30.0, 10.0, 400.0]}
    assert ratios_to("proteomr", seconds) == {"proteomr": 1.0, "other": 15.0}


def test_a_process_is_charged_its_own_time_and_memory() -> None:
    work = "x = bytearray(100_000_000); sum(range(3_000_000))"
    held_here = np.ones(25_000_000)
    cost = run_process([sys.executable, "-c", work])
    assert 0.02 < cost.cpu_seconds < 20.0
    assert cost.wall_seconds > 0.02
    assert 100e6 < cost.peak_memory_bytes < 190e6 < held_here.nbytes


def test_a_failing_process_is_an_error_with_what_it_said() -> None:
    work = "import sys; sys.exit('no such file')"
    with pytest.raises(RuntimeError, match="status 1: no such file"):
        run_process([sys.executable, "-c", work])


def test_fits_in_turn_put_the_term_of_interest_first(problem: Problem) -> None:
    seen: list[tuple[int, float]] = []

    def solve(X: F64, y: F64) -> tuple[float, float]:
        seen.append((X.shape[1], float(np.unique(X[:, 0]).size == 2)))
        return float(y.size), 1.0

    fitted = fit_in_turn("linear", solve, problem, [0])
    assert seen == [(1 + problem.columns[label].size, 1.0) for _, label in problem.tests]
    assert np.all(fitted.estimate == np.count_nonzero(~np.isnan(problem.raw[0])))
    assert fitted.timed == len(problem.tests)
