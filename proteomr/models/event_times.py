"""Outcomes that happen at a time: targets of entry, exit and event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block, Problem
from proteomr.models.targets import Target, TargetColumn, TargetKind

__all__ = [
    "CENSORED",
    "COMPETING",
    "EVENT",
    "TIMES",
    "EventTimes",
    "count_events",
    "count_persons",
    "make_times",
]

CENSORED, EVENT, COMPETING = 0.0, 1.0, 2.0
"""What ends a follow-up: nothing that is known, the event, or what makes the event impossible."""


def _read_nothing(column: TargetColumn) -> Target | None:
    """Return nothing: an outcome at a time is of several columns."""
    del column
    return None


TIMES = TargetKind("times", "a time and an event", _read_nothing, ("outcome",))


@dataclass(frozen=True, slots=True, eq=False)
class EventTimes:
    """Follow-up of n people.

    Attributes
    ----------
    entry : ``(n,)``, when each comes under observation; minus infinity for from the beginning.
    exit : ``(n,)``, when it ends, after the entry.
    event : ``(n,)``, what ended it: :data:`CENSORED`, :data:`EVENT` or :data:`COMPETING`.

    Examples
    --------
    >>> target = make_times("death", exit=np.array([2.0, 3.5]), event=np.array([1.0, 0.0]))
    >>> EventTimes.of(target).exit.tolist(), target.kind
    ([2.0, 3.5], 'times')
    """

    entry: F64
    exit: F64
    event: F64

    @classmethod
    def of(cls, target: Target) -> EventTimes:
        """Return the follow-up that a target of times says."""
        if target.kind != TIMES.name:
            raise ValueError(f"{target.name!r} is of kind {target.kind}, not of times")
        return cls(*np.ascontiguousarray(target.values.T))


def make_times(
    name: str,
    *,
    exit: F64,  # noqa: A002  # the field's word, beside entry
    event: F64,
    entry: F64 | None = None,
    excluded: Bool | None = None,
) -> Target:
    """Return an outcome at a time; NaN in any of its columns stands for a missing one.

    Parameters
    ----------
    excluded : ``(n,)``, who is left out for a reason that is counted already.
    """
    begun = np.full(exit.size, -np.inf) if entry is None else entry
    values = np.column_stack([begun, exit, event])
    if excluded is not None:
        values[excluded] = np.nan
    everyone = values[~np.isnan(values).any(axis=1)]
    return Target(name, "outcome", TIMES.name, values, excluded=excluded, everyone=everyone)


def count_events(problem: Problem, block: Block) -> I64:
    """Count the events of interest in the fit of each coefficient ``(b, c)``."""
    counts = np.empty((block.values.shape[0], len(problem.coefficients)), dtype=np.int64)
    for position, target in enumerate(problem.targets):
        happened = target.values[:, 2] == EVENT
        lost = [np.count_nonzero(happened[rows]) for rows in block.missing]
        events = np.count_nonzero(happened) - np.array(lost, dtype=np.int64)
        for t, coefficient in enumerate(problem.coefficients):
            if problem.models[coefficient.model].target == position:
                counts[:, t] = events
    return counts


def count_persons(problem: Problem, block: Block) -> I64:
    """Count the people whom each protein observes ``(b,)``, however many rows each of them has."""
    if problem.persons is None:
        return block.counts
    return np.array(
        [np.unique(problem.persons[row]).size for row in block.observed], dtype=np.int64
    )
