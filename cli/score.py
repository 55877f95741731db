"""`proteomr score`: scores of many proteins that predict an outcome or age."""

from typing import TYPE_CHECKING, Annotated

import typer

from proteomr.errors import UsageError

from . import options as shared
from .bundles import Blocks, Figures, Running, takes_bundles
from .console import say
from .heaps import give_back
from .jobs import Task, choose_formats, read_shard, run_command
from .scan_options import ProteinFiles, Samples, refuse_strays
from .score_options import Applied, ScoreAsked
from .show_scores import show_performance

if TYPE_CHECKING:
    from proteomr.runs import Results
    from proteomr.score import ApplyScoreJob, ScoreJob

__all__ = ["score"]


@takes_bundles
def score(
    context: typer.Context,
    samples: Samples,
    proteins: ProteinFiles = None,
    *,
    asked: ScoreAsked,
    applied: Applied,
    blocks: Blocks,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            rich_help_panel=shared.COMPUTING,
            help="Learn this share of the folds alone, such as 1/4; merge joins them.",
        ),
    ] = None,
    out: shared.Out,
    format: shared.Format = "parquet",
    figures: Figures,
    running: Running,
) -> None:
    """Learn a score of proteins that predicts an outcome.

    It is measured in people held out: outer folds are predicted by elastic nets that were learnt
    outside of them, with all that is learnt from values: transforms, medians for missing ones,
    scales, the penalty. The run folder gets score_performance.parquet (by fold, and the mean),
    weights.parquet with weights_ranks, scores.parquet (people, for their owner alone), tuning,
    calibration and decision_curve. With --apply, people are scored by weights of such a run.
    """
    share = read_shard(shard)
    refuse_strays(samples, proteins)
    if applied.apply is not None and share is not None:
        raise UsageError("--apply is one step: leave out --shard")

    def make_job() -> "ScoreJob | ApplyScoreJob":
        from proteomr.score import ApplyScoreJob, ScoreJob

        if applied.apply is not None:
            files = [samples, *(proteins or ())]
            return ApplyScoreJob(
                asked.request_applied(applied.apply, files, max_absent=applied.max_absent)
            )
        return ScoreJob(asked.request(samples, proteins or (), seed=running.seed), share)

    def report(results: "Results") -> None:
        if share is not None:
            say(f"shard {shard} is done; when all are: proteomr merge {results.folder}")
            return
        _show_scores(results) if applied.apply is not None else show_performance(results)

    task = Task(
        make_job,
        out,
        report,
        tables=asked.tables,
        formats=choose_formats(format),
        figures=figures,
        blocks=blocks,
        shard=share,
        doing="learning",
        unit="folds",
    )
    give_back()
    run_command(context, running, task)


def _show_scores(results: "Results") -> None:
    scores, absent = results.table(), results.table("absent")
    sets = scores["set"].n_unique()
    people = scores["id"].n_unique()
    scored = f"{people:,} people" if sets == 1 else f"{people:,} people, {sets} scores"
    say(f"{scored}; {absent.height:,} proteins absent")
