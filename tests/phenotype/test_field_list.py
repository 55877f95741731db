"""The fields of a definition, in each form that the tools of UK Biobank take."""

from __future__ import annotations

import re
import shlex
from typing import get_args

import pytest

from proteomr.errors import ColumnError, UsageError
from proteomr.phenotype.field_list import RequestStyle, request_fields, write_request
from proteomr.phenotype.outcomes.deriving import load_outcomes

NEEDS = {
    6160: ["no_activity"],
    31: ["sex"],
    2020: ["often_lonely", "isolation"],
    22009: ["PC"],
    131296: ["cvd"],
    40000: ["follow_up", "mortality"],
}


def names(needs: dict[int, list[str]], *, instance: int = 0) -> list[str]:
    return write_request(request_fields(needs, instance=instance), style="rap").split("\n")


def test_the_platform_is_asked_by_one_name_per_line() -> None:
    components = [f"p22009_a{place}" for place in range(1, 21)]
    deaths = ["p40000_i0", "p40000_i1"]
    wanted = ["eid", "p31", "p2020_i0", "p6160_i0", *components, *deaths, "p131296", "p131297"]
    assert names(NEEDS) == wanted


def test_self_reports_are_asked_for_answer_by_answer() -> None:
    assert names({20002: ["cvd"]}) == ["eid", *(f"p20002_i0_a{place}" for place in range(34))]


def test_another_visit_changes_the_fields_that_are_asked_at_visits() -> None:
    assert names({31: ["sex"], 2020: ["x"], 40000: ["y"]}, instance=2) == [
        *("eid", "p31", "p2020_i2", "p40000_i0", "p40000_i1"),
    ]


def test_extract_dataset_is_asked_by_entity_and_name() -> None:
    asked = request_fields({31: ["sex"], 53: ["follow_up"]})
    line = write_request(asked, style="extract-dataset")
    assert line == "participant.eid,participant.p31,participant.p53_i0"


def test_the_table_exporter_is_called_with_every_name() -> None:
    command = write_request(request_fields(NEEDS), style="table-exporter")
    words = shlex.split(command)
    assert words[:3] == ["dx", "run", "table-exporter"]
    assert {"-ientity=participant", "-iheader_style=FIELD-NAME", "-icoding_option=RAW"} < set(words)
    given = [word.removeprefix("-ifield_names=") for word in words if "names=" in word]
    assert given == names(NEEDS)


def test_ukbconv_is_asked_by_numbers() -> None:
    text = write_request(request_fields(NEEDS), style="ukb-format")
    assert text.split("\n") == ["31", "2020", "6160", "22009", "40000", "131296", "131297"]


def test_titles_stand_beside_the_rules_that_need_them() -> None:
    lines = write_request(request_fields(NEEDS), style="titles").split("\n")
    assert re.match(r" field  title +needed by$", lines[0])
    assert re.search(r"^ +2020  Loneliness, isolation +often_lonely, isolation$", lines[2])
    assert re.search(r"^131297  Source of report of I20 .* source of 131296$", lines[-1])


def test_every_field_of_the_shipped_outcomes_can_be_asked_for() -> None:
    asked = request_fields(load_outcomes("shen2025-outcomes").needs)
    by_number = {field.field: field for field in asked}
    assert by_number[131306].needed_by == ("cvd",)
    assert by_number[191].names == ("p191",)
    assert by_number[53].names == ("p53_i0",)
    assert {131361, 131363, 131367, 131369} < set(by_number)


def test_the_order_of_the_needs_changes_nothing() -> None:
    turned = dict(reversed(NEEDS.items()))
    for style in get_args(RequestStyle):
        one, other = (request_fields(needs) for needs in (NEEDS, turned))
        assert write_request(one, style=style) == write_request(other, style=style)


def test_a_source_that_a_rule_reads_keeps_the_name_of_the_rule() -> None:
    asked = request_fields({131296: ["cvd"], 131297: ["how"]})
    assert [field.needed_by for field in asked] == [("cvd",), ("how",)]


def test_an_unknown_field_and_a_visit_below_0_are_refused() -> None:
    with pytest.raises(ColumnError, match="field 999999 is not in the dictionary"):
        request_fields({999999: ["own"]})
    with pytest.raises(UsageError, match="instance -1; the first visit is 0"):
        request_fields({31: ["sex"]}, instance=-1)
