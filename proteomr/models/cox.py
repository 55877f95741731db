"""The Cox family: ``hazard(t) = baseline(t) exp(protein b + own covariates c + covariates d)``,
maximum partial likelihood (Cox 1972, doi:10.1111/j.2517-6161.1972.tb00899.x).

Estimates, errors and tests of proportional hazards are those of R's ``survival::coxph`` and
``cox.zph`` (3.5): Efron's or Breslow's ties, left truncation, a baseline for each stratum, case
weights, errors robust over people or clusters.

Two paths give the same maximum. Large problems: all fits of a block together on shared information
(:mod:`proteomr.stats.cox_rows`). Small ones and what that does not settle: one fit at a time with
lost events, aliasing and infinite estimates resolved (:mod:`proteomr.models.cox_exact`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from proteomr._typing import F64
from proteomr.models.base import Block, FitBlock, JointTests, Problem, refuse_unfit
from proteomr.models.cox_beside import CONCORDANCE, PERIODS, CoxConcordance, CoxPeriods
from proteomr.models.cox_exact import CoxTables, fit_cox_by_itself
from proteomr.models.cox_levels import CoxLevels
from proteomr.models.cox_models import PROPORTIONAL, CoxModel, lay_out_models, list_tests
from proteomr.models.details import Details
from proteomr.models.event_times import TIMES, count_events, count_persons
from proteomr.models.exact import INTERACTION, ONE_BY_ONE
from proteomr.models.extras import Adder, Extras, WithExtras, leave_intercepts
from proteomr.models.family import Distribution, Family, Scans, Support, list_tables
from proteomr.models.logistic_solvers import Modifiers, find_modifiers
from proteomr.models.targets import TargetKind
from proteomr.models.whole_cox import WholeCox
from proteomr.stats.exact_ties import AnyTies

__all__ = ["Cox", "CoxState"]

# People up to whom a fit by itself costs less than its share of a block.
_SMALL = 100


@dataclass(frozen=True, slots=True)
class CoxState:
    """The problem, and what its size calls for.

    Attributes
    ----------
    models : of the problem.
    solvers : of the models of a large problem that have any.
    modifiers : what proteins are multiplied with; None where only the exact path can.
    """

    problem: Problem
    models: tuple[CoxModel, ...]
    solvers: tuple[CoxLevels, ...] = ()
    modifiers: Modifiers | None = None


@dataclass(frozen=True, slots=True)
class Cox(Family[CoxState | WithExtras]):
    """Cox regression of each outcome on each protein; Wald z statistics.

    R's ``survival::coxph`` at full convergence.

    Parameters
    ----------
    options : with ties and the tests of proportional hazards.
    compiled : use the compiled row loops; the plain ones otherwise.

    Examples
    --------
    >>> Cox.direction("outcome"), Cox.ratio
    ('outcome~protein', 'HR')
    """

    compiled: bool = True

    name: ClassVar[str] = "cox"
    scans: ClassVar[Scans] = "predictor"
    takes: ClassVar[tuple[TargetKind, ...]] = (TIMES,)
    distribution: ClassVar[Distribution] = "normal"
    of_events: ClassVar[bool] = True
    # 4: tests of proportional hazards with small squares in single precision
    version: ClassVar[int] = 4
    ratio: ClassVar[Literal["HR"]] = "HR"
    supports: ClassVar[Support] = Support(
        roles=("outcome",),
        errors=("classical", "robust"),
        weighted_errors=("classical", "robust"),
        interaction=True,
        firth=True,
        own_covariates=True,
        coefficients=True,
        joint_tests=("lr", "score", "wald"),
        nonlinear=True,
        additive=True,
        baseline=True,
        exact_ties=True,
        survival=("ties", "zph", "periods", "concordance", "tau"),
    )

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the further tables that its fits give."""
        asked = self.options.survival
        beside = {
            PROPORTIONAL: asked.zph is not None,
            CONCORDANCE: asked.concordance or asked.tau is not None,
            PERIODS: bool(asked.periods),
        }
        return (*list_tables(self.options), *(name for name, given in beside.items() if given))

    def prepare(self, problem: Problem) -> CoxState | WithExtras:
        """Tie times, lay out risk sets, and fit the covariates alone where the problem is large."""
        problem, models = lay_out_models(problem, self.options)
        state = self._prepare_estimates(problem, models)
        asked = self.options.survival
        beside = asked.concordance or asked.tau is not None or asked.periods
        if not (self.options.further.is_asked or self.options.coefficients or beside):
            return state
        return WithExtras(state, self._choose_adders(problem, models[0].ties))

    def _choose_adders(self, problem: Problem, ties: AnyTies) -> tuple[Adder, ...]:
        """Return what adds to estimates what is asked beside them."""
        options = self.options
        solver = WholeCox(problem, ties, options.errors == "robust")
        adders: list[Adder] = []
        if options.further.is_asked or options.coefficients:
            side = self.side_of_protein
            adders.append(Extras(problem, options, solver, side, self.distribution))
        if options.survival.concordance or options.survival.tau is not None:
            adders.append(CoxConcordance(problem, solver, options))
        if options.survival.periods:
            adders.append(CoxPeriods(problem, solver, options))
        return tuple(adders)

    def _prepare_estimates(self, problem: Problem, models: tuple[CoxModel, ...]) -> CoxState:
        modifiers = find_modifiers(problem)
        if modifiers is None or problem.n <= _SMALL or self.options.firth == "always":
            return CoxState(problem, models)
        solvers = (
            CoxLevels(problem, model, self.options, modifiers, compiled=self.compiled)
            for model in models
        )
        return CoxState(problem, models, tuple(s for s in solvers if s.usable), modifiers)

    def fit_block(self, state: CoxState | WithExtras, block: Block) -> FitBlock:
        """Fit every model to every protein of the block."""
        if isinstance(state, WithExtras):
            return leave_intercepts(state.add(block, self.fit_block(state.plain, block)))
        problem = state.problem
        b, models = block.values.shape[0], len(problem.models)
        fits = FitBlock.empty(b, len(problem.coefficients))
        fits.n[:] = count_persons(problem, block)[:, None]
        fits.n_case[:] = count_events(problem, block)
        fits.df[:] = np.inf
        tables = CoxTables({INTERACTION: JointTests.empty(b, models)})
        open_fits = np.repeat(refuse_unfit(block, fits)[:, :1], models, axis=1)
        if state.solvers and state.modifiers is not None:
            scaled, scale = block.standardise()
            shifts = _find_shifts(block, scaled, scale)
            for solvers in state.solvers:
                m = solvers.model.index
                for solver, wanted in solvers.part(block, open_fits[:, m] & (scale > 0.0)):
                    open_fits[:, m] &= ~solver.enter(
                        problem,
                        scaled,
                        state.modifiers,
                        scale,
                        wanted,
                        shifts=shifts,
                        fits=fits,
                        tables=tables,
                    )
        for j, m in np.argwhere(open_fits).tolist():
            model = state.models[m]
            fit_cox_by_itself(problem, block, j, model, self.options, fits=fits, tables=tables)
        return replace(
            fits,
            joint=tables.joint if problem.terms > 1 else {},
            details=self._list_details(tables),
        )

    def _list_details(self, tables: CoxTables) -> dict[str, Details]:
        if self.options.survival.zph is None:
            return {}
        return {PROPORTIONAL: list_tests(sorted(tables.changes, key=lambda row: row[:2]))}

    def describe_path(self, state: CoxState | WithExtras) -> str:
        """Say whether blocks go by quasi-Newton steps together, or one by one."""
        if isinstance(state, WithExtras):
            return self.describe_path(state.plain)
        if state.solvers:
            return "blocks by quasi-Newton steps on shared information"
        return ONE_BY_ONE


def _find_shifts(block: Block, scaled: Block, scale: F64) -> F64:
    """Return the means ``(b,)`` that standardised proteins have lost, in their units."""
    first = np.argmax(block.observed, axis=1)
    each = np.arange(first.size)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        whole = block.values[each, first] / scale
    return np.where(np.isfinite(whole), whole - scaled.values[each, first], 0.0)
