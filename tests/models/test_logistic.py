"""The logistic family: three paths, one maximum, and what it says when there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.models import (
    Adjustment,
    Block,
    FitBlock,
    FitOptions,
    Logistic,
    Model,
    Problem,
    Status,
    Target,
    logistic_exact,
)
from proteomr.models import logistic as module
from proteomr.stats.logistic import fit_limit, fit_logistic
from proteomr.stats.newton import fit_newton


def make_problem(n: int, *, seed: int = 0) -> tuple[Problem, Block]:
    g = np.random.default_rng(seed)
    Z = np.column_stack([np.ones(n), g.normal(size=(n, 2))])
    values = g.normal(size=(5, n)) + 0.3 * Z[:, 1]
    y = (g.random(n) < 1 / (1 + np.exp(1 - 0.5 * values[0] - 0.3 * Z[:, 2]))).astype(float)
    observed = g.random((5, n)) < 0.9
    problem = Problem(
        covariates=Z,
        names=("(Intercept)", "age", "bmi"),
        factors=(),
        targets=(Target("lonely", "exposure", "binary", y, ("1 vs 0",)),),
        adjustments=(Adjustment("all", np.arange(3)),),
        models=(Model(0, 0),),
    )
    return problem, Block(values * observed, np.empty((5, 0, n)), observed)


def fit(problem: Problem, block: Block, *, family: Logistic | None = None) -> FitBlock:
    chosen = family or Logistic()
    return chosen.fit(chosen.prepare(problem), block)


def one_by_one(problem: Problem, block: Block) -> tuple[F64, F64]:
    fits = [
        fit_logistic(
            np.column_stack([problem.covariates[rows], values[rows]]),
            problem.targets[0].values[rows],
        )
        for values, rows in zip(block.values, block.observed, strict=True)
    ]
    return np.array([f.coefficients[-1] for f in fits]), np.array([f.se[-1] for f in fits])


@pytest.mark.parametrize("n", [150, 1999, 2001, 4000])
@pytest.mark.parametrize("compiled", [False, True])
def test_small_and_large_problems_have_the_maximum_of_each_fit(n: int, *, compiled: bool) -> None:
    problem, block = make_problem(n)
    found = fit(problem, block, family=Logistic(compiled=compiled))
    estimate, se = one_by_one(problem, block)
    assert (found.status == Status.ok).all()
    np.testing.assert_allclose(found.se[:, 0], se, rtol=1e-8)
    assert np.abs((found.estimate[:, 0] - estimate) / se).max() < 1e-8
    assert np.isinf(found.df).all()
    np.testing.assert_array_equal(found.n[:, 0], block.observed.sum(axis=1))
    np.testing.assert_array_equal(found.n_case[:, 0], block.observed @ problem.targets[0].values)


def test_a_fit_that_does_not_settle_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, block = make_problem(150)

    def unsettled(*arguments: Any, **options: Any) -> Any:
        found = fit_limit(*arguments, **options)
        return replace(found, fit=replace(found.fit, converged=False))

    def unsettled_too(*arguments: Any, **options: Any) -> Any:
        found = fit_newton(*arguments, **options)
        return replace(found, converged=np.zeros_like(found.converged))

    monkeypatch.setattr(logistic_exact, "fit_limit", unsettled)
    monkeypatch.setattr(module, "fit_newton", unsettled_too)
    found = fit(problem, block)
    assert (found.status == Status.not_converged).all()
    assert set(found.messages.values()) == {"Newton's method did not settle"}
    assert np.isnan(found.estimate).all()


@pytest.mark.parametrize("n", [150, 2500])
def test_aliased_covariates_are_named_and_cost_nothing(n: int) -> None:
    problem, block = make_problem(n)
    twin = replace(
        problem,
        covariates=np.column_stack([problem.covariates, 2 - problem.covariates[:, 1]]),
        names=(*problem.names, "age again"),
        scales=None,
        shifts=None,
        adjustments=(Adjustment("all", np.arange(4)),),
    )
    ours, plain = fit(twin, block), fit(problem, block)
    np.testing.assert_allclose(ours.estimate, plain.estimate, atol=1e-9 * plain.se.max())
    np.testing.assert_allclose(ours.se, plain.se, rtol=1e-8)
    if n <= 2000:
        assert set(ours.messages.values()) == {"aliased: age again"}


def test_firth_leaves_fits_without_separation_alone() -> None:
    problem, block = make_problem(150)
    plain, firth = fit(problem, block), fit(problem, block, family=Logistic(FitOptions(firth=True)))
    np.testing.assert_array_equal(plain.estimate, firth.estimate)
    assert np.isnan(firth.conf_low).all()
