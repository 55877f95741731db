"""Parametric survival fits in the units of the data: bases, limits, robust errors.

The likelihood of :mod:`proteomr.stats.parametric_survival` has a finite maximum unless some
combination of the columns is 0 in all who fail and at or below 0 in all who do not: then it rises
without end along that combination, as for a group without events. What the combination does not
touch still has a limit, the maximum over the rows that it leaves at 0 (Geyer 2009,
doi:10.1214/08-EJS349).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.additive_hazards import sum_clusters
from proteomr.stats.linalg import cholesky_pivots, find_independent, find_powers, scale_columns
from proteomr.stats.parametric_survival import (
    ParametricFit,
    TimeColumns,
    maximise_parametric,
    score_rows,
    take_rows,
)
from proteomr.stats.separation import find_separation
from proteomr.stats.survival_links import Scale

__all__ = [
    "Limit",
    "LimitedFit",
    "find_carriers",
    "find_limit",
    "fit_limited",
    "turn_times",
]

# A combination of columns of those who fail that is 0 but for rounding, in units of its columns.
_NOTHING = 1e-9
_CLEAR = 1e-9  # of its square: 3e-5 of a column is far above that, and above rounding


@dataclass(frozen=True, slots=True)
class LimitedFit:
    """Coefficients ``(q + p,)`` in the units of the data; NaN for those that are infinite.

    Attributes
    ----------
    covariance : ``(q + p, q + p)``, inverse of the observed information.
    influence : ``(n, q + p)``, how far each row has moved each coefficient, weight included.
    log_likelihood : of the times themselves.
    doubt : what speaks against the solution being the maximum; None where it has its certificate.
    rows : ``(n,)``, those that carry the likelihood; the others are separated.
    """

    coefficients: F64
    covariance: F64
    influence: F64
    log_likelihood: float
    doubt: str | None
    rows: Bool

    def robust(self, clusters: I64 | None) -> F64:
        """Return the robust covariance, each cluster (else each row) being one."""
        summed = sum_clusters(self.influence, clusters)
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            return np.asarray(summed.T @ summed)


def fit_limited(
    X: F64,
    times: TimeColumns,
    *,
    scale: Scale,
    start: F64,
    weights: F64 | None = None,
) -> LimitedFit:
    """Fit a model, or what of it has a finite limit.

    Parameters
    ----------
    X : ``(n, p)``, without an intercept, which is the first column of the times'; of full rank
        beside it.
    start : ``(q,)``, coefficients of the times' columns to begin at, in whose first column they
        rise at all events.
    weights : ``(n,)``, above 0.

    Raises
    ------
    ArithmeticError
        The programme that looks for separated rows could not be solved.

    Examples
    --------
    >>> from proteomr.stats.survival_links import HazardScale
    >>> log_t = np.log([1.0, 2.0, 3.0, 4.0])
    >>> columns = np.column_stack([np.ones(4), log_t])
    >>> times = TimeColumns(columns, np.tile([0.0, 1.0], (4, 1)), np.ones(4), log_t)
    >>> fit = fit_limited(np.empty((4, 0)), times, scale=HazardScale(), start=np.array([-1.0, 1.0]))
    >>> fit.coefficients.round(4).tolist(), fit.doubt
    ([-2.5509, 2.4532], None)
    """
    n, q = X.shape[0], times.q
    limit = find_limit(X, times)
    rows, kept, columns = limit.rows, limit.of_time, limit.columns
    w = None if weights is None else weights[rows]
    at = np.concatenate([kept, q + columns])
    basis = _Basis.of(X[rows][:, columns], limit.times)
    begin = np.concatenate([basis.triangle @ start[kept], np.zeros(columns.size)])
    fit = maximise_parametric(basis.Q, basis.times, scale=scale, start=begin, weights=w)
    moves = np.zeros((n, q + X.shape[1]))
    # What has no certificate may be no number, and a variance beyond the range of them.
    with np.errstate(all="ignore"):
        scores = score_rows(basis.Q, basis.times, fit.coefficients, scale=scale, weights=w)
        moves[np.ix_(rows, at)] = scores @ fit.covariance @ basis.back.T
        return _spread(fit, basis.back, at, moves, rows)


@dataclass(frozen=True, slots=True)
class Limit:
    """What of a model has a finite limit.

    Attributes
    ----------
    rows : ``(n,)``, those that carry the likelihood.
    of_time, columns : positions of the columns of time and of X that these rows determine.
    times : of these rows and columns.
    """

    rows: Bool
    of_time: I64
    columns: I64
    times: TimeColumns


def find_limit(X: F64, times: TimeColumns) -> Limit:
    """Find what of a model has a finite limit.

    Examples
    --------
    >>> log_t = np.log([1.0, 2.0, 3.0, 4.0])
    >>> columns, slopes = np.ones((4, 1)), np.zeros((4, 1))
    >>> times = TimeColumns(columns, slopes, np.array([1.0, 1.0, 0.0, 0.0]), log_t)
    >>> find_limit(np.array([[0.0], [0.0], [1.0], [0.0]]), times).columns.tolist()
    []
    """
    rows = find_carriers(X, times)
    inside, q = times if rows.all() else take_rows(times, rows), times.q
    V = np.column_stack([inside.at_exit, X if rows.all() else X[rows]])
    at = np.arange(V.shape[1])
    # Where no column is near to being one of others, its squares tell so, at a tenth of the cost.
    even = scale_columns(V)[0]
    if V.size == 0 or cholesky_pivots((even.T @ even)[None])[1][0] < _CLEAR:
        at = find_independent(V, tolerance=_NOTHING)
    kept = at[at < q]
    return Limit(rows, kept, at[at >= q] - q, _take_columns(inside, kept))


def _take_columns(times: TimeColumns, kept: I64) -> TimeColumns:
    """Return times without the columns of strata that no row is left of."""
    entry = None if times.at_entry is None else times.at_entry[:, kept]
    at_exit, slopes = times.at_exit[:, kept], times.slopes[:, kept]
    return replace(times, at_exit=at_exit, slopes=slopes, at_entry=entry)


def _spread(fit: ParametricFit, back: F64, at: I64, moves: F64, rows: Bool) -> LimitedFit:
    """Return a fit of some columns, in the units of the data, as one of all."""
    k = moves.shape[1]
    coefficients, covariance = np.full(k, np.nan), np.full((k, k), np.nan)
    coefficients[at] = back @ fit.coefficients
    covariance[np.ix_(at, at)] = back @ fit.covariance @ back.T
    moves[:, np.setdiff1d(np.arange(k), at)] = np.nan
    return LimitedFit(coefficients, covariance, moves, fit.log_likelihood, fit.doubt, rows)


@dataclass(frozen=True, slots=True)
class _Basis:
    """A model in orthogonal columns of length root n, apart for s and the covariates.

    Attributes
    ----------
    Q : ``(n, p)``.
    times : with such columns.
    triangle : ``(q, q)``, makes the coefficients of these of those of s.
    back : ``(q + p, q + p)``, makes the coefficients of the data of those of the basis.
    """

    Q: F64
    times: TimeColumns
    triangle: F64
    back: F64

    @classmethod
    def of(cls, X: F64, times: TimeColumns) -> _Basis:
        n, p = X.shape
        q, root = times.q, np.sqrt(n)
        unit = find_powers(np.abs(X).max(axis=0, initial=0.0))
        mean = (X / unit).mean(axis=0)
        Q, R = np.linalg.qr(X / unit - mean)
        turned, triangle = turn_times(times)
        inverse, within = np.linalg.inv(triangle), np.linalg.inv(R / root)
        back = np.zeros((q + p, q + p))
        back[:q, :q] = inverse
        back[q:, q:] = within / unit[:, None]
        # What the means of columns add to s is a constant, which its columns make.
        back[:q, q:] = -np.outer(inverse @ turned.at_exit.mean(axis=0), mean @ within)
        return cls(Q * root, turned, triangle, back)


def turn_times(times: TimeColumns) -> tuple[TimeColumns, F64]:
    """Return times with orthogonal columns of length root n, and the triangle ``(q, q)`` that makes
    coefficients of these of those of the columns given.

    Examples
    --------
    >>> columns = np.array([[1.0, 0.0], [1.0, 1.0]])
    >>> times = TimeColumns(columns, np.tile([0.0, 1.0], (2, 1)), np.ones(2), np.zeros(2))
    >>> turned, triangle = turn_times(times)
    >>> bool(np.allclose(turned.at_exit @ triangle, columns))
    True
    """
    root = np.sqrt(times.event.size)
    columns, triangle = np.linalg.qr(times.at_exit)
    inverse = np.linalg.inv(triangle / root)
    entry = None if times.at_entry is None else times.at_entry @ inverse
    slopes = times.slopes @ inverse
    turned = replace(times, at_exit=columns * root, slopes=slopes, at_entry=entry)
    return turned, triangle / root


def find_carriers(X: F64, times: TimeColumns) -> Bool:
    """Return the rows ``(n,)`` that no combination of the columns separates.

    Raises
    ------
    ArithmeticError
        The programme that looks for them could not be solved.

    Examples
    --------
    >>> log_t = np.log([1.0, 2.0, 3.0, 4.0])
    >>> columns, slopes = np.ones((4, 1)), np.zeros((4, 1))
    >>> times = TimeColumns(columns, slopes, np.array([1.0, 1.0, 0.0, 0.0]), log_t)
    >>> find_carriers(np.array([[0.0], [0.0], [1.0], [0.0]]), times).tolist()
    [True, True, False, True]
    """
    sizes = np.concatenate([_largest(times.at_exit), _largest(X)])
    failed = times.event > 0.0
    V = np.column_stack([times.at_exit[failed], X[failed]]) / sizes
    _, values, vectors = np.linalg.svd(np.linalg.qr(V, mode="r"), full_matrices=True)
    lengths = np.zeros(V.shape[1])
    lengths[: values.size] = values
    free = vectors[lengths <= _NOTHING * max(float(lengths.max(initial=0.0)), 1e-300)].T
    carriers = np.ones(X.shape[0], dtype=bool)
    if not free.shape[1] or np.all(failed):  # whom an end without the event alone can separate
        return carriers
    ahead = (np.column_stack([times.at_exit[~failed], X[~failed]]) / sizes) @ free
    ahead[np.abs(ahead) <= _NOTHING] = 0.0
    # Rows alike are one: a level without events is a single one among thousands.
    rows, which = np.unique(ahead, axis=0, return_inverse=True)
    overlapping = find_separation(rows, np.zeros(rows.shape[0])).overlapping
    carriers[~failed] = overlapping[which.ravel()]
    return carriers


def _largest(columns: F64) -> F64:
    """Return the largest size in each column, and 1 for columns of 0."""
    high, low = columns.max(axis=0, initial=0.0), columns.min(axis=0, initial=0.0)
    largest = np.maximum(high, -low)
    return np.where(largest > 0.0, largest, 1.0)
