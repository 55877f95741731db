"""`proteomr harmonise`: an exposure and an outcome per one and the same allele."""

import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from proteomr.errors import InputError, NothingToDo, RunFolderError, UsageError

from . import options as shared
from .console import print_rows, report_note, say
from .journal import keep_journal, open_journal
from .running import hold_threads

if TYPE_CHECKING:
    import polars as pl

    from proteomr.io.sumstats import ReadOptions
    from proteomr.mr.frequencies import FrequencyCheck
    from proteomr.mr.harmonise import Action

__all__ = ["guard_outputs", "harmonise", "option", "record_run"]

Build = Literal["GRCh37", "GRCh38"]
Match = Literal["auto", "variant_id", "rsid", "position"]
Columns = Literal["native", "twosamplemr"]

ALLELES = "Alleles"
_STEP = "harmonise"
_SHOWN = 8


def option(panel: str, metavar: str, text: str, *names: str) -> Any:
    """Return an option under a heading of the help page, its default told in its text."""
    return typer.Option(
        *names, metavar=metavar, rich_help_panel=panel, help=text, show_default=False
    )


FormatName = Annotated[str, option(shared.INPUT, "auto|NAME", "Format; auto: found.")]
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
            "auto|variant_id|rsid|position",
            "By what a variant is found in the outcome; auto: the kind of name that finds more.",
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
    import polars as pl

    from proteomr.io.sumstats import ReadOptions
    from proteomr.mr.frequencies import check_frequencies
    from proteomr.mr.harmonise import harmonise_table
    from proteomr.mr.twosamplemr import to_twosamplemr
    from proteomr.provenance import utc_now
    from proteomr.runs import hold_folder

    started = utc_now()
    texts = [f"harmonised.{format}"] if format != "parquet" else []
    names = ["harmonised.parquet", *texts, "drops.tsv", "frequencies.tsv", "manifest.json"]
    files, given = {name: out / name for name in names}, [exposure, outcome]
    left = ReadOptions(exposure_format, mapped["exposure-map"], build=exposure_build)
    right = ReadOptions(outcome_format, mapped["outcome-map"], build=outcome_build)
    with hold_folder(out), guard_outputs(files.values(), given, overwrite=overwrite):
        log.info("reading %s and %s", exposure, outcome)
        first, second, how = _read_pair(exposure, left, outcome, right, match)
        pair = _name_trait(first, exposure_trait), _name_trait(second, outcome_trait)
        table = harmonise_table(*pair, action=cast("Action", action), tolerance=tolerance)
        checks = check_frequencies(table)
        counts = table.group_by("reason", "mr_keep").len().sort("len", "reason", descending=True)
        _refuse_nothing(table, counts)
        drops = count_drops(_STEP, [(r, n) for r, kept, n in counts.rows() if not kept])
        shown = to_twosamplemr(table) if columns == "twosamplemr" else table
        tables = {f"harmonised.{kind}": shown for kind in {"parquet", format}}
        tables |= {
            "drops.tsv": drops,
            "frequencies.tsv": pl.DataFrame([asdict(check) for check in checks]),
        }
        log.info("%s", how)
        n = table.height
        record_run(
            "harmonise", files, tables=tables, inputs=given, asked=settings, rows=n, at=started
        )
        keep_journal(out / "log.txt", again=False)
    if not quiet:
        _describe(table, counts, checks, how)
    say(str(files["harmonised.parquet"]))


def _read_pair(
    exposure: Path, left: "ReadOptions", outcome: Path, right: "ReadOptions", match: Match
) -> tuple["pl.DataFrame", "pl.DataFrame", str]:
    """Return both studies, named alike, and a sentence on how."""
    from proteomr.io.sumstats import Selection

    first = _read_study(exposure, left)
    wanted = frozenset[str]()
    if match != "position":
        cells = [*first["variant_id"], *first["rsid"].drop_nulls()]
        wanted = frozenset(cells)
    try:
        second = _read_study(outcome, replace(right, selection=Selection(variants=wanted)))
    except NothingToDo:
        raise _no_shared(exposure, first, outcome, right) from None
    by, found = _choose_name(first, second, match)
    if not found:
        raise _no_shared(exposure, first, outcome, right)
    if by == "position":
        _refuse_other_build(exposure, first, outcome, second)
    n = first.height
    return _name_by(first, by), _name_by(second, by), f"{found:,} of {n:,} variants found by {by}"


def _read_study(path: Path, options: "ReadOptions") -> "pl.DataFrame":
    """Return the rows of a study as they stand, good and bad; TwoSampleMR's with its mr_keep."""
    import polars as pl

    from proteomr.gwas.munge import MungeOptions, munge
    from proteomr.gwas.policy import VariantPolicy
    from proteomr.io.sumstats import open_sumstats
    from proteomr.io.sumstats.cells import parse_rsids
    from proteomr.io.sumstats.delimited import open_delimited
    from proteomr.mr.twosamplemr import from_twosamplemr

    opened = open_sumstats(path, options=options)
    book = opened.layout.book.name
    if book not in {"twosamplemr_exposure", "twosamplemr_outcome"} or options.columns:
        lenient = VariantPolicy(drop=frozenset({"unnamed"}), duplicates="all")
        rows = munge(path, options=MungeOptions(read=options, policy=lenient)).collect().frame
    else:
        raw = open_delimited(path)
        frame = pl.concat(list(raw.read(raw.names)))
        rows = from_twosamplemr(
            frame, side="exposure" if book == "twosamplemr_exposure" else "outcome"
        ).with_columns(build=pl.lit(opened.declared, pl.String))
        rows = rows.with_columns(rsid=parse_rsids(rows["variant_id"])[0])
        if options.selection.variants:
            rows = rows.filter(pl.col("variant_id").is_in(options.selection.variants))
    absent = {"chromosome": pl.String, "position_bp": pl.Int64}
    lacking = [pl.lit(None, kind).alias(n) for n, kind in absent.items() if n not in rows.columns]
    return rows.with_columns(lacking)


def _choose_name(first: "pl.DataFrame", second: "pl.DataFrame", match: Match) -> tuple[Match, int]:
    """Return by what variants are found, and how many; names as they stand go first."""
    kinds: tuple[Match, ...] = ("variant_id", "rsid") if match == "auto" else (match,)
    found = {
        by: len(set(_key(first, by).drop_nulls()) & set(_key(second, by).drop_nulls()))
        for by in kinds
    }
    best = max(kinds, key=lambda by: found[by])
    return best, found[best]


def _key(rows: "pl.DataFrame", by: Match) -> "pl.Series":
    import polars as pl

    place = pl.format("{}:{}", "chromosome", "position_bp")
    return rows.select(place if by == "position" else pl.col(by)).to_series()


def _name_by(rows: "pl.DataFrame", by: Match) -> "pl.DataFrame":
    key = _key(rows, by)
    return rows.with_columns(
        key.zip_with(key.is_not_null(), rows["variant_id"]).alias("variant_id")
    )


def _no_shared(
    exposure: Path, first: "pl.DataFrame", outcome: Path, right: "ReadOptions"
) -> InputError:
    from proteomr.io.sumstats import open_sumstats

    try:
        there = next(open_sumstats(outcome, options=right).chunks()).frame["variant_id"][0]
        hint = f", as {there!r} there and {first['variant_id'][0]!r} here"
    except (InputError, StopIteration, IndexError):
        hint = ""
    return InputError(
        f"{outcome}: holds none of the {first.height:,} variants of {exposure}{hint}; add rsids "
        "with gwas munge --rsids, or give --match position"
    )


def _refuse_other_build(
    exposure: Path, first: "pl.DataFrame", outcome: Path, second: "pl.DataFrame"
) -> None:
    builds = [set(rows["build"].drop_nulls()) for rows in (first, second)]
    if all(builds) and builds[0] != builds[1]:
        told = [", ".join(sorted(names)) for names in builds]
        raise InputError(
            f"{exposure} is on {told[0]} and {outcome} on {told[1]}; lift one with gwas munge "
            "--liftover, or give --match rsid"
        )


def _name_trait(rows: "pl.DataFrame", name: str | None) -> "pl.DataFrame":
    import polars as pl

    if name is None:
        return rows
    if rows["trait"].n_unique() > 1:
        raise UsageError(f"trait {name!r}: the file holds {rows['trait'].n_unique()} traits")
    return rows.with_columns(trait=pl.lit(name))


def _refuse_nothing(table: "pl.DataFrame", counts: "pl.DataFrame") -> None:
    if table["mr_keep"].any():
        return
    told = ", ".join(f"{n} {reason}" for reason, _, n in counts.rows())
    raise NothingToDo(f"no variant of {table.height:,} is left ({told}); see --action")


def _describe(
    table: "pl.DataFrame",
    counts: "pl.DataFrame",
    checks: "Sequence[FrequencyCheck]",
    how: str,
) -> None:
    """Print what is kept and left out, by reason, and what the frequencies say."""
    kept = int(table["mr_keep"].sum())
    pairs = f" in {len(checks):,} pairs" if len(checks) > 1 else ""
    say(how)
    say(f"{kept:,} of {table.height:,} variants kept{pairs}")
    lines = [[r, "kept" if k else "left out", f"{n:,}"] for r, k, n in counts.rows()]
    print_rows(["reason", "", "variants"], [[*line] for line in lines], left=2)
    compared = sum(check.n_compared for check in checks)
    say(f"frequencies: {sum(c.n_differ for c in checks):,} of {compared:,} differ by more than 0.2")
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
    for _, reason, n in tables["drops.tsv"].rows():
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


def count_drops(step: str, counts: Sequence[tuple[str, int]]) -> "pl.DataFrame":
    """Return the table of drops: step, reason, n."""
    import polars as pl

    schema = {"step": pl.String, "reason": pl.String, "n": pl.Int64}
    return pl.DataFrame([(step, *pair) for pair in counts], schema=schema, orient="row")
