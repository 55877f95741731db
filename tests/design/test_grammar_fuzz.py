"""Any text is either a formula or a FormulaError, and reading it runs nothing."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import proteomr.design
from proteomr.design import Design, Formula, build, parse
from proteomr.errors import FormulaError, ProteomrError

_FRAME = pl.DataFrame(
    {
        "a": [1.0, 2.5, 3.0, 4.5, 7.0, 6.0],
        "b": [2, 1, 2, 1, 1, 2],
        "x y": ["u", "v", "u", "w", "v", "w"],
        "PC1": [0.1, -0.2, 0.3, 0.0, 0.5, -0.4],
        "PC2": [1.1, 0.2, -0.3, 0.4, 0.6, -0.9],
    }
)
_PIECES = [
    *("a", "b", "'x y'", "PC1", "PC1..PC2", "C(b)", "C(b, ref=2)", "1", "0", "2", "poly(a, 2)"),
    *("ns(a, 2)", "bs(a, 3)", "log(a)", "scale(a)", "a^2", "log(", "C(", "ns(", "ref", "=", "df"),
    *("+", "+", "+", ":", ":", "*", "(", ")", ",", "^", "..", "-", "~", "'", '"', "`", " ", "\n"),
    *("__class__", ".", "lambda", "[", "{", "\0", "é", "e\u0301", "²", "٣", "eval(", "open("),
]
_texts = st.one_of(
    st.text(max_size=60), st.lists(st.sampled_from(_PIECES), max_size=14).map("".join)
)


def _is_one_line(text: str) -> bool:
    return len(text.splitlines()) == 1 and bool(text.encode("utf-8"))


def _parse_or_refuse(text: str) -> Formula | FormulaError:
    try:
        return parse(text)
    except FormulaError as error:
        return error


def _build_or_refuse(text: str) -> Design | ProteomrError:
    try:
        return build(parse(text), _FRAME)
    except ProteomrError as error:
        return error


@settings(max_examples=600, deadline=None)
@given(_texts)
def test_any_text_parses_to_a_stable_formula_or_raises_formula_error(text: str) -> None:
    result = _parse_or_refuse(text)
    assert _is_one_line(str(result))
    if isinstance(result, Formula):
        assert parse(str(result)) == result


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(_PIECES[:19] + ["+", ":", "*"] * 6), max_size=9).map("".join))
def test_any_formula_over_a_table_builds_or_raises_an_error_of_the_house(text: str) -> None:
    result = _build_or_refuse(text)
    if isinstance(result, Design):
        assert result.matrix.shape == (_FRAME.height, len(result.names))
        assert len(set(result.names)) == len(result.names) == len(result.terms)
    else:
        assert _is_one_line(str(result))


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=20))
def test_any_name_without_control_characters_can_be_quoted(name: str) -> None:
    result = _parse_or_refuse('"' + name.replace('"', '""') + '"')
    if isinstance(result, Formula):
        assert result.variables == parse(str(result)).variables == (name,)
    else:
        assert "is not allowed in a name" in str(result)


@pytest.fixture(scope="module")
def audit() -> Callable[[Callable[[], object]], list[str]]:
    """Run something and return the events of compiling, importing and opening that it caused."""
    seen: list[str] = []
    watching = False

    def hook(event: str, _: tuple[object, ...]) -> None:
        if watching and event in {"compile", "exec", "import", "open", "os.system"}:
            seen.append(event)

    def run(work: Callable[[], object]) -> list[str]:
        nonlocal watching
        seen.clear()
        watching = True
        try:
            work()
        finally:
            watching = False
        return list(seen)

    sys.addaudithook(hook)
    return run


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "open('x', 'w')", "a + eval('1')", "exec", "'open(1)'", "a:`import os`"],
)
def test_reading_a_formula_compiles_imports_and_opens_nothing(
    audit: Callable[[Callable[[], object]], list[str]], text: str
) -> None:
    assert audit(lambda: _build_or_refuse(text)) == []
    assert isinstance(_build_or_refuse(text), FormulaError)


def test_the_audit_sees_a_compilation(
    audit: Callable[[Callable[[], object]], list[str]],
) -> None:
    assert "compile" in audit(lambda: compile("1", "text", "eval"))


def test_the_package_calls_nothing_that_evaluates_text() -> None:
    forbidden = {"eval", "exec", "compile", "getattr", "setattr", "__import__", "importlib"}
    named = set()
    for path in Path(proteomr.design.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "isinstance" in named
    assert not named & forbidden
