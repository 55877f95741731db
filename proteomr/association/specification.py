"""What a scan asks: family, exposures, adjustment sets, transform and how its tests are counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from proteomr.design import Formula, parse_sets
from proteomr.errors import UsageError, nearest
from proteomr.stats.sandwich import CLUSTERED, ErrorKind
from proteomr.stats.transforms import TRANSFORMS, Transform

__all__ = ["FAMILY_NAMES", "FamilyName", "ModelSpec", "TestFamily"]

FamilyName = Literal["linear", "logistic"]
TestFamily = Literal["joint", "exposure"]
FAMILY_NAMES: tuple[str, ...] = get_args(FamilyName)
_UNADJUSTED = {"unadjusted": "1"}


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A scan of all proteins, validated.

    Attributes
    ----------
    family : ``linear`` fits ``protein ~ exposure``, ``logistic`` fits ``exposure ~ protein``.
    exposures : columns of the samples.
    adjust : adjustment sets by label, in the grammar of :mod:`proteomr.design`; a label may be used
        in later sets.
    transform : of the protein, within the complete cases of each fit.
    strata : column whose levels are analysed one by one; None for everybody together.
    firth : Firth's penalised estimate where a logistic fit is separated.
    test_family : what multiple testing spans within an adjustment set and stratum: all exposures
        jointly, or each.
    interaction : covariate whose product with the term of interest is in every model, beside its
        main effect.
    errors : kind of standard error; the robust ones as R's sandwich, the clustered ones as
        clubSandwich.
    cluster : column of the samples that names each person's cluster, for the clustered kinds.
    weights : column of the samples with each person's weight, above 0.
    level : coverage of the confidence intervals.

    Raises
    ------
    UsageError
        Options that contradict one another or name nothing.
    FormulaError
        An adjustment set outside the grammar.

    Examples
    --------
    >>> ModelSpec("logistic", ("isolation",), {"simple": "age + sex"}).direction
    'exposure~protein'
    """

    family: FamilyName
    exposures: tuple[str, ...]
    adjust: Mapping[str, str] = field(default_factory=lambda: dict(_UNADJUSTED))
    transform: Transform = "rint"
    strata: str | None = None
    firth: bool = False
    test_family: TestFamily = "joint"
    interaction: str | None = None
    errors: ErrorKind = "classical"
    cluster: str | None = None
    weights: str | None = None
    level: float = 0.95

    def __post_init__(self) -> None:
        _check_choice("family", self.family, FAMILY_NAMES)
        _check_choice("transform", self.transform, TRANSFORMS)
        _check_choice("test family", self.test_family, get_args(TestFamily))
        if not self.exposures:
            raise UsageError("no exposure given: name at least one column of the samples")
        repeated = [name for name in self.exposures if self.exposures.count(name) > 1]
        if repeated:
            raise UsageError(f"exposure {repeated[0]!r} is given twice")
        if not self.adjust:
            raise UsageError('no adjustment set given: "1" adjusts for nothing')
        if self.firth and self.family != "logistic":
            raise UsageError(f"--firth goes with the logistic family, not with {self.family}")
        self._check_errors()
        if self.interaction is not None and self.interaction in self.exposures:
            raise UsageError(f"{self.interaction!r} is an exposure and the interaction")
        if not 0.5 <= self.level < 1.0:
            raise UsageError(f"the level of the intervals is {self.level}, and must be in [0.5, 1)")
        self.formulas()

    def _check_errors(self) -> None:
        _check_choice("kind of standard error", self.errors, get_args(ErrorKind))
        if (self.errors in CLUSTERED) != (self.cluster is not None):
            raise UsageError(
                f"standard errors {', '.join(CLUSTERED)} and a cluster column go together: "
                f"{self.errors} with cluster {self.cluster!r}"
            )
        if self.errors == "CR2" and self.family == "logistic":
            raise UsageError("CR2 is for the linear family: use CR1 for logistic")
        if self.errors == "CR2" and self.weights is not None:
            raise UsageError("CR2 is for equal weights: use CR1 with weights")
        if self.firth and (self.errors != "classical" or self.weights is not None):
            raise UsageError("Firth's estimate has neither robust errors nor weights")

    @property
    def direction(self) -> str:
        """Which side of the model the protein stands on."""
        return "protein~exposure" if self.family == "linear" else "exposure~protein"

    @property
    def one_by_one(self) -> bool:
        """Whether the models are beyond the mass paths, so that every fit is done by itself."""
        return (
            self.interaction is not None or self.errors != "classical" or self.weights is not None
        )

    def formulas(self) -> dict[str, Formula]:
        """Return the parsed adjustment sets by label."""
        return parse_sets(self.adjust)

    def to_dict(self) -> dict[str, object]:
        """Return the specification as JSON values, the adjustment sets as pairs in their order."""
        facts = asdict(self)
        facts["exposures"] = list(self.exposures)
        facts["adjust"] = [[label, text] for label, text in self.adjust.items()]
        return facts

    @classmethod
    def from_dict(cls, facts: Mapping[str, object]) -> ModelSpec:
        """Return the specification that :meth:`to_dict` wrote."""
        known: dict[str, Any] = dict(facts)
        exposures = tuple(known.pop("exposures"))
        if "adjust" in known:
            known["adjust"] = dict(known["adjust"])
        return cls(exposures=exposures, **known)


def _check_choice(what: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        hint = nearest(given, known) or f": one of {', '.join(known)}"
        raise UsageError(f"there is no {what} {given!r}{hint}")
