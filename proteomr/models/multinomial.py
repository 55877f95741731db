"""The multinomial family: ``log P(target = l) / P(target = 0) = protein b_l + covariates d_l``
for every level l but the reference 0, maximum likelihood, the target an exposure or an outcome.

Two paths give the same maximum. Large problems: all fits of a block together on shared information
(:mod:`proteomr.stats.batched_regressions`). Small ones and what that does not settle: one fit at a
time with empty levels, aliasing and separation resolved (:mod:`proteomr.models.multinomial_exact`).
A level that nobody of a factor's level has sends the coefficient of its indicator to infinity and
leaves the others a limit, in which these people choose among the other levels (Geyer 2009,
doi:10.1214/08-EJS349).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from proteomr.models.base import Block, FitBlock, JointTests, Problem, refuse_unfit
from proteomr.models.exact import INTERACTION, ONE_BY_ONE
from proteomr.models.extras import WithExtras
from proteomr.models.family import Distribution, Family, Scans, Support
from proteomr.models.logistic_mass import LaidOut
from proteomr.models.logistic_solvers import Modifiers, find_modifiers
from proteomr.models.multinomial_exact import RATIO, fit_exactly
from proteomr.models.multinomial_mass import GroupSolver, LevelCounts, prepare_solver
from proteomr.models.targets import LEVELS, TargetKind
from proteomr.models.weighting import tell_copies
from proteomr.models.whole_multinomial import MultinomialCoefficients

__all__ = ["Multinomial", "MultinomialState"]

# Blocks are faster from a hundred people on, six times at four hundred. Below, fits that run to a
# limit are common, and few rows make what the bounds of a block say of its remaining error coarse.
_SMALL = 400


@dataclass(frozen=True, slots=True)
class MultinomialState:
    """The problem, and what its size calls for.

    Attributes
    ----------
    solvers : of the models of a large problem that have one.
    modifiers : what proteins are multiplied with; None where only the exact path can.
    """

    problem: Problem
    solvers: tuple[GroupSolver, ...] = ()
    modifiers: Modifiers | None = None


@dataclass(frozen=True, slots=True)
class Multinomial(Family[MultinomialState | WithExtras]):
    """Multinomial regression of each exposure or outcome on each protein; Wald z statistics.

    R's ``nnet::multinom`` at full convergence. One coefficient of the protein for each level beside
    the reference; the likelihood-ratio test of all of them is joint test ``lr``.

    Parameters
    ----------
    compiled : use the compiled row loops; the plain ones otherwise.

    Examples
    --------
    >>> Multinomial.direction("exposure"), Multinomial.ratio
    ('exposure~protein', 'OR')
    """

    compiled: bool = True

    name: ClassVar[str] = "multinomial"
    scans: ClassVar[Scans] = "predictor"
    takes: ClassVar[tuple[TargetKind, ...]] = (LEVELS,)
    distribution: ClassVar[Distribution] = "normal"
    ratio: ClassVar[Literal["OR"]] = "OR"
    version: ClassVar[int] = 2  # 2: chunks of other rows
    supports: ClassVar[Support] = Support(
        roles=("exposure", "outcome"),
        weighted_errors=("classical",),
        weight_kinds=("precision", "frequency"),
        interaction=True,
        joint_tests=("lr", "score", "wald"),
        own_covariates=True,
        coefficients=True,
    )

    def prepare(self, problem: Problem) -> MultinomialState | WithExtras:
        """Fit every target to the covariates alone, where the problem is large."""
        plain = self._prepare_estimates(problem)
        if not self.options.coefficients:
            return plain
        return WithExtras(plain, (MultinomialCoefficients(problem, self.scans),))

    def _prepare_estimates(self, problem: Problem) -> MultinomialState:
        modifiers = find_modifiers(problem)
        if modifiers is None or problem.n <= _SMALL:
            return MultinomialState(problem)
        solvers = (
            prepare_solver(problem, m, compiled=self.compiled) for m in range(len(problem.models))
        )
        return MultinomialState(problem, tuple(s for s in solvers if s is not None), modifiers)

    def fit_block(self, state: MultinomialState | WithExtras, block: Block) -> FitBlock:
        """Fit every model to every protein of the block."""
        if isinstance(state, WithExtras):
            return state.add(block, self.fit_block(state.plain, block))
        problem = state.problem
        b, models = block.values.shape[0], len(problem.models)
        fits = FitBlock.empty(b, len(problem.coefficients))
        counts = LevelCounts.of(problem, block.missing)
        fits.n[:] = block.counts[:, None]
        fits.df[:] = np.inf
        for t, coefficient in enumerate(problem.coefficients):
            target = problem.models[coefficient.model].target
            fits.n_case[:, t] = counts.of_targets[target][:, coefficient.contrast + 1]
        asked = (RATIO, *self.options.further.joint_tests)
        names = dict.fromkeys(asked if problem.interaction is None else (*asked, INTERACTION))
        tests = {name: JointTests.empty(b, models) for name in names}
        open_fits = np.repeat(refuse_unfit(block, fits)[:, :1], models, axis=1)
        if state.solvers and state.modifiers is not None:
            scaled, scale = block.standardise()
            laid_out = LaidOut(scaled, state.modifiers.values)
            for solver in state.solvers:
                m = solver.mass.models[0]
                open_fits[:, m] &= ~solver.enter(
                    problem,
                    state.modifiers,
                    laid_out,
                    scale,
                    counts,
                    open_fits[:, m] & (scale > 0.0),
                    fits=fits,
                    tests=tests,
                )
        for j, m in np.argwhere(open_fits).tolist():
            outcome = fit_exactly(problem, block, j, m, tests=names)
            for t, coefficient in enumerate(problem.coefficients):
                if coefficient.model == m:
                    fits.enter(j, t, outcome.fits[coefficient.contrast, coefficient.term])
            for name, found in outcome.tests.items():
                tests[name].enter(j, m, found)
        return tell_copies(problem, block, replace(fits, joint=tests))

    def describe_path(self, state: MultinomialState | WithExtras) -> str:
        """Say whether blocks go by quasi-Newton steps together, or one by one."""
        if isinstance(state, WithExtras):
            return self.describe_path(state.plain)
        if state.solvers:
            return "blocks by quasi-Newton steps on shared information"
        return ONE_BY_ONE
