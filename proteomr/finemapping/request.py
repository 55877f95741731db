"""All that determines the results of fine mapping."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, Final, Literal, Self, TypeAlias

from proteomr.errors import UsageError
from proteomr.gwas.gene_regions import Region
from proteomr.gwas.munging import MUNGE_VERSION
from proteomr.gwas.panel import name_panel
from proteomr.gwas.regions import REGION_TRAIT_VERSION
from proteomr.gwas.study import name_study
from proteomr.gwas.trait_facts import TraitFacts
from proteomr.io.genetics.ld_matrices import LdValues
from proteomr.io.sumstats.selection import Region as Stretch
from proteomr.io.sumstats.selection import Selection
from proteomr.io.sumstats.source import ReadOptions
from proteomr.runs import Data, Request, Source
from proteomr.stats.susie import SusieOptions
from proteomr.tables import load_schema

__all__ = ["TABLES", "FinemapRequest", "Unmappable", "Windows"]

TABLES: Final = ("finemap", "pips", "credible_sets")
"""Tables that fine mapping gives."""

Unmappable: TypeAlias = Literal["none", "inf"]
"""Whether all variants have small effects besides: SuSiE, or SuSiE-inf."""

_P1: Final = 1e-4  # coloc's prior probability
_VERSION: Final = 2  # of regions, checks and tables together
_OPTIONS: Final[Mapping[str, str]] = {
    "effects": "--l",
    "min_purity": "--min-purity",
    "prior_variance": "--prior-variance",
    "rule": "--prior-rule",
    "estimate_residual_variance": "--estimate-residual-variance",
    "var_y": "--var-y",
    "null_weight": "--null-weight",
    "refine": "--refine",
    "tolerance": "--tolerance",
    "most_rounds": "--max-iterations",
    "check_prior": "--no-prior-check",
}
_OF_INFINITE: Final = ("effects", "min_purity", "most_rounds")


@dataclass(frozen=True, slots=True)
class Windows:
    """Stretches around the leads of a trait of the whole genome.

    Parameters
    ----------
    lead_p : largest p value of a lead.
    window_bp : on both sides of a lead; leads stand twice as far apart.

    Raises
    ------
    UsageError
        A number is out of its range.
    """

    lead_p: float = 5e-8
    window_bp: int = 500_000

    def __post_init__(self) -> None:
        if not 0 < self.lead_p <= 1:
            raise UsageError(f"--lead-p {self.lead_p:g}: above 0 and up to 1 is needed")
        if self.window_bp < 1:
            raise UsageError("--window-kb: above 0 is needed")

    @property
    def chosen(self) -> tuple[str, ...]:
        """The options that are not as usual."""
        options = {"lead_p": "--lead-p", "window_bp": "--window-kb"}
        usual = {entry.name: entry.default for entry in fields(self)}
        return tuple(
            option for name, option in options.items() if getattr(self, name) != usual[name]
        )


@dataclass(frozen=True, slots=True)
class FinemapRequest(Request):
    """What is to be fine mapped, and how.

    Attributes
    ----------
    trait : summary statistics, or coloc's own columns.
    ld : panel, see `proteomr.gwas.panel.open_panel`; None for Wakefield's Bayes factors.
    ld_values : what the numbers of a matrix are.
    read : how the trait is read.
    facts : what is said of the trait.
    region : the stretch wanted; None for the whole file, or windows around its leads.
    windows : these.
    susie : what is asked of the sum of single effects; its coverage also without correlations.
    unmappable : whether all variants have small effects besides.
    remove_mismatched : whether variants leave whose effect is likely of the other allele.
    check_mismatch : whether statistics are held against correlations.
    prior_weights : table of prior weights (snp, weight).
    p1 : prior probability of a variant to be causal, without correlations.

    Raises
    ------
    UsageError
        An option does nothing here, or lacks another.
    """

    command: ClassVar[str] = "finemap"

    trait: Source
    ld: Source | None = None
    ld_values: LdValues = "auto"
    read: ReadOptions = field(default_factory=ReadOptions)
    facts: TraitFacts = field(default_factory=TraitFacts)
    region: Region | None = None
    windows: Windows = field(default_factory=Windows)
    susie: SusieOptions = field(default_factory=SusieOptions)
    unmappable: Unmappable = "none"
    remove_mismatched: bool = False
    check_mismatch: bool = True
    prior_weights: Source | None = None
    p1: float = _P1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.p1) and 0 < self.p1 < 1):
            raise UsageError(f"--p1 {self.p1:g}: between 0 and 1 is needed")
        if self.region is not None and self.windows.chosen:
            raise UsageError("--lead-p and --window-kb find regions: leave them out with a region")
        if self.ld is None:
            self._refuse_without_ld()
        else:
            self._refuse_with_ld()

    def _refuse_without_ld(self) -> None:
        given = {
            **self._find_chosen(()),
            "--ld-values": self.ld_values != "auto",
            "--unmappable": self.unmappable != "none",
            "--remove-mismatched": self.remove_mismatched,
            "--no-mismatch-check": not self.check_mismatch,
            "--prior-weights": self.prior_weights is not None,
        }
        name = next((name for name, chosen in given.items() if chosen), None)
        if name is not None:
            raise UsageError(f"{name} is for correlations: add --ld, or leave it out")

    def _refuse_with_ld(self) -> None:
        if self.p1 != _P1:
            raise UsageError("--p1 is for one causal variant without --ld; see --prior-weights")
        if self.susie.var_y is not None and self.facts.n is None:
            raise UsageError("--var-y has its scale from the people: add --n")
        if not self.check_mismatch and self.remove_mismatched:
            raise UsageError("--remove-mismatched is of the check: leave out --no-mismatch-check")
        if self.unmappable == "none":
            return
        if not self.check_mismatch:
            raise UsageError(
                "--unmappable inf decomposes the correlations, which is what the check costs: "
                "leave out --no-mismatch-check"
            )
        if self.facts.n is None:
            raise UsageError("--unmappable inf needs the people: add --n")
        chosen = self._find_chosen(_OF_INFINITE)
        name = next((name for name, differs in chosen.items() if differs), None)
        if name is not None:
            raise UsageError(f"{name} is of SuSiE: leave it out with --unmappable inf")

    def _find_chosen(self, allowed: tuple[str, ...]) -> dict[str, bool]:
        """Return which options of the sum of effects differ from the usual, but for some."""
        usual = SusieOptions()
        return {
            _OPTIONS[entry.name]: getattr(self.susie, entry.name) != getattr(usual, entry.name)
            for entry in fields(SusieOptions)
            if entry.name in _OPTIONS and entry.name not in allowed
        }

    @classmethod
    def of(
        cls,
        trait: Data,
        ld: Data | None = None,
        *,
        ld_values: LdValues = "auto",
        read: ReadOptions | None = None,
        facts: TraitFacts | None = None,
        region: Region | None = None,
        windows: Windows | None = None,
        susie: SusieOptions | None = None,
        unmappable: Unmappable = "none",
        remove_mismatched: bool = False,
        check_mismatch: bool = True,
        prior_weights: Data | None = None,
        p1: float = _P1,
    ) -> Self:
        """Return the request for a trait and a panel as a user names them.

        Examples
        --------
        >>> FinemapRequest.of("trait.csv", "panel", susie=SusieOptions(effects=5)).susie.effects
        5
        """
        return cls(
            trait=name_study(trait, name="trait"),
            ld=None if ld is None else name_panel(ld),
            ld_values=ld_values,
            read=ReadOptions() if read is None else read,
            facts=TraitFacts() if facts is None else facts,
            region=region,
            windows=Windows() if windows is None else windows,
            susie=SusieOptions() if susie is None else susie,
            unmappable=unmappable,
            remove_mismatched=remove_mismatched,
            check_mismatch=check_mismatch,
            prior_weights=None
            if prior_weights is None
            else Source.of(prior_weights, name="prior_weights"),
            p1=p1,
        )

    @property
    def reading(self) -> ReadOptions:
        """How the trait is read: the region alone, where there is one."""
        if self.region is None:
            return self.read
        stretch = Stretch(self.region.chromosome, self.region.start_bp, self.region.end_bp)
        return replace(self.read, selection=Selection((stretch,)))

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of reading, fine mapping and the tables.

        Examples
        --------
        >>> sorted(FinemapRequest.of("trait.csv").formulas())[:2]
        ['finemap', 'munge']
        """
        return {
            "finemap": _VERSION,
            "munge": MUNGE_VERSION,
            "region trait": REGION_TRAIT_VERSION,
            **{f"table {name}": load_schema(name).version for name in TABLES},
        }
