"""Rank and biweight correlations of pairs of rows over the people who have both."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from proteomr._typing import F64, Bool
from proteomr.stats.biweight import weigh_biweight

__all__ = ["correlate_common"]


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
        row = np.asarray(rankdata(row), dtype=np.float64)
    unit = float(np.abs(row).max())
    scaled = row / unit
    centred: F64 = scaled - scaled.mean()
    return centred
