"""Scans of ordered levels: their order, their tables, strata and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.association import ModelSpec, associate
from proteomr.errors import ColumnError, UsageError
from proteomr.models import OrdinalOptions

LEVELS = ["low", "mid", "high", "top"]
ORDER = OrdinalOptions(levels={"grade": ",".join(LEVELS)})


def people(n: int = 400) -> tuple[pl.DataFrame, pl.DataFrame]:
    g = np.random.default_rng(11)
    x, age = g.normal(size=n), g.normal(57.0, 8.0, n)
    latent = 0.5 * x + 0.02 * age + g.logistic(size=n)
    codes = (latent[:, None] > np.quantile(latent, [0.3, 0.6, 0.9])).sum(axis=1)
    ids = [f"p{i}" for i in range(n)]
    samples = pl.DataFrame(
        {
            "ID": ids,
            "grade": [LEVELS[code] for code in codes],
            "number": codes + 1.0,
            "many": np.arange(n) % 11,
            "age": age,
            "sex": g.choice(["F", "M"], n),
        }
    )
    return samples, pl.DataFrame({"ID": ids, "P": x, "Q": g.normal(size=n)})


def run(samples: pl.DataFrame | None = None, target: str = "grade", **more: Any) -> Any:
    given, proteins = people()
    settings: dict[str, Any] = {"adjust": {"m": "age"}, "transform": "none", **more}
    data = given if samples is None else samples
    return associate(data, proteins, family="ordinal", outcome=target, threads=1, **settings)


def test_numbers_categories_and_a_given_order_are_one_and_the_alphabet_another() -> None:
    samples, _ = people()
    enum = samples.with_columns(pl.col("grade").cast(pl.Enum(LEVELS)))
    given = run(ordinal=ORDER).table()
    for other in (run(enum), run(target="number")):
        np.testing.assert_array_equal(other.table()["estimate"], given["estimate"])
    alphabet = run().table()
    assert alphabet["estimate"][0] != given["estimate"][0]
    assert given["estimate"][0] > 5 * given["se"][0]


def test_an_order_by_the_alphabet_is_said(caplog: pytest.LogCaptureFixture) -> None:
    samples, _ = people()
    enum = samples.with_columns(pl.col("grade").cast(pl.Enum(LEVELS)))
    for results in (run(enum), run(ordinal=ORDER), run(target="number")):
        assert results.table().height == 2
    assert "alphabet" not in caplog.text
    run()
    assert "ordered high < low < mid < top, as the alphabet has it" in caplog.text


def test_both_likelihood_ratios_are_there_without_asking() -> None:
    joint = run(ordinal=ORDER).table("joint_tests")
    assert joint["test"].to_list() == ["lr", "proportional_odds"] * 2
    assert joint["df"].to_list() == [1.0, 2.0] * 2
    asked = run(ordinal=OrdinalOptions(levels=ORDER.levels, brant=True)).table("joint_tests")
    assert set(asked["test"]) == {"lr", "proportional_odds", "brant"}


def test_thresholds_are_named_by_the_levels_beside_them() -> None:
    table = run(ordinal=ORDER, coefficients=True).table("coefficients")
    one = table.filter(pl.col("protein") == "P")
    assert one["coefficient"].to_list() == ["low|mid", "mid|high", "high|top", "age", "P"]
    numbers = run(target="number", coefficients=True).table("coefficients")
    assert numbers["coefficient"].to_list()[:3] == ["1|2", "2|3", "3|4"]


def test_a_probit_estimate_has_no_odds_ratio() -> None:
    logits, probits = run(target="number"), run(target="number", ordinal=OrdinalOptions("probit"))
    assert probits.table()["ratio"].null_count() == 2
    ratio = np.exp(logits.table()["estimate"].to_numpy())
    np.testing.assert_allclose(logits.table()["ratio"], ratio)
    shrunk = probits.table()["estimate"][0] / logits.table()["estimate"][0]
    assert 0.5 < shrunk < 0.7  # the standard deviation of a logistic variable is 1.8


def test_strata_have_their_own_levels_and_are_compared() -> None:
    samples, _ = people()
    men = pl.col("sex") == "M"
    grade = pl.when(men & (pl.col("grade") == "top")).then(pl.lit("high")).otherwise("grade")
    results = run(samples.with_columns(grade=grade), strata="sex", ordinal=ORDER)
    said = dict(
        results.table().filter(pl.col("protein") == "P").select("stratum", "message").rows()
    )
    assert said == {"F": None, "M": "nobody has level top"}
    joint = results.table("joint_tests")
    assert {"lr", "proportional_odds", "heterogeneity"} == set(joint["test"])


def test_products_with_a_covariate_have_rows_and_a_test() -> None:
    results = run(interaction="sex", adjust={"m": "age + sex"}, target="number")
    assert results.table()["term"].to_list() == ["P", "P:sex", "Q", "Q:sex"]
    joint = results.table("joint_tests").filter(pl.col("protein") == "P")
    assert dict(joint.select("test", "df").rows()) == {
        "lr": 2.0,
        "proportional_odds": 2.0,
        "interaction": 1.0,
    }


@pytest.mark.parametrize("n", [300, 4200])
def test_case_counts_are_rows_repeated(n: int) -> None:
    samples, proteins = people(n)
    counts = np.random.default_rng(4).integers(1, 4, n)
    asked: dict[str, Any] = {
        "family": "ordinal",
        "outcome": "number",
        "adjust": {"m": "age"},
        "transform": "none",
        "coefficients": True,
        "threads": 1,
    }
    counted = associate(
        samples.with_columns(w=counts), proteins, weights="w", weight_kind="frequency", **asked
    )
    rows, ids = np.repeat(np.arange(n), counts), pl.Series("ID", range(int(counts.sum())))
    repeated = associate(
        samples[rows].with_columns(ids.cast(pl.String)),
        proteins[rows].with_columns(ids.cast(pl.String)),
        **asked,
    )
    assert counted.table()["n"].to_list() == [int(counts.sum())] * 2
    for name in ("associations", "joint_tests", "coefficients"):
        one, other = counted.table(name), repeated.table(name)
        for column in {"estimate", "se", "statistic"}.intersection(one.columns):
            np.testing.assert_allclose(one[column], other[column], rtol=1e-6, atol=1e-8)


MISTAKES: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"levels": {"grade": "low,mid,high"}}, UsageError, "'top' is a level of the column and not"),
    ({"levels": {"grad": "low,mid,high,top"}}, UsageError, "grad: is no outcome .*'grade'"),
    ({"levels": {"grade": "low,mid,mid"}}, UsageError, "'mid' is given twice"),
    ({"levels": {"grade": "low"}}, UsageError, "two levels or more are needed with commas"),
    ({"link": "cloglog"}, UsageError, "there is no link 'cloglog': one of logit, probit"),
    ({"link": "probit", "brant": True}, UsageError, "Brant's test compares logits"),
]


@pytest.mark.parametrize(("options", "fault", "message"), MISTAKES)
def test_a_mistake_is_one_line(
    options: dict[str, Any], fault: type[Exception], message: str
) -> None:
    with pytest.raises(fault, match=message) as caught:
        run(ordinal=OrdinalOptions(**options))
    assert "\n" not in str(caught.value)


def test_more_than_ten_levels_are_refused_by_what_takes_them() -> None:
    with pytest.raises(ColumnError, match="'many' has 11 levels: it needs two to ten levels"):
        run(target="many")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (OrdinalOptions("probit"), "the probit link"),
        (OrdinalOptions(levels={"age": "1,2"}), "an order of levels"),
        (OrdinalOptions(brant=True), "Brant's test"),
    ],
)
def test_other_families_refuse_what_is_of_ordered_levels(
    options: OrdinalOptions, what: str
) -> None:
    with pytest.raises(UsageError, match=f"{what} is for the ordinal family, not for linear"):
        ModelSpec("linear", ("age",), ordinal=options)


def test_ordered_levels_have_no_reference() -> None:
    with pytest.raises(UsageError, match="ordered levels have no reference: --levels gives"):
        run(target="number", reference_level="1")


def test_a_specification_is_kept_and_read_again_and_plain_ones_say_nothing_of_levels() -> None:
    spec = ModelSpec("ordinal", (), outcomes=("grade",), ordinal=ORDER)
    assert ModelSpec.from_dict(spec.to_dict()) == spec
    assert "ordinal" not in ModelSpec("linear", ("age",)).to_dict()
