"""Proteins that leave a level of a factor without a case go through solvers of the other rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from proteomr._typing import F64
from proteomr.models import (
    Adjustment,
    Block,
    Factor,
    FitBlock,
    Logistic,
    Model,
    Problem,
    Status,
    Target,
)

N, LEVELS = 4_400, 6


def make_problem(*, seed: int = 0) -> tuple[Problem, Block]:
    """Return a rare outcome whose level 3 has one case, whom half of the proteins lack.

    Of level 4 the last two proteins have nobody at all.
    """
    g = np.random.default_rng(seed)
    codes = np.sort(g.choice(LEVELS, N, p=[0.6, 0.2, 0.1, 0.03, 0.02, 0.05]))
    age = g.normal(size=N)
    values = g.normal(size=(6, N))
    y = (g.random(N) < 1 / (1 + np.exp(3.4 - 0.4 * values[0] - 0.3 * age))).astype(float)
    y[codes == 3] = 0.0
    case = np.flatnonzero(codes == 3)[5]
    y[case] = 1.0
    observed = g.random((6, N)) < 0.95
    observed[:3, case], observed[3:, case] = True, False
    observed[4:, codes == 4] = False
    dummies = (codes[:, None] == np.arange(1, LEVELS)).astype(float)
    columns = np.arange(LEVELS + 1)
    problem = Problem(
        covariates=np.column_stack([np.ones(N), age, dummies]),
        names=("(Intercept)", "age", *(f"site[{level}]" for level in range(1, LEVELS))),
        factors=(Factor("site", codes, columns[2:]),),
        targets=(Target("event", "outcome", "binary", y, ("1 vs 0",)),),
        adjustments=(Adjustment("all", columns),),
        models=(Model(0, 0),),
    )
    return problem, Block(values * observed, np.empty((6, 0, N)), observed)


def fit(problem: Problem, block: Block) -> FitBlock:
    family = Logistic()
    return family.fit(family.prepare(problem), block)


def slow(problem: Problem, block: Block, j: int) -> tuple[float, float]:
    """Return the limit of the likelihood: a fit without the levels in which nobody is a case."""
    rows, y = block.observed[j].copy(), problem.targets[0].values
    codes = problem.factors[0].codes
    for level in range(LEVELS):
        if not y[rows & (codes == level)].any():
            rows &= codes != level
    X = np.column_stack([block.values[j, rows], problem.covariates[rows]])
    theirs = sm.Logit(y[rows], X[:, X.any(axis=0)]).fit(disp=0, tol=1e-14, maxiter=60)
    return float(theirs.params[0]), float(theirs.bse[0])


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the fits that are fitted one by one."""
    asked: list[int] = []
    one = Logistic._fit_one

    def counted(family: Logistic, problem: Problem, block: Block, j: int, m: int) -> Any:
        asked.append(j)
        return one(family, problem, block, j, m)

    monkeypatch.setattr(Logistic, "_fit_one", counted)
    return asked


def test_proteins_that_lose_a_level_equal_the_limit_of_the_likelihood(alone: list[int]) -> None:
    problem, block = make_problem()
    found = fit(problem, block)
    assert alone == []
    assert (found.status == Status.ok).all()
    for j in range(6):
        estimate, se = slow(problem, block, j)
        assert found.estimate[j, 0] == pytest.approx(estimate, abs=1e-8 * se)
        assert found.se[j, 0] == pytest.approx(se, rel=1e-8)
    np.testing.assert_array_equal(found.n[:, 0], block.observed.sum(axis=1))
    codes = problem.factors[0].codes
    for j in (3, 4, 5):
        apart = int((block.observed[j] & (codes == 3)).sum())
        assert found.messages[j, 0] == f"{apart} people separated by covariates alone"
    assert all((j, 0) not in found.messages for j in range(3))


def test_they_are_what_the_exact_path_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, block = make_problem(seed=3)
    found = fit(problem, block)
    monkeypatch.setattr("proteomr.models.logistic_levels.LevelSolvers.part", lambda *_: iter(()))
    exact = fit(problem, block)
    assert found.messages == exact.messages
    np.testing.assert_array_equal(found.status, exact.status)
    np.testing.assert_allclose(found.se, exact.se, rtol=1e-8)
    assert np.abs((found.estimate - exact.estimate) / exact.se).max() < 1e-8


def test_what_else_is_in_the_block_changes_no_fit() -> None:
    problem, block = make_problem(seed=5)
    whole = fit(problem, block)

    def of(proteins: list[int]) -> F64:
        part = fit(problem, block.take(np.array(proteins)))
        return np.column_stack([part.estimate[:, 0], part.se[:, 0]])

    for proteins in ([3], [4, 3], [5, 4, 3, 2, 1, 0]):
        known = np.column_stack([whole.estimate[proteins, 0], whole.se[proteins, 0]])
        np.testing.assert_allclose(of(proteins), known, rtol=1e-8)
