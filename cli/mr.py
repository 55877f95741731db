"""`proteomr mr`: Mendelian randomisation of one pair or of thousands."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from proteomr.errors import UsageError

from . import options as shared
from .causal import draw_figures, report_pairs
from .console import say
from .journal import keep_journal, open_journal
from .running import FAILED_UNITS, hold_threads, record_inputs, refuse_used_folder

if TYPE_CHECKING:
    from proteomr.mr.harmonise import Action

__all__ = ["mr"]

Convention = Literal["twosamplemr", "mendelianrandomization"]
Columns = Literal["native", "twosamplemr"]
Build = Literal["GRCh37", "GRCh38"]
Match = Literal["auto", "name", "rsid", "position"]
Unproven = Literal["refuse", "flag"]

INSTRUMENTS, ESTIMATES = "Instruments", "Estimates"


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
    cis_kb: Annotated[
        int,
        typer.Option(
            "--cis-kb", min=0, metavar="KB", rich_help_panel=INSTRUMENTS, help="See --cis."
        ),
    ] = 1000,
    build: Annotated[
        Build,
        typer.Option(
            metavar="GRCh37|GRCh38",
            rich_help_panel=INSTRUMENTS,
            help="Of the positions, for --cis.",
        ),
    ] = "GRCh38",
    instruments: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=INSTRUMENTS,
            help="Names of the only variants that may serve, one a line.",
        ),
    ] = None,
    ld: Annotated[
        Path | None,
        typer.Option(
            "--ld",
            metavar="BFILE|MATRIX",
            rich_help_panel=INSTRUMENTS,
            help="Genotypes (bed, bim and fam; or pgen), or a square matrix of correlations with "
            "the variants' names (csv, tsv, also gz; npz; parquet), for clumping.",
        ),
    ] = None,
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
    match: Annotated[
        Match,
        typer.Option(
            metavar="auto|name|rsid|position",
            rich_help_panel=INSTRUMENTS,
            help="By what instruments are found in an outcome; auto: name, else rsid, else "
            "position where both files tell one build.",
        ),
    ] = "auto",
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
        float | None,
        typer.Option(
            "--outcome-cases",
            metavar="N",
            rich_help_panel=ESTIMATES,
            help="Cases of a binary outcome, for the direction; with --outcome-controls.",
        ),
    ] = None,
    controls: Annotated[
        float | None,
        typer.Option(
            "--outcome-controls", metavar="N", rich_help_panel=ESTIMATES, help="Controls."
        ),
    ] = None,
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
    threads: shared.Threads = None,
    seed: shared.Seed = 1,
    overwrite: shared.Overwrite = False,
    out: shared.Out,
    format: shared.Format = "parquet",
    columns: Annotated[
        Columns,
        typer.Option(
            "--columns",
            metavar="native|twosamplemr",
            rich_help_panel=shared.RESULTS,
            help="Names of the columns and methods in the table of estimates.",
        ),
    ] = "native",
    figures: Annotated[
        bool,
        typer.Option(
            "--figures",
            rich_help_panel=shared.RESULTS,
            help="Draw scatter, forest, leave-one-out, funnel and radial plots into the folder "
            "figures; of more than six pairs, those of q below 0.05 as one book. Needs the extra "
            "proteomr[plot].",
        ),
    ] = False,
    allow_failures: shared.AllowFailures = False,
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    log_json: shared.LogJson = False,
) -> None:
    """Estimate causal effects from genetic variants.

    Writes estimates, heterogeneity, pleiotropy, singlesnp, leaveoneout, steiger, verdict,
    instruments and harmonised (every variant, kept or dropped, with the reason).
    """
    del list_methods
    log = open_journal(quiet=quiet, verbose=verbose, as_json=log_json)
    workers = hold_threads(threads)
    from proteomr.execute import Threads
    from proteomr.gwas.clumping import Clumping
    from proteomr.mr.analysis import TraitSize
    from proteomr.mr.choice import split_methods
    from proteomr.mr.estimate import DEFAULT_METHODS
    from proteomr.mr.inputs import InstrumentRule
    from proteomr.mr.instruments import choose_region
    from proteomr.mr.outputs import write_analysis
    from proteomr.mr.run import MrRequest, run_mr
    from proteomr.provenance import Manifest, utc_now
    from proteomr.runs import hold_folder

    started = utc_now()
    rule = InstrumentRule(
        p=instruments_p,
        region=choose_region(region, gene=cis, build=build, window_bp=1000 * cis_kb),
        clumping=Clumping(p1=instruments_p, p2=1.0, r2=clump_r2, kb=clump_kb),
        unproven=unproven,
        outcome_p=outcome_p,
        action=cast("Action", action),
        proxies=proxies,
        match=match,
    )
    keys = DEFAULT_METHODS if methods is None else split_methods(methods)
    request = MrRequest(
        exposure=files[0] if files else None,
        outcomes=tuple(files[1:]) if files else (),
        harmonised=harmonised,
        rule=rule,
        instruments=instruments,
        ld=ld,
        reverse=reverse,
        steiger_filter=steiger_filter,
        methods=tuple(keys),
        convention=convention,
        bootstraps=bootstraps,
        outcome_size=TraitSize(cases, controls, prevalence),
        overlap=overlap,
        controls=controls_file,
        seed=seed,
    )
    if request.joint and figures:
        raise UsageError("--figures draws one exposure at a time: leave it out with mv_ methods")
    with hold_folder(out):
        refuse_used_folder(out, overwrite=overwrite)
        log.info("reading %s", ", ".join(map(str, [*(files or []), *filter(None, [harmonised])])))
        found = run_mr(request, executor=Threads(workers))
        manifest = Manifest(
            command="mr",
            arguments=tuple(sys.argv[1:]),
            configuration=shared.resolve_settings(context, tables={}),
            inputs=record_inputs(*found.inputs),
            family_of_tests="all pairs of each method (q_bh)",
            seed=seed,
            threads=workers,
            started=started,
        )
        write_analysis(
            out, found.tables, manifest=manifest, drops=found.drops, format=format, columns=columns
        )
        if figures:
            log.info("%s pairs drawn", draw_figures(found, out / "figures"))
        keep_journal(out / "log.txt", again=False)
    failed = report_pairs(found, quiet=quiet)
    say(str(out / "estimates.parquet"))
    if failed and not allow_failures:
        raise typer.Exit(FAILED_UNITS)
