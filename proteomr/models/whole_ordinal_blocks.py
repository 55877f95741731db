"""All coefficients of the ordinal models of a block: from the maxima that its passes lead to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block, Problem
from proteomr.models.details import OWN_NAME
from proteomr.models.logistic_mass import LaidOut
from proteomr.models.ordinal_mass import OrdinalMass
from proteomr.models.whole import WholeFit
from proteomr.models.whole_blocks import (
    FoundModels,
    SharedColumns,
    compute_wald,
    lay_out_shared,
    standardise_observed,
)
from proteomr.stats.block_rows import BlockRows
from proteomr.stats.inverse_columns import AtMaximum
from proteomr.stats.nested_tests import NestedTest, refer_chi2
from proteomr.stats.ordinal_base import inform_exactly

__all__ = ["OrdinalBlocks"]

# The variance of the protein by the whole information against that by the refinement of the block:
# half of it is missing of a standard error.
_AGREE = 2e-8
_SCORE, _WALD = "score", "wald"


@dataclass(frozen=True, slots=True)
class OrdinalBlocks:
    """Whole models of blocks, with the solvers of their estimates.

    Parameters
    ----------
    tests : those that are asked for.
    """

    problem: Problem
    solvers: tuple[OrdinalMass, ...]
    shared: tuple[SharedColumns, ...]
    tests: tuple[str, ...]

    @classmethod
    def prepare(
        cls, problem: Problem, solvers: tuple[OrdinalMass, ...], tests: tuple[str, ...]
    ) -> OrdinalBlocks | None:
        """Lay out a problem; None where blocks cannot be asked what is asked."""
        able = tuple(solver for solver in solvers if solver.mass.rows is None)
        if not able or problem.interaction is not None or not set(tests) <= {_SCORE, _WALD}:
            return None
        return cls(problem, able, lay_out_shared(problem), tests)

    def find(self, block: Block, able: Bool) -> Iterator[FoundModels]:
        """Yield the models of each solver."""
        scaled, scale = block.standardise()
        laid_out = LaidOut(scaled, np.empty((0, self.problem.n)))
        for solver in self.solvers:
            proteins = np.flatnonzero(able[:, solver.model] & (scale > 0.0))
            if proteins.size:
                yield self._find_models(solver, block, laid_out, proteins)

    def _find_models(
        self, solver: OrdinalMass, block: Block, laid_out: LaidOut, proteins: I64
    ) -> FoundModels:
        rows = laid_out.take(proteins, solver.mass)
        begun = solver.mass.solver.begin(rows, terms=1)
        found = solver.mass.solver.fit(rows, begun=begun, keep=True)
        settled = found.converged[:, 0] & solver.have_all(rows)
        fits: list[WholeFit | None] = []
        tests: list[NestedTest | None] = []
        for i, j in enumerate(proteins.tolist()):
            fit, test = None, None
            if settled[i] and found.at_maximum is not None:
                variance = float(found.covariance[i, 0, 0, 0])
                fit, test = self._fit(solver, block, rows, found.at_maximum, i, j, variance)
            settled[i] = fit is not None
            fits.append(fit)
            tests.append(test)
        names = self._name(solver)
        models = np.full(proteins.size, solver.model)
        asked = {_WALD: tests} if _WALD in self.tests else {}
        if _SCORE in self.tests:  # the block at its maxima is not needed any more
            alone = solver.mass.solver.maximise(rows, begun, scores=True)
            statistic = alone.score[:, 0] * solver.mass.unit
            settled &= alone.converged[:, 0] & np.isfinite(statistic)
            asked[_SCORE] = [refer_chi2(one, 1) for one in statistic.tolist()]
        return FoundModels(proteins, models, settled, asked, fits, names)

    def _name(self, solver: OrdinalMass) -> tuple[str, ...]:
        problem, model = self.problem, self.problem.models[solver.model]
        target = problem.targets[model.target]
        present = [target.levels[i] for i in np.unique(target.values.astype(np.int64))]
        thresholds = (f"{a}|{b}" for a, b in pairwise(present))
        covariates = problem.names_of(model.adjustment)[1:]
        return (*thresholds, *covariates, *problem.own_names, OWN_NAME)

    def _fit(
        self,
        solver: OrdinalMass,
        block: Block,
        rows: BlockRows,
        at: AtMaximum,
        i: int,
        j: int,
        variance: float,
    ) -> tuple[WholeFit | None, NestedTest | None]:
        """Return all coefficients of protein j, the i-th of the rows, in the units of the data, and
        Wald's test of it.
        """
        levels = solver.at_level.argmax(axis=1)
        information = inform_exactly(
            solver.mass.solver.design,
            levels,
            solver.at_level.shape[1],
            at.state[i],
            rows.mask[i].astype(np.float64),
            rows.borders[i],
        )
        root = np.sqrt(np.diagonal(information))
        inverse = np.linalg.inv(information / np.outer(root, root)) / np.outer(root, root)
        place = at.block.places[0]
        if not abs(inverse[place, place] / variance - 1.0) <= _AGREE:
            return None, None
        back = self._bring_back(solver, block, j)
        # The last step, taken anew by the whole information: what it leaves is its square.
        theta = at.theta[i] - at.step[i] + inverse @ at.score[i]
        covariance = inverse / solver.mass.unit
        df = np.full(back.shape[0], np.inf)
        fit = WholeFit.of(back, theta, covariance, by=1.0, shift=0.0, df=df)
        return fit, compute_wald(theta, covariance, np.inf, np.array([place]))

    def _bring_back(self, solver: OrdinalMass, block: Block, j: int) -> F64:
        """Return what turns coefficients into those of the data; rows of NaN for those of none."""
        adjustment = self.problem.models[solver.model].adjustment
        shared = next(one for one in self.shared if one.adjustment == adjustment)
        # The thresholds stand for the intercept, the first column of the cells.
        back = np.delete(shared.back, shared.design.d, axis=1)
        (q, k), t = back.shape, solver.at_level.shape[1] - 1
        columns = np.concatenate([block.values[j][None], block.own[j]])
        _, means, scales = standardise_observed(columns[None], block.observed[j][None])
        mean, scale = means[0], scales[0]
        s = scale.size
        G = np.zeros((t + q - 1 + s, k + t + s))
        G[:t, :k] = -back[0]
        G[:t, k : k + t] = np.tril(np.ones((t, t)))
        G[:t, k + t :] = mean / scale
        G[t : t + q - 1, :k] = back[1:]
        # The protein is the first of the borders, and the last of the coefficients.
        for a, row in enumerate([t + q - 1 + s - 1, *range(t + q - 1, t + q - 1 + s - 1)]):
            G[row, k + t + a] = 1.0 / scale[a]
        return G
