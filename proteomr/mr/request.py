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
from proteomr.mr.clusters import CLUSTER_TABLES
from proteomr.mr.estimate import DEFAULT_METHODS
from proteomr.mr.further import list_further, name_schema
from proteomr.mr.genome_choice import refuse_no_genome
from proteomr.mr.harmonise import HARMONISE_VERSION
from proteomr.mr.harmonised_files import refuse_harmonised
from proteomr.mr.inputs import InstrumentRule
from proteomr.mr.methods import METHOD_CLASSES
from proteomr.mr.methods.base import Convention
from proteomr.mr.methods.gsmr import Gsmr, Heidi
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
    ld : panel for clumping, proxies, and the methods for correlated variants, see
        `proteomr.gwas.panel.open_panel`.
    ld_values : what the numbers of a matrix are.
    ld_ridge : share by which correlations between variants are shrunk for these methods.
    prune_r2 : thresholds of r2 at which these methods are repeated, in falling order; none for no
        table ``pruning_grid``.
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
    altering : names of protein-altering variants.
    clusters : whether variants are parted into clusters of one slope each.
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
    ld_ridge: float = 0.0
    prune_r2: tuple[float, ...] = ()
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
    clusters: bool = False
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
        _check_methods(self.methods, harmonised=self.harmonised is not None)
        if self.joint and self.clusters:
            raise UsageError("--clusters parts the variants of one exposure: leave it out with mv_")
        _check_linkage(self)

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
        ld_people: float | None = None,
        ld_ridge: float = 0.0,
        prune_r2: Sequence[float] = (),
        heidi: Heidi | None = None,
        pair_by: PairBy = "all",
        reverse: bool = False,
        steiger_filter: bool = False,
        outcome_size: TraitSize | None = None,
        outcome_cases: NamedCases = (),
        overlap: float | None = None,
        log_odds: bool = False,
        controls: Data | None = None,
        altering: str | Path | None = None,
        clusters: bool = False,
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
        ld_people : people behind the correlations, for gsmr; None for those of the genotypes.
        heidi : which outliers gsmr leaves out; None for its default.
        read_exposure, read_outcome, ld_values, ld_ridge, prune_r2, pair_by, rule, reverse,
            steiger_filter, outcome_size, outcome_cases, overlap, log_odds, clusters, seed : as the
            attributes. Variants that the rule admits may start a clump.

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
        of_gsmr = {"heidi": heidi, "ld_people": ld_people}
        resolved = _resolve_methods(
            asked,
            convention=convention,
            bootstraps=bootstraps,
            further={**of_gsmr, "instruments_p": None if rule is None else rule.p},
        )
        _refuse_idle(asked, resolved, ld=ld is not None, of_gsmr=of_gsmr)
        studies = outcomes if isinstance(outcomes, list | tuple) else [outcomes]
        for study in (exposure, *studies):
            if study is not None:
                refuse_harmonised(study)
        request = cls(
            exposure=None if exposure is None else name_study(exposure, name="exposure"),
            outcomes=name_studies(outcomes, name="outcome"),
            harmonised=_name(harmonised, "harmonised"),
            read_exposure=ReadOptions() if read_exposure is None else read_exposure,
            read_outcome=ReadOptions() if read_outcome is None else read_outcome,
            rule=_admit_to_clumps(InstrumentRule() if rule is None else rule),
            instruments=_name(instruments, "instruments"),
            ld=None if ld is None else name_panel(ld),
            ld_values=ld_values,
            ld_ridge=ld_ridge,
            prune_r2=tuple(sorted(set(prune_r2), reverse=True)),
            pair_by=pair_by,
            reverse=reverse,
            steiger_filter=steiger_filter,
            methods=resolved,
            outcome_size=TraitSize() if outcome_size is None else outcome_size,
            outcome_cases=outcome_cases,
            overlap=overlap,
            log_odds=log_odds,
            controls=_name(controls, "controls"),
            altering=_name(altering, "altering"),
            clusters=clusters,
            seed=seed,
        )
        return request if "all" in asked else refuse_no_genome(request)

    @property
    def joint(self) -> bool:
        """Whether several exposures are analysed at once."""
        return any(map(is_joint, self.methods))

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that the analysis gives."""
        names = JOINT_TABLES if self.joint else PAIR_TABLES
        further = list_further(self.build())
        further += ("pruning_grid",) if self.prune_r2 else ()
        chosen: tuple[str, ...] = ("instruments",) if self.harmonised is None else ()
        chosen += ("controls_checked",) if self.controls is not None else ()
        chosen += ("without_altering",) if self.altering is not None else ()
        chosen += CLUSTER_TABLES if self.clusters else ()
        return (*names, *further, *chosen)

    @property
    def correlated(self) -> bool:
        """Whether a method takes the correlations of the variants."""
        return any(method.needs_correlations for method in self.build())

    def build(self) -> Sequence[Declared]:
        """Return the methods."""
        build = build_joint_methods if self.joint else build_methods
        return build(self.methods)

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of the steps, of the methods and of the tables.

        Examples
        --------
        >>> MrRequest.of("x.tsv", "y.tsv", methods=["grip"]).formulas()["grip"]
        2
        """
        return {
            "mr": _VERSION,
            "munge": MUNGE_VERSION,
            "clump": CLUMP_VERSION,
            "harmonise": HARMONISE_VERSION,
            **{method.key: method.version for method in self.build()},
            **{f"table {name}": load_schema(name_schema(name)).version for name in self.tables},
        }


def _check_methods(methods: Sequence[str], *, harmonised: bool) -> None:
    joint = [name for name in methods if is_joint(name)]
    if joint and (len(joint) < len(methods) or not harmonised):
        raise UsageError("methods mv_... are for --harmonised variants of several exposures, alone")


def _resolve_methods(
    names: Sequence[str],
    *,
    convention: Convention,
    bootstraps: int,
    further: Mapping[str, object],
) -> tuple[str, ...]:
    if any(map(is_joint, names)):
        return spell_methods(build_joint_methods(names))
    return spell_methods(
        build_methods(names, convention=convention, draws=bootstraps, further=further)
    )


def _check_linkage(request: MrRequest) -> None:
    """Refuse options that need correlations without what they are for."""
    if request.rule.proxies and request.ld is None:
        raise UsageError("--proxies needs genotypes: add --ld")
    if request.ld_values != "auto" and request.ld is None:
        raise UsageError("--ld-values says what the matrix of --ld holds: add --ld")
    if not 0.0 <= request.ld_ridge < 1.0:
        raise UsageError(f"--ld-ridge {request.ld_ridge:g}: from 0 to below 1")
    for r2 in request.prune_r2:
        if not 0.0 < r2 <= 1.0:
            raise UsageError(f"--prune-r2 {r2:g}: thresholds lie above 0 and are at most 1")
    given = {"--ld-ridge": request.ld_ridge > 0, "--prune-r2": bool(request.prune_r2)}
    if request.harmonised is not None:
        given = {"--ld with --harmonised": request.ld is not None, **given}
    if any(given.values()) and not request.correlated:
        name = next(name for name, chosen in given.items() if chosen)
        raise UsageError(f"{name} is for methods that take correlations: name {_list_correlated()}")
    if (request.ld_ridge or request.prune_r2) and request.ld is None:
        name = "--ld-ridge" if request.ld_ridge else "--prune-r2"
        raise UsageError(f"{name} needs the correlations of the variants: add --ld")


def _refuse_idle(
    asked: Sequence[str],
    resolved: Sequence[str],
    *,
    ld: bool,
    of_gsmr: Mapping[str, object],
) -> None:
    """Refuse methods that lack their correlations, and options of a method that is not asked for.

    All methods together are no choice: those without correlations then say so in their rows.
    """
    if any(map(is_joint, asked)):
        methods: Sequence[Declared] = build_joint_methods(resolved)
    else:
        methods = build_methods(resolved)
    if "all" not in asked and not ld:
        lacking = [method.key for method in methods if method.needs_correlations]
        if lacking:
            raise UsageError(f"{', '.join(lacking)}: needs correlations of the variants: add --ld")
    options = {"heidi": "--heidi", "ld_people": "--ld-n"}
    idle = [options[name] for name, value in of_gsmr.items() if value is not None]
    if idle and not any(method.key == Gsmr.key for method in methods):
        raise UsageError(f"{idle[0]} is for gsmr: add it to --methods")


def _list_correlated() -> str:
    return ", ".join(kind.key for kind in METHOD_CLASSES if kind.needs_correlations)


def _find_choice(request: MrRequest) -> str | None:
    """Return the first option that is of no use for variants that were harmonised before."""
    rule, usual = request.rule, _admit_to_clumps(InstrumentRule())
    clumping, usually = rule.clumping, usual.clumping
    graded = any(method.key == Gsmr.key for method in request.build())
    given = {
        "--instruments": request.instruments is not None or rule.variants is not None,
        "--altering": request.altering is not None,
        "--pair-by": request.pair_by != "all",
        "--instruments-p": rule.p != usual.p and not graded,
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
