"""Targets from a cohort: what a column of the samples means as an exposure or an outcome."""

from __future__ import annotations

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import ColumnError
from proteomr.models import AnyFamily, Refusal, Role, Target, TargetColumn
from proteomr.scan.columns import label_level, note_codes
from proteomr.scan.reading import Reading
from proteomr.status import Status

__all__ = ["read_outcome", "read_target"]

# As many levels are labelled: no family has a coefficient for each of more.
_LABELLED = 50


def read_target(
    reading: Reading,
    name: str,
    *,
    role: Role,
    family: AnyFamily | type[AnyFamily],
    reference: str | None = None,
) -> Target:
    """Read an exposure or an outcome from the samples, as the family takes it.

    A column of two levels (0 and 1, 1 and 2, true and false, or two texts) becomes 0 for the lower
    or alphabetically first and 1 for the other, in families that take two levels.

    Parameters
    ----------
    reference : label of the level that becomes 0, where the column has two and this is one of them.

    Raises
    ------
    ColumnError
        The column is absent, has one level, infinite values, or is not of a kind that the family
        takes.

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
    return _make_target(column, levels, role, family, reference)


def read_outcome(
    column: pl.Series, *, family: AnyFamily | type[AnyFamily], reference: str | None = None
) -> Target:
    """Read one of many outcomes, as the family takes it; one that has no two values stays, unfit.

    Parameters
    ----------
    column : ``(n,)``, named as the outcome.
    reference : as of :func:`read_target`.

    Raises
    ------
    ColumnError
        The column has infinite values, or is not of a kind that the family takes.

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
        return _make_target(tidy, levels, "outcome", family, reference)
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


def _make_target(
    column: pl.Series,
    levels: pl.Series,
    role: Role,
    family: AnyFamily | type[AnyFamily],
    reference: str | None,
) -> Target:
    return family.read_target(
        TargetColumn(
            name=column.name,
            role=role,
            numbers=_read_numbers(column),
            codes=_read_codes(column),
            n_levels=levels.len(),
            levels=tuple(map(label_level, levels.head(_LABELLED))),
            reference=reference,
        )
    )


def _read_numbers(column: pl.Series) -> F64 | None:
    if not column.dtype.is_numeric():
        return None
    return np.array(column.cast(pl.Float64).to_numpy(), dtype=np.float64)


def _read_codes(column: pl.Series) -> I64:
    ranks = column.rank("dense").cast(pl.Int64).fill_null(0).to_numpy()
    return np.array(ranks, dtype=np.int64) - 1


def _without_blanks(column: pl.Series) -> pl.Series:
    if column.dtype.is_float():
        return column.fill_nan(None)
    if column.dtype == pl.String:
        text = column.str.strip_chars()
        return text.set(text == "", None)
    if column.dtype in {pl.Categorical, pl.Enum}:
        return column.cast(pl.String)
    return column
