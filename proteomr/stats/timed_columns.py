"""Covariates in the order of time, for sums over risk sets of all columns of fits that share them.

A sum over the risk sets is then one walk from the last event time to the first, row by row; of the
columns that are functions of a factor's cell a row adds to those alone that are not 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.risk_sets import RiskSets
from proteomr.stats.workspace import aligned

__all__ = ["ABREAST", "SortedColumns", "TimedColumns", "order_columns"]

_Positions = NDArray[np.int32]

ABREAST = 16
"""Columns that are added up at a time: a loop of four registers of them has no rest."""


class SortedColumns(NamedTuple):
    """Columns of rows in the order of an event time, those without any first.

    Attributes
    ----------
    dense : ``(n, m)``, the d dense columns, and zeros up to a multiple of :data:`ABREAST`.
    rows : ``(n,)``, which row each is.
    starts : ``(G + 2,)``, where the rows of each event time begin.
    cell : ``(n,)``, cell of each.
    """

    dense: F64
    rows: _Positions
    starts: _Positions
    cell: _Positions


class TimedColumns(NamedTuple):
    """The k covariates of n rows: d dense ones, and functions of the cell.

    Attributes
    ----------
    leaving : by the last event time that a row is at risk at.
    coming : by the first; of no rows without left truncation.
    place, value : ``(q, w)``, of each cell which of the ``k - d`` columns are not 0, and their
        values; ``k - d`` and 0 where they are fewer than w.
    of_dead : ``(E, k)``, all columns of those who have the event.
    tied : ``(G,)``, which of the T times with several events each is; -1 for others.
    d : number of dense columns.
    largest : ``(k,)``, the largest absolute value of each column.
    """

    leaving: SortedColumns
    coming: SortedColumns
    place: _Positions
    value: F64
    of_dead: F64
    tied: I64
    d: int
    largest: F64

    def matrix(self) -> F64:
        """Return the columns ``(n, k)`` in the order of rows, the dense ones first."""
        dense, rows, _, cell = self.leaving
        d, k = self.d, self.of_dead.shape[1]
        of_cells = np.zeros((self.place.shape[0], k - d + 1))
        np.put_along_axis(of_cells, self.place.astype(np.int64), self.value, axis=1)
        of_cells = of_cells[:, : k - d]
        out = np.empty((rows.size, k))
        out[rows, :d] = dense[:, :d]
        out[rows, d:] = of_cells[cell]
        return out


def order_columns(design: ChunkedDesign, risk: RiskSets) -> TimedColumns:
    """Order the columns of a design by the risk sets of its rows.

    Examples
    --------
    >>> from proteomr.stats.chunked import chunk_design
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.array([[-np.inf, 5.0, 1.0], [-np.inf, 3.0, 1.0]])
    >>> dense, cells = np.array([[7.0], [8.0]]), np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> design = chunk_design(dense, cells, np.array([0, 1]))
    >>> columns = order_columns(design, lay_out_risk_sets(rows))
    >>> columns.leaving.dense[:, 0].tolist(), columns.matrix().tolist()
    ([8.0, 7.0], [[7.0, 1.0, 0.0], [8.0, 0.0, 2.0]])
    """
    bins, A, d = risk.bins, design.matrix(), design.d
    dense = np.zeros((design.n, d + -d % ABREAST))
    dense[:, :d] = A[:, :d]
    cell = design.cell_of_row.astype(np.int32)
    leaving = _sort(dense, cell, bins.top, risk.size)
    nobody = np.zeros(0, dtype=np.int64)
    coming = _sort(dense, cell, bins.bottom, risk.size, of=None if bins.late else nobody)
    place, value = _list_columns(design.cell_columns)
    several = risk.deaths > 1
    return TimedColumns(
        leaving,
        coming,
        place=place,
        value=value,
        of_dead=A[bins.dead],
        tied=np.where(several, np.cumsum(several) - 1, -1),
        d=d,
        largest=np.abs(A).max(axis=0, initial=0.0),
    )


def _list_columns(cell_columns: F64) -> tuple[_Positions, F64]:
    """Return the columns of each cell that are not 0, and their values, in lists of one length.

    Loops over lists of one length are foreseen by the processor, and take half of the time.
    """
    q, z = cell_columns.shape
    there = cell_columns != 0.0
    width = int(there.sum(axis=1).max(initial=0))
    order = np.argsort(~there, axis=1, kind="stable")[:, :width]
    value = np.take_along_axis(cell_columns, order, axis=1)
    place = np.where(value != 0.0, order, z).reshape(q, width)
    return place.astype(np.int32), np.ascontiguousarray(value)


def _sort(
    dense: F64, cell: _Positions, by: _Positions, size: int, *, of: I64 | None = None
) -> SortedColumns:
    """Return columns of rows, all or some, in the order of numbers up to the size."""
    rows = np.argsort(by, kind="stable") if of is None else of
    counts = np.bincount(by[rows], minlength=size + 1)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    columns = aligned((rows.size, dense.shape[1]), np.float64)
    columns[:] = dense[rows]
    return SortedColumns(columns, rows.astype(np.int32), starts, cell[rows])
