from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from benchmarks.accuracy import (
    BOUNDS,
    find_maximum_in_r,
    judge,
    relative_error,
)
from benchmarks.interfaces import Family
from benchmarks.problems import Problem
from benchmarks.rscript import has_r
from proteomr._typing import F64

Maxima = dict[Family, tuple[F64, F64]]
TRUE = (np.array([[0.2, -0.1]]), np.array([[0.02, 0.03]]))


def test_relative_error_is_the_largest() -> None:
    found = np.array([1.0 + 1e-6, 2.0 - 4e-6])
    assert relative_error(found, np.array([1.0, 2.0]), scale=np.zeros(2)) == pytest.approx(2e-6)


def test_an_estimate_near_zero_is_measured_on_the_scale() -> None:
    error = relative_error(np.array([2e-9]), np.array([1e-9]), scale=np.array([0.1]))
    assert error == pytest.approx(1e-8)


@pytest.mark.parametrize("found", [np.array([np.nan, 1.0]), np.array([1.0])])
def test_an_absent_value_or_another_shape_is_infinitely_wrong(
    found: F64,
) -> None:
    assert relative_error(found, np.ones(2), scale=np.ones(2)) == np.inf


@pytest.mark.parametrize("family", ["logistic", "linear"])
@pytest.mark.parametrize("part", [0, 1])
def test_one_wrong_value_of_proteomr_fails(family: Family, part: int) -> None:
    found = (TRUE[0].copy(), TRUE[1].copy())
    assert judge("proteomr", family, found=found, true=TRUE).passed
    found[part][0, 1] *= 1.0 + 3.0 * BOUNDS[family]
    assert not judge("proteomr", family, found=found, true=TRUE).passed


def test_another_tool_may_stop_early_but_not_fit_another_model() -> None:
    early = (TRUE[0] * (1.0 + 1e-5), TRUE[1] * (1.0 - 1e-4))
    other = (TRUE[0] * 1.01, TRUE[1])
    assert judge("R glm", "logistic", found=early, true=TRUE).passed
    assert not judge("proteomr", "logistic", found=early, true=TRUE).passed
    assert not judge("R glm", "logistic", found=other, true=TRUE).passed


def test_the_logistic_maximum_is_that_of_statsmodels(problem: Problem, maxima: Maxima) -> None:
    estimate, se = maxima["logistic"]
    scores, covariates, rows = problem.design(1, "simple")
    t = problem.tests.index((0, "simple"))
    X = np.column_stack([scores, covariates])
    fit = sm.Logit(problem.exposures[rows, 0], X).fit(method="newton", disp=0, tol=1e-12)
    assert estimate[1, t] == pytest.approx(fit.params[0], rel=1e-9)
    assert se[1, t] == pytest.approx(fit.bse[0], rel=1e-9)


def test_the_linear_maximum_is_that_of_statsmodels(problem: Problem, maxima: Maxima) -> None:
    estimate, se = maxima["linear"]
    scores, covariates, rows = problem.design(0, "full")
    t = problem.tests.index((1, "full"))
    fit = sm.OLS(scores, np.column_stack([problem.exposures[rows, 1], covariates])).fit()
    assert estimate[0, t] == pytest.approx(fit.params[0], rel=1e-9)
    assert se[0, t] == pytest.approx(fit.bse[0], rel=1e-9)


@pytest.mark.skipif(not has_r(), reason="no Rscript on the path")
@pytest.mark.parametrize(("family", "bound"), [("logistic", 1e-10), ("linear", 1e-10)])
def test_r_finds_the_same_maximum(
    problem: Problem, maxima: Maxima, family: Family, bound: float
) -> None:
    here, there = maxima[family], find_maximum_in_r(problem, family)
    verdict = judge("proteomr", family, found=here, true=there)
    assert verdict.estimate_error < bound
    assert verdict.se_error < bound
