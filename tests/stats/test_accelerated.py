"""Accelerated failure times against R's survreg, the likelihood itself, and known truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import logistic, norm

from proteomr._typing import F64
from proteomr.stats.accelerated import DISTRIBUTIONS, DistributionName, fit_accelerated
from tests.stats.survival_designs import CASES, draw_people, name_case

# All events of one design are at one time: there sigma is 0, and survreg goes on for ever.
STORED = [c for c in CASES if c["accelerated"] is not None and not (c["ties"] and c["share"] < 0.5)]
NAMES = tuple(DISTRIBUTIONS)
every = pytest.mark.parametrize("distribution", NAMES)


@every
@pytest.mark.parametrize("case", STORED, ids=name_case)
def test_a_fit_has_the_numbers_of_survreg(
    case: dict[str, Any], distribution: DistributionName
) -> None:
    people, stored = draw_people(case), case["accelerated"][distribution]
    fit = fit_accelerated(
        people.X, people.outcome, distribution=distribution, weights=people.weights
    )
    assert fit is not None
    assert fit.doubt is None
    se = np.sqrt(np.diagonal(np.array(stored["classical"])))
    assert np.max(np.abs(fit.coefficients - stored["estimate"]) / se) < 1e-8
    np.testing.assert_allclose(
        fit.covariance, stored["classical"], rtol=1e-7, atol=1e-9 * min(se) ** 2
    )
    robust = fit.robust(people.clusters)
    np.testing.assert_allclose(robust, stored["robust"], rtol=1e-7, atol=1e-9 * min(se) ** 2)
    assert fit.log_likelihood == pytest.approx(stored["log_likelihood"], rel=1e-11)


def log_likelihood(theta: F64, X: F64, outcome: F64, distribution: str) -> float:
    """Take the log-likelihood of late entries by the distributions themselves."""
    entry, leaves, event = outcome.T
    sigma = 1.0 if distribution == "exponential" else np.exp(theta[-1])
    eta = theta[0] + X @ theta[1 : 1 + X.shape[1]]
    z, late = (np.log(leaves) - eta) / sigma, entry > 0.0
    z0 = (np.log(np.where(late, entry, 1.0)) - eta) / sigma
    kinds = {"lognormal": norm, "loglogistic": logistic}
    if distribution in kinds:
        kind = kinds[distribution]
        died, lived, before = kind.logpdf(z), kind.logsf(z), kind.logsf(z0)
    else:
        died, lived, before = z - np.exp(z), -np.exp(z), -np.exp(z0)
    died = died - np.log(sigma) - np.log(leaves)
    return float(np.sum(np.where(event > 0, died, lived)) - np.sum(before[late]))


@every
def test_late_entries_count_by_the_survival_to_them(distribution: DistributionName) -> None:
    people = draw_people(next(c for c in CASES if c["late"]))
    fit = fit_accelerated(people.X, people.outcome, distribution=distribution)
    assert fit is not None
    assert fit.doubt is None

    def value(theta: F64) -> float:
        return -log_likelihood(theta, people.X, people.outcome, distribution)

    best = minimize(value, fit.coefficients + 0.1, tol=1e-10)
    np.testing.assert_allclose(fit.coefficients, best.x, rtol=1e-4, atol=1e-5)
    ours = -value(fit.coefficients)
    assert ours >= -best.fun - 1e-10
    assert fit.log_likelihood == pytest.approx(ours, rel=1e-12)


@every
def test_influences_sum_to_nothing(distribution: DistributionName) -> None:
    people = draw_people(CASES[5])
    fit = fit_accelerated(
        people.X, people.outcome, distribution=distribution, weights=people.weights
    )
    assert fit is not None
    size = np.sqrt(np.sum(fit.influence**2, axis=0))
    assert np.all(np.abs(fit.influence.sum(axis=0)) < 1e-9 * size)


@every
@pytest.mark.parametrize("unit", [2.0**-900, 2.0**900])
def test_units_of_time_move_the_intercept_alone(
    distribution: DistributionName, unit: float
) -> None:
    people = draw_people(CASES[1])
    a = fit_accelerated(people.X, people.outcome, distribution=distribution)
    b = fit_accelerated(people.X, people.outcome * [1, unit, 1], distribution=distribution)
    assert a is not None
    assert b is not None
    np.testing.assert_allclose(b.coefficients[0], a.coefficients[0] + np.log(unit), rtol=1e-12)
    np.testing.assert_allclose(b.coefficients[1:], a.coefficients[1:], rtol=1e-9, atol=1e-10)


@every
@pytest.mark.parametrize("power", [-990, 990])
def test_units_of_a_column_are_those_of_its_effect(
    distribution: DistributionName, power: int
) -> None:
    people = draw_people(CASES[1])
    a = fit_accelerated(people.X, people.outcome, distribution=distribution)
    X = people.X * [1.0, 1.0, 2.0**power]
    b = fit_accelerated(X, people.outcome, distribution=distribution)
    assert a is not None
    assert b is not None
    assert b.coefficients[3] * 2.0**power == pytest.approx(a.coefficients[3], rel=1e-10)


@every
def test_a_group_without_events_has_no_finite_effect_and_moves_no_other(
    distribution: DistributionName,
) -> None:
    people = draw_people(CASES[1])
    outcome, group = people.outcome.copy(), (np.arange(600) % 20 == 0).astype(float)
    outcome[group > 0, 2] = 0.0
    X = np.column_stack([group, people.X])
    fit = fit_accelerated(X, outcome, distribution=distribution)
    rest = fit_accelerated(people.X[group == 0], outcome[group == 0], distribution=distribution)
    assert fit is not None
    assert rest is not None
    assert fit.doubt is None
    assert np.isnan(fit.coefficients[1])
    np.testing.assert_allclose(np.delete(fit.coefficients, 1), rest.coefficients, rtol=1e-9)
    assert fit.rows.tolist() == (group == 0).tolist()


def test_events_at_one_time_alone_give_no_ok() -> None:
    people = draw_people(CASES[16])
    assert np.unique(people.outcome[people.outcome[:, 2] > 0, 1]).size == 1
    fit = fit_accelerated(people.X, people.outcome, distribution="weibull")
    assert fit is not None
    assert fit.doubt is not None


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("alike", [True, False], ids=["one time", "a line of the column"])
def test_events_of_everybody_without_spread_give_no_ok(
    distribution: DistributionName, *, alike: bool
) -> None:
    x = np.linspace(-1.0, 1.0, 30)[:, None]
    t = np.ones(30) if alike else np.exp(0.3 * x[:, 0])
    outcome = np.column_stack([np.zeros(30), t, np.ones(30)])
    fit = fit_accelerated(x, outcome, distribution=distribution)
    assert fit is not None
    if distribution == "exponential":  # whose sigma is 1: a maximum like any other
        assert fit.doubt is None
    else:
        assert fit.doubt is not None or np.isnan(fit.coefficients).any()


def test_without_events_there_is_no_fit() -> None:
    people = draw_people(CASES[0])
    outcome = people.outcome * [1.0, 1.0, 0.0]
    assert fit_accelerated(people.X, outcome, distribution="lognormal") is None


@pytest.mark.parametrize("distribution", ["weibull", "lognormal", "loglogistic"])
def test_limits_hold_the_true_effect_as_often_as_they_say(distribution: DistributionName) -> None:
    rng = np.random.default_rng(5)
    held = []
    for _ in range(120):
        x = rng.normal(size=(300, 1))
        noise = {
            "weibull": np.log(rng.exponential(size=300)),
            "lognormal": rng.normal(size=300),
            "loglogistic": rng.logistic(size=300),
        }[distribution]
        time, end = np.exp(1.0 + 0.3 * x[:, 0] + 0.8 * noise), rng.uniform(0, 8, 300)
        outcome = np.column_stack([0 * time, np.minimum(time, end), time <= end])
        fit = fit_accelerated(x, outcome, distribution=distribution)
        assert fit is not None
        errors = np.sqrt([fit.covariance[1, 1], fit.robust(None)[1, 1]])
        held.append(np.abs(fit.coefficients[1] - 0.3) < 1.96 * errors)
    assert np.all(np.abs(np.mean(held, axis=0) - 0.95) < 0.055)
