"""A platform that is named reads the file, and says itself what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from proteomr.errors import FormatError, InputError
from proteomr.io import read_measurements

WriteWorkbook = Callable[[Path, Sequence[Sequence[str | float]]], Path]

_PLAIN = "sample_id,IL6\nA,1.5\nB,2.5\n"


@pytest.mark.parametrize(
    ("platform", "message"),
    [
        ("somascan", "an ADAT without its header"),
        ("olink", "no column NPX; columns: sample_id, IL6"),
        ("nulisa", "no column NPQ"),
        ("ukb", "is no file of UK Biobank's proteins"),
    ],
)
def test_the_readers_own_error_is_shown(platform: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(_PLAIN, encoding="utf-8")
    with pytest.raises(FormatError, match=message) as caught:
        read_measurements(path, scratch=tmp_path, platform=platform)
    assert "looks like" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("platform", "message"),
    [
        ("somascan", "is a workbook; an ADAT is text"),
        ("olink", "no sheet has the rows Panel, Assay and OlinkID of Olink, or the columns"),
        ("nulisa", "no sheet has the columns SampleName, Target and NPQ"),
        ("ukb", "is no file of UK Biobank's proteins"),
        ("table", "is a workbook, read from Olink and NULISA alone; save the sheet as csv"),
        ("auto", "no sheet of the workbook is a table of Olink or NULISA; save the sheet as csv"),
    ],
)
def test_a_workbook_of_something_else_is_answered_by_each(
    platform: str, message: str, tmp_path: Path, write_workbook: WriteWorkbook
) -> None:
    path = write_workbook(tmp_path / "x.xlsx", [["sample_id", "IL6"], ["A", 1.5]])
    with pytest.raises(FormatError, match=message):
        read_measurements(path, scratch=tmp_path, platform=platform)


def test_a_file_that_content_alone_gives_another_reader_is_read(tmp_path: Path) -> None:
    path = tmp_path / "npx.csv"
    path.write_text("SampleID;Assay;Panel;NPX\nA;IL6;P;1.5\n", encoding="utf-8")
    assert read_measurements(path, scratch=tmp_path).platform == "olink"
    path.write_text("SampleID;Assay;NPX\nA;IL6;1.5\n", encoding="utf-8")
    forced = read_measurements(path, scratch=tmp_path, platform="olink")
    assert (forced.platform, forced.proteins.names) == ("olink", ("IL6",))


def test_a_fault_in_a_forced_file_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "npx.csv"
    path.write_text("SampleID;Assay;NPX\nA;IL6;1.5\nB;IL6;high\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 3, column 'NPX': text where a number is needed"):
        read_measurements(path, scratch=tmp_path, platform="olink")
