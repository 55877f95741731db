"""The shipped rules say what the papers say, checked answer by answer."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from proteomr.phenotype import DeriveOptions, definition_names, derive_phenotypes, load_definition
from tests.phenotype.people import make_fields


def values(column: str, answers: Mapping[str, Any], **chosen: str) -> list[Any]:
    """Return a column of shen2025 for people with these answers."""
    definition = load_definition(chosen.pop("definition", "shen2025"), alternatives=chosen)
    only = DeriveOptions(only=(column,))
    return derive_phenotypes(make_fields(answers), definition, options=only).frame[column].to_list()


@pytest.mark.parametrize("name", definition_names())
def test_every_rule_has_evidence_and_every_alternative_can_be_used(name: str) -> None:
    definition = load_definition(name)
    assert definition.title
    assert definition.reference
    for rule in definition.rules.values():
        assert rule.evidence, rule.name
        for alternative in definition.facts["rule"].get(rule.name, {}).get("alternative", {}):
            load_definition(name, alternatives={rule.name: alternative})


def test_one_in_the_household_is_alone() -> None:
    made = values("lives_alone", {"p709_i0": [1, 2, 0, -1, -3, None, -7]})
    assert made == [1, 0, 1, None, None, None, None]


def test_rare_visits_have_high_codes_and_monthly_is_not_rare() -> None:
    codes = [1, 2, 3, 4, 5, 6, 7, -1, -3, None]
    assert values("low_contact", {"p1031_i0": codes}) == [0, 0, 0, 0, 1, 1, 1, None, None, None]
    rare = values("low_contact", {"p1031_i0": codes}, isolation="monthly")
    assert rare == [0, 0, 0, 1, 1, 1, 1, None, None, None]
    named = values("low_contact", {"p1031_i0": codes}, definition="shen2025-monthly")
    assert named == rare


def test_rare_confiding_has_the_code_zero() -> None:
    made = values("low_confiding", {"p2110_i0": [0, 1, 2, 3, 4, 5, -1, -3, None]})
    assert made == [1, 0, 0, 0, 0, 0, None, None, None]


def test_no_activity_is_an_answer_and_beside_an_activity_a_fault() -> None:
    answers = [[-7], [1], [2, 5], [-3], [], [-7, 3]]
    assert values("no_activity", {"p6160_i0": answers}) == [1, 0, 0, None, None, None]


def test_isolation_is_two_of_three_and_a_missing_item_leaves_no_score() -> None:
    answers = {
        "p709_i0": [1, 1, 2, 1, -1],
        "p1031_i0": [6, 1, 1, 5, 6],
        "p6160_i0": [[-7], [-7], [1], [2], [-7]],
    }
    assert values("isolation_score", answers) == [3, 2, 0, 2, None]
    assert values("isolation", answers) == [1, 1, 0, 1, None]


def test_loneliness_is_both_items() -> None:
    answers = {"p2020_i0": [1, 1, 0, 0, 1], "p2110_i0": [0, 3, 0, 5, -3]}
    assert values("loneliness_score", answers) == [2, 1, 1, 0, None]
    assert values("loneliness", answers) == [1, 0, 0, 0, None]


def test_education_is_the_highest_group() -> None:
    answers = [[1, 4], [2], [5], [6, 3], [3], [4], [-7], [-3], []]
    made = values("education", {"p6138_i0": answers})
    assert made == [
        *("college", "age18", "age18", "age18", "age16", "age16", "none"),
        *(None, None),
    ]


def test_chinese_stands_with_asian_unless_the_alternative_is_chosen() -> None:
    codes = {"p21000_i0": [5, 3001, 6, 1, 2004, 4, -1]}
    made = ["asian", "asian", "other", "white", "mixed", "black", None]
    assert values("ethnicity", codes) == made
    assert values("ethnicity", codes, ethnicity="chinese_other")[0] == "other"


def test_income_smoking_alcohol_and_sex_have_the_codes_of_the_study() -> None:
    assert values("income", {"p738_i0": [1, 2, 3, 4, 5, -1, -3]}) == [0, 0, 1, 1, 1, None, None]
    assert values("smoking", {"p20116_i0": [0, 1, 2, -3]}) == [0, 0, 1, None]
    assert values("alcohol", {"p1558_i0": [1, 2, 3, 4, 5, 6, -3]}) == [1, 1, 0, 0, 0, 0, None]
    assert values("sex", {"p31_i0": [0, 1]}) == [0, 1]


def test_age_at_recruitment_stands_in_for_age_at_the_visit() -> None:
    assert values("age", {"p21003_i0": [50, None], "p21022_i0": [51, 52]}) == [50, 52]
    assert values("age", {"p21022_i0": [51]}) == [51]


def test_depressive_symptoms_are_a_sum_of_four_and_none_without_one() -> None:
    answers = {
        "p2050_i0": [1, 4, 2, 5],
        "p2060_i0": [1, 4, -1, 1],
        "p2070_i0": [1, 4, 2, 1],
        "p2080_i0": [1, 4, 2, 1],
    }
    assert values("depressive_symptoms", answers) == [4, 16, None, None]


def test_met_minutes_follow_the_scoring_of_the_questionnaire() -> None:
    answers = {
        "p864_i0": [7, -2, 0, 3, -1],  # -2: unable to walk
        "p874_i0": [300, None, None, 9, None],  # minutes are not asked of who walks on no day
        "p884_i0": [2, 0, 0, 1, 0],
        "p894_i0": [30, None, None, 60, None],
        "p904_i0": [1, 0, 0, 0, 0],
        "p914_i0": [20, None, None, None, None],
    }
    walked = 3.3 * 7 * 240 + 4 * 2 * 30 + 8 * 20
    expected = [walked, 0.0, 0.0, 240.0, None]
    assert values("met_minutes", answers) == pytest.approx(expected, nan_ok=True)


def test_the_traits_of_day_2018_need_both_answers() -> None:
    answers = {"p709_i0": [1, 1, 2, 1, 0], "p1031_i0": [6, 5, 7, -1, 7]}
    made = values("day2018_social", answers, definition="day2018")
    assert made == [1, 0, 0, None, None]


def test_the_fields_and_codes_of_the_rules_are_those_of_the_published_table(
    reference: Path,
) -> None:
    definition = load_definition("shen2025")
    with (reference / "study" / "ukb_variables.csv").open(encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    pairs = {
        "live_alone": "lives_alone",
        "low_contact": "low_contact",
        "no_activity": "no_activity",
        "lonely_often": "often_lonely",
        "confide_low": "low_confiding",
        "sex": "sex",
        "site": "site",
        "eth2": "ethnicity",
        "edu_4c": "education",
        "inc_2c": "income",
        "smokeNow": "smoking",
        "alc_2c": "alcohol",
        "bmi": "bmi",
        "depressive_symptoms": "depressive_symptoms",
    }
    for theirs, ours in pairs.items():
        row, rule = rows[theirs], definition.rules[ours]
        assert rule.fields == {int(field) for field in row["field"].split(";")}, ours
        codes = {int(code) for code in re.findall(r"-\d", row["missing_codes"])}
        assert set(rule.reading.missing) == codes, ours
        assert rule.certainty == row["certainty"], ours
