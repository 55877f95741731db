"""The fit to covariates alone against statsmodels, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from proteomr._typing import F64
from proteomr.stats.chunked import ChunkedDesign, chunk_design
from proteomr.stats.logistic_base import fit_base

N, Q = 900, 6


def make_design(*, chunk_rows: int = 200, scale: float = 1.0) -> tuple[ChunkedDesign, F64]:
    """Return a design of two dense columns and a factor of six levels, and a response."""
    g = np.random.default_rng(3)
    cell = np.sort(g.integers(0, Q, N))
    cell_columns = scale * np.column_stack([np.ones(Q), np.eye(Q)[:, 1:]])
    dense = g.normal(size=(N, 2))
    eta = -2.0 + dense @ [0.8, -0.4] + np.linspace(-0.5, 0.5, Q)[cell]
    response = (g.random(N) < 1 / (1 + np.exp(-eta))).astype(np.float64)
    return chunk_design(dense, cell_columns, cell, chunk_rows=chunk_rows), response


@pytest.mark.parametrize(("chunk_rows", "scale"), [(200, 1.0), (5000, 1.0), (200, 4.0)])
def test_the_fit_equals_statsmodels(chunk_rows: int, scale: float) -> None:
    design, response = make_design(chunk_rows=chunk_rows, scale=scale)
    theirs = sm.Logit(response, design.matrix()).fit(disp=0, method="newton", tol=1e-12)
    base = fit_base(design, response)
    assert base is not None
    np.testing.assert_allclose(base.coefficients, theirs.params, rtol=1e-9, atol=1e-11)
    mu = theirs.predict()
    np.testing.assert_allclose(base.residuals[0], response - mu, atol=1e-10)
    np.testing.assert_allclose(base.weights[0, 0], mu * (1 - mu), atol=1e-10)
    # the information is summed in single precision: it starts iterations, and is no result
    distance = np.abs(base.inverse_information - theirs.cov_params()).max()
    assert distance < 1e-5 * np.abs(theirs.cov_params()).max()


def test_the_scores_vanish_at_the_fit() -> None:
    design, response = make_design()
    base = fit_base(design, response)
    assert base is not None
    np.testing.assert_allclose(design.score(base.residuals[0]), 0.0, atol=1e-9)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_constant_response_has_no_fit(value: float) -> None:
    design, response = make_design()
    assert fit_base(design, np.full_like(response, value)) is None


def test_a_response_that_a_covariate_separates_has_no_fit() -> None:
    design, _ = make_design()
    separated = (design.matrix()[:, 0] > 0).astype(np.float64)
    assert fit_base(design, separated) is None


def test_a_response_without_cases_in_one_level_has_no_fit() -> None:
    design, response = make_design()
    level = design.matrix()[:, -1] == 1.0
    assert fit_base(design, np.where(level, 0.0, response)) is None


RUNAWAYS = [(3000, 9, 50, 35), (3000, 10, 40, 28), (5000, 50, 60, 30), (8000, 10, 200, 120)]


@pytest.mark.parametrize(("n", "every", "group", "cases"), RUNAWAYS)
def test_a_rare_group_in_which_newton_s_full_step_runs_away_has_its_log_odds(
    n: int, every: int, group: int, cases: int
) -> None:
    # The maximum of a group of its own is known: the log odds of its cases.
    z = (np.arange(n) < group).astype(float)
    y = (np.arange(n) % every == 0).astype(float)
    y[:group] = np.arange(group) < cases
    design = chunk_design(z[:, None], np.ones((1, 1)), np.zeros(n, dtype=np.int64))
    base = fit_base(design, y)
    assert base is not None
    others = float(y[group:].sum())
    intercept = np.log(others / (n - group - others))
    wanted = [np.log(cases / (group - cases)) - intercept, intercept]
    np.testing.assert_allclose(base.coefficients, wanted, rtol=1e-9)
    assert (np.linalg.eigvalsh(base.inverse_information) > 0).all()
