"""People with a row for each spell: whose proteins they have, and what of spells is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proteomr.errors import ColumnError, IdentifierError, InputError
from proteomr.io import PeopleChoice, Spells, read_spells
from proteomr.runs.notes import collect_notes

SPELLS = "who,start,stop,event,drug\n2,0,3,0,0\n1,4,6,1,1\n1,0,4,0,0\n2,3,9,1,1\n3,0,5,0,0\n"
PROTEINS = "who,ADM\n1,0.5\n2,1.5\n"


def read(folder: Path, spells: str = SPELLS, **options: Any) -> Spells:
    (folder / "spells.csv").write_text(spells)
    (folder / "proteins.csv").write_text(PROTEINS)
    return read_spells(
        folder / "spells.csv",
        (folder / "proteins.csv",),
        person="who",
        start="start",
        stop="stop",
        scratch=folder,
        **options,
    )


def test_each_spell_has_the_proteins_of_its_person_in_the_order_of_time(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.cohort.samples["who"].to_list() == ["1", "1", "2", "2"]
    assert found.cohort.samples["stop"].to_list() == [4, 6, 3, 9]
    assert found.cohort.proteins.read(slice(0, 1))[:, 0].tolist() == [0.5, 0.5, 1.5, 1.5]
    assert [(d.reason, d.n) for d in found.cohort.drops if d.n] == [
        ("in the samples, without proteins", 1)
    ]


def test_the_order_of_the_rows_changes_nothing(tmp_path: Path) -> None:
    lines = SPELLS.splitlines()
    turned = "\n".join([lines[0], *reversed(lines[1:])]) + "\n"
    assert read(tmp_path).cohort.samples.equals(read(tmp_path, turned).cohort.samples)


def test_a_condition_is_judged_for_each_spell(tmp_path: Path) -> None:
    found = read(tmp_path, people=PeopleChoice(where="drug == 1"))
    assert found.cohort.samples["stop"].to_list() == [6, 9]


def test_spells_that_overlap_are_refused_with_how_many_people_they_are_of(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="spells of 1 people overlap"):
        read(tmp_path, SPELLS.replace("1,4,6", "1,3,6"))


def test_gaps_are_counted_and_said(tmp_path: Path) -> None:
    with collect_notes() as told:
        read(tmp_path, SPELLS.replace("1,4,6", "1,5,6"))
    assert any("1 people have gaps between their spells" in note for note in told)


def test_spells_of_nobody_and_columns_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IdentifierError, match="1 spells have no 'who'"):
        read(tmp_path, SPELLS.replace("3,0,5", ",0,5"))
    with pytest.raises(ColumnError, match="no column 'start'"):
        read(tmp_path, SPELLS.replace("start", "begin"))
