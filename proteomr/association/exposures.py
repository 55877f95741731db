"""Exposures as numbers: what a column of the samples means on either side of a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import ColumnError, nearest
from proteomr.tables import Cohort

__all__ = ["Exposure", "read_exposure"]

_SHOWN = 5


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """An exposure ``(n,)``, NaN where missing.

    Attributes
    ----------
    binary : whether it has the two values 0 and 1.
    contrast : the levels compared, ``1 vs 0``, where it has two.
    """

    name: str
    values: F64
    binary: bool
    contrast: str | None


def read_exposure(cohort: Cohort, name: str, *, family: str) -> Exposure:
    """Read an exposure from the samples.

    A column of two levels (0 and 1, 1 and 2, true and false, or two texts) becomes 0 for the lower
    or alphabetically first and 1 for the other. The linear family takes any numbers.

    Raises
    ------
    ColumnError
        The column is absent, has one level, has more than two for the logistic family or as text,
        or infinite values.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> cohort = Cohort(
    ...     pl.DataFrame({"id": ["1", "2"], "lonely": ["no", "yes"]}), "id",
    ...     ArrayProteins(("ADM",), np.ones((2, 1))), pl.DataFrame({"protein": ["ADM"]}))
    >>> read_exposure(cohort, "lonely", family="logistic").contrast
    'yes vs no'
    """
    samples = cohort.samples
    if name not in samples.columns:
        raise ColumnError(f"no column {name!r} in the samples{nearest(name, samples.columns)}")
    column = _without_blanks(samples[name])
    if column.dtype.is_float():
        infinite = int(column.is_infinite().sum())
        if infinite:
            raise ColumnError(f"exposure {name!r} is infinite for {infinite} people")
    levels = column.drop_nulls().unique().sort()
    if levels.len() < 2:
        only = f" ({levels[0]!r})" if levels.len() else ""
        raise ColumnError(
            f"exposure {name!r} has {levels.len()} level{only} among {cohort.n} people: "
            "it needs two"
        )
    if levels.len() == 2:
        values = (column == levels[1]).cast(pl.Float64).to_numpy()
        contrast = f"{_label(levels[1])} vs {_label(levels[0])}"
        return Exposure(name, np.array(values, dtype=np.float64), binary=True, contrast=contrast)
    if family == "logistic" or not column.dtype.is_numeric():
        few = levels.len() <= _SHOWN  # many levels may be identifiers of people
        shown = f" ({', '.join(map(_label, levels))})" if few else ""
        needed = "two for the logistic family" if family == "logistic" else "numbers, or two levels"
        raise ColumnError(f"exposure {name!r} has {levels.len()} levels{shown}: it needs {needed}")
    numbers = column.cast(pl.Float64).to_numpy()
    return Exposure(name, np.array(numbers, dtype=np.float64), binary=False, contrast=None)


def _without_blanks(column: pl.Series) -> pl.Series:
    if column.dtype.is_float():
        return column.fill_nan(None)
    if column.dtype == pl.String:
        text = column.str.strip_chars()
        return text.set(text == "", None)
    if column.dtype in {pl.Categorical, pl.Enum}:
        return column.cast(pl.String)
    return column


def _label(level: object) -> str:
    return str(int(level)) if isinstance(level, float) and level.is_integer() else str(level)
