"""Exposures of several levels in blocks of least squares: the numbers of fits one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from proteomr._typing import F64
from proteomr.models import Adjustment, Block, FitBlock, Linear, Model, Problem, Status, Target
from proteomr.models.exact import OneByOne
from proteomr.models.family import FitOptions
from proteomr.models.targets import FACTOR, STEPS, TargetColumn, score_levels

LABELS = ("a", "b", "c", "d")
OK, FEW = int(Status.ok), int(Status.too_few)


def draw(n: int, proteins: int, *, steps: bool = False, seed: int = 0) -> tuple[Problem, Block]:
    """Draw a factor of four levels beside a number, with proteins that both go with."""
    g = np.random.default_rng(seed)
    codes = np.sort(g.integers(0, 4, n))
    g.shuffle(codes)
    kind = STEPS if steps else FACTOR
    levels = kind.read(TargetColumn("dose", "exposure", None, codes, 4, LABELS))
    assert levels is not None
    number = Target("x", "exposure", "continuous", g.normal(size=n))
    observed = g.random((proteins, n)) < 0.95
    values = g.normal(size=(proteins, n)) + 0.3 * (codes == 2) + 0.2 * number.values
    targets = (number, levels, score_levels(levels)) if steps else (number, levels)
    problem = Problem(
        covariates=np.column_stack([np.ones(n), g.normal(size=(n, 3))]),
        names=("(Intercept)", "u", "v", "w"),
        factors=(),
        targets=targets,
        adjustments=(Adjustment("small", np.arange(2)), Adjustment("all", np.arange(4))),
        models=tuple(Model(e, a) for e in range(len(targets)) for a in range(2)),
    )
    return problem, Block(values * observed, np.empty((proteins, 0, n)), observed)


def compare(found: FitBlock, wanted: FitBlock) -> None:
    for name in ("n", "n_case", "df", "status"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert found.messages == wanted.messages
    with np.errstate(invalid="ignore"):
        off = np.abs(found.estimate - wanted.estimate) / wanted.se
    assert np.nanmax(off, initial=0.0) < 1e-10
    np.testing.assert_allclose(found.se, wanted.se, rtol=1e-10)
    assert found.joint.keys() == wanted.joint.keys()
    for test, other in wanted.joint.items():
        assert found.joint[test].models == other.models
        for m in sorted(other.models or ()):
            np.testing.assert_allclose(
                found.joint[test].statistic[:, m], other.statistic[:, m], rtol=1e-9
            )
            np.testing.assert_array_equal(found.joint[test].df[:, m], other.df[:, m])


@pytest.mark.parametrize("steps", [False, True])
@pytest.mark.parametrize("n", [180, 4200])
@pytest.mark.parametrize("asked", ["classical", "weights", "interaction", "HC3", "CR1"])
def test_blocks_have_the_numbers_of_fits_one_by_one(asked: Any, n: int, *, steps: bool) -> None:
    problem, block = draw(n, 3, steps=steps)
    g = np.random.default_rng(9)
    errors: Any = asked if asked in {"HC3", "CR1"} else "classical"
    if asked == "weights":
        problem = replace(problem, weights=g.exponential(size=n))
    if asked == "interaction":
        problem = replace(problem, interaction=problem.covariates[:, 1:2])
    if asked == "CR1":
        problem = replace(problem, clusters=g.integers(0, 40, n))
    family = Linear(FitOptions(errors=errors))
    state = family.prepare(problem)
    assert not isinstance(state, OneByOne)
    found = family.fit(state, block)
    assert (found.status == OK).all()
    compare(found, family.fit(OneByOne(problem), block))


def test_the_joint_test_is_that_of_two_nested_fits() -> None:
    problem, block = draw(500, 2)
    family = Linear()
    found = family.fit(family.prepare(problem), block).joint["contrasts"]
    assert found.models == frozenset({2, 3})
    for j in range(2):
        rows = block.observed[j]
        C, y = problem.covariates[rows], block.values[j, rows]
        X = np.column_stack([C, problem.targets[1].values[rows]])
        f, p, df = sm.OLS(y, X).fit().compare_f_test(sm.OLS(y, C).fit())
        assert (found.statistic[j, 3], found.df[j, 3]) == (pytest.approx(f, rel=1e-9), df)
        assert 10.0 ** -found.neg_log10_p[j, 3] == pytest.approx(p, rel=1e-7)


def lose(block: Block, problem: Problem, protein: int, level: float) -> Block:
    codes = problem.targets[1].codes
    assert codes is not None
    observed = block.observed.copy()
    observed[protein, codes == level] = False
    return Block(block.values * observed, block.own, observed)


def means(problem: Problem, block: Block, j: int) -> F64:
    """Return the adjusted means of the four levels, NaN for one of nobody."""
    codes, rows = problem.targets[1].codes, block.observed[j]
    assert codes is not None
    cells = (codes[rows, None] == np.arange(4)).astype(float)
    some = cells.any(axis=0)
    X = np.column_stack([cells[:, some], problem.covariates[rows, 1:]])
    out = np.full(4, np.nan)
    out[some] = np.linalg.lstsq(X, block.values[j, rows], rcond=None)[0][: some.sum()]
    return out


@pytest.mark.parametrize("n", [200, 4200])
@pytest.mark.parametrize("steps", [False, True])
@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_level_of_nobody_takes_its_contrasts_with_it_and_no_others(
    lost: int, n: int, *, steps: bool
) -> None:
    problem, block = draw(n, 2, steps=steps)
    block = lose(block, problem, 0, float(lost))
    family = Linear()
    found = family.fit(family.prepare(problem), block)
    at = [t for t, c in enumerate(problem.coefficients) if c.model == 3]
    of_levels = means(problem, block, 0)
    before = of_levels[:3] if steps else of_levels[[0, 0, 0]]
    wanted = of_levels[1:] - before
    np.testing.assert_allclose(found.estimate[0, at], wanted, rtol=1e-9)
    assert found.status[0, at].tolist() == [FEW if np.isnan(one) else OK for one in wanted]
    for t, one in zip(at, wanted, strict=True):
        if np.isnan(one):
            assert found.messages[0, t] == f"nobody has {LABELS[lost]} on the rows of the fit"
    assert found.joint["contrasts"].df[:, 3].tolist() == [2.0, 3.0]
    assert (found.status[1] == OK).all()


def test_levels_that_a_covariate_tells_apart_have_no_estimate() -> None:
    """On a protein's rows the covariate is the indicator of two levels together."""
    problem, block = draw(300, 2)
    codes = problem.targets[1].codes
    assert codes is not None
    covariates = problem.covariates.copy()
    covariates[:, 3] = np.where(codes >= 2, 1.0, 0.0) + (np.arange(300) < 30)
    problem = replace(problem, covariates=covariates, scales=None, shifts=None)
    observed = block.observed.copy()
    observed[0, :30] = False
    block = Block(block.values * observed, block.own, observed)
    family = Linear()
    found = family.fit(family.prepare(problem), block)
    at = [t for t, c in enumerate(problem.coefficients) if c.model == 3]
    collinear = int(Status.collinear)
    assert found.status[0, at].tolist() == [OK, collinear, collinear]
    assert (found.status[1] == OK).all()


@pytest.mark.parametrize("steps", [False, True])
def test_frequency_weights_count_the_people_of_each_level(*, steps: bool) -> None:
    problem, block = draw(300, 2, steps=steps)
    times = np.random.default_rng(3).integers(1, 4, 300)
    rows = np.repeat(np.arange(300), times)
    every = replace(
        problem,
        covariates=problem.covariates[rows],
        targets=tuple(target.take(rows) for target in problem.targets),
    )
    repeated = Block(block.values[:, rows], block.own[:, :, rows], block.observed[:, rows])
    counted = replace(problem, weights=times.astype(float), weight_kind="frequency")
    family = Linear(FitOptions(weight_kind="frequency"))
    found = family.fit(family.prepare(counted), block)
    wanted = Linear().fit(Linear().prepare(every), repeated)
    for name in ("n", "n_case", "status"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    np.testing.assert_allclose(found.estimate, wanted.estimate, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(found.se, wanted.se, rtol=1e-9)
    one, other = found.joint["contrasts"], wanted.joint["contrasts"]
    at = sorted(other.models or ())
    np.testing.assert_allclose(one.statistic[:, at], other.statistic[:, at], rtol=1e-8)
    np.testing.assert_allclose(one.neg_log10_p[:, at], other.neg_log10_p[:, at], rtol=1e-7)
