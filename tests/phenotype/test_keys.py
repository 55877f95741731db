from __future__ import annotations

import pytest

from proteomr.errors import FormatError
from proteomr.phenotype.keys import Keys


def keys(**facts: object) -> Keys:
    return Keys(facts, file="mine.toml", where="rule 'bmi'")


def test_a_key_of_another_type_is_refused_with_file_rule_and_key() -> None:
    with pytest.raises(FormatError) as fault:
        keys(field="31").whole("field")
    assert str(fault.value) == (
        "mine.toml: rule 'bmi', key 'field': a whole number is needed, a text was found"
    )


def test_true_is_no_number() -> None:
    with pytest.raises(FormatError, match="a number is needed, true or false was found"):
        keys(cap=True).number("cap")


def test_a_key_that_is_not_there_is_asked_for() -> None:
    with pytest.raises(FormatError, match=r"the key 'title' \(text\) is missing"):
        keys().text("title")


def test_an_unknown_key_is_refused_with_the_nearest() -> None:
    given = keys(titel="BMI")
    given.has("title")
    with pytest.raises(FormatError, match=r"no key 'titel' \(did you mean 'title'\?\)"):
        given.finish()


def test_an_unknown_choice_is_refused_with_the_nearest() -> None:
    with pytest.raises(FormatError, match=r"no 'recoed' \(did you mean 'recode'"):
        keys(kind="recoed").choice("kind", ("recode", "sum"))


def test_codes_are_of_one_kind() -> None:
    with pytest.raises(FormatError, match="not a mixture"):
        keys(missing=[-1, "x"]).codes("missing")
    assert keys(missing=-3).codes("missing") == (-3,)


def test_levels_keep_the_order_in_which_they_are_written() -> None:
    assert list(keys(levels={"b": [2], "a": [1]}).levels("levels")) == ["b", "a"]
