"""What a study can show: power, and the bias that shared people bring."""

from __future__ import annotations

import math
from dataclasses import dataclass

from proteomr.errors import InputError
from proteomr.stats.distributions import quantile_normal

__all__ = ["OverlapBias", "bound_overlap_bias", "compute_power", "detectable_effect"]

_EXACT = 1e-12  # relative: the last digits of a bracketed root


def compute_power(
    effect: float,
    *,
    n: float,
    r2: float,
    case_share: float | None = None,
    alpha: float = 0.05,
) -> float:
    r"""Power of the inverse-variance weighted estimate (Burgess 2014, doi:10.1093/ije/dyu005).

    .. math:: \Phi(|\beta| \sqrt{n R^2 v} - z_{1 - \alpha / 2})
              + \Phi(-|\beta| \sqrt{n R^2 v} - z_{1 - \alpha / 2}),

    with :math:`v = 1` for an outcome in standard deviations and :math:`v = \pi (1 - \pi)` for
    a log odds ratio in a study with share :math:`\pi` of cases.

    Parameters
    ----------
    effect : per standard deviation of the exposure: in standard deviations of the outcome, or a log
        odds ratio.
    n : people in the outcome study.
    r2 : variance of the exposure that the variants explain.
    case_share : share of cases; None for a quantitative outcome.
    alpha : two-sided level.

    Raises
    ------
    InputError
        A share, a level or a size is out of range.

    Examples
    --------
    >>> round(compute_power(0.1, n=10_000, r2=0.05), 3)
    0.609
    """
    shift = abs(effect) * math.sqrt(_information(n, r2, case_share))
    critical = float(quantile_normal(1 - _level(alpha) / 2))
    return _power_beyond(critical, shift)


def detectable_effect(
    power: float,
    *,
    n: float,
    r2: float,
    case_share: float | None = None,
    alpha: float = 0.05,
) -> float:
    """Return the smallest effect that is found with a given power; see `compute_power`.

    Examples
    --------
    >>> effect = detectable_effect(0.8, n=10_000, r2=0.05)
    >>> round(compute_power(effect, n=10_000, r2=0.05), 6)
    0.8
    """
    if not _level(alpha) < power < 1:
        raise InputError(f"power {power:g}: a share between the level and 1 is needed")
    critical = float(quantile_normal(1 - alpha / 2))
    root = math.sqrt(_information(n, r2, case_share))
    low, high = 0.0, 1.0
    while _power_beyond(critical, high * root) < power:
        high *= 2
    while high - low > _EXACT * high:
        middle = (low + high) / 2
        short = _power_beyond(critical, middle * root) < power
        low, high = (middle, high) if short else (low, middle)
    return high


@dataclass(frozen=True, slots=True)
class OverlapBias:
    """How far an estimate may be drawn towards the observational association.

    Parameters
    ----------
    relative_bias : share of the observational bias that remains, at the expected strength.
    worst_relative_bias : the same at the lower 95 % limit of the strength.
    """

    relative_bias: float
    worst_relative_bias: float


def bound_overlap_bias(mean_f: float, *, n_variants: int, n: float, overlap: float) -> OverlapBias:
    r"""Bound the bias from people in both studies (Burgess et al. 2016, doi:10.1002/gepi.21998).

    .. math:: \text{relative bias} \approx \text{overlap} / E(F)

    of the inverse-variance weighted estimate under no effect, relative to the observational
    estimate. The lower limit of F is :math:`1 + (F - 1) - 1.96 \sqrt{2 (m + 2 \lambda)} / m` with
    :math:`\lambda = m (F - 1)`, the variance of a non-central chi-squared over its m variants.

    Parameters
    ----------
    mean_f : mean F statistic of the variants.
    n_variants : their number.
    n : people in the exposure study.
    overlap : share of the larger study that is in the other one, too.

    Raises
    ------
    InputError
        The overlap is no share, or F is not above zero.

    Examples
    --------
    >>> bound_overlap_bias(50.0, n_variants=20, n=100_000, overlap=0.5).relative_bias
    0.01
    """
    if not 0 <= overlap <= 1:
        raise InputError(f"overlap {overlap:g}: a share from 0 to 1 is needed")
    if mean_f <= 0 or n_variants < 1 or n <= n_variants:
        raise InputError("a mean F above 0, variants, and more people than variants are needed")
    centrality = n_variants * max(mean_f - 1, 0.0)
    spread = math.sqrt(2 * (n_variants + 2 * centrality)) / n_variants
    weakest = max(mean_f - float(quantile_normal(0.975)) * spread, 1.0)
    return OverlapBias(overlap / max(mean_f, 1.0), overlap / weakest)


def _information(n: float, r2: float, case_share: float | None) -> float:
    if n <= 0 or not 0 < r2 < 1:
        raise InputError("a size above 0 and an r2 between 0 and 1 are needed")
    if case_share is None:
        return n * r2
    if not 0 < case_share < 1:
        raise InputError(f"share of cases {case_share:g}: a number between 0 and 1 is needed")
    return n * r2 * case_share * (1 - case_share)


def _power_beyond(critical: float, shift: float) -> float:
    """Share of a standard normal moved by `shift` that lies beyond either critical value."""
    return _normal_cdf(shift - critical) + _normal_cdf(-shift - critical)


def _level(alpha: float) -> float:
    if not 0 < alpha < 1:
        raise InputError(f"level {alpha:g}: a number between 0 and 1 is needed")
    return alpha


def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))
