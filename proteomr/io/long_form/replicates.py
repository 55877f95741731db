"""Values of long rows to a matrix of samples by assays, with an answer where two rows meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.errors import IdentifierError
from proteomr.io.formats import Replicates
from proteomr.io.long_form.parts import categories_of, collect
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
    rows: pl.LazyFrame
    replicated: int
    filled: int


def scatter(rows: pl.LazyFrame, *, replicates: Replicates) -> Matrix:
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
    >>> rows = pl.LazyFrame(
    ...     {"sample_id": ["A2", "A1"], "protein": ["OID1"] * 2, "plate": ["P"] * 2,
    ...      "well": ["A", "B"], "value": [2.0, 1.0]}, schema_overrides=kinds)
    >>> scatter(rows, replicates="refuse").values.ravel().tolist()
    [1.0, 2.0]
    """
    kinds = rows.collect_schema()
    samples, row_of = _number(rows, c.SAMPLE_ID, kinds[c.SAMPLE_ID])
    proteins, column_of = _number(rows, c.PROTEIN, kinds[c.PROTEIN])
    n, p = samples.len(), proteins.len()
    flat, taken, repeated = _fill(rows, row_of, column_of, n=n, p=p)
    filled = int(np.count_nonzero(taken))
    rows_kept, replicated = rows, 0
    if repeated.size:
        again, cell = _take_repeated(rows, repeated, row_of, column_of, n)
        replicated = int(np.unique(cell % n).size)
        if replicates == "refuse":
            _refuse(replicated, again.height)
        order = _order(again, cell)
        numbers: F64 = again[c.VALUE].fill_null(np.nan).to_numpy()
        if replicates == "first":
            first = order[np.unique(cell[order], return_index=True)[1]]
            flat[cell[first]] = numbers[first]
            once = rows.filter(~_is_repeated(again))
            rows_kept = pl.concat([once, again[np.sort(first)].lazy()])
        else:
            _put_means(flat, cell[order], numbers[order])
    values = flat.reshape((n, p), order="F")
    return Matrix(samples, proteins, values, rows_kept, replicated, filled)


def _number(rows: pl.LazyFrame, name: str, kind: pl.DataType) -> tuple[pl.Series, I64]:
    """Return the values of a coded column in order, and the position of each code among them."""
    present = collect(rows.select(pl.col(name)).unique())[name].drop_nulls().sort()
    codes = present.to_physical().to_numpy()
    position: I64 = np.full(len(categories_of(kind)), -1, dtype=np.int64)
    position[codes] = np.arange(codes.size)
    return present.cast(pl.String), position


def _fill(
    rows: pl.LazyFrame, row_of: I64, column_of: I64, *, n: int, p: int
) -> tuple[F64, Bool, I64]:
    """Return the matrix, flat, by columns; which cells have a row; and those that have several."""
    flat: F64 = np.full(n * p, np.nan)
    taken: Bool = np.zeros(n * p, dtype=np.bool_)
    again: list[I64] = [np.empty(0, dtype=np.int64)]
    chosen = rows.select(c.SAMPLE_ID, c.PROTEIN, c.VALUE)
    for batch in chosen.collect_batches(engine="streaming", maintain_order=False):
        cell = _cells(batch, row_of, column_of, n)
        # Each row writes its own number; where another's stands afterwards, it is not the last.
        line = np.arange(cell.size, dtype=np.float64)
        flat[cell] = line
        again.append(cell[(flat[cell] != line) | taken[cell]])
        flat[cell] = batch[c.VALUE].fill_null(np.nan).to_numpy()
        taken[cell] = True
    return flat, taken, np.unique(np.concatenate(again))


def _cells(rows: pl.DataFrame, row_of: I64, column_of: I64, n: int) -> I64:
    row = row_of[rows[c.SAMPLE_ID].to_physical().to_numpy()]
    column = column_of[rows[c.PROTEIN].to_physical().to_numpy()]
    cells: I64 = column * n + row
    return cells


def _take_repeated(
    rows: pl.LazyFrame, repeated: I64, row_of: I64, column_of: I64, n: int
) -> tuple[pl.DataFrame, I64]:
    """Return all rows of cells that have several, and the cell of each."""
    samples, proteins = np.unique(repeated % n), np.unique(repeated // n)
    near = collect(
        rows.filter(
            _has_code(c.SAMPLE_ID, np.flatnonzero(np.isin(row_of, samples))),
            _has_code(c.PROTEIN, np.flatnonzero(np.isin(column_of, proteins))),
        )
    )
    cell = _cells(near, row_of, column_of, n)
    among = np.isin(cell, repeated)
    return near.filter(pl.Series(among)), cell[among]


def _has_code(name: str, codes: I64) -> pl.Expr:
    return pl.col(name).to_physical().cast(pl.Int64).is_in(pl.Series(codes).implode())


def _is_repeated(again: pl.DataFrame) -> pl.Expr:
    """Return whether a row is of a sample and an assay that have several."""
    pair = [pl.col(name).to_physical().cast(pl.Int64) for name in (c.PROTEIN, c.SAMPLE_ID)]
    key = pair[0] * (1 << 32) + pair[1]
    return key.is_in(again.select(key.unique()).to_series().implode())


def _refuse(samples: int, rows: int) -> NoReturn:
    raise IdentifierError(
        f"{samples} samples have an assay measured more than once ({rows} rows): choose with "
        "--replicates first or mean, or give each measurement a name of its own"
    )


def _order(rows: pl.DataFrame, cell: I64) -> I64:
    """Return repeated rows in an order that does not depend on the order of the file."""
    others = [name for name in rows.columns if name not in (c.PLATE, c.WELL, c.VALUE)]
    order = (
        rows.with_columns(pl.Series("|cell", cell), pl.col(c.VALUE).is_null().alias("|absent"))
        .with_row_index("|row")
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
