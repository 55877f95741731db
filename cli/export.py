"""`proteomr export`: a store as one file, for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from . import options as shared
from .bundles import takes_bundles
from .console import report_note, say
from .journal import open_journal
from .people_options import People
from .resources import hold_threads

__all__ = ["export"]


@takes_bundles
def export(
    store: Annotated[
        Path,
        typer.Argument(metavar="STORE", help="Folder of ingest or qc.", show_default=False),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            rich_help_panel=shared.RESULTS,
            help="File to write. .h5ad: AnnData, with all that is told of samples and assays (the "
            "extra proteomr[anndata]). .csv, .tsv, .parquet: a row for each sample, its "
            "identifier and a column for each assay.",
            show_default=False,
        ),
    ],
    *,
    genes: Annotated[
        bool,
        typer.Option(
            "--genes",
            rich_help_panel=shared.RESULTS,
            help="Name each assay by its gene. One without, or whose gene others have, keeps its "
            "key, and is counted.",
        ),
    ] = False,
    withdrawn: shared.Withdrawn = None,
    people: People,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", rich_help_panel=shared.RESULTS, help="Replace a file of that name."
        ),
    ] = False,
    quiet: shared.Quiet = False,
) -> None:
    """Write a store as one file, for R, scanpy and other programs.

    The file is about people, and none but its owner may read it. Values are those of the store, to
    the last digit; a missing value is an empty cell, in AnnData not a number.
    """
    open_journal(quiet=quiet)
    hold_threads(None)
    from proteomr.io import export_store

    made = export_store(
        store, out, genes=genes, withdrawn=withdrawn, people=people.choose(), overwrite=overwrite
    )
    if not quiet:
        kept = f", {made.by_key:,} by their keys for lack of a gene of their own"
        left = f" ({made.not_chosen:,} were not asked for)" if made.not_chosen else ""
        report_note(f"{made.n:,} samples{left}, {made.p:,} assays{kept if made.by_key else ''}")
    say(str(out))
