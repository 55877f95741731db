from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.records import Measurement, read_records, write_records


def test_measurements_come_back_as_written(tmp_path: Path, measurement: Measurement) -> None:
    absent = replace(
        measurement, tool="R lm", state="absent", rounds=None, cpu_ms_per_fit=None, ratio=None
    )
    path = tmp_path / "folder" / "results.csv"
    write_records(path, [measurement, absent])
    assert read_records(path, Measurement) == [measurement, absent]


def test_an_infinite_error_comes_back(tmp_path: Path, measurement: Measurement) -> None:
    wrong = replace(measurement, estimate_error=float("inf"), state="wrong")
    write_records(tmp_path / "results.csv", [wrong])
    assert read_records(tmp_path / "results.csv", Measurement) == [wrong]


@pytest.mark.parametrize(("old", "new"), [("42062", "many"), ("fits,", "guesses,"), ("4,", "4s,")])
def test_a_cell_that_its_column_does_not_take_is_named_by_line(
    tmp_path: Path, measurement: Measurement, old: str, new: str
) -> None:
    path = tmp_path / "results.csv"
    write_records(path, [measurement])
    header, row = path.read_text().splitlines()
    path.write_text(f"{header}\n{row.replace(old, new)}\n")
    with pytest.raises(ValueError, match=r"results\.csv, line 2"):
        read_records(path, Measurement)


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="not a results file"):
        read_records(path, Measurement)
