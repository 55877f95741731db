"""The effective number of independent tests among correlated variables, from their eigenvalues."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from scipy.linalg import eigvalsh

from proteomr._typing import F64

__all__ = [
    "EFFECTIVE_METHODS",
    "EffectiveMethod",
    "effective_tests",
    "eigenvalues_of_correlation",
]

EffectiveMethod: TypeAlias = Literal["nyholt", "li_ji", "galwey", "gao"]

EFFECTIVE_METHODS: tuple[EffectiveMethod, ...] = ("nyholt", "li_ji", "galwey", "gao")

_NEAR_INTEGER = 1e-9  # an eigenvalue of exactly 1 comes back this near; Li and Ji step there


def eigenvalues_of_correlation(scores: F64) -> F64:
    """All eigenvalues of the correlation matrix of the columns, in descending order.

    Taken from the smaller of the two Gram matrices: with fewer rows than columns, the m - n + 1
    eigenvalues that must be zero are exact zeros.

    Parameters
    ----------
    scores : (n, m) one column per variable, without missing values.

    Returns
    -------
    (m,) eigenvalues, at least 0, with sum m.

    Raises
    ------
    ValueError
        Where a value is not finite, a column is constant, or there are fewer than two rows.

    Examples
    --------
    >>> copies = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    >>> eigenvalues_of_correlation(copies).round(6).tolist()
    [2.0, 0.0]
    """
    n, m = scores.shape
    if n < 2 or not np.isfinite(scores).all():
        raise ValueError(f"correlations need at least two rows of finite values, got {n} rows")
    constant = int((scores == scores[0]).all(axis=0).sum())
    if constant:
        raise ValueError(f"{constant} of {m} columns are constant and have no correlation")
    z = scores - scores.mean(axis=0)
    z /= np.sqrt(np.square(z).sum(axis=0))
    gram = z.T @ z if m <= n else z @ z.T
    eigenvalues = np.maximum(eigvalsh(gram, overwrite_a=True)[::-1], 0.0)
    if m >= n:
        eigenvalues = eigenvalues[: n - 1]  # centring takes one dimension
    return np.concatenate((eigenvalues, np.zeros(m - eigenvalues.size)))


def effective_tests(eigenvalues: F64, *, method: EffectiveMethod, share: float = 0.995) -> float:
    r"""Effective number of independent tests among m correlated ones.

    With the eigenvalues :math:`l_1 \ge \dots \ge l_m` of their correlation matrix:

    - ``nyholt``: :math:`1 + (m - 1)(1 - \operatorname{var}(l) / m)`, the variance with m - 1
      (Nyholt 2004, doi:10.1086/383251).
    - ``li_ji``: :math:`\sum_i I(l_i \ge 1) + (l_i - \lfloor l_i \rfloor)` (Li and Ji 2005,
      doi:10.1038/sj.hdy.6800717). It jumps at integers: an eigenvalue within 1e-9 of one is taken
      as that integer.
    - ``galwey``: :math:`(\sum_i \sqrt{l_i})^2 / \sum_i l_i` (Galwey 2009,
      doi:10.1002/gepi.20408).
    - ``gao``: the least number of components with `share` of the variance (simpleM; Gao, Starmer
      and Martin 2008, doi:10.1002/gepi.20310).

    Parameters
    ----------
    eigenvalues : (m,) all of them, zeros included; negative rounding errors count as 0.
    method : the definition.
    share : share of the variance, for ``gao``.

    Returns
    -------
    The effective number, between 1 and m.

    Raises
    ------
    ValueError
        Where `eigenvalues` is empty or not finite, or `share` is outside (0, 1].

    Examples
    --------
    >>> two_pairs = np.array([2.0, 2.0, 0.0, 0.0])
    >>> [round(effective_tests(two_pairs, method=name), 3) for name in EFFECTIVE_METHODS]
    [3.0, 2.0, 2.0, 2.0]
    """
    if eigenvalues.ndim != 1 or not eigenvalues.size or not np.isfinite(eigenvalues).all():
        raise ValueError(f"eigenvalues must be finite and (m,), got shape {eigenvalues.shape}")
    if not 0.0 < share <= 1.0:
        raise ValueError(f"share is {share}; it must lie in (0, 1]")
    values = np.sort(np.maximum(eigenvalues, 0.0))[::-1]
    m = values.size
    if method == "nyholt":
        variance = float(np.var(values, ddof=1)) if m > 1 else 0.0
        return 1.0 + (m - 1) * (1.0 - variance / m)
    if method == "li_ji":
        whole = np.round(values)
        values = np.where(np.abs(values - whole) < _NEAR_INTEGER, whole, values)
        return float(np.sum((values >= 1.0) + (values - np.floor(values))))
    if method == "galwey":
        return float(np.sqrt(values).sum() ** 2 / values.sum())
    if method == "gao":
        cumulative = np.cumsum(values)
        return float(np.searchsorted(cumulative, share * cumulative[-1]) + 1)
    raise ValueError(f"method {method!r} is not one of {', '.join(EFFECTIVE_METHODS)}")
