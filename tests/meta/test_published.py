"""Effects as papers print them: ratios and differences with their limits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr.errors import ColumnError, InputError
from proteomr.meta import DoseOptions
from proteomr.runs import Results

HALF = 1.959963984540054


def make(decimals: int = 12) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return studies with estimates and errors, and the same as ratios with limits."""
    g = np.random.default_rng(6)
    estimate, se = g.normal(0.2, 0.2, 7), g.uniform(0.05, 0.3, 7)
    studies = [f"s{i}" for i in range(7)]
    told = pl.DataFrame({"study": studies, "estimate": estimate, "se": se})
    printed = pl.DataFrame(
        {
            "study": studies,
            "ratio": np.exp(estimate).round(decimals),
            "conf_low": np.exp(estimate - HALF * se).round(decimals),
            "conf_high": np.exp(estimate + HALF * se).round(decimals),
        }
    )
    return told, printed


def pool(table: pl.DataFrame, **asked: Any) -> Results:
    return proteomr.meta(table, study="study", **asked)


def test_ratios_with_limits_are_their_logarithms_with_errors() -> None:
    told, printed = make()
    one, other = pool(told).table(), pool(printed).table()
    for name in ("estimate", "se", "tau2", "q", "conf_low", "conf_high"):
        assert other[name][0] == pytest.approx(one[name][0], rel=1e-9)
    assert other["k"][0] == 7


def test_differences_with_limits_have_their_errors() -> None:
    told, _ = make()
    limits = told.select(
        "study",
        "estimate",
        conf_low=pl.col("estimate") - HALF * pl.col("se"),
        conf_high=pl.col("estimate") + HALF * pl.col("se"),
    )
    assert pool(limits).table()["se"][0] == pytest.approx(pool(told).table()["se"][0], rel=1e-9)


def test_two_decimals_are_enough_for_two_of_the_result_and_are_not_called_uneven() -> None:
    told, printed = make(decimals=2)
    results = pool(printed)
    assert results.table()["estimate"][0] == pytest.approx(
        pool(told).table()["estimate"][0], abs=0.01
    )
    assert any("taken to be of 95 %" in note for note in results.notes)
    assert not any("evenly" in note for note in results.notes)


def test_limits_of_another_estimate_are_told_of() -> None:
    _, printed = make()
    moved = printed.with_columns(
        ratio=pl.when(pl.col("study") == "s2").then(pl.col("conf_high") * 0.99).otherwise("ratio")
    )
    notes = pool(moved).notes
    assert any("1 row has limits that do not lie evenly" in note for note in notes), notes


def test_ratios_under_the_name_of_estimates_are_told_of() -> None:
    told, printed = make(decimals=2)
    word = "call the column ratio"
    assert any(word in note for note in pool(printed.rename({"ratio": "estimate"})).notes)
    assert not any(word in note for note in pool(printed).notes)
    differences = told.select(
        "study",
        estimate=pl.col("estimate") + 3.0,
        conf_low=pl.col("estimate") + 3.0 - HALF * pl.col("se"),
        conf_high=pl.col("estimate") + 3.0 + HALF * pl.col("se"),
    ).with_columns(pl.selectors.float().round(2))
    assert not any(word in note for note in pool(differences).notes)


def test_an_error_that_is_there_comes_before_limits() -> None:
    told, printed = make()
    both = told.with_columns(conf_low=pl.lit(-9.0), conf_high=pl.lit(9.0), ratio=printed["ratio"])
    assert pool(both).table().equals(pool(told).table())


@pytest.mark.parametrize(
    ("change", "fault", "said"),
    [
        ({"conf_low": pl.lit(0.0)}, InputError, "conf_low is 0: ratios and their limits are above"),
        ({"ratio": pl.lit(9.0)}, InputError, "7 rows have a ratio outside of its limits"),
        ({"ratio": pl.lit("1.26")}, ColumnError, "column 'ratio' holds String"),
    ],
)
def test_what_is_no_ratio_with_limits_is_refused(
    change: dict[str, pl.Expr], fault: type[Exception], said: str
) -> None:
    with pytest.raises(fault, match=said):
        pool(make()[1].with_columns(**change))


def test_what_is_needed_is_said_where_neither_is_there() -> None:
    with pytest.raises(
        ColumnError, match=r"no column 'se'.*or ratio .*with conf_low and conf_high"
    ):
        pool(make()[0].drop("se"))
    with pytest.raises(ColumnError, match="no column 'estimate'"):
        pool(make()[1].drop("conf_low"))


def test_a_study_without_limits_is_left_out_and_counted() -> None:
    _, printed = make()
    lacking = printed.with_columns(
        conf_high=pl.when(pl.col("study") == "s1").then(None).otherwise("conf_high")
    )
    results = pool(lacking)
    assert results.table()["k"][0] == 6


def test_doses_take_ratios_too() -> None:
    doses = pl.DataFrame(
        {
            "study": ["a"] * 3 + ["b"] * 3,
            "dose": [0.0, 1.0, 2.0] * 2,
            "ratio": [1.0, 1.2, 1.5, 1.0, 1.1, 1.3],
            "conf_low": [1.0, 1.0, 1.2, 1.0, 0.9, 1.0],
            "conf_high": [1.0, 1.44, 1.875, 1.0, 1.3444, 1.69],
        }
    )
    logs = doses.select(
        "study",
        "dose",
        estimate=pl.col("ratio").log(math.e),
        se=(pl.col("conf_high").log(math.e) - pl.col("conf_low").log(math.e)) / (2 * HALF),
    )
    asked: dict[str, Any] = {"dose": DoseOptions(covariance="independent")}
    one, other = (pool(table, **asked).table("meta_dose") for table in (doses, logs))
    assert one["estimate"][0] == pytest.approx(other["estimate"][0], rel=1e-12)
    assert one["se"][0] == pytest.approx(other["se"][0], rel=1e-12)
