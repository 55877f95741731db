"""A matrix that is filled value by value, in any order, while people are still turning up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.errors import FormatError
from proteomr.io.formats import Replicates
from proteomr.tables import average_repeats, find_columns

__all__ = ["Scatter", "ScatteredProteins"]

_GROW_ROWS: Final = 4096
_LARGEST_ID: Final = 99_999_999


@dataclass(frozen=True, slots=True, eq=False)
class ScatteredProteins:
    """A matrix in memory of which people and proteins are chosen without a copy.

    Parameters
    ----------
    names : names of the chosen proteins, (p,).
    values : all that was read, (rows, q), NaN = missing.
    rows : row of each of the n people, (n,); -1 for nobody.
    columns : column of each protein, (p,).

    Examples
    --------
    >>> values = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> proteins = ScatteredProteins(
    ...     ("ADM", "GDF15"), values, rows=np.array([1, 0]), columns=np.array([0, 1])
    ... )
    >>> proteins.read(slice(1, 2)).T
    array([[4., 2.]])
    """

    names: tuple[str, ...]
    values: F64
    rows: I64
    columns: I64

    @property
    def n(self) -> int:
        """Number of people."""
        return len(self.rows)

    def read(self, columns: slice, /) -> F64:
        """Return the proteins of a slice, (n, b), Fortran-ordered, NaN = missing."""
        chosen = self.columns[columns]
        block: F64 = np.empty((self.n, len(chosen)), dtype=np.float64, order="F")
        for start in range(0, self.n, _GROW_ROWS):
            rows = self.rows[start : start + _GROW_ROWS]
            block[start : start + len(rows)] = self.values[rows[:, np.newaxis], chosen]
        block[self.rows < 0] = np.nan
        return block

    def select_rows(self, rows: I64) -> ScatteredProteins:
        """Return the same proteins for chosen people, in the order given; -1 is nobody."""
        chosen = np.where(rows < 0, -1, self.rows[rows])
        return ScatteredProteins(self.names, self.values, chosen, self.columns)

    def select_columns(self, names: Sequence[str]) -> ScatteredProteins:
        """Return chosen proteins, in the order given.

        Raises
        ------
        ColumnError
            There is no protein of that name.
        """
        chosen = self.columns[find_columns(self.names, names)]
        return ScatteredProteins(tuple(names), self.values, self.rows, chosen)


class Scatter:
    """Values of people and proteins, gathered into a matrix from lines in any order.

    A cell is the position of a value in the matrix, row by row; rows stand in the order in which
    people appear, columns in the order of the keys.

    Parameters
    ----------
    coding : key of the protein of each code.
    instance : visit whose values are taken.
    replicates : what to do with a second value of a person's protein. A mean is summed in the
        order of the values, so that the order of the lines does not show in it.
    """

    def __init__(self, coding: Mapping[int, str], *, instance: int, replicates: Replicates) -> None:
        self.instance = instance
        self.keys = tuple(sorted(coding.values()))
        self.visits: Counter[int] = Counter()
        self.unknown: Counter[int] = Counter()
        self.negative = 0
        self.empty = 0
        self.repeated = 0
        self._gathers_repeats = replicates == "mean"
        self._repeats: list[tuple[I64, F64]] = []
        self._used: Bool = np.zeros(len(self.keys), dtype=np.bool_)
        self._values: F64 = np.empty((0, len(self.keys)), dtype=np.float64)
        self._people: list[I64] = []
        self.n = 0
        # One more than the row, 0 for nobody yet. Pages into which no identifier falls are never
        # touched and cost no memory.
        self._row_of = np.zeros(_LARGEST_ID + 1, dtype=np.int32)
        self._column_of: I64 = np.full(max(coding) + 1, -1, dtype=np.int64)
        position = {key: column for column, key in enumerate(self.keys)}
        for code, key in coding.items():
            self._column_of[code] = position[key]

    def add(self, lines: pl.DataFrame) -> None:
        """Take the values of lines: person, visit, code of the protein, value.

        Raises
        ------
        FormatError
            A person's number is longer than those of UK Biobank.
        """
        person, visit, code = (lines[:, column].to_numpy() for column in range(3))
        value: F64 = lines[:, 3].fill_null(np.nan).to_numpy()
        for number, count in zip(*np.unique(visit, return_counts=True), strict=True):
            self.visits[int(number)] += int(count)
        taken = visit == self.instance
        self.negative += int((taken & (person < 0)).sum())
        taken &= person >= 0
        column = self._find_columns(code, taken)
        taken &= column >= 0
        self.empty += int((taken & np.isnan(value)).sum())
        taken &= ~np.isnan(value)
        if not taken.all():
            person, column, value = person[taken], column[taken], value[taken]
        if person.size:
            self._used |= np.bincount(column, minlength=len(self.keys)) > 0
            self._fill(self._find_rows(person) * len(self.keys) + column, value)

    def average_repeats(self) -> None:
        """Put the mean of all its values in each cell that was met again."""
        if self._repeats:
            cells, values = (np.concatenate(parts) for parts in zip(*self._repeats, strict=True))
            average_repeats(self._values.reshape(-1), cells=cells, values=values)
        self._repeats.clear()

    def finish(self) -> tuple[pl.Series, ScatteredProteins]:
        """Return the people who have a value, sorted, and the proteins that have one."""
        people = np.concatenate([*self._people, np.empty(0, dtype=np.int64)])
        ids = pl.Series("eid", people).cast(pl.String)
        rows = ids.arg_sort().to_numpy().astype(np.int64)
        columns = np.flatnonzero(self._used).astype(np.int64)
        names = tuple(self.keys[column] for column in columns)
        return ids[rows], ScatteredProteins(names, self._values, rows, columns)

    def _find_columns(self, code: I64, taken: Bool) -> I64:
        inside = (code >= 0) & (code < len(self._column_of))
        column = np.where(inside, self._column_of[np.where(inside, code, 0)], -1)
        if (column < 0).any():
            strange = code[(column < 0) & taken]
            for number, count in zip(*np.unique(strange, return_counts=True), strict=True):
                self.unknown[int(number)] += int(count)
        return column

    def _find_rows(self, person: I64) -> I64:
        if int(person.max()) > _LARGEST_ID:
            raise FormatError("identifiers of more than eight digits; UK Biobank's have seven")
        row = self._row_of[person].astype(np.int64)
        if (row == 0).any():
            self._enter(np.unique(person[row == 0]).astype(np.int64))
            row = self._row_of[person].astype(np.int64)
        row -= 1
        return row

    def _enter(self, people: I64) -> None:
        """Give rows to people who have none."""
        self._people.append(people)
        before, self.n = self.n, self.n + len(people)
        self._row_of[people] = np.arange(before + 1, self.n + 1)
        held = len(self._values)
        if self.n > held:
            rows = -(-self.n // _GROW_ROWS) * _GROW_ROWS
            # In place: the allocator moves the pages of a large array and copies nothing.
            self._values.resize((rows, len(self.keys)), refcheck=False)
            self._values[held:] = np.nan

    def _fill(self, cell: I64, value: F64) -> None:
        flat = self._values.reshape(-1)
        first: Bool = np.isnan(flat[cell])
        if not (cell[1:] > cell[:-1]).all():
            # Each line writes its own number, the first one of a cell last; where another's
            # stands afterwards, the line is not the first of its cell.
            line = np.arange(cell.size, dtype=np.float64)
            flat[cell[first][::-1]] = line[first][::-1]
            first &= flat[cell] == line
        if first.all():
            flat[cell] = value
            return
        flat[cell[first]] = value[first]
        self.repeated += int((~first).sum())
        if self._gathers_repeats:
            self._repeats.append((cell[~first], value[~first]))
