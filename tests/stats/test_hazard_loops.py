"""Sums over those at risk are those of a loop, and refits are analyses of their samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats import compiled_hazard_loops as compiled
from proteomr.stats import hazard_loops as plain
from proteomr.stats.mediation import Analysis, Trio
from proteomr.stats.mediation_effects import Contrast
from proteomr.stats.mediation_weighting import analyse_counterfactual
from proteomr.stats.weighted_products import sum_products

UNIT = Contrast(0.0, 1.0)


@pytest.mark.parametrize("loops", [plain, compiled], ids=["plain", "compiled"])
@pytest.mark.parametrize("late", ["late", "from the beginning"])
def test_sums_over_cells_are_those_of_a_loop(loops: Any, late: str) -> None:
    g = np.random.default_rng(4)
    n, T = 200, 17
    last = np.sort(g.integers(0, T, n))
    first = np.minimum(g.integers(0, T, n), last) if late == "late" else np.zeros(n, dtype=np.int64)
    X, both, own = g.normal(size=(n, 3)), g.poisson(1.0, n) * 1.0, g.normal(size=n)
    own[both == 0.0] = 0.0
    out = np.empty((T, 5))
    loops.sum_at_risk(X, both, own, last, first, np.flatnonzero(first > 0), out)
    weighted = np.column_stack([X * both[:, None], own, both])
    for t in range(T):
        there = (first <= t) & (t <= last)
        np.testing.assert_allclose(out[t], weighted[there].sum(axis=0), atol=1e-12)


@pytest.mark.parametrize("n", [0, 1, 4_095, 4_096, 4_097, 9_000])
def test_products_are_those_of_all_rows(n: int) -> None:
    g = np.random.default_rng(n)
    X, w = g.normal(size=(n, 3)), g.poisson(0.7, n) * g.uniform(0.5, 2.0, n)
    np.testing.assert_allclose(sum_products(X, w), (X * w[:, None]).T @ X, rtol=1e-12, atol=1e-11)
    assert (sum_products(X, 0.0 * w) == 0.0).all()


def analyse(people: F64, mediator: str) -> Analysis:
    """Analyse rows of exposure, mediator, entry, exit, event and a covariate."""
    a, m, entry, exit_, event, x = people.T
    m = (m > 0.3) * 1.0 if mediator == "binary" else m
    C = np.column_stack([np.ones(a.size), x])
    outcome = np.column_stack([entry, exit_, event])
    trio = Trio.of(a, m, outcome, for_mediator=C, for_outcome=C)
    return analyse_counterfactual(trio, UNIT, hazard="aalen")


@pytest.mark.parametrize("size", [300, 4_200])
@pytest.mark.parametrize("mediator", ["line", "binary"])
def test_a_refit_is_the_analysis_of_the_people_of_its_sample(mediator: str, size: int) -> None:
    g = np.random.default_rng(3)
    a, x = g.integers(0, 2, size) * 1.0, g.normal(size=size)
    m = 0.4 * a + 0.2 * x + g.normal(size=size)
    end = g.exponential(1.0 / np.clip(0.5 + 0.2 * a + 0.1 * m, 0.05, None))
    exit_ = np.ceil(50.0 * np.minimum(end, 2.0)) / 50.0
    entry = np.where(g.random(size) < 0.3, 0.5 * exit_, -np.inf)
    people = np.column_stack([a, m, entry, exit_, end < 2.0, x])
    counts = g.multinomial(size, np.full(size, 1.0 / size), size=3)
    found = analyse(people, mediator).refit(counts.astype(np.float64))
    for one, of_sample in zip(counts, found, strict=True):
        whole = analyse(np.repeat(people, one, axis=0), mediator)
        assert of_sample == pytest.approx(whole.parameters, rel=1e-9, abs=1e-11)
