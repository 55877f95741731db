"""Tables that are ready: copied as they stand, and imputed from the columns that are named."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import InputError, UsageError
from proteomr.phenotype import DeriveOptions, ImputeOptions, derive
from proteomr.runs import Results
from tests.phenotype.people import make_study

COVARIATES = ("age", "sex", "smoking", "bmi")
EXPOSURE = "isolation"


@pytest.fixture(scope="module")
def answers() -> pl.DataFrame:
    frame = make_study(200).frame
    some = (pl.int_range(pl.len()) % 7 == 3).alias("some")
    return frame.with_columns(p21001_i0=pl.when(~some).then("p21001_i0"))


@pytest.fixture(scope="module")
def ready(answers: pl.DataFrame) -> pl.DataFrame:
    return derive(answers, options=DeriveOptions(only=(EXPOSURE, *COVARIATES))).table()


def impute(table: Any, **asked: Any) -> Results:
    return derive(table, "as-is", impute=ImputeOptions(3, iterations=2, **asked))


def test_a_ready_table_is_imputed_as_the_answers_that_it_was_made_of(
    answers: pl.DataFrame, ready: pl.DataFrame
) -> None:
    of_answers = derive(
        answers,
        options=DeriveOptions(only=(EXPOSURE, *COVARIATES)),
        impute=ImputeOptions(3, iterations=2),
    ).table()
    of_ready = impute(ready, columns=COVARIATES, predictors=(EXPOSURE,)).table()
    assert of_ready.filter(pl.col(".imp") == 3)[COVARIATES[0]].null_count() == 0
    assert ready[COVARIATES[0]].null_count()
    assert of_ready.equals(of_answers.select(of_ready.columns))


def test_columns_stand_as_they_are_but_those_that_are_named() -> None:
    g = np.random.default_rng(2)
    n = 60
    table = pl.DataFrame(
        {
            "sample_id": [f"S{i}" for i in range(n)],
            "BMI (kg/m2)": [None if i % 7 == 0 else 20.0 + i % 11 for i in range(n)],
            "change": g.integers(-5, 5, n),  # whole numbers below 0 are no codes here
            "grade": [None if i % 9 == 0 else "low" if i % 3 else "high" for i in range(n)],
            "seen": [date(2020, 1, 1)] * n,
            "smoker": [None if i % 8 == 0 else bool(i % 2) for i in range(n)],
        }
    )
    long = impute(table, columns=("BMI (kg/m2)", "grade"), predictors=("change", "smoker")).table()
    first = long.filter(pl.col(".imp") == 1).sort(".id")
    assert first.select("BMI (kg/m2)", "grade").null_count().row(0) == (0, 0)
    for name in ("change", "seen", "smoker"):
        assert first[name].equals(table.sort("sample_id")[name], null_equal=True)
    assert set(first["grade"]) == {"low", "high"}
    there = table.sort("sample_id")["BMI (kg/m2)"]
    kept = there.is_not_null()
    assert first["BMI (kg/m2)"].filter(kept).equals(there.filter(kept))
    assert set(first["BMI (kg/m2)"]) <= set(there.drop_nulls())  # values of donors


def test_a_file_and_a_frame_give_the_same(ready: pl.DataFrame, tmp_path: Path) -> None:
    for name in ("ready.csv", "ready.parquet"):
        file = tmp_path / name
        ready.write_csv(file) if name.endswith("csv") else ready.write_parquet(file)
        asked = {"columns": ("bmi",), "predictors": ("age", "sex", EXPOSURE)}
        assert impute(file, **asked).table().equals(impute(ready, **asked).table())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, r"makes no covariates: name what is filled in \(--impute-columns"),
        ({"columns": ("bmi",)}, r"nothing predicts 'bmi'.*--impute-with"),
        ({"columns": ("bmj",)}, "no column 'bmj' is made.*'bmi'"),
        ({"columns": ("bmi",), "predictors": ("agee",)}, "no column 'agee' is made.*'age'"),
    ],
)
def test_what_is_not_named_is_asked_for(
    ready: pl.DataFrame, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        impute(ready, **asked)


def test_as_is_goes_with_no_other_definition(ready: pl.DataFrame) -> None:
    for more in (["as-is", "shen2025"], ["day2018", "as-is"]):
        with pytest.raises(UsageError, match="goes with no other definition"):
            derive(ready, more)
    with pytest.raises(UsageError, match="has no alternatives"):
        derive(ready, "as-is", alternatives={"isolation": "monthly"})


def test_a_ready_table_is_told_where_its_way_is(ready: pl.DataFrame) -> None:
    with pytest.raises(InputError, match="--definition as-is"):
        derive(ready, "shen2025")
