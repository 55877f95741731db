"""What a family of regressions is: its facts, what it can be asked for, and how it is fitted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

import numpy as np

from proteomr._typing import I64
from proteomr.errors import ColumnError
from proteomr.families import LISTED_FAMILIES
from proteomr.models.base import Block, FitBlock, Layout, Problem
from proteomr.models.cells import order_rows
from proteomr.models.further import Further, JointTest
from proteomr.models.iv_options import IvOptions
from proteomr.models.mixed_options import MixedOptions
from proteomr.models.moderation_options import ModerationOptions
from proteomr.models.ordinal_options import OrdinalOptions
from proteomr.models.permutations import Permutations
from proteomr.models.survival_options import SurvivalOptions
from proteomr.models.targets import Role, Target, TargetColumn, TargetKind
from proteomr.models.weighting import WeightKind
from proteomr.stats.sandwich import ErrorKind
from proteomr.stats.sentinels import seems_code

__all__ = [
    "Distribution",
    "Family",
    "FirthUse",
    "FitOptions",
    "Ratio",
    "Scans",
    "Support",
    "list_tables",
]

Scans: TypeAlias = Literal["response", "predictor"]
Distribution: TypeAlias = Literal["t", "normal"]
Ratio: TypeAlias = Literal["OR", "RR", "HR"]
FirthUse: TypeAlias = Literal["separated", "always"]
State = TypeVar("State")

_MOST_LEVELS = 20  # of groups that are each a response
_LEVELS_SHOWN = 5  # many levels may be identifiers of people, which no message may carry


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What is asked of a family beside its models.

    Attributes
    ----------
    errors : kind of standard error.
    firth : give Firth's penalised estimate in fits that are separated (also: true), or in all.
    level : coverage of intervals that are not Wald's.
    iv : instruments and their estimator.
    coefficients : give all coefficients of every model.
    mixed : random effects.
    weight_kind : what a person's weight means.
    moderation : empirical Bayes over proteins, correlated blocks, contrasts of levels.
    ordinal : of ordered levels.
    further : what is asked beside the estimates.
    permutations : of people.
    survival : of outcomes that happen at a time.
    """

    errors: ErrorKind = "classical"
    firth: FirthUse | bool = False
    level: float = 0.95
    iv: IvOptions = field(default_factory=IvOptions)
    coefficients: bool = False
    mixed: MixedOptions = field(default_factory=MixedOptions)
    weight_kind: WeightKind = "precision"
    moderation: ModerationOptions = field(default_factory=ModerationOptions)
    ordinal: OrdinalOptions = field(default_factory=OrdinalOptions)
    further: Further = field(default_factory=Further)
    permutations: Permutations = field(default_factory=Permutations)
    survival: SurvivalOptions = field(default_factory=SurvivalOptions)


@dataclass(frozen=True, slots=True)
class Support:
    """What a family can be asked for.

    Attributes
    ----------
    roles : of the targets.
    errors : kinds of standard error with equal weights.
    weighted_errors : those that it has with weights; none where it takes no weights.
    weight_kinds : what weights may mean, where it takes any.
    whole_copies : joint tests and tables of coefficients with frequency weights.
    interaction : products of the term of interest with a covariate.
    firth : Firth's estimate.
    own_covariates : covariates that each protein has for itself.
    outcome_transform : transforms of continuous outcomes within the rows of each fit.
    ordered : exposures whose levels are steps of a scale.
    instruments : instruments of an endogenous variable, without which it has no estimate.
    coefficients : all coefficients of every model.
    random_effects : of grouping factors, or of relatedness; what has them needs them.
    moderation : empirical Bayes over the residual variances of proteins.
    absorbed : effects of many levels taken out of all columns.
    ordinal : a link, an order of levels, and tests of parallel slopes.
    joint_tests : tests that the protein or the exposure has no effect, where they are asked for.
    nonlinear : a spline in the place of a line.
    additive : interaction on the additive scale.
    permutations : p values by permutation of people.
    baseline : a baseline hazard for each stratum.
    survival : names of the options that are not their defaults in :class:`SurvivalOptions` alone.
    exact_ties : the exact likelihood of events at one time.
    add_one : by how much estimates change as covariates are added one at a time.
    """

    roles: tuple[Role, ...]
    errors: tuple[ErrorKind, ...] = ("classical",)
    weighted_errors: tuple[ErrorKind, ...] = ()
    weight_kinds: tuple[WeightKind, ...] = ("precision",)
    whole_copies: bool = False
    interaction: bool = False
    firth: bool = False
    own_covariates: bool = False
    outcome_transform: bool = False
    ordered: bool = False
    instruments: bool = False
    coefficients: bool = False
    random_effects: bool = False
    moderation: bool = False
    absorbed: bool = False
    ordinal: bool = False
    joint_tests: tuple[JointTest, ...] = ()
    nonlinear: bool = False
    additive: bool = False
    permutations: bool = False
    baseline: bool = False
    survival: tuple[str, ...] = ()
    exact_ties: bool = False
    add_one: bool = False


@dataclass(frozen=True, slots=True)
class Family(ABC, Generic[State]):
    """A family of regressions: factor once, fit block by block.

    A class for each family says what it is; an object of it holds what it was asked for.

    Attributes
    ----------
    options : what is asked of it.
    name : on the command line and in tables.
    scans : where the protein stands beside an exposure, as the ``response`` (protein ~ exposure)
        or the ``predictor`` (exposure ~ protein). Beside an outcome it is always the predictor.
    takes : kinds of target, the first that suits a column being what it is read as.
    distribution : of estimate over standard error without an effect.
    ratio : what the exponential of an estimate is; None where it is nothing.
    supports : what it can be asked for.
    shares_rows : whether targets with the same rows are fitted together; no where the order of the
        rows is the target's own.
    of_events : whether the information of its data is counted in events rather than people, as R's
        packages count that of models of times.
    version : counts the changes of its formulas that change numbers.
    """

    options: FitOptions = field(default_factory=FitOptions)

    name: ClassVar[str]
    scans: ClassVar[Scans]
    takes: ClassVar[tuple[TargetKind, ...]]
    distribution: ClassVar[Distribution]
    ratio: ClassVar[Ratio | None]
    supports: ClassVar[Support]
    shares_rows: ClassVar[bool] = True
    of_events: ClassVar[bool] = False
    version: ClassVar[int] = 1

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the further tables that its fits give: the keys of :attr:`FitBlock.details`."""
        return list_tables(self.options)

    @classmethod
    def side_of_protein(cls, role: Role) -> Scans:
        """Return whether the protein is the response or the predictor beside a target."""
        return cls.scans if role == "exposure" else "predictor"

    @classmethod
    def direction(cls, role: Role) -> str:
        """Return the two sides of a model, as tables name them."""
        return f"protein~{role}" if cls.side_of_protein(role) == "response" else f"{role}~protein"

    @classmethod
    def read_target(cls, column: TargetColumn) -> Target:
        """Make a target of a column, by the first kind of the family that it is of.

        Raises
        ------
        ColumnError
            The column is of no kind that the family takes.
        """
        for kind in cls.takes:
            target = kind.read(column)
            if target is not None:
                return target
        few = column.n_levels <= _LEVELS_SHOWN
        shown = f" ({', '.join(column.levels)})" if few else ""
        needs = " or ".join(kind.needs for kind in cls.takes if column.role in kind.roles)
        raise ColumnError(
            f"{column.role} {column.name!r} has {column.n_levels} levels{shown}: "
            f"it needs {needs} for the {cls.name} family{_say_remedy(column)}"
        )

    def ratio_of(self, target: Target) -> Ratio | None:
        """Return what the exponential of an estimate of a target's models is; None for nothing."""
        del target  # here the same for all
        return self.ratio

    def check_targets(self, targets: Sequence[Target]) -> None:
        """Refuse targets that what is asked of the family is not for; here none.

        Raises
        ------
        UsageError
            A target is of another kind.
        """

    def order(self, layout: Layout) -> I64:
        """Return the order in which the family wants the rows of a problem.

        Here: the cells of the factors contiguous, otherwise as they are.
        """
        return order_rows(layout.factors, layout.n)

    @abstractmethod
    def prepare(self, problem: Problem) -> State:
        """Do once what all blocks share."""

    def fit(self, state: State, block: Block) -> FitBlock:
        """Fit all models of a problem to a block of proteins; every ok is a finite estimate."""
        return self.fit_block(state, block).seal()

    @abstractmethod
    def fit_block(self, state: State, block: Block) -> FitBlock:
        """Fit all models of a problem to a block of proteins, before the last gate."""

    @abstractmethod
    def describe_path(self, state: State) -> str:
        """Say in words on which path the fits of a prepared problem go."""


AnyFamily: TypeAlias = Family[Any]


def list_tables(options: FitOptions) -> tuple[str, ...]:
    """Return the names of the further tables that any family may be asked for."""
    asked = {
        "coefficients": options.coefficients,
        "additive_interaction": options.further.additive,
        "covariate_changes": options.further.add_one != "",
    }
    return tuple(name for name, given in asked.items() if given)


def _say_remedy(column: TargetColumn) -> str:
    """Say which of a few levels seem to stand for a missing value, how two are made, and which
    families take more.
    """
    able = [f"{name} takes {of.levels}" for name, of in LISTED_FAMILIES.items() if of.levels]
    others = f"; --family {', '.join(able)}"
    two = "; make a column of two levels, and leave the others empty"
    if column.n_levels > _LEVELS_SHOWN:
        return others if column.n_levels <= _MOST_LEVELS else ""
    if column.numbers is None:
        return two + others
    levels = np.unique(column.numbers[~np.isnan(column.numbers)])
    codes = [label for label, value in zip(column.levels, levels, strict=True) if seems_code(value)]
    if not codes or column.n_levels - len(codes) != 2:
        return two + others
    verb = "means" if len(codes) == 1 else "mean"
    return f"; leave the cell empty where {' or '.join(codes)} {verb} missing"
