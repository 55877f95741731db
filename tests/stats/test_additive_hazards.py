"""Additive hazards with constant effects against R's timereg, plain loops and known truth."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from proteomr._typing import F64, I64
from proteomr.stats.additive_hazards import AdditiveFit, fit_additive_hazards
from tests.stats.survival_designs import CASES, People, draw_people, name_case

UNTIED = [case for case in CASES if case["additive"] is not None]


def fit(people: People, **options: Any) -> AdditiveFit:
    given = {"weights": people.weights, "clusters": people.clusters, "strata": people.strata}
    return fit_additive_hazards(people.X, people.outcome, **{**given, **options})


def end_with_the_first_stratum(people: People) -> People:
    """Return people up to the time at which one of the strata is empty, as timereg had them."""
    entry, leaves, event = people.outcome.T
    last = min(leaves[people.strata == s].max() for s in np.unique(people.strata))
    seen = entry < last
    outcome = np.column_stack([entry, np.minimum(leaves, last), event * (leaves <= last)])
    parts = (people.X, outcome, people.weights, people.clusters, people.strata)
    return People(*(part[seen] for part in parts))


def sum_slowly(people: People) -> tuple[F64, F64, F64]:
    """Return coefficients and both covariances by loops over strata and times."""
    X, (entry, leaves, event) = people.X, people.outcome.T
    entry, w, p = np.where(np.isneginf(entry), 0.0, entry), people.weights, people.X.shape[1]
    A, b, V = np.zeros((p, p)), np.zeros(p), np.zeros((p, p))
    steps: list[tuple[F64, F64, F64, F64, float]] = []
    for stratum in np.unique(people.strata):
        own = people.strata == stratum
        times = np.unique(np.concatenate([entry[own], leaves[own]]))
        for before, now in pairwise(times):
            there = own & (entry <= before) & (leaves >= now)
            if not there.any():
                continue
            mean = w[there] @ X[there] / w[there].sum()
            C = (X - mean) * there[:, None]
            dies = event * (leaves == now) * there
            A += (C * w[:, None]).T @ C * (now - before)
            b += C.T @ (w * dies)
            V += (C * (w * dies)[:, None]).T @ (C * (w * dies)[:, None])
            steps.append((C, there.astype(float), dies, X - mean, now - before))
    gamma: F64 = np.asarray(np.linalg.solve(A, b), dtype=np.float64)
    U = np.zeros(X.shape)
    for C, there, dies, centred, length in steps:
        baseline = (w * dies).sum() / (w * there).sum()
        U += C * (w * (dies - there * (baseline + centred @ gamma * length)))[:, None]
    summed = np.array([U[people.clusters == g].sum(axis=0) for g in np.unique(people.clusters)])
    inverse: F64 = np.asarray(np.linalg.inv(A), dtype=np.float64)
    return gamma, inverse @ V @ inverse, inverse @ summed.T @ summed @ inverse


@pytest.mark.parametrize("case", UNTIED, ids=name_case)
def test_effects_and_both_errors_are_those_of_timereg(case: dict[str, Any]) -> None:
    people = draw_people(case)
    assert int(people.outcome[:, 2].sum()) == case["events"]
    found = fit(end_with_the_first_stratum(people))
    assert found.certified
    stored = case["additive"]
    se = np.sqrt(np.diagonal(np.array(stored["classical"])))
    np.testing.assert_allclose(
        found.coefficients, stored["estimate"], rtol=1e-9, atol=1e-9 * min(se)
    )
    for ours, theirs in ((found.covariance, "classical"), (found.robust, "robust")):
        np.testing.assert_allclose(ours, stored[theirs], rtol=1e-8, atol=1e-9 * min(se) ** 2)


@pytest.mark.parametrize("case", [c for c in CASES if c["n"] <= 600], ids=name_case)
def test_sums_over_cells_are_those_of_a_loop_over_times(case: dict[str, Any]) -> None:
    people = draw_people(case)
    people = replace(people, strata=(np.arange(people.strata.size) % 2).astype(np.int64))
    found = fit(people)
    for ours, slow in zip(
        (found.coefficients, found.covariance, found.robust), sum_slowly(people), strict=True
    ):
        np.testing.assert_allclose(ours, slow, rtol=1e-9, atol=1e-12 * np.abs(slow).max())


def test_strata_are_baselines_that_are_free_effects_of_their_columns() -> None:
    people = draw_people(CASES[10])
    columns = (people.strata[:, None] == [1, 2]).astype(float)
    by_strata, by_columns = fit(people), fit(people, strata=None, free=columns)
    np.testing.assert_allclose(by_strata.coefficients, by_columns.coefficients, rtol=1e-9)
    np.testing.assert_allclose(by_strata.covariance, by_columns.covariance, rtol=1e-9)
    np.testing.assert_allclose(by_strata.influence, by_columns.influence, rtol=1e-7, atol=1e-12)


def test_two_copies_of_a_person_in_one_cluster_have_the_robust_error_of_one() -> None:
    people = draw_people(CASES[15])
    one = fit(people)
    X, outcome = np.tile(people.X, (2, 1)), np.tile(people.outcome, (2, 1))
    two = fit_additive_hazards(X, outcome, clusters=np.tile(people.clusters, 2))
    np.testing.assert_allclose(two.coefficients, one.coefficients, rtol=1e-10)
    np.testing.assert_allclose(two.robust, one.robust, rtol=1e-9)


def test_influences_predict_the_fit_without_a_person() -> None:
    people = draw_people(CASES[1])
    whole = fit(people)
    kept = np.arange(people.X.shape[0]) != 17
    without = fit_additive_hazards(people.X[kept], people.outcome[kept])
    moved = whole.coefficients - without.coefficients
    np.testing.assert_allclose(moved, whole.influence[17], rtol=0.1, atol=1e-5)


def test_the_order_of_rows_changes_nothing() -> None:
    people = draw_people(CASES[17])
    order = np.random.default_rng(3).permutation(people.X.shape[0])
    shuffled = People(*(getattr(people, f)[order] for f in People.__slots__))
    a, b = fit(people), fit(shuffled)
    np.testing.assert_allclose(a.coefficients, b.coefficients, rtol=1e-12)
    np.testing.assert_allclose(a.robust, b.robust, rtol=1e-12)


@pytest.mark.parametrize("power", [-1000, -300, 300, 900])
def test_units_of_a_column_are_those_of_its_effect(power: int) -> None:
    people = draw_people(CASES[1])
    scaled = people.X * [1.0, 1.0, 2.0**power]
    a, b = fit(people), fit(replace(people, X=scaled))
    np.testing.assert_allclose(b.coefficients[:2], a.coefficients[:2], rtol=1e-11)
    assert b.coefficients[2] * 2.0**power == pytest.approx(a.coefficients[2], rel=1e-11)


@pytest.mark.parametrize("unit", [2.0**-40, 2.0**40])
def test_units_of_time_are_those_of_the_hazard(unit: float) -> None:
    people = draw_people(CASES[1])
    outcome = people.outcome * [unit, unit, 1.0]
    a, b = fit(people), fit(replace(people, outcome=outcome))
    np.testing.assert_allclose(b.coefficients * unit, a.coefficients, rtol=1e-12)
    np.testing.assert_allclose(b.robust * unit**2, a.robust, rtol=1e-12)


def test_a_column_that_others_determine_has_no_effect_and_changes_none() -> None:
    people = draw_people(CASES[1])
    doubled = np.column_stack([people.X, people.X @ [1.0, 2.0, 3.0], np.ones(600)])
    a, b = fit(people), fit(replace(people, X=doubled))
    np.testing.assert_allclose(b.coefficients[:3], a.coefficients, rtol=1e-9)
    assert np.isnan(b.coefficients[3:]).all()
    assert np.isnan(b.se[3:]).all()


def test_what_differs_between_nobody_at_risk_together_is_not_determined() -> None:
    # Each is at risk alone.
    outcome = np.column_stack([np.arange(4.0), np.arange(4.0) + 1.0, np.ones(4)])
    found = fit_additive_hazards(np.array([[0.0], [1.0], [0.0], [1.0]]), outcome)
    assert np.isnan(found.coefficients).all()


def test_without_events_effects_and_errors_are_zero() -> None:
    people = draw_people(CASES[1])
    outcome = people.outcome * [1.0, 1.0, 0.0]
    found = fit(replace(people, outcome=outcome))
    assert found.events == 0
    assert not found.coefficients.any()
    assert not found.se.any()


def test_limits_hold_the_true_effect_as_often_as_they_say() -> None:
    rng = np.random.default_rng(11)
    held: list[I64] = []
    for _ in range(300):
        x = rng.uniform(size=(400, 1))
        time, end = rng.exponential(1.0 / (0.3 + 0.2 * x[:, 0])), rng.uniform(0, 4, 400)
        outcome = np.column_stack([0 * x, np.minimum(time, end), time <= end])
        found = fit_additive_hazards(x, outcome)
        errors = np.array([found.se[0], found.robust_se[0]])
        held.append(np.abs(found.coefficients[0] - 0.2) < 1.96 * errors)
    assert np.all(np.abs(np.mean(held, axis=0) - 0.95) < 0.035)


def test_an_outcome_of_other_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="three columns"):
        fit_additive_hazards(np.ones((3, 1)), np.ones((3, 2)))
