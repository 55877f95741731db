"""How two traits share a causal variant: Bayes factors of a region's variants to five hypotheses.

Everything is summed in logarithms, so that statistics of any size neither overflow nor vanish.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from proteomr._typing import F64, I64, Bool

__all__ = [
    "HYPOTHESES",
    "Evidence",
    "Posterior",
    "mark_credible",
    "share_within",
    "strongest_within",
    "sum_evidence",
    "weigh_hypotheses",
]

HYPOTHESES: Final = 5
"""None causal; one for the first trait; for the second; one for each; one for both."""

# Ten temporary arrays of a block stay in the cache: ten million variants take 0.1 s, without blocks
# a second.
_BLOCK: Final = 32_768
# Products below this, of numbers up to 1, have lost digits to underflow: they are summed on a scale
# of their own.
_FAINT: Final = 1e-200


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Sums of Bayes factors in g regions, as natural logarithms, before priors.

    Attributes
    ----------
    first, second : (g,) over the variants, of one trait.
    distinct : (g,) over pairs of two different variants; minus infinity with one variant.
    shared : (g,) over variants, of both traits.
    sizes : (g,) variants.
    residual : (g,) how far pairs and variants together differ from the product of both traits'
        sums, of which they are all terms: the certificate of the sums, relative.
    """

    first: F64
    second: F64
    distinct: F64
    shared: F64
    sizes: I64
    residual: F64


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Posterior probabilities of the hypotheses in g regions.

    Attributes
    ----------
    probabilities : (g, 5) of H0 to H4; rows add up to 1.
    priors : (g, 3) p1, p2 and p12 as they were used.
    lowered : (g, 3) which of them were too large for the region, see `weigh_hypotheses`.
    """

    probabilities: F64
    priors: F64
    lowered: Bool


def sum_evidence(
    first: F64,
    second: F64,
    *,
    starts: I64,
    weights: tuple[F64 | None, F64 | None] = (None, None),
) -> Evidence:
    r"""Return the evidence for each way in which two traits can have causal variants.

    With Bayes factors :math:`a_i, b_i` of the n variants of a region,

    .. math::
        \Sigma_1 = \sum_i a_i, \quad \Sigma_2 = \sum_i b_i, \quad
        \Sigma_3 = \sum_{i \ne j} a_i b_j, \quad \Sigma_4 = \sum_i a_i b_i

    (Giambartolomei and others 2014, doi:10.1371/journal.pgen.1004383; R: ``coloc::combine.abf``).
    The package takes :math:`\Sigma_3` as a difference, of which nothing is left where one variant
    carries both sums. Here the pairs of that variant k are added by themselves,
    :math:`a_k (\Sigma_2 - b_k) + b_k (\Sigma_1 - a_k)`, sums without k being sums and no
    differences; what remains of pairs without k cannot cancel below them, as k has the largest
    product.

    With weights :math:`u_i, v_i`, which add up to 1 in each region, :math:`a_i` becomes
    :math:`n u_i a_i`, :math:`b_i` :math:`n v_i b_i`, and the terms of :math:`\Sigma_4`
    :math:`n w_i a_i b_i` with :math:`w_i = u_i v_i / \sum_j u_j v_j`.

    Parameters
    ----------
    first, second : (n,) natural logarithms of Bayes factors of the variants of all regions.
    starts : (g + 1,) where each region starts, and where the last one ends; none is empty.
    weights : (n,) relative prior weights of the variants for each trait, not negative; None where
        all are alike.

    Examples
    --------
    >>> found = sum_evidence(np.log([2.0, 3.0]), np.log([5.0, 7.0]), starts=np.array([0, 2]))
    >>> [round(float(np.exp(part[0]))) for part in (found.first, found.distinct, found.shared)]
    [5, 29, 31]
    """
    sizes = np.diff(starts)
    shift = np.zeros(sizes.size)
    if any(weight is not None for weight in weights):
        logs = [_relative_logs(weight, starts) for weight in weights]
        first, second = first + logs[0], second + logs[1]
        shift = np.log(sizes) - _finite(_log_sums(logs[0] + logs[1], starts))
    parts = [
        _sum_block(
            first[starts[low] : starts[high]],
            second[starts[low] : starts[high]],
            starts[low : high + 1] - starts[low],
        )
        for low, high in _cut(starts)
    ]
    sums = np.concatenate(parts, axis=1) if parts else np.empty((4, 0))
    together = np.logaddexp(sums[2], sums[3])
    with np.errstate(invalid="ignore"):
        apart = np.abs(together - (sums[0] + sums[1]))
    nothing = np.isneginf(together) & np.isneginf(sums[0] + sums[1])
    residual = np.where(nothing, 0.0, apart / np.maximum(1.0, np.abs(together)))
    return Evidence(sums[0], sums[1], sums[2], sums[3] + shift, sizes, residual)


def weigh_hypotheses(evidence: Evidence, *, p1: float, p2: float, p12: float) -> Posterior:
    r"""Return the posterior probabilities of the five hypotheses.

    .. math:: P(H_0) : P(H_1) : P(H_2) : P(H_3) : P(H_4) =
        1 : p_1 \Sigma_1 : p_2 \Sigma_2 : p_1 p_2 \Sigma_3 : p_{12} \Sigma_4

    R: ``coloc::coloc.abf`` 6.0.1. A prior with :math:`n p \ge 1`, by which more than one variant
    would be causal, becomes :math:`1 / (n + 1)`, as there.

    Parameters
    ----------
    evidence : of the regions.
    p1, p2, p12 : prior probabilities that a variant is causal for the first trait, for the second,
        and for both; from 0 to below 1.

    Examples
    --------
    >>> found = sum_evidence(np.array([30.0]), np.array([28.0]), starts=np.array([0, 1]))
    >>> weigh_hypotheses(found, p1=1e-4, p2=1e-4, p12=1e-5).probabilities.round(6).tolist()
    [[0.0, 0.0, 0.0, 0.0, 1.0]]
    """
    asked = np.array([p1, p2, p12])
    n = evidence.sizes[:, None].astype(np.float64)
    lowered = n * asked >= 1.0
    priors = np.where(lowered, 1.0 / (n + 1.0), asked)
    with np.errstate(divide="ignore"):
        one, two, both = np.log(priors).T
    logs = np.stack(
        [
            np.zeros(evidence.sizes.size),
            one + evidence.first,
            two + evidence.second,
            one + two + evidence.distinct,
            both + evidence.shared,
        ],
        axis=1,
    )
    relative = np.exp(logs - logs.max(axis=1, keepdims=True))
    return Posterior(relative / relative.sum(axis=1, keepdims=True), priors, lowered)


def share_within(logs: F64, *, starts: I64) -> F64:
    """Return each variant's share of its region's sum, of logarithms; 0 where the sum is nothing.

    Parameters
    ----------
    logs : (n,) natural logarithms of what is summed.
    starts : (g + 1,) see `sum_evidence`.

    Examples
    --------
    >>> share_within(np.array([1000.0, 1000.0, 7.0]), starts=np.array([0, 2, 3])).round(9).tolist()
    [0.5, 0.5, 1.0]
    """
    sums = _log_sums(logs, starts)
    spread = np.repeat(np.where(np.isneginf(sums), 0.0, sums), np.diff(starts))
    shares: F64 = np.exp(logs - spread)
    return shares


def mark_credible(shares: F64, *, starts: I64, coverage: float) -> Bool:
    """Return which variants make the smallest set of each region that has some share of it.

    Among equal shares the earlier variant comes first.

    Parameters
    ----------
    shares : (n,) that add up to 1 in each region; of a region of zeros nothing is marked.
    starts : (g + 1,) see `sum_evidence`.
    coverage : share to reach.

    Examples
    --------
    >>> shares = np.array([0.1, 0.6, 0.3])
    >>> mark_credible(shares, starts=np.array([0, 3]), coverage=0.8).tolist()
    [False, True, True]
    """
    marked = np.zeros(shares.size, dtype=np.bool_)
    for low, high in pairwise(starts.tolist()):
        part = shares[low:high]
        order = np.argsort(-part, kind="stable")
        reached = np.cumsum(part[order])
        if reached.size and reached[-1] > 0.0:
            # Shares add up to 1 but for rounding, which must not keep out the last variant.
            count = int(np.searchsorted(reached, min(coverage, reached[-1]))) + 1
            marked[low + order[:count]] = True
    return marked


def strongest_within(values: F64, *, starts: I64) -> I64:
    """Return where the largest value of each region stands, the first of equals.

    Examples
    --------
    >>> strongest_within(np.array([1.0, 5.0, 5.0, 2.0]), starts=np.array([0, 3, 4])).tolist()
    [1, 3]
    """
    heads = starts[:-1]
    tops = np.repeat(np.maximum.reduceat(values, heads), np.diff(starts))
    where = np.flatnonzero(values == tops)
    found: I64 = where[np.searchsorted(where, heads)]
    return found


def _cut(starts: I64) -> Iterator[tuple[int, int]]:
    """Yield stretches of regions with about a block of variants each."""
    low, g = 0, starts.size - 1
    while low < g:
        high = int(np.searchsorted(starts, starts[low] + _BLOCK, side="right")) - 1
        high = min(max(high, low + 1), g)
        yield low, high
        low = high


def _sum_block(first: F64, second: F64, starts: I64) -> F64:
    """Return the four sums of some regions (4, g) as logarithms."""
    sizes, heads = np.diff(starts), starts[:-1]
    top1, top2 = (_finite(np.maximum.reduceat(x, heads)) for x in (first, second))
    a, b = (np.exp(x - np.repeat(largest, sizes)) for x, largest in ((first, top1), (second, top2)))
    ab = a * b
    k = strongest_within(ab, starts=starts)
    a_k, b_k, ab_k = a[k], b[k], ab[k]
    a[k] = b[k] = ab[k] = 0.0
    rest_a, rest_b, rest_ab = (np.add.reduceat(x, heads) for x in (a, b, ab))
    pairs = a_k * rest_b + b_k * rest_a
    pairs += np.maximum(rest_a * rest_b - rest_ab, 0.0)
    with np.errstate(divide="ignore"):
        one, two = top1 + np.log(a_k + rest_a), top2 + np.log(b_k + rest_b)
        shared = top1 + top2 + np.log(ab_k + rest_ab)
        distinct = top1 + top2 + np.log(pairs)
    for region in np.flatnonzero((pairs < _FAINT) & (sizes > 1) | (ab_k < _FAINT)):
        own = slice(starts[region], starts[region + 1])
        both = first[own] + second[own]
        shared[region] = _log_sums(both, np.array([0, both.size]))[0]
        distinct[region] = _sum_pairs(first[own], second[own], int(both.argmax()))
    return np.stack([one, two, distinct, shared])


def _sum_pairs(first: F64, second: F64, k: int) -> float:
    """Return the logarithm of the sum over pairs of different variants, of one region."""
    rest1, rest2 = np.delete(first, k), np.delete(second, k)
    ends = np.array([0, rest1.size])
    a, b = float(_log_sums(rest1, ends)[0]), float(_log_sums(rest2, ends)[0])
    pairs = np.logaddexp(first[k] + b, second[k] + a)
    if np.isneginf(a) or np.isneginf(b):
        return float(pairs)
    same = float(np.exp(rest1 - a + (rest2 - b)).sum())
    with np.errstate(divide="ignore"):
        return float(np.logaddexp(pairs, a + b + np.log(max(1.0 - same, 0.0))))


def _log_sums(logs: F64, starts: I64) -> F64:
    """Return the logarithm of the sum of each region."""
    heads = starts[:-1]
    tops = _finite(np.maximum.reduceat(logs, heads))
    sums = np.add.reduceat(np.exp(logs - np.repeat(tops, np.diff(starts))), heads)
    with np.errstate(divide="ignore"):
        total: F64 = tops + np.log(sums)
    return total


def _relative_logs(weights: F64 | None, starts: I64) -> F64:
    """Return log(n w) of weights that are brought to add up to 1 in each region of n variants."""
    sizes = np.diff(starts)
    if weights is None:
        return np.zeros(int(starts[-1]))
    with np.errstate(divide="ignore"):
        logs = np.log(weights)
    sums = _log_sums(logs, starts)
    level = np.where(np.isneginf(sums), 0.0, np.log(sizes) - sums)
    return np.asarray(logs + np.repeat(level, sizes))


def _finite(tops: F64) -> F64:
    """Return the largest logarithms, 0 for regions of zeros, from which nothing can be taken."""
    return np.where(np.isneginf(tops), 0.0, tops)
