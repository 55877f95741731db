"""What families of times in closed form or by likelihood have in common: paths, tables, rows."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from proteomr._typing import I64
from proteomr.models.base import Block, FitBlock, JointTests, Layout, Problem, refuse_unfit
from proteomr.models.details import Details
from proteomr.models.event_times import TIMES, count_events, count_persons
from proteomr.models.exact import INTERACTION, ONE_BY_ONE
from proteomr.models.extras import COEFFICIENTS, list_coefficients
from proteomr.models.family import Distribution, Family, Scans
from proteomr.models.targets import TargetKind
from proteomr.models.timed_exact import TimedTables, fit_timed, list_all
from proteomr.models.timed_mass import Sharing, TimedMass, prepare_mass
from proteomr.models.timed_rows import TimedSolver, tie_outcomes
from proteomr.status import Status

__all__ = ["TimedFamily", "TimedState"]

# People up to whom a fit by itself costs less than its share of a block.
_SMALL = 600


@dataclass(frozen=True, slots=True)
class TimedState:
    """The problem, and the models of a large one that proteins share something of."""

    problem: Problem
    masses: tuple[TimedMass, ...] = ()


@dataclass(frozen=True, slots=True)
class TimedFamily(Family[TimedState]):
    """A family of outcomes at a time whose fits are those of a solver, or of blocks together."""

    scans: ClassVar[Scans] = "predictor"
    takes: ClassVar[tuple[TargetKind, ...]] = (TIMES,)
    distribution: ClassVar[Distribution] = "normal"
    shares_rows: ClassVar[bool] = False

    @property
    @abstractmethod
    def solver(self) -> TimedSolver:
        """How one model is fitted by itself."""

    @property
    @abstractmethod
    def sharing(self) -> Sharing:
        """How proteins that observe the same rows are fitted together."""

    def order(self, layout: Layout) -> I64:
        """Return the rows by stratum of the baseline, then by the end of follow-up."""
        baseline = np.zeros(layout.n) if layout.baseline is None else layout.baseline
        return np.lexsort((layout.targets[0].values[:, 1], baseline)).astype(np.int64)

    def prepare(self, problem: Problem) -> TimedState:
        """Tie times, and do what proteins share where the problem is large."""
        problem = tie_outcomes(problem)
        if problem.n <= _SMALL:
            return TimedState(problem)
        masses = (
            prepare_mass(problem, m, self.options, sharing=self.sharing)
            for m in range(len(problem.models))
        )
        return TimedState(problem, tuple(mass for mass in masses if mass is not None))

    def fit_block(self, state: TimedState, block: Block) -> FitBlock:
        """Fit every model to every protein of the block."""
        problem = state.problem
        b, models = block.values.shape[0], len(problem.models)
        fits = FitBlock.empty(b, len(problem.coefficients))
        fits.n[:] = count_persons(problem, block)[:, None]
        fits.n_case[:] = count_events(problem, block)
        fits.df[:] = np.inf
        tables = TimedTables(JointTests.empty(b, models))
        open_fits = np.repeat(refuse_unfit(block, fits)[:, :1], models, axis=1)
        if state.masses:
            scaled, scale = block.standardise()
            for mass in state.masses:
                wanted = open_fits[:, mass.m] & (scale > 0.0)
                settled = mass.enter(block, scaled, scale, wanted, fits, tables)
                open_fits[:, mass.m] &= ~settled
        for j, m in np.argwhere(open_fits).tolist():
            fit_timed(
                problem,
                block,
                j,
                m,
                solver=self.solver,
                options=self.options,
                fits=fits,
                tables=tables,
            )
        joint = {INTERACTION: tables.products} if problem.terms > 1 else {}
        return replace(fits, joint=joint, details=self._list_details(problem, block, fits, tables))

    def _list_details(
        self, problem: Problem, block: Block, fits: FitBlock, tables: TimedTables
    ) -> dict[str, Details]:
        """Return the tables that are asked for."""
        if not self.options.coefficients:
            return {}
        first = {c.model: t for t, c in reversed(list(enumerate(problem.coefficients)))}
        for j in range(fits.n.shape[0]):
            for m, t in sorted(first.items()):
                if fits.status[j, t] in {Status.ok, Status.separated}:
                    list_all(
                        problem,
                        block,
                        j,
                        m,
                        solver=self.solver,
                        options=self.options,
                        tables=tables,
                    )
        return {COEFFICIENTS: list_coefficients(tables.found)}

    def describe_path(self, state: TimedState) -> str:
        """Say whether blocks go together, or fits one by one."""
        return "blocks on what their proteins share" if state.masses else ONE_BY_ONE
