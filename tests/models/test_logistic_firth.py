"""Firth's estimate in all fits: blocks against one fit at a time, p values against limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proteomr.models import (
    Adjustment,
    Block,
    Factor,
    FitBlock,
    FitOptions,
    Logistic,
    Model,
    Problem,
    Status,
    Target,
)
from proteomr.stats.firth import compare_penalised, fit_firth
from proteomr.stats.profile_intervals import profile_limits

ALWAYS = Logistic(FitOptions(firth="always"))


def make_problem(
    n: int, *, rate: float = 0.2, own: int = 0, seed: int = 0
) -> tuple[Problem, Block]:
    g = np.random.default_rng(seed)
    site = np.sort(g.integers(0, 3, n))
    dummies = (site[:, None] == [1, 2]).astype(float)
    Z = np.column_stack([np.ones(n), dummies, g.normal(size=n)])
    values = g.normal(size=(4, n))
    chance = 1 / (1 + np.exp(-np.log(rate / (1 - rate)) - 0.5 * values[0] - 0.3 * Z[:, 3]))
    y = (g.random((2, n)) < chance).astype(float)
    y[:, 0], y[:, 1] = 0.0, 1.0
    observed = g.random((4, n)) < 0.9
    problem = Problem(
        covariates=Z,
        names=("(Intercept)", "site2", "site3", "age"),
        factors=(Factor("site", site, np.array([1, 2])),),
        targets=tuple(
            Target(name, "exposure", "binary", row, ("1 vs 0",))
            for name, row in zip(("iso", "lo"), y, strict=True)
        ),
        adjustments=(Adjustment("few", np.arange(3)), Adjustment("all", np.arange(4))),
        models=(Model(0, 0), Model(1, 0), Model(0, 1)),
        own_names=tuple(f"own{i}" for i in range(own)),
    )
    return problem, Block(
        values * observed, g.normal(size=(4, own, n)) * observed[:, None], observed
    )


def fit(problem: Problem, block: Block, family: Logistic = ALWAYS) -> FitBlock:
    return family.fit(family.prepare(problem), block)


def design_of(problem: Problem, block: Block, j: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    rows, model = block.observed[j], problem.models[m]
    C = problem.covariates[rows][:, problem.adjustments[model.adjustment].columns]
    X = np.column_stack([C, block.own[j][:, rows].T, block.values[j, rows]])
    return X, problem.targets[model.target].values[rows]


@pytest.mark.parametrize(("n", "rate", "own"), [(120, 0.2, 0), (700, 0.03, 1), (5000, 0.004, 0)])
def test_blocks_have_the_maximum_limits_and_test_of_each_fit(n: int, rate: float, own: int) -> None:
    problem, block = make_problem(n, rate=rate, own=own)
    found = fit(problem, block)
    assert (found.status == Status.ok).all()
    assert found.neg_log10_p is not None
    for j, m in [(0, 0), (1, 1), (3, 2)]:
        X, y = design_of(problem, block, j, m)
        exact, last = fit_firth(X, y), X.shape[1] - 1
        se = float(exact.se[-1])
        low, high = profile_limits(X, y, exact, column=last, firth=True)
        test = compare_penalised(X, y, exact, columns=[last])
        assert test is not None
        assert found.estimate[j, m] == pytest.approx(exact.coefficients[-1], abs=1e-8 * se)
        assert found.se[j, m] == pytest.approx(se, rel=1e-7)
        assert found.conf_low[j, m] == pytest.approx(low, abs=1e-7 * se)
        assert found.conf_high[j, m] == pytest.approx(high, abs=1e-7 * se)
        assert found.neg_log10_p[j, m] == pytest.approx(test[2], rel=1e-7, abs=1e-8)


def test_p_is_below_a_twentieth_exactly_where_the_limits_exclude_0() -> None:
    p, excluded = [], []
    for seed in range(12):
        problem, block = make_problem(90, seed=seed)
        found = fit(problem, block)
        assert found.neg_log10_p is not None
        p.append(found.neg_log10_p)
        excluded.append((found.conf_low > 0) | (found.conf_high < 0))
    below = np.array(p) > -np.log10(0.05)
    assert below.any()
    np.testing.assert_array_equal(below, excluded)


def test_a_separated_fit_that_is_asked_for_alone_has_the_same_numbers() -> None:
    problem, block = make_problem(60)
    values = block.values.copy()
    values[0] = np.where(problem.targets[0].values > 0, 3.0, 0.0) * block.observed[0]
    values[0] += 0.1 * block.values[1] * block.observed[0]
    block = Block(values, block.own, block.observed)
    always, apart = fit(problem, block), fit(problem, block, Logistic(FitOptions(firth=True)))
    plain = fit(problem, block, Logistic())
    assert always.neg_log10_p is not None
    assert apart.neg_log10_p is not None
    assert (always.status[0, 0], apart.status[0, 0]) == (Status.ok, Status.separated)
    assert apart.estimate[0, 0] == pytest.approx(always.estimate[0, 0], rel=1e-7)
    assert apart.neg_log10_p[0, 0] == pytest.approx(always.neg_log10_p[0, 0], rel=1e-6)
    assert always.neg_log10_p[0, 0] > 5  # Wald's test hardly sees it
    others = apart.status == Status.ok
    np.testing.assert_array_equal(apart.estimate[others], plain.estimate[others])
    assert np.isnan(apart.neg_log10_p[others]).all()


def test_people_whom_a_covariate_separates_stay_in_a_penalised_fit() -> None:
    problem, block = make_problem(400)
    targets = tuple(
        replace(t, values=np.where(problem.covariates[:, 2] > 0, 0.0, t.values))
        for t in problem.targets
    )
    problem = replace(problem, targets=targets)
    found = fit(problem, block)
    assert (found.status == Status.ok).all()
    X, y = design_of(problem, block, 1, 2)
    assert found.estimate[1, 2] == pytest.approx(fit_firth(X, y).coefficients[-1], rel=1e-6)


def test_products_are_tested_by_the_ratio_of_penalised_likelihoods() -> None:
    problem, block = make_problem(150)
    problem = replace(problem, interaction=problem.covariates[:, 1:3])
    found = fit(problem, block)
    X, y = design_of(problem, block, 1, 2)
    by = problem.covariates[block.observed[1]][:, 1:3]
    X = np.column_stack([X, X[:, -1:] * by])
    test = compare_penalised(X, y, fit_firth(X, y), columns=[5, 6])
    assert test is not None
    joint = found.joint["interaction"]
    assert joint.statistic[1, 2] == pytest.approx(test[0], rel=1e-6)
    assert joint.df[1, 2] == 2.0
