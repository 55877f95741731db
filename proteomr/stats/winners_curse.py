r"""Effects that were chosen by their own significance, corrected for it: the winner's curse.

With z the estimates over their standard errors, which are normal about the true :math:`\mu` with
variance 1, those beyond a threshold are too large on average. Three corrections: by the false
discovery rate, by the likelihood given the choice, and by the density of all z.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import log_ndtr

from proteomr._typing import F64, Bool
from proteomr.stats.distributions import (
    neg_log10_p_normal,
    quantile_normal,
    z_from_neg_log10,
)
from proteomr.stats.multiple import adjust_neg_log10

__all__ = [
    "correct_by_density",
    "correct_by_fdr",
    "correct_conditionally",
    "limit_conditionally",
    "weigh_conditionally",
]

_LOG_2PI = float(np.log(2.0 * np.pi))  # of the normal density
# Each halving of the interval gives a binary digit; a double has 53.
_HALVINGS = 60
# As in the R package winnerscurse 0.1.1: bins of the histogram, and the spline's freedom.
_BINS, _DF = 120, 7
_STEPS, _SETTLED = 100, 1e-10  # of the Poisson fit: Newton's method, relative change of deviance
_FEWEST = 50  # a density of seven parameters needs several tests for each


def correct_by_fdr(z: F64) -> F64:
    """Return z whose p values are those adjusted for the false discovery rate (FIQT).

    Bigdeli, Lee, Webb et al. 2016, doi:10.1093/bioinformatics/btw303, with the adjustment of
    Benjamini and Hochberg, in log space: no p is too small.

    Parameters
    ----------
    z : ``(m,)`` of all tests, not of the chosen ones alone; NaN is no test.

    Examples
    --------
    >>> correct_by_fdr(np.array([4.0, 0.5, -1.0, 0.2])).round(2).tolist()
    [3.66, 0.22, -0.48, 0.2]
    """
    return np.sign(z) * z_from_neg_log10(adjust_neg_log10(neg_log10_p_normal(z), method="bh"))


def correct_conditionally(z: F64, *, threshold: float) -> F64:
    r"""Return the maximum of the likelihood given that z was beyond the threshold.

    The root of :math:`z = E(Z \mid |Z| > c; \mu)`. Zhong and Prentice 2008,
    doi:10.1093/biostatistics/kxn001.

    Parameters
    ----------
    z : ``(m,)``, each at least the threshold in size.
    threshold : c.

    Examples
    --------
    >>> correct_conditionally(np.array([4.5, 8.0, -4.5]), threshold=4.0).round(2).tolist()
    [2.87, 8.0, -2.87]
    """
    size = np.abs(z)
    mu = _bisect(lambda m: _expect(m, threshold) < size, np.zeros_like(size), size)
    return np.sign(z) * mu


def weigh_conditionally(z: F64, conditional: F64) -> F64:
    """Return the mean of z and its conditional estimate, weighted for a small squared error.

    The conditional estimate corrects too much where z is just beyond the threshold, z not at all;
    z has the weight ``1 / (1 + (z - conditional)^2)`` (Zhong and Prentice 2008).

    Examples
    --------
    >>> weigh_conditionally(np.array([4.5, 8.0]), np.array([2.87, 8.0])).round(2).tolist()
    [3.32, 8.0]
    """
    weight = 1.0 / (1.0 + np.square(z - conditional))
    return np.asarray(weight * z + (1.0 - weight) * conditional)


def limit_conditionally(z: F64, *, threshold: float, level: float = 0.95) -> tuple[F64, F64]:
    """Return the limits of the means under which z is not extreme, given that it was chosen.

    Parameters
    ----------
    z, threshold : as of :func:`correct_conditionally`.
    level : coverage.

    Examples
    --------
    >>> low, high = limit_conditionally(np.array([4.5, 8.0]), threshold=4.0)
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([-0.13, 6.03], [6.31, 9.96])
    """
    size = np.abs(z)
    tail = (1.0 - level) / 2.0
    # Beyond ten standard errors the limits are those of the mean itself, or nearer to 0.
    reach = quantile_normal(1.0 - tail) + 1.0
    least, most = -size - reach - 10.0, size + reach
    low = _bisect(lambda m: _upper_tail(size, m, threshold) < tail, least, most)
    high = _bisect(lambda m: _upper_tail(size, m, threshold) < 1.0 - tail, least, most)
    return np.where(z < 0, -high, low), np.where(z < 0, -low, high)


def correct_by_density(z: F64) -> F64:
    r"""Return :math:`z + d \log f(z) / dz`, the posterior mean, f the density of all z.

    Empirical Bayes by Tweedie's formula: Ferguson, Cho, Yang and Zhao 2013,
    doi:10.1002/gepi.21683. The density is the Poisson fit of a natural cubic spline to a histogram
    (Lindsey 1974, doi:10.1111/j.2517-6161.1974.tb00999.x). A corrected z has no other sign than z,
    and no larger size.

    Parameters
    ----------
    z : ``(m,)`` of all tests, not of the chosen ones alone; NaN is no test.

    Returns
    -------
    ``(m,)``; NaN throughout for fewer than 50 tests.
    """
    there = np.isfinite(z)
    out = np.full(z.shape, np.nan)
    values = z[there]
    if values.size < _FEWEST or np.ptp(values) == 0.0:
        return out
    counts, edges = np.histogram(values, bins=_BINS)
    middles = (edges[1:] + edges[:-1]) / 2.0
    slope = _fit_log_density(middles, counts.astype(np.float64), values)
    moved = values + slope
    sized = np.clip(moved * np.sign(values), 0.0, np.abs(values))
    out[there] = np.sign(values) * sized
    return out


def _log_beyond(mu: F64, c: float) -> F64:
    """Return log P(|Z| > c) for means mu."""
    return np.asarray(np.logaddexp(log_ndtr(mu - c), log_ndtr(-mu - c)))


def _expect(mu: F64, c: float) -> F64:
    """Return E(Z | |Z| > c) for means mu."""
    log_p = _log_beyond(mu, c)
    near = np.exp(-0.5 * (np.square(mu - c) + _LOG_2PI) - log_p)
    far = np.exp(-0.5 * (np.square(mu + c) + _LOG_2PI) - log_p)
    return np.asarray(mu + near - far)


def _upper_tail(z: F64, mu: F64, c: float) -> F64:
    """Return P(Z >= z | |Z| > c) for z of at least c."""
    return np.asarray(np.exp(np.minimum(log_ndtr(mu - z) - _log_beyond(mu, c), 0.0)))


def _bisect(below: Callable[[F64], Bool], low: F64, high: F64) -> F64:
    """Return where a condition that holds at the low end ceases to hold."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        holds = below(middle)
        low, high = np.where(holds, middle, low), np.where(holds, high, middle)
    return np.asarray((low + high) / 2.0)


def _fit_log_density(x: F64, counts: F64, at: F64) -> F64:
    """Return the slope of the log of the counts' Poisson means at some values."""
    knots = np.linspace(x[0], x[-1], _DF + 1)
    basis, R = np.linalg.qr(_lay_out(x, knots, slope=False))
    eta = np.log(counts + 0.5)
    last = np.inf
    for _ in range(_STEPS):
        mu = np.exp(eta)
        root = np.sqrt(mu)
        working = eta + (counts - mu) / mu
        coefficients = np.linalg.lstsq(basis * root[:, None], working * root, rcond=None)[0]
        eta = basis @ coefficients
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(counts > 0, counts * (np.log(counts) - eta), 0.0)
        deviance = 2.0 * float(np.sum(ratio - (counts - np.exp(eta))))
        if abs(last - deviance) <= _SETTLED * (abs(deviance) + 0.1):
            break
        last = deviance
    return np.asarray(_lay_out(at, knots, slope=True) @ np.linalg.solve(R, coefficients))


def _lay_out(x: F64, knots: F64, *, slope: bool) -> F64:
    """Return the natural cubic splines on the knots, or their slopes, at some values.

    Hastie, Tibshirani and Friedman 2009, equations 5.4 and 5.5.
    """
    unit = knots[-1] - knots[0]
    t, k = (x - knots[0]) / unit, (knots - knots[0]) / unit
    cubes = np.maximum(t[:, None] - k, 0.0)
    cubes = 3.0 * cubes**2 if slope else cubes**3
    d = (cubes[:, :-1] - cubes[:, -1:]) / (1.0 - k[:-1])
    first = [np.zeros_like(t), np.ones_like(t)] if slope else [np.ones_like(t), t]
    columns = np.column_stack([*first, d[:, :-1] - d[:, -1:]])
    return columns / unit if slope else columns
