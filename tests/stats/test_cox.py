"""Single Cox regressions equal R's coxph; what has no maximum is found and taken to its limit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.cox import CoxFit, fit_cox
from proteomr.stats.cox_sandwich import sandwich_covariance, score_residuals
from proteomr.stats.cox_sums import sum_hazards, sum_sets
from proteomr.stats.proportional_hazards import ZPH_TRANSFORMS, score_changes, transform_times
from proteomr.stats.risk_sets import RiskSets, lay_out_risk_sets, tie_times
from tests.stats.cox_rules import STORED, Design, load, make

DESIGNS = load()
every = pytest.mark.parametrize(
    "design",
    DESIGNS,
    ids=lambda d: (
        f"n{d['n']} {d['ties']} grid {d['grid']:g} truncated {d['truncated']} "
        f"strata {d['strata']}{' weights' * d['weighted']}"
    ),
)


def fit(design: dict[str, Any]) -> tuple[Design, RiskSets, CoxFit]:
    data = make(design)
    risk = lay_out_risk_sets(tied(data.outcome), data.strata)
    return data, risk, fit_cox(data.X, risk, weights=data.weights, ties=design["ties"])


def tied(outcome: F64) -> F64:
    return np.column_stack([tie_times(outcome[:, :2]), outcome[:, 2]])


def without_truncation(exit_: Any, event: Any) -> RiskSets:
    exit_ = np.asarray(exit_, dtype=float)
    return lay_out_risk_sets(
        np.column_stack([np.full(exit_.size, -np.inf), exit_, np.asarray(event, dtype=float)])
    )


def test_the_stored_numbers_are_small() -> None:
    assert STORED.stat().st_size < 40_000
    assert len(DESIGNS) >= 16


@every
def test_estimates_errors_likelihoods_and_the_score_test_are_those_of_coxph(
    design: dict[str, Any],
) -> None:
    data, risk, found = fit(design)
    assert (data.outcome.shape[0], int(risk.died.sum())) == (design["rows"], design["events"])
    assert found.converged
    assert not found.infinite.any()
    se = np.array(design["se"])
    assert found.coefficients == pytest.approx(design["coef"], rel=1e-10, abs=1e-11)
    assert found.se == pytest.approx(se, rel=1e-10)
    assert found.covariance[:, 0] == pytest.approx(design["covariance"], rel=1e-9, abs=1e-14)
    assert [found.null, found.log_likelihood] == pytest.approx(design["loglik"], rel=1e-12)
    assert found.score_test == pytest.approx(design["score"], rel=1e-10)


@every
def test_robust_and_clustered_errors_are_those_of_coxph(design: dict[str, Any]) -> None:
    data, risk, found = fit(design)
    sums = sum_hazards(risk, data.X @ found.coefficients, data.weights, ties=design["ties"])
    for clusters, name in ((None, "robust"), (data.clusters, "clustered")):
        covariance, carriers = sandwich_covariance(
            sums, data.X, found.covariance, clusters=clusters
        )
        assert np.sqrt(np.diagonal(covariance)) == pytest.approx(design[name], rel=1e-10)
        assert np.all(carriers <= data.X.shape[0])


@every
@pytest.mark.parametrize("transform", ZPH_TRANSFORMS)
def test_tests_of_proportional_hazards_are_those_of_cox_zph(
    design: dict[str, Any], transform: Any
) -> None:
    data, risk, found = fit(design)
    sums = sum_hazards(risk, data.X @ found.coefficients, data.weights, ties=design["ties"])
    gtime = transform_times(tied(data.outcome), risk, transform)
    terms = [np.array([0]), np.array([1]), np.array([2]), np.arange(3, 6)]
    tests = score_changes(sums, data.X, gtime, terms)
    assert [test[0] for test in tests if test] == pytest.approx(design["zph"][transform], rel=1e-9)
    assert [test[1] for test in tests if test] == [1, 1, 1, 3, 6]


def test_sums_equal_a_loop_over_risk_sets_with_ties_truncation_and_weights() -> None:
    rng = np.random.RandomState(3)
    n = 60
    entry = rng.randint(0, 4, n).astype(float)
    outcome = np.column_stack([entry, entry + rng.randint(1, 6, n), rng.rand(n) < 0.6])
    strata, weights, X = rng.randint(0, 2, n), 0.5 + rng.rand(n), rng.randn(n, 2)
    b = np.array([0.4, -0.7])
    found = sum_hazards(lay_out_risk_sets(outcome, strata), X @ b, weights)
    value, score, information = 0.0, np.zeros(2), np.zeros((2, 2))
    hazard = weights * np.exp(X @ b)
    for s in (0, 1):
        for t in np.unique(outcome[(outcome[:, 2] == 1) & (strata == s), 1]):
            at_risk = (strata == s) & (outcome[:, 0] < t) & (t <= outcome[:, 1])
            dead = at_risk & (outcome[:, 1] == t) & (outcome[:, 2] == 1)
            d = int(dead.sum())
            for step in range(d):
                share = hazard * (at_risk - step / d * dead)
                total, mean = share.sum(), share @ X / share.sum()
                value -= weights[dead].mean() * np.log(total)
                score -= weights[dead].mean() * mean
                spread = (X - mean).T @ ((X - mean) * share[:, None]) / total
                information += weights[dead].mean() * spread
            value += float(weights[dead] @ (X[dead] @ b))
            score += weights[dead] @ X[dead]
    assert score_residuals(found, X).sum(axis=0) == pytest.approx(score, abs=1e-12)
    assert X.T @ found.residuals == pytest.approx(score, abs=1e-12)
    assert found.information(X) == pytest.approx(information, rel=1e-12)
    assert found.log_likelihood == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e12, 1e300])
def test_the_scale_of_a_column_is_that_of_its_coefficient(scale: float) -> None:
    design = DESIGNS[0]
    data, risk, found = fit(design)
    X = data.X.copy()
    X[:, 0] *= scale
    moved = fit_cox(X, risk, weights=data.weights)
    assert moved.converged
    assert moved.coefficients[0] * scale == pytest.approx(found.coefficients[0], rel=1e-12)
    assert moved.coefficients[1:] == pytest.approx(found.coefficients[1:], rel=1e-12)


def test_rows_order_and_a_shift_of_a_column_change_nothing() -> None:
    data, _, found = fit(DESIGNS[3])
    order = np.random.RandomState(1).permutation(data.X.shape[0])
    shuffled = lay_out_risk_sets(tied(data.outcome)[order], data.strata[order])
    other = fit_cox(data.X[order] + 1e4, shuffled)
    assert other.coefficients == pytest.approx(found.coefficients, rel=1e-9)
    assert other.se == pytest.approx(found.se, rel=1e-9)


def test_a_column_that_others_or_strata_determine_is_aliased() -> None:
    data, risk, found = fit(DESIGNS[3])
    by_stratum = data.strata * 2.0 + 7.0
    X = np.column_stack([data.X[:, :2], 2.0 * data.X[:, 1] + 1.0, by_stratum, data.X[:, 2:]])
    wide = fit_cox(X, risk)
    assert np.flatnonzero(wide.aliased).tolist() == [2, 3]
    assert np.delete(wide.coefficients, [2, 3]) == pytest.approx(found.coefficients, rel=1e-9)
    assert np.isnan(wide.coefficients[[2, 3]]).all()


def test_what_differs_after_the_last_event_alone_is_aliased() -> None:
    risk = without_truncation([1, 2, 3, 4, 9, 9], [0, 1, 1, 1, 0, 0])
    x = np.array([5.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    assert fit_cox(x[:, None], risk).aliased.tolist() == [True]


def test_an_event_in_one_group_alone_is_separation() -> None:
    risk = without_truncation(np.arange(1.0, 41.0), np.tile([1, 0], 20))
    x = np.tile([1.0, 0.0], 20)
    found = fit_cox(x[:, None], risk)
    assert found.infinite.tolist() == [True]
    assert np.isnan(found.coefficients).all()
    assert np.isfinite(found.log_likelihood)


def test_a_covariate_without_events_leaves_others_their_limit() -> None:
    rng = np.random.RandomState(4)
    n = 300
    x, level = rng.randn(n), np.where(rng.rand(n) < 0.1, 1.0, 0.0)
    event = (rng.rand(n) < 0.3) & (level == 0.0)
    exit_ = rng.randint(1, 40, n)
    found = fit_cox(np.column_stack([level, x]), without_truncation(exit_, event))
    kept = level == 0.0
    alone = fit_cox(x[kept, None], without_truncation(exit_[kept], event[kept]))
    assert found.converged
    assert found.infinite.tolist() == [True, False]
    assert found.coefficients[1] == pytest.approx(alone.coefficients[0], rel=1e-10)
    assert found.se[1] == pytest.approx(alone.se[0], rel=1e-10)
    assert found.log_likelihood == pytest.approx(alone.log_likelihood, rel=1e-12)


def test_silent_quasi_complete_separation_is_found_behind_a_strong_effect() -> None:
    rng = np.random.RandomState(5)
    n = 400
    age = rng.randn(n)
    exit_ = -np.log(rng.rand(n)) * np.exp(-2.0 * age)
    x = np.zeros(n)
    x[np.argmin(exit_)] = 1.0  # the one exposed is the first to die
    found = fit_cox(np.column_stack([age, x]), without_truncation(exit_, np.ones(n)))
    assert found.infinite.tolist() == [False, True]
    assert found.converged


def test_a_strong_effect_is_no_separation() -> None:
    rng = np.random.RandomState(6)
    x = rng.randn(2000)
    exit_ = -np.log(rng.rand(2000)) * np.exp(-5.0 * x)
    found = fit_cox(x[:, None], without_truncation(exit_, np.ones(2000)))
    assert found.converged
    assert not found.infinite.any()
    assert found.coefficients[0] == pytest.approx(5.0, abs=0.3)


@pytest.mark.parametrize("events", [0, 1])
def test_no_event_and_one_event_are_no_fault(events: int) -> None:
    x = np.array([[0.3], [1.0], [0.2], [0.9]])
    found = fit_cox(x, without_truncation([1, 2, 3, 4], [events, 0, 0, 0]))
    assert found.rank == events
    assert bool(found.infinite[0]) is False or events == 1


def test_weights_of_any_scale_give_the_same_estimates() -> None:
    design = DESIGNS[4]
    data, risk, found = fit(design)
    for scale in (1e-200, 1e-6, 1e6, 1e100):
        other = fit_cox(data.X, risk, weights=scale * data.weights)
        assert other.converged
        assert other.coefficients == pytest.approx(found.coefficients, rel=1e-11)
        assert other.se * np.sqrt(scale) == pytest.approx(found.se, rel=1e-11)


@pytest.mark.parametrize("p", [0, 1, 3])
@pytest.mark.parametrize("entry", [-np.inf, 0.5])
def test_without_an_event_no_risk_set_has_a_sum(entry: float, p: int) -> None:
    outcome = np.column_stack([np.full(4, entry), np.arange(1.0, 5.0), np.zeros(4)])
    risk, X = lay_out_risk_sets(outcome), np.ones((4, p))
    assert sum_sets(risk, X).shape == sum_sets(risk, X, np.ones(4)).shape == (0, p)
    sums = sum_hazards(risk, np.zeros(4), np.ones(4))
    assert [s.shape for s in sums.sum_columns(X)] == [(0, p), (0, p)]
    assert not sums.information(X).any()
