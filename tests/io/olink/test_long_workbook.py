"""Long tables of Olink in a workbook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from proteomr.errors import FormatError
from proteomr.io.formats import IngestOptions
from proteomr.tables import Measurements

Read = Callable[..., Measurements]
WriteWorkbook = Callable[[Path, Sequence[Sequence[str | float]]], Path]
Rows = list[list[str | float]]
WriteSheets = Callable[[Path, Mapping[str, Sequence[Sequence[str | float]]]], Path]


def _rows() -> Rows:
    """Return a table as Olink Flex writes it: numbers as text, concentrations, limits by assay."""
    names = ["SampleID", "OlinkID", "UniProt", "Assay", "MissingFreq", "Panel", "PlateID"]
    names += ["QC_Warning", "Plate_LQL", "Plate_LOD", "LLOQ", "ULOQ", "Quantified_value", "Unit"]
    rows: Rows = [[*names]]
    for i, sample in enumerate(["1a", "2a", "CONTROL_SAMPLE_1"]):
        for j, (key, uniprot, gene) in enumerate(
            [("OID1", "P01579", "IFNG"), ("OID2", "P05231", "IL6")]
        ):
            value = f"{10 * i + j + 0.25}"
            limits = [f"0.{j}2", f"0.{j}1", f"0.{j}3", f"{j}00.5"]
            rows.append(
                [sample, key, uniprot, gene, 0.0, "Flex", "P1", "Pass", *limits, value, "pg/ml"]
            )
    return rows


def test_a_long_workbook_is_read_cell_by_cell(
    tmp_path: Path, read: Read, write_workbook: WriteWorkbook
) -> None:
    made = read(write_workbook(tmp_path / "flex.xlsx", _rows()))
    assert made.samples["sample_id"].to_list() == ["1a", "2a"]
    assert made.proteins.read(slice(2)).tolist() == [[0.25, 1.25], [10.25, 11.25]]
    assert made.assays["unit"].to_list() == ["pg/ml", "pg/ml"]
    assert made.limits.rows() == [
        ("OID1", None, 0.01, 0.03, 0.5, 0.02),
        ("OID2", None, 0.11, 0.13, 100.5, 0.12),
    ]
    assert made.controls["value"].to_list() == [20.25, 21.25]
    assert any("linear scale" in note and "--log2" in note for note in made.notes)


def test_a_workbook_and_the_text_of_its_sheet_are_the_same(
    tmp_path: Path, read: Read, write_workbook: WriteWorkbook
) -> None:
    book = read(write_workbook(tmp_path / "flex.xlsx", _rows()))
    text = tmp_path / "flex.csv"
    text.write_text("".join(",".join(map(str, row)) + "\n" for row in _rows()), "utf-8")
    plain = read(text)
    assert book.limits.equals(plain.limits)
    assert book.assays.equals(plain.assays)
    assert book.proteins.read(slice(2)).tolist() == plain.proteins.read(slice(2)).tolist()


def test_rows_above_the_header_and_blank_rows_are_passed_over(
    tmp_path: Path, read: Read, write_workbook: WriteWorkbook
) -> None:
    width = len(_rows()[0])
    blank: list[str | float] = [""] * width
    title: list[str | float] = ["Project 7", *[""] * (width - 1)]
    rows = [title, blank, *_rows(), blank]
    made = read(write_workbook(tmp_path / "flex.xlsx", rows))
    assert made.proteins.read(slice(1)).ravel().tolist() == [0.25, 10.25]


def test_a_logarithm_of_concentrations_is_said(
    tmp_path: Path, read: Read, write_workbook: WriteWorkbook
) -> None:
    path = write_workbook(tmp_path / "flex.xlsx", _rows())
    made = read(path, options=IngestOptions(log2=True))
    assert made.assays["unit"].unique().to_list() == ["log2 pg/ml"]
    assert made.proteins.read(slice(1)).ravel().tolist()[0] == -2.0
    assert made.limits["uloq"].to_list()[0] == -1.0
    assert "values are the base-2 logarithm of pg/ml" in made.notes


@pytest.mark.parametrize(
    ("row", "column", "cell", "line"), [(2, 12, "high", 3), (3, 10, "much", 4), (4, 12, "5,5", 5)]
)
def test_a_cell_that_is_no_number_is_named(
    row: int,
    column: int,
    cell: str,
    line: int,
    tmp_path: Path,
    read: Read,
    write_workbook: WriteWorkbook,
) -> None:
    rows = _rows()
    rows[row][column] = cell
    with pytest.raises(FormatError) as caught:
        read(write_workbook(tmp_path / "flex.xlsx", rows))
    assert (caught.value.line, caught.value.column) == (line, rows[0][column])
    assert cell not in str(caught.value)


@pytest.mark.parametrize(("name", "message"), [("UniProt", "stands twice"), ("", "no heading")])
def test_a_header_that_is_repeated_or_absent_is_refused(
    name: str, message: str, tmp_path: Path, read: Read, write_workbook: WriteWorkbook
) -> None:
    rows = _rows()
    rows[0][7] = name
    with pytest.raises(FormatError, match=message) as caught:
        read(write_workbook(tmp_path / "flex.xlsx", rows))
    assert caught.value.line == 1


def test_sheets_of_different_plates_are_stacked_and_copies_refused(
    tmp_path: Path, read: Read, write_sheets: WriteSheets
) -> None:
    head, *body = _rows()
    first = [head, *(row for row in body if row[0] == "1a")]
    second = [head, *(row for row in body if row[0] != "1a")]
    notes: Rows = [["Contact", "the laboratory"]]
    path = write_sheets(tmp_path / "a.xlsx", {"P1": first, "Notes": notes, "P2": second})
    made = read(path)
    assert made.proteins.read(slice(2)).tolist() == [[0.25, 1.25], [10.25, 11.25]]
    copy = write_sheets(tmp_path / "b.xlsx", {"All": _rows(), "Filtered": second})
    with pytest.raises(FormatError, match="sheets 'All' and 'Filtered' hold the same samples"):
        read(copy)
