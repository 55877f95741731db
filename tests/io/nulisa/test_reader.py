"""NULISA: NPQ and absolute quantities, in long text, parquet and workbooks."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from python_calamine import CalamineWorkbook

from proteomr.errors import FormatError, IdentifierError, InputError
from proteomr.io import IngestOptions, read_measurements
from proteomr.io.formats import open_source
from proteomr.io.ingest import detect_platform
from proteomr.io.nulisa import Nulisa
from proteomr.tables import Measurements

Rows = list[list[str | float]]
WriteSheets = Callable[[Path, Mapping[str, Sequence[Sequence[str | float]]]], Path]

_SAMPLES = (
    *(("A1", "Sample", "P1"), ("A2", "Sample", "P2"), ("SC_1", "SC", "P1"), ("IPC_1", "IPC", "P1")),
    *(("NC_1", "NC", "P2"), ("B1", "Bridge", "P2")),
)
_TARGETS = (
    ("IL6", "t1", "P05231", "Interleukin-6"),
    ("C1q", "t2", "P02745|P02746", "Complement C1q"),
    ("mCherry", "t9", "X5DSL3", "MCherry fluorescent protein"),
)


def _npq() -> Rows:
    """Return NPQ as NULISAseqR writes it: 2 people, 4 wells of controls, 2 targets and mCherry."""
    names = ["Panel", "PanelLotNumber", "PlateID", "SampleName", "SampleType", "Target"]
    names += ["AlamarTargetID", "UniProtID", "ProteinName", "SampleQC", "LOD", "NPQ"]
    rows: Rows = [[*names]]
    for j, (target, key, uniprot, full) in enumerate(_TARGETS):
        for i, (sample, kind, plate) in enumerate(_SAMPLES):
            value: str | float = "" if target == "mCherry" else 10.0 * j + i + 0.125
            lod: str | float = "" if target == "mCherry" else 1.0 + j + (plate == "P2")
            quality = "WARN" if sample == "A2" else "PASS"
            known = ["Panel 1", "L1", plate, sample, kind, target, key, uniprot, full]
            rows.append([*known, quality, lod, value])
    return rows


def _aq() -> Rows:
    names = ["PlateID", "SampleName", "SampleType", "Target", "UniProtID", "SampleQC", "TargetQC"]
    names += [f"{what} ({unit})" for unit in ("pg/mL", "aM") for what in ("Conc", "LOD", "LLOQ")]
    rows: Rows = [["* All reported concentrations are functional concentrations", *[""] * 12]]
    rows += [["* LOD or sample AQ values will be blank beyond the curve.", *[""] * 12], [*names]]
    kinds = {"SC": "AQSC", "IPC": "CAL"}
    for target, _, uniprot, _ in _TARGETS[:2]:
        for i, (sample, kind, plate) in enumerate(_SAMPLES):
            known = [plate, sample, kinds.get(kind, kind), target, uniprot, "PASS"]
            quality = "WARN" if target == "C1q" else "PASS"
            amount = 0.0 if kind == "NC" else 2.0**i
            rows.append([*known, quality, amount, 0.25, 0.5, 1000 * amount, 250.0, 500.0])
    return rows


def _text(rows: Rows, path: Path, *, delimiter: str = ",") -> Path:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def _read(path: Path, **options: object) -> Measurements:
    chosen = IngestOptions(**options)  # type: ignore[arg-type]
    return read_measurements(path, scratch=path.parent, options=chosen)


def _values(made: Measurements) -> list[list[float]]:
    values: list[list[float]] = made.proteins.read(slice(0, len(made.proteins.names))).tolist()
    return values


def test_npq_is_read_with_its_controls_apart(tmp_path: Path) -> None:
    made = _read(_text(_npq(), tmp_path / "npq.csv"))
    assert (made.platform, made.samples["sample_id"].to_list()) == ("nulisa", ["A1", "A2"])
    assert made.proteins.names == ("C1q", "IL6")
    assert _values(made) == [[10.125, 0.125], [11.125, 1.125]]
    of_people = made.controls.filter(pl.col("kind") == "protein")
    assert sorted(set(of_people["sample_id"])) == ["B1", "IPC_1", "NC_1", "SC_1"]
    assert set(of_people["sample_type"]) == {"Bridge", "IPC", "NC", "SC"}
    assert of_people.filter(protein="IL6", sample_id="NC_1")["value"].to_list() == [4.125]
    assert [drop.n for drop in made.drops] == [4, 1]


def test_genes_limits_and_flags_are_kept(tmp_path: Path) -> None:
    made = _read(_text(_npq(), tmp_path / "npq.csv"))
    kept = made.assays.select("gene", "uniprot", "unit", "target_id", "target_full_name")
    assert kept.rows() == [
        ("C1QA;C1QB", "P02745|P02746", "NPQ", "t2", "Complement C1q"),
        ("IL6", "P05231", "NPQ", "t1", "Interleukin-6"),
    ]
    assert made.limits.rows() == [
        *(("C1q", "P1", 2.0), ("C1q", "P2", 3.0), ("IL6", "P1", 1.0), ("IL6", "P2", 2.0)),
    ]
    assert made.flags.rows() == [("A2", None, "Panel 1", "P2", "sample_qc", "WARN")]
    assert made.samples["plate"].to_list() == ["P1", "P2"]


@pytest.mark.parametrize(
    ("value", "unit", "first", "lod"),
    [
        (None, "pg/mL", 1.0, 0.25),
        ("Conc (pg/mL)", "pg/mL", 1.0, 0.25),
        ("Conc (aM)", "aM", 1000.0, 250.0),
    ],
)
def test_absolute_quantities_have_their_unit_and_the_limits_of_it(
    value: str | None, unit: str, first: float, lod: float, tmp_path: Path
) -> None:
    made = _read(_text(_aq()[2:], tmp_path / "aq.csv"), value_column=value)
    assert made.assays["unit"].to_list() == [unit] * 2
    assert made.proteins.read(slice(1))[0, 0] == first
    assert made.limits.select("protein", "lod", "lloq").rows() == [
        ("C1q", lod, 2 * lod),
        ("IL6", lod, 2 * lod),
    ]
    assert set(made.controls["sample_type"]) == {"AQSC", "CAL", "NC", "Bridge"}
    assert ("C1q", "assay_qc", "WARN") in made.flags.select("protein", "flag", "value").rows()
    assert any("linear scale" in note for note in made.notes)


def test_a_logarithm_of_quantities_leaves_empty_wells_empty(tmp_path: Path) -> None:
    made = _read(_text(_aq()[2:], tmp_path / "aq.csv"), log2=True)
    assert _values(made) == [[0.0, 0.0], [1.0, 1.0]]
    assert made.controls.filter(sample_type="NC")["value"].to_list() == [None, None]
    assert made.limits["lod"].to_list() == [-2.0, -2.0]


def _book(tmp_path: Path, write_sheets: WriteSheets) -> Path:
    return write_sheets(
        tmp_path / "report.xlsx",
        {
            "RQ NPQ Values": _npq(),
            "AQ (pg per mL and aM)": _aq(),
            "Target Detectability": [
                *(["Target", "plasma (n = 2)"], ["IL6", "50.5"], ["C1q", "High Abundance"]),
            ],
            "Sample Information": [
                ["PlateID", "WellPosition", "SampleName"],
                *(["P1", "A_01", "A1"], ["P2", "H_12", "A2"]),
            ],
        },
    )


def test_a_workbook_is_the_text_of_its_sheet_with_wells_and_detectability(
    tmp_path: Path, write_sheets: WriteSheets
) -> None:
    made = _read(_book(tmp_path, write_sheets))
    plain = _read(_text(_npq(), tmp_path / "npq.csv"))
    assert _values(made) == _values(plain)
    assert made.limits.equals(plain.limits)
    assert made.controls.equals(plain.controls)
    assert made.plates["well"].to_list() == ["A_01", "H_12"]
    assert made.assays["detectability plasma (n = 2)"].to_list() == [None, 50.5]
    assert any("1 targets in plasma (n = 2) is told in words" in note for note in made.notes)
    assert any("'AQ (pg per mL and aM)' is not read" in note for note in made.notes)


@pytest.mark.parametrize("value", ["Conc (pg/mL)", "Conc (aM)"])
def test_the_sheet_of_the_quantity_named_is_taken(
    value: str, tmp_path: Path, write_sheets: WriteSheets
) -> None:
    made = _read(_book(tmp_path, write_sheets), value_column=value)
    plain = _read(_text(_aq()[2:], tmp_path / "aq.csv"), value_column=value)
    assert _values(made) == _values(plain)
    assert made.limits.equals(plain.limits)


@pytest.mark.parametrize("form", ["tab", "semicolon", "quoted", "parquet", "renamed"])
def test_forms_and_spellings_make_no_difference(form: str, tmp_path: Path) -> None:
    expected = _read(_text(_npq(), tmp_path / "npq.csv"))
    path = tmp_path / "other"
    rows = _npq()
    if form == "renamed":
        rows[0] = ["panel", "Panel_Lot", "Plate_ID", "sample_name", "Sample_Type", "target"]
        rows[0] += ["AlamarTarget_ID", "UniProt", "Protein Name", "Sample QC", "lod", "npq"]
        _text(rows, path)
    elif form == "parquet":
        frame = pl.DataFrame(
            rows[1:], schema=[str(name) for name in rows[0]], orient="row", strict=False
        )
        frame.with_columns(pl.col("LOD", "NPQ").cast(pl.Float64, strict=False)).write_parquet(path)
    elif form == "quoted":
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
        path.write_text(text.getvalue(), encoding="utf-8")
    else:
        _text(rows, path, delimiter="\t" if form == "tab" else ";")
    made = _read(path)
    assert _values(made) == _values(expected)
    assert made.limits.equals(expected.limits)
    assert made.flags.equals(expected.flags)


def test_files_of_several_plates_are_stacked_in_any_order(tmp_path: Path) -> None:
    whole = _read(_text(_npq(), tmp_path / "npq.csv"))
    head, *body = _npq()
    paths = [
        _text([head, *(row for row in body if row[2] == plate)], tmp_path / f"{plate}.csv")
        for plate in ("P1", "P2")
    ]
    for order in (paths, paths[::-1]):
        made = read_measurements(order, scratch=tmp_path)
        assert _values(made) == _values(whole)
        assert made.limits.equals(whole.limits)


def test_a_target_on_two_panels_stays_two_assays(tmp_path: Path) -> None:
    head, *body = _npq()
    other: Rows = [["Panel 2", *row[1:11], -1.0] for row in body if row[5] == "IL6"]
    made = _read(_text([head, *body, *other], tmp_path / "npq.csv"))
    assert made.proteins.names == ("C1q", "Panel 1:IL6", "Panel 2:IL6")
    assert made.assays["gene"].to_list() == ["C1QA;C1QB", "IL6", "IL6"]


def test_a_sample_on_two_plates_is_refused_or_averaged(tmp_path: Path) -> None:
    head, *body = _npq()
    again: Rows = [[*row[:2], "P9", *row[3:]] for row in body if row[3] == "A1"]
    path = _text([head, *body, *again], tmp_path / "npq.csv")
    with pytest.raises(IdentifierError, match="1 samples have an assay measured more than once"):
        _read(path)
    assert _read(path, replicates="mean").n == 2


@pytest.mark.parametrize(
    ("row", "column", "cell", "message"),
    [
        (3, 11, "high", "text where a number is needed"),
        (3, 10, "5,5", "decimal comma"),
        (4, 5, "", "rows have no name here"),
        (2, 3, "", "rows have no name here"),
        (2, 5, "1-Mar", "look rewritten by a spreadsheet"),
    ],
)
def test_a_fault_is_named_by_line_and_column(
    row: int, column: int, cell: str, message: str, tmp_path: Path, write_sheets: WriteSheets
) -> None:
    rows = _npq()
    rows[row][column] = cell
    if cell == "1-Mar":
        rows[row][7] = ""
    for path in (
        _text(rows, tmp_path / "npq.csv", delimiter=";"),
        write_sheets(tmp_path / "npq.xlsx", {"NPQ Values": rows}),
    ):
        with pytest.raises(FormatError, match=message) as caught:
            _read(path)
        assert (caught.value.line, caught.value.column) == (row + 1, str(rows[0][column]))


def test_a_date_in_place_of_a_target_is_restored_from_its_accession(tmp_path: Path) -> None:
    rows = [[("1-Mar" if cell == "IL6" else cell) for cell in row] for row in _npq()]
    rows = [[("Q8TCQ1" if cell == "P05231" else cell) for cell in row] for row in rows]
    made = _read(_text(rows, tmp_path / "npq.csv"))
    assert made.proteins.names == ("C1q", "MARCHF1")
    assert any("restored from their UniProt accessions" in note for note in made.notes)


def test_what_lacks_a_column_says_which(tmp_path: Path) -> None:
    rows = [row[:11] for row in _npq()]
    with pytest.raises(FormatError, match="no column NPQ"):
        _read(_text(rows, tmp_path / "npq.csv"))
    rows = [[*row[:3], *row[4:]] for row in _npq()]
    with pytest.raises(FormatError, match="no column SampleName"):
        _read(_text(rows, tmp_path / "other.csv"))


def test_a_workbook_of_controls_alone_is_refused(tmp_path: Path, write_sheets: WriteSheets) -> None:
    head, *body = _npq()
    rows = [head, *(row for row in body if row[4] != "Sample")]
    with pytest.raises(InputError, match="every sample or every assay is a control"):
        _read(write_sheets(tmp_path / "npq.xlsx", {"NPQ Values": rows}))


def test_olink_and_plain_tables_are_not_taken(tmp_path: Path) -> None:
    olink = tmp_path / "npx.csv"
    olink.write_text("SampleID;OlinkID;Assay;Panel;NPX\nA;O;IL6;P;1\n", encoding="utf-8")
    plain = tmp_path / "plain.csv"
    plain.write_text("SampleName,Target,Value\nA,IL6,1\n", encoding="utf-8")
    assert not Nulisa().matches(open_source(olink))
    assert not Nulisa().matches(open_source(plain))
    assert detect_platform([open_source(olink)]).name == "olink"


def test_the_vendors_workbook_is_read_cell_by_cell(reference: Path) -> None:
    path = reference / "formats" / "found" / "nulisa_rq.xlsx"
    made = _read(path)
    sheet = CalamineWorkbook.from_path(path).get_sheet_by_name("NPQ Values").to_python()
    head, *body = sheet
    at = {str(name): column for column, name in enumerate(head)}
    truth = {
        (str(row[at["SampleName"]]), str(row[at["Target"]])): row[at["NPQ"]]
        for row in body
        if row[at["SampleType"]] == "Sample" and row[at["Target"]] != "mCherry"
    }
    values = made.proteins.read(slice(0, len(made.proteins.names)))
    assert values.shape == (133, 220)
    for i, sample in enumerate(made.samples["sample_id"]):
        for j, target in enumerate(made.proteins.names):
            cell = truth[sample, target]
            assert np.isnan(values[i, j]) if cell == "" else values[i, j] == cell
    assert made.controls.filter(kind="protein")["sample_id"].n_unique() == 20


def test_what_the_laboratory_adds_goes_with_the_samples(tmp_path: Path) -> None:
    head = "Panel,PlateID,SampleName,SampleType,patientID,age,covid_status,Target,AlamarTargetID,"
    head += "UniProtID,ProteinName,SampleQC,LOD,NPQ\n"
    lines = [
        f"P,Plate01,Plate01_B_{i},serum,{i},6{i},control,{target},t1,{uniprot},name,PASS,1.5,{i}.25"
        for i in (8, 9)
        for target, uniprot in (("Activin AB", "P08476|P09529"), ("AGER", "Q15109"))
    ]
    path = tmp_path / "covid.csv"
    path.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    made = _read(path)
    assert made.samples.select("sample_id", "sample_type", "age", "covid_status").rows() == [
        ("Plate01_B_8", "serum", 68, "control"),
        ("Plate01_B_9", "serum", 69, "control"),
    ]
    assert made.assays["gene"].to_list() == ["AGER", "INHBA;INHBB"]
    assert made.drops == ()


def test_accessions_that_the_file_lacks_are_those_of_the_genes(tmp_path: Path) -> None:
    path = tmp_path / "npq.csv"
    path.write_text("SampleName,SampleType,Target,NPQ\nA,Sample,IL6,1\nA,Sample,unheard of,2\n")
    made = _read(path)
    assert made.assays.select("gene", "uniprot").rows() == [
        ("IL6", "P05231"),
        ("unheard of", None),
    ]
    assert "UniProt accessions of 1 assays are those of their genes" in made.notes
