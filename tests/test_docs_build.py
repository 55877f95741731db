"""The pages are built without a warning: what is generated for them, and what the index holds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.build import add_toctrees, lay_out
from docs.reference.commands import list_commands, write_commands
from docs.reference.python import list_names, spell_parameters
from docs.reference.tables import write_tables
from docs.reference.words import code, escape, table
from proteomr.tables import load_schema, schema_names

ROOT = Path(__file__).parents[1]
PAGES = {file.name: file.read_text("utf-8") for file in sorted((ROOT / "docs").glob("*.md"))}


@pytest.fixture(scope="module")
def commands() -> dict[str, str]:
    return write_commands(PAGES)


def test_the_pages_are_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    command = [sys.executable, "-m", "docs.build", "--out", str(tmp_path)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    built = (tmp_path / "docs" / "reference" / "commands" / "associate.html").read_text("utf-8")
    assert "--family" in built
    loaded = re.compile(r"<(?:script|link|img)[^>]*(?:src|href)=[\"']?(?:https?:)?//")
    assert [page for page in tmp_path.rglob("*.html") if loaded.search(page.read_text())] == []


def test_every_page_stands_in_the_index_once() -> None:
    listed = re.findall(r"^- \[[^]]*\]\(([^/)]+\.md)\)", PAGES["index.md"], re.MULTILINE)
    assert sorted(listed) == sorted(set(PAGES) - {"index.md"})


def test_every_page_of_the_index_stands_in_a_tree() -> None:
    trees = add_toctrees(PAGES["index.md"])
    held = [
        line
        for tree in re.findall(r"```\{toctree\}(.*?)```", trees, re.DOTALL)
        for line in tree.splitlines()
        if line and not line.startswith(":")
    ]
    assert sorted(f"{name}.md" for name in held if "/" not in name) == sorted(
        set(PAGES) - {"index.md"}
    )


def test_every_command_has_a_page_with_all_its_options(commands: dict[str, str]) -> None:
    for name, (command, _) in list_commands().items():
        page = commands[f"{name.replace(' ', '-')}.md"]
        assert page.startswith(f"# `proteomr {name}`\n")
        for entry in command.params:
            for option in entry.opts:
                if option.startswith("--") and not entry.hidden:
                    assert re.search(rf"{re.escape(option)}[ ,`]", page), (name, option)


def test_a_page_of_a_command_says_defaults_and_where_it_is_shown(commands: dict[str, str]) -> None:
    page = commands["mr.md"]
    assert re.search(r"\| `--clump-r2 R2` \| .*\| 0\\?\.001 \|", page)
    assert "\nproteomr mr [OPTIONS] " in page
    assert "[Variants of one locus](../../cis-mendelian-randomisation.md)" in page
    assert re.search(r"\| `--family .*\| required \|", commands["associate.md"])


def test_every_table_has_a_page_with_all_its_columns() -> None:
    pages = write_tables()
    for name in schema_names():
        for column in load_schema(name).columns:
            assert f"\n| `{column.name}` | {column.dtype} | " in pages[f"{name}.md"]


def test_words_of_the_program_are_no_markup() -> None:
    assert escape("<b> [x](y) `a_b` *b* a_b | $c$ #d `") == (
        r"\<b\> \[x\](y) `a_b` \*b\* a\_b \| \$c\$ \#d \`"
    )
    assert code("a|b") == r"`a\|b`"
    assert code("`a`") == "`` `a` ``"
    assert table(["x"], [["two\nlines"]]).endswith("| two lines |")


def test_every_public_name_has_its_docstring_on_a_page(tmp_path: Path) -> None:
    lay_out(tmp_path)
    for module, names in list_names().items():
        page = (tmp_path / "docs" / "reference" / "python" / f"{module}.md").read_text("utf-8")
        for name in names:
            assert f":: {module}.{name}\n" in page


def test_names_of_parameters_over_several_lines_are_one_entry() -> None:
    doc = ["Parameters", "----------", "a, b,", "c : what", "", "Returns", "-------", "d : that"]
    assert spell_parameters(doc) == [
        *("Parameters", "----------", "a, b, c", "    what", ""),
        *("Returns", "-------", "``d``", "    that"),
    ]
    plain = ["A line : with a colon.", "", "Examples", "--------", "x : y"]
    assert spell_parameters(plain) == plain
