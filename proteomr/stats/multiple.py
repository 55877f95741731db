"""Adjustment of p-values for multiple testing, in -log10 p, so that no small p collapses to 0.

A NaN stays NaN and does not count as a test, as in R's ``p.adjust``.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import digamma

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.stats.smoothing_spline import fit_smoothing_spline

__all__ = [
    "ADJUSTMENTS",
    "NULL_SHARE_METHODS",
    "Adjustment",
    "NullShareMethod",
    "adjust",
    "adjust_neg_log10",
    "estimate_pi0",
]

Adjustment: TypeAlias = Literal["bonferroni", "holm", "bh", "by", "storey"]
NullShareMethod: TypeAlias = Literal["smoother", "bootstrap"]

ADJUSTMENTS: tuple[Adjustment, ...] = ("bonferroni", "holm", "bh", "by", "storey")
NULL_SHARE_METHODS: tuple[NullShareMethod, ...] = ("smoother", "bootstrap")

_LAMBDAS: F64 = 0.05 + 0.05 * np.arange(19.0)  # qvalue's grid: 0.05 to 0.95 by 0.05
_SMOOTHER_DF = 3.0  # qvalue's smooth.df
_BY_A_HAIR = 1.0 - 1e-12  # a p of exactly lambda comes back from its logarithm a little off


def adjust(
    neg_log10_p: F64,
    *,
    method: Adjustment,
    n_tests: int | None = None,
    pi0: float | None = None,
) -> F64:
    """Adjusted p-values (q-values for ``storey``); 0.0 below the smallest double.

    Parameters, errors and sources as for :func:`adjust_neg_log10`.

    Examples
    --------
    >>> adjust(-np.log10([0.01, 0.04, 0.03]), method="bh").round(6).tolist()
    [0.03, 0.04, 0.04]
    """
    return p_from_neg_log10(adjust_neg_log10(neg_log10_p, method=method, n_tests=n_tests, pi0=pi0))


def adjust_neg_log10(
    neg_log10_p: F64,
    *,
    method: Adjustment,
    n_tests: int | None = None,
    pi0: float | None = None,
) -> F64:
    r"""-log10 of the adjusted p-values.

    With :math:`p_{(1)} \le \dots \le p_{(m)}` of m tests, and each result at most 1:

    - ``bonferroni``: :math:`m\,p`.
    - ``holm``: :math:`\max_{j \le i} (m - j + 1) p_{(j)}` (Holm 1979, JSTOR 4615733).
    - ``bh``: :math:`\min_{j \ge i} m\,p_{(j)} / j` (Benjamini and Hochberg 1995,
      doi:10.1111/j.2517-6161.1995.tb02031.x).
    - ``by``: ``bh`` times :math:`\sum_{j \le m} 1/j` (Benjamini and Yekutieli 2001,
      doi:10.1214/aos/1013699998).
    - ``storey``: ``bh`` times :math:`\pi_0` of :func:`estimate_pi0` (Storey and Tibshirani 2003,
      doi:10.1073/pnas.1530509100).

    R: ``p.adjust`` of 4.2.2, ``qvalue::qvalue`` of 2.30.

    Parameters
    ----------
    neg_log10_p : (m,) -log10 p, NaN where there is no test.
    method : the adjustment.
    n_tests : m, where the family has more tests than are given; not for ``storey``.
    pi0 : share of true null hypotheses, for ``storey`` alone; estimated by the smoother if None.

    Returns
    -------
    (m,) -log10 of the adjusted p-values, at least 0 (``storey``: at least :math:`-\log_{10}\pi_0`).

    Raises
    ------
    ValueError
        Where a -log10 p is negative, or an option does not suit the method.
    InputError
        Where :math:`\pi_0` cannot be estimated.

    Examples
    --------
    >>> adjust_neg_log10(np.array([400.0, np.nan, 1.0]), method="bonferroni").round(4).tolist()
    [399.699, nan, 0.699]
    """
    values = _check(neg_log10_p)
    tested = ~np.isnan(values)
    m = _count_tests(int(tested.sum()), n_tests, method)
    if pi0 is not None and (method != "storey" or not 0.0 < pi0 <= 1.0):
        raise ValueError(f"pi0 is {pi0} for {method}; it goes with storey alone, in (0, 1]")
    out = np.full(values.shape, np.nan)
    if not tested.any():
        return out
    order = np.argsort(-values[tested], kind="stable")
    ranked = _adjust_ranked(values[tested][order], m, method)
    if method == "storey":
        share = estimate_pi0(values) if pi0 is None else pi0
        ranked -= math.log10(share)
    out[np.flatnonzero(tested)[order]] = ranked
    return out


def estimate_pi0(neg_log10_p: F64, *, method: NullShareMethod = "smoother") -> float:
    r"""Share of true null hypotheses among the tests, from their p-values.

    .. math:: \hat\pi_0(\lambda) = \#\{p \ge \lambda\} \,/\, (m (1 - \lambda)),
        \qquad \lambda = 0.05, 0.10, \dots, 0.95

    ``smoother``: the value at 0.95 of a smoothing spline with 3 degrees of freedom through these
    (Storey and Tibshirani 2003, doi:10.1073/pnas.1530509100). ``bootstrap``: the one of least
    bootstrap mean squared error, in closed form (Storey, Taylor and Siegmund 2004,
    doi:10.1111/j.1467-9868.2004.00439.x). R: ``qvalue::pi0est`` of 2.30.

    Parameters
    ----------
    neg_log10_p : (m,) -log10 p; NaN is left out.
    method : how one of the 19 estimates is chosen.

    Returns
    -------
    The share, at most 1.

    Raises
    ------
    ValueError
        Where a -log10 p is negative.
    InputError
        Where no p-value reaches 0.95, or the estimate is not positive (where R takes 1).

    Examples
    --------
    >>> p = (np.arange(100) + 0.5) / 100
    >>> round(estimate_pi0(-np.log10(p)), 6), round(estimate_pi0(-np.log10(p**2)), 2)
    (1.0, 0.53)
    """
    values = _check(neg_log10_p)
    p = p_from_neg_log10(values[~np.isnan(values)])
    m = p.size
    largest = float(p.max()) if m else math.nan
    if not largest >= _LAMBDAS[-1] * _BY_A_HAIR:
        raise InputError(
            f"Storey's q needs p-values up to 0.95 to estimate the share of null hypotheses, "
            f"the largest of {m} is {largest:.3g}; use bh"
        )
    at_least = m - np.searchsorted(np.sort(p), _LAMBDAS * _BY_A_HAIR, side="left")
    shares = at_least / (m * (1.0 - _LAMBDAS))
    if method == "smoother":
        pi0 = fit_smoothing_spline(_LAMBDAS, shares, degrees_of_freedom=_SMOOTHER_DF)[-1]
    else:
        variance = at_least / (m * (1.0 - _LAMBDAS)) ** 2 * (1.0 - at_least / m)
        error = variance + (shares - np.quantile(shares, 0.1)) ** 2
        pi0 = shares[error == error.min()].min()
    if pi0 <= 0.0:
        raise InputError(
            f"Storey's q needs a positive share of null hypotheses, {method} gives {pi0:.3g} "
            f"from {m} p-values; use bh"
        )
    return min(float(pi0), 1.0)


def _adjust_ranked(values: F64, m: int, method: Adjustment) -> F64:
    """Adjust -log10 p given in descending order, for m tests in all."""
    rank = np.arange(1.0, values.size + 1.0)
    if method == "bonferroni":
        adjusted = values - math.log10(m)
    elif method == "holm":
        adjusted = np.minimum.accumulate(values - np.log10(m + 1.0 - rank))
    else:
        penalty = math.log10(m)
        if method == "by":
            penalty += math.log10(float(digamma(m + 1.0)) + np.euler_gamma)
        stepped = values - (penalty - np.log10(rank))
        adjusted = np.maximum.accumulate(stepped[::-1])[::-1]
    return np.maximum(adjusted, 0.0)


def _check(neg_log10_p: F64) -> F64:
    values = np.asarray(neg_log10_p, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"p-values need one dimension, got {values.ndim}")
    negative = int((values < 0.0).sum())
    if negative:
        raise ValueError(f"{negative} of {values.size} -log10 p are negative: p is above 1")
    return values


def _count_tests(m: int, n_tests: int | None, method: Adjustment) -> int:
    if method not in ADJUSTMENTS:
        raise ValueError(f"method {method!r} is not one of {', '.join(ADJUSTMENTS)}")
    if n_tests is None:
        return m
    if method == "storey" or n_tests < m:
        raise ValueError(f"n_tests is {n_tests} for {method} of {m} p-values; not allowed")
    return n_tests
