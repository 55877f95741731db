"""All coefficients of ordinal models: thresholds and columns in the units of the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proteomr.models import Adjustment, Block, FitBlock, FitOptions, Further, Model, Problem
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
    assert off.max() < 1e-9
    for name in ("score", "wald"):
        statistic = found.joint[name].statistic
        np.testing.assert_allclose(statistic, wanted.joint[name].statistic, rtol=1e-7)


@pytest.mark.parametrize("n", [300, 4500])
def test_the_protein_s_coefficient_is_its_estimate(n: int) -> None:
    problem, block = shifted(n)
    found = fit(problem, block, Further())
    columns = found.details["coefficients"].columns
    estimate = np.asarray(columns["estimate"], dtype=float).reshape(3, -1)
    apart = np.abs(estimate[:, -1] - found.estimate[:, 0]) / found.se[:, 0]
    assert apart.max() < 1e-9  # of its standard error, as all estimates
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


def tell(found: FitBlock, protein: int) -> dict[str, tuple[float, float]]:
    """Return estimate and error of each coefficient of a protein, by name."""
    of, columns = found.details["coefficients"].protein == protein, found.details["coefficients"]
    told = (np.asarray(columns.columns[k])[of] for k in ("coefficient", "estimate", "se"))
    return {str(name): (float(b), float(se)) for name, b, se in zip(*told, strict=True)}


def set_apart(n: int, labels: int) -> tuple[Problem, Block]:
    """Return people of whom those of one site all have the highest level."""
    problem, block = make(n, labels=labels)
    values = np.where(problem.covariates[:, 3] > 0.0, labels - 1.0, problem.targets[0].values)
    return replace(problem, targets=(replace(problem.targets[0], values=values),)), block


@pytest.mark.parametrize("n", [300, 900])
@pytest.mark.parametrize("labels", [2, 4])
def test_what_a_separated_site_leaves_is_the_fit_of_the_others(n: int, labels: int) -> None:
    problem, block = set_apart(n, labels)
    found = fit(problem, block, Further(("wald",)))
    there, kept = problem.covariates[:, 3] == 0.0, [0, 1, 2, 4]
    fewer = Problem(
        covariates=(problem.units[0] + problem.covariates * problem.units[1])[there][:, kept],
        names=("(Intercept)", "age", "bmi", "site2"),
        factors=(),
        targets=(problem.targets[0].take(np.flatnonzero(there)),),
        adjustments=(Adjustment("all", np.arange(4)),),
        models=(Model(0, 0),),
    )
    others = Block(block.values[:, there], block.own[:, :, there], block.observed[:, there])
    wanted = fit(fewer, others, Further(("wald",)))
    assert "separated by covariates alone" in found.messages[0, 0]
    for j in range(3):
        ours, theirs = tell(found, j), tell(wanted, j)
        assert np.isnan(ours.pop("site1")).all()
        assert set(ours) == set(theirs)
        for name, (estimate, se) in theirs.items():
            assert ours[name][0] == pytest.approx(estimate, abs=1e-7 * se)
            assert ours[name][1] == pytest.approx(se, rel=1e-7)
        own = ours[next(reversed(ours))]
        assert own[0] == pytest.approx(found.estimate[j, 0], abs=1e-8 * own[1])
    one, two = (each.joint["wald"].statistic for each in (found, wanted))
    np.testing.assert_allclose(one, two, rtol=1e-7)


def test_probits_have_coefficients_too() -> None:
    problem, block = shifted(900)
    family = Ordinal(FitOptions(further=ASKED, coefficients=True, ordinal=OrdinalOptions("probit")))
    found = family.fit(family.prepare(problem), block)
    assert len(found.details["coefficients"].protein) == 3 * 9
