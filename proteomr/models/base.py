"""What every regression family takes and gives: problems on arrays, blocks of fits, statuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Literal, Protocol, TypeVar

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.linalg import condition_columns

__all__ = [
    "FIRTH_GIVEN",
    "FIRTH_UNSETTLED",
    "PROFILE_UNSETTLED",
    "Adjustment",
    "Block",
    "Factor",
    "Family",
    "FitBlock",
    "Problem",
    "Status",
    "Test",
    "factors_within",
    "refuse_unfit",
]


FIRTH_GIVEN = "Firth's estimate, profile interval"
FIRTH_UNSETTLED = "Firth's estimate did not settle"
PROFILE_UNSETTLED = "the profile of Firth's estimate did not settle"


class Status(IntEnum):
    """The outcome of one fit; only ``ok`` comes with an estimate.

    ``separated`` comes with one where a penalised estimate was asked for.
    """

    ok = 0
    all_missing = 1
    too_few = 2
    infinite = 3
    untransformed = 4
    constant = 5
    collinear = 6
    separated = 7
    not_converged = 8


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One adjustment set: its label and the positions of its columns, the intercept among them."""

    label: str
    columns: I64


@dataclass(frozen=True, slots=True)
class Test:
    """One exposure under one adjustment set, by position.

    ``term`` is 0 for the main effect and i for its product with the i-th interaction column.
    """

    __test__: ClassVar[bool] = False  # no test class, whatever its name suggests to pytest

    exposure: int
    adjustment: int
    term: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """All that the fits of a scan share, on the n rows where exposures and covariates are complete.

    Attributes
    ----------
    covariates : ``(n, k)``, the union of the adjustment sets; column 0 is the intercept. Held
        in a range that loses no digits (:func:`proteomr.stats.linalg.condition_columns`), which
        changes no fit of another column.
    names : ``(k,)`` names of the columns.
    factors : the factors among them.
    exposures : ``(n, e)``.
    exposure_names : ``(e,)``.
    adjustments : the sets.
    tests : the t pairs of exposure and adjustment to fit.
    own_names : names of the s covariates that each protein has for itself.
    interaction : ``(n, i)``, columns whose products with the term of interest are in the model.
    weights : ``(n,)``, above 0, what each row counts; None for equal weights.
    clusters : ``(n,)``, cluster of each row; None for independent rows.
    notes : what the design left out, in sentences.
    """

    covariates: F64
    names: tuple[str, ...]
    factors: tuple[Factor, ...]
    exposures: F64
    exposure_names: tuple[str, ...]
    adjustments: tuple[Adjustment, ...]
    tests: tuple[Test, ...]
    own_names: tuple[str, ...] = ()
    interaction: F64 | None = None
    weights: F64 | None = None
    clusters: I64 | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Bring the covariates to a range in which every path takes the same ones for aliased."""
        object.__setattr__(self, "covariates", condition_columns(self.covariates)[0])

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.covariates.shape[0])

    def names_of(self, adjustment: int) -> tuple[str, ...]:
        """Names of the columns of an adjustment set."""
        return tuple(self.names[column] for column in self.adjustments[adjustment].columns)


@dataclass(frozen=True, slots=True)
class Block:
    """The proteins of one block on the rows of a problem, transformed.

    Attributes
    ----------
    values : ``(b, n)``, 0 where not observed.
    own : ``(b, s, n)``, each protein's own covariates, 0 where not observed.
    observed : ``(b, n)``, where the protein and its own covariates are there.
    """

    values: F64
    own: F64
    observed: Bool

    def take(self, proteins: Sequence[int] | I64) -> Block:
        """Return the block of some of the proteins."""
        return Block(self.values[proteins], self.own[proteins], self.observed[proteins])


@dataclass(frozen=True, slots=True)
class FitBlock:
    """The fits of a block: all ``(b, t)``; NaN where there is none.

    Attributes
    ----------
    estimate, se : of the exposure (response scan) or the protein (predictor scan).
    df : residual degrees of freedom; infinite for likelihood families, whose statistic is normal.
    n, n_case : rows of the fit; those with the outcome (NaN-free, -1 where the family has none).
    status : :class:`Status` values.
    conf_low, conf_high : set only where an interval is not the Wald interval of estimate and se.
    messages : what is to be said of a fit, by (protein, test).
    """

    estimate: F64
    se: F64
    df: F64
    n: I64
    n_case: I64
    status: I64
    conf_low: F64
    conf_high: F64
    messages: dict[tuple[int, int], str] = field(default_factory=dict)

    @classmethod
    def empty(cls, proteins: int, tests: int) -> FitBlock:
        """Return a block without estimates, every status ``not_converged``."""
        shape = (proteins, tests)
        return cls(
            estimate=np.full(shape, np.nan),
            se=np.full(shape, np.nan),
            df=np.full(shape, np.nan),
            n=np.zeros(shape, dtype=np.int64),
            n_case=np.full(shape, -1, dtype=np.int64),
            status=np.full(shape, int(Status.not_converged), dtype=np.int64),
            conf_low=np.full(shape, np.nan),
            conf_high=np.full(shape, np.nan),
        )

    def refuse(self, protein: int, test: int, status: Status, message: str) -> None:
        """Give a fit a status other than ok, without an estimate."""
        self.estimate[protein, test] = self.se[protein, test] = np.nan
        self.conf_low[protein, test] = self.conf_high[protein, test] = np.nan
        self.status[protein, test] = int(status)
        self.messages[protein, test] = message

    def seal(self) -> FitBlock:
        """Return the block with every ``ok`` that is no finite estimate with an error refused.

        The last gate of every family, whatever path a fit took: an estimate, a standard error above
        0 that has all its digits, and limits that are numbers where they are given.
        """
        smallest = np.finfo(np.float64).tiny
        sound = np.isfinite(self.estimate) & np.isfinite(self.se) & (self.se >= smallest)
        sound &= ~(np.isinf(self.conf_low) | np.isinf(self.conf_high))
        for j, t in np.argwhere((self.status == Status.ok) & ~sound).tolist():
            self.refuse(j, t, Status.not_converged, "no finite estimate with an error above 0")
        return self


State = TypeVar("State")


class Family(Protocol[State]):
    """A regression family: factor once, fit block by block.

    ``scans`` says what the protein is: the ``response`` (protein ~ exposure) or the ``predictor``
    (exposure ~ protein).
    """

    @property
    def name(self) -> str:
        """Name on the command line."""
        ...

    @property
    def scans(self) -> Literal["response", "predictor"]:
        """Whether the protein is the response or the predictor."""
        ...

    def prepare(self, problem: Problem) -> State:
        """Do once what all blocks share."""
        ...

    def fit(self, state: State, block: Block) -> FitBlock:
        """Fit all tests of a problem to a block of proteins."""
        ...


def factors_within(problem: Problem, adjustment: int) -> tuple[Factor, ...]:
    """Return the factors all of whose columns are in an adjustment set."""
    columns = set(problem.adjustments[adjustment].columns.tolist())
    return tuple(f for f in problem.factors if set(f.columns.tolist()) <= columns)


def refuse_unfit(block: Block, fits: FitBlock) -> Bool:
    """Refuse proteins of no values, fewer than three, or one value; return the rest ``(b, t)``."""
    counts = block.observed.sum(axis=1)
    low = np.where(block.observed, block.values, np.inf).min(axis=1, initial=np.inf)
    high = np.where(block.observed, block.values, -np.inf).max(axis=1, initial=-np.inf)
    flat = high - low <= 1e-12 * np.maximum(np.abs(high), np.abs(low))
    verdicts = (
        (counts == 0, Status.all_missing, "the protein is missing on all rows of the fit"),
        (counts < 3, Status.too_few, "fewer than three people on the rows of the fit"),
        (flat, Status.constant, "the protein has one value on the rows of the fit"),
    )
    remaining = np.ones(fits.n.shape, dtype=bool)
    for refused, status, message in verdicts:
        for j in np.flatnonzero(refused & remaining[:, 0]).tolist():
            for t in range(fits.n.shape[1]):
                fits.refuse(j, t, status, message)
            remaining[j] = False
    return remaining
