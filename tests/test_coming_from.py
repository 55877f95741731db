"""What the page for users of other programs names of ours is there: commands, options, columns."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from docs.reference.commands import list_commands
from proteomr.tables import load_schema

PAGE = (Path(__file__).parents[1] / "docs" / "coming-from.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (.*) \|$", re.MULTILINE)
SPAN = re.compile(r"`([^`]+)`")
PROGRAMS = ("TwoSampleMR", "REGENIE", "limma", "OlinkAnalyze", "survival")
KNOWN = {
    name: {option for entry in command.params for option in entry.opts}
    for name, (command, _) in list_commands().items()
}


def sections() -> dict[str, str]:
    parts = re.split(r"^## (.+)\n", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(*, of_columns: bool) -> list[list[str]]:
    """Return the cells of the rows of all tables of columns, or of all tables of options."""
    found, inside = [], False
    for line in PAGE.splitlines():
        if not (row := ROW.match(line)):
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row[1])]
        if set(cells[0]) == {"-"}:
            continue
        if cells[1] in {"here", "table"}:
            inside = (cells[1] == "table") == of_columns
        elif inside:
            found.append(cells)
    return found


def calls(text: str) -> list[tuple[str, list[str]]]:
    """Return the commands that code spans call, each with its options."""
    found = []
    for span in SPAN.findall(text.replace(r"\|", "|")):
        if not span.startswith("proteomr "):
            continue
        words = shlex.split(span)[1:]
        name = " ".join(words[:2]) if " ".join(words[:2]) in KNOWN else words[0]
        found.append((name, [word for word in words if word.startswith("--")]))
    return found


def test_every_program_has_a_table_of_options_and_one_of_columns() -> None:
    assert tuple(sections()) == PROGRAMS
    for text in sections().values():
        assert re.search(r"^\| [\w ]+ \| here \| what differs \|$", text, re.MULTILINE)
        assert "\n| their column | table | our column |\n" in text


def test_every_command_and_option_of_the_page_exists() -> None:
    found = [call for cells in rows(of_columns=False) for cell in cells for call in calls(cell)]
    assert len(found) > 70
    assert {name for name, _ in found} <= KNOWN.keys()
    unknown = [
        (name, option) for name, given in found for option in given if option not in KNOWN[name]
    ]
    assert unknown == []


def test_every_row_of_options_names_a_command_or_says_that_there_is_none() -> None:
    for cells in rows(of_columns=False):
        assert calls(cells[1]) or (not cells[1] and cells[2]), cells


@pytest.mark.parametrize("cells", rows(of_columns=True), ids=lambda cells: f"{cells[1]}-{cells[0]}")
def test_every_column_of_the_page_stands_in_its_schema(cells: list[str]) -> None:
    (table,) = SPAN.findall(cells[1])
    columns = {column.name for column in load_schema(table).columns}
    named = SPAN.findall(cells[2])
    assert named
    assert set(named) <= columns


def test_every_option_elsewhere_on_the_page_is_said_with_its_command() -> None:
    ours = [cells[1] + cells[2] for cells in rows(of_columns=False)]
    alone = [span for text in ours for span in SPAN.findall(text) if span.startswith("--")]
    known = set().union(*KNOWN.values())
    assert [span for span in alone if span.split()[0] not in known] == []
