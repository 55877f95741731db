"""How heavy the tail of importance ratios is, and averages that do not hang on its largest."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from proteomr._typing import F64

__all__ = ["fit_generalised_pareto", "smooth_log_ratios"]

_FEWEST: Final = 5  # ratios of a tail that a shape can be fitted to
_PRIOR_K, _PRIOR_N = 0.5, 10.0  # the shape is drawn towards 0.5 with the weight of ten ratios
_LEAST: Final = 1e-300  # ratios that underflow beside the largest


def fit_generalised_pareto(excesses: F64) -> tuple[float, float]:
    r"""Return shape and scale of the generalised Pareto distribution of some excesses.

    .. math:: f(x) = \sigma^{-1} (1 + k x / \sigma)^{-1/k - 1}

    The posterior mean of :math:`\theta = -k / \sigma` over a grid whose prior is of the data, and
    the shape given it (Zhang and Stephens 2009, doi:10.1198/tech.2009.08017).

    Parameters
    ----------
    excesses : (n,) above zero, rising.

    Examples
    --------
    >>> p = (np.arange(1, 1001) - 0.5) / 1000
    >>> k, scale = fit_generalised_pareto(2.0 / 0.3 * ((1 - p) ** -0.3 - 1))
    >>> round(k, 2), round(scale, 1)
    (0.3, 2.0)
    """
    n = excesses.size
    quarter = excesses[int(n / 4 + 0.5) - 1]
    count = 30 + int(math.sqrt(n))
    steps = 1.0 - np.sqrt(count / (np.arange(1, count + 1) - 0.5))
    theta = 1.0 / excesses[-1] + steps / (3.0 * quarter)
    shapes = np.mean(np.log1p(-theta[:, None] * excesses), axis=1)
    profile = n * (np.log(-theta / shapes) - shapes - 1.0)
    weights = np.exp(profile - profile.max())
    mean = float(weights @ theta / weights.sum())
    k = float(np.mean(np.log1p(-mean * excesses)))
    return k, -k / mean


def smooth_log_ratios(log_ratios: F64) -> tuple[F64, float]:
    r"""Return normalised log weights whose largest are those of a fitted tail, and its shape.

    The tail of the :math:`\min(S/5, 3\sqrt S)` largest ratios is replaced by the expected order
    statistics of a generalised Pareto distribution, none above the largest ratio (Vehtari and
    others 2024, arXiv:1507.02646; Vehtari, Gelman and Gabry 2017, doi:10.1007/s11222-016-9696-4).
    A mean by weights of a shape above 0.7 is not to be relied upon. Ratios of which no tail can be
    told, as where all are equal, stay as they are, and their shape is -inf.

    Parameters
    ----------
    log_ratios : (S,) of draws.

    Examples
    --------
    >>> log_weights, k = smooth_log_ratios(np.log(np.arange(1.0, 1001.0)))
    >>> round(float(np.exp(log_weights).sum()), 6), k < 0.0
    (1.0, True)
    """
    logs = log_ratios - log_ratios.max()
    size = logs.size
    length = math.ceil(min(0.2 * size, 3.0 * math.sqrt(size)))
    k = -math.inf
    if length >= _FEWEST:
        order = np.argsort(logs, kind="stable")
        tail = order[size - length :]
        cutoff = max(float(logs[order[size - length - 1]]), math.log(_LEAST))
        excesses = np.exp(logs[tail]) - math.exp(cutoff)
        if excesses[0] >= 0.0 and excesses[-1] > 0.0 and excesses[int(length / 4 + 0.5) - 1] > 0.0:
            raw, scale = fit_generalised_pareto(excesses)
            k = (length * raw + _PRIOR_N * _PRIOR_K) / (length + _PRIOR_N)
            ranks = (np.arange(length) + 0.5) / length
            expected = (
                scale * np.expm1(-k * np.log1p(-ranks)) / k if k else -scale * np.log1p(-ranks)
            )
            logs = logs.copy()
            logs[tail] = np.minimum(np.log(expected + math.exp(cutoff)), 0.0)
    total = math.log(float(np.exp(logs - logs.max()).sum())) + float(logs.max())
    return logs - total, k
