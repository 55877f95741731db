"""Values of long rows to a matrix of samples by assays, with an answer where two rows meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import IdentifierError
from proteomr.io.formats import Replicates
from proteomr.tables import columns as c

__all__ = ["Matrix", "scatter"]


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """A dense matrix, and the rows that it is made of.

    Parameters
    ----------
    samples, proteins : names, sorted.
    values : n samples by p assays, Fortran-ordered, NaN = missing.
    rows : the long rows that stand in it.
    replicated : number of samples with an assay measured more than once.
    filled : number of cells of the matrix that have a row.
    """

    samples: pl.Series
    proteins: pl.Series
    values: F64
    rows: pl.DataFrame
    replicated: int
    filled: int


def scatter(rows: pl.DataFrame, *, replicates: Replicates) -> Matrix:
    """Return the values of long rows as a matrix, whatever the order of the rows.

    Parameters
    ----------
    rows : ``sample_id`` and ``protein`` as Enum, ``plate``, ``well`` and ``value``.
    replicates : where a sample and an assay have several rows: refuse; mean of the values that
        are there; or the first, rows with a value before those without, then in the order of the
        text of plate and well, then of the value.

    Raises
    ------
    IdentifierError
        A sample and an assay have several rows, and the answer is to refuse.

    Examples
    --------
    >>> kinds = {"sample_id": pl.Enum(["A1", "A2"]), "protein": pl.Enum(["OID1"])}
    >>> rows = pl.DataFrame(
    ...     {"sample_id": ["A2", "A1"], "protein": ["OID1"] * 2, "plate": ["P"] * 2,
    ...      "well": ["A", "B"], "value": [2.0, 1.0]}, schema_overrides=kinds)
    >>> scatter(rows, replicates="refuse").values.ravel().tolist()
    [1.0, 2.0]
    """
    samples, row = _number(rows[c.SAMPLE_ID])
    proteins, column = _number(rows[c.PROTEIN])
    n, p = samples.len(), proteins.len()
    cell = column * n + row
    taken = np.zeros(n * p, dtype=np.bool_)
    taken[cell] = True
    filled = int(taken.sum())
    numbers: F64 = rows[c.VALUE].fill_null(np.nan).to_numpy()
    flat: F64 = np.full(n * p, np.nan)
    flat[cell] = numbers
    rows_kept, replicated = rows, 0
    if filled < cell.size:
        repeated = np.bincount(cell, minlength=n * p)[cell] > 1
        replicated = int(np.unique(row[repeated]).size)
        if replicates == "refuse":
            _refuse(replicated, int(repeated.sum()))
        order = _order(rows, cell, np.flatnonzero(repeated))
        if replicates == "first":
            first = order[np.unique(cell[order], return_index=True)[1]]
            flat[cell[first]] = numbers[first]
            rows_kept = rows[np.sort(np.append(np.flatnonzero(~repeated), first))]
        else:
            _put_means(flat, cell[order], numbers[order])
    values = flat.reshape((n, p), order="F")
    return Matrix(samples, proteins, values, rows_kept, replicated, filled)


def _number(names: pl.Series) -> tuple[pl.Series, I64]:
    """Return the values of a coded column in order, and the position of each row among them."""
    codes = names.to_physical().cast(pl.UInt32).to_numpy()
    present = np.flatnonzero(np.bincount(codes))
    position: I64 = np.zeros(int(present[-1]) + 1, dtype=np.int64)
    position[present] = np.arange(present.size)
    kind = names.dtype
    categories = kind.categories if isinstance(kind, pl.Enum) else names.unique().sort()
    return categories[present].cast(pl.String).alias(names.name), position[codes]


def _refuse(samples: int, rows: int) -> NoReturn:
    raise IdentifierError(
        f"{samples} samples have an assay measured more than once ({rows} rows): choose with "
        "--replicates first or mean, or give each measurement a name of its own"
    )


def _order(rows: pl.DataFrame, cell: I64, repeated: I64) -> I64:
    """Return the repeated rows in an order that does not depend on the order of the file."""
    others = [name for name in rows.columns if name not in (c.PLATE, c.WELL, c.VALUE)]
    order = (
        rows[repeated]
        .with_columns(
            pl.Series("|cell", cell[repeated]),
            pl.Series("|row", repeated),
            pl.col(c.VALUE).is_null().alias("|absent"),
        )
        .sort("|cell", "|absent", c.PLATE, c.WELL, c.VALUE, *others)
    )["|row"]
    return order.to_numpy().astype(np.int64)


def _put_means(flat: F64, cell: I64, numbers: F64) -> None:
    """Put the mean of each cell; sums run in the order given, so that they are repeatable."""
    cells, position = np.unique(cell, return_inverse=True)
    present = ~np.isnan(numbers)
    sums = np.bincount(position[present], weights=numbers[present], minlength=cells.size)
    counts = np.bincount(position[present], minlength=cells.size)
    means: F64 = np.full(cells.size, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    flat[cells] = means
