from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.errors import FormatError, IdentifierError, InputError, ProteomrError
from proteomr.io import read_measurements
from proteomr.io.formats import IngestOptions, open_source
from proteomr.io.ukbiobank.participants import read_fields
from proteomr.io.ukbiobank.reader import UkBiobank, find_roles
from proteomr.tables import Measurements
from tests.io.ukbiobank.protein_exports import FORMS, make_proteins

HELPERS = {
    "assay.dat": "Assay\tUniProt\tPanel\nGDF15\tQ99988\tCardiometabolic\n"
    "HLA-DRA\tP01903\tCardiometabolic II\nXYZ\tP0\tOncology\n",
    "batch.dat": "PlateID\tBatch\n890000000001.0\t1\n890000000002.0\t7\n",
    "lod.dat": "PlateID\tInstance\tAssay\tLOD\n890000000001.0\t0\tHLA-DRA\t-1.25\n"
    "890000000001.0\t2\tHLA-DRA\t-2\n890000000001.0\t0\tXYZ\t-3\n",
    "dates.dat": "PlateID\tPanel\tProcessing_StartDate\n"
    "890000000001.0\tCardiometabolic\t2021-05-01\n"
    "890000000001.0\tCardiometabolic_II\t02/05/2022\n890000000002.0\tCardiometabolic\t2001-01-01\n",
    "lots.dat": "Batch\tPanel\tPanel_Lot_Nr\n1\tCardiometabolicII\tB13007\n",
    "warning.dat": "Assay\tPanel\tAssay_Warning\nGDF15\tCardiometabolic\tWARN\n"
    "HLA-DRA\tCardiometabolic II\tPASS\n",
}
PEOPLE = (
    "eid,53-0.0,30900-0.0,30901-0.0,30902-0.0,30903-0.0\n"
    "1000001,2010-05-01,2,890000000001,A01,1\n1000002,2010-06-01,2,890000000002,B02,\n"
    "1000003,2010-07-01,,,,\n"
)
WIDE = "eid,hla_dra,gdf15\n1000003,0.3,3\n1000001,,1.5\n1000002,0.1,-2\n"


def ingest(
    folder: Path, files: dict[str, str], options: IngestOptions | None = None
) -> Measurements:
    paths = []
    for name, text in files.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return ingest_paths(folder, *paths, options=options)


def ingest_paths(folder: Path, *paths: Path, options: IngestOptions | None = None) -> Measurements:
    sources = tuple(open_source(path) for path in paths)
    assert all(UkBiobank().matches(source) for source in sources)
    return UkBiobank().read(sources, options=options or IngestOptions(), scratch=folder)


def block(made: Measurements) -> bytes:
    return made.proteins.read(slice(0, len(made.proteins.names))).tobytes()


@pytest.fixture(scope="module")
def people_by_proteins() -> pl.DataFrame:
    return make_proteins(range(1_000_000, 1_000_012), 1200)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_export_gives_the_same_bit_for_bit(
    tmp_path: Path,
    people_by_proteins: pl.DataFrame,
    form: Callable[[Path, pl.DataFrame], list[Path]],
) -> None:
    made = ingest_paths(tmp_path, *form(tmp_path, people_by_proteins))
    table = people_by_proteins.sort("eid")
    names = sorted(table.columns[1:], key=str.upper)
    expected = table.select(names).fill_null(np.nan).to_numpy()
    assert made.samples["sample_id"].to_list() == table["eid"].cast(pl.String).to_list()
    assert made.proteins.names == tuple(name.upper() for name in names)
    assert made.assays["protein"].to_list() == [name.upper() for name in names]
    assert block(made) == expected.tobytes(order="C")
    assert made.precision == "float64"
    assert made.parameters["instance"] == 0


def test_helper_tables_are_joined_through_their_spellings(tmp_path: Path) -> None:
    made = ingest(tmp_path, {"w.csv": WIDE, "p.csv": PEOPLE, **HELPERS})
    assert made.samples.rows() == [
        ("1000001", "890000000001", "A01", 2, True, "1", None, "B13007"),
        ("1000002", "890000000002", "B02", 2, None, "7", None, None),
        ("1000003", None, None, None, None, None, None, None),
    ]
    assert made.assays.select("protein", "uniprot", "panel", "unit", "kind").rows() == [
        ("GDF15", "Q99988", "Cardiometabolic", "NPX", "protein"),
        ("HLA_DRA", "P01903", "Cardiometabolic II", "NPX", "protein"),
    ]
    assert made.assays["gene"].to_list() == ["GDF15", "HLA-DRA"]
    assert made.limits.rows() == [("HLA_DRA", "890000000001", -1.25)]
    assert made.flags.rows() == [(None, "GDF15", "Cardiometabolic", None, "assay_warning", "WARN")]
    assert made.plates.rows() == [
        ("1000001", None, "890000000001", "A01", "1"),
        ("1000002", None, "890000000002", "B02", "7"),
    ]


def test_the_time_gap_is_processing_minus_blood_in_years(tmp_path: Path) -> None:
    made = ingest(tmp_path, {"w.csv": WIDE, "p.csv": PEOPLE, **HELPERS})
    assert made.time_gap is not None
    assert made.time_gap.columns == ["sample_id", "Cardiometabolic", "Cardiometabolic II"]
    # 2010-05-01 to 2021-05-01 is 4,018 days, to 2022-05-02 4,384; 2010-06-01 to 2001-01-01 -3,438.
    assert made.time_gap.rows() == [
        ("1000001", 4018 / 365.25, 4384 / 365.25),
        ("1000002", -3438 / 365.25, None),
        ("1000003", None, None),
    ]
    assert made.parameters["blood_date_field"] == 53
    notes = " ".join(made.notes)
    assert "1 time gaps are negative" in notes
    assert "3 time gaps are unknown" in notes
    assert "1 people with proteins have no plate" in notes
    assert "1 assays of the assay table are not among the proteins" in notes


@pytest.mark.parametrize("taken", ["2010-05-02", "2010-05-02T09:30:00", "2010-05-02 09:30:00"])
def test_the_time_of_the_blood_sample_goes_before_the_day_of_the_visit(
    tmp_path: Path, taken: str
) -> None:
    people = (
        f"eid,p53_i0,p3166_i0_a0,p30901_i0,p30903_i0\n1000001,2010-05-01,{taken},890000000001,Yes\n"
    )
    made = ingest(tmp_path, {"w.csv": WIDE, "p.csv": people, **HELPERS})
    assert made.time_gap is not None
    assert made.time_gap["Cardiometabolic"][0] == 4017 / 365.25
    assert made.parameters["blood_date_field"] == 3166
    assert made.samples["ppp_consortium"].to_list() == [True, None, None]


def test_the_order_of_files_and_rows_changes_nothing(tmp_path: Path) -> None:
    files = {"w.csv": WIDE, "p.csv": PEOPLE, **HELPERS}
    first = ingest(tmp_path, files)
    turned = {}
    for name, text in reversed(files.items()):
        header, *lines = text.splitlines(keepends=True)
        turned[name] = header + "".join(reversed(lines))
    second = ingest(tmp_path, turned)
    assert block(first) == block(second)
    for name in ("samples", "assays", "flags", "plates", "limits", "time_gap"):
        assert getattr(first, name).equals(getattr(second, name)), name
    assert first.notes == second.notes


def test_one_extract_of_two_entities_is_both_proteins_and_participants(tmp_path: Path) -> None:
    header = "participant.eid,participant.p30901_i0,olink_instance_0.eid,olink_instance_0.gdf15\n"
    made = ingest(tmp_path, {"w.csv": header + "1000001,890000000001,1000001,1.5\n"})
    assert made.samples.rows() == [("1000001", "890000000001")]
    assert made.proteins.read(slice(0, 1)).tolist() == [[1.5]]


def test_the_instance_of_the_plate_is_that_of_the_proteins(tmp_path: Path) -> None:
    people = "eid,p30901_i0,p30901_i2\n1000001,11,22\n"
    wide = "eid,ins_index,gdf15\n1000001,0,1\n1000001,2,2\n"
    made = ingest(tmp_path, {"w.csv": wide, "p.csv": people}, IngestOptions(instance=2))
    assert made.samples["plate"].to_list() == ["22"]


@pytest.mark.parametrize(
    ("head", "roles"),
    [
        ("eid,gdf15,nppb\n", ("wide",)),
        ("eid,gdf15,nppb,SI_2c,age,sex,bmi\n", ()),
        ("eid,gdf15,nppb,il6,adm,CRP\n", ("wide",)),
        ("eid,IL6,C3,FGA,MARCH1,SEPT9,ALB\n", ()),
        ("sample_id,gdf15,nppb\n", ()),
        ("ID,GDF15,NPPB\n", ()),
        ("eid,p31,p2020_i0\n", ("participants",)),
        ("eid,p31,p2020_i0,my_score\n", ("participants",)),
        ("eid,p31,p2020_i0,p54_i0,gdf15\n", ("wide",)),
        ("ID,p31,GDF15,ADM\n", ()),
        ("eid,p30901_i0\n", ("participants",)),
        ("eid\tins_index\tprotein_id\tresult\n", ("long",)),
        ("coding\tmeaning\n0\tAARSD1;Alanyl-tRNA editing protein\n", ("coding",)),
        ("coding\tmeaning\n0\tFemale\n1\tMale\n", ()),
        ("SampleID;OlinkID;UniProt;Assay;Panel;PlateID;LOD;NPX\n", ()),
        ("words\n", ()),
    ],
)
def test_a_role_is_told_by_the_columns(tmp_path: Path, head: str, roles: tuple[str, ...]) -> None:
    file = tmp_path / "file.txt"
    file.write_text(head)
    assert find_roles(open_source(file)) == roles


def refuse(folder: Path, files: dict[str, str]) -> str:
    with pytest.raises(FormatError) as fault:
        ingest_any(folder, files)
    assert "100000" not in str(fault.value)
    return str(fault.value)


def ingest_any(folder: Path, files: dict[str, str]) -> Measurements:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    sources = tuple(open_source(folder / name) for name in files)
    return UkBiobank().read(sources, options=IngestOptions(), scratch=folder)


LONG = "eid\tins_index\tprotein_id\tresult\n1000001\t0\t0\t1\n"
CODING = "coding\tmeaning\n0\tGDF15;Growth\n"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"l.txt": LONG}, "names proteins by codes; give coding143.tsv beside it"),
        ({"l.txt": LONG, "w.csv": WIDE, "c.tsv": CODING}, "give one of the two forms"),
        ({"c.tsv": CODING}, "no protein table beside it"),
        ({"l.txt": LONG, "c.tsv": CODING, "d.tsv": CODING}, "is the same table as"),
        ({"x.csv": "eid,gdf15x,age,bmi\n1000001,1,2,3\n"}, "column 'gdf15x' (did you mean 'gdf15'"),
        ({"x.csv": "eid,ins_indx,protein,res\n1,0,2,3\n"}, "(did you mean 'ins_index'"),
    ],
)
def test_what_is_absent_or_unknown_is_asked_for(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    assert message in refuse(tmp_path, files)


def test_participants_of_another_study_are_refused(tmp_path: Path) -> None:
    people = PEOPLE.replace("\n10", "\n20")
    with pytest.raises(IdentifierError, match="no identifier is shared"):
        ingest(tmp_path, {"w.csv": WIDE, "p.csv": people})


def test_the_matrix_stays_whole_when_people_leave(tmp_path: Path) -> None:
    made = ingest(tmp_path, {"l.txt": LONG + "1000002\t0\t0\t2\n", "c.tsv": CODING})
    left = made.select_samples(made.samples["sample_id"] != "1000001")
    assert left.proteins.read(slice(0, 1)).tolist() == [[2.0]]


def mutate(text: str, place: float, mark: str, length: int) -> str:
    start = int(place * len(text))
    return text[:start] + mark + text[start + length :]


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(["w.csv", "p.csv", "l.txt", "c.tsv", *HELPERS]),
    place=st.floats(0, 1, exclude_max=True),
    mark=st.text(alphabet="\t\n\r,;\"'0.-eE5NAxé\x00/ ", max_size=3),
    length=st.integers(0, 4),
)
def test_a_mutated_file_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, name: str, place: float, mark: str, length: int
) -> None:
    files = {"w.csv": WIDE, "p.csv": PEOPLE, **HELPERS}
    if name in ("l.txt", "c.tsv"):
        lines = "1000002\t0\t0\t-2\n1000001\t0\t0\t1.5\n1000003\t0\t0\t3\n"
        header = LONG.splitlines(keepends=True)[0]
        files = {"l.txt": header + lines, "c.tsv": CODING, "p.csv": PEOPLE, **HELPERS}
    files[name] = mutate(files[name], place, mark, length)
    message = ""
    try:
        made = ingest_any(tmp_path_factory.mktemp("mutated"), files)
    except ProteomrError as fault:
        message = str(fault)
    else:
        assert made.proteins.read(slice(0, 1)).shape == (made.n, 1)
    assert "\n" not in message
    assert "100000" not in message


SPELLINGS = {
    "rap": ("eid", "p31", "p21003_i0", "p20002_i0_a1"),
    "rap with its entity": ("participant.eid", "participant.p31", "participant.p21003_i0"),
    "ukbconv": ("eid", "31-0.0", "21003-0.0", "20002-0.1"),
    "r": ("f.eid", "f.31.0.0", "f.21003.0.0", "f.20002.0.1"),
    "r with underscores": ("f_eid", "f_31_0_0", "f_21003_0_0", "f_20002_0_1"),
    "r's mangling": ("eid", "X31.0.0", "X21003.0.0", "X20002.0.1"),
    "phesant": ("userId", "x31_0_0", "x21003_0_0", "x20002_0_1"),
    "stata": ("n_eid", "n_31_0_0", "n_21003_0_0", "s_41270_0_0"),
    "titles": ("Participant ID", "Sex", "Age at recruitment", "Able to confide | Instance 0"),
    "titles with commas": ("Participant ID", "Loneliness, isolation | Instance 0"),
    "bare titles": ("Participant ID", "Sex", "Age at recruitment"),
    "an identifier of one's own": ("person", "p31", "p21003_i0", "p709_i0"),
    "unknown titles": ("Participant ID", "Standing height | Instance 0", "Weight | Instance 1"),
    "a score beside": ("eid", "p31", "p21003_i0", "my_score"),
}


@pytest.mark.parametrize("names", SPELLINGS.values(), ids=SPELLINGS.keys())
@pytest.mark.parametrize("platform", ["auto", "table"])
@pytest.mark.parametrize("text", ["", "I20"])
def test_participants_never_become_proteins(
    tmp_path: Path, names: tuple[str, ...], platform: str, text: str
) -> None:
    columns = {name: [1 + place, 5] for place, name in enumerate(names)}
    frame = pl.DataFrame(columns)
    if text:
        frame = frame.with_columns(pl.lit(text).alias("diagnosis"))
    files = [tmp_path / "people.csv", tmp_path / "people.parquet"]
    frame.write_csv(files[0])
    frame.write_parquet(files[1])
    for file in files:
        with pytest.raises(InputError, match=r"no protein table beside it|no column of numbers"):
            read_measurements(
                file,
                scratch=tmp_path,
                platform=platform,
                options=IngestOptions(id_column=names[0]),
            )


def test_the_published_table_of_participants_holds_no_proteins(
    tmp_path: Path, reference: Path
) -> None:
    with pytest.raises(FormatError, match="no protein table beside it"):
        read_measurements(reference / "formats" / "found" / "ukbtools.tab", scratch=tmp_path)


def test_fields_among_proteins_of_any_table_describe_the_samples(tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    file.write_text("ID,p31,p21003_i0,GDF15,p53\n1,0,50,1.5,2010\n2,1,60,2.5,2011\n")
    measured = read_measurements(file, scratch=tmp_path)
    assert measured.proteins.names == ("GDF15",)
    assert measured.samples.columns == ["sample_id", "p21003_i0", "p31", "p53"]


def test_names_of_proteins_that_look_like_fields_stay_proteins(tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    file.write_text("ID,p53,p21,X10000.28.3\n1,0.5,1.5,10\n2,1.5,2.5,20\n")
    assert read_measurements(file, scratch=tmp_path).proteins.names == ("X10000.28.3", "p21", "p53")


def test_participants_without_a_field_of_the_laboratory_are_refused_beside_proteins(
    tmp_path: Path,
) -> None:
    (tmp_path / "npx.csv").write_text("eid,gdf15,nppb\n1,0.5,1.5\n2,1.5,2.5\n")
    (tmp_path / "people.csv").write_text("eid,p31,p21003_i0\n1,0,50\n2,1,60\n")
    with pytest.raises(FormatError, match=r"people\.csv: holds none of the fields that are read"):
        read_measurements([tmp_path / "npx.csv", tmp_path / "people.csv"], scratch=tmp_path)


def test_proteins_beside_participants_are_not_called_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "both.csv"
    file.write_text(
        "participant.eid,participant.p53_i0,olink_instance_0.gdf15,olink_instance_0.nppb\n"
        "1,2010-01-01,0.5,1.5\n2,2010-01-02,1.5,2.5\n"
    )
    measured = read_measurements(file, scratch=tmp_path)
    assert measured.proteins.names == ("GDF15", "NPPB")
    assert not any("passed over" in note for note in measured.notes)
    answers = read_fields(file, scratch=tmp_path)
    assert any("2 columns of proteins were passed over" in note for note in answers.notes)
