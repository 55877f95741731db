"""What a block needs to know of the observed values of its rows, protein by protein.

Rows are ``(b, n)``, finite, and 0 where not observed, but for those of :func:`mark_observed`.
"""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.linalg import FLAT

__all__ = ["count_levels", "find_ranges", "list_missing", "mark_observed", "standardise_rows"]


def count_levels(codes: I64, missing: I64, starts: I64) -> I64:
    """Count the people of each level ``(b, K)`` that each of b rows observes.

    Parameters
    ----------
    codes : ``(n,)``, level of each person, from 0 to K - 1.
    missing : the people whom each row lacks, one row's after another's.
    starts : ``(b + 1,)``, where each row's begin, and the last end.

    Examples
    --------
    >>> count_levels(np.array([0, 1, 1]), np.array([2]), np.array([0, 1, 1])).tolist()
    [[1, 1], [1, 2]]
    """
    whole, b = np.bincount(codes), starts.size - 1
    row = np.repeat(np.arange(b) * whole.size, np.diff(starts))
    lost = np.bincount(row + codes[missing], minlength=b * whole.size)
    return np.asarray(whole - lost.reshape(b, whole.size))


def find_ranges(values: F64, observed: Bool) -> tuple[F64, F64]:
    """Return the lowest and the highest observed value of each row; infinite where it has none.

    Examples
    --------
    >>> low, high = find_ranges(np.array([[3.0, 0.0, 2.0]]), np.array([[True, False, True]]))
    >>> low.tolist(), high.tolist()
    ([2.0], [3.0])
    """
    low = np.where(observed, values, np.inf).min(axis=1, initial=np.inf)
    high = np.where(observed, values, -np.inf).max(axis=1, initial=-np.inf)
    return low, high


def list_missing(observed: Bool) -> tuple[I64, I64]:
    """Return what each row lacks: positions, one row's after another's, and where each's begin.

    Examples
    --------
    >>> where, starts = list_missing(np.array([[True, False], [True, True], [False, False]]))
    >>> where.tolist(), starts.tolist()
    ([1, 0, 1], [0, 1, 1, 3])
    """
    absent = ~observed
    counts = np.array([0, *(np.count_nonzero(row) for row in absent)], dtype=np.int64)
    return np.nonzero(absent)[1], np.cumsum(counts)


def mark_observed(values: F64, observed: Bool) -> I64:
    """Mark which values ``(b, n)`` are numbers, and count the infinite ones of each row ``(b,)``.

    Parameters
    ----------
    values : any numbers; NaN where a value is missing.
    observed : ``(b, n)``, written.

    Examples
    --------
    >>> observed = np.empty((2, 2), dtype=np.bool_)
    >>> mark_observed(np.array([[1.0, np.nan], [np.inf, -np.inf]]), observed).tolist()
    [0, 2]
    >>> observed.tolist()
    [[True, False], [True, True]]
    """
    np.equal(values, values, out=observed)
    return np.array([np.count_nonzero(row) for row in np.isinf(values)], dtype=np.int64)


def standardise_rows(values: F64, observed: Bool, powers: F64, out: F64) -> F64:
    """Centre and scale rows to unit root mean square where observed; return their scales ``(b,)``.

    A row that is constant to rounding becomes 0 and has the scale 0.

    Parameters
    ----------
    values : ``(b, n)``, 0 where not observed.
    powers : ``(b,)`` of two, by which a row is of numbers near one, see
        :func:`proteomr.stats.linalg.find_powers`.
    out : ``(b, n)``, written: 0 where not observed.

    Examples
    --------
    >>> out = np.empty((1, 3))
    >>> observed = np.array([[True, True, False]])
    >>> scale = standardise_rows(np.array([[1.0, 3.0, 0.0]]), observed, np.array([2.0]), out)
    >>> scale.tolist(), out[0, :2].tolist()
    ([1.0], [-1.0, 1.0])
    """
    counts = np.maximum(observed.sum(axis=1), 1)
    np.divide(values, powers[:, None], out=out)
    out -= (out.sum(axis=1) / counts)[:, None]
    out *= observed
    scale = np.sqrt(np.vecdot(out, out) / counts)
    # What a mean of numbers below two leaves of a constant row is rounding.
    flat = scale <= FLAT
    out /= np.where(flat, np.inf, scale)[:, None]
    return np.where(flat, 0.0, scale * powers)
