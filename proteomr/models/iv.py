"""The family of instrumental variables: ``protein = exposure b + covariates d + e`` where e goes
with the exposure, or ``outcome = protein b + covariates d + e`` where it goes with the protein.

Blocks of proteins are fitted on a common basis (:mod:`proteomr.models.iv_mass`); what pivots or the
certificate forbid, GMM and outcomes of two levels one by one (:mod:`proteomr.models.iv_exact`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.errors import UsageError
from proteomr.models.base import (
    Block,
    Fit,
    FitBlock,
    Problem,
    Refusal,
    count_cases,
    refuse_unfit,
)
from proteomr.models.cells import describe_aliased
from proteomr.models.exact import ONE_BY_ONE
from proteomr.models.family import Distribution, Family, Ratio, Scans, Support
from proteomr.models.iv_entry import (
    COEFFICIENTS,
    CONFIDENCE_SETS,
    DIAGNOSTICS,
    Told,
    describe_strength,
)
from proteomr.models.iv_equation import lay_out_equation
from proteomr.models.iv_exact import (
    Exact,
    fit_equation,
    list_coefficients,
    reduce_equation,
)
from proteomr.models.iv_inclusion import fit_by_inclusion
from proteomr.models.iv_instruments import describe_dropped, find_used, impute_own
from proteomr.models.iv_mass import Places, Tile, fit_tiles
from proteomr.models.iv_options import IvEstimator
from proteomr.models.linear_chain import LEFT_OVER, Chain, ChainModel, Terms, build_chains
from proteomr.models.linear_exact import PERFECT
from proteomr.models.linear_projection import Projection, project_block
from proteomr.models.responses import respond
from proteomr.models.targets import NUMBERS, TWO_LEVELS, Target, TargetKind
from proteomr.stats.anderson_rubin import Interval, invert_anderson_rubin
from proteomr.stats.linalg import change_units, condition_columns
from proteomr.stats.sandwich import CLUSTERED
from proteomr.status import Status

__all__ = ["Iv", "IvState"]


@dataclass(frozen=True, slots=True)
class IvState:
    """The problem, and its chains of nested adjustment sets.

    Attributes
    ----------
    used : positions of the instruments that are independent of the covariates and of one another,
        by adjustment.
    clusters : ``(n,)``, those of the problem numbered from 0 on; None without any.
    """

    problem: Problem
    terms: Terms
    chains: tuple[Chain, ...]
    used: dict[int, tuple[int, ...]]
    clusters: I64 | None


@dataclass(frozen=True, slots=True)
class Iv(Family[IvState]):
    """Two-stage least squares and its relatives, of one endogenous variable.

    Student's t on n - k degrees of freedom; R's ``AER::ivreg``, and ``linearmodels``.

    Examples
    --------
    >>> Iv.direction("exposure"), Iv.direction("outcome")
    ('protein~exposure', 'outcome~protein')
    """

    name: ClassVar[str] = "iv"
    scans: ClassVar[Scans] = "response"
    takes: ClassVar[tuple[TargetKind, ...]] = (TWO_LEVELS, NUMBERS)
    distribution: ClassVar[Distribution] = "t"
    ratio: ClassVar[None] = None
    supports: ClassVar[Support] = Support(
        roles=("exposure", "outcome"),
        errors=("classical", "HC0", "HC1", "CR0", "CR1"),
        weighted_errors=("classical", "HC0", "HC1", "CR0", "CR1"),
        own_covariates=True,
        outcome_transform=True,
        instruments=True,
        coefficients=True,
    )

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the further tables."""
        more = (COEFFICIENTS,) if self.options.coefficients else ()
        return (DIAGNOSTICS, CONFIDENCE_SETS, *more)

    def ratio_of(self, target: Target) -> Ratio | None:
        """Return the odds ratio of residual inclusion; least squares has none."""
        return "OR" if self._choose(target) == "2sri" else None

    def check_targets(self, targets: Sequence[Target]) -> None:
        """Refuse residual inclusion for outcomes of other than two levels."""
        wrong = [target.name for target in targets if target.kind != TWO_LEVELS.name]
        if self.options.iv.estimator == "2sri" and wrong:
            raise UsageError(
                f"2sri is for outcomes of two levels, and {wrong[0]!r} holds numbers: take 2sls, "
                "liml or gmm"
            )

    def prepare(self, problem: Problem) -> IvState:
        """Orthonormalise covariates and common instruments of every chain of adjustment sets."""
        if problem.instruments is None and not self.options.iv.by_protein:
            raise UsageError("the iv family needs instruments: name one (--instrument NAME)")
        Z = np.empty((problem.n, 0))
        if problem.instruments is not None:
            Z = condition_columns(problem.instruments)[0]
        terms, chains = build_chains(
            problem, self._list_responses(problem), plain=False, leverages=False, beside=Z
        )
        used = {
            model.adjustment: find_used(problem, model.adjustment, Z)
            for chain in chains
            for model in chain.models
        }
        clusters = None
        if problem.clusters is not None:
            clusters = np.unique(problem.clusters, return_inverse=True)[1].astype(np.int64)
        return IvState(problem, terms, chains, used, clusters)

    def fit_block(self, state: IvState, block: Block) -> FitBlock:
        """Fit every model to every protein of the block."""
        problem, b = state.problem, block.values.shape[0]
        fits = FitBlock.empty(b, len(problem.coefficients))
        fits.n[:] = block.counts[:, None]
        fits.n_case[:] = count_cases(problem, block)
        varying = refuse_unfit(block, fits)[:, 0]
        told = Told()
        fit_together = self._fit_by_own if block.instruments else self._fit_in_common
        done = fit_together(state, block, varying, fits, told)
        for j, m in np.argwhere(~done & varying[:, None]).tolist():
            self._fit_alone(problem, block, j, m, fits, told)
        return replace(fits, details=told.list_details())

    def _fit_in_common(
        self, state: IvState, block: Block, varying: Bool, fits: FitBlock, told: Told
    ) -> Bool:
        """Fit what is safe, with instruments of all proteins; return what is done ``(b, m)``."""
        done = np.zeros((block.values.shape[0], len(state.problem.models)), dtype=bool)
        standard, scale = block.standardise()
        for chain in state.chains:
            able = [model for model in chain.models if self._is_mass(state, chain, model)]
            if not able:
                continue
            projection = project_block(chain, state.terms, standard, block.missing)
            for model in able:
                said = self._say(state, chain, model)
                for tile in self._fit_model(state, chain, model, projection, block):
                    good = tile.sound & varying[tile.proteins]
                    at = tile.proteins[good]
                    self._enter_tile(state, model, tile, good, at, scale, said, fits, told)
                    done[at, model.model] = True
        return done

    def _fit_by_own(
        self, state: IvState, block: Block, varying: Bool, fits: FitBlock, told: Told
    ) -> Bool:
        """Fit what is safe, with each protein's own instruments; return what is done ``(b, m)``."""
        done = np.zeros((block.values.shape[0], len(state.problem.models)), dtype=bool)
        for j in np.flatnonzero(varying).tolist():
            Z, imputed = impute_own(block, j)
            if not Z.shape[0]:
                continue
            one = block.take([j])
            one = replace(one, own=np.concatenate([one.own, Z[None]], axis=1), instruments=())
            standard, scale = one.standardise()
            for chain in state.chains:
                able = [model for model in chain.models if self._is_mass(state, chain, model)]
                if not able:
                    continue
                projection = project_block(chain, state.terms, standard, one.missing)
                for model in able:
                    said = [*self._say(state, chain, model), imputed]
                    found = self._fit_model(
                        state, chain, model, projection, one, own_instruments=Z.shape[0]
                    )
                    for tile in found:
                        at = np.array([j])[tile.sound]
                        self._enter_tile(
                            state, model, tile, tile.sound, at, scale, said, fits, told
                        )
                        done[at, model.model] = True
        return done

    def describe_path(self, state: IvState) -> str:
        """Say whether blocks are projected together, or fitted one by one."""
        able = any(self._is_mass(state, c, model) for c in state.chains for model in c.models)
        together = "blocks projected together on a basis of covariates and instruments"
        return together if able else ONE_BY_ONE

    def _list_responses(self, problem: Problem) -> list[bool]:
        """Return whether the protein is the response, by model."""
        roles = [problem.targets[model.target].role for model in problem.models]
        return [self.side_of_protein(role) == "response" for role in roles]

    def _choose(self, target: Target) -> IvEstimator:
        """Return the estimator of a target."""
        binary = target.role == "outcome" and target.kind == TWO_LEVELS.name
        return self.options.iv.estimator or ("2sri" if binary else "2sls")

    def _is_mass(self, state: IvState, chain: Chain, model: ChainModel) -> bool:
        """Whether a model has a path for blocks, and is safe for it."""
        target = state.problem.targets[model.target]
        if self.options.coefficients or self._choose(target) not in {"2sls", "liml"}:
            return False
        if target.transform != "none":  # each protein's rows have another response
            return False
        if self.options.iv.by_protein:
            return model.sound
        used = state.used[model.adjustment]
        first = len(state.problem.targets)
        left = chain.shares[model.adjustment][[first + z for z in used]]
        return model.sound and bool(used) and bool(np.all(left > LEFT_OVER))

    def _say(self, state: IvState, chain: Chain, model: ChainModel) -> list[str]:
        """Say which covariates and common instruments others determine."""
        names = state.problem.instrument_names
        dropped = [n for z, n in enumerate(names) if z not in state.used[model.adjustment]]
        return [describe_aliased(chain.aliased[model.adjustment]), describe_dropped(dropped)]

    def _fit_model(
        self,
        state: IvState,
        chain: Chain,
        model: ChainModel,
        projection: Projection,
        block: Block,
        *,
        own_instruments: int = 0,
    ) -> Iterator[Tile]:
        """Fit one model; the last own columns of a projection may be instruments."""
        s, problem = projection.own - own_instruments, state.problem
        first = s + len(problem.targets)
        used = [first + z for z in state.used[model.adjustment]]
        places = Places(
            tuple(range(s)),
            tuple(range(s, s + own_instruments)) if own_instruments else tuple(used),
            projection.own + model.target,
            projection.corner.shape[1] - 1,
        )
        estimator = self._choose(problem.targets[model.target])
        return fit_tiles(
            chain,
            projection,
            model,
            places,
            block.observed,
            estimator="liml" if estimator == "liml" else "2sls",
            errors=self.options.errors,
            level=self.options.level,
            clusters=state.clusters if self.options.errors in CLUSTERED else None,
            cluster_counts=self._count_clusters(state, block),
        )

    def _count_clusters(self, state: IvState, block: Block) -> F64 | None:
        """Return how many clusters each protein is observed in ``(b,)``."""
        if state.clusters is None or self.options.errors not in CLUSTERED:
            return None
        sizes = np.bincount(state.clusters)
        absent = [np.bincount(state.clusters[rows], minlength=sizes.size) for rows in block.missing]
        return np.array([np.count_nonzero(sizes > lost) for lost in absent], dtype=np.float64)

    def _enter_tile(
        self,
        state: IvState,
        model: ChainModel,
        tile: Tile,
        good: Bool,
        at: I64,
        scale: F64,
        said: Sequence[str],
        fits: FitBlock,
        told: Told,
    ) -> None:
        """Enter the sound fits of a tile at positions ``at`` of the block.

        Parameters
        ----------
        scale : of the proteins of the tile's own block.
        """
        unit, m, fit = float(state.terms.units[model.target]), model.model, tile.fit
        for i, j in zip(np.flatnonzero(good).tolist(), at.tolist(), strict=True):
            own = float(scale[tile.proteins[i]])
            units = (own, unit) if model.response else (unit, own)
            numbers = np.array([fit.estimates.beta[i], fit.se[i]])
            estimate, se = change_units(numbers, by=units[0], per=units[1]).tolist()
            carriers = float(fit.carriers[i])
            strength = describe_strength(
                fit.tests, i, carriers, self.options.errors, float(fit.df[i])
            )
            message = "; ".join(filter(None, (*said, *strength)))
            fits.enter(j, m, Fit(estimate, se, float(fit.df[i]), message=message))
            told.enter(j, m, fit.tests, i, tile.sets[i], units)

    def _fit_alone(
        self, problem: Problem, block: Block, j: int, m: int, fits: FitBlock, told: Told
    ) -> None:
        """Fit one model to one protein on the path that can do all."""
        target = problem.targets[problem.models[m].target]
        instruments, names, said = problem.instruments, problem.instrument_names, ""
        if block.instruments:
            own, said = impute_own(block, j)
            instruments, names = own.T, block.instruments[j].names
        if instruments is None or not instruments.shape[1]:
            what = "no instrument of the protein is among those listed and the genotypes"
            fits.enter(j, m, Refusal(Status.not_identified, what))
            return
        responded = respond(target, block.observed[j])
        if isinstance(responded, Refusal):
            fits.enter(j, m, responded)
            return
        equation = lay_out_equation(
            problem,
            block,
            j,
            m,
            instruments,
            names,
            responded,
            response=self.side_of_protein(target.role) == "response",
        )
        exact = reduce_equation(equation)
        if isinstance(exact, Refusal):
            fits.enter(j, m, exact)
            return
        self._enter_exact(exact, self._choose(target), [said], j, m, fits, told)

    def _enter_exact(
        self,
        exact: Exact,
        estimator: IvEstimator,
        said: list[str],
        j: int,
        m: int,
        fits: FitBlock,
        told: Told,
    ) -> None:
        """Estimate a regression that is laid out, and enter it."""
        parts: Sequence[Interval] | None = None
        if estimator == "2sri":
            included = fit_by_inclusion(exact, errors=self.options.errors)
            if isinstance(included, Refusal):
                fits.enter(j, m, included)
                return
            found, remark = included
            said.append(remark)
        else:
            solved = fit_equation(
                exact,
                estimator=estimator,
                errors=self.options.errors,
                covariates=self.options.coefficients,
            )
            if isinstance(solved, Refusal):
                fits.enter(j, m, solved)
                return
            found = solved
            parts = invert_anderson_rubin(exact.triangles, level=self.options.level)[0]
        if not found.certified:
            what = "sums over rows do not bear the estimate out"
            fits.enter(j, m, Refusal(Status.not_converged, what))
            return
        units = (exact.equation.units[1], exact.equation.units[0])
        numbers = np.array([found.beta, found.se])
        estimate, se = change_units(numbers, by=units[0], per=units[1]).tolist()
        aliased, dropped = exact.aliased()
        said += [describe_aliased(aliased), describe_dropped(dropped)]
        said += describe_strength(found.tests, 0, found.carriers, self.options.errors, found.df)
        if found.perfect:
            said.append(PERFECT)
        fits.enter(j, m, Fit(estimate, se, found.df, message="; ".join(filter(None, said))))
        told.enter(j, m, found.tests, 0, parts, units)
        if self.options.coefficients:
            term = exact.equation.term
            told.enter_coefficients(j, m, list_coefficients(exact, found, term), found.df)
