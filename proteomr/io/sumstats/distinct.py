"""Functions of cells worked out once where cells repeat: runs of one cell, single letters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["find_letters", "list_distinct", "map_letters", "map_repeated", "map_runs", "put_cells"]

CellFunction: TypeAlias = Callable[[pl.Series], pl.Series]
"""What becomes of each cell by itself, whatever stands beside it."""

_LETTERS: Final = pl.Series([chr(code) for code in range(128)])  # one byte each in UTF-8
_FEW_RUNS: Final = 8  # rows to a run, from which on the detour pays


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
    starts, run = _find_runs(cells)
    if starts.size * _FEW_RUNS > cells.len():
        return function(cells)
    return function(cells.gather(starts)).gather(run)


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
    code = find_letters(cells)
    rest = np.flatnonzero(code == 0)
    if 2 * rest.size > code.size:
        return function(cells)
    of_letters = function(_LETTERS.alias(cells.name))
    if not rest.size:
        return of_letters.gather(code)
    place = code.astype(np.uint32)
    place[rest] = np.arange(_LETTERS.len(), _LETTERS.len() + rest.size)
    return pl.concat([of_letters, function(cells.gather(rest))], rechunk=True).gather(place)


def map_repeated(cells: pl.Series, function: CellFunction) -> pl.Series:
    """Return a function of text by runs where these are long, else by letters.

    Examples
    --------
    >>> map_repeated(pl.Series(["a", "b", "a"]), lambda cells: cells.str.to_uppercase()).to_list()
    ['A', 'B', 'A']
    """
    starts, run = _find_runs(cells)
    if starts.size * _FEW_RUNS > cells.len():
        return map_letters(cells, function)
    return function(cells.gather(starts)).gather(run)


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


def list_distinct(cells: pl.Series) -> pl.Series:
    """Return the cells that occur, in no order, null among them.

    Examples
    --------
    >>> list_distinct(pl.Series(["a", "a", None])).sort().to_list()
    [None, 'a']
    """
    starts, _ = _find_runs(cells)
    if starts.size * _FEW_RUNS <= cells.len() or cells.dtype != pl.String:
        return cells.gather(starts).unique()
    code = find_letters(cells)
    letters = np.flatnonzero(np.bincount(code, minlength=1)[1:]) + 1
    rest = cells.gather(np.flatnonzero(code == 0)).unique()
    return pl.concat([_LETTERS.gather(letters).alias(cells.name), rest], rechunk=True)


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
    return pl.concat([cells, values], rechunk=True).gather(place)


def _find_runs(cells: pl.Series) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return where runs of one cell start, and the number of the run that each cell is of."""
    run = cells.rle_id().to_numpy()
    return np.flatnonzero(np.diff(run, prepend=np.uint32(1) << 31)), run
