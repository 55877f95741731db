"""What curves of survival are asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import ClassVar, Literal, TypeAlias

from proteomr.errors import UsageError, nearest
from proteomr.io import PeopleChoice, ProteinChoice
from proteomr.runs import Request, Source
from proteomr.scan import FollowUp, FollowUpOptions
from proteomr.stats.kaplan_meier import LIMITS, LimitKind
from proteomr.tables import load_schema

__all__ = ["ALL_PROTEINS", "CURVE_TABLES", "CurveOptions", "CurvesRequest", "StepKind"]

StepKind: TypeAlias = Literal["events", "all"]
ALL_PROTEINS = "all"
"""Stands for every protein there is where proteins are named."""
CURVE_TABLES = ("curves", "curve_times", "groups", "logrank", "medians", "rmst", "rates")
"""Tables that curves always have; with competing events two more."""
COMPETING_TABLES = ("cumulative_incidence", "gray")
_VERSION = 3  # 3: times tie by their mean size alone
_STEPS = ("events", "all")
_TESTS = ("joint", "exposure")
_MOST_QUANTILES = 20
_ERRORS = ("classical", "robust")


@dataclass(frozen=True, slots=True)
class CurveOptions:
    """Which people are held against one another, and how.

    Attributes
    ----------
    proteins : names of proteins, or ``all``, whose values make the groups.
    by : column of the samples whose levels are the groups, instead.
    quantiles : number of groups of a protein; one with no more distinct values has a group each.
    conf_type : scale of the limits; None for log, and for log-log of samples that were multiply
        imputed, which are pooled on it.
    rho : power of survival that weights the log-rank and Gray's test; 1 for Peto and Peto's.
    tau : end of the restricted mean; None for the last time that all groups are followed to.
    times : at which numbers at risk and survival are read off; none for some round ones.
    levels : of survival whose times are told beside the median.
    steps : which times the curves have: those with events, or every end of follow-up.
    strata : column within whose levels the tests compare.
    weights, cluster : columns.
    errors : of curves and means; None for robust ones with clusters, and with weights that are not
        whole, as survfit.
    level : coverage of the limits.
    tests : what multiple testing spans: all tests jointly, or those of each outcome by itself.
    begin : time from which survival is followed, of those still under observation then.

    Raises
    ------
    UsageError
        Nothing to compare is named, or a choice that there is not.

    Examples
    --------
    >>> CurveOptions(("GDF15",)).quantiles
    4
    """

    proteins: tuple[str, ...] = ()
    by: str | None = None
    quantiles: int = 4
    conf_type: LimitKind | None = None
    rho: float = 0.0
    tau: float | None = None
    times: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    steps: StepKind = "events"
    strata: str | None = None
    weights: str | None = None
    cluster: str | None = None
    errors: Literal["classical", "robust"] | None = None
    level: float = 0.95
    tests: Literal["joint", "exposure"] = "joint"
    begin: float = 0.0

    def __post_init__(self) -> None:
        if bool(self.proteins) == (self.by is not None):
            raise UsageError(
                "curves are of groups: name proteins (--curves NAME,NAME), or a column of the "
                "samples (--by NAME), one of the two"
            )
        if len(set(self.proteins)) < len(self.proteins):
            raise UsageError("--curves: each protein once")
        if not 2 <= self.quantiles <= _MOST_QUANTILES:
            raise UsageError(
                f"--quantiles {self.quantiles}: 2 to {_MOST_QUANTILES} groups are possible"
            )
        self._refuse_unknown()
        if self.errors == "classical" and self.cluster is not None:
            raise UsageError("--cluster is for robust errors: leave out --se classical")
        self._refuse_numbers()

    @property
    def scale(self) -> LimitKind:
        """The scale of the limits of one table of people."""
        return self.conf_type or "log"

    def _refuse_unknown(self) -> None:
        _check(self.scale, LIMITS, "limits of the kind")
        _check(self.steps, _STEPS, "steps of the kind")
        _check(self.tests, _TESTS, "families of tests")
        if self.errors is not None:
            _check(self.errors, _ERRORS, "errors of the kind")

    def _refuse_numbers(self) -> None:
        if not 0.0 <= self.rho < float("inf"):
            raise UsageError(f"--rho {self.rho:g}: 0 or more is needed")
        if not 0.0 <= self.begin < float("inf"):
            raise UsageError(f"--begin {self.begin:g}: a time of 0 or more is needed")
        if self.tau is not None and not self.begin < self.tau < float("inf"):
            raise UsageError(f"--tau {self.tau:g}: a time above {self.begin:g} is needed")
        if not 0.5 <= self.level < 1.0:
            raise UsageError(f"the level of the intervals is {self.level}, and must be in [0.5, 1)")
        if any(not 0.0 < level < 1.0 for level in self.levels):
            raise UsageError(f"--survival-levels {self.levels}: shares between 0 and 1 are needed")
        if any(not low < high for low, high in pairwise((-1.0, *self.times, float("inf")))):
            raise UsageError(f"--times {self.times}: times of 0 or more that ascend are needed")


def _check(choice: str, choices: tuple[str, ...], what: str) -> None:
    if choice not in choices:
        hint = nearest(choice, choices) or f": one of {', '.join(choices)}"
        raise UsageError(f"there are no {what} {choice!r}{hint}")


@dataclass(frozen=True, slots=True)
class CurvesRequest(Request):
    """All that determines the numbers of curves.

    Attributes
    ----------
    samples, proteins : as of a scan; no proteins where a column of the samples makes the groups.
    follow_up : the outcomes, and which of their events count.
    curves : groups and options.
    withdrawn, id_column, sample_columns, people, chosen_proteins, assays : as of a scan.
    several_lags : times from the beginning in which events do not count, each with curves of its
        own; none for that of the follow-up alone.
    """

    command: ClassVar[str] = "survive"

    samples: Source
    proteins: tuple[Source, ...]
    follow_up: FollowUpOptions
    curves: CurveOptions
    withdrawn: Source | None = None
    id_column: str | None = None
    sample_columns: tuple[str, ...] = ()
    assays: Source | None = None
    people: PeopleChoice = field(default_factory=PeopleChoice)
    chosen_proteins: ProteinChoice | None = None
    several_lags: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.several_lags)) < len(self.several_lags):
            each = ", ".join(f"{lag:g}" for lag in self.several_lags)
            raise UsageError(f"lags {each}: each once")
        if not self.follow_up.outcomes:
            raise UsageError(
                "no outcome given: --outcome NAME (with a column NAME_years), or --time and --event"
            )
        if self.follow_up.person is not None:
            self._refuse_spells()
        for outcome in self.follow_up.outcomes:
            self._refuse_own(outcome)
        if self.chosen_proteins is not None and self.curves.proteins != (ALL_PROTEINS,):
            raise UsageError("--proteins chooses among all: give it with --curves all")

    def _refuse_spells(self) -> None:
        """Refuse what spells cannot serve."""
        if any(outcome.entry is None for outcome in self.follow_up.outcomes):
            raise UsageError("spells need the column of when each begins: --start NAME")
        if not self.proteins:
            raise UsageError("spells with --by: give PROTEINS, too; people are those who have them")
        if self.several_lags:
            raise UsageError("a lag is of one row for each person: leave it out with spells")

    def _refuse_own(self, outcome: FollowUp) -> None:
        """Refuse groups, strata or clusters by a column that the outcome itself is read from."""
        curves = self.curves
        for option, name in (
            ("--by", curves.by),
            ("--strata-baseline", curves.strata),
            ("--weights", curves.weights),
            ("--cluster", curves.cluster),
        ):
            if name in outcome.columns:
                raise UsageError(f"{option} {name}: is of the outcome {outcome.event!r} itself")

    @property
    def lags(self) -> tuple[float, ...]:
        """The lags, each with curves of its own."""
        return self.several_lags or (self.follow_up.lag,)

    @property
    def follow_ups(self) -> tuple[FollowUpOptions, ...]:
        """The outcomes with each lag."""
        return tuple(replace(self.follow_up, lag=lag) for lag in self.lags)

    @property
    def competing(self) -> bool:
        """Whether there may be several kinds of event."""
        return self.follow_up.event_code is not None

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables."""
        return (*CURVE_TABLES, *(COMPETING_TABLES if self.competing else ()))

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of the curves and their tables."""
        return {"curves": _VERSION, **{name: load_schema(name).version for name in self.tables}}
