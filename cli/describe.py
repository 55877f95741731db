"""`proteomr describe`: who the people of a study are."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as shared
from .bundles import Figures, Running, takes_bundles
from .console import print_rows, say, show_limits
from .jobs import Task, choose_formats, run_command
from .people_options import People

if TYPE_CHECKING:
    import polars as pl

    from proteomr.description import DescribeJob
    from proteomr.runs import Results

__all__ = ["describe"]

_COLUMNS = 6  # groups that a terminal has room for; the table has all


@takes_bundles
def describe(
    context: typer.Context,
    samples: Annotated[
        Path,
        typer.Argument(
            metavar="SAMPLES",
            help="One row per person: parquet, csv or tsv, also .gz; or a store.",
            show_default=False,
        ),
    ],
    *,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column whose levels are described beside one another; repeat for several, each "
            "by itself.",
            show_default=False,
        ),
    ] = None,
    variable: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column to describe; repeat for several. Without: all.",
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
            help="Coverage of the intervals of odds ratios and rates.",
        ),
    ] = 0.95,
    id_column: shared.IdColumn = None,
    withdrawn: shared.Withdrawn = None,
    people: People,
    out: shared.Out,
    format: shared.Format = "parquet",
    figures: Figures,
    running: Running,
) -> None:
    """Describe people: Table 1, cross tables with odds ratios, rates.

    Writes description.parquet (counts, percentages, means, quartiles, missing values, of everybody
    and by group, with standardised differences), cross_tables.parquet (each factor against the
    groups) and rates.parquet (events, person-years and rates of outcomes that have their years
    beside them).
    """

    def make_job() -> "DescribeJob":
        from proteomr.description import DescribeJob, DescribeRequest
        from proteomr.runs import Source

        request = DescribeRequest(
            Source.of(samples),
            tuple(by or ()),
            tuple(variable or ()),
            Source.of_people(withdrawn, name="withdrawn"),
            people.choose(),
            id_column,
            level,
        )
        return DescribeJob(request)

    task = Task(make_job, out, _show, formats=choose_formats(format), figures=figures)
    run_command(context, running, task)


def _show(results: "Results") -> None:
    import polars as pl

    table = results.table()
    for by in table["by"].unique(maintain_order=True).to_list():
        part = table.filter(pl.col("by").eq_missing(pl.lit(by, dtype=pl.String)))
        _show_groups(part, by)
    if "rates" in results.names:
        _show_rates(results.table("rates"))


def _show_groups(part: "pl.DataFrame", by: str | None) -> None:
    groups = part["group"].unique(maintain_order=True).to_list()[: _COLUMNS + 1]
    cells: dict[tuple[str, str | None], dict[str | None, dict[str, Any]]] = {}
    for row in part.iter_rows(named=True):
        cells.setdefault((row["variable"], row["level"]), {})[row["group"]] = row
    named = ["everybody" if group is None else f"{by} {group}" for group in groups]
    rows = [
        [
            name if level is None else f"{name} {level}",
            *(_cell(of[group]) for group in groups),
            *([_difference(of[None]["smd"])] if by is not None else []),
            f"{of[None]['missing']:,}" if of[None]["missing"] else "",
        ]
        for (name, level), of in cells.items()
    ]
    print_rows(["", *named, *(["SMD"] if by is not None else []), "missing"], rows, left=1)


def _cell(row: dict[str, Any]) -> str:
    if row["level"] is not None:
        share = "" if row["percent"] is None else f" ({row['percent']:.1f} %)"
        return f"{row['count']:,}{share}"
    if row["mean"] is None:
        return ""
    spread = "" if row["sd"] is None else f" ({row['sd']:.3g})"
    return f"{row['mean']:.4g}{spread}"


def _difference(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _show_rates(rates: "pl.DataFrame") -> None:
    rows = [
        [
            row["outcome"],
            "everybody" if row["by"] is None else f"{row['by']} {row['group']}",
            f"{row['events']:,}",
            f"{row['person_years']:,.0f}",
            "" if row["rate"] is None else f"{row['rate']:.2f}",
            show_limits(row["conf_low"], row["conf_high"], ".2f"),
        ]
        for row in rates.iter_rows(named=True)
    ]
    say("events per 1,000 person-years")
    print_rows(["", "", "events", "person-years", "rate", "interval"], rows, left=2)
