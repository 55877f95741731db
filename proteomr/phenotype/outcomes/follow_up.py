"""From dates to follow-up: who has the event, after how many years, and who is left out and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import polars as pl

from proteomr.errors import ColumnError, UsageError, nearest

__all__ = [
    "AFTER_DEATH",
    "BEFORE_BY_SPECIAL_DATE",
    "DEATH_BEFORE_START",
    "NO_CENTRE",
    "NO_START",
    "NO_TIME",
    "ON_OR_BEFORE_START",
    "SELF_REPORTED",
    "UNDATED",
    "AfterEnd",
    "Faults",
    "LagDrops",
    "Window",
    "follow_people",
]

AfterEnd: TypeAlias = Literal["censor", "keep"]
Faults: TypeAlias = Literal["exclude", "keep"]
LagDrops: TypeAlias = Literal["events", "all"]

NO_START: Final = "no date of attendance"
NO_CENTRE: Final = "no assessment centre, so no date of censoring"
DEATH_BEFORE_START: Final = "fault: death before attendance"
AFTER_DEATH: Final = "fault: event after death"
ON_OR_BEFORE_START: Final = "prevalent: event on or before attendance"
BEFORE_BY_SPECIAL_DATE: Final = "prevalent: by a special date"
SELF_REPORTED: Final = "prevalent: self-reported"
UNDATED: Final = "event without a usable date"
NO_TIME: Final = "no follow-up time"

_DAYS_PER_YEAR = 365.25
_DATES = ("start", "event", "death", "end")
_OPTIONAL: dict[str, pl.DataType] = {
    "lost": pl.Date(),
    "fault": pl.String(),
    "prior": pl.String(),
    "undated": pl.Boolean(),
}


@dataclass(frozen=True, slots=True)
class Window:
    """How a follow-up begins and ends.

    Parameters
    ----------
    lag_years : length of the first part of the follow-up whose events do not count; 0 for none.
    lag_drops : who is left out for it. ``events``: people with an event within the lag; deaths and
        censorings within it stay. ``all``: these too, a landmark analysis. A Cox model of the
        event gives the same estimates either way, as nobody who left within the lag is at risk
        when the first event counts; numbers of people and person-years differ.
    after_end : ``censor`` ends each follow-up at the end, whatever is known of later days; ``keep``
        takes an event or a death after the end as it stands.
    faults : ``exclude`` leaves out people with contradicting dates and with no follow-up time;
        ``keep`` does not look.

    Raises
    ------
    UsageError
        The lag is negative or no number.

    Examples
    --------
    >>> Window(lag_years=3).lag_drops
    'events'
    """

    lag_years: float = 0.0
    lag_drops: LagDrops = "events"
    after_end: AfterEnd = "censor"
    faults: Faults = "exclude"

    def __post_init__(self) -> None:
        if not 0 <= self.lag_years < float("inf"):
            raise UsageError(f"a lag of {self.lag_years} years; needed: 0 or more")


def follow_people(dates: pl.DataFrame, *, window: Window) -> pl.DataFrame:
    """Return event, years and the reason of exclusion of each person.

    With start s, event e, death d, loss to follow-up l and end c, the last day that is seen is
    ``min(l, c)``; the follow-up stops at e where e is seen, else at ``min(d, l, c)``, and

        years = (stop - s) / 365.25 days

    With ``after_end="keep"`` c only stands in where neither event, death nor loss is known: these
    are the rules of the code of Shen et al. 2025 (doi:10.1038/s41562-024-02078-1), ``timedif``.

    Parameters
    ----------
    dates : a row per person with the dates ``start, event, death, end``, missing where there is
        none, and optionally ``lost`` (a date), ``fault`` and ``prior`` (a reason in words: the
        dates contradict each other; the event is known to precede the start) and ``undated``
        (an event is known, its date is not). Where death is the event, ``death`` is missing.
    window : lag, and what is done with dates after the end and with faults.

    Returns
    -------
    pl.DataFrame
        ``event`` (1 or 0) and ``years`` of everybody, also of those left out; ``reason`` why a
        person is left out, missing where not; ``prevalent`` (1, 0; missing where unknown);
        ``late``: an event is known from after the last day that counts.

    Raises
    ------
    ColumnError
        A column is absent, of no known name, or holds no dates.

    Examples
    --------
    >>> from datetime import date
    >>> dates = pl.DataFrame(
    ...     {
    ...         "start": [date(2008, 1, 1)] * 2,
    ...         "event": [date(2009, 1, 1), None],
    ...         "death": pl.Series([None, date(2018, 1, 1)]),
    ...         "end": [date(2022, 11, 30)] * 2,
    ...     }
    ... )
    >>> followed = follow_people(dates, window=Window(lag_years=3))
    >>> followed["reason"].to_list(), followed["event"].to_list()
    (['event within 3 years of attendance', None], [1, 0])
    """
    seen = (pl.col("event") <= pl.col("last")).fill_null(value=True)
    stopped = (
        _complete(dates)
        .with_columns(_last_day(window))
        .with_columns(seen=pl.col("event").is_not_null() & seen)
        .with_columns(days=(_stop() - pl.col("start")).dt.total_days())
    )
    event = pl.when(pl.col("start").is_not_null()).then(pl.col("seen").cast(pl.Int64))
    return stopped.select(
        event.alias("event"),
        _to_years(stopped["days"]),
        _reason(window).alias("reason"),
        _prevalent(),
        (pl.col("event").is_not_null() & ~pl.col("seen")).alias("late"),
    )


def _complete(dates: pl.DataFrame) -> pl.DataFrame:
    for name in dates.columns:
        if name not in (*_DATES, *_OPTIONAL):
            columns = (*_DATES, *_OPTIONAL)
            raise ColumnError(f"follow-up has no column {name!r}{nearest(name, columns)}")
    for name in _DATES:
        if name not in dates.columns:
            raise ColumnError(f"follow-up needs a column {name!r}{nearest(name, dates.columns)}")
    kinds = {**dict.fromkeys(_DATES, pl.Date()), **_OPTIONAL}
    for name, kind in kinds.items():
        dtype = dates.schema.get(name, kind)
        if dtype not in (kind, pl.Null()):
            raise ColumnError(f"follow-up column {name!r} holds {dtype}; {kind} is needed")
    return dates.with_columns(
        (pl.col(name) if name in dates.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in kinds.items()
    ).with_columns(pl.col("undated").fill_null(value=False))


def _last_day(window: Window) -> pl.Expr:
    bounds = ["lost", "end"] if window.after_end == "censor" else ["lost"]
    return pl.min_horizontal(bounds).alias("last")


def _stop() -> pl.Expr:
    otherwise = pl.coalesce(pl.min_horizontal("death", "last"), "end")
    return pl.when(pl.col("seen")).then(pl.col("event")).otherwise(otherwise)


def _to_years(days: pl.Series) -> pl.Series:
    # polars multiplies by a reciprocal, which may be off by one unit in the last place
    exact = days.cast(pl.Float64).to_numpy() / _DAYS_PER_YEAR
    return pl.Series("years", exact).fill_nan(None)


def _reason(window: Window) -> pl.Expr:
    lag = f"{window.lag_years:g} years of attendance"
    early = pl.col("days") < window.lag_years * _DAYS_PER_YEAR
    reason = (
        pl.when(pl.col("start").is_null())
        .then(pl.lit(NO_START))
        .when(pl.col("fault").is_not_null())
        .then(pl.col("fault"))
        .when(pl.col("event") <= pl.col("start"))
        .then(pl.lit(ON_OR_BEFORE_START))
        .when(pl.col("prior").is_not_null())
        .then(pl.col("prior"))
        .when(pl.col("undated"))
        .then(pl.lit(UNDATED))
    )
    if window.faults == "exclude":
        reason = reason.when(pl.col("days") <= 0).then(pl.lit(NO_TIME))
    reason = reason.when(pl.col("seen") & early).then(pl.lit(f"event within {lag}"))
    if window.lag_drops == "all":
        reason = reason.when(early).then(pl.lit(f"death or censoring within {lag}"))
    return reason.otherwise(pl.lit(None, dtype=pl.String))


def _prevalent() -> pl.Expr:
    unknown = pl.col("start").is_null() | pl.col("fault").is_not_null()
    before = (pl.col("event") <= pl.col("start")).fill_null(value=False)
    return (
        pl.when(unknown)
        .then(None)
        .when(before | pl.col("prior").is_not_null())
        .then(1)
        .when(pl.col("undated"))
        .then(None)
        .otherwise(0)
        .cast(pl.Int64)
        .alias("prevalent")
    )
