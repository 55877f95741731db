r"""The mixed family: ``protein = exposure b + covariates d + Z u + e``, or
``outcome = protein b + covariates d + Z u + e``, by REML.

``u ~ N(0, s2 G)``, ``e ~ N(0, s2 W^-1)``: random intercepts and slopes of grouping factors, or
relatedness; W the weights of the rows, known precisions, or 1. One grouping factor is fitted block
by block (:mod:`proteomr.models.mixed_mass`), everything else, and what has no certificate there,
one by one (:mod:`proteomr.models.mixed_exact`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.errors import UsageError
from proteomr.models.base import (
    Block,
    Fit,
    FitBlock,
    JointTests,
    Problem,
    Refusal,
    count_cases,
    refuse_unfit,
)
from proteomr.models.cells import describe_aliased
from proteomr.models.details import Details
from proteomr.models.exact import ONE_BY_ONE
from proteomr.models.extras import Extras, WithExtras
from proteomr.models.family import Distribution, Family, Scans, Support, list_tables
from proteomr.models.mixed_design import place_terms
from proteomr.models.mixed_exact import AloneFit, fit_alone, name_tests, refuse_large
from proteomr.models.mixed_mass import MassModel, Rows, fit_block, order_groups, prepare_model
from proteomr.models.mixed_results import MixedFit
from proteomr.models.mixed_weights import RowWeights, weigh_effects
from proteomr.models.targets import FACTOR, NUMBERS, TWO_LEVELS, Target, TargetKind
from proteomr.models.whole_mixed import WholeMixed

__all__ = ["VARIANCE_COMPONENTS", "Mixed", "MixedState"]

VARIANCE_COMPONENTS = "variance_components"
_COMPONENTS = (
    "group",
    "variance",
    "slope_variance",
    "correlation",
    "residual",
    "reml",
    "singular",
)


@dataclass(frozen=True, slots=True, eq=False)
class MixedState:
    """A problem, its rows by groups, and what the fits of each model share.

    Attributes
    ----------
    weights : by which the random effects of the problem are multiplied.
    rows : None where models are fitted one by one.
    shared : by model; None for those that are.
    """

    problem: Problem
    weights: RowWeights
    rows: Rows | None
    shared: tuple[MassModel | None, ...]


@dataclass(frozen=True, slots=True)
class Mixed(Family[MixedState | WithExtras]):
    """Linear mixed models by REML, of each protein on exposures or each outcome on proteins.

    Student's t on Satterthwaite's degrees of freedom, or Kenward and Roger's; R's ``lmerTest``.

    Examples
    --------
    >>> Mixed.direction("exposure"), Mixed.direction("outcome")
    ('protein~exposure', 'outcome~protein')
    """

    name: ClassVar[str] = "mixed"
    scans: ClassVar[Scans] = "response"
    takes: ClassVar[tuple[TargetKind, ...]] = (TWO_LEVELS, NUMBERS, FACTOR)
    distribution: ClassVar[Distribution] = "t"
    ratio: ClassVar[None] = None
    supports: ClassVar[Support] = Support(
        roles=("exposure", "outcome"),
        weighted_errors=("classical",),
        interaction=True,
        own_covariates=True,
        outcome_transform=True,
        coefficients=True,
        random_effects=True,
    )

    @property
    def tables(self) -> tuple[str, ...]:
        """The components of variance, and those that any family may be asked for."""
        return (VARIANCE_COMPONENTS, *list_tables(self.options))

    def check_targets(self, targets: Sequence[Target]) -> None:
        """Refuse all coefficients of exposures that have several themselves."""
        several = [target.name for target in targets if target.width > 1]
        if several and self.options.coefficients:
            raise UsageError(
                f"{several[0]!r} has several coefficients: a table of coefficients is of models "
                "with one"
            )

    def prepare(self, problem: Problem) -> MixedState | WithExtras:
        """Put rows by groups, and sum what the fits of each model share."""
        state = self._prepare_estimates(problem)
        if not self.options.coefficients:
            return state
        solver = WholeMixed(state.problem, state.weights, self.options.mixed.ddf)
        extras = Extras(problem, self.options, solver, self.side_of_protein, "t")
        return WithExtras(state, (extras,))

    def _prepare_estimates(self, problem: Problem) -> MixedState:
        """Put rows by groups, and sum what the fits of each model share."""
        if problem.random is None:
            raise UsageError("the mixed family needs random effects: --random or --kinship")
        refuse_large(problem.random)
        problem, weights = weigh_effects(problem)
        rows = order_groups(problem, weights)
        shared: list[MassModel | None] = [None] * len(problem.models)
        if rows is not None:
            for m in range(len(problem.models)):
                response = self._side(problem, m) == "response"
                if problem.targets[problem.models[m].target].transform != "none":
                    continue  # the rows of each protein have another response
                shared[m] = prepare_model(problem, rows, m, response=response)
        return MixedState(problem, weights, rows, tuple(shared))

    def fit_block(self, state: MixedState | WithExtras, block: Block) -> FitBlock:
        """Fit every model to every protein of the block."""
        if isinstance(state, WithExtras):
            return state.add(block, self.fit_block(state.plain, block))
        problem = state.problem
        b, models = block.values.shape[0], len(problem.models)
        fits = FitBlock.empty(b, len(problem.coefficients))
        fits.n[:] = block.counts[:, None]
        fits.n_case[:] = count_cases(problem, block)
        varying = refuse_unfit(block, fits)[:, 0]
        widths = [problem.targets[model.target].width for model in problem.models]
        tested = [name_tests(problem, width) for width in widths]
        joint = {
            name: JointTests.empty(b, models).only([name in names for names in tested])
            for names in tested
            for name in names
        }
        components: list[tuple[int, int, dict[str, object]]] = []
        mass = self._fit_together(state, block, varying)
        first = 0
        for m in range(models):
            places = place_terms(range(widths[m]), widths[m], problem.terms)
            for j in np.flatnonzero(varying).tolist():
                fit = mass[m][j]
                if fit is None:
                    alone = fit_alone(
                        problem,
                        block,
                        j,
                        m,
                        weights=state.weights,
                        side=self._side(problem, m),
                        ddf=self.options.mixed.ddf,
                    )
                else:
                    alone = _take(state, m, fit, places)
                _enter(fits, joint, components, alone, j, m, first)
            first += places.size
        details = {VARIANCE_COMPONENTS: Details.of_rows(components)}
        return replace(fits, joint=joint, details=details)

    def describe_path(self, state: MixedState | WithExtras) -> str:
        """Say whether blocks are summed within groups together, or fitted one by one."""
        if isinstance(state, WithExtras):
            return ONE_BY_ONE
        if any(model is None for model in state.shared):
            return ONE_BY_ONE
        return "blocks summed within groups, their criteria minimised together"

    def _side(self, problem: Problem, m: int) -> Scans:
        return self.side_of_protein(problem.targets[problem.models[m].target].role)

    def _fit_together(
        self, state: MixedState, block: Block, varying: Bool
    ) -> list[list[MixedFit | None]]:
        """Return the fits of the mass path, by model and protein."""
        none: list[MixedFit | None] = [None] * block.values.shape[0]
        found = [none for _ in state.shared]
        if state.rows is None or not any(model is not None for model in state.shared):
            return found
        order, root = state.rows.order, state.rows.weights.root
        standard, scale = block.standardise()
        values = np.ascontiguousarray(standard.values[:, order]) * root
        own, own_logs = _standardise_own(block, order)
        ordered = Block(values, own * root, block.observed[:, order])
        for m, model in enumerate(state.shared):
            if model is not None:
                found[m] = fit_block(
                    state.problem,
                    state.rows,
                    model,
                    ordered,
                    scale,
                    own_logs,
                    varying,
                    ddf=self.options.mixed.ddf,
                )
        return found


def _standardise_own(block: Block, order: I64) -> tuple[F64, F64]:
    """Return own covariates centred and scaled where observed, and the logs of their scales."""
    own = block.own[:, :, order]
    logs = np.zeros(own.shape[0])
    seen = block.observed[:, order]
    for a in range(own.shape[1]):
        part = Block(own[:, a], own[:, :0], seen)
        ready, scale = part.standardise()
        own[:, a] = ready.values
        with np.errstate(divide="ignore"):
            logs += np.log(scale)
    return own, logs


def _take(state: MixedState, m: int, fit: MixedFit, places: I64) -> AloneFit:
    """Return a fit of the mass path as one by itself, all of whose terms are there."""
    model = state.shared[m]
    aliased = () if model is None else model.design.aliased
    return AloneFit(fit, places, np.arange(places.size), (), aliased)


def _enter(
    fits: FitBlock,
    joint: dict[str, JointTests],
    components: list[tuple[int, int, dict[str, object]]],
    alone: AloneFit,
    j: int,
    m: int,
    first: int,
) -> None:
    """Enter the fit of a model of a protein, whose coefficients begin with the first."""
    result = alone.result
    kept = {int(term): at for at, term in enumerate(alone.kept)}
    said = describe_aliased(alone.aliased)
    for t, place in enumerate(alone.places.tolist()):
        if isinstance(result, Refusal):
            fits.enter(j, first + t, result if place in kept else alone.absent[t])
        elif place in kept:
            at = kept[place]
            df = float(result.df[at])
            fit = Fit(float(result.estimate[at]), float(result.se[at]), df, message=said)
            fits.enter(j, first + t, fit)
        else:
            fits.enter(j, first + t, alone.absent[t])
    if isinstance(result, Refusal):
        return
    for name, test in result.tests.items():
        joint[name].enter(j, m, test)
    components += [(j, m, {key: row[key] for key in _COMPONENTS}) for row in result.components]
