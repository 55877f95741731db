"""Covariates as columns of factor cells and what these leave of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import Factor, Problem
from proteomr.stats.linalg import (
    FLAT,
    PLAIN_PIVOT,
    cholesky_pivots,
    find_column_ends,
    find_independent,
    orthonormalise,
)

__all__ = [
    "Cells",
    "describe_aliased",
    "find_aliased",
    "lay_out_cells",
    "name_aliased",
    "order_rows",
    "orthonormalise_twice",
    "take_out_cells",
]

_SAID = "aliased: "

# A run of rows has to be long enough to be worth its own entry: shorter ones cost more to start
# than the product of a dummy column that they save.
_ROWS_PER_CELL = 64
# As in the linear family: the share of its length below which a column is made of others.
_ALIASED = 1e-9


@dataclass(frozen=True, slots=True)
class Cells:
    """A basis of covariates: z functions of the cell of a row, and d dense columns.

    Attributes
    ----------
    cell_columns : ``(q, z)``, the intercept and dummy columns in each of the q cells.
    cell_of_row : ``(n,)``, ascending.
    dense : ``(n, d)``, orthogonal to the cell columns and to one another, each of length
        ``sqrt(n)``.
    kept : positions in the columns handed in, after those of cells, of which ``dense`` is the
        basis:
        the span of its first i columns and the cells is that of the first i kept.
    sparse : the independent ones of the columns that the cells stand for.
    """

    cell_columns: F64
    cell_of_row: I64
    dense: F64
    kept: tuple[int, ...]
    sparse: tuple[int, ...]


def choose_cell_factors(factors: Sequence[Factor], n: int) -> tuple[Factor, ...]:
    """Choose the largest factors of more than two levels whose cells are few for n rows."""
    chosen: list[Factor] = []
    cells = 1
    for factor in sorted(factors, key=lambda f: -f.columns.size):
        levels = factor.columns.size + 1
        if levels > 2 and cells * levels * _ROWS_PER_CELL <= n:
            chosen.append(factor)
            cells *= levels
    return tuple(chosen)


def order_rows(factors: Sequence[Factor], n: int) -> I64:
    """Return the order of n rows in which the cells of the chosen factors are contiguous.

    Rows keep their order within a cell.
    """
    chosen = choose_cell_factors(factors, n)
    if not chosen:
        return np.arange(n)
    return np.lexsort([factor.codes for factor in reversed(chosen)])


def lay_out_cells(
    covariates: F64, columns: Sequence[int] | I64, factors: Sequence[Factor], *, rows: I64
) -> Cells:
    """Lay out covariates by the cells of the factors that the rows are ordered by.

    Parameters
    ----------
    covariates : ``(n of the problem, k)``.
    columns : those to lay out, the intercept (0) first.
    factors : factors whose columns are all among them.
    rows : the n rows to use.
    """
    used, cell = _find_cells(factors, rows)
    sparse = [0, *(column for factor in used for column in factor.columns.tolist())]
    begins = np.diff(cell, prepend=-1) > 0  # cells ascend
    first, cell_of_row = np.flatnonzero(begins), np.cumsum(begins) - 1
    whole = rows.size == covariates.shape[0]
    Z = covariates[rows[first]][:, sparse]
    apart = find_independent(Z)
    Z = Z[:, apart]
    others = [int(column) for column in columns if int(column) not in set(sparse)]
    values = covariates[:, others] if whole else covariates[rows[:, None], others]
    dense, independent = _sweep(values, Z, cell_of_row)
    return Cells(
        Z,
        cell_of_row,
        dense,
        tuple(others[i] for i in independent),
        tuple(sparse[i] for i in apart),
    )


def name_aliased(problem: Problem, adjustment: int, cells: Cells) -> tuple[str, ...]:
    """Return the names of an adjustment set's columns that the columns before them determine."""
    estimated = {*cells.sparse, *cells.kept}
    columns = problem.adjustments[adjustment].columns.tolist()
    return tuple(problem.names[column] for column in columns if column not in estimated)


def describe_aliased(names: Sequence[str]) -> str:
    """Say which covariates left a model since others determine them; empty without any.

    Examples
    --------
    >>> describe_aliased(["months"])
    'aliased: months'
    """
    return f"{_SAID}{', '.join(names)}" if names else ""


def find_aliased(message: str) -> tuple[str, ...]:
    """Return the covariates that the message of a fit says are aliased.

    Examples
    --------
    >>> find_aliased("aliased: months, weeks; perfect fit: the standard error is rounding")
    ('months', 'weeks')
    """
    said = [part.removeprefix(_SAID) for part in message.split("; ") if part.startswith(_SAID)]
    return tuple(name for part in said for name in part.split(", "))


def _find_cells(factors: Sequence[Factor], rows: I64) -> tuple[list[Factor], I64]:
    """Return the factors that the rows are ordered by, and each row's cell, ascending."""
    used: list[Factor] = []
    cell = np.zeros(rows.size, dtype=np.int64)
    for factor in choose_cell_factors(factors, rows.size):
        finer = cell * (factor.columns.size + 1) + factor.codes[rows]
        if np.any(np.diff(finer) < 0):
            break
        used.append(factor)
        cell = finer
    return used, cell


def _sweep(values: F64, Z: F64, cell_of_row: I64) -> tuple[F64, I64]:
    """Return an orthonormal basis of what the cell columns leave of others, and which those are.

    The values are overwritten.
    """
    counts = np.bincount(cell_of_row, minlength=Z.shape[0])
    low, high = find_column_ends(values)
    size = np.maximum(np.abs(low), np.abs(high))
    rest = values
    rest -= np.ones(values.shape[0]) @ values / values.shape[0]
    lengths = _measure(rest)
    rest /= np.where(lengths > FLAT * size, lengths, np.inf)
    take_out_cells(rest, Z, counts)
    unexplained = _measure(rest) > _ALIASED
    if not np.all(unexplained):
        rest = np.where(unexplained, rest, 0.0)
    independent = find_independent(rest, tolerance=_ALIASED)
    kept = rest if independent.size == rest.shape[1] else rest[:, independent]
    return orthonormalise_twice(kept), independent


def _measure(columns: F64) -> F64:
    """Return the lengths of columns ``(n, k)``."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->j", columns, columns)))


def take_out_cells(columns: F64, Z: F64, counts: I64, *, root: F64 | None = None) -> None:
    """Subtract from columns ``(n, k)``, in place, what functions of a row's cell explain of them.

    Parameters
    ----------
    Z : ``(q, z)``, the functions in each cell.
    counts : ``(q,)``, rows of each cell, which follow one another.
    root : ``(n,)``, what the functions are multiplied by in each row; None for 1.
    """
    stops = np.cumsum(counts)
    starts = stops - counts
    weights = counts if root is None else np.add.reduceat(root**2, starts)
    square = Z.T @ (Z * weights[:, None])
    for _ in range(2):  # the second takes out what rounding left of the first
        rooted = columns if root is None else columns * root[:, None]
        sums = np.add.reduceat(rooted, starts, axis=0)
        fitted = Z @ np.linalg.lstsq(square, Z.T @ sums, rcond=None)[0]
        for c, (start, stop) in enumerate(zip(starts.tolist(), stops.tolist(), strict=True)):
            part = fitted[c] if root is None else root[start:stop, None] * fitted[c]
            columns[start:stop] -= part


def orthonormalise_twice(matrix: F64) -> F64:
    """Return an orthogonal basis, by Cholesky QR twice where safe (Yamamoto et al. 2015).

    The matrix is overwritten.
    """
    unit, room = np.sqrt(matrix.shape[0]), None
    for length in (1.0, unit):  # once leaves the square of the condition, twice leaves rounding
        L, pivots = cholesky_pivots((matrix.T @ matrix)[None])
        if pivots[0] <= PLAIN_PIVOT:
            return orthonormalise(orthonormalise(matrix))
        product = np.matmul(matrix, length * np.linalg.inv(L[0]).T, out=room)
        matrix, room = product, matrix
    return matrix
