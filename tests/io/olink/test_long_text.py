from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.errors import FormatError, InputError
from proteomr.io.formats import IngestOptions, open_source
from proteomr.io.olink import Olink
from proteomr.tables import Measurements

Read = Callable[..., Measurements]

# Explore 3072 as the vendor's software writes it: semicolons, and one gene on two panels.
_HEADER = (
    "SampleID;Index;OlinkID;UniProt;Assay;MissingFreq;Panel;Panel_Lot_Nr;PlateID;QC_Warning;LOD;"
    "NPX;Normalization;Assay_Warning;Sample_Type;ExploreVersion"
)
_EXPLORE = f"""{_HEADER}
A1;1;OID20001;P05231;IL6;0.01;Cardiometabolic;B1;P1;PASS;-1.5;0.5;Plate control;PASS;SAMPLE;1.1
A2;2;OID20001;P05231;IL6;0.01;Cardiometabolic;B1;P2;WARN;-1.0;1.25;Plate control;PASS;SAMPLE;1.1
CS;3;OID20001;P05231;IL6;0.01;Cardiometabolic;B1;P1;PASS;-1.5;9;Plate control;PASS;CONTROL;1.1
A1;1;OID20002;P05231;IL6;0.2;Oncology;B2;P1;NA;0.25;NaN;Plate control;WARN;SAMPLE;1.1
A2;2;OID20002;P05231;IL6;0.2;Oncology;B2;P2;PASS;0.25;-2e-1;Plate control;PASS;SAMPLE;1.1
"""
_SMALL = 'SampleID,OlinkID,Assay,Panel,NPX\nA1,OID1,ADM,CVD,0.5\n"A 2",OID1,ADM,CVD,1.5\n'


def _written(text: str, folder: Path) -> Path:
    path = folder / "npx.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_explore_3072_with_semicolons_is_read(tmp_path: Path, read: Read) -> None:
    made = read(_written(_EXPLORE, tmp_path))
    values = made.proteins.read(slice(0, 2))
    np.testing.assert_array_equal(values, [[0.5, np.nan], [1.25, -0.2]])
    assert made.assays["panel"].to_list() == ["Cardiometabolic", "Oncology"]
    assert made.assays["normalization"].to_list() == ["Plate control"] * 2
    assert made.assays["panel_lot"].to_list() == ["B1", "B2"]
    assert made.controls.rows() == [("CS", "CONTROL", "P1", "OID20001", "protein", 9.0)]


def test_limits_stand_by_plate_only_where_plates_differ(tmp_path: Path, read: Read) -> None:
    made = read(_written(_EXPLORE, tmp_path))
    assert made.limits.rows() == [
        ("OID20001", "P1", -1.5),
        ("OID20001", "P2", -1.0),
        ("OID20002", None, 0.25),
    ]
    assert made.assays["lod"].to_list() == [-1.25, 0.25]
    assert any("median" in note for note in made.notes)


def test_what_passed_is_no_flag(tmp_path: Path, read: Read) -> None:
    made = read(_written(_EXPLORE, tmp_path))
    assert made.flags.rows() == [
        ("A2", None, "Cardiometabolic", "P2", "sample_qc", "WARN"),
        (None, "OID20002", "Oncology", "P1", "assay_qc", "WARN"),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("compressed", [False, True])
def test_delimiter_and_compression_change_nothing(
    delimiter: str, tmp_path: Path, read: Read, *, compressed: bool
) -> None:
    expected = read(_written(_EXPLORE, tmp_path))
    path = tmp_path / "other.txt"
    content = _EXPLORE.replace(";", delimiter).encode()
    path.write_bytes(gzip.compress(content) if compressed else content)
    made = read(path)
    assert made.samples.equals(expected.samples)
    assert made.assays.equals(expected.assays)
    np.testing.assert_array_equal(made.proteins.read(slice(0, 2)), expected.proteins.read(slice(2)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("PlateID", "Plate_ID"),
        ("PlateID", "Plate ID"),
        ("QC_Warning", "SampleQC"),
        ("Assay_Warning", "AssayQC"),
        ("Sample_Type", "SampleType"),
        (";LOD", ";PlateLOD"),
        (";LOD", ";MaxLOD"),
        ("SampleID", "sample id"),
    ],
)
def test_other_spellings_of_columns_change_nothing(
    old: str, new: str, tmp_path: Path, read: Read
) -> None:
    expected = read(_written(_EXPLORE, tmp_path))
    made = read(_written(_EXPLORE.replace(old, new), tmp_path))
    assert made.assays.equals(expected.assays)
    assert made.flags.equals(expected.flags)
    assert made.plates.equals(expected.plates)
    assert made.controls.equals(expected.controls)


def test_only_three_columns_are_needed(tmp_path: Path, read: Read) -> None:
    made = read(_written("SampleID,OlinkID,NPX\nA1,OID1,0.5\n", tmp_path))
    assert made.assays["gene"].to_list() == [None]
    assert (made.flags.height, made.plates.height, made.limits.height) == (0, 0, 0)


def test_files_of_samples_and_of_panels_are_stacked_in_any_order(
    tmp_path: Path, read: Read
) -> None:
    lines = _EXPLORE.splitlines(keepends=True)
    paths = [tmp_path / f"{i}.csv" for i in range(3)]
    for path, rows in zip(paths, (lines[1:2], lines[2:4], lines[4:]), strict=True):
        path.write_text(lines[0] + "".join(rows))
    whole = read(_written(_EXPLORE, tmp_path))
    for order in (paths, paths[::-1]):
        made = read(*order)
        np.testing.assert_array_equal(made.proteins.read(slice(2)), whole.proteins.read(slice(2)))
        assert made.samples.equals(whole.samples)
        assert made.assays.equals(whole.assays)
        assert made.flags.equals(whole.flags)
        assert made.notes == whole.notes


def test_controls_are_known_by_name_where_no_column_tells(tmp_path: Path, read: Read) -> None:
    text = _SMALL + "CONTROL_SAMPLE_AS 1,OID1,ADM,CVD,9\nControl 7,OID1,ADM,CVD,2\n"
    made = read(_written(text, tmp_path))
    assert made.samples["sample_id"].to_list() == ["A 2", "A1", "Control 7"]
    assert made.controls["value"].to_list() == [9.0]
    assert "taken for control samples by their names alone: 1" in made.notes


def test_without_olink_id_the_assay_is_the_key_with_its_panel_where_needed(
    tmp_path: Path, read: Read
) -> None:
    text = "SampleID,Assay,Panel,NPX\nA,IL6,CVD,1\nA,IL6,INF,2\nA,ADM,CVD,3\n"
    made = read(_written(text, tmp_path))
    assert made.proteins.names == ("ADM", "CVD:IL6", "INF:IL6")
    assert any("no OlinkID" in note for note in made.notes)


def test_quantities_keep_their_unit_and_their_logarithm_is_an_option(
    tmp_path: Path, read: Read
) -> None:
    text = "SampleID,OlinkID,Assay,Quantified_value,Unit,LOD\nA,OID1,IL6,8,pg/mL,0.5\n"
    made = read(_written(text, tmp_path))
    assert (made.assays["unit"].item(), made.proteins.read(slice(1)).item()) == ("pg/mL", 8.0)
    logged = read(_written(text, tmp_path), options=IngestOptions(log2=True))
    assert (logged.assays["unit"].item(), logged.proteins.read(slice(1)).item()) == (
        "log2 pg/mL",
        3.0,
    )
    assert logged.assays["lod"].item() == -1.0


def test_explore_3072_as_parquet_is_the_same(tmp_path: Path, read: Read) -> None:
    expected = read(_written(_EXPLORE, tmp_path))
    path = tmp_path / "npx.parquet"
    pl.read_csv(tmp_path / "npx.csv", separator=";").write_parquet(path)
    made = read(path)
    assert made.samples.equals(expected.samples)
    assert made.assays.equals(expected.assays)
    assert made.flags.equals(expected.flags)
    assert made.limits.equals(expected.limits)
    np.testing.assert_array_equal(made.proteins.read(slice(2)), expected.proteins.read(slice(2)))


def test_files_with_and_without_olink_ids_are_refused_together(tmp_path: Path, read: Read) -> None:
    other = tmp_path / "other.csv"
    other.write_text("SampleID,Assay,Panel,NPX\nB,IL6,CVD,1\n")
    with pytest.raises(InputError, match="1 of 2 Olink files have OlinkIDs"):
        read(_written(_SMALL, tmp_path), other)


def test_one_assay_in_two_units_is_refused(tmp_path: Path, read: Read) -> None:
    quantified = tmp_path / "quantified.csv"
    quantified.write_text("SampleID,OlinkID,Panel,Quantified_value,Unit\nB,OID1,CVD,8,pg/mL\n")
    with pytest.raises(InputError, match="1 assays are measured in two units"):
        read(_written(_SMALL, tmp_path), quantified)


def test_the_user_may_name_the_column_of_the_value(tmp_path: Path, read: Read) -> None:
    text = "SampleID,OlinkID,Assay,NPX,PCNormalizedNPX\nA,OID1,IL6,1,2\n"
    made = read(_written(text, tmp_path), options=IngestOptions(value_column="PCNormalizedNPX"))
    assert made.proteins.read(slice(1)).item() == 2.0


def test_descriptions_that_contradict_each_other_are_said(tmp_path: Path, read: Read) -> None:
    made = read(_written(_SMALL + "A3,OID1,ADM,CVD II,1\n", tmp_path))
    assert made.assays["panel"].to_list() == ["CVD"]
    assert any("1 assays have several values of panel" in note for note in made.notes)


def test_missing_rows_are_counted(tmp_path: Path, read: Read) -> None:
    made = read(_written(_SMALL + "A1,OID2,IL6,CVD,1\n", tmp_path))
    assert "1 values of samples and assays of one panel have no row" in made.notes


_FAULTS = {
    "text": (_SMALL.replace("1.5", "high"), r"line 3, column 'NPX': text where a number"),
    "decimal comma": (
        _SMALL.replace(",", ";").replace("1.5", "1,5"),
        r"line 3, column 'NPX': decimal comma",
    ),
    "ragged": (_SMALL + "A3,OID1,ADM\n", "line 4: 3 fields where the header has 5"),
    "repeated header": (_SMALL.replace("Panel", "Assay"), "line 1, column 'Assay': the name"),
    "date for an assay": (
        _SMALL.replace("OID1,ADM,CVD,1.5", "1-Mar,ADM,CVD,1.5"),
        "line 3, .*'Oli",
    ),
    "number for a sample": (_SMALL.replace('"A 2"', "1.00E+05"), "line 3, column 'SampleID': 1 na"),
    "no sample": (_SMALL.replace('"A 2"', ""), "line 3, column 'SampleID': 1 of 2 rows have no"),
    "no column of samples": (
        _SMALL.replace("SampleID", "Sampl_ID"),
        "no column SampleID.*Sampl_ID",
    ),
    "no value column": (_SMALL.replace("NPX", "NPXX"), r"no column NPX \(did you mean 'NPXX'"),
    "Ct only": (_SMALL.replace("NPX", "Ct"), "raw signals are not comparable.*columns: SampleID"),
    "no assay": (
        "SampleID,UniProt,Panel,NPX\nA1,P1,CVD,1\n",
        "no column OlinkID or Assay.*columns: SampleID, UniProt",
    ),
    "infinite": (_SMALL.replace("1.5", "-inf"), "line 3, column 'NPX': 1 infinite values"),
    "open quote": (_SMALL.replace('"A 2"', '"A 2'), "line"),
    "header only": (_SMALL.splitlines()[0] + "\n", "a header and no rows"),
    "no value": (_SMALL.replace("0.5", "NA").replace("1.5", "NaN"), "no row has a value"),
}


@pytest.mark.parametrize("fault", sorted(_FAULTS))
def test_a_fault_is_told_with_file_line_and_column(fault: str, tmp_path: Path, read: Read) -> None:
    text, message = _FAULTS[fault]
    with pytest.raises(FormatError, match=message) as raised:
        read(_written(text, tmp_path))
    assert "npx.csv" in str(raised.value)
    assert "A 2" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_nothing_but_controls_is_refused(tmp_path: Path, read: Read) -> None:
    with pytest.raises(InputError, match="is a control"):
        read(_written("SampleID,OlinkID,NPX\nCONTROL_1,OID1,0.5\n", tmp_path))


@pytest.mark.parametrize(
    "header",
    [
        "eid,a1bg,aarsd1",
        "eid\tins_index\tprotein_id\tresult",
        "sample_id,assay,value",
        "ID,NPX,age",
    ],
)
def test_other_tables_do_not_match(header: str, tmp_path: Path) -> None:
    assert not Olink().matches(open_source(_written(header + "\n", tmp_path)))


def test_the_vendors_example_is_read_whole(reference: Path, read: Read) -> None:
    path = reference / "association" / "data" / "olink_npx_data1.csv"
    made = read(path)
    rows = pl.read_csv(path).filter(~pl.col("SampleID").str.starts_with("CONTROL"))
    wide = rows.pivot("OlinkID", index="SampleID", values="NPX").sort("SampleID")
    assert made.samples["sample_id"].equals(wide["SampleID"], check_names=False)
    expected = wide.select(made.proteins.names).to_numpy()
    np.testing.assert_array_equal(made.proteins.read(slice(None)), expected)
    assert {"Subject", "Treatment", "Site", "Time"} <= set(made.samples.columns)
    assert made.controls.height == 4 * 184


def test_a_table_of_another_laboratory_without_olink_ids_is_read(
    reference: Path, read: Read
) -> None:
    made = read(reference / "association" / "data" / "gisby_serum_npx.csv")
    assert (made.n, len(made.proteins.names)) == (63, 436)
    assert made.assays.filter(pl.col("protein") == "4E-BP1")["gene"].item() == "EIF4EBP1"
    assert "Individual_ID" in made.samples.columns


def test_byte_order_mark_line_ends_quotes_and_blanks_change_nothing(
    tmp_path: Path, read: Read
) -> None:
    expected = read(_written(_SMALL, tmp_path))
    quoted = _SMALL.replace("OID1", '" OID1 "').replace("0.5", '"0.5"').replace("\n", "\r\n")
    path = tmp_path / "quoted.csv"
    path.write_bytes(b"\xef\xbb\xbf" + quoted.encode())
    made = read(path)
    assert made.samples.equals(expected.samples)
    assert made.assays.equals(expected.assays)
    np.testing.assert_array_equal(made.proteins.read(slice(1)), expected.proteins.read(slice(1)))
