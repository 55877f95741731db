"""A page for each command, from its options as `--help` shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import typer.main
from proteomr_cli.help import EXAMPLES
from proteomr_cli.main import app

from docs.reference.words import code, escape, table

__all__ = ["list_commands", "write_command", "write_commands"]

# What typer adds to the help of an option: its default, and whether it has to be given.
_ADDED = re.compile(
    r"^(?P<help>.*?)(?:  \[(?P<added>(?:default: |required|env var: |x?[0-9<>=]).*)\])?$", re.DOTALL
)
_SHOWN = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def list_commands() -> dict[str, tuple[Any, Any]]:
    """Return each command with its context, by the words that call it.

    Examples
    --------
    >>> {"associate", "gwas munge"} <= set(list_commands())
    True
    """
    group: Any = typer.main.get_command(app)
    root = group.context_class(group, info_name="proteomr")
    return dict(_walk(group, root, ()))


def _walk(group: Any, parent: Any, words: tuple[str, ...]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name, command in group.commands.items():
        context = group.context_class(command, info_name=name, parent=parent)
        if hasattr(command, "commands"):
            yield from _walk(command, context, (*words, name))
        else:
            yield " ".join((*words, name)), (command, context)


def write_commands(pages: Mapping[str, str]) -> dict[str, str]:
    """Return the pages of all commands, and one that lists them, by file name.

    Parameters
    ----------
    pages : the text of each page of docs, by file name: a command names those that show it.
    """
    called = list_commands()
    written = {
        f"{_file(name)}.md": write_command(name, *entry, pages) for name, entry in called.items()
    }
    rows = [
        [f"[{code(f'proteomr {name}')}]({_file(name)}.md)", escape(_first_line(command.help))]
        for name, (command, _) in called.items()
    ]
    head = "# Commands\n\nEach option as `--help` shows it.\n\n"
    return {"index.md": f"{head}{table(['command', 'what it does'], rows)}\n", **written}


def write_command(name: str, command: Any, context: Any, pages: Mapping[str, str]) -> str:
    """Return the page of a command: what it does, synopsis, options with defaults, examples."""
    parts = [
        f"# {code(f'proteomr {name}')}",
        *(escape(" ".join(paragraph.split())) for paragraph in command.help.split("\n\n")),
        f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```",
    ]
    for heading, records in command.list_sections(context).items():
        parts += [
            f"## {escape(heading)}",
            table(["option", "what it means", "default"], [_row(*r) for r in records]),
        ]
    if examples := EXAMPLES.get(name):
        typed = "\n".join(f"proteomr {example}" for example in examples)
        parts += ["## Examples", f"```sh\n{typed}\n```"]
    if shown := find_pages(name, pages):
        links = ", ".join(f"[{escape(_title(pages[page]))}](../../{page})" for page in shown)
        parts.append(f"Shown in: {links}.")
    return "\n\n".join(parts) + "\n"


def find_pages(name: str, pages: Mapping[str, str]) -> list[str]:
    r"""Return the pages that run a command.

    Examples
    --------
    >>> find_pages("mr", {"a.md": "```console\n$ proteomr mr x\n```", "b.md": "mr"})
    ['a.md']
    """
    typed = re.compile(rf"^\$ proteomr {re.escape(name)} ", re.MULTILINE)
    return [
        page
        for page, text in pages.items()
        if any(typed.search(block[1] + " ") for block in _SHOWN.finditer(text))
    ]


def _row(names: str, told: str) -> list[str]:
    found = _ADDED.match(told)
    about, added = (found["help"], found["added"] or "") if found else (told, "")
    return [code(names), escape(about), escape(added.removeprefix("default: "))]


def _file(name: str) -> str:
    return name.replace(" ", "-")


def _title(page: str) -> str:
    return page.partition("\n")[0].removeprefix("# ")


def _first_line(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split())
