"""`proteomr merge`: join the shards of one run."""

from pathlib import Path
from typing import Annotated

import typer

from . import options as shared
from .journal import keep_journal, open_journal
from .outcome import report_outcome
from .running import RunOptions, finish, hold_threads

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
    options = RunOptions(
        out=folder,
        threads=hold_threads(None),
        format=format,
        columns=columns,
        allow_failures=allow_failures,
    )
    log = open_journal(quiet=quiet, verbose=verbose, as_json=log_json)
    from proteomr.provenance import utc_now
    from proteomr.runs import RunFolder, read_request

    started = utc_now()
    request = read_request(folder)
    with RunFolder.open(folder, request=request, resume=True) as run:
        if not run.finished:
            keep_journal(run.claim("log.txt"), again=True)
            log.info("joining the shards in %s", folder)
        outcome = finish(run, options=options, inputs=(), configuration={}, started=started)
    report_outcome(outcome, options=options, quiet=quiet)
