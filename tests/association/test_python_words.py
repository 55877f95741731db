"""What is passed from Python in another form than it is read is one line, and shows nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr import ModelSpec
from proteomr.association import scan_cohort
from proteomr.errors import IdentifierError, NothingToDo, UsageError
from proteomr.tables import ArrayProteins, Cohort

PEOPLE = pl.DataFrame({"eid": ["7", "8", "9"], "iso": [0, 1, 0], "sex": ["F", "M", "F"]})
LEVELS = pl.DataFrame({"eid": ["7", "8", "9"], "ADM": [1.0, 2.0, 3.0]})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"adjust": "age + sex"}, "{'full': 'age + sex'}, not 'age + sex'"),
        ({"adjust": ["age", "sex"]}, "not a list"),
        ({"adjust": {"m": ["age"]}}, "not a dict"),
        ({"exposure": None}, "no exposure or outcome given"),
        ({"exposure": [1]}, "exposures: names of columns"),
        ({"exposure": PEOPLE["iso"]}, "exposures: names of columns"),
        ({"family": None}, "family: one name is needed"),
        ({"strata": ["sex"]}, "strata: one name is needed, not a list"),
    ],
)
def test_a_word_in_another_form_is_refused_in_one_line(words: dict[str, Any], said: str) -> None:
    asked: dict[str, Any] = {"family": "linear", "exposure": "iso", **words}
    with pytest.raises(UsageError) as refused:
        proteomr.associate(PEOPLE, LEVELS, **asked)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_name_in_place_of_names_is_not_read_by_its_letters() -> None:
    with pytest.raises(UsageError, match="in a tuple are needed, not 'isolation'"):
        ModelSpec("linear", "isolation")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "make", [pl.DataFrame.to_pandas, pl.DataFrame.to_arrow, pl.DataFrame.clone]
)
@pytest.mark.parametrize("which", ["samples", "proteins"])
def test_read_cohort_sends_frames_to_associate(tmp_path: Path, make: Any, which: str) -> None:
    LEVELS.write_csv(tmp_path / "p.csv")
    PEOPLE.write_csv(tmp_path / "s.csv")
    given: dict[str, Any] = {"samples": tmp_path / "s.csv", "proteins": tmp_path / "p.csv"}
    given[which] = make(PEOPLE)
    with pytest.raises(UsageError, match=r"proteomr\.associate takes frames"):
        proteomr.read_cohort(given["samples"], given["proteins"], scratch=tmp_path)


def make_cohort(people: int, proteins: int) -> Cohort:
    names = tuple(f"P{j}" for j in range(proteins))
    samples = {"id": [str(i) for i in range(people)], "x": [i % 2 for i in range(people)]}
    assays = pl.DataFrame({"protein": list(names)}, schema={"protein": pl.String})
    values = ArrayProteins(names, np.ones((people, proteins)))
    return Cohort(pl.DataFrame(samples), "id", values, assays)


def test_a_cohort_without_proteins_or_people_is_said_so() -> None:
    with pytest.raises(NothingToDo, match="has no proteins"):
        scan_cohort(make_cohort(4, 0), ModelSpec("linear", ("x",)))
    with pytest.raises(IdentifierError, match="nobody among the samples"):
        make_cohort(0, 3)


def test_the_package_lists_its_public_names_alone() -> None:
    shown = {name for name in dir(proteomr) if not name.startswith("__")}
    assert shown | {"__version__"} == set(proteomr.__all__)
