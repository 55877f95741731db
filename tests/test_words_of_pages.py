"""Names that pages set as code are there: statuses in tables of statuses, and words joined by _."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proteomr.status import Status

ROOT = Path(__file__).parents[1]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
JOINED = re.compile(r"`([a-z]+(?:_[a-z0-9]+)+)`")
CODE = ("proteomr", "cli", "benchmarks", "docs", "data")
# Names of other programs' columns.
FOREIGN = {"docs/protein-tables.md": {"f_31_0_0", "n_31_0_0", "subject_id"}}
# A page on what others call things; tests/test_coming_from.py holds what it says of ours.
OF_OTHERS = {"docs/coming-from.md"}


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def statuses_in(page: str) -> list[str]:
    """Return the first cells' words of all tables whose first column is headed status."""
    found: list[str] = []
    for table in re.findall(r"(?:^\|.*\n)+", page, flags=re.MULTILINE):
        head, *rows = (line.split("|")[1] for line in table.splitlines())
        if head.strip().casefold().strip("`") in ("status", "statuses"):
            found += [word for row in rows for word in re.findall(r"`(\w+)`", row)]
    return found


def words_of_code() -> set[str]:
    found: set[str] = set()
    for folder in CODE:
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in (".py", ".toml", ".json", ".csv"):
                found.update(re.findall(r"\w+", file.read_text("utf-8", errors="replace")))
    return found


def test_statuses_that_pages_list_are_in_the_vocabulary() -> None:
    listed = {name_of(page): statuses_in(page.read_text("utf-8")) for page in PAGES}
    assert sum(map(bool, listed.values())) >= 3
    wrong = {name: {*words} - {*Status.__members__} for name, words in listed.items()}
    assert {name: words for name, words in wrong.items() if words} == {}


@pytest.mark.parametrize("text", ["| status | x |\n|---|---|\n| `ok`, `gone` | y |\n"])
def test_a_status_that_is_none_would_be_found(text: str) -> None:
    assert statuses_in(text) == ["ok", "gone"]


def test_names_that_pages_set_as_code_stand_in_the_code() -> None:
    known = words_of_code()
    wrong: dict[str, set[str]] = {}
    for page in PAGES:
        name = name_of(page)
        words = {*JOINED.findall(BLOCK.sub("", page.read_text("utf-8")))}
        if name not in OF_OTHERS and (lost := words - known - FOREIGN.get(name, set())):
            wrong[name] = lost
    assert wrong == {}
