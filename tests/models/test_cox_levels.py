"""Proteins that leave a level without an event go through solvers of the other people."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.models import (
    Adjustment,
    Block,
    Factor,
    FitBlock,
    FitOptions,
    Problem,
    Status,
    SurvivalOptions,
    cox_exact,
    cox_levels,
)
from proteomr.models import cox as family_of_cox
from proteomr.models.cox import Cox
from proteomr.stats.proportional_hazards import ZPH_TRANSFORMS
from tests.effort import often
from tests.models.cox_problems import draw_times

ZPH = SurvivalOptions(zph="km")
SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "weighted": {"weighted": True},
    "stratified and truncated": {"stratified": True, "truncated": True},
    "products and own covariates": {"product": True, "own": True},
    "few tied": {"grid": 1e9},
    "all at once": {
        "product": True,
        "own": True,
        "weighted": True,
        "stratified": True,
        "truncated": True,
    },
}


def draw_losses(n: int = 1200, **given: Any) -> tuple[Problem, Block]:
    """Return a problem with two factors, and seven proteins: the first has events in every level.

    The next two lack those of site 3, then one those of sites 3 and 0 (the reference), one those of
    site 3 and of the last batch, one has nobody in site 2 and one nobody in site 0.
    """
    problem, block = draw_times(n, 7, **given)
    g = np.random.default_rng(given.get("seed", 0) + 1)
    batch = g.integers(0, 3, n)
    of_batch = (batch[:, None] == np.arange(1, 3)).astype(np.float64)
    everything = np.arange(9)
    problem = replace(
        problem,
        covariates=np.column_stack([problem.covariates, of_batch]),
        names=(*problem.names, "batch[2]", "batch[3]"),
        scales=None,
        shifts=None,
        factors=(*problem.factors, Factor("batch", batch, everything[7:])),
        adjustments=(Adjustment("all", everything), problem.adjustments[1]),
    )
    site, died = problem.factors[0].codes, problem.targets[0].values[:, 2] == 1.0
    observed = block.observed.copy()
    observed[0] = True
    observed[1:5, died & (site == 3)] = False
    observed[3, died & (site == 0)] = False
    observed[4, died & (batch == 2)] = False
    observed[5, site == 2] = False
    observed[6, site == 0] = False
    values = np.where(observed, block.values, 0.0)
    own = np.where(observed[:, None], block.own, 0.0)
    return problem, Block(values, own, observed)


def fit(problem: Problem, block: Block, **asked: Any) -> FitBlock:
    compiled = asked.pop("compiled", False)
    family = Cox(FitOptions(**asked), compiled=compiled)
    return family.fit(family.prepare(problem), block)


@contextmanager
def one_by_one() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(family_of_cox, "_SMALL", 10**9)
        yield


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the fits that are fitted one by one."""
    asked: list[int] = []
    one = cox_exact.fit_cox_by_itself

    def counted(problem: Problem, block: Block, j: int, *given: Any, **more: Any) -> None:
        asked.append(j)
        one(problem, block, j, *given, **more)

    monkeypatch.setattr(family_of_cox, "fit_cox_by_itself", counted)
    return asked


def list_changes(fits: FitBlock) -> tuple[list[Any], F64]:
    """Return what the tests of proportional hazards are of, and their statistics."""
    table = fits.details["proportional_hazards"]
    named = zip(table.protein, table.model, table.columns["term"], table.columns["df"], strict=True)
    return list(named), np.array(table.columns["chi2"], dtype=float)


def assert_same(together: FitBlock, single: FitBlock) -> None:
    np.testing.assert_array_equal(together.status, single.status)
    assert together.messages == single.messages
    np.testing.assert_array_equal(together.n, single.n)
    np.testing.assert_array_equal(together.n_case, single.n_case)
    assert np.nanmax(np.abs(together.estimate - single.estimate) / single.se) < 1e-10
    np.testing.assert_allclose(together.se, single.se, rtol=1e-8)
    (terms, chi2), (terms_of_single, chi2_of_single) = list_changes(together), list_changes(single)
    assert terms == terms_of_single
    # Roots are in standard errors of the changes, of which fits of few people leave 2e-8.
    np.testing.assert_allclose(np.sqrt(chi2), np.sqrt(chi2_of_single), rtol=0, atol=1e-7)
    for test, found in together.joint.items():
        np.testing.assert_allclose(found.statistic, single.joint[test].statistic, rtol=1e-8)


# Each shape with each kind of errors, and of these each with both draws, in turn; then the rest.
CROSSED = [
    (shape, errors, 1 + (place + turn + rest) % 2)
    for rest in (0, 1)
    for place, shape in enumerate(SHAPES)
    for turn, errors in enumerate(("classical", "robust"))
]


@pytest.mark.parametrize(
    ("shape", "errors", "seed"), CROSSED[: often(len(CROSSED) // 2, thorough=len(CROSSED))]
)
def test_they_are_what_fits_one_by_one_give(
    shape: str, errors: Any, seed: int, alone: list[int]
) -> None:
    problem, block = draw_losses(clustered=errors == "robust", seed=seed, **SHAPES[shape])
    asked = {"errors": errors, "survival": ZPH}
    together = fit(problem, block, **asked)
    assert alone == []
    with one_by_one():
        single = fit(problem, block, **asked)
    assert len(alone) == single.status.size / problem.terms
    assert (together.status == Status.ok).all()
    for j in (1, 2, 3, 4):
        assert "people separated by covariates alone" in together.messages[j, 0]
    assert_same(together, single)


@pytest.mark.parametrize("transform", ZPH_TRANSFORMS)
def test_time_is_measured_by_everybody_observed(transform: Any, alone: list[int]) -> None:
    problem, block = draw_losses(truncated=True, seed=4)
    survival = SurvivalOptions(zph=transform, ties="breslow")
    together = fit(problem, block, survival=survival, compiled=True)
    assert alone == []
    with one_by_one():
        assert_same(together, fit(problem, block, survival=survival))


@pytest.mark.parametrize("seed", range(6))
def test_levels_lost_at_random_with_a_covariate_that_others_determine(
    seed: int, alone: list[int]
) -> None:
    problem, block = draw_losses(seed=seed, rate=0.006)
    problem = replace(
        problem,
        covariates=np.column_stack([problem.covariates, 2.0 * problem.covariates[:, 1]]),
        names=(*problem.names, "twice"),
        scales=None,
        shifts=None,
        adjustments=(Adjustment("all", np.arange(10)), problem.adjustments[1]),
    )
    g = np.random.default_rng(seed)
    died, observed = problem.targets[0].values[:, 2] == 1.0, block.observed.copy()
    for there in observed:
        for factor in problem.factors:
            lost = g.choice(factor.codes.max() + 1, g.integers(0, 2), replace=False)
            there[np.isin(factor.codes, lost) & (died | (g.random() < 0.3))] = False
    block = Block(np.where(observed, block.values, 0.0), block.own, observed)
    together = fit(problem, block, survival=ZPH)
    assert alone == []
    assert "twice" in together.messages[0, 0]
    with one_by_one():
        assert_same(together, fit(problem, block, survival=ZPH))


def test_another_limit_is_left_to_fits_one_by_one(alone: list[int]) -> None:
    problem, block = draw_losses(seed=5)
    died = problem.targets[0].values[:, 2] == 1.0
    values = block.values.copy()
    values[1] = np.where(block.observed[1], died * 1.0, 0.0)  # infinite beside the lost level
    block = replace(block, values=values)
    together = fit(problem, block, survival=ZPH)
    assert alone == [1, 1]
    assert together.status[1].tolist() == [Status.separated] * 2
    with one_by_one():
        assert_same(together, fit(problem, block, survival=ZPH))


def as_numbers(fits: FitBlock) -> F64:
    return np.concatenate([fits.estimate.ravel(), fits.se.ravel(), list_changes(fits)[1]])


@pytest.mark.parametrize("kept", [1, 4])
def test_neighbours_and_who_met_levels_first_change_no_bit(
    kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cox_levels, "_KEPT", kept)
    problem, block = draw_losses(seed=6, stratified=True)
    family = Cox(FitOptions(survival=ZPH), compiled=True)
    whole = family.fit(family.prepare(problem), block)
    state = family.prepare(problem)
    for j in (4, 2, 6, 1, 3, 5, 2, 0):
        single = family.fit(state, block.take(np.array([j])))
        np.testing.assert_array_equal(single.estimate[0], whole.estimate[j])
        np.testing.assert_array_equal(single.se[0], whole.se[j])
        at = whole.details["proportional_hazards"].protein == j
        np.testing.assert_array_equal(list_changes(single)[1], list_changes(whole)[1][at])


def test_threads_that_share_solvers_find_the_same_bits() -> None:
    problem, block = draw_losses(seed=7)
    family = Cox(FitOptions(survival=ZPH), compiled=True)
    parts = [block.take(np.array([j])) for j in range(7)] * 3
    alone = [as_numbers(family.fit(family.prepare(problem), part)) for part in parts[:7]] * 3
    state = family.prepare(problem)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda part: as_numbers(family.fit(state, part)), parts))
    for one, other in zip(found, alone, strict=True):
        np.testing.assert_array_equal(one, other)
