"""E-values: the published examples, every measure, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr import e_values
from proteomr.errors import ColumnError, InputError, UsageError
from proteomr.stats.e_values import approximate_risk_ratio, e_value


def test_the_published_examples() -> None:
    """VanderWeele and Ding 2017: 3.9 (1.8 to 8.7) and 0.80 (0.71 to 0.91)."""
    log = np.log([[3.9, 1.8, 8.7], [0.80, 0.71, 0.91]])
    table = pl.DataFrame(
        {"estimate": log[:, 0], "se": [0.4, 0.06], "conf_low": log[:, 1], "conf_high": log[:, 2]}
    )
    found = e_values(table, scale="RR").table()
    assert found["e_value"].round(1).to_list() == [7.3, 1.8]
    assert found["e_value_limit"].round(1).to_list() == [3.0, 1.4]


def test_ratios_and_their_inverses_have_one_value() -> None:
    ratios = np.array([1.0, 1.5, 20.0, 1e6])
    np.testing.assert_allclose(e_value(1.0 / ratios), e_value(ratios), rtol=1e-12)


def test_common_outcomes_have_ratios_nearer_to_one() -> None:
    log = np.log([0.25, 1.0, 4.0])
    np.testing.assert_allclose(approximate_risk_ratio(log, "OR, common"), [0.5, 1.0, 2.0])
    hazard = approximate_risk_ratio(log, "HR, common")
    wanted = [(1 - 0.5 ** math.sqrt(h)) / (1 - 0.5 ** math.sqrt(1 / h)) for h in (0.25, 1.0, 4.0)]
    np.testing.assert_allclose(hazard, wanted, rtol=1e-12)


def test_slopes_are_standardised_differences() -> None:
    table = pl.DataFrame({"estimate": [0.6], "se": [0.1]})
    found = e_values(table, scale="difference", sd=2.0, delta=3.0).table().row(0, named=True)
    d, se = 0.9, 0.15
    ratio, limit = math.exp(0.91 * d), math.exp(0.91 * d - 1.78 * se)
    assert found["risk_ratio"] == pytest.approx(ratio)
    assert found["e_value"] == pytest.approx(ratio + math.sqrt(ratio * (ratio - 1)))
    assert found["e_value_limit"] == pytest.approx(limit + math.sqrt(limit * (limit - 1)))


def test_an_interval_that_holds_no_association_has_a_limit_of_one() -> None:
    table = pl.DataFrame({"estimate": [0.1, -0.1], "se": [0.1, 0.1]})
    assert e_values(table, scale="OR").table()["e_value_limit"].to_list() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("scale", "outcome"), [("RR", "auto"), ("OR", "rare"), ("HR", "common"), ("difference", "auto")]
)
def test_ratios_beyond_all_numbers_are_infinite_on_both_sides(scale: Any, outcome: Any) -> None:
    table = pl.DataFrame({"estimate": [2e3, -2e3, 1e-300], "se": [1.0, 1.0, 1.0]})
    found = e_values(table, scale=scale, outcome=outcome).table()
    assert found["e_value"].to_list() == [math.inf, math.inf, 1.0]
    assert found["e_value_limit"].to_list() == [math.inf, math.inf, 1.0]


def test_a_table_of_associations_says_what_its_estimates_are() -> None:
    table = pl.DataFrame(
        {
            "protein": ["A", "B", "C"], "family": ["logistic", "logistic", "linear"],
            "estimate": [0.4, 0.4, 0.4], "se": [0.1] * 3, "n": [1000] * 3,
            "n_case": [100, 200, None],
        }
    )  # fmt: skip
    found = e_values(table).table()
    assert found["protein"].to_list() == ["A", "B", "C"]
    assert found["measure"].to_list() == ["OR", "OR, common", "difference"]
    assert e_values(table, outcome="common").table()["measure"].to_list()[0] == "OR, common"


def test_what_is_not_known_is_asked_for() -> None:
    plain = pl.DataFrame({"estimate": [0.4], "se": [0.1]})
    with pytest.raises(UsageError, match="say what the estimates are"):
        e_values(plain)
    with pytest.raises(UsageError, match="estimates of the multinomial family"):
        e_values(plain.with_columns(pl.lit("multinomial").alias("family")))
    with pytest.raises(UsageError, match="sd is 0"):
        e_values(plain, scale="difference", sd=0.0)
    with pytest.raises(ColumnError, match="no column 'se'"):
        e_values(plain.drop("se"), scale="OR")
    with pytest.raises(InputError, match="no row has an estimate"):
        e_values(plain.with_columns(pl.lit(None, dtype=pl.Float64).alias("se")), scale="OR")
