"""Curves over time, whose every step is a person's: their counts at round times, and what follows.

At times that are round numbers, whoever had an event or left, the events up to then and the people
at risk after them leave as counts; survival and incidence are computed again from what leaves of
them, as life tables: Cutler and Ederer (1958, doi:10.1016/0021-9681(58)90126-7) for one event,
Aalen and Johansen's product integral on the same intervals for competing ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.egress.reading import GivenTable
from proteomr.egress.relations import Cell, CountTable
from proteomr.tables import Schema
from proteomr.tables import columns as c

__all__ = ["CURVES", "count_curves", "draw_curves", "is_curve", "take_round_times"]

CURVES: Final[Mapping[str, str]] = {"curves": "survival", "cumulative_incidence": "incidence"}
"""Tables with a row for each time of an event, and the curve that each of them tells."""

_TIME, _AT_RISK, _EVENTS, _CAUSE = "time", "at_risk", "events", "cause"
_FEWEST_STEPS: Final = 5  # of round times up to the last one with k people at risk
_ROUND: Final = (5.0, 2.0, 1.0)  # steps, in powers of ten, from the longest on


def is_curve(given: GivenTable) -> bool:
    """Tell whether a table has a row for each time of an event."""
    return given.schema is not None and given.schema.name in CURVES


def take_round_times(given: GivenTable, *, k: int) -> GivenTable:
    """Return a table of curves at round times: events up to then, and people at risk after them.

    Of weighted people, whose sums are no counts, no row is taken, nor of several imputations, whose
    pooled curves no counts give.

    Parameters
    ----------
    given : see `is_curve`.
    k : fewest people at risk at the last time.
    """
    frame = given.frame.filter(pl.col(_TIME).is_not_null())
    curves = () if c.M in frame.columns else _curves(frame)
    rows = [row for curve in curves for row in _at_round_times(frame, curve, k)]
    taken = pl.DataFrame(rows, schema=given.frame.schema, orient="row")
    return replace(given, frame=taken, schema=_without_persons(given.schema))


def count_curves(given: GivenTable) -> CountTable:
    """Return the counts of curves at round times, with those between two of them.

    Parameters
    ----------
    given : made by `take_round_times`.
    """
    frame = given.frame
    at_risk, events = (_whole(frame[name]) for name in (_AT_RISK, _EVENTS))
    had, left = [0] * frame.height, [0] * frame.height
    sums: list[tuple[Cell, tuple[Cell, ...]]] = []
    for curve in _curves(frame):
        for before, after in pairwise(curve):
            steps = list(zip(before, after, strict=True))
            for one, two in steps:
                had[two] = events[two] - events[one]
                sums.append(((_EVENTS, two), ((_EVENTS, one), ("had", two))))
            one, two = steps[0]
            left[two] = at_risk[one] - at_risk[two] - sum(had[row] for row in after)
            if left[two] < 0:  # others entered meanwhile: nobody knows how many
                left[two] = 0
                continue
            lost = tuple(("had", row) for row in after)
            sums.append(((_AT_RISK, one), ((_AT_RISK, two), *lost, ("left", two))))
    keys = {name: frame[name].to_list() for name in _names(frame)}
    apart = {name: frame[name].to_list() for name in (_TIME, _CAUSE) if name in frame.columns}
    counts = {_AT_RISK: at_risk, _EVENTS: events, "had": had, "left": left}
    name = given.schema.name if given.schema else ""
    return CountTable(name, counts, keys, apart=apart, sums=tuple(sums), unseen=("had", "left"))


def draw_curves(given: GivenTable, leaving: pl.DataFrame, *, k: int, digits: int) -> pl.Series:
    """Return the curve as the counts that leave give it; empty where they do not leave.

    Parameters
    ----------
    given : made by `take_round_times`.
    leaving : its counts as they leave.
    k : below which they are empty.
    digits : significant ones.
    """
    name = CURVES[given.schema.name] if given.schema else ""
    drawn = np.full(leaving.height, np.nan)
    at_risk = leaving[_AT_RISK].cast(pl.Float64).fill_null(np.nan).to_numpy()
    events = leaving[_EVENTS].cast(pl.Float64).fill_null(np.nan).to_numpy()
    # below k they are empty and count as none, as by rounding down; from k on they were withheld
    few = (given.frame[_EVENTS] < k).to_numpy()
    events = np.where(few, 0.0, events)
    for curve in _curves(given.frame):
        _draw(curve, at_risk, events, drawn, name=name)
    return pl.Series(name, drawn).fill_nan(None).round_sig_figs(digits)


def _draw(
    curve: Sequence[Sequence[int]], at_risk: F64, events: F64, drawn: F64, *, name: str
) -> None:
    """Fill in one curve, from one time whose counts leave to the next."""
    free, had = 1.0, np.zeros(len(curve[0]))
    before: Sequence[int] | None = None
    for rows in curve:
        if np.isnan(at_risk[rows[0]]) or np.isnan(events[list(rows)]).any():
            continue
        if before is not None:
            new = events[list(rows)] - events[list(before)]
            exposed = (at_risk[before[0]] + at_risk[rows[0]] + new.sum()) / 2.0
            shares = np.clip(new / exposed, 0.0, 1.0)
            had += free * shares
            free *= max(0.0, 1.0 - shares.sum())
        drawn[list(rows)] = free if name == "survival" else had
        before = rows


def _without_persons(schema: Schema | None) -> Schema | None:
    if schema is None:
        return None
    columns = tuple(
        replace(column, disclosure="none") if column.name == _TIME else column
        for column in schema.columns
    )
    return replace(schema, columns=columns)


def _names(frame: pl.DataFrame) -> list[str]:
    names = ("protein", "by", c.OUTCOME, c.LAG, "group")
    return [name for name in names if name in frame.columns]


def _curves(frame: pl.DataFrame) -> Iterator[list[list[int]]]:
    """Yield each curve as its times, from the first, of each the rows of its causes."""
    named = frame.with_row_index("\0row")
    for _, one in named.group_by(_names(frame), maintain_order=True):
        by = [_TIME, *((_CAUSE,) if _CAUSE in frame.columns else ())]
        times = one.sort(by).group_by(_TIME, maintain_order=True).agg("\0row")
        yield [rows.to_list() for rows in times["\0row"]]


def _at_round_times(
    frame: pl.DataFrame, curve: Sequence[Sequence[int]], k: int
) -> Iterator[tuple[object, ...]]:
    width = len(curve[-1])
    rows = [row for time in curve for row in time]
    at_risk, events = frame[_AT_RISK], frame[_EVENTS]
    whole = all((column[rows] % 1 == 0).all() for column in (at_risk, events))
    if not whole or any(len(time) != width for time in curve):
        return
    enough = [time for time in curve if at_risk[time[0]] >= k]
    if not enough:
        return
    last = float(frame[_TIME][enough[-1][0]])
    up_to, after, place = [0.0] * width, float(at_risk[curve[0][0]]), 0
    for time in _round_times(last):
        while place < len(curve) and frame[_TIME][curve[place][0]] <= time:
            now = [float(events[row]) for row in curve[place]]
            up_to = [had + new for had, new in zip(up_to, now, strict=True)]
            after = float(at_risk[curve[place][0]]) - sum(now)
            place += 1
        for had, row in zip(up_to, curve[0], strict=True):
            told = {_TIME: time, _AT_RISK: after, _EVENTS: had}
            yield tuple(_tell(frame, row, name, told) for name in frame.columns)


def _tell(frame: pl.DataFrame, row: int, name: str, told: Mapping[str, float]) -> object:
    kept = (*_names(frame), _CAUSE, c.STATUS)
    return told.get(name, frame[name][row] if name in kept else None)


def _round_times(last: float) -> list[float]:
    """Return 0 and multiples of 1, 2 or 5 times a power of ten, five or more up to the last."""
    if not last > 0.0:
        return [0.0]
    power = 10.0 ** math.floor(math.log10(last))
    steps = (part * scale for scale in (power, power / 10.0) for part in _ROUND)
    step = next(one for one in steps if last / one >= _FEWEST_STEPS)
    return [round(place * step, 12) for place in range(math.floor(last / step) + 1)]


def _whole(column: pl.Series) -> list[int]:
    return [int(value) for value in column]
