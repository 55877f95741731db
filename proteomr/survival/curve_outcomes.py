"""Outcomes as curves take them: follow-up with its events by code, on the times of its events."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.models import EventTimes
from proteomr.runs.notes import add_note
from proteomr.scan import FollowUp, FollowUpOptions, Reading, read_times
from proteomr.stats.curve_counts import RiskTimes, place_people
from proteomr.stats.risk_sets import tie_times
from proteomr.survival.curve_request import CurveOptions
from proteomr.tables import Drop
from proteomr.tables import columns as c

__all__ = ["CurveOutcome", "join_spells", "read_outcome", "share_times"]

_TIMES_SHOWN = 7


@dataclass(frozen=True, slots=True, eq=False)
class CurveOutcome:
    """An outcome of the people who have it, in the order of their exits.

    Attributes
    ----------
    name : of the outcome.
    rows : ``(m,)``, positions of these people in the cohort.
    single : the event of interest, all others being the end of observation.
    every : events of all codes; the same object where there is one.
    code : of the event of interest.
    codes : of events that somebody has.
    at : times at which numbers are read off.
    placed : the people on these times.
    persons : ``(m,)``, whose row each is, where somebody has several; None for a row each.
    lag : time from the beginning in which events do not count, where there are several; else None.
    """

    name: str
    rows: I64
    single: RiskTimes
    every: RiskTimes
    code: int
    codes: tuple[int, ...]
    at: F64
    placed: RiskTimes
    persons: I64 | None = None
    lag: float | None = None

    @property
    def repeats(self) -> bool:
        """Whether somebody has the event twice."""
        if self.persons is None:
            return False
        whose = self.persons[self.single.cause != 0]
        return bool(np.unique(whose).size < whose.size)

    @property
    def keys(self) -> dict[str, object]:
        """What tells its rows in tables."""
        return {c.OUTCOME: self.name, **({} if self.lag is None else {c.LAG: self.lag})}


def read_outcome(
    reading: Reading,
    outcome: FollowUp,
    *,
    options: FollowUpOptions,
    curves: CurveOptions,
    states: I64 | None = None,
) -> tuple[CurveOutcome, tuple[Drop, ...]]:
    """Return an outcome, and who is left out of it.

    Times that differ by rounding are one; who then has no time under observation is left out.

    Parameters
    ----------
    reading : the cohort with its columns.
    outcome : where it stands.
    options : which of its events count.
    curves : times that are named.
    states : ``(n,)``, of spells: those of one person with one number are one while they follow one
        another.

    Raises
    ------
    ColumnError
        A column is absent or holds no numbers, times are infinite, or events are no codes.
    """
    read = read_times(reading.columns, outcome, options=options)
    for note in read.notes:
        add_note(note)
    times = EventTimes.of(read.target)
    there = ~np.isnan(read.target.values).any(axis=1)
    kept = np.flatnonzero(there & reading.modifiers.complete)
    named = [time for time in (curves.begin, *curves.times, curves.tau) if time]
    under = np.column_stack([times.entry[kept], times.exit[kept]])
    entry, end = tie_times(under, named=named).T
    lost = entry >= end
    gone = ~lost & (end <= curves.begin) if curves.begin else np.zeros_like(lost)
    drops = (
        *read.drops,
        *_count(outcome, lost, "no time under observation but rounding"),
        *_count(outcome, gone, f"gone by {curves.begin:g}"),
    )
    lost |= gone
    kept, entry, end = kept[~lost], entry[~lost], end[~lost]
    if curves.begin:
        entry = np.maximum(entry, curves.begin)
    cause = _read_codes(reading.columns[outcome.event], times.event, options)[kept]
    persons = reading.modifiers.persons
    if persons is not None and states is not None:
        first, last = join_spells(persons[kept], states[kept], entry, end, cause)
        kept, entry, end, cause = kept[last], entry[first], end[last], cause[last]
    order = np.lexsort((kept, end))
    kept, entry, end, cause = kept[order], entry[order], end[order], cause[order]
    code = 1 if options.event_code is None else int(options.event_code)
    all_times = curves.steps == "all"
    own = np.where(cause == code, code, 0)
    single = place_people(entry, end, own, all_times=all_times)
    competing = bool(np.any(own != cause))
    every = place_people(entry, end, cause, all_times=all_times) if competing else single
    at = np.array(curves.times) if curves.times else choose_times(end, entry)
    placed = place_people_at(at, entry, end)
    codes = tuple(int(of) for of in np.unique(cause[cause != 0]))
    whose = None if persons is None else np.unique(persons[kept], return_inverse=True)[1]
    if whose is not None and np.unique(whose).size == whose.size:
        whose = None
    return CurveOutcome(outcome.event, kept, single, every, code, codes, at, placed, whose), drops


def join_spells(persons: I64, states: I64, entry: F64, end: F64, cause: I64) -> tuple[I64, I64]:
    """Return the first and the last spell of each follow-up.

    A spell goes on with the one before if it is of the same person in the same state, begins when
    that ends, and that ends without an event.

    Parameters
    ----------
    persons, states, entry, end, cause : ``(n,)``.

    Returns
    -------
    Positions ``(m,)`` of the spells, those of one person in the order of time.

    Examples
    --------
    >>> first, last = join_spells(
    ...     np.array([0, 0, 0, 1]), np.zeros(4, dtype=np.int64), np.array([2.0, 0.0, 5.0, 0.0]),
    ...     np.array([3.0, 2.0, 6.0, 4.0]), np.array([0, 0, 1, 1]))
    >>> first.tolist(), last.tolist()
    ([1, 2, 3], [0, 2, 3])
    """
    order = np.lexsort((entry, persons))
    before, after = order[:-1], order[1:]
    follows = (persons[after] == persons[before]) & (states[after] == states[before])
    follows &= (entry[after] == end[before]) & (cause[before] == 0)
    begins = np.concatenate([[True], ~follows])[: order.size]
    ends = np.concatenate([~follows, [True]])[: order.size]
    return order[begins], order[ends]


def share_times(imputed: Sequence[CurveOutcome]) -> list[CurveOutcome]:
    """Return an outcome of each imputation on the times of all, with the codes of all.

    Parameters
    ----------
    imputed : the same outcome of each imputation.
    """
    single = _join([of.single.times for of in imputed])
    every = _join([of.every.times for of in imputed])
    codes = tuple(sorted({code for of in imputed for code in of.codes}))
    longest = max(imputed, key=lambda of: float(of.at[-1])).at
    return [
        replace(
            of,
            single=of.single.move(single),
            every=of.every.move(every),
            codes=codes,
            at=longest,
            placed=of.placed.move(longest),
        )
        for of in imputed
    ]


def _join(times: Sequence[F64]) -> F64:
    return np.unique(np.concatenate(times))


def _count(outcome: FollowUp, lost: Bool, why: str) -> tuple[Drop, ...]:
    count = int(lost.sum())
    return (Drop("follow-up", f"{outcome.event}: {why}", count),) if count else ()


def _read_codes(column: pl.Series, event: F64, options: FollowUpOptions) -> I64:
    """Return codes of events, 0 where there is none or it is missing."""
    if options.event_code is None:
        return np.asarray(event == 1.0, dtype=np.int64)
    codes = column.cast(pl.Float64).fill_nan(None).fill_null(0.0).to_numpy()
    return np.asarray(np.rint(codes), dtype=np.int64)


def place_people_at(at: F64, entry: F64, end: F64) -> RiskTimes:
    """Return people on given times, without events.

    Examples
    --------
    >>> at = np.array([0.0, 2.0, 4.0])
    >>> placed = place_people_at(at, np.array([-np.inf, 2.0]), np.array([2.0, 5.0]))
    >>> placed.first.tolist(), placed.end.tolist()
    ([0, 2], [2, 3])
    """
    first = np.searchsorted(at, entry, side="right")
    return RiskTimes(
        at,
        first,
        np.searchsorted(at, end, side="right"),
        np.zeros(end.size, dtype=np.int64),
        entry,
        end,
    )


def choose_times(end: F64, entry: F64) -> F64:
    """Return some round times up to the last exit, from 0 or the first entry on.

    Examples
    --------
    >>> choose_times(np.array([13.2]), np.array([-np.inf])).tolist()
    [0.0, 2.5, 5.0, 7.5, 10.0, 12.5]
    """
    if not end.size:
        return np.zeros(1)
    last = float(end.max())
    late = float(entry.min()) if np.all(np.isfinite(entry)) else 0.0
    width = (last - late) / (_TIMES_SHOWN - 1)
    scale = 10.0 ** math.floor(math.log10(width)) if 0.0 < width < math.inf else 1.0
    step = next(scale * part for part in (1.0, 2.0, 2.5, 5.0, 10.0) if scale * part >= width)
    first = math.floor(late / step)
    at = step * np.arange(first, math.floor(last / step) + 1)
    return np.asarray(at[at >= late] if late > 0.0 else at)
