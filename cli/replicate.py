"""`proteomr replicate`: what is found in some people held against what is found in others."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proteomr.errors import UsageError

from . import options as shared
from .bundles import Blocks, Figures, Running, takes_bundles
from .jobs import Task, choose_formats, read_shard, run_command
from .scan_options import ProteinFiles, Samples, ScanOptions, refuse_strays
from .show_replication import describe_failed_fits, show_replication

if TYPE_CHECKING:
    from proteomr.replicate import ReplicateJob, Scheme

__all__ = ["replicate"]

_HALVES = "Halves"
_RANDOM = 100


@dataclass(frozen=True, slots=True)
class Halving:
    """How people are divided: one of these."""

    splits: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            rich_help_panel=_HALVES,
            help=f"Random halves, K times ({_RANDOM} where nothing else is asked): for each "
            "exposure by itself, the people of each of its levels apart; clusters, families and "
            "rows of one person whole; drawn from --seed.",
            show_default=False,
        ),
    ] = None
    split_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=_HALVES,
            help="Given halves: the identifier, and a column of 1 and 2 for each split; a column "
            "EXPOSURE:NAME is of that exposure alone.",
            show_default=False,
        ),
    ] = None
    folds: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            rich_help_panel=_HALVES,
            help="K random folds, each (as half 2) against the rest (half 1).",
            show_default=False,
        ),
    ] = None
    leave_out: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=_HALVES,
            help="Column such as a centre: everybody without each level (half 1), against that "
            "level alone (half 2), and the heterogeneity between levels.",
            show_default=False,
        ),
    ] = None
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            rich_help_panel=_HALVES,
            help="The associations of another cohort: corrected for the winner's curse, and held "
            "against those of everybody here.",
            show_default=False,
        ),
    ] = None

    def scheme(self, *, seed: int) -> "Scheme":
        """Return what the library takes."""
        from proteomr.replicate import Against, Folds, GivenSplits, LeaveOut, RandomHalves
        from proteomr.runs import Source

        asked = {
            "--splits": self.splits,
            "--split-file": self.split_file,
            "--folds": self.folds,
            "--leave-out": self.leave_out,
            "--against": self.against,
        }
        given = [name for name, value in asked.items() if value is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} divide people in two ways: give one of them")
        if self.split_file is not None:
            return GivenSplits(Source.of(self.split_file))
        if self.folds is not None:
            return Folds(self.folds, seed)
        if self.leave_out is not None:
            return LeaveOut(self.leave_out)
        if self.against is not None:
            return Against(Source.of(self.against))
        return RandomHalves(_RANDOM if self.splits is None else self.splits, seed)


@takes_bundles
def replicate(
    context: typer.Context,
    samples: Samples,
    proteins: ProteinFiles = None,
    *,
    scan: ScanOptions,
    halving: Halving,
    keep_fits: Annotated[
        bool,
        typer.Option(
            "--keep-fits",
            rich_help_panel=_HALVES,
            help="Also write replication_fits.parquet: the associations of every half.",
        ),
    ] = False,
    blocks: Blocks,
    shard: shared.Shard = None,
    out: shared.Out,
    format: shared.Format = "parquet",
    figures: Figures,
    running: Running,
) -> None:
    """Fit the models of associate in halves; say what agrees.

    In each half everything is done anew: complete cases, transform, levels of factors, fits. The
    run folder gets replication.parquet (for each split the correlation of effects, signs, and what
    is significant in both), summary.tsv over the splits, drops.tsv, manifest.json and log.txt;
    with --leave-out also leave_out.parquet, influence.parquet and joint_tests.parquet; with
    --against against.parquet and associations.parquet, without a summary. The summary and the path
    of the table are printed.
    """
    tables = scan.tables
    share = read_shard(shard)
    refuse_strays(samples, proteins)

    def make_job() -> "ReplicateJob":
        from proteomr.replicate import ReplicateJob, ReplicateRequest

        scheme = halving.scheme(seed=running.seed)
        request = scan.request(samples, proteins or ())
        return ReplicateJob(ReplicateRequest(request, scheme, keep_fits), share)

    task = Task(
        make_job,
        out,
        show_replication,
        describe_failed_fits,
        tables=tables,
        formats=choose_formats(format),
        figures=figures,
        blocks=blocks,
        shard=share,
        doing="fitting",
    )
    run_command(context, running, task)
