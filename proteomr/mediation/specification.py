"""What a mediation analysis is asked, checked before any file is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self, TypeAlias, get_args

from proteomr.association.asked import refuse_no_sets
from proteomr.design import Formula, parse_sets
from proteomr.errors import UsageError, nearest
from proteomr.scan import FollowUpOptions
from proteomr.stats.transforms import TRANSFORMS, Transform

__all__ = [
    "BOOTSTRAPS",
    "METHODS",
    "OUTCOME_FAMILIES",
    "Bootstrap",
    "CompositeTest",
    "MediationSpec",
    "Method",
    "OutcomeFamily",
]

Method: TypeAlias = Literal["product", "perm", "counterfactual", "four-way"]
OutcomeFamily: TypeAlias = Literal["linear", "logit", "probit", "cox", "aalen"]
Bootstrap: TypeAlias = Literal["influence", "refit", "monte-carlo"]
CompositeTest: TypeAlias = Literal["hdmt", "dact"]
METHODS: tuple[Method, ...] = get_args(Method)
OUTCOME_FAMILIES: tuple[OutcomeFamily, ...] = get_args(OutcomeFamily)
BOOTSTRAPS: tuple[Bootstrap, ...] = get_args(Bootstrap)
# The families of outcomes of each method, the usual one first.
_FAMILIES: Mapping[str, tuple[OutcomeFamily, ...]] = {
    "product": ("linear", "logit", "probit"),
    "four-way": ("linear", "logit", "probit"),
    "perm": ("cox",),
    "counterfactual": ("aalen", "cox"),
}
_UNADJUSTED: Mapping[str, str] = {"unadjusted": "1"}
_DRAWS = 1000
# Stands for a set of the mediator's model, in which those of the outcome's may be named.
_OF_MEDIATOR = "set of the mediator"
_FEWEST_DRAWS = 20


@dataclass(frozen=True, slots=True)
class MediationSpec:
    """What is asked of exposures, proteins as mediators, and outcomes.

    Attributes
    ----------
    method : ``product`` of two regressions; ``four-way`` decomposition; ``perm``, the percentage of
        an excess hazard that goes with adjustment; ``counterfactual`` effects by weighting.
    exposures : columns of the samples, of two levels or numbers.
    outcomes : columns of the samples, for ``product`` and ``four-way``.
    follow_up : outcomes that happen at a time, for ``perm`` and ``counterfactual``.
    adjust : adjustment sets by label; a label may be used in later sets.
    adjust_mediator : sets of the mediator's model by the same labels, where they are others.
    transform : of the protein, within the complete cases of each fit.
    outcome_family : of the outcome; None for the method's own: ``linear`` (products, four-way),
        ``cox`` (perm), ``aalen`` (counterfactual).
    interaction : whether exposure and protein have a product in the model of the outcome.
    mediator_at : where the controlled direct effect holds the protein, on its transformed scale;
        None for the mean.
    exposure_levels : exposure that is left and come to; None for 0 and 1, or of numbers the mean
        and one more.
    reference_level : level of an exposure that the other is held against.
    bootstrap : how limits are drawn; None for those of estimate and error.
    bootstraps : how many draws.
    seed : of the draws.
    level : coverage of the intervals.
    composite : how tests of no mediation are combined over the proteins.
    joint : whether all proteins are in one model of the outcome.
    cluster : column of the samples with what people share who are not independent: errors are
        robust over them, and samples are of them.
    weights : column of the samples with each person's sampling weight; 0 leaves a person out.
        Estimates are those of people who are there as often as their weight, whatever its unit, and
        errors are robust.

    Raises
    ------
    UsageError
        Options that contradict one another or name nothing.
    FormulaError
        An adjustment set outside the grammar.

    Examples
    --------
    >>> MediationSpec("product", ("isolation",), ("bmi",)).family
    'linear'
    """

    method: Method
    exposures: tuple[str, ...]
    outcomes: tuple[str, ...] = ()
    follow_up: FollowUpOptions = field(default_factory=FollowUpOptions)
    adjust: Mapping[str, str] = field(default_factory=lambda: dict(_UNADJUSTED))
    adjust_mediator: Mapping[str, str] = field(default_factory=dict[str, str])
    transform: Transform = "rint"
    outcome_family: OutcomeFamily | None = None
    interaction: bool = False
    mediator_at: float | None = None
    exposure_levels: tuple[float, float] | None = None
    reference_level: str | None = None
    bootstrap: Bootstrap | None = None
    bootstraps: int = _DRAWS
    seed: int = 1
    level: float = 0.95
    composite: CompositeTest = "hdmt"
    joint: bool = False
    cluster: str | None = None
    weights: str | None = None

    def __post_init__(self) -> None:
        _check("method", self.method, METHODS)
        _check("transform", self.transform, TRANSFORMS)
        _check("family of outcomes", self.family, OUTCOME_FAMILIES)
        _check("composite test", self.composite, get_args(CompositeTest))
        if self.bootstrap is not None:
            _check("bootstrap", self.bootstrap, BOOTSTRAPS)
        able = _FAMILIES[self.method]
        if self.family not in able:
            raise UsageError(
                f"the method {self.method} takes --outcome-family {' or '.join(able)}, not "
                f"{self.family}"
            )
        refuse_no_sets(self.adjust)
        refuse_no_sets(self.adjust_mediator)
        self._check_targets()
        self._check_options()
        self.formulas()

    @property
    def family(self) -> OutcomeFamily:
        """Family of the outcome."""
        return self.outcome_family or _FAMILIES[self.method][0]

    @property
    def is_of_times(self) -> bool:
        """Whether outcomes happen at a time."""
        return self.family in {"cox", "aalen"}

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """The outcomes, as tables name them."""
        return (*self.outcomes, *(outcome.event for outcome in self.follow_up.outcomes))

    @property
    def draws(self) -> int:
        """How many samples are drawn; 0 for none."""
        return self.bootstraps if self.bootstrap is not None else 0

    def formulas(self) -> dict[str, tuple[Formula, Formula]]:
        """Return the parsed sets of outcome and mediator by label."""
        sets = parse_sets(self.adjust)
        own = {
            label: parse_sets({**self.adjust, _OF_MEDIATOR: text})[_OF_MEDIATOR]
            for label, text in self.adjust_mediator.items()
        }
        return {label: (of, own.get(label, of)) for label, of in sets.items()}

    def _check_targets(self) -> None:
        if not self.exposures:
            raise UsageError("no exposure given: name a column of the samples (--exposure NAME)")
        if not self.outcome_names:
            raise UsageError(
                "no outcome given: name a column of the samples (--outcome NAME)"
                + (", or --time NAME --event NAME" if self.is_of_times else "")
            )
        if self.outcomes and self.is_of_times:
            raise UsageError(f"the method {self.method} is of outcomes that happen at a time")
        if self.follow_up.outcomes and not self.is_of_times:
            raise UsageError(
                f"--outcome-family {self.family} is of outcomes without a time: leave --time out, "
                "or take --method perm or counterfactual"
            )
        for names, role in ((self.exposures, "exposure"), (self.outcome_names, "outcome")):
            repeated = [name for name in names if names.count(name) > 1]
            if repeated:
                raise UsageError(f"{role} {repeated[0]!r} is given twice")
        both = [name for name in self.exposures if name in self._columns_of_outcomes]
        if both:
            raise UsageError(f"{both[0]!r} is an exposure and of an outcome: take it out of one")
        if self.weights in {*self.exposures, *self._columns_of_outcomes}:
            raise UsageError(
                f"--weights {self.weights!r} is an exposure or of an outcome: name another column"
            )
        absent = [label for label in self.adjust_mediator if label not in self.adjust]
        if absent:
            raise UsageError(
                f"--adjust-mediator {absent[0]}: is no adjustment set"
                f"{nearest(absent[0], self.adjust)}; there are {', '.join(self.adjust)}"
            )

    @property
    def _columns_of_outcomes(self) -> tuple[str, ...]:
        of_times = (name for outcome in self.follow_up.outcomes for name in outcome.columns)
        return (*self.outcomes, *of_times)

    def _check_options(self) -> None:
        products = self.method in {"product", "four-way"}
        if self.interaction and not products:
            raise UsageError(f"--interaction is for product and four-way, not for {self.method}")
        if self.method == "four-way" and not self.interaction:
            raise UsageError(
                "four-way takes an interaction of exposure and protein apart: add --interaction, "
                "or take --method product"
            )
        if self.mediator_at is not None and self.method != "four-way":
            raise UsageError("--mediator-at is of the controlled direct effect: --method four-way")
        if self.bootstrap == "monte-carlo" and self.family != "linear":
            raise UsageError(
                "--bootstrap monte-carlo draws coefficients of linear models: take influence or "
                "refit"
            )
        if self.bootstraps < _FEWEST_DRAWS:
            raise UsageError(
                f"{self.bootstraps} bootstraps have no 95 % limits: at least {_FEWEST_DRAWS}"
            )
        if not 0.5 <= self.level < 1.0:
            raise UsageError(f"the level of the intervals is {self.level}, and must be in [0.5, 1)")
        if self.exposure_levels is not None and not _differ(*self.exposure_levels):
            raise UsageError("--exposure-levels LOW,HIGH: two different numbers are needed")
        if self.joint and (self.method != "product" or self.family != "linear" or self.interaction):
            raise UsageError(
                "--joint is of --method product with a linear outcome and no interaction"
            )

    def to_dict(self) -> dict[str, object]:
        """Return the specification as JSON values."""
        facts = asdict(self)
        facts["follow_up"] = self.follow_up.to_dict()
        for name in ("adjust", "adjust_mediator"):
            facts[name] = [[label, text] for label, text in getattr(self, name).items()]
        return facts

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Self:
        """Return the specification that :meth:`to_dict` wrote."""
        levels = facts["exposure_levels"]
        return cls(
            **{
                **facts,
                "exposures": tuple(facts["exposures"]),
                "outcomes": tuple(facts["outcomes"]),
                "follow_up": FollowUpOptions.from_dict(facts["follow_up"]),
                "adjust": dict(facts["adjust"]),
                "adjust_mediator": dict(facts["adjust_mediator"]),
                "exposure_levels": None if levels is None else (levels[0], levels[1]),
            }
        )


def _differ(low: float, high: float) -> bool:
    return abs(low) < float("inf") and abs(high) < float("inf") and low != high


def _check(what: str, choice: str, choices: tuple[str, ...]) -> None:
    if choice not in choices:
        hint = nearest(choice, choices) or f": one of {', '.join(choices)}"
        raise UsageError(f"there is no {what} {choice!r}{hint}")
