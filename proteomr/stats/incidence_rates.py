"""Events over person-years: rates of groups with exact limits, and their ratios."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from proteomr._typing import F64
from proteomr.stats.curve_counts import Subjects
from proteomr.stats.distributions import neg_log10_p_normal, quantile_normal
from proteomr.stats.f_tail import neg_log10_p_f

__all__ = ["PersonYears", "RateRatio", "compare_rates", "count_years", "limit_rate"]

_ROUNDING = 1e-7  # by which counts as unlikely as the one seen may miss its probability


@dataclass(frozen=True, slots=True)
class PersonYears:
    """What is counted of groups, as sums of weights.

    Attributes
    ----------
    events, years : ``(K,)``.
    squares : ``(K,)``, sum of squared weights of events: the variance of their weighted number.
    largest : ``(K,)``, largest weight.
    """

    events: F64
    years: F64
    squares: F64
    largest: F64


def count_years(subjects: Subjects, *, cause: int = 1) -> PersonYears:
    """Count events of a cause, and time under observation from entry (or 0) to exit, by groups.

    Examples
    --------
    >>> from proteomr.stats.curve_counts import Subjects, place_people
    >>> people = place_people(np.array([-np.inf, 1.0]), np.array([2.0, 3.0]), np.array([1, 0]))
    >>> found = count_years(Subjects(people, np.zeros(2, dtype=np.int64), 1))
    >>> found.events.tolist(), found.years.tolist()
    ([1.0], [4.0])
    """
    risk, groups, count, w = subjects.risk, subjects.groups, subjects.count, subjects.weigh()
    start = np.where(np.isfinite(risk.entry), risk.entry, 0.0)
    event = w * (risk.cause == cause)
    largest = np.zeros(count)
    np.maximum.at(largest, groups, w)
    return PersonYears(
        np.bincount(groups, event, minlength=count).astype(np.float64),
        np.bincount(groups, w * (risk.exit - start), minlength=count).astype(np.float64),
        np.bincount(groups, event * w, minlength=count).astype(np.float64),
        largest,
    )


def limit_rate(
    events: float, years: float, *, squares: float, largest: float, level: float = 0.95
) -> tuple[float, float]:
    r"""Return limits of a rate: exact for counts, gamma limits for weighted sums.

    .. math:: \frac{v}{2y} \chi^2_{2y^2/v,\,\alpha/2}, \qquad
        \frac{v + m^2}{2(y + m)} \chi^2_{2(y+m)^2/(v+m^2),\,1-\alpha/2}

    for weighted events y with variance v and largest weight m, over years (Fay and Feuer 1997,
    doi:10.1002/(SICI)1097-0258(19970415)16:7<791::AID-SIM500>3.0.CO;2-#). With weights of 1 they
    are Garwood's exact Poisson limits (1936, doi:10.1093/biomet/28.3-4.437), R's ``poisson.test``.

    Examples
    --------
    >>> low, high = limit_rate(10.0, 1000.0, squares=10.0, largest=1.0)
    >>> round(low * 1000, 3), round(high * 1000, 3)
    (4.795, 18.39)
    """
    tail = (1.0 - level) / 2.0
    low = 0.0
    if events > 0.0:
        low = squares / events * float(special.gammaincinv(events**2 / squares, tail))
    more, spread = events + largest, squares + largest**2
    high = spread / more * float(special.gammainccinv(more**2 / spread, tail))
    return low / years, high / years


@dataclass(frozen=True, slots=True)
class RateRatio:
    """One rate over another."""

    ratio: float
    low: float
    high: float
    neg_log10_p: float


def compare_rates(
    first: tuple[float, float, float],
    second: tuple[float, float, float],
    *,
    exact: bool = True,
    level: float = 0.95,
) -> RateRatio:
    r"""Return the ratio of two rates.

    Given their sum, counts of events are binomial with :math:`p = r T_1 / (r T_1 + T_2)`: the exact
    limits and p of R's ``poisson.test`` (two counts). Weighted sums have
    :math:`\log r \pm z \sqrt{v_1 / y_1^2 + v_2 / y_2^2}`.

    Parameters
    ----------
    first, second : events, years and squares of each; the ratio is that of the first.
    exact : whether the events are counts.

    Examples
    --------
    >>> found = compare_rates((11.0, 800.0, 11.0), (6.0, 900.0, 6.0))
    >>> round(found.ratio, 4), round(found.low, 4), round(found.high, 4)
    (2.0625, 0.6992, 6.7921)
    """
    (d1, T1, v1), (d2, T2, v2) = first, second
    if not d1 + d2 > 0.0:
        return RateRatio(math.nan, math.nan, math.nan, math.nan)
    ratio = d1 / T1 / (d2 / T2) if d2 > 0.0 else math.inf
    if exact:
        tail = (1.0 - level) / 2.0
        low = float(special.betaincinv(d1, d2 + 1.0, tail)) if d1 > 0.0 else 0.0
        high = float(special.betainccinv(d1 + 1.0, d2, tail)) if d2 > 0.0 else 1.0
        limits = [p / (1.0 - p) * T2 / T1 if p < 1.0 else math.inf for p in (low, high)]
        return RateRatio(
            ratio, limits[0], limits[1], _binomial_p(round(d1), round(d1 + d2), T1 / (T1 + T2))
        )
    if not min(d1, d2) > 0.0:
        return RateRatio(ratio, math.nan, math.nan, math.nan)
    se = math.sqrt(v1 / d1**2 + v2 / d2**2)
    reach = float(quantile_normal(0.5 + level / 2.0)) * se
    p = float(neg_log10_p_normal(math.log(ratio) / se))
    return RateRatio(ratio, ratio * math.exp(-reach), ratio * math.exp(reach), p)


def _binomial_p(k: int, n: int, p: float) -> float:
    """Return the two-sided -log10 p of R's ``binom.test``, also where p is below all doubles."""
    if k > n * p:
        k, p = n - k, 1.0 - p
    least = _log_binomial(k, n, p) + math.log1p(_ROUNDING)
    # Every count from here to n is as unlikely as k or more so.
    counts = range(math.ceil(n * p), n + 1)
    reach = bisect.bisect_left(counts, -least, key=lambda j: -_log_binomial(j, n, p))
    tails = [_lower_tail(k, n, p)]
    if reach < len(counts):
        tails.append(_lower_tail(n - counts[reach], n, 1.0 - p))
    near = min(tails)
    return max(near - math.log10(sum(10.0 ** (near - tail) for tail in tails)), 0.0)


def _log_binomial(k: int, n: int, p: float) -> float:
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return ways + k * math.log(p) + (n - k) * math.log1p(-p)


def _lower_tail(k: int, n: int, p: float) -> float:
    """Return -log10 P(X <= k), which is a tail of F."""
    if k >= n:
        return 0.0
    a, b = 2.0 * (n - k), 2.0 * (k + 1)  # P(X <= k) = I_{1 - p}(n - k, k + 1)
    return float(neg_log10_p_f(a / b * p / (1.0 - p), b, a))
