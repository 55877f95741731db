from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.machine import Machine
from benchmarks.mr_truth_report import fill_between
from benchmarks.records import read_records, write_records
from benchmarks.scale import (
    DOCUMENT,
    FULL,
    MARKS,
    RESULTS,
    Part,
    Plan,
    latest_file,
    main,
    measure,
    write_table,
)

TINY = Plan("tiny", (400, (6,)), (400, 6), (1,), 2)
PART = Part(
    size="full",
    date="2026-01-02",
    people=500_000,
    shard="1/20",
    in_file=2_920,
    fitted=147,
    fits=588,
    file_gb=5.4,
    cpu_seconds=36.0,
    wall_seconds=40.5,
    peak_memory_mb=2_500.0,
    state="ok",
    machine=Machine("a processor", 2, "L2 512K", "openblas 0.3 Zen", "python 3.11"),
)


def test_the_whole_and_a_shard_are_measured_and_what_they_lay_down_is_removed(
    tmp_path: Path,
) -> None:
    whole, shard = measure(TINY, tmp_path)
    assert (whole.shard, whole.fitted, whole.fits, whole.state) == ("", 6, 24, "ok")
    assert (shard.shard, shard.in_file, shard.state) == ("1/2", 6, "ok")
    assert 0 < shard.fitted <= 6
    assert whole.peak_memory_mb > 100
    assert not list(tmp_path.iterdir())


def test_the_table_tells_what_was_run_and_what_is_an_extrapolation() -> None:
    parts = [replace(PART, shard="", fits=11_680), PART, replace(PART, cpu_seconds=72.0)]
    text = write_table(parts, source="scale.csv")
    assert "| 500,000 | 2,920 (5.4 GB) | 1/20 | 588 | 36 s | 40 s | 2,500 MB |" in text
    assert "Shards run: 2 of 20; at their mean all 20 would take 0.3 hours" in text
    assert "not measured yet" in write_table(parts[:1], source="scale.csv")


def test_missing_results_and_marks_are_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("no marks\n")
    asked = ["--report", "--results", str(tmp_path), "--document", str(page)]
    assert main(asked) == 1
    assert "no results of scale" in capsys.readouterr().err
    write_records(tmp_path / "scale-2026-01-02.csv", [PART])
    assert main(asked) == 1
    assert MARKS[0] in capsys.readouterr().err
    page.write_text("\n".join(MARKS))
    assert main(asked) == 0
    assert "1/20" in page.read_text()


def test_the_page_shows_the_kept_results() -> None:
    kept = latest_file(RESULTS)
    text = DOCUMENT.read_text("utf-8")
    table = write_table(read_records(kept, Part), source=kept.name)
    assert fill_between(text, table, MARKS) == text


def test_the_kept_results_are_sound_and_memory_hardly_grows_with_proteins() -> None:
    kept = read_records(latest_file(RESULTS), Part)
    assert {part.state for part in kept} == {"ok"}
    few, many = (part for part in kept if not part.shard)
    assert (few.people, many.in_file) == (FULL.whole[0], FULL.whole[1][-1])
    assert many.in_file == 10 * few.in_file
    assert many.peak_memory_mb < 2.0 * few.peak_memory_mb
    assert all(part.peak_memory_mb < 8_000 for part in kept)
