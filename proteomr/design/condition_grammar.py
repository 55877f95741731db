"""Reading the text of a condition on people: a closed grammar, of which nothing is evaluated.

::

    condition  = either
    either     = both { "or" both }
    both       = single { "and" single }
    single     = "not" single | "(" either ")" | comparison
    comparison = operand ("==" | "!=" | "<" | "<=" | ">" | ">=") operand
               | column ["not"] "in" "(" value { "," value } ")"
               | column                                        of true and false
    operand    = column | value
    value      = number | text in single or double quotes | "true" | "false"
    column     = letters, digits, "_" and inner dots | any text in back quotes

A quotation is a column where nothing else can be one: to the left of ``in``, and to the left of a
number or of another quotation. Inside quotes the mark is doubled to stand for itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

from proteomr.design.tokens import (
    MAX_TEXT,
    QUOTES,
    Source,
    Token,
    describe_mark,
    end_of_name,
    read_quoted,
)
from proteomr.errors import FormulaError

__all__ = [
    "Among",
    "Both",
    "Column",
    "Compared",
    "Constant",
    "Either",
    "Negated",
    "Node",
    "Operator",
    "parse_nodes",
]

Operator: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]

_OPERATORS: Final = ("==", "!=", "<=", ">=", "<", ">")
_WORDS: Final = ("and", "or", "not", "in")
_TRUTH: Final = {"true": True, "false": False}
_ABSENT: Final = ("na", "nan", "null", "none")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_LONGEST_WHOLE: Final = 15  # digits: every such number is a double
_MAX_DEPTH: Final = 20
_HINTS: Final = {
    "=": "write == for equal, >= for at least",
    "≥": "write >=",
    "≤": "write <=",
    "≠": "write !=",
    "&": "write and",
    "|": "write or",
    "!": "write not, or != for unequal",
    "~": "write not",
    "%": "write in ('a', 'b')",
    "[": "write in ('a', 'b')",
    "+": "nothing is computed: make the column beforehand",
    "*": "nothing is computed: make the column beforehand",
    "-": "a column whose name has a dash stands in back quotes",
    "/": "a column whose name has a slash stands in back quotes",
    ".": "a column whose name starts or ends with a dot stands in back quotes",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column, and where it stands; quoted where another quotation made it one."""

    name: str
    source: Source


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a text or a truth value, and where it stands."""

    value: float | str | bool
    source: Source


@dataclass(frozen=True, slots=True)
class Compared:
    """Two operands, of which one at least is a column."""

    left: Column | Constant
    operator: Operator
    right: Column | Constant


@dataclass(frozen=True, slots=True)
class Among:
    """Whether a column is one of some values; without any, whether it is true."""

    column: Column
    values: tuple[Constant, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    """The opposite of a part."""

    part: Node


@dataclass(frozen=True, slots=True)
class Both:
    """Parts that all hold."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Parts of which one holds."""

    parts: tuple[Node, ...]


Node: TypeAlias = "Compared | Among | Negated | Both | Either"


def parse_nodes(text: str, *, what: str) -> Node:
    """Return what a text says, as parts of parts.

    Parameters
    ----------
    what : of the text, for messages.

    Raises
    ------
    FormulaError
        Anything that the grammar does not allow, with the character where it was found.

    Examples
    --------
    >>> parse_nodes("age >= 60", what="condition").operator
    '>='
    """
    return _Parser(text, what).condition()


def _scan(text: str, what: str) -> tuple[Token, ...]:
    """Return the marks of a condition, closed by one of kind ``end``."""
    if len(text) > MAX_TEXT:
        raise Source(text, 0, what).error(f"the text has more than {MAX_TEXT} characters")
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if text[at] in " \t\r\n":
            at += 1
            continue
        token, at = _next_token(Source(text, at, what))
        tokens.append(token)
    return (*tokens, Token("end", "", len(text)))


def _next_token(where: Source) -> tuple[Token, int]:
    text, at = where.text, where.position
    mark = text[at]
    if mark in QUOTES:
        value, end = read_quoted(where)
        return Token("name" if mark == "`" else "quoted", value, at), end
    symbol = next((s for s in (*_OPERATORS, "(", ")", ",") if text.startswith(s, at)), None)
    if symbol is not None:
        return Token("symbol", symbol, at), at + len(symbol)
    number = _NUMBER.match(text, at)
    if number is not None:
        after = text[number.end() : number.end() + 1]
        if after == "_" or after.isalnum():
            raise where.error("a column whose name starts with a digit stands in back quotes")
        return Token("number", number[0], at), number.end()
    end = end_of_name(text, at)
    if end == at:
        hint = _HINTS.get(mark, "a column of such a name stands in back quotes")
        raise where.error(f"{describe_mark(mark)} is not in the grammar ({hint})")
    word = text[at:end]
    is_word = word in _WORDS or (word.isupper() and word.lower() in _WORDS)
    return Token("symbol", word.lower(), at) if is_word else Token("name", word, at), end


class _Parser:
    """Recursive descent over the marks of one text."""

    def __init__(self, text: str, what: str) -> None:
        self._text = text
        self._what = what
        self._tokens = _scan(text, what)
        self._at = 0
        self._depth = 0

    def condition(self) -> Node:
        if self._ends():
            raise self._error("it is empty (write, for one, age >= 60)")
        node = self._either()
        if not self._ends():
            raise self._error(f"found {self._shown()} where and, or, or the end was needed")
        return node

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _source(self, token: Token) -> Source:
        return Source(self._text, token.position, self._what)

    def _error(self, message: str, token: Token | None = None) -> FormulaError:
        return self._source(token or self._token).error(message)

    def _shown(self) -> str:
        return "the end" if self._ends() else repr(self._token.value)

    def _ends(self) -> bool:
        return self._token.kind == "end"

    def _take(self) -> Token:
        token = self._token
        self._at += 1
        return token

    def _is(self, *symbols: str) -> bool:
        return self._token.kind == "symbol" and self._token.value in symbols

    def _expect(self, symbol: str) -> None:
        if not self._is(symbol):
            raise self._error(f"found {self._shown()} where {symbol!r} was needed")
        self._take()

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._error(f"parts are nested more than {_MAX_DEPTH} deep")

    def _either(self) -> Node:
        parts = [self._both()]
        while self._is("or"):
            self._take()
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self) -> Node:
        parts = [self._single()]
        while self._is("and"):
            self._take()
            parts.append(self._single())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _single(self) -> Node:
        if not self._is("not", "("):
            return self._comparison()
        self._deeper()
        negated = self._take().value == "not"
        node: Node
        if negated:
            node = Negated(self._single())
        else:
            node = self._either()
            self._expect(")")
        self._depth -= 1
        return node

    def _comparison(self) -> Node:
        first = self._operand()
        if self._is("in", "not"):
            return self._membership(first)
        if not self._is(*_OPERATORS):
            return self._truth(first)
        operator = cast("Operator", self._take().value)
        second = self._operand()
        if self._is(*_OPERATORS):
            raise self._error("two comparisons in one: write 40 <= age and age < 60")
        left, right = self._read(first), self._read(second)
        if isinstance(left, Constant) and isinstance(right, Constant):
            if first.kind != "quoted" or second.kind == "name":
                raise self._error("a column is needed on one side", first)
            left = Column(first.value, self._source(first))
        return Compared(left, operator, right)

    def _membership(self, first: Token) -> Node:
        negated = self._take().value == "not"
        if negated:
            self._expect("in")
        column = self._column(first)
        if not self._is("("):
            raise self._error(f"found {self._shown()} where the values were needed: in ('a', 'b')")
        self._take()
        values = [self._value()]
        while self._is(","):
            self._take()
            values.append(self._value())
        self._expect(")")
        node = Among(column, tuple(values))
        return Negated(node) if negated else node

    def _truth(self, first: Token) -> Node:
        ends = self._token.kind in {"end", "symbol"} and not self._is("(", ",")
        if ends and first.kind == "name" and isinstance(self._read(first), Column):
            return Among(self._column(first), ())
        raise self._error(f"found {self._shown()} where a comparison was needed, such as ==")

    def _operand(self) -> Token:
        if self._token.kind not in {"name", "quoted", "number"}:
            raise self._error(f"found {self._shown()} where a column or a value was needed")
        return self._take()

    def _value(self) -> Constant:
        token = self._operand()
        value = self._read(token)
        if isinstance(value, Column):
            raise self._error(
                f"{token.value!r} is no value: text stands in quotes, '{token.value}'", token
            )
        return value

    def _column(self, token: Token) -> Column:
        column = self._read(token)
        if isinstance(column, Constant):
            if token.kind != "quoted":
                raise self._error(f"found {token.value!r} where a column was needed", token)
            return Column(token.value, self._source(token))
        return column

    def _read(self, token: Token) -> Column | Constant:
        source = self._source(token)
        bare = token.kind == "name" and self._text[token.position] != "`"
        if token.kind == "quoted":
            return Constant(token.value, source)
        if token.kind == "number":
            whole = token.value.lstrip("+-").isdigit() and len(token.value) <= _LONGEST_WHOLE
            return Constant(int(token.value) if whole else float(token.value), source)
        if bare and token.value.lower() in _ABSENT:
            raise self._error(
                f"{token.value} is no value: who lacks one is left out by any comparison", token
            )
        if bare and token.value.lower() in _TRUTH:
            return Constant(_TRUTH[token.value.lower()], source)
        return Column(token.value, source)
