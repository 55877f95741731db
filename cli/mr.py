"""`proteomr mr`: Mendelian randomisation of one pair or of thousands."""

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from proteomr.errors import UsageError

from . import options as shared
from .console import print_rows, report_note, say
from .journal import keep_journal, open_journal
from .running import FAILED_UNITS, hold_threads, record_inputs, refuse_used_folder

if TYPE_CHECKING:
    import polars as pl

    from proteomr.mr.analysis import Analysis
    from proteomr.mr.inputs import InstrumentRule
    from proteomr.tables import Drop, Harmonised

__all__ = ["mr"]

Convention = Literal["twosamplemr", "mendelianrandomization"]
Unproven = Literal["refuse", "flag"]
Columns = Literal["native", "twosamplemr"]

INSTRUMENTS, ESTIMATES = "Instruments", "Estimates"
_SHOWN_PAIRS, _SHOWN_ROWS = 6, 12


@dataclass(frozen=True, slots=True)
class _Found:
    pairs: "list[Harmonised]"
    harmonised: "pl.DataFrame"
    tables: "dict[str, pl.DataFrame]"
    drops: "tuple[Drop, ...]"
    notes: tuple[str, ...]


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
    ld: Annotated[
        Path | None,
        typer.Option(
            "--ld",
            metavar="BFILE",
            rich_help_panel=INSTRUMENTS,
            help="Genotypes (bed, bim and fam; or pgen) or a matrix of correlations, for clumping.",
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
            help="Without: Wald ratio for one variant, else Egger, weighted median, inverse "
            "variance weighted, simple and weighted mode.",
        ),
    ] = None,
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
    allow_failures: shared.AllowFailures = False,
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    log_json: shared.LogJson = False,
) -> None:
    """Estimate the effect of an exposure on outcomes from genetic variants.

    Writes estimates, heterogeneity, pleiotropy, singlesnp, leaveoneout, steiger, verdict,
    instruments and harmonised (every variant, kept or dropped, with the reason).
    """
    _check_request(files, harmonised, reverse=reverse, sizes=(cases, controls))
    log = open_journal(quiet=quiet, verbose=verbose, as_json=log_json)
    workers = hold_threads(threads)
    from proteomr.execute import Workers
    from proteomr.mr.analysis import TraitSize, analyse
    from proteomr.mr.estimate import DEFAULT_METHODS, build_methods
    from proteomr.mr.outputs import write_analysis
    from proteomr.provenance import Manifest, utc_now
    from proteomr.runs import hold_folder

    started = utc_now()
    keys = DEFAULT_METHODS if methods is None else [part.strip() for part in methods.split(",")]
    chosen = build_methods(keys, convention=convention, draws=bootstraps)
    with hold_folder(out):
        refuse_used_folder(out, overwrite=overwrite)
        if harmonised is not None:
            found = _read_harmonised(harmonised, outcome_p=outcome_p)
        else:
            rule = _make_rule(
                instruments_p, region, (clump_r2, clump_kb), unproven, outcome_p, action
            )
            found = _read_files(files or [], rule, ld=ld, reverse=reverse, log=log)
        size = TraitSize(cases, controls, prevalence)
        made = analyse(found.pairs, chosen, seed=seed, executor=Workers(workers), outcome_size=size)
        manifest = Manifest(
            command="mr",
            arguments=tuple(sys.argv[1:]),
            configuration=shared.resolve_settings(context, tables={}),
            inputs=record_inputs(*_name_inputs(files, harmonised, ld)),
            family_of_tests="all pairs of each method (q_bh)",
            seed=seed,
            threads=workers,
            started=started,
        )
        tables = {**made.tables, "harmonised": found.harmonised, **found.tables}
        write_analysis(
            out, tables, manifest=manifest, drops=found.drops, format=format, columns=columns
        )
        keep_journal(out / "log.txt", again=False)
    failed = _report(made, found, quiet=quiet)
    say(str(out / "estimates.parquet"))
    if failed and not allow_failures:
        raise typer.Exit(FAILED_UNITS)


def _check_request(
    files: list[Path] | None,
    harmonised: Path | None,
    *,
    reverse: bool,
    sizes: tuple[float | None, float | None],
) -> None:
    if harmonised is not None and files:
        raise UsageError("--harmonised stands for exposure and outcome: give it alone")
    if harmonised is not None and reverse:
        raise UsageError("--reverse needs the summary statistics of both, not harmonised ones")
    if harmonised is None and len(files or []) < 2:
        raise UsageError("an exposure and an outcome are needed (or --harmonised FILE)")
    if (sizes[0] is None) != (sizes[1] is None):
        raise UsageError("--outcome-cases and --outcome-controls: give both")


def _make_rule(
    p: float,
    region: str | None,
    clumping: tuple[float, float],
    unproven: Unproven,
    outcome_p: float | None,
    action: int,
) -> "InstrumentRule":
    from proteomr.gwas.clump import Clumping
    from proteomr.io.sumstats.selection import parse_region
    from proteomr.mr.inputs import InstrumentRule
    from proteomr.mr.instruments import Region

    if not 0 < p <= 1:
        raise UsageError(f"--instruments-p {p:g}: above 0 and at most 1")
    stretch = None
    if region is not None:
        found = parse_region(region)
        stretch = Region(found.chromosome, found.start, found.end)
    return InstrumentRule(
        p=p,
        region=stretch,
        clumping=Clumping(p1=p, p2=1.0, r2=clumping[0], kb=clumping[1]),
        unproven=unproven,
        outcome_p=outcome_p,
        action=action,  # type: ignore[arg-type]
    )


def _read_harmonised(path: Path, *, outcome_p: float | None) -> _Found:
    from proteomr.mr.harmonised_files import drop_significant, read_harmonised
    from proteomr.mr.outputs import list_harmonised
    from proteomr.tables import Drop

    pairs = read_harmonised(path)
    if outcome_p is not None:
        pairs = [drop_significant(pair, p=outcome_p) for pair in pairs]
    table = list_harmonised(pairs)
    counts = table.filter(~table["mr_keep"])["reason"].value_counts(sort=True).rows()
    drops = tuple(Drop("harmonised", reason, n) for reason, n in counts)
    return _Found(pairs, table, {}, drops, ())


def _read_files(
    files: Sequence[Path],
    rule: "InstrumentRule",
    *,
    ld: Path | None,
    reverse: bool,
    log: logging.Logger,
) -> _Found:
    import polars as pl

    from proteomr.io.genotypes import open_genotypes

    panel = None if ld is None else open_genotypes(ld)
    exposure, outcomes = files[0], list(files[1:])
    ways = [(exposure, outcomes), *(((path, [exposure]) for path in outcomes) if reverse else ())]
    parts = [_harmonise(first, others, rule, panel, log) for first, others in ways]
    return _Found(
        [pair for part in parts for pair in part.pairs],
        pl.concat([part.harmonised for part in parts], how="diagonal_relaxed"),
        {
            "instruments": pl.concat(
                [part.tables["instruments"] for part in parts], how="diagonal_relaxed"
            )
        },
        tuple(drop for part in parts for drop in part.drops),
        tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def _harmonise(
    exposure: Path,
    outcomes: list[Path],
    rule: "InstrumentRule",
    panel: object,
    log: logging.Logger,
) -> _Found:
    from proteomr.mr.frequencies import check_frequencies
    from proteomr.mr.inputs import harmonise_files, read_instruments, read_outcomes
    from proteomr.tables import Drop

    log.info("instruments from %s", exposure)
    instruments = read_instruments([exposure], rule=rule, ld=panel)  # type: ignore[arg-type]
    log.info("%s instruments; looking them up in %s files", instruments.rows.height, len(outcomes))
    ids = instruments.rows["variant_id"].to_list()
    found, notes = read_outcomes(outcomes, variants=ids)
    table, pairs = harmonise_files(instruments, found, rule=rule)
    counts = table.filter(~table["mr_keep"])["reason"].value_counts(sort=True).rows()
    checks = check_frequencies(table)
    swapped = [check.message for check in checks if check.swapped and check.message]
    return _Found(
        pairs,
        table,
        {"instruments": instruments.strength},
        (*instruments.drops, *(Drop("harmonise", reason, n) for reason, n in counts)),
        (*instruments.notes, *notes, *swapped),
    )


def _name_inputs(
    files: list[Path] | None, harmonised: Path | None, ld: Path | None
) -> list[Path | None]:
    panel: list[Path | None] = []
    if ld is not None:
        kinds = ("", ".bed", ".bim", ".fam", ".pgen", ".pvar", ".psam")
        panel = [path for kind in kinds if (path := Path(f"{ld}{kind}")).is_file()]
    return [*(files or []), harmonised, *panel]


def _report(made: "Analysis", found: _Found, *, quiet: bool) -> int:
    """Print what was found, and return the number of pairs without an estimate."""
    failed = made.verdict.filter(made.verdict["main_method"].is_null()).height
    if quiet:
        return failed
    for drop in found.drops:
        if drop.n:
            say(f"left out: {drop.n:,} {drop.reason} ({drop.step})")
    if made.verdict.height <= _SHOWN_PAIRS:
        _print_estimates(made.estimates)
        for row in made.verdict.iter_rows(named=True):
            say(f"{row['exposure']} on {row['outcome']}: {row['verdict']}")
    else:
        _print_hits(made.estimates)
    for note in found.notes:
        report_note(f"note: {note}")
    if failed:
        report_note(f"{failed} of {made.verdict.height} pairs have no estimate; see status")
    return failed


def _print_estimates(estimates: "pl.DataFrame") -> None:
    headings = ["exposure", "outcome", "method", "variants", "estimate", "95 %|low", "|high"]
    rows = [_row(row) for row in estimates.iter_rows(named=True)]
    print_rows([*headings, "-log10p", "status"], rows, left=3)


def _print_hits(estimates: "pl.DataFrame") -> None:
    import polars as pl

    main = estimates.filter(pl.col("method").is_in(["ivw", "wald"]) & (pl.col("status") == "ok"))
    top = main.sort("neg_log10_p", descending=True).head(_SHOWN_ROWS)
    hits = main.filter(pl.col("q_bh") < 0.05).height
    say(f"{main.height:,} pairs with an estimate, {hits:,} with q < 0.05; the strongest:")
    headings = ["exposure", "outcome", "method", "variants", "estimate", "95 %|low", "|high"]
    rows = [_row(row) for row in top.iter_rows(named=True)]
    print_rows([*headings, "-log10p", "status"], rows, left=3)


def _row(row: Mapping[str, object]) -> list[str]:
    numbers = [row[name] for name in ("estimate", "conf_low", "conf_high")]
    minus_log = row["neg_log10_p"]
    return [
        *[str(row[name]) for name in ("exposure", "outcome", "method")],
        str(row["nsnp"]),
        *(f"{value:.4g}" if isinstance(value, float) else "" for value in numbers),
        f"{minus_log:.1f}" if isinstance(minus_log, float) else "",
        str(row["status"]),
    ]
