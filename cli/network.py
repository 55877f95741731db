"""`proteomr network`: modules of proteins that go together."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options as shared
from .bundles import Figures, Running, takes_bundles
from .console import print_rows, say
from .jobs import Task, choose_formats, run_command
from .network_options import NetworkAsked

if TYPE_CHECKING:
    from proteomr.network import NetworkJob
    from proteomr.runs import Results

__all__ = ["network"]

_SHOWN = 30


@takes_bundles
def network(
    context: typer.Context,
    proteins: Annotated[
        list[Path],
        typer.Argument(
            metavar="PROTEINS...",
            help="Protein files, a row per person, joined on the identifier; or a store.",
            show_default=False,
        ),
    ],
    *,
    asked: NetworkAsked,
    out: shared.Out,
    format: shared.Format = "parquet",
    figures: Figures,
    running: Running,
) -> None:
    """Find modules of proteins that go together, and their profiles.

    Correlations are raised to a power, proteins linked by how far they share their neighbours, and
    the tree of them cut. The run folder gets modules.parquet (protein, module, membership,
    connectivity), eigenproteins (a column for each module, which may stand for PROTEINS elsewhere:
    proteomr associate SAMPLES eigenproteins.parquet), module_summary, power, tree, hubs, edges and,
    with --preserve-in, preservation. It takes no --shard: a network is one piece of work.
    """

    def make_job() -> "NetworkJob":
        from proteomr.network import NetworkJob

        return NetworkJob(asked.request(proteins, seed=running.seed))

    task = Task(
        make_job,
        out,
        _show,
        formats=choose_formats(format),
        figures=figures,
        doing="computing",
        unit="tiles",
        keeps_each=False,
    )
    run_command(context, running, task)


def _show(results: "Results") -> None:
    summary = results.table("module_summary")
    labels = results.table()["module"]
    power = results.table("power")
    chosen = power.filter(power["chosen"]).row(0, named=True)
    r2 = "none" if chosen["signed_r2"] is None else f"{chosen['signed_r2']:.2f}"
    say(f"power {chosen['power']}, signed r2 {r2}, mean connectivity {chosen['mean_k']:.3g}")
    preserved = results.table("preservation") if "preservation" in results.names else None
    rows = []
    for place, row in enumerate(summary.head(_SHOWN).iter_rows(named=True)):
        cells = [f"{row['module']}", row["hub"], f"{row['n']:,}", f"{row['explained']:.1%}"]
        if preserved is not None:
            z = preserved["z_summary"][place]
            cells.append("" if z is None else f"{z:.1f}")
        rows.append(cells)
    headings = ["module", "hub", "proteins", "explained"]
    headings += [] if preserved is None else ["z summary"]
    if rows:
        print_rows(headings, rows, left=2)
    if summary.height > _SHOWN:
        say(f"... {summary.height - _SHOWN} more in module_summary")
    none = int((labels == 0).sum())
    ending = "" if summary.height == 1 else "s"
    say(f"{summary.height} module{ending}; {none:,} of {labels.len():,} proteins in none")
