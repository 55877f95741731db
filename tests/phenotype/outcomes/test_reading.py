"""Rules of outcomes: those shipped, what is wrong in others, one definition over another."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from proteomr.errors import FormatError, UsageError
from proteomr.phenotype.outcomes.reading import (
    OutcomeRules,
    load_outcomes,
    merge_outcomes,
    parse_outcomes,
)

END = date(2022, 11, 30)
CAREFUL, CODE = load_outcomes("shen2025-outcomes"), load_outcomes("shen2025-code-outcomes")
STUDY = {
    "CVD": "cvd",
    "dementia": "dementia",
    "T2D": "type2_diabetes",
    "depression": "depression",
    "stroke": "stroke",
    "mortality": "mortality",
}


def test_the_shipped_rules_are_those_of_the_study(reference: Path) -> None:
    with (reference / "study" / "ukb_outcomes.csv").open(encoding="utf-8") as file:
        rows = {STUDY[row["outcome"]]: row for row in csv.DictReader(file)}
    for rules in (CAREFUL, CODE):
        assert {outcome.name for outcome in rules.outcomes} == set(rows)
        for outcome in rules.outcomes:
            row = rows[outcome.name]
            codes = row["self_report_20002_codes"]
            assert outcome.self_report == tuple(int(code) for code in codes.split(";") if code)
            assert outcome.published is not None
            assert outcome.published.events == int(row["events_shen"])
            if not outcome.is_death:
                dates = row["first_occurrence_fields"].split(";")
                assert outcome.event == tuple(map(int, dates))


@pytest.mark.parametrize("rules", [CAREFUL, CODE], ids=["careful", "code"])
def test_every_shipped_rule_has_its_evidence(rules: OutcomeRules) -> None:
    assert rules.follow_up is not None
    assert {"start", "end", "lag_years", "lag_drops", "after_end", "faults"} <= set(
        rules.follow_up.evidence
    )
    for outcome in rules.outcomes:
        assert outcome.evidence
        assert outcome.title
        assert outcome.certainty in {"high", "medium", "low"}


def test_the_careful_and_the_codes_rules_differ_where_they_should() -> None:
    careful, code = CAREFUL.follow_up, CODE.follow_up
    assert careful is not None
    assert code is not None
    assert (careful.lost, code.lost) == (191, None)
    assert [len(rules.special_dates) for rules in (careful, code)] == [6, 0]
    assert careful.compare_with == "shen2025-code-outcomes"
    assert 191 in CAREFUL.fields - CODE.fields
    assert CAREFUL.sources[131296] == 131297
    assert 40000 not in CAREFUL.sources


OUTCOME = {"name": "cvd", "event": [131296]}


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"outcome": [OUTCOME]}, r"needs a table \[follow_up\]"),
        ({"outcome": OUTCOME}, r"written as tables \[\[outcome\]\]"),
        ({"follow_up": 3}, r"\[follow_up\] is a table"),
        ({"follow_up": {}}, r"\[follow_up\], key 'end': is absent; write it as 2022-11-30"),
        ({"follow_up": {"end": "2022-11-30"}}, "key 'end': '2022-11-30' is no date"),
        ({"follow_up": {"end": END, "lag_yeras": 3}}, "'lag_yeras' .did you mean 'lag_years'"),
        ({"follow_up": {"end": END, "lag_years": -1}}, "key 'lag_years': -1.0 is not allowed"),
        ({"follow_up": {"end": END, "lag_years": "3"}}, "key 'lag_years': a number is needed"),
        ({"follow_up": {"end": END, "lag_drops": "event"}}, "'event' .did you mean 'events'"),
        ({"follow_up": {"end": END, "start": 53.5}}, "key 'start': a whole number is needed"),
        ({"follow_up": {"end": {"england": END}}}, "key 'scotland': is absent"),
        (
            {"follow_up": {"end": {"england": END, "scotland": END, "wales": END}}},
            r"needs the assessment centres in \[follow_up.nations\]",
        ),
        (
            {"follow_up": {"end": END, "special_date": [{"date": END, "treat": "prevalnt"}]}},
            r"special_date\]\] 1, key 'treat': .*did you mean 'prevalent'",
        ),
        (
            {"follow_up": {"end": END, "evidence": {"lagyears": "x"}}},
            "no key 'lagyears' in .*did you mean 'lag_years'",
        ),
        ({"follow_up": {"end": END}, "outcome": [{"event": [1]}]}, "'name' .text. is missing"),
        ({"follow_up": {"end": END}, "outcome": [{"name": "c v"}]}, "is no name of a column"),
        ({"follow_up": {"end": END}, "outcome": [{"name": "c"}]}, "'c', key 'event': is absent"),
        (
            {"follow_up": {"end": END}, "outcome": [{"name": "c", "event": []}]},
            "the list is empty",
        ),
        (
            {"follow_up": {"end": END}, "outcome": [{"name": "c", "event": "deaths"}]},
            "'deaths' is not known",
        ),
        (
            {"follow_up": {"end": END}, "outcome": [{"name": "c", "event": [131297]}]},
            "131297 says where the first occurrence was recorded; its date is 131296",
        ),
        (
            {"follow_up": {"end": END}, "outcome": [{**OUTCOME, "selfreport": [1]}]},
            "no key 'selfreport' .did you mean 'self_report'",
        ),
        (
            {"follow_up": {"end": END}, "outcome": [OUTCOME, {**OUTCOME, "title": "again"}]},
            "outcomes 'cvd' and 'cvd' both make the column 'cvd'",
        ),
        (
            {"follow_up": {"end": END}, "outcome": [OUTCOME, {"name": "cvd_years", "event": [2]}]},
            "both make the column 'cvd_years'",
        ),
        (
            {
                "follow_up": {"end": END},
                "outcome": [{**OUTCOME, "published": {"events": 9, "people": 3}}],
            },
            "9 events among 3 people",
        ),
    ],
)
def test_what_is_wrong_in_a_definition_is_said_with_file_table_and_key(
    facts: dict[str, Any], message: str
) -> None:
    with pytest.raises(FormatError, match=message) as fault:
        parse_outcomes(facts, source="own.toml")
    assert str(fault.value).startswith("own.toml: ")
    assert "\n" not in str(fault.value)


def test_rules_that_are_not_shipped_are_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'shen2025-outcomes'"):
        load_outcomes("shen2025-outcome")


def test_a_later_definition_changes_the_follow_up_alone_or_adds_outcomes() -> None:
    earlier = {"follow_up": {"end": END, "lag_years": 3}, "outcome": [OUTCOME]}
    changed = merge_outcomes(earlier, {"follow_up": {"lag_years": 0}})
    assert changed == {"follow_up": {"end": END, "lag_years": 0}, "outcome": [OUTCOME]}
    more = {"name": "stroke", "event": [131360]}
    added = merge_outcomes(earlier, {"outcome": [more, {**OUTCOME, "title": "x"}]})
    assert [entry["name"] for entry in added["outcome"]] == ["stroke", "cvd"]
    whole = {"follow_up": {"end": END}, "outcome": [more]}
    assert merge_outcomes(earlier, whole) == whole
    assert merge_outcomes(earlier, {}) == earlier
    assert merge_outcomes({}, whole) == whole
