"""`proteomr mediate`: effects of exposures on outcomes through proteins."""

from typing import TYPE_CHECKING

import typer

from . import options as shared
from .bundles import Blocks, Figures, Running, takes_bundles
from .jobs import Task, choose_formats, read_shard, run_command
from .mediation_options import MediationScan
from .scan_options import ProteinFiles, Samples, refuse_strays
from .show_mediation import describe_failed_pairs, show_mediation

if TYPE_CHECKING:
    from proteomr.mediation import MediateJob
    from proteomr.runs import Results

__all__ = ["mediate"]


@takes_bundles
def mediate(
    context: typer.Context,
    samples: Samples,
    proteins: ProteinFiles = None,
    *,
    scan: MediationScan,
    blocks: Blocks,
    shard: shared.Shard = None,
    out: shared.Out,
    format: shared.Format = "parquet",
    figures: Figures,
    running: Running,
) -> None:
    """Say how much of an effect goes through each protein.

    Each protein has its own complete cases, in which it is transformed and then analysed. The run
    folder gets mediation.parquet (one row for each quantity), paths.parquet (the numbers of the
    path diagram), composite_null.parquet (shares of the proteins without mediation),
    attrition.tsv, drops.tsv, manifest.json and log.txt; people, the proteins with the smallest p
    values and the path of the table are printed.
    """
    tables = scan.tables
    share = read_shard(shard)
    refuse_strays(samples, proteins)

    def make_job() -> "MediateJob":
        from proteomr.mediation import MediateJob

        return MediateJob(scan.request(samples, proteins or (), seed=running.seed), share)

    def report(results: "Results") -> None:
        show_mediation(results, shard=share)

    task = Task(
        make_job,
        out,
        report,
        describe_failed_pairs,
        tables=tables,
        formats=choose_formats(format),
        figures=figures,
        blocks=blocks,
        shard=share,
        doing="analysing",
    )
    run_command(context, running, task)
