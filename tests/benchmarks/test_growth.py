from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.figures import curve_of, draw_growth, exponent
from benchmarks.growth import AXES, Curve, Point, measure, show
from benchmarks.records import read_records, write_records

TINY = Curve(
    name="tiny",
    people=(1_000, 1_500),
    at_proteins=4,
    proteins=(3,),
    at_people=1_000,
    covariates=(3,),
    beside=(1_000, 3),
)


@pytest.fixture(scope="module")
def points() -> list[Point]:
    return list(measure(TINY, families=("linear",)))


def test_every_axis_rises_as_it_should(points: list[Point]) -> None:
    found = {axis: [point.at for point in points if point.axis == axis] for axis in AXES}
    assert found == {"people": [1_000, 1_500], "proteins": [3], "covariates": [3]}


def test_every_point_has_its_fits_and_its_cost(points: list[Point]) -> None:
    assert [point.fits for point in points] == [16, 16, 12, 3]
    assert {point.state for point in points} == {"ok"}
    assert all(point.cpu_seconds > 0.1 and point.peak_memory_mb > 50.0 for point in points)
    assert "16 fits" in show(points[0])


def test_points_come_back_as_written(points: list[Point], tmp_path: Path) -> None:
    path = tmp_path / "growth.csv"
    rounded = [
        replace(one, cpu_seconds=1.5, wall_seconds=2.5, peak_memory_mb=99.0) for one in points
    ]
    write_records(path, rounded)
    assert read_records(path, Point) == rounded


def test_the_slope_is_that_of_the_last_two_points(points: list[Point]) -> None:
    first = replace(points[0], people=1_000, cpu_seconds=7.0)
    curve = [
        first,
        replace(first, people=10_000, cpu_seconds=10.0),
        replace(first, people=100_000, cpu_seconds=1_000.0),
    ]
    assert exponent(curve, "cpu_seconds") == pytest.approx(2.0)
    assert curve_of([curve[1], replace(curve[2], state="wrong"), first], "people", "linear") == [
        first,
        curve[1],
    ]


def test_the_figure_has_every_axis_and_the_same_bytes(points: list[Point], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "growth.svg"
    draw_growth(points, path)
    first = path.read_bytes()
    ET.fromstring(first)  # noqa: S314 - written by this test
    for text in (b"CPU seconds", b"peak MB", b"covariates", b"linear: slope"):
        assert text in first
    draw_growth(points, path)
    assert path.read_bytes() == first
