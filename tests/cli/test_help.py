"""Help pages: examples that parse, words for arguments, the width of the terminal, completion."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import Any

import pytest
import typer.main
from proteomr_cli.help import EXAMPLES
from proteomr_cli.main import app

GROUP: Any = typer.main.get_command(app)


def find_command(name: str) -> Any:
    entry = GROUP
    for word in name.split():
        entry = entry.commands[word]
    return entry


def list_commands() -> set[str]:
    names = set()
    for name, entry in GROUP.commands.items():
        inner = getattr(entry, "commands", None)
        names |= {name} if inner is None else {f"{name} {deeper}" for deeper in inner}
    return names


def test_every_command_has_an_example() -> None:
    assert set(EXAMPLES) == list_commands()


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_has_options_and_choices_that_exist(name: str) -> None:
    for example in EXAMPLES[name]:
        words = shlex.split(example)
        assert words[: len(name.split())] == name.split()
        find_command(name).make_context(name, words[len(name.split()) :], resilient_parsing=True)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_help_names_arguments_in_capitals_and_shows_the_examples(proteomr: Any, name: str) -> None:
    page = proteomr(*name.split(), "--help").out
    usage = page.partition("\n\n")[0]
    shown = usage.partition(f" {name} ")[2].replace("[OPTIONS]", "")
    assert shown == shown.upper()
    assert "{" not in shown
    assert "Examples:" in page
    assert "list[" not in page


def test_a_command_is_answered_by_its_own_page(proteomr: Any) -> None:
    assert "SAMPLES [PROTEINS...]" in proteomr("associate", "-h").out
    assert "FILE..." in proteomr("gwas", "munge", "-h").out


@pytest.mark.parametrize("width", [60, 80, 110, 200])
def test_help_is_as_wide_as_the_terminal(
    proteomr: Any, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    longest = max(map(len, proteomr("qc", "--help").out.splitlines()))
    assert min(width, 120) - 12 < longest <= min(width, 120)


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("typed", ["mr --list", "schema", "schema associations"])
def test_lists_are_tables_that_fit_the_terminal(
    proteomr: Any, monkeypatch: pytest.MonkeyPatch, typed: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = proteomr(*typed.split()).out.splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)


def test_a_schema_is_printed_for_people_and_for_programs(proteomr: Any) -> None:
    import tomllib

    shown = proteomr("schema", "associations").out
    assert "neg_log10_p" in shown
    assert "one of linear, logistic" in " ".join(shown.split())
    rows = proteomr("schema", "associations", "--format", "tsv").out.splitlines()
    asked = proteomr("schema", "associations.parquet", "--format", "toml").out
    columns = [column["name"] for column in tomllib.loads(asked)["columns"]]
    assert [row.split("\t")[0] for row in rows[1:]] == columns


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("proteomr assoc", {"associate"}),
        ("proteomr associate --fam", {"--family"}),
        ("proteomr associate --family l", {"linear", "logistic"}),
        ("proteomr gwas m", {"munge"}),
    ],
)
def test_the_shell_completes_commands_options_and_choices(typed: str, words: set[str]) -> None:
    asked = {
        **os.environ,
        "_PROTEOMR_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    code = "from proteomr_cli.main import run; run([])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=asked, capture_output=True, text=True, check=False
    )
    assert set(done.stdout.split()) == words


def test_completion_can_be_installed(proteomr: Any) -> None:
    assert "--install-completion" in proteomr("--help").out
