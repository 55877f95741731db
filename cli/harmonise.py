"""`proteomr harmonise`: an exposure and an outcome per one and the same allele."""

import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from proteomr.errors import RunFolderError, UsageError

from . import options as shared
from .console import print_rows, report_note, say
from .journal import keep_journal, open_journal
from .running import hold_threads

if TYPE_CHECKING:
    import polars as pl

    from proteomr.mr.harmonise import Action
    from proteomr.mr.pairing import HarmonisedPair

__all__ = ["guard_outputs", "harmonise", "option", "record_run"]

Build = Literal["GRCh37", "GRCh38"]
Match = Literal["auto", "name", "rsid", "position"]
Columns = Literal["native", "twosamplemr"]

ALLELES = "Alleles"
_STEP = "harmonise"
_SHOWN = 8


def option(panel: str, metavar: str, text: str, *names: str) -> Any:
    """Return an option under a heading of the help page, its default told in its text."""
    return typer.Option(
        *names, metavar=metavar, rich_help_panel=panel, help=text, show_default=False
    )


FormatName = Annotated[
    str,
    option(
        shared.INPUT, "auto|NAME|FILE.toml", "Format; auto: found; or a book of your own, in TOML."
    ),
]
Mapped = Annotated[
    list[str] | None,
    option(
        shared.INPUT,
        "CANONICAL=COLUMN",
        "Column that is a canonical one, as odds_ratio=OR; repeatable.",
    ),
]
BuildName = Annotated[
    Build | None, option(shared.INPUT, "GRCh37|GRCh38", "Genome build of the positions.")
]
Trait = Annotated[str | None, option(shared.INPUT, "NAME", "Name of the trait.")]


def harmonise(
    context: typer.Context,
    exposure: Annotated[
        Path,
        typer.Argument(help="Instruments: summary statistics of any known format, or canonical."),
    ],
    outcome: Annotated[
        Path, typer.Argument(help="Summary statistics of the outcome, of any known format.")
    ],
    *,
    exposure_format: FormatName = "auto",
    exposure_map: Mapped = None,
    exposure_build: BuildName = None,
    exposure_trait: Trait = None,
    outcome_format: FormatName = "auto",
    outcome_map: Mapped = None,
    outcome_build: BuildName = None,
    outcome_trait: Trait = None,
    action: Annotated[
        int,
        typer.Option(
            min=1,
            max=3,
            metavar="1|2|3",
            rich_help_panel=ALLELES,
            help="Palindromic variants. 1: all on the forward strand; 2: by their frequencies; 3: "
            "left out.",
        ),
    ] = 2,
    tolerance: Annotated[
        float,
        option(ALLELES, "T", "Frequencies this near to 0.5 tell no strand; 0.08 usually."),
    ] = 0.08,
    match: Annotated[
        Match,
        option(
            ALLELES,
            "auto|name|rsid|position",
            "By what a variant is found in the outcome; auto: name, else rsid, else position where "
            "both files tell one build.",
        ),
    ] = "auto",
    overwrite: shared.Overwrite = False,
    format: shared.Format = "parquet",
    columns: Annotated[
        Columns,
        option(shared.RESULTS, "native|twosamplemr", "Names of the columns."),
    ] = "native",
    out: shared.Out,
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    log_json: shared.LogJson = False,
) -> None:
    """Bring an exposure and an outcome to one allele.

    Writes harmonised.parquet (every variant of the exposure, kept or not, with its reason),
    drops.tsv, frequencies.tsv (whether both files' frequencies are of the same allele) and
    manifest.json.
    """
    mapped = {
        f"{side}-map": shared.parse_pairs(given, option=f"--{side}-map", example="eaf=FRQ_U")
        for side, given in (("exposure", exposure_map), ("outcome", outcome_map))
    }
    settings = shared.resolve_settings(context, tables=mapped)
    log = open_journal(quiet=quiet, verbose=verbose, as_json=log_json)
    hold_threads(None)
    from proteomr.io.sumstats import ReadOptions
    from proteomr.mr.pairing import HarmoniseRequest, harmonise_pair
    from proteomr.mr.twosamplemr import to_twosamplemr
    from proteomr.provenance import utc_now
    from proteomr.runs import hold_folder
    from proteomr.tables import tabulate_drops

    started = utc_now()
    texts = [f"harmonised.{format}"] if format != "parquet" else []
    names = ["harmonised.parquet", *texts, "drops.tsv", "frequencies.tsv", "manifest.json"]
    files = {name: out / name for name in names}
    request = HarmoniseRequest(
        exposure,
        outcome,
        ReadOptions(exposure_format, mapped["exposure-map"], build=exposure_build),
        ReadOptions(outcome_format, mapped["outcome-map"], build=outcome_build),
        exposure_trait,
        outcome_trait,
        match=match,
        action=cast("Action", action),
        tolerance=tolerance,
    )
    with hold_folder(out), guard_outputs(files.values(), request.inputs, overwrite=overwrite):
        log.info("reading %s and %s", exposure, outcome)
        pair = harmonise_pair(request)
        shown = to_twosamplemr(pair.table) if columns == "twosamplemr" else pair.table
        tables = {f"harmonised.{kind}": shown for kind in {"parquet", format}}
        tables |= {
            "drops.tsv": tabulate_drops(pair.drops),
            "frequencies.tsv": pair.tables["frequencies"],
        }
        log.info("%s", pair.summary)
        record_run(
            "harmonise",
            files,
            tables=tables,
            inputs=request.inputs,
            asked=settings,
            rows=pair.table.height,
            at=started,
            filtered_by="harmonise",
        )
        keep_journal(out / "log.txt", again=False)
    if not quiet:
        _describe(pair)
    say(str(files["harmonised.parquet"]))


def _describe(pair: "HarmonisedPair") -> None:
    """Print what is kept and left out, by reason, and what the frequencies say."""
    table, checks = pair.table, pair.checks
    counts = table.group_by("reason", "mr_keep").len().sort("len", "reason", descending=True)
    kept = int(table["mr_keep"].sum())
    pairs = f" in {len(checks):,} pairs" if len(checks) > 1 else ""
    say(pair.summary)
    say(f"{kept:,} of {table.height:,} variants kept{pairs}")
    lines = [[r, "kept" if k else "left out", f"{n:,}"] for r, k, n in counts.rows()]
    print_rows(["reason", "", "variants"], lines, left=2)
    for drop in pair.drops:
        if drop.step != _STEP:
            say(f"left out: {drop.n:,} {drop.reason} ({drop.step})")
    compared = sum(check.n_compared for check in checks)
    say(f"frequencies: {sum(c.n_differ for c in checks):,} of {compared:,} differ by more than 0.2")
    for note in pair.notes:
        report_note(f"note: {note}")
    told = [check.message for check in checks if check.message]
    for message in told[:_SHOWN]:
        report_note(f"warning: {message}")
    if len(told) > _SHOWN:
        report_note(f"warning: {len(told) - _SHOWN} more pairs in frequencies.tsv")


@contextlib.contextmanager
def guard_outputs(
    files: Iterable[Path], inputs: Iterable[Path] = (), *, overwrite: bool
) -> Iterator[None]:
    """Refuse files that are there or are read, and leave none that is new where the block fails."""
    targets = list(files)
    there = {path for path in targets if path.exists()}
    read = {path.resolve() for path in inputs}
    for path in targets:
        if path.resolve() in read:
            raise UsageError(f"{path}: is a file that is read; choose another name for -o")
    if there and not overwrite:
        names = ", ".join(path.name for path in targets if path in there)
        raise RunFolderError(
            f"{targets[0].parent}: already holds {names}; choose another name for -o, or replace "
            "them with --overwrite"
        )
    try:
        yield
    except BaseException:
        for path in targets:
            if path not in there:
                path.unlink(missing_ok=True)
        raise


def record_run(
    command: str,
    files: Mapping[str, Path],
    *,
    tables: Mapping[str, "pl.DataFrame"],
    inputs: Sequence[Path],
    asked: Mapping[str, object],
    rows: int,
    at: str,
    filtered_by: str | None = None,
) -> None:
    """Write tables, each whole or not at all, and last the manifest with a record of all files.

    Parameters
    ----------
    command : what ran.
    files : by name, with ``manifest.json``; those that are no table have been written.
    tables : by name of their file, with ``drops.tsv``.
    inputs : files that were read.
    asked : the options, resolved.
    rows : how many there were before any left.
    at : when the run began.
    filtered_by : the step whose drops are of these rows; None where all are.
    """
    from proteomr.execute import available_threads
    from proteomr.files import replace_file
    from proteomr.io.tables import TableFormat, write_table
    from proteomr.provenance import InputFile, Manifest, RowFilter, utc_now

    for name, table in tables.items():
        kind = cast("TableFormat", files[name].suffix.removeprefix("."))
        write_table(table, files[name], format=kind)
    made = [path for name, path in files.items() if name != "manifest.json"]
    filters = []
    for step, reason, n in tables["drops.tsv"].rows():
        if filtered_by not in {None, step}:
            continue
        filters.append(RowFilter(reason, rows, rows - n))
        rows -= n
    manifest = Manifest(
        command=command,
        arguments=tuple(sys.argv[1:]),
        configuration=asked,
        inputs=tuple(InputFile.read(path) for path in inputs),
        outputs=tuple(replace(InputFile.read(path), name=path.name) for path in made),
        filters=tuple(filters),
        threads=available_threads(),
        started=at,
        finished=utc_now(),
    )
    text = manifest.to_json().encode()
    replace_file(files["manifest.json"], lambda file: file.write(text))
