"""`proteomr run`: a whole study from one file."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proteomr.errors import FAILED_UNITS, UsageError

from . import options as shared
from .console import print_rows, report_note, say
from .jobs import describe_forecast, describe_total
from .journal import open_journal

if TYPE_CHECKING:
    from proteomr.runs import Forecast
    from proteomr.study import Stage, StageReport

__all__ = ["run"]

STAGES = "Stages"
_WORDS = {
    "done": "done",
    "units_failed": "done, some without estimate",
    "empty": "nothing to do",
    "failed": "FAILED",
    "blocked": "not run",
    "left": "left alone",
}


def run(
    context: typer.Context,
    study: Annotated[
        Path,
        typer.Argument(
            metavar="STUDY",
            help="TOML file of the study, whose paths are relative to its folder; or a study that "
            "comes with the package: shen2025, olink-lab, cis-mr.",
        ),
    ],
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STAGE",
            rich_help_panel=STAGES,
            help="Run this stage alone, on results that stand; repeat for several.",
            show_default=False,
        ),
    ] = None,
    start: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="STAGE",
            rich_help_panel=STAGES,
            help="Run this stage and all that need it, on results that stand; repeat for several.",
            show_default=False,
        ),
    ] = None,
    lock: Annotated[
        bool,
        typer.Option(
            "--lock",
            rich_help_panel=STAGES,
            help="Write the digests of the inputs beside the study (STUDY.lock), or add those that "
            "are new. While that file is there, every run refuses an input that has changed.",
        ),
    ] = False,
    print_study: Annotated[
        bool,
        typer.Option(
            "--print-study",
            rich_help_panel=STAGES,
            help="Print the study file and do nothing else: one that comes with the package is "
            "what one's own may start from.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="DIR",
            rich_help_panel=shared.RESULTS,
            help="Folder of the study, in which each stage has one of its own.  [required]",
            show_default=False,
        ),
    ] = None,
    threads: shared.Threads = None,
    dry_run: shared.DryRun = False,
    allow_failures: shared.AllowFailures = False,
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
) -> None:
    """Run the stages of a study, each a command, in their order.

    A stage whose folder holds the results of the same options and inputs stands and is not run
    again, also after a kill; a change reruns what reads something else for it. A stage that fails
    leaves those alone that do not need it. The folder gets, beside those of the stages,
    stages.tsv (what came of each), choices.tsv (the names that stages chose of earlier results)
    and NAME.toml for each stage, its options as --config takes them.
    """
    open_journal(quiet=quiet, verbose=verbose, as_json=False)
    from proteomr.execute import available_threads
    from proteomr.study import open_lock, plan_study, read_study_file, read_study_text, run_study
    from proteomr.study.running import REPORT

    from .stages import CommandRunner

    if print_study:
        say(read_study_text(study).rstrip())
        return
    if out is None:
        raise UsageError("say where the results go: -o DIR")

    read = read_study_file(study)
    runner = CommandRunner(context.find_root().command, read.execution)
    count = threads or read.execution.threads or available_threads()
    inputs = open_lock(study, folder=read.folder, adds=lock)
    asked, begun = tuple(only or ()), tuple(start or ())
    if dry_run:
        planned = plan_study(
            read, out, runner=runner, threads=count, only=asked, start=begun, lock=inputs
        )
        _tell_plan(planned, threads=count)
        return
    width = max(len(stage.name) for stage in read.stages)
    try:
        results = run_study(
            read,
            out,
            runner=runner,
            threads=count,
            only=asked,
            start=begun,
            lock=inputs,
            progress=_Told(width, quiet=quiet, timed=verbose),
        )
    except KeyboardInterrupt:
        kept = "stages that are done stand, and the same command goes on"
        raise KeyboardInterrupt(kept) from None
    failed = results.failed
    if failed:
        report_note(f"{len(failed)} of {len(results.reports)} stages failed: {', '.join(failed)}")
    if read.findings:
        _tell_published(out, quiet=quiet)
    for note in results.notes:
        report_note(note)
    if read.report and (out / REPORT).is_file():
        say(str(out / REPORT))
    say(str(out))
    if failed and not allow_failures:
        raise typer.Exit(FAILED_UNITS)


def _tell_plan(planned: "Iterable[tuple[Stage, str, Forecast | None]]", *, threads: int) -> None:
    """Print what would be done with each stage, and what those that run would take together."""
    runs: dict[str, Forecast | None] = {}
    later = 0
    for stage, what, forecast in planned:
        say(f"{stage.name}: {what}")
        if what == "runs":
            runs[stage.name] = forecast
        later += what.startswith("after ")
        for line in describe_forecast(forecast, threads=threads) if forecast else ():
            say(f"  {line}")
    if runs:
        for line in describe_total(runs, threads=threads, later=later):
            say(line)
    say("nothing is computed")


def _tell_published(out: Path, *, quiet: bool) -> None:
    """Print the published numbers beside those that were found."""
    import polars as pl

    if quiet:
        return
    rows = pl.read_parquet(out / "published.parquet", glob=False).rows(named=True)
    names = ("published", "expected", "found")
    cells = [
        [
            row["finding"],
            _number(row["published"]) or _bound(row["published_low"], row["published_high"]),
            _number(row["expected"]),
            _number(row["found"]),
        ]
        for row in rows
    ]
    print_rows(["", *names], cells, left=1)


def _bound(low: float | None, high: float | None) -> str:
    """Return what a number is more or less than, where that alone is published."""
    if low is not None and high is None:
        return f"> {_number(low)}"
    return f"< {_number(high)}" if high is not None and low is None else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"


class _Told:
    """Prints a line for each stage as it ends."""

    def __init__(self, width: int, *, quiet: bool, timed: bool) -> None:
        self._width, self._quiet, self._timed = width, quiet, timed
        self._begun: dict[str, float] = {}

    def begin(self, stage: "Stage", *, threads: int) -> None:
        """A stage begins."""
        del threads
        self._begun[stage.name] = time.monotonic()

    def end(self, report: "StageReport") -> None:
        """A stage has ended, or was not begun."""
        if self._quiet:
            return
        name = report.stage.name
        took = time.monotonic() - self._begun.get(name, time.monotonic())
        word = "stands" if report.state == "done" and not report.ran else _WORDS[report.state]
        units = f"{report.units:,} units" if report.units else ""
        parts = [f"{took:.1f} s" if report.ran and self._timed else "", units]
        chosen = [f"{len(one.values):,} chosen" for one in report.chosen.values()]
        detail = "; ".join(part for part in [*parts, *chosen, report.message] if part)
        say(f"{name:<{self._width}}  {word}{'  ' if detail else ''}{detail}")
