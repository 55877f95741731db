"""`proteomr e-values`: how strong an unmeasured confounder would have to be."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from . import options as shared
from .bundles import Figures, Running, takes_bundles
from .console import say
from .jobs import Task, run_command

if TYPE_CHECKING:
    from proteomr.runs import Results
    from proteomr.sensitivity import EValueJob

__all__ = ["e_values"]


@takes_bundles
def e_values(
    context: typer.Context,
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            help="Table with estimate and se: parquet, csv or tsv; or the run folder of associate.",
            show_default=False,
        ),
    ],
    *,
    scale: Annotated[
        Literal["auto", "RR", "OR", "HR", "difference"],
        typer.Option(
            metavar="auto|RR|OR|HR|difference",
            rich_help_panel=shared.MODELS,
            help="What the estimates are: logarithms of ratios, or differences of means. auto: as "
            "the column family says.",
        ),
    ] = "auto",
    outcome: Annotated[
        Literal["auto", "rare", "common"],
        typer.Option(
            metavar="auto|rare|common",
            rich_help_panel=shared.MODELS,
            help="Whether odds and hazard ratios are near risk ratios. auto: not where more than "
            "15 % of the people are cases.",
        ),
    ] = "auto",
    sd: Annotated[
        float,
        typer.Option(
            metavar="SD",
            rich_help_panel=shared.MODELS,
            help="Standard deviation of the response of a linear model; 1 for proteins that are "
            "rank-normal or z scores.",
        ),
    ] = 1.0,
    delta: Annotated[
        float,
        typer.Option(
            metavar="UNITS",
            rich_help_panel=shared.MODELS,
            help="Units of the exposure, or of the protein, that are compared.",
        ),
    ] = 1.0,
    where_rows: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            rich_help_panel=shared.INPUT,
            help='Rows that count, such as adjustment=full, or a condition: "q_bh < 0.05"; repeat '
            "for several, which must all hold.",
            show_default=False,
        ),
    ] = None,
    level: Annotated[
        float,
        typer.Option(
            min=0.5,
            max=0.9999,
            metavar="LEVEL",
            rich_help_panel=shared.MODELS,
            help="Coverage of intervals that the table does not hold.",
        ),
    ] = 0.95,
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
    """Compute how strong confounding must be to explain results away.

    An E-value is the least risk ratio that it must have with both sides of an association, beyond
    the covariates (VanderWeele and Ding 2017). Written are that of each estimate and that of the
    limit nearer to no association, 1 where the interval holds it.
    """

    def make_job() -> "EValueJob":
        from proteomr.runs import Source
        from proteomr.sensitivity import EValueJob, EValueRequest

        rows = tuple(where_rows or ())
        return EValueJob(EValueRequest(Source.of(table), scale, outcome, sd, delta, rows, level))

    from proteomr.runs import choose_file_formats

    formats = choose_file_formats(out, also=format)
    run_command(context, running, Task(make_job, out, _describe, formats=formats, figures=figures))


def _describe(results: "Results") -> None:
    table = results.table()
    above = int((table["e_value_limit"] > 1.0).sum())
    say(f"{table.height:,} estimates, {above:,} whose interval leaves out no association")
    if above:
        most = table.sort("e_value_limit", descending=True, nulls_last=True).row(0, named=True)
        name = most.get("protein") or most.get("exposure") or "the first"
        say(f"largest: {name}, {most['e_value']:.2f}, of its limit {most['e_value_limit']:.2f}")
