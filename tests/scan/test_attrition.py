"""Everybody in the samples is either complete or lost for one reason, in every model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.association import ModelSpec
from proteomr.association.plan import plan_scan
from proteomr.scan import count_people, people_asked
from proteomr.tables import (
    CHOSEN_PEOPLE,
    WITHDRAWN,
    WITHOUT_PROTEINS,
    ArrayProteins,
    Cohort,
    Drop,
    ProteinCovariate,
)
from tests.association.cohorts import make_cohort, make_samples, make_values

N = 300
LOST = (
    *("withdrawn", "not_chosen", "without_proteins", "target_missing", "covariate_missing"),
    *("weight_or_cluster_missing", "panel_covariate_missing"),
)
LOADED = (
    Drop("load", WITHDRAWN, 4),
    Drop(CHOSEN_PEOPLE, "where age > 1: not true", 7),
    Drop("load", WITHOUT_PROTEINS, 60),
    Drop("load", "odd", 9),
)


def make_people() -> pl.DataFrame:
    row = pl.int_range(pl.len())
    return make_samples(N).with_columns(
        pl.when(row % 11 == 0).then(None).otherwise(pl.col("iso")).alias("iso"),
        pl.when(row % 7 == 0).then(None).otherwise(pl.col("age")).alias("age"),
        pl.when(row % 5 == 0).then(0.0).otherwise(1.5).alias("weight"),
    )


def count(spec: ModelSpec, **more: Any) -> pl.DataFrame:
    cohort = replace(make_cohort(make_people(), make_values(N, 20)), drops=LOADED)
    return count_people(plan_scan(cohort, spec, **more))


@pytest.mark.parametrize("family", ["linear", "logistic"])
@pytest.mark.parametrize("options", [{}, {"weights": "weight"}, {"strata": "site"}])
def test_the_lost_and_the_complete_add_up_to_the_people(
    family: str, options: dict[str, Any]
) -> None:
    table = count(ModelSpec(family, ("iso", "lo"), {"none": "1", "aged": "age + sex"}, **options))
    for row in table.iter_rows(named=True):
        assert row["people"] == row["complete"] + sum(row[name] for name in LOST)
    assert table.height == 2 * 2 * (4 if options.get("strata") else 1)


def test_each_person_is_lost_once_for_the_first_reason() -> None:
    row = count(ModelSpec("linear", ("iso",), {"aged": "age"}, weights="weight")).row(0, named=True)
    numbers = np.arange(N)
    without = numbers % 11 == 0
    no_age = ~without & (numbers % 7 == 0)
    weightless = ~without & ~no_age & (numbers % 5 == 0)
    assert row["people"] == N + 4 + 7 + 60
    assert [row[name] for name in LOST] == [
        4,
        7,
        60,
        int(without.sum()),
        int(no_age.sum()),
        int(weightless.sum()),
        0,
    ]
    kept = ~(without | no_age | weightless)
    assert row["n_case"] == int((make_samples(N)["iso"].to_numpy()[kept] == 1).sum())


def test_a_slope_has_no_cases() -> None:
    row = count(ModelSpec("linear", ("age",))).row(0, named=True)
    assert (row["n_case"], row["contrast"]) == (None, None)


def test_people_without_proteins_are_in_no_stratum() -> None:
    table = count(ModelSpec("linear", ("iso",), strata="site"))
    assert int(table["people"].sum()) == N
    assert set(table["without_proteins"]) == {0}


def test_panels_of_different_people_are_told_by_the_fewest_and_the_most() -> None:
    gaps = np.ones((N, 2))
    gaps[:30, 0], gaps[:90, 1] = np.nan, np.nan
    covariate = ProteinCovariate("gap", ArrayProteins(("A", "B"), gaps), tuple([0] * 10 + [1] * 10))
    row = count(ModelSpec("linear", ("lo",), {"g": "gap"}), covariates=[covariate]).row(
        0, named=True
    )
    assert (row["complete_least"], row["complete"]) == (N - 90, N - 30)
    assert row["panel_covariate_missing"] == 30


def test_a_cohort_made_in_memory_asks_for_its_people_alone() -> None:
    cohort: Cohort = make_cohort(make_people(), make_values(N, 2))
    assert people_asked(cohort) == N
