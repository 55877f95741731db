"""Missing values from the nearest neighbours, as R's ``impute.knn``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.errors import InputError, UsageError
from proteomr.stats.pair_distances import PairDistances
from proteomr.stats.pair_gaps import measure_gaps
from proteomr.stats.symmetric_tiles import Spread, in_turn

__all__ = ["KnnAccount", "impute_knn"]

_TARGETS_AT_ONCE = 1024  # rows of a block of distances: enough for dgemm, few enough for memory
_SYMMETRIC_ROWS = 4096  # up to here all distances at once, 128 MB, by half the products
_SPARSE = 0.15  # of all cells: with fewer missing, sums over these are the shorter way
_CHUNK_BYTES = 1 << 26  # columns are taken 64 MB at a time: the copies stay small beside the matrix


@dataclass(frozen=True, slots=True)
class KnnAccount:
    """What an imputation has filled, and how.

    Parameters
    ----------
    cells : missing cells there were.
    cells_by_column_mean : of these, filled with the mean of their column.
    rows_by_column_mean : rows with more missing than allowed, filled with column means alone.
    cells_left : cells of columns without any value in the other rows; still NaN.
    """

    cells: int
    cells_by_column_mean: int
    rows_by_column_mean: int
    cells_left: int


def impute_knn(
    values: F64,
    *,
    neighbours: int = 10,
    max_missing_per_row: float = 0.5,
    max_missing_per_column: float = 0.8,
    distances: PairDistances | None = None,
    spread: Spread = in_turn,
) -> KnnAccount:
    r"""Fill missing cells in place with means over the nearest rows, and return an account.

    The neighbours of row i are the k rows with the smallest

    .. math:: d_{ij} = \frac{1}{|O_{ij}|} \sum_{c \in O_{ij}} (x_{ic} - x_{jc})^2,

    O_ij being the columns that both rows have; ties go to the earlier row, and rows without a
    column in common stand last. A missing cell becomes the mean of those of the k neighbours that
    have its column, else the mean of the column. Rows with more missing cells than allowed are
    nobody's neighbours and get column means, which are taken over the other rows. Only what was
    measured is ever used, so that the order of filling does not matter.

    This is ``impute.knn`` of the R package impute 1.72.3 (Troyanskaya et al. 2001,
    10.1093/bioinformatics/17.6.520) with three differences. All rows are searched: R does so up to
    ``maxp`` = 1,500 rows and first splits more of them by recursive 2-means, where its result
    depends on the clusters. A single row above the allowed share gets column means; R leaves
    zeros in it. And rows without a column in common are the farthest; R puts them at 1e10.

    The search takes matrix products over chunks of columns, with the rounding error bounded; rows
    that this cannot order are compared again, difference by difference.

    Parameters
    ----------
    values : (p, n) one row per protein and one column per person, C-ordered; NaN = missing.
    neighbours : k.
    max_missing_per_row : share of a row beyond which its cells become column means.
    max_missing_per_column : share of a column beyond which nothing is imputed.
    distances : of all rows, where they are known; else they are computed.
    spread : runs work on stretches of rows; one after another without.

    Raises
    ------
    UsageError
        Fewer than one neighbour is asked for.
    InputError
        Columns have more missing cells than allowed, or values are infinite.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0, np.nan], [1.1, 2.1, 3.1], [9.0, 9.0, 9.0]])
    >>> impute_knn(x, neighbours=1).cells, x[0].tolist()
    (1, [1.0, 2.0, 3.1])
    """
    if neighbours < 1:
        raise UsageError(f"{neighbours} neighbours; at least one is needed")
    n = values.shape[1]
    missing: Bool = np.isnan(values)
    _refuse_columns(missing, max_missing_per_column)
    count = missing.sum(axis=1)
    dense: Bool = count <= int(max_missing_per_row * n)
    values[missing] = 0.0
    try:
        rows = np.flatnonzero(dense)
        known = None if distances is None else distances.among(rows)
        filled = _Search(values, missing, rows, neighbours, known, spread).fill()
        means, has_mean = _column_means(values, missing, dense)
    except BaseException:
        values[missing] = np.nan
        raise
    sparse = np.flatnonzero(~dense)
    for row in sparse:
        values[row, missing[row]] = means[missing[row]]
    by_mean = int(count[sparse].sum())
    for place, numbers in filled:
        unmet = np.isnan(numbers)
        values[place, missing[place]] = np.where(unmet, means[missing[place]], numbers)
        by_mean += int(unmet.sum())
    unfilled = int(missing[:, ~has_mean].sum())
    return KnnAccount(int(count.sum()), by_mean - unfilled, sparse.size, unfilled)


def _refuse_columns(missing: Bool, share: float) -> None:
    p = missing.shape[0]
    over = int((missing.sum(axis=0) > share * p).sum())
    if over:
        raise InputError(
            f"{over} people have more than {share:.0%} of their proteins missing, too many to "
            "impute; leave them out first"
        )


def _column_means(values: F64, missing: Bool, dense: Bool) -> tuple[F64, Bool]:
    """Return the means of the columns over dense rows, NaN without any, and where there are any."""
    total = dense @ values  # missing cells are zero here
    count = int(dense.sum()) - missing[dense].sum(axis=0)
    has_mean: Bool = count > 0
    means: F64 = np.divide(total, count, out=np.full_like(total, np.nan), where=has_mean)
    return means, has_mean


@dataclass(frozen=True, slots=True)
class _Search:
    """Rows among which neighbours are sought; their missing cells are zero."""

    values: F64
    missing: Bool
    rows: I64
    neighbours: int
    known: PairDistances | None = None
    spread: Spread = in_turn

    def fill(self) -> list[tuple[int, F64]]:
        """Return for each row with missing cells what they become; NaN where no neighbour has."""
        wanting = np.flatnonzero(self.missing[self.rows].any(axis=1))
        filled: list[tuple[int, F64]] = []
        p = self.rows.size
        every = p <= _SYMMETRIC_ROWS and 2 * wanting.size > p  # half the products, by symmetry
        step = p if every else _TARGETS_AT_ONCE
        for start in range(0, wanting.size, step):
            asked = np.arange(p) if every else wanting[start : start + step]
            distance, error = self._distances(asked)
            for place, target in enumerate(asked):
                if not self.missing[self.rows[target]].any():
                    continue
                near = self._nearest(int(target), distance[place], error[place])
                filled.append((int(self.rows[target]), self._average(int(target), near)))
        return filled

    def _distances(self, targets: I64) -> tuple[F64, F64]:
        """Return distances (t, p) by matrix products, infinite where rows share no column, and a
        bound of their rounding error.
        """
        if self.known is not None:
            return self.known.distance[targets], self.known.error[targets]
        p, n = self.rows.size, self.values.shape[1]
        if targets.size == p and self.missing[self.rows].mean() < _SPARSE:
            return self._distances_by_gaps()
        cross = np.zeros((targets.size, p))
        squares, shared = np.zeros_like(cross), np.zeros_like(cross)
        for chunk in _chunks(n, p):
            seen = ~self.missing[self.rows, chunk]
            x = self.values[self.rows, chunk]
            if not np.isfinite(x).all():
                raise InputError("infinite values; neighbours need finite ones")
            m = seen.astype(np.float64)
            x -= x.sum(axis=0) / np.maximum(m.sum(axis=0), 1.0)  # a shift of a column cancels out
            x *= m
            m32 = seen.astype(np.float32)  # counts below 2^24 are exact in single precision
            if targets.size == p:
                cross += x @ x.T
                shared += m32 @ m32.T
                np.square(x, out=x)
                squares += x @ m.T
            else:
                cross += x[targets] @ x.T
                shared += m32[targets] @ m32.T
                np.square(x, out=x)
                squares += x[targets] @ m.T
                squares += m[targets] @ x.T
        if targets.size == p:
            squares += squares.T.copy()
        overlap = shared > 0
        distance = np.full_like(cross, np.inf)
        np.divide(squares - 2.0 * cross, shared, out=distance, where=overlap)
        error = np.zeros_like(cross)
        bound = 4.0 * np.finfo(np.float64).eps * (n + 64)
        np.divide(bound * squares, shared, out=error, where=overlap)
        return distance, error

    def _distances_by_gaps(self) -> tuple[F64, F64]:
        """Return what `_distances` does of all rows, by what pairs lack instead of what they have.

        Squares are taken from those of whole rows, which bound the rounding error.
        """
        p, n = self.rows.size, self.values.shape[1]
        cross, squares, shared, whole = np.zeros((4, p, p))
        for chunk in _chunks(n, p):
            gone = self.missing[self.rows, chunk]
            x = self.values[self.rows, chunk]
            if not np.isfinite(x).all():
                raise InputError("infinite values; neighbours need finite ones")
            x -= x.sum(axis=0) / np.maximum((~gone).sum(axis=0), 1)  # a shift cancels out
            x[gone] = 0.0
            cross += x @ x.T
            gaps = measure_gaps(x, gone, spread=self.spread)
            shared += gaps.count_shared(slice(None), slice(None), x.shape[1])
            own = np.vecdot(x, x)
            whole += own[:, None] + own[None, :]
            squares -= gaps.squares + gaps.squares.T
        squares += whole
        overlap = shared > 0
        distance = np.full_like(cross, np.inf)
        np.divide(squares - 2.0 * cross, shared, out=distance, where=overlap)
        error = np.zeros_like(cross)
        bound = 4.0 * np.finfo(np.float64).eps * (n + 64)
        np.divide(bound * whole, shared, out=error, where=overlap)
        return distance, error

    def _nearest(self, target: int, distance: F64, error: F64) -> I64:
        """Return the k nearest of the rows, ascending: R's, who drops the first of k + 1,
        mostly the row itself.
        """
        wanted = min(self.neighbours + 1, distance.size)
        upper = distance + error
        limit = np.partition(upper, wanted - 1)[wanted - 1]
        close = np.flatnonzero((distance - error <= limit) & np.isfinite(distance))
        others: I64 = close[close != target]
        ordered = close.size == wanted and bool((distance[others] > error[others]).all())
        if ordered:
            return others
        exact = self._exact_distances(target, close)
        order: I64 = close[np.lexsort((close, exact))][:wanted]
        if order.size < wanted:
            apart = np.flatnonzero(np.isinf(distance))
            order = np.concatenate([order, apart[: wanted - order.size]])
        return np.sort(order[1:])  # sums over them do not depend on how they were found

    def _exact_distances(self, target: int, close: I64) -> F64:
        row = self.rows[target]
        columns = np.flatnonzero(~self.missing[row])
        own = self.values[row, columns]
        distances = np.empty(close.size)
        for place, other in enumerate(self.rows[close]):
            both = ~self.missing[other, columns]
            difference = (own - self.values[other, columns])[both]
            distances[place] = difference @ difference / both.sum()
        return distances

    def _average(self, target: int, near: I64) -> F64:
        cells = np.flatnonzero(self.missing[self.rows[target]])
        have = np.full(cells.size, near.size)
        total = np.zeros(cells.size)
        for row in self.rows[near]:  # a row at a time: its cells lie near one another
            total += self.values[row].take(cells)  # zero where missing
            have -= self.missing[row].take(cells)
        mean: F64 = np.full(cells.size, np.nan)
        np.divide(total, have, out=mean, where=have > 0)
        return mean


def _chunks(n: int, p: int) -> Iterator[slice]:
    width = max(1, _CHUNK_BYTES // (8 * max(p, 1)))
    for start in range(0, n, width):
        yield slice(start, min(n, start + width))
