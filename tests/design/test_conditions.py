"""Conditions on people: what they are true of, and what is refused."""

from __future__ import annotations

import contextlib
import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proteomr.design import parse_condition
from proteomr.errors import ColumnError, FormulaError

PEOPLE = pl.DataFrame(
    {
        "id": ["1", "2", "3", "4"],
        "age": [50, 61, None, 70],
        "bmi": [20.5, float("nan"), 31.0, 25.0],
        "smoking": ["never", "current", " ", None],
        "BMI (kg/m2)": [1, 2, 3, 4],
        "small": pl.Series([1, 2, 3, 255], dtype=pl.UInt8),
        "single": pl.Series([0.1, 0.2, 0.3, None], dtype=pl.Float32),
        "diabetic": [True, False, None, True],
        "visit": ["2010-01-01", "2011-05-01", None, "2012-01-01"],
        "seen": [
            dt.datetime(2010, 1, 1, 9, tzinfo=dt.UTC),
            None,
            *(2 * [dt.datetime(2012, 1, 1, tzinfo=dt.UTC)]),
        ],
        "class": pl.Series(["a", "b", None, "a"], dtype=pl.Categorical),
        "and": [1, 1, 2, 2],
    }
)
T, F, N = True, False, None


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("age >= 60", [F, T, N, T]),
        ("60 <= age", [F, T, N, T]),
        ("not age >= 60", [T, F, N, F]),
        ("age == 50.0", [T, F, N, F]),
        ("age > 5e1", [F, T, N, T]),
        ("age > -1", [T, T, N, T]),
        ("bmi < 26", [T, N, F, T]),
        ("bmi == bmi", [T, N, T, T]),
        ("age > bmi", [T, N, N, T]),
        ("smoking == 'never'", [T, F, N, N]),
        ("'never' == smoking", [T, F, N, N]),
        ("smoking != 'never'", [F, T, N, N]),
        ('smoking in ("never", "current")', [T, T, N, N]),
        ("smoking not in ('never')", [F, T, N, N]),
        ("age in (50, 70)", [T, F, N, T]),
        ("`BMI (kg/m2)` > 2", [F, F, T, T]),
        ("'BMI (kg/m2)' > 2", [F, F, T, T]),
        ("'smoking' == 'never'", [T, F, N, N]),
        ("`and` == 1 and age > 55", [F, T, F, F]),
        ("small < 300 and small > -1", [T, T, T, T]),
        ("single == 0.1", [T, F, F, N]),
        ("diabetic", [T, F, N, T]),
        ("not diabetic", [F, T, N, F]),
        ("diabetic == false", [F, T, N, F]),
        ("diabetic == 1", [T, F, N, T]),
        ("visit < '2011-06-01'", [T, T, N, F]),
        ("seen <= '2010-01-01'", [T, N, F, F]),
        ("class == 'a'", [T, F, N, T]),
        # or stands behind and, and three values are those of Kleene
        ("age > 65 or age > 55 and bmi > 0", [F, N, N, T]),
        ("(age > 65 or age > 55) and bmi > 0", [F, N, N, T]),
        ("age > 55 or bmi > 0", [T, T, T, T]),
        ("age > 55 and bmi > 30", [F, N, N, F]),
        ("age > 55\n AND bmi < 30", [F, N, F, T]),
    ],
)
def test_a_condition_is_true_false_or_missing_of_each_person(
    text: str, holds: list[bool | None]
) -> None:
    assert parse_condition(text).judge(PEOPLE).to_list() == holds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("age = 60", "write == for equal"),
        ("age ≥ 60", "write >="),
        ("age > 60 & bmi > 3", "write and"),
        ("age > 60 | bmi > 3", "write or"),
        ("!diabetic", "write not"),
        ("age %in% (1, 2)", r"write in \('a', 'b'\)"),
        ("40 <= age < 60", "write 40 <= age and age < 60"),
        ("age + 1 > 3", "make the column beforehand"),
        ("__import__('os')", "found '\\(' where a comparison was needed"),
        ("is.na(age)", "found '\\(' where a comparison was needed"),
        ("31-0.0 == 1", "comparison was needed"),
        ("31_0 == 1", "stands in back quotes"),
        ("age > 60 or", "found the end where a column or a value was needed"),
        ("(age > 60", "'\\)' was needed"),
        ("age > 60 bmi > 3", "where and, or, or the end was needed"),
        ("age in 60", "where the values were needed"),
        ("smoking in (never)", "text stands in quotes, 'never'"),
        ("age == NA", "left out by any comparison"),
        ("3 == 4", "a column is needed"),
        ("smoking == 'never", "not closed"),
        ("(" * 30 + "age > 1" + ")" * 30, "nested more than 20 deep"),
        ("not " * 2000 + "diabetic", "nested more than 20 deep"),
        ("smoking > 3", "'smoking' holds text, and is compared with a number; as text write '3'"),
        ("age > '60'", "holds numbers, and is compared with text; numbers stand without quotes"),
        ("age == true", "holds numbers, and is compared with true"),
        ("diabetic == 'yes'", "write == true or == false"),
        ("diabetic == 2", "write == true or == false"),
        ("age", "compare it, as in age == 1"),
        ("smoking < 'never'", "holds text, and < is for numbers and dates"),
        ("smoking < '2010-01-01'", "holds text, and < is for numbers and dates"),
        ("seen < 'May'", "holds dates: write '2010-01-31'"),
        ("age == smoking", "'age' holds numbers, and 'smoking' text"),
    ],
)
def test_what_the_grammar_or_the_types_forbid_is_one_line_with_its_place(
    text: str, message: str
) -> None:
    with pytest.raises(FormulaError, match=message) as caught:
        parse_condition(text).judge(PEOPLE)
    assert "\n" not in str(caught.value)
    assert "character" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("smokng == 'never'", r"no column 'smokng' in the samples \(did you mean 'smoking'\?\)"),
        ("smoking == never", "no column 'never' in the samples; text stands in quotes: 'never'"),
        ("id == '3'", "'id' names the people: choose people by a list"),
    ],
)
def test_a_column_that_is_not_there_or_names_people_is_refused(text: str, message: str) -> None:
    with pytest.raises(ColumnError, match=message) as caught:
        parse_condition(text).judge(PEOPLE, identifiers=["id"])
    assert "'3'" not in str(caught.value)


def test_a_text_that_is_the_value_of_nobody_is_said_with_the_nearest() -> None:
    condition = parse_condition("smoking in ('never', 'curent') or smoking != 'former'")
    assert condition.find_unmatched(PEOPLE) == (
        "nobody's smoking is 'curent' (did you mean 'current'?)",
        "nobody's smoking is 'former'",
    )


def test_levels_that_may_be_identifiers_are_in_no_hint() -> None:
    people = pl.DataFrame({"code": [f"A{i:04d}" for i in range(60)]})
    said = parse_condition("code == 'A00011'").find_unmatched(people)
    assert said == ("nobody's code is 'A00011'",)


def test_thousands_of_parts_and_values_are_judged() -> None:
    parts = " or ".join(f"age == {i}" for i in range(5_000))
    values = ", ".join(map(str, range(5_000)))
    for text in (parts, f"age in ({values})"):
        assert parse_condition(text).judge(PEOPLE).to_list() == [T, T, N, T]


_LEAVES = st.sampled_from(["age > 55", "bmi < 26", "smoking == 'never'", "diabetic"])


@given(
    st.recursive(
        _LEAVES,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
                lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
            ),
            inner.map(lambda part: f"not ({part})"),
        ),
        max_leaves=6,
    )
)
def test_conditions_mean_what_sql_means_by_them(text: str) -> None:
    asked = text.replace("diabetic", "diabetic = true").replace("==", "=")
    frame = PEOPLE.with_columns(
        bmi=pl.col("bmi").fill_nan(None), smoking=pl.col("smoking").replace(" ", None)
    )
    known = pl.SQLContext(people=frame).execute(f"SELECT ({asked}) AS holds FROM people").collect()  # noqa: S608
    assert parse_condition(text).judge(PEOPLE).to_list() == known["holds"].to_list()


@given(st.text(alphabet="age()<>=!'\"` andortin1.,-", max_size=40))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    with contextlib.suppress(FormulaError, ColumnError):
        assert parse_condition(text).judge(PEOPLE).len() == PEOPLE.height
