"""Groups of one person, clusters of one, strata without cases, levels that nobody has."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr import associate
from proteomr.errors import UsageError
from proteomr.models import OrdinalOptions

N = 120


def make() -> tuple[pl.DataFrame, pl.DataFrame]:
    g = np.random.default_rng(1)
    ids = [f"s{i:03d}" for i in range(N)]
    sex = np.where(np.arange(N) % 2 == 0, "F", "M")
    samples = pl.DataFrame(
        {
            "ID": ids,
            "x": g.normal(size=N),
            "sick": (g.random(N) < 0.3) * (sex == "M") * 1,
            "sex": sex,
            "alone": ["b"] + ["a"] * (N - 1),
            "grade": g.choice(["low", "mid", "high"], N),
            "person": ids,
        }
    )
    proteins = pl.DataFrame({"ID": ids, "ADM": g.normal(size=N), "REN": g.normal(size=N)})
    return samples, proteins


def scan(family: str, **asked: Any) -> pl.DataFrame:
    return associate(*make(), family=family, transform="none", threads=1, **asked).table()


def test_a_group_of_one_person_is_compared_with_the_spread_of_the_others() -> None:
    found = scan("linear", exposure="alone", reference_level="a")
    y = make()[1]["ADM"].to_numpy()
    row = found.row(by_predicate=pl.col("protein") == "ADM", named=True)
    assert row["estimate"] == pytest.approx(y[0] - y[1:].mean(), rel=1e-10)
    assert row["se"] == pytest.approx(y[1:].std(ddof=1) * np.sqrt(1 + 1 / (N - 1)), rel=1e-10)


@pytest.mark.parametrize("errors", ["HC2", "HC3"])
def test_a_group_of_one_person_has_no_error_that_needs_its_residual(errors: Any) -> None:
    found = scan("linear", exposure="alone", errors=errors)
    assert set(found["status"].cast(pl.String)) == {"too_few"}
    assert found["message"].str.contains("leverage 1").all()


@pytest.mark.parametrize(("clustered", "plain"), [("CR0", "HC0"), ("CR2", "HC2")])
def test_clusters_of_one_person_are_none(clustered: Any, plain: Any) -> None:
    one = scan("linear", exposure="sick", errors=clustered, cluster="person")
    other = scan("linear", exposure="sick", errors=plain)
    np.testing.assert_allclose(one["se"], other["se"], rtol=1e-10)


def test_a_stratum_without_cases_is_constant_and_strata_are_not_compared() -> None:
    results = associate(
        *make(), family="logistic", exposure="sick", strata="sex", transform="none", threads=1
    )
    found = results.table()
    told = found.filter(pl.col("stratum") == "F")
    assert set(told["status"].cast(pl.String)) == {"constant"}
    assert set(found.filter(pl.col("stratum") == "M")["status"].cast(pl.String)) == {"ok"}
    assert results.table("joint_tests").height == 0


def test_a_level_that_nobody_has_is_told(caplog: pytest.LogCaptureFixture) -> None:
    order = OrdinalOptions(levels={"grade": "none,low,mid,high"})
    found = scan("ordinal", exposure="grade", ordinal=order)
    assert "nobody has 'none' of --levels grade: its order is low < mid < high" in caplog.text
    plain = scan(
        "ordinal", exposure="grade", ordinal=OrdinalOptions(levels={"grade": "low,mid,high"})
    )
    assert found["estimate"].to_list() == plain["estimate"].to_list()


def test_a_level_that_the_order_lacks_is_refused() -> None:
    with pytest.raises(UsageError, match="'high' is a level of the column and not among"):
        scan("ordinal", exposure="grade", ordinal=OrdinalOptions(levels={"grade": "low,mid"}))


@pytest.mark.parametrize("terms", ["x", "C(sex) + x"])
def test_an_outcome_among_the_covariates_is_refused(terms: str) -> None:
    with pytest.raises(UsageError, match="'x' is an outcome and in the adjustment set 'm'"):
        scan("linear", outcome="x", adjust={"m": terms})
