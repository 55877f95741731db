"""`proteomr ingest`: the files of any platform to one store."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from proteomr.errors import UsageError

from . import options as shared
from .console import one_line, print_rows, report_note, say
from .journal import keep_journal, open_journal
from .running import hold_threads, open_scratch, record_inputs, refuse_used_folder

if TYPE_CHECKING:
    import polars as pl

    from proteomr.tables import Measurements

__all__ = ["describe_measurements", "ingest"]

Platforms = Literal["auto", "olink", "somascan", "ukb", "table"]
Replicate = Literal["refuse", "first", "mean"]

_SHOWN_NOTES = 12
_KINDS = {"protein": "human proteins", "non_human": "non-human", "control": "controls"}
_FLAGS = {
    "sample_qc": "a sample on a panel that did not pass the laboratory's quality control",
    "assay_qc": "an assay that did not pass the laboratory's quality control",
    "assay_warning": "an assay that did not pass the laboratory's quality control",
    "row_check": "a sample outside SomaLogic's limits: RowCheck",
    "col_check": "an assay outside SomaLogic's limits: ColCheck",
    "deprecated": "an assay that SomaLogic has withdrawn from use",
}


def ingest(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="What the laboratory or the biobank delivered; several files or a quoted glob. "
            "Content decides what a file is, not its name.",
            show_default=False,
        ),
    ],
    *,
    platform: Annotated[
        Platforms,
        typer.Option(
            metavar="auto|olink|somascan|ukb|table",
            rich_help_panel=shared.INPUT,
            help="olink: NPX, long or wide. somascan: ADAT. ukb: protein tables of UK Biobank with "
            "coding143, helper tables and participant tables. table: any wide or long table.",
        ),
    ] = "auto",
    id_column: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="NAME",
            rich_help_panel=shared.INPUT,
            help="Column that names the samples. Without: SampleID of Olink, SampleId of SomaScan, "
            "eid of UK Biobank; in a plain table the first of sample_id, eid, IID, ID, SampleID.",
            show_default=False,
        ),
    ] = None,
    assay: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.INPUT,
            help="Column of the assays in a long table of no known format.",
        ),
    ] = None,
    value: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.INPUT,
            help="Column of the values in a long table of no known format.",
        ),
    ] = None,
    sample_column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.INPUT,
            help="Column of numbers in a wide table of no known format that is no assay but a fact "
            "about the samples, such as age; repeat for several.",
        ),
    ] = None,
    instance: Annotated[
        int,
        typer.Option(
            min=0,
            max=9,
            metavar="I",
            rich_help_panel=shared.INPUT,
            help="Visit of UK Biobank whose proteins are taken.",
        ),
    ] = 0,
    log2: Annotated[
        bool,
        typer.Option(
            "--log2",
            rich_help_panel=shared.INPUT,
            help="Store the base-2 logarithm of values that come on a linear scale: RFU of "
            "SomaScan, concentrations. NPX is a logarithm already.",
        ),
    ] = False,
    replicates: Annotated[
        Replicate,
        typer.Option(
            metavar="refuse|first|mean",
            rich_help_panel=shared.INPUT,
            help="Where a sample has an assay measured more than once. refuse: an error. mean: of "
            "what is known. first: by plate and well; in a plain table only where all are equal.",
        ),
    ] = "refuse",
    withdrawn: shared.Withdrawn = None,
    overwrite: shared.Overwrite = False,
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            metavar="STORE",
            rich_help_panel=shared.RESULTS,
            help="Folder of the store; made if absent.",
        ),
    ],
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    log_json: shared.LogJson = False,
) -> None:
    """Read what a laboratory or a biobank delivered into a store.

    A store is a folder of parquet files: samples, proteins (one column per assay), assays,
    warnings of the laboratory (qc_flags), and what else the source tells: plates, limits of
    detection, controls, time from blood draw to measurement. Nothing is removed for its quality:
    that is for qc, which takes a store. A store also stands for SAMPLES and PROTEINS of associate.

    Examples: proteomr ingest npx.csv -o store; proteomr ingest study.adat --log2 -o store;
    proteomr ingest long.csv --assay protein --value level -o store.
    """
    if (assay is None) != (value is None):
        raise UsageError("--assay and --value name the columns of a long table: give both")
    log = open_journal(quiet=quiet, verbose=verbose, as_json=log_json)
    threads = hold_threads(None)
    from proteomr.io import IngestOptions, find_files, read_measurements, write_store
    from proteomr.provenance import Manifest, utc_now
    from proteomr.runs import hold_folder

    started = utc_now()
    paths = find_files(files)
    settings = IngestOptions(
        id_column, assay, value, instance, log2, replicates, tuple(sample_column or ())
    )
    log.info("reading %s", ", ".join(map(str, paths)))
    with open_scratch() as scratch, hold_folder(out):
        refuse_used_folder(out, overwrite=overwrite)
        measured = read_measurements(
            paths, scratch=scratch, platform=platform, options=settings, withdrawn=withdrawn
        )
        _log_measurements(measured, log)
        manifest = Manifest(
            command="ingest",
            arguments=tuple(sys.argv[1:]),
            configuration=shared.resolve_settings(context, tables={}),
            inputs=record_inputs(*paths, withdrawn),
            threads=threads,
            started=started,
        )
        write_store(measured, out, manifest=manifest)
        keep_journal(out / "log.txt", again=False)
        if not quiet:
            describe_measurements(measured)
    say(str(out))


def describe_measurements(measured: "Measurements") -> None:
    """Print what was read: counts by panel and kind, what was left out, and the notes."""
    import polars as pl

    assays = measured.assays
    units = [*assays["unit"].drop_nulls().unique().sort()] if "unit" in assays.columns else []
    facts = [
        f"{measured.platform}: {_count(measured.n, 'sample')}",
        f"{_count(assays.height, 'assay')}{_name_kinds(assays)}",
        *([f"in {', '.join(map(str, units))}"] if units else []),
        _word_missing(measured),
    ]
    say(one_line(", ".join(facts)))
    if "panel" in assays.columns and assays["panel"].null_count() < assays.height:
        panels = assays.group_by("panel").agg(pl.len()).sort("panel").rows()
        shown = [[one_line(name or "(no panel)"), f"{n:,}"] for name, n in panels]
        print_rows(["panel", "assays"], shown, left=1)
    for drop in measured.drops:
        if drop.n:
            say(one_line(f"left out: {drop.n:,} {drop.reason}"))
    for kind, count in measured.flags["flag"].value_counts().sort("flag").rows():
        meaning = f" ({_FLAGS[kind]})" if kind in _FLAGS else ""
        say(f"flagged, not removed: {count:,} {kind}{meaning}")
    for note in measured.notes[:_SHOWN_NOTES]:
        report_note(f"note: {note}")
    if len(measured.notes) > _SHOWN_NOTES:
        report_note(f"note: {len(measured.notes) - _SHOWN_NOTES} more in manifest.json")


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _name_kinds(assays: "pl.DataFrame") -> str:
    """Say what the assays measure, unless all measure human proteins."""
    kinds = dict(assays["kind"].value_counts().rows()) if "kind" in assays.columns else {}
    if set(kinds) <= {"protein"}:
        return ""
    named = [f"{kinds[kind]:,} {words}" for kind, words in _KINDS.items() if kind in kinds]
    return f" ({', '.join(named)})"


def _word_missing(measured: "Measurements") -> str:
    share = _share_missing(measured)
    if not share:
        return "no value missing"
    return f"{share:.1%} of the values missing" if share >= 5e-4 else "<0.1% of the values missing"


def _share_missing(measured: "Measurements") -> float:
    import numpy as np

    p = len(measured.proteins.names)
    missing = sum(
        int(np.isnan(measured.proteins.read(slice(i, min(p, i + 64)))).sum())
        for i in range(0, p, 64)
    )
    return missing / (measured.n * p)


def _log_measurements(measured: "Measurements", log: logging.Logger) -> None:
    log.info("%s: %s samples, %s assays", measured.platform, measured.n, measured.assays.height)
    for drop in measured.drops:
        log.info("left out: %s %s", drop.n, drop.reason)
    for note in measured.notes:
        log.info("note: %s", note)
