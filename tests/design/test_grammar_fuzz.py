"""Any text is either a formula or a FormulaError, and reading it runs nothing."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import proteomr.design
from proteomr.design import build, parse
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


@settings(max_examples=600, deadline=None)
@given(_texts)
def test_any_text_parses_to_a_stable_formula_or_raises_formula_error(text: str) -> None:
    try:
        formula = parse(text)
    except FormulaError as error:
        assert str(error).isprintable()
        return
    assert str(formula).isprintable()
    assert parse(str(formula)) == formula


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(_PIECES[:19] + ["+", ":", "*"] * 6), max_size=9).map("".join))
def test_any_formula_over_a_table_builds_or_raises_an_error_of_the_house(text: str) -> None:
    try:
        design = build(parse(text), _FRAME)
    except ProteomrError as error:
        assert str(error).isprintable()
        return
    assert design.matrix.shape == (_FRAME.height, len(design.names))
    assert len(set(design.names)) == len(design.names) == len(design.terms)


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=20))
def test_any_printable_column_name_can_be_quoted(name: str) -> None:
    text = '"' + name.replace('"', '""') + '"'
    try:
        formula = parse(text)
    except FormulaError as error:
        assert "is not allowed in a name" in str(error)
        return
    assert formula.variables == (name,)
    assert parse(str(formula)).variables == (name,)


_WATCHED = {"compile", "exec", "import", "open", "os.system", "subprocess.Popen"}
_SEEN: list[str] = []
_WATCH = {"on": False}


def _audit(event: str, _: tuple[object, ...]) -> None:
    if _WATCH["on"] and event in _WATCHED:
        _SEEN.append(event)


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "open('x', 'w')", "a + eval('1')", "exec", "'open(1)'", "a:`import os`"],
)
def test_reading_a_formula_compiles_imports_and_opens_nothing(text: str) -> None:
    if not _SEEN and not _WATCH.get("installed"):
        sys.addaudithook(_audit)
        _WATCH["installed"] = True
    _WATCH["on"] = True
    try:
        parse(text).resolve(["a"])
    except FormulaError:
        refused = True
    else:
        refused = False
    finally:
        _WATCH["on"] = False
    assert refused
    assert _SEEN == []


def test_the_watch_on_imports_sees_a_compilation() -> None:
    if not _WATCH.get("installed"):
        sys.addaudithook(_audit)
        _WATCH["installed"] = True
    _WATCH["on"] = True
    compile("1", "text", "eval")
    _WATCH["on"] = False
    assert _SEEN.count("compile") == 1
    _SEEN.clear()


def test_the_package_calls_nothing_that_evaluates_text() -> None:
    forbidden = {"eval", "exec", "compile", "getattr", "setattr", "__import__", "importlib"}
    named = set()
    for path in Path(proteomr.design.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "isinstance" in named
    assert not named & forbidden
