"""Conditions on people, such as ``age >= 60 and smoking in ('never', 'former')``.

A comparison with a missing value is neither true nor false, and neither is its opposite: ``and``,
``or`` and ``not`` are those of three values (Kleene), as in SQL. Who is kept is whom a condition is
true of. Blank text and NaN are missing.
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import polars as pl

from proteomr.design.condition_grammar import (
    Among,
    Both,
    Column,
    Compared,
    Constant,
    Either,
    Negated,
    Node,
    parse_nodes,
)
from proteomr.errors import ColumnError, FormulaError, nearest

__all__ = ["Condition", "parse_condition"]

_Kind: TypeAlias = Literal["numbers", "text", "true and false", "dates"]

_COMPARE: Final[Mapping[str, Callable[[Any, Any], pl.Expr]]] = MappingProxyType(
    {
        "==": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
    }
)
_MIRRORED: Final = MappingProxyType({"<": ">", "<=": ">=", ">": "<", ">=": "<="})
_FEW_LEVELS: Final = 50  # more may be identifiers of people, which no message may carry
_DAY: Final = "%Y-%m-%d"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on the rows of a table of people, parsed.

    Attributes
    ----------
    text : as it was written.
    node : what it says.

    Examples
    --------
    >>> people = pl.DataFrame({"age": [50, 61, None], "sex": ["F", "M", "F"]})
    >>> parse_condition("age >= 60").judge(people).to_list()
    [False, True, None]
    >>> parse_condition("age >= 60 or sex == 'F'").judge(people).to_list()
    [True, True, True]
    """

    text: str
    node: Node

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that it asks for, each once."""
        return tuple(dict.fromkeys(column.name for column in _columns_in(self.node)))

    def judge(
        self,
        people: pl.DataFrame,
        *,
        identifiers: Collection[str] = (),
        among: str = "samples",
    ) -> pl.Series:
        """Return of each row whether it is true: true, false, or missing.

        Parameters
        ----------
        people : a row for each person.
        identifiers : columns that name the people, of which nothing can be asked.
        among : what the rows are, for messages.

        Raises
        ------
        ColumnError
            A column is not there, names the people, or is of a type that nothing is compared with.
        FormulaError
            Text is compared with numbers, or the like.
        """
        for column in _columns_in(self.node):
            if column.name in identifiers:
                raise ColumnError(
                    f"{column.name!r} names the people: choose people by a list, --keep FILE or "
                    "--remove FILE"
                )
            if column.name not in people.columns:
                raise self._miss(column, people, among)
        return people.select(_Meaning(people).of(self.node).alias("holds"))["holds"]

    def with_words(self, columns: Collection[str]) -> Condition:
        """Return the condition with words that are compared with a column, and are none, as text.

        Parameters
        ----------
        columns : that there are.

        Examples
        --------
        >>> condition = parse_condition("adjustment == full").with_words(["adjustment"])
        >>> condition.judge(pl.DataFrame({"adjustment": ["full", "simple"]})).to_list()
        [True, False]
        """
        return replace(self, node=_read_words(self.node, columns))

    def find_unmatched(self, people: pl.DataFrame) -> tuple[str, ...]:
        """Say which texts of the condition are the value of nobody, in sentences."""
        said = []
        for column, text in _texts_in(self.node):
            if column.name not in people.columns or _kind_of(people[column.name]) != "text":
                continue
            levels = _tidy(people[column.name]).drop_nulls().unique()
            if text not in levels:
                few = levels.len() <= _FEW_LEVELS
                hint = nearest(text, levels.to_list()) if few else ""
                said.append(f"nobody's {column.name} is {text!r}{hint}")
        return tuple(dict.fromkeys(said))

    def _miss(self, column: Column, people: pl.DataFrame, among: str) -> ColumnError:
        hint = nearest(column.name, people.columns)
        if any(_is_beside(node, column) for node in _parts_of(self.node)):
            hint = f"; text stands in quotes: '{column.name}'"
        return ColumnError(f"no column {column.name!r} in the {among}{hint}")


def parse_condition(text: str, *, what: str = "condition") -> Condition:
    """Return the condition that a text says; see `proteomr.design.condition_grammar`.

    Parameters
    ----------
    what : of the text, for messages.

    Raises
    ------
    FormulaError
        Anything that the grammar does not allow, with the character where it was found.

    Examples
    --------
    >>> parse_condition("age > 40 and not `BMI (kg/m2)` >= 30").columns
    ('age', 'BMI (kg/m2)')
    """
    return Condition(text.strip(), parse_nodes(text, what=what))


class _Meaning:
    """Conditions as expressions on the columns of a table."""

    def __init__(self, people: pl.DataFrame) -> None:
        self._people = people

    def of(self, node: Node) -> pl.Expr:
        if isinstance(node, Both):
            return pl.all_horizontal([self.of(part) for part in node.parts])
        if isinstance(node, Either):
            return pl.any_horizontal([self.of(part) for part in node.parts])
        if isinstance(node, Negated):
            return ~self.of(node.part)
        if isinstance(node, Among):
            return self._among(node)
        return self._compared(node)

    def _among(self, node: Among) -> pl.Expr:
        if node.values:
            return pl.any_horizontal(
                [self._against(node.column, "==", value) for value in node.values]
            )
        kind = self._kind(node.column)
        if kind != "true and false":
            name = node.column.name
            raise node.column.source.error(f"{name!r} holds {kind}: compare it, as in {name} == 1")
        return self._values(node.column)

    def _compared(self, node: Compared) -> pl.Expr:
        left, right = node.left, node.right
        if isinstance(left, Column) and isinstance(right, Column):
            kinds = self._kind(left), self._kind(right)
            if kinds[0] != kinds[1]:
                raise right.source.error(
                    f"{left.name!r} holds {kinds[0]}, and {right.name!r} {kinds[1]}"
                )
            if kinds[0] == "text":
                self._refuse_order(left, node.operator)
            return _COMPARE[node.operator](self._values(left), self._values(right))
        if isinstance(left, Column) and isinstance(right, Constant):
            return self._against(left, node.operator, right)
        if isinstance(right, Column) and isinstance(left, Constant):
            return self._against(right, _MIRRORED.get(node.operator, node.operator), left)
        raise TypeError("the grammar has let two values pass")

    def _against(self, column: Column, sign: str, constant: Constant) -> pl.Expr:
        """Return the comparison of a column with a value."""
        kind, value, values = self._kind(column), constant.value, self._values(column)
        if isinstance(value, str) and kind in {"dates", "text"}:
            if kind == "text" and sign in {"==", "!="}:
                return _COMPARE[sign](values, value.strip())
            day = _read_day(value)
            if day is not None and (kind == "dates" or self._holds_days(column)):
                days = values if kind == "dates" else values.str.to_date(_DAY)
                return _COMPARE[sign](days, day)
            if kind == "dates":
                raise constant.source.error(f"{column.name!r} holds dates: write '2010-01-31'")
            self._refuse_order(column, sign)
        if kind == "true and false" and sign in {"==", "!="} and value in {0, 1}:
            return _COMPARE[sign](values, bool(value))
        if kind == "numbers" and isinstance(value, float | int) and not isinstance(value, bool):
            return _COMPARE[sign](values, value)
        raise self._unlike(column, kind, constant)

    def _kind(self, column: Column) -> _Kind:
        kind = _kind_of(self._people[column.name])
        if kind is None:
            held = self._people[column.name].dtype
            raise ColumnError(
                f"column {column.name!r} holds {held} values, which compare with none"
            )
        return kind

    def _values(self, column: Column) -> pl.Expr:
        return pl.lit(_tidy(self._people[column.name]))

    def _holds_days(self, column: Column) -> bool:
        text = _tidy(self._people[column.name])
        return text.str.to_date(_DAY, strict=False).null_count() == text.null_count()

    def _refuse_order(self, column: Column, sign: str) -> None:
        if sign not in {"==", "!="}:
            raise column.source.error(
                f"{column.name!r} holds text, and {sign} is for numbers and dates (2010-01-31)"
            )

    def _unlike(self, column: Column, kind: _Kind, constant: Constant) -> FormulaError:
        value = constant.value
        if isinstance(value, bool):
            shown, remedy = str(value).lower(), f"; as text write '{str(value).lower()}'"
        elif isinstance(value, str):
            shown, remedy = "text", "; numbers stand without quotes"
        else:
            shown, remedy = "a number", f"; as text write '{value}'"
        remedy = remedy if kind in {"text", "numbers"} and not isinstance(value, bool) else ""
        remedy = "; write == true or == false" if kind == "true and false" else remedy
        found = f"{column.name!r} holds {kind}, and is compared with {shown}"
        return constant.source.error(f"{found}{remedy}")


def _kind_of(column: pl.Series) -> _Kind | None:
    dtype = column.dtype
    if dtype.is_numeric() or dtype == pl.Null:
        return "numbers"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    if dtype == pl.Boolean:
        return "true and false"
    return "dates" if dtype.is_temporal() and dtype not in (pl.Time, pl.Duration) else None


def _tidy(column: pl.Series) -> pl.Series:
    """Return a column with what is missing as null, in a type in which nothing overflows."""
    kind, dtype = _kind_of(column), column.dtype
    if kind == "text":
        text = column.cast(pl.String).str.strip_chars()
        return text.set(text == "", None)
    if kind == "dates":
        return column.cast(pl.Date)
    if kind != "numbers":
        return column
    if dtype.is_float():
        return column.fill_nan(None)
    return column.cast(pl.Int64 if dtype.is_integer() and dtype != pl.UInt64 else pl.Float64)


def _read_day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text.strip()) if len(text.strip()) == 10 else None
    except ValueError:
        return None


def _read_words(node: Node, columns: Collection[str]) -> Node:
    """Return a node with the words beside columns as text."""
    if isinstance(node, Negated):
        return Negated(_read_words(node.part, columns))
    if isinstance(node, Both | Either):
        return type(node)(tuple(_read_words(part, columns) for part in node.parts))
    if isinstance(node, Among):
        return node
    sides = (node.left, node.right)
    known = [isinstance(side, Column) and side.name in columns for side in sides]
    if not any(known):
        return node
    left, right = (
        Constant(side.name, side.source) if isinstance(side, Column) and not there else side
        for side, there in zip(sides, known, strict=True)
    )
    return Compared(left, node.operator, right)


def _parts_of(node: Node) -> Iterator[Compared | Among]:
    if isinstance(node, Compared | Among):
        yield node
    else:
        parts = (node.part,) if isinstance(node, Negated) else node.parts
        for part in parts:
            yield from _parts_of(part)


def _columns_in(node: Node) -> Iterator[Column]:
    for part in _parts_of(node):
        sides = (part.left, part.right) if isinstance(part, Compared) else (part.column,)
        yield from (side for side in sides if isinstance(side, Column))


def _texts_in(node: Node) -> Iterator[tuple[Column, str]]:
    """Yield each column with the texts that it is compared with."""
    for part in _parts_of(node):
        if isinstance(part, Among):
            pairs: list[tuple[object, object]] = [(part.column, value) for value in part.values]
        else:
            pairs = [(part.left, part.right), (part.right, part.left)]
            pairs = pairs if part.operator in {"==", "!="} else []
        for column, constant in pairs:
            if not (isinstance(column, Column) and isinstance(constant, Constant)):
                continue
            if isinstance(constant.value, str):
                yield column, constant.value.strip()


def _is_beside(part: Compared | Among, column: Column) -> bool:
    """Whether a column stands on the right of a comparison, as a text without quotes does."""
    return isinstance(part, Compared) and part.right == column
