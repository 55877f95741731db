"""Outcomes over time, read from columns: who counts from when to when, and who is left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ColumnError, UsageError
from proteomr.scan import FollowUp, FollowUpOptions, ReadTimes, read_times
from proteomr.scan.columns import Columns
from proteomr.tables import ArrayProteins, Cohort


def read(
    options: FollowUpOptions | None = None, *, entry: str | None = None, **given: object
) -> ReadTimes:
    columns = {"death": [1, 0, 0, 1], "death_years": [2.0, 9.5, 4.0, 7.0], **given}
    frame = pl.DataFrame({"id": list("1234"), **columns}, strict=False)
    proteins = ArrayProteins(("ADM",), np.ones((4, 1)))
    cohort = Cohort(frame, "id", proteins, pl.DataFrame({"protein": ["ADM"]}))
    outcome = FollowUp.named("death", entry=entry)
    return read_times(Columns(cohort), outcome, options=options or FollowUpOptions())


def test_entry_is_from_the_beginning_where_no_column_says_it() -> None:
    found = read().target
    assert found.values[:, 0].tolist() == [-np.inf] * 4
    assert found.values[:, 1:].T.tolist() == [[2.0, 9.5, 4.0, 7.0], [1.0, 0.0, 0.0, 1.0]]


@pytest.mark.parametrize("event", [[True, False, False, True], [1.0, 0.0, 0.0, 1.0]])
def test_events_may_be_booleans_or_numbers(event: list[object]) -> None:
    assert read(death=event).target.values[:, 2].tolist() == [1.0, 0.0, 0.0, 1.0]


def test_no_time_under_observation_is_left_out_counted_and_said() -> None:
    found = read(death_years=[0.0, -1.0, 4.0, None])
    assert found.target.observed.tolist() == [False, False, True, False]
    assert found.target.missing.tolist() == [False, False, False, True]
    assert [(d.reason, d.n) for d in found.drops] == [("death: no time under observation", 2)]
    assert found.notes[0].startswith("death: 2 people have a time of 0 or below ('death_years')")


def test_an_entry_at_or_after_the_end_is_no_time_under_observation() -> None:
    found = read(entry="age", age=[2.0, 1.0, 3.0, None])
    assert found.target.observed.tolist() == [False, True, True, False]
    said = "1 person has an entry 'age' at or after the end ('death_years'), so no time under"
    assert found.notes == (f"death: {said} observation, and is left out",)
    spells = read(entry="age", age=[2.0, 9.5, 3.0, None], options=FollowUpOptions(person="person"))
    assert spells.notes[0].startswith("death: 2 spells have an entry 'age' at or after the end")


@pytest.mark.parametrize(
    ("rule", "kept", "ends"),
    [
        ("events", [False, True, True, True], [9.5, 4.0, 7.0]),
        ("landmark", [False, True, False, True], [5.5, 3.0]),
    ],
)
def test_a_lag_takes_out_events_or_all_that_ended_within_it(
    rule: str, kept: list[bool], ends: list[float]
) -> None:
    found = read(FollowUpOptions(lag=4.0, lag_rule=rule))  # type: ignore[arg-type]  # a text
    assert found.target.observed.tolist() == kept
    assert found.target.values[kept, 1].tolist() == ends
    assert found.drops[0].n == 4 - sum(kept)


@pytest.mark.parametrize("rule", ["events", "landmark"])
def test_a_lag_is_met_by_times_that_differ_from_it_by_rounding(rule: Any) -> None:
    found = read(FollowUpOptions(lag=0.3, lag_rule=rule), death_years=[0.1 + 0.2, 9.5, 4.0, 7.0])
    assert found.target.observed.tolist() == [False, True, True, True]


def test_a_code_names_the_event_and_the_others_compete() -> None:
    found = read(FollowUpOptions(event_code=3), death=[3, 0, 7, 1])
    assert found.target.values[:, 2].tolist() == [1.0, 0.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"death": ["a", "b", "a", "b"]}, "event 'death' is String: needed is 0"),
        ({"death": [1, 2, 1, 2]}, "has the codes 1, 2: 0 is no event and 1 the event"),
        ({"death": [0, 1, -1, 1]}, "has the values -1, 0, 1: needed are whole numbers"),
        ({"death": [0, 0.5, 1, 1]}, "has the values 0, 0.5, 1: needed are whole numbers"),
        ({"death_years": ["2y", "3", "4", "5"]}, "time 'death_years' is String, and must be"),
        ({"death_years": [1.0, 2.0, np.inf, 3.0]}, "'death_years' is infinite for 1 people"),
    ],
)
def test_what_is_no_event_and_no_time_is_said_in_one_line(
    given: dict[str, object], said: str
) -> None:
    with pytest.raises(ColumnError, match=said):
        read(**given)  # type: ignore[arg-type]  # columns


def test_a_code_that_nobody_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(ColumnError, match="event 'death' has no code 4: it has 0, 1"):
        read(FollowUpOptions(event_code=4))


def test_an_outcome_without_its_time_says_how_one_is_named() -> None:
    frame = pl.DataFrame({"id": ["1"], "death": [1]})
    cohort = Cohort(
        frame, "id", ArrayProteins(("ADM",), np.ones((1, 1))), pl.DataFrame({"protein": ["ADM"]})
    )
    with pytest.raises(ColumnError, match=r"no column 'death_years'.*give --time NAME --event"):
        read_times(Columns(cohort), FollowUp.named("death"), options=FollowUpOptions())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lag": -1.0}, "a lag of -1"),
        ({"lag": float("nan")}, "a lag of nan"),
        ({"lag_rule": "events-only"}, "no rule of a lag 'events-only'"),
        ({"event_code": 0}, "code of an event is not 0"),
        ({"outcomes": (FollowUp.named("a"), FollowUp.named("a"))}, "'a' is given twice"),
        ({"lag": 1.0, "person": "id"}, "a lag is of one row for each person"),
    ],
)
def test_options_that_name_nothing_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        FollowUpOptions(**options)  # type: ignore[arg-type]  # wrong on purpose


def test_options_survive_a_manifest() -> None:
    options = FollowUpOptions((FollowUp("a", "t", "e"),), event_code=2, lag=1.5)
    assert FollowUpOptions.from_dict(options.to_dict()) == options
