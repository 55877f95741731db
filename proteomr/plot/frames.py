"""What a figure asks of the tables it is drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import ColumnError, InputError, NothingToDo, UsageError, nearest
from proteomr.tables import Harmonised

__all__ = [
    "MethodRow",
    "Ratios",
    "check_pair",
    "check_single",
    "is_drawable",
    "pick_methods",
    "read_ratios",
]

_ALL = "all"
_PAIR = ("exposure", "outcome")
_DIRECTION = "direction"
_WIDTH = 1.959963984540054  # standard errors to a 95 % limit


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One method's estimate as a figure shows it; NaN where there is none."""

    key: str
    estimate: float
    se: float
    low: float
    high: float
    neg_log10_p: float
    intercept: float
    status: str

    @property
    def drawn(self) -> bool:
        """Whether there is an estimate to draw."""
        return self.status == "ok" and is_drawable(self.estimate)


@dataclass(frozen=True, slots=True, eq=False)
class Ratios:
    """Estimates of single variants, or without single variants: arrays of length m.

    Parameters
    ----------
    names : of the variants; None for the row of all variants.
    estimate, se, low, high, neg_log10_p : NaN where there is none; limits of 95 %.
    """

    names: list[str | None]
    estimate: F64
    se: F64
    low: F64
    high: F64
    neg_log10_p: F64

    def select(self, rows: Sequence[int]) -> Ratios:
        """Return chosen rows in the order given."""
        index = np.asarray(rows, dtype=np.int64)
        return Ratios(
            [self.names[row] for row in rows],
            self.estimate[index],
            self.se[index],
            self.low[index],
            self.high[index],
            self.neg_log10_p[index],
        )


def is_drawable(value: float) -> bool:
    """Tell whether a number can be placed on an axis: finite, and no overflow when squared.

    Examples
    --------
    >>> is_drawable(0.3), is_drawable(float("nan")), is_drawable(1e200)
    (True, False, False)
    """
    return bool(np.isfinite(value) and abs(value) < 1e100)


def check_single(data: Harmonised) -> tuple[str, str]:
    """Return the names of exposure and outcome of an analysis with one exposure.

    Raises
    ------
    InputError
        There are several exposures.
    """
    if len(data.exposures) != 1:
        raise InputError(f"{len(data.exposures)} exposures; a figure shows one: select it")
    return data.exposures[0], data.outcome


def check_pair(frame: pl.DataFrame, *, table: str, columns: Sequence[str]) -> tuple[str, str]:
    """Return the names of exposure and outcome of a table of one pair.

    Raises
    ------
    ColumnError
        A column that the figure needs is absent.
    NothingToDo
        There is no row, as of single variants left out of a pair that has but one.
    InputError
        There are rows of several pairs, or of both directions of one.
    """
    for column in (*_PAIR, *columns):
        if column not in frame.columns:
            remedy = nearest(column, frame.columns)
            raise ColumnError(f"the table {table} has no column {column!r}{remedy}")
    if not frame.height:
        raise NothingToDo(f"the table {table} has no row of the pair")
    keys = [*_PAIR, *(name for name in (_DIRECTION,) if name in frame.columns)]
    pairs = frame.select(pl.col(keys).cast(pl.String)).unique()
    if pairs.height != 1:
        keys = [name for name in pairs.columns if pairs[name].n_unique() > 1]
        first = frame.select(pl.col(keys).cast(pl.String)).row(0, named=True)
        chosen = " ".join(f"--where-rows '{name}={value}'" for name, value in first.items())
        raise InputError(
            f"the table {table} holds {pairs.height} pairs of exposure and outcome; "
            f"a figure shows one: choose it, as by {chosen}"
        )
    exposure, outcome = pairs.row(0)[:2]
    return str(exposure), str(outcome)


def pick_methods(
    estimates: pl.DataFrame | None, pair: tuple[str, str], *, methods: Sequence[str] | None
) -> list[MethodRow]:
    """Return the methods of a pair in the order of the table, or in the order asked for.

    Raises
    ------
    ColumnError
        A needed column is absent.
    InputError
        The table is of another pair, or names a method twice.
    UsageError
        A method asked for is not in the table.
    """
    if estimates is None or (not estimates.height and methods is None):
        return []
    needed = ("method", "estimate", "se", "conf_low", "conf_high", "neg_log10_p", "status")
    estimates_pair = check_pair(estimates, table="estimates", columns=needed)
    if estimates_pair != pair:
        raise InputError(
            f"the estimates are of {estimates_pair[0]!r} on {estimates_pair[1]!r}, "
            f"the variants of {pair[0]!r} on {pair[1]!r}: give tables of one pair"
        )
    rows = {row.key: row for row in _read_methods(estimates)}
    if len(rows) != estimates.height:
        raise InputError(
            f"{estimates.height} estimates of {len(rows)} methods; one of each is needed"
        )
    if methods is None:
        return list(rows.values())
    for method in methods:
        if method not in rows:
            raise UsageError(f"no estimate by method {method!r}{nearest(method, rows)}")
    return [rows[method] for method in dict.fromkeys(methods)]


def read_ratios(frame: pl.DataFrame) -> tuple[Ratios, Ratios]:
    """Return the rows of single variants, and those of all variants together.

    Limits lie 1.96 standard errors from the estimate.
    """
    columns = [_numbers(frame, name) for name in ("estimate", "se", "neg_log10_p")]
    estimate, se, neg_log10_p = columns
    with np.errstate(invalid="ignore", over="ignore"):
        low, high = estimate - _WIDTH * se, estimate + _WIDTH * se
    texts = frame["variant_id"].cast(pl.String).to_list()
    names = [None if text is None or text.casefold() == _ALL else text for text in texts]
    rows = Ratios(names, estimate, se, low, high, neg_log10_p)
    single = [row for row, name in enumerate(names) if name is not None]
    together = [row for row, name in enumerate(names) if name is None]
    return rows.select(single), rows.select(together)


def _read_methods(estimates: pl.DataFrame) -> list[MethodRow]:
    if "intercept" not in estimates.columns:
        estimates = estimates.with_columns(pl.lit(None, dtype=pl.Float64).alias("intercept"))
    names = ("estimate", "se", "conf_low", "conf_high", "neg_log10_p", "intercept")
    held = {name: _numbers(estimates, name) for name in names}
    keys = estimates["method"].cast(pl.String).to_list()
    statuses = estimates["status"].cast(pl.String).to_list()
    return [
        MethodRow(
            key=str(key),
            estimate=float(held["estimate"][row]),
            se=float(held["se"][row]),
            low=float(held["conf_low"][row]),
            high=float(held["conf_high"][row]),
            neg_log10_p=float(held["neg_log10_p"][row]),
            intercept=float(held["intercept"][row]),
            status=str(status),
        )
        for row, (key, status) in enumerate(zip(keys, statuses, strict=True))
    ]


def _numbers(frame: pl.DataFrame, name: str) -> F64:
    column = frame[name]
    if not (column.dtype.is_numeric() or column.dtype == pl.Null):
        raise ColumnError(f"the column {name!r} holds {column.dtype}; numbers are needed")
    values: F64 = column.cast(pl.Float64).to_numpy().astype(np.float64)
    return values
