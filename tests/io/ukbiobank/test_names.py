"""Tests of the names of columns in exports of UK Biobank."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proteomr.errors import FormatError
from proteomr.io.ukbiobank.names import (
    FieldName,
    find_fields,
    is_of_participants,
    parse_name,
    read_names,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("p31", FieldName(31, 0, None)),
        ("p2020_i1", FieldName(2020, 1, None)),
        ("p22009_a1", FieldName(22009, 0, 1)),
        ("p4080_i0_a1", FieldName(4080, 0, 1)),
        ("participant.p30900_i0", FieldName(30900, 0, None)),
        ("participant_p20002_i0_a3", FieldName(20002, 0, 3)),
        ("53-0.0", FieldName(53, 0, 0)),
        ("20002-3.33", FieldName(20002, 3, 33)),
        ("f.31.0.0", FieldName(31, 0, 0)),
        ("f_31_0_0", FieldName(31, 0, 0)),
        ("x20002_1_2", FieldName(20002, 1, 2)),
        ("X31.0.0", FieldName(31, 0, 0)),
        ("n_2020_0_0", FieldName(2020, 0, 0)),
        ("s_41270_0_12", FieldName(41270, 0, 12)),
        ("ts_53_2_0", FieldName(53, 2, 0)),
        ("Age at recruitment", FieldName(21022, 0, None)),
        ("Loneliness, isolation | Instance 2", FieldName(2020, 2, None)),
        ("Genetic principal components | Array 40", FieldName(22009, 0, 40)),
        ("Time blood sample collected | Instance 0 | Array 1", FieldName(3166, 0, 1)),
    ],
)
def test_every_style_is_understood(name: str, expected: FieldName) -> None:
    assert parse_name(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "eid",
        "f.eid",
        "batch",
        "p",
        "p2020_10",
        "31",
        "31-0",
        "GDF15",
        "X",
        "age at recruitment",
        "",
    ],
)
def test_columns_of_no_field_are_told_apart(name: str) -> None:
    assert parse_name(name) is None


@given(st.integers(1, 999_999), st.integers(0, 20), st.integers(0, 300))
def test_all_styles_of_one_answer_agree(field: int, instance: int, array: int) -> None:
    expected = FieldName(field, instance, array)
    written = (
        f"p{field}_i{instance}_a{array}",
        f"participant.p{field}_i{instance}_a{array}",
        f"{field}-{instance}.{array}",
        f"f.{field}.{instance}.{array}",
        f"X{field}.{instance}.{array}",
        f"n_{field}_{instance}_{array}",
        f"f_{field}_{instance}_{array}",
        f"x{field}_{instance}_{array}",
    )
    assert {parse_name(name) for name in written} == {expected}


@given(st.text(max_size=30))
def test_no_text_breaks_the_reading_of_a_name(name: str) -> None:
    found = parse_name(name)
    assert (
        found is None
        or found.field > 0
        or name.startswith(("p0", "0", "f.0", "f_0", "X0", "x0", "n_0"))
    )


def test_two_styles_in_a_file_are_refused_with_an_example_of_each() -> None:
    with pytest.raises(FormatError, match=r"two styles, such as 'p31' and '2020-0\.0'"):
        read_names(["p31", "2020-0.0"], path="a.csv")


def test_a_title_with_a_visit_is_a_style_of_its_own() -> None:
    with pytest.raises(FormatError, match="two styles"):
        read_names(["p31", "Able to confide | Instance 0"], path="a.csv")


def test_a_bare_title_beside_another_style_is_a_column_of_the_users_own() -> None:
    assert read_names(["p31", "Sex"], path="a.csv").others == ("Sex",)


@pytest.mark.parametrize(
    "pair", [("p31", "p31_i0"), ("p31", "participant.p31"), ("p6160_i0", "p6160_i0_a1")]
)
def test_two_columns_of_one_answer_are_refused_by_their_names(pair: tuple[str, str]) -> None:
    with pytest.raises(FormatError, match=rf"'{pair[0]}' and '{pair[1]}' both stand for field"):
        read_names(list(pair), path="a.csv")


@pytest.mark.parametrize(
    ("columns", "broken"),
    [
        (["p31", "p2020_10"], "p2020_10"),
        (["31-0.0", "2020_0_0"], "2020_0_0"),
        (["f.31.0.0", "f.2020.0"], "f.2020.0"),
        (["n_31_0_0", "n_2020_0"], "n_2020_0"),
        (["f_31_0_0", "f_2020_0"], "f_2020_0"),
        (["x31_0_0", "x2020_0"], "x2020_0"),
    ],
)
def test_a_name_that_is_nearly_one_of_its_style_is_refused(columns: list[str], broken: str) -> None:
    with pytest.raises(FormatError, match=f"column '{broken}': looks like a field"):
        read_names(columns, path="a.csv")


def test_other_titles_and_protein_tables_are_passed_over() -> None:
    columns = ["Sex", "Hand grip strength (left) | Instance 0", "olink_instance_0.adm", "bmi.raw"]
    names = read_names(columns, path="a.csv")
    assert names.passed_over == ("Hand grip strength (left) | Instance 0",)
    assert names.proteins == ("olink_instance_0.adm",)
    assert names.others == ("bmi.raw",)


OWN_COUNTS = {
    "from one": ("ID", "p1", "p2", "p3", "p10", "p31", "p100", "p20002"),
    "from none": ("ID", "p0", "p4", "p189"),
    "a choice of them": ("person", "p2", "p31", "p738"),
    "zeros in front": ("ID", "p001", "p031", "p738"),
    "with an identifier of UK Biobank": ("eid", "p1", "p2", "p31", "p2020"),
    "single digits alone": ("ID", "p3", "p4"),
}


@pytest.mark.parametrize("names", OWN_COUNTS.values(), ids=OWN_COUNTS.keys())
def test_columns_that_a_table_counts_itself_are_no_fields(names: tuple[str, ...]) -> None:
    assert find_fields(names) == ()
    assert not is_of_participants(names)


def test_fields_beside_columns_counted_by_the_table_stay_fields() -> None:
    names = ("eid", "p1", "p2", "p3", "p31", "p21003_i0", "p52")
    assert find_fields(names) == ("p31", "p21003_i0", "p52")
    counted = [f"p{number}" for number in range(1, 41)]
    assert find_fields(["eid", *counted, "p21003_i0", "p52"]) == ("p21003_i0", "p52")


def test_fields_of_one_digit_are_known_by_what_stands_beside() -> None:
    assert find_fields(["eid", "p4", "p5", "p31"]) == ("p4", "p5", "p31")
    assert find_fields(["ID", "p4", "p31_i0"]) == ("p4", "p31_i0")
