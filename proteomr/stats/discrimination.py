r"""How well scores tell people apart: areas under curves and concordance, with their influences.

An estimate comes with the influence :math:`u_i` of each person, so that its variance is
:math:`\sum_i u_i^2`, and that of a difference of two estimates on the same people
:math:`\sum_i (u_i - v_i)^2`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, Bool

__all__ = ["Measured", "find_auc", "find_concordance", "find_unos_concordance"]

_CELLS = 4_000_000  # of pairs at a time: 32 MB


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """An estimate and the influence of each person (n,) on it."""

    value: float
    influence: F64

    @property
    def se(self) -> float:
        """The standard error."""
        return float(np.sqrt(np.sum(self.influence**2)))

    def __sub__(self, other: Measured) -> Measured:
        """Return the difference from another estimate on the same people."""
        return Measured(self.value - other.value, self.influence - other.influence)


def find_auc(score: F64, case: Bool) -> Measured:
    r"""Return the area under the curve of sensitivity by specificity, with DeLong's variance.

    .. math:: \frac{1}{n_1 n_0} \sum_{i \in 1} \sum_{j \in 0} 1(s_i > s_j) + \tfrac12 1(s_i = s_j)

    Source: DeLong, DeLong and Clarke-Pearson 1988, doi:10.2307/2531595; by ranks as Sun and Xu
    2014, doi:10.1109/LSP.2014.2337313. R: ``pROC::roc``, ``pROC::var``, ``pROC::roc.test``.

    Parameters
    ----------
    score : (n,).
    case : (n,).

    Returns
    -------
    The area; no number without two cases and two others.

    Examples
    --------
    >>> case = np.array([True, False, True, False])
    >>> find_auc(np.array([3.0, 1.0, 2.0, 2.5]), case).value
    0.75
    """
    n1 = int(case.sum())
    n0 = case.size - n1
    if min(n1, n0) < 2:
        return Measured(np.nan, np.full(case.size, np.nan))
    below = _count_below(score[~case], score[case]) / n0
    above = 1.0 - _count_below(score[case], score[~case]) / n1
    value = float(below.mean())
    influence = np.empty(case.size)
    influence[case] = (below - value) / np.sqrt(n1 * (n1 - 1.0))
    influence[~case] = (above - value) / np.sqrt(n0 * (n0 - 1.0))
    return Measured(value, influence)


def _count_below(values: F64, at: F64) -> F64:
    """Return how many values lie below each of some numbers, equal ones by half."""
    ordered = np.sort(values)
    left = np.searchsorted(ordered, at, side="left")
    right = np.searchsorted(ordered, at, side="right")
    return np.asarray((left + right) / 2.0)


def find_concordance(
    score: F64,
    *,
    exit: F64,  # noqa: A002  # the field's word, beside entry
    event: Bool,
    entry: F64 | None = None,
    weights: F64 | None = None,
) -> Measured:
    r"""Return Harrell's C: how often who has an event first has the higher score.

    Pairs count in which one has an event while the other is at risk and stays so for longer, or is
    censored at that time; equal scores count by half. The variance is that of the infinitesimal
    jackknife. Source: Harrell, Lee and Mark 1996, doi:10.1002/(SICI)1097-0258(19960229)15:4; R:
    ``survival::concordance(Surv(exit, event) ~ score, reverse = TRUE)`` 3.5. A pair of people with
    sampling weights counts by their product.

    Parameters
    ----------
    score : (n,), higher for an earlier event.
    exit, event : (n,) times, and whether they end in an event.
    entry : (n,) times; None where all are at risk from the start.
    weights : (n,) of the people; None for equal ones.

    Examples
    --------
    >>> found = find_concordance(np.array([3.0, 1.0, 2.0]), exit=np.array([1.0, 2.0, 3.0]),
    ...     event=np.array([True, True, False]))
    >>> round(found.value, 4)
    0.6667
    """
    return _count_pairs(score, exit, event, entry, np.ones(score.size), people=weights)


def find_unos_concordance(
    score: F64,
    *,
    exit: F64,  # noqa: A002  # the field's word, beside entry
    event: Bool,
    until: float,
    free: F64,
    weights: F64 | None = None,
) -> Measured:
    r"""Return Uno's C: concordance in which a pair weighs as many as would be seen uncensored.

    Pairs of :func:`find_concordance` with an event before the time :math:`\tau` weigh
    :math:`1 / G(t-)^2`, with the chance G of not being censored. Weights are taken as known in the
    variance. Source: Uno et al. 2011, doi:10.1002/sim.4154; R:
    ``survival::concordance(..., timewt = "n/G2", ymax = tau)``.

    Parameters
    ----------
    score, exit, event : as of :func:`find_concordance`.
    until : tau; events at it count.
    free : (n,) chance of not being censored before the exit.
    weights : (n,) of the people; None for equal ones.

    Examples
    --------
    >>> found = find_unos_concordance(np.array([3.0, 1.0, 2.0]), exit=np.array([1.0, 2.0, 3.0]),
    ...     event=np.array([True, True, False]), until=1.5, free=np.ones(3))
    >>> found.value
    1.0
    """
    counted = event & (exit <= until)
    by_time = np.zeros(score.size)
    by_time[counted] = 1.0 / free[counted] ** 2
    return _count_pairs(score, exit, counted, None, by_time, ends=event, people=weights)


def _count_pairs(
    score: F64,
    exit: F64,  # noqa: A002  # the field's word, beside entry
    event: Bool,
    entry: F64 | None,
    weights: F64,
    ends: Bool | None = None,
    people: F64 | None = None,
) -> Measured:
    """Count pairs by their events, each with a weight."""
    own = event if ends is None else ends
    concordant, pairs = np.zeros(score.size), np.zeros(score.size)
    firsts = np.flatnonzero(event)
    step = max(1, _CELLS // max(score.size, 1))
    for start in range(0, firsts.size, step):
        first = firsts[start : start + step]
        time = exit[first, None]
        later = (exit > time) | ((exit == time) & ~own)
        if entry is not None:
            later &= entry < time
        weight = weights[first, None] * later
        if people is not None:
            weight *= people[first, None] * people
        better = np.sign(score[first, None] - score) * 0.5 + 0.5
        won = weight * better
        concordant[first] += won.sum(axis=1)
        pairs[first] += weight.sum(axis=1)
        concordant += won.sum(axis=0)
        pairs += weight.sum(axis=0)
    total = float(pairs.sum()) / 2.0
    if not total > 0.0:
        return Measured(np.nan, np.full(score.size, np.nan))
    value = float(concordant.sum()) / 2.0 / total
    return Measured(value, (concordant - value * pairs) / total)
