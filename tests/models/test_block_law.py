"""A fit of a large logistic problem has the same numbers in a block of any proteins."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from proteomr.models import (
    Adjustment,
    Block,
    Factor,
    FitBlock,
    Logistic,
    Model,
    Problem,
    Target,
    order_rows,
)
from proteomr.models.family import FitOptions
from tests.models.rounding import bound_of_blocks

N, PROTEINS = 2500, 50


@cache
def draw() -> tuple[Problem, Block]:
    """Draw two targets, two nested adjustment sets and proteins of effects from none to strong."""
    g = np.random.default_rng(11)
    site = g.integers(0, 8, N)
    numeric = g.normal(size=(N, 6))
    dummies = (site[:, None] == np.arange(1, 8)).astype(float)
    covariates = np.column_stack([np.ones(N), dummies, numeric])
    factor = Factor("site", site, np.arange(1, 8))
    observed = g.random((PROTEINS, N)) < g.uniform(0.6, 1.0, PROTEINS)[:, None]
    values = g.normal(size=(PROTEINS, N)) + 0.3 * numeric[:, 0]
    eta = -2.0 + 0.5 * numeric[:, 1] + 1.5 * values[0] + 0.2 * (site % 3)
    targets = tuple(
        Target(name, "exposure", "binary", (g.random(N) < p).astype(float), ("1 vs 0",))
        for name, p in (("one", 1.0 / (1.0 + np.exp(-eta))), ("other", np.full(N, 0.1)))
    )
    order = order_rows((factor,), N)
    problem = Problem(
        covariates=covariates[order],
        names=tuple(f"c{i}" for i in range(covariates.shape[1])),
        factors=(Factor("site", site[order], factor.columns),),
        targets=tuple(target.take(order) for target in targets),
        adjustments=(Adjustment("few", np.arange(10)), Adjustment("all", np.arange(14))),
        models=tuple(Model(t, a) for a in range(2) for t in range(2)),
    )
    values, observed = (values * observed)[:, order], observed[:, order]
    return problem, Block(np.ascontiguousarray(values), np.empty((PROTEINS, 0, N)), observed)


def compare(one: FitBlock, other: FitBlock, proteins: list[int]) -> None:
    bound = bound_of_blocks()
    np.testing.assert_array_equal(one.status, other.status[proteins])
    off = np.abs(one.estimate - other.estimate[proteins]) / one.se
    assert np.nanmax(off) < bound
    np.testing.assert_allclose(one.se, other.se[proteins], rtol=bound)


@pytest.mark.parametrize("asked", ["classical", "HC3", "weights and a product"])
def test_the_size_of_a_block_and_its_other_proteins_change_no_fit(asked: str) -> None:
    problem, block = draw()
    family = Logistic(FitOptions(errors="HC3" if asked == "HC3" else "classical"))
    if asked == "weights and a product":
        weights = np.exp(0.3 * problem.covariates[:, 9])
        by = problem.covariates[:, 8:9]
        problem = replace(problem, weights=weights, interaction=by)
    state = family.prepare(problem)
    whole = family.fit(state, block)
    assert (whole.status == 0).mean() > 0.9
    g = np.random.default_rng(3)
    sizes = [
        list(range(first, first + size)) for first, size in ((0, 1), (5, 7), (9, 24), (20, 25))
    ]
    for proteins in (
        *sizes,
        g.permutation(PROTEINS).tolist(),
        g.permutation(PROTEINS)[:13].tolist(),
    ):
        compare(family.fit(state, block.take(proteins)), whole, proteins)
