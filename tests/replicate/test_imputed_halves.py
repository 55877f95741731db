"""Halves of imputed samples are pooled as a scan of their people alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr.association import ModelSpec
from proteomr.errors import InputError, UsageError
from proteomr.io import PeopleChoice
from proteomr.models import ModerationOptions
from proteomr.replicate import Against, Folds, GivenSplits, LeaveOut, RandomHalves
from proteomr.runs import Source
from tests.replicate.people import make_people, make_proteins
from tests.replicate.test_oracle import NUMBERS, SAME

SETS = {"few": "age", "full": "age + sex + C(site)"}


def impute(people: pl.DataFrame, m: int = 3) -> pl.DataFrame:
    """Return people in the long form, the ages that they lack drawn anew in each imputation."""
    g = np.random.default_rng(8)
    copies = [
        people.with_columns(
            pl.lit(i + 1).alias(".imp"),
            pl.Series(".id", np.arange(people.height)),
            age=pl.col("age").fill_null(pl.Series(g.normal(56, 8, people.height))),
        )
        for i in range(m)
    ]
    return pl.concat(copies)


def assert_same(found: pl.DataFrame, wanted: pl.DataFrame) -> None:
    assert found.select(SAME).equals(wanted.select(SAME))
    for name in (*NUMBERS, "df", "fmi", "m"):
        a, b = (frame[name].to_numpy().astype(float) for frame in (found, wanted))
        assert np.allclose(a, b, rtol=1e-11, atol=1e-12, equal_nan=True), name


@pytest.mark.parametrize("n", [300, 4_500])
@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_a_half_is_pooled_as_its_people_alone(family: str, n: int) -> None:
    people = make_people(n)
    proteins, long = make_proteins(people, 4), impute(people)
    splits = people.select("ID", s=1 + pl.int_range(n) % 2)
    found = proteomr.replicate(
        long,
        proteins,
        models=ModelSpec(family, ("iso", "lo"), SETS),
        scheme=GivenSplits(Source.of(splits, name="splits")),
        keep_fits=True,
        threads=1,
    )
    fits = found.table("replication_fits")
    assert fits["m"].unique().to_list() == [3]
    for half in (1, 2):
        those = long.join(splits.filter(s=half).select("ID"), on="ID", how="semi")
        alone = proteomr.associate(
            those, proteins, family=family, exposure=["iso", "lo"], adjust=SETS, threads=1
        )
        assert_same(fits.filter(half=half), alone.table())
    assert any("3 imputations pooled" in note for note in found.notes)


def test_each_model_has_the_degrees_of_freedom_of_its_own_coefficients() -> None:
    people = make_people(150)
    proteins, long = make_proteins(people, 3), impute(people)
    both = proteomr.associate(
        long, proteins, family="logistic", exposure="iso", adjust=SETS, threads=1
    ).table()
    for label, formula in SETS.items():
        alone = proteomr.associate(
            long, proteins, family="logistic", exposure="iso", adjust={label: formula}, threads=1
        ).table()
        of_set = both.filter(adjustment=label)
        np.testing.assert_allclose(of_set["df"], alone["df"], rtol=1e-10)
    few = both.filter(adjustment="few")
    # Barnard and Rubin's of complete data: n less the intercept, age and the protein
    complete = few["n"].to_numpy() - 3.0
    assert np.all(few["df"].to_numpy() <= complete * (complete + 1) / (complete + 3))


@pytest.mark.parametrize("scheme", [RandomHalves(2), Folds(3), LeaveOut("site")])
def test_every_division_takes_imputations(scheme: Any) -> None:
    people = make_people(400)
    results = proteomr.replicate(
        impute(people),
        make_proteins(people, 4),
        models=ModelSpec("linear", ("iso",), {"few": "age"}),
        scheme=scheme,
        keep_fits=True,
        threads=1,
    )
    assert results.failed == 0
    assert results.table()["r_effects"].null_count() == 0
    assert results.table("replication_fits")["m"].unique().to_list() == [3]


def test_another_cohort_is_held_against_pooled_fits() -> None:
    people = make_people(400)
    proteins, long = make_proteins(people, 4), impute(people)
    there = proteomr.associate(
        people, proteins, family="linear", exposure="iso", adjust={"few": "age"}, threads=1
    ).table()
    results = proteomr.replicate(
        long,
        proteins,
        models=ModelSpec("linear", ("iso",), {"few": "age"}),
        scheme=Against(Source.of(there, name="there")),
        threads=1,
    )
    alone = proteomr.associate(
        long, proteins, family="linear", exposure="iso", adjust={"few": "age"}, threads=1
    )
    assert_same(results.table("associations"), alone.table())


def test_who_is_in_which_half_is_the_same_in_all_imputations() -> None:
    people = make_people(300)
    g, long = np.random.default_rng(9), impute(people)
    flipped = long.with_columns(
        iso=pl.when(pl.Series(g.random(long.height) < 0.05))
        .then(1 - pl.col("iso"))
        .otherwise(pl.col("iso"))
    )
    results = proteomr.replicate(
        flipped,
        make_proteins(people, 3),
        models=ModelSpec("linear", ("iso",), {"few": "1"}),
        scheme=RandomHalves(1),
        threads=1,
    )
    cases = int(flipped.filter(pl.col(".imp") == 1)["iso"].sum())
    half = cases // 2 + (300 - cases) // 2
    assert results.table().select("n1", "n2").row(0) == (half, 300 - half)


def test_imputations_of_other_people_and_of_variances_are_refused() -> None:
    people = make_people(300)
    proteins, long = make_proteins(people, 3), impute(people)
    spec = ModelSpec("linear", ("iso",), {"few": "age"})
    with pytest.raises(InputError, match="choose people by columns that are not imputed"):
        proteomr.replicate(
            long, proteins, models=spec, people=PeopleChoice.of(where="age >= 50"), threads=1
        )
    moderated = ModelSpec("linear", ("iso",), {"few": "age"}, moderation=ModerationOptions("plain"))
    with pytest.raises(UsageError, match="leave --moderate, --block and --contrast out"):
        proteomr.replicate(long, proteins, models=moderated, threads=1)
