"""`proteomr merge`: join the shards of one run."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from proteomr.errors import UsageError

from . import options as shared
from .jobs import attach_log, choose_formats, hold_threads, tell_results
from .journal import open_journal
from .show_associations import describe_failures, show_associations
from .show_mediation import describe_failed_pairs, show_mediation

__all__ = ["merge"]


def merge(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Run folder that the shards wrote to.", show_default=False
        ),
    ],
    *,
    format: shared.Format = "parquet",
    columns: shared.Columns = "native",
    allow_failures: shared.AllowFailures = False,
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    log_json: shared.LogJson = False,
) -> None:
    """Join the shards of one run into its table.

    Multiple testing spans all of them; the result has the bytes of a run without shards.
    """
    log = open_journal(quiet=quiet, verbose=verbose, as_json=log_json)
    threads = hold_threads(None)
    from proteomr import association, mediation
    from proteomr.runs import Account, Output, read_request

    log.info("joining the shards in %s", folder)
    output = Output(folder, choose_formats(format))
    account = Account(tuple(sys.argv[1:]), threads=threads, allow_failures=allow_failures)
    mediates = read_request(folder).get("command") == "mediate"
    if mediates:
        if columns != "native":
            raise UsageError("--columns is of associations, and this is a run of mediate")
        results = mediation.merge_shards(folder, output=output, account=account, opened=attach_log)
    else:
        results = association.merge_shards(
            folder, output=output, account=account, columns=columns, opened=attach_log
        )
    tell_results(
        results,
        report=show_mediation if mediates else show_associations,
        describe_failures=describe_failed_pairs if mediates else describe_failures,
        path=results.path() or folder,
        quiet=quiet,
        allow_failures=allow_failures,
    )
