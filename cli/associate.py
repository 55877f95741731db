"""`proteomr associate`: all proteins against exposures under several adjustment sets."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from proteomr.errors import UsageError

from . import options as shared
from .bundles import Blocks, Figures, Running, takes_bundles
from .further_options import FurtherOptions
from .heaps import share_heap
from .jobs import choose_formats, read_shard, run_command
from .permutation_options import PermutationOptions
from .scan_options import ProteinFiles, Samples, ScanOptions, refuse_strays
from .show_associations import scan_task

if TYPE_CHECKING:
    from proteomr.association import AssociateJob

__all__ = ["associate"]


@takes_bundles
def associate(
    context: typer.Context,
    samples: Samples,
    proteins: ProteinFiles = None,
    *,
    scan: ScanOptions,
    strata: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|EXPR",
            rich_help_panel=shared.MODELS,
            help="Column whose levels are analysed one by one; or a condition as of --where, such "
            'as "age >= 60", which makes two strata, false and true. joint_tests.parquet tells '
            "whether the strata differ.",
        ),
    ] = None,
    effective_tests: Annotated[
        bool,
        typer.Option(
            "--effective-tests",
            rich_help_panel=shared.MODELS,
            help="Count the independent tests that the proteins amount to (Nyholt, Li-Ji, Galwey, "
            "Gao), and print the threshold of each.",
        ),
    ] = False,
    coefficients: Annotated[
        bool,
        typer.Option(
            "--coefficients",
            rich_help_panel=shared.MODELS,
            help="Write coefficients.parquet too: every coefficient of every model.",
        ),
    ] = False,
    further: FurtherOptions,
    permuting: PermutationOptions,
    blocks: Blocks,
    shard: shared.Shard = None,
    out: shared.Out,
    format: shared.Format = "parquet",
    columns: shared.Columns = "native",
    figures: Figures,
    running: Running,
) -> None:
    """Associate every protein with exposures, in one pass.

    Each protein has its own complete cases, in which it is transformed and then fitted. The run
    folder gets associations.parquet, summary.tsv, attrition.tsv (people left and lost in each
    model), drops.tsv, manifest.json and log.txt; people, summary and the path of the table are
    printed.
    """
    share_heap()
    tables = scan.tables
    share = read_shard(shard)
    refuse_strays(samples, proteins)
    if effective_tests and share is not None:
        raise UsageError(
            "--effective-tests counts over all proteins: use it on a run without --shard"
        )

    def make_job() -> "AssociateJob":
        from proteomr.association import AssociateJob

        request = scan.request(
            samples,
            proteins or (),
            strata=strata,
            coefficients=coefficients,
            further=further.read(),
            permutations=permuting.read(running.seed),
            effective_tests=effective_tests,
        )
        return AssociateJob(request, columns, share)

    task = scan_task(make_job, out, shard=share, columns=columns)
    task = replace(
        task, tables=tables, formats=choose_formats(format), blocks=blocks, figures=figures
    )
    run_command(context, running, task)
