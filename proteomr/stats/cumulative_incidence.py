"""Cumulative incidence of competing events in groups.

Letters: n people, K groups, T times of a grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.stats.curve_counts import GroupCounts, Subjects, lessen_ties
from proteomr.stats.curve_influence import Steps, sum_squares
from proteomr.stats.kaplan_meier import SurvivalCurves

__all__ = ["Incidence", "estimate_incidence"]


@dataclass(frozen=True, slots=True)
class Incidence:
    """Aalen-Johansen estimates of the probability of one event by a time.

    Attributes
    ----------
    times : ``(T,)``.
    incidence : ``(K, T)``.
    se : ``(K, T)``, by the infinitesimal jackknife, as ``survival::survfit``.
    se_gray : ``(K, T)``, as ``cmprsk::cuminc``; NaN with weights.
    """

    times: F64
    incidence: F64
    se: F64
    se_gray: F64


def estimate_incidence(
    counts: GroupCounts,
    curves: SurvivalCurves,
    subjects: Subjects,
    *,
    cause: int,
) -> Incidence:
    r"""Estimate the cumulative incidence of one cause where others compete with it.

    .. math:: \hat F_1(t) = \sum_{s \le t} \hat S(s^-) \frac{d_{1s}}{n_s}

    with the survival S free of any event (Aalen and Johansen 1978). Two variances are in use. The
    infinitesimal jackknife sums the squares of people's influences

    .. math:: U_i(t) = w_i \sum_{s \le t} \Bigl\{ \hat S(s^-)
        \Bigl(\frac{dN_{1i}}{n} - \frac{Y_i d_1}{n^2}\Bigr)
        - \bigl(\hat F_1(t) - \hat F_1(s)\bigr)
        \Bigl(\frac{dN_i}{n - d} - \frac{Y_i d}{n (n - d)}\Bigr) \Bigr\}

    and is what R's ``survfit`` (survival 3.5-3) gives, with weights, and here with clusters too.
    ``cmprsk::cuminc`` (2.2-11) sums what the events of each time add (Gray 1988,
    doi:10.1214/aos/1176350951), with :math:`d_2` events of all other causes and
    :math:`v_j = d_j (1 - (d_j - 1) / (n - 1))`:

    .. math:: \sum_{s \le t} v_1 \Bigl(\frac{\hat S(s^-)}{n}
        - \frac{\hat F_1(t) - \hat F_1(s)}{n - d}\Bigr)^2
        + v_2 \Bigl(\frac{\hat F_1(t) - \hat F_1(s)}{n - d}\Bigr)^2

    Parameters
    ----------
    counts, curves : of all causes together, on one grid.
    subjects : the people behind the counts.
    cause : its code.

    Examples
    --------
    >>> from proteomr.stats.kaplan_meier import estimate_curves
    >>> from proteomr.stats.curve_counts import Subjects, count_risk, place_people
    >>> people = place_people(np.full(4, -np.inf), np.arange(1.0, 5.0), np.array([1, 2, 0, 1]))
    >>> subjects = Subjects(people, np.zeros(4, dtype=np.int64), 1)
    >>> counts = count_risk(subjects)
    >>> found = estimate_incidence(counts, estimate_curves(counts), subjects, cause=1)
    >>> found.incidence.tolist(), found.se.round(4).tolist()
    ([[0.25, 0.25, 0.75]], [[0.2165, 0.2165, 0.2165]])
    """
    n, d = counts.at_risk, counts.events
    d1 = counts.by_cause.get(cause, np.zeros_like(d))
    K, _ = n.shape
    before = np.concatenate([np.ones((K, 1)), curves.survival[:, :-1]], axis=1)
    some = counts.people > 0
    step = before * np.divide(d1, n, out=np.zeros_like(n), where=some)
    F = np.cumsum(step, axis=1)
    squares = _sum_influences(counts, d1, before, F, subjects.ever_at_risk(), cause)
    separate = np.sqrt(np.maximum(_separate_causes(counts, d1, before, F), 0.0))
    if subjects.weights is not None:
        separate = np.full_like(separate, np.nan)
    return Incidence(counts.times, F, np.sqrt(squares), separate)


def _sum_influences(
    counts: GroupCounts, d1: F64, before: F64, F: F64, subjects: Subjects, cause: int
) -> F64:
    n, d = counts.at_risk, counts.events
    some, open_ = counts.people > 0, counts.people > counts.deaths
    hazard = np.divide(d, n * (n - d), out=np.zeros_like(n), where=open_ & (counts.deaths > 0))
    P = np.cumsum(hazard, axis=1)
    own = np.divide(before, n, out=np.zeros_like(n), where=some)
    Q = np.cumsum(own * np.divide(d1, n, out=np.zeros_like(n), where=some) + F * hazard, axis=1)
    risk, group, w = subjects.risk, subjects.groups, subjects.weigh()
    last, first = risk.end - 1, risk.first
    late = first > 0
    entered = np.where(late, Q[group, first - 1], 0.0), np.where(late, -P[group, first - 1], 0.0)
    inverse = np.divide(1.0, n - d, out=np.zeros_like(n), where=open_)
    event = np.where(risk.cause != 0, inverse[group, last], 0.0)
    alpha = entered[0] - Q[group, last] + event * F[group, last]
    alpha += np.where(risk.cause == cause, own[group, last], 0.0)
    beta = entered[1] + P[group, last] - event
    steps = Steps(
        group,
        first,
        last,
        w[:, None] * np.column_stack(entered),
        w[:, None] * np.column_stack([alpha, beta]),
        w,
    )
    return sum_squares(steps, F=F, X=F * P - Q, clusters=subjects.clusters)


def _separate_causes(counts: GroupCounts, d1: F64, before: F64, F: F64) -> F64:
    """Return the variance that sums each time's binomial ones, of the cause and of all others."""
    n, d = counts.at_risk, counts.events
    d2 = d - d1
    open_ = counts.people > counts.deaths
    own = np.divide(before, n, out=np.zeros_like(n), where=counts.people > 0)
    rest = np.divide(1.0, n - d, out=np.zeros_like(n), where=open_)
    first, second = d1 * lessen_ties(d1, n), d2 * lessen_ties(d2, n)
    # (own - (F(t) - F(s)) rest)^2 as a square in F(t).
    at = own + F * rest
    sums = [
        np.cumsum(first * a * b + second * c * e, axis=1)
        for a, b, c, e in (
            (at, at, F * rest, F * rest),
            (at, rest, F * rest, rest),
            (rest, rest, rest, rest),
        )
    ]
    return sums[0] - 2.0 * F * sums[1] + F * F * sums[2]
