"""The README is one screen whose commands run; what it leaves to other pages stands there."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from docs.reference.commands import list_commands
from tests.pages import run_commands

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCREEN = 100  # lines, of which a person reads the first half
OF_OURS = ("README.md", *(f"docs/{name}.md" for name in ("first-hour", "uk-biobank", "concepts")))


def test_the_readme_shows_what_its_commands_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_commands(README, capsys) >= 2
    figure = (ROOT / "docs" / "volcano.svg").read_text("utf-8")
    drawn = pl.read_csv(tmp_path / "volcano.tsv", separator="\t")
    named = drawn.filter("labelled")["name"].to_list()
    assert named
    assert [name for name in named if f">{name}<" not in figure] == []


def test_the_readme_is_one_screen() -> None:
    assert len(README.splitlines()) <= SCREEN


@pytest.mark.parametrize("page", OF_OURS)
def test_a_page_names_no_command_or_option_that_does_not_exist(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    known = list_commands()
    words = {name.partition(" ")[0] for name in known}
    assert set(re.findall(r"`?proteomr ([a-z][a-z-]*)", text)) <= words
    options = {o for command, _ in known.values() for entry in command.params for o in entry.opts}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text)) <= options | {"--help"}


def test_the_page_of_concepts_lists_every_status() -> None:
    from proteomr.tables import load_schema

    concepts = (ROOT / "docs" / "concepts.md").read_text("utf-8")
    columns = {column.name: column for column in load_schema("associations").columns}
    for status in columns["status"].values:
        assert f"| `{status}` |" in concepts


def test_the_page_of_errors_lists_every_exit_code() -> None:
    from proteomr import errors

    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    kinds = [value for value in vars(errors).values() if isinstance(value, type)]
    codes = {kind.exit_code for kind in kinds if issubclass(kind, errors.ProteomrError)}
    for code in codes | {errors.FAILED_UNITS}:
        assert f"\n| {code} | " in page


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"]
)
def test_a_page_links_only_to_files_that_are_there(page: str) -> None:
    linked = set(re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / page).read_text("utf-8")))
    assert {name for name in linked if not (ROOT / name).exists()} == set()


def test_the_benchmarks_fill_one_page_and_the_numbers_of_the_readme() -> None:
    for page, mark in (("README.md", "speed"), ("docs/benchmarks.md", "benchmark")):
        text = (ROOT / page).read_text("utf-8")
        assert text.count(f"<!-- {mark} -->") == text.count(f"<!-- /{mark} -->") == 1


def test_the_page_of_architecture_draws_the_floors_as_the_contracts_have_them() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    floors = project["tool"]["importlinter"]["contracts"][0]["layers"]
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    drawn = page.partition("## Floors and rooms")[2].split("```")[1]
    rooms = [name.split(".")[-1] for floor in floors for name in floor.split(" | ")]
    assert [room for room in rooms if room != "proteomr_cli" and room not in drawn] == []
