"""Rank and biweight correlations of pairs of rows over the people who have both, and sums that
pairs lack.
"""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.average_ranks import rank_by_sorting
from proteomr.stats.biweight import weigh_biweight

__all__ = ["add_gaps", "correlate_common"]


def correlate_common(x: F64, y: F64, product: F64, *, biweight: bool) -> None:
    """Write the correlation of each row of x with each of y over the columns that both have.

    Pairs of two complete rows are left as they are; those with fewer than three columns in common,
    or with one value among them, become NaN.

    Parameters
    ----------
    x, y : (a, n) and (b, n), NaN where missing.
    product : (a, b), written.
    biweight : midcorrelations instead of those of ranks.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0, 9.0, np.nan]])
    >>> r = np.zeros((1, 1))
    >>> correlate_common(x, np.array([[1.0, 2.0, 3.0, 4.0]]), r, biweight=False)
    >>> r.item()
    1.0
    """
    seen_x, seen_y = ~np.isnan(x), ~np.isnan(y)
    whole_x: Bool = np.asarray(seen_x.all(axis=1))
    whole_y: Bool = np.asarray(seen_y.all(axis=1))
    for i in range(len(x)):
        for j in range(len(y)):
            if not (whole_x[i] and whole_y[j]):
                both = seen_x[i] & seen_y[j]
                product[i, j] = _correlate(x[i], y[j], both, biweight=biweight)


def add_gaps(x: F64, gone: Bool, starts: I64, places: I64) -> tuple[F64, F64, F64]:
    """Return what each row of x has in the columns that each of other rows lacks.

    Parameters
    ----------
    x : (a, n), zero where missing.
    gone : (a, n) where it is missing.
    starts : (b + 1,) and places : the columns that row j of the others lacks are
        ``places[starts[j]:starts[j + 1]]``, ascending.

    Returns
    -------
    sums, squares, both : (b, a) of values, of their squares, and how many columns both lack.

    Examples
    --------
    >>> x, gone = np.array([[1.0, 2.0, 0.0]]), np.array([[False, False, True]])
    >>> [float(one[0, 0]) for one in add_gaps(x, gone, np.array([0, 2]), np.array([1, 2]))]
    [2.0, 4.0, 1.0]
    """
    sums, squares, both = (np.zeros((starts.size - 1, len(x))) for _ in range(3))
    for j in range(starts.size - 1):
        lacked = places[starts[j] : starts[j + 1]]
        values = x[:, lacked]
        sums[j], squares[j] = values.sum(axis=1), np.vecdot(values, values)
        both[j] = gone[:, lacked].sum(axis=1)
    return sums, squares, both


def _correlate(one: F64, other: F64, both: Bool, *, biweight: bool) -> float:
    if int(both.sum()) < 3 or np.ptp(one[both]) == 0.0 or np.ptp(other[both]) == 0.0:
        return float("nan")
    a, b = (_deviate(row[both], biweight=biweight) for row in (one, other))
    size = float(np.sqrt((a @ a) * (b @ b)))
    return min(max(float(a @ b) / size, -1.0), 1.0)


def _deviate(row: F64, *, biweight: bool) -> F64:
    weighted = weigh_biweight(row) if biweight else None
    if weighted is not None:
        return weighted
    if not biweight:
        row = rank_by_sorting(row)
    unit = float(np.abs(row).max())
    scaled = row / unit
    centred: F64 = scaled - scaled.mean()
    return centred
