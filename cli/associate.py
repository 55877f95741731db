"""`proteomr associate`: all proteins against exposures under several adjustment sets."""

from typing import TYPE_CHECKING, Annotated

import typer

from proteomr.errors import UsageError

from . import options as shared
from .bundles import Blocks, Running, takes_bundles
from .further_options import FurtherOptions
from .jobs import Task, choose_formats, read_shard, run_command
from .permutation_options import PermutationOptions
from .scan_options import ProteinFiles, Samples, ScanOptions, refuse_strays
from .show_associations import describe_failures, show_associations

if TYPE_CHECKING:
    from proteomr.association import AssociateJob
    from proteomr.runs import Results

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
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            rich_help_panel=shared.COMPUTING,
            help="Fit this share of the blocks alone, such as 1/8; `proteomr merge DIR` joins "
            "the shares.",
        ),
    ] = None,
    out: shared.Out,
    format: shared.Format = "parquet",
    columns: shared.Columns = "native",
    running: Running,
) -> None:
    """Associate every protein with exposures, in one pass.

    Each protein has its own complete cases, in which it is transformed and then fitted. The run
    folder gets associations.parquet, summary.tsv, attrition.tsv (people left and lost in each
    model), drops.tsv, manifest.json and log.txt; people, summary and the path of the table are
    printed.
    """
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

    def report(results: "Results") -> None:
        show_associations(results, shard=share)

    task = Task(
        make_job,
        out,
        report,
        describe_failures,
        tables=tables,
        formats=choose_formats(format),
        blocks=blocks,
        shard=share,
        form={"columns": columns},
        doing="fitting",
    )
    run_command(context, running, task)
