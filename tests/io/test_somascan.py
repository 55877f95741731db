from __future__ import annotations

import csv
import gzip
import io
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proteomr.errors import FormatError, IdentifierError, InputError, UsageError
from proteomr.io.formats import IngestOptions, Replicates, open_source
from proteomr.io.somascan import SomaScan
from proteomr.tables import Measurements, load_schema

PREAMBLE = [
    ["^HEADER"],
    ["!AssayVersion", "V4"],
    ["!ProcessSteps", "Raw RFU, Hyb Normalization"],
    ["StudyMatrix", "EDTA Plasma"],
    ["^COL_DATA"],
    ["!Name", "SeqId", "Target"],
    ["!Type", "String", "String"],
    ["^ROW_DATA"],
    ["!Name", "PlateId", "SampleId"],
    ["!Type", "String", "String"],
    ["^TABLE_BEGIN"],
]
ANNOTATION = {
    "SeqId": ["10000-28", "2597-8_3", "2705-5", "3042-7"],
    "SomaId": ["SL019233", "SL000002", "SL000003", "SL000004"],
    "Target": ["CRBB2", "VEGFA", "Fc_MOUSE", "Hyb"],
    "TargetFullName": ["Beta-crystallin B2", "VEGF, A", "Fc", "Control"],
    "UniProt": ["P43320", "P29459,  P29460", "Q99LC4", ""],
    "EntrezGeneID": ["1415", "3592 3593", "", ""],
    "EntrezGeneSymbol": ["CRYBB2", "IL12A IL12B", "", ""],
    "Organism": ["Human", "Human", "Mouse", "Human"],
    "Units": ["RFU"] * 4,
    "Type": ["Protein", "Deprecated", "Protein", "Hybridization Control Elution"],
    "Dilution": ["20", "0.005", "20", "0"],
    "ColCheck": ["PASS", "FLAG", "PASS", "PASS"],
}
NAMES = ["PlateId", "PlatePosition", "SampleId", "SampleType", "RowCheck", "Age", "Sex", "Notes"]
ROWS = [
    ["Set A", "H9", "s3", "Sample", "PASS", "61", "F", "", "", "476.5", "310.1", "100.3", "1024"],
    ["Set A", "H8", "s1", "Sample", "FLAG", "55", "M", "", "", "474.4", "", "101.8", "990.5"],
    ["Set A", "H7", "cal", "Calibrator", "PASS", "", "", "", "", "702.1", "237.7", "126.9", "812"],
    ["Set B", "H8", "s2", "Sample", "PASS", "47", "F", "", "", "415.6", "NA", "88.4", "1100.25"],
    ["Set B", "H9", "cal", "QC", "PASS", "", "", "", "", "699.9", "240.5", "125", "820"],
]
VALUES = [
    [474.4, np.nan, 101.8, 990.5],
    [415.6, np.nan, 88.4, 1100.25],
    [476.5, 310.1, 100.3, 1024],
]
KEYS = ("seq.10000.28", "seq.2597.8", "seq.2705.5", "seq.3042.7")
Table = list[list[str]]


def grid(
    rows: Sequence[Sequence[str]] = ROWS, preamble: Table = PREAMBLE, **changes: list[str]
) -> Table:
    """Return an ADAT as cells; changes replace lines of the annotation."""
    annotation = {**ANNOTATION, **changes}
    pad = [""] * len(NAMES)
    described = [[*pad, label, *cells] for label, cells in annotation.items()]
    blank = [""] * (1 + len(ANNOTATION["SeqId"]))
    return [*preamble, *described, [*NAMES, *blank], *(list(row) for row in rows)]


def encode(cells: Table, delimiter: str = "\t", end: str = "\r\n") -> bytes:
    if delimiter == "\t":
        return "".join("\t".join(line) + end for line in cells).encode()
    width = max(len(line) for line in cells)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([*line, *[""] * (width - len(line))] for line in cells)
    return text.getvalue().encode()


def read(
    *contents: bytes | Table,
    folder: Path,
    log2: bool = False,
    id_column: str | None = None,
    replicates: Replicates = "refuse",
) -> Measurements:
    sources = []
    for number, content in enumerate(contents):
        path = folder / f"study{number}.adat"
        path.write_bytes(content if isinstance(content, bytes) else encode(content))
        sources.append(open_source(path))
    assert all(SomaScan().matches(source) for source in sources)
    options = IngestOptions(id_column=id_column, log2=log2, replicates=replicates)
    return SomaScan().read(tuple(sources), options=options, scratch=folder)


def values(made: Measurements) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return made.proteins.read(slice(0, len(made.proteins.names)))


def with_cell(line: int, field: int, text: str) -> Table:
    cells = grid()
    cells[line - 1][field] = text
    return cells


FIRST_ROW = len(PREAMBLE) + len(ANNOTATION) + 2
SEQ_ID = len(PREAMBLE) + 1
FIRST_VALUE = len(NAMES) + 1


@pytest.mark.parametrize(
    "content",
    [
        encode(grid()),
        encode(grid(), end="\n"),
        b"\xef\xbb\xbf" + encode(grid()),
        gzip.compress(encode(grid()), mtime=0),
        encode(grid(), delimiter=","),
        encode(grid(), delimiter=";"),
        encode([[*line, "", ""] for line in grid()]),
        encode(grid(preamble=[["^table_begin"]])),
        encode(grid(preamble=[["^HEADER"], ["AssayVersion", "V4"], ["^TABLE_BEGIN"]])),
        encode(grid()).replace(b"\r\n", b"\r\n\r\n"),
    ],
    ids=["crlf", "lf", "bom", "gz", "csv", "semicolons", "tabs", "bare", "short", "blank"],
)
def test_every_form_of_a_file_gives_the_same_values(tmp_path: Path, content: bytes) -> None:
    made = read(content, folder=tmp_path)
    assert made.proteins.names == KEYS
    assert made.samples["sample_id"].to_list() == ["s1", "s2", "s3"]
    np.testing.assert_array_equal(values(made), VALUES)


def test_analytes_become_assays_with_their_kind(tmp_path: Path) -> None:
    made = read(grid(), folder=tmp_path).assays
    assert load_schema("assays").validate(made).columns[:7] == list(load_schema("assays").names)
    assert made["kind"].to_list() == ["protein", "protein", "non_human", "control"]
    assert made["gene"].to_list() == ["CRYBB2", "IL12A|IL12B", None, None]
    assert made["uniprot"].to_list() == ["P43320", "P29459|P29460", "Q99LC4", None]
    assert made["entrez"].to_list() == ["1415", "3592|3593", None, None]
    assert made["dilution"].to_list() == [20, 0.005, 20, 0]
    assert made["seq_id"].to_list() == ["10000-28", "2597-8", "2705-5", "3042-7"]
    assert made["unit"].unique().to_list() == ["RFU"]


@pytest.mark.parametrize(
    ("kind", "type_", "organism"),
    [
        ("control", "Spuriomer", "Human"),
        ("control", "Non-Biotin", "Human"),
        ("control", "Non-cleavable", "Human"),
        ("control", "Non-Cleavable", "Mouse"),
        ("non_human", "Non-Human", "Hornet"),
        ("non_human", "Protein", "Mouse"),
        ("protein", "Protein", ""),
    ],
)
def test_kind_follows_type_and_organism(
    tmp_path: Path, kind: str, type_: str, organism: str
) -> None:
    made = read(grid(Type=[type_] * 4, Organism=[organism] * 4), folder=tmp_path)
    assert made.assays["kind"].to_list() == [kind] * 4


def test_checks_that_failed_become_flags(tmp_path: Path) -> None:
    flags = load_schema("qc_flags").validate(read(grid(), folder=tmp_path).flags)
    assert flags.select("sample_id", "protein", "plate", "flag", "value").rows() == [
        (None, "seq.2597.8", None, "col_check", "FLAG"),
        (None, "seq.2597.8", None, "type", "Deprecated"),
        ("s1", None, "Set A", "row_check", "FLAG"),
    ]


def test_samples_keep_their_annotation_and_plates(tmp_path: Path) -> None:
    made = read(grid(), folder=tmp_path)
    assert made.samples["Age"].to_list() == [55, 47, 61]
    assert made.samples["Sex"].to_list() == ["M", "F", "F"]
    assert "Notes" not in made.samples.columns
    plates = load_schema("plates").validate(made.plates)
    assert plates["plate"].to_list() == ["Set A", "Set B", "Set A"]
    assert plates["well"].to_list() == ["H8", "H8", "H9"]
    assert made.parameters["study_matrix"] == "EDTA Plasma"
    assert made.parameters["process_steps"] == "Raw RFU, Hyb Normalization"


def test_controls_are_kept_apart_with_every_value(tmp_path: Path) -> None:
    controls = load_schema("controls").validate(read(grid(), folder=tmp_path).controls)
    assert controls.height == 8
    first = controls.filter(pl.col("sample_type") == "Calibrator")
    assert first["value"].to_list() == [702.1, 237.7, 126.9, 812]
    assert first["kind"].to_list() == ["protein", "protein", "non_human", "control"]


def test_log2_is_taken_and_recorded(tmp_path: Path) -> None:
    made = read(grid(), folder=tmp_path, log2=True)
    np.testing.assert_array_equal(values(made), np.log2(VALUES))
    assert made.assays["unit"].unique().to_list() == ["log2 RFU"]
    assert made.parameters["log2"] is True
    assert not any("--log2" in note for note in made.notes)
    assert any("--log2" in note for note in read(grid(), folder=tmp_path).notes)
    assert made.controls["value"][0] == np.log2(702.1)


def test_logarithms_are_not_taken_twice(tmp_path: Path) -> None:
    rows = [
        [*row[:9], *(str(np.log2(float(v))) for v in ("476.5", "310", "99", "1e3"))] for row in ROWS
    ]
    with pytest.raises(UsageError, match="logarithms already"):
        read(grid(rows), folder=tmp_path, log2=True)
    assert any("logarithms" in note for note in read(grid(rows), folder=tmp_path).notes)
    with pytest.raises(UsageError, match="logarithms already"):
        read(grid(Units=["log2 RFU"] * 4), folder=tmp_path, log2=True)
    with pytest.raises(InputError, match="1 of 2 files hold logarithms"):
        read(grid(), grid([[*row[:2], f"x{row[2]}", *row[3:]] for row in rows]), folder=tmp_path)


def test_a_value_without_logarithm_is_named_by_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="zero or negative") as caught:
        read(with_cell(FIRST_ROW + 1, FIRST_VALUE + 2, "0"), folder=tmp_path, log2=True)
    assert (caught.value.line, caught.value.column) == (FIRST_ROW + 1, "2705-5")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Jan-75", "is a date"),
        ("10-Aug", "is a date"),
        ("1900-10-28", "is a date"),
        ("2705-05", "is a date"),
        ("1E+05", "is a number"),
        ("10000.28", "is a number"),
        ("36526", "is a number"),
        ("CRBB2", "is no SeqId"),
        ("2597-8", "stands twice"),
        ("", "has no SeqId"),
    ],
)
def test_seq_ids_that_a_spreadsheet_changed_are_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read(with_cell(SEQ_ID, FIRST_VALUE, text), folder=tmp_path)
    assert (caught.value.line, caught.value.column) == (SEQ_ID, "SeqId")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,234.5", "separators between the thousands"),
        ("1.234,5", "separators between the thousands"),
        ("1 234.5", "separators between the thousands"),
        ("476,5", "decimal comma"),
        ("Apr-76", "a date where a number"),
        ("high", "text where a number"),
        ("1_000", "text where a number"),
        ("٤٧٦", "text where a number"),
        ("inf", "infinite"),
        ("1e999", "infinite"),
    ],
)
def test_a_cell_that_is_no_number_is_named_by_line_and_column(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read(with_cell(FIRST_ROW + 2, FIRST_VALUE + 1, text), folder=tmp_path)
    assert (caught.value.line, caught.value.column) == (FIRST_ROW + 2, "2597-8")


@pytest.mark.parametrize(
    ("field", "message"),
    [(0, "below the label SeqId is not empty"), (FIRST_VALUE, "the last value is empty")],
)
def test_a_single_row_that_lost_a_field_before_an_empty_one_is_refused(
    tmp_path: Path, field: int, message: str
) -> None:
    cells = grid([[*ROWS[0], ""]])
    assert read(cells, folder=tmp_path).n == 1
    del cells[-1][field]
    with pytest.raises(FormatError, match=message) as caught:
        read(cells, folder=tmp_path)
    assert caught.value.line == FIRST_ROW


def test_sample_names_in_scientific_notation_are_refused_without_being_shown(
    tmp_path: Path,
) -> None:
    with pytest.raises(FormatError, match="scientific notation") as caught:
        read(with_cell(FIRST_ROW, 2, "2.58E+11"), folder=tmp_path)
    assert (caught.value.line, caught.value.column) == (FIRST_ROW, "SampleId")
    assert "2.58" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (encode(grid())[:-2], "cut off"),
        (encode(grid())[:-9], "cut off"),
        (encode(grid())[:-40], "cut off"),
        (encode(grid(rows=[])), "no samples below them"),
        (encode(PREAMBLE), "nothing stands below"),
        (encode(PREAMBLE[:-1]), r"no line \^TABLE_BEGIN"),
        (encode(grid()[len(PREAMBLE) :]), r"lines \^HEADER and \^TABLE_BEGIN are missing"),
        (gzip.compress(encode(grid()), mtime=0)[:-9], "gzip stream"),
        (encode(grid()).replace(b"Set B", b"Set \xe9"), "not UTF-8"),
    ],
)
def test_a_file_that_is_cut_off_or_lacks_a_section_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        read(content, folder=tmp_path)


@pytest.mark.parametrize(("replicates", "age"), [("first", 61), ("mean", 61)])
def test_replicates_are_refused_or_resolved_by_content(
    tmp_path: Path, replicates: Replicates, age: int
) -> None:
    rows = [row if row[2] != "s2" else [*row[:2], "s3", *row[3:]] for row in ROWS]
    with pytest.raises(IdentifierError, match="1 of 3 samples") as caught:
        read(grid(rows), folder=tmp_path)
    assert "s3" not in str(caught.value)
    made = [
        read(grid(order), folder=tmp_path, replicates=replicates) for order in (rows, rows[::-1])
    ]
    np.testing.assert_array_equal(values(made[0]), values(made[1]))
    assert made[0].samples.equals(made[1].samples)
    mean = [(476.5 + 415.6) / 2, 310.1, (100.3 + 88.4) / 2, (1024 + 1100.25) / 2]
    expected = [476.5, 310.1, 100.3, 1024] if replicates == "first" else mean
    np.testing.assert_array_equal(values(made[0])[1], expected)
    assert made[0].drops[0].n == 1
    assert made[0].samples["Age"].to_list() == [55, age]


def test_several_files_are_stacked_and_their_assays_united(tmp_path: Path) -> None:
    one = grid([row for row in ROWS if row[0] == "Set A"])
    other = grid(
        [row for row in ROWS if row[0] == "Set B"],
        preamble=[["^HEADER"], ["!AssayVersion", "V4.1"], ["^TABLE_BEGIN"]],
        SeqId=["10000-28", "9999-1", "2705-5", "3042-7"],
    )
    made = [read(*files, folder=tmp_path) for files in ((one, other), (other, one))]
    assert made[0].proteins.names == (*KEYS, "seq.9999.1")
    expected = np.column_stack([VALUES, [np.nan] * 3])
    expected[1] = [415.6, np.nan, 88.4, 1100.25, np.nan]
    np.testing.assert_array_equal(values(made[0]), expected)
    np.testing.assert_array_equal(values(made[0]), values(made[1]))
    for table in ("samples", "assays", "flags", "plates", "controls"):
        assert getattr(made[0], table).equals(getattr(made[1], table)), table
    assert any("V4; V4.1" in note for note in made[0].notes)
    assert any("2 of 5 SeqIds" in note for note in made[0].notes)
    assert made[0].parameters["assay_version"] == ["V4", "V4.1"]


def test_another_column_can_name_the_samples(tmp_path: Path) -> None:
    made = read(grid(ROWS[:2]), folder=tmp_path, id_column="PlatePosition")
    assert made.samples["sample_id"].to_list() == ["H8", "H9"]
    assert made.samples["SampleId"].to_list() == ["s1", "s3"]
    with pytest.raises(IdentifierError, match="did you mean 'SampleId'"):
        read(grid(), folder=tmp_path, id_column="SampelId")


def test_no_sample_among_the_rows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="SampleType holds Calibrator, QC"):
        read(grid([ROWS[2], ROWS[4]]), folder=tmp_path)


def test_other_text_is_no_adat(tmp_path: Path) -> None:
    path = tmp_path / "rfu.csv"
    for text in ("SampleId,seq.10000.28\n1,5\n", "SeqId,Target\n1-2,x\n"):
        path.write_text(text)
        assert not SomaScan().matches(open_source(path))


def _delete(cells: Table, at: int, _: str) -> None:
    del cells[at]


def _repeat(cells: Table, at: int, _: str) -> None:
    cells.insert(at, list(cells[at]))


def _swap(cells: Table, at: int, _: str) -> None:
    cells[at], cells[-1 - at] = cells[-1 - at], cells[at]


def _delete_column(cells: Table, at: int, _: str) -> None:
    for line in cells[len(PREAMBLE) :]:
        del line[at % 13 : at % 13 + 1]


def _swap_columns(cells: Table, at: int, _: str) -> None:
    for line in cells[len(PREAMBLE) :]:
        if len(line) > 12:
            line[at % 13], line[12 - at % 7] = line[12 - at % 7], line[at % 13]


def _delete_cell(cells: Table, at: int, _: str) -> None:
    line = cells[at]
    del line[(at * 7) % len(line)]


def _replace(cells: Table, at: int, text: str) -> None:
    line = cells[at]
    line[(at * 5) % len(line)] = text


MUTATIONS: list[Callable[[Table, int, str], None]] = [
    *(_delete, _repeat, _swap, _delete_column, _swap_columns, _delete_cell, _replace)
]


def _known(made: Measurements) -> dict[tuple[str, str], float]:
    rows, columns = made.samples["sample_id"], made.proteins.names
    pairs = itertools.product(rows, columns)
    return dict(zip(pairs, values(made).ravel().tolist(), strict=True))


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    mutation=st.sampled_from(MUTATIONS),
    at=st.integers(0, FIRST_ROW + len(ROWS) - 2),
    text=st.sampled_from(
        ["", "NA", "s1", "1E+05", "5,5", "Jan-75", "\t", '"', "SeqId", "x\ny", "Age"]
    ),
    trailing=st.integers(0, 2),
    cut=st.integers(0, 400),
    delimiter=st.sampled_from(["\t", "\t", ","]),
)
def test_a_damaged_file_gives_the_same_values_or_an_error(
    tmp_path: Path,
    mutation: Callable[[Table, int, str], None],
    at: int,
    text: str,
    trailing: int,
    cut: int,
    delimiter: str,
) -> None:
    cells = [[*line, *[""] * trailing] for line in grid()]
    mutation(cells, at, text)
    content = encode(cells, delimiter)
    if cut < 200:
        content = content[: len(content) - cut]
    path = tmp_path / "damaged.adat"
    path.write_bytes(content)
    original = dict(zip(itertools.product(["s1", "s2", "s3"], KEYS), np.ravel(VALUES), strict=True))
    try:
        source = open_source(path)
        made = SomaScan().read((source,), options=IngestOptions(), scratch=tmp_path)
    except InputError:
        return
    touched = mutation is _replace
    differing = [
        key
        for key, value in _known(made).items()
        if key in original and not np.array_equal(value, original[key], equal_nan=True)
    ]
    assert len(differing) <= (1 if touched and text in {"", "NA", "1E+05"} else 0)


def test_the_example_of_somadataio_is_read_exactly(tmp_path: Path, reference: Path) -> None:
    path = reference / "formats" / "example_data10.adat"
    made = SomaScan().read((open_source(path),), options=IngestOptions(), scratch=tmp_path)
    data = reference / "association" / "data"
    rfu = pl.read_csv(data / "soma_rfu.csv", schema_overrides={"RowName": pl.String})
    meta = pl.read_csv(data / "soma_meta.csv", infer_schema=False)
    analytes = pl.read_csv(data / "soma_analytes.csv", infer_schema=False).sort("AptName")
    assert (made.n, len(made.proteins.names)) == (9, 5284)
    named = meta.filter(pl.col("SampleType") == "Sample").select("RowName", "SampleId", "Age")
    of_sample = made.samples.join(named, left_on="sample_id", right_on="SampleId", how="left")
    wanted = of_sample.select("RowName").join(rfu, on="RowName", how="left", maintain_order="left")
    expected = wanted.select(made.proteins.names).to_numpy()
    np.testing.assert_array_equal(values(made), expected)
    assert of_sample["Age"].cast(pl.String).to_list() == of_sample["Age_right"].to_list()
    assert made.assays["protein"].to_list() == analytes["AptName"].to_list()
    assert made.assays["uniprot"][0] == analytes["UniProt"][0]
    kinds = made.assays["kind"]
    assert (kinds == "control").sum() == 46
    assert (kinds == "non_human").sum() == 252
    assert made.flags.filter(pl.col("flag") == "col_check").height == 239
    assert made.controls.height == 5284
    assert not any("dates" in note for note in made.notes)


def test_files_of_one_study_agree_where_they_share_a_sample(
    tmp_path: Path, reference: Path
) -> None:
    names = ("example_data10.adat", "single_sample.adat")
    sources = tuple(open_source(reference / "formats" / name) for name in names)
    options = IngestOptions(replicates="first")
    both = SomaScan().read(sources, options=options, scratch=tmp_path)
    alone = SomaScan().read(sources[:1], options=options, scratch=tmp_path)
    np.testing.assert_array_equal(values(both), values(alone))
    assert both.drops[0].n == 1
