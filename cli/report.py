"""`proteomr report`: what was done and found, as one page."""

from pathlib import Path
from typing import Annotated

import typer

from proteomr.errors import UsageError

from . import options as shared
from .console import report_note, say

__all__ = ["report"]


def report(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Folder of a study (`proteomr run`), of a run, or of several runs."
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            rich_help_panel=shared.RESULTS,
            help="Page of HTML; FILE.md beside it has the same words. Without: DIR.html.",
            show_default=False,
        ),
    ] = None,
    title: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            rich_help_panel=shared.RESULTS,
            help="Of the report; without: the folder's name.",
            show_default=False,
        ),
    ] = None,
    overwrite: shared.Overwrite = False,
    quiet: shared.Quiet = False,
) -> None:
    """Tell what runs did and found, on one page.

    Data, flow, models, hits with figures, replication, survival, mediation, scores, Mendelian
    randomisation, methods with versions and sources, and the checklists STROBE, STROBE-MR
    and TRIPOD as far as the runs fill them. Every number says which file, rows and request it is
    from; what a study lacks is said.
    The page needs nothing from elsewhere, and the same runs give the same bytes.
    """
    from proteomr.report import make_report, write_report

    page = out or folder.with_name(f"{folder.absolute().name}.html")
    if page.suffix not in {".html", ".htm"}:
        raise UsageError(f"{page}: the page is HTML; name it FILE.html")
    for file in (page, page.with_suffix(".md")):
        if file.exists() and not overwrite:
            raise UsageError(f"{file}: is there; name another file, or replace it with --overwrite")
    made = make_report(folder, title=title)
    for name in () if quiet else made.missing:
        report_note(f"{name} has no results: the report says so")
    for file in write_report(made, page):
        say(str(file))
