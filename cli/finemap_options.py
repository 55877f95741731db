"""Options of fine mapping: where, with what correlations, and of what model."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from . import options as shared
from .study_options import (
    LINKAGE,
    CisBuild,
    CisKb,
    FormatName,
    LdValuesName,
    Mapped,
    OptionalLd,
    Scales,
    Trait,
    option,
    parse_mapping,
)

if TYPE_CHECKING:
    from proteomr.finemapping import FinemapRequest

__all__ = ["FineMapping"]

REGIONS, TRAIT = "Regions", "Trait"
_KILO = 1000


@dataclass(frozen=True, slots=True)
class FineMapping:
    """What is fine mapped, and how."""

    input_format: FormatName = "auto"
    mapped: Mapped = None
    scales: Scales = "refuse"
    trait: Trait = None
    kind: Annotated[
        Literal["quant", "cc"],
        option(TRAIT, "quant|cc", "A quantitative trait, or cases and controls.", "--type"),
    ] = "quant"
    n: Annotated[
        float | None,
        option(
            TRAIT,
            "N",
            "People. With --ld statistics are shrunk by it, and taken as they stand without; "
            "without --ld a column of the file may tell it.",
            "--n",
        ),
    ] = None
    sdy: Annotated[
        float | None,
        option(
            TRAIT,
            "SD",
            "Standard deviation of a quantitative trait, 1 where it was standardised. Without: "
            "estimated from errors, frequencies and people.",
            "--sdy",
        ),
    ] = None
    case_share: Annotated[
        float | None, option(TRAIT, "S", "Share of cases, with --type cc.", "--case-share")
    ] = None
    region: Annotated[
        str | None,
        option(
            REGIONS,
            "CHR:FROM-TO",
            "This stretch alone. Without: a file of one locus (up to 5 Mb) or without places as a "
            "whole, of others windows around leads.",
        ),
    ] = None
    cis: Annotated[
        str | None,
        option(REGIONS, "GENE", "The stretch within --cis-kb of a gene, by symbol or accession."),
    ] = None
    cis_kb: CisKb = None
    build: CisBuild = None
    lead_p: Annotated[
        float, option(REGIONS, "P", "Largest p value of a lead; 5e-8 usually.", "--lead-p")
    ] = 5e-8
    window_kb: Annotated[
        float,
        option(
            REGIONS,
            "KB",
            "On both sides of a lead; leads stand twice as far apart. 500 usually.",
            "--window-kb",
        ),
    ] = 500.0
    ld: OptionalLd = None
    ld_values: LdValuesName = "auto"
    remove_mismatched: Annotated[
        bool,
        typer.Option(
            "--remove-mismatched",
            rich_help_panel=LINKAGE,
            help="Leave out variants whose effect is likely of the other allele, by what the "
            "others let expect.",
        ),
    ] = False
    no_mismatch_check: Annotated[
        bool,
        typer.Option(
            "--no-mismatch-check",
            rich_help_panel=LINKAGE,
            help="Do not hold statistics against correlations, which takes most of the time with "
            "thousands of variants; regions are then 'unchecked', never 'ok'.",
        ),
    ] = False
    effects: Annotated[
        int, option(shared.MODELS, "L", "Most effects of a region; 10 usually.", "--l")
    ] = 10
    coverage: Annotated[
        float, option(shared.MODELS, "C", "Share of an effect that a credible set holds; 0.95.")
    ] = 0.95
    min_purity: Annotated[
        float,
        option(
            shared.MODELS,
            "R",
            "Sets with a pair of variants of a smaller |r| are left out; 0.5 usually.",
            "--min-purity",
        ),
    ] = 0.5
    unmappable: Annotated[
        Literal["none", "inf"],
        option(
            shared.MODELS,
            "none|inf",
            "inf: all variants have small effects besides (SuSiE-inf); needs --n.",
        ),
    ] = "none"
    refine: Annotated[
        bool,
        typer.Option(
            "--refine",
            rich_help_panel=shared.MODELS,
            help="Start anew without each credible set, to leave a local maximum.",
        ),
    ] = False
    prior_weights: Annotated[
        Path | None,
        option(
            shared.MODELS,
            "FILE",
            "Prior weights (columns snp and weight); variants that are not listed have none.",
            "--prior-weights",
        ),
    ] = None
    null_weight: Annotated[
        float,
        option(shared.MODELS, "W", "Prior probability that an effect is none.", "--null-weight"),
    ] = 0.0
    prior_variance: Annotated[
        float | None,
        option(
            shared.MODELS,
            "V",
            "Of an effect, to start from: share of the trait's variance (0.2), or of z without --n "
            "(50).",
            "--prior-variance",
        ),
    ] = None
    prior_rule: Annotated[
        Literal["optim", "em", "simple", "none"],
        option(
            shared.MODELS,
            "optim|em|simple|none",
            "How it is estimated: at its maximum of likelihood; by EM steps; kept where that beats "
            "0; kept.",
            "--prior-rule",
        ),
    ] = "optim"
    no_prior_check: Annotated[
        bool,
        typer.Option(
            "--no-prior-check",
            rich_help_panel=shared.MODELS,
            help="Go on where it exceeds 100 times the largest squared statistic.",
        ),
    ] = False
    estimate_residual_variance: Annotated[
        bool,
        typer.Option(
            "--estimate-residual-variance",
            rich_help_panel=shared.MODELS,
            help="Only with correlations of the very people of the study.",
        ),
    ] = False
    var_y: Annotated[
        float | None,
        option(shared.MODELS, "V", "Variance of the trait, 1 usually; with --n.", "--var-y"),
    ] = None
    tolerance: Annotated[
        float, option(shared.MODELS, "T", "Of the objective between rounds; 0.001 usually.")
    ] = 1e-3
    max_iterations: Annotated[
        int, option(shared.MODELS, "K", "Most rounds; 100 usually.", "--max-iterations")
    ] = 100
    p1: Annotated[
        float,
        option(
            shared.MODELS,
            "P",
            "Prior probability of a variant to be causal, without --ld; 1e-4 usually.",
            "--p1",
        ),
    ] = 1e-4

    @property
    def columns(self) -> dict[str, str]:
        """Canonical columns and those of the file."""
        return parse_mapping(self.mapped)

    def request(self, file: Path) -> "FinemapRequest":
        """Return the request that these options make."""
        from proteomr.finemapping import FinemapRequest, Windows
        from proteomr.gwas.gene_regions import choose_region
        from proteomr.gwas.trait_facts import TraitFacts
        from proteomr.io.sumstats import ReadOptions
        from proteomr.stats.susie import SusieOptions

        susie = SusieOptions(
            effects=self.effects,
            coverage=self.coverage,
            min_purity=self.min_purity,
            prior_variance=self.prior_variance,
            rule=self.prior_rule,
            estimate_residual_variance=self.estimate_residual_variance,
            var_y=self.var_y,
            null_weight=self.null_weight,
            refine=self.refine,
            tolerance=self.tolerance,
            most_rounds=self.max_iterations,
            check_prior=not self.no_prior_check,
        )
        region = choose_region(self.region, gene=self.cis, build=self.build, kb=self.cis_kb)
        return FinemapRequest.of(
            file,
            self.ld,
            ld_values=self.ld_values,
            read=ReadOptions(
                self.input_format,
                self.columns,
                trait=self.trait,
                scales=self.scales,
            ),
            facts=TraitFacts(self.kind, self.n, self.sdy, self.case_share),
            region=region,
            windows=Windows(self.lead_p, round(_KILO * self.window_kb)),
            susie=susie,
            unmappable=self.unmappable,
            remove_mismatched=self.remove_mismatched,
            check_mismatch=not self.no_mismatch_check,
            prior_weights=self.prior_weights,
            p1=self.p1,
        )
