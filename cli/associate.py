"""`proteomr associate`: all proteins against exposures under several adjustment sets."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from proteomr.errors import NothingToDo

from . import options as shared
from .console import say
from .journal import open_journal
from .outcome import report_outcome
from .running import (
    Executor,
    RunOptions,
    Sources,
    describe_plan,
    hold_threads,
    open_plan,
    read_shard,
    run_scan,
)

if TYPE_CHECKING:
    from proteomr.association import Plan

__all__ = ["associate"]

Family = Literal["linear", "logistic"]
Transform = Literal["rint", "log2", "zscore", "none"]
Tests = Literal["joint", "exposure"]
Errors = Literal["classical", "HC0", "HC1", "HC2", "HC3", "CR0", "CR1", "CR2"]


def associate(
    context: typer.Context,
    samples: Annotated[
        Path,
        typer.Argument(
            metavar="SAMPLES",
            help="One row per person: parquet, csv or tsv, also .gz. Or a store, the folder that "
            "ingest or qc wrote, for SAMPLES and PROTEINS together.",
            show_default=False,
        ),
    ],
    proteins: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PROTEINS",
            help="One column per protein, of the same people in any order; several files or a "
            "quoted glob are joined on the identifier. Or a store, whose plate, batch and other "
            "columns of samples then join those of SAMPLES.",
            show_default=False,
        ),
    ] = None,
    *,
    family: Annotated[
        Family,
        typer.Option(
            metavar="|".join(get_args(Family)),
            rich_help_panel=shared.MODELS,
            help="linear: protein ~ exposure. logistic: exposure ~ protein.",
        ),
    ],
    exposure: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column of the samples; repeat for several.",
        ),
    ],
    adjust: Annotated[
        list[str] | None,
        typer.Option(
            metavar='LABEL="TERMS"',
            rich_help_panel=shared.MODELS,
            help='Adjustment set, such as simple="age + sex + C(site) + PC1..PC20"; repeat for '
            "several, where a label stands for its terms in later ones. Without: unadjusted.",
            show_default=False,
        ),
    ] = None,
    transform: Annotated[
        Transform,
        typer.Option(
            metavar="rint|log2|zscore|none",
            rich_help_panel=shared.MODELS,
            help="Of each protein, within the complete cases of each fit; rint: rank-based "
            "inverse normal.",
        ),
    ] = "rint",
    interaction: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Covariate whose product with the exposure (linear) or the protein (logistic) is "
            "in every model and gets rows of its own.",
        ),
    ] = None,
    strata: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column whose levels are analysed one by one.",
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column of the samples with the weight of each person.",
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column of the samples with the cluster of each person, for --se CR0, CR1, CR2.",
        ),
    ] = None,
    errors: Annotated[
        Errors,
        typer.Option(
            "--se",
            metavar="KIND",
            rich_help_panel=shared.MODELS,
            help="Standard errors: classical; HC0, HC1, HC2, HC3 as R's sandwich; CR0, CR1, CR2 "
            "clustered, as clubSandwich.",
        ),
    ] = "classical",
    firth: Annotated[
        bool,
        typer.Option(
            "--firth",
            rich_help_panel=shared.MODELS,
            help="Firth's estimate with its profile interval where a logistic fit is separated.",
        ),
    ] = False,
    tests: Annotated[
        Tests,
        typer.Option(
            metavar="joint|exposure",
            rich_help_panel=shared.MODELS,
            help="What multiple testing spans in each adjustment set: all exposures jointly, or "
            "each by itself.",
        ),
    ] = "joint",
    effective_tests: Annotated[
        bool,
        typer.Option(
            "--effective-tests",
            rich_help_panel=shared.MODELS,
            help="Count the independent tests that the proteins amount to (Nyholt, Li-Ji, Galwey, "
            "Gao), and print the threshold of each.",
        ),
    ] = False,
    level: Annotated[
        float,
        typer.Option(
            min=0.5,
            max=0.9999,
            metavar="LEVEL",
            rich_help_panel=shared.MODELS,
            help="Coverage of the confidence intervals.",
        ),
    ] = 0.95,
    protein_covariate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            rich_help_panel=shared.INPUT,
            help="A covariate with a column for each protein or each panel, such as "
            "timegap=STORE/time_gap.parquet, to be used as NAME in --adjust; repeat for several.",
            show_default=False,
        ),
    ] = None,
    assays: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=shared.INPUT,
            help="Table of the assays: protein, panel where a covariate is per panel, gene for the "
            "results. Without: that of the store.",
        ),
    ] = None,
    id_column: shared.IdColumn = None,
    withdrawn: shared.Withdrawn = None,
    threads: shared.Threads = None,
    executor: Annotated[
        Executor,
        typer.Option(
            metavar="local|dask",
            rich_help_panel=shared.COMPUTING,
            help="Who fits the blocks. local: threads of this process. dask: processes of the "
            "extra proteomr[dask], as many as --threads; the numbers are the same.",
        ),
    ] = "local",
    dask_scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            rich_help_panel=shared.COMPUTING,
            help="With --executor dask: use the workers of this scheduler, such as "
            "tcp://10.0.0.5:8786, instead of processes of this machine; they must see the files "
            "under the same paths.",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            rich_help_panel=shared.COMPUTING,
            help="Fit this share of the blocks alone, such as 1/8; `proteomr merge DIR` joins "
            "the shares.",
        ),
    ] = None,
    resume: shared.Resume = False,
    overwrite: shared.Overwrite = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            rich_help_panel=shared.COMPUTING,
            help="Say what would run and how long it would take; write nothing.",
        ),
    ] = False,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="S",
            rich_help_panel=shared.COMPUTING,
            help="Put into the manifest; nothing in these fits is random.",
        ),
    ] = 1,
    _config: shared.Config = None,
    print_config: shared.PrintConfig = False,
    out: shared.Out,
    format: shared.Format = "parquet",
    columns: shared.Columns = "native",
    allow_failures: shared.AllowFailures = False,
    no_progress: shared.NoProgress = False,
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    log_json: shared.LogJson = False,
) -> None:
    """Associate every protein with exposures, in one pass.

    Each protein has its own complete cases, in which it is transformed and then fitted. The run
    folder gets associations.parquet, summary.tsv, drops.tsv, manifest.json and log.txt; the
    summary and the path of the table are printed.
    """
    sets = shared.parse_pairs(adjust, option="--adjust", example='LABEL="age + sex"')
    files = shared.parse_pairs(protein_covariate, option="--protein-covariate", example="NAME=FILE")
    tables = {"adjust": sets, "protein-covariate": files}
    settings = shared.resolve_settings(context, tables=tables)
    if print_config:
        say(shared.write_configuration(settings))
        return
    options = RunOptions(
        out=out,
        threads=hold_threads(threads),
        shard=read_shard(shard),
        resume=resume,
        overwrite=overwrite,
        format=format,
        columns=columns,
        allow_failures=allow_failures,
        seed=seed,
        progress=not (no_progress or quiet),
        executor=executor,
        dask_scheduler=dask_scheduler,
        effective_tests=effective_tests,
    )
    open_journal(quiet=quiet, verbose=verbose, as_json=log_json)
    from proteomr.association import ModelSpec

    spec = ModelSpec(
        family,
        tuple(exposure),
        sets or {"unadjusted": "1"},
        transform=transform,
        strata=strata,
        firth=firth,
        test_family=tests,
        interaction=interaction,
        errors=errors,
        cluster=cluster,
        weights=weights,
        level=level,
    )
    own = {name: Path(path) for name, path in files.items()}
    sources = Sources(samples, tuple(proteins or ()), own, assays, id_column, withdrawn)
    with open_plan(sources, spec) as (plan, inputs):
        if dry_run:
            _print_plan(plan, options)
        else:
            outcome = run_scan(plan, options=options, inputs=inputs, configuration=settings)
            report_outcome(outcome, options=options, quiet=quiet)


def _print_plan(plan: "Plan", options: RunOptions) -> None:
    from proteomr.scan import estimate_cost

    blocks = plan.blocks if options.shard is None else options.shard.select(plan.blocks)
    if not blocks:
        raise NothingToDo(f"shard {options.shard} has none of the {len(plan.blocks)} blocks")
    began = time.process_time()
    cost = estimate_cost(plan, blocks)
    spent, threads = time.process_time() - began, options.threads
    proteins = sum(len(block.proteins) for block in blocks)
    rows = [
        ("people", f"{plan.cohort.n}, complete for exposure and covariates: {cost.people}"),
        ("proteins", f"{proteins} in {len(blocks)} blocks"),
        ("fits", f"{cost.fits}, {plan.tests_per_protein} for each protein"),
        *describe_plan(plan),
        ("memory", f"about {cost.memory_bytes(threads) / 1e6:.0f} MB with {threads} threads"),
        ("time", f"about {cost.seconds / threads:.1f} s with {threads} threads"),
        ("", f"(from {cost.timed} proteins, fitted in {spent:.1f} s)"),
    ]
    for label, found in rows:
        say(f"{label:<10} {found}".rstrip())
