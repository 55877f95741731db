from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from proteomr.errors import FormatError
from proteomr.io.formats import open_source
from proteomr.io.olink import Olink
from proteomr.tables import Measurements

Read = Callable[..., Measurements]
Rows = list[list[str | float]]
WriteWorkbook = Callable[[Path, Sequence[Sequence[str | float]]], Path]

_CVD, _INF = "Olink CVD II", "Olink INFLAMMATION"


def _npx_rows() -> Rows:
    """Two panels of Target 96: two assays and one, with the internal controls of one panel."""
    return [
        ["Project", "NPX Signature 1.8", *[""] * 8],
        ["NPX Data", *[""] * 9],
        ["Panel", _CVD, _CVD, _INF, _INF, _CVD, _INF, _CVD, _INF, _INF],
        [
            *("Assay", "ADM", "IL6", "IL6", "Inc Ctrl 1", "Plate ID", "Plate ID"),
            *("QC Warning", "QC Warning", "QC Deviation from median"),
        ],
        ["Uniprot ID", "P35318", "P05231", "P05231", *[""] * 5, "Det Ctrl"],
        ["OlinkID", "OID00101", "OID00102", "OID00471", *[""] * 6],
        [""] * 10,
        ["B2", 1.5, 2.5, 3.5, 0.5, "P1", "Q1", "Pass", "Warning", 0.01],
        ["A1", "", -0.25, 4.5, 0.75, "P2", "Q1", "Pass", "Pass", 0.02],
        ["CONTROL_1", 9.0, 9.0, 9.0, 9.0, "P1", "Q1", "Pass", "Pass", 0.0],
        [""] * 10,
        ["LOD", 0.1, 0.2, 0.3, *[""] * 6],
        ["Missing Data freq.", 0.5, 0.0, 0.25, *[""] * 6],
        ["Normalization", "Plate control", "Plate control", "Intensity", *[""] * 6],
    ]


def _quantified_rows() -> Rows:
    """One panel of Target 48 in picograms on two plates, with limits and warnings by plate."""
    panel = "Olink Target 48 Cytokine"
    return [
        ["Project", "Olink NPX Signature 1.6", "", "", ""],
        ["Quantified data", "", "", "", ""],
        ["Panel", panel, panel, panel, panel],
        ["Assay", "IL6", "TNF", "Plate ID", "QC Warning"],
        ["Uniprot ID", "P05231", "P01375", "", ""],
        ["OlinkID", "OID20563", "OID20074", "", ""],
        ["Unit", "pg/mL", "pg/mL", "", ""],
        [""] * 5,
        ["S1", 12.5, 3.25, "P1", "Pass"],
        ["S2", 8.0, 4.0, "P2", "Pass"],
        [""] * 5,
        ["Assay warning", "Pass", "Warn", "P1", ""],
        ["Assay warning", "Pass", "Pass", "P2", ""],
        ["Lowest quantifiable level", 0.1, 0.2, "P1", ""],
        ["Plate LOD", 0.5, 0.75, "P1", ""],
        ["Plate LOD", 0.25, 0.75, "P2", ""],
        ["LLOQ", 0.1, 0.1, "", ""],
        ["ULOQ", 1000.0, 1000.0, "", ""],
    ]


def _written(rows: Rows, folder: Path, *, delimiter: str = ";") -> Path:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path = folder / "npx.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def _changed(rows: Rows, row: int, column: int, cell: str | float) -> Rows:
    rows[row][column] = cell
    return rows


def test_a_wide_sheet_is_read_with_both_panels(tmp_path: Path, read: Read) -> None:
    made = read(_written(_npx_rows(), tmp_path))
    assert made.samples["sample_id"].to_list() == ["A1", "B2"]
    assert made.proteins.names == ("OID00101", "OID00102", "OID00471")
    np.testing.assert_array_equal(
        made.proteins.read(slice(3)), [[np.nan, -0.25, 4.5], [1.5, 2.5, 3.5]]
    )
    assert made.assays["gene"].to_list() == ["ADM", "IL6", "IL6"]
    assert made.assays["unit"].unique().to_list() == ["NPX"]
    assert made.assays["lod"].to_list() == [0.1, 0.2, 0.3]
    assert made.assays["missing_freq"].to_list() == [0.5, 0.0, 0.25]
    assert made.assays["normalization"].to_list() == ["Plate control", "Plate control", "Intensity"]
    assert made.parameters["software"] == ["NPX Signature 1.8"]


def test_plates_and_warnings_of_a_wide_sheet_go_by_panel(tmp_path: Path, read: Read) -> None:
    made = read(_written(_npx_rows(), tmp_path))
    assert made.flags.rows() == [("B2", None, _INF, "Q1", "sample_qc", "Warning")]
    assert [row[:3] for row in made.plates.rows()] == [
        ("A1", _CVD, "P2"),
        ("A1", _INF, "Q1"),
        ("B2", _CVD, "P1"),
        ("B2", _INF, "Q1"),
    ]


def test_controls_of_a_wide_sheet_stand_apart(tmp_path: Path, read: Read) -> None:
    made = read(_written(_npx_rows(), tmp_path))
    ordinary = made.controls.filter(made.controls["sample_type"] == "SAMPLE")
    assert ordinary["value"].to_list() == [0.75, 0.5]
    assert ordinary["kind"].unique().to_list() == ["control"]
    assert made.controls.height == 2 + 4
    assert any("QC Deviation from median" in note for note in made.notes)


def test_quantified_data_keep_their_unit_and_their_limits_by_plate(
    tmp_path: Path, read: Read
) -> None:
    made = read(_written(_quantified_rows(), tmp_path))
    assert made.assays["unit"].to_list() == ["pg/mL", "pg/mL"]
    assert made.limits.columns == ["protein", "plate", "lod", "lloq", "uloq", "lql"]
    assert made.limits.rows() == [
        ("OID20074", None, 0.75, 0.1, 1000.0, 0.2),
        ("OID20563", "P1", 0.5, 0.1, 1000.0, 0.1),
        ("OID20563", "P2", 0.25, 0.1, 1000.0, None),
    ]
    assert made.flags.rows() == [
        (None, "OID20074", "Olink Target 48 Cytokine", "P1", "assay_qc", "Warn")
    ]
    assert made.samples["plate"].to_list() == ["P1", "P2"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_workbook_and_text_are_the_same(
    delimiter: str, tmp_path: Path, read: Read, write_workbook: WriteWorkbook
) -> None:
    from_text = read(_written(_npx_rows(), tmp_path, delimiter=delimiter))
    from_book = read(write_workbook(tmp_path / "npx.xlsx", _npx_rows()))
    packed = tmp_path / "npx.gz"
    packed.write_bytes(gzip.compress((tmp_path / "npx.csv").read_bytes()))
    for made in (from_book, read(packed)):
        assert made.samples.equals(from_text.samples)
        assert made.assays.equals(from_text.assays)
        assert made.flags.equals(from_text.flags)
        np.testing.assert_array_equal(
            made.proteins.read(slice(3)), from_text.proteins.read(slice(3))
        )


def test_the_order_of_samples_and_of_assays_changes_nothing(tmp_path: Path, read: Read) -> None:
    rows = _npx_rows()
    expected = read(_written(rows, tmp_path))
    rows[7:10] = rows[9:6:-1]
    swapped = [[*row[:1], *row[3:0:-1], *row[4:]] for row in rows]
    made = read(_written(swapped, tmp_path))
    assert made.assays.equals(expected.assays)
    np.testing.assert_array_equal(made.proteins.read(slice(3)), expected.proteins.read(slice(3)))


def test_a_column_of_the_user_describes_the_samples(tmp_path: Path, read: Read) -> None:
    extra: list[str | float] = [""] * 14
    extra[3], extra[7], extra[8], extra[9] = "Age", 61, 55, ""
    rows = [[*row, cell] for row, cell in zip(_npx_rows(), extra, strict=True)]
    assert read(_written(rows, tmp_path)).samples["Age"].to_list() == [55, 61]


def test_whole_numbers_in_a_workbook_are_names_without_decimals(
    tmp_path: Path, read: Read, write_workbook: WriteWorkbook
) -> None:
    rows = _changed(_changed(_npx_rows(), 7, 0, 100000.0), 8, 0, 7.0)
    made = read(write_workbook(tmp_path / "npx.xlsx", rows))
    assert made.samples["sample_id"].to_list() == ["100000", "7"]


_FAULTS: dict[str, tuple[Rows, str]] = {
    "text": (_changed(_npx_rows(), 8, 2, "low"), "line 9, column 'IL6': text where a number"),
    "decimal comma": (_changed(_npx_rows(), 7, 1, "1,5"), "line 8, column 'ADM': decimal comma"),
    "text in LOD": (_changed(_npx_rows(), 11, 1, "x"), "line 12, column 'ADM': text where"),
    "no sample": (_changed(_npx_rows(), 8, 0, ""), "line 9: a row with values and without the nam"),
    "no OlinkID": (_changed(_npx_rows(), 5, 2, ""), "column 'IL6': an assay without OlinkID"),
    "twice": (_changed(_npx_rows(), 5, 2, "OID00101"), "line 6, column 'OID00101': the assay stan"),
    "date": (_changed(_npx_rows(), 5, 2, "1-Mar"), "line 6: 1 names of assays look rewritten"),
    "damaged sample": (_changed(_npx_rows(), 8, 0, "1E+05"), "line 9, column 'samples': 1 names"),
    "no kind": (_changed(_npx_rows(), 1, 0, ""), "neither 'NPX Data' nor 'Quantified data'"),
    "Ct": (_changed(_npx_rows(), 1, 0, "Ct Data"), "holds Ct"),
    "no panel": (_changed(_npx_rows(), 2, 0, "Pannel"), "the rows Panel and Assay are needed"),
    "no unit": (_quantified_rows()[:6] + _quantified_rows()[7:], "quantified data without a row U"),
    "ragged": ([*_npx_rows()[:8], _npx_rows()[8][:6], *_npx_rows()[9:]], "line 9: 6 fields where"),
    "cut off": ([*_npx_rows()[:11], ["LOD", 0.1]], "line 12: 2 fields where the row Assay has 10"),
    "a delimiter too many among the headings": (
        [*_npx_rows()[:5], ["OlinkID", "OID0", *_npx_rows()[5][1:]], *_npx_rows()[6:]],
        "line 6: 11 fields where the row Assay has 10",
    ),
    "a heading lost": (
        [*_npx_rows()[:5], ["OlinkID", *_npx_rows()[5][2:]], *_npx_rows()[6:]],
        "line 6: 9 fields where the row Assay has 10",
    ),
    "a limit lost": (
        [*_npx_rows()[:11], ["LOD", *_npx_rows()[11][2:]], *_npx_rows()[12:]],
        "line 12: 9 fields where the row Assay has 10",
    ),
    "a delimiter too many among the limits": (
        [*_npx_rows()[:11], ["LOD", "", *_npx_rows()[11][1:]], *_npx_rows()[12:]],
        "line 12: 11 fields where the row Assay has 10",
    ),
    "sample below": (
        [*_npx_rows(), ["C3", *_npx_rows()[7][1:]]],
        "line 15: a row of a sample above",
    ),
    "sample above": (
        [_npx_rows()[0], _npx_rows()[7], *_npx_rows()[1:7], *_npx_rows()[8:]],
        "line 2: a row of a sample above the headings",
    ),
    "no samples": (_npx_rows()[:7], "no row of a sample below the headings"),
    "values without heading": (
        [[*row, 5 if i == 7 else ""] for i, row in enumerate(_npx_rows())],
        "column 11 has values and no heading",
    ),
}


@pytest.mark.parametrize("fault", sorted(_FAULTS))
def test_a_fault_in_a_wide_sheet_is_told_with_its_line(
    fault: str, tmp_path: Path, read: Read
) -> None:
    rows, message = _FAULTS[fault]
    with pytest.raises(FormatError, match=message) as raised:
        read(_written(rows, tmp_path))
    assert "B2" not in str(raised.value)


def test_a_fault_in_a_workbook_names_sheet_row_and_column(
    tmp_path: Path, read: Read, write_workbook: WriteWorkbook
) -> None:
    path = write_workbook(tmp_path / "npx.xlsx", _changed(_npx_rows(), 8, 2, "low"))
    with pytest.raises(FormatError, match="line 9, column 'IL6': sheet 'NPX Wide': text where"):
        read(path)


def test_a_truncated_workbook_is_refused(tmp_path: Path, write_workbook: WriteWorkbook) -> None:
    path = write_workbook(tmp_path / "npx.xlsx", _npx_rows())
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(FormatError, match="cut off or damaged"):
        open_source(path)


def test_an_empty_workbook_does_not_match_and_is_refused(
    tmp_path: Path, read: Read, write_workbook: WriteWorkbook
) -> None:
    path = write_workbook(tmp_path / "npx.xlsx", [])
    assert not Olink().matches(open_source(path))
    with pytest.raises(FormatError, match="no sheet has the rows Panel, Assay and OlinkID"):
        read(path)


def test_the_vendors_workbook_equals_its_long_table(reference: Path, read: Read) -> None:
    wide = read(reference / "formats" / "olink_npx_data1.xlsx")
    long = read(reference / "association" / "data" / "olink_npx_data1.csv")
    assert wide.proteins.names == long.proteins.names
    assert wide.samples["sample_id"].equals(long.samples["sample_id"])
    # The sheet holds 15 digits, the long table all of them.
    values = long.proteins.read(slice(None))
    np.testing.assert_allclose(wide.proteins.read(slice(None)), values, rtol=2e-14, atol=1e-15)
    assert wide.flags.drop("panel").equals(long.flags.drop("panel"))
    np.testing.assert_allclose(wide.assays["lod"], long.assays["lod"], rtol=2e-14)
    assert wide.plates.drop("panel").equals(long.plates.drop("panel"))
    assert wide.controls.height == long.controls.height


@pytest.mark.parametrize(
    ("cells", "shares"),
    [
        (["50%", "0%", "2.5%"], [0.5, 0.0, 0.025]),
        (["50 %", "", "25%"], [0.5, None, 0.25]),
        ([0.5, 0.0, 0.25], [0.5, 0.0, 0.25]),
    ],
)
def test_missing_data_are_shares_however_they_are_written(
    cells: list[str | float], shares: list[float | None], tmp_path: Path, read: Read
) -> None:
    rows = _npx_rows()
    at = next(number for number, row in enumerate(rows) if str(row[0]).startswith("Missing Data"))
    keys = next(row for row in rows if row[0] == "OlinkID")
    columns = [column for column, key in enumerate(keys) if str(key).startswith("OID")]
    order = sorted(range(len(columns)), key=lambda i: str(keys[columns[i]]))
    for cell, i in zip(cells, order, strict=True):
        rows[at][columns[i]] = cell
    assert read(_written(rows, tmp_path)).assays["missing_freq"].to_list() == shares


def test_empty_wells_are_controls_and_doubtful_names_are_people(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "npx.csv"
    names = ["A1", "Empty well_01", "EMPTY", "Neg ctrl 1", "NC12"]
    lines = "".join(f"{name};O1;IL6;P;{i}\n" for i, name in enumerate(names))
    path.write_text("SampleID;OlinkID;Assay;Panel;NPX\n" + lines, encoding="utf-8")
    made = read(path)
    assert made.samples["sample_id"].to_list() == ["A1", "NC12"]
    assert sorted(made.controls["sample_id"]) == ["EMPTY", "Empty well_01", "Neg ctrl 1"]
    assert any(note.startswith("1 sample has a name as controls often have") for note in made.notes)
