"""Designs for instrumental variables, and the fits that path and oracle are held against."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from proteomr.models import (
    Adjustment,
    Block,
    Factor,
    FitBlock,
    FitOptions,
    Iv,
    IvOptions,
    Model,
    OwnInstruments,
    Problem,
    Target,
    order_rows,
)

PROTEINS = 14


class OneByOneIv(Iv):
    """The family without its path for blocks."""

    def _is_mass(self, state: Any, chain: Any, model: Any) -> bool:
        return False


def draw(
    seed: int,
    n: int,
    *,
    role: Any = "exposure",
    strength: float = 0.3,
    missing: float = 0.1,
    weights: bool = False,
    clusters: bool = False,
    own: bool = False,
    binary: bool = False,
) -> tuple[Problem, Block]:
    """Draw two nested sets of covariates, a factor among them, three instruments and proteins."""
    g = np.random.default_rng(seed)
    site = g.integers(0, 4, n)
    numeric, Z, hidden = g.normal(size=(n, 3)), g.normal(size=(n, 3)), g.normal(size=n)
    Z = Z + 0.4 * numeric[:, :1]
    pull = strength * Z @ [1.0, 0.6, -0.4] + 0.3 * numeric[:, 0] + hidden
    noise = g.normal(size=(PROTEINS, n)) * (1.0 + 0.5 * np.abs(Z[:, 0]))
    if role == "exposure":
        target = pull + g.normal(size=n)
        values = 0.4 * target + hidden + 0.2 * (site == 2) + noise
    else:
        values = pull + noise
        target = 0.4 * values[0] + hidden + g.normal(size=n)
    if binary:
        target = (target > np.median(target)).astype(float)
    dummies = (site[:, None] == np.arange(1, 4)).astype(float)
    factor = Factor("site", site, np.arange(1, 4))
    order = order_rows((factor,), n)
    kind = "binary" if binary else "continuous"
    contrasts: Any = ("1 vs 0",) if binary else (None,)
    observed = g.random((PROTEINS, n)) >= missing
    problem = Problem(
        covariates=np.column_stack([np.ones(n), dummies, numeric])[order],
        names=("(Intercept)", "site[1]", "site[2]", "site[3]", "age", "bmi", "pc"),
        factors=(replace(factor, codes=site[order]),),
        targets=(Target("t", role, kind, target[order], contrasts),),
        adjustments=(Adjustment("few", np.arange(5)), Adjustment("all", np.arange(7))),
        models=(Model(0, 0), Model(0, 1)),
        own_names=("gap",) if own else (),
        weights=g.uniform(0.4, 2.5, n)[order] if weights else None,
        clusters=g.integers(0, 25, n)[order] if clusters else None,
        instruments=Z[order],
        instrument_names=("z1", "z2", "z3"),
    )
    gap = g.normal(size=(PROTEINS, int(own), n)) * observed[:, None]
    values = np.ascontiguousarray((values * observed)[:, order])
    return problem, Block(values, gap[:, :, order], observed[:, order])


def give_own(problem: Problem, block: Block, *, seed: int = 0) -> tuple[Problem, Block]:
    """Give each protein the common instruments and one of its own, some values missing."""
    g = np.random.default_rng(seed)
    Z = problem.instruments
    assert Z is not None
    instruments = []
    for j in range(block.values.shape[0]):
        count = 1 + j % 3
        values = np.vstack([Z.T[:count], g.normal(size=problem.n)])
        values[:, g.random(problem.n) < 0.02] = np.nan
        instruments.append(OwnInstruments((*problem.instrument_names[:count], "own"), values))
    return (
        replace(problem, instruments=None, instrument_names=()),
        replace(block, instruments=tuple(instruments)),
    )


def options_of(
    estimator: Any = None, errors: Any = "classical", *, by_protein: bool = False, **more: Any
) -> FitOptions:
    """Return what is asked of the family."""
    names = () if by_protein else ("z1", "z2", "z3")
    return FitOptions(errors=errors, iv=IvOptions(names, estimator, by_protein), **more)


def fit(family: Iv, problem: Problem, block: Block) -> FitBlock:
    """Prepare and fit."""
    return family.fit(family.prepare(problem), block)


def rows_of(problem: Problem, block: Block, j: int, m: int) -> tuple[Any, ...]:
    """Return covariates, instruments, protein, target, weights and clusters of a fit."""
    rows = block.observed[j]
    assert problem.instruments is not None
    C = problem.covariates[rows][:, problem.adjustments[problem.models[m].adjustment].columns]
    C = np.column_stack([C, block.own[j][:, rows].T])
    n = int(rows.sum())
    weights = np.ones(n) if problem.weights is None else problem.weights[rows]
    clusters = np.arange(n) if problem.clusters is None else problem.clusters[rows]
    target = problem.targets[0].values[rows]
    return C, problem.instruments[rows], block.values[j, rows], target, weights, clusters
