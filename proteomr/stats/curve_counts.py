"""Who is at risk when: people placed on a grid of times, and the counts of groups on it.

Letters: n people, K groups, T times of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool

__all__ = [
    "GroupCounts",
    "RiskTimes",
    "Subjects",
    "count_risk",
    "find_gaps",
    "lessen_ties",
    "place_people",
]


@dataclass(frozen=True, slots=True)
class RiskTimes:
    """People on a grid of times.

    A person is at risk at the times ``first`` to ``end - 1`` of the grid, and has the event, if
    any, at ``end - 1``.

    Attributes
    ----------
    times : ``(T,)``, ascending.
    first, end : ``(n,)``, places on the grid.
    cause : ``(n,)``, code of the event, 0 for none.
    entry, exit : ``(n,)``, the times themselves; entry is -inf where there is none.
    """

    times: F64
    first: I64
    end: I64
    cause: I64
    entry: F64
    exit: F64

    def move(self, times: F64) -> RiskTimes:
        """Return the people on another grid, that has every time of their events.

        Examples
        --------
        >>> people = place_people(np.full(2, -np.inf), np.array([1.0, 2.0]), np.array([0, 1]))
        >>> people.move(np.array([1.0, 2.0])).end.tolist()
        [1, 2]
        """
        return RiskTimes(
            times,
            np.searchsorted(times, self.entry, side="right"),
            np.searchsorted(times, self.exit, side="right"),
            self.cause,
            self.entry,
            self.exit,
        )

    def choose(self, rows: Bool | I64) -> RiskTimes:
        """Return some of the people, on the same grid.

        Examples
        --------
        >>> people = place_people(np.full(2, -np.inf), np.array([1.0, 2.0]), np.array([1, 0]))
        >>> people.choose(np.array([False, True])).exit.tolist()
        [2.0]
        """
        return RiskTimes(
            self.times,
            self.first[rows],
            self.end[rows],
            self.cause[rows],
            self.entry[rows],
            self.exit[rows],
        )


def place_people(entry: F64, left: F64, cause: I64, *, all_times: bool = False) -> RiskTimes:
    """Place people on the grid of the times at which any of them has an event.

    Times that differ by rounding are made one before, by `risk_sets.tie_times`.

    Parameters
    ----------
    entry, left : ``(n,)``; people are at risk after their entry, until they have left.
    cause : ``(n,)``, code of the event, 0 for none.
    all_times : whether the grid has every exit, also those without an event.

    Examples
    --------
    >>> people = place_people(
    ...     np.array([-np.inf, 1.0, -np.inf]), np.array([1.0, 3.0, 2.0]), np.array([1, 2, 0]))
    >>> people.times.tolist(), people.first.tolist(), people.end.tolist()
    ([1.0, 3.0], [0, 1, 0], [1, 2, 1])
    """
    times = np.unique(left if all_times else left[cause != 0])
    return RiskTimes(
        times,
        np.searchsorted(times, entry, side="right"),
        np.searchsorted(times, left, side="right"),
        cause.astype(np.int64),
        entry,
        left,
    )


@dataclass(frozen=True, slots=True)
class Subjects:
    """People in groups, on a grid.

    Attributes
    ----------
    risk : when they are at risk.
    groups : ``(n,)``, codes from 0.
    count : K, number of groups.
    weights : ``(n,)``, above 0; None for 1 each.
    clusters : ``(n,)``, codes from 0; None for each person by itself.
    """

    risk: RiskTimes
    groups: I64
    count: int
    weights: F64 | None = None
    clusters: I64 | None = None

    def ever_at_risk(self) -> Subjects:
        """Return those who are at risk at some time of the grid.

        Examples
        --------
        >>> people = place_people(np.full(2, -np.inf), np.array([1.0, 2.0]), np.array([0, 1]))
        >>> Subjects(people, np.array([0, 1]), 2).ever_at_risk().groups.tolist()
        [1]
        """
        kept = self.risk.end > self.risk.first
        if np.all(kept):
            return self
        return Subjects(
            self.risk.choose(kept),
            self.groups[kept],
            self.count,
            None if self.weights is None else self.weights[kept],
            None if self.clusters is None else self.clusters[kept],
        )

    def weigh(self) -> F64:
        """Return the weights, 1 where there are none.

        Examples
        --------
        >>> people = place_people(np.full(2, -np.inf), np.array([1.0, 2.0]), np.array([0, 1]))
        >>> Subjects(people, np.array([0, 1]), 2).weigh().tolist()
        [1.0, 1.0]
        """
        return np.ones(self.groups.size) if self.weights is None else self.weights


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """What happens in groups at each time of a grid.

    Attributes
    ----------
    times : ``(T,)``.
    at_risk, events : ``(K, T)``, sums of weights: of who is at risk at a time, and has any event.
    people, deaths : ``(K, T)``, the same as counts of people.
    by_cause : ``(K, T)`` sums of weights of each cause, by its code.
    """

    times: F64
    at_risk: F64
    events: F64
    people: I64
    deaths: I64
    by_cause: dict[int, F64]


def count_risk(subjects: Subjects) -> GroupCounts:
    """Count who is at risk and who has an event, by groups, at each time.

    Where all who are at risk have the event, the two sums of weights are the same number.

    Examples
    --------
    >>> people = place_people(np.full(3, -np.inf), np.array([1.0, 3.0, 2.0]), np.array([1, 1, 0]))
    >>> counts = count_risk(Subjects(people, np.zeros(3, dtype=np.int64), 1))
    >>> counts.at_risk.tolist(), counts.events.tolist()
    ([[3.0, 1.0]], [[1.0, 1.0]])
    """
    subjects = subjects.ever_at_risk()
    cause, weights = subjects.risk.cause, subjects.weights
    people = _count_at_risk(subjects, None).astype(np.int64)
    deaths = _count_events(subjects, None, cause != 0).astype(np.int64)
    codes = [int(code) for code in np.unique(cause[cause != 0])]
    by_cause = {code: _count_events(subjects, weights, cause == code) for code in codes}
    if weights is None:
        at_risk, events = people.astype(np.float64), deaths.astype(np.float64)
        return GroupCounts(subjects.risk.times, at_risk, events, people, deaths, by_cause)
    events = sum(by_cause.values(), np.zeros(people.shape))
    at_risk = np.maximum(_count_at_risk(subjects, weights), events)
    at_risk = np.where(people == deaths, events, at_risk)
    return GroupCounts(subjects.risk.times, at_risk, events, people, deaths, by_cause)


def _count_at_risk(subjects: Subjects, weights: F64 | None) -> F64:
    """Return sums over those who leave at or after a time, less those who enter after it."""
    risk = subjects.risk
    still = _sum_from(subjects, risk.end, weights)
    if np.any(risk.first):
        still -= _sum_from(subjects, risk.first, weights)
    return still


def _sum_from(subjects: Subjects, place: I64, weights: F64 | None) -> F64:
    """Return sums over those whose place is after each time: ``(K, T)``."""
    K, width = subjects.count, subjects.risk.times.size + 1
    at = np.bincount(subjects.groups * width + place, weights, minlength=K * width)
    total = np.cumsum(at.reshape(K, width)[:, ::-1], axis=1)[:, ::-1]
    return total[:, 1:].astype(np.float64)


def _count_events(subjects: Subjects, weights: F64 | None, which: Bool) -> F64:
    K, T = subjects.count, subjects.risk.times.size
    cells = subjects.groups[which] * T + subjects.risk.end[which] - 1
    chosen = None if weights is None else weights[which]
    return np.bincount(cells, chosen, minlength=K * T).reshape(K, T).astype(np.float64)


def find_gaps(subjects: Subjects) -> F64:
    """Return the first time between which nobody of a group is under observation: ``(K, 2)``.

    From the exit of the last who was there to the entry of the next; NaN where there is none.

    Examples
    --------
    >>> people = place_people(np.array([0.0, 2.0]), np.array([1.0, 3.0]), np.array([0, 1]))
    >>> find_gaps(Subjects(people, np.zeros(2, dtype=np.int64), 1)).tolist()
    [[1.0, 2.0]]
    """
    entry, left = subjects.risk.entry, subjects.risk.exit
    out = np.full((subjects.count, 2), np.nan)
    if not np.any(np.isfinite(entry)):
        return out
    order = np.argsort(entry, kind="stable")
    for group in range(subjects.count):
        of = order[subjects.groups[order] == group]
        reached = np.maximum.accumulate(left[of])
        empty = np.flatnonzero(entry[of][1:] > reached[:-1])
        if empty.size:
            out[group] = reached[empty[0]], entry[of][empty[0] + 1]
    return out


def lessen_ties(events: F64, people: F64) -> F64:
    r"""Return the factor :math:`1 - (d - 1) / (n - 1)` by which ties at a time lessen a variance.

    Examples
    --------
    >>> lessen_ties(np.array([1.0, 2.0]), np.array([5.0, 5.0])).tolist()
    [1.0, 0.75]
    """
    tied = (events > 1.0) & (people > 1.0)
    return 1.0 - np.divide(events - 1.0, people - 1.0, out=np.zeros_like(events), where=tied)
