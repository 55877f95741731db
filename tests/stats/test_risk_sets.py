"""Rows as intervals of event times, with ties by rounding, strata and left truncation."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats.risk_sets import lay_out_risk_sets, tie_times


def test_times_that_differ_by_rounding_are_one_time() -> None:
    age = np.array([50.1, 60.7, 50.1])
    exits = age + np.array([365.25, 0.0, 365.25]) / 365.25
    times = np.column_stack([age, exits, exits + 1e-9])
    found = tie_times(times)
    assert np.array_equal(found[:, 1], found[:, 2])
    assert np.unique(found).size == 3


def test_times_further_apart_stay_themselves() -> None:
    times = np.array([[1.0, 1.0 + 1e-6], [2.0, 3.0]])
    assert tie_times(times) is times


@pytest.mark.parametrize("unit", [2.0**-1000, 1e-200, 1e-9, 1e9, 1e200])
def test_the_unit_of_times_ties_none_that_are_apart(unit: float) -> None:
    times = np.array([[-np.inf, 1.0], [-np.inf, 1.0 + 1e-12], [0.5, 1.0 + 1e-6], [1.0, 3.0]])
    found = np.unique(tie_times(times * unit)[:, 1])
    assert found == pytest.approx(unit * np.array([1.0, 1.0 + 1e-6, 3.0]), rel=1e-12, abs=0.0)
    assert found.size == 3
    named = tie_times(times * unit, named=[3.0 * unit * (1.0 + 1e-12)])
    assert named[3, 1] == 3.0 * unit * (1.0 + 1e-12)


def test_a_run_of_close_times_is_its_first() -> None:
    times = np.array([[1.0], [1.0 + 1e-8], [1.0 + 2e-8], [4.0]])
    assert np.unique(tie_times(times)).tolist() == [1.0, 4.0]


def test_a_time_that_is_named_is_that_of_the_data_but_for_rounding() -> None:
    times = np.array([0.1 + 0.2, 0.3 - 1e-9, 5.0, 6.0, np.nan, np.inf])
    found = tie_times(times, named=[0.3, 5.001, 1e12, 6.0 - 1e-12])
    assert found[:4].tolist() == [0.3, 0.3, 5.0, 6.0 - 1e-12]
    assert np.isnan(found[4])
    assert found[5] == np.inf
    days = np.array([3653.0, 3654.0]) / 365.25 * 1e9
    assert tie_times(days, named=[float(f"{days[0]:.12g}")])[0] == float(f"{days[0]:.12g}")
    assert tie_times(np.array([np.nan]), named=[1.0]).size == 1


def test_missing_and_infinite_times_stay() -> None:
    times = np.array([[-np.inf, 1.0], [np.nan, 1.0 + 1e-12]])
    found = tie_times(times)
    assert found[0, 0] == -np.inf
    assert np.isnan(found[1, 0])
    assert found[1, 1] == 1.0


def test_whoever_enters_at_an_event_time_is_not_at_risk_there() -> None:
    rows = np.array([[0.0, 2.0, 1.0], [2.0, 3.0, 1.0], [1.0, 3.0, 0.0]])
    risk = lay_out_risk_sets(rows)
    assert risk.low.tolist() == [0, 1, 0]
    assert risk.high.tolist() == [1, 2, 2]


def test_strata_have_no_risk_set_in_common() -> None:
    rows = np.column_stack([np.full(4, -np.inf), [1.0, 2.0, 1.0, 2.0], np.ones(4)])
    risk = lay_out_risk_sets(rows, np.array([1, 1, 0, 0]))
    assert risk.part.tolist() == [1, 1, 0, 0]
    assert risk.times.tolist() == [1.0, 2.0, 1.0, 2.0]


def test_truncation_can_take_rows_apart() -> None:
    rows = np.array([[0.0, 1.0, 1.0], [0.0, 2.0, 0.0], [5.0, 6.0, 1.0], [5.0, 7.0, 0.0]])
    assert lay_out_risk_sets(rows).part.tolist() == [0, 0, 1, 1]


def test_rows_that_enter_after_they_leave_are_in_no_risk_set() -> None:
    rows = np.array([[3.0, 2.0, 1.0], [0.0, 4.0, 1.0]])
    risk = lay_out_risk_sets(rows)
    assert risk.died.tolist() == [False, True]
    assert risk.part.tolist() == [-1, 0]


@pytest.mark.parametrize("seed", range(4))
def test_the_risk_sets_of_some_rows_are_those_laid_out_anew(seed: int) -> None:
    rng = np.random.RandomState(seed)
    entry = rng.randint(0, 8, 50).astype(float)
    rows = np.column_stack([entry, entry + rng.randint(1, 5, 50), rng.rand(50) < 0.4])
    strata, kept = rng.randint(0, 3, 50), rng.rand(50) < 0.6
    taken = lay_out_risk_sets(rows, strata).take(kept)
    anew = lay_out_risk_sets(rows[kept], strata[kept])
    for name in ("low", "high", "died", "deaths", "times", "part", "part_of_time"):
        assert np.array_equal(getattr(taken, name), getattr(anew, name)), name


def test_a_chosen_code_is_the_event_and_others_end_a_row() -> None:
    rows = np.column_stack([np.full(3, -np.inf), [1.0, 2.0, 3.0], [1.0, 2.0, 2.0]])
    assert lay_out_risk_sets(rows, event=2).times.tolist() == [2.0, 3.0]
    assert lay_out_risk_sets(rows).times.tolist() == [1.0, 2.0, 3.0]


def test_nobody_with_an_event_is_no_risk_set() -> None:
    rows = np.column_stack([np.full(3, -np.inf), [1.0, 2.0, 3.0], np.zeros(3)])
    risk = lay_out_risk_sets(rows)
    assert (risk.size, risk.parts, bool(risk.at_risk.any())) == (0, 0, False)
