"""`proteomr merge`: join the shards of one run."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from . import options as shared
from .associate import FAILED_UNITS
from .console import print_table, report_note

__all__ = ["merge"]


def merge(
    folder: Annotated[
        Path, typer.Argument(help="Run folder that the shards wrote to.", show_default=False)
    ],
    *,
    format: shared.Format = shared.TableFormat.parquet,
    columns: shared.Columns = shared.ColumnNames.native,
    allow_failures: shared.AllowFailures = False,
) -> None:
    """Join the shards of one run into its table, with multiple testing over all of them."""
    from proteomr.association import finish_run
    from proteomr.provenance import utc_now
    from proteomr.runs import RunFolder, read_request

    started = utc_now()
    request = read_request(folder)
    with RunFolder.open(folder, request=request, resume=True) as run:
        if run.finished:
            report_note(f"{folder} is merged already")
            return
        summary, failed = finish_run(
            run,
            arguments=tuple(sys.argv[1:]),
            configuration={},
            inputs=(),
            threads=1,
            seed=None,
            started=started,
            format=format.value,
            columns=columns.value,
            fail_status=0 if allow_failures else FAILED_UNITS,
        )
        run.finish()
    print_table(summary)
    typer.echo(str(folder / "associations.parquet"))
    if failed and not allow_failures:
        raise typer.Exit(FAILED_UNITS)
