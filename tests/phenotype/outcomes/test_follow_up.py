"""Each branch of a follow-up by hand-made dates, against a slow loop, and the published code's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.errors import ColumnError, UsageError
from proteomr.phenotype.outcomes.follow_up import (
    NO_START,
    NO_TIME,
    ON_OR_BEFORE_START,
    UNDATED,
    AfterEnd,
    Faults,
    LagDrops,
    Window,
    follow_people,
)

START, END = date(2008, 1, 1), date(2022, 11, 30)
CAREFUL = Window(lag_years=3)
CODE = Window(lag_years=3, after_end="keep", faults="keep")
EARLY = "event within 3 years of attendance"
KINDS = {
    **dict.fromkeys(("start", "event", "death", "lost", "end"), pl.Date()),
    "fault": pl.String(),
    "prior": pl.String(),
    "undated": pl.Boolean(),
}
DATES = st.none() | st.dates(date(2005, 1, 1), date(2026, 1, 1))


def people(**columns: list[Any]) -> pl.DataFrame:
    """Make people of given dates; where nothing is said, they start and end as everybody."""
    n = len(next(iter(columns.values())))
    filled = {"start": [START] * n, "event": [None] * n, "death": [None] * n, "end": [END] * n}
    filled |= columns
    return pl.DataFrame(filled, schema_overrides={name: KINDS[name] for name in filled})


def days(later: date) -> float:
    return (later - START).days / 365.25


@pytest.mark.parametrize(
    ("dates", "event", "stop", "reason"),
    [
        ({}, 0, END, None),
        ({"event": date(2015, 5, 5)}, 1, date(2015, 5, 5), None),
        ({"event": date(2015, 5, 5), "death": date(2016, 1, 1)}, 1, date(2015, 5, 5), None),
        ({"death": date(2016, 1, 1)}, 0, date(2016, 1, 1), None),
        ({"lost": date(2014, 1, 1)}, 0, date(2014, 1, 1), None),
        ({"event": date(2015, 5, 5), "lost": date(2014, 1, 1)}, 0, date(2014, 1, 1), None),
        ({"death": date(2015, 5, 5), "lost": date(2014, 1, 1)}, 0, date(2014, 1, 1), None),
        ({"event": END}, 1, END, None),
        ({"event": END + timedelta(1)}, 0, END, None),
        ({"death": END + timedelta(9)}, 0, END, None),
        ({"lost": END + timedelta(9)}, 0, END, None),
        ({"event": START}, 1, START, ON_OR_BEFORE_START),
        ({"event": date(1999, 1, 1)}, 1, date(1999, 1, 1), ON_OR_BEFORE_START),
        ({"event": date(2010, 12, 31)}, 1, date(2010, 12, 31), EARLY),
        ({"event": date(2011, 1, 1)}, 1, date(2011, 1, 1), None),
        ({"death": date(2009, 1, 1)}, 0, date(2009, 1, 1), None),
        ({"prior": "prevalent: self-reported"}, 0, END, "prevalent: self-reported"),
        ({"undated": True}, 0, END, UNDATED),
        ({"fault": "fault: death before attendance"}, 0, END, "fault: death before attendance"),
        ({"lost": START}, 0, START, NO_TIME),
        ({"death": START}, 0, START, NO_TIME),
        ({"end": START - timedelta(9)}, 0, START - timedelta(9), NO_TIME),
    ],
)
def test_each_rule_of_the_careful_follow_up(
    dates: dict[str, Any], event: int, stop: date, reason: str | None
) -> None:
    followed = follow_people(
        people(**{k: [v] for k, v in dates.items()} or {"event": [None]}), window=CAREFUL
    )
    assert followed.select("event", "years", "reason").row(0) == (event, days(stop), reason)


@pytest.mark.parametrize(
    ("dates", "event", "stop", "reason"),
    [
        ({"event": date(2037, 7, 7)}, 1, date(2037, 7, 7), None),
        ({"event": date(1900, 1, 1)}, 1, date(1900, 1, 1), ON_OR_BEFORE_START),
        ({"death": date(2023, 6, 6)}, 0, date(2023, 6, 6), None),
        ({"death": date(2007, 6, 6)}, 0, date(2007, 6, 6), None),
        ({"event": date(2020, 1, 1), "death": date(2019, 1, 1)}, 1, date(2020, 1, 1), None),
        ({"event": None}, 0, END, None),
    ],
)
def test_dates_after_the_end_and_faults_stay_where_they_are_kept(
    dates: dict[str, Any], event: int, stop: date, reason: str | None
) -> None:
    followed = follow_people(people(**{k: [v] for k, v in dates.items()}), window=CODE)
    assert followed.select("event", "years", "reason").row(0) == (event, days(stop), reason)


def test_who_has_no_date_of_attendance_has_no_follow_up() -> None:
    followed = follow_people(people(start=[None], event=[date(2015, 1, 1)]), window=CAREFUL)
    assert followed.row(0) == (None, None, NO_START, None, False)


def test_an_event_at_the_end_of_the_lag_is_not_within_it() -> None:
    dates = people(event=[START + timedelta(1461), START + timedelta(1460)] * 4)
    followed = follow_people(dates, window=Window(lag_years=4))
    assert followed["reason"].is_null().to_list() == [True, False] * 4
    assert followed["years"][0] == 4.0


def test_a_lag_may_drop_deaths_and_censorings_as_well() -> None:
    dates = people(
        event=[date(2009, 1, 1), None, None, None],
        death=[None, date(2009, 1, 1), date(2012, 1, 1), None],
        lost=[None, None, None, date(2010, 1, 1)],
    )
    landmark = follow_people(dates, window=Window(lag_years=3, lag_drops="all"))
    other = "death or censoring within 3 years of attendance"
    assert landmark["reason"].to_list() == [EARLY, other, None, other]
    assert follow_people(dates, window=CAREFUL)["reason"].to_list() == [EARLY, None, None, None]


def test_prevalent_is_unknown_where_the_date_is() -> None:
    dates = people(
        event=[date(2007, 1, 1), None, None, None, date(2007, 1, 1)],
        undated=[False, True, True, False, True],
        prior=[None, None, "prevalent: self-reported", None, None],
    )
    assert follow_people(dates, window=CAREFUL)["prevalent"].to_list() == [1, None, 1, 0, 1]


def test_the_code_of_the_study_is_reproduced(
    reference: Path, expected: Callable[[str], dict[str, Any]]
) -> None:
    path = reference / "association" / "data" / "followup_dates.csv"
    dates = pl.read_csv(path, try_parse_dates=True).with_columns(end=END).drop("ID")
    dates = dates.rename({"attend": "start"})
    values = expected("followup_times")
    assert len(values["ID"]) == dates.height == 12
    capped = Window(lag_years=3, faults="keep")
    for window, wanted in ((CODE, values), (capped, values["corrected"])):
        followed = follow_people(dates, window=window)
        assert followed["years"].to_list() == pytest.approx(wanted["years"], rel=0, abs=1e-12)
        assert followed["event"].to_list() == wanted["outcome"]
    followed = follow_people(dates, window=CODE)
    assert followed["reason"].is_not_null().to_list() == values["excluded"]


def slow_follow_up(row: dict[str, Any], window: Window) -> tuple[int, float, bool]:
    """Follow one person with a start and an end, in plain words."""
    last = [row["lost"]] if row["lost"] else []
    if window.after_end == "censor":
        last.append(row["end"])
    event = row["event"]
    if event and all(event <= day for day in last):
        seen, stop = 1, event
    else:
        known = [*last, *([row["death"]] if row["death"] else [])]
        seen, stop = 0, min(known) if known else row["end"]
    years = (stop - row["start"]).days / 365.25
    out = bool(event and event <= row["start"])
    out |= window.faults == "exclude" and years <= 0
    out |= years < window.lag_years and (bool(seen) or window.lag_drops == "all")
    return seen, years, out


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(DATES, DATES, DATES), min_size=1, max_size=12),
    lag=st.sampled_from([0.0, 1.0, 3.0]),
    drops=st.sampled_from(["events", "all"]),
    after_end=st.sampled_from(["censor", "keep"]),
    faults=st.sampled_from(["exclude", "keep"]),
    shift=st.integers(-3000, 3000),
)
def test_follow_up_equals_a_slow_loop_and_moves_with_its_dates(
    rows: list[tuple[date | None, ...]],
    lag: float,
    drops: LagDrops,
    after_end: AfterEnd,
    faults: Faults,
    shift: int,
) -> None:
    event, death, lost = (list(column) for column in zip(*rows, strict=True))
    dates, window = (
        people(event=event, death=death, lost=lost),
        Window(lag, drops, after_end, faults),
    )
    followed = follow_people(dates, window=window)
    for row, found in zip(dates.iter_rows(named=True), followed.iter_rows(named=True), strict=True):
        seen, years, out = slow_follow_up(row, window)
        assert (found["event"], found["years"], found["reason"] is not None) == (seen, years, out)
        assert found["event"] == 0 or after_end == "keep" or found["years"] <= days(END)
    moved = dates.with_columns(pl.all().dt.offset_by(f"{shift}d"))
    assert follow_people(moved, window=window).equals(followed)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"evnt": [START]}, "no column 'evnt' .did you mean 'event'"),
        ({"event": ["2015-01-01"]}, "'event' holds String; Date is needed"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns: dict[str, Any], message: str) -> None:
    dates = pl.DataFrame({"start": [START], "death": [None], "end": [END]} | columns)
    with pytest.raises(ColumnError, match=message):
        follow_people(dates, window=CAREFUL)


def test_an_absent_column_is_named() -> None:
    with pytest.raises(ColumnError, match="needs a column 'death'"):
        follow_people(people(event=[None]).drop("death"), window=CAREFUL)


@pytest.mark.parametrize("years", [-1.0, float("inf"), float("nan")])
def test_a_lag_is_a_number_of_years(years: float) -> None:
    with pytest.raises(UsageError, match="needed: 0 or more"):
        Window(lag_years=years)
