"""Pages of Markdown whose commands are run and whose output is compared with what they show."""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from proteomr_cli import main

BLOCK = re.compile(r"^```(\w*)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(page: str, language: str) -> list[str]:
    """Return the blocks of a language that are no files, see `write_files`."""
    return [m[3] for m in BLOCK.finditer(page) if m[1] == language and not m[2]]


def write_files(page: str, folder: Path) -> None:
    """Write the blocks that have a file's name after their language, such as csv people.csv."""
    for match in BLOCK.finditer(page):
        if match[2]:
            (folder / match[2]).write_text(match[3], encoding="utf-8")


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a block with the output that is shown below it."""
    for part in re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def run_commands(page: str, capsys: pytest.CaptureFixture[str]) -> int:
    """Run the commands of a page in the current folder, compare, and return how many there are."""
    ran = 0
    for block in blocks(page, "console"):
        for command, shown in commands(block):
            name, *arguments = shlex.split(command)
            assert name == "proteomr"
            with pytest.raises(SystemExit) as left:
                main.run(arguments)
            printed = capsys.readouterr()
            assert left.value.code == 0, printed.err
            assert doctest.OutputChecker().check_output(shown, printed.out, FLAGS), printed.out
            ran += 1
    return ran


def run_python(page: str, name: str) -> int:
    """Run the blocks of Python of a page in the current folder, and return how many there are.

    What is typed after >>> is compared with what is shown; others have to run. All blocks of a page
    share their names.
    """
    names: dict[str, object] = {"__name__": name}
    found = blocks(page, "python")
    for block in found:
        if ">>>" in block:
            test = doctest.DocTestParser().get_doctest(block, names, name, name, 0)
            runner = doctest.DocTestRunner(optionflags=FLAGS)
            assert runner.run(test, clear_globs=False).failed == 0
            names = test.globs
        else:
            exec(compile(block, name, "exec"), names)  # noqa: S102 - a page of our own
    return len(found)
