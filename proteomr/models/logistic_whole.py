"""Designs of logistic fits that keep all people: adjustment sets laid out for whole passes.

What :mod:`proteomr.stats.logistic_passes` walks over: the covariates of an adjustment set by the
cells of the factors, the responses of its models, and a start for each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.models.base import Block, Problem, factors_within
from proteomr.models.cells import lay_out_cells, name_aliased
from proteomr.stats.chunked import ChunkedDesign, chunk_design
from proteomr.stats.logistic_base import fit_base
from proteomr.stats.logistic_passes import LogisticPasses

__all__ = ["WholeDesign", "lay_out_designs"]


@dataclass(frozen=True, slots=True)
class WholeDesign:
    """The covariates of an adjustment set, and the F models that have them.

    Attributes
    ----------
    models : positions.
    responses : ``(F, n)``.
    starts : ``(F, k)``, coefficients of the covariates alone; where they have no finite ones, those
        of the intercept.
    aliased : names of the covariates that others determine.
    """

    design: ChunkedDesign
    models: tuple[int, ...]
    responses: F64
    starts: F64
    aliased: tuple[str, ...]

    def ready(self, block: Block) -> LogisticPasses:
        """Return the rows of a block's proteins: their own covariates, then themselves."""
        borders = np.concatenate([block.own, block.values[:, None]], axis=1)
        return LogisticPasses(
            self.design, self.responses, borders, block.observed.astype(np.float64)
        )


def lay_out_designs(problem: Problem) -> tuple[WholeDesign, ...]:
    """Lay out the adjustment sets of a problem that have models."""
    designs = []
    for adjustment in sorted({model.adjustment for model in problem.models}):
        models = tuple(
            m for m, model in enumerate(problem.models) if model.adjustment == adjustment
        )
        columns = problem.adjustments[adjustment].columns
        factors = factors_within(problem, adjustment)
        cells = lay_out_cells(problem.covariates, columns, factors, rows=np.arange(problem.n))
        design = chunk_design(cells.dense, cells.cell_columns, cells.cell_of_row)
        responses = np.stack([problem.targets[problem.models[m].target].values for m in models])
        starts = np.stack([_start(design, response) for response in responses])
        aliased = name_aliased(problem, adjustment, cells)
        designs.append(WholeDesign(design, models, responses, starts, aliased))
    return tuple(designs)


def _start(design: ChunkedDesign, response: F64) -> F64:
    """Return the coefficients of a response on the covariates alone, or of its mean."""
    base = fit_base(design, response)
    if base is not None:
        return base.coefficients
    out = np.zeros(design.k)
    share = np.clip(response.mean(), 1.0 / response.size, 1.0 - 1.0 / response.size)
    out[design.d] = np.log(share / (1.0 - share)) / design.cell_columns[0, 0]
    return out
