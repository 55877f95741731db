"""Targets from a cohort: what a column of the samples means as an exposure or an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.design import parse
from proteomr.design.tokens import quote
from proteomr.errors import ColumnError, FormulaError, UsageError, nearest
from proteomr.models import ORDERED_LEVELS, AnyFamily, Refusal, Role, Target, TargetColumn
from proteomr.models.targets import FACTOR, NUMBERS, STEPS, score_levels
from proteomr.runs.notes import add_note
from proteomr.scan.columns import label_level, note_codes
from proteomr.scan.reading import Reading
from proteomr.status import Status

__all__ = [
    "describe_reference",
    "quote_level",
    "read_ordered_target",
    "read_outcome",
    "read_target",
]

# As many levels are labelled: no family has a coefficient for each of more.
_LABELLED = 50
# Numbers that are rather codes of groups: three to five whole ones up to ten.
_FEW_NUMBERS, _SMALL_NUMBER = range(3, 6), 10
# What the unaffected level of two is called: where the alphabet puts it first, nobody is misled.
_REFERENCES = {"no", "n", "false", "control", "controls", "none", "never", "negative", "absent"}
# Many levels may be identifiers of people, which no message may carry.
_SHOWN = 10


def read_target(
    reading: Reading,
    name: str,
    *,
    role: Role,
    family: AnyFamily | type[AnyFamily],
    reference: str | None = None,
    order: Sequence[str] | None = None,
) -> Target:
    """Read an exposure or an outcome from the samples, as the family takes it.

    A column of two levels (0 and 1, 1 and 2, true and false, or two texts) becomes 0 for the lower
    or alphabetically first and 1 for the other, in families that take two levels.

    Parameters
    ----------
    name : of the column; ``C(name)`` for the levels of a column of numbers.
    reference : label of the level that the others are held against, where the column has it.
    order : labels of all levels from the lowest to the highest, for families of ordered levels;
        None for the order of numbers, of the categories of an Enum, or of the alphabet.

    Raises
    ------
    ColumnError
        The column is absent, has one level, infinite values, or is not of a kind that the family
        takes.
    UsageError
        The order lacks a level of the column.

    Examples
    --------
    >>> from proteomr.models import find_family
    >>> from proteomr.scan.reading import read_formulas
    >>> from proteomr.tables import ArrayProteins, Cohort
    >>> cohort = Cohort(
    ...     pl.DataFrame({"id": ["1", "2"], "lonely": ["no", "yes"]}), "id",
    ...     ArrayProteins(("ADM",), np.ones((2, 1))), pl.DataFrame({"protein": ["ADM"]}))
    >>> reading = read_formulas(cohort)
    >>> read_target(reading, "lonely", role="exposure", family=find_family("logistic")).contrasts
    ('yes vs no',)
    """
    column = _put_in_order(_look_at(reading, name, role=role, reference=reference), order)
    target = family.read_target(column)
    if target.kind == NUMBERS.name and FACTOR in family.takes and role == "exposure":
        _note_trend(column)
    return target


def quote_level(level: str) -> str:
    """Return a level as an argument at the terminal.

    Examples
    --------
    >>> quote_level("not ill")
    '"not ill"'
    """
    return level if level.isalnum() else f'"{level}"'


def describe_reference(target: Target, *, numeric: bool, remedy: str) -> str | None:
    """Return which of two texts is the reference, for a note; None where its name says so itself.

    Parameters
    ----------
    numeric : whether the levels are numbers, whose order is known.
    remedy : what to do where it should be the other, to follow "else".

    Examples
    --------
    >>> levels = ("ill", "well")
    >>> of = ("well vs ill",)
    >>> target = Target("state", "outcome", "two_levels", np.zeros(2), of, levels=levels)
    >>> describe_reference(target, numeric=False, remedy="code it").rpartition(": ")[2]
    "'ill' comes first in the alphabet and is the reference; else code it"
    """
    if len(target.levels) != 2 or target.kind == ORDERED_LEVELS.name or numeric:
        return None
    (first, _), contrast = target.levels, target.contrasts[0]
    if first.casefold() in _REFERENCES:
        return None
    said = f"{target.role} {target.name!r} is {contrast}: {first!r} comes first in the alphabet"
    return f"{said} and is the reference; else {remedy}"


def read_ordered_target(
    reading: Reading,
    name: str,
    *,
    family: AnyFamily | type[AnyFamily],
    order: Sequence[str] | None = None,
) -> tuple[Target, ...]:
    """Read an exposure whose levels are steps of a scale: the trend over them, and the steps.

    One of two levels is read as any other.

    Parameters
    ----------
    order : labels of all levels from the first step to the last; None as of :func:`read_target`.

    Raises
    ------
    ColumnError
        As of :func:`read_target`, and where the levels are too many.
    UsageError
        The order lacks a level of the column.

    Examples
    --------
    >>> from proteomr.models import find_family
    >>> from proteomr.scan.reading import read_formulas
    >>> from proteomr.tables import ArrayProteins, Cohort
    >>> cohort = Cohort(
    ...     pl.DataFrame({"id": ["1", "2", "3"], "dose": [0, 5, 20]}), "id",
    ...     ArrayProteins(("ADM",), np.ones((3, 1))), pl.DataFrame({"protein": ["ADM"]}))
    >>> found = read_ordered_target(read_formulas(cohort), "dose", family=find_family("linear"))
    >>> [target.contrasts for target in found]
    [('linear',), ('5 vs 0', '20 vs 5')]
    """
    column = _put_in_order(_look_at(reading, name, role="exposure", reference=None), order)
    steps = STEPS.read(column)
    if steps is not None:
        return score_levels(steps), steps
    if column.n_levels > 2:
        raise ColumnError(
            f"exposure {column.name!r} has {column.n_levels} values, and --ordered needs "
            f"{STEPS.needs}"
        )
    if column.order is not None:
        column = replace(column, reference=column.levels[column.order[0]])
    return (family.read_target(column),)


def _look_at(reading: Reading, text: str, *, role: Role, reference: str | None) -> TargetColumn:
    """Return a column as it stands, before a family makes a target of it."""
    name, as_levels, asked = _find_column(reading, text, role)
    column = _without_blanks(reading.columns[name])
    _refuse_infinite(column, role)
    levels = column.drop_nulls().unique().sort()
    if levels.len() < 2:
        only = f" ({levels[0]!r})" if levels.len() else ""
        raise ColumnError(
            f"{role} {name!r} has {levels.len()} level{only} among {reading.cohort.n} people: "
            "it needs two"
        )
    reading.columns.note_codes(name)
    levels_named = tuple(map(label_level, levels.head(_LABELLED)))
    if asked is not None and asked not in levels_named:
        shown = ", ".join(levels_named)
        raise ColumnError(
            f"{role} {name!r} has no level {asked!r}{nearest(asked, levels_named)}: {shown}"
        )
    found = _describe(column, levels, role, reference if asked is None else asked)
    return replace(found, numbers=None) if as_levels else found


def read_outcome(
    column: pl.Series,
    *,
    family: AnyFamily | type[AnyFamily],
    reference: str | None = None,
    order: Sequence[str] | None = None,
) -> Target:
    """Read one of many outcomes, as the family takes it; one that has no two values stays, unfit.

    Parameters
    ----------
    column : ``(n,)``, named as the outcome.
    reference, order : as of :func:`read_target`.

    Raises
    ------
    ColumnError
        The column has infinite values, or is not of a kind that the family takes.
    UsageError
        The order lacks a level of the column.

    Examples
    --------
    >>> from proteomr.models import find_family
    >>> read_outcome(pl.Series("y", [1.0, 1.0]), family=find_family("linear")).unfit.message
    'y has one value among 2 people'
    """
    tidy = _without_blanks(column)
    _refuse_infinite(tidy, "outcome")
    levels = tidy.drop_nulls().unique().sort()
    if levels.len() > 1:
        note_codes(column)
        described = _describe(tidy, levels, "outcome", reference)
        return family.read_target(_put_in_order(described, order))
    there = np.array(tidy.is_not_null().to_numpy(), dtype=bool)
    unfit = Refusal(Status.all_missing, f"nobody of {column.len():,} people has {column.name}")
    if there.any():
        unfit = Refusal(
            Status.constant, f"{column.name} has one value among {int(there.sum()):,} people"
        )
    values = np.where(there, 0.0, np.nan)
    return Target(column.name, "outcome", family.takes[0].name, values, unfit=unfit)


def _refuse_infinite(column: pl.Series, role: Role) -> None:
    infinite = int(column.is_infinite().sum()) if column.dtype.is_float() else 0
    if infinite:
        raise ColumnError(f"{role} {column.name!r} is infinite for {infinite} people")


def _describe(
    column: pl.Series, levels: pl.Series, role: Role, reference: str | None
) -> TargetColumn:
    """Return a column of some levels as the families take it."""
    return TargetColumn(
        name=column.name,
        role=role,
        numbers=_read_numbers(column),
        codes=_read_codes(column),
        n_levels=levels.len(),
        levels=tuple(map(label_level, levels.head(_LABELLED))),
        reference=reference,
    )


def _put_in_order(column: TargetColumn, order: Sequence[str] | None) -> TargetColumn:
    """Return a column with its levels in an order that is given."""
    if order is None:
        return column
    place = {label: position for position, label in enumerate(column.levels)}
    unknown = [label for label in column.levels if label not in order]
    if unknown:
        few = f"; it has {', '.join(column.levels)}" if len(place) <= _SHOWN else ""
        absent = [label for label in order if label not in place]
        raise UsageError(
            f"--levels {column.name}: {unknown[0]!r} is a level of the column and not among those "
            f"given{nearest(unknown[0], absent)}{few}"
        )
    return replace(column, order=tuple(place[label] for label in order if label in place))


def _find_column(reading: Reading, text: str, role: Role) -> tuple[str, bool, str | None]:
    """Return the column that a target names, whether by C(), and the reference named there."""
    if text in reading.columns or "(" not in text:
        return text, False, None
    try:
        formula = parse(text).resolve(list(reading.columns.names))
    except FormulaError as error:
        raise ColumnError(f"{role} {text!r}: a column, or C() of one: {error}") from error
    parts = [part for term in formula.terms for part in term.parts]
    if len(formula.terms) != 1 or len(parts) != 1 or not parts[0].categorical or parts[0].steps:
        raise ColumnError(f"{role} {text!r}: a column, or C() of one, is needed")
    return parts[0].column, True, parts[0].reference


def _note_trend(column: TargetColumn) -> None:
    """Say how few whole numbers are compared as levels, where they are taken for a trend."""
    if column.numbers is None or column.n_levels not in _FEW_NUMBERS:
        return
    numbers = column.numbers[~np.isnan(column.numbers)]
    if np.all(numbers == np.rint(numbers)) and np.abs(numbers).max() <= _SMALL_NUMBER:
        shown = ", ".join(column.levels)
        add_note(
            f"{column.role} {column.name!r} ({shown}) is taken as a number, with one slope; "
            f'for its levels give --{column.role} "C({quote(column.name)})"'
        )


def _read_numbers(column: pl.Series) -> F64 | None:
    if not column.dtype.is_numeric():
        return None
    return np.array(column.cast(pl.Float64).to_numpy(), dtype=np.float64)


def _read_codes(column: pl.Series) -> I64:
    order = column.to_physical() if isinstance(column.dtype, pl.Enum) else column
    ranks = order.rank("dense").cast(pl.Int64).fill_null(0).to_numpy()
    return np.array(ranks, dtype=np.int64) - 1


def _without_blanks(column: pl.Series) -> pl.Series:
    if column.dtype.is_float():
        return column.fill_nan(None)
    if column.dtype == pl.String:
        text = column.str.strip_chars()
        return text.set(text == "", None)
    if column.dtype == pl.Categorical:
        return _without_blanks(column.cast(pl.String))
    if isinstance(column.dtype, pl.Enum):  # in its own order, as among the covariates
        return column.set(column.cast(pl.String).str.strip_chars() == "", None)
    return column
