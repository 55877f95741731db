"""`proteomr finemap`: which variants of a region are likely causal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options as shared
from .bundles import Blocks, Figures, Running, takes_bundles
from .console import print_rows, say
from .finemap_options import FineMapping
from .jobs import Task, choose_formats, run_command
from .remedies import refuse_stray_words

if TYPE_CHECKING:
    from proteomr.finemapping import FinemapJob
    from proteomr.runs import Results

__all__ = ["finemap"]

_SHOWN = 20


@takes_bundles
def finemap(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="TRAIT",
            help="Summary statistics in any known format; or coloc's columns: snp, position, beta, "
            "varbeta, MAF, pvalue.",
            show_default=False,
        ),
    ],
    *,
    mapping: FineMapping,
    blocks: Blocks,
    out: shared.Out,
    format: shared.Format = "parquet",
    figures: Figures,
    running: Running,
) -> None:
    """Find the variants of a region that are likely causal.

    With --ld by sums of single effects (SuSiE), without by Wakefield's Bayes factors for one causal
    variant. Writes finemap (how each region ended), pips (each variant's probability) and
    credible_sets; a region that fails is a row with a status.
    """
    refuse_stray_words([file], remedy="name one file; several traits stand in a column trait")

    def make_job() -> "FinemapJob":
        from proteomr.finemapping import FinemapJob

        return FinemapJob(mapping.request(file))

    task = Task(
        make_job,
        out,
        _show,
        _describe_failures,
        tables={"map": mapping.columns},
        formats=choose_formats(format),
        figures=figures,
        blocks=blocks,
        doing="fine mapping",
        unit="regions",
    )
    run_command(context, running, task)


def _show(results: "Results") -> None:
    """Print how each region ended, and its credible sets."""
    table = results.table()
    rows = [
        [
            str(row["trait"]),
            str(row["region"]),
            str(row["status"]),
            f"{row['nsnps']:,}",
            "" if row["sets"] is None else str(row["sets"]),
            "" if row["mismatch"] is None else f"{row['mismatch']:.3f}",
        ]
        for row in table.head(_SHOWN).iter_rows(named=True)
    ]
    print_rows(["trait", "region", "status", "variants", "sets", "mismatch"], rows, left=3)
    if table.height > _SHOWN:
        say(f"... and {table.height - _SHOWN:,} more in finemap.parquet")
    for row in table.filter(table["message"] != "").head(_SHOWN).iter_rows(named=True):
        say(f"{row['trait']} {row['region']}: {row['message']}")
    _show_sets(results)


def _show_sets(results: "Results") -> None:
    """Print the credible sets, each with the variant that is the most probable."""
    members = results.table("credible_sets")
    if not members.height:
        say("no credible set")
        return
    keys = ["trait", "region", "set"]
    leads = members.unique(keys, keep="first", maintain_order=True)
    rows = [
        [
            *(str(row[key]) for key in keys),
            str(row["snp"]),
            f"{row['pip']:.3f}",
            f"{row['variants']:,}",
            f"{row['coverage']:.3f}",
            "" if row["purity"] is None else f"{row['purity']:.3f}",
        ]
        for row in leads.head(_SHOWN).iter_rows(named=True)
    ]
    print_rows([*keys, "lead", "pip", "variants", "coverage", "purity"], rows, left=4)
    if leads.height > _SHOWN:
        say(f"... and {leads.height - _SHOWN:,} more in credible_sets.parquet")


def _describe_failures(results: "Results") -> str:
    """Say how many regions have no answer, by status."""
    from proteomr.finemapping.job import WITHOUT_ANSWER

    table = results.table()
    failed = table.filter(table["status"].is_in(WITHOUT_ANSWER))
    kinds = ", ".join(f"{s} {n:,}" for s, n in failed["status"].value_counts(sort=True).rows())
    return (
        f"{results.failed:,} of {results.units:,} regions have no answer: {kinds}; the column "
        "message of finemap.parquet says more"
    )
