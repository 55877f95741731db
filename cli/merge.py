"""`proteomr merge`: join the shards of one run."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proteomr.errors import UsageError

from . import options as shared
from .bundles import Figures, takes_bundles
from .jobs import (
    attach_log,
    choose_drawer,
    choose_formats,
    count_failures,
    tell_results,
)
from .journal import open_journal
from .resources import hold_threads
from .show_associations import describe_failures, show_associations
from .show_curves import describe_untested, show_curves
from .show_mediation import describe_failed_pairs, show_mediation
from .show_replication import describe_failed_fits, show_replication
from .show_scores import show_performance

if TYPE_CHECKING:
    from proteomr.runs import Account, Output, Results

__all__ = ["merge"]

_OTHERS = {
    "mediate": (show_mediation, describe_failed_pairs),
    "replicate": (show_replication, describe_failed_fits),
    "score": (show_performance, count_failures),
    "curves": (show_curves, describe_untested),
}
"""What is printed of runs whose main table is no associations."""


@takes_bundles
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
    figures: Figures,
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
    from proteomr.runs import Account, Output, read_request

    log.info("joining the shards in %s", folder)
    output = Output(folder, choose_formats(format), draw=choose_drawer(figures))
    account = Account(tuple(sys.argv[1:]), threads=threads, allow_failures=allow_failures)
    request = read_request(folder)
    command, asked = str(request.get("command")), request.get("asked")
    if command == "survive" and isinstance(asked, dict) and "curves" in asked:
        command = "curves"  # of the same command, with tables of their own
    known = _OTHERS.get(command)
    if known is not None and columns != "native":
        raise UsageError(f"--columns is of associations, and this is a run of {command}")
    report, describe = known or (show_associations, describe_failures)
    results = _join(command, output, account, columns)
    tell_results(
        results,
        report=report,
        describe_failures=describe,
        path=results.path() or folder,
        quiet=quiet,
        allow_failures=allow_failures,
    )


def _join(
    command: str,
    output: "Output",
    account: "Account",
    columns: shared.Columns,
) -> "Results":
    """Join the shards of a run by the command that it is of."""
    from proteomr import association, mediation
    from proteomr.replicate import merge_shards as merge_replication
    from proteomr.score import merge_shards as merge_scores
    from proteomr.survival import merge_curves

    others = {
        "mediate": mediation.merge_shards,
        "replicate": merge_replication,
        "score": merge_scores,
        "curves": merge_curves,
    }
    if command in others:
        return others[command](output, account=account, opened=attach_log)
    return association.merge_shards(output, account=account, columns=columns, opened=attach_log)
