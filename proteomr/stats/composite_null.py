r"""Tests of mediation over many mediators: the null of no mediation is of three kinds.

A mediator has two p values, of path a (exposure to mediator) and path b (mediator to outcome beside
the exposure), and mediates where both are there. It does not where neither is (a share
:math:`\pi_{00}`), b alone (:math:`\pi_{01}`) or a alone (:math:`\pi_{10}`). The larger of the p
values, held against the uniform law, is very conservative where most have neither. Dai, Stanford
and LeBlanc 2022, doi:10.1080/01621459.2020.1765785, hold it against the mixture of the three.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.stats.multiple import adjust

__all__ = [
    "FEWEST_MEDIATORS",
    "NullShares",
    "adjust_p_max",
    "estimate_null_shares",
    "false_discovery_rates",
    "find_envelope",
]

FEWEST_MEDIATORS = 200
"""Mediators below which shares of them cannot be told from noise."""
_ABOVE = 0.5  # Storey's lambda: p values above it are taken for those of no effect


@dataclass(frozen=True, slots=True)
class NullShares:
    """Shares of the mediators without mediation.

    Attributes
    ----------
    pi00 : of those with neither path.
    pi01 : of those with path b alone.
    pi10 : of those with path a alone.
    """

    pi00: float
    pi01: float
    pi10: float

    @property
    def without_a(self) -> float:
        """Share without path a."""
        return self.pi00 + self.pi01

    @property
    def without_b(self) -> float:
        """Share without path b."""
        return self.pi00 + self.pi10


def estimate_null_shares(p_a: F64, p_b: F64) -> NullShares:
    r"""Return the shares of mediators without mediation, by p values above one half.

    Storey's estimates (2002, doi:10.1111/1467-9868.00346) of the margins and of both together:
    :math:`\pi_{0\cdot} = \#\{p_a > \lambda\} / (m (1 - \lambda))`,
    :math:`\pi_{00} = \#\{p_a > \lambda, p_b > \lambda\} / (m (1 - \lambda)^2)`, at
    :math:`\lambda = 1/2`, brought to shares that add up to at most 1.

    Parameters
    ----------
    p_a, p_b : ``(m,)``.

    Examples
    --------
    >>> p = (np.arange(1000) + 0.5) / 1000
    >>> shares = estimate_null_shares(p, np.random.default_rng(1).permutation(p))
    >>> round(shares.pi00, 2), round(shares.pi01, 2)
    (1.0, 0.0)
    """
    high_a, high_b = p_a > _ABOVE, p_b > _ABOVE
    tail = 1.0 - _ABOVE
    without_a = min(float(high_a.mean()) / tail, 1.0)
    without_b = min(float(high_b.mean()) / tail, 1.0)
    neither = float((high_a & high_b).mean()) / tail**2
    # neither is at most either, and at least what is left where no mediator has both
    neither = min(neither, without_a, without_b)
    neither = max(neither, without_a + without_b - 1.0)
    return NullShares(neither, without_a - neither, without_b - neither)


def false_discovery_rates(p_a: F64, p_b: F64, shares: NullShares, *, counted: bool = True) -> F64:
    r"""Return the false discovery rate of each mediator ``(m,)``: of those with a p_max as small.

    .. math:: FDR(t) = m \{\pi_{01} t F_b(t) + \pi_{10} t F_a(t) + \pi_{00} t^2\}
        / \#\{p_{max} \le t\}

    with F_a, F_b the laws of p values of paths that are there, from the least concave majorant of
    all p values of a path (Grenander's estimate) less those of none; the least over all larger t.

    The shares of a few hundred mediators are differences of noisy counts, and an estimate of none
    lets false discoveries of 0.05 become 0.07. So the numerator is no less than what is counted:
    mediators with p_a above one half have no path a, but for few, and as many again have none and a
    p_a below; a share t of the latter with :math:`p_b \le t` has p_max of t or less, whether path b
    is there or not.

    .. math:: t [N_a(t) + N_b(t)] / (1 - \lambda) - m \pi_{00} t^2, \quad
        N_a(t) = \#\{p_a > \lambda, p_b \le t\}

    Parameters
    ----------
    counted : whether the numerator is at least what is counted; False for the rule as published.

    Examples
    --------
    >>> p = (np.arange(1000) + 0.5) / 1000
    >>> other = np.random.default_rng(1).permutation(p)
    >>> p[0] = other[0] = 1e-9
    >>> rates = false_discovery_rates(p, other, estimate_null_shares(p, other))
    >>> bool(rates[0] < 1e-5), bool(rates[1] > 0.2)
    (True, True)
    """
    m = p_a.size
    p_max = np.maximum(p_a, p_b)
    order = np.argsort(p_max, kind="stable")
    t = p_max[order]
    reached = np.searchsorted(t, t, side="right")
    there_a = _law_of_effects(p_a, t, shares.without_a)
    there_b = _law_of_effects(p_b, t, shares.without_b)
    expected = shares.pi01 * t * there_b + shares.pi10 * t * there_a + shares.pi00 * t * t
    if counted:
        without = _count_without(p_a, p_b, t) + _count_without(p_b, p_a, t)
        expected = np.maximum(expected, t * (without / m - shares.pi00 * t))
    rates = np.minimum(m * expected / reached, 1.0)
    rates = np.minimum.accumulate(rates[::-1])[::-1]
    out = np.empty(m)
    out[order] = rates
    return out


def _count_without(p: F64, other: F64, t: F64) -> F64:
    """Return how many mediators lack a path and have the p value of the other at most t."""
    high = np.sort(other[p > _ABOVE])
    return np.searchsorted(high, t, side="right") / (1.0 - _ABOVE)


def _law_of_effects(p: F64, t: F64, without: float) -> F64:
    """Return the law, at t, of p values of paths that are there; 1 where none seems to be."""
    if without >= 1.0:
        return np.ones_like(t)
    law = (find_envelope(p, t) - without * t) / (1.0 - without)
    return np.clip(law, t, 1.0)


def find_envelope(p: F64, t: F64) -> F64:
    """Return the least concave majorant of the empirical law of p values, at t.

    Examples
    --------
    >>> find_envelope(np.array([0.1, 0.2, 0.9]), np.array([0.05, 0.2, 1.0])).round(3).tolist()
    [0.167, 0.667, 1.0]
    """
    values, counts = np.unique(p, return_counts=True)
    x = np.concatenate([[0.0], values, [1.0]])
    y = np.concatenate([[0.0], np.cumsum(counts) / p.size, [1.0]])
    if values[0] == 0.0:
        x, y = x[1:], y[1:]
    hull: list[int] = []
    for i in range(x.size):
        while len(hull) > 1 and _turns_up(x, y, hull[-2], hull[-1], i):
            hull.pop()
        hull.append(i)
    return np.asarray(np.interp(t, x[hull], y[hull]))


def _turns_up(x: F64, y: F64, first: int, second: int, third: int) -> bool:
    """Whether the line from the first to the third point runs above the second."""
    rise = (y[third] - y[first]) * (x[second] - x[first])
    return bool(rise >= (y[second] - y[first]) * (x[third] - x[first]))


def adjust_p_max(p_max: F64) -> F64:
    """Return Benjamini's and Hochberg's adjusted p values of few mediators ``(m,)``.

    Examples
    --------
    >>> adjust_p_max(np.array([0.01, 0.5])).round(3).tolist()
    [0.02, 0.5]
    """
    with np.errstate(divide="ignore"):
        return adjust(-np.log10(p_max), method="bh")
