"""Sums over people, and few copies of an allele, tell how many people there are."""

from __future__ import annotations

import pytest

from proteomr.egress.policies import read_policy
from proteomr.egress.releasing import judge_table
from tests.egress.tables import given

UKB = read_policy("ukb")


@pytest.mark.parametrize(
    ("name", "column", "value"), [("variance_components", "reml", 317.7), ("finemap", "elbo", -9e3)]
)
def test_log_likelihoods_stay(name: str, column: str, value: float) -> None:
    left = judge_table(given(name, {column: [value]}), UKB).leaving
    assert left is not None
    assert left[column].to_list() == [None]


@pytest.mark.parametrize("table", ["sumstats", "harmonised"])
def test_rows_of_few_copies_of_the_rarer_allele_leave_no_statistic(table: str) -> None:
    ends = [""] if table == "sumstats" else ["_exposure", "_outcome"]
    whole = {} if table == "sumstats" else {"action": [1] * 5}
    beta = "beta" if table == "sumstats" else "beta_outcome"
    for end in ends:
        # copies: 4, 5, 4 of the other allele, unknown, many
        columns = {f"eaf{end}": [0.002, 0.0025, 0.998, None, 0.3], f"n{end}": [1000.0] * 5,
                   beta: [0.1234567] * 5, **whole}  # fmt: skip
        left = judge_table(given(table, columns), UKB).leaving
        assert left is not None
        assert left[beta].to_list() == [None, 0.1235, None, 0.1235, 0.1235], end
        assert left[f"eaf{end}"].to_list() == [None, 0.0025, None, None, 0.3], end
