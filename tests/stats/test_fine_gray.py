"""Regressions of subdistribution hazards equal R's crr, and coxph on the rows of finegray; what has
no maximum is found and taken to its limit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.censoring import estimate_censoring
from proteomr.stats.cox import fit_cox
from proteomr.stats.cox_sandwich import sandwich_covariance
from proteomr.stats.cox_sums import sum_hazards
from proteomr.stats.fine_gray import FineGrayModel, fit_fine_gray
from proteomr.stats.fine_gray_errors import leave_score_residuals
from proteomr.stats.fine_gray_limits import CompetingRisks, FineGrayLimit, fit_fine_gray_limit
from proteomr.stats.subdistribution import lay_out_risk
from tests.stats.fine_gray_rules import STORED, Design, lay_out, load, make

DESIGNS = load()


def name(d: dict[str, Any]) -> str:
    return (
        f"n{d['n']} {d['ties']} grid {d['grid']:g} truncated {d['truncated']} strata "
        f"{d['strata']} groups {d['groups']}{' weights' * d['weighted']}"
    )


of_coxph = pytest.mark.parametrize("d", [d for d in DESIGNS if "coef" in d], ids=name)
of_crr = pytest.mark.parametrize("d", [d for d in DESIGNS if d["crr"]], ids=name)


def fit(d: dict[str, Any]) -> FineGrayLimit:
    data = make(d)
    return fit_fine_gray_limit(data.X, lay_out(data), weights=data.weights, ties=d["ties"])


def se_of(found: FineGrayLimit, kind: Any, **clusters: Any) -> F64:
    return np.sqrt(np.diagonal(found.covariance(kind, **clusters)))


def small(n: int = 60, *, seed: int = 0) -> Design:
    """Return a few people with ties, late entry and two groups."""
    g = np.random.default_rng(seed)
    exit_ = g.integers(2, 12, n).astype(float)
    entry = np.where(g.random(n) < 0.5, exit_ - g.integers(1, 3, n), 0.0)
    groups = g.integers(0, 2, n)
    return Design(
        g.normal(size=(n, 2)),
        np.column_stack([entry, exit_]),
        g.integers(0, 3, n),
        groups,
        groups,
        g.uniform(0.5, 2.0, n),
    )


def test_the_stored_numbers_are_small() -> None:
    assert STORED.stat().st_size < 20_000
    assert len(DESIGNS) >= 20


@of_coxph
def test_estimates_and_errors_are_those_of_coxph_on_the_rows_of_finegray(d: dict[str, Any]) -> None:
    data, found = make(d), fit(d)
    assert np.bincount(data.event).tolist() == d["counts"]
    assert not found.doubt
    at = found.used  # R has numbers where an estimate is infinite
    assert at.size == (2 if d["rates"][0] == 0.01 else 3)
    assert found.coefficients[at] == pytest.approx(np.array(d["coef"])[at], rel=1e-10)
    if at.size == 3:
        assert found.fit is not None
        for kind in ("known", "stretches"):
            assert se_of(found, kind) == pytest.approx(d[kind], rel=1e-10)


@of_crr
def test_estimates_and_errors_are_those_of_crr(d: dict[str, Any]) -> None:
    data = make(d)
    risks = lay_out(data, "crr")
    found = fit_fine_gray_limit(data.X, risks, ties="breslow")
    at = found.used
    # crr stops at a step of some 1e-8.
    assert found.coefficients[at] == pytest.approx(np.array(d["crr_coef"])[at], rel=1e-7)
    if at.size < 3:
        return
    # With groups of censoring crr's errors are off what people's weights do to the estimate.
    bound = 3e-8 if d["groups"] == 1 else 2e-3
    assert se_of(found, "censoring") == pytest.approx(d["crr_se"], rel=bound)


@pytest.mark.parametrize("truncated", [0.0, 0.7])
def test_errors_with_the_censoring_are_what_the_weights_of_people_do(truncated: float) -> None:
    d = next(d for d in DESIGNS if d["n"] == 300 and d["truncated"] == truncated)
    data = make({**d, "weighted": False, "n": 200, "grid": 1e6})

    def estimate(weights: F64) -> F64:
        censoring = estimate_censoring(data.times, data.event, weights=weights)
        risks = CompetingRisks(data.times, data.event, censoring)
        return fit_fine_gray_limit(data.X, risks, weights=weights, ties="efron").coefficients

    moves, step = [], 1e-4
    for i in range(data.event.size):
        e = np.zeros(data.event.size)
        e[i] = step
        moves.append((estimate(1.0 + e) - estimate(1.0 - e)) / (2.0 * step))
    found = fit_fine_gray_limit(data.X, lay_out(data), ties="efron")
    jackknife = np.sqrt(np.square(moves).sum(axis=0))
    # A share of those at risk is taken to be small, as in crr.
    off = np.abs(se_of(found, "censoring") / jackknife - 1.0).max()
    assert off < min(1e-3, 0.3 * np.abs(se_of(found, "known") / jackknife - 1.0).max())


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_the_score_is_the_derivative_of_the_likelihood(ties: Any) -> None:
    data = small()
    risks = lay_out(data)
    risk = lay_out_risk(
        data.times,
        data.event,
        code=1,
        censoring=risks.censoring,
        baseline=data.strata,
        censoring_strata=data.groups,
    )
    model = FineGrayModel(risk, data.X[risk.order], data.weights[risk.order], ties)
    at, step = np.array([0.3, -0.2]), 1e-5

    def rise(e: F64) -> tuple[float, F64]:
        high, low = model.at(at + step * e), model.at(at - step * e)
        score = (low.score - high.score) / (2.0 * step)
        return (high.log_likelihood - low.log_likelihood) / (2.0 * step), score

    values, scores = zip(*(rise(e) for e in np.eye(2)), strict=True)
    point = model.at(at)
    assert point.score == pytest.approx(values, rel=1e-7)
    assert point.information == pytest.approx(np.array(scores), rel=1e-6)
    assert leave_score_residuals(point, np.eye(2)).sum(axis=0) == pytest.approx(point.score)


def test_risk_sets_are_sums_over_people_with_weights() -> None:
    data = small()
    risks = lay_out(data)
    risk = lay_out_risk(
        data.times,
        data.event,
        code=1,
        censoring=risks.censoring,
        baseline=data.strata,
        censoring_strata=data.groups,
    )
    o = risk.order
    found = risk.sum_at_risk(np.column_stack([np.ones(o.size), data.X[o]]))
    stratum = np.searchsorted(risk.starts, np.arange(risk.times.size), side="right") - 1
    entry, exit_ = data.times.T
    for k, t in enumerate(risk.times):
        weight = np.zeros(o.size)
        for i in np.flatnonzero(data.strata == stratum[k]):
            if entry[i] < t <= exit_[i]:
                weight[i] = 1.0
            elif exit_[i] < t and data.event[i] == 2:
                shares = risks.censoring.share(np.array([t, exit_[i]]), int(data.groups[i]))
                weight[i] = shares[0] / shares[1]
        assert found[k] == pytest.approx([weight.sum(), *(weight @ data.X)], rel=1e-12, abs=1e-12)


def test_without_competing_events_it_is_coxs_regression() -> None:
    data = make({**DESIGNS[2], "ties": "efron"})
    data = replace(data, event=np.minimum(data.event % 2, 1))
    risks = lay_out(data)
    found = fit_fine_gray_limit(data.X, risks, weights=data.weights, ties="efron")
    cox = risks.as_cox()
    wanted = fit_cox(data.X, cox, weights=data.weights)
    assert found.coefficients == pytest.approx(wanted.coefficients, rel=1e-12)
    sums = sum_hazards(cox, data.X @ wanted.coefficients, data.weights, ties="efron")
    robust, _ = sandwich_covariance(sums, data.X, wanted.covariance)
    for kind in ("known", "stretches", "censoring"):
        assert found.covariance(kind) == pytest.approx(robust, rel=1e-9)


def test_the_order_of_people_and_the_names_of_strata_change_nothing() -> None:
    data = make(DESIGNS[3])
    order = np.argsort(data.X[:, 0])
    other = Design(
        data.X[order],
        data.times[order],
        data.event[order],
        data.strata[order],
        data.groups[order] + 7,
        data.weights[order],
    )
    one, two = (
        fit_fine_gray_limit(d.X, lay_out(d), weights=d.weights, ties="efron") for d in (data, other)
    )
    assert two.coefficients == pytest.approx(one.coefficients, rel=1e-12)
    for kind in ("known", "stretches", "censoring"):
        assert two.covariance(kind) == pytest.approx(one.covariance(kind), rel=1e-11)


@pytest.mark.parametrize("unit", [1e-300, 1e-12, 1e12, 1e300])
def test_units_of_columns_and_weights_leave_the_statistics(unit: float) -> None:
    data = make(DESIGNS[1])
    risks = lay_out(data)
    one = fit_fine_gray_limit(data.X, risks, weights=data.weights)
    other = fit_fine_gray_limit(data.X * unit, risks, weights=data.weights * 1e-6)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        assert other.coefficients * unit == pytest.approx(one.coefficients, rel=1e-10)
        if 1e-100 < unit < 1e100:
            z = one.coefficients / se_of(one, "censoring")
            assert other.coefficients / se_of(other, "censoring") == pytest.approx(z, rel=1e-10)


def test_people_may_be_clusters_of_themselves() -> None:
    data = make(DESIGNS[1])
    found = fit_fine_gray_limit(data.X, lay_out(data), weights=data.weights)
    each = np.random.default_rng(0).permutation(data.event.size)
    assert found.covariance("known", each) == pytest.approx(found.covariance("known"), rel=1e-12)
    pairs = found.covariance("known", each // 2)
    assert not np.allclose(pairs, found.covariance("known"), rtol=1e-3)


def test_a_column_that_orders_the_events_is_infinite_and_others_keep_their_limit() -> None:
    data = make(DESIGNS[1])
    X = np.column_stack([data.X, (data.event == 1) * 1.0])
    found = fit_fine_gray_limit(X, lay_out(data), weights=data.weights)
    assert found.infinite.tolist() == [False, False, False, True]
    assert not found.doubt
    assert np.isfinite(found.coefficients[:3]).all()
    assert np.isnan(found.coefficients[3])
    assert found.apart > 0


def test_a_column_that_others_determine_is_left_out() -> None:
    data = make(DESIGNS[1])
    X = np.column_stack([data.X, 2.0 * data.X[:, 0] - data.X[:, 1]])
    found = fit_fine_gray_limit(X, lay_out(data), weights=data.weights)
    assert found.aliased.tolist() == [False, False, False, True]
    wanted = fit_fine_gray_limit(data.X, lay_out(data), weights=data.weights)
    assert found.coefficients[:3] == pytest.approx(wanted.coefficients, rel=1e-9)


def test_one_event_has_an_estimate_or_is_infinite() -> None:
    data = make(DESIGNS[1])
    event = np.where(data.event == 1, 2, data.event)
    event[np.flatnonzero(data.event == 1)[3]] = 1
    found = fit_fine_gray_limit(data.X[:, :1], lay_out(replace(data, event=event)))
    assert not found.doubt
    assert found.infinite[0] or np.isfinite(se_of(found, "censoring")[0])


def test_a_weight_over_nothing_is_seen() -> None:
    # The second enters when the first, who had a competing event, is gone.
    times = np.array([[0.0, 1.0], [1.5, 3.0], [2.0, 4.0], [2.5, 5.0]])
    event = np.array([2, 1, 1, 0])
    assert not CompetingRisks(times, event, estimate_censoring(times, event)).defined
    times[1:, 0] = 0.0
    assert CompetingRisks(times, event, estimate_censoring(times, event)).defined


def test_late_entry_of_large_hazards_costs_no_digits() -> None:
    # Before the last comes, sums over those at risk are 1e-12 of what they are after.
    times = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0], [2.5, 4.0], [2.5, 5.0]])
    event = np.array([1, 1, 0, 1, 2])
    risk = lay_out_risk(times, event, code=1, censoring=estimate_censoring(times, event))
    values = np.array([1.0, 2.0, 4.0, 1e16, 3e16])[risk.order, None]
    assert risk.sum_at_risk(values)[:2, 0].tolist() == [7.0, 6.0]


def test_a_fit_that_is_not_settled_says_so() -> None:
    data = make(DESIGNS[1])
    risk = lay_out_risk(
        data.times, data.event, code=1, censoring=estimate_censoring(data.times, data.event)
    )
    flat = FineGrayModel(risk, np.ones((data.event.size, 1)), data.weights, "efron")
    assert fit_fine_gray(flat).doubt
