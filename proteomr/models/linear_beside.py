"""What is asked of linear models beside their estimates, prepared for blocks."""

from __future__ import annotations

from collections.abc import Callable

from proteomr.models.base import Problem
from proteomr.models.covariate_changes import AddOne
from proteomr.models.extras import Adder, Extras
from proteomr.models.family import FitOptions, Scans
from proteomr.models.permuting import Permuting, score_least_squares
from proteomr.models.targets import Role
from proteomr.models.whole_linear import WholeLinear
from proteomr.models.whole_linear_blocks import LinearBlocks

__all__ = ["list_adders"]


def list_adders(
    problem: Problem,
    options: FitOptions,
    side_of_protein: Callable[[Role], Scans],
    *,
    together: int,
) -> tuple[Adder, ...]:
    """Return what adds joint tests, tables and permutations to the fits of blocks.

    Parameters
    ----------
    together : people beyond whom the whole models of a block are fitted together.
    """
    adders: list[Adder] = []
    if options.further.is_of_models or options.coefficients:
        blocks = None
        if problem.n > together:
            sides = tuple(
                side_of_protein(problem.targets[model.target].role) for model in problem.models
            )
            blocks = LinearBlocks.prepare(problem, options, sides)
        solver = WholeLinear(options)
        adders.append(Extras(problem, options, solver, side_of_protein, "t", blocks))
    if options.further.add_one:
        adders.append(AddOne(problem, "t", side_of_protein, options.level))
    if options.permutations.draws:
        adders.append(Permuting.prepare(problem, options.permutations, score_least_squares))
    return tuple(adders)
