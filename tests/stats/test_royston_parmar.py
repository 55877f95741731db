"""Royston and Parmar's models against a likelihood taken otherwise, their identities, and truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import norm

from proteomr._typing import F64
from proteomr.stats.accelerated import DistributionName, fit_accelerated
from proteomr.stats.royston_parmar import SplineFit, fit_royston_parmar
from proteomr.stats.survival_links import SCALES, ScaleName
from proteomr.stats.time_splines import expand_times, place_knots
from tests.stats.survival_designs import CASES, People, draw_people

LINES: list[tuple[ScaleName, DistributionName]] = [
    ("hazard", "weibull"),
    ("odds", "loglogistic"),
    ("normal", "lognormal"),
]
scales = pytest.mark.parametrize("scale", list(SCALES))


def fit(people: People, scale: ScaleName, knots: int, *, strata: bool = False) -> SplineFit:
    found = fit_royston_parmar(
        people.X,
        people.outcome,
        scale=scale,
        knots=knots,
        weights=people.weights,
        strata=people.strata if strata else None,
    )
    assert found is not None
    assert found.fit.doubt is None
    return found


@pytest.mark.parametrize("case", [CASES[i] for i in (1, 3, 7, 8)])
@pytest.mark.parametrize(("scale", "distribution"), LINES)
def test_without_inner_knots_it_is_the_accelerated_model(
    case: dict[str, object], scale: ScaleName, distribution: DistributionName
) -> None:
    people = draw_people(case)
    line = fit(people, scale, 0).fit
    known = fit_accelerated(
        people.X, people.outcome, distribution=distribution, weights=people.weights
    )
    assert known is not None
    sigma = np.exp(known.coefficients[-1])
    np.testing.assert_allclose(line.coefficients[1], 1.0 / sigma, rtol=1e-9)
    np.testing.assert_allclose(
        line.coefficients[[0, 2, 3, 4]], -known.coefficients[:4] / sigma, rtol=1e-8, atol=1e-10
    )
    assert line.log_likelihood == pytest.approx(known.log_likelihood, rel=1e-12)


def log_likelihood(theta: F64, people: People, knots: F64, scale: ScaleName) -> float:
    """Take survival and density by the definitions, the density as a difference quotient."""
    entry, leaves, event = people.outcome.T

    def survive(t: F64) -> F64:
        q = knots.size
        eta = expand_times(np.log(t), knots)[0] @ theta[:q] + people.X @ theta[q:]
        if scale == "hazard":
            return np.exp(-np.exp(eta))
        return expit(-eta) if scale == "odds" else norm.sf(eta)

    step = 1e-5 * leaves
    density = (survive(leaves - step) - survive(leaves + step)) / (2.0 * step)
    with np.errstate(all="ignore"):
        parts = np.log(np.where(event > 0.0, density, survive(leaves)))
    late = entry > 0.0
    parts = parts - np.where(late, np.log(survive(np.where(late, entry, 1.0))), 0.0)
    value = float(np.sum(people.weights * parts))
    return value if np.isfinite(value) else -1e10


@scales
@pytest.mark.parametrize("number", [0, 8])  # without and with late entries
def test_splines_are_at_the_maximum_of_their_likelihood(scale: ScaleName, number: int) -> None:
    people = draw_people(CASES[number])
    found = fit(people, scale, 2)
    theta = found.fit.coefficients
    assert found.fit.log_likelihood == pytest.approx(
        log_likelihood(theta, people, found.knots, scale), rel=1e-7
    )
    unit: F64 = np.asarray(np.linalg.cholesky(found.fit.covariance).T, dtype=np.float64)
    slopes, curve = differentiate(theta, 0.05, unit, people, found.knots, scale)
    assert np.all(np.abs(slopes) < 2e-3)
    np.testing.assert_allclose(curve, np.eye(theta.size), atol=0.01)


def differentiate(
    theta: F64, h: float, unit: F64, people: People, knots: F64, scale: ScaleName
) -> tuple[F64, F64]:
    """Return first differences of the likelihood along units, and minus its second ones."""
    k, unit = theta.size, unit * h

    def at(move: F64) -> float:
        return log_likelihood(theta + move, people, knots, scale)

    slopes, curve = np.empty(k), np.empty((k, k))
    for i in range(k):
        slopes[i] = (at(unit[i]) - at(-unit[i])) / (2.0 * h)
        for j in range(i + 1):
            same = at(unit[i] + unit[j]) + at(-unit[i] - unit[j])
            other = at(unit[i] - unit[j]) + at(unit[j] - unit[i])
            curve[i, j] = curve[j, i] = (other - same) / (4.0 * h * h)
    return slopes, curve


@scales
def test_strata_have_the_splines_of_fits_of_their_own(scale: ScaleName) -> None:
    people = draw_people(CASES[1])
    half = (np.arange(600) % 2).astype(np.int64)
    apart = np.column_stack([people.X * (half == 0)[:, None], people.X * (half == 1)[:, None]])
    both = fit(replace(people, X=apart, strata=half), scale, 0, strata=True).fit
    for s in (0, 1):
        own = half == s
        one = fit(
            People(people.X[own], people.outcome[own], people.weights[own], half[own], half[own]),
            scale,
            0,
        ).fit
        found = both.coefficients[[2 * s, 2 * s + 1, 4 + 3 * s, 5 + 3 * s, 6 + 3 * s]]
        np.testing.assert_allclose(found, one.coefficients, rtol=1e-8, atol=1e-10)


def test_a_stratum_without_events_changes_no_effect() -> None:
    people = draw_people(CASES[1])
    stratum = (np.arange(600) % 10 == 0).astype(np.int64)
    outcome = people.outcome.copy()
    outcome[stratum == 1, 2] = 0.0
    whole = fit(replace(people, outcome=outcome, strata=stratum), "hazard", 1, strata=True).fit
    kept = stratum == 0
    rest = fit(
        People(people.X[kept], outcome[kept], people.weights[kept], stratum[kept], stratum[kept]),
        "hazard",
        1,
    ).fit
    np.testing.assert_allclose(whole.coefficients[-3:], rest.coefficients[-3:], rtol=1e-9)


def test_influences_predict_the_fit_without_a_person() -> None:
    people = draw_people(CASES[1])
    kept = np.arange(600) != 17
    found = fit(people, "hazard", 0)
    without = fit(People(*(getattr(people, name)[kept] for name in People.__slots__)), "hazard", 0)
    moved = found.fit.coefficients - without.fit.coefficients
    np.testing.assert_allclose(moved[2:], found.fit.influence[17, 2:], rtol=0.2, atol=1e-4)


@scales
def test_the_unit_of_time_changes_no_effect(scale: ScaleName) -> None:
    people = draw_people(CASES[1])
    days = replace(people, outcome=people.outcome * [365.25, 365.25, 1.0])
    np.testing.assert_allclose(
        fit(days, scale, 3).fit.coefficients[-3:],
        fit(people, scale, 3).fit.coefficients[-3:],
        rtol=1e-8,
        atol=1e-9,
    )


def test_knots_are_those_of_quantiles_of_type_seven() -> None:
    times = np.arange(1.0, 12.0)
    knots = place_knots(times, inner=3)
    assert knots is not None
    assert knots.tolist() == [1.0, 3.5, 6.0, 8.5, 11.0]


def test_knots_at_one_time_are_no_fit() -> None:
    outcome = np.column_stack([np.zeros(6), [1.0, 1, 1, 1, 2, 3], np.ones(6)])
    assert fit_royston_parmar(np.empty((6, 0)), outcome, knots=2) is None


def test_splines_are_lines_beyond_the_outer_knots() -> None:
    at = np.array([-3.0, -2.0, -1.0, 5.0, 6.0, 7.0])
    columns, slopes = expand_times(at, np.array([0.0, 1.0, 2.0, 4.0]))
    np.testing.assert_allclose(np.diff(columns[:3], n=2, axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.diff(columns[3:], n=2, axis=0), 0.0, atol=1e-9)
    np.testing.assert_allclose(np.diff(slopes[3:], axis=0), 0.0, atol=1e-9)


def test_hazard_ratios_are_those_of_cox_where_hazards_are_proportional() -> None:
    # Five knots follow any smooth baseline: the effects are nearly the partial likelihood's.
    rng = np.random.default_rng(2)
    x = rng.normal(size=(4000, 1))
    time = (rng.exponential(size=4000) * np.exp(-0.4 * x[:, 0])) ** 0.5 + 0.2 * rng.uniform(
        size=4000
    )
    outcome = np.column_stack([0 * time, np.minimum(time, 1.0), time <= 1.0])
    found = fit_royston_parmar(x, outcome, knots=5)
    assert found is not None
    order = np.argsort(-outcome[:, 1])
    x_down, died = x[order, 0], outcome[order, 2]

    def partial(beta: F64) -> float:
        return -float(
            np.sum(died * (x_down * beta[0] - np.log(np.cumsum(np.exp(x_down * beta[0])))))
        )

    cox = minimize(partial, np.zeros(1)).x[0]
    se = np.sqrt(found.fit.covariance[-1, -1])
    assert abs(found.fit.coefficients[-1] - cox) < 0.1 * se
