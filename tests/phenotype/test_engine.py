from __future__ import annotations

import itertools
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from proteomr.errors import ColumnError, UsageError
from proteomr.phenotype import DeriveOptions, derive_phenotypes, load_definition, wanted_fields
from proteomr.tables import Drop, Fields
from tests.phenotype.people import make_fields, make_study

SHEN = load_definition("shen2025")
EXPOSURES = ("isolation_score", "isolation", "loneliness_score", "loneliness", "group")
ITEMS = ("p709_i0", "p1031_i0", "p6160_i0", "p2020_i0", "p2110_i0")
PERSON = st.tuples(
    st.sampled_from([1, 2, 4, -1, -3, None]),
    st.sampled_from([1, 2, 3, 4, 5, 6, 7, -1, -3, None]),
    st.lists(st.sampled_from([-7, 1, 2, 3, 4, 5, -3]), max_size=3),
    st.sampled_from([0, 1, -1, -3, None]),
    st.sampled_from([0, 1, 2, 3, 4, 5, -1, -3, None]),
)


def score(person: tuple[Any, ...]) -> tuple[list[int | None], list[int | None]]:
    """Return the items of one person, by the obvious way."""
    household, visits, activities, lonely, confide = person
    alone = None if household is None or household < 0 else int(household <= 1)
    rare = None if visits is None or visits < 0 else int(visits in {5, 6, 7})
    none: int | None = None
    if set(activities) == {-7}:
        none = 1
    elif activities and min(activities) > 0:
        none = 0
    often = lonely if lonely in {0, 1} else None
    never = None if confide is None or confide < 0 else int(confide == 0)
    return [alone, rare, none], [often, never]


def settle(items: list[int | None], *, bound: int, partial: bool) -> int | None:
    """Return whether a sum reaches a bound, by trying all that the missing items can be."""
    ways = itertools.product(*[(0, 1) if item is None else (item,) for item in items])
    outcomes = {int(sum(way) >= bound) for way in ways}
    return outcomes.pop() if len(outcomes) == 1 and (partial or None not in items) else None


def total(items: list[int | None]) -> int | None:
    return None if None in items else sum(item or 0 for item in items)


@settings(max_examples=40, deadline=None)
@given(people=st.lists(PERSON, min_size=1, max_size=30), partial=st.booleans())
def test_exposures_are_those_of_an_obvious_loop(
    *, people: list[tuple[Any, ...]], partial: bool
) -> None:
    columns = dict(zip(ITEMS, map(list, zip(*people, strict=True)), strict=True))
    types = {"p6160_i0": pl.List(pl.Int64)}
    raw = pl.DataFrame(
        [pl.Series(name, cells, dtype=types.get(name, pl.Int64)) for name, cells in columns.items()]
    )
    ids = pl.Series("eid", [f"{i:04d}" for i in range(len(people))])
    options = DeriveOptions(only=EXPOSURES, allow_partial=partial)
    made = derive_phenotypes(Fields(raw.insert_column(0, ids)), SHEN, options=options).frame
    names = {(0, 0): "neither", (1, 0): "isolated", (0, 1): "lonely", (1, 1): "both"}
    for person, row in zip(people, made.iter_rows(named=True), strict=True):
        three, two = score(person)
        isolated = settle(three, bound=2, partial=partial)
        lonely = settle(two, bound=2, partial=partial)
        group = None if isolated is None or lonely is None else names[isolated, lonely]
        assert row["isolation_score"] == total(three)
        assert row["isolation"] == isolated
        assert row["loneliness_score"] == total(two)
        assert row["loneliness"] == lonely
        assert row["group"] == group


def test_the_counts_of_every_rule_add_up_to_everybody() -> None:
    made = derive_phenotypes(make_study(200), SHEN)
    for rule in made.rules:
        rows = made.counts.filter(pl.col("rule") == rule.name)
        assert rows.filter(pl.col("value") != "decided")["n"].sum() == 200, rule.name


def test_the_flow_ends_with_the_complete_cases() -> None:
    made = derive_phenotypes(make_study(400), SHEN)
    assert made.flow["n_left"][0] == 400
    assert made.flow["n_left"][-1] == made.complete_cases.height == made.complete.sum()
    left = made.flow["n_left"][0] - made.flow["n_left_out"].sum()
    assert left == made.flow["n_left"][-1]
    kept = made.complete_cases.select("isolation", "loneliness", "age", "education", "bmi", "PC20")
    assert kept.null_count().row(0) == (0,) * 6


def test_the_order_of_columns_changes_nothing() -> None:
    fields = make_study()
    turned = Fields(fields.frame.select(fields.frame.columns[::-1]))
    assert_frame_equal(derive_phenotypes(fields, SHEN).frame, derive_phenotypes(turned, SHEN).frame)


def test_a_person_has_the_same_values_alone_as_among_others() -> None:
    fields = make_study(8)
    together = derive_phenotypes(fields, SHEN).frame
    apart = [
        derive_phenotypes(Fields(fields.frame[i : i + 1]), SHEN).frame for i in range(fields.n)
    ]
    assert_frame_equal(together, pl.concat(apart))


def test_people_left_out_on_reading_begin_the_flow() -> None:
    frame = make_study(50).frame
    made = derive_phenotypes(Fields(frame, drops=(Drop("load", "withdrawn", 3),)), SHEN)
    assert made.flow.rows()[:2] == [
        ("people in the files", None, 0, 53),
        ("load", "withdrawn", 3, 50),
    ]


def test_partial_scores_are_counted() -> None:
    fields = make_fields({"p2020_i0": [0, 1, 1], "p2110_i0": [-3, -3, 0]})
    options = DeriveOptions(only=("loneliness",), allow_partial=True)
    made = derive_phenotypes(fields, SHEN, options=options)
    assert made.frame["loneliness"].to_list() == [0, None, 1]
    decided = made.counts.filter(rule="loneliness", value="decided")
    assert decided["n"].to_list() == [1]


def test_absent_fields_are_named_with_the_rules_that_need_them() -> None:
    fields = make_study()
    lacking = Fields(fields.frame.drop("p738_i0", "p2020_i0"))
    with pytest.raises(ColumnError) as fault:
        derive_phenotypes(lacking, SHEN)
    message = str(fault.value)
    assert "field 2020 (Loneliness, isolation): needed by often_lonely" in message
    assert "field 738 (Average total household income before tax): needed by income" in message
    assert "proteomr fields --definition shen2025" in message
    only = DeriveOptions(only=("isolation",))
    assert derive_phenotypes(lacking, SHEN, options=only).frame.columns == ["eid", "isolation"]


def test_optional_rules_are_left_out_with_a_note_that_names_the_fields() -> None:
    made = derive_phenotypes(make_study(), SHEN)
    assert "met_minutes" not in made.frame.columns
    (note,) = [note for note in made.notes if note.startswith("met_minutes")]
    assert "field 864" in note
    assert "field 914" in note


def test_a_column_of_the_files_is_copied_where_it_is_there() -> None:
    fields = make_study()
    batch = pl.Series("batch", [1 + i % 8 for i in range(fields.n)])
    made = derive_phenotypes(Fields(fields.frame.with_columns(batch)), SHEN)
    assert made.frame["batch"].to_list() == batch.to_list()


def test_another_visit_is_read_where_a_field_has_visits() -> None:
    fields = make_fields({"p2020_i2": [1], "p2110_i2": [0], "p31_i0": [1]})
    options = DeriveOptions(instance=2, only=("loneliness", "sex"))
    assert derive_phenotypes(fields, SHEN, options=options).frame.row(0) == ("00001", 1, 1)
    with pytest.raises(ColumnError, match=r"field 2020 .* of instance 1: needed by often_lonely"):
        derive_phenotypes(fields, SHEN, options=DeriveOptions(instance=1, only=("loneliness",)))


def test_an_unknown_column_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"--only lonelyness: .*did you mean 'loneliness'"):
        derive_phenotypes(make_study(), SHEN, options=DeriveOptions(only=("lonelyness",)))
    with pytest.raises(UsageError, match="did you mean 'loneliness'"):
        wanted_fields(SHEN, only=["lonelyness"])


def test_only_the_fields_that_are_needed_are_wanted() -> None:
    assert wanted_fields(SHEN, only=["isolation"]) == {709, 1031, 6160}
    assert 53 in wanted_fields(SHEN, only=["cvd_years"])
    assert wanted_fields(SHEN) == SHEN.fields


def test_outcomes_are_left_out_with_a_note_where_no_date_is_there() -> None:
    made = derive_phenotypes(make_study(), SHEN)
    assert "cvd" not in made.frame.columns
    assert any(note.startswith("the outcomes are left out") for note in made.notes)


@pytest.mark.parametrize(
    ("column", "cell", "rule", "words"),
    [
        ("p709_i0", "one", "lives_alone", "(threshold): field 709 holds String; numbers needed"),
        ("p709_i0", [1], "lives_alone", "holds several answers for each person; one needed"),
        ("p2020_i0", "yes", "often_lonely", "(recode): field 2020 holds String; numbers needed"),
        ("p22009_i0", 0.5, "PC1", "holds one value for each person; a list of numbers needed"),
    ],
)
def test_another_content_than_a_rule_takes_is_refused(
    column: str, cell: object, rule: str, words: str
) -> None:
    with pytest.raises(ColumnError) as fault:
        derive_phenotypes(make_fields({column: [cell]}), SHEN, options=DeriveOptions(only=(rule,)))
    assert words in str(fault.value)


def test_a_column_that_nobody_has_filled_in_is_missing_for_all() -> None:
    fields = make_fields({"p2020_i0": [None, None], "p2110_i0": [0, 5]})
    made = derive_phenotypes(fields, SHEN, options=DeriveOptions(only=("loneliness",)))
    assert made.frame["loneliness"].to_list() == [None, None]


def test_no_message_or_table_holds_an_identifier() -> None:
    fields = make_study(300)
    made = derive_phenotypes(fields, SHEN)
    texts = [*made.warnings, *made.notes]
    for table in (made.counts, made.flow):
        texts += [str(cell) for row in table.rows() for cell in row]
    ids = set(fields.frame["eid"])
    assert not any(text in ids for text in texts)
