"""`proteomr adjust`: one correction for multiple testing over several tables of results."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options as shared
from .bundles import Figures, Running, takes_bundles
from .console import say
from .jobs import Task, run_command

if TYPE_CHECKING:
    from proteomr.comparison import AdjustJob
    from proteomr.runs import Results

__all__ = ["adjust"]

_ALPHA = 0.05
_METHODS = {"p_bonferroni": "Bonferroni", "p_holm": "Holm", "q_bh": "Benjamini-Hochberg"}


@takes_bundles
def adjust(
    context: typer.Context,
    tables: Annotated[
        list[Path],
        typer.Argument(
            metavar="TABLE...",
            help="Tables with neg_log10_p or p_value, or with estimate and se: parquet, csv or "
            "tsv; or run folders of associate.",
            show_default=False,
        ),
    ],
    *,
    tests: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            rich_help_panel=shared.MODELS,
            help="Tests that Bonferroni's correction is for, such as an effective number of "
            "--effective-tests. Without: all that there are.",
            show_default=False,
        ),
    ] = None,
    where_rows: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            rich_help_panel=shared.INPUT,
            help='Rows of every table that count, such as adjustment=full, or a condition: "n > '
            '500"; repeat for several, which must all hold.',
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            rich_help_panel=shared.RESULTS,
            help="Table to write, in the format that its name ends in: .parquet, .csv or .tsv.",
        ),
    ],
    format: Annotated[
        shared.TableFormat | None,
        typer.Option(
            "--format",
            metavar="parquet|csv|tsv",
            rich_help_panel=shared.RESULTS,
            help="Write the table in this format too, beside FILE.",
        ),
    ] = None,
    figures: Figures,
    running: Running,
) -> None:
    """Correct the tests of several tables of results together.

    Writes a table with a row for each test: the table that it is from, its keys, p value and the
    adjusted p values of Bonferroni, Holm, Benjamini-Hochberg, Benjamini-Yekutieli and Storey.
    """

    def make_job() -> "AdjustJob":
        from proteomr.comparison import AdjustJob, AdjustRequest

        return AdjustJob(AdjustRequest.of(tables, tests=tests, rows=tuple(where_rows or ())))

    from proteomr.runs import choose_file_formats

    formats = choose_file_formats(out, also=format)
    run_command(context, running, Task(make_job, out, _describe, formats=formats, figures=figures))


def _describe(results: "Results") -> None:
    table = results.table()
    tested = table.height - table["neg_log10_p"].null_count()
    tables = table["table"].n_unique()
    say(f"{tested:,} tests of {tables:,} table{'' if tables == 1 else 's'}")
    for name, method in _METHODS.items():
        say(f"{method} below {_ALPHA}: {int((table[name] < _ALPHA).sum()):,}")
