"""Every command and every line of Python in the README gives what the README shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from proteomr_cli import main

from tests.pages import run_commands, run_python

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_shows_what_its_commands_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_commands(README, capsys) >= 5
    assert run_python(README, "README.md") > 0


def test_the_readme_names_no_command_or_option_that_does_not_exist() -> None:
    import typer.main

    group = typer.main.get_command(main.app)
    known = dict(getattr(group, "commands", {}))
    assert set(re.findall(r"`?proteomr ([a-z][a-z-]*)", README)) <= known.keys()
    options = {
        option for command in known.values() for entry in command.params for option in entry.opts
    }
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", README)) <= options | {"--help"}


def test_the_readme_lists_every_status_and_every_exit_code() -> None:
    from proteomr import errors
    from proteomr.tables import load_schema

    columns = {column.name: column for column in load_schema("associations").columns}
    for status in columns["status"].values:
        assert f"| `{status}` |" in README
    kinds = [value for value in vars(errors).values() if isinstance(value, type)]
    codes = {kind.exit_code for kind in kinds if issubclass(kind, errors.ProteomrError)}
    for code in codes:
        assert f"\n| {code} | " in README


def test_the_readme_links_only_to_files_that_are_there() -> None:
    linked = set(re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
    missing = {name for name in linked - {"benchmarks/figure.svg"} if not (ROOT / name).exists()}
    assert missing == set()


def test_the_readme_has_the_marks_that_the_benchmarks_fill() -> None:
    assert README.count("<!-- benchmark -->") == README.count("<!-- /benchmark -->") == 1


def test_the_readme_draws_the_floors_as_the_contracts_have_them() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    floors = project["tool"]["importlinter"]["contracts"][0]["layers"]
    drawn = README.partition("## The house")[2]
    rooms = [name.split(".")[-1] for floor in floors for name in floor.split(" | ")]
    assert [room for room in rooms if room != "proteomr_cli" and room not in drawn] == []
