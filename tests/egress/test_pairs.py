"""Whoever tries all numbers of cases and others finds every one possible that the counts allow."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from proteomr.egress.judging import judge_tables
from proteomr.egress.policies import Policy
from tests.egress.tables import given

K = 5


def leave(n: int, cases: int, auc: float, se: float = 0.0312345) -> dict[str, object]:
    columns = {
        "set": ["all"], "fold": ["1"], "model": ["score"], "metric": ["auc"], "value": [auc],
        "se": [se], "n": [n], "n_case": [cases], "status": ["ok"],
    }  # fmt: skip
    judged, _ = judge_tables([given("score_performance", columns)], Policy("own", "five", K))
    assert judged[0].leaving is not None
    return judged[0].leaving.row(0, named=True)


def list_possible(left: dict[str, object]) -> set[tuple[int, int]]:
    """Return cases and others of which some number of pairs gives what left."""
    n, cases, value = left["n"], left["n_case"], left["value"]
    assert isinstance(n, int)
    assert isinstance(cases, int)
    assert isinstance(value, float)
    decimals = len(f"{value:.10f}".rstrip("0").partition(".")[2])
    found = set()
    for people in range(n, n + K):
        for own in range(cases, cases + K):
            pairs = own * (people - own)
            half = 0.5 * 10.0**-decimals + 1e-12
            if abs(round(value * pairs) / pairs - value) <= half:
                found.add((people, own))
    return found


@pytest.mark.parametrize(("n", "cases"), [(37, 7), (61, 12), (140, 9), (412, 12), (403, 188)])
def test_areas_leave_every_number_of_cases_and_others_open(n: int, cases: int) -> None:
    rng = np.random.default_rng(n)
    pairs = cases * (n - cases)
    exact_is_told = 0
    for hit in rng.integers(pairs // 2, pairs, 20).tolist():
        left = leave(n, cases, hit / pairs)
        every = {(a, b) for a in range(n // K * K, n // K * K + K)
                 for b in range(cases // K * K, cases // K * K + K)}  # fmt: skip
        assert list_possible(left) == every
        exact_is_told += list_possible({**left, "value": round(hit / pairs, 4)}) != every
    assert (exact_is_told > 10) == (pairs < 5000)  # four digits would have told


def test_an_area_of_very_few_pairs_does_not_leave() -> None:
    assert leave(11, 5, 0.8)["value"] is None


def test_areas_of_many_pairs_keep_their_digits_and_other_measures_theirs() -> None:
    assert leave(4000, 300, 0.712345)["value"] == 0.7123
    columns = {"metric": ["brier"], "value": [0.123456], "se": [0.0123456], "n": [61],
               "n_case": [12], "status": ["ok"]}  # fmt: skip
    judged, _ = judge_tables([given("score_performance", columns)], Policy("own", "five", K))
    assert judged[0].leaving is not None
    assert judged[0].leaving["value"].to_list() == [0.1235]
    assert judged[0].leaving.select(pl.col("se")).item() == 0.01235


def leave_at_horizon(cases: int, beyond: int, auc: float) -> float | None:
    columns = {
        "set": ["all"], "fold": ["1"], "model": ["score"], "metric": ["auc"], "horizon": [5.0],
        "value": [auc], "se": [0.0312345], "n": [4000], "n_case": [cases], "at_risk": [beyond],
        "status": ["ok"],
    }  # fmt: skip
    judged, _ = judge_tables([given("score_performance", columns)], Policy("own", "five", K))
    assert judged[0].leaving is not None
    value = judged[0].leaving["value"].item()
    assert value is None or isinstance(value, float)
    return value


def test_an_area_at_a_horizon_is_of_the_cases_until_then_and_of_who_is_seen_beyond() -> None:
    assert leave_at_horizon(300, 3500, 0.712345) == 0.7123
    assert leave_at_horizon(12, 49, 0.712345) == 0.71  # whoever else there is left before
    assert leave_at_horizon(300, 4, 0.712345) is None
    assert leave_at_horizon(4, 3500, 0.712345) is None
