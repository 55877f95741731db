"""`proteomr harmonise`: an exposure and an outcome per one and the same allele."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from . import options as shared
from .bundles import Figures, Running, takes_bundles
from .console import print_rows, report_note, say
from .jobs import Task, choose_formats, run_command
from .remedies import refuse_stray_words
from .study_options import (
    EstimateColumns,
    MatchName,
    Sides,
    Trait,
    option,
)

if TYPE_CHECKING:
    from proteomr.mr.harmonise import Action
    from proteomr.mr.harmonise_job import HarmoniseJob
    from proteomr.runs import Results

__all__ = ["harmonise"]

ALLELES = "Alleles"
_STEP = "harmonise"
_SHOWN = 8


@takes_bundles
def harmonise(
    context: typer.Context,
    exposure: Annotated[
        Path,
        typer.Argument(
            metavar="EXPOSURE",
            help="Instruments: summary statistics of any known format, or canonical.",
            show_default=False,
        ),
    ],
    outcome: Annotated[
        Path,
        typer.Argument(
            metavar="OUTCOME",
            help="Summary statistics of the outcome, of any known format.",
            show_default=False,
        ),
    ],
    *,
    sides: Sides,
    exposure_trait: Trait = None,
    outcome_trait: Trait = None,
    match: MatchName = "auto",
    action: Annotated[
        int,
        typer.Option(
            min=1,
            max=3,
            metavar="1|2|3",
            rich_help_panel=ALLELES,
            help="Palindromic variants. 1: all on the forward strand; 2: by their frequencies; 3: "
            "left out.",
        ),
    ] = 2,
    tolerance: Annotated[
        float,
        option(ALLELES, "T", "Frequencies this near to 0.5 tell no strand; 0.08 usually."),
    ] = 0.08,
    format: shared.Format = "parquet",
    columns: EstimateColumns = "native",
    out: shared.Out,
    figures: Figures,
    running: Running,
) -> None:
    """Bring an exposure and an outcome to one allele.

    Writes harmonised.parquet (every variant of the exposure, kept or not, with its reason),
    drops.tsv, frequencies.tsv (whether both files' frequencies are of the same allele) and
    manifest.json.
    """
    refuse_stray_words([exposure, outcome], remedy="name two files")
    tables = sides.tables

    def make_job() -> "HarmoniseJob":
        from proteomr.mr.harmonise_job import HarmoniseJob
        from proteomr.mr.pairing import HarmoniseRequest

        read_exposure, read_outcome = sides.make_options()
        request = HarmoniseRequest.of(
            exposure,
            outcome,
            read_exposure=read_exposure,
            read_outcome=read_outcome,
            exposure_trait=exposure_trait,
            outcome_trait=outcome_trait,
            match=match,
            action=cast("Action", action),
            tolerance=tolerance,
        )
        return HarmoniseJob(request, columns)

    task = Task(
        make_job, out, _describe, tables=tables, formats=choose_formats(format), figures=figures
    )
    run_command(context, running, task)


def _describe(results: "Results") -> None:
    """Print what is kept and left out, by reason, and what the frequencies say."""
    checks, drops = results.table("frequencies"), results.table("drops")
    table = results.table()
    manifest = json.loads((results.where / "manifest.json").read_text(encoding="utf-8"))
    used = int(table["mr_keep"].sum())
    pairs = f" in {checks.height:,} pairs" if checks.height > 1 else ""
    say(manifest["configuration"]["matched"])
    say(f"{used:,} of {table.height:,} variants kept{pairs}")
    if "reason" in table.columns:
        counts = table.group_by("reason", "mr_keep").len()
        ordered = counts.sort("len", "reason", descending=True).rows()
        lines = [[r, "kept" if k else "left out", f"{n:,}"] for r, k, n in ordered]
        print_rows(["reason", "", "variants"], lines, left=2)
    for step, reason, n in drops.rows():
        if step != _STEP or "reason" not in table.columns:
            say(f"left out: {n:,} {reason} ({step})")
    compared, differing = int(checks["n_compared"].sum()), int(checks["n_differ"].sum())
    say(f"frequencies: {differing:,} of {compared:,} differ by more than 0.2")
    messages = [message for message in checks["message"] if message]
    for message in messages[:_SHOWN]:
        report_note(f"warning: {message}")
    if len(messages) > _SHOWN:
        report_note(f"warning: {len(messages) - _SHOWN} more pairs in frequencies.tsv")
