"""Two-stage residual inclusion: the errors are those of both stages' estimating equations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from proteomr._typing import F64
from proteomr.models import Iv, Status
from tests.models.iv_designs import draw, fit, options_of, rows_of


def solve_numerically(
    C: F64, Z: F64, x: F64, y: F64, weights: F64, clusters: F64
) -> tuple[float, float]:
    """Return the log odds ratio, and its error by derivatives of the stacked scores in steps."""
    S, root = np.column_stack([C, Z]), np.sqrt(weights)
    first = np.linalg.lstsq(S * root[:, None], x * root, rcond=None)[0]
    design = np.column_stack([C, x, x - S @ first])
    binomial = sm.families.Binomial()
    second = sm.GLM(y, design, family=binomial, freq_weights=weights).fit(tol=1e-14).params
    whole, s = np.concatenate([first, second]), first.size

    def scores(theta: F64) -> F64:
        v = x - S @ theta[:s]
        D = np.column_stack([C, x, v])
        mean = 1.0 / (1.0 + np.exp(-D @ theta[s:]))
        return np.column_stack([S * (weights * v)[:, None], D * (weights * (y - mean))[:, None]])

    slopes = np.empty((whole.size, whole.size))
    for i in range(whole.size):
        step = np.zeros(whole.size)
        step[i] = 1e-5 * max(1.0, abs(whole[i]))
        slopes[:, i] = (scores(whole + step) - scores(whole - step)).sum(axis=0) / (2 * step[i])
    sums = np.array([scores(whole)[clusters == g].sum(axis=0) for g in np.unique(clusters)])
    inverse = np.linalg.inv(slopes)
    covariance = inverse @ (sums.T @ sums) @ inverse.T
    return float(whole[-2]), float(np.sqrt(covariance[-2, -2]))


@pytest.mark.parametrize("n", [400, 4200])
@pytest.mark.parametrize(
    ("errors", "more"),
    [("classical", {}), ("HC1", {"weights": True}), ("CR1", {"clusters": True})],
)
def test_errors_know_of_the_first_stage(errors: str, more: dict[str, Any], n: int) -> None:
    problem, block = draw(4, n, role="outcome", binary=True, strength=0.6, **more)
    found = fit(Iv(options_of(errors=errors)), problem, block.take([0]))
    C, Z, x, y, weights, clusters = rows_of(problem, block, 0, 1)
    estimate, se = solve_numerically(C, Z, x, y, weights, clusters)
    G = np.unique(clusters).size
    scale = {"classical": 1.0, "HC1": y.size / (y.size - C.shape[1] - 2), "CR1": G / (G - 1)}
    assert found.estimate[0, 1] == pytest.approx(estimate, rel=1e-8)
    assert found.se[0, 1] == pytest.approx(se * np.sqrt(scale[errors]), rel=1e-8)
    assert np.isinf(found.df[0, 1])
    assert "two-stage residual inclusion: an approximate log odds ratio" in found.messages[0, 1]


def test_an_outcome_of_two_levels_is_a_linear_probability_where_that_is_asked_for() -> None:
    problem, block = draw(4, 300, role="outcome", binary=True)
    linear = fit(Iv(options_of("2sls")), problem, block.take([0]))
    inclusion = fit(Iv(options_of()), problem, block.take([0]))
    assert np.isfinite(linear.df[0, 0])
    assert np.isinf(inclusion.df[0, 0])
    assert linear.n_case[0, 0] == inclusion.n_case[0, 0] > 0


def test_a_separated_outcome_is_said() -> None:
    problem, block = draw(5, 200, role="outcome", binary=True)
    target = problem.targets[0].values
    block.values[0] = np.where(block.observed[0], 4.0 * target + 0.1 * block.values[0], 0.0)
    found = fit(Iv(options_of()), problem, block.take([0]))
    assert found.status[0, 0] == Status.separated


def test_the_truth_is_covered() -> None:
    """Of a logistic model given the first stage's residuals, where the estimate is consistent."""
    g, covered = np.random.default_rng(6), 0
    for seed in range(40):
        problem, block = draw(seed, 900, role="outcome", binary=True, strength=0.6)
        protein = block.values[0]
        assert problem.instruments is not None
        explained = 0.6 * problem.instruments @ [1.0, 0.6, -0.4] + 0.3 * problem.covariates[:, 4]
        eta = 0.5 * protein + 0.7 * (protein - explained)
        problem.targets[0].values[:] = g.random(900) < 1.0 / (1.0 + np.exp(-eta))
        found = fit(Iv(options_of()), problem, block.take([0]))
        covered += abs(found.estimate[0, 1] - 0.5) < 1.96 * found.se[0, 1]
    assert covered >= 34
