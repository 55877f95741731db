"""Who is analysed: a condition, a list of people to keep and one to remove."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ColumnError, FormatError, IdentifierError, InputError, UsageError
from proteomr.io import (
    PeopleChoice,
    choose_people,
    choose_samples,
    export_store,
    read_cohort,
    write_store,
)
from proteomr.runs.notes import collect_notes
from proteomr.tables import CHOSEN_PEOPLE, ArrayProteins, Measurements

PEOPLE = pl.DataFrame(
    {
        "eid": [f"70000{i:02d}" for i in range(1, 9)],
        "age": [50, 61, None, 70, 44, 58, 66, 39],
        "sex": ["F", "M", "F", "F", "M", "M", None, "F"],
    }
)

FOUND = (
    "keep: 6 listed, 5 found among the 8 samples and kept, 1 unknown, 1 of them of the form of "
    "the identifiers there"
)


def write_list(folder: Path, name: str, *people: int) -> Path:
    path = folder / name
    path.write_text("".join(f"70000{i:02d}\n" for i in people))
    return path


def choose(folder: Path, **asked: Any) -> tuple[list[int], list[tuple[str, int]], tuple[str, ...]]:
    """Return who stays, the drops, and what is told."""
    with collect_notes() as notes:
        stay, drops = choose_people(PEOPLE, PeopleChoice.of(**asked), id_name="eid", scratch=folder)
    assert all(drop.step == CHOSEN_PEOPLE for drop in drops)
    who = [i + 1 for i in stay.arg_true().to_list()]
    return who, [(drop.reason, drop.n) for drop in drops], tuple(notes)


def test_without_a_wish_everybody_stays_and_nothing_is_counted(tmp_path: Path) -> None:
    assert choose(tmp_path) == (list(range(1, 9)), [], ())


def test_a_condition_keeps_those_of_whom_it_is_true_and_counts_who_has_no_value(
    tmp_path: Path,
) -> None:
    who, drops, _ = choose(tmp_path, where="age >= 60 and sex == 'F'")
    assert who == [4]
    asked = "where age >= 60 and sex == 'F'"
    assert drops == [(f"{asked}: not true", 5), (f"{asked}: a value is missing", 2)]


def test_each_person_who_leaves_counts_once(tmp_path: Path) -> None:
    keep = write_list(tmp_path, "keep.txt", 1, 2, 3, 4, 5, 77)
    remove = write_list(tmp_path, "remove.txt", 2, 6)
    who, drops, notes = choose(tmp_path, where="age > 45", keep=keep, remove=remove)
    assert who == [1, 4]
    assert [n for _, n in drops] == [3, 1, 1, 1]
    assert sum(n for _, n in drops) == PEOPLE.height - len(who)
    assert notes == (
        FOUND,
        "remove: 2 listed, 2 found among the 8 samples and left out, 0 unknown",
    )


def test_lists_may_be_frames(tmp_path: Path) -> None:
    who, _, _ = choose(tmp_path, keep=PEOPLE[:3].select("eid"), remove=PEOPLE[:1].select("eid"))
    assert who == [2, 3]


def test_a_text_that_nobody_has_is_told(tmp_path: Path) -> None:
    who, _, notes = choose(tmp_path, where="sex != 'm'")
    assert len(who) == 7
    assert notes == ("where: nobody's sex is 'm' (did you mean 'M'?)",)


@pytest.mark.parametrize(
    ("asked", "fault", "message"),
    [
        ({"where": "age > 90"}, InputError, "nobody of the 8 samples is left: 7 where age > 90"),
        ({"where": "agee > 9"}, ColumnError, r"no column 'agee' .* \(did you mean 'age'\?\)"),
        ({"where": "eid == '7000001'"}, ColumnError, "'eid' names the people"),
        ({"where": "IID == '7000001'"}, ColumnError, "'IID' names the people"),
        ({"where": "age >"}, UsageError, "found the end"),
        ({"where": 5}, UsageError, "a condition is a text, not a int"),
        ({"keep": (91, 92)}, InputError, "8 not on the list of people to keep"),
        ({"remove": tuple(range(1, 9))}, InputError, "8 on the list of people to remove"),
        ({"keep": ()}, FormatError, "the file is empty"),
    ],
)
def test_mistakes_and_nobody_left_are_one_line(
    tmp_path: Path, asked: dict[str, Any], fault: type[Exception], message: str
) -> None:
    asked = {
        name: write_list(tmp_path, f"{name}.txt", *value) if isinstance(value, tuple) else value
        for name, value in asked.items()
    }
    with pytest.raises(fault, match=message) as caught:
        choose(tmp_path, **asked)
    assert "\n" not in str(caught.value)
    assert "7000001" not in str(caught.value)


def test_an_entry_that_is_spelt_otherwise_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keep.txt").write_text("07000001\n7000002\n")
    with pytest.raises(IdentifierError, match="line 1: among the samples but for"):
        choose(tmp_path, keep=tmp_path / "keep.txt")


def test_a_cohort_is_of_those_asked_for_and_its_drops_add_up(tmp_path: Path) -> None:
    PEOPLE.write_csv(tmp_path / "samples.csv")
    proteins = PEOPLE.select("eid", ADM=pl.int_range(8) + 0.5)[1:]
    others = proteins[:2].with_columns(eid=pl.Series(["7000055", "7000056"]))
    pl.concat([proteins, others]).write_csv(tmp_path / "proteins.csv")
    gone = write_list(tmp_path, "gone.txt", 8)
    cohort = read_cohort(
        tmp_path / "samples.csv",
        tmp_path / "proteins.csv",
        scratch=tmp_path,
        withdrawn=gone,
        people=PeopleChoice.of(
            where="sex == 'F' or age > 60", remove=write_list(tmp_path, "remove.txt", 2)
        ),
    )
    assert cohort.samples["eid"].to_list() == ["7000003", "7000004", "7000007"]
    counted = {drop.reason: drop.n for drop in cohort.drops}
    assert counted == {
        "withdrawn": 1,
        "on the list of people to remove": 1,
        "where sex == 'F' or age > 60: not true": 2,
        "where sex == 'F' or age > 60: a value is missing": 0,
        "in the samples, without proteins": 1,
        "in the proteins, not in the samples": 2,
    }


def make_measured() -> Measurements:
    return Measurements(
        platform="table",
        samples=pl.DataFrame({"sample_id": ["A1", "A2", "A3"], "site": [1, 2, 2]}),
        proteins=ArrayProteins(("ADM",), np.array([[1.0], [2.0], [3.0]])),
        assays=pl.DataFrame({"protein": ["ADM"], "kind": ["protein"]}),
    )


def test_samples_of_a_store_are_chosen_and_counted(tmp_path: Path) -> None:
    chosen = choose_samples(make_measured(), PeopleChoice("site == 2"), scratch=tmp_path)
    assert chosen.proteins.read(slice(0, 1))[:, 0].tolist() == [2.0, 3.0]
    assert [(drop.step, drop.n) for drop in chosen.drops] == [
        (CHOSEN_PEOPLE, 1),
        (CHOSEN_PEOPLE, 0),
    ]


def test_a_store_is_exported_of_those_asked_for(tmp_path: Path) -> None:
    write_store(make_measured(), tmp_path / "store")
    made = export_store(tmp_path / "store", tmp_path / "out.csv", people=PeopleChoice("site == 2"))
    assert (made.n, made.not_chosen) == (2, 1)
    assert pl.read_csv(tmp_path / "out.csv")["sample_id"].to_list() == ["A2", "A3"]
