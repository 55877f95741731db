"""Means and standard deviations that determine how many people have which value do not leave."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.description import describe
from proteomr.egress.policies import read_policy
from proteomr.egress.releasing import judge_table
from proteomr.stats.few_values import tell_counts
from proteomr.tables import load_schema
from tests.egress.tables import given

UKB = read_policy("ukb")
MOMENTS = ("mean", "sd", "smd")


def leave(name: str, columns: dict[str, Any]) -> pl.DataFrame:
    left = judge_table(given(name, columns), UKB).leaving
    assert left is not None
    return left


def describe_values(**columns: F64) -> pl.DataFrame:
    people = pl.DataFrame({"sample_id": np.arange(len(next(iter(columns.values())))), **columns})
    by = ["group"] if "group" in columns else []
    frame = describe(people, by=by).table("description")
    return leave("description", frame.to_dict(as_series=False))


def solve_counts(values: tuple[float, ...], row: dict[str, Any]) -> set[int]:
    """Return what an attacker who knows the scale finds of the last value: how many have it.

    Of counts below 12 of that value all those that agree with n, mean and SD as they left.
    """
    low, middle, last = values
    found = set()
    for n, many in product(range(row["n"], row["n"] + UKB.k), range(12)):
        # the mean gives the count of the middle value, up to its rounding
        sums = n * row["mean"] - (n - many) * low - many * last
        about = round(sums / (middle - low))
        for other in range(max(about - 3, 0), about + 4):
            x = np.repeat(values, [max(n - many - other, 0), other, many])
            if x.size == n and all(
                value is not None
                and float(f"{value:.{UKB.digits}g}") == float(f"{row[name]:.{UKB.digits}g}")
                for name, value in (("mean", x.mean()), ("sd", x.std(ddof=1)))
            ):
                found.add(many)
    return found


@pytest.mark.parametrize("values", [(0.0, 1.0, 2.0), (0.0, 1.0, 40.0), (-1.0, 0.0, 3.0)])
def test_three_values_are_solved_for_and_so_their_moments_stay(
    values: tuple[float, ...],
) -> None:
    rare = 3
    x = np.repeat(values, [60, 50, rare])
    assert np.quantile(x, 0.25) != np.quantile(x, 0.75)
    row = {"n": 110, "mean": x.mean(), "sd": x.std(ddof=1)}
    told = solve_counts(values, row)
    assert rare in told
    assert told <= set(range(UKB.k))  # so that it is known to be fewer than k
    left = describe_values(dose=x)
    assert left.select("mean", "sd", "smd").null_count().row(0) == (1, 1, 1)


def test_values_of_a_scale_stay_and_those_of_a_measure_leave() -> None:
    rng = np.random.default_rng(4)
    left = describe_values(
        likert=rng.integers(1, 7, 400).astype(float),
        cigarettes=np.where(rng.random(400) < 0.8, 0.0, rng.integers(1, 40, 400)).astype(float),
        bmi=rng.normal(27, 4, 400),
        group=rng.integers(0, 2, 400).astype(float),
    )
    empty = dict(left.group_by("variable").agg(pl.col("mean").is_null().all()).rows())
    assert empty == {"likert": True, "cigarettes": True, "bmi": False}
    assert left.filter(variable="bmi")["smd"].null_count() == 2  # of everybody alone


def test_a_group_that_has_a_number_alike_speaks_for_all() -> None:
    group = np.repeat([0.0, 1.0], 60)
    x = np.where(group == 0, np.arange(120.0), np.where(np.arange(120) % 10 == 0, 200.0, 0.0))
    left = describe_values(x=x, group=group)
    assert left["mean"].null_count() == left.height == 3


def test_differences_of_levels_stay() -> None:
    """Of two levels the standardised difference is a function of both shares."""
    x = np.repeat([0.0, 1.0, 0.0, 1.0], [997, 3, 500, 500])
    left = describe_values(smokes=x, group=np.repeat([0.0, 1.0], 1_000))
    assert left["smd"].null_count() == left.height


def test_a_table_that_does_not_say_what_its_moments_tell_keeps_them() -> None:
    columns = {"variable": ["bmi"], "n": [1_000], "mean": [27.0], "sd": [4.0], "smd": [0.1]}
    assert leave("description", columns).select(MOMENTS).null_count().row(0) == (1, 1, 1)
    told = leave("description", {**columns, "tells_counts": [False]})
    assert told.select(MOMENTS).row(0) == (27.0, 4.0, 0.1)


def test_shares_of_imputed_levels_stay() -> None:
    columns = {
        "imputation": [1] * 3, "iteration": [1] * 3, "rule": ["smokes", "smokes", "bmi"],
        "level": ["0", "1", None], "n": [1_000] * 3,
        "mean": [0.997, 0.003, 27.0], "sd": [None, None, 4.0],
        "tells_counts": [True, True, False],
    }  # fmt: skip
    left = leave("imputation", columns)
    assert left["mean"].to_list() == [None, None, 27.0]
    assert left["sd"].to_list() == [None, None, 4.0]


@pytest.mark.parametrize("name", ["description", "imputation"])
def test_what_a_schema_names_is_a_column_of_it_that_is_true_or_false(name: str) -> None:
    kinds = {kind.name: kind for kind in load_schema(name).columns}
    named = [kind for kind in kinds.values() if kind.counts_where]
    assert {kind.name for kind in named} >= {"mean", "sd"}
    assert all(kinds[kind.counts_where].dtype == "boolean" for kind in named)


def test_numbers_of_few_values_tell_counts_and_others_do_not() -> None:
    rng = np.random.default_rng(2)
    for few in range(1, 7):
        assert tell_counts(rng.integers(0, few, 300).astype(float))
    assert not tell_counts(rng.integers(0, 12, 300).astype(float))
    assert tell_counts(np.array([]))
