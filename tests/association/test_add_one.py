"""One covariate added at a time: R's nested fits, rows, refusals, and what has no change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.association import associate
from proteomr.errors import UsageError
from proteomr.models import Further

STORED = Path(__file__).resolve().parents[1] / "stats"
CASES = json.loads((STORED / "changes.json").read_text("utf-8"))
TERMS = {"bmi": "bmi", "education": "C(education)"}
NUMBERS = (
    "estimate_base", "estimate", "change", "se", "conf_low", "conf_high", "percent", "percent_low",
    "percent_high",
)  # fmt: skip


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    frame = pl.read_csv(STORED / "chained.csv", null_values="")
    return frame.with_columns(
        pl.col("ID").cast(pl.String),
        w=1 + pl.col("age") / 50,
        centre=(pl.col("ID") % 30).cast(pl.String),
    )


def scan(people: pl.DataFrame, family: str, add_one: str, **asked: Any) -> Any:
    settings = {"adjust": {"m": "age + sex"}, "exposure": "income", "transform": "none", **asked}
    samples, proteins = people.drop("npx"), people.select("ID", "npx")
    return associate(samples, proteins, family=family, further=Further(add_one=add_one), **settings)


@pytest.mark.parametrize(
    "case", CASES, ids=lambda c: f"{c['family']}-{c['added']}-{c['weighted']}-{c['clustered']}"
)
def test_changes_equal_rs_nested_fits_and_sandwich(people: pl.DataFrame, case: Any) -> None:
    asked: dict[str, Any] = {"weights": "w"} if case["weighted"] else {}
    if case["clustered"]:
        asked = {"cluster": "centre", "errors": "CR1"}
    found = scan(people, case["family"], TERMS[case["added"]], **asked).table("covariate_changes")
    (row,) = found.iter_rows(named=True)
    assert (row["adjustment"], row["n"]) == (f"m + {TERMS[case['added']]}", case["n"])
    for name in NUMBERS:
        assert row[name] == pytest.approx(case[name], rel=2e-8), name
    assert row["statistic"] == pytest.approx(row["change"] / row["se"])
    assert (row["status"], row["message"]) == ("ok", None)


def test_estimates_with_the_covariate_are_those_of_the_associations(people: pl.DataFrame) -> None:
    results = scan(people, "linear", "bmi + C(education)")
    changes, fits = results.table("covariate_changes"), results.table()
    assert fits["adjustment"].to_list() == ["m", "m + bmi", "m + C(education)"]
    joined = changes.join(fits, on="adjustment", suffix="_fit")
    np.testing.assert_allclose(joined["estimate"], joined["estimate_fit"], rtol=1e-10)
    assert joined["n"].to_list() == joined["n_fit"].to_list()


def test_a_covariate_that_a_set_has_is_added_to_the_others(people: pl.DataFrame) -> None:
    sets = {"none": "1", "aged": "age"}
    found = scan(people, "linear", "age + sex", adjust=sets).table("covariate_changes")
    assert found["adjustment"].to_list() == ["none + age", "none + sex", "aged + sex"]


def test_units_and_the_order_of_people_change_no_share(people: pl.DataFrame) -> None:
    plain = scan(people, "linear", "bmi").table("covariate_changes")
    other = people.sample(fraction=1.0, shuffle=True, seed=1).with_columns(
        pl.col("npx") * 1e-200, pl.col("bmi") * 1e150 + 1e152
    )
    scaled = scan(other, "linear", "bmi").table("covariate_changes")
    for name in ("percent", "percent_low", "percent_high", "statistic"):
        np.testing.assert_allclose(scaled[name], plain[name], rtol=1e-7)
    np.testing.assert_allclose(scaled["change"] * 1e200, plain["change"], rtol=1e-7)


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_a_covariate_that_follows_from_the_set_has_a_status(
    people: pl.DataFrame, family: str
) -> None:
    doubled = people.with_columns(twice=2 * pl.col("age") + 1)
    row = scan(doubled, family, "twice").table("covariate_changes").row(0, named=True)
    assert (row["status"], row["change"]) == ("not_identified", None)
    assert row["message"] == "the covariate follows from the others"


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_a_covariate_that_tells_the_exposure_has_the_status_of_its_fit(
    people: pl.DataFrame, family: str
) -> None:
    same = people.with_columns(same=pl.col("income") + 1)
    row = scan(same, family, "same").table("covariate_changes").row(0, named=True)
    assert row["status"] == {"linear": "collinear", "logistic": "separated"}[family]
    assert row["change"] is None
    assert row["message"]


def test_every_stratum_has_its_changes(people: pl.DataFrame) -> None:
    sets = {"m": "age"}
    found = scan(people, "linear", "bmi", adjust=sets, strata="sex").table("covariate_changes")
    assert found["stratum"].to_list() == ["0", "1"]
    alone = scan(people.filter(pl.col("sex") == 1), "linear", "bmi", adjust=sets)
    np.testing.assert_allclose(
        found["percent"][1], alone.table("covariate_changes")["percent"][0], rtol=1e-9
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"interaction": "sex"}, "--add-one compares plain estimates: leave an interaction out"),
        ({"add_one": "age"}, "every adjustment set has these covariates already"),
        ({"adjust": {"m": "age", "m + bmi": "age + bmi"}}, "one has that label"),
        ({"absorb": ("centre",)}, "go together|not there beside absorbed effects"),
        ({"family": "ordinal"}, "is for the linear and logistic families, not for ordinal"),
        ({"family": "logistic", "firth": "always"}, "leave Firth's estimate in all fits"),
        ({"add_one": "income"}, "'income' is an exposure and in the adjustment set 'm . income'"),
    ],
)
def test_what_has_no_one_change_is_refused(
    people: pl.DataFrame, asked: dict[str, Any], said: str
) -> None:
    settings = {"family": "linear", "add_one": "bmi", **asked}
    with pytest.raises(UsageError, match=said):
        scan(people, settings.pop("family"), settings.pop("add_one"), **settings)
