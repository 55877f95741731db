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
    INTERACTION,
    ONE_BY_ONE,
    OneByOne,
    Regression,
    Solution,
    fit_by_itself,
    fit_one_by_one,
)
from proteomr.models.extras import Adder, Extras, WithExtras
from proteomr.models.family import Distribution, Family, Scans, Support
from proteomr.models.linear_chain import Chain, ChainModel, Terms, build_chains
from proteomr.models.linear_exact import COMBINATION, explains_all, fit_exactly
from proteomr.models.linear_projection import Reduced, project_block, reduce_model
from proteomr.models.linear_robust import LEVERAGED, Errors, estimate_classical, estimate_robust
from proteomr.models.permuting import Permuting, score_least_squares
from proteomr.models.responses import Responses
from proteomr.models.targets import NUMBERS, TWO_LEVELS, TargetKind
from proteomr.models.whole_linear import WholeLinear
from proteomr.models.whole_linear_blocks import LinearBlocks
from proteomr.stats.joint_wald import test_jointly
from proteomr.stats.linalg import change_units, condition_columns, solve_least_squares
from proteomr.stats.sandwich import CLUSTERED, ROBUST, estimate_sandwich
from proteomr.status import Status

__all__ = ["Linear", "LinearState"]

# People up to whom whole models are fitted one by one: milliseconds each, as exact as can be.
_SMALL = 2_000


@dataclass(frozen=True, slots=True)
class LinearState:
    """The problem, its terms, and its chains of nested adjustment sets.

    Attributes
    ----------
    clusters : ``(n,)``, those of the problem numbered from 0 on; None without any.
    """

    problem: Problem
    terms: Terms
    chains: tuple[Chain, ...]
    clusters: I64 | None


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
    takes: ClassVar[tuple[TargetKind, ...]] = (TWO_LEVELS, NUMBERS)
    distribution: ClassVar[Distribution] = "t"
    ratio: ClassVar[None] = None
    version: ClassVar[int] = 2
    supports: ClassVar[Support] = Support(
        roles=("exposure", "outcome"),
        errors=("classical", *ROBUST, *CLUSTERED),
        weighted_errors=("classical", *ROBUST, "CR0", "CR1"),
        interaction=True,
        own_covariates=True,
        outcome_transform=True,
        joint_tests=("lr", "score", "wald"),
        nonlinear=True,
        coefficients=True,
        permutations=True,
    )

    def prepare(self, problem: Problem) -> State:
        """Orthonormalise the covariates of every chain of nested adjustment sets."""
        plain = self._prepare_estimates(problem)
        adders: list[Adder] = [*self._list_extras(problem), *self._list_permutations(problem)]
        return WithExtras(plain, tuple(adders)) if adders else plain

    def _list_permutations(self, problem: Problem) -> list[Permuting]:
        asked = self.options.permutations
        return [Permuting.prepare(problem, asked, score_least_squares)] if asked.draws else []

    def _list_extras(self, problem: Problem) -> list[Extras]:
        if not (self.options.further.is_asked or self.options.coefficients):
            return []
        solver, side = WholeLinear(self.options), self.side_of_protein
        blocks = None
        if problem.n > _SMALL:
            sides = tuple(side(problem.targets[model.target].role) for model in problem.models)
            blocks = LinearBlocks.prepare(problem, self.options, sides)
        return [Extras(problem, self.options, solver, side, self.distribution, blocks)]

    def _prepare_estimates(self, problem: Problem) -> State:
        if self.options.errors == "CR2":
            return OneByOne(problem)
        terms, chains = build_chains(
            problem,
            self._list_responses(problem),
            plain=self._is_plain(problem),
            leverages=self.options.errors in LEVERAGED,
        )
        codes = None
        if problem.clusters is not None:
            codes = np.unique(problem.clusters, return_inverse=True)[1].astype(np.int64)
        return LinearState(problem, terms, chains, codes)

    def fit_block(self, state: State, block: Block) -> FitBlock:
        """Fit every model to every protein of the block."""
        if isinstance(state, WithExtras):
            return state.add(block, self.fit_block(state.plain, block))
        if isinstance(state, OneByOne):
            side = self.side_of_protein
            return fit_one_by_one(state.problem, block, solve=self._solve, side_of_protein=side)
        problem = state.problem
        fits = FitBlock.empty(block.values.shape[0], len(problem.coefficients))
        fits.n[:] = block.counts[:, None]
        fits.n_case[:] = count_cases(problem, block)
        joint = JointTests.empty(block.values.shape[0], len(problem.models))
        varying = refuse_unfit(block, fits)[:, 0]
        responses = Responses.of(problem, block)
        standard, scale = block.standardise()
        for chain in state.chains:
            done = self._fit_chain(
                state, chain, standard, block.missing, scale, varying, fits, joint, responses
            )
            for j, at in zip(*np.nonzero(~done & varying[:, None]), strict=True):
                self._fit_alone(problem, block, int(j), chain.models[at].model, fits, joint)
        return fits if problem.interaction is None else replace(fits, joint={INTERACTION: joint})

    def describe_path(self, state: State) -> str:
        """Say whether blocks are projected together, or fitted one by one."""
        if isinstance(state, WithExtras):
            return self.describe_path(state.plain)
        if isinstance(state, OneByOne):
            return ONE_BY_ONE
        errors = "" if self.options.errors == "classical" else ", errors from their residuals"
        return f"blocks projected together on a basis of the covariates{errors}"

    def _list_responses(self, problem: Problem) -> list[bool]:
        """Return whether the protein is the response, by model."""
        roles = [problem.targets[model.target].role for model in problem.models]
        return [self.side_of_protein(role) == "response" for role in roles]

    def _is_plain(self, problem: Problem) -> bool:
        """Whether nothing but classical errors of equal weights is asked, of one coefficient."""
        modified = problem.interaction is not None or problem.weights is not None
        return self.options.errors == "classical" and not modified

    def _fit_alone(
        self, problem: Problem, block: Block, j: int, m: int, fits: FitBlock, joint: JointTests
    ) -> None:
        """Fit one model to one protein on the path that can do all."""
        if self._is_plain(problem):
            response = self._list_responses(problem)[m]
            fits.enter(j, m, fit_exactly(problem, block, j, m, response=response))
            return
        side = self.side_of_protein
        fit_by_itself(
            problem, block, j, m, solve=self._solve, side_of_protein=side, fits=fits, joint=joint
        )

    def _fit_chain(
        self,
        state: LinearState,
        chain: Chain,
        block: Block,
        missing: Sequence[I64],
        scale: F64,
        varying: Bool,
        fits: FitBlock,
        joint: JointTests,
        responses: Responses | None,
    ) -> Bool:
        """Fill in the fits of a chain that the fast path can do; return which ``(b, its models)``.

        Parameters
        ----------
        block : standardised, by ``scale (b,)``.
        missing : positions of the people whom each protein lacks.
        """
        done = np.zeros((block.values.shape[0], len(chain.models)), dtype=bool)
        if not any(model.sound for model in chain.models):
            return done
        own = None if responses is None else responses.values
        slots = {} if responses is None else responses.slots
        projection = project_block(chain, state.terms, block, missing, own)
        reduced = [
            reduce_model(chain, state.terms, projection, m, slots.get(m.target))
            for m in chain.models
        ]
        plain = [varying & r.plain & m.sound for r, m in zip(reduced, chain.models, strict=True)]
        if responses is not None:
            plain = [p & responses.able(m.target) for p, m in zip(plain, chain.models, strict=True)]
        if self.options.errors == "classical":
            errors = [estimate_classical(r) for r in reduced]
        else:
            errors = estimate_robust(
                chain,
                projection,
                reduced,
                block,
                missing,
                plain,
                kind=self.options.errors,
                clusters=state.clusters,
            )
        for at, model in enumerate(chain.models):
            done[:, at] = plain[at] & errors[at].sound
            good = np.flatnonzero(done[:, at])
            unit = None if responses is None else responses.unit(model.target)
            self._enter(
                state, chain, model, reduced[at], errors[at], scale, unit, good, fits, joint
            )
        return done

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
        joint: JointTests,
    ) -> None:
        """Enter the fits of one model of the proteins in ``good``."""
        terms, said = state.terms, describe_aliased(chain.aliased[model.adjustment])
        estimate, se, T = reduced.estimate[good], errors.se[good], reduced.inverse.shape[1]
        by, per = _find_units(terms, model, scale[good], T)
        by = by if unit is None else unit[good]
        columns = model.model * state.problem.terms + np.arange(T)
        for t, column in enumerate(columns.tolist()):
            estimate_t = change_units(estimate[:, t], by=by, per=per[t])
            se_t = change_units(se[:, t], by=by, per=per[t])
            fits.accept(good, column, estimate=estimate_t, se=se_t)
            fits.df[good, column] = errors.df[good]
            few = errors.remark(good, t, self.options.errors)
            for j in good.tolist() if said else few:
                message = "; ".join(filter(None, (said, few.get(j, ""))))
                fits.messages[j, column] = message
        if T > 1:
            covariance = errors.covariance[good][:, 1:, 1:]
            tests = test_jointly(estimate[:, 1:], se[:, 1:], covariance, errors.df[good])
            for values, found in zip(
                (joint.statistic, joint.df, joint.neg_log10_p), tests, strict=True
            ):
                values[good, model.model] = found

    def _solve(self, regression: Regression) -> Solution | Refusal:
        """Fit one regression by itself, with weights and robust errors."""
        X, weights = regression.X, regression.weights
        root = np.sqrt(weights)
        y, unit = condition_columns(regression.y[:, None])
        fit = solve_least_squares(X * root[:, None], y[:, 0] * root)
        if explains_all(fit, y[:, 0] * root, root, asked=regression.asked):
            return Refusal(Status.collinear, COMBINATION.format("the response"))
        none = np.full(X.shape[1], np.nan)
        by = float(unit[0])
        if self.options.errors == "classical":
            df = np.full(X.shape[1], float(fit.df))
            covariance = fit.unscaled * (fit.rss / fit.df)
            return Solution(fit.coefficients, fit.se, df, none, none, covariance, unit=by)
        robust = estimate_sandwich(
            X,
            fit.residuals / root,
            weights,
            kind=self.options.errors,
            clusters=regression.clusters,
        )
        # CR2 has degrees of freedom for single coefficients alone
        joint = None if self.options.errors == "CR2" else robust.covariance
        return Solution(
            fit.coefficients,
            robust.se,
            robust.df,
            none,
            none,
            joint,
            unit=by,
            errors=self.options.errors,
            carriers=robust.carriers,
        )


def _find_units(
    terms: Terms, model: ChainModel, scale: F64, T: int
) -> tuple[F64 | float, list[F64 | float]]:
    """Return what coefficients are to be multiplied by, and for each term divided by."""
    first = model.target * terms.per
    if model.response:
        return scale, [float(unit) for unit in terms.units[first : first + T]]
    with np.errstate(over="ignore", under="ignore"):
        products = [scale * unit for unit in terms.by_units[: T - 1]]
    return float(terms.units[first]), [scale, *products]
