"""Brant's test of parallel slopes: the logits of exceeding each level of an ordered response.

Brant 1990, doi:10.2307/2532457. Each logit is fitted by itself; that their slopes are one is tested
by Wald's statistic, with the covariance between the fits of the same people.
"""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.linalg import cholesky_pivots
from proteomr.stats.logistic import fit_logistic, means_of

__all__ = ["compare_slopes"]

# Squares of sines between the differences: below, their covariance has lost half of its digits.
_SINGULAR = 1e-8


def compare_slopes(
    X: F64, levels: I64, column: int, weights: F64 | None = None
) -> tuple[float, int]:
    """Return the chi-squared statistic of one slope of a column, and its degrees of freedom.

    NaN where a logit has no finite fit.

    Parameters
    ----------
    X : ``(n, k)``, with its intercept, of full rank.
    levels : ``(n,)``, all of 0 to t.
    column : position of the column whose slopes are compared.
    weights : ``(n,)``, how often each row was seen.

    Examples
    --------
    >>> x = np.arange(12.0)
    >>> X = np.column_stack([np.ones(12), x - x.mean()])
    >>> levels = np.array([0, 1, 0, 2, 1, 0, 2, 1, 2, 1, 2, 2])
    >>> statistic, df = compare_slopes(X, levels, 1)
    >>> round(statistic, 4), df
    (0.1403, 1)
    """
    t = int(levels.max())
    counts = np.ones(levels.size) if weights is None else weights
    slopes, means, rows = [], [], []
    for level in range(t):
        fit = fit_logistic(X, (levels > level).astype(np.float64), weights=weights)
        if not fit.converged:
            return float("nan"), t - 1
        slopes.append(fit.coefficients[column])
        means.append(means_of(X @ fit.coefficients))
        rows.append(X @ fit.covariance[:, column])  # what a residual of a row moves the slope by
    covariance = np.empty((t, t))
    for a in range(t):
        for b in range(a, t):
            # Who exceeds the higher level exceeds the lower one.
            joint = counts * means[b] * (1.0 - means[a])
            covariance[a, b] = covariance[b, a] = rows[a] @ (joint * rows[b])
    differences = np.column_stack([np.ones(t - 1), -np.eye(t - 1)])
    V = differences @ covariance @ differences.T
    scale = np.sqrt(np.maximum(np.diagonal(V), np.finfo(np.float64).tiny))
    L, pivot = cholesky_pivots((V / np.outer(scale, scale))[None])
    if not pivot[0] > _SINGULAR:
        return float("nan"), t - 1
    ratio = np.linalg.solve(L[0], differences @ np.array(slopes) / scale)
    return float(ratio @ ratio), t - 1
