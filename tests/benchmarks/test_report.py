from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.account import write_text
from benchmarks.growth import Point
from benchmarks.records import Measurement, Reading, read_records, write_records
from benchmarks.report import PAGES, ROOT, fill_marks, main, read_kept
from benchmarks.run import RESULTS, place_of


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
    logistic, linear = read_kept(kept).scans
    assert (logistic[0].date, linear[0].date) == ("2026-03-01", "2026-01-02")


def test_the_text_gives_times_ratios_and_the_whole_scan(kept: Path) -> None:
    text = write_text(read_kept(kept))
    assert "| logistic | R glm pipeline | read, rank, fit | 1,600 | 400 |" in text
    assert "11,680 fits from parquet to tables: 46 s CPU" in text
    assert "two threads are 1.83 times as fast" in text
    assert "not measured: R lm" in text
    assert "broken" not in text


def test_a_run_of_another_machine_on_the_same_day_is_kept_beside(
    tmp_path: Path, measurement: Measurement
) -> None:
    others = [
        replace(measurement, machine=replace(measurement.machine, caches=f"L2 {size}K"))
        for size in (1024, 2048)
    ]
    for line in (measurement, *others, replace(others[0], ratio=7.0)):
        write_records(place_of(tmp_path, line), [line])
    stem = f"{measurement.workload}-{measurement.date}"
    assert sorted(path.stem for path in tmp_path.iterdir()) == [stem, f"{stem}-2", f"{stem}-3"]
    assert place_of(tmp_path, others[1]) == tmp_path / f"{stem}-3.csv"
    assert read_records(tmp_path / f"{stem}-2.csv", Measurement)[0].ratio == 7.0


def test_scans_of_other_processors_stand_beside_those_of_the_rows(
    kept: Path, measurement: Measurement
) -> None:
    other = replace(measurement.machine, caches="L2 1024K", blas="openblas 0.3 SkylakeX")
    loop = replace(measurement, tool="numpy loop", ratio=31.4, cpu_ms_per_fit=125.6)
    newer = [
        replace(line, machine=other, date="2026-03-01") for line in [*results(measurement), loop]
    ]
    write_records(kept / "shen2025-logistic-2026-03-01.csv", newer)
    write_records(kept / "rows-2026-01-03.csv", [reading(measurement, "ranks")])
    found = read_kept(kept)
    assert [panel[0].date for panel in found.scans] == ["2026-01-02", "2026-01-02"]
    row = "| a processor, L2 1024K, OpenBLAS for SkylakeX (2026-03-01) | logistic | 4.0 | 31.4x |"
    assert row in write_text(found)


def test_a_tool_that_is_absent_now_stands_with_its_older_ratio_and_date(
    kept: Path, measurement: Measurement
) -> None:
    limma = replace(measurement, tool="R limma lmFit", ratio=236.0)
    for year, ratio in (("2024", 100.0), ("2025", 236.0)):
        older = [measurement, replace(limma, ratio=ratio, date=f"{year}-12-24")]
        write_records(kept / f"shen2025-logistic-{year}-12-24.csv", older)
    gone = replace(limma, state="absent", ratio=None, cpu_ms_per_fit=None, includes="needs limma")
    write_records(kept / "shen2025-logistic-2026-02-01.csv", [measurement, gone])
    text = write_text(read_kept(kept))
    assert "| logistic | R limma lmFit | read, rank, fit |  | 236 (2025-12-24) |" in text
    assert "Not on the machine, not measured: R lm." in text
    assert "A ratio with a date is of an older run" in text


def reading(measurement: Measurement, row: str, **changes: object) -> Reading:
    line = Reading(
        row=row,
        size="full",
        date="2026-01-03",
        tool="proteomr",
        work="42,062 people",
        unit="fit",
        state="ok",
        machine=measurement.machine,
        ms=2.0,
        ratio=2.5,
    )
    return replace(line, **changes)  # type: ignore[arg-type]


def test_a_row_stands_beside_its_goal_and_its_peers(kept: Path, measurement: Measurement) -> None:
    peer = reading(measurement, "linear-hc3", tool="R lm, sandwich vcovHC", ms=610.0, ratio=305.0)
    lines = [
        reading(measurement, "linear-hc3"),
        peer,
        reading(measurement, "logistic-hc0", ratio=1.6),
        reading(measurement, "mr-defaults", unit="pair", ms=10.0, ratio=None),
        reading(measurement, "linear-cr0", state="wrong"),
    ]
    write_records(kept / "rows-2026-01-03.csv", lines)
    text = write_text(read_kept(kept))
    assert (
        "| linear, HC3 | 42,062 people | 2.0 ms a fit | the classical fit | 2.5x its time | "
        "at most 3, aim 1.7: reached | R lm, sandwich vcovHC: 610 ms a fit, 305x |"
    ) in text
    assert "| 1.6x its time | at most 1.5: **not reached** |" in text
    assert "TwoSampleMR 0.7.9, mr(): 3,370 ms a pair (stored 2026-11-28" in text
    assert "Failed their check and are left out: linear-cr0." in text


def test_the_scans_stand_in_the_table_with_their_goals(
    kept: Path, measurement: Measurement
) -> None:
    loop = replace(measurement, tool="numpy loop", ratio=40.0, cpu_ms_per_fit=160.0)
    lines = [*results(measurement), loop]
    write_records(kept / "shen2025-logistic-2026-02-01.csv", lines)
    write_records(kept / "rows-2026-01-03.csv", [reading(measurement, "mr-cml")])
    text = write_text(read_kept(kept))
    assert "numpy's loop | 40.0x as fast | at least 38, aim 50: reached |" in text
    assert "one thread, wall | 1.8x as fast | aim 1.9: **not reached** |" in text


def point(measurement: Measurement, proteins: int, seconds: float) -> Point:
    return Point(
        axis="proteins",
        size="full",
        date="2026-01-04",
        family="logistic",
        people=42_062,
        proteins=proteins,
        covariates=None,
        fits=4 * proteins,
        cpu_seconds=seconds,
        wall_seconds=seconds,
        peak_memory_mb=900.0,
        state="ok",
        machine=measurement.machine,
    )


def test_the_limits_are_reckoned_from_growth_and_floors(
    kept: Path, measurement: Measurement
) -> None:
    rows = {
        "ranks": ("proteomr", 2.0),
        "floor-reading": ("floor", 1.0),
        "floor-product": ("floor", 8.0),
    }
    lines = [reading(measurement, row, tool=tool, ms=ms) for row, (tool, ms) in rows.items()]
    write_records(kept / "rows-2026-01-03.csv", lines)
    points = [point(measurement, 500, 8.0), point(measurement, 2_500, 28.0)]
    write_records(kept / "growth-2026-01-04.csv", points)
    text = write_text(read_kept(kept))
    assert "The logistic scan takes 3.0 s whatever the number of proteins" in text
    assert "and 10.0 ms for each of them; ranks take 2.0 ms of these" in text
    assert "prepares them the other 70%" in text
    assert "A fit takes 0.50 (logistic) and 0.50 (linear) times as long as one weighted" in text
    assert "they would be 1.88 times as fast" in text  # 45.5 s, of which 3 are not shared
    assert "From 500 to 2,500 proteins, time has a slope of 0.78 (logistic)" in text


def test_without_rows_and_growth_nothing_is_said_of_them(kept: Path) -> None:
    text = write_text(read_kept(kept))
    for absent in ("Each piece of work", "growth.svg", "What limits"):
        assert absent not in text


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_true_to_the_newest_kept_results(name: str) -> None:
    page = (ROOT / name).read_text("utf-8")
    kept = read_kept(RESULTS)
    mark, write = PAGES[name]
    assert fill_marks(page, write(kept), mark) == page, "python -m benchmarks.report writes it"
    if kept.points:
        assert (ROOT / "benchmarks" / "growth.svg").exists()


def test_the_report_fills_the_pages_and_draws(kept: Path) -> None:
    pytest.importorskip("matplotlib")
    page, readme = kept / "docs" / "benchmarks.md", kept / "README.md"
    page.parent.mkdir()
    page.write_text("before\n<!-- benchmark -->\nold\n<!-- /benchmark -->\nafter\n")
    readme.write_text("before\n<!-- speed -->\nold\n<!-- /speed -->\nafter\n")
    assert main(["--results", str(kept), "--root", str(kept)]) == 0
    text = page.read_text()
    assert text.startswith("before\n<!-- benchmark -->\n42,062 people")
    assert text.endswith("<!-- /benchmark -->\nafter\n")
    assert "old" not in text
    said = readme.read_text()
    assert said.startswith("before\n<!-- speed -->\n42,062 people")
    assert "- logistic: " in said
    assert "old" not in said
    figure = kept / "benchmarks" / "figure.svg"
    first = figure.read_bytes()
    ET.fromstring(first)  # noqa: S314 - written by this test
    assert b"R glm pipeline" in first
    assert main(["--results", str(kept), "--root", str(kept)]) == 0
    assert figure.read_bytes() == first


def test_a_page_without_marks_is_left_alone(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    readme = kept / "README.md"
    readme.write_text("no marks\n")
    assert main(["--results", str(kept), "--root", str(kept)]) == 0
    assert readme.read_text() == "no marks\n"
    assert capsys.readouterr().out.count("left alone") == len(PAGES)


def test_marks_in_the_wrong_order_are_none() -> None:
    assert fill_marks("<!-- /benchmark --> <!-- benchmark -->", "new") is None


def test_no_results_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--results", str(tmp_path), "--root", str(tmp_path)]) == 1
    assert "no results of the logistic scan" in capsys.readouterr().err
