from __future__ import annotations

import math
import random
from typing import Any

import polars as pl
import pytest

from proteomr.phenotype import DeriveOptions, derive_phenotypes, load_definition
from proteomr.phenotype.answers import Answers
from proteomr.phenotype.count_table import Row, tabulate_counts
from proteomr.phenotype.counts import count_rule, warn_of_mean, warn_of_shares
from proteomr.phenotype.definitions.rule import Rule, parse_rule
from proteomr.tables.table import load_schema
from tests.phenotype.people import make_fields, make_study


def rule(**facts: Any) -> Rule:
    given = {"title": "x", "kind": "copy", "column": "x", **facts}
    return parse_rule("x", given, file="mine.toml")[0]


def answers(values: list[Any], reasons: list[str | None] | None = None) -> Answers:
    texts = reasons or [None] * len(values)
    return Answers(pl.Series(values), pl.Series(texts, dtype=pl.String))


def test_a_level_that_nobody_has_is_counted_as_zero() -> None:
    made = count_rule(
        rule(kind="recode", levels={"low": [1], "high": [2]}), answers(["low", "low"])
    )
    assert [(row.value, row.n, row.share) for row in made] == [("low", 2, 1.0), ("high", 0, 0.0)]


def test_shares_are_of_those_with_a_value_and_missing_of_all() -> None:
    made = count_rule(
        rule(summary="levels"), answers([1, 1, 0, None], [None, None, None, "not asked"])
    )
    assert [(row.value, row.label, row.n) for row in made] == [
        ("0", None, 1),
        ("1", None, 2),
        ("missing", "not asked", 1),
    ]
    assert [row.share for row in made] == pytest.approx([1 / 3, 2 / 3, 1 / 4])


def test_values_are_labelled_from_the_dictionary_or_the_definition() -> None:
    made = derive_phenotypes(make_study(300), load_definition("shen2025")).counts
    labels = {(row[0], row[1]): row[2] for row in made.rows()}
    assert labels["site", "11002"] == "Oxford"
    assert labels["isolation", "1"] == "isolated"
    assert labels["sex", "1"] == "Male"


def test_a_mean_is_told_without_anybodys_own_value() -> None:
    values = [float(random.Random(i).randint(10, 20)) for i in range(200)]
    values[0] = 98765.0
    (row,) = count_rule(rule(), answers(values))
    assert row.n == 200
    assert row.note is not None
    assert "98765" not in row.note
    assert "5 % to 95 %: 10 to 20" in row.note
    (few,) = count_rule(rule(), answers(values[1:50]))
    assert "to" not in (few.note or "")


@pytest.mark.parametrize(
    ("n", "k", "far"),
    [
        (10_000, 930, False),  # as published
        (10_000, 1390, False),  # 49 % above it
        (10_000, 1500, True),  # 61 % above it
        (10_000, 500, True),  # under two thirds of it
        (20, 5, False),  # far, but 20 people may have it by chance
    ],
)
def test_a_share_is_far_when_neither_tolerance_nor_chance_covers_it(
    *, n: int, k: int, far: bool
) -> None:
    published = rule(summary="levels", published={"1": 0.093})
    made = answers([1] * k + [0] * (n - k))
    warnings = warn_of_shares(published, count_rule(published, made))
    assert bool(warnings) == far
    share, p = k / n, 0.093
    outside = share > 1.5 * p or share < p / 1.5
    assert far == (outside and abs(k - n * p) > 4 * math.sqrt(n * p * (1 - p)))


def test_a_warning_names_the_rule_and_both_shares() -> None:
    published = rule(summary="levels", published={"1": 0.093})
    (text,) = warn_of_shares(published, count_rule(published, answers([1] * 400 + [0] * 600)))
    assert text == ("x: the share of '1' is 40.0 %, published 9.3 %; check the field and its codes")


@pytest.mark.parametrize(("mean", "far"), [(56.4, False), (60.0, False), (61.0, True)])
def test_a_mean_is_far_by_more_than_the_tolerance(*, mean: float, far: bool) -> None:
    published = rule(published={"mean": 56.4, "sd": 8.2})
    assert bool(warn_of_mean(published, answers([mean] * 1000))) == far


def test_reversed_codes_of_confiding_are_warned_of() -> None:
    rng = random.Random(1)
    usual = rng.choices([0, 1, 2, 3, 4, 5], [15, 5, 5, 10, 15, 50], k=4000)
    lonely = rng.choices([0, 1], [82, 18], k=4000)
    fields = make_fields({"p2110_i0": [5 - code for code in usual], "p2020_i0": lonely})
    only = DeriveOptions(only=("loneliness",))
    reversed_codes = derive_phenotypes(fields, load_definition("shen2025"), options=only)
    assert any("loneliness: the share of '1'" in text for text in reversed_codes.warnings)


def test_an_answer_to_look_at_has_a_line_of_its_own() -> None:
    fields = make_fields({"p709_i0": [0, 1, 2]})
    only = DeriveOptions(only=("lives_alone",))
    made = derive_phenotypes(fields, load_definition("shen2025"), options=only)
    row = made.counts.filter(value="answer 0").row(0, named=True)
    assert (row["n"], row["share"]) == (1, None)
    assert made.frame["lives_alone"].to_list() == [1, 1, 0]


def test_the_table_keeps_its_schema() -> None:
    frame = tabulate_counts([Row("x", "1", None, 1, 0.5)])
    assert load_schema("phenotype_counts").validate(frame).equals(frame)
