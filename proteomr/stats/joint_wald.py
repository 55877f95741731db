"""Wald's test that several coefficients are 0, for many fits at once."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64
from proteomr.stats.f_tail import neg_log10_p_f
from proteomr.stats.linalg import cholesky_pivots

__all__ = ["test_jointly"]

# Squares of sines between the coefficients of a joint test: below, its quadratic form has lost more
# than half of its digits, or the covariance has not its rank.
_SINGULAR = 1e-8


def test_jointly(estimate: F64, se: F64, covariance: F64 | None, df: F64) -> tuple[F64, F64, F64]:
    """Test q coefficients of b fits each: statistic, degrees of freedom, -log10 p ``(b,)``.

    Wald's F, or chi-squared where the reference distribution is normal; NaN where the errors give
    none: a covariance that has not its full rank, such as a robust one of fewer people or clusters
    than there are coefficients, has no inverse that means anything.

    Parameters
    ----------
    estimate, se : ``(b, q)``.
    covariance : ``(b, q, q)``; None where no joint test can stand on it.
    df : ``(b,)``, degrees of freedom of the estimates.

    Examples
    --------
    >>> two, covariance = np.array([[3.0, 4.0]]), np.eye(2)[None]
    >>> found = test_jointly(two, np.ones((1, 2)), covariance, np.array([np.inf]))
    >>> [part.round(3).tolist() for part in found]
    [[25.0], [2.0], [5.429]]
    """
    b, q = estimate.shape
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(np.all(se > 0.0, axis=1)[:, None], estimate / se, np.nan)
        if q > 1 and covariance is None:
            ratio = np.full((b, q), np.nan)
        elif covariance is not None and q > 1:
            correlation = covariance / (se[:, :, None] * se[:, None, :])
            correlation[~np.isfinite(correlation).all(axis=(1, 2))] = 0.0
            L, pivots = cholesky_pivots(correlation)
            L[~(pivots > _SINGULAR)] = np.eye(q)
            ratio[~(pivots > _SINGULAR)] = np.nan
            ratio = np.linalg.solve(L, ratio[:, :, None])[:, :, 0]
        wald = np.sum(ratio**2, axis=1)
        wald[~np.isfinite(wald)] = np.nan
        statistic = np.where(np.isfinite(df), wald / q, wald)
        return statistic, np.where(np.isnan(wald), np.nan, q), neg_log10_p_f(wald / q, q, df)
