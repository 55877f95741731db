"""The linear family: ``protein = exposure b + own covariates c + covariates d + e``, or
``outcome = protein b + own covariates c + covariates d + e``.

Every protein has its own complete cases. Covariates are laid out once for all
(:mod:`proteomr.models.linear_chain`), blocks of proteins projected on them
(:mod:`proteomr.models.linear_projection`), robust errors summed from residuals
(:mod:`proteomr.models.linear_robust`). What pivots forbid goes to a Householder QR of that
protein's own rows, with weights, products or robust errors that of :mod:`proteomr.models.exact`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.errors import UsageError
from proteomr.models.base import (
    Block,
    FitBlock,
    JointTests,
    Problem,
    Refusal,
    count_cases,
    refuse_unfit,
)
from proteomr.models.cells import describe_aliased
from proteomr.models.exact import (
    ONE_BY_ONE,
    OneByOne,
    Regression,
    Solution,
    fit_by_itself,
    fit_one_by_one,
    gather_joint_tests,
)
from proteomr.models.extras import WithExtras
from proteomr.models.family import Distribution, Family, Scans, Support, list_tables
from proteomr.models.linear_absorbed import Levels, set_within, take_levels_out
from proteomr.models.linear_beside import list_adders
from proteomr.models.linear_chain import Chain, ChainModel, Terms, build_chains
from proteomr.models.linear_exact import fit_exactly
from proteomr.models.linear_moderation import MODERATION, add_variances
from proteomr.models.linear_projection import Projection, Reduced, project_block, reduce_model
from proteomr.models.linear_robust import LEVERAGED, Errors, estimate_classical, estimate_robust
from proteomr.models.linear_solution import solve_regression
from proteomr.models.responses import Responses
from proteomr.models.targets import FACTOR, NUMBERS, TWO_LEVELS, Target, TargetKind
from proteomr.models.weighting import WEIGHT_KINDS, count_copies, has_copies_apart, tell_copies
from proteomr.stats.joint_wald import test_jointly
from proteomr.stats.linalg import change_units
from proteomr.stats.sandwich import CLUSTERED, LINEARISED, ROBUST

__all__ = ["Linear", "LinearState"]

# People up to whom whole models are fitted one by one: milliseconds each, as exact as can be.
_SMALL = 2_000


@dataclass(frozen=True, slots=True)
class LinearState:
    """The problem, its terms, and its chains of nested adjustment sets.

    Attributes
    ----------
    clusters : ``(n,)``, those of the problem numbered from 0 on; None without any.
    levels : of an absorbed effect, within which the chains are; None without any.
    """

    problem: Problem
    terms: Terms
    chains: tuple[Chain, ...]
    clusters: I64 | None
    levels: Levels | None = None


@dataclass(frozen=True, slots=True)
class _Joint:
    """The joint tests of a block: of products, and of the contrasts of levels."""

    products: JointTests
    levels: JointTests

    @classmethod
    def empty(cls, proteins: int, models: int) -> _Joint:
        return cls(JointTests.empty(proteins, models), JointTests.empty(proteins, models))


State: TypeAlias = LinearState | OneByOne | WithExtras


@dataclass(frozen=True, slots=True)
class Linear(Family[State]):
    """Least squares of each protein on each exposure, or of each outcome on each protein.

    Student's t on the residual degrees of freedom; R's ``lm``.

    Examples
    --------
    >>> Linear.direction("exposure"), Linear.direction("outcome")
    ('protein~exposure', 'outcome~protein')
    """

    name: ClassVar[str] = "linear"
    scans: ClassVar[Scans] = "response"
    takes: ClassVar[tuple[TargetKind, ...]] = (TWO_LEVELS, NUMBERS, FACTOR)
    distribution: ClassVar[Distribution] = "t"
    ratio: ClassVar[None] = None
    version: ClassVar[int] = 2
    supports: ClassVar[Support] = Support(
        roles=("exposure", "outcome"),
        errors=("classical", *ROBUST, LINEARISED, *CLUSTERED),
        weighted_errors=("classical", *ROBUST, LINEARISED, "CR0", "CR1"),
        weight_kinds=WEIGHT_KINDS,
        interaction=True,
        own_covariates=True,
        absorbed=True,
        outcome_transform=True,
        ordered=True,
        moderation=True,
        joint_tests=("lr", "score", "wald"),
        nonlinear=True,
        coefficients=True,
        permutations=True,
        add_one=True,
    )

    @property
    def tables(self) -> tuple[str, ...]:
        """Those of every family, and residual variances with their priors, if moderated."""
        further = list_tables(self.options)
        return further if self.options.moderation.kind is None else (*further, MODERATION)

    def check_targets(self, targets: Sequence[Target]) -> None:
        """Refuse what is asked beside estimates of targets that have several coefficients."""
        several = [target.name for target in targets if target.width > 1]
        asked = self.options.further.is_asked or self.options.permutations.draws
        if several and (asked or self.options.coefficients):
            raise UsageError(
                f"{several[0]!r} has several coefficients: joint tests, splines, tables of "
                "coefficients and permutations are of one; its contrasts are tested jointly as "
                "they are"
            )

    def prepare(self, problem: Problem) -> State:
        """Orthonormalise the covariates of every chain of nested adjustment sets."""
        plain = self._prepare_estimates(problem)
        adders = list_adders(problem, self.options, self.side_of_protein, together=_SMALL)
        return WithExtras(plain, adders) if adders else plain

    def _prepare_estimates(self, problem: Problem) -> LinearState | OneByOne:
        if problem.blocks is not None and (
            problem.correlations is None or np.isnan(problem.correlations).any()
        ):
            raise ValueError("fits with blocks need the correlation within them")
        apart = has_copies_apart(problem, self.options) or problem.blocks is not None
        if self.options.errors == "CR2" or apart:
            return OneByOne(problem)
        laid_out, levels = problem, None
        if problem.absorbed is not None:
            within = take_levels_out(problem) if self.options.errors == "classical" else None
            if within is None:
                return OneByOne(problem)
            laid_out, levels = within
        terms, chains = build_chains(
            laid_out,
            self._list_responses(problem),
            plain=self._is_plain(problem) or levels is not None,
            leverages=self.options.errors in LEVERAGED,
        )
        codes = None
        if problem.clusters is not None:
            codes = np.unique(problem.clusters, return_inverse=True)[1].astype(np.int64)
        if levels is not None:
            chains = tuple(set_within(problem, chain, levels) for chain in chains)
        return LinearState(problem, terms, chains, codes, levels)

    def fit_block(self, state: State, block: Block) -> FitBlock:
        """Fit every model to every protein of the block."""
        if isinstance(state, WithExtras):
            return state.add(block, self.fit_block(state.plain, block))
        if isinstance(state, OneByOne):
            side, fits = self.side_of_protein, self._begin(state.problem, block)
            fits = fit_one_by_one(
                state.problem, block, solve=self._solve, side_of_protein=side, fits=fits
            )
            return add_variances(state.problem, block, fits)
        problem = state.problem
        fits = self._begin(problem, block)
        fits.n[:] = block.counts[:, None]
        fits.n_case[:] = count_cases(problem, block)
        joint = _Joint.empty(block.values.shape[0], len(problem.models))
        varying = refuse_unfit(block, fits)[:, 0]
        responses = Responses.of(problem, block)
        standard, scale = block.standardise()
        people = count_copies(problem, block)
        if state.levels is not None:
            standard, kept = state.levels.deviate(standard, block.missing)
            people = people - (state.levels.count(block.missing) - 1)
            apart = varying & kept
        else:
            apart = varying
        for chain in state.chains:
            done = self._fit_chain(
                state, chain, standard, block.missing, people, scale, apart, fits, joint, responses
            )
            for j, at in zip(*np.nonzero(~done & varying[:, None]), strict=True):
                self._fit_alone(problem, block, int(j), chain.models[at].model, fits, joint)
        fits = replace(fits, joint=gather_joint_tests(problem, joint.products, joint.levels))
        return add_variances(problem, block, tell_copies(problem, block, fits))

    def describe_path(self, state: State) -> str:
        """Say whether blocks are projected together, or fitted one by one."""
        if isinstance(state, WithExtras):
            return self.describe_path(state.plain)
        if isinstance(state, OneByOne):
            return ONE_BY_ONE
        errors = "" if self.options.errors == "classical" else ", errors from their residuals"
        return f"blocks projected together on a basis of the covariates{errors}"

    def _begin(self, problem: Problem, block: Block) -> FitBlock:
        """Return the block's fits before any of them, with room for what is asked."""
        fits = FitBlock.empty(block.values.shape[0], len(problem.coefficients))
        if not self.tables:
            return fits
        return replace(fits, sigma=np.full(fits.n.shape, np.nan))

    def _list_responses(self, problem: Problem) -> list[bool]:
        """Return whether the protein is the response, by model."""
        roles = [problem.targets[model.target].role for model in problem.models]
        return [self.side_of_protein(role) == "response" for role in roles]

    def _is_plain(self, problem: Problem) -> bool:
        """Whether nothing but classical errors of equal weights is asked, of one coefficient."""
        modified = problem.interaction is not None or problem.weights is not None
        modified |= problem.absorbed is not None
        return self.options.errors == "classical" and not modified

    def _fit_alone(
        self, problem: Problem, block: Block, j: int, m: int, fits: FitBlock, joint: _Joint
    ) -> None:
        """Fit one model to one protein on the path that can do all."""
        if self._is_plain(problem) and problem.targets[problem.models[m].target].width == 1:
            response = self._list_responses(problem)[m]
            column = problem.first_coefficients[m]
            fits.enter(j, column, fit_exactly(problem, block, j, m, response=response))
            return
        fit_by_itself(
            problem,
            block,
            j,
            m,
            solve=self._solve,
            side_of_protein=self.side_of_protein,
            fits=fits,
            joint=joint.products,
            levels=joint.levels,
        )

    def _fit_chain(
        self,
        state: LinearState,
        chain: Chain,
        block: Block,
        missing: Sequence[I64],
        people: I64,
        scale: F64,
        varying: Bool,
        fits: FitBlock,
        joint: _Joint,
        responses: Responses | None,
    ) -> Bool:
        """Fill in the fits of a chain that the fast path can do; return which ``(b, its models)``.

        Parameters
        ----------
        block : standardised, by ``scale (b,)``.
        missing : positions of the people whom each protein lacks.
        people : ``(b,)``, whom the rows observed stand for.
        """
        done = np.zeros((block.values.shape[0], len(chain.models)), dtype=bool)
        if not any(model.sound for model in chain.models):
            return done
        own = None if responses is None else responses.values
        slots = {} if responses is None else responses.slots
        projection = project_block(chain, state.terms, block, missing, own, counts=people)
        reduced = [
            reduce_model(chain, state.terms, projection, m, slots.get(m.target))
            for m in chain.models
        ]
        plain = [varying & r.plain & m.sound for r, m in zip(reduced, chain.models, strict=True)]
        if responses is not None:
            plain = [p & responses.able(m.target) for p, m in zip(plain, chain.models, strict=True)]
        errors = self._estimate_errors(state, chain, projection, reduced, block, missing, plain)
        for at, model in enumerate(chain.models):
            done[:, at] = plain[at] & errors[at].sound
            good = np.flatnonzero(done[:, at])
            unit = None if responses is None else responses.unit(model.target)
            self._enter(
                state, chain, model, reduced[at], errors[at], scale, unit, good, fits, joint
            )
        return done

    def _estimate_errors(
        self,
        state: LinearState,
        chain: Chain,
        projection: Projection,
        reduced: Sequence[Reduced],
        block: Block,
        missing: Sequence[I64],
        plain: Sequence[Bool],
    ) -> list[Errors]:
        """Return the errors of all models of a chain; those of as many terms are found together."""
        if self.options.errors == "classical":
            return [estimate_classical(r) for r in reduced]
        sizes = [r.inverse.shape[1] for r in reduced]
        found: dict[int, Errors] = {}
        for size in dict.fromkeys(sizes):
            alike = [at for at, T in enumerate(sizes) if size == T]
            errors = estimate_robust(
                chain,
                projection,
                [reduced[at] for at in alike],
                block,
                missing,
                [plain[at] for at in alike],
                kind=self.options.errors,
                clusters=state.clusters,
            )
            found.update(zip(alike, errors, strict=True))
        return [found[at] for at in range(len(reduced))]

    def _enter(
        self,
        state: LinearState,
        chain: Chain,
        model: ChainModel,
        reduced: Reduced,
        errors: Errors,
        scale: F64,
        unit: F64 | None,
        good: I64,
        fits: FitBlock,
        joint: _Joint,
    ) -> None:
        """Enter the fits of one model of the proteins in ``good``."""
        terms, said = state.terms, describe_aliased(chain.aliased[model.adjustment])
        estimate, se, T = reduced.estimate[good], errors.se[good], reduced.inverse.shape[1]
        by, per = _find_units(terms, model, scale[good], T)
        by = by if unit is None else unit[good]
        asked = len(state.problem.targets[model.target].contrasts) * state.problem.terms
        columns = state.problem.first_coefficients[model.model] + np.arange(min(asked, T))
        for t, column in enumerate(columns.tolist()):
            estimate_t = change_units(estimate[:, t], by=by, per=per[t])
            se_t = change_units(se[:, t], by=by, per=per[t])
            fits.accept(good, column, estimate=estimate_t, se=se_t)
            fits.df[good, column] = errors.df[good]
            if fits.sigma is not None:
                sigma = np.sqrt(reduced.rss[good] / reduced.df[good])
                fits.sigma[good, column] = change_units(sigma, by=scale[good] * terms.root_unit)
            few = errors.remark(good, t, self.options.errors)
            for j in good.tolist() if said else few:
                message = "; ".join(filter(None, (said, few.get(j, ""))))
                fits.messages[j, column] = message
        kinds = np.arange(columns.size) % state.problem.terms
        several = state.problem.targets[model.target].width > 1
        for tests, of_kind in ((joint.products, kinds > 0), (joint.levels, several & (kinds == 0))):
            at = np.flatnonzero(of_kind)
            if at.size == 0:
                continue
            covariance = errors.covariance[good][:, at[:, None], at]
            found = test_jointly(estimate[:, at], se[:, at], covariance, errors.df[good])
            for values, part in zip(
                (tests.statistic, tests.df, tests.neg_log10_p), found, strict=True
            ):
                values[good, model.model] = part

    def _solve(self, regression: Regression) -> Solution | Refusal:
        """Fit one regression by itself."""
        return solve_regression(regression, errors=self.options.errors)


def _find_units(
    terms: Terms, model: ChainModel, scale: F64, T: int
) -> tuple[F64 | float, list[F64 | float]]:
    """Return what coefficients are to be multiplied by, and for each term divided by."""
    of_target = terms.of(model.target)
    if model.response:
        return scale, [float(unit) for unit in terms.units[of_target]]
    with np.errstate(over="ignore", under="ignore"):
        products = [scale * unit for unit in terms.by_units[: T - 1]]
    return float(terms.units[of_target[0]]), [scale, *products]
