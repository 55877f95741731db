"""What is asked of a whole analysis: studies, how instruments are chosen, methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Final, Self

from proteomr.errors import UsageError
from proteomr.gwas.clumping import CLUMP_VERSION
from proteomr.gwas.munging import MUNGE_VERSION
from proteomr.gwas.panel import name_panel
from proteomr.gwas.study import name_studies, name_study
from proteomr.io.genetics.ld_matrices import LdValues
from proteomr.io.sumstats.source import ReadOptions
from proteomr.mr.analysis import TraitSize
from proteomr.mr.choice import (
    build_joint_methods,
    build_methods,
    is_joint,
    spell_methods,
    split_methods,
)
from proteomr.mr.estimate import DEFAULT_METHODS
from proteomr.mr.harmonise import HARMONISE_VERSION
from proteomr.mr.harmonised_files import refuse_harmonised
from proteomr.mr.inputs import InstrumentRule
from proteomr.mr.methods.base import Convention
from proteomr.mr.methods.method import Declared
from proteomr.mr.named_pairs import PairBy
from proteomr.mr.trait_sizes import NamedCases
from proteomr.runs import Data, Request, Source
from proteomr.tables import load_schema

__all__ = ["JOINT_TABLES", "PAIR_TABLES", "MrRequest"]

PAIR_TABLES: Final = (
    "estimates",
    "heterogeneity",
    "pleiotropy",
    "singlesnp",
    "leaveoneout",
    "rucker",
    "outliers",
    "steiger",
    "verdict",
    "reach",
    "harmonised",
)
"""Tables of pairs of one exposure and one outcome."""

JOINT_TABLES: Final = ("estimates", "conditional_strength", "harmonised")
"""Tables of several exposures at once."""

_VERSION: Final = 1  # of instruments, their search in outcomes, and the diagnostics together


@dataclass(frozen=True, slots=True)
class MrRequest(Request):
    """All that determines the numbers of an analysis.

    Attributes
    ----------
    exposure, outcomes : studies of summary statistics; None and none with ``harmonised``.
    harmonised : variants that were harmonised before.
    read_exposure, read_outcome : how the files of exposure and outcomes are read, in whichever
        direction they serve.
    rule : how instruments are chosen and found in the outcomes.
    instruments : names of the only variants that may serve; goes before the rule's.
    ld : panel for clumping and proxies, see `proteomr.gwas.panel.open_panel`.
    ld_values : what the numbers of a matrix are.
    pair_by : whether each exposure meets each outcome, or those of its name alone.
    reverse : whether the other direction is analysed as well.
    steiger_filter : whether variants that explain more of the outcome are dropped.
    methods : each with all its parameters, see `proteomr.mr.choice.spell_methods`; those of several
        exposures (``mv_...``) stand alone, and with ``harmonised``.
    outcome_size : cases, controls and prevalence of binary outcomes.
    outcome_cases : outcomes by name, each with its cases and controls; the prevalence is that of
        ``outcome_size``.
    overlap : share of the larger study that is in the other one.
    log_odds : whether effects on the outcomes are log odds, where nothing else tells so.
    controls : pairs of which the answer is known.
    altering : names of protein-altering variants, for which instruments may stand.
    seed : of the random numbers.

    Raises
    ------
    UsageError
        Inputs are absent, or two of them exclude each other.
    """

    command: ClassVar[str] = "mr"

    exposure: Source | None = None
    outcomes: tuple[Source, ...] = ()
    harmonised: Source | None = None
    read_exposure: ReadOptions = field(default_factory=ReadOptions)
    read_outcome: ReadOptions = field(default_factory=ReadOptions)
    rule: InstrumentRule = field(default_factory=InstrumentRule)
    instruments: Source | None = None
    ld: Source | None = None
    ld_values: LdValues = "auto"
    pair_by: PairBy = "all"
    reverse: bool = False
    steiger_filter: bool = False
    methods: tuple[str, ...] = tuple(DEFAULT_METHODS)
    outcome_size: TraitSize = field(default_factory=TraitSize)
    outcome_cases: NamedCases = ()
    overlap: float | None = None
    log_odds: bool = False
    controls: Source | None = None
    altering: Source | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        studies = self.exposure is not None or bool(self.outcomes)
        size = self.outcome_size
        if self.harmonised is not None and studies:
            raise UsageError("--harmonised stands for exposure and outcome: give it alone")
        read = self.read_exposure, self.read_outcome
        if self.harmonised is not None and read != (ReadOptions(), ReadOptions()):
            raise UsageError("--harmonised has columns of its own: no formats or maps of two sides")
        if self.harmonised is not None and self.reverse:
            raise UsageError("--reverse needs the summary statistics of both, not harmonised ones")
        if self.harmonised is None and (self.exposure is None or not self.outcomes):
            raise UsageError("an exposure and an outcome are needed (or --harmonised FILE)")
        if (size.n_case is None) != (size.n_control is None):
            raise UsageError("--outcome-cases and --outcome-controls: give both")
        if self.outcome_cases and size.binary:
            raise UsageError("cases of all outcomes and of named ones exclude each other")
        if self.harmonised is not None and (name := _find_choice(self)):
            raise UsageError(
                f"{name} chooses or finds instruments; those of --harmonised are as they stand"
            )
        if self.rule.proxies and self.ld is None:
            raise UsageError("--proxies needs genotypes: add --ld")
        if self.ld_values != "auto" and self.ld is None:
            raise UsageError("--ld-values says what the matrix of --ld holds: add --ld")
        _check_methods(self.methods, harmonised=self.harmonised is not None)

    @classmethod
    def of(
        cls,
        exposure: Data | None = None,
        outcomes: Data | Sequence[Data] = (),
        *,
        harmonised: Data | None = None,
        read_exposure: ReadOptions | None = None,
        read_outcome: ReadOptions | None = None,
        methods: str | Sequence[str] = DEFAULT_METHODS,
        convention: Convention = "twosamplemr",
        bootstraps: int = 1000,
        rule: InstrumentRule | None = None,
        instruments: str | Path | None = None,
        ld: Data | None = None,
        ld_values: LdValues = "auto",
        pair_by: PairBy = "all",
        reverse: bool = False,
        steiger_filter: bool = False,
        outcome_size: TraitSize | None = None,
        outcome_cases: NamedCases = (),
        overlap: float | None = None,
        log_odds: bool = False,
        controls: Data | None = None,
        altering: str | Path | None = None,
        seed: int = 1,
    ) -> Self:
        """Return the request for paths or frames as a user names them.

        Parameters
        ----------
        exposure, outcomes : studies; a path may be a quoted glob of one study's files.
        harmonised, instruments, ld, controls, altering : paths; but for the lists of variants also
            frames.
        methods : names, as `proteomr.mr.choice.build_methods` takes them, or such a list as text.
        convention : R package whose defaults the methods follow.
        bootstraps : draws of medians and modes.
        read_exposure, read_outcome, ld_values, pair_by, rule, reverse, steiger_filter,
            outcome_size, outcome_cases, overlap, log_odds, seed : as the attributes. Variants that
            the rule admits may start a clump.

        Raises
        ------
        UsageError
            As the class; or a method is not known.
        InputError
            A glob matches no file.

        Examples
        --------
        >>> MrRequest.of("x.tsv", "y.tsv", methods="ivw_fe,simple_median", bootstraps=50).methods
        ('ivw_fe', 'simple_median(draws=50)')
        """
        asked = split_methods(methods) if isinstance(methods, str) else tuple(methods)
        _check_methods(asked, harmonised=harmonised is not None)
        studies = outcomes if isinstance(outcomes, list | tuple) else [outcomes]
        for study in (exposure, *studies):
            if study is not None:
                refuse_harmonised(study)
        return cls(
            exposure=None if exposure is None else name_study(exposure, name="exposure"),
            outcomes=name_studies(outcomes, name="outcome"),
            harmonised=_name(harmonised, "harmonised"),
            read_exposure=ReadOptions() if read_exposure is None else read_exposure,
            read_outcome=ReadOptions() if read_outcome is None else read_outcome,
            rule=_admit_to_clumps(InstrumentRule() if rule is None else rule),
            instruments=_name(instruments, "instruments"),
            ld=None if ld is None else name_panel(ld),
            ld_values=ld_values,
            pair_by=pair_by,
            reverse=reverse,
            steiger_filter=steiger_filter,
            methods=_resolve_methods(asked, convention=convention, bootstraps=bootstraps),
            outcome_size=TraitSize() if outcome_size is None else outcome_size,
            outcome_cases=outcome_cases,
            overlap=overlap,
            log_odds=log_odds,
            controls=_name(controls, "controls"),
            altering=_name(altering, "altering"),
            seed=seed,
        )

    @property
    def joint(self) -> bool:
        """Whether several exposures are analysed at once."""
        return any(map(is_joint, self.methods))

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that the analysis gives."""
        names = JOINT_TABLES if self.joint else PAIR_TABLES
        chosen = ("instruments",) if self.harmonised is None else ()
        checked = ("controls_checked",) if self.controls is not None else ()
        without = ("without_altering",) if self.altering is not None else ()
        return (*names, *chosen, *checked, *without)

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of the steps, of the methods and of the tables.

        Examples
        --------
        >>> MrRequest.of("x.tsv", "y.tsv", methods=["grip"]).formulas()["grip"]
        1
        """
        build = build_joint_methods if self.joint else build_methods
        methods: Sequence[Declared] = build(self.methods)
        return {
            "mr": _VERSION,
            "munge": MUNGE_VERSION,
            "clump": CLUMP_VERSION,
            "harmonise": HARMONISE_VERSION,
            **{method.key: method.version for method in methods},
            **{f"table {name}": load_schema(name).version for name in self.tables},
        }


def _check_methods(methods: Sequence[str], *, harmonised: bool) -> None:
    joint = [name for name in methods if is_joint(name)]
    if joint and (len(joint) < len(methods) or not harmonised):
        raise UsageError("methods mv_... are for --harmonised variants of several exposures, alone")


def _resolve_methods(
    names: Sequence[str], *, convention: Convention, bootstraps: int
) -> tuple[str, ...]:
    if any(map(is_joint, names)):
        return spell_methods(build_joint_methods(names))
    return spell_methods(build_methods(names, convention=convention, draws=bootstraps))


def _find_choice(request: MrRequest) -> str | None:
    """Return the first option that is of no use for variants that were harmonised before."""
    rule, usual = request.rule, _admit_to_clumps(InstrumentRule())
    clumping, usually = rule.clumping, usual.clumping
    given = {
        "--ld": request.ld is not None,
        "--instruments": request.instruments is not None or rule.variants is not None,
        "--altering": request.altering is not None,
        "--pair-by": request.pair_by != "all",
        "--instruments-p": rule.p != usual.p,
        "--region or --cis": rule.region is not None,
        "--clump-r2": clumping.r2 != usually.r2,
        "--clump-kb": clumping.kb != usually.kb,
        "--match": rule.match != usual.match,
        "--proxies": rule.proxies,
        "--unproven": rule.unproven != usual.unproven,
        "--action": rule.action != usual.action,
    }
    return next((name for name, chosen in given.items() if chosen), None)


def _admit_to_clumps(rule: InstrumentRule) -> InstrumentRule:
    """Return a rule by which every variant that it admits may start a clump."""
    largest = 1.0 if rule.p is None else rule.p
    return replace(rule, clumping=replace(rule.clumping, p1=largest, p2=1.0))


def _name(data: Data | None, name: str) -> Source | None:
    return None if data is None else Source.of(data, name=name)
