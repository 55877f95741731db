"""Effects as papers print them: a ratio, or a difference, with its limits of 95 %."""

from __future__ import annotations

import math
from typing import Final

import polars as pl
from scipy import special

from proteomr.errors import ColumnError, InputError, nearest, rows_have
from proteomr.runs.notes import add_note
from proteomr.tables import columns as c

__all__ = ["read_effects", "read_numbers"]

_HALF: Final = float(special.ndtri(0.975))  # limits of 95 % lie as many errors from the estimate
# Errors between an estimate and the middle of its limits: rounding to the two decimals that papers
# print moves them by less, but for limits a hundredth wide.
_UNEVEN: Final = 0.25


def read_effects(frame: pl.DataFrame, path: str) -> tuple[pl.Series, pl.Series]:
    """Return estimates and standard errors, of limits where no errors are told.

    A table with ``estimate`` and ``se`` is taken as it is. Without ``se``, errors are those of
    ``conf_low`` and ``conf_high`` of ``estimate``; without ``estimate``, of ``ratio`` and its own
    limits, by their logarithms.

    Parameters
    ----------
    frame : rows of studies.
    path : of the table, for messages.

    Raises
    ------
    ColumnError
        No such columns are there, or they hold no numbers.
    InputError
        Ratios of 0 and less; limits that leave their estimate out.

    Examples
    --------
    >>> rows = pl.DataFrame({"ratio": [2.0], "conf_low": [1.0], "conf_high": [4.0]})
    >>> estimate, se = read_effects(rows, "studies.csv")
    >>> round(estimate[0], 4), round(se[0], 4)
    (0.6931, 0.3537)
    """
    there = set(frame.columns)
    limited = {c.CONF_LOW, c.CONF_HIGH} <= there
    if c.SE in there or not limited or not {c.ESTIMATE, c.RATIO} & there:
        _refuse_absent(frame, path)
        return read_numbers(frame, c.ESTIMATE, path), read_numbers(frame, c.SE, path)
    of_ratio = c.ESTIMATE not in there
    middle = c.RATIO if of_ratio else c.ESTIMATE
    named = (middle, c.CONF_LOW, c.CONF_HIGH)
    values = [read_numbers(frame, name, path) for name in named]
    if of_ratio:
        values = [_take_logarithm(column, path) for column in values]
    table = pl.DataFrame(dict(zip(("at", "low", "high"), values, strict=True)))
    beyond = (pl.col("at") < pl.col("low")) | (pl.col("at") > pl.col("high"))
    outside = int(table.select(beyond.sum()).item())
    if outside:
        raise InputError(f"{path}: {rows_have(outside)} a {middle} outside of its limits")
    found = table.select(
        pl.col("at").alias(c.ESTIMATE),
        ((pl.col("high") - pl.col("low")) / (2.0 * _HALF)).alias(c.SE),
        off=(pl.col("at") - (pl.col("high") + pl.col("low")) / 2.0).abs(),
    )
    add_note(f"{path}: errors are of limits, which are taken to be of 95 %")
    if not of_ratio and _seem_ratios(table):
        add_note(
            f"{path}: the limits lie evenly about the logarithms of the estimates, as those of "
            f"ratios do; if these are ratios, call the column {c.RATIO}"
        )
    uneven = int(found.select((pl.col("off") > _UNEVEN * pl.col(c.SE)).sum()).item())
    if uneven:
        scale = " on the scale of logarithms" if of_ratio else ""
        add_note(
            f"{path}: {rows_have(uneven)} limits that do not lie evenly about the estimate{scale}: "
            "are they of 95 %, and of this estimate?"
        )
    return found[c.ESTIMATE], found[c.SE]


def _seem_ratios(table: pl.DataFrame) -> bool:
    """Tell whether limits are even about the logarithms of estimates, and not about these."""
    whole = table.drop_nulls()
    if not whole.height or not bool((whole["low"] > 0.0).all()):
        return False
    off = []
    for scaled in (whole, whole.select(pl.all().log())):
        se = (scaled["high"] - scaled["low"]) / (2.0 * _HALF)
        middle = (scaled["high"] + scaled["low"]) / 2.0
        errors = ((scaled["at"] - middle).abs() / se).drop_nans()
        off.append(float(errors.sum()))
    return off[1] < 0.5 * off[0]


def read_numbers(frame: pl.DataFrame, name: str, path: str) -> pl.Series:
    """Return a column of numbers, not-a-number as null.

    Raises
    ------
    ColumnError
        It is not there, or holds something else.
    """
    if name not in frame.columns:
        raise ColumnError(f"{path}: no column {name!r}{nearest(name, frame.columns)}")
    if not frame[name].dtype.is_numeric() and frame[name].dtype != pl.Null:
        raise ColumnError(f"{path}: column {name!r} holds {frame[name].dtype}, not numbers")
    return frame[name].cast(pl.Float64).fill_nan(None)


def _refuse_absent(frame: pl.DataFrame, path: str) -> None:
    absent = [name for name in (c.ESTIMATE, c.SE) if name not in frame.columns]
    if not absent:
        return
    hint = nearest(absent[0], frame.columns)
    raise ColumnError(
        f"{path}: no column {absent[0]!r}{hint}; estimate and se are needed, or ratio (or "
        "estimate) with conf_low and conf_high, its limits of 95 %"
    )


def _take_logarithm(column: pl.Series, path: str) -> pl.Series:
    low = column.min()
    if isinstance(low, float) and not low > 0.0:
        raise InputError(f"{path}: {column.name} is {low:g}: ratios and their limits are above 0")
    return column.log(math.e)
