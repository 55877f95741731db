"""One correction for multiple testing over several tables of results."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from statsmodels.stats.multitest import multipletests

from proteomr import adjust
from proteomr.errors import ColumnError, InputError, UsageError


def table(seed: int, n: int = 60) -> pl.DataFrame:
    g = np.random.default_rng(seed)
    names = [f"P{i:02d}" for i in range(n)]
    return pl.DataFrame({"protein": names, "p_value": g.random(n) ** 3})


def test_corrections_are_those_of_all_tests_together() -> None:
    found = adjust(table(1), table(2, n=50)).table()
    p = found["p_value"].to_numpy()
    assert found["table"].to_list() == ["table1"] * 60 + ["table2"] * 50
    for name, method in (
        ("p_bonferroni", "bonferroni"),
        ("p_holm", "holm"),
        ("q_bh", "fdr_bh"),
        ("q_by", "fdr_by"),
    ):
        wanted = multipletests(p, method=method)[1]
        np.testing.assert_allclose(found[name], wanted, rtol=1e-10, err_msg=name)


def test_one_table_alone_is_corrected_as_ever() -> None:
    one = table(1)
    assert adjust(one).table()["q_bh"].to_list() == pytest.approx(
        multipletests(one["p_value"].to_numpy(), method="fdr_bh")[1].tolist(), rel=1e-10
    )


def test_a_number_of_tests_is_bonferronis_alone() -> None:
    one = table(1)
    found, plain = adjust(one, tests=7.5).table(), adjust(one).table()
    wanted = np.minimum(one["p_value"].to_numpy() * 7.5, 1.0)
    np.testing.assert_allclose(found["p_bonferroni"], wanted, rtol=1e-10)
    assert found["q_bh"].equals(plain["q_bh"])


def test_p_values_below_the_smallest_double_keep_their_order() -> None:
    far = pl.DataFrame({"protein": ["A", "B"], "neg_log10_p": [400.0, 1.0]})
    found = adjust(far).table()
    assert found["p_bonferroni"].to_list() == [0.0, pytest.approx(0.2)]
    assert found["neg_log10_p"].to_list() == [400.0, 1.0]


def test_rows_without_a_test_take_no_part() -> None:
    one = table(1).with_columns(
        pl.when(pl.col("protein") == "P03").then(None).otherwise("p_value").alias("p_value")
    )
    found = adjust(one).table()
    assert found.row(3, named=True)["p_bonferroni"] is None
    assert found["p_bonferroni"][0] == pytest.approx(min(1.0, one["p_value"][0] * 59))


def test_estimates_and_errors_give_p_values() -> None:
    plain = pl.DataFrame({"protein": ["A"], "estimate": [1.96], "se": [1.0]})
    student = plain.with_columns(pl.lit(4.0).alias("df"))
    found = adjust(plain, student).table()
    assert found["p_value"].to_list() == pytest.approx([0.04999579, 0.12156], rel=1e-3)


@pytest.mark.parametrize(
    ("tables", "asked", "said"),
    [
        ((), {}, "no table is named"),
        ((table(1),), {"tests": 0.5}, "must be 1 or more"),
        ((table(1),), {"tests": float("nan")}, "must be 1 or more"),
        (("a.csv", "a.csv"), {}, "a.csv is given twice"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tables: tuple[object, ...], asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        adjust(*tables, **asked)


def test_tables_without_p_values_are_refused() -> None:
    with pytest.raises(ColumnError, match="no column 'neg_log10_p' or 'p_value'"):
        adjust(pl.DataFrame({"protein": ["A"]}))
    with pytest.raises(ColumnError, match="1 row has a value of 'p_value' that is not from 0 to 1"):
        adjust(pl.DataFrame({"p_value": [1.5]}))
    with pytest.raises(InputError, match="no row of the tables has a p value"):
        adjust(pl.DataFrame({"p_value": pl.Series([None], dtype=pl.Float64)}))


def test_no_number_has_no_test_and_minus_logarithms_below_zero_are_refused() -> None:
    table = pl.DataFrame({"protein": ["a", "b", "c"], "p_value": [float("nan"), 0.5, 1.0]})
    found = adjust(table).table()
    assert found["p_bonferroni"].to_list() == [None, 1.0, 1.0]
    assert str(found["neg_log10_p"][2]) == "0.0"
    below = pl.DataFrame({"protein": ["a"], "neg_log10_p": [-3.0]})
    with pytest.raises(ColumnError, match="'neg_log10_p' that is below 0"):
        adjust(below)
