"""`proteomr ctra`: a contrast of genes held against exposures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options as shared
from .bundles import Figures, Running, takes_bundles
from .console import print_rows, say
from .ctra_options import Contrasts, Fits
from .jobs import Task, choose_formats, run_command
from .people_options import People

if TYPE_CHECKING:
    from proteomr.ctra import CtraJob
    from proteomr.runs import Results

__all__ = ["ctra"]

_SHOWN = 30


@takes_bundles
def ctra(
    context: typer.Context,
    expression: Annotated[
        Path,
        typer.Argument(
            metavar="EXPRESSION",
            help="A row per person, columns named by genes, logarithms to base 2: parquet, csv or "
            "tsv; or a store of Olink or SomaScan.",
            show_default=False,
        ),
    ],
    samples: Annotated[
        Path,
        typer.Argument(
            metavar="SAMPLES", help="A row per person: exposures, covariates.", show_default=False
        ),
    ],
    *,
    exposure: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column of SAMPLES; repeat for several, each in a model of its own.",
            show_default=False,
        ),
    ],
    adjust: Annotated[
        list[str] | None,
        typer.Option(
            metavar='LABEL="TERMS"',
            rich_help_panel=shared.MODELS,
            help='Adjustment set, such as full="age + sex + CD3D", of columns of SAMPLES or '
            "genes of EXPRESSION; repeat for several. Without: "
            "unadjusted.",
            show_default=False,
        ),
    ] = None,
    fits: Fits,
    contrasts: Contrasts,
    level: Annotated[
        float,
        typer.Option(
            min=0.5,
            max=0.9999,
            metavar="LEVEL",
            rich_help_panel=shared.MODELS,
            help="Coverage of the intervals.",
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
    """Hold the transcriptional response to adversity to exposures.

    The conserved response: 53 genes, 19 with weight 1 and 34 with -1, or others (--genes). Writes
    ctra.parquet (a row for each term of each model), ctra_scores (people), ctra_genes (which genes
    were found, where) and, where asked, ctra_leave_out.
    """
    sets = shared.parse_sets(adjust)

    def make_job() -> "CtraJob":
        from proteomr.ctra import CtraJob, CtraRequest

        request = CtraRequest.of(
            expression,
            samples,
            genes=contrasts.genes,
            withdrawn=withdrawn,
            exposures=tuple(exposure),
            adjust=sets,
            model=fits.model,
            gene_set=contrasts.gene_set,
            scale=contrasts.scale,
            log2=contrasts.log2,
            joint=fits.joint,
            interaction=fits.read_interaction(),
            gene_variances=fits.gene_variances,
            ml=fits.ml,
            errors=fits.errors,
            components=contrasts.components,
            leave_one_out=contrasts.leave_one_out,
            level=level,
            people=people.choose(),
            id_column=id_column,
        )
        return CtraJob(request)

    task = Task(
        make_job,
        out,
        _show,
        tables={"adjust": sets},
        formats=choose_formats(format),
        figures=figures,
    )
    run_command(context, running, task)


def _show(results: "Results") -> None:
    genes = results.table("ctra_genes")
    used = int((genes["found"] == "used").sum())
    groups = genes["group"].unique(maintain_order=True).to_list()
    of = [
        f"{int((genes['found'].filter(genes['group'] == group) == 'used').sum())} of "
        f"{int((genes['group'] == group).sum())} {group}"
        for group in groups
    ]
    say(f"{used} of {genes.height} genes measured: {', '.join(of)}")
    rows = [
        [
            row["exposure"],
            row["adjustment"],
            row["component"],
            row["term"] if row["at"] is None else f"{row['term']} at {row['at']:g}",
            f"{row['n']:,}",
            *(_number(row[name]) for name in ("estimate", "se", "statistic")),
            _number(row["p_value"], 2),
        ]
        for row in results.table().head(_SHOWN).iter_rows(named=True)
    ]
    head = ["exposure", "adjustment", "genes", "term", "n", "estimate", "se", "t", "p"]
    print_rows(head, rows, left=4)


def _number(value: float | None, digits: int = 4) -> str:
    return "" if value is None else f"{value:.{digits}g}"
