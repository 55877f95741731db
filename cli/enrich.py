"""`proteomr enrich`: sets of genes that hits, or high and low ranks, gather in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as shared
from .bundles import Figures, Running, takes_bundles
from .console import print_rows, say
from .enrichment_options import Hubs, SetTests
from .jobs import Task, choose_formats, run_command
from .study_options import option

if TYPE_CHECKING:
    from proteomr.enrichment import EnrichJob
    from proteomr.runs import Results

__all__ = ["enrich"]

_SHOWN = 15


@takes_bundles
def enrich(
    context: typer.Context,
    hits: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE|LIST",
            help="A table of results (parquet, csv, tsv), or the run folder of associate; or a "
            "list of hits, one name a line.",
            show_default=False,
        ),
    ],
    *,
    sets: Annotated[
        list[str],
        option(
            shared.INPUT,
            "FILE.gmt|go-bp|go-cc|go-mf",
            "Sets of genes: a file of the form GMT, also .gz, or an ontology that is shipped; "
            "repeat for several.",
        ),
    ],
    background: Annotated[
        Path | None,
        option(
            shared.INPUT,
            "FILE",
            "What was tested, as a list or a table. Without: all of TABLE that was.",
        ),
    ] = None,
    where_rows: Annotated[
        list[str] | None,
        option(
            shared.INPUT,
            "COLUMN=VALUE",
            "Rows of TABLE that are hits (ora), or that are ranked (gsea), such as adjustment=full "
            'or "q_bh < 0.05"; repeat for several, which must all hold.',
        ),
    ] = None,
    name_column: Annotated[
        str | None,
        option(shared.INPUT, "COLUMN", "Names in TABLE. Without: gene, and protein where none is."),
    ] = None,
    tested: SetTests,
    network: Hubs,
    out: shared.Out,
    format: shared.Format = "parquet",
    figures: Figures,
    running: Running,
) -> None:
    """Find sets of genes that hits, or high and low ranks, gather in.

    Writes enrichment.parquet (a row for each set: its size, hits and those expected, odds ratio,
    or score; p value, q value, and which members count), sets_left_out.parquet (sets of other
    sizes, with the reason), and with --edges interaction_hubs.parquet. Names of TABLE and of the
    sets meet by the gene that they mean: symbols, aliases, UniProt, Ensembl and Entrez. A gene
    counts once.
    """

    def make_job() -> "EnrichJob":
        from proteomr.enrichment import EnrichJob, EnrichRequest

        request = EnrichRequest.of(
            hits,
            sets=sets,
            background=background,
            rows=tuple(where_rows or ()),
            names=name_column,
            rank=tested.rank,
            options=tested.choose(running.seed),
            edges=network.edges,
            hubs=network.choose(),
        )
        return EnrichJob(request)

    task = Task(
        make_job, out, _describe, formats=choose_formats(format), unit="sizes", figures=figures
    )
    run_command(context, running, task)


def _describe(results: "Results") -> None:
    table = results.table()
    hits = table.filter("significant")
    sources = table["source"].n_unique()
    from_where = f" of {sources} sources" if sources > 1 else ""
    sets = "1 set" if table.height == 1 else f"{table.height:,} sets"
    say(f"{sets}{from_where} tested, {hits.height:,} significant")
    if "represented_by" in table.columns:
        own = hits.filter(hits["represented_by"] == hits["set"])
        say(f"{own.height:,} of these stand for the others")
        hits = own
    ranked = "nes" in table.columns
    kinds = ["n", "hits", "expected", "odds ratio"] if not ranked else ["n", "leading", "NES"]
    rows = [_show(row, ranked=ranked) for row in (hits.head(_SHOWN)).iter_rows(named=True)]
    if rows:
        print_rows(["set", "what it is", *kinds, "p", "q"], rows, left=2)
    if hits.height > _SHOWN:
        say(f"and {hits.height - _SHOWN:,} more")


def _show(row: dict[str, Any], *, ranked: bool) -> list[str]:
    way = "" if row["direction"] == "any" or ranked else f" ({row['direction']})"
    if ranked:
        numbers = [f"{row['n_leading']:,}", f"{row['nes']:.2f}"]
    else:
        numbers = [f"{row['overlap']:,}", f"{row['expected']:.1f}", f"{row['odds_ratio']:.2f}"]
    q = f"{row['q_bh']:.2g}"
    return [
        row["set"] + way,
        row["description"] or "",
        f"{row['n_set']:,}",
        *numbers,
        f"{row['p_value']:.2g}",
        q,
    ]
