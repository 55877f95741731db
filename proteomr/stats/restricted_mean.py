"""Restricted mean survival times of groups, and what they differ by.

Letters: n people, K groups, T times of a grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.stats.curve_counts import GroupCounts, Subjects
from proteomr.stats.kaplan_meier import SurvivalCurves

__all__ = ["RestrictedMeans", "average_survival", "find_horizons"]


@dataclass(frozen=True, slots=True)
class RestrictedMeans:
    """Areas under survival curves up to tau.

    Attributes
    ----------
    mean, se : ``(K,)``.
    """

    mean: F64
    se: F64


def average_survival(
    counts: GroupCounts,
    curves: SurvivalCurves,
    *,
    tau: float,
    start: float = 0.0,
    robust: Subjects | None = None,
) -> RestrictedMeans:
    r"""Return the mean time that people live up to tau, by groups.

    .. math:: \hat\mu = t_0 + \int_{t_0}^\tau \hat S(t)\, dt, \qquad \widehat{\mathrm{var}} =
        \sum_{s \le \tau} \Bigl(\int_s^\tau \hat S\Bigr)^2 \frac{d_s}{n_s (n_s - d_s)}

    Royston and Parmar 2013, doi:10.1186/1471-2288-13-152. The robust error sums the
    squares of people's influences: what each adds to every step of the curve, times the area that
    hangs on it. R: ``summary(survfit(...), rmean = tau)`` (survival
    3.5-3; it has Greenwood's sum alone).

    Parameters
    ----------
    counts, curves : on one grid.
    tau : end of the area; no later than a curve is known (:func:`find_horizons`).
    start : where the area begins.
    robust : the people, for robust errors; None for Greenwood's.

    Examples
    --------
    >>> from proteomr.stats.kaplan_meier import estimate_curves
    >>> from proteomr.stats.curve_counts import Subjects, count_risk, place_people
    >>> people = place_people(np.full(3, -np.inf), np.array([1.0, 2.0, 3.0]), np.array([1, 0, 1]))
    >>> counts = count_risk(Subjects(people, np.zeros(3, dtype=np.int64), 1))
    >>> means = average_survival(counts, estimate_curves(counts), tau=2.0)
    >>> means.mean.round(4).tolist(), means.se.round(4).tolist()
    ([1.6667], [0.2722])
    """
    used = int(np.searchsorted(counts.times, tau, side="right"))
    K = counts.at_risk.shape[0]
    unit = max(abs(start), abs(tau))  # squares of areas in it neither overflow nor vanish
    edges = np.concatenate([[start], counts.times[:used], [tau]]) / unit
    heights = np.concatenate([np.ones((K, 1)), curves.survival[:, :used]], axis=1)
    areas = heights * np.diff(edges)
    mean = start + unit * areas.sum(axis=1)
    # The area from each event on.
    rest = np.cumsum(areas[:, :0:-1], axis=1)[:, ::-1]
    n, d = counts.at_risk[:, :used], counts.events[:, :used]
    defined = (counts.people > counts.deaths)[:, :used]
    some = defined & (counts.deaths[:, :used] > 0)
    step = np.divide(d, n * (n - d), out=np.zeros_like(n), where=some)
    if robust is None:
        return RestrictedMeans(mean, unit * np.sqrt(np.sum(rest**2 * step, axis=1)))
    own = np.divide(rest, n - d, out=np.zeros_like(n), where=defined)
    U = _influence(own, np.cumsum(rest * step, axis=1), robust) * robust.weigh()
    groups = robust.groups
    if robust.clusters is not None:
        pair, of = np.unique(groups + K * robust.clusters, return_inverse=True)
        U, groups = np.bincount(of, U).astype(np.float64), pair % K
    return RestrictedMeans(mean, unit * np.sqrt(np.bincount(groups, U**2, minlength=K)))


def _influence(own: F64, shared: F64, subjects: Subjects) -> F64:
    """Return what each person adds, from the share of an own event and that of being at risk."""
    K, used = shared.shape
    risk, groups = subjects.risk, subjects.groups
    before = np.concatenate([np.zeros((K, 1)), shared], axis=1)
    end, first = np.minimum(risk.end, used), np.minimum(risk.first, used)
    U = before[groups, end] - before[groups, np.minimum(first, end)]
    event = (risk.cause != 0) & (risk.end <= used)
    U[event] -= own[groups[event], risk.end[event] - 1]
    return np.asarray(U)


def find_horizons(curves: SurvivalCurves, subjects: Subjects) -> F64:
    """Return how far the curve of each group is known: its last exit, or ever where it is 0.

    Examples
    --------
    >>> from proteomr.stats.kaplan_meier import estimate_curves
    >>> from proteomr.stats.curve_counts import Subjects, count_risk, place_people
    >>> people = place_people(np.full(2, -np.inf), np.array([1.0, 2.0]), np.array([1, 0]))
    >>> subjects = Subjects(people, np.array([0, 1]), 2)
    >>> find_horizons(estimate_curves(count_risk(subjects)), subjects).tolist()
    [inf, 2.0]
    """
    out = np.full(subjects.count, -np.inf)
    np.maximum.at(out, subjects.groups, subjects.risk.exit)
    if curves.times.size:
        out[curves.survival[:, -1] == 0.0] = np.inf
    return out
