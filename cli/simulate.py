"""`proteomr simulate`: a cohort of known truth in the shape of a published study."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .console import say
from .running import hold_threads, refuse_used_folder

if TYPE_CHECKING:
    from proteomr.simulate import Simulation

__all__ = ["describe_cohort", "simulate"]


def simulate(
    *,
    people: Annotated[
        int, typer.Option(metavar="N", help="How many people; 100 to 5 million.")
    ] = 42_062,
    proteins: Annotated[int, typer.Option(metavar="P", help="How many proteins.")] = 2_920,
    like: Annotated[
        str, typer.Option(metavar="STUDY", help="Study that the cohort resembles.")
    ] = "shen2025",
    seed: Annotated[int, typer.Option(min=0, metavar="S", help="Of all random numbers.")] = 1,
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
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a cohort simulated before.")
    ] = False,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder of the files.")],
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Nothing but the path, and errors.")
    ] = False,
) -> None:
    """Simulate a cohort of known truth.

    Writes samples, proteins, timegap, assays and truth as parquet, with --export the folder export
    beside them, and manifest.json. The same seed and size give the same cohort.
    """
    refuse_used_folder(out, overwrite=overwrite)
    hold_threads(None)
    from proteomr.simulate import simulate as simulate_cohort

    made = simulate_cohort(
        out, people=people, proteins=proteins, like=like, seed=seed, export=export
    )
    if summary_statistics:
        from proteomr.simulate.summary_statistics import simulate_summary

        simulate_summary(out / "gwas", seed=seed)
    if not quiet:
        say(describe_cohort(made))
    say(str(out))


def describe_cohort(made: "Simulation") -> str:
    """Say in one line who the people of a simulated cohort are."""
    neither, isolated, lonely, both = made.cells
    return (
        f"{made.people:,} people ({isolated + both:,} isolated, {lonely + both:,} lonely, {both:,} "
        f"both, {neither:,} neither; {made.deaths:,} deaths), {made.protein_count:,} proteins"
    )
