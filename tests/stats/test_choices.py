"""Which levels columns rule out for rows: by linear programmes, and by single factors."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats.choices import find_choices, rule_out_by_cells
from proteomr.stats.separation import find_separation


@pytest.mark.parametrize("seed", range(6))
def test_two_levels_are_ruled_out_where_logistic_regression_is_separated(seed: int) -> None:
    g = np.random.default_rng(seed)
    X = np.column_stack([np.ones(40), g.normal(size=40), g.integers(0, 2, 40)]).astype(float)
    y = (X[:, 1] + 0.3 * (seed - 2) * g.normal(size=40) > 0.8).astype(int)
    allowed = find_choices(X, y, 2)
    overlapping = find_separation(X, y.astype(float)).overlapping
    np.testing.assert_array_equal(allowed.sum(axis=0) == 2.0, overlapping)


@pytest.mark.parametrize("seed", range(8))
def test_what_factors_rule_out_linear_programmes_rule_out_too(seed: int) -> None:
    g = np.random.default_rng(seed)
    n, K = 60, 3 + seed % 2
    one, two = g.integers(0, 5, n), g.integers(0, 4, n)
    levels = g.integers(0, K, n)
    levels[one == 0] = np.minimum(levels[one == 0], 1)
    levels[two == 1] = 2
    X = np.column_stack(
        [np.ones(n), *(one == i for i in range(1, 5)), *(two == i for i in (1, 2, 3))]
    )
    quick = rule_out_by_cells([one, two], levels, K)
    whole = find_choices(X.astype(float), levels, K)
    assert np.all(whole[quick == 0.0] == 0.0)
    assert np.any(quick == 0.0)
    assert np.all(quick[levels, np.arange(n)] == 1.0)


def test_each_row_keeps_its_own_level() -> None:
    site = np.array([0, 0, 1, 1, 2, 2])
    levels = np.array([0, 1, 2, 2, 0, 2])
    allowed = rule_out_by_cells([site], levels, 3)
    assert allowed.astype(int).T.tolist() == [
        [1, 1, 0],
        [1, 1, 0],
        [0, 0, 1],
        [0, 0, 1],
        [1, 0, 1],
        [1, 0, 1],
    ]


def test_what_one_factor_rules_out_another_may_complete() -> None:
    """All of level 2 in group 1 are in a site of that level, so that the rest may not have it."""
    site = np.array([0, 0, 1, 1, 1, 1, 2, 2])
    group = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    levels = np.array([2, 2, 0, 1, 0, 2, 1, 2])
    allowed = rule_out_by_cells([site, group], levels, 3)
    assert allowed[2].tolist() == [1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]
