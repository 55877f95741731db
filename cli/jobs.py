"""From a command's options to a job that is planned or run, and what every job tells of itself."""

import contextlib
import logging
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence, Sized
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from proteomr.errors import FAILED_UNITS, UsageError

from . import options as shared
from .bundles import Blocks, Figures, Running
from .console import report_note, say
from .journal import keep_journal, open_journal, was_told
from .progress import Bar, Silence, watch
from .resources import hash_ahead, hold_threads

if TYPE_CHECKING:
    from proteomr.execute import Executor, Shard
    from proteomr.runs import Forecast, Job, Ledger, Results
    from proteomr.runs.drawing import DrawTables

__all__ = [
    "GOES_ON",
    "Task",
    "Tracked",
    "attach_log",
    "choose_drawer",
    "choose_executor",
    "choose_formats",
    "collect_tasks",
    "count_failures",
    "describe_forecast",
    "describe_total",
    "read_shard",
    "run_command",
    "tell_results",
]

Block = TypeVar("Block")
Done = TypeVar("Done")

GOES_ON = "the same command with --resume goes on"
"""What is said of an interrupt that left something to go on with."""

_NOTES_SHOWN = 12
_collected: "ContextVar[list[Task] | None]" = ContextVar("collected", default=None)


def count_failures(results: "Results") -> str:
    """Say how many units of a job have no estimate."""
    return f"{results.failed:,} of {results.units:,} have no estimate; see status and message"


@dataclass(frozen=True, slots=True)
class Task:
    """What a command does with its options.

    Parameters
    ----------
    make_job : builds the job; called once what is slow to import may be imported.
    out : folder or file of the results.
    report : prints what is to be said of the results.
    describe_failures : says of the results which units have no estimate.
    tables : options of the form NAME=VALUE, read, by the name of the option.
    format : of the tables, beside parquet.
    blocks : who works through the blocks.
    shard : which share of the run.
    form : options that change how results look and no number, by name.
    doing, unit : what a progress bar says, such as ``fitting`` ``blocks``.
    keeps_each : whether each of these units is kept once it is done, so that they can be counted.
    prints_folder : whether the last line is the folder, which the next command takes whole, and not
        the main table in it.
    figures : whether and as what the tables are drawn.
    """

    make_job: "Callable[[], Job]"
    out: Path
    report: "Callable[[Results], None]"
    describe_failures: "Callable[[Results], str]" = count_failures
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    formats: "Sequence[shared.TableFormat]" = ("parquet",)
    blocks: Blocks = field(default_factory=Blocks)
    shard: "Shard | None" = None
    form: Mapping[str, object] = field(default_factory=dict[str, object])
    doing: str = "working"
    unit: str = "blocks"
    keeps_each: bool = True
    prints_folder: bool = False
    figures: Figures = field(default_factory=Figures)

    @property
    def looks(self) -> dict[str, object]:
        """Options that change how results look and no number, by name."""
        asked = self.figures
        if not asked.figures:
            return dict(self.form)
        return {**self.form, **asked.form}


@contextlib.contextmanager
def collect_tasks() -> Generator[list[Task]]:
    """Take what commands would do, in the order in which they are called, instead of doing it."""
    tasks: list[Task] = []
    token = _collected.set(tasks)
    try:
        yield tasks
    finally:
        _collected.reset(token)


def run_command(context: typer.Context, running: Running, task: Task) -> None:
    """Print the configuration, plan the job, or run it and print what it gave.

    Leaves with code 4 where some units have failed, unless failures are allowed.
    """
    collected = _collected.get()
    if collected is not None:
        collected.append(task)
        return
    settings = shared.resolve_settings(context, tables=task.tables)
    if running.print_config:
        say(shared.write_configuration(settings))
        return
    open_journal(quiet=running.quiet, verbose=running.verbose, as_json=running.log_json)
    threads = hold_threads(running.threads)
    from proteomr.runs import Account, Output, run_job
    from proteomr.runs.progress import watched_by

    output = Output(
        task.out,
        tuple(task.formats),
        running.resume,
        running.overwrite,
        task.shard,
        task.looks,
        choose_drawer(task.figures),
    )
    chosen = choose_executor(task.blocks, threads)
    if threads > 1 and not running.dry_run:
        hash_ahead(context.params.values())
    job = task.make_job()
    show = not (running.no_progress or running.quiet)
    if running.dry_run:
        with watch(show=show) as watcher, watched_by(watcher):
            forecast = job.plan(threads=threads)
        for line in describe_forecast(forecast, threads=threads):
            say(line)
        say("nothing is written")
        return
    account = Account(tuple(sys.argv[1:]), settings, threads, running.seed, running.allow_failures)
    with watch(show=show) as watcher, watched_by(watcher):
        executor = Tracked(chosen, watcher, doing=task.doing, unit=task.unit)
        with _interrupts_told(executor, counted=task.keeps_each):
            results = run_job(job, output, executor=executor, account=account, opened=attach_log)
    tell_results(
        results,
        report=task.report,
        describe_failures=task.describe_failures,
        path=task.out if task.prints_folder else results.path() or task.out,
        quiet=running.quiet,
        allow_failures=running.allow_failures,
    )


def tell_results(
    results: "Results",
    *,
    report: "Callable[[Results], None]",
    describe_failures: "Callable[[Results], str]",
    path: Path,
    quiet: bool,
    allow_failures: bool,
) -> None:
    """Print what a job gave, and leave with code 4 where units have failed, unless allowed."""
    if not quiet:
        report(results)
    _log_notes(results.notes)
    if results.failed and not (quiet and allow_failures):
        report_note(describe_failures(results))
    say(str(path))
    if results.failed and not allow_failures:
        raise typer.Exit(FAILED_UNITS)


def choose_drawer(asked: Figures) -> "DrawTables | None":
    """Return what draws the figures of tables; None where none are asked for."""
    if not asked.figures:
        return None
    from functools import partial

    from proteomr.plot.mr_figures import FigureOptions
    from proteomr.plot.run_figures import draw_run
    from proteomr.plot.style import house_style

    formats = FigureOptions.of(asked.figure_format).formats
    with house_style():  # refuses before the work where matplotlib or its font is missing
        return partial(draw_run, formats=formats)


def read_shard(text: str | None) -> "Shard | None":
    """Read which share of a run is asked for; None for all of it."""
    from proteomr.execute import Shard

    return None if text is None else Shard.parse(text)


def choose_formats(format: shared.TableFormat) -> "tuple[shared.TableFormat, ...]":
    """Return the formats of tables: parquet, and beside it the one asked for."""
    return ("parquet",) if format == "parquet" else ("parquet", format)


def attach_log(ledger: "Ledger") -> None:
    """Write the log of the command into its run folder."""
    if ledger.finished:
        return
    name = "log.txt" if ledger.shard is None else f"log-{ledger.shard.label}.txt"
    keep_journal(ledger.claim(name), again=not ledger.begun_anew, mode=ledger.mode_of(name))


def choose_executor(blocks: Blocks, threads: int) -> "Executor":
    """Return who works through the blocks."""
    if blocks.executor == "dask":
        from proteomr.dask_executor import Dask, require_dask

        require_dask()
        return Dask(blocks.dask_scheduler, threads)
    if blocks.dask_scheduler is not None:
        raise UsageError("--dask-scheduler names Dask's workers: add --executor dask")
    from proteomr.execute import Processes, Threads

    return Processes(threads) if blocks.executor == "processes" else Threads(threads)


@dataclass(slots=True)
class Tracked:
    """An executor that shows how far its blocks have come, and counts them."""

    inner: "Executor"
    watcher: Bar | Silence
    doing: str
    unit: str
    done: int = 0
    total: int = 0

    @property
    def own_threads(self) -> int:
        """How many threads of this process the blocks run by; 1 where they run elsewhere."""
        from proteomr.execute import Threaded

        return self.inner.own_threads if isinstance(self.inner, Threaded) else 1

    def map(
        self, work: Callable[[Block], Done], blocks: Iterable[Block], /
    ) -> Generator[tuple[int, Done]]:
        """Yield what the inner executor yields."""
        sized = blocks if isinstance(blocks, Sized) else list(blocks)
        self.total = len(sized)
        self.done = 0
        with contextlib.closing(self.inner.map(work, sized)) as results:
            stream = self.watcher.follow(
                results, total=self.total, doing=self.doing, unit=self.unit
            )
            for result in stream:
                yield result
                self.done += 1


@contextlib.contextmanager
def _interrupts_told(executor: Tracked, *, counted: bool) -> Generator[None]:
    """Say of an interrupt what is kept."""
    try:
        yield
    except KeyboardInterrupt:
        if not executor.done:
            raise
        told = "what is complete is kept"
        if counted:
            told = f"{executor.done} of {executor.total} {executor.unit} are kept"
        raise KeyboardInterrupt(f"{told}; {GOES_ON}") from None


def describe_forecast(forecast: "Forecast", *, threads: int) -> list[str]:
    """Return what would run, a line for each fact."""
    rows: list[tuple[str, str]] = [(name, f"{n:,}") for name, n in forecast.units.items()]
    rows += forecast.lines
    if forecast.path:
        rows.append(("path", forecast.path))
    by = f" with {threads} thread{'' if threads == 1 else 's'}" if forecast.parallel else ""
    if forecast.memory_bytes is not None:
        rows.append(("memory", f"about {forecast.memory_bytes / 1e6:,.0f} MB{by}"))
    if forecast.disk_bytes is not None:
        rows.append(("disk", f"about {_size(forecast.disk_bytes)}"))
    elapsed = forecast.estimate_elapsed(threads=threads)
    if elapsed is not None:
        of = forecast.seconds
        work = f", {_duration(of)} of processors" if of is not None and forecast.parallel else ""
        rows.append(("time", f"about {_duration(elapsed)}{by}{work}"))
    width = max((len(label) for label, _ in rows), default=0)
    return [f"{label:<{width}}  {text}".rstrip() for label, text in rows]


def describe_total(
    forecasts: "Mapping[str, Forecast | None]", *, threads: int, later: int
) -> list[str]:
    """Return what several jobs would take together, and of which of them that is not known.

    Parameters
    ----------
    forecasts : by the names of the jobs that would run; None where one cannot be planned.
    threads : of all.
    later : how many further jobs need results that are not there yet.
    """
    known = [one for one in forecasts.values() if one is not None]
    elapsed = [one.estimate_elapsed(threads=threads) for one in known]
    disk = {name: None if one is None else one.disk_bytes for name, one in forecasts.items()}
    untold = [name for name, size in disk.items() if size is None]
    time = sum(one for one in elapsed if one is not None)
    memory = max((one.memory_bytes or 0.0 for one in known), default=0.0)
    sizes = sum(size for size in disk.values() if size is not None)
    stages = f"{len(known)} stage{'' if len(known) == 1 else 's'}"
    takes = f"about {_duration(time)} one after another"
    lines = [
        f"together: {stages}, {takes}, {_size(memory)} of memory at once, {_size(sizes)} of disk"
    ]
    if untold:
        lines.append(f"disk is not told of: {', '.join(untold)}")
    if later:
        lines.append(f"planned once what they need is there: {later}")
    return lines


def _size(size: float) -> str:
    if size < 1e7:
        return f"{max(size, 1e5) / 1e6:.1f} MB"
    return f"{size / 1e6:,.0f} MB" if size < 1e10 else f"{size / 1e9:,.0f} GB"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _log_notes(notes: Sequence[str]) -> None:
    """Put all notes into the log, and the first of them on stderr."""
    log = logging.getLogger("proteomr")
    notes = [note for note in notes if not was_told(f"note: {note}")]
    for place, note in enumerate(notes):
        log.log(logging.WARNING if place < _NOTES_SHOWN else logging.INFO, "note: %s", note)
    if len(notes) > _NOTES_SHOWN:
        log.warning("note: %d more in log.txt", len(notes) - _NOTES_SHOWN)
