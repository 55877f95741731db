"""`proteomr ingest`: the files of any platform to one store."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from proteomr.errors import RunFolderError, UsageError

from . import options as shared
from .console import print_rows, report_note, say
from .journal import keep_journal, open_journal
from .running import hold_threads, open_scratch

if TYPE_CHECKING:
    from proteomr.tables import Measurements

__all__ = ["describe_measurements", "ingest", "refuse_used_folder"]

Platforms = Literal["auto", "olink", "somascan", "ukb", "table"]
Replicate = Literal["refuse", "first", "mean"]

_SHOWN_NOTES = 12


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
    id_column: shared.IdColumn = None,
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
            help="Column of numbers in a wide table of no known format that is no assay but goes "
            "with the samples, such as age; repeat for several.",
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
            help="Store the base-2 logarithm of values that come on a linear scale, such as RFU.",
        ),
    ] = False,
    replicates: Annotated[
        Replicate,
        typer.Option(
            metavar="refuse|first|mean",
            rich_help_panel=shared.INPUT,
            help="Where a sample was measured twice under one name.",
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
            help="Folder of the store.",
        ),
    ],
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    log_json: shared.LogJson = False,
) -> None:
    """Read the files of a platform into a store.

    A store is a folder: samples, proteins (one column per assay), assays, qc_flags as parquet,
    and what else the source tells: plates, limits of detection, controls, time from blood draw to
    measurement. It stands for SAMPLES and PROTEINS of associate, and is what qc takes.
    """
    if (assay is None) != (value is None):
        raise UsageError("--assay and --value name the columns of a long table: give both")
    log = open_journal(quiet=quiet, verbose=verbose, as_json=log_json)
    threads = hold_threads(None)
    from proteomr.io import IngestOptions, find_files, read_measurements, write_store
    from proteomr.provenance import InputFile, Manifest, utc_now
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
        keep_journal(out / "log.txt", again=False)
        _log_measurements(measured, log)
        given = (*paths, *((withdrawn,) if withdrawn is not None else ()))
        manifest = Manifest(
            command="ingest",
            arguments=tuple(sys.argv[1:]),
            configuration=shared.resolve_settings(context, tables={}),
            inputs=tuple(InputFile.read(path) for path in given),
            threads=threads,
            started=started,
        )
        write_store(measured, out, manifest=manifest)
    if not quiet:
        describe_measurements(measured)
    say(str(out))


def refuse_used_folder(out: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds a result, unless it is to be replaced."""
    if overwrite or not (out / "manifest.json").exists():
        return
    raise RunFolderError(
        f"{out}: already holds a manifest.json; choose another folder, or replace it with "
        "--overwrite"
    )


def describe_measurements(measured: "Measurements") -> None:
    """Print what was read: counts by panel and kind, what was left out, and the notes."""
    import polars as pl

    missing = _share_missing(measured)
    assays = measured.assays
    kinds = assays["kind"].value_counts(sort=True).rows() if "kind" in assays.columns else []
    named = ", ".join(f"{count:,} {kind}" for kind, count in kinds)
    units = (
        ", ".join(map(str, assays["unit"].drop_nulls().unique().sort())) if "unit" in assays else ""
    )
    say(
        f"{measured.platform}: {measured.n:,} samples, {assays.height:,} assays"
        f"{f' ({named})' if named else ''}{f', {units}' if units else ''}, "
        f"{missing:.1%} of the values missing"
    )
    if "panel" in assays.columns and assays["panel"].null_count() < assays.height:
        panels = assays.group_by("panel").agg(pl.len()).sort("panel").rows()
        print_rows(["panel", "assays"], [[str(name), f"{n:,}"] for name, n in panels], left=1)
    for drop in measured.drops:
        if drop.n:
            say(f"left out: {drop.n:,} {drop.reason}")
    for kind, count in measured.flags["flag"].value_counts(sort=True).rows():
        say(f"flagged: {count:,} {kind}")
    for note in measured.notes[:_SHOWN_NOTES]:
        report_note(f"note: {note}")
    if len(measured.notes) > _SHOWN_NOTES:
        report_note(f"note: {len(measured.notes) - _SHOWN_NOTES} more in manifest.json")


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
