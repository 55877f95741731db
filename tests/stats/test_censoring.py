"""Distributions of censoring and late entry equal their products over people, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64, I64
from proteomr.stats.censoring import CENSORING_TIES, CensoringTies, estimate_censoring
from tests.stats.fine_gray_rules import load, make


def walk(times: F64, event: I64, t: float, ties: CensoringTies) -> float:
    """Return G(t-) H(t-) by a loop over people for each of their times."""
    entry, exit_ = times.T
    chance = 1.0
    for u in np.unique(exit_[event == 0]):
        if u < t:
            there = (entry < u) & (exit_ >= u)
            if ties == "events-first":
                there &= (exit_ > u) | (event == 0)
            chance *= 1.0 - np.sum((exit_ == u) & (event == 0)) / np.sum(there)
    for a in np.unique(entry[np.isfinite(entry)]):
        if a >= t:
            chance *= 1.0 - np.sum(entry == a) / np.sum((entry <= a) & (exit_ > a))
    return float(chance)


@pytest.mark.parametrize("ties", CENSORING_TIES)
@pytest.mark.parametrize("place", [0, 2])
def test_the_chance_to_be_observed_is_the_product_over_times(
    ties: CensoringTies, place: int
) -> None:
    data = make(load()[place])
    found = estimate_censoring(data.times, data.event, ties=ties)
    at = np.unique(data.times[:, 1])
    wanted = [walk(data.times, data.event, t, ties) for t in at]
    assert found.share(at, 0) == pytest.approx(wanted, rel=1e-13)


def test_weights_that_are_whole_stand_for_as_many_people() -> None:
    data = make(load()[0])
    counts = 1 + np.arange(data.event.size) % 3
    found = estimate_censoring(data.times, data.event, weights=counts.astype(float))
    copied = estimate_censoring(
        np.repeat(data.times, counts, axis=0), np.repeat(data.event, counts)
    )
    at = np.unique(data.times[:, 1])
    assert found.share(at, 0) == pytest.approx(copied.share(at, 0), rel=1e-13)


def test_each_stratum_has_its_own_censoring_and_none_after_its_last_time() -> None:
    times = np.column_stack([np.full(6, -np.inf), [1.0, 2.0, 3.0, 1.0, 4.0, 5.0]])
    event, strata = np.array([0, 1, 1, 1, 0, 2]), np.array([0, 0, 0, 1, 1, 1])
    found = estimate_censoring(times, event, strata=strata)
    assert found.share(np.array([2.0, 4.0]), 0).tolist() == pytest.approx([2 / 3, 0.0])
    assert found.share(np.array([4.0, 5.0]), 1).tolist() == pytest.approx([1.0, 0.5])


def test_entries_up_to_the_first_exit_are_not_late() -> None:
    times = np.array([[0.0, 1.0], [0.5, 2.0], [1.0, 3.0]])
    assert not estimate_censoring(times, np.array([1, 0, 1])).entering
    times[2, 0] = 1.5
    assert estimate_censoring(times, np.array([1, 0, 1])).entering
