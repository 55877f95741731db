"""Kaplan-Meier curves of groups, with limits.

Letters: n people, K groups, T times of a grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64
from proteomr.stats.curve_counts import GroupCounts, Subjects
from proteomr.stats.curve_influence import Steps, sum_squares
from proteomr.stats.distributions import quantile_normal

__all__ = [
    "LIMITS",
    "LimitKind",
    "SurvivalCurves",
    "estimate_curves",
    "find_emptied",
    "find_limits",
]

LimitKind: TypeAlias = Literal["log", "log-log", "plain"]
LIMITS: tuple[LimitKind, ...] = ("log", "log-log", "plain")


@dataclass(frozen=True, slots=True)
class SurvivalCurves:
    """Kaplan-Meier curves on a grid of times.

    Attributes
    ----------
    times : ``(T,)``.
    survival, se : ``(K, T)``, the curve from a time on and its standard error; the error is NaN
        where Greenwood's formula meets a curve of 0.
    """

    times: F64
    survival: F64
    se: F64


def estimate_curves(counts: GroupCounts, *, robust: Subjects | None = None) -> SurvivalCurves:
    r"""Estimate the Kaplan-Meier curves of groups.

    .. math:: \hat S(t) = \prod_{s \le t} (1 - d_s / n_s), \qquad
        \widehat{\mathrm{var}}\, \hat S = \hat S^2 \sum_{s \le t} \frac{d_s}{n_s (n_s - d_s)}

    with weighted numbers at risk n and events d, after delayed entry too (Kaplan and Meier 1958,
    doi:10.1080/01621459.1958.10501452; Greenwood 1926). The robust variance sums
    the squares of people's influences, the infinitesimal jackknife:

    .. math:: U_i(t) = -w_i \hat S(t) \Bigl( \frac{\delta_i [x_i \le t]}{n - d}
        - \sum_{s \le t} \frac{Y_i(s)\, d_s}{n_s (n_s - d_s)} \Bigr)

    R: ``survival::survfit`` (3.5-3); robust as with ``robust = TRUE`` or a cluster.

    Parameters
    ----------
    counts : of :func:`proteomr.stats.curve_counts.count_risk`.
    robust : the people behind the counts, for robust errors; None for Greenwood's.

    Examples
    --------
    >>> from proteomr.stats.curve_counts import Subjects, count_risk, place_people
    >>> people = place_people(np.full(3, -np.inf), np.array([1.0, 2.0, 3.0]), np.array([1, 0, 1]))
    >>> curves = estimate_curves(count_risk(Subjects(people, np.zeros(3, dtype=np.int64), 1)))
    >>> curves.survival.round(4).tolist(), curves.se.round(4).tolist()
    ([[0.6667, 0.0]], [[0.2722, nan]])
    """
    n, d = counts.at_risk, counts.events
    last = (counts.people > 0) & (counts.people == counts.deaths)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(counts.people > 0, (n - d) / n, 1.0)
    survival = np.asarray(np.cumprod(share, axis=1), dtype=np.float64)
    hazard = _log_variance_steps(counts)
    if robust is None:
        with np.errstate(invalid="ignore"):
            se = survival * np.sqrt(np.cumsum(np.where(last, np.inf, hazard), axis=1))
        return SurvivalCurves(counts.times, survival, se)
    A = np.cumsum(hazard, axis=1)
    subjects = robust.ever_at_risk()
    steps = _list_steps(counts, A, subjects)
    squares = sum_squares(steps, F=np.zeros_like(A), X=A, clusters=subjects.clusters)
    return SurvivalCurves(counts.times, survival, survival * np.sqrt(squares))


def _log_variance_steps(counts: GroupCounts) -> F64:
    """Return Greenwood's d / (n (n - d)), 0 where it has no value."""
    n, d = counts.at_risk, counts.events
    defined = (counts.people > counts.deaths) & (counts.deaths > 0)
    return np.divide(d, n * (n - d), out=np.zeros_like(n), where=defined)


def _list_steps(counts: GroupCounts, A: F64, subjects: Subjects) -> Steps:
    """Return what people add to the influence on log S."""
    risk, group, w = subjects.risk, subjects.groups, subjects.weigh()
    ends = risk.end - 1
    before = np.where(risk.first > 0, A[group, risk.first - 1], 0.0)
    rest = counts.at_risk - counts.events
    defined = counts.people > counts.deaths
    own = np.divide(1.0, rest, out=np.zeros_like(rest), where=defined)[group, ends]
    entered = np.column_stack([-w * before, np.zeros(group.size)])
    gone = w * (A[group, ends] - before - np.where(risk.cause != 0, own, 0.0))
    left = np.column_stack([gone, np.zeros(group.size)])
    return Steps(group, risk.first, ends, entered, left, w)


def find_emptied(curves: SurvivalCurves, subjects: Subjects) -> F64:
    """Return when a curve reaches 0 although some of its group are there later; NaN for never.

    After delayed entry the first of a group may die before others have come: the curve would be 0
    from there on, whatever happens to all others.

    Returns
    -------
    ``(K,)``, times.

    Examples
    --------
    >>> from proteomr.stats.curve_counts import Subjects, count_risk, place_people
    >>> people = place_people(
    ...     np.array([0.0, 2.0, 2.0]), np.array([1.0, 3.0, 4.0]), np.array([1, 1, 1]))
    >>> subjects = Subjects(people, np.zeros(3, dtype=np.int64), 1)
    >>> find_emptied(estimate_curves(count_risk(subjects)), subjects).tolist()
    [1.0]
    """
    out = np.full(subjects.count, np.nan)
    if not curves.times.size:
        return out
    zero = curves.survival == 0.0
    reached = np.where(zero.any(axis=1), curves.times[zero.argmax(axis=1)], np.inf)
    later = subjects.risk.exit > reached[subjects.groups]
    emptied = np.bincount(subjects.groups[later], minlength=subjects.count) > 0
    return np.where(emptied, reached, out)


def find_limits(
    estimate: F64, se: F64, *, kind: LimitKind = "log", level: float = 0.95
) -> tuple[F64, F64]:
    r"""Return limits of probabilities on the scale asked for.

    .. math:: \hat S \exp(\pm z\, s / \hat S), \quad
        \hat S^{\exp(\pm z\, s / (\hat S \log \hat S))}, \quad \hat S \pm z\, s

    for ``log``, ``log-log`` and ``plain``, within 0 and 1. NaN where the scale has no value: a
    probability of 0 for ``log``, of 0 or 1 for ``log-log``, an error that is NaN.
    R: ``survival:::survfit_confint``.

    Examples
    --------
    >>> low, high = find_limits(np.array([0.5]), np.array([0.1]))
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.3379], [0.74])
    """
    z = float(quantile_normal(0.5 + level / 2.0))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        match kind:
            case "plain":
                low, high = estimate - z * se, estimate + z * se
            case "log":
                p = np.where(estimate == 0.0, np.nan, estimate)
                reach = z * se / p
                low, high = p * np.exp(-reach), p * np.exp(reach)
            case "log-log":
                p = np.where((estimate == 0.0) | (estimate == 1.0), np.nan, estimate)
                reach = z * se / (p * np.log(p))
                low, high = p ** np.exp(-reach), p ** np.exp(reach)
        return np.maximum(low, 0.0), np.minimum(high, 1.0)
