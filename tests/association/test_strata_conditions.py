"""Strata by a condition: two of them, as by a column that says the same."""

from __future__ import annotations

import polars as pl
import pytest

from proteomr.association import ModelSpec, associate, scan_cohort
from proteomr.errors import ColumnError, FormulaError
from tests.association.cohorts import make_cohort, make_samples, make_values


def scan(samples: pl.DataFrame, strata: str) -> pl.DataFrame:
    spec = ModelSpec("linear", ("iso",), {"m": "age + sex"}, strata=strata)
    return scan_cohort(make_cohort(samples, make_values(samples.height, 3)), spec).frame


@pytest.mark.parametrize(
    ("condition", "column"),
    [
        ("age >= 56", pl.col("age") >= 56),
        (
            "site in ('1', '3') and not lo == 1",
            pl.col("site").is_in(["1", "3"]) & (pl.col("lo") != 1),
        ),
        ("sex == 1", pl.col("sex") == 1),
    ],
)
def test_a_condition_makes_the_strata_of_a_column_that_says_the_same(
    condition: str, column: pl.Expr
) -> None:
    samples = make_samples(300)
    named = scan(samples.with_columns(column.alias("group")), "group")
    found = scan(samples, condition)
    assert found["stratum"].unique().sort().to_list() == ["false", "true"]
    assert found.drop("stratum").equals(named.drop("stratum"))


def test_who_has_no_answer_is_in_neither_stratum() -> None:
    samples = make_samples(300).with_columns(pl.col("lo").replace(0.0, None).alias("asked"))
    samples = samples.with_columns(
        pl.when(pl.int_range(pl.len()) % 5 == 0).then(0.0).otherwise(pl.col("asked")).alias("asked")
    )
    people = scan(samples, "asked > 0.5").group_by("stratum").agg(pl.col("n").max())
    assert people["n"].sum() <= samples["asked"].drop_nulls().len()


@pytest.mark.parametrize(
    ("strata", "words", "kind"),
    [
        ("age > 500", "true of nobody among 100 people", ColumnError),
        ("aged >= 60", "no column 'aged'", ColumnError),
        ("aged", "aged", ColumnError),
        ("age >>= 60", "strata", FormulaError),
        ("id == '000001'", "names the people", ColumnError),
    ],
)
def test_what_makes_no_two_strata_is_one_line(
    strata: str, words: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match=words):
        scan(make_samples(100), strata)


def test_strata_by_a_condition_are_held_against_one_another() -> None:
    samples = make_samples(300)
    proteins = pl.DataFrame(make_values(300, 2), schema=["A", "B"]).fill_nan(None)
    results = associate(
        samples, proteins.with_columns(samples["id"]), family="logistic", exposure="iso",
        strata="age >= 56", id_column="id", threads=1,
    )  # fmt: skip
    table, joint = results.table(), results.table("joint_tests")
    for protein in ("A", "B"):
        both = table.filter(protein=protein)
        weight = both["se"] ** -2
        mean = float((weight * both["estimate"]).sum()) / float(weight.sum())
        row = joint.filter(protein=protein, test="heterogeneity")
        assert row["statistic"][0] == pytest.approx((weight * (both["estimate"] - mean) ** 2).sum())
        assert (row["df"][0], row["stratum"][0]) == (1.0, None)
