from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.errors import IdentifierError, InputError, UsageError
from proteomr.io import read_measurements
from proteomr.io.formats import IngestOptions, Replicates, open_source
from proteomr.io.ingest import detect_platform
from proteomr.io.somascan import SomaScan
from proteomr.tables import load_schema
from tests.io.somascan.adats import KEYS, ROWS, VALUES, encode, grid, read, values


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
        encode([["!Checksum", "3f786850e387550fdab836ed7e6dc881de23001b"], *grid()]),
        b"\xef\xbb\xbf" + encode([["!Checksum", "3f78"], ["!Other", "x"], *grid()]),
        encode([["!Checksum", "3f78"], *grid()], delimiter=","),
    ],
    ids=[
        *("crlf", "lf", "bom", "gz", "csv", "semicolons", "tabs", "bare", "short", "blank"),
        *("checksum", "checksum bom", "checksum csv"),
    ],
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
        ("control", "Spurimer", "Human"),
        ("control", "spuriomers", "Human"),
        ("control", "Hybridisation Control Elution", "Human"),
        ("control", "Hybridization-Control", "Human"),
        ("control", "NonBiotin", "Human"),
        ("control", "Non Cleavable", "Human"),
        ("control", "Non-Biotinylated", "Human"),
        ("control", "Control", "Human"),
        ("non_human", "Nonhuman", "Human"),
        ("protein", "Deprecated", "Human"),
        ("protein", "Proteins", "Human"),
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
        (None, "seq.2597.8", None, "deprecated", "Deprecated"),
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


def test_symbols_that_are_dates_are_restored_from_their_accessions(tmp_path: Path) -> None:
    made = read(
        grid(
            EntrezGeneSymbol=["1-Mar", "44256 IL12B", "2-Sep", "IL6"],
            UniProt=["Q8TCQ1", "P29459 P29460", "", "P05231"],
        ),
        folder=tmp_path,
    )
    assert made.assays["gene"].to_list() == ["MARCHF1", "IL12A|IL12B", None, "IL6"]
    assert any(note.startswith("2 names of genes that a spreadsheet") for note in made.notes)
    assert any(note.startswith("1 names of genes are dates") for note in made.notes)


def test_an_adat_as_somalogic_delivers_it_is_known(reference: Path, tmp_path: Path) -> None:
    plain = reference / "formats" / "example_data10.adat"
    delivered = tmp_path / "delivered.adat"
    delivered.write_bytes(b"!Checksum\tabc123\n" + plain.read_bytes())
    made, expected = (
        SomaScan().read((open_source(path),), options=IngestOptions(), scratch=tmp_path)
        for path in (delivered, plain)
    )
    assert detect_platform([open_source(delivered)]).name == "somascan"
    np.testing.assert_array_equal(values(made), values(expected))
    assert made.parameters == expected.parameters


def test_a_delivery_of_controls_alone_says_so(reference: Path, tmp_path: Path) -> None:
    path = reference / "formats" / "found" / "canopy_control.adat"
    with pytest.raises(InputError, match="SampleType holds Buffer, Calibrator, QC; 'Sample' is"):
        read_measurements(path, scratch=tmp_path)
