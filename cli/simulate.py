"""`proteomr simulate`: a cohort of known truth in the shape of a published study."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from . import options as shared
from .bundles import Running, takes_bundles
from .console import say
from .jobs import Task, choose_formats, run_command

if TYPE_CHECKING:
    from proteomr.runs import Results
    from proteomr.simulate import SimulateJob

__all__ = ["describe_cohort", "simulate"]


@takes_bundles
def simulate(
    context: typer.Context,
    *,
    people: Annotated[
        int, typer.Option(metavar="N", help="How many people; 100 to 5 million.")
    ] = 42_062,
    proteins: Annotated[int, typer.Option(metavar="P", help="How many proteins.")] = 2_920,
    like: Annotated[
        str, typer.Option(metavar="STUDY", help="Study that the cohort resembles.")
    ] = "shen2025",
    export: Annotated[
        Literal["ukb"] | None,
        typer.Option(
            metavar="ukb",
            help="Write the folder export as well: the same people as the raw files of UK Biobank, "
            "for ingest and phenotype.",
        ),
    ] = None,
    summary_statistics: Annotated[
        bool,
        typer.Option(
            "--summary-statistics",
            help="Write the folder gwas as well: summary statistics of loneliness and of outcomes "
            "of known causal truth, for mr.",
        ),
    ] = False,
    format: shared.Format = "parquet",
    out: shared.Out,
    running: Running,
) -> None:
    """Simulate a cohort of known truth.

    Writes samples, proteins, timegap, assays and truth as parquet, with --export the folder export
    beside them, and manifest.json. The same seed and size give the same cohort.
    """

    def make_job() -> "SimulateJob":
        from proteomr.simulate import SimulateJob, SimulateRequest

        request = SimulateRequest(
            people, proteins, like, running.seed, export, summary_statistics=summary_statistics
        )
        return SimulateJob(request)

    def report(cohort: "Results") -> None:
        say(describe_cohort(cohort))

    task = Task(make_job, out, report, formats=choose_formats(format), prints_folder=True)
    run_command(context, running, task)


def describe_cohort(cohort: "Results") -> str:
    """Say in one line who the people of a simulated cohort are."""
    from proteomr.simulate import count_cells

    samples = cohort.table("samples")
    neither, isolated, lonely, both = count_cells(samples)
    return (
        f"{samples.height:,} people ({isolated + both:,} isolated, {lonely + both:,} lonely, "
        f"{both:,} both, {neither:,} neither; {samples['death'].sum():,} deaths), "
        f"{cohort.table('assays').height:,} proteins"
    )
