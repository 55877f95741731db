"""Outcomes that happen at a time, from the columns of a cohort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.errors import ColumnError, UsageError, nearest
from proteomr.models import COMPETING, EVENT, Target, make_times
from proteomr.scan.columns import Columns, label_level
from proteomr.stats.risk_sets import tie_times
from proteomr.tables import Drop

__all__ = ["YEARS", "FollowUp", "FollowUpOptions", "LagRule", "ReadTimes", "read_times"]

YEARS: Final = "_years"
"""Follows the name of an outcome in the name of the column of its time, as `phenotype` has it."""
LagRule: TypeAlias = Literal["events", "landmark"]
_LAG_RULES: Final = ("events", "landmark")
# Codes of events that are listed where one is not known.
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Where an outcome stands among the columns of the samples.

    Attributes
    ----------
    event : column of what ended the follow-up, 0 for nothing; its name is the outcome's.
    time : column of when it ended.
    entry : column of when the person came under observation; None for from the beginning.

    Examples
    --------
    >>> FollowUp.named("dementia").time
    'dementia_years'
    """

    event: str
    time: str
    entry: str | None = None

    @classmethod
    def named(cls, outcome: str, *, entry: str | None = None) -> Self:
        """Return an outcome as `phenotype` writes it: NAME and NAME_years."""
        return cls(outcome, f"{outcome}{YEARS}", entry)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the samples that it is read from."""
        return (self.event, self.time, *((self.entry,) if self.entry else ()))


@dataclass(frozen=True, slots=True)
class FollowUpOptions:
    """The outcomes of a scan that happen at a time, and which of their events count.

    Attributes
    ----------
    outcomes : where they stand.
    event_code : which code of the event is the event of interest, all others but 0 being events
        that compete with it; None where 1 is the event and there are no others.
    lag : time from the beginning in which events do not count; 0 for none.
    lag_rule : who is left out for it. ``events``: people with an event within the lag, while deaths
        and censorings within it stay. ``landmark``: all whose follow-up ended within it; time is
        then counted from the landmark.
    person : column that says whose row it is, where a person has a row for each spell.

    Raises
    ------
    UsageError
        The lag is below 0 or no number, an outcome is given twice, or 0 is named as an event.

    Examples
    --------
    >>> FollowUpOptions((FollowUp.named("death"),), lag=3.0).outcomes[0].time
    'death_years'
    """

    outcomes: tuple[FollowUp, ...] = ()
    event_code: float | None = None
    lag: float = 0.0
    lag_rule: LagRule = "events"
    person: str | None = None

    def __post_init__(self) -> None:
        read = tuple(o if isinstance(o, FollowUp) else FollowUp(**o) for o in self.outcomes)
        object.__setattr__(self, "outcomes", read)
        if not 0.0 <= self.lag < float("inf"):
            raise UsageError(f"a lag of {self.lag:g}; needed: 0 or more")
        if self.lag_rule not in _LAG_RULES:
            hint = nearest(self.lag_rule, _LAG_RULES) or f": one of {', '.join(_LAG_RULES)}"
            raise UsageError(f"there is no rule of a lag {self.lag_rule!r}{hint}")
        if self.event_code == 0:
            raise UsageError("the code of an event is not 0, which stands for none")
        names = [outcome.event for outcome in read]
        repeated = [name for name in names if names.count(name) > 1]
        if repeated:
            raise UsageError(f"outcome {repeated[0]!r} is given twice")
        if self.lag and self.person is not None:
            raise UsageError("a lag is of one row for each person: leave it out with spells")

    def find(self, outcome: str) -> FollowUp:
        """Return where an outcome stands."""
        return next(entry for entry in self.outcomes if entry.event == outcome)

    def to_dict(self) -> dict[str, object]:
        """Return the options as JSON values."""
        return {**asdict(self), "outcomes": [asdict(outcome) for outcome in self.outcomes]}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Self:
        """Return the options that :meth:`to_dict` wrote."""
        return cls(**{**facts, "outcomes": tuple(facts["outcomes"])})


@dataclass(frozen=True, slots=True, eq=False)
class ReadTimes:
    """An outcome as it was read: the target, who is left out for what, and what is to be said."""

    target: Target
    drops: tuple[Drop, ...]
    notes: tuple[str, ...]


def read_times(columns: Columns, outcome: FollowUp, *, options: FollowUpOptions) -> ReadTimes:
    """Read entry, exit and event of an outcome.

    Who has no time under observation (an exit at or before the entry, or before or at 0 where
    there is none) is left out and counted; so are events within the lag.

    Raises
    ------
    ColumnError
        A column is absent or holds no numbers, times are infinite, or events are no codes.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins, Cohort
    >>> cohort = Cohort(
    ...     pl.DataFrame(
    ...         {"id": ["1", "2", "3"], "death": [1, 0, 1], "death_years": [2.0, 9.5, 0.0]}),
    ...     "id", ArrayProteins(("ADM",), np.ones((3, 1))), pl.DataFrame({"protein": ["ADM"]}))
    >>> options = FollowUpOptions((FollowUp.named("death"),))
    >>> read = read_times(Columns(cohort), options.outcomes[0], options=options)
    >>> read.target.values[:2].tolist(), read.drops[0].reason
    ([[-inf, 2.0, 1.0], [-inf, 9.5, 0.0]], 'death: no time under observation')
    """
    _refuse_absent(columns, outcome)
    event = _read_event(columns, outcome.event, code=options.event_code)
    end = _read_number(columns, outcome.time)
    entry = None if outcome.entry is None else _read_number(columns, outcome.entry)
    missing = np.isnan(event) | np.isnan(end)
    begins = np.zeros(end.size) if entry is None else entry
    missing |= np.isnan(begins)
    timeless = ~missing & (end <= begins)
    early = ~missing & ~timeless & _find_early(end, event, options)
    notes = _describe_timeless(outcome, timeless, of_spells=options.person is not None)
    if options.lag and options.lag_rule == "landmark":
        end = end - options.lag
        entry = None if entry is None else np.maximum(entry - options.lag, 0.0)
    drops = (
        Drop("follow-up", f"{outcome.event}: no time under observation", int(timeless.sum())),
        Drop("follow-up", _name_early(outcome, options), int(early.sum())),
    )
    target = make_times(
        outcome.event, exit=end, event=event, entry=entry, excluded=timeless | early
    )
    return ReadTimes(target, tuple(drop for drop in drops if drop.n), notes)


def _find_early(end: F64, event: F64, options: FollowUpOptions) -> Bool:
    """Return whose follow-up the lag takes out: that of events alone, or any that ended in it."""
    if not options.lag:
        return np.zeros(end.size, dtype=bool)
    within = tie_times(end, named=[options.lag]) <= options.lag
    return np.asarray(within if options.lag_rule == "landmark" else within & (event == EVENT))


def _name_early(outcome: FollowUp, options: FollowUpOptions) -> str:
    what = "end of follow-up" if options.lag_rule == "landmark" else "event"
    return f"{outcome.event}: {what} within the lag of {options.lag:g}"


def _describe_timeless(outcome: FollowUp, timeless: Bool, *, of_spells: bool) -> tuple[str, ...]:
    count = int(timeless.sum())
    if not count:
        return ()
    one, many = ("spell", "spells") if of_spells else ("person", "people")
    whose, left = (f"{one} has", "is") if count == 1 else (f"{many} have", "are")
    after = "at or after the end" if outcome.entry is not None else "of 0 or below"
    what = f"an entry {outcome.entry!r}" if outcome.entry is not None else "a time"
    said = f"{outcome.event}: {count:,} {whose} {what} {after} ({outcome.time!r})"
    return (f"{said}, so no time under observation, and {left} left out",)


def _refuse_absent(columns: Columns, outcome: FollowUp) -> None:
    """Say of an outcome without a time how it is named."""
    columns[outcome.event]  # says what may have been meant
    if outcome.time not in columns:
        hint = nearest(outcome.time, [name for name in columns.names if name != outcome.event])
        raise ColumnError(
            f"outcome {outcome.event!r} has no time: no column {outcome.time!r} in the samples"
            f"{hint}; give --time NAME --event {outcome.event}"
        )


def _read_number(columns: Columns, name: str) -> F64:
    column = columns[name]
    if not column.dtype.is_numeric():
        raise ColumnError(f"time {name!r} is {column.dtype}, and must be a number, such as years")
    values = np.array(column.cast(pl.Float64).to_numpy(), dtype=np.float64)
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise ColumnError(f"time {name!r} is infinite for {infinite} people")
    return values


def _read_event(columns: Columns, name: str, *, code: float | None) -> F64:
    """Return 0, 1 for the event, 2 for others; NaN where it is missing."""
    column = columns[name]
    if column.dtype == pl.Boolean:
        column = column.cast(pl.Float64)
    if not column.dtype.is_numeric():
        raise ColumnError(
            f"event {name!r} is {column.dtype}: needed is 0 for none and 1 for the event, or other "
            "whole numbers with --event-code"
        )
    values = np.array(column.cast(pl.Float64).to_numpy(), dtype=np.float64)
    codes = np.unique(values[~np.isnan(values)])
    shown = ", ".join(map(label_level, codes[:_SHOWN].tolist()))
    shown += ", ..." if codes.size > _SHOWN else ""
    if np.any(codes < 0.0) or np.any(codes != np.rint(codes)):
        raise ColumnError(
            f"event {name!r} has the values {shown}: needed are whole numbers, 0 for no event"
        )
    if code is None and np.any(codes > EVENT):
        raise ColumnError(
            f"event {name!r} has the codes {shown}: 0 is no event and 1 the event; name another "
            "event, or one of several, with --event-code"
        )
    if code is not None and code not in codes:
        raise ColumnError(f"event {name!r} has no code {code:g}: it has {shown}")
    wanted = EVENT if code is None else code
    read = np.where(values == wanted, EVENT, np.where(values == 0.0, 0.0, COMPETING))
    return np.where(np.isnan(values), np.nan, read)
