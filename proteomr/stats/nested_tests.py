"""Tests that some coefficients of one regression are 0, by the fits with and without them."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.f_tail import neg_log10_p_f
from proteomr.stats.linalg import find_independent
from proteomr.stats.logistic import LogisticFit, fit_logistic, means_of

__all__ = [
    "NestedTest",
    "compare_least_squares",
    "compare_logistic",
    "refer_chi2",
    "score_logistic",
]

NestedTest = tuple[float, float, float]
"""Statistic, degrees of freedom, minus log10 of the p value."""


def refer_chi2(statistic: float, df: int) -> NestedTest | None:
    """Refer a statistic to the chi-squared distribution; None where it is no number.

    Examples
    --------
    >>> [round(part, 3) for part in refer_chi2(3.8414588, 1)]
    [3.841, 1.0, 1.301]
    """
    if not np.isfinite(statistic):
        return None
    statistic = max(statistic, 0.0)
    minus_log = neg_log10_p_chi2(np.array([statistic]), np.array([float(df)]))
    return statistic, float(df), float(minus_log[0])


def compare_logistic(X: F64, y: F64, *, tested: I64, weights: F64) -> NestedTest | None:
    """Test logistic coefficients by the ratio of likelihoods, as ``anova(test = "LRT")``.

    Finite under separation, where the likelihood has a least upper bound. None where a fit does not
    settle.

    Parameters
    ----------
    X, y, weights : as for :func:`proteomr.stats.logistic.fit_logistic`.
    tested : positions of the columns.

    Examples
    --------
    >>> x = np.column_stack([np.ones(4), [1.0, 2.0, 3.0, 4.0]])
    >>> y, ones = np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4)
    >>> found = compare_logistic(x, y, tested=np.array([1]), weights=ones)
    >>> [round(part, 4) for part in found]  # 8 log 2
    [5.5452, 1.0, 1.7321]
    """
    fits = [
        fit_logistic(columns, y, weights=weights) for columns in (X, np.delete(X, tested, axis=1))
    ]
    if not all(_has_value(fit) for fit in fits):
        return None
    return refer_chi2(2.0 * (fits[0].log_likelihood - fits[1].log_likelihood), tested.size)


def _has_value(fit: LogisticFit) -> bool:
    """Whether a fit has the greatest likelihood, or its bound under separation."""
    apart = fit.separation is not None and fit.separation.kind != "none"
    return fit.converged or apart


def score_logistic(X: F64, y: F64, *, tested: I64, weights: F64) -> NestedTest | None:
    """Test logistic coefficients by Rao's score, as ``anova(test = "Rao")``.

    The score at the fit without them, over the information there. People whom the other columns
    separate have neither.

    Parameters
    ----------
    X, y, tested, weights : as for :func:`compare_logistic`.

    Examples
    --------
    >>> x = np.column_stack([np.ones(4), [1.0, 2.0, 3.0, 4.0]])
    >>> y, ones = np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4)
    >>> found = score_logistic(x, y, tested=np.array([1]), weights=ones)
    >>> [round(part, 4) for part in found]
    [3.2, 1.0, 1.1329]
    """
    others = np.delete(np.arange(X.shape[1]), tested)
    null = _fit_null(X[:, others], y, weights)
    if null is None:
        return None
    fit, rows, kept = null
    eta = X[rows][:, others[kept]] @ fit.coefficients
    y, weights = y[rows], weights[rows]
    mu, rest = means_of(eta), means_of(-eta)
    root = np.sqrt(weights * mu * rest)[:, None]
    basis = np.linalg.qr(X[rows][:, others[kept]] * root)[0]
    left = X[rows][:, tested] * root
    for _ in range(2):  # the second takes out what rounding left of the first
        left = left - basis @ (basis.T @ left)
    if find_independent(left).size < tested.size:
        return None
    residuals = np.sqrt(weights) * np.where(y == 1.0, np.sqrt(rest / mu), -np.sqrt(mu / rest))
    along = np.linalg.qr(left)[0].T @ residuals
    return refer_chi2(float(along @ along), tested.size)


def _fit_null(X: F64, y: F64, weights: F64) -> tuple[LogisticFit, Bool, I64] | None:
    """Return a fit, or its limit under separation, with the rows and columns that carry it."""
    fit = fit_logistic(X, y, weights=weights)
    rows, kept = np.ones(y.size, dtype=bool), np.arange(X.shape[1])
    if fit.converged:
        return fit, rows, kept
    if fit.separation is None or fit.separation.kind != "quasi":
        return None
    rows = fit.separation.overlapping
    kept = find_independent(X[rows])
    if np.ptp(y[rows]) == 0:
        return None
    fit = fit_logistic(X[rows][:, kept], y[rows], weights=weights[rows])
    return (fit, rows, kept) if fit.converged else None


def compare_least_squares(
    rss: float, rss_without: float, *, n: int, df: int, tested: int
) -> dict[str, NestedTest | None]:
    """Test coefficients of least squares in three ways, from the sums of squares.

    ``f`` is F, as in ``anova``; ``lr``, as ``lmtest::lrtest``, and ``score``, as the Lagrange
    multiplier test, are chi-squared: n times ``log(RSS0 / RSS1)``, and ``1 - RSS1 / RSS0``.

    Parameters
    ----------
    rss, rss_without : residual sums of squares with and without them.
    n, df : rows, and residual degrees of freedom with them.
    tested : how many they are.

    Examples
    --------
    >>> found = compare_least_squares(80.0, 100.0, n=42, df=40, tested=1)
    >>> {name: round(test[0], 4) for name, test in found.items()}
    {'f': 10.0, 'lr': 9.372, 'score': 8.4}
    """
    if not (rss > 0.0 and df > 0):
        return {"f": None, "lr": None, "score": None}
    gain = max(rss_without - rss, 0.0)
    F = gain / tested / (rss / df)
    minus_log = neg_log10_p_f(np.array([F]), tested, np.array([float(df)]))
    return {
        "f": (F, float(tested), float(minus_log[0])),
        "lr": refer_chi2(n * float(np.log1p(gain / rss)), tested),
        "score": refer_chi2(n * gain / (rss + gain), tested),
    }
