from __future__ import annotations

import itertools
from collections.abc import Sequence

import polars as pl
import pytest

from proteomr.errors import FormatError
from proteomr.phenotype.answers import NOT_ASKED, Answers
from proteomr.phenotype.definitions.combining import AllOf, AnyOf, Cross, Linear, Product, Sum
from proteomr.phenotype.definitions.one_question import Threshold
from proteomr.phenotype.keys import Keys

ROWS = list(itertools.product((0, 1, None), repeat=3))


def answers(values: Sequence[float | None]) -> Answers:
    reasons = [NOT_ASKED if value is None else None for value in values]
    return Answers(pl.Series(values), pl.Series(reasons, dtype=pl.String))


def items() -> list[tuple[str, Answers]]:
    columns = zip(*ROWS, strict=True)
    return [
        (name, answers(column).bounded(0, 1)) for name, column in zip("abc", columns, strict=True)
    ]


def possible(row: Sequence[int | None]) -> list[tuple[int, ...]]:
    """All that the items of a row can be."""
    return list(itertools.product(*[(0, 1) if item is None else (item,) for item in row]))


def test_a_sum_is_missing_under_the_name_of_the_first_item_that_is() -> None:
    made = Sum().apply(items())
    for row, value, reason in zip(ROWS, made.value, made.reason, strict=True):
        first = next((name for name, item in zip("abc", row, strict=True) if item is None), None)
        assert value == (None if first else sum(item or 0 for item in row))
        assert reason == (f"missing item {first}" if first else None)


@pytest.mark.parametrize("bound", [1, 2, 3])
def test_a_threshold_of_a_sum_is_decided_exactly_where_no_answer_could_change_it(
    bound: int,
) -> None:
    made = Threshold("at_least", bound).apply([("score", Sum().apply(items()))])
    for row, value, reason in zip(ROWS, made.value, made.reason, strict=True):
        outcomes = {int(sum(way) >= bound) for way in possible(row)}
        assert value == (outcomes.pop() if len(outcomes) == 1 else None)
        assert (reason is None) == (value is not None)


@pytest.mark.parametrize(("rule", "take"), [(AllOf(), min), (AnyOf(), max)])
def test_all_and_any_are_decided_exactly_where_no_answer_could_change_them(
    rule: AllOf | AnyOf, take: type
) -> None:
    made = rule.apply(items())
    for row, value in zip(ROWS, made.value, strict=True):
        outcomes = {take(way) for way in possible(row)}
        assert value == (outcomes.pop() if len(outcomes) == 1 else None)


@pytest.mark.parametrize(("rule", "take"), [(AllOf(), min), (AnyOf(), max)])
def test_without_bounds_all_and_any_are_missing_where_an_item_is(
    rule: AllOf | AnyOf, take: type
) -> None:
    bare = [(name, Answers(item.value, item.reason)) for name, item in items()]
    for row, value in zip(ROWS, rule.apply(bare).value, strict=True):
        assert value == (None if None in row else take(row))


def test_a_zero_decides_a_product_whatever_was_not_asked() -> None:
    days, minutes = answers([0, 3, None, 3]), answers([None, 30, 0, None])
    made = Product(zero_decides=True).apply([("days", days), ("minutes", minutes)])
    assert made.value.to_list() == [0, 90, 0, None]
    assert made.reason.to_list() == [None, None, None, "missing item minutes"]


def test_without_the_key_a_zero_decides_nothing() -> None:
    made = Product().apply([("days", answers([0])), ("minutes", answers([None]))])
    assert made.missing == 1


def test_a_weighted_sum_goes_by_the_names_of_its_sources() -> None:
    parts = [("vigorous", answers([10.0])), ("walking", answers([100.0]))]
    made = Linear({"walking": 3.3, "vigorous": 8.0}).apply(parts)
    assert made.value.to_list() == pytest.approx([410.0])


def test_a_cross_names_each_combination_and_faults_one_without_a_name() -> None:
    isolated, lonely = answers([0, 1, 0, 1, None]), answers([0, 0, 1, 1, 1])
    rule = Cross({"neither": (0, 0), "isolated": (1, 0), "lonely": (0, 1)})
    made = rule.apply([("isolation", isolated), ("loneliness", lonely)])
    assert made.value.to_list() == ["neither", "isolated", "lonely", None, None]
    assert made.reason.to_list()[3:] == [
        "data fault: a combination without a group",
        "missing item isolation",
    ]


def test_a_cross_needs_a_value_for_each_of_its_rules() -> None:
    facts = {"rules": ["a", "b"], "levels": {"neither": [0]}}
    with pytest.raises(FormatError, match="one value for each of the rules"):
        Cross.parse(Keys(facts, file="mine.toml"))
