"""The marks of a formula: names, numbers, quoted names, symbols, and where each one stands.

Conditions (:mod:`proteomr.design.condition_grammar`) have names and quotations in common with it.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from proteomr.errors import FormulaError

__all__ = [
    "MAX_TEXT",
    "QUOTES",
    "Source",
    "Token",
    "describe_mark",
    "end_of_name",
    "quote",
    "read_quoted",
    "scan",
]

Kind = Literal["name", "quoted", "number", "symbol", "end"]

MAX_TEXT: Final = 100_000
MAX_NAME: Final = 500
MAX_DIGITS: Final = 15
_EXCERPT: Final = 60
QUOTES: Final = "\"'`"
_SYMBOLS: Final = "+:*(),=^"
_HINTS: Final = {
    "-": "terms are not removed with '-' and there is always an intercept; a range is written "
    "PC1..PC10; a name with a dash must be quoted",
    "~": "only the right-hand side is written, such as age + sex",
    "/": "write a + a:b; a name with a slash must be quoted",
    "%": "write a:b for an interaction; a name with a per cent sign must be quoted",
    ";": "write + between terms",
    "&": "write + between terms; a:b for an interaction",
    "|": "random effects and groups have options of their own",
    ".": "a name that starts or ends with a dot must be quoted",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A place in the text of a formula.

    Parameters
    ----------
    text : the formula as it was written.
    position : zero-based character.
    what : of what the text is.
    """

    text: str
    position: int
    what: str = "formula"

    def error(self, message: str) -> FormulaError:
        """Return the error that quotes the text and this place in it."""
        start = max(0, min(self.position - _EXCERPT // 2, len(self.text) - _EXCERPT))
        end = min(len(self.text), start + _EXCERPT)
        before, after = "..." if start else "", "..." if end < len(self.text) else ""
        shown = f"{before}{self.text[start:end]!r}{after}"
        return FormulaError(f"{self.what} {shown}, character {self.position + 1}: {message}")


@dataclass(frozen=True, slots=True)
class Token:
    """One mark: its kind, what it says (quotes taken off), and where it starts."""

    kind: Kind
    value: str
    position: int


def quote(name: str) -> str:
    """Return a name as a formula writes it: bare where that reads back as the same, else quoted.

    >>> quote("age"), quote("BMI (kg/m2)"), quote("Wert.1")
    ('age', '"BMI (kg/m2)"', 'Wert.1')
    """
    if name and end_of_name(name, 0) == len(name) and _fault_of_bare_name(name) is None:
        return name
    mark = next((mark for mark in QUOTES if mark not in name), QUOTES[0])
    return f"{mark}{name.replace(mark, mark * 2)}{mark}"


def scan(text: str) -> tuple[Token, ...]:
    """Return the marks of a formula, closed by one of kind ``end``.

    Raises
    ------
    FormulaError
        A character that the grammar does not know, an open quotation, or a name not allowed.

    Examples
    --------
    >>> [token.value for token in scan("age + PC1..PC3")]
    ['age', '+', 'PC1', '..', 'PC3', '']
    """
    if len(text) > MAX_TEXT:
        message = f"the text has {len(text)} characters, at most {MAX_TEXT} are allowed"
        raise Source(text, 0).error(message)
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        if text[position] in " \t":
            position += 1
            continue
        token, position = _next_token(text, position)
        tokens.append(token)
    return (*tokens, Token("end", "", len(text)))


def _next_token(text: str, start: int) -> tuple[Token, int]:
    mark = text[start]
    if mark in QUOTES:
        value, end = read_quoted(Source(text, start))
        return Token("quoted", value, start), end
    if mark in "0123456789":
        return _number(text, start)
    if text.startswith("..", start):
        return Token("symbol", "..", start), start + 2
    if mark in _SYMBOLS:
        return Token("symbol", mark, start), start + 1
    end = end_of_name(text, start)
    if end == start:
        hint = _HINTS.get(mark, "quote the name if it is part of one")
        raise Source(text, start).error(f"{describe_mark(mark)} is not in the grammar ({hint})")
    fault = _fault_of_bare_name(text[start:end])
    if fault is not None:
        raise Source(text, start).error(fault)
    return Token("name", text[start:end], start), end


def read_quoted(where: Source) -> tuple[str, int]:
    """Return what stands in a quotation, and where the text goes on behind it.

    Parameters
    ----------
    where : the opening mark, which stands for itself where it is doubled.

    Raises
    ------
    FormulaError
        The quotation is open, empty, too long, or holds what no name may hold.

    Examples
    --------
    >>> read_quoted(Source("'BMI (kg/m2)' > 25", 0))
    ('BMI (kg/m2)', 13)
    """
    text, start = where.text, where.position
    mark = text[start]
    pieces: list[str] = []
    position = start + 1
    while True:
        end = text.find(mark, position)
        if end < 0:
            raise where.error(f"the quotation opened by {mark} is not closed")
        pieces.append(text[position:end])
        if not text.startswith(mark, end + 1):
            break
        position = end + 2  # a doubled mark stands for itself
    name = mark.join(pieces)
    if not name:
        raise where.error("an empty quotation is not a name")
    if len(name) > MAX_NAME:
        raise where.error(f"a name has {len(name)} characters, at most {MAX_NAME} are allowed")
    for character in name:
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
            raise where.error(f"{describe_mark(character)} is not allowed in a name")
    return name, end + 1


def _number(text: str, start: int) -> tuple[Token, int]:
    end = start
    while end < len(text) and text[end] in "0123456789":
        end += 1
    if end < len(text) and (text[end] == "_" or text[end].isalnum()):
        raise Source(text, start).error("a name that starts with a digit must be quoted")
    if end - start > MAX_DIGITS:
        raise Source(text, start).error(f"a number has more than {MAX_DIGITS} digits")
    return Token("number", text[start:end], start), end


def _continues_name(character: str) -> bool:
    return character == "_" or character.isalnum() or unicodedata.category(character)[0] == "M"


def end_of_name(text: str, start: int) -> int:
    """Return where a bare name ends: letters, digits, ``_``, and single dots inside it.

    >>> end_of_name("PC1 + age", 0)
    3
    """
    if not (text[start] == "_" or text[start].isalpha()):
        return start
    end = start + 1
    while end < len(text):
        dotted = text[end] == "." and end + 1 < len(text)
        if dotted and _continues_name(text[end + 1]):
            end += 2
        elif _continues_name(text[end]):
            end += 1
        else:
            break
    return end


def _fault_of_bare_name(name: str) -> str | None:
    """Return why a bare name is refused, or None; a quoted column of that name stays possible."""
    if len(name) > MAX_NAME:
        return f"a name has {len(name)} characters, at most {MAX_NAME} are allowed"
    dunder = any(piece.startswith("__") and piece.endswith("__") for piece in name.split("."))
    # `lambda: x` is the one Python expression that would otherwise read as an interaction
    if dunder or name == "lambda":
        return f"{name!r} is not a bare name (a column of this name must be quoted)"
    return None


def describe_mark(character: str) -> str:
    """Return a character as messages show it.

    >>> describe_mark("%"), describe_mark("\u2265")
    ("'%'", "'≥' (U+2265)")
    """
    return f"{character!r} (U+{ord(character):04X})" if not character.isascii() else repr(character)
