"""Whoever solves statistic and p value for the people behind them finds k and more possible."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from proteomr.egress.judging import judge_tables
from proteomr.egress.policies import Policy
from proteomr.egress.unwritten_df import tell_people
from proteomr.stats.f_tail import neg_log10_p_f
from proteomr.stats.multiple import Adjustment, adjust
from tests.egress.tables import given

K = 5
METHODS: dict[str, Adjustment] = {"q_bh": "bh", "p_holm": "holm", "q_by": "by"}
UKB = Policy("own", "five", K)


def leave(name: str, columns: dict[str, Any], policy: Policy = UKB) -> pl.DataFrame:
    judged, _ = judge_tables([given(name, columns)], policy)
    assert judged[0].leaving is not None
    return judged[0].leaving


def find_people(statistic: float, df1: int, p: float, digits: int) -> list[int]:
    """Return the degrees of freedom that agree with a rounded statistic and p value."""
    half = 0.5 * 10.0 ** (np.floor(np.log10(statistic)) - digits + 1)
    near = 0.5 * 10.0 ** (np.floor(np.log10(p)) - digits + 1)
    df = np.arange(1, 3_000)
    most = stats.f.sf(statistic - half, df1, df)
    least = stats.f.sf(statistic + half, df1, df)
    agree = (least <= p + near * (1 + 1e-9)) & (most >= p - near * (1 + 1e-9))
    return [int(one) for one in df[agree]]


@pytest.mark.parametrize("df1", [1, 2, 4, 12])
def test_f_tests_leave_their_people_open(df1: int) -> None:
    """Of models of 10 to 2,500 people; the same attack on exact rows finds most of the small."""
    df2 = np.unique(np.geomspace(10, 2_500, 40).astype(int))
    f = np.tile([0.4, 1.3, 3.0, 9.0, 30.0], df2.size)
    df = np.repeat(df2, 5)
    p = np.asarray(stats.f.sf(f, df1, df))
    f, df, p = (part[p > 1e-250] for part in (f, df, p))
    columns = {
        "protein": [f"P{i}" for i in range(f.size)],
        "test": ["interaction"] * f.size,
        "statistic": f,
        "df": [float(df1)] * f.size,
        "p_value": p,
        "neg_log10_p": -np.log10(p),
    }
    left = leave("joint_tests", columns)
    found = 0
    for row, people in zip(left.iter_rows(named=True), df, strict=True):
        if row["p_value"] is None:
            assert row["neg_log10_p"] is None
            found += 1
            continue
        possible = set(find_people(row["statistic"], df1, row["p_value"], 4))
        window = set(range(max(1, int(people) - K + 1), int(people) + K))
        assert window <= possible, (row, people)
    assert 0 < found < f.size  # those of few people alone
    kept = left.with_columns(df2=df).filter(pl.col("p_value").is_not_null())
    assert kept["df2"].max() > 2_000  # type: ignore[operator]


def test_tests_that_know_no_people_keep_their_p_values() -> None:
    statistic = np.array([0.3, 4.2, 60.0, 900.0])
    minus_log = -stats.chi2.logsf(statistic, 3) / np.log(10)
    columns = {
        "protein": list("ABCD"),
        "test": ["lr"] * 4,
        "statistic": statistic,
        "df": [3.0] * 4,
        "neg_log10_p": minus_log,
        "p_value": 10.0**-minus_log,
    }
    left = leave("joint_tests", columns)
    assert left["neg_log10_p"].to_list() == pytest.approx(minus_log, rel=1e-3)


def test_a_p_value_that_no_test_gives_does_not_leave() -> None:
    columns = {"statistic": [4.0], "df": [1.0], "p_value": [0.04], "neg_log10_p": [1.4]}
    left = leave("joint_tests", columns)
    assert left["p_value"].to_list() == [None]


@pytest.mark.parametrize(("df", "stays"), [(14, True), (40, True), (20_000, False)])
def test_t_tests_in_tables_without_their_df_are_held_to_the_same(df: int, *, stays: bool) -> None:
    estimate, se = np.array([0.31, -0.2, 0.02]), np.array([0.1, 0.07, 0.1])
    p = 2 * stats.t.sf(np.abs(estimate / se), df)
    both = {"estimate": estimate, "se": se, "p_value": p, "neg_log10_p": -np.log10(p)}
    more = {"p_bonferroni": np.minimum(1, 3 * p)}
    more |= {name: adjust(-np.log10(p), method=by) for name, by in METHODS.items()}
    left = leave("adjusted", {"protein": list("ABC"), **both, **more})
    assert (left["p_value"][0] is None) == stays
    for row in left.iter_rows(named=True):
        assert (row["p_bonferroni"] is None) == (row["p_value"] is None)
        assert (row["q_bh"] is None) == (row["p_value"] is None)
    sides = {
        f"{name}_{side}": values
        for side in "ab"
        for name, values in both.items()
        if name != "p_value"
    }
    left = leave("compared", {"protein": list("ABC"), **sides})
    for side in "ab":
        assert (left[f"neg_log10_p_{side}"][0] is None) == stays


def test_people_are_told_where_more_digits_leave() -> None:
    f, df1 = np.array([9.0]), np.array([2.0])
    y = neg_log10_p_f(f, df1, np.array([5_000.0]))
    rough, fine = 1e-4, 1e-9
    for part, told in ((rough, False), (fine, True)):
        of_f, of_y = ((v, v * (1 - part), v * (1 + part)) for v in (f, y))
        assert tell_people(of_f, df1, of_y, k=K).tolist() == [told]


def test_the_error_of_a_net_benefit_gives_a_small_count_away_and_stays() -> None:
    """With n known, few pairs of true and false positives give an error to four digits."""
    n, true, false, odds = 1_000, 3, 0, 0.2 / 0.8

    def error(hits: np.ndarray, alarms: np.ndarray) -> np.ndarray:
        benefit = (hits - odds * alarms) / n
        found: np.ndarray = np.sqrt(((hits + odds**2 * alarms) / n - benefit**2) / n)
        return found

    hits, alarms = np.meshgrid(np.arange(200), np.arange(200), indexing="ij")
    told = float(error(np.array(true), np.array(false)))
    possible = np.abs(error(hits, alarms) - told) <= 0.5e-4 * told
    assert {*hits[possible & (alarms < 5)].tolist()} == {true}
    columns = {"threshold": [0.2], "net_benefit": [true / n], "se": [told], "n": [n]}
    judged, _ = judge_tables([given("decision_curve", columns)], UKB)
    left = judged[0].leaving
    assert left is not None
    assert left.select("net_benefit", "se").null_count().row(0) == (1, 1)
