"""Mediation through each protein as a family: what the scan fits block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, NamedTuple

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.errors import ColumnError
from proteomr.mediation.analysing import Setting, analyse_trio
from proteomr.mediation.intervals import draw_limits
from proteomr.mediation.rows import Rows, main_quantity
from proteomr.mediation.specification import MediationSpec
from proteomr.models import (
    NUMBERS,
    TWO_LEVELS,
    Block,
    Distribution,
    Family,
    FitBlock,
    Layout,
    Model,
    Problem,
    Scans,
    Support,
    Target,
    TargetColumn,
    TargetKind,
)
from proteomr.models.base import refuse_unfit
from proteomr.models.family import Ratio
from proteomr.stats.mediation import Analysis, Trio
from proteomr.stats.mediation_bench import Bench
from proteomr.stats.mediation_effects import Contrast
from proteomr.stats.mediation_joint import OF_TWO_VALUES, analyse_each_beside
from proteomr.stats.mediation_regressions import Unfit
from proteomr.stats.resampling import Resamples
from proteomr.stats.transforms import transform_block
from proteomr.status import Status

__all__ = ["Mediation", "MediationState", "OfLevels", "OfNumbers", "Pair", "SetColumns"]

_LEVELS_SHOWN = 5  # many levels may be identifiers of people, which no message may carry


class Pair(NamedTuple):
    """An exposure and an outcome, and the exposures that are compared."""

    exposure: str
    outcome: str
    low: float
    high: float


class SetColumns(NamedTuple):
    """The covariates of an adjustment set that each protein has for itself, by the two models."""

    outcome: tuple[str, ...] = ()
    mediator: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MediationState:
    """A problem, whose sets of mediators follow those of outcomes, its samples and benches."""

    problem: Problem
    pairs: tuple[Pair, ...]
    samples: Resamples | None
    benches: tuple[Bench, ...]


@dataclass(frozen=True, slots=True)
class Mediation(Family[MediationState]):
    """Effects of exposures on outcomes through each protein and beside it.

    A target is a pair: the exposure in the first column of its values, the outcome in the others.

    Parameters
    ----------
    spec : what is asked.
    pairs : of the targets.
    sets : what each protein has for itself, of the adjustment sets by label.
    """

    spec: MediationSpec | None = None
    pairs: tuple[Pair, ...] = ()
    sets: Mapping[str, SetColumns] = field(default_factory=dict[str, SetColumns])

    name: ClassVar[str] = "mediation"
    scans: ClassVar[Scans] = "predictor"
    takes: ClassVar[tuple[TargetKind, ...]] = (TWO_LEVELS, NUMBERS)
    distribution: ClassVar[Distribution] = "normal"
    ratio: ClassVar[Ratio | None] = None
    supports: ClassVar[Support] = Support(
        roles=("exposure", "outcome"), own_covariates=True, weighted_errors=("classical",)
    )
    shares_rows: ClassVar[bool] = False

    @property
    def asked(self) -> MediationSpec:
        """The specification, which a family that fits has."""
        if self.spec is None:
            raise ValueError("a family without a specification reads targets alone")
        return self.spec

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that its fits give."""
        return ("mediation", "paths")

    @classmethod
    def read_target(cls, column: TargetColumn) -> Target:
        """Make a target of a column of two levels or of numbers.

        Raises
        ------
        ColumnError
            It is neither.
        """
        for kind in cls.takes:
            target = kind.read(column)
            if target is not None:
                return target
        few = column.n_levels <= _LEVELS_SHOWN
        shown = f" ({', '.join(column.levels)})" if few else ""
        needs = " or ".join(kind.needs for kind in cls.takes)
        remedy = "make a column for each comparison, the other levels left empty"
        if column.role == "outcome" and column.n_levels == 2:
            remedy = "--outcome-family logit or probit takes two levels"
        raise ColumnError(
            f"{column.role} {column.name!r} has {column.n_levels} levels{shown}: {needs} are "
            f"needed; {remedy}"
        )

    def order(self, layout: Layout) -> I64:
        """Return the rows as they are: samples of people are drawn in their order."""
        return np.arange(layout.n)

    def prepare(self, problem: Problem) -> MediationState:
        """Draw the samples of people."""
        spec = self.asked
        named = {f"{pair.exposure} to {pair.outcome}": pair for pair in self.pairs}
        pairs = tuple(named[target.name] for target in problem.targets)
        samples = None
        if spec.bootstrap in {"influence", "refit"}:
            samples = Resamples(problem.n, spec.draws, seed=spec.seed, clusters=problem.clusters)
        benches = tuple(_lay_out_bench(problem, m) for m in range(len(problem.models)))
        return MediationState(problem, pairs, samples, benches)

    def fit_block(self, state: MediationState, block: Block) -> FitBlock:
        """Analyse every pair and set by every protein of the block."""
        problem, spec = state.problem, self.asked
        fits = FitBlock.empty(block.values.shape[0], len(problem.coefficients))
        fits.n[:] = block.counts[:, None]
        fits.df[:] = np.inf
        able = refuse_unfit(block, fits)
        rows = Rows(spec)
        # Squares of effects may be beyond the largest number, as per unit of times of 1e-200: such
        # an effect has no finite error, and what is not finite is not accepted.
        with np.errstate(over="ignore", invalid="ignore"):
            for m in range(len(problem.models)):
                analyses = self._analyse_jointly if spec.joint else self._analyse
                accepted = self._accept(fits, m, analyses(state, block, m, able[:, m]))
                for batch in self._batch(accepted):
                    self._tell(state, block, fits, m, batch, rows)
        return replace(fits, details={"mediation": rows.effects(), "paths": rows.paths()})

    def _batch(
        self, accepted: Iterator[tuple[int, Analysis]]
    ) -> Iterator[list[tuple[int, Analysis]]]:
        """Yield the analyses whose limits are drawn together.

        Those by influences, which are one product of matrices, without the models, whose bases of
        all people together would take ten times the room of the influences; those of one
        joint model, which they share; all others one by one, so that one is held at a time.
        """
        if self.asked.bootstrap == "influence":
            yield [(j, replace(analysis, refit=_let_go)) for j, analysis in accepted]
        elif self.asked.joint:
            yield list(accepted)
        else:
            for one in accepted:
                yield [one]

    def _tell(
        self,
        state: MediationState,
        block: Block,
        fits: FitBlock,
        m: int,
        batch: list[tuple[int, Analysis]],
        rows: Rows,
    ) -> None:
        """Add the rows of some analyses of a model, with their limits."""
        spec, problem = self.asked, state.problem
        there = [block.observed[j] for j, _ in batch]
        if spec.joint:
            there = [np.all(there, axis=0)] * len(batch)
        limits = draw_limits([analysis for _, analysis in batch], there, spec, state.samples)
        target = problem.targets[problem.models[m].target]
        for (j, analysis), each in zip(batch, limits, strict=True):
            if spec.joint:
                fits.n[j, m] = analysis.influence.shape[0]
            if spec.family != "linear":
                fits.n_case[j, m] = _count(target.values[block.observed[j]])
            rows.add((j, m), int(fits.n[j, m]), int(fits.n_case[j, m]), analysis, each)

    def _accept(
        self, fits: FitBlock, m: int, outcomes: Iterable[tuple[int, Analysis | Unfit]]
    ) -> Iterator[tuple[int, Analysis]]:
        """Enter how the analyses of a model ended; yield those that have estimates."""
        for j, outcome in outcomes:
            if isinstance(outcome, Unfit):
                fits.refuse(j, m, outcome.status, outcome.message)
                continue
            main = outcome.effects.names.index(main_quantity(self.asked.method))
            estimate, se = outcome.estimates[main], outcome.standard_errors()[main]
            if not (np.isfinite(estimate) and np.isfinite(se) and se > 0.0):
                message = "the effect has no finite estimate or error"
                fits.refuse(j, m, Status.not_identified, message)
                continue
            fits.estimate[j, m], fits.se[j, m] = estimate, se
            fits.status[j, m] = int(Status.ok)
            yield j, outcome

    def _analyse(
        self, state: MediationState, block: Block, m: int, able: Bool
    ) -> Iterator[tuple[int, Analysis | Unfit]]:
        """Yield what comes of each protein."""
        pair = state.pairs[state.problem.models[m].target]
        setting = Setting(self.asked, Contrast(pair.low, pair.high))
        trios = ((j, self._gather(state, block, j, m)) for j in np.flatnonzero(able).tolist())
        for j, trio in trios:
            try:
                yield j, analyse_trio(trio, setting)
            except Unfit as ending:
                yield j, ending

    def _analyse_jointly(
        self, state: MediationState, block: Block, m: int, able: Bool
    ) -> Iterator[tuple[int, Analysis | Unfit]]:
        """Yield what comes of each protein in the one model that has all that can be in it."""
        two = np.array(
            [_has_two_values(x[o]) for x, o in zip(block.values, block.observed, strict=True)]
        )
        for j in np.flatnonzero(able & two).tolist():
            yield j, Unfit(Status.not_identified, OF_TWO_VALUES)
        proteins = np.flatnonzero(able & ~two)
        if not proteins.size:
            return
        there = np.all(block.observed[proteins], axis=0)
        values = np.ascontiguousarray(block.values[proteins][:, there])
        if self.asked.transform in {"rint", "zscore"}:
            # of the people whom all proteins have: the order of their values is what they were
            transform_block(values.copy(), values, transform=self.asked.transform)
        pair = state.pairs[state.problem.models[m].target]
        trios = [Trio(row, state.benches[m], None if np.all(there) else there) for row in values]
        yield from zip(
            proteins.tolist(),
            analyse_each_beside(trios, Contrast(pair.low, pair.high)),
            strict=True,
        )

    def _gather(self, state: MediationState, block: Block, j: int, m: int) -> Trio:
        """Return a protein with its pair and covariates, on the rows that have it."""
        there, own = block.observed[j], self._own_of(state.problem, state.problem.models[m])
        values = np.ascontiguousarray(block.values[j][there])
        if own[0] or own[1]:
            return Trio(values, _lay_out_bench(state.problem, m, block, j, own))
        return Trio(values, state.benches[m], None if np.all(there) else there)

    def _own_of(self, problem: Problem, model: Model) -> tuple[list[int], list[int]]:
        """Return which own covariates of a protein the models of outcome and mediator have."""
        columns = self.sets[problem.adjustments[model.adjustment].label]
        outcome, mediator = (
            [i for i, name in enumerate(problem.own_names) if name in names] for names in columns
        )
        return outcome, mediator

    def describe_path(self, state: MediationState) -> str:
        """Say how intervals come about."""
        how = {
            None: "each pair by itself",
            "influence": "each pair by itself, limits by influence functions",
            "refit": "each pair by itself, refitted to every sample",
            "monte-carlo": "each pair by itself, limits by draws of coefficients",
        }
        del state
        return how[self.asked.bootstrap]


@dataclass(frozen=True, slots=True)
class OfNumbers(Mediation):
    """Reads an outcome of a linear model."""

    takes: ClassVar[tuple[TargetKind, ...]] = (NUMBERS,)


@dataclass(frozen=True, slots=True)
class OfLevels(Mediation):
    """Reads an outcome of two levels."""

    takes: ClassVar[tuple[TargetKind, ...]] = (TWO_LEVELS,)


def _lay_out_bench(
    problem: Problem,
    m: int,
    block: Block | None = None,
    j: int = 0,
    own: tuple[Sequence[int], Sequence[int]] = ((), ()),
) -> Bench:
    """Return exposure, outcome and covariates of a model: on all rows, or those of a protein.

    Parameters
    ----------
    own : which covariates of the protein the models of outcome and mediator have.
    """
    model = problem.models[m]
    there = np.ones(problem.n, dtype=bool) if block is None else block.observed[j]
    values = problem.targets[model.target].values[there]
    sets = (model.adjustment, model.adjustment + len(problem.adjustments) // 2)
    of_outcome, of_mediator = (
        np.column_stack(
            [
                problem.covariates[there][:, problem.adjustments[at].columns],
                *(block.own[j, i][there] for i in columns if block is not None),
            ]
        )
        for at, columns in zip(sets, own, strict=True)
    )
    outcome = values[:, 1] if values.shape[1] == 2 else values[:, 1:]
    return Bench(
        np.ascontiguousarray(values[:, 0]),
        np.ascontiguousarray(outcome),
        of_mediator,
        of_outcome,
        None if problem.clusters is None else problem.clusters[there],
        None if problem.weights is None else problem.weights[there],
    )


def _has_two_values(values: F64) -> bool:
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    return bool(low < high and np.all((values == low) | (values == high)))


def _let_go(counts: F64) -> F64:
    """Stand for the refits of an analysis whose models are no longer held."""
    raise ValueError(f"the models of {counts.shape[-1]} people are let go")


def _count(values: F64) -> int:
    """Count the people whose outcome is 1."""
    return int(np.count_nonzero(values[:, -1] == 1.0))
