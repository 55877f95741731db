"""Cox regressions of samples fitted together, held against each fitted by itself."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.cox import fit_cox
from proteomr.stats.mediation_cox import fit_cox_model
from proteomr.stats.mediation_cox_samples import refit_cox
from proteomr.stats.risk_sets import lay_out_risk_sets


def _draw(n: int, *, late: bool, events: float = 0.4) -> tuple[F64, F64]:
    """Return columns and outcomes of people, whose times are tied."""
    generator = np.random.default_rng(n)
    X = generator.normal(size=(n, 3))
    X[:, 2] = X[:, 2] > 1.0
    end = np.ceil(20.0 * generator.exponential(np.exp(-X @ [0.5, -0.3, 0.7])))
    entry = np.floor(generator.uniform(0.0, 0.8) * end * late) if late else np.full(n, -np.inf)
    event = generator.random(n) < events
    return X, np.column_stack([entry, end, event])


def _fit_each(X: F64, outcome: F64, counts: F64) -> F64:
    found = np.full((counts.shape[0], X.shape[1]), np.nan)
    for b, sample in enumerate(counts):
        rows = sample > 0.0
        fit = fit_cox(X[rows], lay_out_risk_sets(outcome[rows]), weights=sample[rows])
        if fit.converged:
            found[b] = fit.coefficients
    return found


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("n", [300, 4_500])  # both forms of the loops
def test_samples_have_the_fits_that_each_has_by_itself(n: int, *, late: bool) -> None:
    X, outcome = _draw(n, late=late)
    risk = lay_out_risk_sets(outcome)
    model = fit_cox_model(X, risk, needed=[2], what=["x"])
    generator = np.random.default_rng(1)
    counts = generator.multinomial(n, np.full(n, 1.0 / n), size=5).astype(np.float64)
    counts[4] *= generator.uniform(0.5, 2.0, n)  # weights of people are no whole numbers
    found, expected = model.refit(counts), _fit_each(X, outcome, counts)
    se = np.sqrt(np.diagonal(model.covariance))
    # the climb ends within 1e-9 of a standard error
    assert np.abs((found - expected) / se).max() < 1e-8
    near = model.refit(counts, expected + 0.1 * se)
    assert np.abs((near - expected) / se).max() < 1e-8


def test_samples_without_an_estimate_have_none_and_leave_the_others_alone() -> None:
    n = 60  # of whom a sample loses levels
    X, outcome = _draw(n, late=False)
    risk = lay_out_risk_sets(outcome)
    model = fit_cox_model(X, risk, needed=[2], what=["x"])
    counts = np.ones((4, n))
    counts[1] = outcome[:, 2] == 0.0  # nobody with the event
    counts[2, (X[:, 2] == 1.0) & (outcome[:, 2] == 1.0)] = 0.0  # no event beside the third column
    counts[3] = 3.0
    found = model.refit(counts)
    assert np.isnan(found[1]).all()
    assert np.isnan(found[2, 2])
    expected = _fit_each(X, outcome, counts[2:3])[0]  # at the limit of the third
    assert found[2, :2] == pytest.approx(expected[:2], rel=1e-8)
    alone = model.refit(counts[:1])
    assert found[0] == pytest.approx(alone[0], rel=1e-9)
    assert found[0] == pytest.approx(model.coefficients, rel=1e-9)
    assert found[3] == pytest.approx(_fit_each(X, outcome, counts[3:])[0], rel=1e-8)


def test_far_starts_come_to_the_same_end_or_to_the_path_that_searches() -> None:
    X, outcome = _draw(300, late=True)
    risk = lay_out_risk_sets(outcome)
    model = fit_cox_model(X, risk, needed=[2], what=["x"])
    starts = np.array([[0.0, 0.0, 0.0], [3.0, -3.0, 3.0], [40.0, 0.0, -40.0]])
    counts = np.ones((3, 300))
    found = refit_cox(X, risk, counts, starts, model.covariance)
    assert np.abs(found - model.coefficients).max() < 1e-8


def test_no_event_at_all_is_none() -> None:
    rows = np.column_stack([np.full(4, -np.inf), np.arange(1.0, 5.0), np.zeros(4)])
    counts = np.ones((2, 4))
    found = refit_cox(
        np.eye(4)[:, :1], lay_out_risk_sets(rows), counts, np.zeros((2, 1)), np.eye(1)
    )
    assert np.isnan(found).all()


def test_a_column_that_a_sample_has_lost_has_none_and_moves_no_other() -> None:
    X, outcome = _draw(400, late=False)
    X[:, 0] = np.arange(400) == 7  # one person's own level
    risk = lay_out_risk_sets(outcome)
    model = fit_cox_model(X, risk, needed=[2], what=["x"])
    counts = np.ones((3, 400))
    counts[0, 7] = 0.0
    counts[1, X[:, 2] == 1.0] = 0.0
    found = model.refit(counts)
    assert np.isnan(found).tolist() == [[True, False, False], [False, False, True], [False] * 3]
    expected = _fit_each(X[:, 1:], outcome, counts)
    assert found[0, 1:] == pytest.approx(expected[0], rel=1e-8)
