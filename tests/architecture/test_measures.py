"""Measures that the house keeps: repetition, and the size of functions and of argument lists."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

from proteomr_cli.main import COMMANDS, GROUPS

from tests.architecture.jobs import CASES

ROOT = Path(__file__).parents[2]
LINES_IN_A_ROW = 6  # that stand twice: fewer are idioms, as a table printed or a file opened
LONGEST_COMMAND = 80  # lines below its options and its docstring: one screen
MOST_ARGUMENTS = 20  # of what is no command: beyond, a class of options is missing

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def modules(*folders: str) -> Iterator[tuple[Path, str]]:
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield file.relative_to(ROOT), file.read_text(encoding="utf-8")


def functions(text: str) -> Iterator[Function]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function):
            yield node


def list_commands() -> list[Any]:
    grouped = [entry.callback for group in GROUPS for entry in group.registered_commands]
    return [*COMMANDS, *grouped]


def count_arguments(function: Function) -> int:
    given = function.args
    return len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)


def count_lines_of_body(function: Function) -> int:
    """Return the lines below the signature and the docstring."""
    body = function.body
    starts = body[1:] if ast.get_docstring(function) is not None else body
    return (function.end_lineno or 0) - starts[0].lineno + 1 if starts else 0


def list_code(text: str) -> list[tuple[int, str]]:
    """Return the lines that do something: no imports, no docstrings, no declarations.

    Parameters
    ----------
    text : a module.

    Returns
    -------
    lines : number and text, without indentation.
    """
    tree = ast.parse(text)
    passed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, Function | ast.ClassDef):
            passed.update(range(node.lineno, node.body[0].lineno))
        elif isinstance(node, ast.Import | ast.ImportFrom | ast.AnnAssign) or is_text(node):
            passed.update(range(node.lineno, (node.end_lineno or 0) + 1))
    for node in tree.body:
        if isinstance(node, ast.Assign):
            passed.update(range(node.lineno, (node.end_lineno or 0) + 1))
    return [
        (number, line.strip())
        for number, line in enumerate(text.splitlines(), start=1)
        if number not in passed and line.strip() and not line.strip().startswith("#")
    ]


def is_text(node: ast.AST) -> TypeGuard[ast.Expr]:
    """Tell whether a statement is a text alone, such as a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def find_repetitions(files: list[tuple[str, str]]) -> list[str]:
    """Return the places where the same lines of code follow each other as in another place."""
    places: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, text in files:
        lines = list_code(text)
        for at in range(len(lines) - LINES_IN_A_ROW + 1):
            run = tuple(line for _, line in lines[at : at + LINES_IN_A_ROW])
            places[run].append(f"{name}:{lines[at][0]}")
    return [" = ".join(where) for where in places.values() if len(where) > 1]


def test_no_six_lines_of_code_stand_twice_in_the_command_line() -> None:
    files = [(str(path), text) for path, text in modules("cli")]
    assert find_repetitions(files) == []


def test_repeated_lines_are_noticed() -> None:
    lines = "\n".join(f"    step({number})" for number in range(LINES_IN_A_ROW))
    one, two = f"def a():\n{lines}\n", f'def b(x):\n    """Say."""\n{lines}\n    more()\n'
    assert find_repetitions([("one", one), ("two", two)]) == ["one:2 = two:3"]
    assert find_repetitions([("one", one), ("two", two.replace("step(3)", "stop(3)"))]) == []


def test_no_command_does_more_than_a_screen_shows() -> None:
    named = {(f"{one.__module__.rpartition('.')[2]}.py", one.__name__) for one in list_commands()}
    lengths = {
        (path.name, function.name): count_lines_of_body(function)
        for path, text in modules("cli")
        for function in functions(text)
        if (path.name, function.name) in named
    }
    assert set(lengths) == named
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_COMMAND} == {}


def test_only_commands_and_their_functions_have_long_lists_of_arguments() -> None:
    names = {"cli": {function.__name__ for function in list_commands()}}
    names["proteomr"] = {case.function.rpartition(".")[2] for case in CASES}
    names["proteomr"].add("of")  # of a request: what its command is asked, from paths or frames
    long = {
        f"{path}:{function.name}": count
        for path, text in modules("proteomr", "cli")
        for function in functions(text)
        if (count := count_arguments(function)) > MOST_ARGUMENTS
        and function.name not in names[path.parts[0]]
    }
    assert long == {}
