"""Ranks of long rows are scipy's, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from proteomr.stats.average_ranks import AverageRanks, rank_rows
from proteomr.stats.loops import COMPILED_FROM

RANDOM = np.random.default_rng(11)
LONG = COMPILED_FROM + 17
NORMAL = RANDOM.normal(size=LONG)
NEAR = 1.0 + RANDOM.integers(0, 50, LONG) * 2.0**-50  # one number of single precision


@pytest.mark.parametrize(
    "row",
    [
        NORMAL,
        np.round(NORMAL, 1),
        np.where(NORMAL > 1.0, 0.0, -0.0),  # one value
        np.where(NORMAL > 0.0, 1.0, -1.0),
        np.full(LONG, 3.0),
        NEAR,
        NORMAL.astype(np.float32).astype(np.float64),
        NORMAL * 1e300,
        NORMAL * 5e-324,
        NORMAL[:9],
    ],
)
def test_ranks_are_those_of_scipy(row: np.ndarray) -> None:
    ranks = AverageRanks(LONG)
    for _ in range(2):  # buffers are used again
        np.testing.assert_array_equal(ranks.rank(row), rankdata(row))


def test_a_shorter_row_after_a_longer_one() -> None:
    ranks = AverageRanks(LONG)
    ranks.rank(NORMAL)
    np.testing.assert_array_equal(ranks.rank(NORMAL[100:]), rankdata(NORMAL[100:]))


def test_rows_are_ranked_by_themselves() -> None:
    rows = np.stack([NORMAL, np.round(NORMAL)])
    np.testing.assert_array_equal(rank_rows(rows), rankdata(rows, axis=1))
