"""A study run stage by stage: what stands is left, what can is run at the same time."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from proteomr.errors import FAILED_UNITS, NothingToDo, ProteomrError, UsageError, nearest
from proteomr.execute import wait_for_any
from proteomr.files import storage_errors
from proteomr.report import make_report, write_report
from proteomr.runs import Forecast, Standing, find_standing, read_finished
from proteomr.runs.lock import acquire_lock
from proteomr.study.account import (
    StudyResults,
    tabulate_stages,
    write_account,
    write_costs,
    write_published,
)
from proteomr.study.calls import (
    Opened,
    Progress,
    Runner,
    StageCall,
    StageEnd,
    StageReport,
    State,
)
from proteomr.study.choosing import Chosen, choose
from proteomr.study.defaults import spread_defaults
from proteomr.study.figures import draw_figures
from proteomr.study.kept_figures import keep_figures
from proteomr.study.locking import InputLock
from proteomr.study.order import list_after, order_stages
from proteomr.study.published import compare_published
from proteomr.study.study import Option, Stage, Study
from proteomr.study.taking import From

__all__ = ["REPORT", "plan_study", "run_study"]

REPORT: Final = "report.html"
"""In the folder of a study that asks for one; ``report.md`` beside it has the same words."""

_HAVE_RESULTS: Final = ("done", "units_failed")
_NOTHING: Final = NothingToDo.exit_code
_STANDS: Final = "stands"


def run_study(
    study: Study,
    out: str | Path,
    *,
    runner: Runner,
    threads: int = 1,
    only: Sequence[str] = (),
    start: Sequence[str] = (),
    lock: InputLock | None = None,
    progress: Progress | None = None,
) -> StudyResults:
    """Run the stages of a study that do not stand yet, and say of all what came of them.

    A stage stands where its folder holds the whole results of the same request: the same options
    and versions, and inputs of the same content. So a change reruns what reads something else for
    it, and nothing more; what a kill left unfinished goes on. Stages that need nothing of one
    another run at the same time, and share the threads. One that fails leaves the others alone,
    but for those that need it.

    Parameters
    ----------
    study : what is to be run.
    out : folder of the study, in which each stage has one of its own; ``stages`` and ``choices``
        are written beside them.
    runner : makes jobs of calls and runs them.
    threads : of all stages together.
    only : names of stages that are run alone; those that they need must stand.
    start : names of stages that are run with all that need them.
    lock : of the inputs, which are held against it before anything runs; what it takes up is
        written when the stages have ended.
    progress : is told of each stage.

    Raises
    ------
    UsageError
        The study cannot be ordered, or a stage that is named is not there.
    RunFolderError
        The folder is in use.
    InputError
        An input is not what the lock says.
    """
    if lock is not None:
        lock.check()
    study = spread_defaults(study, runner.options)
    ordered = order_stages(study)
    asked = _list_asked(study, only=only, start=start)
    folder = Path(out)
    with _hold(folder):
        run = _Run(study, folder.absolute(), runner, asked, progress, lock)
        try:
            run.go(ordered, threads=threads)
        finally:
            if lock is not None and lock.adds:
                lock.write(study=study.name)
        results = tabulate_stages([run.reports[stage.name] for stage in ordered])
        write_account(results, folder)
        write_costs((), folder, stages=[stage.name for stage in ordered])
        if study.findings:
            write_published(compare_published(study.findings, run.find_table), folder)
        if study.figures:
            keep_figures(study.figures, folder)
            figures, notes = draw_figures(study.figures, run.find_table, folder)
            results = replace(results, figures=figures, notes=notes)
        if study.report and any(report.path is not None for report in results.reports):
            told = make_report(folder, title=study.title or None)
            write_report(told, folder / REPORT)
    return results


def plan_study(
    study: Study,
    out: str | Path,
    *,
    runner: Runner,
    threads: int = 1,
    only: Sequence[str] = (),
    start: Sequence[str] = (),
    lock: InputLock | None = None,
) -> Iterator[tuple[Stage, str, Forecast | None]]:
    """Yield for each stage what would be done with it, and its forecast where it can be planned.

    A stage that needs one that has no results yet cannot be planned before these are there. A lock
    is held against the inputs, and not written.
    """
    if lock is not None:
        lock.check()
    study = spread_defaults(study, runner.options)
    ordered = order_stages(study)
    asked = _list_asked(study, only=only, start=start)
    run = _Run(study, Path(out).absolute(), runner, asked, None, lock)
    anew: set[str] = set()
    for stage in ordered:
        first = [name for name in stage.needs if name in anew or not run.has_results(name)]
        if stage.name not in asked:
            yield stage, "left", None
            continue
        if first:
            what, forecast = f"after {', '.join(first)}", None
        else:
            what, forecast = run.plan(stage, threads=threads)
        if what != _STANDS:
            anew.add(stage.name)
        yield stage, what, forecast


@dataclass(frozen=True, slots=True)
class _Ready:
    call: StageCall
    opened: Opened
    standing: Standing
    chosen: Mapping[str, Chosen]


@dataclass(slots=True)
class _Run:
    """A study under way."""

    study: Study
    out: Path
    runner: Runner
    asked: Collection[str]
    progress: Progress | None
    lock: InputLock | None = None
    reports: dict[str, StageReport] = field(default_factory=dict[str, StageReport])
    order: tuple[str, ...] = ()

    def go(self, ordered: Sequence[Stage], *, threads: int) -> None:
        """Run what is ready as long as something is, with the threads that are free."""
        self.order = tuple(stage.name for stage in ordered)
        with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
            try:
                self._go(pool, ordered, threads=threads)
            except BaseException:
                self.runner.stop()  # before the pool waits for the stages under way
                raise

    def _go(self, pool: ThreadPoolExecutor, ordered: Sequence[Stage], *, threads: int) -> None:
        waiting = list(ordered)
        free = threads
        running: dict[Future[StageEnd], tuple[_Ready, int]] = {}
        while waiting or running:
            while free and (stage := self._next(waiting)) is not None:
                waiting.remove(stage)
                ready = self._begin(stage)
                if ready is None:
                    continue
                # Whatever else is ready now shares what is free with it.
                share = max(1, free // (1 + self._count_ready(waiting)))
                self._tell_begin(stage, threads=share)
                future = pool.submit(
                    self.runner.run,
                    ready.call,
                    threads=share,
                    overwrite=ready.standing == "other",
                )
                running[future] = (ready, share)
                free -= share
            if not running:
                continue
            for future in wait_for_any(running):
                ready, share = running.pop(future)
                free += share
                self._keep(self._judge(ready, future.result()))

    def _next(self, waiting: Sequence[Stage]) -> Stage | None:
        """Return the first stage all of whose needs have ended."""
        ended = self.reports.keys()
        return next((stage for stage in waiting if ended >= {*stage.needs}), None)

    def _count_ready(self, waiting: Sequence[Stage]) -> int:
        ended = self.reports.keys()
        return sum(ended >= {*stage.needs} and stage.name in self.asked for stage in waiting)

    def _begin(self, stage: Stage) -> _Ready | None:
        """Return a stage that has to be run; None where it stands, or cannot be."""
        if stage.name not in self.asked:
            there = self.has_results(stage.name)
            path = self._place(stage.name) if there else None
            self._keep(StageReport(stage, "left", path=path))
            return None
        for name in stage.needs:
            if not self.has_results(name):
                self._keep(self._block(stage, name))
                return None
        opened = self.prepare(stage)
        if isinstance(opened, StageReport):
            self._keep(opened)
            return None
        if opened.standing == "finished":
            self._keep(self._judge(opened, StageEnd(0), ran=False))
            return None
        return opened

    def prepare(self, stage: Stage) -> _Ready | StageReport:
        """Return a stage with what it takes of others, or why it cannot be run."""
        chosen: dict[str, Chosen] = {}
        try:
            options = {
                key: self._resolve(value, key, chosen) for key, value in stage.options.items()
            }
            empty = [key for key, one in chosen.items() if not one.values]
            if empty:
                rule = chosen[empty[0]].rule
                message = f"nothing is chosen: {rule}"
                return StageReport(stage, "empty", message=message, chosen=chosen)
            call = StageCall(stage, options, self.out / stage.name, self.study.folder)
            with _inside(self.study.folder):
                opened = self.runner.prepare(call)
                if self.lock is not None:
                    self.lock.take(opened.job.request, out=self.out)
                standing = find_standing(opened.job, opened.path)
            return _Ready(call, opened, standing, chosen)
        except ProteomrError as fault:
            state: State = "empty" if fault.exit_code == _NOTHING else "failed"
            return StageReport(stage, state, message=str(fault), chosen=chosen)

    def plan(self, stage: Stage, *, threads: int) -> tuple[str, Forecast | None]:
        """Say what would be done with a stage whose needs stand."""
        ready = self.prepare(stage)
        if isinstance(ready, StageReport):
            return f"{ready.state}: {ready.message}", None
        if ready.standing == "finished":
            return _STANDS, None
        try:
            with _inside(self.study.folder):
                return "runs", ready.opened.job.plan(threads=threads)
        except ProteomrError as fault:
            return f"failed: {fault}", None

    def has_results(self, name: str) -> bool:
        """Whether a stage has results that others can take."""
        report = self.reports.get(name)
        if report is not None and report.state != "left":
            return report.state in _HAVE_RESULTS
        return read_finished(self._place(name)) is not None

    def _place(self, name: str) -> Path:
        command = self.study.stage(name).command
        return self.runner.place(command, self.out / name)

    def _resolve(self, value: Option, key: str, chosen: dict[str, Chosen]) -> Option:
        """Return an option with paths and names in the place of what is taken of stages."""
        if isinstance(value, From):
            if value.chooses:
                chosen[key] = choose(value, self.find_table)
                return list(chosen[key].values)
            return self._name(self._find(value))
        if isinstance(value, Mapping):
            return {name: self._resolve(inner, key, chosen) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._resolve(inner, key, chosen) for inner in value]
        return value

    def find_table(self, stage: str, table: str | None) -> Path:
        """Return where a table of a stage lies; its main one for None."""
        finished = read_finished(self._place(stage))
        tables = {} if finished is None else finished.tables
        if not tables:
            raise UsageError(f"stage {stage!r} has no results")
        if table is None:
            return next(iter(tables.values()))
        if table not in tables:
            hint = nearest(table, tables)
            raise UsageError(f"stage {stage!r} has no table {table!r}{hint}: {', '.join(tables)}")
        return tables[table]

    def _find(self, taken: From) -> Path:
        """Return where results of a stage lie, or one of their tables."""
        if taken.table is None:
            return self._place(taken.stage)
        return self.find_table(taken.stage, taken.table)

    def _name(self, path: Path) -> str:
        """Return a path relative to the study's folder, so that both can be moved together."""
        return os.path.relpath(path, self.study.folder)

    def _block(self, stage: Stage, name: str) -> StageReport:
        report = self.reports.get(name)
        if report is not None and report.state == "empty":
            return StageReport(stage, "empty", message=f"needs {name}, which is empty")
        why = "has no results" if report is None or report.state == "left" else "failed"
        return StageReport(stage, "blocked", message=f"needs {name}, which {why}")

    def _judge(self, ready: _Ready, end: StageEnd, *, ran: bool = True) -> StageReport:
        states: dict[int, State] = {0: "done", FAILED_UNITS: "units_failed", _NOTHING: "empty"}
        state = states.get(end.code, "failed")
        path = ready.opened.path if state in _HAVE_RESULTS else None
        finished = None if path is None else read_finished(path)
        units, failed = (0, 0) if finished is None else (finished.units, finished.failed)
        # what its command would have said, had it run
        if failed and not ran and not ready.call.options.get("allow-failures"):
            state = "units_failed"
        return StageReport(
            ready.call.stage, state, ran, end.message, path, units, failed, ready.chosen, end.cost
        )

    def _keep(self, report: StageReport) -> None:
        self.reports[report.stage.name] = report
        if report.cost is not None:
            write_costs([report], self.out, stages=self.order)
        if self.progress is not None:
            self.progress.end(report)

    def _tell_begin(self, stage: Stage, *, threads: int) -> None:
        if self.progress is not None:
            self.progress.begin(stage, threads=threads)


def _list_asked(study: Study, *, only: Sequence[str], start: Sequence[str]) -> tuple[str, ...]:
    if only and start:
        raise UsageError("--only runs stages alone, --from with all that need them: give one")
    for name in (*only, *start):
        study.stage(name)
    if only:
        return tuple(only)
    return list_after(study, start or [stage.name for stage in study.stages])


@contextmanager
def _hold(folder: Path) -> Iterator[None]:
    """Make the folder of a study and hold it."""
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = acquire_lock(folder / ".study.lock")
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Work in a folder, which relative paths are then of."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
