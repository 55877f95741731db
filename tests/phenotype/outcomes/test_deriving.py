"""Outcomes of people made by hand: special dates, self-reports, nations, counts, two rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from proteomr.errors import ColumnError
from proteomr.phenotype.outcomes.deriving import (
    OutcomeRules,
    Outcomes,
    derive_outcomes,
    load_outcomes,
    parse_outcomes,
)
from proteomr.phenotype.outcomes.follow_up import (
    AFTER_DEATH,
    BEFORE_BY_SPECIAL_DATE,
    DEATH_BEFORE_START,
    NO_CENTRE,
    SELF_REPORTED,
    UNDATED,
)
from proteomr.tables.fields import Fields

START, END = date(2008, 1, 1), date(2022, 11, 30)
CAREFUL, CODE = load_outcomes("shen2025-outcomes"), load_outcomes("shen2025-code-outcomes")
STUDY = {
    "CVD": "cvd",
    "dementia": "dementia",
    "T2D": "type2_diabetes",
    "depression": "depression",
    "stroke": "stroke",
    "mortality": "mortality",
}


def make_fields(n: int = 1, **columns: list[Any]) -> Fields:
    """Make people who attended on one day and of whom nothing else is known unless said."""
    names = [f"p{number}_i0" for number in sorted(CAREFUL.fields - {53, 20002})]
    empty = {name: [None] * n for name in [*names, "p40000_i1"]}
    filled = {"p53_i0": [START] * n, **empty, "p20002_i0": [[]] * n, **columns}
    kinds: dict[str, Any] = dict.fromkeys(filled, pl.Date())
    kinds |= {"p20002_i0": pl.List(pl.Int64()), "p54_i0": pl.Int64()}
    ids = pl.Series("eid", [f"{person:04d}" for person in range(n)])
    frame = pl.DataFrame(filled, schema={name: kinds[name] for name in filled})
    return Fields(frame.insert_column(0, ids))


def excluded(outcomes: Outcomes, rule: str) -> dict[str, int]:
    rows = outcomes.counts.filter(rule=rule, value="excluded")
    return dict(rows.select("label", "n").iter_rows())


def own_rules(**follow_up: Any) -> OutcomeRules:
    facts = {
        "follow_up": {"end": END, **follow_up},
        "outcome": [
            {"name": "cvd", "event": [131296, 131298], "self_report": [1066]},
            {"name": "mortality", "event": "death"},
        ],
    }
    return parse_outcomes(facts, source="own.toml")


def test_the_earliest_date_of_all_diagnoses_is_the_event() -> None:
    fields = make_fields(
        2, p131296_i0=[date(2015, 1, 1), None], p131306_i0=[date(2013, 1, 1), None]
    )
    frame = derive_outcomes(fields, CAREFUL).frame
    assert frame.columns[:3] == ["cvd", "cvd_years", "cvd_prevalent"]
    assert frame.select("cvd", "cvd_prevalent").rows() == [(1, 0), (0, 0)]
    assert frame["cvd_years"].to_list() == [1827 / 365.25, 5447 / 365.25]


def test_of_two_records_of_a_death_the_earlier_counts() -> None:
    fields = make_fields(p40000_i0=[date(2020, 1, 1)], p40000_i1=[date(2019, 1, 1)])
    assert derive_outcomes(fields, CAREFUL).frame["mortality_years"][0] == 4018 / 365.25
    assert derive_outcomes(fields, CODE).frame["mortality_years"][0] == 4383 / 365.25


@pytest.mark.parametrize(
    ("special", "prevalent", "reason"),
    [
        (date(1900, 1, 1), None, UNDATED),
        (date(1901, 1, 1), 1, BEFORE_BY_SPECIAL_DATE),
        (date(1902, 2, 2), 1, BEFORE_BY_SPECIAL_DATE),
        (date(1903, 3, 3), 1, BEFORE_BY_SPECIAL_DATE),
        (date(1909, 9, 9), None, UNDATED),
        (date(2037, 7, 7), None, UNDATED),
    ],
)
def test_a_special_date_is_never_an_event(
    special: date, prevalent: int | None, reason: str
) -> None:
    fields = make_fields(p131296_i0=[special], p131298_i0=[date(2015, 1, 1)])
    outcomes = derive_outcomes(fields, CAREFUL)
    assert outcomes.frame.row(0)[:3] == (None, None, prevalent)
    assert excluded(outcomes, "cvd") == {reason: 1}
    assert outcomes.counts.filter(rule="cvd", value=special.isoformat())["n"].to_list() == [1]
    assert outcomes.frame["stroke"].to_list() == [0]


def test_a_real_date_before_attendance_outdoes_an_undated_one() -> None:
    fields = make_fields(p131296_i0=[date(1900, 1, 1)], p131298_i0=[date(2001, 1, 1)])
    assert derive_outcomes(fields, CAREFUL).frame["cvd_prevalent"].to_list() == [1]


def test_the_codes_way_takes_special_dates_as_they_stand() -> None:
    dates = [date(2037, 7, 7), date(1900, 1, 1)]
    frame = derive_outcomes(make_fields(2, p131296_i0=dates), CODE).frame
    assert frame["cvd"].to_list() == [1, None]
    assert frame["cvd_years"][0] == (dates[0] - START).days / 365.25


@pytest.mark.parametrize(
    ("answers", "careful", "code"),
    [
        ([1066], 1, 1),
        ([1111, 1066], 1, 0),
        ([1111, 1065], 0, 0),
        ([], 0, 0),
        ([10660, 1111], 0, 1),
        ([91075], 0, 1),
        ([1074], 0, 0),
    ],
)
def test_self_reports_count_as_whole_codes_in_any_answer_or_as_digits_of_the_first(
    answers: list[int], careful: int, code: int
) -> None:
    fields = make_fields(2, p20002_i0=[answers, [1111]])
    for rules, wanted in ((CAREFUL, careful), (CODE, code)):
        outcomes = derive_outcomes(fields, rules)
        assert outcomes.frame["cvd_prevalent"].to_list() == [wanted, 0]
        assert excluded(outcomes, "cvd") == ({SELF_REPORTED: 1} if wanted else {})


def test_nobody_who_is_lost_has_events_later() -> None:
    fields = make_fields(p191_i0=[date(2014, 1, 1)], p131296_i0=[date(2015, 1, 1)])
    assert derive_outcomes(fields, CAREFUL).frame.row(0)[:2] == (0, 2192 / 365.25)
    assert derive_outcomes(fields, CODE).frame.row(0)[:2] == (1, 2557 / 365.25)


def test_faults_of_death_are_left_out_and_counted_by_care_alone() -> None:
    fields = make_fields(
        3,
        p40000_i0=[date(2007, 1, 1), date(2015, 1, 1), date(2015, 1, 1)],
        p131296_i0=[None, date(2015, 1, 2), date(2015, 1, 1)],
    )
    outcomes = derive_outcomes(fields, CAREFUL)
    assert excluded(outcomes, "cvd") == {DEATH_BEFORE_START: 1, AFTER_DEATH: 1}
    assert excluded(outcomes, "mortality") == {DEATH_BEFORE_START: 1}
    assert outcomes.frame["cvd"].to_list() == [None, None, 1]
    assert derive_outcomes(fields, CODE).frame["cvd"].to_list() == [0, 1, 1]


def test_each_nation_has_its_own_end() -> None:
    ends = {"england": date(2022, 10, 31), "scotland": date(2021, 7, 31)}
    ends["wales"] = date(2018, 2, 28)
    nations = {"scotland": [11004, 11005], "wales": [11003, 11022, 11023]}
    rules = own_rules(end=ends, nations=nations)
    centres = [11010, 11004, 11005, 11003, 11022, 11023, None]
    outcomes = derive_outcomes(make_fields(7, p54_i0=centres), rules)
    order = ["england", "scotland", "scotland", "wales", "wales", "wales"]
    wanted = [(ends[nation] - START).days / 365.25 for nation in order]
    assert outcomes.frame["cvd_years"].to_list() == [*wanted, None]
    assert excluded(outcomes, "cvd") == {NO_CENTRE: 1}
    assert 54 in rules.fields
    assert 54 not in own_rules().fields


def test_an_outcome_may_have_a_lag_of_its_own() -> None:
    facts = {
        "follow_up": {"end": END, "lag_years": 3},
        "outcome": [{"name": "mortality", "event": "death", "lag_years": 0}],
    }
    rules = parse_outcomes(facts, source="own.toml")
    fields = make_fields(p40000_i0=[date(2009, 1, 1)])
    assert derive_outcomes(fields, rules).frame["mortality"].to_list() == [1]
    assert derive_outcomes(fields, CAREFUL).frame["mortality"].to_list() == [None]


def test_the_follow_up_may_start_at_another_visit() -> None:
    fields = make_fields(p131296_i0=[date(2015, 1, 1)])
    later = {"p53_i2": [date(2016, 1, 1)], "p20002_i2": [[]]}
    kinds = {"p53_i2": pl.Date(), "p20002_i2": pl.List(pl.Int64())}
    both = Fields(fields.frame.hstack(pl.DataFrame(later, schema=kinds)))
    outcomes = derive_outcomes(both, CAREFUL, instance=2)
    assert outcomes.frame.row(0)[:3] == (None, None, 1)
    assert outcomes.frame["stroke_years"].to_list() == [(END - date(2016, 1, 1)).days / 365.25]
    assert outcomes.comparison.filter(outcome="cvd", quantity="prevalent")["code"].item() == 1
    with pytest.raises(ColumnError, match="needs p53_i2, absent"):
        derive_outcomes(fields, CAREFUL, instance=2)


def test_the_code_of_the_study_is_reproduced_from_fields(
    reference: Path, expected: Callable[[str], dict[str, Any]]
) -> None:
    path = reference / "association" / "data" / "followup_dates.csv"
    dates, values = pl.read_csv(path, try_parse_dates=True), expected("followup_times")
    fields = make_fields(
        12,
        p53_i0=dates["attend"].to_list(),
        p131296_i0=dates["event"].to_list(),
        p40000_i0=dates["death"].to_list(),
    )
    frame = derive_outcomes(fields, CODE).frame
    inside = [not out for out in values["excluded"]]
    assert frame["cvd"].is_not_null().to_list() == inside
    assert frame["cvd_years"].is_not_null().to_list() == inside
    kept = frame.filter(inside)
    years = pl.Series(values["years"]).filter(pl.Series(inside)).to_list()
    assert kept["cvd_years"].to_list() == pytest.approx(years, rel=0, abs=1e-12)
    assert kept["cvd"].to_list() == pl.Series(values["outcome"]).filter(inside).to_list()


def test_counts_say_who_is_where_and_add_up() -> None:
    fields = make_fields(
        5,
        p131296_i0=[date(2015, 1, 1), date(2009, 1, 1), date(2001, 1, 1), date(2023, 1, 1), None],
    )
    counts = derive_outcomes(fields, CAREFUL).counts.filter(rule="cvd")
    assert counts.columns == ["rule", "value", "label", "n", "share", "published", "note"]
    assert counts["n"].to_list() == [1, 2, 1, 1]
    assert counts["n"].sum() == fields.n
    event, none = counts.row(0, named=True), counts.row(1, named=True)
    assert event["share"] == 1 / 3
    assert event["published"] == 2695 / 42062
    assert "37 person-years" in event["note"]
    assert none["note"] == "1 of them with an event after the last day that counts"


def test_two_rules_stand_side_by_side() -> None:
    fields = make_fields(
        4,
        p131296_i0=[date(2015, 1, 1), date(1900, 1, 1), date(2023, 1, 1), None],
        p20002_i0=[[], [], [], [1111, 1066]],
    )
    table = derive_outcomes(fields, CAREFUL).comparison
    cvd = {row[1]: row[2:] for row in table.filter(outcome="cvd").iter_rows()}
    assert cvd["events"] == (1, 2, -1)
    assert cvd["people at risk"] == (2, 3, -1)
    assert cvd["prevalent"] == (1, 1, 0)
    assert cvd[f"excluded: {UNDATED}"] == (1, 0, 1)
    years = sum((day - START).days for day in (date(2015, 1, 1), END)) / 365.25
    assert cvd["person-years"][0] == pytest.approx(years)
    assert table["outcome"].unique(maintain_order=True).to_list() == list(STUDY.values())


def test_nothing_is_compared_where_nothing_is_named() -> None:
    outcomes = derive_outcomes(make_fields(), CODE)
    assert outcomes.comparison.height == 0
    assert outcomes.comparison.columns == ["outcome", "quantity", "careful", "code", "difference"]


def test_shares_far_from_the_published_are_warned_of() -> None:
    n = 2000
    rare = [date(2015, 1, 1) if person % 100 == 0 else None for person in range(n)]
    usual = [date(2016, 1, 1) if person % 16 == 0 else None for person in range(n)]
    outcomes = derive_outcomes(make_fields(n, p131296_i0=rare, p131306_i0=usual), CAREFUL)
    assert not any(warning.startswith("cvd") for warning in outcomes.warnings)
    outcomes = derive_outcomes(make_fields(n, p131296_i0=rare), CAREFUL)
    (warning,) = (text for text in outcomes.warnings if text.startswith("cvd"))
    assert "1.00% of the people at risk have an event, published is 6.41%" in warning


def test_few_people_are_not_warned_of() -> None:
    assert derive_outcomes(make_fields(10), CAREFUL).warnings == ()


def test_an_end_later_than_the_files_is_warned_of() -> None:
    deaths = [date(2018, 1, 1 + person % 28) for person in range(150)]
    facts = {"follow_up": {"end": END}, "outcome": [{"name": "mortality", "event": "death"}]}
    rules = parse_outcomes(facts, source="own.toml")
    (warning,) = derive_outcomes(make_fields(150, p40000_i0=deaths), rules).warnings
    assert "last year of the follow-up" in warning
    deaths[0] = date(2022, 10, 1)
    assert derive_outcomes(make_fields(150, p40000_i0=deaths), rules).warnings == ()


def test_an_outcome_without_any_field_is_left_out_with_a_warning() -> None:
    fields = make_fields()
    strokes = ["p131360_i0", "p131362_i0", "p131366_i0", "p131368_i0"]
    outcomes = derive_outcomes(Fields(fields.frame.drop(strokes)), CAREFUL)
    assert "stroke" not in outcomes.frame.columns
    (warning,) = outcomes.warnings
    assert warning.startswith("outcomes left out, as none of their fields is in the files: stroke;")
    nothing = derive_outcomes(Fields(fields.frame.select("eid")), CAREFUL)
    assert nothing.frame.width == 0
    assert "cvd, dementia, type2_diabetes, depression, stroke, mortality;" in nothing.warnings[0]
    assert nothing.counts.height == nothing.comparison.height == 0


@pytest.mark.parametrize(
    ("absent", "message"),
    [
        ("p131298_i0", "outcome 'cvd' needs p131298, absent from the files; `proteomr fields`"),
        ("p53_i0", "the follow-up needs p53_i0, absent"),
        ("p40000_i0", "the follow-up needs p40000_i0, absent"),
        ("p20002_i0", "outcome 'cvd' needs p20002_i0, absent"),
    ],
)
def test_a_part_of_the_fields_is_not_enough(absent: str, message: str) -> None:
    with pytest.raises(ColumnError, match=message):
        derive_outcomes(Fields(make_fields().frame.drop(absent)), CAREFUL)


def test_a_field_that_is_not_enough_is_named_as_the_export_spells_it() -> None:
    lacking = Fields(make_fields().frame.drop("p131298_i0"), style="ukb")
    with pytest.raises(ColumnError, match=r"outcome 'cvd' needs 131298-0\.0, absent"):
        derive_outcomes(lacking, CAREFUL)


def test_an_absent_second_record_of_death_is_warned_of() -> None:
    outcomes = derive_outcomes(Fields(make_fields().frame.drop("p40000_i1")), CAREFUL)
    assert outcomes.warnings == ("record 1 of death (field 40000) is not in the files",)


def test_an_absent_loss_to_follow_up_is_warned_of() -> None:
    outcomes = derive_outcomes(Fields(make_fields().frame.drop("p191_i0")), CAREFUL)
    (warning,) = outcomes.warnings
    assert warning == "loss to follow-up (p191) is not in the files: nobody is censored for it"


def test_dates_that_are_text_are_refused() -> None:
    frame = make_fields().frame.with_columns(p131296_i0=pl.lit("2015-01-01"))
    with pytest.raises(ColumnError, match="p131296 holds String; dates are needed"):
        derive_outcomes(Fields(frame), CAREFUL)


def test_self_reports_that_are_no_codes_are_refused_and_none_at_all_are_not() -> None:
    frame = make_fields(2, p131296_i0=[date(2015, 1, 1), None]).frame
    words = frame.with_columns(p20002_i0=pl.Series([["angina"], []]))
    with pytest.raises(ColumnError, match=r"p20002_i0 holds List\(String\); lists of codes"):
        derive_outcomes(Fields(words), CAREFUL)
    empty = Fields(frame.with_columns(p20002_i0=pl.Series([[], []], dtype=pl.List(pl.Null))))
    for rules in (CAREFUL, CODE):
        assert derive_outcomes(empty, rules).frame["cvd_prevalent"].to_list() == [0, 0]


def test_no_tables_of_outcomes_make_no_outcomes() -> None:
    rules = parse_outcomes({}, source="own.toml")
    assert rules.fields == frozenset()
    assert derive_outcomes(make_fields(), rules).frame.width == 0


def test_an_outcome_of_other_diagnoses_is_not_compared_with_the_codes_of_that_name() -> None:
    follow_up = {"end": END, "compare_with": "shen2025-code-outcomes", "death_instances": [0]}
    own = [{"name": "cvd", "event": [131296]}, {"name": "mortality", "event": "death"}]
    rules = parse_outcomes({"follow_up": follow_up, "outcome": own}, source="own.toml")
    fields = Fields(make_fields().frame.drop("p131298_i0", "p20002_i0"))
    compared = derive_outcomes(fields, rules).comparison
    assert compared["outcome"].unique().to_list() == ["mortality"]


def test_the_order_of_diagnoses_does_not_matter() -> None:
    fields = make_fields(
        3,
        p131296_i0=[date(2015, 1, 1), date(1900, 1, 1), None],
        p131298_i0=[date(2014, 1, 1), None, date(2019, 1, 1)],
    )
    facts = {"follow_up": {"end": END}, "outcome": [{"name": "cvd", "event": [131296, 131298]}]}
    turned = {"follow_up": {"end": END}, "outcome": [{"name": "cvd", "event": [131298, 131296]}]}
    one, other = (parse_outcomes(each, source="own.toml") for each in (facts, turned))
    assert derive_outcomes(fields, one).frame.equals(derive_outcomes(fields, other).frame)
