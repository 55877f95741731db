from __future__ import annotations

import polars as pl
import pytest

from proteomr.phenotype.answers import NOT_ASKED, Reading, read_answers

CODES = Reading({-1: "do not know", -3: "prefer not to answer"}, minimum=0.0, maximum=7.0)


@pytest.mark.parametrize(
    ("raw", "value", "reason"),
    [
        (4, 4, None),
        (0, 0, None),
        (None, None, NOT_ASKED),
        (-1, None, "do not know (-1)"),
        (-3, None, "prefer not to answer (-3)"),
        (-7, None, "data fault: below 0"),
        (99, None, "data fault: above 7"),
    ],
)
def test_an_answer_has_a_value_or_a_reason(
    raw: int | None, value: int | None, reason: str | None
) -> None:
    found = read_answers(pl.Series([raw], dtype=pl.Int64), CODES)
    assert (found.value[0], found.reason[0]) == (value, reason)


@pytest.mark.parametrize(
    ("raw", "value", "reason"),
    [
        ([1, 4], [1, 4], None),
        ([], None, NOT_ASKED),
        ([-3], None, "prefer not to answer (-3)"),
        ([-3, -3], None, "prefer not to answer (-3)"),
        ([-3, 2], None, "data fault: an answer beside -3"),
    ],
)
def test_several_answers_have_a_value_or_a_reason(
    raw: list[int], value: list[int] | None, reason: str | None
) -> None:
    column = pl.Series([raw], dtype=pl.List(pl.Int64))
    found = read_answers(column, Reading({-3: "prefer not to answer"}))
    assert found.value.to_list() == [value]
    assert found.reason[0] == reason


def test_a_replaced_code_is_no_fault_although_below_the_minimum() -> None:
    found = read_answers(pl.Series([-2, 3]), Reading(replace={-2: 0.0}, minimum=0.0))
    assert found.value.to_list() == [0, 3]


def test_dates_and_words_are_answers_as_they_are() -> None:
    words = pl.Series(["a", None])
    assert read_answers(words, CODES).value.to_list() == ["a", None]
