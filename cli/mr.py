"""`proteomr mr`: Mendelian randomisation of one pair or of thousands."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from . import options as shared
from .bundles import Blocks, Figures, Running, takes_bundles
from .correlated_options import Correlated
from .jobs import Task, choose_formats, run_command
from .remedies import note_itself, refuse_stray_words
from .show_causes import choose_figures, describe_failures, show_causes
from .study_options import (
    CisBuild,
    CisKb,
    Clusters,
    EstimateColumns,
    LdValuesName,
    MatchName,
    OptionalLd,
    Sides,
)

if TYPE_CHECKING:
    from proteomr.mr.harmonise import Action
    from proteomr.mr.job import MrJob
    from proteomr.study.colocalised_hits import ColocalisedMrJob

__all__ = ["mr"]

Convention = Literal["twosamplemr", "mendelianrandomization"]
Unproven = Literal["refuse", "flag"]

INSTRUMENTS, ESTIMATES = "Instruments", "Estimates"


@takes_bundles
def mr(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[EXPOSURE OUTCOME...]",
            help="Summary statistics in any known format: first the exposure, then one or several "
            "outcomes; a column trait parts several in one file.",
            show_default=False,
        ),
    ] = None,
    *,
    sides: Sides,
    correlated: Correlated,
    harmonised: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=INSTRUMENTS,
            help="Variants harmonised before: columns SNP or variant_id, beta_exposure, "
            "se_exposure, beta_outcome, se_outcome, or TwoSampleMR's names.",
        ),
    ] = None,
    instruments_p: Annotated[
        float,
        typer.Option(
            "--instruments-p",
            metavar="P",
            rich_help_panel=INSTRUMENTS,
            help="Largest p value for the exposure.",
        ),
    ] = 5e-8,
    region: Annotated[
        str | None,
        typer.Option(
            metavar="CHR:FROM-TO",
            rich_help_panel=INSTRUMENTS,
            help="Instruments from this stretch alone, such as that around a protein's gene.",
        ),
    ] = None,
    cis: Annotated[
        str | None,
        typer.Option(
            metavar="GENE",
            rich_help_panel=INSTRUMENTS,
            help="Instruments from within --cis-kb of a gene alone, by symbol, alias or accession.",
        ),
    ] = None,
    cis_kb: CisKb = None,
    build: CisBuild = None,
    instruments: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=INSTRUMENTS,
            help="Names of the only variants that may serve, one a line.",
        ),
    ] = None,
    ld: OptionalLd = None,
    ld_values: LdValuesName = "auto",
    clump_r2: Annotated[
        float,
        typer.Option(
            "--clump-r2",
            metavar="R2",
            rich_help_panel=INSTRUMENTS,
            help="Variants of this r2 or more with a stronger one are left out.",
        ),
    ] = 0.001,
    clump_kb: Annotated[
        float,
        typer.Option(
            "--clump-kb",
            metavar="KB",
            rich_help_panel=INSTRUMENTS,
            help="Within this distance, in 1,000 bp.",
        ),
    ] = 10_000,
    match: MatchName = "auto",
    proxies: Annotated[
        bool,
        typer.Option(
            "--proxies",
            rich_help_panel=INSTRUMENTS,
            help="For instruments that an outcome lacks take variants of r2 0.8 or more with them, "
            "alleles checked; needs genotypes in --ld.",
        ),
    ] = False,
    unproven: Annotated[
        Unproven,
        typer.Option(
            metavar="refuse|flag",
            rich_help_panel=INSTRUMENTS,
            help="Several instruments within --clump-kb, and nothing to show that they are "
            "independent.",
        ),
    ] = "refuse",
    outcome_p: Annotated[
        float | None,
        typer.Option(
            "--outcome-p",
            metavar="P",
            rich_help_panel=INSTRUMENTS,
            help="Drop instruments of a p value for the outcome below this.",
        ),
    ] = None,
    steiger_filter: Annotated[
        bool,
        typer.Option(
            "--steiger-filter",
            rich_help_panel=INSTRUMENTS,
            help="Drop instruments that explain more of the outcome than of the exposure.",
        ),
    ] = False,
    action: Annotated[
        int,
        typer.Option(
            min=1,
            max=3,
            metavar="1|2|3",
            rich_help_panel=INSTRUMENTS,
            help="Palindromic variants: 1 as they stand, 2 by their frequencies, 3 dropped.",
        ),
    ] = 2,
    pair_by: Annotated[
        Literal["all", "name"],
        typer.Option(
            metavar="all|name",
            rich_help_panel=INSTRUMENTS,
            help="name: an exposure with the outcomes of its own name alone, such as a protein in "
            "two studies.",
        ),
    ] = "all",
    reverse: Annotated[
        bool,
        typer.Option(
            "--reverse",
            rich_help_panel=INSTRUMENTS,
            help="The other direction as well: outcomes on the exposure.",
        ),
    ] = False,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="all|NAME,NAME",
            rich_help_panel=ESTIMATES,
            help="Names of --list, with parameters if need be: ivw(robust=true),egger. Without: "
            "Wald ratio for one variant, else Egger, weighted median, inverse variance weighted, "
            "simple and weighted mode. Those of mv_ are for several exposures in a harmonised file "
            "(columns beta_NAME, se_NAME).",
        ),
    ] = None,
    list_methods: shared.ListMethods = False,
    convention: Annotated[
        Convention,
        typer.Option(
            metavar="twosamplemr|mendelianrandomization",
            rich_help_panel=ESTIMATES,
            help="R package whose defaults the methods follow where the two differ.",
        ),
    ] = "twosamplemr",
    bootstraps: Annotated[
        int,
        typer.Option(
            min=2, metavar="B", rich_help_panel=ESTIMATES, help="Draws of medians and modes."
        ),
    ] = 1000,
    cases: Annotated[
        list[str] | None,
        typer.Option(
            "--outcome-cases",
            metavar="N|NAME=N",
            rich_help_panel=ESTIMATES,
            help="Cases of binary outcomes, for the direction, the reach and odds ratios: a number "
            "for all, or NAME=N for each, repeated; with --outcome-controls.",
            show_default=False,
        ),
    ] = None,
    controls: Annotated[
        list[str] | None,
        typer.Option(
            "--outcome-controls",
            metavar="N|NAME=N",
            rich_help_panel=ESTIMATES,
            help="Controls.",
            show_default=False,
        ),
    ] = None,
    ratio: Annotated[
        bool,
        typer.Option(
            "--ratio",
            rich_help_panel=ESTIMATES,
            help="Effects on the outcomes are log odds: estimates get odds ratios, figures log "
            "axes. Not needed with cases, told or among the variants.",
        ),
    ] = False,
    prevalence: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            rich_help_panel=ESTIMATES,
            help="Of the binary outcome in the population.",
        ),
    ] = 0.1,
    overlap: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            metavar="SHARE",
            rich_help_panel=ESTIMATES,
            help="Share of the larger study that is in the other one, to bound the bias (table "
            "reach).",
        ),
    ] = None,
    controls_file: Annotated[
        Path | None,
        typer.Option(
            "--controls",
            metavar="FILE",
            rich_help_panel=ESTIMATES,
            help="Positive and negative controls: exposure, outcome, expected (up, down, none); "
            "the table controls_checked says which came out as expected.",
        ),
    ] = None,
    altering: Annotated[
        Path | None,
        typer.Option(
            "--altering",
            metavar="FILE",
            rich_help_panel=ESTIMATES,
            help="Names of protein-altering variants, one a line: instruments that are one, or "
            "have r2 >= 0.8 with one in --ld, are flagged, and estimated without as well.",
        ),
    ] = None,
    clusters: Clusters = False,
    coloc: Annotated[
        bool,
        typer.Option(
            "--coloc",
            rich_help_panel=ESTIMATES,
            help="Colocalise the pairs with q below 0.05, in windows around leads (or in --region, "
            "--cis), by abf: tables coloc, coloc_snps, coloc_sensitivity, and coloc_gate, which "
            "has estimate, direction and posteriors of each hit and says what passes.",
        ),
    ] = False,
    blocks: Blocks,
    out: shared.Out,
    format: shared.Format = "parquet",
    columns: EstimateColumns = "native",
    figures: Figures,
    running: Running,
) -> None:
    """Estimate causal effects from genetic variants.

    Writes estimates, heterogeneity, pleiotropy, singlesnp, leaveoneout, rucker, outliers, steiger,
    verdict, reach, instruments and harmonised (every variant, kept or dropped, with the reason);
    with the method presso also presso and presso_outliers, with cml(perturbations=N) model_fit.
    """
    del list_methods
    refuse_stray_words(files or (), remedy="first the exposure's file, then the outcomes'")
    if instruments is not None:
        refuse_stray_words([instruments], remedy="--instruments names a file, a variant a line")
    tables = sides.tables

    def make_job() -> "MrJob | ColocalisedMrJob":
        note_itself(files or ())
        from proteomr.gwas.clumping import Clumping
        from proteomr.gwas.gene_regions import choose_region
        from proteomr.mr.estimate import DEFAULT_METHODS
        from proteomr.mr.inputs import InstrumentRule
        from proteomr.mr.job import MrJob
        from proteomr.mr.request import MrRequest

        read_exposure, read_outcome = sides.make_options()
        from proteomr.mr.trait_sizes import parse_cases

        rule = InstrumentRule(
            p=instruments_p,
            region=choose_region(region, gene=cis, build=build, kb=cis_kb),
            clumping=Clumping(r2=clump_r2, kb=clump_kb),
            unproven=unproven,
            outcome_p=outcome_p,
            action=cast("Action", action),
            proxies=proxies,
            match=match,
        )
        size, named = parse_cases(cases or (), controls or (), prevalence=prevalence)
        request = MrRequest.of(
            files[0] if files else None,
            files[1:] if files else (),
            harmonised=harmonised,
            read_exposure=read_exposure,
            read_outcome=read_outcome,
            methods=DEFAULT_METHODS if methods is None else methods,
            convention=convention,
            bootstraps=bootstraps,
            rule=rule,
            instruments=instruments,
            ld=ld,
            ld_values=ld_values,
            **correlated.choose(),
            pair_by=pair_by,
            reverse=reverse,
            steiger_filter=steiger_filter,
            outcome_size=size,
            outcome_cases=named,
            overlap=overlap,
            log_odds=ratio,
            controls=controls_file,
            altering=altering,
            clusters=clusters,
            seed=running.seed,
        )
        job = MrJob(request, columns, choose_figures(figures))
        if not coloc:
            return job
        from proteomr.study.colocalised_hits import add_colocalisation

        return add_colocalisation(job)

    task = Task(
        make_job,
        out,
        show_causes,
        describe_failures,
        tables=tables,
        formats=choose_formats(format),
        blocks=blocks,
        form={"columns": columns, **figures.form},
        doing="estimating",
    )
    run_command(context, running, task)
