"""The same people in every form of an export give the same answers, bit for bit."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from proteomr.io.ukbiobank import read_fields, survey_fields
from tests.io.ukbiobank.exports import STYLES, People, Style, make_people, write_export

CODINGS = ("raw", "labels")
ARRAYS = ("joined", "columns", "json")
DATES = ("iso", "dmy")
FILES = ("csv", "tsv.gz", "parquet")
FORMS = list(itertools.product(CODINGS, ARRAYS, DATES, FILES))


@pytest.fixture(scope="module")
def people() -> People:
    return make_people(60, seed=7)


@pytest.mark.parametrize("style", STYLES)
def test_every_form_of_a_style_gives_the_same_answers(
    people: People, style: Style, tmp_path: Path
) -> None:
    # five forms for each style; together the styles go through all 36
    for coding, arrays, dates, file in FORMS[STYLES.index(style) :: len(STYLES)]:
        form: dict[str, Any] = {"coding": coding, "arrays": arrays, "dates": dates, "file": file}
        path = write_export(people, tmp_path, style=style, **form)
        fields = read_fields(path, scratch=tmp_path)
        assert fields.frame.schema == people.frame.schema, form
        assert fields.frame.equals(people.frame), form
        assert fields.drops[0].n == 2


def test_files_in_different_styles_join_to_the_same_answers(people: People, tmp_path: Path) -> None:
    numbers = sorted({int(c[1:].split("_")[0]) for c in people.frame.columns if c[1:2].isdigit()})
    parts = [numbers[::3], numbers[1::3], numbers[2::3]]
    styles: tuple[Style, ...] = ("ukb", "title", "rap")
    paths = [
        write_export(people.only(part), tmp_path, style=style, name=f"part{i}")
        for i, (part, style) in enumerate(zip(parts, styles, strict=True))
    ]
    forward = read_fields(paths, scratch=tmp_path)
    backward = read_fields(paths[::-1], scratch=tmp_path)
    assert forward.frame.equals(people.frame.drop("own_score"))
    assert backward.frame.equals(forward.frame)
    assert backward.notes == forward.notes


def test_only_the_fields_wanted_are_there_with_the_columns_of_no_field(
    people: People, tmp_path: Path
) -> None:
    path = write_export(people, tmp_path, style="rap")
    fields = read_fields(path, scratch=tmp_path, wanted=[2020, 31])
    assert fields.frame.columns == ["eid", "p31_i0", "p2020_i0", "p2020_i1", "own_score"]
    assert fields.frame.equals(people.frame.select(fields.frame.columns))
    assert pl.Int64 == fields.frame["p2020_i1"].dtype


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("file", ["csv", "parquet"])
def test_a_survey_has_the_people_and_columns_and_no_answer(
    people: People, style: Style, file: Any, tmp_path: Path
) -> None:
    path = write_export(people, tmp_path, style=style, arrays="columns", file=file)
    asked: dict[str, Any] = {"scratch": tmp_path, "wanted": (31, 6160, 22009, 53), "others": ()}
    fields, survey = read_fields(path, **asked), survey_fields(path, **asked)
    assert survey.frame.columns == fields.frame.columns
    assert survey.frame["eid"].equals(fields.frame["eid"])
    assert survey.drops == fields.drops
    assert survey.numbers
    answers = survey.frame.drop("eid")
    assert answers.null_count().row(0) == (survey.n,) * answers.width
