"""Scans of samples that were multiply imputed: mice's numbers, shards, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.association import associate
from proteomr.association.imputed import pool_parts
from proteomr.errors import FormatError, InputError, UsageError
from proteomr.io import split_imputations
from proteomr.models import Further, Permutations
from proteomr.scan import GIVEN_P, JOINT_TESTS, PART_ORDER

STORED = Path(__file__).resolve().parents[1] / "reference"
SAMPLES, PROTEINS = STORED / "imputed_samples.csv", STORED / "imputed_proteins.csv"
ADJUST = {"m": "age + sex + bmi"}


@pytest.fixture(scope="module")
def long() -> pl.DataFrame:
    return pl.read_csv(SAMPLES, infer_schema_length=None)


def scan(samples: Any, family: str = "linear", **asked: Any) -> pl.DataFrame:
    return associate(
        samples, PROTEINS, family=family, exposure="lonely", adjust=ADJUST, **asked
    ).table()


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_pooled_scans_equal_mice(family: str) -> None:
    wanted = json.loads((STORED / "imputed.json").read_text("utf-8"))[family]
    found = scan(SAMPLES, family)
    assert found["m"].to_list() == [4] * 4
    assert found["n"].to_list() == [120, 105, 120, 120]
    for name in ("estimate", "se", "df", "p_value", "fmi"):
        np.testing.assert_allclose(found[name].to_numpy(), wanted[name], rtol=2e-8, err_msg=name)


def test_limits_and_p_values_are_of_t_with_the_pooled_degrees_of_freedom() -> None:
    from scipy import stats

    found = scan(SAMPLES, "logistic").row(1, named=True)
    reach = stats.t.ppf(0.975, found["df"]) * found["se"]
    assert found["conf_low"] == pytest.approx(found["estimate"] - reach, rel=1e-12)
    assert found["p_value"] == pytest.approx(2 * stats.t.sf(abs(found["statistic"]), found["df"]))


def test_samples_without_imputations_have_no_pooled_columns(long: pl.DataFrame) -> None:
    once = long.filter(pl.col(".imp") == 1).drop(".imp").rename({".id": "ID"})
    assert not {"m", "fmi"} & set(scan(once).columns)


def test_equal_imputations_give_the_fits_of_one(long: pl.DataFrame) -> None:
    once = long.filter(pl.col(".imp") == 1)
    three = pl.concat([once.with_columns(pl.lit(i).alias(".imp")) for i in (1, 2, 3)])
    pooled = scan(three)
    alone = scan(once.drop(".imp").rename({".id": "ID"}))
    for name in ("estimate", "se"):
        np.testing.assert_allclose(pooled[name], alone[name], rtol=1e-14)
    # what Barnard and Rubin take off for the imputations' not being more
    df = alone["df"].to_numpy()
    np.testing.assert_allclose(pooled["df"], df * (df + 1) / (df + 3), rtol=1e-12)


def test_the_order_of_the_rows_changes_no_byte(long: pl.DataFrame) -> None:
    assert scan(long.sample(fraction=1.0, shuffle=True, seed=1)).equals(scan(long))


def test_a_joint_test_is_pooled(tmp_path: Path) -> None:
    results = associate(
        SAMPLES, PROTEINS, family="linear", exposure="lonely", adjust=ADJUST, interaction="sex",
        out=tmp_path / "run",
    )  # fmt: skip
    joint = results.table("joint_tests")
    product = results.table().filter(pl.col("term") == "lonely:sex")
    assert joint["df"].to_list() == [1.0] * 4
    # of one coefficient: near the pooled Wald test, which knows more of the fits
    squares = product["statistic"].to_numpy() ** 2
    np.testing.assert_allclose(joint["statistic"].to_numpy(), squares, atol=0.35)


def test_a_protein_that_fails_in_one_imputation_says_in_which(long: pl.DataFrame) -> None:
    people = pl.read_csv(PROTEINS).filter(pl.col("P2").is_not_null())["ID"]
    cases = pl.col(".id").is_in(people.to_list()).cast(pl.Int64)
    odd = long.with_columns(
        pl.when(pl.col(".imp") == 3).then(1 - cases).otherwise(pl.col("lonely")).alias("lonely")
    )
    found = scan(odd)
    row = found.row(1, named=True)
    assert (row["status"], row["estimate"], row["m"], row["fmi"]) == ("constant", None, 4, None)
    assert row["message"].startswith("imputation 3: ")
    assert found["status"].to_list() == ["ok", "constant", "ok", "ok"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (pl.col(".imp") != 2, "has imputations up to 4 and lacks 2"),
        (pl.col(".imp") < 2, "has one imputation"),
        ((pl.col(".imp") != 3) | (pl.col(".id") != 7), "imputation 3 has other people"),
    ],
)
def test_imputations_that_are_not_whole_are_refused(
    long: pl.DataFrame, change: pl.Expr, said: str
) -> None:
    with pytest.raises(FormatError, match=said):
        scan(long.filter(change))


@pytest.mark.parametrize("number", [-1.0, 1.5, None])
def test_a_number_that_is_none_of_an_imputation_is_refused(
    long: pl.DataFrame, number: float | None
) -> None:
    odd = long.with_columns(
        pl.when(pl.col(".imp") == 4)
        .then(pl.lit(number, dtype=pl.Float64))
        .otherwise(pl.col(".imp"))
        .alias(".imp")
    )
    with pytest.raises(FormatError, match="holds what is no number of an imputation"):
        scan(odd)


def test_another_identifier_is_preferred_to_the_row_number(
    long: pl.DataFrame, tmp_path: Path
) -> None:
    named = long.with_columns((pl.col(".id") + 1000).alias("eid"))
    named.write_csv(tmp_path / "long.csv")
    files = split_imputations(tmp_path / "long.csv", scratch=tmp_path)
    assert len(files) == 4
    assert pl.read_parquet(files[0])["eid"].to_list() == list(range(1001, 1121))
    assert ".id" in pl.read_parquet(files[0]).columns


def test_parts_of_other_models_are_not_pooled() -> None:
    keys = {name: [0] for name in PART_ORDER}
    part = pl.DataFrame(
        {**keys, "protein": ["A"], "term": ["x"], "contrast": ["b vs a"], "stratum": [None],
         JOINT_TESTS: [None], GIVEN_P: [None]}
    )  # fmt: skip
    other = part.with_columns(pl.lit("c vs a").alias("contrast"))
    with pytest.raises(InputError, match="give other models than the first"):
        pool_parts([[part], [other]], parameters=[], law="t", of_events=False, level=0.95)


def test_tests_of_the_likelihood_are_pooled_as_chi_squared(long: pl.DataFrame) -> None:
    once = long.filter(pl.col(".imp") == 1)
    twice = pl.concat([once.with_columns(pl.lit(i).alias(".imp")) for i in (1, 2)])
    asked: Any = {"further": Further(("lr", "score", "wald"))}
    asked |= {"family": "linear", "exposure": "lonely"}
    pooled = associate(twice, PROTEINS, adjust=ADJUST, **asked)
    alone = associate(once.drop(".imp").rename({".id": "ID"}), PROTEINS, adjust=ADJUST, **asked)
    ours, theirs = pooled.table("joint_tests"), alone.table("joint_tests")
    assert ours["test"].equals(theirs["test"])
    np.testing.assert_allclose(ours["statistic"], theirs["statistic"], rtol=1e-12)


def pool_by_hand(of_each: list[pl.DataFrame]) -> tuple[Any, Any]:
    estimate = np.array([one["estimate"].to_numpy() for one in of_each])
    within = np.array([one["se"].to_numpy() for one in of_each]) ** 2
    m = len(of_each)
    total = within.mean(axis=0) + (1 + 1 / m) * estimate.var(axis=0, ddof=1)
    return estimate.mean(axis=0), np.sqrt(total)


@pytest.mark.parametrize(
    ("family", "asked"),
    [("linear", {}), ("linear", {"errors": "HC3"}), ("logistic", {"interaction": "age"})],
)
def test_all_coefficients_are_pooled(
    long: pl.DataFrame, family: str, asked: dict[str, Any]
) -> None:
    asked = {
        "family": family,
        "exposure": "lonely",
        "adjust": ADJUST,
        "coefficients": True,
        **asked,
    }
    results = associate(SAMPLES, PROTEINS, **asked)
    found, frame = results.table("coefficients"), results.table()
    of_each = [
        associate(part.drop(".imp").rename({".id": "ID"}), PROTEINS, **asked).table("coefficients")
        for _, part in long.filter(pl.col(".imp") > 0).group_by([".imp"], maintain_order=True)
    ]
    keys = ["protein", "coefficient", "contrast"]
    assert found.select(keys).equals(of_each[0].select(keys))
    estimate, se = pool_by_hand(of_each)
    np.testing.assert_allclose(found["estimate"], estimate, rtol=1e-10)
    np.testing.assert_allclose(found["se"], se, rtol=1e-10)
    beside = frame.join(
        found, left_on=["protein", "term"], right_on=["protein", "coefficient"], suffix="_beside"
    )
    assert beside.height == frame.height
    for name in ("estimate", "se", "df", "p_value"):
        np.testing.assert_allclose(beside[f"{name}_beside"], beside[name], rtol=1e-8)


def test_a_level_that_one_imputation_lacks_has_no_pooled_coefficient(long: pl.DataFrame) -> None:
    person = long[".id"][0]
    rare = pl.when((pl.col(".id") == person) & (pl.col(".imp") < 3)).then(pl.lit("rare"))
    site = rare.when(pl.col("age") > long["age"].mean()).then(pl.lit("b")).otherwise(pl.lit("a"))
    found = associate(
        long.with_columns(site=site), PROTEINS, family="linear", exposure="lonely",
        coefficients=True, adjust={"m": "age + C(site)"},
    ).table("coefficients")  # fmt: skip
    lost = found.filter(pl.col("coefficient") == "site[rare]")
    assert lost.height > 0
    assert lost["estimate"].null_count() == lost.height
    assert found.filter(pl.col("coefficient") != "site[rare]")["estimate"].null_count() == 0


def test_models_that_all_imputations_refuse_have_no_coefficients(long: pl.DataFrame) -> None:
    flat = pl.DataFrame({"ID": long[".id"].unique(maintain_order=True)}).with_columns(ADM=1.0)
    results = associate(
        long, flat, family="linear", exposure="lonely", adjust=ADJUST, coefficients=True
    )
    assert results.table()["status"].cast(pl.String).to_list() == ["constant"]
    assert results.table("coefficients").height == 0


def test_permutations_of_imputed_samples_are_refused(long: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match="the samples hold several imputations"):
        scan(long, permutations=Permutations(99))
