"""The family of competing risks after Fine and Gray: the hazard of the cumulative incidence,
``lambda*(t) = lambda*_0(t) exp(protein b + own covariates c + covariates d)``
(doi:10.1080/01621459.1999.10474144), of an event that others compete with.

Two paths give the same maximum. Large problems: all fits of a block together on shared information
(:mod:`proteomr.stats.fine_gray_rows`). Small ones and what that does not settle: one fit at a time
with aliasing and infinite estimates resolved (:mod:`proteomr.models.fine_gray_exact`). Censoring is
estimated on the rows of each fit, unless it is asked to be that of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from proteomr.errors import UsageError
from proteomr.models.base import Block, FitBlock, JointTests, Problem, refuse_unfit
from proteomr.models.event_times import TIMES, count_events
from proteomr.models.exact import INTERACTION, ONE_BY_ONE
from proteomr.models.extras import Extras, WithExtras, leave_intercepts
from proteomr.models.family import Distribution, Family, Scans, Support
from proteomr.models.fine_gray_exact import fit_competing_by_itself
from proteomr.models.fine_gray_mass import FineGrayMass, prepare_fine_gray_mass
from proteomr.models.fine_gray_models import CompetingModel, lay_out_competing
from proteomr.models.logistic_solvers import Modifiers, find_modifiers
from proteomr.models.targets import Target, TargetKind
from proteomr.models.whole_fine_gray import WholeFineGray

__all__ = ["FineGray", "FineGrayState"]

# People up to whom a fit by itself costs less than its share of a block.
_SMALL = 600


@dataclass(frozen=True, slots=True)
class FineGrayState:
    """The problem, and what its size calls for.

    Attributes
    ----------
    models : of the problem.
    solvers : of the models of a large problem that have one.
    modifiers : what proteins are multiplied with; None where only the exact path can.
    """

    problem: Problem
    models: tuple[CompetingModel, ...]
    solvers: tuple[FineGrayMass, ...] = ()
    modifiers: Modifiers | None = None


@dataclass(frozen=True, slots=True)
class FineGray(Family[FineGrayState | WithExtras]):
    """Subdistribution hazards of each outcome on each protein; Wald z statistics.

    R's ``cmprsk::crr`` with Breslow's ties, which are the default; ``survival::finegray`` and
    ``coxph`` with Efron's and robust errors. Where an event and a censoring are at one time, the
    event comes first in the latter, while crr has it at risk of the censoring: each of the ties
    goes with its package's way, unless the other is asked for.

    Parameters
    ----------
    options : with ties and errors. Classical ones are Fine and Gray's, with the term for the
        estimated censoring. Robust ones take the weights as known: over clusters where there are
        any, and else over the stretches of time that a person has one weight in, as coxph sums the
        rows of finegray.
    compiled : use the compiled row loops; the plain ones otherwise.

    Examples
    --------
    >>> FineGray.direction("outcome"), FineGray.ratio
    ('outcome~protein', 'HR')
    """

    compiled: bool = True

    name: ClassVar[str] = "finegray"
    scans: ClassVar[Scans] = "predictor"
    takes: ClassVar[tuple[TargetKind, ...]] = (TIMES,)
    distribution: ClassVar[Distribution] = "normal"
    of_events: ClassVar[bool] = True
    ratio: ClassVar[Literal["HR"]] = "HR"
    version: ClassVar[int] = 2  # 2: chunks of other rows
    supports: ClassVar[Support] = Support(
        roles=("outcome",),
        errors=("classical", "robust"),
        weighted_errors=("classical", "robust"),
        interaction=True,
        own_covariates=True,
        coefficients=True,
        joint_tests=("wald",),
        baseline=True,
        survival=("ties", "censoring_ties", "censoring_from"),
    )

    def check_targets(self, targets: Sequence[Target]) -> None:
        """Refuse a term in the errors for people who are in no fit.

        Raises
        ------
        UsageError
            Censoring is that of people beyond a fit's rows, and errors are to have a term for it.
        """
        del targets
        if self.options.survival.censoring_from == "all" and self.options.errors != "robust":
            raise UsageError(
                "--censoring-from all takes the censoring as known: give --se robust with it"
            )

    def prepare(self, problem: Problem) -> FineGrayState | WithExtras:
        """Lay out the follow-up, and fit the covariates alone where the problem is large."""
        if problem.persons is not None:
            raise UsageError(
                "the finegray family takes one row for each person: leave --start out, or "
                "--family cox"
            )
        models = lay_out_competing(problem, self.options)
        state = self._prepare_estimates(problem, models)
        if not (self.options.further.is_asked or self.options.coefficients):
            return state
        solver = WholeFineGray(problem, models, self.options)
        extras = Extras(problem, self.options, solver, self.side_of_protein, self.distribution)
        return WithExtras(state, (extras,))

    def _prepare_estimates(
        self, problem: Problem, models: tuple[CompetingModel, ...]
    ) -> FineGrayState:
        modifiers = find_modifiers(problem)
        if modifiers is None or problem.n <= _SMALL:
            return FineGrayState(problem, models)
        solvers = (
            prepare_fine_gray_mass(problem, model, self.options, compiled=self.compiled)
            for model in models
        )
        return FineGrayState(problem, models, tuple(s for s in solvers if s is not None), modifiers)

    def fit_block(self, state: FineGrayState | WithExtras, block: Block) -> FitBlock:
        """Fit every model to every protein of the block."""
        if isinstance(state, WithExtras):
            return leave_intercepts(state.add(block, self.fit_block(state.plain, block)))
        problem = state.problem
        b, models = block.values.shape[0], len(problem.models)
        fits = FitBlock.empty(b, len(problem.coefficients))
        fits.n[:] = block.counts[:, None]
        fits.n_case[:] = count_events(problem, block)
        fits.df[:] = np.inf
        joint = JointTests.empty(b, models)
        open_fits = np.repeat(refuse_unfit(block, fits)[:, :1], models, axis=1)
        if state.solvers and state.modifiers is not None:
            scaled, scale = block.standardise()
            for solver in state.solvers:
                m = solver.model.index
                wanted = open_fits[:, m] & (scale > 0.0)
                open_fits[:, m] &= ~solver.enter(
                    problem, scaled, state.modifiers, scale, wanted, fits=fits, joint=joint
                )
        for j, m in np.argwhere(open_fits).tolist():
            given = (problem, block, j, state.models[m], self.options)
            fit_competing_by_itself(*given, fits=fits, joint=joint)
        return replace(fits, joint={INTERACTION: joint} if problem.terms > 1 else {})

    def describe_path(self, state: FineGrayState | WithExtras) -> str:
        """Say whether blocks go by quasi-Newton steps together, or one by one."""
        if isinstance(state, WithExtras):
            return self.describe_path(state.plain)
        if state.solvers:
            return "blocks by quasi-Newton steps on shared information"
        return ONE_BY_ONE
