"""What a person's weight means: how precise, how many, or drawn with which chance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from proteomr._typing import I64
from proteomr.models.fits import FitBlock
from proteomr.stats.sandwich import LINEARISED, ROBUST

if TYPE_CHECKING:
    from proteomr.models.base import Block, Problem
    from proteomr.models.family import FitOptions

__all__ = ["WEIGHT_KINDS", "WeightKind", "count_copies", "has_copies_apart", "tell_copies"]

WeightKind: TypeAlias = Literal["precision", "frequency", "sampling"]
"""``precision``: the variance of a person's response is in inverse proportion to the weight, as in
R's ``lm(weights =)`` and ``glm(weights =)``. ``frequency``: a row stands for as many people, as if
it were repeated. ``sampling``: the inverse of the chance to be in the sample, as in R's ``survey``.
"""
WEIGHT_KINDS: tuple[WeightKind, ...] = get_args(WeightKind)


def count_copies(problem: Problem, block: Block) -> I64:
    """Return how many people the rows of each protein stand for ``(b,)``."""
    if problem.weights is None or problem.weight_kind != "frequency":
        return block.counts
    total = problem.weights.sum()
    lost = [problem.weights[rows].sum() for rows in block.missing]
    counts: I64 = np.rint(total - np.array(lost)).astype(np.int64)
    return counts


def tell_copies(problem: Problem, block: Block, fits: FitBlock) -> FitBlock:
    """Return fits whose numbers of people and cases count a row as often as it stands for."""
    weights = problem.weights
    if weights is None or problem.weight_kind != "frequency":
        return fits
    n_case = fits.n_case.copy()
    for t, coefficient in enumerate(problem.coefficients):
        target = problem.targets[problem.models[coefficient.model].target]
        levels = target.values if target.codes is None else target.codes
        told = n_case[:, t] >= 0
        if np.any(told):
            cases = weights * (levels == coefficient.contrast + 1.0)
            lost = np.array([cases[rows].sum() for rows in block.missing])
            n_case[told, t] = np.rint(cases.sum() - lost).astype(np.int64)[told]
    n = np.broadcast_to(count_copies(problem, block)[:, None], fits.n.shape).copy()
    return replace(fits, n=n, n_case=n_case)


def has_copies_apart(problem: Problem, options: FitOptions) -> bool:
    """Whether a row stands for several whose squared scores count one by one, which the sums of the
    mass paths, of squares of weighted scores, are not.
    """
    apart = options.errors in {*ROBUST, LINEARISED}
    return problem.weights is not None and problem.weight_kind == "frequency" and apart
