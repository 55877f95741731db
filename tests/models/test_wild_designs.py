"""Logistic fits of designs in which iterations run away: the maximum, or a status."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.models import (
    Adjustment,
    Block,
    FitBlock,
    Logistic,
    Model,
    Problem,
    Status,
    Target,
)
from tests.effort import often
from tests.models.wild_designs import PROTEINS, climb, draw_problem, find_truth

DESIGNS = 100
ODD_BATCHES = 2


def fit(problem: Problem, block: Block) -> FitBlock:
    family = Logistic()
    return family.fit(family.prepare(problem), block)


def check(problem: Problem, block: Block, seen: Counter[str]) -> None:
    """Hold every fit that is ok against the oracle, and every other to its status."""
    found = fit(problem, block)
    for j in range(len(block.values)):
        status = Status(found.status[j, 0])
        seen[status.name] += 1
        if status != Status.ok:
            assert np.isnan(found.estimate[j, 0])
            assert found.messages[j, 0]
            continue
        apart = "separated by covariates alone" in found.messages.get((j, 0), "")
        seen["apart"] += apart
        truth = find_truth(problem, block, j, apart=apart)
        assert truth is not None
        assert abs(found.estimate[j, 0] - truth.estimate) < 1e-8 * truth.se
        assert found.se[j, 0] == pytest.approx(truth.se, rel=1e-8)


@pytest.mark.parametrize("batch", range(often(4, thorough=20)))
def test_every_fit_of_the_mass_path_is_the_maximum_or_has_a_status(batch: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(DESIGNS * batch, DESIGNS * (batch + 1)):
        check(*draw_problem(seed, 2001, 2200), seen)
    assert seen["ok"] > 0.8 * DESIGNS * PROTEINS
    assert seen["apart"] > 0


@pytest.mark.parametrize("batch", range(ODD_BATCHES))
def test_every_fit_of_the_small_path_is_the_maximum_or_has_a_status(batch: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(DESIGNS * batch, DESIGNS * (batch + 1)):
        check(*draw_problem(10_000 + seed, 150, 2000), seen)
    assert seen["ok"] > 0.6 * DESIGNS * PROTEINS


def make_population(
    n: int, cases: float, group: int, share: float, *, seed: int = 0
) -> tuple[Problem, Block]:
    """Return n people of whom a rare group has the outcome more often, and three proteins."""
    g = np.random.default_rng(seed)
    z = np.zeros(n)
    z[g.choice(n, group, replace=False)] = 1.0
    y = (g.random(n) < np.where(z == 1.0, share, cases)).astype(float)
    values = g.normal(size=(3, n)) + np.array([0.0, 0.3, 0.0])[:, None] * y + 0.5 * z
    problem = Problem(
        covariates=np.column_stack([np.ones(n), z]),
        names=("(Intercept)", "z"),
        factors=(),
        targets=(Target("y", "exposure", "binary", y, ("1 vs 0",)),),
        adjustments=(Adjustment("all", np.arange(2)),),
        models=(Model(0, 0),),
    )
    return problem, Block(values, np.empty((3, 0, n)), np.ones((3, n), dtype=bool))


POPULATIONS = [
    (3000, 0.10, 60, 0.7),
    (3000, 0.10, 30, 0.8),
    (5000, 0.05, 100, 0.6),
    (5000, 0.02, 100, 0.4),
    (8000, 0.10, 200, 0.6),
    (20_000, 0.09, 300, 0.7),
    (20_000, 0.005, 20, 0.3),
]


@pytest.mark.parametrize("seed", range(often(1, thorough=3)))
@pytest.mark.parametrize(("n", "cases", "group", "share"), POPULATIONS)
def test_a_rare_group_with_a_strong_effect_leaves_every_fit_its_maximum(
    n: int, cases: float, group: int, share: float, seed: int
) -> None:
    seen: Counter[str] = Counter()
    check(*make_population(n, cases, group, share, seed=seed), seen)
    assert seen["ok"] == 3


def take_people(problem: Problem, block: Block, n: int) -> tuple[Problem, Block]:
    whole = replace(
        problem,
        covariates=problem.covariates[:n],
        targets=tuple(target.take(np.arange(n)) for target in problem.targets),
    )
    return whole, Block(block.values[:, :n], block.own[:, :, :n], block.observed[:, :n])


@pytest.mark.parametrize("n", [1999, 2000, 2001, 2002])
def test_both_sides_of_the_switch_of_paths_have_the_maximum(n: int) -> None:
    seen: Counter[str] = Counter()
    check(*take_people(*make_population(2400, 0.1, 60, 0.7), n), seen)
    assert seen["ok"] == 3


def shift(problem: Problem, block: Block, *, by: float) -> tuple[F64, F64]:
    moved = problem.covariates.copy()
    moved[:, 1] = moved[:, 1] + by
    other = replace(problem, covariates=moved)
    found = fit(other, block)
    assert (found.status == Status.ok).all()
    return found.estimate[:, 0], found.se[:, 0]


@pytest.mark.parametrize("n", [1500, 2500])
def test_the_zero_of_a_covariate_changes_no_fit_of_any_path(n: int) -> None:
    problem, block = take_people(*make_population(2600, 0.1, 60, 0.7), n)
    # The second protein is almost the covariate, so that the exact path has to fit it.
    block.values[1] = problem.covariates[:, 1] + 1e-5 * block.values[1]
    estimate, se = shift(problem, block, by=0.0)
    for by in (1e6, 2.0**40):
        moved, moved_se = shift(problem, block, by=by)
        assert np.abs((moved - estimate) / se).max() < 1e-8
        np.testing.assert_allclose(moved_se, se, rtol=1e-8)


def test_the_oracle_knows_a_two_by_two_table() -> None:
    x = np.repeat([0.0, 0.0, 1.0, 1.0], [12, 5, 7, 9])
    y = np.repeat([0.0, 1.0, 0.0, 1.0], [12, 5, 7, 9])
    truth = climb(np.empty((33, 0)), x, y)
    assert truth is not None
    assert truth.estimate == pytest.approx(np.log(12 * 9 / (5 * 7)), rel=1e-12)
    assert truth.se == pytest.approx(np.sqrt(1 / 12 + 1 / 5 + 1 / 7 + 1 / 9), rel=1e-12)
