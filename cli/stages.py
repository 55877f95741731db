"""Stages of a study as commands: read in this process, each run in one of its own."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from proteomr.errors import UsageError, nearest

from . import options as shared
from .jobs import Task, collect_tasks

if TYPE_CHECKING:
    from proteomr.runs import Job
    from proteomr.study import StageCall, StageEnd

__all__ = ["CommandRunner"]

_START = "from proteomr_cli.main import run; run()"
_ERROR = "error: "
_FILES = ("FILE", "OUT.parquet")  # how commands call an output that is no folder
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
    """

    root: Any
    _live: "set[subprocess.Popen[str]]" = field(default_factory=set)
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
        """Return the job that a command makes of its options; they are kept beside the results."""
        command = call.stage.command
        file = _write_options(call)
        words = [*command.split(), *self._words(call, file)]
        with collect_tasks() as tasks:
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
        from proteomr.study import StageEnd

        command = call.stage.command
        words = [
            *command.split(),
            *self._words(call, _options_file(call)),
            *("--threads", str(threads), "--no-progress", "--quiet"),
            "--overwrite" if overwrite else "--resume",
        ]
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
            self._live.add(process)
        try:
            _, told = process.communicate()
        finally:
            with self._guard:
                self._live.discard(process)
        return StageEnd(process.returncode, _find_message(told, process.returncode))

    def stop(self) -> None:
        """Ask the stages under way to end; what they have finished is kept."""
        with self._guard:
            self._stopped = True
            for process in self._live:
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


def _list_commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _list_commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _options_file(call: "StageCall") -> Path:
    return call.folder.with_name(f"{call.folder.name}.toml")


def _write_options(call: "StageCall") -> Path:
    """Write the options of a call as ``--config`` reads them; a rerun by hand is one command."""
    from proteomr.files import replace_file, shared_mode

    file = _options_file(call)
    file.parent.mkdir(parents=True, exist_ok=True)
    text = shared.write_configuration(dict(call.options)) + "\n"
    replace_file(file, lambda stream: stream.write(text.encode()), mode=shared_mode())
    return file


def _say(mistake: Any) -> str:
    return str(mistake.format_message() if hasattr(mistake, "format_message") else mistake)


def _find_message(told: str, code: int) -> str:
    """Return the last error that a command told; what ended without one is named by its code."""
    errors = [line for line in told.splitlines() if line.startswith(_ERROR)]
    if errors:
        return errors[-1].removeprefix(_ERROR)
    if code in {0, 4}:
        return ""
    lines = [line for line in told.splitlines() if line.strip()]
    return f"ended with code {code}" + (f": {lines[-1].strip()}" if lines else "")
