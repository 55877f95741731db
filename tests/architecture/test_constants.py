"""Every numeric constant of a module of mathematics stands beside its reason."""

from __future__ import annotations

import ast
import tokenize
from itertools import zip_longest
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "proteomr"
ROOMS = ("stats", "models", "mr", "scan")
FILES = sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))


def numbers_in(value: ast.expr) -> bool:
    return any(
        isinstance(node, ast.Constant)
        and isinstance(node.value, int | float)
        and not isinstance(node.value, bool)
        for node in ast.walk(value)
    )


def list_constants(tree: ast.Module) -> list[tuple[int, int, str, bool]]:
    """Return first and last line, name, and whether a text follows, of numeric constants."""
    found = []
    for statement, after in zip_longest(tree.body, tree.body[1:]):
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        else:
            continue
        names = [
            node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)
        ]
        if not all(name.strip("_").isupper() for name in names) or not numbers_in(value):
            continue
        told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        found.append((statement.lineno, statement.end_lineno or 0, names[0], told))
    return found


def commented_lines(file: Path) -> tuple[set[int], set[int]]:
    """Return the lines that hold a comment, and those that hold nothing else."""
    with file.open("rb") as source:
        comments = [t for t in tokenize.tokenize(source.readline) if t.type == tokenize.COMMENT]
    alone = {token.start[0] for token in comments if token.line.lstrip().startswith("#")}
    return {token.start[0] for token in comments}, alone


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_numeric_constant_has_its_reason(file: Path) -> None:
    comments, alone = commented_lines(file)
    silent = [
        f"{file.name}:{first} {name}"
        for first, last, name, told in list_constants(ast.parse(file.read_text("utf-8")))
        if not (told or first - 1 in alone or comments & set(range(first, last + 1)))
    ]
    assert not silent
