"""The exact likelihood of ties: R's ``coxph(ties = "exact")``, and all sets one by one."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.cox import fit_cox
from proteomr.stats.exact_ties import (
    ExactSums,
    Subsets,
    count_terms,
    drop_settled,
    sum_exactly,
    sum_partial,
)
from proteomr.stats.risk_sets import lay_out_risk_sets, tie_times
from tests.stats.cox_rules import Design, make

DESIGNS: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("exact_ties.json").read_text(encoding="utf-8")
)
every = pytest.mark.parametrize(
    "design",
    DESIGNS,
    ids=lambda d: f"n{d['n']} grid {d['grid']:g} truncated {d['truncated']} strata {d['strata']}",
)


def tied(outcome: F64) -> F64:
    return np.column_stack([tie_times(outcome[:, :2]), outcome[:, 2]])


def lay_out(rows: list[tuple[float, float, int]]) -> F64:
    return np.array(rows, dtype=float)


def list_sets(eta: F64, d: int) -> tuple[F64, F64]:
    """Return all sets of d ``(sets, m)`` as zeros and ones, and their chances."""
    members = np.array(
        [[i in chosen for i in range(eta.size)] for chosen in combinations(range(eta.size), d)]
    ).astype(float)
    odds = np.exp(members @ (eta - eta.max()))
    return members, odds / odds.sum()


@every
def test_estimates_errors_likelihoods_and_tests_are_those_of_coxph(design: dict[str, Any]) -> None:
    data: Design = make(design)
    risk = lay_out_risk_sets(tied(data.outcome), data.strata)
    found = fit_cox(data.X, risk, ties="exact")
    assert (data.outcome.shape[0], int(risk.died.sum())) == (design["rows"], design["events"])
    assert found.converged
    assert not found.infinite.any()
    assert found.coefficients == pytest.approx(design["coef"], rel=1e-8, abs=1e-9)
    assert found.se == pytest.approx(design["se"], rel=1e-8)
    assert found.covariance[:, 0] == pytest.approx(design["covariance"], rel=1e-8, abs=1e-12)
    assert [found.null, found.log_likelihood] == pytest.approx(design["loglik"], rel=1e-10)
    assert found.score_test == pytest.approx(design["score"], rel=1e-8)
    wald = found.coefficients @ np.linalg.solve(found.covariance, found.coefficients)
    assert float(wald) == pytest.approx(design["wald"], rel=1e-7)


@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0])
@pytest.mark.parametrize(("m", "d"), [(2, 1), (9, 1), (9, 4), (9, 8), (13, 6)])
def test_chances_and_moments_are_those_over_all_sets(m: int, d: int, spread: float) -> None:
    rng = np.random.default_rng(m * d)
    eta, X = spread * rng.standard_normal(m), rng.standard_normal((m, 2))
    members, chances = list_sets(eta, d)
    sets = Subsets.of(eta, d)
    assert sets.inclusion == pytest.approx(chances @ members, rel=1e-9, abs=1e-300)
    sums = members @ X
    centred = sums - chances @ sums
    covariance = centred.T @ (centred * chances[:, None])
    assert sets.covariance(X) == pytest.approx(covariance, rel=1e-9, abs=1e-14)
    likeliest = int(np.argmax(chances))
    assert sets.log_chance(members[likeliest] > 0) == pytest.approx(
        np.log(chances[likeliest]), abs=1e-12
    )


@pytest.mark.parametrize(("m", "d"), [(300, 40), (3000, 5), (3000, 1500), (40_000, 2), (999, 998)])
def test_few_nodes_give_what_the_recursion_gives(m: int, d: int) -> None:
    eta = np.random.default_rng(d).standard_normal(m)
    sets = Subsets.of(eta, d)
    # Number of successes of the independent trials, trial by trial, up to d.
    law = np.zeros(d + 1)
    law[0] = 1.0
    for p in sets.p:
        law[1:] = law[1:] * (1.0 - p) + law[:-1] * p
        law[0] *= 1.0 - p
    assert sets.chance == pytest.approx(law[d], rel=1e-11)
    assert float(sets.inclusion.sum()) == pytest.approx(d, rel=1e-12)
    assert sets.turns.size <= 60


def test_the_derivatives_are_those_of_the_likelihood() -> None:
    data = make({**DESIGNS[0], "n": 80, "grid": 3})
    risk = drop_settled(lay_out_risk_sets(tied(data.outcome)))
    X, b, h = data.X[:, :2], np.array([0.4, -0.2]), 1e-5
    at: ExactSums = sum_exactly(risk, X @ b)
    for j in range(2):
        step = h * np.eye(2)[j]
        up, down = (sum_exactly(risk, X @ (b + s)) for s in (step, -step))
        slope = (up.log_likelihood - down.log_likelihood) / (2.0 * h)
        assert (X.T @ at.residuals)[j] == pytest.approx(slope, rel=1e-6, abs=1e-7)
        curve = -(X.T @ (up.residuals - down.residuals)) / (2.0 * h)
        assert at.information(X)[j] == pytest.approx(curve, rel=1e-6, abs=1e-7)


def test_times_without_ties_have_one_likelihood_whatever_the_way() -> None:
    data = make({**DESIGNS[0], "n": 200, "grid": 1e6})
    risk = lay_out_risk_sets(tied(data.outcome))
    fits = [fit_cox(data.X, risk, ties=ties) for ties in ("exact", "efron", "breslow")]
    for other in fits[1:]:
        assert fits[0].coefficients == pytest.approx(other.coefficients, rel=1e-10)
        assert fits[0].log_likelihood == pytest.approx(other.log_likelihood, rel=1e-12)


def test_a_set_of_all_at_risk_tells_nothing() -> None:
    x = np.array([[0.3], [1.0], [-1.0], [2.0], [0.5]])
    rows = [(0.0, 1.0, 1), (0.0, 2.0, 1), (0.0, 2.0, 0), (0.0, 3.0, 1), (0.0, 3.0, 1)]
    whole = lay_out_risk_sets(lay_out(rows))
    cut = lay_out_risk_sets(lay_out([(a, b, e if b < 3.0 else 0) for a, b, e in rows]))
    assert fit_cox(x, whole, ties="exact").coefficients == pytest.approx(
        fit_cox(x, cut, ties="exact").coefficients
    )
    everybody = lay_out_risk_sets(lay_out([(0.0, 1.0, 1)] * 5))
    assert fit_cox(x, everybody, ties="exact").aliased.all()


def test_events_above_all_others_have_no_finite_estimate_though_they_differ() -> None:
    # Efron's likelihood compares the two events with one another, and has a maximum.
    x = np.array([[3.0], [2.0], [0.0], [1.0], [0.5]])
    risk = lay_out_risk_sets(lay_out([(0, 1, 1), (0, 1, 1), (0, 2, 0), (0, 2, 0), (0, 2, 0)]))
    assert fit_cox(x, risk, ties="exact").infinite.all()
    assert not fit_cox(x, risk, ties="efron").infinite.any()


def test_at_the_limit_of_one_column_another_keeps_its_estimate() -> None:
    rng = np.random.default_rng(5)
    n = 120
    z, carrier = rng.standard_normal(n), (rng.random(n) < 0.2).astype(float)
    exit_ = np.ceil(4.0 * rng.exponential(np.exp(-0.5 * z)))
    event = (carrier == 0.0) & (rng.random(n) < 0.8)
    outcome = np.column_stack([np.zeros(n), exit_, event])
    risk = lay_out_risk_sets(outcome)
    found = fit_cox(np.column_stack([carrier, z]), risk, ties="exact")
    inside = carrier == 0.0
    alone = fit_cox(z[inside, None], lay_out_risk_sets(outcome[inside]), ties="exact")
    assert found.infinite.tolist() == [True, False]
    assert found.coefficients[1] == pytest.approx(alone.coefficients[0], rel=1e-8)
    assert found.se[1] == pytest.approx(alone.se[0], rel=1e-8)


def test_weights_are_refused() -> None:
    risk = lay_out_risk_sets(lay_out([(0, 1, 1), (0, 2, 0)]))
    with pytest.raises(ValueError, match="no weights"):
        fit_cox(np.array([[1.0], [0.0]]), risk, weights=np.array([1.0, 2.0]), ties="exact")


def test_no_event_is_a_likelihood_of_one() -> None:
    risk = lay_out_risk_sets(lay_out([(0, 1, 0), (0, 2, 0)]))
    assert count_terms(risk) == (0, 0)
    assert sum_partial(risk, np.zeros(2), np.ones(2), ties="exact").log_likelihood == 0.0
