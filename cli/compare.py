"""`proteomr compare`: what two tables of results have in common."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options as shared
from .bundles import Figures, Running, takes_bundles
from .console import print_rows, show_limits
from .jobs import Task, choose_formats, run_command

if TYPE_CHECKING:
    from proteomr.comparison import CompareJob
    from proteomr.runs import Results

__all__ = ["compare"]

_KEYS = ("exposure", "outcome", "adjustment", "stratum", "effect", "contrast")


@takes_bundles
def compare(
    context: typer.Context,
    a: Annotated[
        Path,
        typer.Argument(
            metavar="A",
            help="Table with protein, estimate and se: parquet, csv or tsv; or the run folder of "
            "associate.",
            show_default=False,
        ),
    ],
    b: Annotated[Path, typer.Argument(metavar="B", help="The other.", show_default=False)],
    *,
    by: Annotated[
        str,
        typer.Option(
            metavar="NAME,NAME",
            rich_help_panel=shared.INPUT,
            help="Columns that say what an effect is of. Exposure, outcome, adjustment set, "
            "stratum, effect and contrast are matched as far as both tables have them; where each "
            "has one value, these are set against each other.",
        ),
    ] = "protein",
    where_rows: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            rich_help_panel=shared.INPUT,
            help='Rows of both tables that count, such as adjustment=full, or a condition: "n > '
            '500"; repeat for several, which must all hold.',
            show_default=False,
        ),
    ] = None,
    where_rows_a: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            rich_help_panel=shared.INPUT,
            help="Rows of A alone.",
            show_default=False,
        ),
    ] = None,
    where_rows_b: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            rich_help_panel=shared.INPUT,
            help="Rows of B alone.",
            show_default=False,
        ),
    ] = None,
    proteins: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PROTEINS",
            rich_help_panel=shared.INPUT,
            help="Protein file, for intervals of r that know how the proteins are correlated; "
            "repeat for several. Without: every protein counts as independent, and the intervals "
            "are too narrow.",
            show_default=False,
        ),
    ] = None,
    alpha: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            metavar="P",
            rich_help_panel=shared.MODELS,
            help="Of a hit, and of a difference, after Bonferroni's correction within each model.",
        ),
    ] = 0.05,
    level: Annotated[
        float,
        typer.Option(
            min=0.5,
            max=0.9999,
            metavar="LEVEL",
            rich_help_panel=shared.MODELS,
            help="Coverage of the confidence intervals.",
        ),
    ] = 0.95,
    out: shared.Out,
    format: shared.Format = "parquet",
    figures: Figures,
    running: Running,
) -> None:
    """Hold two tables of effects against each other.

    Writes agreement.parquet (a row for each model: correlation of the estimates with its interval
    and with what the errors allow, line with errors in both, signs, hits of each and of both, how
    many effects differ) and compared.parquet (a row for each effect of both). The line and the
    differences take the errors for independent, which they are not where both tables are of the
    same people.
    """
    both = tuple(where_rows or ())

    def make_job() -> "CompareJob":
        from proteomr.comparison import CompareJob, CompareRequest

        request = CompareRequest.of(
            a,
            b,
            proteins=list(proteins or ()),
            by=tuple(name.strip() for name in by.split(",") if name.strip()),
            rows_a=(*both, *(where_rows_a or ())),
            rows_b=(*both, *(where_rows_b or ())),
            alpha=alpha,
            level=level,
        )
        return CompareJob(request)

    task = Task(make_job, out, _describe, formats=choose_formats(format), figures=figures)
    run_command(context, running, task)


def _describe(results: "Results") -> None:
    table = results.table()
    there = [name for name in _KEYS if name in table.columns]
    keys = [name for name in there if table[name].n_unique() > 1 or name == "exposure"]
    header = [*keys, "n", "r", "interval", "allowed", "slope", "signs", "hits A", "B", "both"]
    rows = [
        [
            *(str(row[name]) for name in keys),
            f"{row['proteins']:,}",
            _show(row["r"]),
            show_limits(row["r_low"], row["r_high"], ".3f"),
            _show(row["r_allowed"]),
            _show(row["slope"]),
            f"{row['sign_agreement']:.0%}",
            *(f"{row[name]:,}" for name in ("hits_a", "hits_b", "hits_both")),
        ]
        for row in table.iter_rows(named=True)
    ]
    print_rows(header, rows, left=len(keys))


def _show(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
