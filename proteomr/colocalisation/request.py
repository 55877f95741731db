"""All that determines the numbers of a colocalisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Literal, Self, TypeAlias

from proteomr.colocalisation.choices import SusieRule, TraitChoice
from proteomr.colocalisation.rules import PairRule
from proteomr.colocalisation.stretches import WindowRule
from proteomr.errors import UsageError
from proteomr.gwas.clumping import CLUMP_VERSION
from proteomr.gwas.munging import MUNGE_VERSION
from proteomr.gwas.panel import name_panel
from proteomr.gwas.regions import REGION_TRAIT_VERSION
from proteomr.gwas.study import name_studies
from proteomr.io.genetics.ld_matrices import LdValues
from proteomr.io.sumstats.source import ReadOptions
from proteomr.runs import Data, Request, Source
from proteomr.stats.trait_clusters import ClusterRule
from proteomr.tables import load_schema

__all__ = ["CONFIGURED", "TABLES", "ColocMethod", "ColocRequest"]

ColocMethod: TypeAlias = Literal["abf", "susie", "conditional", "smr", "hyprcoloc", "moloc"]
"""How traits are compared: pairs by one signal each or several, or all traits at once."""

TABLES: Final[Mapping[ColocMethod, tuple[str, ...]]] = {
    "abf": ("coloc", "coloc_snps", "coloc_sensitivity"),
    "susie": ("coloc", "coloc_snps", "coloc_sensitivity", "credible_sets"),
    "conditional": ("coloc", "coloc_snps", "coloc_sensitivity"),
    "smr": ("smr",),
    "hyprcoloc": ("coloc_clusters", "coloc_cluster_snps"),
    "moloc": ("coloc_configurations",),
}
"""Tables of each method, the main one first."""

CONFIGURED: Final = (1e-4, 1e-6, 1e-7, 1e-8)
"""Prior probabilities of moloc that a variant is causal for one trait, two, three and four."""

_VERSION: Final = 2  # of how variants are matched, regions found and evidence summed
_NEEDS_LD: Final = ("susie", "conditional", "smr")
_OF_SIGNALS: Final = ("susie", "conditional", "smr")  # take the p of leads in a region, too
_OF_ALL: Final = ("hyprcoloc", "moloc")  # all traits at once, without correlations
_OF_FIRST: Final = ("abf", "smr")  # take correlations of the first side alone, but for leads
_MOST_CONFIGURED: Final = 4  # traits of moloc: 52 configurations; five have 203


@dataclass(frozen=True, slots=True)
class ColocRequest(Request):
    """What is compared, and how.

    Attributes
    ----------
    traits : studies; the first is held against each of the others, or all against each other.
    method : how.
    choices : what is said of the first study's traits, and of the others'.
    read : how the first study is read, and how the others are.
    rule : priors of pairs, and what is written.
    windows : where traits are compared.
    ld : panels of the first study and of the others; None for none.
    ld_values : what the numbers of matrices are.
    weights : tables of prior weights by variant, for each side.
    susie : how credible sets are found.
    clusters : priors and thresholds of clusters.
    configured : priors that a variant is causal for one trait, two, three and four, of moloc.
    named : what is said of single traits of the others, by name, in the place of ``choices``.
    """

    command: ClassVar[str] = "coloc"

    traits: tuple[Source, ...]
    method: ColocMethod = "abf"
    choices: tuple[TraitChoice, TraitChoice] = (TraitChoice(), TraitChoice())
    read: tuple[ReadOptions, ReadOptions] = (ReadOptions(), ReadOptions())
    rule: PairRule = field(default_factory=PairRule)
    windows: WindowRule = field(default_factory=WindowRule)
    ld: tuple[Source | None, Source | None] = (None, None)
    ld_values: LdValues = "auto"
    weights: tuple[Source | None, Source | None] = (None, None)
    susie: SusieRule = field(default_factory=SusieRule)
    clusters: ClusterRule = field(default_factory=ClusterRule)
    configured: tuple[float, ...] = CONFIGURED
    named: tuple[tuple[str, TraitChoice], ...] = ()

    def __post_init__(self) -> None:
        if self.method in _NEEDS_LD and None in self.ld:
            raise UsageError(
                f"--method {self.method} needs the correlations of variants: give --ld, or --ld1 "
                "and --ld2"
            )
        self._refuse_idle_linkage()
        one = len(self.traits) == 1
        if one and self.method not in _OF_ALL:
            raise UsageError(
                "one file is named: a first trait and one or several others are needed"
            )
        if not all(0.0 < prior < 1.0 for prior in self.configured):
            raise UsageError("--priors: probabilities between 0 and 1 are needed")
        if len(self.configured) != _MOST_CONFIGURED:
            raise UsageError("--priors: four are needed: of one trait, two, three and four")

    def _refuse_idle_linkage(self) -> None:
        """Refuse correlations, and what is said of leads, where nothing takes them."""
        if self.ld == (None, None):
            for name, given in (
                ("--ld-values", self.ld_values != "auto"),
                ("--lead-r2", self.windows.lead_r2 != WindowRule().lead_r2),
            ):
                if given:
                    raise UsageError(f"{name} is for correlations: add --ld, or leave it out")
        if self.windows.region is not None and self.idle_in_one_region:
            raise UsageError(
                f"{self.idle_in_one_region[0]} is of leads, and --method {self.method} in one "
                "region looks for none: leave it out"
            )

    @property
    def idle_in_one_region(self) -> tuple[str, ...]:
        """The options given that change nothing where all is one region, asked for or not."""
        idle = {
            "--lead-p": self.method not in _OF_SIGNALS and self.windows.p != WindowRule().p,
            "--ld" if self.one_panel else "--ld1": self.method in _OF_ALL
            and self.ld != (None, None),
            "--ld2": self.method in (*_OF_FIRST, *_OF_ALL) and not self.one_panel,
        }
        return (*self.windows.chosen, *(name for name, given in idle.items() if given))

    @property
    def one_panel(self) -> bool:
        """Whether the panels of both sides are one and the same, or there is none."""
        first, second = self.ld
        if first is None or second is None or first is second:
            return first is second
        return first.frame is None and second.frame is None and first.files == second.files

    @classmethod
    def of(
        cls,
        first: Data,
        others: Data | Sequence[Data] = (),
        *,
        method: ColocMethod = "abf",
        choices: tuple[TraitChoice, TraitChoice] | None = None,
        read: tuple[ReadOptions, ReadOptions] | None = None,
        rule: PairRule | None = None,
        windows: WindowRule | None = None,
        ld: Data | tuple[Data, Data] | None = None,
        ld_values: LdValues = "auto",
        weights: tuple[Data | None, Data | None] = (None, None),
        susie: SusieRule | None = None,
        clusters: ClusterRule | None = None,
        configured: tuple[float, ...] = CONFIGURED,
    ) -> Self:
        """Return the request for studies as a user names them.

        Raises
        ------
        UsageError
            What is asked for does not fit the method.

        Examples
        --------
        >>> ColocRequest.of("ADM.tsv", ["stroke.tsv", "ckd.tsv"]).method
        'abf'
        """
        panel, other = ld if isinstance(ld, tuple) else (ld, ld)
        one = _name_panel(panel)
        kind = method if method in ("susie", "conditional") else "abf"
        asked = rule or PairRule()
        where = windows or WindowRule()
        said = choices or (TraitChoice(), TraitChoice())
        return cls(
            (*name_studies(first, name="trait1"), *name_studies(others, name="trait2")),
            method,
            (replace(said[0], suffix="1"), replace(said[1], suffix="2")),
            read or (ReadOptions(), ReadOptions()),
            replace(asked, method=kind, lead_p=where.p),
            where,
            (one, one if other is panel else _name_panel(other)),
            ld_values,
            (_name_weights(weights[0], 1), _name_weights(weights[1], 2)),
            susie or SusieRule(),
            clusters or ClusterRule(),
            configured,
        )

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables, the main one first."""
        return TABLES[self.method]

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of reading, of the method and of its tables.

        Examples
        --------
        >>> sorted(ColocRequest.of("a.tsv", "b.tsv").formulas())[:3]
        ['clump', 'coloc', 'munge']
        """
        return {
            "coloc": _VERSION,
            "munge": MUNGE_VERSION,
            "clump": CLUMP_VERSION,
            "region traits": REGION_TRAIT_VERSION,
            **{f"table {name}": load_schema(name).version for name in self.tables},
        }


def _name_panel(panel: Data | None) -> Source | None:
    return None if panel is None else name_panel(panel)


def _name_weights(weights: Data | None, side: int) -> Source | None:
    return None if weights is None else Source.of(weights, name=f"weights{side}")
