"""Stages of a study as commands: read in this process, each run in one of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from proteomr.errors import INTERRUPTED, UsageError, nearest

from . import options as shared
from .jobs import GOES_ON, Task, collect_tasks
from .stage_batches import Batch, cancel_batch

if TYPE_CHECKING:
    from proteomr.runs import Job
    from proteomr.study import Execution, StageCall, StageCost, StageEnd

__all__ = ["CommandRunner"]

_START = "from proteomr_cli.main import run; run()"
_ERROR = "error: "
_FILES = ("FILE", "OUT.parquet")  # how commands call an output that is no folder
_MERGED = ("associate", "survive", "mediate", "replicate", "score")  # whose shards `merge` joins
_FORM = ("format", "columns", "figure-format")  # options of a command that its merge takes
_LOOKS = ("figures", "figure-format")
_BY_RESUME = "--resume goes on with what is done"
_AGAIN = "run the study again: it goes on with what is kept"
_BOUNDS_POLARS = "POLARS_MAX_THREADS"  # the share of a stage bounds it anew


@dataclass(frozen=True, slots=True)
class _OpenedCommand:
    """The job of a command, and where its results go."""

    job: "Job"
    path: Path


@dataclass(slots=True)
class CommandRunner:
    """Runs stages as the commands that they name, each in a process of its own.

    Parameters
    ----------
    root : the command line, a group of commands.
    execution : where stages are run: by processes of this machine without.
    """

    root: Any
    execution: "Execution | None" = None
    _live: "dict[subprocess.Popen[str], str]" = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _stopped: bool = False

    def options(self, command: str) -> Collection[str]:
        """Return the options of a command by their names in a configuration file."""
        return self._options(command).keys()

    def place(self, command: str, folder: Path) -> Path:
        """Return where results of a command lie: the folder, or a file of that name."""
        out = self._options(command)["out"]
        return folder.with_name(f"{folder.name}.parquet") if out.metavar in _FILES else folder

    def prepare(self, call: "StageCall") -> _OpenedCommand:
        """Return the job that a command makes of its options; nothing is written."""
        command = call.stage.command
        with tempfile.TemporaryDirectory() as folder, collect_tasks() as tasks:
            file = Path(folder, f"{call.stage.name}.toml")
            file.write_text(_show_options(call), encoding="utf-8")
            words = [*command.split(), *self._words(call, file)]
            try:
                with self.root.make_context("proteomr", words) as context:
                    self.root.invoke(context)
            except typer.TyperException as mistake:
                message = f"stage {call.stage.name!r}: {_say(mistake)}"
                raise UsageError(message) from None
        task: Task = tasks[0]
        return _OpenedCommand(task.make_job(), task.out.absolute())

    def run(self, call: "StageCall", *, threads: int, overwrite: bool) -> "StageEnd":
        """Run a call in a process of its own; the last error that it tells is its message."""
        shared_out = self._count_shards(call) > 1  # figures are of the whole, so of the merge
        options = _write_options(_leave_out(call, _LOOKS) if shared_out else call)
        words = [
            *call.stage.command.split(),
            *self._words(call, options),
            *("--threads", str(threads), "--no-progress", "--quiet"),
        ]
        if self.execution is not None and self.execution.executor == "slurm":
            return self._submit(call, words, threads=threads, overwrite=overwrite)
        begun = "--overwrite" if overwrite else "--resume"
        return self._run_here(call, [*words, *self._choose_executor(call), begun])

    def _run_here(self, call: "StageCall", words: list[str]) -> "StageEnd":
        from proteomr.study import StageEnd

        bounded = {name: value for name, value in os.environ.items() if name != _BOUNDS_POLARS}
        with self._guard:
            if self._stopped:
                return StageEnd(1, "stopped before it began")
            process = subprocess.Popen(  # noqa: S603 - its own interpreter and command
                [sys.executable, "-c", _START, *words],
                cwd=call.base,
                env=bounded,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
            self._live[process] = ""
        told, cost = self._await(process)
        return StageEnd(process.returncode, _find_message(told, process.returncode), cost)

    def _submit(
        self, call: "StageCall", words: list[str], *, threads: int, overwrite: bool
    ) -> "StageEnd":
        """Run a call as jobs of SLURM; the shards of an array are joined when all have ended."""
        shards = self._count_shards(call)
        if shards == 1:
            begun = "--overwrite" if overwrite else "--resume"
            return self._run_batch(call, [*words, begun], threads=threads)
        first = 1
        if overwrite:  # one replaces what stands before the others go on in the same folder
            end = self._run_batch(call, [*words, "--overwrite"], tasks="1-1", threads=threads)
            if end.code:
                return end
            first = 2
        tasks = f"{first}-{shards}"
        end = self._run_batch(call, [*words, "--resume"], tasks=tasks, threads=threads)
        return end if end.code else self._run_here(call, self._merge_words(call))

    def _run_batch(
        self, call: "StageCall", words: list[str], *, threads: int, tasks: str = ""
    ) -> "StageEnd":
        from proteomr.study import Execution, StageEnd

        execution = self.execution or Execution()
        batch = Batch(
            [sys.executable, "-c", _START, *words],
            call.base,
            call.folder,
            tasks,
            execution.shards,
            threads,
            execution.sbatch,
        )
        with self._guard:
            if self._stopped:
                return StageEnd(1, "stopped before it began")
            process = batch.submit()
            self._live[process] = batch.name
        told, _ = self._await(process)  # the time of `sbatch`, not that of the job
        code = process.returncode
        return StageEnd(code, _find_message(f"{told}\n{batch.read_logs()}", code))

    def _await(self, process: "subprocess.Popen[str]") -> "tuple[str, StageCost | None]":
        """Return what a process told on stderr, once it has ended, and what it took."""
        begun, told = time.monotonic(), ""
        try:
            if process.stderr is not None:
                with process.stderr:
                    told = process.stderr.read()
            cost = _reap(process, begun)
        finally:
            with self._guard:
                self._live.pop(process, None)
        return told, cost

    def _choose_executor(self, call: "StageCall") -> list[str]:
        """Return the options that send blocks to Dask, of commands whose work comes in blocks."""
        execution = self.execution
        shared_out = execution is not None and execution.executor == "dask"
        if (
            execution is None
            or not shared_out
            or "executor" not in self._options(call.stage.command)
        ):
            return []
        address = execution.scheduler
        return ["--executor", "dask", *(() if address is None else ("--dask-scheduler", address))]

    def _count_shards(self, call: "StageCall") -> int:
        """Return how many jobs share a stage: one where the command cannot be shared, or merged."""
        options = self._options(call.stage.command)
        mergeable = call.stage.command in _MERGED and "shard" in options
        curves = call.options.get("curves") is not None or call.options.get("by") is not None
        shards = 1 if self.execution is None else self.execution.shards
        return shards if mergeable and not curves else 1

    def _merge_words(self, call: "StageCall") -> list[str]:
        named = [key for key in _FORM if call.options.get(key)]
        asked = [call.options[key] for key in named]
        names = [f"--{key}" for key in named]
        form = [word for pair in zip(names, map(str, asked), strict=True) for word in pair]
        flags = [f"--{key}" for key in ("allow-failures", "figures") if call.options.get(key)]
        place = os.path.relpath(self.place(call.stage.command, call.folder), call.base)
        return ["merge", place, *form, *flags, "--quiet"]

    def stop(self) -> None:
        """Ask the stages under way to end; what they have finished is kept."""
        with self._guard:
            self._stopped = True
            for process, batch in self._live.items():
                if batch:
                    cancel_batch(batch)
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()

    def _words(self, call: "StageCall", file: Path) -> list[str]:
        place = self.place(call.stage.command, call.folder)
        return ["--config", str(file), "--out", os.path.relpath(place, call.base)]

    def _options(self, command: str) -> Mapping[str, Any]:
        """Return the options of a command that writes results, by their names in a file."""
        known = dict(_list_commands(self.root))
        if command not in known:
            raise UsageError(f"no command {command!r}{nearest(command, known)}; stages run those")
        options = {shared.key_of(parameter): parameter for parameter in known[command].params}
        if not {"out", "resume"} <= options.keys():
            raise UsageError(f"{command} is no stage: it keeps no results that a rerun could find")
        return options


def _reap(process: "subprocess.Popen[str]", begun: float) -> "StageCost | None":
    """Wait for a process, and return what the system says that it took; None where it does not."""
    from proteomr.study import StageCost

    try:
        _, status, usage = os.wait4(process.pid, 0)
    except (AttributeError, ChildProcessError):  # no POSIX; or reaped when it was told to stop
        process.wait()
        return None
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    cpu = usage.ru_utime + usage.ru_stime
    return StageCost(time.monotonic() - begun, cpu, usage.ru_maxrss * unit)


def _list_commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _list_commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _options_file(call: "StageCall") -> Path:
    return call.folder.with_name(f"{call.folder.name}.toml")


def _write_options(call: "StageCall") -> Path:
    """Keep the options of a call beside its results; a rerun by hand is one command."""
    from proteomr.files import replace_file, shared_mode

    file = _options_file(call)
    file.parent.mkdir(parents=True, exist_ok=True)
    text = _show_options(call)
    replace_file(file, lambda stream: stream.write(text.encode()), mode=shared_mode())
    return file


def _show_options(call: "StageCall") -> str:
    """Return the options of a call as ``--config`` reads them."""
    return shared.write_configuration(dict(call.options)) + "\n"


def _say(mistake: Any) -> str:
    return str(mistake.format_message() if hasattr(mistake, "format_message") else mistake)


def _leave_out(call: "StageCall", names: Collection[str]) -> "StageCall":
    """Return a call without some of its options."""
    kept = {name: value for name, value in call.options.items() if name not in names}
    return replace(call, options=kept)


def _find_message(told: str, code: int) -> str:
    """Return the last error that a command told; what ended without one is named by its code.

    What to do after an interrupt is said of the study, which goes on by itself.
    """
    errors = [line for line in told.splitlines() if line.startswith(_ERROR)]
    if errors:
        said = errors[-1].removeprefix(_ERROR)
        said = said.replace(GOES_ON, _AGAIN).replace(f"; {_BY_RESUME}", f"; {_AGAIN}")
        return f"{said}; {_AGAIN}" if code == INTERRUPTED and _AGAIN not in said else said
    if code in {0, 4}:
        return ""
    if code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            why = ", as where memory runs out" if name == "SIGKILL" else ""
            return f"ended by {name}{why}; {_AGAIN}"
    lines = [line for line in told.splitlines() if line.strip()]
    return f"ended with code {code}" + (f": {lines[-1].strip()}" if lines else "")
