"""The columns of a cohort's samples, each looked at once."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from proteomr._typing import Bool
from proteomr.errors import ColumnError, nearest
from proteomr.runs.notes import add_note
from proteomr.stats.sentinels import describe_sentinels, find_sentinels
from proteomr.tables import Cohort

__all__ = ["Columns", "label_level", "missing_in", "note_codes"]


def missing_in(column: pl.Series) -> Bool:
    """Return where a column has no value: null, NaN or blank text."""
    if column.dtype.is_float():
        return np.asarray(np.isnan(column.to_numpy()))  # NaN for null
    if column.dtype == pl.String:
        return np.asarray((column.str.strip_chars() == "").fill_null(value=True).to_numpy())
    if not column.null_count():
        return np.zeros(column.len(), dtype=bool)
    return np.asarray(column.is_null().to_numpy())


def label_level(level: object) -> str:
    """Return the label of a level: a whole number without its decimals.

    Examples
    --------
    >>> label_level(2.0), label_level(2.5), label_level("yes")
    ('2', '2.5', 'yes')
    """
    return str(int(level)) if isinstance(level, float) and level.is_integer() else str(level)


def note_codes(column: pl.Series) -> None:
    """Say of a column of numbers which of them seem to stand for a missing value."""
    if not column.dtype.is_numeric():
        return
    numbers = column.cast(pl.Float64).to_numpy()  # NaN for null
    if codes := find_sentinels(numbers):
        add_note(f"{column.name} has {describe_sentinels(codes)}")


class Columns:
    """The columns of a cohort's samples by name, and where each has no value.

    Parameters
    ----------
    cohort : n people.
    """

    def __init__(self, cohort: Cohort) -> None:
        self._cohort = cohort
        self._missing: dict[str, Bool] = {}

    def __reduce__(self) -> tuple[type[Columns], tuple[Cohort]]:
        # what has been looked at is looked at again elsewhere, rather than sent there
        return Columns, (self._cohort,)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that a model may use: all but the identifier."""
        cohort = self._cohort
        return tuple(name for name in cohort.samples.columns if name != cohort.id_column)

    def __contains__(self, name: str) -> bool:
        return name in self._cohort.samples.columns

    def __getitem__(self, name: str) -> pl.Series:
        if name not in self:
            raise ColumnError(f"no column {name!r} in the samples{self._hint_at(name)}")
        return self._cohort.samples[name]

    def _hint_at(self, name: str) -> str:
        """Say what may have been meant by a name that no column has."""
        parts = [part for part in re.split(r"[\s,;+&]+", name) if part]
        if len(parts) > 1 and all(part in self for part in parts):
            shown = ", ".join(map(repr, parts))
            return f", but {shown} are columns: give the option once for each"
        if name in self._cohort.proteins.names:
            return "; it is a column of the proteins, all of which are fitted"
        return nearest(name, self._cohort.samples.columns)

    def missing(self, name: str) -> Bool:
        """Return where a column has no value ``(n,)``."""
        if name not in self._missing:
            self._missing[name] = missing_in(self[name])
        return self._missing[name]

    def complete(self, names: tuple[str, ...]) -> Bool:
        """Return where all of some columns have a value ``(n,)``."""
        rows = np.ones(self._cohort.n, dtype=bool)
        for name in names:
            rows &= ~self.missing(name)
        return rows

    def note_codes(self, name: str) -> None:
        """Say of a column of numbers which of them seem to stand for a missing value."""
        note_codes(self[name])

    def is_numeric(self, name: str) -> bool:
        """Whether a column holds numbers."""
        return self[name].dtype.is_numeric()
