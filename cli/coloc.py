"""`proteomr coloc`: whether traits share causal variants."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proteomr.errors import UsageError

from . import options as shared
from .bundles import Figures, Running, takes_bundles
from .coloc_options import Comparison, TraitSides
from .coloc_region_options import Regions
from .jobs import Task, choose_formats, run_command
from .remedies import note_itself, refuse_stray_words
from .show_coloc import describe_failures, show_coloc

if TYPE_CHECKING:
    from proteomr.runs import Job

__all__ = ["coloc"]


@takes_bundles
def coloc(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="TRAIT1 TRAIT2...",
            help="Summary statistics in any known format, or coloc's own columns (snp, position, "
            "beta, varbeta, MAF, pvalue, N). TRAIT1 is held against each other file; a column "
            "trait parts several in one.",
            show_default=False,
        ),
    ],
    *,
    comparison: Comparison,
    regions: Regions,
    sides: TraitSides,
    out: shared.Out,
    format: shared.Format = "parquet",
    figures: Figures,
    running: Running,
) -> None:
    """Say whether traits share causal variants, region by region.

    Writes coloc (posteriors of each pair of traits and region), coloc_snps (each variant) and
    coloc_sensitivity (other priors); susie also credible_sets; smr, hyprcoloc and moloc their own
    tables: smr, coloc_clusters, coloc_cluster_snps, coloc_configurations.
    """
    refuse_stray_words(files, remedy="first the file of TRAIT1, then those of TRAIT2")
    tables = sides.tables

    def make_job() -> "Job":
        note_itself(files)
        from proteomr.colocalisation.job import make_job as make

        request = comparison.request(files, sides=sides, regions=regions)
        if not figures.figures or request.method == "smr":
            return make(request)
        if request.method not in ("abf", "susie", "conditional"):
            raise UsageError(f"--figures draws pairs of traits: --method {request.method} has none")
        from proteomr.plot.coloc_book import draw_colocalised
        from proteomr.plot.mr_figures import FigureOptions

        options = FigureOptions.of(figures.figure_format)
        build = sides.build1 or sides.build2 or (regions.build or "GRCh38" if regions.cis else None)
        return make(request, draw=partial(draw_colocalised, options=options, build=build))

    task = Task(
        make_job,
        out,
        show_coloc,
        describe_failures,
        tables=tables,
        formats=choose_formats(format),
        form=figures.form,
        figures=figures if comparison.method == "smr" else Figures(),
        doing="comparing",
    )
    run_command(context, running, task)
