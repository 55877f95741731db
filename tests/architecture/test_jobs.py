"""Every job is a command and a function of the library, and both ask for the same."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import pytest
import typer.main
from proteomr_cli.bundles import Running
from proteomr_cli.main import app, run

import proteomr
from proteomr.runs import Job, digest_request
from tests.architecture.jobs import CASES, Case, write_inputs

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.command)
GROUP: Any = typer.main.get_command(app)
BY_FORMAT = [case for case in CASES if "mine.toml" in case.chosen.shell]
SHARED = {
    *("--threads", "--resume", "--overwrite", "--dry-run", "--config", "--print-config"),
    *("--seed", "-q", "-v", "--log-json", "--no-progress", "--allow-failures"),
}


Ask: TypeAlias = Callable[[Callable[[], object]], tuple[str, str]]


class Asked(BaseException):
    """A job that was about to run; no exception that a command catches."""

    def __init__(self, job: Job) -> None:
        self.job = job


def list_modules() -> list[str]:
    found = pkgutil.walk_packages(proteomr.__path__, "proteomr.")
    return [entry.name for entry in found if entry.name != "proteomr.__main__"]


def is_job(entry: object) -> bool:
    """Tell whether something is the class of a job, and not their protocol."""
    named = {"main", "as_file", "request", "results", "plan", "run"}
    concrete = inspect.isclass(entry) and not inspect.isabstract(entry)
    return concrete and named <= set(dir(entry)) and entry is not Job


def find_jobs() -> dict[str, type]:
    """Return the classes of jobs that the library defines, by name."""
    return {
        name: entry
        for module in map(importlib.import_module, list_modules())
        for name, entry in vars(module).items()
        if is_job(entry) and entry.__module__ == module.__name__
    }


def command_of(case: Case) -> Any:
    entry = GROUP
    for name in case.command.split():
        entry = entry.commands[name]
    return entry


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the files of the calls, which is the current one."""
    write_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Return what gives the name of the job that a call would run, and the digest of its request.

    Every module may hold the name of what runs a job; each gets one that stops there.
    """

    def stop(job: Job, *_: object, **__: object) -> NoReturn:
        raise Asked(job)

    find_jobs()  # imports all modules
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "proteomr" and "run_job" in vars(module):
            monkeypatch.setattr(module, "run_job", stop)

    def describe(call: Callable[[], object]) -> tuple[str, str]:
        with pytest.raises(Asked) as caught:
            call()
        job = caught.value.job
        return type(job).__name__, digest_request(job.request)

    return describe


def test_every_job_has_a_case_and_none_else() -> None:
    assert sorted(case.job for case in CASES) == sorted(find_jobs())
    assert len({case.job for case in CASES}) == len({case.function for case in CASES})


@each_case
def test_every_job_has_a_function_that_users_find(case: Case) -> None:
    home, _, name = case.function.rpartition(".")
    room = importlib.import_module(home)
    assert name in room.__all__
    given = inspect.signature(getattr(room, name)).parameters
    assert {"out", "resume", "overwrite"} <= set(given)


@each_case
def test_the_shell_and_python_ask_for_the_same(case: Case, inputs: Path, ask: Ask) -> None:
    digests = set()
    for call in (case.plain, case.chosen):
        arguments = [*case.command.split(), *shlex.split(call.shell), "-o", str(inputs / case.out)]
        job, digest = ask(partial(run, arguments))
        assert (job, digest) == ask(call.python)
        assert job == case.job
        digests.add(digest)
    assert len(digests) == 2


@pytest.mark.parametrize("case", BY_FORMAT, ids=lambda case: case.command)
def test_a_book_of_formats_is_part_of_the_request(case: Case, inputs: Path, ask: Ask) -> None:
    before = ask(case.chosen.python)
    book = inputs / "mine.toml"
    book.write_text(book.read_text().replace('"SNP"', '"RSID"'))
    assert ask(case.chosen.python) != before


def test_every_command_that_runs_jobs_has_a_case() -> None:
    commands = {
        f"{prefix}{name}": command
        for prefix, group in (("", GROUP), *((f"{n} ", c) for n, c in GROUP.commands.items()))
        for name, command in getattr(group, "commands", {}).items()
    }
    running = {
        name
        for name, command in commands.items()
        if {"resume", "print_config"} <= {entry.name for entry in command.params}
    }
    assert running == {case.command for case in CASES}


@each_case
def test_a_command_has_the_options_of_all_that_write_results(case: Case) -> None:
    options = {name for entry in command_of(case).params for name in entry.opts}
    assert SHARED | {"-o", "--out", "--format"} <= options


def test_shared_options_mean_the_same_in_every_command() -> None:
    helps: dict[str, set[str]] = {}
    for case in CASES:
        for entry in command_of(case).params:
            if entry.name in Running.__dataclass_fields__:
                helps.setdefault(entry.name, set()).add(f"{entry.help} {entry.default}")
    assert set(helps) == set(Running.__dataclass_fields__)
    assert {name: texts for name, texts in helps.items() if len(texts) > 1} == {}
