"""All coefficients of ordinal models: thresholds and columns in the units of the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proteomr.models import Block, FitBlock, FitOptions, Further, Problem
from proteomr.models.extras import WithExtras
from proteomr.models.ordinal import Ordinal, OrdinalState
from proteomr.models.ordinal_options import OrdinalOptions
from tests.models.test_ordinal import make

ASKED = Further(("score", "wald"))


def fit(problem: Problem, block: Block, further: Further, *, by_itself: bool = False) -> FitBlock:
    family = Ordinal(FitOptions(further=further, coefficients=True))
    state = family.prepare(problem)
    assert isinstance(state, WithExtras)
    if by_itself:
        alone = tuple(replace(adder, blocks=None) for adder in state.adders)  # type: ignore[type-var]
        state = WithExtras(OrdinalState(problem), alone)
    return family.fit(state, block)


def shifted(n: int, *, weighted: bool = False) -> tuple[Problem, Block]:
    """Covariates, own ones and proteins far from 0 in units of their own."""
    problem, block = make(n)
    covariates = problem.covariates.copy()
    covariates[:, 1] = 2000.0 + 8.0 * covariates[:, 1]
    covariates[:, 2] *= 1e-3
    own = np.where(block.observed, 3.0 + np.random.default_rng(2).normal(size=(3, n)), 0.0)
    values = np.where(block.observed, 50.0 + 7.0 * block.values, 0.0)
    counts = np.random.default_rng(3).integers(1, 4, n).astype(float) if weighted else None
    problem = replace(
        problem,
        covariates=covariates,
        scales=None,
        shifts=None,
        own_names=("gap",),
        weights=counts,
    )
    return problem, Block(values, own[:, None], block.observed)


@pytest.mark.parametrize("n", [800, 4500])
@pytest.mark.parametrize("weighted", [False, True])
def test_blocks_have_the_coefficients_of_fits_by_themselves(n: int, *, weighted: bool) -> None:
    problem, block = shifted(n, weighted=weighted)
    further = Further(("score", "wald"))
    found = fit(problem, block, further)
    wanted = fit(problem, block, further, by_itself=True)
    one, two = found.details["coefficients"].columns, wanted.details["coefficients"].columns
    names = ["a|b", "b|c", "c|d", "age", "bmi", "site1", "site2", "gap"]
    assert list(one["coefficient"]) == list(two["coefficient"])
    assert list(one["coefficient"])[:8] == names
    np.testing.assert_allclose(one["se"], two["se"], rtol=1e-7)  # type: ignore[arg-type]
    off = np.abs(np.asarray(one["estimate"]) - two["estimate"]) / np.asarray(two["se"])
    assert off.max() < 1e-6
    for name in ("score", "wald"):
        statistic = found.joint[name].statistic
        np.testing.assert_allclose(statistic, wanted.joint[name].statistic, rtol=1e-7)


@pytest.mark.parametrize("n", [300, 4500])
def test_the_protein_s_coefficient_is_its_estimate(n: int) -> None:
    problem, block = shifted(n)
    found = fit(problem, block, Further())
    columns = found.details["coefficients"].columns
    estimate = np.asarray(columns["estimate"], dtype=float).reshape(3, -1)
    np.testing.assert_allclose(estimate[:, -1], found.estimate[:, 0], rtol=1e-7)
    assert np.all(np.diff(estimate[:, :3], axis=1) > 0.0)  # thresholds in their order


def test_thresholds_are_those_of_the_columns_as_they_are() -> None:
    problem, block = shifted(300)
    found = fit(problem, block, Further())
    estimate = np.asarray(found.details["coefficients"].columns["estimate"], dtype=float)
    theta, rows = estimate.reshape(3, -1)[0], block.observed[0]
    raw = problem.units[0] + problem.covariates * problem.units[1]
    X = np.column_stack([raw[rows, 1:], block.own[0, 0, rows], block.values[0, rows]])
    ends = np.concatenate([[-np.inf], theta[:3], [np.inf]])
    levels = problem.targets[0].values[rows].astype(int)
    eta = X @ theta[3:]
    with np.errstate(over="ignore"):
        upper, lower = (1 / (1 + np.exp(eta - ends[levels + i])) for i in (1, 0))
    # The score of the log chances by the thresholds is 0 there.
    chance = upper - lower
    for level in range(3):
        density = np.where(levels == level, upper * (1 - upper), 0.0)
        density -= np.where(levels == level + 1, lower * (1 - lower), 0.0)
        assert abs(np.sum(density / chance)) < 1e-6


@pytest.mark.parametrize("n", [300, 900])
def test_score_wald_and_likelihood_ratio_agree_where_effects_are_small(n: int) -> None:
    problem, block = make(n)
    found = fit(problem, block, ASKED)
    tests = np.column_stack([found.joint[name].statistic[:, 0] for name in ("lr", "score", "wald")])
    np.testing.assert_allclose(tests, tests[:, :1] + np.zeros(3), rtol=0.1, atol=0.05)
    np.testing.assert_allclose(tests[:, 2], (found.estimate / found.se)[:, 0] ** 2, rtol=1e-7)


def test_two_levels_have_the_score_test_of_a_logistic_regression() -> None:
    from proteomr.models import Logistic, Target

    problem, block = make(300, labels=2)
    y = problem.targets[0].values
    binary = replace(problem, targets=(Target("y", "outcome", "binary", y, ("b vs a",)),))
    family = Logistic(FitOptions(further=ASKED))
    wanted = family.fit(family.prepare(binary), block)
    found = fit(problem, block, ASKED)
    for name in ("score", "wald"):
        one, two = found.joint[name].statistic, wanted.joint[name].statistic
        np.testing.assert_allclose(one, two, rtol=1e-7)


def test_probits_have_coefficients_too() -> None:
    problem, block = shifted(900)
    family = Ordinal(FitOptions(further=ASKED, coefficients=True, ordinal=OrdinalOptions("probit")))
    found = family.fit(family.prepare(problem), block)
    assert len(found.details["coefficients"].protein) == 3 * 9
