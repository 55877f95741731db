from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import FormatError
from proteomr.io.formats import open_source
from proteomr.io.ukbiobank.helper_tables import find_helper, plate_key, read_helper


def rows(path: Path, text: str) -> list[tuple[object, ...]]:
    path.write_text(text, encoding="utf-8")
    return read_helper(open_source(path)).frame.rows()


def fault_of(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError) as fault:
        read_helper(open_source(path))
    return str(fault.value).removeprefix(f"{path}, ")


@pytest.mark.parametrize(
    ("header", "role"),
    [
        ("Assay UniProt Panel", "assay"),
        ("ASSAY Panel Version", "assay_version"),
        ("PlateID Batch", "batch"),
        ("plateid instance assay lod", "limits"),
        ("Batch Panel Panel_Lot_Nr", "panel_lot"),
        ("PlateID Panel Processing_StartDate", "start_date"),
        ("Assay Assay_Warning", "assay_warning"),
        ("PlateID Assay Panel Assay_Warning", "assay_warning"),
        ("SampleID OlinkID UniProt Assay Panel PlateID LOD NPX Assay_Warning", None),
        ("protein gene uniprot panel", None),
        ("eid p30901_i0", None),
    ],
)
def test_a_helper_table_is_known_by_its_columns(header: str, role: str | None) -> None:
    assert find_helper(header.split()) == role


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("890000000001", "890000000001"),
        ("890000000001.0", "890000000001"),
        ("890000000001.", "890000000001"),
        (" 0890000000001 ", "890000000001"),
        ("8.90000000001e+11", "890000000001"),
        ("8.90000000001E11", "890000000001"),
        ("8.9e+11", "890000000000"),
        ("98765432109876543210.0", "98765432109876543210"),
        ("P-17", "P-17"),
        ("8.9E+11", None),
        ("8.90001E+11", None),
        ("8.95e0", None),
    ],
)
def test_a_plate_has_one_spelling_and_no_digit_is_made_up(text: str, key: str | None) -> None:
    assert plate_key(text) == key


def test_proteins_and_dates_come_in_one_form(tmp_path: Path) -> None:
    text = "PlateID\tPanel\tProcessing_StartDate\n1.0\tA\t2021-05-31\n2.0\tA\t01/06/2021\n"
    assert rows(tmp_path / "a.dat", text) == [
        ("1", "A", date(2021, 5, 31)),
        ("2", "A", date(2021, 6, 1)),
    ]
    text = "Assay\tUniProt\tPanel\nHLA-DRA\tP01903\tOncology\n"
    assert rows(tmp_path / "b.dat", text) == [("HLA_DRA", "P01903", "Oncology")]


def test_parquet_plates_as_doubles_are_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    pl.DataFrame({"PlateID": [890000000001.0], "Batch": [3]}).write_parquet(file)
    assert read_helper(open_source(file)).frame.rows() == [("890000000001", "3")]


def test_rows_that_repeat_another_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "a.dat"
    file.write_text("PlateID\tBatch\n1\t3\n1.0\t3\n2\t4\n")
    table = read_helper(open_source(file))
    assert table.frame.rows() == [("1", "3"), ("2", "4")]
    assert table.notes == ("a.dat: 1 rows repeat another and were passed over",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "PlateID\tBatch\n1\t3\n2\t3\n1.0\t4\n",
            "line 4, column 'PlateID': the same plate as in a row above with another batch",
        ),
        (
            "PlateID\tInstance\tAssay\tLOD\n1\t0\tA\t0.5\n1\t2\tA\t0.5\n1\t0\tA\t0.6\n",
            "line 4, column 'Assay': the same protein and plate and instance as in",
        ),
        (
            "PlateID\tBatch\n890000000001\t3\n8.9E+11\t4\n",
            "line 3, column 'PlateID': a spreadsheet cut the digits of the plate",
        ),
        ("PlateID\tInstance\tAssay\tLOD\n1\t0\tA\t0,5\n", "line 2, column 'LOD': text where"),
        ("PlateID\tInstance\tAssay\tLOD\n1\tx\tA\t0.5\n", "line 2, column 'Instance': no number"),
        ("PlateID\tPanel\tDate\n1\tA\t31/05/21\n", "line 2, column 'Date': no date of the form"),
        ("PlateID\tPanel\tDate\n1\tA\t05/31/2021\n", "line 2, column 'Date': no date of the form"),
        ("PlateID\tBatch\n1\t3\n\t4\n", "line 3, column 'PlateID': the cell is empty"),
        ("PlateID\tBatch\n1\t3\n2\n", "line 3: 1 fields where the header has 2"),
    ],
)
def test_a_fault_is_one_line_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    assert fault_of(tmp_path / "a.dat", text).startswith(message)


def test_a_renamed_column_brings_the_nearest_name(tmp_path: Path) -> None:
    text = "Plate_Identifier\tBatches\n1\t3\n"
    assert "is none of the helper tables" in fault_of(tmp_path / "a.dat", text)
