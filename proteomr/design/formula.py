"""What a formula says once it is read: terms made of parts, their columns, and their union."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from proteomr.design.tokens import Source, quote
from proteomr.errors import nearest

__all__ = ["MAX_TERMS", "Formula", "Function", "Part", "Step", "Term", "union", "unique_terms"]

Function = Literal["log", "log2", "scale", "power", "poly", "ns", "bs"]

MAX_TERMS: Final = 10_000
_DOUBLED: Final = ('"', '""')
_NOWHERE: Final = Source("", 0)
_NUMBERED: Final = re.compile(r"(.*?)([0-9]{1,18})", re.DOTALL)
_TOO_LONG: Final = re.compile(r"[0-9]{19,}$")


@dataclass(frozen=True, slots=True)
class Step:
    """One transformation of a numeric column.

    Parameters
    ----------
    function : what is done.
    number : the power, the degree of ``poly``, or the degrees of freedom of ``ns`` and ``bs``.
    degree : of the pieces of ``bs``.
    """

    function: Function
    number: int = 0
    degree: int = 3

    def write(self, argument: str) -> str:
        """Return the step as text, applied to an argument."""
        if self.function == "power":
            return f"{argument}^{self.number}"
        numbers = [self.number] if self.function in {"poly", "ns", "bs"} else []
        if self.function == "bs" and self.degree != 3:
            numbers.append(self.degree)
        return f"{self.function}({', '.join([argument, *map(str, numbers)])})"


@dataclass(frozen=True, slots=True)
class Part:
    """One column, or a range of numbered columns, and what is done with it.

    Parameters
    ----------
    column : its name; the first name of a range.
    last : the last name of a range.
    steps : transformations, innermost first.
    categorical : coded as a factor (``C()``).
    reference : the reference level asked for.
    source : where the name was written; two parts that differ only in this are equal.
    """

    column: str
    last: str | None = None
    steps: tuple[Step, ...] = ()
    categorical: bool = False
    reference: str | None = None
    source: Source = field(default=_NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        text = quote(self.column)
        if self.last is not None:
            text = f"{text}..{quote(self.last)}"
        if self.categorical:
            level = "" if self.reference is None else f', ref="{self.reference.replace(*_DOUBLED)}"'
            return f"C({text}{level})"
        for step in self.steps:
            text = step.write(text)
        return text

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the part names, a range written out.

        Raises
        ------
        FormulaError
            A range whose ends do not share a prefix, or that is empty.
        """
        if self.last is None:
            return (self.column,)
        return _expand_range(self.column, self.last, source=self.source)

    def spread(self) -> tuple[Part, ...]:
        """Return one part for each column."""
        if self.last is None:
            return (self,)
        return tuple(replace(self, column=name, last=None) for name in self.columns)


@dataclass(frozen=True, slots=True)
class Term:
    """A main effect (one part) or an interaction (several)."""

    parts: tuple[Part, ...]

    def __str__(self) -> str:
        return ":".join(map(str, self.parts))

    @property
    def key(self) -> frozenset[Part]:
        """What makes two terms the same: their parts in any order."""
        return frozenset(self.parts)

    def spread(self) -> tuple[Term, ...]:
        """Return one term for each combination of the columns of its ranges."""
        spread = [part.spread() for part in self.parts]
        if math.prod(map(len, spread)) > MAX_TERMS:
            message = f"the ranges of {str(self)!r} make more than {MAX_TERMS} terms"
            raise self.parts[0].source.error(message)
        return tuple(Term(tuple(dict.fromkeys(parts))) for parts in itertools.product(*spread))


@dataclass(frozen=True, slots=True)
class Formula:
    """The right-hand side of a model: an intercept and terms.

    Parameters
    ----------
    terms : each once, in order of first appearance; none for the intercept alone.
    members : the formulas that a union is made of.
    labels : the names of earlier formulas used in this one, and where.
    """

    terms: tuple[Term, ...]
    members: tuple[Formula, ...] = ()
    labels: tuple[tuple[str, Source], ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        return " + ".join(map(str, self.terms)) or "1"

    @property
    def variables(self) -> tuple[str, ...]:
        """The columns needed, each once, ranges written out."""
        parts = (part for term in self.terms for part in term.parts)
        return tuple(dict.fromkeys(name for part in parts for name in part.columns))

    def resolve(self, columns: Sequence[str]) -> Formula:
        """Return the formula with ranges written out and every name checked against the columns.

        Parameters
        ----------
        columns : the names that the table has.

        Raises
        ------
        FormulaError
            A name that is not a column (with the nearest ones), or a label that is also a column.

        Examples
        --------
        >>> from proteomr.design import parse
        >>> str(parse("age + PC1..PC3").resolve(["age", "PC1", "PC2", "PC3"]))
        'age + PC1 + PC2 + PC3'
        """
        names = set(columns)
        for label, source in self.labels:
            if label in names:
                message = (
                    f"{label!r} is both the label of an earlier formula and a column: "
                    "rename the label, or quote the name for the column"
                )
                raise source.error(message)
        spread = unique_terms(single for term in self.terms for single in term.spread())
        for part in (part for term in spread for part in term.parts):
            if part.column not in names:
                hint = nearest(part.column, names) or f" among the {len(names)} of the table"
                if part.column[-1:].isdigit() and f"{part.column}:" in part.source.text:
                    hint += "; a range of columns is written PC1..PC10"
                raise part.source.error(f"no column {part.column!r}{hint}")
        members = tuple(member.resolve(columns) for member in self.members)
        return Formula(spread, members, self.labels)


def union(formulas: Iterable[Formula]) -> Formula:
    """Return the formula of all terms of several, so that one matrix holds the columns of each.

    Where two formulas code the same interaction differently (one holds its main effects, the other
    does not), the matrix of the union holds the columns of both codings and may be short of rank;
    `columns_of` gives the positions of each formula alone.

    Parameters
    ----------
    formulas : in the order wanted: the columns of the first formula come first.

    Examples
    --------
    >>> from proteomr.design import parse
    >>> str(union([parse("age + sex"), parse("sex + bmi")]))
    'age + sex + bmi'
    """
    members = tuple(
        dict.fromkeys(member for formula in formulas for member in formula.members or (formula,))
    )
    if len(members) == 1:
        return members[0]
    terms = unique_terms(term for member in members for term in member.terms)
    return Formula(terms, members, tuple(label for member in members for label in member.labels))


def unique_terms(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Return each term once, in order of first appearance; ``a:b`` and ``b:a`` are one term.

    >>> a, b = Part("a"), Part("b")
    >>> [str(term) for term in unique_terms([Term((a, b)), Term((b, a))])]
    ['a:b']
    """
    first: dict[frozenset[Part], Term] = {}
    for term in terms:
        first.setdefault(term.key, term)
    return tuple(first.values())


def _expand_range(first: str, last: str, *, source: Source) -> tuple[str, ...]:
    low, high = _NUMBERED.fullmatch(first), _NUMBERED.fullmatch(last)
    shown = f"range {f'{quote(first)}..{quote(last)}'!r}"
    if low is None or high is None or low[1] != high[1]:
        message = f"{shown} needs one prefix and a number at both ends, such as PC1..PC20"
        if _TOO_LONG.search(first) or _TOO_LONG.search(last):
            message = f"{shown} has a number of more digits than columns are counted by"
        raise source.error(message)
    start, stop = int(low[2]), int(high[2])
    if start > stop:
        raise source.error(f"{shown} is empty: the first number is above the last")
    if stop - start >= MAX_TERMS:
        raise source.error(f"{shown} has more than {MAX_TERMS} columns")
    padded = any(len(digits) > 1 and digits.startswith("0") for digits in (low[2], high[2]))
    if padded and len(low[2]) != len(high[2]):
        raise source.error(f"{shown} has numbers padded to different widths")
    width = len(low[2]) if padded else 0
    return tuple(f"{low[1]}{number:0{width}d}" for number in range(start, stop + 1))
