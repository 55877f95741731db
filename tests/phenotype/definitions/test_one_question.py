from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest

from proteomr.errors import ColumnError, FormatError
from proteomr.phenotype.answers import Answers, Reading, read_answers
from proteomr.phenotype.definitions.one_question import Component, Copy, Cut, Recode, Threshold
from proteomr.phenotype.keys import Keys

EDUCATION = Recode({"college": (1,), "age18": (2, 5, 6), "age16": (3, 4), "none": (-7,)})


def answers(values: Sequence[Any], dtype: pl.DataType | None = None) -> Answers:
    return read_answers(pl.Series(values, dtype=dtype), Reading())


def keys(**facts: object) -> Keys:
    return Keys(facts, file="mine.toml", where="rule 'x'")


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ([1, 3, -7], "college"),
        ([4, 6], "age18"),
        ([3], "age16"),
        ([-7], "none"),
        ([4, 1], "college"),
        ([], None),
    ],
)
def test_of_several_answers_the_first_level_written_wins(
    given: list[int], level: str | None
) -> None:
    column = answers([given], pl.List(pl.Int64))
    assert EDUCATION.apply([("field 6138", column)]).value.to_list() == [level]


def test_a_code_without_a_level_is_a_fault_and_no_silent_gap() -> None:
    made = Recode({"1": (1,), "0": (0,)}).apply([("field 2020", answers([0, 7]))])
    assert made.value.to_list() == [0, None]
    assert made.reason[1] == "data fault: a code without a level"


def test_none_of_the_above_beside_an_activity_is_a_fault() -> None:
    rule = Recode({"1": (-7,), "0": (1, 2, 3, 4, 5)}, alone=(-7,))
    made = rule.apply([("field 6160", answers([[-7], [-7, 2], [3], [-7, -7]]))])
    assert made.value.to_list() == [1, None, 0, 1]
    assert made.reason[1] == "data fault: an answer beside one that excludes all others"


def test_levels_of_words_take_words() -> None:
    made = Recode({"male": ("M", "m"), "female": ("F",)}).apply([("sex", answers(["m", "F"]))])
    assert made.value.to_list() == ["male", "female"]


def test_levels_that_are_whole_numbers_give_whole_numbers() -> None:
    made = Recode({"1": (1,), "0": (0,)}).apply([("x", answers([1, None]))])
    assert made.value.dtype == pl.Int64
    assert made.low is not None
    assert made.low.to_list() == [1, 0]


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        ("at_most", [1, 1, 0]),
        ("below", [1, 0, 0]),
        ("at_least", [0, 1, 1]),
        ("above", [0, 0, 1]),
    ],
)
def test_a_threshold_says_whether_its_bound_belongs_to_it(
    relation: str, expected: list[int]
) -> None:
    made = Threshold(relation, 2.0).apply([("x", answers([1, 2, 3, None]))])
    assert made.value.to_list() == [*expected, None]


def test_groups_begin_with_their_break() -> None:
    rule = Cut((50.0, 60.0), ("young", "middle", "old"))
    made = rule.apply([("age", answers([49, 50, 59.5, 60, None], pl.Float64()))])
    assert made.value.to_list() == ["young", "middle", "middle", "old", None]


def test_a_copy_takes_the_first_source_that_has_an_answer() -> None:
    made = Copy().apply([("a", answers([1, None, None])), ("b", answers([9, 8, None]))])
    assert made.value.to_list() == [1, 8, None]
    assert made.reason.null_count() == 2


def test_components_are_taken_by_place_and_a_short_list_is_a_fault() -> None:
    made = Component(2).apply([("field 22009", answers([[0.1, 0.2], [0.3], []]))])
    assert made.value.to_list() == [0.2, None, None]
    assert made.reason.to_list()[1:] == [
        "data fault: fewer components than the others",
        "not asked or left empty",
    ]


def test_more_components_than_there_are_is_an_error() -> None:
    with pytest.raises(ColumnError, match="holds 2 components, 3 are needed"):
        Component(3).apply([("field 22009", answers([[0.1, 0.2]]))])


@pytest.mark.parametrize(
    ("kind", "facts", "words"),
    [
        (Recode, {"levels": {"1": [1], "0": [1]}}, "code 1 stands in the levels '1' and '0'"),
        (Recode, {}, "a list of codes for each level"),
        (Recode, {"levels": {"1": [1]}, "alone": [-7]}, "code -7 stands in no level"),
        (Threshold, {}, "exactly one of at_most, at_least, below, above"),
        (Threshold, {"above": 1, "below": 3}, "exactly one of"),
        (Cut, {"breaks": [2, 1], "groups": ["a", "b", "c"]}, "ascending numbers"),
        (Cut, {"breaks": [1], "groups": ["a"]}, "2 names are needed for 1 breaks, 1 were found"),
        (Component, {"count": 0}, "a number from 1 to 1000"),
    ],
)
def test_keys_that_make_no_sense_are_refused(kind: Any, facts: dict[str, Any], words: str) -> None:
    with pytest.raises(FormatError, match=words):
        kind.parse(keys(**facts))
