"""The ordinal family: ``P(target <= level) = F(threshold - protein b - own covariates c -
covariates d)``, maximum likelihood, F the logistic or the normal distribution.

With the logistic one it is proportional odds (McCullagh 1980,
doi:10.1111/j.2517-6161.1980.tb01109.x); a positive estimate goes with higher levels, as in R's
``MASS::polr`` and ``ordinal::clm``. Beside the estimate each fit has the likelihood-ratio test of
the protein and that of its one slope against one at each threshold (``ordinal::nominal_test``).

Two paths give the same maximum. Large problems: all fits of a block together on shared information
(:mod:`proteomr.stats.batched_regressions`). Small ones and what that does not settle: one fit at a
time with lost levels, aliasing and separation resolved (:mod:`proteomr.models.ordinal_exact`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from proteomr._typing import I64
from proteomr.models.base import Block, FitBlock, JointTests, Problem, count_cases, refuse_unfit
from proteomr.models.exact import INTERACTION, ONE_BY_ONE, fit_by_itself
from proteomr.models.extras import Extras, WithExtras
from proteomr.models.family import Distribution, Family, Ratio, Scans, Support
from proteomr.models.logistic_mass import LaidOut
from proteomr.models.logistic_solvers import Modifiers, find_modifiers
from proteomr.models.ordinal_exact import BRANT, LR, PROPORTIONAL_ODDS, OrdinalSolver
from proteomr.models.ordinal_mass import OrdinalMass, prepare_ordinal_mass
from proteomr.models.targets import ORDERED_LEVELS, Target, TargetKind
from proteomr.models.weighting import tell_copies
from proteomr.models.whole_ordinal import WholeOrdinal
from proteomr.models.whole_ordinal_blocks import OrdinalBlocks

__all__ = ["Ordinal", "OrdinalState"]

# People up to whom a fit by itself costs less than its share of a block.
_SMALL = 600


@dataclass(frozen=True, slots=True)
class OrdinalState:
    """The problem, and what its size calls for.

    Attributes
    ----------
    solvers : of the models of a large problem that have one.
    modifiers : what proteins are multiplied with; None where only the exact path can.
    """

    problem: Problem
    solvers: tuple[OrdinalMass, ...] = ()
    modifiers: Modifiers | None = None


@dataclass(frozen=True, slots=True)
class Ordinal(Family[OrdinalState | WithExtras]):
    """Cumulative regression of each exposure or outcome on each protein; Wald z statistics.

    R's ``ordinal::clm``, and ``MASS::polr`` at full convergence.

    Parameters
    ----------
    options : with the link and the tests of ordered levels.
    compiled : use the compiled row loops; the plain ones otherwise.

    Examples
    --------
    >>> Ordinal.direction("exposure"), Ordinal.ratio
    ('exposure~protein', 'OR')
    """

    compiled: bool = True

    name: ClassVar[str] = "ordinal"
    scans: ClassVar[Scans] = "predictor"
    takes: ClassVar[tuple[TargetKind, ...]] = (ORDERED_LEVELS,)
    distribution: ClassVar[Distribution] = "normal"
    ratio: ClassVar[Literal["OR"]] = "OR"
    version: ClassVar[int] = 3  # 3: chunks of other rows
    supports: ClassVar[Support] = Support(
        roles=("exposure", "outcome"),
        weighted_errors=("classical",),
        weight_kinds=("precision", "frequency"),
        whole_copies=True,
        interaction=True,
        own_covariates=True,
        ordinal=True,
        joint_tests=("lr", "score", "wald"),
        coefficients=True,
    )

    def ratio_of(self, target: Target) -> Ratio | None:
        """Odds ratios with logits; the exponential of a probit estimate is nothing."""
        del target
        return "OR" if self.options.ordinal.link == "logit" else None

    def prepare(self, problem: Problem) -> OrdinalState | WithExtras:
        """Fit every target to the covariates alone, where the problem is large."""
        plain = self._prepare_estimates(problem)
        # The likelihood ratio is there without asking.
        asked = self.options.further
        rest = tuple(test for test in asked.joint_tests if test != LR)
        further = replace(asked, joint_tests=rest)
        if not (further.is_asked or self.options.coefficients):
            return plain
        options = replace(self.options, further=further)
        solver = WholeOrdinal(self.options.ordinal.link)
        blocks = OrdinalBlocks.prepare(problem, plain.solvers, rest)
        side = self.side_of_protein
        extras = Extras(problem, options, solver, side, self.distribution, blocks)
        return WithExtras(plain, (extras,))

    def _prepare_estimates(self, problem: Problem) -> OrdinalState:
        modifiers = find_modifiers(problem)
        if modifiers is None or problem.n <= _SMALL or self.options.ordinal.brant:
            return OrdinalState(problem)
        link = self.options.ordinal.link
        solvers = (
            prepare_ordinal_mass(problem, m, link, compiled=self.compiled)
            for m in range(len(problem.models))
        )
        return OrdinalState(problem, tuple(s for s in solvers if s is not None), modifiers)

    def fit_block(self, state: OrdinalState | WithExtras, block: Block) -> FitBlock:
        """Fit every model to every protein of the block."""
        if isinstance(state, WithExtras):
            return state.add(block, self.fit_block(state.plain, block))
        problem = state.problem
        b, models = block.values.shape[0], len(problem.models)
        fits = FitBlock.empty(b, len(problem.coefficients))
        fits.n[:] = block.counts[:, None]
        fits.df[:] = np.inf
        fits.n_case[:] = _count_higher(problem, block)
        names = (LR, PROPORTIONAL_ODDS, BRANT, INTERACTION)
        joint = {name: JointTests.empty(b, models) for name in names}
        open_fits = np.repeat(refuse_unfit(block, fits)[:, :1], models, axis=1)
        if state.solvers and state.modifiers is not None:
            scaled, scale = block.standardise()
            laid_out = LaidOut(scaled, state.modifiers.values)
            for solver in state.solvers:
                wanted = open_fits[:, solver.model] & (scale > 0.0)
                open_fits[:, solver.model] &= ~solver.enter(
                    problem, state.modifiers, laid_out, scale, wanted, fits=fits, joint=joint
                )
        for j, m in np.argwhere(open_fits).tolist():
            self._fit_by_itself(problem, block, j, m, fits, joint)
        found = replace(fits, joint={name: joint[name] for name in self._name_tests(problem)})
        return tell_copies(problem, block, found)

    def _name_tests(self, problem: Problem) -> tuple[str, ...]:
        """Return the tests that some model of a problem has."""
        several = any(len(target.levels) > 2 for target in problem.targets)
        slopes = (PROPORTIONAL_ODDS,) if several else ()
        brant = (BRANT,) if several and self.options.ordinal.brant else ()
        products = (INTERACTION,) if problem.interaction is not None else ()
        return (LR, *slopes, *brant, *products)

    def describe_path(self, state: OrdinalState | WithExtras) -> str:
        """Say whether blocks go by quasi-Newton steps together, or one by one."""
        if isinstance(state, WithExtras):
            return self.describe_path(state.plain)
        if state.solvers:
            return "blocks by quasi-Newton steps on shared information"
        return ONE_BY_ONE

    def _fit_by_itself(
        self,
        problem: Problem,
        block: Block,
        j: int,
        m: int,
        fits: FitBlock,
        joint: dict[str, JointTests],
    ) -> None:
        """Fit one model to one protein on the path that can do all."""
        labels = problem.targets[problem.models[m].target].levels
        asked = self.options.ordinal
        solver = OrdinalSolver(asked.link, labels, brant=asked.brant)
        fit_by_itself(
            problem,
            block,
            j,
            m,
            solve=solver.solve,
            side_of_protein=self.side_of_protein,
            fits=fits,
            joint=joint[INTERACTION],
        )
        for name, result in solver.tests.items():
            joint[name].enter(j, m, result)


def _count_higher(problem: Problem, block: Block) -> I64:
    """Count the people with the higher of two levels ``(b, c)``; -1 where there are more."""
    counts = count_cases(problem, block)
    for t, coefficient in enumerate(problem.coefficients):
        if len(problem.targets[problem.models[coefficient.model].target].levels) != 2:
            counts[:, t] = -1
    return counts
