"""Tests of the answers of participants: every kind of cell, several files, and every fault."""

from __future__ import annotations

import datetime as dt
import gzip
import random
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.errors import FormatError, IdentifierError, InputError, NothingToDo
from proteomr.io.ukbiobank import read_fields, survey_fields
from proteomr.tables import Drop
from tests.io.ukbiobank.exports import People, make_people, write_export


def write(folder: Path, *lines: str, name: str = "answers.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read_column(folder: Path, column: str, *cells: str) -> pl.Series:
    rows = [f'{1000000 + i};"{cell}"' for i, cell in enumerate(cells)]
    path = write(folder, f"eid;{column}", *rows)
    return read_fields(path, scratch=folder).frame.to_series(1)


# cells


def test_whole_numbers_may_be_floats_quoted_or_labels(tmp_path: Path) -> None:
    held = read_column(tmp_path, "p709_i0", "2", " 3.0 ", "Do not know", "NA", "", "-3")
    assert held.to_list() == [2, 3, -1, None, None, -3]


def test_labels_are_matched_without_letter_case_and_spaces(tmp_path: Path) -> None:
    held = read_column(
        tmp_path, "p1031_i0", "2-4 times a week", "ALMOST  DAILY", "about once a week"
    )
    assert held.to_list() == [2, 1, 3]


def test_minus_seven_is_an_answer_and_stays(tmp_path: Path) -> None:
    held = read_column(tmp_path, "p6160_i0", "-7", "None of the above", "1|5", "-3", "")
    assert held.to_list() == [[-7], [-7], [1, 5], [-3], []]


def test_lists_are_read_in_every_notation(tmp_path: Path) -> None:
    written = ("[1, 2]", "['1', '2']", "1|2", "Sports club or gym|Pub or social club", "[1,null,2]")
    assert read_column(tmp_path, "p6160_i0", *written).to_list() == [[1, 2]] * len(written)


def test_the_order_of_array_columns_is_that_of_their_numbers(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "eid,20002-0.10,20002-0.2,20002-0.0",
        "1000001,1075,1286,1065",
        "1000002,,,1220",
        "1000003,,1223,",
    )
    fields = read_fields(path, scratch=tmp_path)
    assert fields.get(20002).to_list() == [[1065, 1286, 1075], [1220], [1223]]


def test_an_answer_given_twice_is_kept_and_noted(tmp_path: Path) -> None:
    path = write(tmp_path, "eid,p6160_i0", "1000001,1|1", "1000002,1|2")
    fields = read_fields(path, scratch=tmp_path)
    assert fields.get(6160).to_list() == [[1, 1], [1, 2]]
    assert fields.notes == ("field 6160: 1 participants have an answer more than once",)


def test_unknown_codes_of_an_open_list_are_kept(tmp_path: Path) -> None:
    assert read_column(tmp_path, "p54_i0", "11028", "Barts").to_list() == [11028, 11012]


@pytest.mark.parametrize(
    "written",
    [
        *("2007-04-11", "2007-04-11T10:22:05", "2007-04-11 10:22:05.000Z", "11/04/2007"),
        *("11.4.2007", "11/04/2007 10:22", "11apr2007", "11apr2007 10:22:05", "11-Apr-2007"),
    ],
)
def test_dates_are_read_in_every_form(tmp_path: Path, written: str) -> None:
    assert read_column(tmp_path, "p53_i0", written, "").to_list() == [dt.date(2007, 4, 11), None]


def test_special_dates_stay_also_when_written_as_labels(tmp_path: Path) -> None:
    held = read_column(tmp_path, "p131296", "1900-01-01", "Code has no event date", "2015-02-28")
    special = dt.date(1900, 1, 1)
    assert held.to_list() == [special, special, dt.date(2015, 2, 28)]


def test_codes_of_icd10_are_read_from_their_labels(tmp_path: Path) -> None:
    held = read_column(tmp_path, "p41270", "I251|E119", "I25.1 Atherosclerotic heart disease", "")
    assert held.to_list() == [["I251", "E119"], ["I251"], []]


def test_fields_outside_the_dictionary_have_the_types_that_they_show(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "eid,p4080_i0_a0,p4080_i0_a1,p50_i0,p20074_i0,p200",
        "1000001,120,118,171.5,380000,2010-05-06",
        "1000002,,130,,,",
    )
    fields = read_fields(path, scratch=tmp_path)
    assert fields.get(4080).to_list() == [[120, 118], [130]]
    assert fields.get(50).to_list() == [171.5, None]
    assert fields.get(200).to_list() == [dt.date(2010, 5, 6), None]
    assert "4 fields are not in the dictionary" in fields.notes[-1]


def test_columns_of_no_field_keep_their_name_and_type(tmp_path: Path) -> None:
    path = write(tmp_path, "eid,p31,plate,score", "1000002,1,P1,0.5", "1000001,0,P2,1")
    fields = read_fields(path, scratch=tmp_path, wanted=[31])
    assert fields.frame.rows() == [("1000001", 0, "P2", 1.0), ("1000002", 1, "P1", 0.5)]


# participants


def test_negative_identifiers_are_left_out_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path, "eid,p31", "-1,", "1000001,1", "-1,", "-2,")
    fields = read_fields(path, scratch=tmp_path)
    assert fields.frame["eid"].to_list() == ["1000001"]
    assert fields.drops == (Drop("load", "negative identifiers", 3),)


def test_withdrawn_people_leave_and_only_their_count_stays(tmp_path: Path) -> None:
    path = write(tmp_path, "eid,p31", "1000001,1", "1000002,0")
    gone = write(tmp_path, "1000002", "1000009", name="gone.csv")
    fields = read_fields(path, scratch=tmp_path, withdrawn=gone)
    assert fields.frame["eid"].to_list() == ["1000001"]
    assert fields.drops[-1] == Drop("load", "withdrawn", 1)


def test_nobody_left_is_nothing_to_do(tmp_path: Path) -> None:
    path = write(tmp_path, "eid,p31", "1000001,1")
    with pytest.raises(NothingToDo):
        read_fields(path, scratch=tmp_path, withdrawn=write(tmp_path, "1000001", name="gone.csv"))


def test_people_of_any_file_are_kept_and_those_it_lacks_counted(tmp_path: Path) -> None:
    one = write(tmp_path, "eid,p31", "1000001,1", "1000002,0", "1000003,0", name="one.csv")
    two = write(
        tmp_path, "eid\tf.6160.0.0", "1000002.0\t1", "1000003\t-7", "1000004\t", name="two.tsv"
    )
    fields = read_fields([one, two], scratch=tmp_path)
    assert fields.get(31).to_list() == [1, 0, 0, None]
    assert fields.get(6160).to_list() == [[], [1], [-7], []]
    assert fields.notes[0].startswith("one.csv: lacks 1 of 4 participants")


def test_a_glob_names_several_files(tmp_path: Path) -> None:
    write(tmp_path, "eid,p31", "1000001,1", name="part1.csv")
    write(tmp_path, "eid,p34", "1000001,1950", name="part2.csv")
    fields = read_fields(tmp_path / "part*.csv", scratch=tmp_path)
    assert fields.frame.rows() == [("1000001", 1, 1950)]


def test_r_writes_a_million_as_a_power_and_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, "eid,p31", "1e+06,1", "1000001,0")
    assert read_fields(path, scratch=tmp_path).frame["eid"].to_list() == ["1000000", "1000001"]


def test_identifiers_stored_as_doubles_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"eid": [1000001.0, -1.0], "p31": [0.0, None]}).write_parquet(path)
    assert read_fields(path, scratch=tmp_path).frame.rows() == [("1000001", 0)]


def test_fields_wanted_and_absent_are_noted_with_the_nearest_column(tmp_path: Path) -> None:
    path = write(tmp_path, "Participant ID,Sex,Able to confid | Instance 0", "1000001,Male,1")
    fields = read_fields(path, scratch=tmp_path, wanted=[31, 2110])
    assert fields.notes[0] == (
        "fields wanted and not in the files: 2110 (Able to confide) "
        "(did you mean 'Able to confid'?)"
    )


# faults

CELLS = [
    ("p2020_i0", "7", "7 is no code of field 2020 (codes -3, -1, 0, 1)"),
    ("p2020_i0", "Yess", "'Yess' is no answer to field 2020 (did you mean 'Yes'?)"),
    ("p2020_i0", "Somebody", "field 2020: text where a code or its label is needed"),
    ("p2020_i0", "1234567", "field 2020: a number where a code or its label is needed"),
    ("p2020_i0", "1.5", "field 2020: a number where a code or its label is needed"),
    ("p2020_i0", "#VALUE!", "a cell that a spreadsheet has damaged"),
    ("p6160_i0", "1|9", "9 is no code of field 6160"),
    ("p6160_i0", "[1, 2", "a list of answers that is not closed"),
    ("p20002_i0", "oxyuriasis", "a label that is not in the dictionary"),
    ("p709_i0", "-7", "-7 is no code of field 709 (special codes -3, -1)"),
    ("p709_i0", "two", "field 709: text where a whole number is needed"),
    ("p30901_i0", "8.9E+11", "a number in exponent notation, whose digits are lost"),
    ("p21001_i0", "27,4", "decimal comma"),
    ("p21001_i0", "inf", "an infinite number"),
    ("p53_i0", "04/13/2007", "no such day in DD/MM/YYYY; is the month first?"),
    ("p53_i0", "11/04/07", "a year of two digits"),
    ("p53_i0", "Apr-07", "a year of two digits"),
    ("p53_i0", "39183", "a spreadsheet's count of days?"),
    ("p53_i0", "########", "a cell that a spreadsheet has damaged"),
    ("p53_i0", "2007-02-30", "no such day in YYYY-MM-DD"),
    ("p53_i0", "0207-02-03", "a year before 1850"),
    ("p41270", "heart attack", "a code of ICD-10 is needed"),
]


@pytest.mark.parametrize(("column", "cell", "message"), CELLS)
def test_a_cell_that_is_no_answer_is_refused_with_its_place(
    tmp_path: Path, column: str, cell: str, message: str
) -> None:
    with pytest.raises(FormatError) as fault:
        read_column(tmp_path, column, "", "", cell, "")
    assert message in str(fault.value)
    assert fault.value.line == 4
    assert fault.value.column == column


def test_dates_in_two_forms_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"line 3.*dates in two forms"):
        read_column(tmp_path, "p53_i0", "2007-04-11", "11/04/2007")


def test_a_cell_of_a_parquet_file_is_refused_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame(
        {"eid": [1000001, 1000002, 1000003], "p6160_i0": [[1], None, [2, 9]]}
    ).write_parquet(path)
    with pytest.raises(FormatError, match=r"column 'p6160_i0': 9 is no code .*\(row 3\)"):
        read_fields(path, scratch=tmp_path)


def test_an_identifier_never_stands_in_a_message(tmp_path: Path) -> None:
    path = write(tmp_path, "eid,p2020_i0", "1000001,1", "1000001,1000001")
    with pytest.raises(InputError) as fault:
        read_fields(path, scratch=tmp_path)
    assert "1000001" not in str(fault.value).replace(str(path), "")


FILES: list[tuple[str, bytes, str]] = [
    ("ragged", b"eid,p31\n1000001,1\n1000002,0,1\n", "line 3: 3 fields where the header has 2"),
    ("repeated column", b"eid,p31,p31\n1000001,1,1\n", "column 'p31': the name stands twice"),
    ("renamed column", b"eid,p31,p2020_10\n1000001,1,1\n", "looks like a field of UK Biobank"),
    ("Latin-1", b"eid,p6160_i0\n1000001,Caf\xe9\n", "line 2: is not UTF-8 text"),
    ("UTF-16", "eid,p31\n1000001,1\n".encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
    ("repeated eid", b"eid,p31\n1000001,1\n1000001,0\n", "1 duplicated identifiers"),
    ("lost digits", b"eid,p31\n1.0E+06,1\n", "1 identifiers in exponent notation"),
    ("missing eid", b"eid,p31\n1000001,1\n,0\n", "1 of 2 rows have no identifier"),
    ("no eid", b"person,p31\n1000001,1\n", "no identifier column"),
    ("empty", b"", "the file is empty"),
    ("no rows", b"eid,p31\n", "a header and no rows"),
    ("no rows but withdrawn", b"eid,p31\n-1,\n", "only negative identifiers"),
    ("open quote", b'eid,p31\n1000001,"1\n1000002,0\n', "a quote opens"),
    (
        "truncated gzip",
        gzip.compress(b"eid,p31\n1000001,1\n" * 99, mtime=0)[:-12],
        "gzip stream is cut off",
    ),
    ("truncated parquet", b"PAR1\x15\x04\x15\x00rubbish", "parquet file is cut off"),
]


@pytest.mark.parametrize(
    ("content", "message"), [case[1:] for case in FILES], ids=[c[0] for c in FILES]
)
def test_a_broken_file_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "answers.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as fault:
        read_fields(path, scratch=tmp_path)
    assert str(path) in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_field_in_two_files_is_refused_by_both_names(tmp_path: Path) -> None:
    one = write(tmp_path, "eid,p31", "1000001,1", name="one.csv")
    two = write(tmp_path, "eid,31-0.0", "1000001,1", name="two.csv")
    with pytest.raises(
        FormatError, match=r"two\.csv, column '31-0\.0'.*one\.csv as well, as 'p31'"
    ):
        read_fields([one, two], scratch=tmp_path)


def test_files_of_different_people_are_refused(tmp_path: Path) -> None:
    one = write(tmp_path, "eid,p31", "1000001,1", name="one.csv")
    two = write(tmp_path, "eid,p34", "2000001,1950", name="two.csv")
    with pytest.raises(IdentifierError, match="no identifier is shared"):
        read_fields([one, two], scratch=tmp_path)


def test_none_of_the_fields_wanted_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, "eid,p31", "1000001,1")
    with pytest.raises(InputError, match=r"none of the fields wanted: 2020 \(Loneliness"):
        read_fields(path, scratch=tmp_path, wanted=[2020])


def test_principal_components_without_the_first_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "eid,p22009_a2,p22009_a3", "1000001,0.5,0.25")
    with pytest.raises(FormatError, match="field 22009 has the numbers 2, 3; export all from 1"):
        read_fields(path, scratch=tmp_path)


def test_several_columns_for_one_answer_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "eid,2020-0.0,2020-0.1", "1000001,0,1")
    with pytest.raises(FormatError, match="field 2020 has one answer, and columns for 2"):
        read_fields(path, scratch=tmp_path)


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no export of participants is named"):
        read_fields([], scratch=tmp_path)


# mutations

CELL_MUTATIONS = {
    "words": "oops",
    "a quote": '"',
    "a NUL byte": "\x00",
    "a huge number": "9" * 30,
    "a day that is none": "2007-02-30",
    "a number in a spreadsheet's form": "1.2E+06",
}
MUTATIONS = sorted(
    {
        *CELL_MUTATIONS,
        *("rows in another order", "a row twice", "the header twice", "blank lines", "spaces"),
        *("cut off", "a cell too many", "a cell too few"),
    }
)


def _mutate(rows: list[str], mutation: str, rng: random.Random) -> list[str]:
    """Return the lines of a file after one kind of damage, which spares the identifiers."""
    eid = rows[0].split(",").index("eid")
    at, column = rng.randrange(1, len(rows)), rng.randrange(rows[0].count(",") + 1)
    cells = rows[at].split(",")
    if mutation in CELL_MUTATIONS and column != eid:
        cells[column] = CELL_MUTATIONS[mutation]
    changed = {
        "rows in another order": [rows[0], *rng.sample(rows[1:], len(rows) - 1)],
        "a row twice": [*rows, rng.choice([row for row in rows[1:] if ",-" not in f",{row}"])],
        "the header twice": [rows[0], *rows],
        "blank lines": [line for row in rows for line in (row, "")],
        "spaces": [row.replace(",", " ,") for row in rows],
        "cut off": [*rows[:-1], rows[-1].rsplit(",", 2)[0]],
        "a cell too many": [*rows[:at], f"{rows[at]},1", *rows[at + 1 :]],
        "a cell too few": [*rows[:at], ",".join(cells[:-1]), *rows[at + 1 :]],
    }
    return changed.get(mutation, [*rows[:at], ",".join(cells), *rows[at + 1 :]])


@pytest.fixture(scope="module")
def small_export(tmp_path_factory: pytest.TempPathFactory) -> tuple[People, Path]:
    folder = tmp_path_factory.mktemp("mutations")
    people = make_people(6, seed=3).only([31, 53, 709, 6160, 21022, 131296])
    return people, write_export(people, folder, style="ukb")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(MUTATIONS), st.integers(0, 2**20), st.sampled_from(["", "\ufeff"]))
def test_a_damaged_file_gives_the_same_answers_or_a_clean_error(
    small_export: tuple[People, Path], mutation: str, seed: int, mark: str
) -> None:
    people, path = small_export
    broken = _mutate(path.read_text().splitlines(), mutation, random.Random(seed))
    damaged = path.with_name("damaged.csv")
    damaged.write_bytes((mark + "\r\n".join(broken) + "\r\n").encode())
    said = ""
    try:
        assert read_fields(damaged, scratch=path.parent).frame.equals(people.frame)
    except InputError as fault:
        said = str(fault)
    assert "\n" not in said
    assert not any(eid in said for eid in people.frame["eid"])


# surveys


def test_a_survey_of_several_files_joins_people_and_leaves_out_who_has_withdrawn(
    tmp_path: Path,
) -> None:
    paths = [
        write(tmp_path, "eid,22009-0.1,mine", "3,0.5,a", "1,0.2,b", name="first.csv"),
        write(tmp_path, "eid,22009-0.2,31-0.0", "1,0.1,0", "2,0.4,1", "3,1,1", name="second.csv"),
    ]
    gone = write(tmp_path, "2", name="withdrawn.csv")
    fields = read_fields(paths, scratch=tmp_path, withdrawn=gone)
    survey = survey_fields(paths, scratch=tmp_path, withdrawn=gone)
    assert survey.frame.columns == fields.frame.columns
    assert survey.frame["eid"].to_list() == ["1", "3"]
    assert survey.drops == fields.drops
    assert survey.notes == fields.notes[: len(survey.notes)]  # without those of answers
    assert survey.notes


def test_a_survey_refuses_files_that_hold_the_same_answers(tmp_path: Path) -> None:
    paths = [write(tmp_path, "eid,31-0.0", "1,0", name=f"{part}.csv") for part in "ab"]
    with pytest.raises(FormatError) as of_reading:
        read_fields(paths, scratch=tmp_path)
    with pytest.raises(FormatError) as of_survey:
        survey_fields(paths, scratch=tmp_path)
    assert str(of_survey.value) == str(of_reading.value)


def test_a_survey_without_any_field_wanted_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "eid,31-0.0", "1,0")
    with pytest.raises(InputError, match="none of the fields wanted"):
        survey_fields(path, scratch=tmp_path, wanted=[2020])
