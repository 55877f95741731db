from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.records import OK, WRONG
from benchmarks.rows import ROWS
from benchmarks.rows.row import Row, Scope, median_ratio

GAIN = Row("gain", "a gain", must=38.0, aim=50.0)
COST = Row("cost", "a cost", gain=False, must=3.0, aim=1.7)


@pytest.mark.parametrize(
    ("row", "ratio", "standing"),
    [
        (GAIN, 50.0, "aim"),
        (GAIN, 38.0, "must"),
        (GAIN, 37.9, "short"),
        (COST, 1.7, "aim"),
        (COST, 3.0, "must"),
        (COST, 3.1, "short"),
        (Row("told", "time alone"), 9.0, ""),
        (Row("aimed", "no must", aim=1.9), 1.5, "short"),
        (GAIN, None, ""),
    ],
)
def test_a_ratio_stands_to_its_goal(row: Row, ratio: float | None, standing: str) -> None:
    assert row.standing(ratio) == standing


def test_ratios_are_taken_within_rounds() -> None:
    seconds = {"slow": [10.0, 100.0, 30.0], "fast": [1.0, 10.0, 2.0]}
    assert median_ratio(seconds, "slow", "fast") == 10.0


def test_every_row_has_a_name_of_its_own() -> None:
    assert len({row.key for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    ("error", "state"), [(1e-10, OK), (1e-9, OK), (2e-9, WRONG), (float("nan"), WRONG)]
)
def test_a_reading_is_wrong_beyond_its_bound(tmp_path: Path, error: float, state: str) -> None:
    scope = Scope("tiny", tmp_path, rounds=1, peers=False)
    reading = scope.read(GAIN, work="", unit="fit", error=error, bound=1e-9)
    assert reading.state == state
