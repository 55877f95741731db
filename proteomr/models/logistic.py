"""The logistic family: ``logit P(target = 1) = protein b + own covariates c + covariates d``,
maximum likelihood, the target an exposure or an outcome.

Three paths give the same maximum. Large problems: all fits of a block together on shared
information (:mod:`proteomr.stats.batched_regressions`). Small ones: Newton's method with every
fit's own information (:mod:`proteomr.stats.newton`). What neither settles: one fit at a time with
aliasing and separation resolved (:mod:`proteomr.stats.logistic`). A factor level on which nobody,
or everybody, has the outcome sends its own coefficient to infinity and leaves the others a limit,
that of the fit without its people (Geyer 2009, doi:10.1214/08-EJS349): they are taken out of the
likelihood and stay in the ranks and in n, as in R at full convergence.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.models.base import (
    Block,
    Fit,
    FitBlock,
    JointTests,
    Problem,
    Refusal,
    count_cases,
    factors_within,
    refuse_unfit,
)
from proteomr.models.cells import describe_aliased
from proteomr.models.covariate_changes import AddOne
from proteomr.models.exact import (
    INTERACTION,
    ONE_BY_ONE,
    OneByOne,
    Regression,
    Solution,
    fit_by_itself,
    fit_one_by_one,
    is_beyond_mass_paths,
)
from proteomr.models.extras import Adder, Extras, WithExtras
from proteomr.models.family import Distribution, Family, Scans, Support
from proteomr.models.logistic_design import (
    drop_constant_levels,
    lay_out_regression,
    scale_covariates,
)
from proteomr.models.logistic_exact import solve_logistic
from proteomr.models.logistic_firth import FirthState
from proteomr.models.logistic_levels import LevelSolvers, fit_large
from proteomr.models.logistic_mass import LaidOut, Settled, describe_apart
from proteomr.models.logistic_solvers import (
    MassSolver,
    RowsLeft,
    find_modifiers,
    prepare_mass_solvers,
)
from proteomr.models.logistic_terms import TermFits
from proteomr.models.permuting import Permuting, score_logistic_null
from proteomr.models.targets import TWO_LEVELS, TargetKind
from proteomr.models.weighting import WEIGHT_KINDS, has_copies_apart, tell_copies
from proteomr.models.whole_logistic import WholeLogistic
from proteomr.models.whole_logistic_blocks import LogisticBlocks
from proteomr.stats.linalg import change_units, find_independent
from proteomr.stats.newton import fit_newton
from proteomr.stats.sandwich import CLUSTERED, LINEARISED, ROBUST
from proteomr.status import Status

__all__ = ["Logistic", "LogisticState"]

# People up to whom every fit has its own information matrix, n k^2 operations a step, in place of
# passes on a shared one: about where the two take as long.
_SMALL = 2_000
# A linear predictor beyond 12 is a chance of 6e-6: small samples reach it by separation alone,
# which the exact path tells from a strong effect.
_EXTREME = 12.0


@dataclass(frozen=True, slots=True)
class LogisticState:
    """The problem, and what its size calls for.

    Attributes
    ----------
    design : ``(n, k)``, the covariates scaled for Newton's method; without rows where the problem
        is large.
    mass : the solvers of a large problem.
    terms : where weights, interactions or robust errors are asked of them.
    levels : solvers for proteins that lose levels of factors, of a large problem.
    """

    problem: Problem
    design: F64
    mass: tuple[MassSolver, ...] = field(default=())
    terms: TermFits | None = None
    levels: LevelSolvers | None = None


State: TypeAlias = LogisticState | FirthState | OneByOne | WithExtras


@dataclass(frozen=True, slots=True)
class Logistic(Family[State]):
    """Logistic regression of each exposure or outcome on each protein; Wald z statistics.

    R's ``glm(family = binomial)`` at full convergence.

    Parameters
    ----------
    options : with ``firth``, Firth's penalised estimate with its profile interval of ``level`` and
        its likelihood ratio test, where a fit is separated or always.
    compiled : use the compiled row loops; the plain ones otherwise.

    Examples
    --------
    >>> Logistic.direction("exposure"), Logistic.ratio
    ('exposure~protein', 'OR')
    """

    compiled: bool = True

    name: ClassVar[str] = "logistic"
    scans: ClassVar[Scans] = "predictor"
    takes: ClassVar[tuple[TargetKind, ...]] = (TWO_LEVELS,)
    distribution: ClassVar[Distribution] = "normal"
    ratio: ClassVar[Literal["OR"]] = "OR"
    version: ClassVar[int] = 4  # 4: chunks of other rows
    supports: ClassVar[Support] = Support(
        roles=("exposure", "outcome"),
        errors=("classical", *ROBUST, LINEARISED, *CLUSTERED),
        weighted_errors=("classical", *ROBUST, LINEARISED, "CR0", "CR1"),
        weight_kinds=WEIGHT_KINDS,
        interaction=True,
        firth=True,
        own_covariates=True,
        joint_tests=("lr", "score", "wald"),
        nonlinear=True,
        additive=True,
        coefficients=True,
        permutations=True,
        add_one=True,
    )

    def prepare(self, problem: Problem) -> State:
        """Fit every target to the covariates alone, where the problem is large."""
        plain = self._prepare_estimates(problem)
        adders: list[Adder] = [*self._list_extras(problem), *self._list_permutations(problem)]
        if self.options.further.add_one:
            side, level = self.side_of_protein, self.options.level
            adders.append(AddOne(problem, self.distribution, side, level))
        return WithExtras(plain, tuple(adders)) if adders else plain

    def _list_permutations(self, problem: Problem) -> list[Permuting]:
        asked = self.options.permutations
        return [Permuting.prepare(problem, asked, score_logistic_null)] if asked.draws else []

    def _list_extras(self, problem: Problem) -> list[Extras]:
        if not (self.options.further.is_of_models or self.options.coefficients):
            return []
        solver, side = WholeLogistic(self.options), self.side_of_protein
        blocks = LogisticBlocks.prepare(problem, self.options) if problem.n > _SMALL else None
        choose = solver.choose_rows
        return [Extras(problem, self.options, solver, side, self.distribution, blocks, choose)]

    def _prepare_estimates(self, problem: Problem) -> State:
        beyond = is_beyond_mass_paths(problem, self.options)
        if self.options.firth == "always" and not beyond:
            return FirthState.prepare(problem, level=self.options.level)
        modifiers = find_modifiers(problem)
        if modifiers is None or (beyond and not self._is_in_reach(problem)):
            return OneByOne(problem)
        if problem.n <= _SMALL:
            return LogisticState(problem, scale_covariates(problem))
        mass: list[MassSolver] = []
        shared: dict[bytes, RowsLeft] = {}
        for adjustment in sorted({model.adjustment for model in problem.models}):
            models = [m for m, each in enumerate(problem.models) if each.adjustment == adjustment]
            mass += prepare_mass_solvers(
                problem,
                adjustment,
                models,
                self.options,
                shared=shared,
                compiled=self.compiled,
            )
        terms = TermFits(problem, self.options, modifiers) if beyond else None
        levels = LevelSolvers(problem, self.options, compiled=self.compiled)
        return LogisticState(problem, np.empty((0, 0)), tuple(mass), terms, levels)

    def _is_in_reach(self, problem: Problem) -> bool:
        """Whether blocks have weights, interactions and the kind of errors asked for."""
        within = self.options.errors != "CR2" and self.options.firth != "always"
        return problem.n > _SMALL and within and not has_copies_apart(problem, self.options)

    def fit_block(self, state: State, block: Block) -> FitBlock:
        """Fit every model to every protein of the block."""
        if isinstance(state, WithExtras):
            return state.add(block, self.fit_block(state.plain, block))
        problem = state.problem
        if isinstance(state, OneByOne):
            side = self.side_of_protein
            return fit_one_by_one(problem, block, solve=self._solve, side_of_protein=side)
        if isinstance(state, LogisticState) and state.terms is not None:
            return self._fit_terms(state, state.terms, block)
        fits = FitBlock.empty(block.values.shape[0], len(problem.models))
        fits.n[:] = block.counts[:, None]
        fits.df[:] = np.inf
        fits.n_case[:] = count_cases(problem, block)
        open_fits = _screen(problem, block, fits)
        scaled, scale = block.standardise()
        varying = open_fits & (scale > 0.0)[:, None]
        if isinstance(state, FirthState):
            state.enter(scaled, scale, varying, fits)
            open_fits &= varying | (scale <= 0.0)[:, None]
        else:
            _fit_together(state, block, scaled, scale, varying, fits, open_fits)
        for j, m in zip(*np.nonzero(open_fits), strict=True):
            fits.enter(int(j), int(m), self._fit_one(problem, block, int(j), int(m)))
        return fits

    def _fit_terms(self, state: LogisticState, terms: TermFits, block: Block) -> FitBlock:
        """Fit blocks with weights, interactions or robust errors; what is left one by one."""
        problem = state.problem
        fits = FitBlock.empty(block.values.shape[0], len(problem.coefficients))
        fits.n[:] = block.counts[:, None]
        fits.n_case[:] = count_cases(problem, block)
        products = JointTests.empty(block.values.shape[0], len(problem.models))
        shape = products.statistic.shape
        open_fits = np.broadcast_to(refuse_unfit(block, fits)[:, :1], shape).copy()
        scaled, scale = block.standardise()
        laid_out = LaidOut(scaled, terms.modifiers.values)
        for mass in state.mass:
            varying = open_fits & (scale > 0.0)[:, None]
            done = terms.enter(mass, laid_out, scale, varying, fits=fits, products=products)
            open_fits &= ~done
        for j, m in np.argwhere(open_fits).tolist():
            self._fit_by_itself(problem, block, j, m, fits, products)
        fits = tell_copies(problem, block, fits)
        if problem.interaction is None:
            return fits
        return replace(fits, joint={INTERACTION: products})

    def _fit_by_itself(
        self, problem: Problem, block: Block, j: int, m: int, fits: FitBlock, joint: JointTests
    ) -> None:
        """Fit one model to one protein on the path that can do all."""
        side, solve = self.side_of_protein, self._solve
        fit_by_itself(
            problem, block, j, m, solve=solve, side_of_protein=side, fits=fits, joint=joint
        )

    def describe_path(self, state: State) -> str:
        """Say whether blocks go by quasi-Newton or Newton steps together, or one by one."""
        if isinstance(state, WithExtras):
            return self.describe_path(state.plain)
        if isinstance(state, OneByOne):
            return ONE_BY_ONE
        if isinstance(state, FirthState):
            return "blocks by penalised likelihood, each fit with its own information"
        if state.mass:
            return "blocks by quasi-Newton steps on shared information"
        if state.problem.n <= _SMALL:
            return "blocks by Newton's method, each fit with its own information"
        return ONE_BY_ONE

    def _solve(self, regression: Regression) -> Solution | Refusal:
        """Fit one regression by itself."""
        return solve_logistic(regression, self.options)

    def _fit_one(self, problem: Problem, block: Block, j: int, m: int) -> Fit | Refusal:
        """Fit one model to one protein with aliasing and separation resolved."""
        model = problem.models[m]
        columns = problem.adjustments[model.adjustment].columns
        people = int(block.observed[j].sum())
        response = problem.targets[model.target].values
        seen = block.observed[j : j + 1].astype(np.float64)
        factors = factors_within(problem, model.adjustment)
        rows = drop_constant_levels(factors, response[None, :], seen)[0] > 0
        if not np.any(rows) or self.options.firth == "always":
            rows = block.observed[j]
        C = problem.covariates[rows][:, columns]
        names = (*problem.names_of(model.adjustment), *problem.own_names)
        y = response[rows]
        others = np.column_stack([block.own[j][:, rows].T, block.values[j, rows]])
        X, scale, positions = lay_out_regression(C, others)
        if people <= columns.size + len(problem.own_names):
            everything = problem.covariates[block.observed[j]][:, columns]
            if people <= find_independent(everything).size + len(problem.own_names) + 1:
                return Refusal(Status.too_few, f"{people} people for {len(names) + 1} coefficients")
        if y.size <= positions.size:
            return Refusal(Status.separated, "separated by the levels of the factors")
        apart = people - y.size
        if len(names) not in positions:
            message = "the protein is a linear combination of the covariates on the rows of the fit"
            return Refusal(Status.separated if apart else Status.collinear, message)
        aliased = [name for i, name in enumerate(names) if i not in set(positions.tolist())]
        notes = [describe_aliased(aliased)] if aliased and not apart else []
        if apart:
            notes.append(describe_apart(apart))
        last = X.shape[1] - 1
        result = self._solve(Regression(X, y, np.ones(y.size), None, np.array([last])))
        if isinstance(result, Solution):
            outcome = result.coefficient(last, scale=float(scale))
        else:
            outcome = result
        return replace(outcome, message="; ".join(filter(None, (*notes, outcome.message))))


def _screen(problem: Problem, block: Block, fits: FitBlock) -> Bool:
    """Refuse what needs no fit; return which fits remain ``(b, m)``."""
    remaining = refuse_unfit(block, fits)
    for m, model in enumerate(problem.models):
        name = problem.targets[model.target].name
        single = (fits.n_case[:, m] == 0) | (fits.n_case[:, m] == fits.n[:, m])
        for j in np.flatnonzero(single & remaining[:, m]).tolist():
            fits.refuse(j, m, Status.constant, f"{name} has one value on the rows of the fit")
            remaining[j, m] = False
    return remaining


def _fit_together(
    state: LogisticState,
    block: Block,
    scaled: Block,
    scale: F64,
    varying: Bool,
    fits: FitBlock,
    open_fits: Bool,
) -> None:
    """Enter the fits that the paths for blocks settle; they are open no more.

    Parameters
    ----------
    scaled : the block standardised, by ``scale (b,)``.
    """
    problem = state.problem
    if problem.n <= _SMALL:
        for m in range(len(problem.models)):
            _fit_small(state, scaled, scale, m, varying).enter(fits, open_fits)
    if state.levels is not None:
        fit_large(state.mass, state.levels, block, scaled, scale, varying, fits, open_fits)


def _fit_small(state: LogisticState, block: Block, scale: F64, m: int, open_fits: Bool) -> Settled:
    """Fit the open proteins of one model by Newton's method with their own information."""
    problem = state.problem
    model = problem.models[m]
    proteins = np.flatnonzero(open_fits[:, m])
    if proteins.size == 0:
        return Settled(m, proteins, np.empty(0), np.empty(0), ())
    observed = block.observed[proteins].astype(np.float64)
    y = np.broadcast_to(problem.targets[model.target].values, observed.shape)
    mask = drop_constant_levels(factors_within(problem, model.adjustment), y, observed)
    borders = np.concatenate([block.values[proteins, None], block.own[proteins]], axis=1)
    A = state.design[:, problem.adjustments[model.adjustment].columns]
    fits = fit_newton(A, borders, mask, np.ascontiguousarray(y))
    enough = mask.sum(axis=1) > A.shape[1] + borders.shape[1]
    good = fits.converged & (fits.extreme < _EXTREME) & enough
    apart = np.rint(observed.sum(axis=1) - mask.sum(axis=1)).astype(int)[good].tolist()
    return Settled(
        m,
        proteins[good],
        change_units(fits.estimate[good], per=scale[proteins[good]]),
        change_units(fits.se[good], per=scale[proteins[good]]),
        tuple(describe_apart(people) for people in apart),
    )
