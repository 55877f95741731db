"""Tests of the fields and codings of UK Biobank that are shipped."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from proteomr.errors import ColumnError
from proteomr.tables.dictionary import load_dictionary

LISTED_BY_THE_STUDY = (
    *(31, 34, 52, 53, 54, 74, 189, 190, 191, 709, 738, 864, 874, 884, 894, 904, 914, 1031, 1558),
    *(2020, 2050, 2060, 2070, 2080, 2110, 3166, 6138, 6150, 6160, 20002, 20116, 21000, 21001),
    *(21003, 21022, 22009, 22189, 30900, 30901, 30902, 30903, 40000, 40005, 40006, 41270, 41280),
)


def test_every_field_of_the_study_is_known() -> None:
    unknown = [field for field in LISTED_BY_THE_STUDY if not load_dictionary().knows(field)]
    assert unknown == []


def test_every_coding_of_a_number_is_listed() -> None:
    dictionary = load_dictionary()
    codings = {info.coding for info in dictionary.fields.values() if info.kind != "text"} - {None}
    assert codings - dictionary.codings.keys() == set()


def test_titles_lead_back_to_their_fields() -> None:
    dictionary = load_dictionary()
    wrong = [
        info.field
        for info in dictionary.fields.values()
        if dictionary.find_title(info.title) != info.field
    ]
    assert wrong == [189]  # replaced by 22189, which has its title


def test_first_occurrences_are_dates_at_even_and_sources_at_odd_numbers() -> None:
    dictionary = load_dictionary()
    found = [info for field, info in dictionary.fields.items() if 130000 <= field <= 132605]
    assert len(found) == 2 * 1129
    assert {info.kind for info in found if info.field % 2 == 0} == {"date"}
    assert {info.coding for info in found if info.field % 2} == {2171}
    assert dictionary.field(130895).title == "Source of report of F32 (depressive episode)"


def test_the_order_of_able_to_confide_runs_against_that_of_visits() -> None:
    meanings = load_dictionary().meanings
    assert meanings(100501)[5] == meanings(100327)[1] == "Almost daily"


def test_an_unknown_field_is_refused_with_its_number() -> None:
    with pytest.raises(ColumnError, match="field 4080 is not in the dictionary"):
        load_dictionary().field(4080)


def test_an_unknown_coding_is_refused_with_its_number() -> None:
    with pytest.raises(ColumnError, match="coding 19 is not in the dictionary"):
        load_dictionary().meanings(19)


def test_codings_agree_with_the_reference(reference: Path) -> None:
    with (reference / "study" / "ukb_codings_selected.tsv").open() as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    dictionary = load_dictionary()
    for coding, code, meaning in rows:
        if coding != "1002":
            assert dictionary.meanings(int(coding))[int(code)] == meaning


def test_fields_agree_with_the_reference(reference: Path) -> None:
    kinds = {"Integer": "integer", "Continuous": "float", "Date": "date"}
    path = reference / "study" / "ukb_field_dictionary_phesant_subset.tsv"
    with path.open() as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    for field, title, kind, coding in rows:
        info = load_dictionary().field(int(field))
        assert info.title == title
        assert info.kind == kinds.get(kind, "code")
        if coding:
            assert info.coding == int(coding)
        if kind == "Categorical multiple":
            assert info.array


def test_first_occurrences_agree_with_the_reference(reference: Path) -> None:
    with (reference / "study" / "ukb_first_occurrence_fields.tsv").open() as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    assert {int(field): title for field, title in rows} == {
        info.field: info.title for info in load_dictionary().fields.values() if info.coding == 819
    }
