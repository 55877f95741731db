from __future__ import annotations

from pathlib import Path

import pytest

from proteomr.errors import InputError
from proteomr.io import read_measurements
from proteomr.io.formats import IngestOptions

LONG = (
    "SampleName,SampleType,Plate,Target,NPQ\nA,Sample,P1,IL6,1\nA,Sample,P1,ADM,5\n"
    "B,Sample,P1,IL6,2\nNC1,NC,P1,IL6,0\nIPC1,IPC,P1,IL6,9\n"
)
WIDE = "ID,SampleType,IL6,ADM\nA,Sample,1,5\nB,Sample,2,\nNC1,NC,0,\nIPC1,IPC,9,\n"
NAMED = IngestOptions("SampleName", "Target", "NPQ")


@pytest.mark.parametrize(
    ("content", "options"), [(LONG, NAMED), (WIDE, IngestOptions())], ids=["long", "wide"]
)
def test_control_wells_are_no_people(tmp_path: Path, content: str, options: IngestOptions) -> None:
    file = tmp_path / "table.csv"
    file.write_text(content)
    made = read_measurements(file, scratch=tmp_path, options=options)
    assert made.samples["sample_id"].to_list() == ["A", "B"]
    assert [(drop.reason, drop.n) for drop in made.drops] == [
        ("control samples; their values are kept in controls", 2)
    ]
    values = made.controls.drop_nulls("value").sort("sample_id")
    assert values["sample_id"].to_list() == ["IPC1", "NC1"]
    assert values["sample_type"].to_list() == ["IPC", "NC"]
    assert values["value"].to_list() == [9, 0]


def test_names_that_no_person_has_are_controls_without_a_type(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("ID,IL6\nA,1\nB,2\nEmpty well_01,0\n")
    made = read_measurements(file, scratch=tmp_path)
    assert made.samples["sample_id"].to_list() == ["A", "B"]
    assert "taken for control samples by their names alone: 1" in made.notes


def test_people_of_a_case_control_study_stay(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("ID,SampleType,IL6\nA,Case,1\nB,Control,2\n")
    assert read_measurements(file, scratch=tmp_path).n == 2


def test_a_table_of_controls_alone_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("ID,SampleType,IL6\nNC1,NC,1\nIPC1,IPC,2\n")
    with pytest.raises(InputError, match="all 2 samples are controls"):
        read_measurements(file, scratch=tmp_path)


def test_plates_of_controls_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text(LONG)
    made = read_measurements(file, scratch=tmp_path, options=NAMED)
    assert made.controls["plate"].unique().to_list() == ["P1"]
