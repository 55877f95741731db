"""Over-representation: how likely so many hits fall into a set by chance, in logarithms."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.special import gammaln

from proteomr._typing import F64, I64, Bool

__all__ = ["certify_tails", "neg_log10_p_hypergeometric", "sample_odds_ratio"]

_LOG10: Final = math.log(10.0)  # natural logarithms of a decade
_LOG_ROOT_2PI: Final = 0.5 * math.log(2.0 * math.pi)  # of Stirling's formula
# B_2k / (2k (2k - 1)) of the Bernoulli numbers (DLMF 5.11.1): 8 terms are exact from 16 on.
_STIRLING: Final = (
    1 / 12,
    -1 / 360,
    1 / 1260,
    -1 / 1680,
    1 / 1188,
    -691 / 360360,
    1 / 156,
    -3617 / 122400,
)
_SERIES_FROM: Final = 16  # below, the error of Stirling's formula is a table
_NEAR: Final = 0.1  # of |x - m| / (x + m): within it the deviance is summed as a series
_SERIES_TERMS: Final = 12  # 0.1^24 is below the last bit
_NEGLIGIBLE: Final = 1e-18  # of a sum of falling terms: what a double cannot hold any more
# Of the two tails, whose logarithms have passed through some ten operations each.
_AGREEMENT: Final = 1e-9


def neg_log10_p_hypergeometric(overlap: I64, n_set: I64, *, n_hits: int, n_background: int) -> F64:
    r"""Return -log10 of the probability of at least so many hits in a set by chance.

    .. math:: p = \sum_{j \ge k} \binom{m}{j}\binom{N - m}{n - j} \Big/ \binom{N}{n}

    with k the overlap, m the set, n the hits and N the background (one-sided, Fisher's exact
    test). The first term is Loader's saddle-point form (2000, "Fast and accurate computation of
    binomial probabilities"), the others follow by their ratios; the shorter tail is summed. R:
    ``-phyper(k - 1, m, N - m, n, lower.tail = FALSE, log.p = TRUE) / log(10)`` of 4.2.2.

    Parameters
    ----------
    overlap : (s,) hits in each set.
    n_set : (s,) members of each set in the background.
    n_hits, n_background : n and N.

    Returns
    -------
    (s,) -log10 p; 0 where there is no overlap.

    Raises
    ------
    ValueError
        A count is impossible.

    Examples
    --------
    >>> neg_log10_p_hypergeometric(
    ...     np.array([0, 3]), np.array([5, 5]), n_hits=4, n_background=20).round(6).tolist()
    [0.0, 1.494962]
    """
    k, m = np.asarray(overlap, dtype=np.int64), np.asarray(n_set, dtype=np.int64)
    _refuse_impossible(k, m, n_hits, n_background)
    return np.abs(_log_upper_tail(k, m, n_hits, n_background)) / _LOG10


def certify_tails(
    neg_log10_p: F64, *, overlap: I64, n_set: I64, n_hits: int, n_background: int
) -> Bool:
    r"""Tell which -log10 p stand in bounds that are found in another way.

    The first term of a tail, from logarithms of factorials, is a lower bound. An upper bound is
    this term over :math:`1 - r`, with r the ratio of the second to the first, since the ratios
    fall: where r is 1 or more, it is one less the same lower bound of the other tail.

    Parameters
    ----------
    neg_log10_p, overlap, n_set : (s,) each.

    Returns
    -------
    (s,) whether p lies within both bounds, but for a relative error of 1e-9.

    Examples
    --------
    >>> given = dict(overlap=np.array([3]), n_set=np.array([5]), n_hits=4, n_background=20)
    >>> certify_tails(np.array([1.494962]), **given).tolist()
    [True]
    >>> certify_tails(np.array([1.2]), **given).tolist()
    [False]
    """
    k, m = overlap.astype(np.float64), n_set.astype(np.float64)
    n, N = float(n_hits), float(n_background)
    log_p = -neg_log10_p * _LOG10
    first = _log_pmf_by_factorials(k, m, n, N)
    below = _log_pmf_by_factorials(k - 1.0, m, n, N)
    ratio = (m - k) * (n - k) / ((k + 1.0) * (N - m - n + k + 1.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        geometric = first - np.log1p(-np.where(ratio < 1.0, ratio, 0.0))
        other = np.log1p(-np.minimum(np.exp(below), 1.0))
    most = np.where(ratio < 1.0, np.minimum(geometric, 0.0), np.maximum(other, first))
    # a logarithm of factorials of N carries some units in the last place of its own size
    slack = _AGREEMENT + 1e-15 * N * math.log(N + 1.0)
    inside = (log_p >= first - slack) & (log_p <= most + slack)
    return np.asarray((k == 0.0) & (log_p == 0.0)) | np.asarray(inside & (k > 0.0))


def sample_odds_ratio(overlap: I64, n_set: I64, *, n_hits: int, n_background: int) -> F64:
    r"""Return the sample odds ratio :math:`k (N - m - n + k) / ((m - k)(n - k))` of each set.

    Infinite where all members or all hits are in the overlap; NaN where the table does not tell.

    Examples
    --------
    >>> sample_odds_ratio(np.array([3, 4]), np.array([5, 4]), n_hits=4, n_background=20).tolist()
    [21.0, inf]
    """
    k, m = overlap.astype(np.float64), n_set.astype(np.float64)
    n, N = float(n_hits), float(n_background)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(k * (N - m - n + k) / ((m - k) * (n - k)))


def _refuse_impossible(k: I64, m: I64, n: int, N: int) -> None:
    fits = (k >= np.maximum(0, m + n - N)) & (k <= np.minimum(m, n)) & (m <= N)
    if not (0 <= n <= N and bool(np.all(fits))):
        raise ValueError(f"the counts of {int((~fits).sum())} sets fit no {n} hits of {N}")


def _log_upper_tail(k: I64, m: I64, n: int, N: int) -> F64:
    """Return log P(X >= k): by its own terms beyond the mean, else by those of the other tail."""
    mean = m * (n / N) if N else np.zeros(m.shape)
    beyond = (k > mean) & (k > 0)
    log_p = np.zeros(k.shape)
    if beyond.any():
        log_p[beyond] = _log_tail(k[beyond], m[beyond], n, N, step=1)
    least = np.maximum(0, m + n - N)
    within = ~beyond & (k > least)
    if within.any():
        below = _log_tail(k[within] - 1, m[within], n, N, step=-1)
        log_p[within] = np.log1p(-np.exp(np.minimum(below, 0.0)))
    return np.minimum(log_p, 0.0)


def _log_tail(k: I64, m: I64, n: int, N: int, *, step: int) -> F64:
    """Return log of the sum of the terms from k on, up or down, which fall from there."""
    x, size = k.astype(np.float64), m.astype(np.float64)
    first = _log_pmf(x, size, float(n), float(N))
    total, term = np.ones(x.shape), np.ones(x.shape)
    live = np.ones(x.shape, dtype=np.bool_)
    while live.any():
        a, b = x[live], size[live]
        if step > 0:
            ratio = (b - a) * (n - a) / ((a + 1.0) * (N - b - n + a + 1.0))
        else:
            ratio = a * (N - b - n + a) / ((b - a + 1.0) * (n - a + 1.0))
        term[live] *= ratio
        total[live] += term[live]
        x[live] += step
        live[live] = term[live] > _NEGLIGIBLE * total[live]
    return np.asarray(first + np.log(total))


def _log_pmf(x: F64, m: F64, n: float, N: float) -> F64:
    """Return log of the hypergeometric probability, as three binomial ones with p = n / N."""
    p = n / N
    return np.asarray(
        _log_binomial(x, m, p) + _log_binomial(n - x, N - m, p) - _log_binomial(n, N, p)
    )


def _log_binomial(x: F64 | float, n: F64 | float, p: float) -> F64:
    """Return log of the binomial probability, Loader's equation 4, without cancellation."""
    x, n = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(n, dtype=np.float64))
    q = 1.0 - p
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = (
            _stirling_error(n)
            - _stirling_error(x)
            - _stirling_error(n - x)
            - _deviance(x, n * p)
            - _deviance(n - x, n * q)
            + 0.5 * (np.log(n) - np.log(x) - np.log(n - x))
            - _LOG_ROOT_2PI
        )
        none = n * math.log1p(-p) if p < 1.0 else np.where(n == 0.0, 0.0, -np.inf)
        every = n * math.log(p) if p > 0.0 else np.where(n == 0.0, 0.0, -np.inf)
    return np.where(x == 0.0, none, np.where(x == n, every, inner))


def _stirling_error(n: F64) -> F64:
    """Return log n! less Stirling's formula for it."""
    whole = np.maximum(n, 1.0)
    series = np.zeros(whole.shape)
    for coefficient in reversed(_STIRLING):
        series = series / (whole * whole) + coefficient
    small = np.minimum(whole, _SERIES_FROM).astype(np.int64)
    return np.where(whole < _SERIES_FROM, _SMALL_ERRORS[small], series / whole)


def _deviance(x: F64, mean: F64) -> F64:
    """Return x log(x / mean) + mean - x, by a series where both are near each other."""
    gap, both = x - mean, x + mean
    v = np.where(both > 0.0, gap / both, 0.0)
    series = np.zeros(v.shape)
    for j in range(_SERIES_TERMS, 0, -1):
        series = (series + 1.0 / (2 * j + 1)) * v * v
    near = gap * v + 2.0 * x * v * series
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.where(x > 0.0, x * np.log(x / mean), 0.0) + mean - x
    return np.where(np.abs(v) < _NEAR, near, far)


def _log_pmf_by_factorials(x: F64, m: F64, n: float, N: float) -> F64:
    """Return log of the hypergeometric probability from logarithms of factorials."""

    def choose(a: F64 | float, b: F64) -> F64:
        inside = (b >= 0.0) & (b <= a)
        held = np.where(inside, b, 0.0)
        ways = gammaln(a + 1.0) - gammaln(held + 1.0) - gammaln(a - held + 1.0)
        return np.where(inside, ways, -np.inf)

    return choose(m, x) + choose(N - m, n - x) - choose(N, np.full(x.shape, n))


# log n! from exact integers, whose logarithm is rounded once
_SMALL_ERRORS: Final[F64] = np.array(
    [0.0]
    + [
        math.log(math.factorial(n)) - ((n + 0.5) * math.log(n) - n + _LOG_ROOT_2PI)
        for n in range(1, _SERIES_FROM + 1)
    ]
)
