"""Functions of cells worked out once where cells repeat: runs of one cell, single letters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["Distinct", "find_distinct", "find_letters", "map_letters", "map_runs", "put_cells"]

CellFunction: TypeAlias = Callable[[pl.Series], pl.Series]
"""What becomes of each cell by itself, whatever stands beside it."""

_LETTERS: Final = pl.Series([chr(code) for code in range(128)])  # one byte each in UTF-8
_FEW_RUNS: Final = 8  # rows to a run, from which on the detour pays


@dataclass(frozen=True, slots=True, eq=False)
class Distinct:
    """Cells of a column that stand for all.

    Parameters
    ----------
    cells : (d,) of the column, not all of them different.
    place : (r,) of each row among them.
    """

    cells: pl.Series
    place: pl.Series

    def map(self, function: CellFunction) -> pl.Series:
        """Return a function of all rows of the column."""
        return function(self.cells).gather(self.place)


def find_distinct(cells: pl.Series) -> Distinct:
    """Return cells that stand for all of a column of text: of runs, of letters, else all.

    Examples
    --------
    >>> find_distinct(pl.Series(["a", "b", "a"])).cells.to_list()
    ['a', 'b']
    """
    everything = Distinct(cells, pl.int_range(cells.len(), dtype=pl.UInt32, eager=True))
    return _find_runs(cells) or _find_letters(cells) or everything


def map_runs(cells: pl.Series, function: CellFunction) -> pl.Series:
    """Return a function of cells, worked out for the first cell of each run where runs are long.

    Parameters
    ----------
    cells : (r,)
    function : of each cell by itself.

    Examples
    --------
    >>> map_runs(pl.Series(["a"] * 20 + ["b"] * 20), lambda cells: cells.str.to_uppercase())[20]
    'B'
    """
    runs = _find_runs(cells)
    return function(cells) if runs is None else runs.map(function)


def map_letters(cells: pl.Series, function: CellFunction) -> pl.Series:
    """Return a function of text, worked out once for cells of the same single letter.

    Parameters
    ----------
    cells : (r,) text.
    function : of each cell by itself.

    Examples
    --------
    >>> map_letters(pl.Series(["a", "c", None, "at"]), lambda s: s.str.to_uppercase()).to_list()
    ['A', 'C', None, 'AT']
    """
    letters = _find_letters(cells)
    return function(cells) if letters is None else letters.map(function)


def find_letters(cells: pl.Series) -> NDArray[np.uint8]:
    """Return the codes of cells that are a single ASCII letter or mark, 0 for all others.

    Parameters
    ----------
    cells : (r,) text.

    Examples
    --------
    >>> find_letters(pl.Series(["A", "AT", None, "G"])).tolist()
    [65, 0, 0, 71]
    """
    letters = cells.cast(pl.Binary).bin.reinterpret(dtype=pl.UInt8)
    return letters.fill_null(0).to_numpy()


def put_cells(cells: pl.Series, rows: pl.Series, values: pl.Series) -> pl.Series:
    """Return cells with other values in some rows.

    Parameters
    ----------
    cells : (r,)
    rows : (k,) places, each once.
    values : (k,)

    Examples
    --------
    >>> put_cells(pl.Series(["a", "b"]), pl.Series([1]), pl.Series(["c"])).to_list()
    ['a', 'c']
    """
    if rows.len() == cells.len():
        return values
    place = np.arange(cells.len(), dtype=np.uint32)
    place[rows.to_numpy()] = np.arange(cells.len(), cells.len() + rows.len())
    return pl.concat([cells, values], rechunk=True).gather(pl.Series(place))


def _find_runs(cells: pl.Series) -> Distinct | None:
    """Return the first cell of each run; None where runs are short."""
    run = cells.rle_id()
    if not run.len() or (int(run[-1]) + 1) * _FEW_RUNS > run.len():
        return None
    number = run.to_numpy()
    starts = np.concatenate([[0], np.flatnonzero(number[1:] != number[:-1]) + 1])
    return Distinct(cells.gather(starts), run)


def _find_letters(cells: pl.Series) -> Distinct | None:
    """Return the letters among the cells, and all others; None where these are the most."""
    code = find_letters(cells)
    rest = np.flatnonzero(code == 0)
    if 2 * rest.size >= code.size:
        return None
    letters = np.flatnonzero(np.bincount(code)[1:]) + 1
    place_of = np.zeros(256, dtype=np.uint32)
    place_of[letters] = np.arange(letters.size)
    place = place_of[code]
    place[rest] = np.arange(letters.size, letters.size + rest.size)
    found = _LETTERS.gather(letters).alias(cells.name)
    if rest.size:
        found = pl.concat([found, cells.gather(rest)], rechunk=True)
    return Distinct(found, pl.Series(place))
