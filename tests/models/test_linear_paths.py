"""The mass path of linear fits and the path of one fit at a time say the same of wild designs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.execute import one_blas_thread
from proteomr.models import (
    Adjustment,
    Block,
    Factor,
    FitBlock,
    FitOptions,
    Linear,
    Model,
    Problem,
    Target,
    linear_robust,
    order_rows,
)
from proteomr.models.exact import INTERACTION, OneByOne
from proteomr.models.linear import LinearState
from proteomr.stats import celled
from proteomr.stats.sandwich import ErrorKind
from tests.models.wild_designs import draw_problem

KINDS: tuple[ErrorKind, ...] = ("classical", "HC0", "HC1", "HC2", "HC3", "CR0", "CR1")
DESIGNS = 30


def modify(problem: Problem, kind: ErrorKind, g: np.random.Generator) -> Problem:
    """Add weights, products or clusters, exchange the sides, nest a smaller set: each at random."""
    n, k = problem.covariates.shape
    changes: dict[str, object] = {}
    if g.random() < 0.4:
        changes["weights"] = np.exp(g.choice([0.5, 3.0]) * g.normal(size=n))
    if g.random() < 0.5 and k > 1:
        by = g.choice(np.arange(1, k), size=min(k - 1, int(g.integers(1, 3))), replace=False)
        changes["interaction"] = problem.covariates[:, by]
    if kind.startswith("CR"):
        changes["clusters"] = g.integers(0, g.choice([2, 20, n]), n)
    if g.random() < 0.4:
        changes["targets"] = tuple(replace(t, role="outcome") for t in problem.targets)
    return replace(problem, **changes)  # type: ignore[arg-type]


def widen(block: Block, proteins: int, g: np.random.Generator) -> Block:
    """Return more proteins: the block's, and others that miss more people."""
    n = block.observed.shape[1]
    observed = g.random((proteins, n)) >= g.choice([0.0, 0.1, 0.6, 0.9], size=(proteins, 1))
    values = g.normal(size=(proteins, n)) + g.normal(size=(proteins, 1)) * block.values[:1]
    observed[0], values[0] = block.observed[0], block.values[0]
    own = g.normal(size=(proteins, block.own.shape[1], n)) * observed[:, None]
    return Block(np.where(observed, values, 0.0), own, observed)


def fit_both(problem: Problem, block: Block, kind: ErrorKind) -> tuple[FitBlock, FitBlock, bool]:
    """Return the fits of both paths, and whether any may have come from the mass path."""
    family = Linear(FitOptions(errors=kind))
    state = family.prepare(problem)
    assert isinstance(state, LinearState)
    sound = any(model.sound for chain in state.chains for model in chain.models)
    return family.fit(state, block), family.fit(OneByOne(problem), block), sound


def assert_close(found: F64, wanted: F64, scale: F64, tolerance: float) -> None:
    assert np.array_equal(np.isnan(found), np.isnan(wanted))
    with np.errstate(invalid="ignore"):
        off = np.abs(found - wanted) / scale
    assert np.nanmax(off, initial=0.0) < tolerance


def assert_same(found: FitBlock, wanted: FitBlock) -> None:
    np.testing.assert_array_equal(found.status, wanted.status)
    np.testing.assert_array_equal(found.n, wanted.n)
    np.testing.assert_array_equal(found.df, wanted.df)
    assert found.messages == wanted.messages
    assert_close(found.estimate, wanted.estimate, np.abs(wanted.estimate) + wanted.se, 1e-10)
    assert_close(found.se, wanted.se, wanted.se, 1e-10)
    assert found.joint.keys() == wanted.joint.keys()
    for name, test in wanted.joint.items():
        np.testing.assert_array_equal(found.joint[name].df, test.df)
        for part in ("statistic", "neg_log10_p"):
            values = getattr(test, part)
            assert_close(getattr(found.joint[name], part), values, np.abs(values) + 1e-3, 1e-8)


@pytest.mark.parametrize("loops", ["compiled", "plain"])
@pytest.mark.parametrize("kind", KINDS)
def test_both_paths_say_the_same_of_wild_designs(
    kind: ErrorKind, loops: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (celled, linear_robust):
        monkeypatch.setattr(module, "COMPILED_FROM", 0 if loops == "compiled" else 10_000)
    seen: Counter[str] = Counter()
    for seed in range(DESIGNS):
        g = np.random.default_rng(seed)
        problem, block = draw_problem(20_000 + seed, 90, 400)
        problem = modify(problem, kind, g)
        if kind == "classical" and problem.weights is None and problem.interaction is None:
            continue  # its exact path is another, with tests of its own
        found, wanted, sound = fit_both(problem, widen(block, 4, g), kind)
        assert_same(found, wanted)
        seen["mass"] += sound
        seen["products"] += INTERACTION in found.joint
    assert seen["mass"] > 0.3 * DESIGNS
    assert seen["products"] > 0.2 * DESIGNS


def draw_cohort(n: int, proteins: int) -> tuple[Problem, Block]:
    """Return two exposures under two nested sets, factors of many people, and proteins."""
    g = np.random.default_rng(n)
    site, x = g.integers(0, 6, n), (g.random((2, n)) < 0.2).astype(float)
    order = order_rows([Factor("site", site, np.arange(1, 6))], n)
    C = np.column_stack([np.ones(n), *(site == one for one in range(1, 6)), g.normal(size=(n, 6))])
    names = tuple(f"c{i}" for i in range(12))
    problem = Problem(
        covariates=C[order],
        names=names,
        factors=(Factor("site", site[order], np.arange(1, 6)),),
        targets=tuple(
            Target(f"x{i}", "exposure", "binary", x[i, order], ("1 vs 0",)) for i in (0, 1)
        ),
        adjustments=(Adjustment("few", np.arange(9)), Adjustment("all", np.arange(12))),
        models=(Model(0, 0), Model(1, 0), Model(0, 1), Model(1, 1)),
    )
    observed = g.random((proteins, n)) >= g.choice([0.0, 0.1, 0.5, 0.8], size=(proteins, 1))
    values = (g.normal(size=(proteins, n)) + 0.1 * x[0, order]) * observed
    return problem, Block(values, np.empty((proteins, 0, n)), observed)


@pytest.mark.parametrize("n", [900, 9000])
@pytest.mark.parametrize("kind", ["classical", "HC1", "HC3", "CR1"])
def test_a_fit_has_the_same_bits_in_any_block(kind: ErrorKind, n: int) -> None:
    problem, block = draw_cohort(n, 29)
    more: dict[str, object] = {"interaction": problem.covariates[:, [6]]}
    if kind.startswith("CR"):
        more["clusters"] = np.arange(n) % 97
    problem = replace(problem, **more)  # type: ignore[arg-type]
    family = Linear(FitOptions(errors=kind))
    state = family.prepare(problem)
    with one_blas_thread():
        wanted = family.fit(state, block)
        parts = [(0, 1), (1, 3), (3, 26), (0, 24), (4, 29), (28, 29)]
        fits = [family.fit(state, block.take(np.arange(*part))) for part in parts]
    for (start, stop), found in zip(parts, fits, strict=True):
        np.testing.assert_array_equal(found.estimate, wanted.estimate[start:stop])
        np.testing.assert_array_equal(found.se, wanted.se[start:stop])
        statistic = wanted.joint[INTERACTION].statistic[start:stop]
        np.testing.assert_array_equal(found.joint[INTERACTION].statistic, statistic)


@pytest.mark.parametrize("kind", KINDS)
def test_large_problems_have_the_numbers_of_one_fit_at_a_time(kind: ErrorKind) -> None:
    problem, block = draw_cohort(9000, 3)
    clusters = np.random.default_rng(1).integers(0, 400, 9000) if kind.startswith("CR") else None
    weights = np.random.default_rng(2).gamma(2.0, size=9000)
    found, wanted, _ = fit_both(replace(problem, clusters=clusters, weights=weights), block, kind)
    assert_same(found, wanted)
