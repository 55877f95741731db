"""Protein matrices that are read by blocks of columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import ColumnError, InputError, nearest

__all__ = ["ArrayProteins", "Proteins", "average_repeats", "find_columns", "proteins_from_frame"]


@runtime_checkable
class Proteins(Protocol):
    """A matrix of n people by p proteins of which only blocks of columns are ever in memory."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the p proteins, in order."""

    @property
    def n(self) -> int:
        """Number of people."""

    def read(self, columns: slice, /) -> F64:
        """Return a block of proteins that the caller owns.

        Parameters
        ----------
        columns : positions of b proteins.

        Returns
        -------
        block : (n, b), Fortran-ordered, so that its transpose is C-contiguous; NaN = missing.
        """

    def select_rows(self, rows: I64) -> Proteins:
        """Return the same proteins for chosen people, in the order given.

        Parameters
        ----------
        rows : positions of people, (m,); -1 for a person without any value.
        """

    def select_columns(self, names: Sequence[str]) -> Proteins:
        """Return chosen proteins, in the order given, for the same people."""


@dataclass(frozen=True, slots=True, eq=False)
class ArrayProteins:
    """A protein matrix in memory.

    Parameters
    ----------
    names : names of the p proteins, each once.
    values : (n, p), NaN = missing.

    Raises
    ------
    InputError
        A name stands twice, or the names do not fit the values.

    Examples
    --------
    >>> import numpy as np
    >>> proteins = ArrayProteins(("ADM", "GDF15"), np.array([[1.0, 2.0], [3.0, np.nan]]))
    >>> proteins.read(slice(1, 2)).T
    array([[ 2., nan]])
    """

    names: tuple[str, ...]
    values: F64

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names):
            raise InputError(
                f"{len(self.names)} protein names for values of shape {self.values.shape}"
            )
        if len(set(self.names)) < len(self.names):
            raise InputError(f"protein {_first_repeated(self.names)!r} stands twice")

    @property
    def n(self) -> int:
        """Number of people."""
        return int(self.values.shape[0])

    def read(self, columns: slice, /) -> F64:
        """Return the proteins of a slice, (n, b), Fortran-ordered."""
        return np.array(self.values[:, columns], dtype=np.float64, order="F")

    def select_rows(self, rows: I64) -> ArrayProteins:
        """Return the same proteins for chosen people, in the order given; -1 is nobody."""
        values = self.values[rows]
        values[rows < 0] = np.nan
        return ArrayProteins(self.names, values)

    def select_columns(self, names: Sequence[str]) -> ArrayProteins:
        """Return chosen proteins, in the order given.

        Raises
        ------
        ColumnError
            There is no protein of that name.
        """
        return ArrayProteins(tuple(names), self.values[:, find_columns(self.names, names)])


def find_columns(known: Sequence[str], names: Sequence[str]) -> list[int]:
    """Return the positions of proteins by their names.

    Parameters
    ----------
    known : the names there are.
    names : the names wanted.

    Raises
    ------
    ColumnError
        A name is not among the known ones, or is wanted twice.

    Examples
    --------
    >>> find_columns(["ADM", "GDF15"], ["GDF15"])
    [1]
    """
    position: Mapping[str, int] = {name: index for index, name in enumerate(known)}
    for name in names:
        if name not in position:
            raise ColumnError(f"no protein {name!r}{nearest(name, known)}")
    if len(set(names)) < len(names):
        raise ColumnError(f"protein {_first_repeated(names)!r} is named twice")
    return [position[name] for name in names]


def proteins_from_frame(frame: pl.DataFrame) -> ArrayProteins:
    """Return the numeric columns of a frame as proteins in memory.

    Parameters
    ----------
    frame : one column per protein and nothing else; null and NaN both mean missing.

    Raises
    ------
    ColumnError
        A column is not numeric.

    Examples
    --------
    >>> import polars as pl
    >>> proteins_from_frame(pl.DataFrame({"ADM": [1, None]})).read(slice(0, 1)).T
    array([[ 1., nan]])
    """
    values = np.empty(frame.shape, dtype=np.float64, order="F")
    for position, column in enumerate(frame.iter_columns()):
        if not (column.dtype.is_numeric() or column.dtype == pl.Null):
            raise ColumnError(f"protein {column.name!r} holds {column.dtype}; numbers are needed")
        values[:, position] = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return ArrayProteins(tuple(frame.columns), values)


def average_repeats(flat: F64, *, cells: I64, values: F64) -> None:
    """Put into cells the mean of what they hold and of the further values measured for them.

    The sums run from the smallest value up, so that the order of the values does not show.

    Parameters
    ----------
    flat : a matrix as one row of cells; changed in place.
    cells : position of the cell of each further value, (m,); none of these cells is empty.
    values : the further values, (m,), none missing.

    Examples
    --------
    >>> import numpy as np
    >>> flat = np.array([1.0, 5.0])
    >>> average_repeats(flat, cells=np.array([0, 0]), values=np.array([3.0, 8.0]))
    >>> flat.tolist()
    [4.0, 5.0]
    """
    again = np.unique(cells)
    if not again.size:
        return
    cell = np.concatenate([again, cells])
    value = np.concatenate([flat[again], values])
    order = np.lexsort((value, cell))
    starts = np.searchsorted(cell[order], again)
    counts = np.diff(np.append(starts, cell.size))
    flat[again] = np.add.reduceat(value[order], starts) / counts


def _first_repeated(names: Sequence[str]) -> str:
    return next(name for name, count in Counter(names).items() if count > 1)
