from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.stats.quantile_groups import group_values


def test_borders_are_quantiles_of_type_7_and_belong_to_the_lower_group() -> None:
    groups = group_values(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), quantiles=4)
    assert groups.codes.tolist() == [0, 0, 1, 2, 3]
    assert groups.low.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert groups.at_high.tolist() == [1, 1, 1, 1]


def test_ties_that_make_borders_one_leave_fewer_groups() -> None:
    groups = group_values(np.array([0.0] * 8 + [1.0, 2.0, 3.0, 4.0, 5.0]), quantiles=4)
    assert groups.count == 2
    assert groups.codes.tolist() == [0] * 9 + [1] * 4 or groups.count < 4


def test_no_group_is_empty_where_a_border_lies_between_values() -> None:
    groups = group_values(np.array([0.0] * 90 + [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), quantiles=16)
    assert np.all(np.bincount(groups.codes, minlength=groups.count) > 0)


def test_few_values_are_groups_in_their_order() -> None:
    groups = group_values(np.array([2.0, -1.0, 2.0, 0.5]), quantiles=3)
    assert groups.by_value
    assert groups.codes.tolist() == [2, 0, 2, 1]
    assert groups.low.tolist() == [-1.0, 0.5, 2.0]
    assert groups.at_high.tolist() == [1, 1, 2]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-20, 20), min_size=1, max_size=60),
    st.integers(2, 6),
    st.sampled_from([1.0, 1e-300, 1e300]),
)
def test_everybody_lies_between_the_borders_of_the_own_group(
    values: list[int], quantiles: int, unit: float
) -> None:
    x = np.array(values, dtype=float) * unit
    groups = group_values(x, quantiles=quantiles)
    low, high = groups.low[groups.codes], groups.high[groups.codes]
    assert np.all(x <= high)
    assert np.all((x > low) | (groups.codes == 0) | groups.by_value)
    assert np.all(np.bincount(groups.codes, minlength=groups.count) > 0)
    assert groups.count <= quantiles
