from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from proteomr.errors import FormatError, InputError, UsageError
from proteomr.phenotype import Definition, load_definition
from proteomr.phenotype.definitions.one_question import Recode, Threshold

Write = Callable[..., Path]

LONELY = """
[rule.lonely]
title = "Lonely"
kind = "recode"
field = 2020
levels = { 1 = [1], 0 = [0] }
missing = [-1, -3]
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str, name: str = "mine.toml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write_file


def fault_of(path: Path) -> str:
    with pytest.raises(FormatError) as fault:
        load_definition(path)
    assert "\n" not in str(fault.value)
    assert str(fault.value).startswith(str(path))
    return str(fault.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("title =", "titel ="), "rule 'lonely': the key 'title' (text) is missing"),
        (("recode", "recoed"), "key 'kind': there is no 'recoed' (did you mean 'recode'?)"),
        (("missing =", "mising ="), "there is no key 'mising' (did you mean 'missing'?)"),
        (("1 = [1]", "1 = [2]"), "field 2020 (Loneliness, isolation) has no code 2; it has"),
        (("missing = [-1, -3]", ""), "stands neither in a level nor in 'missing'"),
        (("[-1, -3]", "[-1, -4]"), "has no code -4"),
        (("field = 2020", 'field = "2020"'), "key 'field': a whole number is needed, a text"),
        (("field = 2020", ""), "its source is needed: one of field, column, rule"),
        (("field = 2020", 'field = 2020\ncolumn = "x"'), "its source is needed"),
        (("field = 2020", "fields = [2020, 2110]"), "1 needed for the kind 'recode', 2 given"),
        (("field = 2020", 'rule = "lonley"'), "there is no rule 'lonley' (did you mean 'lonely'?)"),
        (("field = 2020", 'rule = "lonely"'), "in a circle: lonely -> lonely"),
        (("rule.lonely", 'rule."a b"'), "a name of letters, digits and _ is needed"),
        (("[rule.lonely]", "[rules.lonely]"), "there is no key 'rules' (did you mean 'rule'"),
        (("[-1, -3]", "[-1, -3"), "is not TOML"),
        (("{ 1 = [1],", "{ 1 = [0],"), "code 0 stands in the levels '1' and '0'"),
        (("[-1, -3]", "[0, -1, -3]"), "code 0 stands in a level too"),
        (('title = "Lonely"', 'title = "L"\npublished = { 1 = 6.4 }'), "a share from 0 to 1"),
        (('title = "Lonely"', 'title = "L"\nrole = "covariat"'), "did you mean 'covariate'?"),
    ],
)
def test_a_fault_names_file_rule_and_key(write: Write, change: tuple[str, str], words: str) -> None:
    message = fault_of(write(LONELY.replace(*change)))
    assert words in message


def test_rules_that_need_each_other_are_refused_with_the_circle(write: Write) -> None:
    rules = "".join(
        f'[rule.{name}]\ntitle = "x"\nkind = "copy"\nrule = "{needs}"\n'
        for name, needs in (("a", "b"), ("b", "c"), ("c", "a"))
    )
    message = fault_of(write(rules))
    assert "the rules need each other in a circle" in message
    assert message.endswith("a -> b -> c -> a")


def test_rules_stand_after_those_that_they_need(write: Write) -> None:
    rules = LONELY + '[rule.copy]\ntitle = "x"\nkind = "copy"\nrule = "late"\n'
    rules += '[rule.late]\ntitle = "x"\nkind = "copy"\nrule = "lonely"\n'
    assert list(load_definition(write(rules)).rules) == ["lonely", "late", "copy"]


def test_an_unknown_definition_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no definition 'shen2052' \(did you mean 'shen2025'"):
        load_definition("shen2052")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.toml: there is no such file"):
        load_definition(tmp_path / "mine.toml")


def test_a_definition_that_extends_another_replaces_single_rules(write: Write) -> None:
    path = write('extends = "shen2025"\n' + LONELY.replace("rule.lonely", "rule.often_lonely"))
    made, base = load_definition(path), load_definition("shen2025")
    assert made.rules["often_lonely"].title == "Lonely"
    assert made.rules["isolation"] == base.rules["isolation"]
    assert set(made.rules) == set(base.rules)
    assert made.digest != base.digest
    assert made.notes == ()


def test_files_include_others_that_stand_beside_them(write: Write) -> None:
    write(LONELY, "part.toml")
    made = load_definition(write('include = ["part.toml"]'))
    assert list(made.rules) == ["lonely"]
    assert [path.name for path in made.files] == ["part.toml", "mine.toml"]


def test_files_that_include_themselves_are_refused(write: Write) -> None:
    with pytest.raises(FormatError, match=r"in a circle: mine\.toml -> mine\.toml$"):
        load_definition(write('include = ["mine.toml"]'))


def test_of_several_definitions_the_later_wins_with_a_note(write: Write) -> None:
    path = write(LONELY.replace("rule.lonely", "rule.often_lonely"))
    made = load_definition("shen2025", path)
    assert made.rules["often_lonely"].title == "Lonely"
    assert made.notes == (f"rule 'often_lonely' of shen2025.toml is replaced by that of {path}",)


def test_an_alternative_changes_the_keys_it_names_and_no_others() -> None:
    base = load_definition("shen2025")
    made = load_definition("shen2025", alternatives={"isolation": "monthly"})
    rare = made.rules["low_contact"].formula
    assert isinstance(rare, Recode)
    assert rare.levels == {"1": (4, 5, 6, 7), "0": (1, 2, 3)}
    assert made.rules["low_contact"].reading == base.rules["low_contact"].reading
    assert made.rules["isolation"].formula == Threshold("at_least", 2.0)
    assert made.digest != base.digest


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"isolation": "montly"}, "no alternative 'montly' (did you mean 'monthly'?)"),
        ({"isolatoin": "monthly"}, "no rule 'isolatoin' (did you mean 'isolation'?)"),
        ({"age": "young"}, "there is none"),
    ],
)
def test_an_unknown_alternative_is_refused(chosen: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError) as fault:
        load_definition("shen2025", alternatives=chosen)
    assert words in str(fault.value)


def test_an_alternative_that_changes_no_rule_is_refused(write: Write) -> None:
    text = LONELY + '[rule.lonely.alternative.x]\ntitle = "x"\nchange.lonley = { missing = [] }\n'
    assert "there is no rule 'lonley' (did you mean 'lonely'?)" in fault_of(write(text))


def test_a_definition_written_out_reads_back_as_the_same(write: Write) -> None:
    for name, alternatives in (("shen2025", {"isolation": "monthly"}), ("day2018", {})):
        made = load_definition(name, alternatives=alternatives)
        again: Definition = load_definition(write(made.to_toml(), f"{name}.toml"))
        assert again.digest == made.digest
        assert {k: r.formula for k, r in again.rules.items()} == {
            k: r.formula for k, r in made.rules.items()
        }


def test_a_column_made_by_a_rule_and_an_outcome_is_refused(write: Write) -> None:
    text = 'extends = "shen2025"\n' + LONELY.replace("rule.lonely", "rule.cvd")
    with pytest.raises(FormatError, match="the column 'cvd' is made by a rule too"):
        load_definition(write(text))


def test_a_file_that_changes_the_follow_up_alone_keeps_the_outcomes(write: Write) -> None:
    path = write('extends = "shen2025"\n[follow_up]\nlag_years = 0\n')
    changed, plain = load_definition(path), load_definition("shen2025")
    assert changed.outcomes is not None
    assert plain.outcomes is not None
    names = [outcome.name for outcome in plain.outcomes.outcomes]
    assert [outcome.name for outcome in changed.outcomes.outcomes] == names
    before, after = plain.outcomes.follow_up, changed.outcomes.follow_up
    assert before is not None
    assert after is not None
    assert (before.lag_years, after.lag_years) == (3, 0)
