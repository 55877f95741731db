"""Whatever the form of the export, the cohort is the same."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Literal, TypeAlias

import pytest
from polars.testing import assert_frame_equal

from proteomr.io.ukbiobank import read_fields
from proteomr.phenotype import DeriveOptions, derive_phenotypes, load_definition, wanted_fields
from tests.io.ukbiobank.exports import STYLES, Style, make_people, write_export

ONLY = ("isolation", "loneliness", "group", "age", "sex", "education", "ethnicity", "PC3")
SHEN = load_definition("shen2025")
Coding: TypeAlias = Literal["raw", "labels"]
CODINGS: tuple[Coding, ...] = ("raw", "labels")


@pytest.mark.parametrize(("style", "coding"), list(itertools.product(STYLES, CODINGS)))
def test_every_style_of_export_gives_the_same_cohort(
    tmp_path: Path, style: Style, coding: Coding
) -> None:
    people = make_people(80, seed=3)
    usual = write_export(people, tmp_path, style="rap", name="usual")
    other = write_export(people, tmp_path, style=style, coding=coding, name="other")
    made = []
    for path in (usual, other):
        wanted = wanted_fields(SHEN, only=ONLY)
        fields = read_fields(path, wanted=wanted, scratch=tmp_path)
        made.append(derive_phenotypes(fields, SHEN, options=DeriveOptions(only=ONLY)))
    assert_frame_equal(made[0].frame, made[1].frame)
    assert_frame_equal(made[0].counts, made[1].counts)
    assert made[0].frame["isolation"].drop_nulls().n_unique() == 2
