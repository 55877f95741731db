"""`proteomr associate`: all proteins against exposures, under several adjustment sets, in one pass."""

import sys
import tempfile
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proteomr.errors import UsageError

from . import options as shared
from .console import print_table, report_note, track
from .journal import open_journal

if TYPE_CHECKING:
    import polars as pl

    from proteomr.association import ModelSpec, Plan
    from proteomr.execute import Executor, Shard
    from proteomr.provenance import InputFile
    from proteomr.tables import Cohort, ProteinCovariate

__all__ = ["associate"]

FAILED_UNITS = 4


class Family(StrEnum):
    """Regression families."""

    linear = "linear"
    logistic = "logistic"


class Transform(StrEnum):
    """Transforms of the protein."""

    rint = "rint"
    log2 = "log2"
    zscore = "zscore"
    none = "none"


class TestFamily(StrEnum):
    """What multiple testing spans."""

    joint = "joint"
    exposure = "exposure"


def associate(
    samples: Annotated[
        Path,
        typer.Argument(
            help="One row per person (parquet, csv, tsv, also .gz), or a folder with samples.parquet "
            "and proteins.parquet.",
            show_default=False,
        ),
    ],
    proteins: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Wide protein tables, joined on the identifier; a quoted glob may stand for many.",
            show_default=False,
        ),
    ] = None,
    *,
    family: Annotated[
        Family,
        typer.Option(help="linear: protein ~ exposure. logistic: exposure ~ protein."),
    ],
    exposure: Annotated[
        list[str], typer.Option(help="Column of the samples; repeat for several.")
    ],
    out: shared.Out,
    adjust: Annotated[
        list[str] | None,
        typer.Option(
            help='Adjustment set LABEL="age + sex + C(site) + PC1..PC20"; repeat for several; a '
            "label may be used in later sets. Without any: unadjusted.",
            show_default=False,
        ),
    ] = None,
    protein_covariate: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=FILE: a covariate with a column for each protein or panel, used as NAME in "
            "--adjust.",
            show_default=False,
        ),
    ] = None,
    assays: Annotated[
        Path | None, typer.Option(help="Table of protein, gene, panel, ... of the assays.")
    ] = None,
    transform: Annotated[
        Transform, typer.Option(help="Of each protein, within the complete cases of each fit.")
    ] = Transform.rint,
    strata: Annotated[
        str | None, typer.Option(help="Column whose levels are analysed one by one.")
    ] = None,
    firth: Annotated[
        bool,
        typer.Option("--firth", help="Firth's estimate and profile interval where separated."),
    ] = False,
    tests: Annotated[
        TestFamily,
        typer.Option(help="Multiple testing over all exposures jointly, or within each."),
    ] = TestFamily.joint,
    level: Annotated[
        float, typer.Option(min=0.5, max=0.9999, help="Coverage of the intervals.")
    ] = 0.95,
    id_column: shared.IdColumn = None,
    withdrawn: shared.Withdrawn = None,
    threads: shared.Threads = None,
    shard: Annotated[
        str | None,
        typer.Option(help="i/n: compute this share of the blocks; `proteomr merge` joins them."),
    ] = None,
    resume: shared.Resume = False,
    overwrite: shared.Overwrite = False,
    seed: Annotated[
        int,
        typer.Option(min=0, help="Recorded in the manifest; nothing in these fits is random."),
    ] = 1,
    format: shared.Format = shared.TableFormat.parquet,
    columns: shared.Columns = shared.ColumnNames.native,
    allow_failures: shared.AllowFailures = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would run, and how long it would take; write nothing."),
    ] = False,
    config: shared.Config = None,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the options as TOML for --config.")
    ] = False,
    no_progress: shared.NoProgress = False,
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Log lines on stderr as JSON.")
    ] = False,
) -> None:
    """Associate every protein with exposures under one or more adjustment sets.

    Complete cases per protein, then the transform, then the fit. Writes associations.parquet,
    summary.tsv, drops.tsv, manifest.json and log.txt into the run folder; prints the summary.
    """
    from proteomr.execute import Shard, Workers, available_threads

    sets = shared.parse_pairs(adjust or [], option="--adjust", example='LABEL="age + sex"')
    files = shared.parse_pairs(
        protein_covariate or [], option="--protein-covariate", example="NAME=FILE"
    )
    settings: dict[str, object] = {
        "samples": samples,
        "proteins": list(proteins or []),
        "family": family.value,
        "exposure": exposure,
        "transform": transform.value,
        "tests": tests.value,
        "level": level,
        "firth": firth,
        "strata": strata,
        "assays": assays,
        "id_column": id_column,
        "withdrawn": withdrawn,
        "threads": threads,
        "seed": seed,
        "format": format.value,
        "columns": columns.value,
        "allow_failures": allow_failures,
        "out": out,
        "adjust": sets,
        "protein_covariate": files,
    }
    if print_config:
        typer.echo(shared.write_configuration(settings))
        return
    if resume and overwrite:
        raise UsageError("--resume continues a run and --overwrite replaces it: choose one")
    spec = _specify(settings, sets)
    part = Shard.parse(shard) if shard is not None else None
    workers = Workers(threads if threads is not None else available_threads())
    journal = open_journal(quiet=quiet, verbose=verbose, as_json=log_json)
    with tempfile.TemporaryDirectory(prefix="proteomr-") as scratch:
        journal.info("reading %s", ", ".join(map(str, [samples, *(proteins or [])])))
        cohort, covariates, inputs = _read(settings, files, Path(scratch))
        from proteomr.association import plan_scan

        plan = plan_scan(cohort, spec, covariates=covariates)
        _describe(plan, journal.info)
        if dry_run:
            _print_plan(plan, workers=workers, part=part)
            return
        journal_file = None if part is not None else "log.txt"
        failed = _run(
            plan,
            settings,
            inputs,
            workers=workers,
            part=part,
            resume=resume,
            overwrite=overwrite,
            show=not (no_progress or quiet),
            journal_file=journal_file,
        )
    if failed and not allow_failures:
        raise typer.Exit(FAILED_UNITS)


def _specify(settings: dict[str, object], sets: dict[str, str]) -> "ModelSpec":
    from proteomr.association import ModelSpec

    exposures = settings["exposure"]
    facts: dict[str, object] = {
        "family": settings["family"],
        "exposures": list(exposures) if isinstance(exposures, list | tuple) else [exposures],
        "transform": settings["transform"],
        "strata": settings["strata"],
        "firth": settings["firth"],
        "test_family": settings["tests"],
        "level": settings["level"],
    }
    if sets:
        facts["adjust"] = sets
    return ModelSpec.from_dict(facts)


def _read(
    settings: dict[str, object], files: dict[str, str], scratch: Path
) -> tuple["Cohort", list["ProteinCovariate"], list["InputFile"]]:
    from proteomr.io import find_files, read_cohort, read_protein_covariate
    from proteomr.provenance import InputFile

    samples, proteins = settings["samples"], settings["proteins"]
    assays, withdrawn, id_column = (settings[k] for k in ("assays", "withdrawn", "id_column"))
    cohort = read_cohort(
        Path(str(samples)),
        list(proteins) if isinstance(proteins, list) else (),
        scratch=scratch,
        id_column=None if id_column is None else str(id_column),
        assays=None if assays is None else Path(str(assays)),
        withdrawn=None if withdrawn is None else Path(str(withdrawn)),
    )
    covariates = [
        read_protein_covariate(
            name,
            Path(path),
            cohort=cohort,
            scratch=scratch,
            id_column=None if id_column is None else str(id_column),
        )
        for name, path in files.items()
    ]
    named = [samples, assays, withdrawn, *files.values()]
    paths = [Path(str(path)) for path in named if path is not None]
    paths += find_files(proteins) if isinstance(proteins, list) and proteins else []
    return cohort, covariates, [InputFile.read(path) for path in paths]


def _run(
    plan: "Plan",
    settings: dict[str, object],
    inputs: list["InputFile"],
    *,
    workers: "Executor",
    part: "Shard | None",
    resume: bool,
    overwrite: bool,
    show: bool,
    journal_file: str | None,
) -> int:
    """Compute what the run folder lacks, write the results; return how many fits failed."""
    from proteomr.association import describe_request, finish_run, run_parts
    from proteomr.provenance import utc_now
    from proteomr.runs import RunFolder

    from .journal import keep_journal

    started = utc_now()
    request = describe_request(plan, inputs={str(i): file.sha256 for i, file in enumerate(inputs)})
    out = Path(str(settings["out"]))
    with RunFolder.open(
        out, request=request, resume=resume, overwrite=overwrite, shard=part
    ) as folder:
        if folder.finished:
            report_note(f"{out} already holds the result of this request")
            return 0
        if journal_file is not None:
            keep_journal(folder.claim(journal_file))

        def progress(stream: object, total: int) -> object:
            return track(stream, total=total, label="fitting", show=show)  # type: ignore[arg-type]

        try:
            done = run_parts(plan, folder, executor=workers, shard=part, progress=progress)  # type: ignore[arg-type]
        except KeyboardInterrupt:
            kept = len(plan.blocks) - len(folder.pending(len(plan.blocks)))
            message = f"{kept} of {len(plan.blocks)} blocks are kept: --resume continues"
            raise KeyboardInterrupt(message) from None
        if part is not None:
            folder.finish()
            typer.echo(f"{out}: shard {part} has its {done.blocks} blocks; `proteomr merge {out}` joins")
            return 0
        summary, failed = finish_run(
            folder,
            arguments=tuple(sys.argv[1:]),
            configuration={k: _plain(v) for k, v in settings.items()},
            inputs=tuple(inputs),
            threads=getattr(workers, "threads", 1),
            seed=int(str(settings["seed"])),
            started=started,
            format=str(settings["format"]),
            columns=str(settings["columns"]),
            fail_status=0 if settings["allow_failures"] else FAILED_UNITS,
        )
        folder.finish()
    print_table(summary)
    if failed:
        report_note(f"{failed} fits without an ordinary estimate: see status and message in the table")
    typer.echo(str(out / "associations.parquet"))
    return failed


def _plain(value: object) -> object:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _describe(plan: "Plan", say: "object") -> None:
    spec = plan.spec
    lines = [
        f"{plan.cohort.n} people, {len(plan.cohort.proteins.names)} proteins",
        f"{spec.family}: {spec.direction}, transform {spec.transform}",
        *(f"{label}: {formula}" for label, formula in spec.formulas().items()),
        *(f"{drop.step}: {drop.reason} in {drop.n}" for drop in (*plan.cohort.drops, *plan.drops)),
    ]
    for line in lines:
        say(line)  # type: ignore[operator]


def _print_plan(plan: "Plan", *, workers: "Executor", part: "Shard | None") -> None:
    from proteomr.association import estimate_cost

    blocks = plan.blocks if part is None else part.select(plan.blocks)
    began = time.process_time()
    cost = estimate_cost(plan, blocks)
    threads = getattr(workers, "threads", 1)
    typer.echo(f"people     {plan.cohort.n} at load; complete for exposure and covariates: " + cost.people)
    typer.echo(f"proteins   {len(plan.cohort.proteins.names)} in {len(blocks)} blocks")
    typer.echo(f"models     {plan.tests_per_protein} for each protein, {cost.fits} fits: {plan.spec.direction}")
    for label, formula in plan.spec.formulas().items():
        typer.echo(f"           {label}: {formula}")
    typer.echo(f"memory     about {cost.memory_bytes(threads) / 1e6:.0f} MB for {threads} threads")
    typer.echo(
        f"time       about {cost.seconds:.0f} s of one processor, {cost.seconds / threads:.0f} s on "
        f"{threads} threads (timed on {cost.timed} proteins in {time.process_time() - began:.1f} s)"
    )
