"""Strata: the levels of a column, or whom a condition is false and true of."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import Bool
from proteomr.design import Condition, parse_condition
from proteomr.errors import ColumnError
from proteomr.runs.notes import add_note
from proteomr.scan.columns import Columns, label_level
from proteomr.tables import Cohort

__all__ = ["Stratum", "divide_people", "read_strata"]

# More strata are a mistake, such as an age in years.
_MOST_STRATA = 50
# What can be the name of a column alone: a condition has more in it.
_COLUMN = re.compile(r"[\w.]+")
# Numbers of more values than this are measured rather than codes, or codes of many centres: told.
_MOST_CODES = 10


@dataclass(frozen=True, slots=True, eq=False)
class Stratum:
    """A level of the column that makes the strata, or everybody: its label, and whose it is.

    Attributes
    ----------
    label : of the level; None for everybody.
    rows : ``(n,)``; or ``(t, n)``, where each of t targets has its own, as the halves of a split.
    """

    label: str | None
    rows: Bool

    def rows_of(self, target: int) -> Bool:
        """Return whose it is ``(n,)`` for a target, by its position."""
        return self.rows if self.rows.ndim == 1 else np.asarray(self.rows[target])

    def asks(self, target: int) -> bool:
        """Whether it is one of a target: one of its own that has nobody is not."""
        return self.rows.ndim == 1 or bool(self.rows[target].any())

    @property
    def most(self) -> int:
        """Most people of a target."""
        return int(self.rows.sum(axis=-1).max())


def read_strata(columns: Columns, n: int, name: str | None) -> tuple[Stratum, ...]:
    """Return the levels of a column as strata; everybody without a column.

    Raises
    ------
    ColumnError
        The column is absent, or has no level or too many.
    """
    if name is None:
        return (Stratum(None, np.ones(n, dtype=bool)),)
    column = columns[name].set(pl.Series(columns.missing(name)), None)
    levels = column.drop_nulls().unique().sort().to_list()
    if not 1 <= len(levels) <= _MOST_STRATA:
        raise ColumnError(f"{name!r} has {len(levels)} levels: strata need 1 to {_MOST_STRATA}")
    if len(levels) > _MOST_CODES and columns.is_numeric(name):
        add_note(
            f"{name} makes {len(levels)} strata, one of each number; for groups of numbers make "
            "a column of the groups"
        )
    return tuple(
        Stratum(label_level(level), (column == level).fill_null(value=False).to_numpy())
        for level in levels
    )


def divide_people(columns: Columns, cohort: Cohort, name: str | None) -> tuple[Stratum, ...]:
    """Return the strata of a column's levels, or the two of a condition, false and true.

    Raises
    ------
    UsageError, ColumnError
        It names no column and is no condition, or a stratum has nobody.
    """
    if name is None or name in columns or _COLUMN.fullmatch(name) is not None:
        return read_strata(columns, cohort.n, name)
    return _divide(cohort, parse_condition(name, what="strata"))


def _divide(cohort: Cohort, condition: Condition) -> tuple[Stratum, ...]:
    """Return the people of whom a condition is false, and those of whom it is true."""
    for said in condition.find_unmatched(cohort.samples):
        add_note(f"strata: {said}")
    holds = condition.judge(cohort.samples, identifiers=(cohort.id_column,))
    strata = tuple(
        Stratum(label, (holds == value).fill_null(value=False).to_numpy())
        for label, value in (("false", False), ("true", True))
    )
    for stratum in strata:
        if not stratum.rows.any():
            raise ColumnError(
                f"strata {condition.text!r}: {stratum.label} of nobody among {cohort.n} people"
            )
    return strata
