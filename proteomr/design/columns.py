"""Columns of a table as numbers or as factors, each checked for what a model cannot take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.design.bases import (
    b_spline_basis,
    natural_spline_basis,
    polynomial_basis,
    standardise,
)
from proteomr.design.formula import Part, Step
from proteomr.design.tokens import quote
from proteomr.errors import ColumnError, nearest

__all__ = ["Levels", "Numbers", "check_column", "is_categorical", "read_factor", "read_numbers"]

MAX_LEVELS: Final = 2_000
_TEXT_NUMBER: Final = r"^\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*$"
_TEXT_MEASURE: Final = r"^\s*[-+]?\d+(?:[.,]\d+)?\s*([%°A-Za-zµ²³/]{1,8})\s*$"
_MEASURED: Final = 10  # distinct numbers of one unit; fewer are classes: 0h, 24h, 48h
_TEXT_DATE: Final = (
    r"^\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})\s*$"
)


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """The columns that a numeric part makes: their names and values ``(n, m)``."""

    names: tuple[str, ...]
    values: F64


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """A factor: its name, its levels with the reference first, the level of each row ``(n,)``."""

    name: str
    levels: tuple[str, ...]
    codes: I64


def is_categorical(dtype: pl.DataType) -> bool:
    """Return whether columns of a type are factors without ``C()``: text, categories, booleans.

    >>> is_categorical(pl.String()), is_categorical(pl.Int64())
    (True, False)
    """
    return isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Boolean)


def check_column(series: pl.Series) -> None:
    """Raise a `ColumnError` where a column is no covariate, or has missing or infinite values.

    Nulls, NaN and blank text count as missing.

    >>> check_column(pl.Series("age", [50.0, 60.0]))
    """
    name, dtype = series.name, series.dtype
    if dtype.is_temporal():
        raise ColumnError(
            f"column {name!r} holds {dtype} values: derive a number from them, such as years since "
            "a date, or read them as text for C()"
        )
    missing, infinite = series.null_count(), 0
    if dtype.is_float():
        numbers = series.to_numpy()  # NaN for null
        missing = int(np.count_nonzero(np.isnan(numbers)))
        infinite = int(np.count_nonzero(np.isinf(numbers)))
    elif is_categorical(dtype) and dtype != pl.Boolean:
        missing += int((series.cast(pl.String).str.strip_chars() == "").sum())
    if missing:
        raise ColumnError(
            f"column {name!r} has {missing} missing values in {series.len()} rows: "
            "keep rows that are complete in the columns of the formula"
        )
    if not (dtype.is_numeric() or is_categorical(dtype)):
        raise ColumnError(f"column {name!r} holds {dtype} values, numbers or text were needed")
    if infinite:
        raise ColumnError(f"column {name!r} has {infinite} infinite values, finite were needed")


def read_numbers(part: Part, series: pl.Series) -> Numbers:
    """Return the columns of a numeric part: the values, after its transformations.

    Raises
    ------
    ColumnError
        Values outside the domain of a transformation, or too few distinct ones.

    Examples
    --------
    >>> read_numbers(Part("age", steps=(Step("power", 2),)), pl.Series("age", [2, 3])).names
    ('age^2',)
    """
    if not series.dtype.is_numeric():
        asked = str(part)
        message = f"column {series.name!r} holds {series.dtype}, and {asked!r} needs numbers"
        raise ColumnError(message)
    values = series.cast(pl.Float64).to_numpy().astype(np.float64)[:, None]
    for step in part.steps:
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # met by the test of the result
                values = _apply(step, values)
        except ColumnError as error:
            raise ColumnError(f"column {series.name!r}: {error}") from error
    label = str(part) if part.steps else part.column
    if not (part.steps and part.steps[-1].function in {"poly", "ns", "bs"}):
        return Numbers((label,), values)
    return Numbers(tuple(f"{label}[{j + 1}]" for j in range(values.shape[1])), values)


def read_factor(part: Part, series: pl.Series, *, name: str) -> Levels:
    """Return the levels present in a column and the level of each row.

    Numbers are ordered by value, text, categories and booleans by code point, an enumeration by
    its own order. The first level is the reference unless the part asks for another.

    Raises
    ------
    FormulaError
        A reference that is not among the levels.
    ColumnError
        Text that holds numbers or dates without ``C()``, or more levels than a factor can have.

    Examples
    --------
    >>> read_factor(Part("sex", reference="M"), pl.Series("sex", ["F", "M"]), name="sex").levels
    ('M', 'F')
    """
    labels, codes = _number_levels(series) if series.dtype.is_numeric() else _text_levels(series)
    if len(labels) > MAX_LEVELS:
        raise ColumnError(
            f"column {series.name!r} has {len(labels)} levels, at most {MAX_LEVELS} are allowed "
            "in a factor: is it an identifier, or a number?"
        )
    if series.dtype == pl.String and not part.categorical:
        _refuse_text_numbers(series.name, labels)
    if part.reference is None:
        return Levels(name, labels, codes)
    if part.reference not in labels:
        hint = nearest(part.reference, labels) or f" among its {len(labels)} levels"
        raise part.source.error(f"column {series.name!r} has no level {part.reference!r}{hint}")
    first = labels.index(part.reference)
    order = [first, *(index for index in range(len(labels)) if index != first)]
    place = np.empty(len(labels), dtype=np.int64)
    place[order] = np.arange(len(labels))
    return Levels(name, tuple(labels[index] for index in order), place[codes])


def _apply(step: Step, values: F64) -> F64:
    x = values[:, 0]
    if step.function in {"log", "log2"}:
        outside = int((x <= 0).sum())
        if outside:
            raise ColumnError(f"{step.function}() of {outside} values that are zero or negative")
    result = _TRANSFORMS[step.function](x, step)
    if not np.isfinite(result).all():
        raise ColumnError(f"{step.write('x')} gives values too large to hold")
    return result if result.ndim > 1 else result[:, None]


_TRANSFORMS: Final[Mapping[str, Callable[[F64, Step], F64]]] = MappingProxyType(
    {
        "log": lambda x, _: np.log(x),
        "log2": lambda x, _: np.log2(x),
        "scale": lambda x, _: standardise(x),
        "power": lambda x, step: np.asarray(x**step.number),
        "poly": lambda x, step: polynomial_basis(x, degree=step.number),
        "ns": lambda x, step: natural_spline_basis(x, df=step.number),
        "bs": lambda x, step: b_spline_basis(x, df=step.number, degree=step.degree),
    }
)


def _number_levels(series: pl.Series) -> tuple[tuple[str, ...], I64]:
    distinct, codes = np.unique(series.to_numpy(), return_inverse=True)
    return tuple(_number_label(value) for value in distinct.tolist()), codes.astype(np.int64)


def _number_label(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _text_levels(series: pl.Series) -> tuple[tuple[str, ...], I64]:
    text = series.cast(pl.String)
    present = set(text.unique().to_list())
    dtype = series.dtype
    if isinstance(dtype, pl.Enum):
        labels = tuple(level for level in dtype.categories.to_list() if level in present)
    else:
        labels = tuple(sorted(present))
    codes = text.cast(pl.Enum(labels)).to_physical().to_numpy().astype(np.int64)
    return labels, codes


def _refuse_text_numbers(name: str, labels: tuple[str, ...]) -> None:
    """Refuse text of numbers or dates for the most part (1.5, 2, NA), or of one unit (45y)."""
    values = pl.Series(labels, dtype=pl.String)
    for pattern, what in ((_TEXT_NUMBER, "numbers"), (_TEXT_DATE, "dates")):
        count = int(values.str.contains(pattern).sum())
        if 2 * count > len(labels):
            raise ColumnError(
                f"column {name!r} is text that holds {what} ({count} of {len(labels)} distinct "
                f"values): convert it to numbers, or write C({quote(name)}) for a factor"
            )
    units = values.str.extract(_TEXT_MEASURE)
    if len(labels) >= _MEASURED and not units.null_count() and units.n_unique() == 1:
        raise ColumnError(
            f"column {name!r} is text that holds numbers with a unit ({units[0]!r}): convert it to "
            f"numbers, or write C({quote(name)}) for a factor"
        )
