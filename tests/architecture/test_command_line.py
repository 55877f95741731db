"""Every command is listed, helped and documented, and asking for help is quick."""

from __future__ import annotations

import inspect
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
from proteomr_cli.main import COMMANDS, GROUPS, app

ROOT = Path(__file__).parents[2]
NO_COMMANDS = {
    *("__init__", "bundles", "main", "console", "heaps", "help", "jobs", "journal", "resources"),
    *("options", "show_associations", "show_causes", "show_quality", "show_replication"),
    *("show_coloc", "show_curves", "show_mediation", "show_scores", "stages", "stage_batches"),
    *("further_options", "optional_values", "ordinal_options", "permutation_options"),
    *("elsewhere", "foreign_names", "progress", "remedies"),
}
SLOW_TO_LOAD = {
    "statsmodels",
    "linearmodels",
    "scipy.stats",
    "polars",
    "numpy",
    "pandas",
    "pyarrow",
}
GROUP: Any = typer.main.get_command(app)
CALLED: dict[str, Any] = {
    f"{prefix}{name}": command
    for prefix, group in (
        ("", GROUP),
        *(
            (f"{name} ", entry)
            for name, entry in GROUP.commands.items()
            if "commands" in dir(entry)
        ),
    )
    for name, command in group.commands.items()
}
FUNCTIONS: list[Any] = [
    *COMMANDS,
    *(entry.callback for group in GROUPS for entry in group.registered_commands),
]
SHOW_HELP = "import sys; from proteomr_cli.main import run; run(['--help'])"


def test_every_module_of_commands_is_listed_once() -> None:
    files = {file.stem for file in (ROOT / "cli").glob("*.py")}
    modules = {name for name in files if not name.endswith("_options")} - NO_COMMANDS
    homes = [command.__module__.rpartition(".")[2] for command in FUNCTIONS]
    assert set(homes) == modules
    assert len(set(FUNCTIONS)) == len(FUNCTIONS)
    assert len(GROUP.commands) == len(COMMANDS) + len(GROUPS)
    assert len(CALLED) == len(FUNCTIONS) + len(GROUPS)


@pytest.mark.parametrize("name", sorted(CALLED))
def test_every_command_and_each_of_its_options_has_help(name: str) -> None:
    command = CALLED[name]
    assert command.help
    without = [entry.name for entry in command.params if not getattr(entry, "help", "")]
    assert without == []


@pytest.mark.parametrize("command", FUNCTIONS, ids=lambda command: str(command.__name__))
def test_every_command_has_a_docstring(command: Any) -> None:
    assert inspect.getdoc(command)


@pytest.mark.parametrize("name", sorted(CALLED))
def test_every_command_is_documented_in_the_readme(name: str) -> None:
    assert f"proteomr {name}" in (ROOT / "README.md").read_text()


def test_asking_for_help_loads_no_slow_library() -> None:
    code = (
        "import atexit, sys;"
        "atexit.register(lambda: print('\\nLOADED', *sys.modules, file=sys.stderr));" + SHOW_HELP
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(shown.stderr.rpartition("LOADED ")[2].split())
    assert "proteomr_cli.main" in loaded
    assert loaded & SLOW_TO_LOAD == set()


def test_asking_for_help_takes_less_than_a_second() -> None:
    # a third of one on a quiet machine, twice that beside another worker of the tests
    assert min(cpu_seconds_of_help() for _ in range(5)) < 0.9


def cpu_seconds_of_help() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", SHOW_HELP], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
