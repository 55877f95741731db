"""`proteomr purge`: people who have withdrawn since, taken out of stores, results and parts."""

from pathlib import Path
from typing import Annotated

import typer

from . import options as shared
from .console import print_rows, say

__all__ = ["purge"]


def purge(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Folder with stores and results, at any depth.",
            show_default=False,
        ),
    ],
    *,
    withdrawn: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            rich_help_panel=shared.INPUT,
            help="Identifiers of people who have withdrawn, one a line.",
            show_default=False,
        ),
    ],
    id_column: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="NAME",
            rich_help_panel=shared.INPUT,
            help="Column of identifiers, in the list and in tables, where its name is none of the "
            "usual ones.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            rich_help_panel=shared.RESULTS,
            help="Name what holds them, and change nothing.",
        ),
    ] = False,
) -> None:
    """Take people who have withdrawn out of what is already there.

    Stores and tables of people that proteomr wrote below DIR are written again without them, with
    their manifests; what unfinished runs have kept from before the list is removed. Results that
    were computed with them are named: they are to be run again, with --withdrawn. So are files of
    yours that hold them, which stay as they are. Look with --dry-run first.
    """
    from proteomr.withdrawal import purge as purge_folder

    found = purge_folder(folder, withdrawn=withdrawn, id_column=id_column, dry_run=dry_run)
    if not found:
        say(f"nothing below {folder} holds anybody of the list")
        return
    rows = [[one.action, one.kind, str(one.people or ""), one.path, one.reason] for one in found]
    print_rows(["action", "what", "people", "path", "why"], rows, left=5, wrap=True)
    changed = sum(one.action in {"rewrite", "remove"} for one in found)
    again = sum(one.action == "run again" for one in found)
    look = sum(one.action == "look" for one in found)
    done = "would be rewritten or removed" if dry_run else "rewritten or removed"
    say(f"{changed} {done}; {again} to be run again, {look} to be looked at")
