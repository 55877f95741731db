"""A command is a job: a frozen request, a plan, a run on a ledger, and tables by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Protocol

import polars as pl

from proteomr.errors import FAILED_UNITS, RunFolderError, UsageError
from proteomr.execute import (
    Executor,
    Serial,
    Shard,
    Threads,
    available_threads,
    one_blas_thread,
)
from proteomr.provenance import InputFile, Manifest, RowFilter, utc_now
from proteomr.runs.drawing import DrawTables, draw_figures
from proteomr.runs.encoding import TableFormat
from proteomr.runs.forecast import Forecast
from proteomr.runs.ledger import Ledger
from proteomr.runs.notes import collect_notes
from proteomr.runs.opening import read_request
from proteomr.runs.request import Request, describe_request
from proteomr.runs.results import Results, read_result
from proteomr.runs.scratch import open_scratch, sweep_scratch

__all__ = ["Account", "Job", "Outcome", "Output", "call_job", "run_job"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run says of itself at its end, for the manifest.

    Attributes
    ----------
    units, failed : what was estimated, and how many of it have no estimate.
    filters : rows in and out of each step that dropped any.
    family_of_tests : in words, what the correction for multiple testing spans.
    effective_tests : effective numbers of tests and their thresholds.
    configuration : settings that the run resolved, to stand beside those that were asked.
    notes : sentences for the user.
    """

    units: int = 0
    failed: int = 0
    filters: tuple[RowFilter, ...] = ()
    family_of_tests: str = ""
    effective_tests: Sequence[Mapping[str, object]] = ()
    configuration: Mapping[str, object] = field(default_factory=dict[str, object])
    notes: tuple[str, ...] = ()


class Job(Protocol):
    """One command: what it is asked, what it would do, and how it is done.

    Attributes
    ----------
    main : name of the main table.
    as_file : whether the output is a file with others beside it, or a folder.
    results : names of results with their endings, as far as they are known beforehand; the main
        table, whose ending the user chooses, is known without.
    people : names of the results that hold rows of people, which their owner alone may read, and
        ``EVERYTHING`` for all; tables of proteins and variants follow the umask.
    """

    main: ClassVar[str]
    as_file: ClassVar[bool]
    people: ClassVar[tuple[str, ...]]

    @property
    def request(self) -> Request:
        """All that determines the numbers."""
        ...

    @property
    def results(self) -> Sequence[str]:
        """Names of results with their endings, as far as they are known beforehand."""
        ...

    def plan(self, *, threads: int) -> Forecast:
        """Read the inputs as `run` does, up to the first block, and say what would run."""
        ...

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Compute what the ledger lacks, and write the tables into it."""
        ...


@dataclass(frozen=True, slots=True)
class Account:
    """How a job was called: nothing here changes a number.

    Attributes
    ----------
    arguments : the command line, or what stands for it.
    configuration : every option as resolved.
    threads, seed : for the manifest.
    allow_failures : whether failed units leave the exit code at 0.
    """

    arguments: tuple[str, ...] = ()
    configuration: Mapping[str, object] = field(default_factory=dict[str, object])
    threads: int = 1
    seed: int | None = None
    allow_failures: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """Where the results go, and in which form.

    Attributes
    ----------
    path : folder or file; None keeps the tables in memory.
    formats : of tables, parquet first.
    resume, overwrite : go on with, or replace, what an earlier run left.
    shard : the share of the blocks to compute.
    form : options that change how results look and no number, by name: columns, figures.
    draw : draws figures of the tables into a folder, and returns notes; None for no figures.
    """

    path: Path | None = None
    formats: tuple[TableFormat, ...] = ("parquet",)
    resume: bool = False
    overwrite: bool = False
    shard: Shard | None = None
    form: Mapping[str, object] = field(default_factory=dict[str, object])
    draw: DrawTables | None = None

    def __post_init__(self) -> None:
        if self.draw is not None and self.shard is not None:
            raise UsageError(
                "--figures draws a whole run: leave it to the merge of the shards (merge --figures)"
            )
        if self.resume and self.overwrite:
            raise UsageError("--resume goes on with a run and --overwrite replaces it: choose one")


def run_job(
    job: Job,
    output: Output,
    *,
    executor: Executor | None = None,
    account: Account | None = None,
    opened: Callable[[Ledger], object] | None = None,
) -> Results:
    """Run a job on an output of its own, and return its tables.

    Parameters
    ----------
    job : what to do.
    output : where to.
    executor : how blocks of work are run; one after another by default.
    account : how the job was called, for the manifest.
    opened : called with the ledger once it is held, before the work: to attach a log.

    Raises
    ------
    RunFolderError
        The output is in use, or holds what is not this run's.
    UsageError
        The output is one of the inputs, or lies among them.
    """
    sweep_scratch()
    called = Account() if account is None else account
    runner = Serial() if executor is None else executor
    with _somewhere(output.path, job) as place:
        _refuse_own_input(job, place)
        described = describe_request(job.request)
        started = utc_now()
        with Ledger.open(
            place,
            request=described.facts,
            main=job.main,
            as_file=job.as_file,
            results=job.results,
            people=job.people,
            formats=output.formats,
            resume=output.resume,
            overwrite=output.overwrite,
            shard=output.shard,
        ) as ledger:
            if opened is not None:
                opened(ledger)
            if ledger.finished:
                return _read_results(ledger, output)
            ledger.parts.keep_call(_describe_call(described.inputs, called))
            with one_blas_thread(), collect_notes() as notes:
                outcome = _draw(output, ledger, job.run(ledger, runner))
                ledger.parts.keep_notes()
            told = notes if output.shard is not None else ledger.parts.recall_notes()
            outcome = replace(outcome, notes=tuple(dict.fromkeys([*told, *outcome.notes])))
            manifest = _write_account(described.inputs, called, outcome, started=started)
            return _take_results(ledger, output, ledger.finish(manifest), outcome)


def finish_shards(
    output: Output,
    *,
    of: Collection[str],
    main: str,
    people: Collection[str],
    collect: Callable[[Ledger], Outcome],
    called: Account,
    opened: Callable[[Ledger], object] | None = None,
) -> Results:
    """Finish a run whose blocks its shards have computed.

    Parameters
    ----------
    output : the folder that the shards wrote to, and the formats of the results.
    of : the commands whose parts can be collected.
    main : name of the main table.
    people : names of tables with rows of people.
    collect : joins the parts and writes the tables.
    called : how this is called; inputs, arguments and options are those of the shards.
    opened : called with the ledger once it is held.

    Raises
    ------
    RunFolderError
        The folder holds no run of these, or parts are absent or damaged.
    """
    place = Path() if output.path is None else output.path
    started, request = utc_now(), read_request(place)
    if (command := request.get("command", "another kind")) not in of:
        wanted = " or ".join(of)
        raise RunFolderError(f"{place}: is a run of {command}, which leaves no shards of {wanted}")
    with Ledger.open(
        place, request=request, main=main, people=people, formats=output.formats, resume=True
    ) as ledger:
        if opened is not None:
            opened(ledger)
        if ledger.finished:
            return _read_results(ledger, output)
        asked = ledger.parts.recall()
        with collect_notes():
            outcome = _draw(output, ledger, collect(ledger))
            ledger.parts.keep_notes()
        told = ledger.parts.recall_notes()
        outcome = replace(outcome, notes=tuple(dict.fromkeys([*told, *outcome.notes])))
        as_asked = replace(called, configuration=asked["configuration"], seed=asked["seed"])
        inputs = [InputFile(**record) for record in asked["inputs"]]
        manifest = _write_account(inputs, as_asked, outcome, started=started)
        return _take_results(ledger, output, ledger.finish(manifest), outcome)


def _draw(output: Output, ledger: Ledger, outcome: Outcome) -> Outcome:
    """Draw the tables where it is asked for; return the outcome with what is to be said of it."""
    if output.draw is None:
        return outcome
    return replace(outcome, notes=(*outcome.notes, *draw_figures(output.draw, ledger)))


def call_job(
    job: Job,
    *,
    out: str | Path | None,
    threads: int | None = None,
    formats: Sequence[TableFormat] = ("parquet",),
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Run a job for a function of the library, as the command line does for a command.

    Parameters
    ----------
    job : what to do.
    out : folder or file of the results; None keeps the tables in memory.
    threads : to work with; None for as many as this process may use.
    formats : of tables, parquet first.
    resume, overwrite : go on with, or replace, what an earlier run left.

    Raises
    ------
    RunFolderError
        The output is in use, or holds what is not this run's.
    UsageError
        The output is one of the inputs, or lies among them; or there are no threads.
    """
    count = available_threads() if threads is None else threads
    path = None if out is None else Path(out)
    output = Output(path, tuple(formats), resume, overwrite)
    return run_job(job, output, executor=Threads(count), account=Account(threads=count))


@contextmanager
def _somewhere(path: Path | None, job: Job) -> Iterator[Path]:
    if path is not None:
        yield path
        return
    with open_scratch() as folder:
        yield folder / (f"{job.main}.parquet" if job.as_file else "results")


def _refuse_own_input(job: Job, out: Path) -> None:
    """Refuse an output that is read, or holds something that is."""
    target = out.resolve()
    for source in job.request.sources():
        for file in source.files:
            read = file.resolve()
            holds = not job.as_file and target in read.parents
            if read == target or holds:
                another = "name" if job.as_file else "folder"
                raise UsageError(f"{out}: {file} is read; choose another {another} for -o")


def _describe_call(inputs: Sequence[InputFile], called: Account) -> dict[str, object]:
    """Return what the account of a run takes from the process that began it."""
    return {
        "inputs": [asdict(record) for record in inputs],
        "configuration": dict(called.configuration),
        "seed": called.seed,
    }


def _write_account(
    inputs: Sequence[InputFile], called: Account, outcome: Outcome, *, started: str
) -> Manifest:
    """Return the account of a run; the ledger adds what was asked and what was written."""
    failed = outcome.failed and not called.allow_failures
    return Manifest(
        command="",
        arguments=called.arguments,
        configuration={**called.configuration, **outcome.configuration},
        inputs=tuple(inputs),
        units=outcome.units,
        failed=outcome.failed,
        filters=outcome.filters,
        family_of_tests=outcome.family_of_tests,
        effective_tests=outcome.effective_tests,
        seed=called.seed,
        threads=called.threads,
        started=started,
        exit_status=FAILED_UNITS if failed else 0,
        notes=outcome.notes,
    )


def _read_results(ledger: Ledger, output: Output) -> Results:
    """Return the results that were there already."""
    for kind in output.formats:
        wanted = ledger.path_of(f"{ledger.main}.{kind}")
        if not wanted.exists():
            raise RunFolderError(
                f"{ledger.path}: holds the finished result without {wanted.name}; --overwrite "
                "computes it again"
            )
    recorded = ledger.read_configuration()
    for option, asked in output.form.items():
        name = option.replace("_", "-")
        if asked is not False and recorded.get(name, asked) != asked:
            raise RunFolderError(
                f"{ledger.path}: holds the finished result with {name} {recorded[name]}, not "
                f"{asked}; --overwrite computes it again"
            )
    units, failed = ledger.count_units()
    return Results(
        ledger.command,
        ledger.main,
        output.path,
        ledger.list_tables(),
        units=units,
        failed=failed,
    )


def _take_results(ledger: Ledger, output: Output, manifest: Manifest, outcome: Outcome) -> Results:
    files = {} if ledger.shard is not None else ledger.list_tables()
    held: Mapping[str, pl.DataFrame | Path] = files
    if output.path is None:
        held = {name: read_result(path) for name, path in files.items()}
    return Results(
        ledger.command,
        ledger.main,
        output.path,
        held,
        manifest,
        outcome.units,
        outcome.failed,
        outcome.notes,
    )
