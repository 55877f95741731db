"""`proteomr gwas`: summary statistics made canonical, clumped, and searched for their leads."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from proteomr.errors import UsageError

from . import options as shared
from .console import print_rows, report_note, say
from .harmonise import (
    Build,
    BuildName,
    FormatName,
    Trait,
    guard_outputs,
    option,
    record_run,
)
from .help import GroupedCommand
from .journal import open_journal
from .running import hold_threads

if TYPE_CHECKING:
    import polars as pl

    from proteomr.gwas.munging import MungeReport
    from proteomr.gwas.policy import Finding
    from proteomr.gwas.thinning import Thinned

__all__ = ["clump", "gwas", "leads", "munge"]

Scale = Literal["log", "ratio"]
Duplicates = Literal["first", "strongest", "none", "all"]
Measure = Literal["haplotype", "genotype"]

QUALITY, POSITIONS, LINKAGE = "Quality", "Positions", "Linkage"
_SHOWN = 12

Mapped = Annotated[
    list[str] | None,
    option(shared.INPUT, "CANONICAL=COLUMN", "As odds_ratio=OR; repeatable.", "--map"),
]
Table = Annotated[
    Path, typer.Argument(metavar="FILE", help="Canonical parquet, or a file of any known format.")
]
OutFile = Annotated[
    Path, option(shared.RESULTS, "OUT.parquet", "Table; its account stands beside.", "-o", "--out")
]
Names = Annotated[Path | None, option(shared.INPUT, "FILE", "These variants alone, one a line.")]
Case = Annotated[
    float | None, option(shared.INPUT, "K", "Case share: linear effects become log odds ratios.")
]
Ratio = Annotated[Scale, option(shared.INPUT, "log|ratio", "What the error beside a ratio is of.")]
Rsids = Annotated[Path | None, option(POSITIONS, "TABLE", "rsids or frequencies, by variant.")]


def munge(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Summary statistics: text, also gz; parquet; GWAS-VCF; a tar of one protein.",
        ),
    ],
    *,
    format: FormatName = "auto",
    mapped: Mapped = None,
    build: BuildName = None,
    trait: Trait = None,
    case_share: Case = None,
    ratio_se: Ratio = "log",
    region: Annotated[
        list[str] | None, option(shared.INPUT, "CHR:FROM-TO", "A region alone; repeatable.")
    ] = None,
    variants: Names = None,
    rsids: Rsids = None,
    liftover: Annotated[
        Path | None, option(POSITIONS, "CHAIN", "Chain file to another genome build.")
    ] = None,
    to_build: Annotated[
        Build | None, option(POSITIONS, "GRCh37|GRCh38", "Build that the chain leads to.")
    ] = None,
    min_maf: Annotated[float | None, option(QUALITY, "F", "Smallest minor frequency.")] = None,
    min_info: Annotated[float | None, option(QUALITY, "R", "Smallest imputation quality.")] = None,
    drop_palindromic: Annotated[
        bool, typer.Option("--drop-palindromic", rich_help_panel=QUALITY, help="No A/T and C/G.")
    ] = False,
    drop_indels: Annotated[
        bool, typer.Option("--drop-indels", rich_help_panel=QUALITY, help="Single letters alone.")
    ] = False,
    drop: Annotated[
        list[str] | None, option(QUALITY, "FINDING", "Rows with this leave, too; repeatable.")
    ] = None,
    duplicates: Annotated[
        Duplicates, option(QUALITY, "first|strongest|none|all", "Which repeated row is kept.")
    ] = "first",
    overwrite: shared.Overwrite = False,
    out: OutFile,
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    log_json: shared.LogJson = False,
) -> None:
    """Bring summary statistics of any format to one canonical table.

    What is wrong or remarkable in the rows is counted; what leaves stands in OUT.drops.tsv with
    its reason. Beside it: OUT.report.tsv (formats, builds, findings, notes), OUT.manifest.json.
    """
    columns = shared.parse_pairs(mapped, option="--map", example="eaf=FRQ_U")
    settings = shared.resolve_settings(context, tables={"map": columns})
    log = open_journal(quiet=quiet, verbose=verbose, as_json=log_json)
    hold_threads(None)
    from proteomr.gwas import munge as library
    from proteomr.gwas.policy import VariantPolicy
    from proteomr.gwas.study import read_variant_list
    from proteomr.io import find_files
    from proteomr.io.sumstats import ReadOptions, Selection, parse_region
    from proteomr.provenance import utc_now

    started = utc_now()
    dropped = {*(drop or ()), *["palindromic"] * drop_palindromic, *["indel"] * drop_indels}
    policy = VariantPolicy(
        drop=VariantPolicy().drop | cast("frozenset[Finding]", dropped),
        min_maf=min_maf,
        min_info=min_info,
        duplicates=duplicates,
    )
    listed = frozenset() if variants is None else frozenset(read_variant_list(variants))
    selection = Selection(tuple(map(parse_region, region or ())), listed)
    asked = library.MungeOptions(
        read=ReadOptions(
            format, columns, selection, build, trait, case_share=case_share, ratio_se=ratio_se
        ),
        policy=policy,
        chain=liftover,
        lift_to=to_build,
        annotation=rsids,
    )
    paths = find_files(files)
    given = [*paths, *filter(None, (variants, rsids, liftover))]
    names = _name_outputs(out, "report.tsv", "drops.tsv")
    log.info("reading %s", ", ".join(map(str, paths)))
    with guard_outputs(names.values(), given, overwrite=overwrite):
        made = library.munge(paths, options=asked, out=out)
        tables = {"report.tsv": _tabulate(made.report, paths), "drops.tsv": made.report.drops()}
        rows = made.report.rows_read
        record_run(
            "gwas munge", names, tables=tables, inputs=given, asked=settings, rows=rows, at=started
        )
    if not quiet:
        _describe_munging(made.report, paths)
    say(str(out))


def clump(
    context: typer.Context,
    file: Table,
    *,
    ld: Annotated[Path, option(LINKAGE, "BFILE", "Prefix of bed or pgen; or a matrix of r.")],
    measure: Annotated[
        Measure | None, option(LINKAGE, "haplotype|genotype", "r2 as PLINK clumps, or plain.")
    ] = None,
    p1: Annotated[float, option(QUALITY, "P", "Largest p of an index; 5e-8 usually.")] = 5e-8,
    p2: Annotated[float, option(QUALITY, "P", "Largest p within a clump; 1 usually.")] = 1.0,
    r2: Annotated[float, option(LINKAGE, "R", "Smallest r2 in a clump; 0.001 usually.")] = 0.001,
    kb: Annotated[float, option(LINKAGE, "K", "Largest distance; 10000 usually.")] = 10_000.0,
    format: FormatName = "auto",
    mapped: Mapped = None,
    overwrite: shared.Overwrite = False,
    out: OutFile,
    quiet: shared.Quiet = False,
) -> None:
    """Keep the most significant variant of each clump of correlated ones, trait by trait.

    OUT.parquet holds the rows of the index variants; OUT.clumps.parquet says of every variant to
    which clump it went, or why to none; OUT.drops.tsv counts them.
    """
    columns = shared.parse_pairs(mapped, option="--map", example="p_value=P")
    settings = shared.resolve_settings(context, tables={"map": columns})
    open_journal(quiet=quiet)
    hold_threads(None)
    from proteomr.gwas.clumping import Clumping
    from proteomr.gwas.thinning import ClumpRequest, clump_file
    from proteomr.io.sumstats import ReadOptions
    from proteomr.provenance import utc_now

    started = utc_now()
    clumping = Clumping(p1=p1, p2=p2, r2=r2, kb=kb)
    request = ClumpRequest(file, ld, measure, clumping, ReadOptions(format, columns))
    names = _name_outputs(out, "clumps.parquet", "drops.tsv")
    with guard_outputs(names.values(), [file], overwrite=overwrite):
        found = clump_file(request)
        _record("gwas clump", names, found, settings, started)
    counts = found.tables["clumps"]["reason"].value_counts(sort=True).rows()
    _note(found)
    if not quiet:
        say(f"{found.table.height:,} clumps of {found.n:,} variants")
        print_rows(["", "variants"], [[reason, f"{n:,}"] for reason, n in counts], left=1)
    say(str(out))


def leads(
    context: typer.Context,
    file: Table,
    *,
    p: Annotated[float, option(QUALITY, "P", "Largest p of a lead; 5e-8 usually.", "--p")] = 5e-8,
    distance_kb: Annotated[float, option(POSITIONS, "K", "Least distance; 500 usually.")] = 500.0,
    format: FormatName = "auto",
    mapped: Mapped = None,
    overwrite: shared.Overwrite = False,
    out: OutFile,
    quiet: shared.Quiet = False,
) -> None:
    """Keep the strongest variant of each stretch; linkage is not looked at."""
    columns = shared.parse_pairs(mapped, option="--map", example="p_value=P")
    settings = shared.resolve_settings(context, tables={"map": columns})
    open_journal(quiet=quiet)
    hold_threads(None)
    from proteomr.gwas.thinning import LeadsRequest, find_leads
    from proteomr.io.sumstats import ReadOptions
    from proteomr.provenance import utc_now

    started = utc_now()
    request = LeadsRequest(file, p, round(distance_kb * 1000), ReadOptions(format, columns))
    names = _name_outputs(out, "drops.tsv")
    with guard_outputs(names.values(), [file], overwrite=overwrite):
        found = find_leads(request)
        _record("gwas leads", names, found, settings, started)
    _note(found)
    if not quiet:
        say(f"{found.table.height:,} leads")
    say(str(out))


gwas = typer.Typer(name="gwas", rich_markup_mode=None, help="Summary statistics of any format.")
for _command in (munge, clump, leads):
    gwas.command(cls=GroupedCommand)(_command)


def _name_outputs(out: Path, *beside: str) -> dict[str, Path]:
    """Return the files of a run: the table, those beside it, and the manifest."""
    if out.suffix != ".parquet":
        raise UsageError(f"{out}: the table is written as parquet; end its name in .parquet")
    named = {kind: out.with_name(f"{out.stem}.{kind}") for kind in (*beside, "manifest.json")}
    return {"table": out, **named}


def _record(
    command: str,
    names: dict[str, Path],
    found: "Thinned",
    settings: dict[str, object],
    started: str,
) -> None:
    """Write the tables of clumps or leads, and the manifest."""
    from proteomr.tables import tabulate_drops

    tables = {"table": found.table, "drops.tsv": tabulate_drops(found.drops)}
    tables |= {f"{name}.parquet": table for name, table in found.tables.items()}
    rows = found.table.height + sum(drop.n for drop in found.drops)
    record_run(
        command,
        names,
        tables=tables,
        inputs=found.inputs,
        asked=settings,
        rows=rows,
        at=started,
    )


def _note(found: "Thinned") -> None:
    """Print what left while the file was read, and what a user should know."""
    for drop in found.drops:
        if drop.step == "munge":
            report_note(f"note: left out: {drop.n:,} {drop.reason}")
    for note in found.notes:
        report_note(f"note: {note}")


def _tabulate(report: "MungeReport", paths: Sequence[Path]) -> "pl.DataFrame":
    """Return the account of a run as rows of what, name, value."""
    import polars as pl

    told: list[tuple[str, str, object]] = [("rows", "read", report.rows_read)]
    told += [("rows", "kept", report.rows_kept)]
    for what in ("passed_over", "dropped", "found"):
        told += [(what, name, n) for name, n in getattr(report, what).items()]
    for path, form, build in zip(paths, report.formats, report.builds, strict=True):
        told += [("format", path.name, form), ("build_declared", path.name, build.declared)]
        told += [("build_inferred", path.name, build.inferred)]
    told += [("note", "", note) for note in report.notes]
    cells = [(what, name, None if value is None else str(value)) for what, name, value in told]
    schema = dict.fromkeys(("what", "name", "value"), pl.String)
    return pl.DataFrame(cells, schema=schema, orient="row")


def _describe_munging(report: "MungeReport", paths: Sequence[Path]) -> None:
    from proteomr.gwas.build import describe

    formats = ", ".join(dict.fromkeys(report.formats))
    say(f"{formats}: {report.rows_kept:,} rows kept of {report.rows_read:,}")
    builds = [describe(*pair) for pair in zip(paths, report.builds, strict=True)]
    for text in builds[:_SHOWN]:
        say(f"build: {text}")
    for what, counts in (("passed over", report.passed_over), ("left out", report.dropped)):
        for reason, n in counts.items():
            say(f"{what}: {n:,} {reason}")
    for finding, n in report.found.items():
        if (rest := n - report.dropped.get(finding, 0)) > 0:
            say(f"found: {rest:,} {finding}")
    for note in [note for note in report.notes if note not in builds][:_SHOWN]:
        report_note(f"note: {note}")
