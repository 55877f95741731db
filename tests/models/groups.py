"""Wild designs whose outcome is of several groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from proteomr._typing import I64
from proteomr.models import Block, Problem, Target
from tests.models.test_logistic_terms import modify
from tests.models.wild_designs import draw_problem

__all__ = ["draw_groups", "group_people"]


def group_people(codes: I64, name: str = "y") -> Target:
    """Return a target of groups a, b, c, ..."""
    labels = tuple("abcdefgh"[: int(codes.max()) + 1])
    contrasts = tuple(f"{label} vs a" for label in labels[1:])
    return Target(
        name, "exposure", "categorical", codes.astype(np.float64), contrasts, levels=labels
    )


def draw_groups(seed: int, low: int, high: int) -> tuple[Problem, Block]:
    """Return a wild design of two to five groups, at times weighted and with products."""
    problem, block = draw_problem(seed, low, high)
    g = np.random.default_rng(seed)
    codes = problem.targets[0].values
    for level in range(2, int(g.integers(2, 6))):
        codes = np.where(g.random(problem.n) < g.choice([0.3, 0.05, 0.01]), level, codes)
    groups = np.unique(codes, return_inverse=True)[1]
    problem = replace(problem, targets=(group_people(groups),))
    if g.random() < 0.3:
        problem = replace(problem, weights=np.exp(0.7 * g.normal(size=problem.n)))
    if g.random() < 0.3:
        problem = modify(problem, g, ["sex", "age"][: int(g.integers(1, 3))])
    return problem, block
