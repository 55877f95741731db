"""What every regression family takes and gives: problems on arrays, blocks of fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from types import ModuleType

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.absorbed import Absorbed
from proteomr.models.fits import Fit, FitBlock, JointTests, Refusal
from proteomr.models.random_effects import RandomEffects
from proteomr.models.targets import Target
from proteomr.models.weighting import WeightKind
from proteomr.stats.linalg import FLAT, condition_columns, find_powers
from proteomr.stats.loops import COMPILED_FROM, load_loops
from proteomr.stats.workspace import workspace
from proteomr.status import Status

__all__ = [
    "Adjustment",
    "Block",
    "Coefficient",
    "Factor",
    "Fit",
    "FitBlock",
    "JointTests",
    "Layout",
    "Model",
    "OwnInstruments",
    "Problem",
    "Refusal",
    "count_cases",
    "factors_within",
    "refuse_unfit",
]

# Two people are always on a line: a slope with an error needs a third.
_LEAST_PEOPLE = 3


@dataclass(frozen=True)
class Factor:
    """A factor among the covariates.

    Attributes
    ----------
    codes : ``(n,)`` level of each row, 0 the reference.
    columns : positions of its dummy columns, of level 1, 2, ... in turn.
    """

    name: str
    codes: I64
    columns: I64

    @cached_property
    def people(self) -> I64:
        """How many rows each level has."""
        return np.bincount(self.codes)


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One adjustment set: its label and the positions of its columns, the intercept among them.

    Attributes
    ----------
    base : those of its columns that a smaller set has, where it is that set with a covariate more;
        None for a set by itself.
    """

    label: str
    columns: I64
    base: I64 | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """One target under one adjustment set, by position."""

    target: int
    adjustment: int


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One coefficient of interest, by position: of a model, a contrast of its target, and a term.

    ``term`` is 0 for the main effect and i for its product with the i-th interaction column.
    """

    model: int
    contrast: int = 0
    term: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """What a family may order the n rows of a problem by.

    Attributes
    ----------
    factors : those that all adjustment sets have as main effects.
    targets : on the rows.
    baseline : ``(n,)``, stratum of the baseline of each row; None for one baseline.
    """

    n: int
    factors: tuple[Factor, ...]
    targets: tuple[Target, ...]
    baseline: I64 | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """All that the fits of a scan share, on the n rows where targets and covariates are complete.

    Attributes
    ----------
    covariates : ``(n, k)``, the union of the adjustment sets; column 0 is the intercept. Held
        in a range that loses no digits (:func:`proteomr.stats.linalg.condition_columns`), which
        changes no fit of another column.
    names : ``(k,)`` names of the columns.
    factors : the factors among them.
    targets : the exposures and outcomes, on the rows.
    adjustments : the sets.
    models : the m pairs of target and adjustment to fit.
    own_names : names of the s covariates that each protein has for itself.
    interaction : ``(n, i)``, columns whose products with the term of interest are in the model;
        every adjustment set has their own effects.
    weights : ``(n,)``, above 0, what each row counts; None for equal weights.
    weight_kind : what a weight means.
    clusters : ``(n,)``, cluster of each row; None for independent rows.
    instruments : ``(n, q)``, of the endogenous variable of all models; None without any.
    instrument_names : names of them.
    notes : what the design left out, in sentences.
    scales, shifts : ``(k,)``, by which covariates as they were measured are those here, times the
        scale and plus the shift; None for those of the covariates handed in.
    random : random effects on the rows; None without.
    blocks : ``(n,)``, block of each row within which residuals are correlated; None without.
    correlations : ``(m,)``, that correlation, of each model.
    absorbed : effects that are taken out of all columns; the intercept is among them.
    people : ``(n,)``, positions of the people in the cohort; None where they are all in order.
    cohort : number of people in the cohort.
    baseline : ``(n,)``, stratum of the baseline hazard of each row; None for one baseline.
    persons : ``(n,)``, whose row it is, where a person may have several; None where each has one.
    """

    covariates: F64
    names: tuple[str, ...]
    factors: tuple[Factor, ...]
    targets: tuple[Target, ...]
    adjustments: tuple[Adjustment, ...]
    models: tuple[Model, ...]
    own_names: tuple[str, ...] = ()
    interaction: F64 | None = None
    weights: F64 | None = None
    clusters: I64 | None = None
    instruments: F64 | None = None
    instrument_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    scales: F64 | None = None
    shifts: F64 | None = None
    random: RandomEffects | None = None
    weight_kind: WeightKind = "precision"
    absorbed: Absorbed | None = None
    blocks: I64 | None = None
    correlations: F64 | None = None
    people: I64 | None = None
    cohort: int = 0
    baseline: I64 | None = None
    persons: I64 | None = None

    def __post_init__(self) -> None:
        """Bring the covariates to a range in which every path takes the same ones for aliased."""
        covariates, scales = condition_columns(self.covariates)
        shifts = np.zeros(scales.size)
        if self.n:
            shifts = self.covariates[0] - covariates[0] * scales
        if self.scales is not None and self.shifts is not None:
            shifts, scales = shifts * self.scales + self.shifts, scales * self.scales
        for name, value in (("covariates", covariates), ("scales", scales), ("shifts", shifts)):
            object.__setattr__(self, name, value)

    @property
    def units(self) -> F64:
        """Shifts and scales ``(2, k)`` that bring the covariates back to those of the data."""
        return np.array([self.shifts, self.scales], dtype=np.float64)

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.covariates.shape[0])

    @property
    def terms(self) -> int:
        """Coefficients of each contrast: the main effect, and one for each interaction column."""
        return 1 if self.interaction is None else 1 + self.interaction.shape[1]

    @property
    def coefficients(self) -> tuple[Coefficient, ...]:
        """The c coefficients of interest, in the order of the columns of a :class:`FitBlock`."""
        return tuple(
            Coefficient(m, contrast, term)
            for m, model in enumerate(self.models)
            for contrast in range(len(self.targets[model.target].contrasts))
            for term in range(self.terms)
        )

    @property
    def column_scales(self) -> F64:
        """The scales, which a problem has once it is made."""
        return np.asarray(self.scales)

    @property
    def effects(self) -> RandomEffects:
        """The random effects, of a problem that has some."""
        if self.random is None:
            raise ValueError("a problem without random effects")
        return self.random

    @property
    def first_coefficients(self) -> I64:
        """Position of the first coefficient of each model ``(m,)``."""
        widths = [len(self.targets[model.target].contrasts) * self.terms for model in self.models]
        return np.cumsum([0, *widths], dtype=np.int64)[:-1]

    def names_of(self, adjustment: int) -> tuple[str, ...]:
        """Names of the columns of an adjustment set."""
        return tuple(self.names[column] for column in self.adjustments[adjustment].columns)


@dataclass(frozen=True, slots=True)
class OwnInstruments:
    """Instruments that a protein has for itself, on the rows of a problem.

    Attributes
    ----------
    names : of the q instruments.
    values : ``(q, n)``, NaN where missing.
    """

    names: tuple[str, ...]
    values: F64


@dataclass(frozen=True)
class Block:
    """The proteins of one block on the rows of a problem, transformed.

    Attributes
    ----------
    values : ``(b, n)``, 0 where not observed.
    own : ``(b, s, n)``, each protein's own covariates, 0 where not observed.
    observed : ``(b, n)``, where the protein and its own covariates are there.
    instruments : of each protein for itself; empty where the problem has them for all, or none.
    ends : ``(b,)`` twice, the lowest and the highest observed value, where they are known.
    """

    values: F64
    own: F64
    observed: Bool
    instruments: tuple[OwnInstruments, ...] = ()
    ends: tuple[F64, F64] | None = None

    @cached_property
    def counts(self) -> I64:
        """People that each protein observes ``(b,)``."""
        return np.array([np.count_nonzero(row) for row in self.observed], dtype=np.int64)

    @cached_property
    def missing(self) -> tuple[I64, ...]:
        """Positions ``(b,)`` of the people whom each protein lacks, ascending."""
        where, starts = self.all_missing
        return tuple(where[start:stop] for start, stop in pairwise(starts.tolist()))

    @cached_property
    def all_missing(self) -> tuple[I64, I64]:
        """The people whom each protein lacks, one's after another's, and where each's begin."""
        where, starts = self.loops.list_missing(self.observed)
        return where, starts

    @cached_property
    def ranges(self) -> tuple[F64, F64]:
        """The lowest and highest observed value of each protein ``(b,)``; infinite without any."""
        if self.ends is not None:
            return self.ends
        low, high = self.loops.find_ranges(self.values, self.observed)
        return low, high

    def take(self, proteins: Sequence[int] | I64) -> Block:
        """Return the block of some of the proteins."""
        instruments = tuple(self.instruments[j] for j in proteins) if self.instruments else ()
        return Block(
            self.values[proteins], self.own[proteins], self.observed[proteins], instruments
        )

    def standardise(self) -> tuple[Block, F64]:
        """Return the block centred and scaled over the rows observed, and the proteins' scales.

        A row that is constant to rounding is 0, and so is the scale of such a protein. The arrays
        are the thread's own, and hold until it standardises the next block.
        """
        values = workspace.take("standardised", self.values.shape, np.float64)
        own = workspace.take("standardised own", self.own.shape, np.float64)
        scale = self._standardise(self.values, self.observed, self.ranges, values)
        b, s, n = own.shape
        if own.size:
            columns, there = self.own.reshape(b * s, n), np.repeat(self.observed, s, axis=0)
            ends = self.loops.find_ranges(columns, there)
            self._standardise(columns, there, ends, own.reshape(b * s, n))
        return Block(values, own, self.observed), scale

    def _standardise(self, rows: F64, observed: Bool, ranges: tuple[F64, F64], out: F64) -> F64:
        largest = np.maximum(*np.abs(ranges))
        powers = find_powers(np.where(np.isfinite(largest), largest, 0.0))  # infinite: no values
        scale: F64 = self.loops.standardise_rows(rows, observed, powers, out)
        return scale

    @property
    def loops(self) -> ModuleType:
        """Loops over rows of as many people, see :mod:`proteomr.stats.observed_loops`."""
        return load_loops("observed", compiled=self.values.shape[1] >= COMPILED_FROM)


def factors_within(problem: Problem, adjustment: int) -> tuple[Factor, ...]:
    """Return the factors all of whose columns are in an adjustment set."""
    columns = set(problem.adjustments[adjustment].columns.tolist())
    return tuple(f for f in problem.factors if set(f.columns.tolist()) <= columns)


def count_cases(problem: Problem, block: Block) -> I64:
    """Count the people with the second level in the fit of each coefficient ``(b, c)``.

    Of several levels, those with the one that a contrast holds against another; -1 stands for a
    target that has no levels and whose values are not 0 and 1.
    """
    missing, starts = block.all_missing
    by_target = {
        position: block.loops.count_levels(target.level_of, missing, starts)
        for position, target in enumerate(problem.targets)
        if target.level_of is not None
    }
    coefficients = problem.coefficients
    counts = np.full((block.values.shape[0], len(coefficients)), -1, dtype=np.int64)
    for t, coefficient in enumerate(coefficients):
        position = problem.models[coefficient.model].target
        of_levels, pairs = by_target.get(position), problem.targets[position].pairs
        if of_levels is not None:
            level = pairs[coefficient.contrast][0] if pairs else coefficient.contrast + 1
            counts[:, t] = of_levels[:, level] if level < of_levels.shape[1] else 0
    return counts


def refuse_unfit(block: Block, fits: FitBlock) -> Bool:
    """Refuse proteins of no values, fewer than three, or one value; return the rest ``(b, c)``."""
    counts = block.counts
    low, high = block.ranges
    flat = high - low <= FLAT * np.maximum(np.abs(high), np.abs(low))
    verdicts = (
        (counts == 0, Status.all_missing, "the protein is missing on all rows of the fit"),
        (
            counts < _LEAST_PEOPLE,
            Status.too_few,
            "fewer than three people on the rows of the fit",
        ),
        (flat, Status.constant, "the protein has one value on the rows of the fit"),
    )
    remaining = np.ones(fits.n.shape, dtype=bool)
    for refused, status, message in verdicts:
        for j in np.flatnonzero(refused & remaining[:, 0]).tolist():
            for t in range(fits.n.shape[1]):
                fits.refuse(j, t, status, message)
            remaining[j] = False
    return remaining
