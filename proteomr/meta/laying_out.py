"""Rows of studies as arrays: a unit for each key, a column for each study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import ColumnError, InputError, rows_have
from proteomr.meta.reading import STUDY, StudyRows
from proteomr.tables import columns as c

__all__ = ["Layout", "lay_out"]


@dataclass(frozen=True, slots=True)
class Layout:
    """Effects of m keys by k places.

    Attributes
    ----------
    keys : ``m`` rows of the columns that say what an effect is of.
    frame : the rows of studies, in the order of `unit` and `place`.
    unit, place : ``(r,)`` where each row stands.
    studies : names of the places where each is one study; else empty.
    width : k.
    """

    keys: pl.DataFrame
    frame: pl.DataFrame
    unit: I64
    place: I64
    studies: tuple[str, ...]
    width: int

    def spread(self, values: F64) -> F64:
        """Return a column of rows as ``(m, k)``, NaN where there is no row."""
        out = np.full((self.keys.height, self.width), np.nan)
        out[self.unit, self.place] = values
        return out

    def spread_columns(self, values: F64, rows: I64) -> F64:
        """Return ``(r, p)`` columns of some rows as ``(m, k, p)``."""
        out = np.full((self.keys.height, self.width, values.shape[1]), np.nan)
        out[self.unit[rows], self.place[rows]] = values
        return out

    @property
    def effects(self) -> F64:
        """Effects ``(m, k)``."""
        return self.spread(self.frame[c.ESTIMATE].to_numpy())

    @property
    def variances(self) -> F64:
        """Variances ``(m, k)``; of errors below 1e-150 at least the least that is not 0."""
        se = self.spread(self.frame[c.SE].to_numpy())
        return np.asarray(np.maximum(se**2, np.finfo(np.float64).tiny))

    @property
    def people(self) -> F64:
        """People of each study ``(m, k)``.

        Raises
        ------
        ColumnError, InputError
            There is no column of them, or a study has none.
        """
        if "_n" not in self.frame.columns:
            raise ColumnError(f"no column {c.N!r}, which --stouffer-weights n is read from")
        untold = self.frame.filter((pl.col("_n") > 0.0).not_().fill_null(value=True))
        if untold.height:
            raise InputError(
                f"study {untold[STUDY][0]}: {rows_have(untold.height)} no people above 0 in column "
                f"{c.N!r}, by which --stouffer-weights n weighs"
            )
        return self.spread(self.frame["_n"].to_numpy())

    def codes(self, column: str) -> I64:
        """Return a column of text as codes ``(m, k)``, -1 where there is no row."""
        kinds = pl.Series(self.frame[column].unique().sort())
        codes = self.frame[column].cast(pl.Enum(kinds)).to_physical().cast(pl.Int64).to_numpy()
        out = np.full((self.keys.height, self.width), -1, dtype=np.int64)
        out[self.unit, self.place] = codes
        return out

    def name_places(self, unit: I64, place: I64) -> list[str]:
        """Return the names of the studies at some places of units."""
        rows = np.full((self.keys.height, self.width), 0, dtype=np.int64)
        rows[self.unit, self.place] = np.arange(self.frame.height)
        names: list[str] = self.frame[STUDY].gather(rows[unit, place]).to_list()
        return names


def lay_out(rows: StudyRows) -> Layout:
    """Lay rows out: studies in alphabetical order, or row by row where one has several.

    Examples
    --------
    >>> frame = pl.DataFrame({"protein": ["A", "A"], "study": ["x", "y"], "estimate": [1.0, 2.0],
    ...     "se": [1.0, 1.0]})
    >>> lay_out(StudyRows(frame, ("protein",), ())).effects.tolist()
    [[1.0, 2.0]]
    """
    frame, keys = rows.frame, list(rows.keys)
    if keys:
        units = frame.select(keys).unique(maintain_order=True)
        joined = frame.join(
            units.with_row_index("_unit"),
            on=keys,
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        unit = joined["_unit"].cast(pl.Int64).to_numpy()
    else:
        units, unit = pl.DataFrame({"_all": [0]}).drop("_all"), np.zeros(frame.height, np.int64)
    single = not frame.select(pl.struct(*keys, STUDY).is_duplicated().any()).item()
    studies = tuple(rows.studies) if single else ()
    place = _code(frame[STUDY], studies) if single else _count_within(unit)
    width = len(studies) if single else int(place.max()) + 1
    if not keys:
        units = pl.DataFrame({"_all": [None]})
    return Layout(units, frame, unit, place, studies, width)


def _code(column: pl.Series, names: Sequence[str]) -> I64:
    codes = column.cast(pl.Enum(list(names))).to_physical()
    return codes.cast(pl.Int64).to_numpy()


def _count_within(unit: I64) -> I64:
    """Return how many rows of its unit stand before each row; units stand together."""
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    return np.arange(unit.size) - np.repeat(starts, np.diff(np.append(starts, unit.size)))
