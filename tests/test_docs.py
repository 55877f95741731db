"""Every command and every line of Python of a page under docs gives what the page shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import blocks, run_commands, run_python, write_files

PAGES = sorted((Path(__file__).parents[1] / "docs").glob("*.md"))
RUN = [
    page
    for page in PAGES
    if any(blocks(page.read_text(encoding="utf-8"), kind) for kind in ("console", "python"))
]


@pytest.mark.usefixtures("stages_begin_warm")
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_a_page_shows_what_its_commands_print(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = page.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    write_files(text, tmp_path)
    assert run_commands(text, capsys) + run_python(text, page.name) > 0


def test_there_are_pages_with_commands() -> None:
    assert RUN
