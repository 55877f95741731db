"""Options of `coloc`: traits, priors, and how signals are told apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from proteomr.errors import UsageError

from . import options as shared
from .coloc_region_options import Regions
from .study_options import (
    LINKAGE,
    BuildName,
    FormatName,
    LdValuesName,
    Scales,
    option,
    read_sides,
)

if TYPE_CHECKING:
    from proteomr.colocalisation.choices import SusieRule, TraitChoice
    from proteomr.colocalisation.request import ColocMethod, ColocRequest
    from proteomr.colocalisation.rules import PairRule
    from proteomr.io.sumstats import ReadOptions
    from proteomr.stats.trait_clusters import ClusterRule

__all__ = ["Comparison", "TraitSides"]

TRAITS, PRIORS, SIGNALS = "Traits", "Priors", "Signals"
Kind = Literal["quant", "cc"]
MethodName = Literal["abf", "susie", "conditional", "smr", "hyprcoloc", "moloc"]

_KIND = (
    "Quantitative, or cases and controls. Without: cc where the file tells cases or --case-share "
    "is given."
)
_PEOPLE = "People. Without: the column of the file."
_SDY = "Standard deviation of a quantitative trait. Without: estimated from frequencies and N."
_SHARE = "Share of cases among all people. Without: by the file's cases. Needed where P is all."
_MAPPED = "Which column is a canonical one, such as se=SE_GC; repeat for several."
_METHODS = (
    "abf: one causal variant a trait, by approximate Bayes factors. susie: pairs of credible sets "
    "(needs --ld). conditional: pairs of signals given each other (needs --ld). smr: the effect of "
    "TRAIT1 on TRAIT2 by its top variant, with HEIDI (needs --ld). hyprcoloc: clusters among all "
    "traits. moloc: every configuration of up to four."
)


@dataclass(frozen=True, slots=True)
class TraitSides:
    """What is said of the traits of both sides, and how their files are read."""

    type1: Annotated[Kind | None, option(TRAITS, "quant|cc", f"TRAIT1: {_KIND}", "--type1")] = None
    n1: Annotated[float | None, option(TRAITS, "N", f"TRAIT1: {_PEOPLE}", "--n1")] = None
    sdy1: Annotated[float | None, option(TRAITS, "SD", f"TRAIT1: {_SDY}", "--sdy1")] = None
    case_share1: Annotated[
        float | None, option(TRAITS, "S", f"TRAIT1: {_SHARE}", "--case-share1")
    ] = None
    type2: Annotated[
        Kind | None, option(TRAITS, "quant|cc", "The same of all TRAIT2.", "--type2")
    ] = None
    n2: Annotated[float | None, option(TRAITS, "N", "People of TRAIT2.", "--n2")] = None
    sdy2: Annotated[
        float | None, option(TRAITS, "SD", "Standard deviation of TRAIT2.", "--sdy2")
    ] = None
    case_share2: Annotated[
        float | None, option(TRAITS, "S", "Share of cases of TRAIT2.", "--case-share2")
    ] = None
    format1: FormatName = "auto"
    map1: Annotated[
        list[str] | None,
        option(shared.INPUT, "CANONICAL=COLUMN", f"TRAIT1: {_MAPPED}", "--map1"),
    ] = None
    build1: BuildName = None
    format2: FormatName = "auto"
    map2: Annotated[
        list[str] | None,
        option(shared.INPUT, "CANONICAL=COLUMN", f"TRAIT2: {_MAPPED}", "--map2"),
    ] = None
    build2: BuildName = None
    scales: Scales = "refuse"

    @property
    def tables(self) -> dict[str, dict[str, str]]:
        """Canonical columns and those of the files, by the name of the option."""
        sides = (("map1", self.map1), ("map2", self.map2))
        return {
            name: shared.parse_pairs(given, option=f"--{name}", example="se=SE_GC")
            for name, given in sides
        }

    @property
    def facts(self) -> dict[str, object]:
        """What is said of the traits, by option: what their posteriors take."""
        names = ("type1", "n1", "sdy1", "case_share1", "type2", "n2", "sdy2", "case_share2")
        return {f"--{name.replace('_', '-')}": getattr(self, name) for name in names}

    def choices(self) -> "tuple[TraitChoice, TraitChoice]":
        """Return what is said of both sides."""
        from proteomr.colocalisation.choices import TraitChoice

        return (
            TraitChoice(self.type1, self.n1, self.sdy1, self.case_share1, "1"),
            TraitChoice(self.type2, self.n2, self.sdy2, self.case_share2, "2"),
        )

    def reading(self) -> "tuple[ReadOptions, ReadOptions]":
        """Return how the files of both sides are read."""
        tables = self.tables
        first = (self.format1, tables["map1"], self.build1)
        second = (self.format2, tables["map2"], self.build2)
        return read_sides(first, second, scales=self.scales)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How traits are compared."""

    method: Annotated[
        MethodName,
        option(SIGNALS, "abf|susie|conditional|smr|hyprcoloc|moloc", _METHODS, "--method"),
    ] = "abf"
    conditional: Annotated[
        bool, option(SIGNALS, "", "As --method conditional.", "--conditional")
    ] = False
    ld: Annotated[
        Path | None,
        option(
            LINKAGE,
            "BFILE|MATRIX",
            "Genotypes, or a matrix of correlations, of the people of both sides. susie, "
            "conditional and smr need it. To the others it tells which leads are independent "
            "(--lead-r2), and to abf the r2 of both traits' hits; posteriors of abf, hyprcoloc and "
            "moloc take no correlations.",
            "--ld",
        ),
    ] = None
    ld1: Annotated[
        Path | None, option(LINKAGE, "BFILE|MATRIX", "Of TRAIT1 alone; with --ld2.", "--ld1")
    ] = None
    ld2: Annotated[
        Path | None, option(LINKAGE, "BFILE|MATRIX", "Of TRAIT2 alone; with --ld1.", "--ld2")
    ] = None
    ld_values: LdValuesName = "auto"
    effects: Annotated[
        int | None, option(SIGNALS, "L", "susie: most signals of a trait; 10 usually.", "--l")
    ] = None
    min_purity: Annotated[
        float | None,
        option(SIGNALS, "R", "susie: smallest |r| within a set; 0.5 usually.", "--min-purity"),
    ] = None
    coverage: Annotated[
        float | None, option(SIGNALS, "C", "Of credible sets; 0.95 usually.", "--coverage")
    ] = None
    p1: Annotated[
        float | None,
        option(PRIORS, "P", "That a variant is causal for TRAIT1; 1e-4 usually.", "--p1"),
    ] = None
    p2: Annotated[
        float | None, option(PRIORS, "P", "That it is for TRAIT2; 1e-4 usually.", "--p2")
    ] = None
    p12: Annotated[
        float | None,
        option(PRIORS, "P", "That it is for both; abf 1e-5, susie, conditional 5e-6.", "--p12"),
    ] = None
    prior_weights1: Annotated[
        Path | None,
        option(
            PRIORS,
            "FILE",
            "Columns snp and weight: how likely each variant is causal for TRAIT1, relative to the "
            "others that both traits have.",
            "--prior-weights1",
        ),
    ] = None
    prior_weights2: Annotated[
        Path | None, option(PRIORS, "FILE", "The same for TRAIT2.", "--prior-weights2")
    ] = None
    prior: Annotated[
        float | None,
        option(
            PRIORS, "P", "hyprcoloc: that a variant is causal for a trait; 1e-4 usually.", "--prior"
        ),
    ] = None
    conditional_prior: Annotated[
        float | None,
        option(
            PRIORS,
            "C",
            "hyprcoloc: that what is causal for one trait is for a second; 0.02 usually.",
            "--conditional-prior",
        ),
    ] = None
    regional_threshold: Annotated[
        float | None,
        option(
            SIGNALS,
            "P",
            "hyprcoloc: least probability that all of a cluster have a signal; 0.5 usually.",
            "--regional-threshold",
        ),
    ] = None
    alignment_threshold: Annotated[
        float | None,
        option(
            SIGNALS, "P", "hyprcoloc: that it is one variant; 0.5 usually.", "--alignment-threshold"
        ),
    ] = None
    selection: Annotated[
        Literal["regional", "alignment"] | None,
        option(
            SIGNALS,
            "regional|alignment",
            "hyprcoloc: which trait leaves first, one without a signal (usually) or with another.",
            "--selection",
        ),
    ] = None
    priors: Annotated[
        str | None,
        option(
            PRIORS,
            "P,P,P,P",
            "moloc: that a variant is causal for one trait, two, three, four; 1e-4,1e-6,1e-7,1e-8 "
            "usually.",
            "--priors",
        ),
    ] = None
    variants: Annotated[
        Literal["all", "credible", "none"] | None,
        option(
            shared.RESULTS,
            "all|credible|none",
            "Variants in coloc_snps: all that both traits have (usually), or those of credible "
            "sets.",
            "--variants",
        ),
    ] = None

    @property
    def chosen(self) -> "ColocMethod":
        """The method, however it was asked for."""
        if self.conditional and self.method not in ("abf", "conditional"):
            raise UsageError(f"--conditional and --method {self.method} are two methods: give one")
        return "conditional" if self.conditional else self.method

    def request(
        self, files: Sequence[Path], *, sides: TraitSides, regions: Regions
    ) -> "ColocRequest":
        """Return what is asked of some files."""
        from proteomr.colocalisation.request import CONFIGURED, ColocRequest

        method = self.chosen
        self._refuse_unused(method, sides)
        return ColocRequest.of(
            files[0],
            list(files[1:]),
            method=method,
            choices=sides.choices(),
            read=sides.reading(),
            rule=self._rule(),
            windows=regions.windows(),
            ld=self._panels(),
            ld_values=self.ld_values,
            weights=(self.prior_weights1, self.prior_weights2),
            susie=self._susie(),
            clusters=self._clusters(),
            configured=CONFIGURED if self.priors is None else self._configured(),
        )

    def _panels(self) -> "Path | tuple[Path, Path] | None":
        if (self.ld1 is None) != (self.ld2 is None):
            raise UsageError("--ld1 and --ld2 go together; --ld is of both sides")
        if self.ld1 is None or self.ld2 is None:
            return self.ld
        if self.ld is not None:
            raise UsageError("--ld is of both sides, --ld1 and --ld2 of one each: give one or two")
        return self.ld1, self.ld2

    def _rule(self) -> "PairRule":
        from proteomr.colocalisation.rules import PairRule

        method = self.chosen if self.chosen in ("susie", "conditional") else "abf"
        usual = PairRule()
        return PairRule(
            method,
            usual.p1 if self.p1 is None else self.p1,
            usual.p2 if self.p2 is None else self.p2,
            self.p12,
            usual.coverage if self.coverage is None else self.coverage,
            usual.variants if self.variants is None else self.variants,
        )

    def _susie(self) -> "SusieRule":
        from proteomr.colocalisation.choices import SusieRule

        usual = SusieRule()
        return SusieRule(
            usual.effects if self.effects is None else self.effects,
            usual.coverage if self.coverage is None else self.coverage,
            usual.min_purity if self.min_purity is None else self.min_purity,
        )

    def _clusters(self) -> "ClusterRule":
        from proteomr.stats.trait_clusters import ClusterRule

        usual = ClusterRule()
        return ClusterRule(
            usual.prior if self.prior is None else self.prior,
            usual.conditional if self.conditional_prior is None else self.conditional_prior,
            usual.regional if self.regional_threshold is None else self.regional_threshold,
            usual.alignment if self.alignment_threshold is None else self.alignment_threshold,
            usual.selection if self.selection is None else self.selection,
        )

    def _configured(self) -> tuple[float, ...]:
        try:
            return tuple(float(part) for part in (self.priors or "").split(","))
        except ValueError:
            raise UsageError(
                f"--priors {self.priors}: numbers between commas are needed, as 1e-4,1e-6,1e-7,1e-8"
            ) from None

    def _refuse_unused(self, method: "ColocMethod", sides: TraitSides) -> None:
        """Refuse an option that the method has no use for."""
        pairs = ("abf", "susie", "conditional")
        posteriors = (*pairs, "hyprcoloc", "moloc")
        uses: dict[str, tuple[object, tuple[str, ...]]] = {
            "--p1": (self.p1, pairs),
            "--p2": (self.p2, pairs),
            "--p12": (self.p12, pairs),
            "--prior-weights1": (self.prior_weights1, pairs),
            "--prior-weights2": (self.prior_weights2, pairs),
            "--l": (self.effects, ("susie",)),
            "--min-purity": (self.min_purity, ("susie",)),
            "--prior": (self.prior, ("hyprcoloc",)),
            "--conditional-prior": (self.conditional_prior, ("hyprcoloc",)),
            "--regional-threshold": (self.regional_threshold, ("hyprcoloc",)),
            "--alignment-threshold": (self.alignment_threshold, ("hyprcoloc",)),
            "--selection": (self.selection, ("hyprcoloc",)),
            "--priors": (self.priors, ("moloc",)),
            "--coverage": (self.coverage, (*pairs, "hyprcoloc")),
            "--variants": (self.variants, pairs),
            **{name: (value, posteriors) for name, value in sides.facts.items()},
        }
        for name, (value, methods) in uses.items():
            if value is not None and method not in methods:
                raise UsageError(f"{name} is of --method {', '.join(methods)}, not of {method}")
