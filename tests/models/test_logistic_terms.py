"""Weights, interactions and robust errors of logistic blocks: as of the exact path."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from proteomr.models import Block, FitBlock, Logistic, Problem, Status
from proteomr.models.exact import OneByOne
from proteomr.models.family import FitOptions
from proteomr.models.logistic import LogisticState
from proteomr.stats.sandwich import ErrorKind
from tests.models.wild_designs import draw_problem

DESIGNS = 5
# CR2 goes one by one
KINDS: tuple[ErrorKind, ...] = tuple(
    kind for kind in get_args(ErrorKind) if kind in Logistic.supports.errors and kind != "CR2"
)
MODIFIERS = ("sex", "age", "rare", "covariate")


def modify(problem: Problem, g: np.random.Generator, names: list[str]) -> Problem:
    """Multiply the protein with modifiers, whose own effects are in the model."""
    n = problem.n
    columns = {
        "sex": (g.random(n) < 0.5).astype(float),
        "age": 57.0 + 8.0 * g.normal(size=n),
        "rare": (g.random(n) < 0.01).astype(float),
        "covariate": problem.covariates[:, -1],
    }
    by = np.column_stack([columns[name] for name in names])
    covariates = np.column_stack([problem.covariates, by])
    every = np.arange(covariates.shape[1])
    return replace(
        problem,
        interaction=by,
        covariates=covariates,
        scales=None,
        shifts=None,
        names=(*problem.names, *names),
        adjustments=(replace(problem.adjustments[0], columns=every),),
    )


def ask(problem: Problem, seed: int, kind: ErrorKind) -> Problem:
    """Ask for clusters where the errors want them, and for weights and modifiers at random."""
    g = np.random.default_rng(1_000_000 + seed)
    n = problem.n
    if kind.startswith("CR"):
        labels = int(g.choice([1, 2, 40, n // 2]))
        problem = replace(problem, clusters=g.integers(0, labels, n))
    if kind == "classical" or g.random() < 0.4:
        problem = replace(problem, weights=np.exp(g.choice([0.1, 1.0, 2.0]) * g.normal(size=n)))
    if g.random() < 0.5:
        problem = modify(problem, g, list(g.choice(MODIFIERS, int(g.integers(1, 4)))))
    return problem


def fit_both(problem: Problem, block: Block, kind: ErrorKind) -> tuple[FitBlock, FitBlock]:
    """Fit in blocks, and one by one."""
    family = Logistic(FitOptions(errors=kind))
    with np.errstate(all="ignore"):
        found = family.fit(family.prepare(problem), block)
        one_by_one = family.fit(OneByOne(problem), block)
    return found, one_by_one


def compare(found: FitBlock, wanted: FitBlock) -> None:
    for name in ("n", "n_case", "df", "status"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert found.messages == wanted.messages
    with np.errstate(invalid="ignore"):
        off = np.abs(found.estimate - wanted.estimate) / wanted.se
    np.testing.assert_array_equal(np.isnan(found.estimate), np.isnan(wanted.estimate))
    assert np.nanmax(off, initial=0.0) < 1e-8
    np.testing.assert_allclose(found.se, wanted.se, rtol=1e-8)
    assert found.joint.keys() == wanted.joint.keys()
    for test, other in wanted.joint.items():
        for name in ("statistic", "df", "neg_log10_p"):
            one, two = getattr(found.joint[test], name), getattr(other, name)
            np.testing.assert_allclose(one, two, rtol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_wild_designs_have_the_numbers_and_words_of_the_exact_path(kind: ErrorKind) -> None:
    for seed in range(DESIGNS):
        problem, block = draw_problem(20_000 + 100 * KINDS.index(kind) + seed, 2001, 2200)
        compare(*fit_both(ask(problem, seed, kind), block, kind))


def draw_plain(kind: ErrorKind, *, weighted: bool, modifiers: list[str]) -> tuple[Problem, Block]:
    """Draw four proteins of a cohort without traps."""
    g = np.random.default_rng(7)
    problem, _ = draw_problem(3, 2500, 2500)
    n = problem.n
    covariates = np.column_stack([np.ones(n), g.normal(size=(n, 3))])
    observed = g.random((4, n)) < 0.9
    values = g.normal(size=(4, n)) * observed
    eta = -1.0 + covariates[:, 1] + 0.4 * values[0]
    y = (g.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(float)
    problem = replace(
        problem,
        covariates=covariates,
        scales=None,
        shifts=None,
        names=("(Intercept)", "a", "b", "c"),
        factors=(),
        targets=(replace(problem.targets[0], values=y),),
        adjustments=(replace(problem.adjustments[0], columns=np.arange(4)),),
        own_names=(),
        weights=np.exp(0.5 * g.normal(size=n)) if weighted else None,
        clusters=g.integers(0, 900, n) if kind.startswith("CR") else None,
    )
    if modifiers:
        problem = modify(problem, g, modifiers)
    return problem, Block(values, np.empty((4, 0, n)), observed)


PLAIN = [
    (kind, weighted, modifiers)
    for kind in KINDS
    for weighted in (False, True)
    for modifiers in ([], ["sex"], ["sex", "age"])
    if kind != "classical" or weighted or modifiers
]


def forbid(*_: Any) -> None:
    raise AssertionError("a plain fit has gone one by one")


@pytest.mark.parametrize(("kind", "weighted", "modifiers"), PLAIN)
def test_plain_fits_go_in_blocks_with_the_numbers_of_the_exact_path(
    kind: ErrorKind, modifiers: list[str], monkeypatch: pytest.MonkeyPatch, *, weighted: bool
) -> None:
    problem, block = draw_plain(kind, weighted=weighted, modifiers=modifiers)
    family = Logistic(FitOptions(errors=kind))
    state = family.prepare(problem)
    assert isinstance(state, LogisticState)
    wanted = family.fit(OneByOne(problem), block)
    monkeypatch.setattr(Logistic, "_fit_by_itself", forbid)
    compare(family.fit(state, block), wanted)


@pytest.mark.parametrize("kind", ["HC1", "CR1"])
def test_a_fit_has_the_same_numbers_whatever_others_are_in_its_block(kind: ErrorKind) -> None:
    problem, block = draw_plain(kind, weighted=True, modifiers=["sex"])
    family = Logistic(FitOptions(errors=kind))
    state = family.prepare(problem)
    together = family.fit(state, block)
    for j in range(4):
        alone = family.fit(state, block.take([j]))
        np.testing.assert_allclose(alone.estimate[0], together.estimate[j], rtol=1e-9)
        np.testing.assert_allclose(alone.se[0], together.se[j], rtol=1e-9)


def test_a_covariate_that_the_rows_of_a_protein_lose_leaves_hc1_its_degrees_of_freedom() -> None:
    problem, block = draw_plain("HC1", weighted=False, modifiers=[])
    rare = np.zeros(problem.n)
    rare[:40] = 1.0
    whole = np.column_stack([problem.covariates, rare])
    problem = replace(
        problem,
        covariates=whole,
        scales=None,
        shifts=None,
        names=(*problem.names, "rare"),
        adjustments=(replace(problem.adjustments[0], columns=np.arange(5)),),
    )
    block.observed[1, :40] = False
    block.values[1, :40] = 0.0
    compare(*fit_both(problem, block, "HC1"))


def test_a_protein_seen_in_one_cluster_alone_is_refused_as_one_by_one() -> None:
    problem, block = draw_plain("CR1", weighted=False, modifiers=[])
    problem = replace(problem, clusters=np.arange(problem.n) // 600)
    block.observed[2, 600:] = False
    block.values[2, 600:] = 0.0
    found, wanted = fit_both(problem, block, "CR1")
    assert found.status[2, 0] == Status.too_few
    compare(found, wanted)


def test_weights_of_widely_different_size_leave_every_fit_its_maximum() -> None:
    problem, block = draw_plain("classical", weighted=False, modifiers=[])
    weights = np.exp(np.random.default_rng(2).uniform(-8.0, 8.0, problem.n))
    for scale in (1e-200, 1.0, 1e6):
        compare(*fit_both(replace(problem, weights=scale * weights), block, "classical"))
