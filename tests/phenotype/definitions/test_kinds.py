from __future__ import annotations

from pathlib import Path

import pytest

from proteomr.errors import FormatError
from proteomr.phenotype import load_definition
from proteomr.phenotype.definitions import combining, one_question
from proteomr.phenotype.definitions.kinds import KINDS
from proteomr.phenotype.definitions.rule import parse_rule

SHIPPED = Path(__file__).parents[3] / "data" / "schemas" / "definitions" / "shen2025.toml"


def test_every_kind_of_rule_is_listed_once_and_explained() -> None:
    written = {getattr(room, name) for room in (one_question, combining) for name in room.__all__}
    assert set(KINDS.values()) == written
    assert all(name == kind.kind for name, kind in KINDS.items())
    manual = SHIPPED.read_text().partition("\nname =")[0]
    assert all(f" {name}" in manual for name in KINDS)


def test_a_rule_of_components_is_one_rule_for_each() -> None:
    facts = {"title": "x", "kind": "component", "count": 3, "field": 22009}
    rules = parse_rule("PC", facts, file="mine.toml")
    assert [rule.name for rule in rules] == ["PC1", "PC2", "PC3"]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"kind": "sum", "rules": ["a"]}, "at least 2 needed for the kind 'sum', 1 given"),
        ({"kind": "sum", "rules": ["a", "a"]}, "the same source stands twice"),
        ({"kind": "copy", "field": 1, "replace": {"x": 0}}, "a whole number is needed, 'x'"),
        ({"kind": "copy", "field": 1, "tolerance": 0}, "a number above 0 is needed"),
        ({"kind": "copy", "field": 1, "published": {"1": "x"}}, "a number is needed"),
    ],
)
def test_what_makes_no_sense_is_refused(facts: dict[str, object], words: str) -> None:
    with pytest.raises(FormatError) as fault:
        parse_rule("x", {"title": "x", **facts}, file="mine.toml")
    assert words in str(fault.value)


def test_the_definition_of_the_code_has_the_same_rules() -> None:
    careful, code = load_definition("shen2025"), load_definition("shen2025-code")
    assert careful.rules == code.rules
    assert careful.outcomes != code.outcomes
    assert careful.digest != code.digest
