"""The design matrix of a formula over a table: named columns, factors, each formula's share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.design.columns import (
    Levels,
    Numbers,
    check_column,
    is_categorical,
    read_factor,
    read_numbers,
)
from proteomr.design.formula import Formula, Part, Term, unique_terms
from proteomr.errors import FormulaError, InputError

__all__ = ["INTERCEPT", "Design", "FactorBlock", "build", "columns_of", "read_factors"]

INTERCEPT: Final = "(Intercept)"
MAX_COLUMNS: Final = 10_000
# Columns are laid side by side piece by piece, each small enough for the second-level cache.
_ROWS_AT_ONCE = 1_024
Coded: TypeAlias = frozenset[tuple[Part, bool]]


@dataclass(frozen=True, slots=True, eq=False)
class FactorBlock:
    """A factor that stands as a main effect: indicators, of which each row has at most one.

    Parameters
    ----------
    name : of the factor.
    levels : those present in the table, the reference first.
    codes : level of each row, ``(n,)``; 0 is the reference.
    columns : positions of the indicators of ``levels[1:]`` in the matrix.
    """

    name: str
    levels: tuple[str, ...]
    codes: I64
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """A design matrix and what its columns mean.

    Parameters
    ----------
    matrix : ``(n, k)``, rows contiguous, the intercept first.
    names : of the columns: ``age``, ``site[2]``, ``age:sex[M]``, ``poly(age, 2)[1]``.
    terms : the term of the formula that each column belongs to.
    factors : the factors that stand as main effects.
    notes : what was left out, in sentences.
    variables : columns of the table that were used.
    categorical : those of them that are factors by their type.
    blocks : positions of the columns of each coded term; read it through `columns_of`.
    """

    matrix: F64
    names: tuple[str, ...]
    terms: tuple[str, ...]
    factors: tuple[FactorBlock, ...]
    notes: tuple[str, ...]
    variables: tuple[str, ...]
    categorical: frozenset[str]
    blocks: Mapping[Coded, tuple[int, ...]]


def build(formula: Formula, frame: pl.DataFrame, *, rows: I64 | None = None) -> Design:
    """Return the design matrix ``[1, X_1, ..., X_t]`` of a formula, terms in its order.

    Factors have treatment contrasts. A factor that stands in an interaction whose margin is absent
    is coded by indicators of all its levels, by the rule of R 4.2.2's ``model.matrix`` (Chambers &
    Hastie 1992, Statistical Models in S, section 2.3), so that the column space is the same.

    Parameters
    ----------
    formula : from `parse` or `union`.
    frame : one row per person, complete in the columns needed.
    rows : positions of the people to take, in the order wanted; None for all.

    Raises
    ------
    FormulaError
        An unknown column or reference level, or more columns than a model can hold.
    ColumnError
        Missing or infinite values, or contents that the formula cannot use.
    InputError
        A table without rows.

    Examples
    --------
    >>> from proteomr.design import parse
    >>> frame = pl.DataFrame({"age": [50.0, 60.0, 70.0], "sex": ["F", "M", "F"]})
    >>> design = build(parse("age + sex"), frame)
    >>> design.names
    ('(Intercept)', 'age', 'sex[M]')
    >>> design.matrix.tolist()
    [[1.0, 50.0, 0.0], [1.0, 60.0, 1.0], [1.0, 70.0, 0.0]]
    """
    height = frame.height if rows is None else rows.size
    if not height:
        raise InputError("the table has no rows, so no design can be made")
    resolved = formula.resolve(frame.columns)
    for name in resolved.variables:
        check_column(_take(frame, name, rows))
    categorical = frozenset(
        name for name in resolved.variables if is_categorical(frame.schema[name])
    )
    codings = [_code_terms(member, categorical) for member in resolved.members or (resolved,)]
    assembly = _Assembly(_read_parts(resolved, frame, categorical, rows), height)
    for term in resolved.terms:
        key = _normalise(term, categorical).key
        wanted = dict.fromkeys(coding[key] for coding in codings if key in coding)
        for coded in wanted:
            assembly.add(term, _normalise(term, categorical), coded)
    return assembly.finish(resolved.variables, categorical)


def read_factors(formula: Formula, frame: pl.DataFrame) -> tuple[FactorBlock, ...]:
    """Return the factors of a formula of main effects, as `build` would have them, without columns.

    Examples
    --------
    >>> from proteomr.design import parse
    >>> frame = pl.DataFrame({"sex": ["F", "M", "F"], "site": [1, 1, 2]})
    >>> [(f.name, f.columns) for f in read_factors(parse("sex + C(site)"), frame)]
    [('sex', (1,)), ('site', (2,))]
    """
    resolved = formula.resolve(frame.columns)
    for name in resolved.variables:
        check_column(frame.get_column(name))
    categorical = frozenset(
        name for name in resolved.variables if is_categorical(frame.schema[name])
    )
    factors: list[FactorBlock] = []
    first = 1
    for block in _read_parts(resolved, frame, categorical).values():
        if isinstance(block, Levels) and len(block.levels) > 1:
            places = tuple(range(first, first + len(block.levels) - 1))
            factors.append(FactorBlock(block.name, block.levels, block.codes, places))
            first += len(places)
    return tuple(factors)


def columns_of(design: Design, formula: Formula) -> tuple[int, ...]:
    """Return the positions in a design of the columns of one formula, the intercept first.

    Parameters
    ----------
    design : built from the formula, or from a `union` that holds it.

    Raises
    ------
    FormulaError
        A formula that the design does not hold.

    Examples
    --------
    >>> from proteomr.design import parse, union
    >>> frame = pl.DataFrame({"age": [50.0, 60.0], "bmi": [25.0, 22.0], "pack": [0.0, 9.0]})
    >>> simple, other = parse("age"), parse("pack + age")
    >>> columns_of(build(union([simple, other]), frame), other)
    (0, 2, 1)
    """
    absent = [name for name in formula.variables if name not in design.variables]
    if absent:
        raise FormulaError(f"column {absent[0]!r} is not in this design: build the union of both")
    resolved = formula.resolve(design.variables)
    positions = [0]
    for member in resolved.members or (resolved,):
        coding = _code_terms(member, design.categorical)
        for term in member.terms:
            coded = coding[_normalise(term, design.categorical).key]
            if coded not in design.blocks:
                raise FormulaError(f"term {str(term)!r} is not in this design: build the union")
            positions.extend(design.blocks[coded])
    return tuple(dict.fromkeys(positions))


@dataclass(slots=True, eq=False)
class _Assembly:
    """Columns gathered term by term, each one once."""

    parts: Mapping[Part, Numbers | Levels]
    height: int
    columns: list[F64 | Bool] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    factors: list[FactorBlock] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    blocks: dict[Coded, tuple[int, ...]] = field(default_factory=dict)
    _places: dict[tuple[frozenset[Part], str], int] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=lambda: {INTERCEPT})

    def add(self, term: Term, normalised: Term, coded: Coded) -> None:
        if coded in self.blocks:
            return
        full = {part for part, is_full in coded if is_full}
        columns = self._multiply(normalised.parts, full=full)
        places = [
            self._place(name, values, term=term, key=normalised.key) for name, values in columns
        ]
        self.blocks[coded] = tuple(places)
        block = self.parts[normalised.parts[0]]
        if len(normalised.parts) == 1 and isinstance(block, Levels) and places:
            self.factors.append(FactorBlock(block.name, block.levels, block.codes, tuple(places)))
        if not columns:
            self._note_absence(term, normalised)

    def finish(self, variables: tuple[str, ...], categorical: frozenset[str]) -> Design:
        matrix = np.empty((self.height, len(self.columns) + 1))
        piece = np.ones((matrix.shape[1], _ROWS_AT_ONCE))  # the intercept among it
        for start in range(0, self.height, _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            count = matrix[rows].shape[0]
            for column, values in enumerate(self.columns, start=1):
                piece[column, :count] = values[rows]
            matrix[rows] = piece[:, :count].T
        return Design(
            matrix=matrix,
            names=(INTERCEPT, *self.names),
            terms=(INTERCEPT, *self.labels),
            factors=tuple(self.factors),
            notes=tuple(self.notes),
            variables=variables,
            categorical=categorical,
            blocks=self.blocks,
        )

    def _multiply(self, parts: Sequence[Part], *, full: set[Part]) -> list[tuple[str, F64 | Bool]]:
        """Return the products of the parts' columns, those of the first part varying fastest."""
        widths = [_width(self.parts[part], full=part in full) for part in parts]
        if len(self.columns) + math.prod(widths) >= MAX_COLUMNS:
            label = str(Term(tuple(parts)))
            message = f"term {label!r} takes the design over {MAX_COLUMNS} columns"
            raise parts[0].source.error(message)
        columns = _spread(self.parts[parts[0]], full=parts[0] in full)
        for part in parts[1:]:
            other = _spread(self.parts[part], full=part in full)
            columns = [
                (f"{name}:{factor}", values * by)
                for factor, by in other
                for name, values in columns
            ]
        return columns

    def _place(self, name: str, values: F64 | Bool, *, term: Term, key: frozenset[Part]) -> int:
        place = self._places.get((key, name))
        if place is not None:
            return place
        unique, count = name, 1
        while unique in self._taken:
            count += 1
            unique = f"{name} ({count})"
        self._taken.add(unique)
        self.columns.append(values)
        self.names.append(unique)
        self.labels.append(str(term))
        self._places[key, name] = len(self.columns)
        return len(self.columns)

    def _note_absence(self, term: Term, normalised: Term) -> None:
        if len(normalised.parts) == 1:
            self.notes.append(f"Factor {str(term)!r} has one level in these rows: left out.")
        else:
            self.notes.append(f"Term {str(term)!r} has no column in these rows: left out.")


def _take(frame: pl.DataFrame, name: str, rows: I64 | None) -> pl.Series:
    """Return a column of some rows: one at a time, as all together are as large as the design."""
    series = frame.get_column(name)
    return series if rows is None else series[rows]


def _read_parts(
    formula: Formula, frame: pl.DataFrame, categorical: frozenset[str], rows: I64 | None = None
) -> dict[Part, Numbers | Levels]:
    blocks: dict[Part, Numbers | Levels] = {}
    named: set[str] = set()
    for part in dict.fromkeys(part for term in formula.terms for part in term.parts):
        series = _take(frame, part.column, rows)
        key = _normalise_part(part, categorical)
        if not key.categorical:
            blocks[key] = read_numbers(key, series)
        elif key not in blocks:
            name = str(key) if part.column in named else part.column
            named.add(part.column)
            blocks[key] = read_factor(part, series, name=name)
    return blocks


def _normalise_part(part: Part, categorical: frozenset[str]) -> Part:
    """Return the part as what it is: a bare column of text is the factor that ``C()`` makes."""
    if part.column in categorical and not part.steps:
        return replace(part, categorical=True)
    return part


def _normalise(term: Term, categorical: frozenset[str]) -> Term:
    return Term(tuple(dict.fromkeys(_normalise_part(part, categorical) for part in term.parts)))


def _code_terms(formula: Formula, categorical: frozenset[str]) -> dict[frozenset[Part], Coded]:
    """Return, for each term, which of its factors take indicators of all levels.

    A factor takes contrasts where the rest of its term is empty or lies inside a term that comes
    before, terms being ordered by their number of parts.
    """
    keys = [
        term.key for term in unique_terms(_normalise(term, categorical) for term in formula.terms)
    ]
    ordered = sorted(keys, key=len)
    coding: dict[frozenset[Part], Coded] = {}
    for place, key in enumerate(ordered):
        full = {
            part
            for part in key
            if part.categorical
            and len(key) > 1
            and not any(key - {part} <= earlier for earlier in ordered[:place])
        }
        coding[key] = frozenset((part, part in full) for part in key)
    return coding


def _width(block: Numbers | Levels, *, full: bool) -> int:
    if isinstance(block, Numbers):
        return len(block.names)
    return len(block.levels) - (0 if full else 1)


def _spread(block: Numbers | Levels, *, full: bool) -> list[tuple[str, F64 | Bool]]:
    """Return the columns of a part; indicators as what they are, an eighth as large as numbers."""
    if isinstance(block, Numbers):
        return [(name, block.values[:, j]) for j, name in enumerate(block.names)]
    start = 0 if full else 1
    return [
        (f"{block.name}[{level}]", block.codes == code)
        for code, level in enumerate(block.levels)
        if code >= start
    ]
