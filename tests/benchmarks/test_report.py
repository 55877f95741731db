from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.records import Measurement, write_records
from benchmarks.report import fill_marks, latest_results, main, write_text


def results(measurement: Measurement) -> list[Measurement]:
    other = replace(measurement, tool="R glm pipeline", cpu_ms_per_fit=1_600.0, ratio=400.0)
    return [
        measurement,
        other,
        replace(measurement, tool="R lm", state="absent", includes="needs Rscript"),
        replace(measurement, tool="broken", state="wrong", cpu_ms_per_fit=0.001),
        replace(measurement, kind="command", fits=11_680, ratio=None),
        replace(measurement, kind="workers", ratio=1.834),
    ]


@pytest.fixture
def kept(tmp_path: Path, measurement: Measurement) -> Path:
    lines = results(measurement)
    linear = [replace(line, family="linear", workload="shen2025-linear") for line in lines]
    write_records(tmp_path / "shen2025-logistic-2026-01-02.csv", lines)
    write_records(tmp_path / "shen2025-linear-2026-01-02.csv", linear)
    return tmp_path


def test_the_newest_results_of_each_workload_count(kept: Path, measurement: Measurement) -> None:
    newer = [replace(measurement, date="2026-03-01")]
    write_records(kept / "shen2025-logistic-2026-03-01.csv", newer)
    logistic, linear = latest_results(kept)
    assert (logistic[0].date, linear[0].date) == ("2026-03-01", "2026-01-02")


def test_the_text_gives_times_ratios_and_the_whole_scan(kept: Path) -> None:
    text = write_text(latest_results(kept))
    assert "| logistic | R glm pipeline | read, rank, fit | 1,600 | 400 |" in text
    assert "11,680 fits from parquet to tables: 46 s CPU" in text
    assert "two threads are 1.83 times as fast" in text
    assert "not measured: R lm" in text
    assert "broken" not in text


def test_the_report_fills_the_readme_and_draws(kept: Path) -> None:
    pytest.importorskip("matplotlib")
    readme = kept / "README.md"
    readme.write_text("before\n<!-- benchmark -->\nold\n<!-- /benchmark -->\nafter\n")
    assert main(["--results", str(kept), "--root", str(kept)]) == 0
    text = readme.read_text()
    assert text.startswith("before\n<!-- benchmark -->\n42,062 people")
    assert text.endswith("<!-- /benchmark -->\nafter\n")
    assert "old" not in text
    figure = kept / "benchmarks" / "figure.svg"
    first = figure.read_bytes()
    ET.fromstring(first)  # noqa: S314 - written by this test
    assert b"R glm pipeline" in first
    assert main(["--results", str(kept), "--root", str(kept)]) == 0
    assert figure.read_bytes() == first


def test_a_readme_without_marks_is_left_alone(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    readme = kept / "README.md"
    readme.write_text("no marks\n")
    assert main(["--results", str(kept), "--root", str(kept)]) == 0
    assert readme.read_text() == "no marks\n"
    assert "left alone" in capsys.readouterr().out


def test_marks_in_the_wrong_order_are_none() -> None:
    assert fill_marks("<!-- /benchmark --> <!-- benchmark -->", "new") is None


def test_no_results_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--results", str(tmp_path), "--root", str(tmp_path)]) == 1
    assert "no results of the logistic scan" in capsys.readouterr().err
