"""`proteomr survive`: what proteins say of when outcomes happen."""

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from . import options as shared
from .bundles import Blocks, Figures, Running, takes_bundles
from .curve_options import CurveChoice
from .jobs import choose_formats, read_shard, run_command
from .scan_options import ProteinFiles, Samples, refuse_strays
from .show_associations import scan_task
from .show_curves import curves_task
from .survival_options import SurvivalScan

if TYPE_CHECKING:
    from proteomr.survival import SurviveJob

__all__ = ["survive"]


@takes_bundles
def survive(
    context: typer.Context,
    samples: Samples,
    proteins: ProteinFiles = None,
    *,
    scan: SurvivalScan,
    groups: CurveChoice,
    blocks: Blocks,
    shard: shared.Shard = None,
    out: shared.Out,
    format: shared.Format = "parquet",
    columns: shared.Columns = "native",
    figures: Figures,
    running: Running,
) -> None:
    """Model when outcomes happen by every protein, in one pass.

    Each protein has its own complete cases, in which it is transformed and then fitted. The run
    folder gets associations.parquet (estimates are logarithms of hazard ratios in the Cox family),
    summary.tsv, attrition.tsv, drops.tsv, manifest.json and log.txt, and what the options ask for;
    people, summary and the path of the table are printed.

    With --curves or --by no model is fitted: survival of groups goes into curves.parquet,
    curve_times, groups, logrank, medians, rmst and rates, and with --event-code into
    cumulative_incidence and gray.
    """
    tables = scan.tables
    share = read_shard(shard)
    refuse_strays(samples, proteins)
    if groups.asked:
        task = curves_task(groups, scan, samples, proteins or [], out, shard=share)
        task = replace(task, formats=choose_formats(format), blocks=blocks, figures=figures)
        run_command(context, running, task)
        return

    def make_job() -> "SurviveJob":
        from proteomr.survival import SurviveJob

        return SurviveJob(scan.request(samples, proteins or ()), columns, share)

    task = scan_task(make_job, out, shard=share, columns=columns)
    task = replace(
        task, tables=tables, formats=choose_formats(format), blocks=blocks, figures=figures
    )
    run_command(context, running, task)
