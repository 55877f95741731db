"""What a scan asks: family, exposures, adjustment sets, transform and how its tests are counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, get_args

from proteomr.association.added import add_each
from proteomr.association.asked import check_choice, check_instruments, refuse_no_sets, show
from proteomr.association.outcome_options import OutcomeOptions
from proteomr.design import Formula, parse_sets
from proteomr.design.random_terms import parse_random
from proteomr.errors import UsageError
from proteomr.models import (
    TIMES,
    WEIGHT_KINDS,
    AnyFamily,
    Asked,
    FirthUse,
    FitOptions,
    Further,
    IvOptions,
    MixedOptions,
    ModerationOptions,
    OrdinalOptions,
    Permutations,
    Role,
    SurvivalOptions,
    WeightKind,
    find_family,
    refuse_unsupported,
)
from proteomr.scan import FollowUpOptions
from proteomr.stats.sandwich import CLUSTERED, LINEARISED, ErrorKind
from proteomr.stats.transforms import TRANSFORMS, Transform

__all__ = ["ModelSpec", "TestFamily"]

TestFamily = Literal["joint", "exposure"]
_UNADJUSTED = {"unadjusted": "1"}
# Options of one matter, told in a request only where they are asked for.
_MATTERS: Final[Mapping[str, type[Any]]] = {
    "mixed": MixedOptions,
    "moderation": ModerationOptions,
    "further": Further,
    "permutations": Permutations,
    "survival": SurvivalOptions,
}
# Likewise, options of one value.
_USUAL: Final[Mapping[str, object]] = {"weight_kind": "precision", "absorb": (), "baseline": None}
# Transforms after which the averages of all proteins are the same.
_CENTRED = ("rint", "zscore")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A scan of all proteins, validated.

    Attributes
    ----------
    family : name of one of :func:`proteomr.models.list_families`, which says whether the protein
        or the exposure is the response: ``linear`` fits ``protein ~ exposure``, ``logistic`` fits
        ``exposure ~ protein``.
    exposures : columns of the samples; none where there are outcomes.
    adjust : adjustment sets by label, in the grammar of :mod:`proteomr.design`; a label may be used
        in later sets.
    transform : of the protein, within the complete cases of each fit.
    strata : column whose levels are analysed one by one, or a condition, of whom it is false and
        of whom it is true; None for everybody together.
    firth : Firth's penalised estimate where a logistic fit is ``separated`` (also: true), or
        ``always``.
    test_family : what multiple testing spans within an adjustment set and stratum: all exposures
        (or outcomes) jointly, or each.
    interaction : covariate whose product with the term of interest is in every model, beside its
        main effect.
    errors : kind of standard error; the robust ones as R's sandwich, the clustered ones as
        clubSandwich, the linearised one as survey. None for the classical one, or with sampling
        weights the linearised one, or CR1 where there are clusters.
    cluster : column of the samples that names each person's cluster, for the clustered kinds.
    weights : column of the samples with each person's weight, above 0.
    weight_kind : what a weight means: ``precision``, ``frequency`` or ``sampling``.
    level : coverage of the confidence intervals.
    outcomes : columns of the samples, each the response to a protein in any family.
    reference_level : level of a target that its others are held against; None for the lowest or
        alphabetically first.
    outcome_options : files of outcomes, whose columns join the outcomes as they are read, and the
        transform of outcomes.
    ordered : the levels of the exposures are steps of a scale: the trend over them, and each
        against the one before it.
    iv : instruments and the estimator, for the iv family.
    coefficients : also a table of all coefficients of every model.
    mixed : random effects.
    ordinal : link, order of levels and tests of families of ordered levels.
    further : what is asked of every model beside its estimates.
    permutations : of people, for p values of their own.

    absorb : columns of the samples whose levels have an effect each, which is taken out of all
        columns.
    moderation : empirical Bayes over proteins, correlated blocks, contrasts of levels.
    survival : of families of times.
    follow_up : where the outcomes stand that happen at a time, and which events count.
    baseline : column whose levels have a baseline hazard each.

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

    family: str
    exposures: tuple[str, ...] = ()
    adjust: Mapping[str, str] = field(default_factory=lambda: dict(_UNADJUSTED))
    transform: Transform = "rint"
    strata: str | None = None
    firth: FirthUse | bool = False
    test_family: TestFamily = "joint"
    interaction: str | None = None
    errors: ErrorKind | None = None
    cluster: str | None = None
    weights: str | None = None
    level: float = 0.95
    outcomes: tuple[str, ...] = ()
    reference_level: str | None = None
    outcome_options: OutcomeOptions = field(default_factory=OutcomeOptions)
    ordered: bool = False
    iv: IvOptions = field(default_factory=IvOptions)
    coefficients: bool = False
    mixed: MixedOptions = field(default_factory=MixedOptions)
    weight_kind: WeightKind = "precision"
    absorb: tuple[str, ...] = ()
    moderation: ModerationOptions = field(default_factory=ModerationOptions)
    ordinal: OrdinalOptions = field(default_factory=OrdinalOptions)
    further: Further = field(default_factory=Further)
    permutations: Permutations = field(default_factory=Permutations)
    survival: SurvivalOptions = field(default_factory=SurvivalOptions)
    follow_up: FollowUpOptions = field(default_factory=FollowUpOptions)
    baseline: str | None = None

    def __post_init__(self) -> None:
        self._check_types()
        if self.firth is True:
            object.__setattr__(self, "firth", "separated")
        if self.firth:
            check_choice("use of Firth's estimate", str(self.firth), get_args(FirthUse))
        check_choice("kind of weight", self.weight_kind, WEIGHT_KINDS)
        check_choice("transform", self.transform, TRANSFORMS)
        check_choice("test family", self.test_family, get_args(TestFamily))
        self._check_errors()
        if self.is_of_times:
            self._check_times()
        else:
            self._check_targets()
        if not self.adjust:
            raise UsageError('no adjustment set given: "1" adjusts for nothing')
        if self.moderation.follows_averages and self.transform in _CENTRED:
            raise UsageError(
                f"--moderate {self.moderation.kind} follows the averages of the proteins, which "
                f"--transform {self.transform} makes one: take none or log2, or --moderate "
                f"{'robust' if self.moderation.is_robust else 'plain'}"
            )
        if not 0.5 <= self.level < 1.0:
            raise UsageError(f"the level of the intervals is {self.level}, and must be in [0.5, 1)")
        asked = Asked(
            options=self.options,
            roles=frozenset((self.role,)),
            weights=self.weights is not None,
            interaction=self.interaction is not None,
            absorbed=len(self.absorb),
            outcome_transform=self.outcome_options.transform,
            ordered=self.ordered,
            baseline=self.baseline is not None,
        )
        refuse_unsupported(find_family(self.family), asked)
        check_instruments(self.iv, family=self.family, role=self.role)
        if find_family(self.family).supports.random_effects and not self.mixed.asked:
            raise UsageError(
                f'the {self.family} family needs random effects: --random "1|subject", or --kinship'
            )
        for text in self.mixed.random:
            parse_random(text)
        self.formulas()

    def _check_types(self) -> None:
        """Refuse what Python lets through and would be read letter by letter, or not at all."""
        for name in ("exposures", "outcomes", "absorb"):
            given: object = getattr(self, name)
            if not isinstance(given, tuple | list) or not all(isinstance(n, str) for n in given):
                raise UsageError(
                    f"{name}: names of columns in a tuple are needed, not {show(given)}"
                )
        refuse_no_sets(self.adjust)
        for name in ("family", "strata", "interaction", "cluster", "weights", "reference_level"):
            value: object = getattr(self, name)
            if not isinstance(value, str) and (value is not None or name == "family"):
                raise UsageError(f"{name}: one name is needed, not {show(value)}")

    def _check_errors(self) -> None:
        """Choose the errors where none are asked for, and refuse those that a cluster is not of."""
        errors = self._choose_errors() if self.errors is None else self.errors
        object.__setattr__(self, "errors", errors)
        if errors is not None:
            check_choice("kind of standard error", errors, get_args(ErrorKind))
        clustered = errors in CLUSTERED or (errors == "robust" and self.cluster is not None)
        if clustered and self.cluster is None:
            raise UsageError(
                f"standard errors {errors} need a column of clusters: name one (--cluster NAME)"
            )
        if self.cluster is not None and not clustered:
            kinds = "robust" if self.is_of_times else ", ".join(CLUSTERED)
            raise UsageError(
                f"clusters ({self.cluster!r}) are for standard errors {kinds}, and these are "
                f"{errors}: choose them (--se), or leave --cluster out"
            )

    def _check_targets(self) -> None:
        if self.exposures and self.outcome_options.transform != "none":
            raise UsageError("a transform of outcomes is for outcomes, and exposures are given")
        if self.exposures and self.role == "outcome":
            raise UsageError("exposures and outcomes are two scans: give one or the other")
        if self.follow_up.outcomes:
            raise UsageError(f"follow-up is of families of times, and {self.family} is none")
        if not self.targets and not self.outcome_options.labels:
            raise UsageError(
                "no exposure or outcome given: name a column of the samples (--exposure NAME)"
            )
        twice = [name for name in self.absorb if self.absorb.count(name) > 1]
        if twice:
            raise UsageError(f"{twice[0]!r} is absorbed twice")
        repeated = [name for name in self.targets if self.targets.count(name) > 1]
        if repeated:
            raise UsageError(f"{self.role} {repeated[0]!r} is given twice")
        if self.ordered and self.reference_level is not None:
            raise UsageError(
                "an ordered exposure has each level held against the one before it: leave "
                f"--reference-level {self.reference_level} or --ordered out"
            )
        if self.ordered and self.outcomes:
            raise UsageError("--ordered is for exposures, not for outcomes")
        if self.interaction is not None and self.interaction in self.targets:
            raise UsageError(f"{self.interaction!r} is an {self.role} and the interaction")

    def _check_times(self) -> None:
        """Refuse what outcomes that happen at a time have not."""
        if self.exposures or self.outcomes or self.outcome_options.labels:
            raise UsageError(
                f"the outcomes of the {self.family} family have a time: name them by follow_up"
            )
        names = [outcome.event for outcome in self.follow_up.outcomes]
        if self.interaction is not None and self.interaction in names:
            raise UsageError(f"{self.interaction!r} is an outcome and the interaction")

    def _choose_errors(self) -> ErrorKind | None:
        """Return the usual errors; None where weights of times have to be read for it."""
        if self.is_of_times:
            if self.cluster is not None:
                return "robust"
            return "classical" if self.weights is None else None
        if self.weight_kind != "sampling" or self.weights is None:
            return "classical"
        return LINEARISED if self.cluster is None else "CR1"

    @property
    def is_of_times(self) -> bool:
        """Whether the outcomes happen at a time."""
        return any(kind is TIMES for kind in find_family(self.family).takes)

    @property
    def role(self) -> Role:
        """Whether the targets are exposures or outcomes."""
        named = self.outcomes or self.outcome_options.labels or self.is_of_times
        return "outcome" if named else "exposure"

    @property
    def targets(self) -> tuple[str, ...]:
        """The exposures, or the outcomes."""
        timed = tuple(outcome.event for outcome in self.follow_up.outcomes)
        return timed or self.outcomes or self.exposures

    @property
    def options(self) -> FitOptions:
        """What is asked of the family."""
        return FitOptions(
            errors=self.errors or "classical",
            firth=self.firth,
            level=self.level,
            iv=self.iv,
            coefficients=self.coefficients,
            mixed=self.mixed,
            weight_kind=self.weight_kind,
            moderation=self.moderation,
            further=self.further,
            permutations=self.permutations,
            ordinal=self.ordinal,
            survival=self.survival,
        )

    @property
    def direction(self) -> str:
        """Which side of the model the protein stands on."""
        return find_family(self.family).direction(self.role)

    def build_family(self) -> AnyFamily:
        """Return the family with what is asked of it."""
        return find_family(self.family)(self.options)

    def formulas(self) -> dict[str, Formula]:
        """Return the parsed adjustment sets by label, each before those with a covariate more."""
        sets = parse_sets(self.adjust)
        added = add_each(sets, self.further.add_one)
        return {**sets, **{label: formula for label, (_, formula) in added.items()}}

    def bases(self) -> dict[str, str]:
        """Return of each set that is another with a covariate more the label of that other."""
        added = add_each(parse_sets(self.adjust), self.further.add_one)
        return {label: base for label, (base, _) in added.items()}

    def to_dict(self) -> dict[str, object]:
        """Return the specification as JSON values, the adjustment sets as pairs in their order."""
        facts = asdict(self)
        facts["exposures"] = list(self.exposures)
        facts["outcomes"] = list(self.outcomes)
        facts["adjust"] = [[label, text] for label, text in self.adjust.items()]
        facts["outcome_options"] = self.outcome_options.to_dict()
        if not self.coefficients:
            del facts["coefficients"]
        if self.iv.is_default:
            del facts["iv"]
        else:
            facts["iv"] = {**facts["iv"], "instruments": list(self.iv.instruments)}
        facts["follow_up"] = self.follow_up.to_dict()
        if self.follow_up == FollowUpOptions():
            del facts["follow_up"]
        facts["ordinal"] = self.ordinal.to_dict()
        if self.ordinal == OrdinalOptions():
            del facts["ordinal"]
        for name, matter in _MATTERS.items():
            if getattr(self, name) == matter():
                del facts[name]
        for name, usual in _USUAL.items():
            if facts[name] == usual:
                del facts[name]
        return facts

    @classmethod
    def from_dict(cls, facts: Mapping[str, object]) -> ModelSpec:
        """Return the specification that :meth:`to_dict` wrote."""
        settings: dict[str, Any] = dict(facts)
        for name in ("exposures", "outcomes", "absorb"):
            settings[name] = tuple(settings.get(name, ()))
        if "adjust" in settings:
            settings["adjust"] = dict(settings["adjust"])
        if "outcome_options" in settings:
            settings["outcome_options"] = OutcomeOptions.from_dict(settings["outcome_options"])
        if "iv" in settings:
            iv = dict(settings["iv"])
            settings["iv"] = IvOptions(**{**iv, "instruments": tuple(iv["instruments"])})
        if "follow_up" in settings:
            settings["follow_up"] = FollowUpOptions.from_dict(settings["follow_up"])
        if "ordinal" in settings:
            settings["ordinal"] = OrdinalOptions.from_dict(settings["ordinal"])
        for name, matter in _MATTERS.items():
            if name in settings:
                given = settings[name]
                settings[name] = matter(
                    **{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
                )
        return cls(**settings)
